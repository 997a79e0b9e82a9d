/* The printer: modules as MLIR generic syntax in the dialect `ingot`. The reader is parse.c; both follow docs in
 * text.h. */
#include "ir/number.h"
#include "ir/text.h"
#include <math.h>
#include <string.h>

/* ---- leaves ---- */

void ingot_print_quoted(ingot_text *out, const char *text, size_t size)
{
    ingot_text_append_bytes(out, "\"", 1);
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\')
            ingot_text_append(out, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            ingot_text_append(out, "\\%02X", c);
        else
            ingot_text_append_bytes(out, &text[i], 1);
    }
    ingot_text_append_bytes(out, "\"", 1);
}

static void print_string(ingot_text *out, const char *text)
{
    ingot_print_quoted(out, text ? text : "", text ? strlen(text) : 0);
}

static void print_dim_string(const ingot_module *m, const ingot_dim *d, ingot_text *out)
{
    ingot_text text = {0};
    ingot_dim_print(m, d, &text);
    out->failed |= text.failed;
    print_string(out, text.data);
    ingot_text_free(&text);
}

/* An f64 attribute: MLIR writes what is not finite as bits. */
static void print_double(double value, ingot_text *out)
{
    if (isfinite(value)) {
        ingot_number_print(value, out);
        return;
    }
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    ingot_text_append(out, "0x%016llX : f64", (unsigned long long)bits);
}

const char *const ingot_mlir_types[INGOT_DTYPE_COUNT] = {
    [INGOT_UNDEFINED] = "!ingot.undefined",
    [INGOT_F32] = "f32",
    [INGOT_U8] = "ui8",
    [INGOT_I8] = "i8",
    [INGOT_U16] = "ui16",
    [INGOT_I16] = "i16",
    [INGOT_I32] = "i32",
    [INGOT_I64] = "i64",
    [INGOT_STRING] = "!ingot.string",
    [INGOT_BOOL] = "i1",
    [INGOT_F16] = "f16",
    [INGOT_F64] = "f64",
    [INGOT_U32] = "ui32",
    [INGOT_U64] = "ui64",
    [INGOT_C64] = "complex<f32>",
    [INGOT_C128] = "complex<f64>",
    [INGOT_BF16] = "bf16",
    [INGOT_F8E4M3FN] = "f8E4M3FN",
    [INGOT_F8E4M3FNUZ] = "f8E4M3FNUZ",
    [INGOT_F8E5M2] = "f8E5M2",
    [INGOT_F8E5M2FNUZ] = "f8E5M2FNUZ",
    [INGOT_U4] = "ui4",
    [INGOT_I4] = "i4",
    [INGOT_F4E2M1] = "f4E2M1FN",
    [INGOT_F8E8M0] = "f8E8M0FNU",
    [INGOT_U2] = "ui2",
    [INGOT_I2] = "i2",
};

void ingot_type_print(const ingot_module *m, const ingot_type *t, ingot_text *out)
{
    int32_t dynamic = 0;
    if (t->form != INGOT_FORM_TENSOR) { /* !ingot.optional<!ingot.sequence<tensor<*xf32>>> */
        ingot_type inner = *t;
        inner.form = t->form == INGOT_FORM_OPTIONAL_SEQUENCE ? INGOT_FORM_SEQUENCE : INGOT_FORM_TENSOR;
        ingot_text_append(out, t->form == INGOT_FORM_SEQUENCE ? "!ingot.sequence<" : "!ingot.optional<");
        ingot_type_print(m, &inner, out);
        ingot_text_append(out, ">");
        return;
    }
    ingot_text_append(out, t->rank < 0 ? "tensor<*x" : "tensor<");
    for (int32_t i = 0; i < t->rank; i++) {
        const ingot_dim *d = t->dims[i];
        bool fixed = d && ingot_dim_is_const(d) && d->value >= 0;
        dynamic += !fixed;
        if (fixed)
            ingot_text_append(out, "%lldx", (long long)d->value);
        else
            ingot_text_append(out, "?x");
    }
    ingot_text_append(out, "%s", ingot_mlir_types[(unsigned)t->dtype < INGOT_DTYPE_COUNT ? t->dtype : INGOT_UNDEFINED]);
    bool blocked = t->layout == INGOT_LAYOUT_C16;
    if (t->rank < 0 && t->inner_rank != INGOT_RANK_UNKNOWN)
        ingot_text_append(out, ", {rank = %d}", (int)t->inner_rank);
    if (t->rank >= 0 && (dynamic || blocked)) {
        ingot_text_append(out, blocked ? ", {" : ", ");
        if (dynamic) {
            ingot_text_append(out, blocked ? "dims = [" : "[");
            bool first = true;
            for (int32_t i = 0; i < t->rank; i++) {
                const ingot_dim *d = t->dims[i];
                if (d && ingot_dim_is_const(d) && d->value >= 0)
                    continue;
                ingot_text_append(out, first ? "" : ", ");
                first = false;
                if (d)
                    print_dim_string(m, d, out);
                else
                    print_string(out, "?");
            }
            ingot_text_append(out, blocked ? "], " : "]");
        }
        if (blocked)
            ingot_text_append(out, "layout = \"c16\"}");
    }
    ingot_text_append(out, ">");
}

