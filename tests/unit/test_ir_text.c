/* The text form: printing and reading are exact inverses, for every op; the reader refuses with a place. */
#include "ir/ir.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void ok(ingot_status status)
{
    cr_assert_null(status, "%s [%s]", ingot_status_message(status), ingot_status_origin(status));
}

/* print(parse(print(m))) == print(m). */
static void round_trip(const ingot_module *m)
{
    ingot_text first = {0}, second = {0};
    ingot_module *again;
    ingot_module_print(m, &first);
    cr_assert_not(first.failed);
    ingot_status status = ingot_module_parse(first.data, first.size, "first", NULL, &again);
    cr_assert_null(status, "%s\n%s", ingot_status_message(status), first.data);
    ingot_module_print(again, &second);
    cr_assert_str_eq(second.data, first.data);
    ingot_module_destroy(again);
    ingot_text_free(&first);
    ingot_text_free(&second);
}

static void fill_attributes(ingot_op *op)
{
    const ingot_attrs_desc *desc = &ingot_attrs_table[ingot_op_info_get(op->kind)->attrs];
    for (int i = 0; i < desc->n_fields; i++) {
        const ingot_field *field = &desc->fields[i];
        void *at = (char *)op->attrs + field->offset;
        if (field->type == INGOT_FIELD_FLOAT)
            *(double *)at = i % 3 ? 0.1 + i : i ? -INFINITY : 1e-5;
        else if (field->type == INGOT_FIELD_INTS)
            *(ingot_ints *)at = (ingot_ints){3, {i, -2, INT64_MAX}};
        else
            *(int64_t *)at = field->type == INGOT_FIELD_ENUM ? 1 : -1 - i;
    }
}

static ingot_graph *add_region(ingot_module *m, ingot_op *op, int n_params, int n_results, const ingot_type *t)
{
    ingot_graph *g = ingot_module_add_graph(m, "body");
    g->parent = op;
    for (int i = 0; i < n_params; i++)
        ingot_graph_add_input(g, i ? "captured" : NULL, t);
    for (int i = 0; i < n_results; i++)
        ok(ingot_graph_add_output(g, NULL, g->params[0]));
    return g;
}

