/* Boxes: making, sharing, dropping; and the public calls for boxes of a caller, each in a heap of its own. */
#include "runtime/box.h"
#include <string.h>

#define BAD(...) ingot_fail(INGOT_BAD_USAGE, __VA_ARGS__)

/* ---- inside a heap ---- */

static ingot_status make_shell(ingot_heap *heap, ingot_form form, ingot_dtype dtype, ingot_box **out)
{
    void *memory;
    INGOT_TRY(ingot_heap_take(heap, sizeof(ingot_box), &memory));
    *out = memory;
    **out = (ingot_box){.magic = INGOT_BOX_MAGIC, .form = form, .heap = heap, .uses = 1, .tensor = {.dtype = dtype}};
    return NULL;
}

ingot_status ingot_box_make_tensor(ingot_heap *heap, ingot_dtype dtype, int32_t rank, const int64_t *dims,
                                   ingot_box **out)
{
    *out = NULL;
    if (rank < 0 || rank > INGOT_MAX_RANK)
        return ingot_fail(INGOT_LIMIT, "a value of rank %d, the most is %d", (int)rank, INGOT_MAX_RANK);
    ingot_tensor t = {.dtype = dtype, .rank = rank};
    for (int32_t d = 0; d < rank; d++)
        t.dims[d] = dims[d];
    int64_t count = ingot_tensor_count(&t), bytes = ingot_dtype_bytes(dtype, count);
    if (count < 0 || bytes < 0)
        return ingot_fail(INGOT_LIMIT, "a value whose sizes do not fit in memory");
    ingot_box *box;
    INGOT_TRY(make_shell(heap, INGOT_FORM_TENSOR, dtype, &box));
    ingot_status status = ingot_heap_take(heap, bytes, &t.data);
    if (status) {
        ingot_heap_give(heap, box);
        return status;
    }
    if (bytes && (dtype == INGOT_STRING || ingot_dtype_bits(dtype) < 8)) /* never stray pointers or bits */
        memset(t.data, 0, (size_t)bytes);
    box->tensor = t;
    box->owned = true;
    *out = box;
    return NULL;
}

ingot_status ingot_box_make_list(ingot_heap *heap, ingot_form form, ingot_dtype dtype, int64_t count, ingot_box **out)
{
    *out = NULL;
    if (count < 0 || count > INGOT_BOX_MAX_ELEMENTS)
        return ingot_fail(INGOT_LIMIT, "a sequence of %lld elements, the most is %lld", (long long)count,
                          (long long)INGOT_BOX_MAX_ELEMENTS);
    ingot_box *box;
    void *elements;
    INGOT_TRY(make_shell(heap, form, dtype, &box));
    ingot_status status = ingot_heap_take(heap, count * (int64_t)sizeof(ingot_box *), &elements);
    if (status) {
        ingot_heap_give(heap, box);
        return status;
    }
    memset(elements, 0, (size_t)count * sizeof(ingot_box *));
    box->count = count;
    box->elements = elements;
    *out = box;
    return NULL;
}

/* Forms nest three deep at most, so recursion is bounded. */
void ingot_box_drop(ingot_box *box)
{
    if (!box || --box->uses > 0)
        return;
    for (int64_t i = 0; i < box->count; i++)
        ingot_box_drop(box->elements[i]);
    if (box->owned)
        ingot_heap_give(box->heap, box->tensor.data);
    ingot_heap_give(box->heap, box->elements);
    box->magic = 0;
    ingot_heap_give(box->heap, box);
}

static ingot_status copy_tensor(ingot_heap *heap, const ingot_tensor *t, ingot_box **out)
{
    INGOT_TRY(ingot_box_make_tensor(heap, t->dtype, t->rank, t->dims, out));
    int64_t bytes = ingot_dtype_bytes(t->dtype, ingot_tensor_count(t));
    if (bytes)
        memcpy((*out)->tensor.data, t->data, (size_t)bytes);
    return NULL;
}

typedef ingot_status each_fn(ingot_heap *heap, ingot_box *box, ingot_box **out);

/* A list of the same form whose elements are those of `box`, each seen to by `each`. */
static ingot_status map_list(ingot_heap *heap, const ingot_box *box, each_fn *each, ingot_box **out)
{
    INGOT_TRY(ingot_box_make_list(heap, box->form, box->tensor.dtype, box->count, out));
    for (int64_t i = 0; i < box->count; i++) {
        ingot_status status = each(heap, box->elements[i], &(*out)->elements[i]);
        if (status) {
            ingot_box_drop(*out);
            *out = NULL;
            return status;
        }
    }
    return NULL;
}