/* ---- literals ---- */

static void print_float(const void *data, ingot_dtype dtype, int64_t i, ingot_text *out)
{
    double value = ingot_load_f64(data, dtype, i);
    int bits = ingot_dtype_bits(dtype);
    if (isfinite(value)) {
        ingot_number_print(value, out);
        return;
    }
    uint64_t code = 0; /* the element's own bits; never sub-byte, which is always finite */
    memcpy(&code, (const char *)data + i * (bits / 8), (size_t)bits / 8);
    ingot_text_append(out, "0x%0*llX", bits / 4, (unsigned long long)code);
}

static void print_element(const void *data, ingot_dtype dtype, int64_t i, ingot_text *out)
{
    if (dtype == INGOT_STRING) {
        const ingot_string *s = (const ingot_string *)data + i;
        ingot_print_quoted(out, s->data, (size_t)s->size);
    } else if (dtype == INGOT_C64 || dtype == INGOT_C128) {
        ingot_dtype part = dtype == INGOT_C64 ? INGOT_F32 : INGOT_F64;
        ingot_text_append(out, "(");
        print_float(data, part, 2 * i, out);
        ingot_text_append(out, ", ");
        print_float(data, part, 2 * i + 1, out);
        ingot_text_append(out, ")");
    } else if (dtype == INGOT_BOOL) {
        ingot_text_append(out, ingot_load_i64(data, dtype, i) ? "true" : "false");
    } else if (ingot_dtype_is_float(dtype)) {
        print_float(data, dtype, i, out);
    } else if (dtype == INGOT_U64) {
        ingot_text_append(out, "%llu", (unsigned long long)ingot_load_i64(data, dtype, i));
    } else {
        ingot_text_append(out, "%lld", (long long)ingot_load_i64(data, dtype, i));
    }
}

static void print_nested(const void *data, const ingot_type *t, int32_t axis, int64_t *at, ingot_text *out)
{
    if (axis == t->rank) {
        print_element(data, t->dtype, (*at)++, out);
        return;
    }
    ingot_text_append(out, "[");
    for (int64_t i = 0; i < t->dims[axis]->value; i++) {
        ingot_text_append(out, i ? ", " : "");
        print_nested(data, t, axis + 1, at, out);
    }
    ingot_text_append(out, "]");
}

