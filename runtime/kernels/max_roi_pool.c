/* max_roi_pool: regions of x [N, C, H, W], rounded to whole elements, cut into cells; the maximum of each, zero for an
 * empty one. */
#include "runtime/kernels/kernels.h"

/* First and last + 1 element of cell `i` of `cells` along one axis. */
static void cell_range(int64_t start, int64_t length, int64_t i, int64_t cells, int64_t size, int64_t *out_first,
                       int64_t *out_end)
{
    double cell = (double)length / (double)cells;
    int64_t first = (int64_t)floor((double)i * cell) + start, end = (int64_t)ceil((double)(i + 1) * cell) + start;
    *out_first = first < 0 ? 0 : first > size ? size : first;
    *out_end = end < 0 ? 0 : end > size ? size : end;
}

ingot_status ingot_portable_max_roi_pool(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "max_roi_pool", 2, 1));
    const ingot_tensor *x = &call->in[0], *rois = &call->in[1], *y = &call->out[0];
    const ingot_attrs_roi *attrs = call->attrs;
    KERNEL_REQUIRE(x->rank == 4 && rois->rank == 2 && rois->dims[1] == 5 && y->rank == 4 &&
                       y->dims[0] == rois->dims[0] && y->dims[1] == x->dims[1] && y->dims[2] == attrs->height &&
                       y->dims[3] == attrs->width && attrs->height > 0 && attrs->width > 0 &&
                       ingot_dtype_is_float(x->dtype) && ingot_dtype_is_float(rois->dtype) && x->dtype == y->dtype,
                   "max_roi_pool: %s of rank %d, regions of rank %d", ingot_dtype_name(x->dtype), x->rank, rois->rank);
    int64_t to = 0, height = x->dims[2], width = x->dims[3];
    for (int64_t r = 0; r < rois->dims[0]; r++) {
        int64_t v[5]; /* sample, left, top, right, bottom */
        for (int k = 0; k < 5; k++) {
            double given = ingot_load_f64(rois->data, rois->dtype, r * 5 + k) * (k ? attrs->scale : 1);
            KERNEL_REQUIRE(fabs(given) < 0x1p31, "max_roi_pool: region %lld has %g", (long long)r, given);
            v[k] = (int64_t)round(given);
        }
        KERNEL_REQUIRE(v[0] >= 0 && v[0] < x->dims[0], "max_roi_pool: batch index %lld of %lld samples",
                       (long long)v[0], (long long)x->dims[0]);
        int64_t rows = v[4] - v[2] + 1 > 1 ? v[4] - v[2] + 1 : 1, columns = v[3] - v[1] + 1 > 1 ? v[3] - v[1] + 1 : 1;
        for (int64_t cell = 0; cell < x->dims[1] * attrs->height * attrs->width; cell++) {
            int64_t c = cell / (attrs->height * attrs->width), top, bottom, left, right;
            cell_range(v[2], rows, cell / attrs->width % attrs->height, attrs->height, height, &top, &bottom);
            cell_range(v[1], columns, cell % attrs->width, attrs->width, width, &left, &right);
            double most = top < bottom && left < right ? -INFINITY : 0;
            for (int64_t i = top; i < bottom; i++)
                for (int64_t j = left; j < right; j++) {
                    double e = ingot_load_f64(x->data, x->dtype, ((v[0] * x->dims[1] + c) * height + i) * width + j);
                    most = isnan(most) || most > e ? most : e;
                }
            ingot_store_f64(y->data, y->dtype, to++, most);
        }
    }
    return NULL;
}
