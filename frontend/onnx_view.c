/* From ModelProto's bytes to a tree of structs. Field numbers are those of onnx.proto. */
#include "frontend/onnx_view.h"
#include "frontend/wire.h"
#include <string.h>

#define DEFAULT_MAX_NODES 1000000
#define DEFAULT_MAX_DEPTH 64

typedef struct reader {
    ingot_arena *arena;
    int64_t nodes_left;
    int32_t depth_left;
} reader;

static ingot_status bad(const char *what, const char *why)
{
    return ingot_fail(INGOT_BAD_MODEL, "not an ONNX model: in %s: %s", what, why);
}

static ingot_status read_text(reader *r, const ingot_wire_field *f, const char **out)
{
    if (f->type != INGOT_WIRE_BYTES)
        return bad("a name", "not text");
    if (f->size > 65536)
        return bad("a name", "longer than 64 KiB");
    *out = ingot_arena_strndup(r->arena, f->size ? (const char *)f->data : "", f->size);
    return *out ? NULL : ingot_status_no_memory();
}

/* How many fields of that number a message has; faults are left to the reader proper. */
static int32_t count_fields(ingot_span_view body, uint32_t number)
{
    ingot_wire w = ingot_wire_open(body.data, body.size);
    ingot_wire_field f;
    int32_t n = 0;
    while (ingot_wire_next(&w, &f))
        n += f.number == number && n < INT32_MAX;
    return n;
}

static ingot_span_view span_of(const ingot_wire_field *f)
{
    return f->type == INGOT_WIRE_BYTES ? (ingot_span_view){f->data, f->size} : (ingot_span_view){NULL, 0};
}

/* Room for all elements of the repeated scalar field `number` of `body`, packed or not; then the elements. */
static ingot_status read_words(reader *r, ingot_span_view body, uint32_t number, ingot_wire_type type, int32_t *out_n,
                               uint64_t **out)
{
    size_t count = 0;
    for (int fill = 0; fill < 2; fill++) {
        ingot_wire w = ingot_wire_open(body.data, body.size);
        ingot_wire_field f;
        uint64_t word;
        size_t at = 0;
        while (ingot_wire_next(&w, &f)) {
            if (f.number != number)
                continue;
            ingot_wire_list list = ingot_wire_list_open(&f, type);
            while (ingot_wire_list_next(&list, &word)) {
                if (fill)
                    (*out)[at] = word;
                at++;
            }
            if (list.packed.error)
                return bad("a list of numbers", list.packed.error);
        }
        if (!fill) {
            count = at;
            if (count > INT32_MAX)
                return ingot_fail(INGOT_LIMIT, "a list of %zu numbers is too long", count);
            INGOT_TRY(ingot_arena_array(r->arena, count ? count : 1, sizeof **out, (void **)out));
        }
    }
    *out_n = (int32_t)count;
    return NULL;
}

static double float_of_bits(uint64_t bits)
{
    uint32_t word = (uint32_t)bits;
    float value;
    memcpy(&value, &word, sizeof value);
    return value;
}

static ingot_status read_external_entry(reader *r, ingot_span_view body, ingot_onnx_tensor *out)
{
    const char *key = "", *value = "";
    ingot_wire w = ingot_wire_open(body.data, body.size);
    ingot_wire_field f;
    while (ingot_wire_next(&w, &f)) {
        if (f.number == 1)
            INGOT_TRY(read_text(r, &f, &key));
        else if (f.number == 2)
            INGOT_TRY(read_text(r, &f, &value));
    }
    if (!strcmp(key, "location"))
        out->location = value;
    else if (!strcmp(key, "offset"))
        out->offset = value;
    else if (!strcmp(key, "length"))
        out->length = value;
    return w.error ? bad("external data", w.error) : NULL;
}

