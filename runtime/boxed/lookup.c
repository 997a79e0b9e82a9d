/* Look-ups in tables of keys: label_encode maps elements, tfidf counts n-grams. Keys are found by hash. */
#include "runtime/boxed/boxed.h"

static uint64_t mix(uint64_t h, const void *data, size_t size)
{
    const unsigned char *bytes = data; /* FNV-1a */
    for (size_t i = 0; i < size; i++)
        h = (h ^ bytes[i]) * UINT64_C(0x100000001b3);
    return h ^ h >> 29;
}

/* All numbers that compare equal, and all NaNs, hash alike. */
static uint64_t hash_element(uint64_t h, const ingot_tensor *t, int64_t i)
{
    if (t->dtype == INGOT_STRING) {
        ingot_string s = ((const ingot_string *)t->data)[i];
        return mix(h, s.data, (size_t)s.size);
    }
    if (ingot_dtype_is_float(t->dtype)) {
        double v = ingot_load_f64(t->data, t->dtype, i);
        v = isnan(v) ? (double)NAN : v == 0 ? 0 : v;
        return mix(h, &v, sizeof v);
    }
    int64_t v = ingot_load_i64(t->data, t->dtype, i);
    return mix(h, &v, sizeof v);
}

static bool same_element(const ingot_tensor *a, int64_t i, const ingot_tensor *b, int64_t j)
{
    if (a->dtype == INGOT_STRING) {
        ingot_string x = ((const ingot_string *)a->data)[i], y = ((const ingot_string *)b->data)[j];
        return x.size == y.size && (!x.size || !memcmp(x.data, y.data, (size_t)x.size));
    }
    if (ingot_dtype_is_float(a->dtype)) {
        double x = ingot_load_f64(a->data, a->dtype, i), y = ingot_load_f64(b->data, b->dtype, j);
        return x == y || (isnan(x) && isnan(y));
    }
    return ingot_load_i64(a->data, a->dtype, i) == ingot_load_i64(b->data, b->dtype, j);
}

/* Runs of `length` elements of `keys`, each with a number. Open addressing; several lengths share one table. */
typedef struct table {
    const ingot_tensor *keys;
    int64_t *slots; /* 3 each: first element, length (0: free), number */
    int64_t n_slots;
} table;

static ingot_status table_create(ingot_heap *heap, const ingot_tensor *keys, int64_t n, table *out)
{
    void *slots;
    *out = (table){.keys = keys, .n_slots = 16};
    while (out->n_slots < 2 * n)
        out->n_slots *= 2;
    INGOT_TRY(ingot_heap_take(heap, out->n_slots * 24, &slots));
    memset(slots, 0, (size_t)out->n_slots * 24);
    out->slots = slots;
    return NULL;
}

/* The slot of elements t[at], t[at + step], ...: its own, or the free one where it belongs. */
static int64_t *table_find(const table *map, const ingot_tensor *t, int64_t at, int64_t step, int64_t length)
{
    uint64_t h = UINT64_C(14695981039346656037) + (uint64_t)length;
    for (int64_t i = 0; i < length; i++)
        h = hash_element(h, t, at + i * step);
    for (int64_t s = (int64_t)(h & (uint64_t)(map->n_slots - 1));; s = (s + 1) & (map->n_slots - 1)) {
        int64_t *slot = map->slots + 3 * s;
        bool same = slot[1] == length;
        for (int64_t i = 0; i < length && same; i++)
            same = same_element(map->keys, slot[0] + i, t, at + i * step);
        if (same || !slot[1])
            return slot;
    }
}

static void table_add(const table *map, int64_t at, int64_t length, int64_t number)
{
    int64_t *slot = table_find(map, map->keys, at, 1, length);
    slot[0] = at;
    slot[1] = length;
    slot[2] = number; /* of a repeated key the last one counts */
}

/* ---- label_encode: x, keys, values, default ---- */

ingot_status ingot_boxed_label_encode(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "label_encode", 4, 1));
    for (int32_t i = 0; i < 4; i++)
        INGOT_TRY(ingot_boxed_need(call, "label_encode", i, INGOT_FORM_TENSOR));
    const ingot_tensor *x = boxed_tensor(call, 0), *keys = boxed_tensor(call, 1), *values = boxed_tensor(call, 2),
                       *otherwise = boxed_tensor(call, 3);
    int64_t n = ingot_tensor_count(keys);
    KERNEL_REQUIRE(x->dtype == keys->dtype && values->dtype == otherwise->dtype && n == ingot_tensor_count(values) &&
                       ingot_tensor_count(otherwise) == 1,
                   "label_encode: %lld keys of %s for %lld values and elements of %s", (long long)n,
                   ingot_dtype_name(keys->dtype), (long long)ingot_tensor_count(values), ingot_dtype_name(x->dtype));
    ingot_tensor *y;
    table map;
    INGOT_TRY(ingot_boxed_result(call, 0, values->dtype, x->rank, x->dims, &y));
    INGOT_TRY(table_create(call->heap, keys, n, &map));
    for (int64_t i = 0; i < n; i++)
        table_add(&map, i, 1, i);
    for (int64_t i = 0, count = ingot_tensor_count(x); i < count; i++) {
        const int64_t *slot = table_find(&map, x, i, 1, 1);
        ingot_copy_element(y->data, i, slot[1] ? values->data : otherwise->data, slot[1] ? slot[2] : 0, y->dtype);
    }
    ingot_heap_give(call->heap, map.slots);
    return NULL;
}