static void print_literal(const ingot_module *m, const ingot_literal *lit, const ingot_type *t, ingot_text *out)
{
    if (lit->kind == INGOT_LITERAL_FILE) {
        ingot_text_append(out, "#ingot.file<");
        print_string(out, lit->file);
        ingot_text_append(out, ", %lld, %lld>", (long long)lit->file_offset, (long long)lit->size_bytes);
        return;
    }
    bool raw = lit->size_bytes > INGOT_INLINE_BYTES && ingot_dtype_bits(t->dtype) >= 8 && t->dtype != INGOT_STRING &&
               t->dtype != INGOT_BOOL;
    int64_t at = 0, count = ingot_type_count(t);
    ingot_text_append(out, "dense<");
    if (count == 0) {
        ;
    } else if (lit->kind == INGOT_LITERAL_SPLAT || t->rank == 0) {
        print_element(lit->data, t->dtype, 0, out);
    } else if (raw) {
        static const char digits[] = "0123456789ABCDEF";
        ingot_text_append(out, "\"0x");
        for (int64_t i = 0; i < lit->size_bytes; i++) {
            uint8_t byte = ((const uint8_t *)lit->data)[i];
            char pair[2] = {digits[byte >> 4], digits[byte & 15]};
            ingot_text_append_bytes(out, pair, 2);
        }
        ingot_text_append(out, "\"");
    } else {
        print_nested(lit->data, t, 0, &at, out);
    }
    ingot_text_append(out, "> : ");
    ingot_type_print(m, t, out);
}

/* ---- ops ---- */

/* Separator of a dictionary's entries: nothing first, then ", ". */
typedef struct {
    ingot_text *out;
    bool any;
} dictionary;

static void key(dictionary *d, const char *name)
{
    ingot_text_append(d->out, "%s%s = ", d->any ? ", " : " {", name);
    d->any = true;
}

static void print_fields(const ingot_op *op, dictionary *d)
{
    const ingot_attrs_desc *desc = &ingot_attrs_table[ingot_op_info_get(op->kind)->attrs];
    for (int32_t i = 0; i < desc->n_fields; i++) {
        const ingot_field *field = &desc->fields[i];
        const void *at = (const char *)op->attrs + field->offset;
        key(d, field->name);
        if (field->type == INGOT_FIELD_FLOAT) {
            print_double(*(const double *)at, d->out);
        } else if (field->type == INGOT_FIELD_INTS) {
            const ingot_ints *list = at;
            ingot_text_append(d->out, "[");
            for (int64_t k = 0; k < list->n && k < INGOT_MAX_INTS; k++)
                ingot_text_append(d->out, "%s%lld", k ? ", " : "", (long long)list->v[k]);
            ingot_text_append(d->out, "]");
        } else {
            int64_t value = *(const int64_t *)at, n = 0;
            while (field->type == INGOT_FIELD_ENUM && field->enum_names[n])
                n++;
            if (value >= 0 && value < n)
                print_string(d->out, field->enum_names[value]);
            else
                ingot_text_append(d->out, "%lld", (long long)value);
        }
    }
}

static void print_dims(const ingot_module *m, const ingot_dim *const *dims, int32_t n, ingot_text *out)
{
    ingot_text_append(out, "[");
    for (int32_t i = 0; i < n; i++) {
        ingot_text_append(out, i ? ", " : "");
        print_dim_string(m, dims[i], out);
    }
    ingot_text_append(out, "]");
}

static void print_names(ingot_value *const *values, int32_t n, const char *name, dictionary *d)
{
    bool any = false;
    for (int32_t i = 0; i < n; i++)
        any |= values[i]->name != NULL;
    if (!any)
        return;
    key(d, name);
    for (int32_t i = 0; i < n; i++) {
        ingot_text_append(d->out, i ? ", " : "[");
        print_string(d->out, values[i]->name);
    }
    ingot_text_append(d->out, "]");
}

static void print_attributes(const ingot_op *op, ingot_text *out)
{
    dictionary d = {out, false};
    const ingot_module *m = op->graph->module;
    print_fields(op, &d);
    if (op->literal) {
        key(&d, "value");
        print_literal(m, op->literal, &op->out[0]->type, out);
    }
    if (op->n_sym) {
        key(&d, "sym");
        print_dims(m, op->sym, op->n_sym, out);
    }
    if (op->n_scales) {
        key(&d, "scales");
        for (int32_t i = 0; i < op->n_scales; i++) {
            ingot_text_append(out, i ? ", " : "[");
            print_double(op->scales[i], out);
        }
        ingot_text_append(out, "]");
    }
    if (op->prog) {
        ingot_text text = {0};
        ingot_prog_print(op->prog, &text);
        out->failed |= text.failed;
        key(&d, "prog");
        print_string(out, text.data);
        ingot_text_free(&text);
    }
    if (op->n_base != op->n_in) {
        key(&d, "n_base");
        ingot_text_append(out, "%d", (int)op->n_base);
    }
    if (op->n_carried) {
        key(&d, "n_carried");
        ingot_text_append(out, "%d", (int)op->n_carried);
    }
    print_names(op->out, op->n_out, "names", &d);
    if (d.any)
        ingot_text_append(out, "}");
}

