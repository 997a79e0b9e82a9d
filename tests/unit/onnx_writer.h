/* Small ONNX models written in C, for tests: just enough protobuf.
 *
 *     pb g = {0};
 *     onnx_value(&g, ONNX_INPUT, "x", INGOT_F32, "N,3");
 *     onnx_value(&g, ONNX_OUTPUT, "y", INGOT_F32, "N,3");
 *     onnx_node(&g, "Relu", "x", "y", NULL);
 *     pb m = onnx_model(&g, 17);
 *     ... m.data, m.size ...
 *     ingot_text_free(&m);
 */
#ifndef INGOT_TESTS_ONNX_WRITER_H
#define INGOT_TESTS_ONNX_WRITER_H
#include "runtime/arena.h"
#include <stdlib.h>
#include <string.h>
#pragma GCC diagnostic ignored "-Wunused-function"

typedef ingot_text pb;
enum { ONNX_INPUT = 11, ONNX_OUTPUT = 12 };

static void pb_varint(pb *out, uint64_t value)
{
    do {
        uint8_t byte = (uint8_t)(value & 0x7f) | (value > 0x7f ? 0x80 : 0);
        ingot_text_append_bytes(out, &byte, 1);
        value >>= 7;
    } while (value);
}

static void pb_int(pb *out, uint32_t field, int64_t value)
{
    pb_varint(out, (uint64_t)field << 3);
    pb_varint(out, (uint64_t)value);
}

static void pb_bytes(pb *out, uint32_t field, const void *data, size_t size)
{
    pb_varint(out, (uint64_t)field << 3 | 2);
    pb_varint(out, size);
    if (size)
        ingot_text_append_bytes(out, data, size);
}

static void pb_text(pb *out, uint32_t field, const char *text)
{
    pb_bytes(out, field, text, strlen(text));
}

/* Takes `inner`. */
static void pb_message(pb *out, uint32_t field, pb *inner)
{
    pb_bytes(out, field, inner->data, inner->size);
    ingot_text_free(inner);
}

/* Calls for each comma-separated piece of `list`, as field `field` of `out`. */
static void pb_texts(pb *out, uint32_t field, const char *list)
{
    for (const char *at = list; list && *list;) {
        size_t size = strcspn(at, ",");
        pb_bytes(out, field, at, size);
        if (!at[size])
            break;
        at += size + 1;
    }
}

/* Attributes are collected in a buffer that the node takes. */
static void onnx_attr_int(pb *attrs, const char *name, int64_t value)
{
    pb a = {0};
    pb_text(&a, 1, name);
    pb_int(&a, 3, value);
    pb_int(&a, 20, 2);
    pb_message(attrs, 5, &a);
}

static void onnx_attr_ints(pb *attrs, const char *name, int n, const int64_t *values)
{
    pb a = {0};
    pb_text(&a, 1, name);
    for (int i = 0; i < n; i++)
        pb_int(&a, 8, values[i]);
    pb_int(&a, 20, 7);
    pb_message(attrs, 5, &a);
}

/* Takes `graph`. */
static void onnx_attr_graph(pb *attrs, const char *name, pb *graph)
{
    pb a = {0};
    pb_text(&a, 1, name);
    pb_message(&a, 6, graph);
    pb_int(&a, 20, 5);
    pb_message(attrs, 5, &a);
}

/* An attribute that is the one of the enclosing function. */
static void onnx_attr_ref(pb *attrs, const char *name, const char *ref, int type)
{
    pb a = {0};
    pb_text(&a, 1, name);
    pb_text(&a, 21, ref);
    pb_int(&a, 20, type);
    pb_message(attrs, 5, &a);
}

/* Names are comma-separated lists; takes `attrs` (null: none). `field`: 1 in graphs, 7 in functions. */
static void onnx_node_in(pb *out, uint32_t field, const char *domain, const char *op, const char *in, const char *names,
                         pb *attrs)
{
    pb n = {0};
    pb_texts(&n, 1, in);
    pb_texts(&n, 2, names);
    pb_text(&n, 3, names);
    pb_text(&n, 4, op);
    if (attrs) {
        ingot_text_append_bytes(&n, attrs->data, attrs->size);
        ingot_text_free(attrs);
    }
    pb_text(&n, 7, domain);
    pb_message(out, field, &n);
}

static void onnx_node(pb *graph, const char *op, const char *in, const char *out, pb *attrs)
{
    onnx_node_in(graph, 1, "", op, in, out, attrs);
}

/* dims: "N,3,224": numbers and names; null: no shape. */
static void onnx_value(pb *graph, uint32_t field, const char *name, int dtype, const char *dims)
{
    pb shape = {0}, tensor = {0}, type = {0}, value = {0};
    for (const char *at = dims; dims && *dims;) {
        size_t size = strcspn(at, ",");
        pb dim = {0};
        if (*at >= '0' && *at <= '9')
            pb_int(&dim, 1, strtoll(at, NULL, 10));
        else
            pb_bytes(&dim, 2, at, size);
        pb_message(&shape, 1, &dim);
        if (!at[size])
            break;
        at += size + 1;
    }
    pb_int(&tensor, 1, dtype);
    if (dims)
        pb_message(&tensor, 2, &shape);
    pb_message(&type, 1, &tensor);
    pb_text(&value, 1, name);
    pb_message(&value, 2, &type);
    pb_message(graph, field, &value);
}

/* An initializer; `dims` as above, numbers only. */
static void onnx_tensor(pb *graph, const char *name, int dtype, const char *dims, const void *raw, size_t size)
{
    pb t = {0};
    for (const char *at = dims; *dims;) {
        pb_int(&t, 1, strtoll(at, NULL, 10));
        at = strchr(at, ',');
        if (!at++)
            break;
    }
    pb_int(&t, 2, dtype);
    pb_text(&t, 8, name);
    pb_bytes(&t, 9, raw, size);
    pb_message(graph, 5, &t);
}

static void onnx_opset(pb *out, uint32_t field, const char *domain, int64_t version)
{
    pb o = {0};
    pb_text(&o, 1, domain);
    pb_int(&o, 2, version);
    pb_message(out, field, &o);
}

/* Takes `graph`. */
static pb onnx_model(pb *graph, int64_t opset)
{
    pb m = {0};
    pb_int(&m, 1, 8);
    pb_text(&m, 2, "tests");
    pb_message(&m, 7, graph);
    onnx_opset(&m, 8, "", opset);
    return m;
}
#endif
