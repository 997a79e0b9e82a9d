/* Plans made by hand, in memory, for tests of the runtime: tables are filled in by calls and laid out by hand_finish.
 *
 *     static hand_plan h;
 *     uint32_t n = hand_symbol(&h, "n", 1, 8, false);
 *     hand_input(&h, "x", INGOT_F32, 1, (uint32_t[]){n});
 *     ...
 *     const ingot_model *model = hand_finish(&h);
 */
#ifndef INGOT_TEST_HAND_PLAN_H
#define INGOT_TEST_HAND_PLAN_H
#include "runtime/plan.h"
#include <stdbool.h>
#include <string.h>

#define HAND_BYTES ((size_t)1 << 16)
#define HAND_ROWS  64

typedef struct hand_plan {
    _Alignas(64) char bytes[HAND_BYTES];
    uint32_t used;
    ingot_plan header;
    ingot_plan_symbol symbols[HAND_ROWS];
    ingot_plan_expr exprs[HAND_ROWS];
    ingot_plan_io inputs[HAND_ROWS], outputs[HAND_ROWS];
    ingot_plan_check checks[HAND_ROWS];
    ingot_plan_buffer buffers[HAND_ROWS];
    ingot_plan_place places[HAND_ROWS];
    ingot_plan_step steps[HAND_ROWS];
    uint32_t n_symbols, n_exprs, n_inputs, n_outputs, n_checks, n_buffers, n_places, n_steps, n_kernels;
    const void *kernels[HAND_ROWS];
    ingot_model model;
} hand_plan;

static inline ingot_span hand_bytes(hand_plan *h, const void *data, uint32_t count, size_t size)
{
    if (!h->used)
        h->used = sizeof(ingot_plan);
    h->used = (h->used + 7) / 8 * 8;
    ingot_span span = {h->used, count};
    if (count)
        memcpy(h->bytes + h->used, data, count * size);
    h->used += (uint32_t)(count * size);
    return span;
}

static inline ingot_span hand_text(hand_plan *h, const char *text)
{
    ingot_span span = hand_bytes(h, text, (uint32_t)strlen(text) + 1, 1);
    span.count--;
    return span;
}

static inline uint32_t hand_expr(hand_plan *h, ingot_expr_kind kind, uint32_t a, uint32_t b, int64_t value)
{
    ingot_plan_expr *e = &h->exprs[h->n_exprs];
    *e = (ingot_plan_expr){kind, a, b, 0, value};
    if (kind == INGOT_EXPR_SYMBOL)
        e->on_data = h->symbols[value].from_data;
    else if (kind != INGOT_EXPR_CONST)
        e->on_data = h->exprs[a].on_data | h->exprs[b].on_data;
    return h->n_exprs++;
}

static inline uint32_t hand_const(hand_plan *h, int64_t value)
{
    return hand_expr(h, INGOT_EXPR_CONST, 0, 0, value);
}

static inline uint32_t hand_mul(hand_plan *h, uint32_t a, uint32_t b)
{
    return hand_expr(h, INGOT_EXPR_MUL, a, b, 0);
}

/* The expression of a new symbol. */
static inline uint32_t hand_symbol(hand_plan *h, const char *name, int64_t lo, int64_t hi, bool from_data)
{
    h->symbols[h->n_symbols] = (ingot_plan_symbol){hand_text(h, name), lo, hi, from_data, 0};
    return hand_expr(h, INGOT_EXPR_SYMBOL, 0, 0, h->n_symbols++);
}

static inline int32_t hand_buffer(hand_plan *h, uint32_t pool, int32_t index, uint32_t bytes, uint32_t offset)
{
    h->buffers[h->n_buffers] = (ingot_plan_buffer){pool, index, bytes, offset, {0, 0}};
    return (int32_t)h->n_buffers++;
}

static inline int32_t hand_place(hand_plan *h, int32_t buffer, ingot_dtype dtype, int32_t rank, const uint32_t *dims)
{
    ingot_plan_place *p = &h->places[h->n_places];
    *p = (ingot_plan_place){.buffer = buffer, .offset_bytes = hand_const(h, 0), .dtype = (int32_t)dtype, .rank = rank};
    memcpy(p->dims, dims, (size_t)rank * sizeof *dims);
    return (int32_t)h->n_places++;
}