static ingot_status read_tensor(reader *r, ingot_span_view body, ingot_onnx_tensor *out)
{
    memset(out, 0, sizeof *out);
    out->name = "";
    out->body = body;
    ingot_wire w = ingot_wire_open(body.data, body.size);
    ingot_wire_field f;
    while (ingot_wire_next(&w, &f)) {
        switch (f.number) {
        case 2:
            out->dtype = f.value > INT32_MAX ? -1 : (int32_t)f.value;
            break;
        case 8:
            INGOT_TRY(read_text(r, &f, &out->name));
            break;
        case 9:
            out->has_raw = true;
            out->raw = span_of(&f);
            break;
        case 13:
            INGOT_TRY(read_external_entry(r, span_of(&f), out));
            break;
        case 14:
            out->external = f.value == 1;
            break;
        default:
            break;
        }
    }
    if (w.error)
        return bad("a tensor", w.error);
    return read_words(r, body, 1, INGOT_WIRE_VARINT, &out->n_dims, (uint64_t **)&out->dims);
}

static ingot_status new_tensor(reader *r, ingot_span_view body, ingot_onnx_tensor **out)
{
    INGOT_TRY(ingot_arena_array(r->arena, 1, sizeof **out, (void **)out));
    return read_tensor(r, body, *out);
}

static ingot_status read_sparse(reader *r, ingot_span_view body, ingot_onnx_sparse *out)
{
    ingot_wire w = ingot_wire_open(body.data, body.size);
    ingot_wire_field f;
    while (ingot_wire_next(&w, &f)) {
        if (f.number == 1)
            INGOT_TRY(new_tensor(r, span_of(&f), &out->values));
        else if (f.number == 2)
            INGOT_TRY(new_tensor(r, span_of(&f), &out->indices));
    }
    if (w.error)
        return bad("a sparse tensor", w.error);
    return read_words(r, body, 3, INGOT_WIRE_VARINT, &out->n_dims, (uint64_t **)&out->dims);
}

static ingot_status read_graph(reader *r, ingot_span_view body, ingot_onnx_graph *out);
static ingot_status read_type(reader *r, ingot_span_view body, ingot_onnx_value *out);

static ingot_status read_strings(reader *r, ingot_span_view body, uint32_t number, int32_t *out_n, const char ***out)
{
    *out_n = count_fields(body, number);
    INGOT_TRY(ingot_arena_array(r->arena, (size_t)*out_n + 1, sizeof **out, (void **)out));
    ingot_wire w = ingot_wire_open(body.data, body.size);
    ingot_wire_field f;
    int32_t at = 0;
    while (ingot_wire_next(&w, &f))
        if (f.number == number)
            INGOT_TRY(read_text(r, &f, &(*out)[at++]));
    return NULL;
}

/* Attribute types were not written before IR version 2 (type 0): the field that is there decides. */
static int32_t guess_attr_type(const ingot_onnx_attr *a, bool has_f, bool has_i, bool has_s)
{
    if (a->g)
        return INGOT_ONNX_GRAPH;
    if (a->t)
        return INGOT_ONNX_TENSOR;
    if (has_f)
        return INGOT_ONNX_FLOAT;
    if (has_i)
        return INGOT_ONNX_INT;
    return has_s ? INGOT_ONNX_STRING : INGOT_ONNX_UNDEFINED;
}

static ingot_status read_attr_list(reader *r, ingot_span_view body, ingot_onnx_attr *out)
{
    uint64_t *words;
    switch (out->type) {
    case INGOT_ONNX_FLOATS:
        INGOT_TRY(read_words(r, body, 7, INGOT_WIRE_FIXED32, &out->n, &words));
        INGOT_TRY(ingot_arena_array(r->arena, (size_t)out->n + 1, sizeof *out->floats, (void **)&out->floats));
        for (int32_t i = 0; i < out->n; i++)
            out->floats[i] = float_of_bits(words[i]);
        return NULL;
    case INGOT_ONNX_INTS:
        return read_words(r, body, 8, INGOT_WIRE_VARINT, &out->n, (uint64_t **)&out->ints);
    case INGOT_ONNX_STRINGS: {
        out->n = count_fields(body, 9);
        INGOT_TRY(ingot_arena_array(r->arena, (size_t)out->n + 1, sizeof *out->strings, (void **)&out->strings));
        ingot_wire w = ingot_wire_open(body.data, body.size);
        ingot_wire_field f;
        int32_t at = 0;
        while (ingot_wire_next(&w, &f))
            if (f.number == 9)
                out->strings[at++] = (ingot_string){(const char *)f.data, (int64_t)f.size};
        return NULL;
    }
    default:
        return NULL;
    }
}