ingot_status ingot_box_keep(ingot_heap *heap, ingot_box *box, ingot_box **out)
{
    if (box->passing)
        return copy_tensor(heap, &box->tensor, out);
    box->uses++;
    *out = box;
    return NULL;
}

static bool owns_all(const ingot_box *box)
{
    bool owns = box->form != INGOT_FORM_TENSOR || box->owned;
    for (int64_t i = 0; i < box->count && owns; i++)
        owns = owns_all(box->elements[i]);
    return owns;
}

ingot_status ingot_box_own(ingot_heap *heap, ingot_box *box, ingot_box **out)
{
    if (owns_all(box)) {
        box->uses++;
        *out = box;
        return NULL;
    }
    return box->form == INGOT_FORM_TENSOR ? copy_tensor(heap, &box->tensor, out)
                                          : map_list(heap, box, ingot_box_own, out);
}

static ingot_status adopt(ingot_heap *heap, ingot_box *box, ingot_box **out)
{
    if (box->form != INGOT_FORM_TENSOR)
        return map_list(heap, box, adopt, out);
    INGOT_TRY(make_shell(heap, INGOT_FORM_TENSOR, box->tensor.dtype, out));
    (*out)->tensor = box->tensor;
    return NULL;
}

ingot_status ingot_box_adopt(ingot_heap *heap, const ingot_box *box, ingot_box **out)
{
    return adopt(heap, (ingot_box *)(uintptr_t)box, out); /* which it only reads */
}

/* ---- a caller's boxes ---- */

/* A heap in an arena of its own, for one box of a caller. */
static ingot_status heap_create(ingot_heap **out)
{
    ingot_arena memory = {0};
    void *heap;
    INGOT_TRY(ingot_arena_array(&memory, 1, sizeof(ingot_heap), &heap));
    *out = heap;
    (*out)->memory = memory;
    return NULL;
}

static void heap_destroy(ingot_heap *heap)
{
    ingot_arena memory = heap->memory; /* the heap itself lives there */
    ingot_arena_release(&memory);
}

/* Hands the box over to the caller, or ends its heap. */
static ingot_status finish(ingot_heap *heap, ingot_status status, ingot_box *box, ingot_box **out)
{
    if (status) {
        heap_destroy(heap);
        return status;
    }
    heap->root = box;
    *out = box;
    return NULL;
}

static ingot_status own_texts(ingot_heap *heap, ingot_tensor *t)
{
    ingot_string *texts = t->data;
    for (int64_t i = 0, n = t->dtype == INGOT_STRING ? ingot_tensor_count(t) : 0; i < n; i++) {
        char *copy;
        if (texts[i].size < 0 || (texts[i].size && !texts[i].data))
            return BAD("string %lld has no data", (long long)i);
        INGOT_TRY(ingot_heap_text(heap, texts[i].size, &copy));
        if (texts[i].size)
            memcpy(copy, texts[i].data, (size_t)texts[i].size);
        texts[i].data = copy;
    }
    return NULL;
}

static ingot_status copy_dl(ingot_heap *heap, const DLTensor *t, ingot_box **out)
{
    ingot_dtype dtype = ingot_dtype_from_dl(t->dtype);
    if (!dtype || t->device.device_type != kDLCPU)
        return BAD("a tensor of an unknown element type, or not in CPU memory");
    if (t->ndim < 0 || t->ndim > INGOT_MAX_RANK || (t->ndim && !t->shape))
        return BAD("a tensor of %d dims, or without its shape", (int)t->ndim);
    bool empty = false;
    for (int32_t d = 0; d < t->ndim; d++) {
        if (t->shape[d] < 0)
            return BAD("dim %d: %lld is negative", (int)d, (long long)t->shape[d]);
        empty |= t->shape[d] == 0;
    }
    if (!empty && !t->data)
        return BAD("a tensor without data");
    INGOT_TRY(ingot_box_make_tensor(heap, dtype, t->ndim, t->shape, out));
    ingot_dl_make_dense(t, dtype, (*out)->tensor.data);
    return own_texts(heap, &(*out)->tensor);
}

