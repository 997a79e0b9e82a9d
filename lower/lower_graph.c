/* The walk over a graph: each op to its lowering, else to its portable kernel; sizes and control flow. */
#include "lower/lower.h"
#include <stdio.h>
#include <string.h>

static ingot_lower_fn *generated(const ingot_op *op)
{
    switch (op->kind) {
    case INGOT_OP_identity:
    case INGOT_OP_reshape:
    case INGOT_OP_transpose:
    case INGOT_OP_slice:
    case INGOT_OP_broadcast:
        return ingot_lower_view;
    case INGOT_OP_map:
        return ingot_lower_map;
    case INGOT_OP_concat:
        return ingot_lower_concat;
    case INGOT_OP_pad:
        return ingot_lower_pad;
    case INGOT_OP_relayout:
        return ingot_lower_relayout;
    case INGOT_OP_matmul:
    case INGOT_OP_matmul_bf16:
    case INGOT_OP_matmul_integer:
        return ingot_lower_matmul;
    case INGOT_OP_conv:
    case INGOT_OP_conv_bf16:
    case INGOT_OP_conv_integer:
        return ingot_lower_conv;
    case INGOT_OP_conv_transpose:
        return ingot_lower_conv_transpose;
    case INGOT_OP_reduce:
        return ingot_lower_reduce;
    case INGOT_OP_arg_reduce:
        return ingot_lower_arg_reduce;
    case INGOT_OP_softmax:
        return ingot_lower_softmax;
    case INGOT_OP_layer_norm:
    case INGOT_OP_rms_norm:
        return ingot_lower_norm;
    case INGOT_OP_max_pool:
    case INGOT_OP_avg_pool:
        return ingot_lower_pool;
    case INGOT_OP_gather:
        return ingot_lower_gather;
    case INGOT_OP_attention:
        return ingot_lower_attention;
    case INGOT_OP_lstm:
        return ingot_lower_lstm;
    case INGOT_OP_gru:
        return ingot_lower_gru;
    case INGOT_OP_resize:
        return ingot_lower_resize;
    default:
        return ingot_op_info_get(op->kind)->scalar ? ingot_lower_map : NULL;
    }
}

/* A view op whose operand cannot be viewed: its elements are copied. */
static ingot_status copy_view(lowering *l, ingot_op *op, bool *out_done)
{
    *out_done = false;
    if (!ingot_op_info_get(op->kind)->view || op->kind == INGOT_OP_relayout)
        return NULL;
    placement *p = &l->placements[op->out[0]->id], saved = *p;
    *p = (placement){.output = -1};
    bool done;
    INGOT_TRY(ingot_lower_view(l, op, &done));
    *p = saved;
    if (!done)
        return NULL;
    location view = l->locations[op->out[0]->id], to;
    l->locations[op->out[0]->id].valid = false;
    INGOT_TRY(ingot_lower_claim(l, op->out[0], &to));
    *out_done = true;
    return ingot_lower_copy(l, &view, &to, ingot_lower_label(l, op));
}

bool ingot_lower_decides_size(const lowering *l, const ingot_op *op, const ingot_dim *size)
{
    if ((!ingot_op_info_get(op->kind)->data_sized && op->regions[0] == NULL) || size->kind != INGOT_DIM_SYMBOL ||
        !ingot_module_symbol(l->m, (int32_t)size->value)->from_data)
        return false;
    for (int32_t i = 0; i < op->n_in; i++)
        for (int32_t d = 0; op->in[i] != NULL && d < op->in[i]->type.rank; d++)
            if (op->in[i]->type.dims[d] == size)
                return false; /* known before */
    return true;
}

ingot_status ingot_lower_symbols_of_results(lowering *l, const ingot_op *op, ingot_step *step)
{
    struct ingot_data_dim found[INGOT_MAX_RANK * 4];
    int32_t n = 0;
    for (int32_t o = 0; o < op->n_out; o++)
        for (int32_t d = 0; d < op->out[o]->type.rank; d++) {
            const ingot_dim *dim = op->out[o]->type.dims[d];
            if (ingot_lower_decides_size(l, op, dim) && n < INGOT_MAX_RANK * 4)
                found[n++] = (struct ingot_data_dim){o, d, (int32_t)dim->value};
        }
    struct ingot_data_dim *copy;
    INGOT_TRY(ingot_arena_array(l->arena, (size_t)n + 1, sizeof *copy, (void **)&copy));
    memcpy(copy, found, (size_t)n * sizeof *copy);
    step->data_dims = copy;
    step->n_data_dims = n;
    return NULL;
}