Test(ir_text, round_trips_every_op_with_its_attributes)
{
    for (int kind = 0; kind < INGOT_OP_COUNT; kind++) {
        const ingot_op_info *info = ingot_op_info_get(kind);
        const double scales[4] = {1, 1.0 / 3, 2, INFINITY};
        const float element[1] = {0.1f};
        ingot_module *m;
        ingot_op *op;
        ok(ingot_module_create(NULL, &m));
        m->file = "a \"quoted\" model.onnx";
        ingot_graph *g = ingot_module_add_graph(m, "main");
        const ingot_dim *seq = ingot_symbol(m, "seq", 1, 512), *odd = ingot_symbol(m, "odd name:1", 0, 7);
        const ingot_dim *size = ingot_dim_floordiv(
            m, ingot_dim_add(m, ingot_dim_mul(m, seq, odd), ingot_dim_const(m, 3)), ingot_dim_const(m, 2));
        ingot_type t = ingot_type_make(
            INGOT_F32, 4, (const ingot_dim *[]){seq, ingot_dim_const(m, 3), size, ingot_dim_max(m, odd, seq)});
        ingot_value *in[16] = {0};
        int n_in = info->in_hi == info->in_lo ? info->in_lo : info->in_lo + 2;
        if (info->in_hi >= 0 && n_in > info->in_hi)
            n_in = info->in_hi;
        for (int i = 0; i < n_in; i++)
            in[i] = ingot_graph_add_input(g, i % 2 ? "x" : NULL, &t);
        if (n_in > info->in_lo && info->in_lo > 0)
            in[info->in_lo] = NULL; /* one left out */
        int n_out = info->out_hi < 0 ? 2 : info->out_hi;
        ok(ingot_graph_add_op(g, NULL, kind, n_in, in, n_out, &op));
        fill_attributes(op);
        op->loc = "Node_0 (Kind)";
        for (int i = 0; i < n_out; i++)
            op->out[i]->type = t;
        if (n_out)
            op->out[0]->name = "result";
        if (kind != INGOT_OP_constant)
            ok(ingot_op_set_sym(op, 2, (const ingot_dim *[]){size, ingot_dim_const(m, -4)}));
        if (kind == INGOT_OP_resize) {
            op->scales = scales;
            op->n_scales = 4;
        }
        ingot_prog prog;
        ingot_literal literal = {.kind = INGOT_LITERAL_SPLAT, .data = element, .size_bytes = 24};
        if (kind == INGOT_OP_map || kind == INGOT_OP_matmul) {
            const char *text =
                "(f32,f32) r2=const(-0.0):f32 r3=fma(r0,r1,r2):f32 r4=const(nan):f64 r5=const(-7):i8 -> r3, r2";
            ok(ingot_prog_parse(text, strlen(text), &prog));
            op->prog = &prog;
            op->n_base = 1;
        }
        if (kind == INGOT_OP_constant) {
            op->literal = &literal;
            op->out[0]->type = ingot_type_static(m, INGOT_F32, 2, (int64_t[]){2, 3});
        }
        if (kind == INGOT_OP_if) {
            op->regions[0] = add_region(m, op, n_in - 1, n_out, &t);
            op->regions[1] = add_region(m, op, n_in - 1, n_out, &t);
        } else if (kind == INGOT_OP_loop) {
            op->regions[0] = add_region(m, op, n_in, n_out + 1, &t);
            op->n_carried = 2;
        }
        if (n_out)
            ok(ingot_graph_add_output(g, "y", op->out[0]));
        ok(ingot_module_require(m, INGOT_CHECK_EQUAL, seq, odd, op));
        ok(ingot_module_require(m, INGOT_CHECK_DIVIDES, odd, size, op));
        ingot_status status = ingot_module_verify(m);
        cr_assert_null(status, "%s: %s", info->name, ingot_status_message(status));
        round_trip(m);
        ingot_module_destroy(m);
    }
}

Test(ir_text, round_trips_constants_of_every_type)
{
    for (int dtype = 1; dtype < INGOT_DTYPE_COUNT; dtype++) {
        for (int large = 0; large < 2; large++) {
            ingot_module *m;
            ingot_value *v;
            ok(ingot_module_create(NULL, &m));
            ingot_graph *g = ingot_module_add_graph(m, "main");
            ingot_type t = ingot_type_static(m, dtype, 2, (int64_t[]){large ? 67 : 3, 5});
            int64_t count = ingot_type_count(&t), bytes = ingot_dtype_bytes(dtype, count);
            uint8_t *data = calloc(1, (size_t)bytes);
            if (dtype == INGOT_STRING) {
                for (int i = 0; i < count; i++)
                    ((ingot_string *)data)[i] = (ingot_string){"a>\"\\\n\0b", i % 8};
            } else if (dtype == INGOT_BOOL) {
                for (int i = 0; i < count; i++)
                    data[i] = i % 3 == 0;
            } else if (ingot_dtype_bits(dtype) < 8) {
                for (int i = 0; i < count; i++)
                    ingot_store_i64(data, dtype, i, i);
            } else {
                for (int64_t i = 0; i < bytes; i++)
                    data[i] = (uint8_t)(i * 37 + (i % 7 == 0 ? 255 : 0));
            }
            ok(ingot_graph_add_constant(g, NULL, &t, data, true, &v));
            ok(ingot_graph_add_output(g, "y", v));
            round_trip(m);
            ingot_text text = {0};
            ingot_module *again;
            ingot_module_print(m, &text);
            ok(ingot_module_parse(text.data, text.size, "t", NULL, &again));
            const ingot_literal *lit = ingot_value_literal(again->graphs[0]->results[0]);
            cr_assert_eq(lit->size_bytes, bytes);
            if (dtype == INGOT_STRING) {
                const ingot_string *strings = lit->data;
                cr_assert(strings[7].size == 7 && !memcmp(strings[7].data, "a>\"\\\n\0b", 7));
            } else if (ingot_dtype_bits(dtype) >= 8) {
                cr_assert(!memcmp(lit->data, data, (size_t)bytes), "%s", ingot_dtype_name(dtype));
            }
            ingot_text_free(&text);
            ingot_module_destroy(again);
            ingot_module_destroy(m);
            free(data);
        }
    }
}

