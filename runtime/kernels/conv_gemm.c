/* Convolutions as products: weight rows times patches of x, packed four positions at a time. */
#include "runtime/kernels/kernels.h"

/* One group of one image; the vectors are patches, one per position of the result. */
typedef struct {
    const kernel_window *w;
    const ingot_tensor *x;
    int64_t at, channels; /* first element and channels of the group */
    double zero;
} patches;

/* Offset of tap `tap` of the patch at `position` within a channel; -1 in the padding. */
static int64_t tap_offset(const kernel_window *w, const int64_t *position, const int64_t *tap)
{
    int64_t offset = 0;
    for (int32_t d = 0; d < w->rank; d++) {
        int64_t i = position[d] * w->strides[d] - w->low[d] + tap[d] * w->dilations[d];
        if (i < 0 || i >= w->in[d])
            return -1;
        offset += i * w->in_strides[d];
    }
    return offset;
}

static void pack_patches(const void *arg, int64_t first, int64_t count, double *out)
{
    const patches *p = arg;
    const kernel_window *w = p->w;
    int64_t positions[4][INGOT_MAX_RANK], tap[INGOT_MAX_RANK] = {0}, taps = w->kernel_count, plane = w->in_count;
    for (int64_t v = 0; v < count; v++) {
        int64_t rest = first + v;
        for (int32_t d = w->rank - 1; d >= 0; d--) {
            positions[v][d] = rest % w->out[d];
            rest /= w->out[d];
        }
    }
    for (int64_t t = 0; t < taps; t++) {
        int64_t at[4] = {-1, -1, -1, -1};
        for (int64_t v = 0; v < count; v++)
            at[v] = tap_offset(w, positions[v], tap);
        double *to = out + t * 4;
        if (p->x->dtype == INGOT_F32 && at[0] >= 0 && at[1] == at[0] + 1 && at[2] == at[0] + 2 && at[3] == at[0] + 3) {
            for (int64_t c = 0; c < p->channels; c++) {
                const char *from = (const char *)p->x->data + (p->at + c * plane + at[0]) * 4;
                for (int v = 0; v < 4; v++)
                    to[c * taps * 4 + v] = (double)kernel_f32(from, v);
            }
        } else {
            for (int v = 0; v < 4; v++) {
                for (int64_t c = 0; c < p->channels; c++) {
                    int64_t from = p->at + c * plane + at[v];
                    double x = 0;
                    if (at[v] >= 0)
                        x = p->x->dtype == INGOT_F32 ? (double)kernel_f32(p->x->data, from)
                                                     : ingot_load_f64(p->x->data, p->x->dtype, from) - p->zero;
                    to[c * taps * 4 + v] = x;
                }
            }
        }
        kernel_next(w->rank, w->kernel, tap);
    }
}

typedef struct {
    const ingot_tensor *y;
    int64_t at, positions;
} result;

static void store_tile(void *arg, int64_t row, int64_t col, int64_t rows, int64_t cols, const double *tile)
{
    const result *r = arg;
    for (int64_t i = 0; i < rows; i++)
        ingot_kernel_store_f64(r->y->data, r->y->dtype, r->at + (row + i) * r->positions + col, 1, tile + i * 4, cols);
}

ingot_status ingot_kernel_conv(const ingot_call *call, const char *name, const ingot_tensor *x_zero,
                               const ingot_tensor *w_zero)
{
    INGOT_TRY(ingot_kernel_check(call, name, 2, 1));
    const ingot_tensor *x = &call->in[0], *weights = &call->in[1], *y = &call->out[0];
    const ingot_attrs_conv *attrs = call->attrs;
    kernel_window w;
    KERNEL_REQUIRE(x->rank >= 2 && weights->rank == x->rank, "%s: operand of rank %d, weights of rank %d", name,
                   x->rank, weights->rank);
    INGOT_TRY(ingot_kernel_window(name, x, y, weights->dims + 2, &attrs->strides, &attrs->pads, &attrs->dilations, &w));
    int64_t groups = attrs->groups ? attrs->groups : 1, channels = weights->dims[1], all = 0,
            per_group = groups > 0 ? y->dims[1] / groups : 0;
    KERNEL_REQUIRE(groups > 0 && !__builtin_mul_overflow(groups, channels, &all) && all == x->dims[1] &&
                       y->dims[1] == weights->dims[0] && per_group * groups == y->dims[1] && x->dims[0] == y->dims[0],
                   "%s: %lld channels, weights [%lld, %lld, ...], %lld groups, %lld result channels", name,
                   (long long)x->dims[1], (long long)weights->dims[0], (long long)channels, (long long)groups,
                   (long long)y->dims[1]);
    int64_t k = channels * w.kernel_count;
    patches p = {&w, x, 0, channels, x_zero ? ingot_load_f64(x_zero->data, x_zero->dtype, 0) : 0};
    kernel_matrix rows = {.data = weights->data, .dtype = weights->dtype, .vector_stride = k, .stride = 1, .k = k};
    if (w_zero) {
        int64_t count = ingot_tensor_count(w_zero);
        KERNEL_REQUIRE(count == 1 || count == weights->dims[0], "%s: %lld zero points for %lld filters", name,
                       (long long)count, (long long)weights->dims[0]);
        rows.zeros = w_zero->data, rows.zeros_dtype = w_zero->dtype, rows.zeros_step = count > 1;
    }
    if (!ingot_tensor_count(y))
        return NULL;
    result r = {y, 0, w.out_count};
    for (int64_t n = 0; n < x->dims[0]; n++) {
        for (int64_t g = 0; g < groups; g++) {
            p.at = (n * groups + g) * channels * w.in_count;
            rows.at = g * per_group * k;
            rows.zeros_at = rows.zeros_step * g * per_group;
            ingot_kernel_gemm(per_group, w.out_count, k, ingot_kernel_pack_matrix, &rows, pack_patches, &p, store_tile,
                              &r, call->scratch);
            r.at += per_group * w.out_count;
        }
    }
    return NULL;
}