static void print_operands(ingot_value *const *values, int32_t n, ingot_text *out)
{
    ingot_text_append(out, "(");
    for (int32_t i = 0; i < n; i++) {
        ingot_text_append(out, i ? ", " : "");
        if (values[i])
            ingot_text_append(out, "%%%u", (unsigned)values[i]->id);
        else
            ingot_text_append(out, "%%none");
    }
    ingot_text_append(out, ")");
}

static void print_types(const ingot_module *m, ingot_value *const *values, int32_t n, ingot_text *out)
{
    ingot_text_append(out, "(");
    for (int32_t i = 0; i < n; i++) {
        ingot_text_append(out, i ? ", " : "");
        if (values[i])
            ingot_type_print(m, &values[i]->type, out);
        else
            ingot_text_append(out, "none");
    }
    ingot_text_append(out, ")");
}

static void indent(int depth, ingot_text *out)
{
    for (int i = 0; i < depth; i++)
        ingot_text_append(out, "  ");
}

static void print_body(const ingot_graph *g, int depth, ingot_text *out);

static void print_op(const ingot_op *op, int depth, ingot_text *out)
{
    const ingot_module *m = op->graph->module;
    indent(depth, out);
    for (int32_t i = 0; i < op->n_out; i++)
        ingot_text_append(out, "%s%%%u", i ? ", " : "", (unsigned)op->out[i]->id);
    ingot_text_append(out, "%s\"ingot.%s\"", op->n_out ? " = " : "", ingot_op_info_get(op->kind)->name);
    print_operands(op->in, op->n_in, out);
    if (op->regions[0] && depth < INGOT_PRINT_DEPTH) {
        for (int i = 0; i < 2 && op->regions[i]; i++) {
            ingot_text_append(out, i ? ", {\n" : " ({\n");
            print_body(op->regions[i], depth + 1, out);
            indent(depth, out);
            ingot_text_append(out, "}");
        }
        ingot_text_append(out, ")");
    }
    print_attributes(op, out);
    ingot_text_append(out, " : ");
    print_types(m, op->in, op->n_in, out);
    ingot_text_append(out, " -> ");
    if (op->n_out == 1)
        ingot_type_print(m, &op->out[0]->type, out);
    else
        print_types(m, op->out, op->n_out, out);
    if (op->loc) {
        ingot_text_append(out, " loc(");
        print_string(out, op->loc);
        ingot_text_append(out, ")");
    }
    ingot_text_append(out, "\n");
}

static bool leaves_out(const ingot_graph *g)
{
    for (const ingot_op *op = g->first; op; op = op->next) {
        for (int32_t i = 0; i < op->n_in; i++) {
            if (!op->in[i])
                return true;
        }
    }
    return false;
}

