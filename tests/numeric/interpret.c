#include "tests/numeric/interpret.h"
#include <math.h>
#include <string.h>

static ingot_portable_fn *const kernels[INGOT_PORTABLE_COUNT] = {
#define PORTABLE(name) ingot_portable_##name,
#include "runtime/portable.def"
#undef PORTABLE
};

typedef struct machine {
    ingot_module *m;
    ingot_arena *arena;
    ingot_tensor *values; /* by value id */
    int64_t *symbols;
} machine;

static ingot_status run_graph(machine *k, const ingot_graph *g);

static ingot_status shape_of(machine *k, const ingot_type *t, ingot_tensor *out, bool upper)
{
    *out = (ingot_tensor){.dtype = t->dtype, .rank = t->rank};
    for (int32_t i = 0; i < t->rank; i++) {
        out->dims[i] = ingot_dim_eval(t->dims[i], k->symbols);
        if (out->dims[i] < 0 && upper)
            out->dims[i] = t->dims[i]->hi;
        if (out->dims[i] < 0)
            return ingot_fail(INGOT_INTERNAL, "a size that is not known yet");
    }
    return NULL;
}

static ingot_status room_for(machine *k, ingot_tensor *t)
{
    int64_t bytes = ingot_dtype_bytes(t->dtype, ingot_tensor_count(t));
    if (bytes < 0)
        return ingot_fail(INGOT_LIMIT, "too large");
    return ingot_arena_array(k->arena, (size_t)bytes + 64, 1, &t->data);
}

static ingot_status call(machine *k, ingot_portable_id id, ingot_call *c)
{
    void *memory;
    int64_t bytes = ingot_portable_scratch_bytes(id, c);
    INGOT_TRY(ingot_arena_array(k->arena, (size_t)(bytes > 0 ? bytes : 0) + 64, 1, &memory));
    c->scratch = (void *)(((uintptr_t)memory + 63) / 64 * 64);
    return kernels[id](c);
}

/* Symbols that the data decided: read back from the sizes that the kernel set. */
static void bind_results(machine *k, const ingot_op *op, const ingot_tensor *out)
{
    for (int32_t i = 0; i < op->n_out; i++) {
        for (int32_t d = 0; d < out[i].rank; d++) {
            if (op->out[i]->type.dims[d]->kind == INGOT_DIM_SYMBOL)
                k->symbols[op->out[i]->type.dims[d]->value] = out[i].dims[d];
        }
    }
}

static ingot_status run_portable(machine *k, const ingot_op *op)
{
    const ingot_op_info *info = ingot_op_info_get(op->kind);
    ingot_tensor in[64], out[8] = {{0}};
    int64_t sym[64];
    bool epilogue = op->prog && op->kind != INGOT_OP_map;
    int32_t n_in = epilogue ? op->n_base : op->n_in;
    if (op->n_in > 64 || op->n_out > 8 || op->n_sym > 64 || info->portable < 0)
        return ingot_fail(INGOT_UNSUPPORTED, "ingot.%s", info->name);
    for (int32_t i = 0; i < op->n_in; i++)
        in[i] = op->in[i] ? k->values[op->in[i]->id] : (ingot_tensor){0};
    for (int32_t i = 0; i < op->n_sym; i++)
        sym[i] = ingot_dim_eval(op->sym[i], k->symbols);
    for (int32_t i = 0; i < op->n_out; i++) {
        INGOT_TRY(shape_of(k, &op->out[i]->type, &out[i], info->data_sized));
        if (epilogue)
            out[i].dtype = (ingot_dtype)op->prog->arg_dtypes[0];
        INGOT_TRY(room_for(k, &out[i]));
    }
    ingot_prog prog;
    ingot_call c = {
        .attrs = op->attrs, .sym = sym, .n_in = n_in, .n_out = op->n_out, .n_sym = op->n_sym, .in = in, .out = out};
    if (info->portable == INGOT_PORTABLE_map) {
        if (op->kind == INGOT_OP_map)
            prog = *op->prog;
        else
            ingot_op_to_prog(op, &prog);
        c.prog = &prog;
    }
    INGOT_TRY(call(k, (ingot_portable_id)info->portable, &c));
    if (info->data_sized)
        bind_results(k, op, out);
    if (epilogue) {
        ingot_tensor args[64], result = out[0];
        args[0] = out[0];
        for (int32_t i = op->n_base; i < op->n_in; i++)
            args[1 + i - op->n_base] = in[i];
        result.dtype = op->out[0]->type.dtype;
        INGOT_TRY(room_for(k, &result));
        ingot_call map = {.attrs = op->attrs,
                          .prog = op->prog,
                          .n_in = 1 + op->n_in - op->n_base,
                          .n_out = 1,
                          .in = args,
                          .out = &result};
        INGOT_TRY(call(k, INGOT_PORTABLE_map, &map));
        out[0] = result;
    }
    for (int32_t i = 0; i < op->n_out; i++)
        k->values[op->out[i]->id] = out[i];
    return NULL;
}