static ingot_status read_attr(reader *r, ingot_span_view body, ingot_onnx_attr *out)
{
    bool has_f = false, has_i = false, has_s = false;
    out->name = "";
    ingot_wire w = ingot_wire_open(body.data, body.size);
    ingot_wire_field f;
    while (ingot_wire_next(&w, &f)) {
        switch (f.number) {
        case 1:
            INGOT_TRY(read_text(r, &f, &out->name));
            break;
        case 2:
            out->f = float_of_bits(f.value);
            has_f = true;
            break;
        case 3:
            out->i = (int64_t)f.value;
            has_i = true;
            break;
        case 4:
            out->s = (ingot_string){(const char *)f.data, (int64_t)f.size};
            has_s = true;
            break;
        case 5:
            INGOT_TRY(new_tensor(r, span_of(&f), &out->t));
            break;
        case 6:
            INGOT_TRY(ingot_arena_array(r->arena, 1, sizeof *out->g, (void **)&out->g));
            INGOT_TRY(read_graph(r, span_of(&f), out->g));
            break;
        case 14:
            INGOT_TRY(ingot_arena_array(r->arena, 1, sizeof *out->tp, (void **)&out->tp));
            *out->tp = (ingot_onnx_value){.name = "", .rank = -1, .inner_rank = -1};
            INGOT_TRY(read_type(r, span_of(&f), out->tp));
            break;
        case 20:
            out->type = f.value > INT32_MAX ? -1 : (int32_t)f.value;
            break;
        case 21:
            INGOT_TRY(read_text(r, &f, &out->ref));
            break;
        case 22:
            INGOT_TRY(ingot_arena_array(r->arena, 1, sizeof *out->sparse, (void **)&out->sparse));
            INGOT_TRY(read_sparse(r, span_of(&f), out->sparse));
            break;
        default:
            break;
        }
    }
    if (w.error)
        return bad("an attribute", w.error);
    if (out->ref && !*out->ref)
        out->ref = NULL;
    if (out->type == INGOT_ONNX_UNDEFINED)
        out->type = guess_attr_type(out, has_f, has_i, has_s);
    return read_attr_list(r, body, out);
}

static const char *plain_domain(const char *domain)
{
    return strcmp(domain, "ai.onnx") ? domain : "";
}

static ingot_status read_attrs(reader *r, ingot_span_view body, uint32_t number, int32_t *out_n, ingot_onnx_attr **out)
{
    *out_n = count_fields(body, number);
    INGOT_TRY(ingot_arena_array(r->arena, (size_t)*out_n + 1, sizeof **out, (void **)out));
    ingot_wire w = ingot_wire_open(body.data, body.size);
    ingot_wire_field f;
    int32_t at = 0;
    while (ingot_wire_next(&w, &f))
        if (f.number == number)
            INGOT_TRY(read_attr(r, span_of(&f), &(*out)[at++]));
    return NULL;
}