static void refuses(const char *text, const char *part)
{
    ingot_module *m;
    ingot_status status = ingot_module_parse(text, strlen(text), "bad.mlir", NULL, &m);
    cr_assert_not_null(status, "accepted: %s", text);
    cr_assert_eq(ingot_status_code(status), INGOT_BAD_MODEL);
    cr_assert(strstr(ingot_status_message(status), part), "'%s' does not say '%s'", ingot_status_message(status), part);
    ingot_status_free(status);
}

#define HEAD "module {\n\"ingot.graph\"() ({\n^bb0(%0: tensor<4xf32>):\n"
#define TAIL "\"ingot.return\"(%0) : (tensor<4xf32>) -> ()\n}) {sym_name = \"main\"} : () -> ()\n}\n"

Test(ir_text, refuses_with_line_and_column)
{
    refuses("", "bad.mlir:1:1: expected 'module'");
    refuses("module {", "1:9");
    refuses(HEAD "%1 = \"ingot.frob\"(%0) : (tensor<4xf32>) -> tensor<4xf32>\n" TAIL, "4:5: unknown op");
    refuses(HEAD "%1 = \"ingot.relu\"(%7) : (tensor<4xf32>) -> tensor<4xf32>\n" TAIL, "%7 is not defined here");
    refuses(HEAD "%1 = \"ingot.relu\"(%0) {axis = 1} : (tensor<4xf32>) -> tensor<4xf32>\n" TAIL,
            "has no attribute 'axis'");
    refuses(HEAD "%1 = \"ingot.relu\"(%0) : (tensor<5xf32>) -> tensor<4xf32>\n" TAIL, "another type");
    refuses(HEAD "%0 = \"ingot.relu\"(%0) : (tensor<4xf32>) -> tensor<4xf32>\n" TAIL, "defined twice");
    refuses(HEAD "%1 = \"ingot.relu\"(%0) : (tensor<4xf32>) -> tensor<?xf32>\n" TAIL, "sizes of '?'");
    refuses(HEAD "%1 = \"ingot.relu\"(%0, %0) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>\n" TAIL,
            "operands (2)");
    refuses(HEAD "%999999999 = \"ingot.relu\"(%0) : (tensor<4xf32>) -> tensor<4xf32>\n" TAIL, "number below");
    refuses(HEAD "%1 = \"ingot.constant\"() {value = dense<[1, 2]> : tensor<9000000000xi8>} : () -> "
                 "tensor<9000000000xi8>\n" TAIL,
            "fewer elements");
    refuses(HEAD "%1 = \"ingot.constant\"() {value = dense<300> : tensor<2xi8>} : () -> tensor<2xi8>\n" TAIL,
            "beyond i8");
    refuses("module attributes {ingot.symbols = [\"a:5:1\"]} {", "low <= high");
    refuses("module attributes {ingot.symbols = [\"a:1:5\", \"a:1:5\"]} {", "twice");
}