static ingot_status run_if(machine *k, const ingot_op *op)
{
    const ingot_graph *g = op->regions[*(const unsigned char *)k->values[op->in[0]->id].data ? 0 : 1];
    for (int32_t i = 0; i < g->n_params; i++)
        k->values[g->params[i]->id] = k->values[op->in[i + 1]->id];
    INGOT_TRY(run_graph(k, g));
    for (int32_t i = 0; i < op->n_out; i++) {
        k->values[op->out[i]->id] = k->values[g->results[i]->id];
        for (int32_t d = 0; d < op->out[i]->type.rank; d++) {
            const ingot_dim *dim = op->out[i]->type.dims[d];
            if (dim->kind == INGOT_DIM_SYMBOL)
                k->symbols[dim->value] = k->values[g->results[i]->id].dims[d];
        }
    }
    return NULL;
}

static ingot_status run_op(machine *k, const ingot_op *op)
{
    ingot_tensor *out = op->n_out ? &k->values[op->out[0]->id] : NULL;
    const void *data;
    switch (op->kind) {
    case INGOT_OP_constant:
        INGOT_TRY(shape_of(k, &op->out[0]->type, out, false));
        INGOT_TRY(ingot_literal_get_data(k->m, op->literal, out->dtype, k->arena, &data));
        out->data = (void *)(uintptr_t)data;
        return out->data ? NULL : room_for(k, out);
    case INGOT_OP_dims:
        INGOT_TRY(shape_of(k, &op->out[0]->type, out, false));
        INGOT_TRY(room_for(k, out));
        for (int32_t i = 0; i < op->n_sym; i++)
            ingot_store_i64(out->data, out->dtype, i, ingot_dim_eval(op->sym[i], k->symbols));
        return NULL;
    case INGOT_OP_bind_dims: {
        const ingot_tensor *x = &k->values[op->in[0]->id];
        for (int64_t i = 0; i < ingot_tensor_count(x); i++)
            k->symbols[((const ingot_attrs_bind_dims *)op->attrs)->first_symbol + i] =
                ingot_load_i64(x->data, x->dtype, i);
        return NULL;
    }
    case INGOT_OP_relayout:
        *out = k->values[op->in[0]->id];
        return NULL;
    case INGOT_OP_if:
        return run_if(k, op);
    case INGOT_OP_loop:
        return ingot_fail(INGOT_UNSUPPORTED, "ingot.loop");
    default:
        return run_portable(k, op);
    }
}

static ingot_status run_graph(machine *k, const ingot_graph *g)
{
    for (const ingot_op *op = g->first; op; op = op->next)
        INGOT_TRY_NOTE(run_op(k, op), "running op %u ingot.%s '%s'", (unsigned)op->id,
                       ingot_op_info_get(op->kind)->name, op->loc ? op->loc : "");
    return NULL;
}

