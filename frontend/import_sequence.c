/* Sequences and optionals. SequenceMap is a loop: see import_control.c.
 *
 * Exporters write chunk() and the like as a sequence that is taken apart at once, at positions known while compiling.
 * What is known of a sequence's elements is used then: no boxed value remains. */
#include "frontend/import.h"
#include <string.h>

#define MAX_KNOWN 256 /* elements of a sequence that is followed */

/* ---- sequences whose elements are known values of this graph ---- */

typedef struct elements {
    ingot_value *v[MAX_KNOWN];
    int32_t n;
} elements;

/* A position among `count` entries when it is constant and inside; `absent`: when it is left out. */
static bool known_position(ingot_node *n, const ingot_value *v, int32_t absent, int32_t count, int32_t *out)
{
    ingot_ints list;
    *out = absent;
    if (!v)
        return absent >= 0;
    if (!ingot_known_ints(n, v, &list) || list.n != 1 || list.v[0] < -count || list.v[0] > count)
        return false;
    *out = (int32_t)(list.v[0] < 0 ? list.v[0] + count : list.v[0]);
    return true;
}

static bool known_elements(ingot_node *n, const ingot_value *seq, elements *out)
{
    const ingot_op *chain[MAX_KNOWN];
    int32_t depth = 0, at;
    const ingot_op *op = seq->def;
    for (; op && (op->kind == INGOT_OP_seq_insert || op->kind == INGOT_OP_seq_erase); op = op->in[0]->def) {
        if (depth == MAX_KNOWN)
            return false;
        chain[depth++] = op;
    }
    if (!op || (op->kind != INGOT_OP_seq_construct && op->kind != INGOT_OP_seq_empty) || op->n_in > MAX_KNOWN)
        return false;
    out->n = op->n_in;
    for (int32_t i = 0; i < op->n_in; i++)
        out->v[i] = op->in[i];
    while (depth--) {
        op = chain[depth];
        bool inserts = op->kind == INGOT_OP_seq_insert;
        const ingot_value *where = op->n_in > (inserts ? 2 : 1) ? op->in[inserts ? 2 : 1] : NULL;
        if (!known_position(n, where, inserts ? out->n : out->n - 1, out->n, &at) || (inserts && out->n == MAX_KNOWN) ||
            (!inserts && at >= out->n))
            return false;
        if (inserts) {
            memmove(out->v + at + 1, out->v + at, (size_t)(out->n - at) * sizeof *out->v);
            out->v[at] = op->in[1];
        } else {
            memmove(out->v + at, out->v + at + 1, (size_t)(out->n - at - 1) * sizeof *out->v);
        }
        out->n += inserts ? 1 : -1;
    }
    return !n->error;
}

void ingot_import_sequence_empty(ingot_node *n)
{
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_seq_empty, 0, NULL, 1);
    ((ingot_attrs_cast *)op->attrs)->to = ingot_attr_int(n, "dtype", INGOT_F32);
    n->out[0] = ingot_emit_end(n, op);
}

void ingot_import_sequence_construct(ingot_node *n)
{
    for (int32_t i = 0; i < n->n_in; i++)
        if (!n->in[i])
            ingot_node_bad(n, "input %d must be given", i);
    n->out[0] = ingot_emit_end(n, ingot_emit_begin(n, INGOT_OP_seq_construct, n->n_in, n->in, 1));
}

/* arg: the op, whose operands are the node's. */
void ingot_import_sequence_op(ingot_node *n)
{
    elements known;
    int32_t at;
    if (n->arg == INGOT_OP_seq_length && known_elements(n, n->in[0], &known)) {
        n->out[0] = ingot_splat(n, INGOT_I64, known.n);
        return;
    }
    if (n->arg == INGOT_OP_seq_at && known_elements(n, n->in[0], &known) &&
        known_position(n, n->in[1], -1, known.n, &at) && at < known.n) {
        n->out[0] = known.v[at];
        return;
    }
    n->out[0] = ingot_emit_end(n, ingot_emit_begin(n, (ingot_op_kind)n->arg, n->n_in, n->in, 1));
}

/* Lengths of the parts of `size` elements, when they are known; their number, or -1. */
static int32_t known_lengths(ingot_node *n, const ingot_value *split, int64_t size, int64_t *out)
{
    ingot_ints list;
    int64_t step = 1, sum = 0;
    if (split && !ingot_known_ints(n, split, &list))
        return -1;
    if (split && split->type.rank == 1) {
        for (int64_t i = 0; i < list.n; i++) {
            if (list.v[i] < 0 || ingot_add_overflows(sum, list.v[i], &sum))
                return -1;
            out[i] = list.v[i];
        }
        return sum == size ? (int32_t)list.n : -1;
    }
    if (split)
        step = list.v[0];
    if (step < 1 || size / step >= MAX_KNOWN)
        return -1;
    int32_t count = 0;
    for (int64_t at = 0; at < size; at += step)
        out[count++] = size - at < step ? size - at : step;
    return count;
}

