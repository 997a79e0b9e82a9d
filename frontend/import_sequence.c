/* Sequences and optionals. SequenceMap is a loop: see import_control.c. */
#include "frontend/import.h"

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
    n->out[0] = ingot_emit_end(n, ingot_emit_begin(n, (ingot_op_kind)n->arg, n->n_in, n->in, 1));
}

void ingot_import_split_to_sequence(ingot_node *n)
{
    bool split = n->n_in > 1 && n->in[1];
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_seq_split, split ? 2 : 1, n->in, 1);
    ingot_attrs_seq_split *a = op->attrs;
    a->axis = ingot_attr_int(n, "axis", 0);
    a->keepdims = ingot_attr_int(n, "keepdims", 1) != 0;
    n->out[0] = ingot_emit_end(n, op);
}

void ingot_import_concat_from_sequence(ingot_node *n)
{
    if (!ingot_attr_has(n, "axis")) {
        ingot_node_bad(n, "attribute 'axis' is missing");
        return;
    }
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
