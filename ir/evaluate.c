/* Evaluation of ops with constant operands by their portable kernels. */
#include "ir/internal.h"
#include <string.h>

static ingot_portable_fn *const kernels[INGOT_PORTABLE_COUNT] = {
#define PORTABLE(name) ingot_portable_##name,
#include "runtime/portable.def"
#undef PORTABLE
};

static ingot_status tensor_of(const ingot_type *t, bool upper, ingot_tensor *out)
{
    *out = (ingot_tensor){.dtype = t->dtype, .rank = t->rank};
    if (t->rank < 0)
        return ingot_fail(INGOT_UNSUPPORTED, "a value of unknown rank");
    for (int32_t i = 0; i < t->rank; i++) {
        if (!ingot_dim_is_const(t->dims[i]) && !upper)
            return ingot_fail(INGOT_UNSUPPORTED, "a size that is not known");
        out->dims[i] = t->dims[i]->hi;
    }
    return NULL;
}

static ingot_status operand(const ingot_op *op, int32_t i, ingot_arena *arena, ingot_tensor *out)
{
    ingot_value *v = op->in[i];
    *out = (ingot_tensor){0};
    if (!v)
        return NULL;
    INGOT_TRY(tensor_of(&v->type, false, out));
    const ingot_literal *lit = ingot_value_literal(v);
    const void *data;
    if (!lit)
        return ingot_fail(INGOT_UNSUPPORTED, "operand %d is not constant", (int)i);
    INGOT_TRY(ingot_literal_get_data(op->graph->module, lit, v->type.dtype, arena, &data));
    out->data = (void *)(uintptr_t)data; /* kernels do not write operands */
    if (!data || lit->size_bytes == 0)   /* null would say "left out" */
        return ingot_arena_array(arena, 1, 16, &out->data);
    return NULL;
}

static ingot_status symbols_of(const ingot_op *op, ingot_arena *arena, int64_t **out)
{
    void *memory;
    INGOT_TRY(ingot_arena_array(arena, (size_t)(op->n_sym + op->n_scales), sizeof(int64_t), &memory));
    *out = memory;
    for (int32_t i = 0; i < op->n_sym; i++) {
        if (!ingot_dim_is_const(op->sym[i]))
            return ingot_fail(INGOT_UNSUPPORTED, "a size that is not known");
        (*out)[i] = op->sym[i]->value;
    }
    if (op->n_scales) /* resize takes them behind the sizes, as bits */
        memcpy(*out + op->n_sym, op->scales, (size_t)op->n_scales * sizeof *op->scales);
    return NULL;
}

static ingot_status result(const ingot_op *op, int32_t i, ingot_arena *arena, ingot_tensor *out)
{
    const ingot_module *m = op->graph->module;
    INGOT_TRY(tensor_of(&op->out[i]->type, ingot_op_info_get(op->kind)->data_sized, out));
    int64_t count = ingot_tensor_count(out), bytes = ingot_dtype_bytes(out->dtype, count);
    if (bytes < 0 || bytes > m->limits->max_tensor_bytes)
        return ingot_fail(INGOT_LIMIT, "a result of more than %lld bytes (--max-tensor-bytes)",
                          (long long)m->limits->max_tensor_bytes);
    return ingot_arena_array(arena, (size_t)bytes, 1, &out->data);
}

/* What the data decided is brought back into the type: the op's users see fixed sizes from here on. */
static void settle(const ingot_op *op, const ingot_tensor *results)
{
    ingot_module *m = op->graph->module;
    for (int32_t i = 0; i < op->n_out; i++) {
        for (int32_t k = 0; k < results[i].rank; k++)
            op->out[i]->type.dims[k] = ingot_dim_const(m, results[i].dims[k]);
    }
}

static ingot_status evaluate(const ingot_op *op, ingot_arena *arena, ingot_arena *scratch, void **out_data)
{
    const ingot_op_info *info = ingot_op_info_get(op->kind);
    ingot_prog prog;
    int64_t *sym;
    void *memory;
    if (!info->foldable || info->portable < 0)
        return ingot_fail(INGOT_UNSUPPORTED, "ingot.%s has no portable kernel to fold with", info->name);
    if (op->prog && op->kind != INGOT_OP_map)
        return ingot_fail(INGOT_UNSUPPORTED, "ingot.%s with an epilogue", info->name);
    INGOT_TRY(ingot_arena_array(scratch, (size_t)op->n_in, sizeof(ingot_tensor), &memory));
    ingot_tensor *in = memory;
    INGOT_TRY(ingot_arena_array(scratch, (size_t)op->n_out, sizeof(ingot_tensor), &memory));
    ingot_tensor *out = memory;
    for (int32_t i = 0; i < op->n_in; i++)
        INGOT_TRY(operand(op, i, scratch, &in[i]));
    INGOT_TRY(symbols_of(op, scratch, &sym));
    for (int32_t i = 0; i < op->n_out; i++)
        INGOT_TRY(result(op, i, arena, &out[i]));
    ingot_call call = {.attrs = op->attrs,
                       .sym = sym,
                       .n_in = op->n_in,
                       .n_out = op->n_out,
                       .n_sym = op->n_sym + op->n_scales,
                       .in = in,
                       .out = out};
    if (info->portable == INGOT_PORTABLE_map) {
        ingot_op_to_prog(op, &prog);
        call.prog = &prog;
    }
    int64_t scratch_bytes = ingot_portable_scratch_bytes((ingot_portable_id)info->portable, &call);
    if (scratch_bytes < 0)
        return ingot_fail(INGOT_LIMIT, "scratch memory beyond 64 bits");
    INGOT_TRY(ingot_arena_array(scratch, (size_t)scratch_bytes + 64, 1, &memory));
    call.scratch = (void *)(((uintptr_t)memory + 63) / 64 * 64);
    INGOT_TRY(kernels[info->portable](&call));
    if (info->data_sized)
        settle(op, out);
    for (int32_t i = 0; i < op->n_out; i++)
        out_data[i] = out[i].data;
    return ingot_dims_check(op->graph->module);
}

ingot_status ingot_op_evaluate(const ingot_op *op, ingot_arena *arena, void **out_data)
{
    ingot_arena scratch = {.limit_bytes = arena->limit_bytes};
    ingot_status status = evaluate(op, arena, &scratch, out_data);
    ingot_arena_release(&scratch);
    return ingot_status_note(status, "%s: evaluating ingot.%s", op->loc ? op->loc : "op",
                             ingot_op_info_get(op->kind)->name);
}