/* sym of the call: the op's own; resize adds the bits of its scales. */
ingot_status ingot_lower_portable_sizes(lowering *l, const ingot_op *op, ingot_step *step)
{
    int32_t n = op->n_sym + (op->kind == INGOT_OP_resize ? op->out[0]->type.rank : 0);
    const ingot_dim **sizes;
    INGOT_TRY(ingot_arena_array(l->arena, (size_t)n + 1, sizeof *sizes, (void **)&sizes));
    for (int32_t i = 0; i < op->n_sym; i++)
        sizes[i] = op->sym[i];
    for (int32_t i = op->n_sym; i < n; i++) {
        double scale = op->scales != NULL && i - op->n_sym < op->n_scales ? op->scales[i - op->n_sym] : 0;
        int64_t bits;
        memcpy(&bits, &scale, sizeof bits);
        sizes[i] = ingot_lower_const(l, bits);
    }
    step->sizes = sizes;
    step->n_sizes = n;
    return NULL;
}

ingot_status ingot_lower_dense_places(lowering *l, int32_t n, ingot_value *const *values, int32_t *out)
{
    for (int32_t i = 0; i < n; i++) {
        location at;
        out[i] = -1;
        if (values[i] == NULL)
            continue;
        INGOT_TRY(ingot_lower_locate_dense(l, values[i], &at));
        INGOT_TRY(ingot_lower_add_place(l, &at, &out[i]));
    }
    return NULL;
}

ingot_status ingot_lower_portable(lowering *l, ingot_op *op)
{
    const ingot_op_info *info = ingot_op_info_get(op->kind);
    if (info->portable < 0)
        return ingot_fail(INGOT_UNSUPPORTED, "%s: this op has no kernel", ingot_lower_label(l, op));
    bool epilogue = op->prog != NULL && op->kind != INGOT_OP_map;
    int32_t n_in = epilogue ? op->n_base : op->n_in, in[64], out[8];
    if (n_in > 64 || op->n_out > 8)
        return ingot_fail(INGOT_LIMIT, "%s: more than 64 operands for a portable kernel", ingot_lower_label(l, op));
    INGOT_TRY(ingot_lower_dense_places(l, n_in, op->in, in));
    location made[8], wanted[8];
    for (int32_t i = 0; i < op->n_out; i++) {
        INGOT_TRY(ingot_lower_claim(l, op->out[i], &wanted[i]));
        made[i] = wanted[i];
        if (!ingot_location_is_dense(l, &wanted[i]) || epilogue) {
            ingot_type type = op->out[i]->type;
            type.layout = INGOT_LAYOUT_PLAIN;
            if (epilogue)
                type.dtype = (ingot_dtype)op->prog->arg_dtypes[0];
            INGOT_TRY(ingot_lower_new_buffer(l, &type, NULL, op->out[i]->name, &made[i]));
        }
        INGOT_TRY(ingot_lower_add_place(l, &made[i], &out[i]));
    }
    ingot_step *step;
    INGOT_TRY(ingot_lower_add_step(l, INGOT_STEP_PORTABLE, n_in, in, op->n_out, out, &step));
    step->portable = info->portable;
    step->attrs = op->attrs;
    step->attrs_bytes = ingot_attrs_table[info->attrs].size_bytes;
    INGOT_TRY(ingot_lower_portable_sizes(l, op, step));
    INGOT_TRY(ingot_lower_symbols_of_results(l, op, step));
    if (info->scalar) {
        ingot_prog *prog;
        INGOT_TRY(ingot_arena_array(l->arena, 1, sizeof *prog, (void **)&prog));
        ingot_op_to_prog(op, prog);
        step->prog = prog;
    } else if (op->kind == INGOT_OP_map) {
        step->prog = op->prog;
    }
    int64_t count = ingot_type_count(&op->out[0]->type);
    step->cost_ns = 100 + (count > 0 ? 5.0 * (double)count : 1000);
    if (epilogue) { /* the rest as a portable map over dense operands */
        int32_t args[INGOT_PROG_MAX_ARGS], result;
        location target = made[0];
        args[0] = out[0];
        INGOT_TRY(ingot_lower_dense_places(l, op->n_in - op->n_base, op->in + op->n_base, args + 1));
        ingot_type type = op->out[0]->type;
        type.layout = INGOT_LAYOUT_PLAIN;
        target = wanted[0];
        if (!ingot_location_is_dense(l, &wanted[0]))
            INGOT_TRY(ingot_lower_new_buffer(l, &type, NULL, op->out[0]->name, &target));
        INGOT_TRY(ingot_lower_add_place(l, &target, &result));
        INGOT_TRY(ingot_lower_add_step(l, INGOT_STEP_PORTABLE, 1 + op->n_in - op->n_base, args, 1, &result, &step));
        step->portable = INGOT_PORTABLE_map;
        step->attrs = op->attrs;
        step->prog = op->prog;
        made[0] = target;
    }
    for (int32_t i = 0; i < op->n_out; i++)
        if (made[i].buffer != wanted[i].buffer)
            INGOT_TRY(ingot_lower_copy(l, &made[i], &wanted[i], "copy from dense"));
    return NULL;
}

