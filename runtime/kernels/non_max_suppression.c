/* non_max_suppression: per image and class, the best boxes that do not overlap a better one too much.
 *
 * boxes [B, N, 4], scores [B, C, N]; rows (image, class, box) of the result, best box first; of equal scores the lower
 * index. */
#include "runtime/kernels/kernels.h"

typedef struct {
    double low[2], high[2], area;
} box;

static box load_box(const ingot_tensor *boxes, int64_t i, bool centers)
{
    double v[4];
    box b;
    ingot_kernel_load_f64(v, boxes->data, boxes->dtype, i * 4, 1, 4);
    for (int d = 0; d < 2; d++) {
        double from = centers ? v[d] - v[d + 2] / 2 : v[d], to = centers ? v[d] + v[d + 2] / 2 : v[d + 2];
        b.low[d] = from < to ? from : to; /* corners come in any order */
        b.high[d] = from < to ? to : from;
    }
    b.area = (b.high[0] - b.low[0]) * (b.high[1] - b.low[1]);
    return b;
}

static bool overlap(const box *a, const box *b, double threshold)
{
    double common = 1;
    for (int d = 0; d < 2; d++) {
        double low = a->low[d] > b->low[d] ? a->low[d] : b->low[d],
               high = a->high[d] < b->high[d] ? a->high[d] : b->high[d];
        common *= high > low ? high - low : 0;
    }
    double all = a->area + b->area - common;
    return common > 0 && a->area > 0 && b->area > 0 && all > 0 && common / all > threshold;
}

/* Sorts indices by score, best first, lower index first among equals: merge sort. */
static void sort(const ingot_tensor *scores, int64_t at, int64_t *order, int64_t *room, int64_t n)
{
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t start = 0; start < n; start += 2 * width) {
            int64_t middle = start + width < n ? start + width : n, end = start + 2 * width < n ? start + 2 * width : n;
            int64_t a = start, b = middle;
            for (int64_t to = start; to < end; to++) {
                bool left = a < middle && (b == end || ingot_load_f64(scores->data, scores->dtype, at + order[a]) >=
                                                           ingot_load_f64(scores->data, scores->dtype, at + order[b]));
                room[to] = left ? order[a++] : order[b++];
            }
        }
        memcpy(order, room, (size_t)n * sizeof *order);
    }
}

static double scalar(const ingot_call *call, int32_t i, double otherwise)
{
    if (!kernel_has_in(call, i) || ingot_tensor_count(&call->in[i]) < 1)
        return otherwise;
    return ingot_load_f64(call->in[i].data, call->in[i].dtype, 0);
}

ingot_status ingot_portable_non_max_suppression(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "non_max_suppression", 2, 1));
    const ingot_tensor *boxes = &call->in[0], *scores = &call->in[1];
    ingot_tensor *y = &call->out[0];
    KERNEL_REQUIRE(boxes->rank == 3 && scores->rank == 3 && boxes->dims[0] == scores->dims[0] &&
                       boxes->dims[1] == scores->dims[2] && boxes->dims[2] == 4 && ingot_dtype_is_float(boxes->dtype) &&
                       ingot_dtype_is_float(scores->dtype) && y->rank == 2 && y->dims[1] == 3 && y->dtype == INGOT_I64,
                   "non_max_suppression: boxes must be [B, N, 4], scores [B, C, N]");
    double most = scalar(call, 2, 0), iou = scalar(call, 3, 0), least = scalar(call, 4, -INFINITY);
    bool centers = call->n_sym > 0 && call->sym[0] != 0;
    int64_t n = boxes->dims[1], classes = scores->dims[1], capacity = y->dims[0], found = 0;
    int64_t *order = call->scratch, *room = order + n;
    for (int64_t i = 0; i < boxes->dims[0] * classes && most > 0; i++) {
        int64_t image = i / classes, candidates = 0, kept = 0;
        for (int64_t j = 0; j < n; j++) {
            if (ingot_load_f64(scores->data, scores->dtype, i * n + j) > least)
                order[candidates++] = j;
        }
        sort(scores, i * n, order, room, candidates);
        for (int64_t c = 0; c < candidates && (double)kept < most; c++) {
            box candidate = load_box(boxes, image * n + order[c], centers);
            bool drop = false;
            for (int64_t l = 0; l < kept && !drop; l++) { /* kept boxes stay at the front of `order` */
                box better = load_box(boxes, image * n + order[l], centers);
                drop = overlap(&candidate, &better, iou);
            }
            if (drop)
                continue;
            KERNEL_REQUIRE(found < capacity, "non_max_suppression: more than %lld boxes", (long long)capacity);
            const int64_t row[3] = {image, i % classes, order[c]};
            ingot_kernel_store_i64(y->data, INGOT_I64, found * 3, 1, row, 3);
            order[kept++] = order[c];
            found++;
        }
    }
    y->dims[0] = found;
    return NULL;
}
