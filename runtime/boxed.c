/* Boxed steps: operands as boxes, the kernel, results to boxed values or, checked, to plain tensors. And the boxed
 * inputs and outputs of a run. */
#include "runtime/context.h"
#include <string.h>

#define BAD(...) ingot_fail(INGOT_BAD_USAGE, __VA_ARGS__)

/* ---- steps ---- */

/* Operand k: a boxed value, or a plain tensor in a box of its own. */
static ingot_status take_operand(ingot_context *ctx, const ingot_plan_step *s, ingot_step_state *state, uint32_t k)
{
    int32_t place = ingot_step_places(&ctx->view, s)[k], number = ingot_place_box(&ctx->view, place);
    if (place < 0) {
        state->boxes[k] = NULL;
    } else if (number >= 0) {
        state->boxes[k] = ctx->boxes[number];
        if (!state->boxes[k])
            return ingot_fail(INGOT_INTERNAL, "operand %u is a boxed value that no step has made", (unsigned)k);
    } else {
        state->plain[k] = (ingot_box){.magic = INGOT_BOX_MAGIC,
                                      .form = INGOT_FORM_TENSOR,
                                      .heap = &ctx->heap,
                                      .uses = 1,
                                      .passing = true,
                                      .tensor = state->tensors[k]};
        state->boxes[k] = &state->plain[k];
    }
    return NULL;
}

static ingot_status wrong_result(const ingot_tensor *t, uint32_t k, const char *what, long long found,
                                 long long expected)
{
    return BAD("result %u (%s of rank %d): %s is %lld, the model was compiled for %lld", (unsigned)k,
               ingot_dtype_name(t->dtype), (int)t->rank, what, found, expected);
}

/* A result that the plan knows as a plain tensor: sizes that it decides are bound, the others must agree. */
static ingot_status unbox(ingot_context *ctx, const ingot_plan_step *s, uint32_t k, const ingot_box *box)
{
    const ingot_plan_view *v = &ctx->view;
    const ingot_plan_place *p = &v->places[ingot_step_places(v, s)[s->n_in + k]];
    const ingot_tensor *t = &box->tensor;
    if (box->form != INGOT_FORM_TENSOR || t->dtype != (ingot_dtype)p->dtype)
        return ingot_fail(INGOT_INTERNAL, "result %u is not a tensor of %s", (unsigned)k,
                          ingot_dtype_name((ingot_dtype)p->dtype));
    if (t->rank != p->rank)
        return wrong_result(t, k, "its rank", t->rank, p->rank);
    const ingot_plan_data_dim *data = ingot_step_data_dims(v, s);
    for (uint32_t i = 0; i < s->data_dims.count; i++)
        if ((uint32_t)data[i].out == k)
            INGOT_TRY(ingot_context_set_symbol(ctx, data[i].symbol, t->dims[data[i].dim]));
    for (int32_t d = 0; d < t->rank; d++)
        if (ctx->env[p->dims[d]] != t->dims[d])
            return wrong_result(t, k, "a size", (long long)t->dims[d], (long long)ctx->env[p->dims[d]]);
    if (v->exprs[v->buffers[p->buffer].bytes].on_data)
        INGOT_TRY(ingot_context_make_room(ctx, p->buffer));
    int64_t bytes = ingot_dtype_bytes(t->dtype, ingot_tensor_count(t)), offset = ctx->env[p->offset_bytes],
            room = ctx->buffer_bytes[p->buffer];
    if (offset < 0 || offset > room || bytes < 0 || bytes > room - offset)
        return ingot_fail(INGOT_INTERNAL, "result %u needs %lld bytes at %lld of a buffer of %lld", (unsigned)k,
                          (long long)bytes, (long long)offset, (long long)room);
    if (bytes)
        memcpy(ctx->buffer_data[p->buffer] + offset, t->data, (size_t)bytes);
    return NULL;
}

/* Takes the use that the kernel gave. */
static ingot_status store_result(ingot_context *ctx, const ingot_plan_step *s, uint32_t k, ingot_box *box)
{
    int32_t place = ingot_step_places(&ctx->view, s)[s->n_in + k], number = ingot_place_box(&ctx->view, place);
    if (!box)
        return ingot_fail(INGOT_INTERNAL, "the kernel did not make result %u", (unsigned)k);
    if (number >= 0) {
        ingot_box_drop(ctx->boxes[number]);
        ctx->boxes[number] = box;
        return NULL;
    }
    ingot_status status = place < 0 ? NULL : unbox(ctx, s, k, box);
    ingot_box_drop(box);
    return status;
}