/* ---- tfidf: x, pool, counts, indexes, weights? ---- */

enum { MODE_TF, MODE_IDF, MODE_TFIDF };

/* The pool's n-grams: counts[k] is where those of k + 1 elements begin. */
static ingot_status fill_pool(const ingot_tensor *pool, const ingot_tensor *counts, const ingot_tensor *indexes,
                              int64_t width, const table *map)
{
    int64_t n_counts = ingot_tensor_count(counts), size = ingot_tensor_count(pool), id = 0;
    for (int64_t k = 0; k < n_counts; k++) {
        int64_t begin = ingot_load_i64(counts->data, INGOT_I64, k),
                end = k + 1 < n_counts ? ingot_load_i64(counts->data, INGOT_I64, k + 1) : size, length = k + 1;
        KERNEL_REQUIRE(begin >= 0 && begin <= end && end <= size && (end - begin) % length == 0,
                       "tfidf: n-grams of %lld elements lie at %lld to %lld of a pool of %lld", (long long)length,
                       (long long)begin, (long long)end, (long long)size);
        for (int64_t at = begin; at < end; at += length, id++) {
            KERNEL_REQUIRE(id < ingot_tensor_count(indexes), "tfidf: more n-grams than the %lld ngram_indexes",
                           (long long)ingot_tensor_count(indexes));
            int64_t index = ingot_load_i64(indexes->data, INGOT_I64, id);
            KERNEL_REQUIRE(index >= 0 && index < width, "tfidf: index %lld of a result of %lld", (long long)index,
                           (long long)width);
            table_add(map, at, length, index * ingot_tensor_count(indexes) + id);
        }
    }
    return NULL;
}

/* Counts of one row: runs of min to max elements, `step` apart. Single elements are counted for step 1 alone. */
static void count_row(const ingot_attrs_tfidf *a, const ingot_tensor *x, int64_t row, int64_t size, const table *map,
                      int64_t n_ids, const ingot_tensor *weights, float *out)
{
    for (int64_t step = 1; step <= a->max_skip + 1; step++) {
        if (step > 1 && step >= size)
            return;
        for (int64_t length = a->min_gram; length <= a->max_gram; length++) {
            if (length == 1 && step > 1)
                continue;
            for (int64_t at = 0; at < size && (length - 1) <= (size - 1 - at) / step; at++) {
                const int64_t *slot = table_find(map, x, row * size + at, step, length);
                if (!slot[1])
                    continue;
                float *count = &out[slot[2] / n_ids];
                float weight = weights ? ((const float *)weights->data)[slot[2] % n_ids] : 1;
                if (a->mode == MODE_IDF)
                    *count = weight;
                else
                    *count += a->mode == MODE_TFIDF ? weight : 1;
            }
        }
    }
}

ingot_status ingot_boxed_tfidf(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "tfidf", 4, 1));
    const ingot_attrs_tfidf *a = call->attrs;
    for (int32_t i = 0; i < call->n_in; i++)
        if (i < 4 || call->in[i])
            INGOT_TRY(ingot_boxed_need(call, "tfidf", i, INGOT_FORM_TENSOR));
    const ingot_tensor *pool = boxed_tensor(call, 1), *counts = boxed_tensor(call, 2), *indexes = boxed_tensor(call, 3),
                       *weights = boxed_has(call, 4) ? boxed_tensor(call, 4) : NULL;
    ingot_tensor x = *boxed_tensor(call, 0);
    int64_t n_ids = ingot_tensor_count(indexes), n = ingot_tensor_count(&x), width = a->width;
    KERNEL_REQUIRE(x.rank == 1 || x.rank == 2 || x.rank == 0, "tfidf: an input of rank %d, expected [C] or [N, C]",
                   x.rank);
    KERNEL_REQUIRE(counts->dtype == INGOT_I64 && indexes->dtype == INGOT_I64 && width >= 0 && a->min_gram >= 1 &&
                       a->max_gram >= a->min_gram && a->max_skip >= 0 && a->mode >= MODE_TF && a->mode <= MODE_TFIDF &&
                       (!weights || (weights->dtype == INGOT_F32 && ingot_tensor_count(weights) == n_ids)) &&
                       (x.dtype == INGOT_STRING) == (pool->dtype == INGOT_STRING),
                   "tfidf: attributes and tables do not fit together");
    int64_t rows = x.rank == 2 ? x.dims[0] : 1, size = rows ? n / rows : 0, dims[2] = {rows, width};
    ingot_tensor *y;
    table map;
    INGOT_TRY(ingot_boxed_result(call, 0, INGOT_F32, x.rank == 2 ? 2 : 1, x.rank == 2 ? dims : dims + 1, &y));
    memset(y->data, 0, (size_t)ingot_tensor_count(y) * sizeof(float));
    INGOT_TRY(table_create(call->heap, pool, n_ids, &map));
    ingot_status status = fill_pool(pool, counts, indexes, width, &map);
    for (int64_t row = 0; row < rows && size && !status; row++)
        count_row(a, &x, row, size, &map, n_ids, weights, (float *)y->data + row * width);
    ingot_heap_give(call->heap, map.slots);
    return status;
}