static void print_body(const ingot_graph *g, int depth, ingot_text *out)
{
    indent(depth - 1, out);
    ingot_text_append(out, "^bb0(");
    for (int32_t i = 0; i < g->n_params; i++) {
        ingot_text_append(out, "%s%%%u: ", i ? ", " : "", (unsigned)g->params[i]->id);
        ingot_type_print(g->module, &g->params[i]->type, out);
    }
    ingot_text_append(out, "):\n");
    if (leaves_out(g)) {
        indent(depth, out);
        ingot_text_append(out, "%%none = \"ingot.none\"() : () -> none\n");
    }
    for (const ingot_op *op = g->first; op; op = op->next)
        print_op(op, depth, out);
    indent(depth, out);
    ingot_text_append(out, "\"ingot.return\"");
    print_operands(g->results, g->n_results, out);
    dictionary d = {out, false};
    bool named = false;
    for (int32_t i = 0; i < g->n_results; i++)
        named |= g->result_names[i] != NULL;
    if (named || g->parent) {
        if (named) {
            key(&d, "names");
            for (int32_t i = 0; i < g->n_results; i++) {
                ingot_text_append(out, i ? ", " : "[");
                print_string(out, g->result_names[i]);
            }
            ingot_text_append(out, "]");
        }
        /* A region's own name and parameter names have no other place. */
        if (g->parent && g->name && *g->name) {
            key(&d, "sym_name");
            print_string(out, g->name);
        }
        if (g->parent)
            print_names(g->params, g->n_params, "param_names", &d);
        if (d.any)
            ingot_text_append(out, "}");
    }
    ingot_text_append(out, " : ");
    print_types(g->module, g->results, g->n_results, out);
    ingot_text_append(out, " -> ()\n");
}

/* ---- module ---- */

/* The number of the graph with `wanted` among all in the text, regions after the graph that holds them; -1: not there.
 */
static int32_t number_of(const ingot_graph *g, const ingot_graph *wanted, int32_t *next)
{
    int32_t number = (*next)++;
    if (g == wanted)
        return number;
    for (const ingot_op *op = g->first; op; op = op->next) {
        for (int32_t i = 0; i < 2 && op->regions[i]; i++) {
            int32_t found = number_of(op->regions[i], wanted, next);
            if (found >= 0)
                return found;
        }
    }
    return -1;
}

static void print_checks(const ingot_module *m, ingot_text *out)
{
    bool any = false;
    ingot_text_append(out, "[");
    for (const ingot_check *c = m->checks; c; c = c->next) {
        int32_t next = 0, number = number_of(m->graphs[0], c->graph, &next);
        if (number < 0) /* of a region that is gone */
            continue;
        ingot_text_append(out, "%s[", any ? ", " : "");
        any = true;
        print_string(out, ingot_check_names[c->kind]);
        ingot_text_append(out, ", ");
        print_dim_string(m, c->a, out);
        ingot_text_append(out, ", ");
        print_dim_string(m, c->b, out);
        ingot_text_append(out, ", ");
        print_string(out, c->message);
        if (number)
            ingot_text_append(out, ", %d", (int)number);
        ingot_text_append(out, "]");
    }
    ingot_text_append(out, "]");
}

const char *const ingot_check_names[3] = {"equal", "equal_or_one", "divides"};

void ingot_module_print(const ingot_module *m, ingot_text *out)
{
    dictionary d = {out, false};
    ingot_text_append(out, "module attributes");
    if (m->file) {
        key(&d, "ingot.file");
        print_string(out, m->file);
    }
    key(&d, "ingot.symbols");
    ingot_text_append(out, "[");
    for (int32_t i = 0; i < m->dims->n_symbols; i++) {
        const ingot_symbol_info *s = m->dims->symbols[i];
        ingot_text text = {0};
        ingot_text_append(&text, "%s:%lld:%lld%s", s->name, (long long)s->lo, (long long)s->hi,
                          s->from_data ? ":data" : "");
        ingot_text_append(out, i ? ", " : "");
        print_string(out, text.data);
        out->failed |= text.failed;
        ingot_text_free(&text);
    }
    ingot_text_append(out, "]");
    if (m->checks) {
        key(&d, "ingot.checks");
        print_checks(m, out);
    }
    ingot_text_append(out, "} {\n");
    for (int32_t i = 0; i < m->n_graphs; i++) {
        const ingot_graph *g = m->graphs[i];
        if (g->parent)
            continue;
        ingot_text_append(out, "  \"ingot.graph\"() ({\n");
        print_body(g, 2, out);
        ingot_text_append(out, "  })");
        dictionary names = {out, false};
        key(&names, "sym_name");
        print_string(out, g->name);
        print_names(g->params, g->n_params, "param_names", &names);
        ingot_text_append(out, "} : () -> ()\n");
    }
    ingot_text_append(out, "}\n");
}