static inline ingot_plan_io hand_io(hand_plan *h, const char *name, ingot_dtype dtype, int32_t rank,
                                    const uint32_t *dims)
{
    ingot_plan_io io = {.name = hand_text(h, name), .dtype = (int32_t)dtype, .rank = rank};
    memcpy(io.dims, dims, (size_t)rank * sizeof *dims);
    for (int32_t d = 0; d < rank; d++) {
        const ingot_plan_expr *e = &h->exprs[dims[d]];
        if (e->kind == INGOT_EXPR_SYMBOL)
            io.dim_names[d] = h->symbols[e->value].name;
    }
    return io;
}

/* Place of a new input. */
static inline int32_t hand_input(hand_plan *h, const char *name, ingot_dtype dtype, int32_t rank, const uint32_t *dims)
{
    ingot_plan_io *io = &h->inputs[h->n_inputs];
    *io = hand_io(h, name, dtype, rank, dims);
    uint32_t zero = hand_const(h, 0);
    io->place = hand_place(h, hand_buffer(h, 2, (int32_t)h->n_inputs++, zero, zero), dtype, rank, dims);
    return io->place;
}

/* Place of a new output, written in place; `bytes`: bound when data decides its size. */
static inline int32_t hand_output(hand_plan *h, const char *name, ingot_dtype dtype, int32_t rank, const uint32_t *dims,
                                  int64_t bytes)
{
    ingot_plan_io *io = &h->outputs[h->n_outputs];
    *io = hand_io(h, name, dtype, rank, dims);
    io->alias = -1;
    io->place = hand_place(h, hand_buffer(h, 3, (int32_t)h->n_outputs++, hand_const(h, bytes), hand_const(h, 0)), dtype,
                           rank, dims);
    return io->place;
}

/* An output that is copied: of input `alias`, or (-2) from a place. */
static inline void hand_alias(hand_plan *h, const char *name, int32_t alias, int32_t place)
{
    const ingot_plan_place *p = &h->places[alias >= 0 ? h->inputs[alias].place : place];
    h->outputs[h->n_outputs] = hand_io(h, name, (ingot_dtype)p->dtype, p->rank, p->dims);
    h->outputs[h->n_outputs].alias = alias;
    h->outputs[h->n_outputs++].place = place;
}

/* A place of its own in the arena, at a fixed offset. */
static inline int32_t hand_arena(hand_plan *h, int64_t offset, int64_t bytes, ingot_dtype dtype, int32_t rank,
                                 const uint32_t *dims)
{
    return hand_place(h, hand_buffer(h, 0, -1, hand_const(h, bytes), hand_const(h, offset)), dtype, rank, dims);
}

static inline ingot_plan_step *hand_step(hand_plan *h, uint32_t kind, const char *label, uint32_t n_in, uint32_t n_out,
                                         const int32_t *places)
{
    ingot_plan_step *s = &h->steps[h->n_steps++];
    *s =
        (ingot_plan_step){.kind = kind, .kernel = -1, .portable = -1, .n_in = n_in, .n_out = n_out, .first_symbol = -1};
    s->label = hand_text(h, label);
    s->places = hand_bytes(h, places, n_in + n_out, sizeof *places);
    return s;
}

static inline void hand_sizes(hand_plan *h, ingot_plan_step *s, uint32_t n, const uint32_t *sizes)
{
    s->sizes = hand_bytes(h, sizes, n, sizeof *sizes);
}

static inline ingot_plan_step *hand_kernel(hand_plan *h, ingot_kernel_fn *kernel, const char *label, uint32_t n_in,
                                           uint32_t n_out, const int32_t *places, uint32_t n_sizes,
                                           const uint32_t *sizes)
{
    ingot_plan_step *s = hand_step(h, INGOT_PLAN_KERNEL, label, n_in, n_out, places);
    hand_sizes(h, s, n_sizes, sizes);
    memcpy(&h->kernels[h->n_kernels], &kernel, sizeof kernel);
    s->kernel = (int32_t)h->n_kernels++;
    return s;
}

