/* Ops as values: hash and equality for common subexpressions; pinning a symbol everywhere. */
#include "ir/internal.h"
#include <string.h>

static uint64_t mix(uint64_t h, const void *data, size_t size)
{
    const unsigned char *bytes = data; /* FNV-1a */
    for (size_t i = 0; i < size; i++)
        h = (h ^ bytes[i]) * UINT64_C(0x100000001b3);
    return h;
}

static uint64_t mix_int(uint64_t h, uint64_t value)
{
    return mix(h, &value, sizeof value);
}

/* A list's unused tail is not part of its value, so records are hashed and compared field by field. */
static size_t field_size(const ingot_field *field, const void *at)
{
    if (field->type != INGOT_FIELD_INTS)
        return 8;
    int64_t n = ((const ingot_ints *)at)->n;
    return 8 + 8 * (size_t)(n < 0 ? 0 : n > INGOT_MAX_INTS ? INGOT_MAX_INTS : n);
}

static uint64_t hash_attrs(uint64_t h, const ingot_op *op)
{
    const ingot_attrs_desc *desc = &ingot_attrs_table[ingot_op_info_get(op->kind)->attrs];
    for (int32_t i = 0; i < desc->n_fields; i++) {
        const void *at = (const char *)op->attrs + desc->fields[i].offset;
        h = mix(h, at, field_size(&desc->fields[i], at));
    }
    return h;
}

static bool same_attrs(const ingot_op *a, const ingot_op *b)
{
    const ingot_attrs_desc *desc = &ingot_attrs_table[ingot_op_info_get(a->kind)->attrs];
    for (int32_t i = 0; i < desc->n_fields; i++) {
        const void *x = (const char *)a->attrs + desc->fields[i].offset;
        const void *y = (const char *)b->attrs + desc->fields[i].offset;
        size_t size = field_size(&desc->fields[i], x);
        if (size != field_size(&desc->fields[i], y) || memcmp(x, y, size))
            return false;
    }
    return true;
}

#define HASHED_BYTES 4096 /* of a literal: equality looks at all of it */

static uint64_t hash_literal(uint64_t h, const ingot_literal *lit, const ingot_type *t)
{
    h = mix_int(h, (uint64_t)lit->kind);
    h = mix_int(h, (uint64_t)lit->size_bytes);
    if (lit->kind == INGOT_LITERAL_FILE)
        return mix_int(mix_int(h, (uint64_t)lit->file_handle), (uint64_t)lit->file_offset);
    if (t->dtype == INGOT_STRING)
        return h;
    int64_t size = lit->kind == INGOT_LITERAL_SPLAT ? ingot_dtype_bytes(t->dtype, 1) : lit->size_bytes;
    return mix(h, lit->data, (size_t)(size < HASHED_BYTES ? size : HASHED_BYTES));
}

static bool same_strings(const ingot_string *a, const ingot_string *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        if (a[i].size != b[i].size || (a[i].size && memcmp(a[i].data, b[i].data, (size_t)a[i].size)))
            return false;
    }
    return true;
}

static bool same_literal(const ingot_literal *a, const ingot_literal *b, const ingot_type *t)
{
    if (a->kind != b->kind || a->size_bytes != b->size_bytes)
        return false;
    if (a->kind == INGOT_LITERAL_FILE)
        return a->file_handle == b->file_handle && a->file_offset == b->file_offset;
    int64_t size = a->kind == INGOT_LITERAL_SPLAT ? ingot_dtype_bytes(t->dtype, 1) : a->size_bytes;
    if (t->dtype == INGOT_STRING)
        return same_strings(a->data, b->data, size / (int64_t)sizeof(ingot_string));
    return a->data == b->data || !size || !memcmp(a->data, b->data, (size_t)size);
}

uint64_t ingot_op_hash(const ingot_op *op)
{
    uint64_t h = mix_int(UINT64_C(0xcbf29ce484222325), (uint64_t)op->kind);
    h = mix_int(h, ((uint64_t)op->n_in << 32) ^ (uint64_t)op->n_out);
    h = hash_attrs(h, op);
    for (int32_t i = 0; i < op->n_in; i++)
        h = mix_int(h, op->in[i] ? op->in[i]->id + UINT64_C(1) : 0);
    for (int32_t i = 0; i < op->n_sym; i++)
        h = mix_int(h, op->sym[i]->id);
    h = mix(h, op->scales, (size_t)op->n_scales * sizeof(double));
    if (op->literal)
        h = hash_literal(h, op->literal, &op->out[0]->type);
    if (op->prog) {
        h = mix_int(h, (uint64_t)op->n_base);
        for (int32_t i = 0; i < op->prog->n_instrs; i++) {
            const ingot_instr *p = &op->prog->instrs[i];
            h = mix_int(h, (uint64_t)p->op << 32 ^ (uint64_t)(uint16_t)p->a << 16 ^ (uint64_t)(uint16_t)p->b);
        }
    }
    return h;
}

