/* Constants as they lie in the weights file. */
#include "kernel/limited.h"
#include "kernel/winograd_exact.h"
#include "lower/lower.h"
#include <string.h>

/* One row of the innermost destination dim, whose source index moves by `step` elements from `from`; `room` of them
 * exist. */
static void copy_row(uint8_t *dest, const uint8_t *src, int64_t from, int64_t step, int64_t room, int64_t count,
                     int64_t size)
{
    int64_t n = room < count ? (room < 0 ? 0 : room) : count;
    if (step == 1) {
        memcpy(dest, src + from * size, (size_t)(n * size));
    } else if (size == 4) {
        for (int64_t i = 0; i < n; i++)
            memcpy(dest + i * 4, src + (from + i * step) * 4, 4);
    } else {
        for (int64_t i = 0; i < n; i++)
            memcpy(dest + i * size, src + (from + i * step) * size, (size_t)size);
    }
    memset(dest + n * size, 0, (size_t)((count - n) * size));
}

static void pack(const ingot_packing *p, const uint8_t *src, int64_t size, uint8_t *dest)
{
    int64_t index[INGOT_PACK_DIMS] = {0};
    int32_t last = p->dest_rank - 1, along = p->dest_src[last];
    int64_t row = p->dest_dims[last], rows = 1;
    for (int32_t d = 0; d < last; d++)
        rows *= p->dest_dims[d];
    for (int64_t r = 0; r < rows; r++) {
        int64_t logical[INGOT_PACK_DIMS] = {0};
        for (int32_t d = 0; d < last; d++)
            logical[p->dest_src[d]] += index[d] * p->dest_multiplier[d];
        bool inside = true;
        int64_t from = p->src_offset;
        for (int32_t s = 0; s < p->src_rank; s++) {
            if (logical[s] >= p->src_dims[s])
                inside = false;
            from += logical[s] * p->src_strides[s];
        }
        int64_t multiplier = p->dest_multiplier[last];
        int64_t room = !inside ? 0 : (p->src_dims[along] - logical[along] + multiplier - 1) / multiplier;
        copy_row(dest + r * row * size, src, from, multiplier * p->src_strides[along], room, row, size);
        for (int32_t d = last - 1; d >= 0; d--) {
            if (++index[d] < p->dest_dims[d])
                break;
            index[d] = 0;
        }
    }
}

/* Filters [o, c, ...] of src_dims for tiles of mh x mw results. */
static void transform(const ingot_packing *p, const void *data, ingot_dtype dtype, void *out)
{
    int64_t mh = p->winograd[0], mw = p->winograd[1], taps = (mh > 1 ? 3 : 1) * (mw > 1 ? 3 : 1);
    const ingot_winograd_integers filters = {p->src_dims[0], p->src_dims[1], taps, dtype, data, 0, 0};
    if (dtype == INGOT_F32)
        ingot_winograd_pack(mh, mw, p->src_dims[0], p->src_dims[1], data, out);
    else
        ingot_winograd_exact_pack(mh, mw, &filters, out);
}

ingot_status ingot_weight_write(const ingot_weight *weight, ingot_arena *scratch, void *out)
{
    const ingot_literal *literal = ingot_value_literal(weight->value);
    ingot_dtype dtype = weight->value->type.dtype;
    int64_t element = ingot_dtype_bits(dtype) / 8;
    if (literal == NULL)
        return ingot_fail(INGOT_INTERNAL, "weight of a value that is not constant");
    if (literal->kind == INGOT_LITERAL_SPLAT && !weight->packed) {
        /* dense, or the one element that strides of 0 read */
        if (element == 0)
            element = ingot_dtype_bytes(dtype, 1);
        for (int64_t at = 0; at + element <= weight->size_bytes; at += element)
            memcpy((uint8_t *)out + at, literal->data, (size_t)element);
        return NULL;
    }
    const void *data;
    INGOT_TRY(ingot_literal_get_data(weight->value->graph->module, literal, dtype, scratch, &data));
    if (!weight->packed)
        memcpy(out, data, (size_t)weight->size_bytes);
    else if (weight->packing.winograd[0])
        transform(&weight->packing, data, dtype, out);
    else
        pack(&weight->packing, data, element, out);
    if (weight->packing.limited) {
        ingot_limited l = ingot_limited_of_packing(&weight->packing);
        int64_t records = ingot_limited_split(&l, out, true);
        if (ingot_limited_records_at(&l) + records * INGOT_LIMITED_RECORD != weight->size_bytes)
            return ingot_fail(INGOT_INTERNAL, "limited weights of another size than was planned");
    }
    return NULL;
}

static void read_block(const void *arg, int64_t index, int8_t *out)
{
    memcpy(out, (const int8_t *)arg + index * 256, 256);
}

/* Packed weights of bytes. */
static ingot_status read_packed(lowering *l, const ingot_value *value, const ingot_packing *packing,
                                ingot_arena *scratch, int8_t **out, int64_t *out_size)
{
    ingot_limited limited = ingot_limited_of_packing(packing);
    const void *data;
    *out_size = ingot_limited_orders_at(&limited);
    INGOT_TRY(ingot_literal_get_data(l->m, ingot_value_literal(value), value->type.dtype, scratch, &data));
    INGOT_TRY(ingot_arena_array(scratch, (size_t)*out_size + 1, 1, (void **)out));
    pack(packing, data, 1, (uint8_t *)*out);
    return NULL;
}

static int32_t choose_sums(const int8_t *weights, int64_t size)
{
    return ingot_limited_choose(size / 256, read_block, weights) == 2 ? 2 : 1;
}

ingot_status ingot_lower_limited_sums(lowering *l, const ingot_value *value, ingot_packing packing, int32_t *out)
{
    ingot_arena scratch = {0};
    int8_t *weights = NULL;
    int64_t size = 0;
    packing.limited = 1;
    ingot_status err = read_packed(l, value, &packing, &scratch, &weights, &size);
    *out = err ? 1 : choose_sums(weights, size);
    ingot_arena_release(&scratch);
    return err;
}

ingot_status ingot_lower_add_limited(lowering *l, const ingot_value *value, ingot_packing *packing, location *out)
{
    packing->limited = 1;
    ingot_limited limited = ingot_limited_of_packing(packing);
    ingot_arena scratch = {0};
    int8_t *weights = NULL;
    int64_t size = 0, records = 0;
    ingot_status err = read_packed(l, value, packing, &scratch, &weights, &size);
    if (!err) {
        packing->limited = limited.sums = choose_sums(weights, size);
        records = ingot_limited_split(&limited, weights, false);
    }
    ingot_arena_release(&scratch);
    INGOT_TRY(err);
    if (records > INT32_MAX)
        return ingot_fail(INGOT_LIMIT, "more than 2^31 weights are too large for products of bytes");
    return ingot_lower_add_weight(l, value, packing,
                                  ingot_limited_records_at(&limited) + records * INGOT_LIMITED_RECORD, out);
}