static ingot_status read_node(reader *r, ingot_span_view body, ingot_onnx_node *out)
{
    if (r->nodes_left-- <= 0)
        return ingot_fail(INGOT_LIMIT, "the model has more nodes than allowed (--max-nodes)");
    out->name = out->op_type = out->domain = out->overload = "";
    ingot_wire w = ingot_wire_open(body.data, body.size);
    ingot_wire_field f;
    while (ingot_wire_next(&w, &f)) {
        const char **text = f.number == 3   ? &out->name
                            : f.number == 4 ? &out->op_type
                            : f.number == 7 ? &out->domain
                            : f.number == 8 ? &out->overload
                                            : NULL;
        if (text)
            INGOT_TRY(read_text(r, &f, text));
    }
    if (w.error)
        return bad("a node", w.error);
    out->domain = plain_domain(out->domain);
    INGOT_TRY(read_strings(r, body, 1, &out->n_in, &out->in));
    INGOT_TRY(read_strings(r, body, 2, &out->n_out, &out->out));
    return read_attrs(r, body, 5, &out->n_attrs, &out->attrs);
}

static ingot_status read_nodes(reader *r, ingot_span_view body, uint32_t number, int32_t *out_n, ingot_onnx_node **out)
{
    *out_n = count_fields(body, number);
    if (*out_n > r->nodes_left)
        return ingot_fail(INGOT_LIMIT, "the model has more nodes than allowed (--max-nodes)");
    INGOT_TRY(ingot_arena_array(r->arena, (size_t)*out_n + 1, sizeof **out, (void **)out));
    ingot_wire w = ingot_wire_open(body.data, body.size);
    ingot_wire_field f;
    int32_t at = 0;
    while (ingot_wire_next(&w, &f))
        if (f.number == number)
            INGOT_TRY(read_node(r, span_of(&f), &(*out)[at++]));
    return NULL;
}

static ingot_status read_dim(reader *r, ingot_span_view body, ingot_onnx_dim *out)
{
    *out = (ingot_onnx_dim){-1, NULL};
    ingot_wire w = ingot_wire_open(body.data, body.size);
    ingot_wire_field f;
    while (ingot_wire_next(&w, &f)) {
        if (f.number == 1 && f.type == INGOT_WIRE_VARINT)
            out->value = (int64_t)f.value < 0 ? -1 : (int64_t)f.value;
        else if (f.number == 2)
            INGOT_TRY(read_text(r, &f, &out->param));
    }
    if (out->param && !*out->param)
        out->param = NULL;
    return w.error ? bad("a shape", w.error) : NULL;
}

static ingot_status read_shape(reader *r, ingot_span_view body, ingot_onnx_value *out)
{
    out->rank = count_fields(body, 1);
    INGOT_TRY(ingot_arena_array(r->arena, (size_t)out->rank + 1, sizeof *out->dims, (void **)&out->dims));
    ingot_wire w = ingot_wire_open(body.data, body.size);
    ingot_wire_field f;
    int32_t at = 0;
    while (ingot_wire_next(&w, &f))
        if (f.number == 1)
            INGOT_TRY(read_dim(r, span_of(&f), &out->dims[at++]));
    return w.error ? bad("a shape", w.error) : NULL;
}

static ingot_status read_tensor_type(reader *r, ingot_span_view body, ingot_onnx_value *out)
{
    ingot_wire w = ingot_wire_open(body.data, body.size);
    ingot_wire_field f;
    while (ingot_wire_next(&w, &f)) {
        if (f.number == 1)
            out->dtype = f.value > INT32_MAX ? -1 : (int32_t)f.value;
        else if (f.number == 2)
            INGOT_TRY(read_shape(r, span_of(&f), out));
    }
    return w.error ? bad("a type", w.error) : NULL;
}

