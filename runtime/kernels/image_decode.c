/* image_decode: the pixels [height, width, channels] of the picture that bytes hold. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_image_decode(const ingot_call *call)
{
    kernel_image m = {0};
    INGOT_TRY(ingot_kernel_check(call, "image_decode", 1, 1));
    const ingot_tensor *y = &call->out[0];
    const ingot_attrs_image *attrs = call->attrs;
    INGOT_TRY(ingot_kernel_image_open(&call->in[0], &m));
    bool gray = attrs->format == INGOT_PIXEL_GRAYSCALE;
    KERNEL_REQUIRE(y->dtype == INGOT_U8 && y->rank == 3 && y->dims[0] == m.height && y->dims[1] == m.width &&
                       y->dims[2] == (gray ? 1 : 3),
                   "image_decode: a picture of %lld by %lld pixels into a result of rank %d", (long long)m.width,
                   (long long)m.height, y->rank);
    uint8_t *out = y->data, rgb[3] = {0};
    for (int64_t row = 0; row < m.height; row++) {
        for (int64_t column = 0; column < m.width; column++) {
            INGOT_TRY(ingot_kernel_image_pixel(&m, row, column, rgb));
            if (gray) { /* the weights of ITU-R 601 */
                *out++ = (uint8_t)((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 32768u) >> 16);
                continue;
            }
            for (int i = 0; i < 3; i++)
                *out++ = rgb[attrs->format == INGOT_PIXEL_BGR ? 2 - i : i];
        }
    }
    return NULL;
}