/* A portable step that calls any function; its scratch is that of `copy`: none. */
static inline ingot_plan_step *hand_portable(hand_plan *h, ingot_portable_fn *kernel, const char *label, uint32_t n_in,
                                             uint32_t n_out, const int32_t *places)
{
    ingot_plan_step *s = hand_step(h, INGOT_PLAN_PORTABLE, label, n_in, n_out, places);
    memcpy(&h->kernels[h->n_kernels], &kernel, sizeof kernel);
    s->kernel = (int32_t)h->n_kernels++;
    s->portable = INGOT_PORTABLE_copy;
    return s;
}

/* Place of a new boxed value. */
static inline int32_t hand_box(hand_plan *h, ingot_dtype dtype)
{
    uint32_t zero = hand_const(h, 0);
    int32_t number = (int32_t)h->header.n_boxes++;
    int32_t place =
        hand_place(h, hand_buffer(h, INGOT_PLAN_POOL_BOX, number, zero, zero), dtype, 0, (const uint32_t[]){0});
    h->places[place].rank = -1;
    return place;
}

static inline int32_t hand_box_input(hand_plan *h, const char *name, ingot_form form, ingot_dtype dtype)
{
    ingot_plan_io *io = &h->inputs[h->n_inputs++];
    *io = (ingot_plan_io){.name = hand_text(h, name), .dtype = (int32_t)dtype, .rank = -1, .form = (int32_t)form};
    io->alias = -1;
    return io->place = hand_box(h, dtype);
}

static inline void hand_box_output(hand_plan *h, const char *name, ingot_form form, int32_t place)
{
    h->outputs[h->n_outputs++] = (ingot_plan_io){.name = hand_text(h, name),
                                                 .dtype = h->places[place].dtype,
                                                 .rank = -1,
                                                 .form = (int32_t)form,
                                                 .alias = -2,
                                                 .place = place};
}

static inline ingot_plan_step *hand_boxed(hand_plan *h, ingot_boxed_fn *kernel, const char *label, uint32_t n_in,
                                          uint32_t n_out, const int32_t *places)
{
    ingot_plan_step *s = hand_step(h, INGOT_PLAN_BOXED, label, n_in, n_out, places);
    memcpy(&h->kernels[h->n_kernels], &kernel, sizeof kernel);
    s->kernel = (int32_t)h->n_kernels++;
    s->portable = INGOT_BOXED_box;
    return s;
}

static inline ingot_plan *hand_plan_of(hand_plan *h)
{
    return (ingot_plan *)(void *)h->bytes;
}

static inline const ingot_model *hand_finish(hand_plan *h)
{
    memcpy(h->header.magic, INGOT_PLAN_MAGIC, 8);
    h->header.abi_version = INGOT_ABI_VERSION;
    h->header.header_bytes = sizeof(ingot_plan);
    h->header.name = hand_text(h, "hand");
    h->header.cpu = hand_text(h, "x86-64");
    if (!h->header.arena_bytes)
        h->header.arena_bytes = hand_const(h, 4096);
#define HAND_TABLE(name) h->header.name = hand_bytes(h, h->name, h->n_##name, sizeof *h->name);
    HAND_TABLE(symbols)
    HAND_TABLE(exprs)
    HAND_TABLE(inputs)
    HAND_TABLE(outputs)
    HAND_TABLE(checks)
    HAND_TABLE(buffers)
    HAND_TABLE(places)
    HAND_TABLE(steps)
#undef HAND_TABLE
    h->header.n_kernels = h->n_kernels;
    h->header.plan_bytes = (h->used + 7) / 8 * 8;
    memcpy(h->bytes, &h->header, sizeof h->header);
    h->model = (ingot_model){INGOT_ABI_VERSION, sizeof h->model, hand_plan_of(h), h->kernels, NULL, "hand", NULL};
    return &h->model;
}

/* A dense tensor over the caller's memory. */
static inline DLTensor hand_tensor(void *data, ingot_dtype dtype, int32_t rank, int64_t *shape)
{
    return (DLTensor){data, {kDLCPU, 0}, rank, ingot_dtype_to_dl(dtype), shape, NULL, 0};
}
#endif