/* The branches are graphs 1 and 2 of the text. */
Test(ir_text, checks_of_regions_stay_theirs)
{
    const char *text =
        "module attributes {ingot.symbols = [\"n:1:9\"], ingot.checks = [[\"equal\", \"n\", \"4\", \"why\", 2], "
        "[\"equal\", \"n\", \"5\", \"why\"]]} {\n"
        "  \"ingot.graph\"() ({\n  ^bb0(%0: tensor<i1>, %1: tensor<?xf32, [\"n\"]>):\n"
        "    %2 = \"ingot.if\"(%0, %1) ({\n    ^bb0(%3: tensor<?xf32, [\"n\"]>):\n"
        "      \"ingot.return\"(%3) : (tensor<?xf32, [\"n\"]>) -> ()\n    }, {\n"
        "    ^bb0(%4: tensor<?xf32, [\"n\"]>):\n"
        "      \"ingot.return\"(%4) : (tensor<?xf32, [\"n\"]>) -> ()\n    }) {} : (tensor<i1>, "
        "tensor<?xf32, [\"n\"]>) -> tensor<?xf32, [\"n\"]>\n"
        "    \"ingot.return\"(%2) {names = [\"y\"]} : (tensor<?xf32, [\"n\"]>) -> ()\n"
        "  }) {sym_name = \"main\", param_names = [\"c\", \"x\"]} : () -> ()\n}\n";
    ingot_module *m;
    ok(ingot_module_parse(text, strlen(text), "t", NULL, &m));
    cr_assert_eq(m->checks->graph, m->graphs[0]->first->regions[1]);
    cr_assert_eq(m->checks->next->graph, m->graphs[0]);
    round_trip(m);
    ingot_module_destroy(m);
    char bad[2048];
    (void)snprintf(bad, sizeof bad, "%s", text);
    *strstr(bad, "2]") = '3';
    refuses(bad, "a check of graph 3, there are 3");
}

Test(ir_text, stops_at_the_depth_limit)
{
    ingot_text text = {0};
    ingot_text_append_bytes(&text, HEAD, strlen(HEAD));
    for (int i = 0; i < 5000; i++)
        ingot_text_append(&text, "\"ingot.if\"() ({\n");
    refuses(text.data, "nested deeper");
    ingot_text_free(&text);
}

Test(ir_text, survives_every_truncation_and_changed_byte)
{
    const char *text =
        "module attributes {ingot.symbols = [\"n:1:9\"], ingot.checks = [[\"equal\", \"n\", \"n * 2\", \"why\"]]} {\n"
        "  \"ingot.graph\"() ({\n  ^bb0(%0: tensor<?x4xf32, [\"n + 1\"]>):\n"
        "    %none = \"ingot.none\"() : () -> none\n"
        "    %1 = \"ingot.constant\"() {value = dense<[[1.5], [0x7FC00000]]> : tensor<2x1xf32>} : () -> "
        "tensor<2x1xf32>\n"
        "    %2 = \"ingot.pad\"(%0, %none) {mode = \"edge\", sym = [\"0\", \"1\", \"0\", \"n\"]} : (tensor<?x4xf32, "
        "[\"n + 1\"]>, none) -> tensor<?x?xf32, [\"n + 1\", \"n + 5\"]>\n"
        "    \"ingot.return\"(%2) {names = [\"y\"]} : (tensor<?x?xf32, [\"n + 1\", \"n + 5\"]>) -> ()\n"
        "  }) {sym_name = \"main\", param_names = [\"x\"]} : () -> ()\n}\n";
    size_t size = strlen(text);
    ingot_module *m;
    ok(ingot_module_parse(text, size, "t", NULL, &m));
    round_trip(m);
    ingot_module_destroy(m);
    for (size_t i = 0; i + 2 < size; i++) {
        char *copy = malloc(size); /* exactly sized, for the address sanitizer */
        memcpy(copy, text, size);
        ingot_status status = ingot_module_parse(copy, i, "t", NULL, &m);
        cr_assert_not_null(status);
        ingot_status_free(status);
        for (int change = 0; change < 3; change++) {
            copy[i] = "\"]\x00"[change];
            status = ingot_module_parse(copy, size, "t", NULL, &m);
            if (!status)
                ingot_module_destroy(m);
            ingot_status_free(status);
        }
        free(copy);
    }
}