ingot_status ingot_box_create_tensor(const DLTensor *tensor, ingot_box **out_box)
{
    ingot_heap *heap;
    ingot_box *box = NULL;
    *out_box = NULL;
    if (!tensor)
        return BAD("no tensor given");
    INGOT_TRY(heap_create(&heap));
    ingot_status status = copy_dl(heap, tensor, &box);
    return finish(heap, status, box, out_box);
}

static ingot_status copy_deep(ingot_heap *heap, ingot_box *box, ingot_box **out)
{
    if (box->form != INGOT_FORM_TENSOR)
        return map_list(heap, box, copy_deep, out);
    INGOT_TRY(copy_tensor(heap, &box->tensor, out));
    return own_texts(heap, &(*out)->tensor);
}

static bool is_box(const ingot_box *box)
{
    return box && box->magic == INGOT_BOX_MAGIC;
}

static ingot_status create_list(ingot_form form, ingot_dtype dtype, int64_t count, const ingot_box *const *elements,
                                ingot_form element_form, ingot_box **out_box)
{
    *out_box = NULL;
    if (dtype <= INGOT_UNDEFINED || dtype >= INGOT_DTYPE_COUNT)
        return BAD("%d is not an element type", (int)dtype);
    for (int64_t i = 0; i < count; i++) {
        if (!is_box(elements[i]) || elements[i]->form != element_form || elements[i]->tensor.dtype != dtype)
            return BAD("element %lld is not %s of type %s", (long long)i,
                       element_form == INGOT_FORM_TENSOR ? "a tensor" : "a sequence", ingot_dtype_name(dtype));
    }
    ingot_heap *heap;
    ingot_box *box = NULL;
    INGOT_TRY(heap_create(&heap));
    ingot_status status = ingot_box_make_list(heap, form, dtype, count, &box);
    for (int64_t i = 0; i < count && !status; i++)
        status = copy_deep(heap, (ingot_box *)(uintptr_t)elements[i], &box->elements[i]);
    return finish(heap, status, box, out_box);
}

ingot_status ingot_box_create_sequence(ingot_dtype dtype, int64_t count, const ingot_box *const *elements,
                                       ingot_box **out_box)
{
    *out_box = NULL;
    if (count < 0 || (count && !elements))
        return BAD("a sequence of %lld elements, or without them", (long long)count);
    return create_list(INGOT_FORM_SEQUENCE, dtype, count, elements, INGOT_FORM_TENSOR, out_box);
}

ingot_status ingot_box_create_optional(ingot_form form, ingot_dtype dtype, const ingot_box *element,
                                       ingot_box **out_box)
{
    *out_box = NULL;
    if (form != INGOT_FORM_OPTIONAL && form != INGOT_FORM_OPTIONAL_SEQUENCE)
        return BAD("%d is not the form of an optional", (int)form);
    return create_list(form, dtype, element != NULL, &element,
                       form == INGOT_FORM_OPTIONAL ? INGOT_FORM_TENSOR : INGOT_FORM_SEQUENCE, out_box);
}

void ingot_box_release(ingot_box *box)
{
    if (is_box(box) && box->heap->root == box)
        heap_destroy(box->heap);
}

ingot_form ingot_box_get_form(const ingot_box *box)
{
    return box->form;
}

ingot_dtype ingot_box_get_dtype(const ingot_box *box)
{
    return box->tensor.dtype;
}

int64_t ingot_box_get_count(const ingot_box *box)
{
    return box->form == INGOT_FORM_TENSOR ? 1 : box->count;
}

const ingot_box *ingot_box_get_element(const ingot_box *box, int64_t i)
{
    if (box->form == INGOT_FORM_TENSOR)
        return i == 0 ? box : NULL;
    return i >= 0 && i < box->count ? box->elements[i] : NULL;
}

ingot_status ingot_box_get_tensor(const ingot_box *box, DLTensor *out_tensor)
{
    if (is_box(box) && box->form == INGOT_FORM_OPTIONAL && box->count)
        box = box->elements[0];
    if (!is_box(box) || box->form != INGOT_FORM_TENSOR)
        return BAD("the box does not hold a tensor");
    union {
        const int64_t *in;
        int64_t *out;
    } shape = {box->tensor.dims};
    *out_tensor = (DLTensor){.data = box->tensor.data,
                             .device = {kDLCPU, 0},
                             .ndim = box->tensor.rank,
                             .dtype = ingot_dtype_to_dl(box->tensor.dtype),
                             .shape = shape.out};
    return NULL;
}