/* A sequence or an optional: its element type, in field 1. Forms nest two deep, what is deeper only gets a name. */
static ingot_status read_wrapped_type(reader *r, ingot_span_view body, bool sequence, ingot_onnx_value *out)
{
    ingot_onnx_value inner = {.name = "", .rank = -1, .inner_rank = -1};
    if (r->depth_left <= 0)
        return ingot_fail(INGOT_LIMIT, "types are nested deeper than allowed (--max-depth)");
    ingot_wire w = ingot_wire_open(body.data, body.size);
    ingot_wire_field f;
    r->depth_left--;
    while (ingot_wire_next(&w, &f))
        if (f.number == 1)
            INGOT_TRY(read_type(r, span_of(&f), &inner));
    r->depth_left++;
    out->dtype = inner.dtype;
    out->inner_rank = inner.form == INGOT_FORM_TENSOR ? inner.rank : inner.inner_rank;
    if (inner.kind || (sequence ? inner.form != INGOT_FORM_TENSOR : inner.form > INGOT_FORM_SEQUENCE))
        out->kind = sequence ? "sequence of something else than tensors" : "optional of something else than tensors";
    else
        out->form = sequence                            ? INGOT_FORM_SEQUENCE
                    : inner.form == INGOT_FORM_SEQUENCE ? INGOT_FORM_OPTIONAL_SEQUENCE
                                                        : INGOT_FORM_OPTIONAL;
    return w.error ? bad("a type", w.error) : NULL;
}

static ingot_status read_type(reader *r, ingot_span_view body, ingot_onnx_value *out)
{
    ingot_wire w = ingot_wire_open(body.data, body.size);
    ingot_wire_field f;
    while (ingot_wire_next(&w, &f)) {
        if (f.number == 1)
            INGOT_TRY(read_tensor_type(r, span_of(&f), out));
        else if (f.number == 4 || f.number == 9)
            INGOT_TRY(read_wrapped_type(r, span_of(&f), f.number == 4, out));
        else if (f.number == 5)
            out->kind = "map";
        else if (f.number == 8)
            out->kind = "sparse tensor";
    }
    return w.error ? bad("a type", w.error) : NULL;
}

static ingot_status read_values(reader *r, ingot_span_view body, uint32_t number, int32_t *out_n,
                                ingot_onnx_value **out)
{
    *out_n = count_fields(body, number);
    INGOT_TRY(ingot_arena_array(r->arena, (size_t)*out_n + 1, sizeof **out, (void **)out));
    ingot_wire w = ingot_wire_open(body.data, body.size);
    ingot_wire_field f;
    int32_t at = 0;
    while (ingot_wire_next(&w, &f)) {
        if (f.number != number)
            continue;
        ingot_onnx_value *v = &(*out)[at++];
        *v = (ingot_onnx_value){.name = "", .rank = -1, .inner_rank = -1};
        ingot_wire inner = ingot_wire_open(f.data, f.size);
        ingot_wire_field g;
        while (ingot_wire_next(&inner, &g)) {
            if (g.number == 1)
                INGOT_TRY(read_text(r, &g, &v->name));
            else if (g.number == 2)
                INGOT_TRY(read_type(r, span_of(&g), v));
        }
        if (inner.error)
            return bad("a graph's input or output", inner.error);
    }
    return NULL;
}

static ingot_status read_graph_body(reader *r, ingot_span_view body, ingot_onnx_graph *out)
{
    out->name = "";
    out->n_initializers = count_fields(body, 5);
    out->n_sparse = count_fields(body, 15);
    INGOT_TRY(ingot_arena_array(r->arena, (size_t)out->n_initializers + 1, sizeof *out->initializers,
                                (void **)&out->initializers));
    INGOT_TRY(ingot_arena_array(r->arena, (size_t)out->n_sparse + 1, sizeof *out->sparse, (void **)&out->sparse));
    ingot_wire w = ingot_wire_open(body.data, body.size);
    ingot_wire_field f;
    int32_t n_dense = 0, n_sparse = 0;
    while (ingot_wire_next(&w, &f)) {
        if (f.number == 2)
            INGOT_TRY(read_text(r, &f, &out->name));
        else if (f.number == 5)
            INGOT_TRY(read_tensor(r, span_of(&f), &out->initializers[n_dense++]));
        else if (f.number == 15)
            INGOT_TRY(read_sparse(r, span_of(&f), &out->sparse[n_sparse++]));
    }
    if (w.error)
        return bad("a graph", w.error);
    INGOT_TRY(read_values(r, body, 11, &out->n_in, &out->in));
    INGOT_TRY(read_values(r, body, 12, &out->n_out, &out->out));
    return read_nodes(r, body, 1, &out->n_nodes, &out->nodes);
}