/* A plain tensor at known places: slices, and a sequence of them. */
static bool split_plain(ingot_node *n, const ingot_value *split)
{
    ingot_value *x = n->in[0], *parts[MAX_KNOWN];
    int64_t lengths[MAX_KNOWN], at = 0;
    bool keeps = split || ingot_attr_int(n, "keepdims", 1) != 0;
    if (ingot_type_is_boxed(&x->type) || x->type.rank < 1)
        return false;
    int32_t axis = ingot_node_axis(n, ingot_attr_int(n, "axis", 0), x->type.rank);
    const ingot_dim *size = ingot_dim_of(x, axis);
    int32_t count = n->error || !ingot_dim_is_const(size) ? -1 : known_lengths(n, split, size->value, lengths);
    if (count < 1)
        return false;
    for (int32_t i = 0; i < count; i++) {
        parts[i] = ingot_slice(n, x, axis, ingot_const_dim(n, at), ingot_const_dim(n, lengths[i]));
        parts[i] = keeps ? parts[i] : ingot_squeeze(n, parts[i], axis);
        at += lengths[i];
    }
    n->out[0] = ingot_emit_end(n, ingot_emit_begin(n, INGOT_OP_seq_construct, count, parts, 1));
    return true;
}

void ingot_import_split_to_sequence(ingot_node *n)
{
    bool split = n->n_in > 1 && n->in[1];
    if (split_plain(n, split ? n->in[1] : NULL) || n->error)
        return;
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_seq_split, split ? 2 : 1, n->in, 1);
    ingot_attrs_seq_split *a = op->attrs;
    a->axis = ingot_attr_int(n, "axis", 0);
    a->keepdims = ingot_attr_int(n, "keepdims", 1) != 0;
    n->out[0] = ingot_emit_end(n, op);
}

/* The elements one after the other, when all are known and plain. */
static bool concat_plain(ingot_node *n)
{
    elements known;
    bool stacks = ingot_attr_int(n, "new_axis", 0) != 0;
    if (!known_elements(n, n->in[0], &known) || known.n < 1)
        return false;
    int32_t rank = known.v[0]->type.rank;
    for (int32_t i = 0; i < known.n; i++)
        if (known.v[i]->type.rank < 0 || known.v[i]->type.rank != rank || rank + stacks > INGOT_MAX_RANK)
            return false;
    int32_t axis = ingot_node_axis(n, ingot_attr_int(n, "axis", 0), rank + stacks);
    for (int32_t i = 0; i < known.n && stacks && !n->error; i++)
        known.v[i] = ingot_unsqueeze(n, known.v[i], axis);
    if (!n->error)
        n->out[0] = ingot_concat(n, known.n, known.v, axis);
    return true;
}

void ingot_import_concat_from_sequence(ingot_node *n)
{
    if (!ingot_attr_has(n, "axis")) {
        ingot_node_bad(n, "attribute 'axis' is missing");
        return;
    }
    if (concat_plain(n))
        return;
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_seq_concat, 1, n->in, 1);
    ingot_attrs_seq_concat *a = op->attrs;
    a->axis = ingot_attr_int(n, "axis", 0);
    a->new_axis = ingot_attr_int(n, "new_axis", 0) != 0;
    n->out[0] = ingot_emit_end(n, op);
}

/* ---- optionals ---- */

static bool is_optional(const ingot_value *v)
{
    return v && (v->type.form == INGOT_FORM_OPTIONAL || v->type.form == INGOT_FORM_OPTIONAL_SEQUENCE);
}

/* Of the input, or empty, of the type that an attribute gives. */
void ingot_import_optional(ingot_node *n)
{
    ingot_value *x = n->n_in ? n->in[0] : NULL;
    const ingot_onnx_attr *a = ingot_attr_find(n, "type", INGOT_ONNX_TYPE);
    if (is_optional(x)) {
        ingot_node_bad(n, "an optional of an optional");
        return;
    }
    if (!x && (!a || !a->tp || a->tp->kind || a->tp->form > INGOT_FORM_SEQUENCE)) {
        ingot_node_bad(n, "without an input, the attribute 'type' must be that of a tensor or a sequence of tensors");
        return;
    }
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_opt_make, x ? 1 : 0, &x, 1);
    ingot_attrs_form *made = op->attrs;
    ingot_form inner = x ? x->type.form : a->tp->form;
    made->dtype = x ? (int64_t)x->type.dtype : a->tp->dtype;
    made->form = inner == INGOT_FORM_SEQUENCE ? INGOT_FORM_OPTIONAL_SEQUENCE : INGOT_FORM_OPTIONAL;
    n->out[0] = ingot_emit_end(n, op);
}

/* Of what is no optional: true; without an input: false. */
void ingot_import_optional_has_element(ingot_node *n)
{
    ingot_value *x = n->n_in ? n->in[0] : NULL;
    n->out[0] = is_optional(x) ? ingot_emit1(n, INGOT_OP_opt_has, x) : ingot_splat(n, INGOT_BOOL, x != NULL);
}

void ingot_import_optional_get_element(ingot_node *n)
{
    n->out[0] = is_optional(n->in[0]) ? ingot_emit1(n, INGOT_OP_opt_get, n->in[0]) : n->in[0];
}