ingot_status interpret_with(ingot_module *m, const ingot_tensor *inputs, ingot_arena *arena, ingot_tensor **out_results)
{
    const ingot_graph *g = m->graphs[0];
    machine k = {.m = m, .arena = arena};
    void *memory;
    INGOT_TRY(ingot_arena_array(arena, (size_t)m->next_value_id + 1, sizeof(ingot_tensor), &memory));
    k.values = memory;
    int32_t n_symbols = ingot_module_symbol_count(m);
    INGOT_TRY(ingot_arena_array(arena, (size_t)n_symbols + 1, sizeof(int64_t), &memory));
    k.symbols = memory;
    for (int32_t i = 0; i < n_symbols; i++)
        k.symbols[i] = -1;
    for (int32_t i = 0; i < g->n_params; i++) {
        k.values[g->params[i]->id] = inputs[i];
        for (int32_t d = 0; d < inputs[i].rank; d++) {
            const ingot_dim *dim = g->params[i]->type.dims[d];
            if (dim->kind == INGOT_DIM_SYMBOL)
                k.symbols[dim->value] = inputs[i].dims[d];
        }
    }
    INGOT_TRY(run_graph(&k, g));
    INGOT_TRY(ingot_arena_array(arena, (size_t)g->n_results + 1, sizeof(ingot_tensor), &memory));
    *out_results = memory;
    for (int32_t i = 0; i < g->n_results; i++)
        (*out_results)[i] = k.values[g->results[i]->id];
    return NULL;
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

ingot_status interpret_module(ingot_module *m, uint64_t seed, int64_t symbol_lo, ingot_arena *arena,
                              ingot_tensor **out_results)
{
    const ingot_graph *g = m->graphs[0];
    void *memory;
    int32_t n_symbols = ingot_module_symbol_count(m);
    INGOT_TRY(ingot_arena_array(arena, (size_t)n_symbols + 1, sizeof(int64_t), &memory));
    int64_t *symbols = memory;
    for (int32_t i = 0; i < n_symbols; i++) {
        const ingot_symbol_info *s = ingot_module_symbol(m, i);
        symbols[i] = s->lo > symbol_lo ? s->lo : symbol_lo < s->hi ? symbol_lo : s->hi;
    }
    INGOT_TRY(ingot_arena_array(arena, (size_t)g->n_params + 1, sizeof(ingot_tensor), &memory));
    ingot_tensor *inputs = memory;
    for (int32_t i = 0; i < g->n_params; i++) {
        const ingot_type *t = &g->params[i]->type;
        inputs[i] = (ingot_tensor){.dtype = t->dtype, .rank = t->rank};
        for (int32_t d = 0; d < t->rank; d++)
            inputs[i].dims[d] = ingot_dim_eval(t->dims[d], symbols);
        int64_t n = ingot_tensor_count(&inputs[i]);
        INGOT_TRY(ingot_arena_array(arena, (size_t)ingot_dtype_bytes(t->dtype, n) + 64, 1, &inputs[i].data));
        for (int64_t j = 0; j < n; j++) {
            uint64_t r = next_random(&seed);
            if (ingot_dtype_is_float(t->dtype))
                ingot_store_f64(inputs[i].data, t->dtype, j, (double)(r >> 11) / 4503599627370496.0 - 1);
            else
                ingot_store_i64(inputs[i].data, t->dtype, j, (int64_t)(r >> 11) & 1);
        }
    }
    return interpret_with(m, inputs, arena, out_results);
}

double interpret_difference(const ingot_tensor *a, const ingot_tensor *b, double tolerance)
{
    double worst = 0, largest = 0;
    int64_t n = ingot_tensor_count(a);
    if (a->dtype != b->dtype || a->rank != b->rank || memcmp(a->dims, b->dims, (size_t)a->rank * sizeof a->dims[0]))
        return INFINITY;
    if (a->dtype == INGOT_STRING)
        return 0;
    for (int64_t i = 0; i < n; i++) {
        double y = fabs(ingot_load_f64(b->data, b->dtype, i));
        largest = isfinite(y) && y > largest ? y : largest;
    }
    for (int64_t i = 0; i < n; i++) {
        double x = ingot_load_f64(a->data, a->dtype, i), y = ingot_load_f64(b->data, b->dtype, i);
        if (isnan(x) || isnan(y) || isinf(x) || isinf(y)) {
            if (!(isnan(x) && isnan(y)) && x != y)
                return INFINITY;
        } else if (x != y) {
            worst = fmax(worst, fabs(x - y) / (tolerance * largest));
        }
    }
    return worst;
}