static ingot_status read_graph(reader *r, ingot_span_view body, ingot_onnx_graph *out)
{
    if (r->depth_left <= 0)
        return ingot_fail(INGOT_LIMIT, "graphs are nested deeper than allowed (--max-depth)");
    r->depth_left--;
    ingot_status status = read_graph_body(r, body, out);
    r->depth_left++;
    return status;
}

static ingot_status read_opsets(reader *r, ingot_span_view body, uint32_t number, int32_t *out_n,
                                ingot_onnx_opset **out)
{
    *out_n = count_fields(body, number);
    INGOT_TRY(ingot_arena_array(r->arena, (size_t)*out_n + 1, sizeof **out, (void **)out));
    ingot_wire w = ingot_wire_open(body.data, body.size);
    ingot_wire_field f;
    int32_t at = 0;
    while (ingot_wire_next(&w, &f)) {
        if (f.number != number)
            continue;
        ingot_onnx_opset *opset = &(*out)[at++];
        opset->domain = "";
        ingot_wire inner = ingot_wire_open(f.data, f.size);
        ingot_wire_field g;
        while (ingot_wire_next(&inner, &g)) {
            if (g.number == 1)
                INGOT_TRY(read_text(r, &g, &opset->domain));
            else if (g.number == 2)
                opset->version = (int64_t)g.value;
        }
        if (inner.error)
            return bad("an opset", inner.error);
        opset->domain = plain_domain(opset->domain);
    }
    return NULL;
}

static ingot_status read_function(reader *r, ingot_span_view body, ingot_onnx_function *out)
{
    out->name = out->domain = out->overload = "";
    ingot_wire w = ingot_wire_open(body.data, body.size);
    ingot_wire_field f;
    while (ingot_wire_next(&w, &f)) {
        const char **text = f.number == 1    ? &out->name
                            : f.number == 10 ? &out->domain
                            : f.number == 13 ? &out->overload
                                             : NULL;
        if (text)
            INGOT_TRY(read_text(r, &f, text));
    }
    if (w.error)
        return bad("a function", w.error);
    out->domain = plain_domain(out->domain);
    INGOT_TRY(read_strings(r, body, 4, &out->n_in, &out->in));
    INGOT_TRY(read_strings(r, body, 5, &out->n_out, &out->out));
    INGOT_TRY(read_strings(r, body, 6, &out->n_required, &out->required));
    INGOT_TRY(read_attrs(r, body, 11, &out->n_defaults, &out->defaults));
    INGOT_TRY(read_opsets(r, body, 9, &out->n_opsets, &out->opsets));
    return read_nodes(r, body, 7, &out->n_nodes, &out->nodes);
}

/* A protobuf text or JSON model, a picture, a web page: say so instead of naming a wire type. */
static bool looks_like_text(const uint8_t *bytes, size_t size)
{
    size_t n = size < 256 ? size : 256;
    for (size_t i = 0; i < n; i++)
        if (bytes[i] < 9 || (bytes[i] > 13 && bytes[i] < 32) || bytes[i] == 127)
            return false;
    return true;
}