ingot_status ingot_context_run_boxed(ingot_context *ctx, int32_t step)
{
    const ingot_plan_view *v = &ctx->view;
    const ingot_plan_step *s = &v->steps[step];
    ingot_step_state *state = &ctx->steps[step];
    ingot_boxed_fn *kernel;
    memcpy(&kernel, &ctx->kernels[s->kernel], sizeof kernel); /* ISO C has no cast from data to code */
    for (uint32_t k = 0; k < s->n_in; k++)
        INGOT_TRY(take_operand(ctx, s, state, k));
    ingot_box **results = state->boxes + s->n_in;
    for (uint32_t k = 0; k < s->n_out; k++)
        results[k] = NULL;
    ingot_boxed_call call = {
        .heap = &ctx->heap,
        .attrs = s->attrs.count ? v->base + s->attrs.offset : NULL,
        .attrs_bytes = s->attrs.count,
        .prog = s->prog.count ? (const ingot_prog *)(const void *)(v->base + s->prog.offset) : NULL,
        .sym = state->sizes,
        .n_in = (int32_t)s->n_in,
        .n_out = (int32_t)s->n_out,
        .n_sym = (int32_t)s->sizes.count,
        .in = state->boxes,
        .out = results,
    };
    ingot_status status = kernel(&call);
    for (uint32_t k = 0; k < s->n_out; k++) {
        if (status)
            ingot_box_drop(results[k]);
        else
            status = store_result(ctx, s, k, results[k]);
    }
    return status;
}

/* ---- inputs and outputs ---- */

static ingot_form element_form(ingot_form form)
{
    return form == INGOT_FORM_OPTIONAL_SEQUENCE ? INGOT_FORM_SEQUENCE : INGOT_FORM_TENSOR;
}

/* A caller's box has the form and element type that it should, all the way down. */
static bool box_fits(const ingot_box *box, ingot_form form, int32_t dtype)
{
    if (!box || box->magic != INGOT_BOX_MAGIC || box->form != form || (int32_t)box->tensor.dtype != dtype)
        return false;
    if (form == INGOT_FORM_TENSOR)
        return true;
    for (int64_t i = 0; i < box->count; i++)
        if (!box_fits(box->elements[i], element_form(form), dtype))
            return false;
    return true;
}

/* A tensor of unknown rank: the caller's memory when it is dense. */
static ingot_status take_tensor(ingot_context *ctx, const ingot_plan_io *io, const DLTensor *t, ingot_box **out)
{
    const ingot_plan_view *v = &ctx->view;
    ingot_plan_io as_given = *io;
    as_given.rank = t->ndim;
    if (t->ndim < 0 || t->ndim > INGOT_MAX_RANK)
        return BAD("input '%s' has %d dims, expected 0 to %d", ingot_plan_text(v, io->name), (int)t->ndim,
                   INGOT_MAX_RANK);
    INGOT_TRY(ingot_io_check(v, &as_given, t, "input"));
    ingot_box given = {
        .magic = INGOT_BOX_MAGIC,
        .form = INGOT_FORM_TENSOR,
        .tensor = {.data = (char *)t->data + t->byte_offset, .dtype = (ingot_dtype)io->dtype, .rank = t->ndim}};
    for (int32_t d = 0; d < t->ndim; d++)
        given.tensor.dims[d] = t->shape[d];
    int64_t count = ingot_tensor_count(&given.tensor);
    if (count < 0 || ingot_dtype_bytes(given.tensor.dtype, count) < 0)
        return ingot_fail(INGOT_LIMIT, "input '%s' is too large", ingot_plan_text(v, io->name));
    if (count && !t->data)
        return BAD("input '%s' has no data", ingot_plan_text(v, io->name));
    uintptr_t alignment = (uintptr_t)ingot_dtype_bits(given.tensor.dtype) / 8;
    alignment = alignment > 8 ? 8 : alignment;
    if (count && ingot_io_is_dense(t) && !(alignment && (uintptr_t)given.tensor.data % alignment))
        return ingot_box_adopt(&ctx->heap, &given, out);
    INGOT_TRY(ingot_box_make_tensor(&ctx->heap, given.tensor.dtype, t->ndim, t->shape, out));
    ingot_dl_make_dense(t, given.tensor.dtype, (*out)->tensor.data);
    return NULL;
}

