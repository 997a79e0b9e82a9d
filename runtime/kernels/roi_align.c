/* roi_align: regions of x [N, C, H, W] cut into cells; each is the mean or maximum of samples read by linear
 * interpolation. */
#include "runtime/kernels/kernels.h"

#define MAX_SAMPLES 1024 /* along one side of a cell; a region a thousand times its result is no region of an image */

typedef struct {
    int64_t at[4];
    double weight[4];
} sample;

/* The four neighbours of a point and their weights; all zero outside x. */
static void locate(double y, double x, int64_t height, int64_t width, sample *out)
{
    memset(out, 0, sizeof *out);
    if (!(y >= -1 && y <= (double)height && x >= -1 && x <= (double)width))
        return;
    y = y > 0 ? y : 0;
    x = x > 0 ? x : 0;
    int64_t top = (int64_t)y, left = (int64_t)x, bottom = top + 1, right = left + 1;
    if (top >= height - 1) {
        top = bottom = height - 1;
        y = (double)top;
    }
    if (left >= width - 1) {
        left = right = width - 1;
        x = (double)left;
    }
    double down = y - (double)top, over = x - (double)left;
    *out = (sample){{top * width + left, top * width + right, bottom * width + left, bottom * width + right},
                    {(1 - down) * (1 - over), (1 - down) * over, down * (1 - over), down * over}};
}

typedef struct {
    double top, left, cell_height, cell_width; /* in elements of x */
    int64_t rows, columns;                     /* samples per cell */
} region;

static ingot_status find_region(const ingot_attrs_roi *attrs, const ingot_tensor *rois, int64_t r, region *out)
{
    double v[4], shift = attrs->half_pixel ? 0.5 : 0;
    for (int k = 0; k < 4; k++) {
        v[k] = ingot_load_f64(rois->data, rois->dtype, r * 4 + k) * attrs->scale - shift;
        KERNEL_REQUIRE(isfinite(v[k]), "roi_align: region %lld is not finite", (long long)r);
    }
    double width = v[2] - v[0], height = v[3] - v[1];
    if (!attrs->half_pixel) { /* at least one element */
        width = width > 1 ? width : 1;
        height = height > 1 ? height : 1;
    }
    *out = (region){.top = v[1],
                    .left = v[0],
                    .cell_height = height / (double)attrs->height,
                    .cell_width = width / (double)attrs->width};
    double rows = attrs->sampling > 0 ? (double)attrs->sampling : ceil(out->cell_height);
    double columns = attrs->sampling > 0 ? (double)attrs->sampling : ceil(out->cell_width);
    KERNEL_REQUIRE(rows <= MAX_SAMPLES && columns <= MAX_SAMPLES,
                   "roi_align: region %lld wants %g by %g samples for each cell, at most %d", (long long)r, rows,
                   columns, MAX_SAMPLES);
    out->rows = rows > 0 ? (int64_t)rows : 0;
    out->columns = columns > 0 ? (int64_t)columns : 0;
    return NULL;
}

static double pool_cell(const ingot_attrs_roi *attrs, const ingot_tensor *x, int64_t channel, const region *g,
                        int64_t i, int64_t j)
{
    int64_t height = x->dims[2], width = x->dims[3], count = g->rows * g->columns;
    double sum = 0, most = 0;
    for (int64_t s = 0; s < count; s++) {
        double down = ((double)(s / g->columns) + 0.5) / (double)g->rows;
        double over = ((double)(s % g->columns) + 0.5) / (double)g->columns;
        sample p;
        locate(g->top + ((double)i + down) * g->cell_height, g->left + ((double)j + over) * g->cell_width, height,
               width, &p);
        for (int k = 0; k < 4; k++) {
            double v = p.weight[k] * ingot_load_f64(x->data, x->dtype, channel * height * width + p.at[k]);
            sum += v;
            most = (s == 0 && k == 0) || v > most ? v : most;
        }
    }
    return attrs->max ? most : sum / (double)(count > 0 ? count : 1);
}

ingot_status ingot_portable_roi_align(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "roi_align", 3, 1));
    const ingot_tensor *x = &call->in[0], *rois = &call->in[1], *batch = &call->in[2], *y = &call->out[0];
    const ingot_attrs_roi *attrs = call->attrs;
    KERNEL_REQUIRE(x->rank == 4 && rois->rank == 2 && rois->dims[1] == 4 && batch->rank == 1 && y->rank == 4 &&
                       batch->dims[0] == rois->dims[0] && y->dims[0] == rois->dims[0] && y->dims[1] == x->dims[1] &&
                       y->dims[2] == attrs->height && y->dims[3] == attrs->width && attrs->height > 0 &&
                       attrs->width > 0 && x->dims[2] > 0 && x->dims[3] > 0 && kernel_is_index(batch->dtype) &&
                       ingot_dtype_is_float(x->dtype) && ingot_dtype_is_float(rois->dtype) && x->dtype == y->dtype,
                   "roi_align: %s of rank %d, regions of rank %d, batch indices of %s", ingot_dtype_name(x->dtype),
                   x->rank, rois->rank, ingot_dtype_name(batch->dtype));
    int64_t to = 0;
    for (int64_t r = 0; r < rois->dims[0]; r++) {
        region g = {0};
        INGOT_TRY(find_region(attrs, rois, r, &g));
        int64_t n = ingot_load_i64(batch->data, batch->dtype, r);
        KERNEL_REQUIRE(n >= 0 && n < x->dims[0], "roi_align: batch index %lld of %lld samples", (long long)n,
                       (long long)x->dims[0]);
        for (int64_t c = 0; c < x->dims[1]; c++)
            for (int64_t i = 0; i < attrs->height; i++)
                for (int64_t j = 0; j < attrs->width; j++)
                    ingot_store_f64(y->data, y->dtype, to++, pool_cell(attrs, x, n * x->dims[1] + c, &g, i, j));
    }
    return NULL;
}