ingot_status ingot_onnx_read_model(const void *bytes, size_t size, const ingot_limits *limits, ingot_arena *arena,
                                   ingot_onnx_model *out)
{
    if (!size)
        return ingot_fail(INGOT_BAD_MODEL, "not an ONNX model: the file is empty");
    reader r = {arena, limits && limits->max_nodes > 0 ? limits->max_nodes : DEFAULT_MAX_NODES,
                limits && limits->max_depth > 0 ? limits->max_depth : DEFAULT_MAX_DEPTH};
    *out = (ingot_onnx_model){.producer = "", .producer_version = ""};
    ingot_span_view body = {bytes, size};
    out->n_functions = count_fields(body, 25);
    INGOT_TRY(ingot_arena_array(arena, (size_t)out->n_functions + 1, sizeof *out->functions, (void **)&out->functions));
    ingot_wire w = ingot_wire_open(bytes, size);
    ingot_wire_field f;
    ingot_span_view graph = {NULL, 0};
    bool has_graph = false;
    while (ingot_wire_next(&w, &f)) {
        if (f.number == 1 && f.type == INGOT_WIRE_VARINT) {
            out->ir_version = (int64_t)f.value;
        } else if (f.number == 7 && f.type == INGOT_WIRE_BYTES) {
            graph = span_of(&f);
            has_graph = true;
        }
    }
    if (looks_like_text(bytes, size))
        return ingot_fail(INGOT_BAD_MODEL, "not an ONNX model: it is text, not protobuf");
    if (w.error)
        return ingot_fail(INGOT_BAD_MODEL, "not an ONNX model: %s", w.error);
    if (!has_graph)
        return ingot_fail(INGOT_BAD_MODEL, "not an ONNX model: it has no graph");
    w = ingot_wire_open(bytes, size);
    int32_t n_functions = 0;
    while (ingot_wire_next(&w, &f)) {
        if (f.number == 2)
            INGOT_TRY(read_text(&r, &f, &out->producer));
        else if (f.number == 3)
            INGOT_TRY(read_text(&r, &f, &out->producer_version));
        else if (f.number == 25)
            INGOT_TRY(read_function(&r, span_of(&f), &out->functions[n_functions++]));
    }
    INGOT_TRY(read_opsets(&r, body, 8, &out->n_opsets, &out->opsets));
    INGOT_TRY(ingot_arena_array(arena, 1, sizeof *out->graph, (void **)&out->graph));
    return read_graph(&r, graph, out->graph);
}

ingot_status ingot_onnx_read_tensor(const void *bytes, size_t size, ingot_arena *arena, ingot_onnx_tensor *out)
{
    reader r = {arena, 0, 0};
    return read_tensor(&r, (ingot_span_view){bytes, size}, out);
}

/* Field 3 of SequenceProto and OptionalProto: a tensor; 4 sparse tensors, 5 sequences (of optionals too), 6 maps. */
static ingot_status read_boxed(reader *r, ingot_span_view body, ingot_form form, ingot_onnx_boxed *out)
{
    if (form == INGOT_FORM_TENSOR)
        return new_tensor(r, body, &out->tensor);
    bool sequence = form == INGOT_FORM_OPTIONAL_SEQUENCE;
    uint32_t number = sequence ? 5 : 3;
    int32_t n = count_fields(body, number);
    if (form != INGOT_FORM_SEQUENCE && n > 1)
        return bad("an optional", "more than one value");
    INGOT_TRY(ingot_arena_array(r->arena, (size_t)n + 1, sizeof *out->elements, (void **)&out->elements));
    ingot_wire w = ingot_wire_open(body.data, body.size);
    ingot_wire_field f;
    while (ingot_wire_next(&w, &f))
        if (f.number == number)
            INGOT_TRY(read_boxed(r, span_of(&f), sequence ? INGOT_FORM_SEQUENCE : INGOT_FORM_TENSOR,
                                 &out->elements[out->count++]));
    return w.error ? bad("a value", w.error) : NULL;
}

ingot_status ingot_onnx_read_boxed(const void *bytes, size_t size, ingot_form form, ingot_arena *arena,
                                   ingot_onnx_boxed *out)
{
    reader r = {arena, 0, 0};
    *out = (ingot_onnx_boxed){0};
    return read_boxed(&r, (ingot_span_view){bytes, size}, form, out);
}
