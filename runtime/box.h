/* Boxed values: what has no place in planned memory. A box is a tensor whose element type, rank and sizes a run
 * decides, a sequence of such tensors, or an optional.
 *
 * Boxes live in a heap of the context: blocks that are handed out again once free, and stay for the next run. A box is
 * counted, and never changed once others can see it. Texts of string elements live in the heap's text pool for the rest
 * of the run and the one after.
 *
 * A boxed kernel (runtime/boxed/<op>.c, rows of boxed.def) takes boxes and makes boxes. Plain tensors come to it as
 * boxes that borrow their memory for the call; results that the plan knows as plain tensors are checked and copied.
 */
#ifndef INGOT_RUNTIME_BOX_H
#define INGOT_RUNTIME_BOX_H
#include "runtime/arena.h"
#include "runtime/portable.h"

#define INGOT_BOX_MAX_ELEMENTS ((int64_t)1 << 24) /* of a sequence */
#define INGOT_BOX_MAGIC        0x584f4249u

#define INGOT_HEAP_CLASSES 160 /* block sizes, four a doubling */
typedef struct ingot_heap {
    ingot_arena memory; /* its limit_bytes is the heap's */
    void *free[INGOT_HEAP_CLASSES];
    struct ingot_heap_texts {
        char *chunks; /* the newest, linked to older ones */
        size_t used, capacity;
    } texts[2];      /* of this run and of the last one */
    ingot_box *root; /* of a caller's box: the box that owns this heap */
} ingot_heap;

/* Uninitialised, 16-byte aligned. INGOT_LIMIT when the heap's limit is met. */
ingot_status ingot_heap_take(ingot_heap *heap, int64_t size, void **out);
void ingot_heap_give(ingot_heap *heap, void *block); /* null is fine */
/* Room for a text, which stays until the run after this one ends. */
ingot_status ingot_heap_text(ingot_heap *heap, int64_t size, char **out);
/* A run begins: the texts of the last run but one go. */
void ingot_heap_begin(ingot_heap *heap);

struct ingot_box {
    uint32_t magic;
    ingot_form form;
    ingot_heap *heap;
    int64_t uses;
    ingot_tensor tensor; /* TENSOR; else only the element type counts */
    bool owned;          /* tensor.data is a block of the heap; else of the caller's inputs, or: */
    bool passing;        /* of the plan's buffers, valid for this call only */
    int64_t count;       /* elements: of an optional 0 or 1 */
    ingot_box **elements;
};

/* New boxes with one use. Elements are filled in by who makes them, each with a use of its own, before anything fails.
 */
ingot_status ingot_box_make_tensor(ingot_heap *heap, ingot_dtype dtype, int32_t rank, const int64_t *dims,
                                   ingot_box **out);
ingot_status ingot_box_make_list(ingot_heap *heap, ingot_form form, ingot_dtype dtype, int64_t count, ingot_box **out);
/* One more use of the box; a copy when its memory is only passing. */
ingot_status ingot_box_keep(ingot_heap *heap, ingot_box *box, ingot_box **out);
/* A box that owns all its memory, for who outlives the run's inputs. */
ingot_status ingot_box_own(ingot_heap *heap, ingot_box *box, ingot_box **out);
/* The caller's box inside this heap, with its memory as it is. */
ingot_status ingot_box_adopt(ingot_heap *heap, const ingot_box *box, ingot_box **out);
void ingot_box_drop(ingot_box *box); /* null is fine */
typedef struct ingot_boxed_call {
    ingot_heap *heap;
    const void *attrs;
    uint32_t attrs_bytes;
    const ingot_prog *prog;
    const int64_t *sym;
    int32_t n_in, n_out, n_sym;
    ingot_box *const *in; /* null: left out */
    ingot_box **out;      /* null on entry: the kernel stores boxes with a use for each */
} ingot_boxed_call;
typedef ingot_status ingot_boxed_fn(ingot_boxed_call *call);

typedef enum ingot_boxed_id {
#define BOXED(name) INGOT_BOXED_##name,
#include "runtime/boxed.def"
#undef BOXED
    INGOT_BOXED_COUNT
} ingot_boxed_id;

#define BOXED(name) ingot_boxed_fn ingot_boxed_##name;
#include "runtime/boxed.def"
#undef BOXED
#endif