/* Shape arithmetic: small integer or bool tensors. It may run portable without anybody's leave. */
static bool shape_arithmetic(const ingot_op *op)
{
    for (int32_t i = 0; i < op->n_out; i++) {
        const ingot_type *t = &op->out[i]->type;
        int64_t count = ingot_type_count(t);
        if (!(ingot_dtype_is_integer(t->dtype) || t->dtype == INGOT_BOOL) || count < 0 || count > INGOT_MAX_CONTENT)
            return false;
    }
    return true;
}

static ingot_status lower_op(lowering *l, ingot_op *op)
{
    l->op = op;
    switch (op->kind) {
    case INGOT_OP_constant:
        return NULL;
    case INGOT_OP_dims:
        return ingot_lower_dims(l, op);
    case INGOT_OP_bind_dims:
        return ingot_lower_bind(l, op);
    case INGOT_OP_if:
    case INGOT_OP_loop:
        return ingot_lower_control(l, op);
    default:
        break;
    }
    if (ingot_op_boxed(op->kind) >= 0 || ingot_type_is_boxed(&op->out[0]->type)) {
        INGOT_TRY_NOTE(ingot_lower_boxed(l, op), "lowering '%s'", ingot_lower_label(l, op));
        return NULL;
    }
    if (op->kind == INGOT_OP_relayout && l->options->no_generated)
        return ingot_fail(INGOT_INTERNAL, "layouts are for generated kernels");
    bool done = false;
    if (!l->options->no_generated) {
        ingot_lower_fn *lower = generated(op);
        if (op->kind == INGOT_OP_relayout)
            INGOT_TRY(ingot_lower_view(l, op, &done));
        if (!done && lower != NULL)
            INGOT_TRY_NOTE(lower(l, op, &done), "lowering '%s'", ingot_lower_label(l, op));
        if (!done)
            INGOT_TRY(copy_view(l, op, &done));
    }
    if (done)
        return NULL;
    if (l->options->no_portable && !shape_arithmetic(op))
        return ingot_fail(INGOT_UNSUPPORTED, "%s (%s): no generated kernel takes it, and --no-portable is given",
                          ingot_lower_label(l, op), ingot_op_info_get(op->kind)->name);
    INGOT_TRY_NOTE(ingot_lower_portable(l, op), "lowering '%s'", ingot_lower_label(l, op));
    return NULL;
}

ingot_status ingot_lower_graph(lowering *l, ingot_graph *g)
{
    INGOT_TRY(ingot_lower_region_checks(l, g, NULL));
    for (ingot_op *op = g->first; op != NULL; op = op->next) {
        INGOT_TRY(lower_op(l, op));
        INGOT_TRY(ingot_lower_region_checks(l, g, op));
    }
    l->op = NULL;
    return NULL;
}

ingot_status ingot_lower_dims(lowering *l, ingot_op *op)
{
    location to;
    int32_t place;
    ingot_step *step;
    INGOT_TRY(ingot_lower_claim(l, op->out[0], &to));
    INGOT_TRY(ingot_lower_add_place(l, &to, &place));
    INGOT_TRY(ingot_lower_add_step(l, INGOT_STEP_DIMS, 0, NULL, 1, &place, &step));
    step->sizes = op->sym;
    step->n_sizes = op->n_sym;
    return NULL;
}

ingot_status ingot_lower_bind(lowering *l, ingot_op *op)
{
    const ingot_attrs_bind_dims *a = op->attrs;
    location from;
    int32_t place;
    ingot_step *step;
    INGOT_TRY(ingot_lower_locate_dense(l, op->in[0], &from));
    INGOT_TRY(ingot_lower_add_place(l, &from, &place));
    INGOT_TRY(ingot_lower_add_step(l, INGOT_STEP_BIND, 1, &place, 0, NULL, &step));
    step->first_symbol = (int32_t)a->first_symbol;
    return NULL;
}