static ingot_status take_box(ingot_context *ctx, int32_t i, const DLTensor *t, ingot_box **out)
{
    static const char *const forms[] = {"tensor", "sequence", "optional", "optional sequence"};
    const ingot_plan_io *io = &ctx->view.inputs[i];
    if (io->form == INGOT_FORM_TENSOR)
        return take_tensor(ctx, io, t, out);
    const ingot_box *box = ingot_box_from_dl(t);
    if (!box_fits(box, (ingot_form)io->form, io->dtype))
        return BAD("input '%s' is not a box of the form %s of %s: see ingot_box in ingot/runtime.h",
                   ingot_plan_text(&ctx->view, io->name), forms[io->form], ingot_dtype_name((ingot_dtype)io->dtype));
    return ingot_box_adopt(&ctx->heap, box, out);
}

ingot_status ingot_context_bind_boxes(ingot_context *ctx, const DLTensor *const *inputs)
{
    const ingot_plan_view *v = &ctx->view;
    for (uint32_t i = 0; i < v->plan->n_boxes; i++) {
        ingot_box_drop(ctx->boxes[i]);
        ctx->boxes[i] = NULL;
    }
    ingot_heap_begin(&ctx->heap);
    for (int32_t i = 0; i < v->n_inputs; i++) {
        int32_t number = ingot_io_is_boxed(&v->inputs[i]) ? ingot_place_box(v, v->inputs[i].place) : -1;
        if (number >= 0)
            INGOT_TRY(take_box(ctx, i, inputs[i], &ctx->boxes[number]));
    }
    return NULL;
}

/* The caller's own memory for a tensor of unknown rank: its sizes must be those that came out. */
static ingot_status copy_out(const ingot_plan_view *v, const ingot_plan_io *io, const ingot_tensor *from, DLTensor *t)
{
    const char *name = ingot_plan_text(v, io->name);
    ingot_plan_io as_made = *io;
    as_made.rank = from->rank;
    INGOT_TRY(ingot_io_check(v, &as_made, t, "output"));
    for (int32_t d = 0; d < from->rank; d++)
        if (t->shape[d] != from->dims[d])
            return BAD("output '%s', dim %d: the result's size is %lld, the tensor's %lld", name, (int)d,
                       (long long)from->dims[d], (long long)t->shape[d]);
    if (!ingot_io_is_dense(t))
        return BAD("output '%s' has strides, expected dense row-major memory", name);
    int64_t bytes = ingot_dtype_bytes(from->dtype, ingot_tensor_count(from));
    if (bytes)
        memcpy((char *)t->data + t->byte_offset, from->data, (size_t)bytes);
    return NULL;
}

ingot_status ingot_context_finish_box(ingot_context *ctx, int32_t output, DLTensor *t)
{
    const ingot_plan_view *v = &ctx->view;
    const ingot_plan_io *io = &v->outputs[output];
    ingot_box *made = ctx->boxes[ingot_place_box(v, io->place)], *last = ctx->given[output], *box;
    if (!made)
        return ingot_fail(INGOT_INTERNAL, "output '%s' was not made", ingot_plan_text(v, io->name));
    INGOT_TRY(ingot_box_own(&ctx->heap, made, &box));
    bool tensor = io->form == INGOT_FORM_TENSOR;
    bool ours = !t->data || (last && (tensor ? t->data == last->tensor.data : t->data == (void *)last));
    ctx->given[output] = box;
    ingot_status status = NULL;
    if (!tensor) {
        *t = ingot_box_to_dl(box);
    } else if (!ours) {
        status = copy_out(v, io, &box->tensor, t);
    } else if (box->tensor.rank && !t->shape) {
        status = BAD("output '%s' has no room for its shape of %d sizes", ingot_plan_text(v, io->name),
                     (int)box->tensor.rank);
    } else {
        *t = (DLTensor){.data = box->tensor.data,
                        .device = {kDLCPU, 0},
                        .ndim = box->tensor.rank,
                        .dtype = ingot_dtype_to_dl(box->tensor.dtype),
                        .shape = t->shape};
        for (int32_t d = 0; d < box->tensor.rank; d++)
            t->shape[d] = box->tensor.dims[d];
    }
    ingot_box_drop(last);
    return status;
}