bool ingot_op_same(const ingot_op *a, const ingot_op *b)
{
    if (a->kind != b->kind || a->n_in != b->n_in || a->n_out != b->n_out || a->n_sym != b->n_sym ||
        a->n_scales != b->n_scales || a->n_base != b->n_base || a->n_carried != b->n_carried)
        return false;
    if (a->regions[0] || b->regions[0]) /* bodies are not compared */
        return a == b;
    for (int32_t i = 0; i < a->n_in; i++) {
        if (a->in[i] != b->in[i])
            return false;
    }
    for (int32_t i = 0; i < a->n_sym; i++) {
        if (a->sym[i] != b->sym[i])
            return false;
    }
    /* Result types may carry what operands do not say: dims' rank, quantize's type, relayout. Sizes of trait S are
     * their own symbols. */
    bool data_sized = ingot_op_info_get(a->kind)->data_sized;
    for (int32_t i = 0; i < a->n_out; i++) {
        const ingot_type *x = &a->out[i]->type, *y = &b->out[i]->type;
        if (data_sized ? x->dtype != y->dtype || x->rank != y->rank : !ingot_type_equal(x, y))
            return false;
    }
    if (a->n_scales && memcmp(a->scales, b->scales, (size_t)a->n_scales * sizeof(double)))
        return false;
    if (!a->prog != !b->prog || (a->prog && !ingot_prog_equal(a->prog, b->prog)))
        return false;
    if (!a->literal != !b->literal || (a->literal && !same_literal(a->literal, b->literal, &a->out[0]->type)))
        return false;
    return same_attrs(a, b);
}

/* ---- pinning ---- */

static void pin_type(ingot_module *m, ingot_type *t, int32_t symbol, const ingot_dim *by)
{
    for (int32_t i = 0; i < t->rank; i++)
        t->dims[i] = ingot_dim_substitute(m, t->dims[i], symbol, by);
}

/* Lists are not shared between ops or values, so they change in place. */
static void pin_value(ingot_module *m, ingot_value *v, int32_t symbol, const ingot_dim *by)
{
    const ingot_dim **content = (const ingot_dim **)v->content;
    pin_type(m, &v->type, symbol, by);
    for (int32_t i = 0; i < v->n_content; i++) {
        if (content[i])
            content[i] = ingot_dim_substitute(m, content[i], symbol, by);
    }
}

static ingot_status pin_checks(ingot_module *m, int32_t symbol, const ingot_dim *by)
{
    for (ingot_check **at = &m->checks; *at;) {
        ingot_check *c = *at;
        c->a = ingot_dim_substitute(m, c->a, symbol, by);
        c->b = ingot_dim_substitute(m, c->b, symbol, by);
        bool known = ingot_dim_is_const(c->a) && ingot_dim_is_const(c->b), holds = c->a == c->b;
        if (known && c->kind == INGOT_CHECK_EQUAL_OR_ONE)
            holds = holds || c->a->value == 1 || c->b->value == 1;
        else if (known && c->kind == INGOT_CHECK_DIVIDES)
            holds = c->a->value != 0 && c->b->value % c->a->value == 0;
        if (known && !holds && c->graph == m->graphs[0]) /* a region may never run */
            return ingot_fail(INGOT_BAD_USAGE, "%s: %lld and %lld", c->message, (long long)c->a->value,
                              (long long)c->b->value);
        if (holds)
            *at = c->next;
        else
            at = &c->next;
    }
    return NULL;
}

ingot_status ingot_module_pin_symbol(ingot_module *m, int32_t index, int64_t value)
{
    INGOT_TRY(ingot_symbol_restrict(m, index, value, value));
    const ingot_dim *by = ingot_dim_const(m, value);
    for (int32_t i = 0; i < m->n_graphs; i++) {
        ingot_graph *g = m->graphs[i];
        for (int32_t k = 0; k < g->n_params; k++)
            pin_value(m, g->params[k], index, by);
        for (ingot_op *op = g->first; op; op = op->next) {
            for (int32_t k = 0; k < op->n_out; k++)
                pin_value(m, op->out[k], index, by);
            for (int32_t k = 0; k < op->n_sym; k++)
                op->sym[k] = ingot_dim_substitute(m, op->sym[k], index, by);
        }
    }
    for (int32_t i = 0; i < m->dims->n_symbols; i++) {
        if (m->dims->symbols[i]->bound)
            m->dims->symbols[i]->bound = ingot_dim_substitute(m, m->dims->symbols[i]->bound, index, by);
    }
    INGOT_TRY(pin_checks(m, index, by));
    return ingot_dims_check(m);
}
