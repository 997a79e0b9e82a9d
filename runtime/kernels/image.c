/* Pictures in memory: BMP without compression, and PNM. The file must hold all the pixels that its header promises, so
 * that sizes are bounded by it. */
#include "runtime/kernels/kernels.h"

static uint32_t little(const kernel_image *m, int64_t at, int32_t bytes)
{
    uint32_t v = 0;
    for (int32_t i = 0; i < bytes; i++)
        v |= (uint32_t)m->data[at + i] << (8 * i);
    return v;
}

static ingot_status open_bmp(kernel_image *m)
{
    KERNEL_REQUIRE(m->size >= 54 && little(m, 14, 4) >= 40, "image_decoder: a BMP file without its usual header");
    int64_t offset = little(m, 10, 4), header = little(m, 14, 4), width = (int32_t)little(m, 18, 4);
    int64_t height = (int32_t)little(m, 22, 4), bits = little(m, 28, 2), compression = little(m, 30, 4);
    m->upside_down = height > 0;
    height = height < 0 ? -height : height;
    KERNEL_REQUIRE((compression == 0 || (compression == 3 && bits == 32)) &&
                       (bits == 1 || bits == 4 || bits == 8 || bits == 24 || bits == 32),
                   "image_decoder: a BMP file of %lld bits and compression %lld: only plain ones are supported",
                   (long long)bits, (long long)compression);
    m->bits = (int32_t)bits;
    m->width = width;
    m->height = height;
    m->palette = 14 + header;
    m->colors = bits > 8 ? 0 : little(m, 46, 4) ? little(m, 46, 4) : (int64_t)1 << bits;
    m->at = offset;
    m->row_bytes = (width * bits + 31) / 32 * 4;
    KERNEL_REQUIRE(width > 0 && height > 0 && m->colors <= 256 && m->palette + 4 * m->colors <= m->size &&
                       offset <= m->size && height <= (m->size - offset) / m->row_bytes,
                   "image_decoder: a BMP file of %lld by %lld pixels does not fit in %lld bytes", (long long)width,
                   (long long)height, (long long)m->size);
    return NULL;
}

/* Next number of a PNM file, of at most so many digits, past white space and comments; -1: none. */
static int64_t pnm_number(kernel_image *m, int32_t digits)
{
    while (m->at < m->size) {
        uint8_t c = m->data[m->at];
        if (c == '#')
            while (m->at < m->size && m->data[m->at] != '\n')
                m->at++;
        else if (c == ' ' || (c >= '\t' && c <= '\r'))
            m->at++;
        else
            break;
    }
    int64_t v = -1;
    for (; m->at < m->size && m->data[m->at] >= '0' && m->data[m->at] <= '9' && digits-- > 0; m->at++)
        v = (v < 0 ? 0 : v * 10) + (m->data[m->at] - '0');
    return v;
}

static ingot_status open_pnm(kernel_image *m)
{
    m->pnm = m->data[1] - '0';
    m->at = 2;
    m->width = pnm_number(m, 10);
    m->height = pnm_number(m, 10);
    m->most = m->pnm == 1 || m->pnm == 4 ? 1 : pnm_number(m, 10);
    bool binary = m->pnm >= 4;
    m->at += binary; /* one white space */
    KERNEL_REQUIRE(m->width > 0 && m->width <= INT32_MAX && m->height > 0 && m->height <= INT32_MAX && m->most > 0 &&
                       m->most < 65536,
                   "image_decoder: a PNM file of %lld by %lld pixels up to %lld", (long long)m->width,
                   (long long)m->height, (long long)m->most);
    int64_t samples = m->width * (m->pnm % 3 == 0 ? 3 : 1), bytes = m->most > 255 && binary ? 2 : 1;
    m->row_bytes = m->pnm == 4 ? (m->width + 7) / 8 : samples * bytes;
    KERNEL_REQUIRE(m->at <= m->size && m->height <= (m->size - m->at) / m->row_bytes,
                   "image_decoder: a PNM file of %lld by %lld pixels does not fit in %lld bytes", (long long)m->width,
                   (long long)m->height, (long long)m->size);
    return NULL;
}

ingot_status ingot_kernel_image_open(const ingot_tensor *bytes, kernel_image *out)
{
    KERNEL_REQUIRE(bytes->dtype == INGOT_U8 && bytes->rank == 1, "image_decoder: %s of rank %d, expected bytes",
                   ingot_dtype_name(bytes->dtype), bytes->rank);
    *out = (kernel_image){.data = bytes->data, .size = bytes->dims[0]};
    if (out->size >= 2 && out->data[0] == 'B' && out->data[1] == 'M')
        return open_bmp(out);
    if (out->size >= 3 && out->data[0] == 'P' && out->data[1] >= '1' && out->data[1] <= '6')
        return open_pnm(out);
    return ingot_fail(INGOT_BAD_MODEL, "image_decoder: neither a BMP nor a PNM file; other formats (PNG, JPEG, TIFF, "
                                       "WebP...) are not supported: decode them before the model");
}

static void bmp_pixel(const kernel_image *m, int64_t row, int64_t column, uint8_t *out)
{
    const uint8_t *line = m->data + m->at + (m->upside_down ? m->height - 1 - row : row) * m->row_bytes;
    const uint8_t *blue = line + column * (m->bits / 8);
    if (m->bits <= 8) {
        int64_t bit = column * m->bits;
        int64_t color = line[bit / 8] >> (8 - m->bits - bit % 8) & ((1 << m->bits) - 1);
        blue = m->data + m->palette + 4 * (color < m->colors ? color : 0);
    }
    for (int i = 0; i < 3; i++)
        out[i] = blue[2 - i];
}

static ingot_status pnm_pixel(kernel_image *m, int64_t row, int64_t column, uint8_t *out)
{
    int64_t v[3], count = m->pnm % 3 == 0 ? 3 : 1;
    const uint8_t *line = m->data + m->at + row * m->row_bytes; /* of the binary forms */
    for (int64_t i = 0; i < count; i++) {
        int64_t at = column * count + i;
        if (m->pnm <= 3) {
            v[i] = pnm_number(m, m->pnm == 1 ? 1 : 10);
        } else if (m->pnm == 4) {
            v[i] = line[at / 8] >> (7 - at % 8) & 1;
        } else {
            v[i] = m->most > 255 ? line[2 * at] << 8 | line[2 * at + 1] : line[at];
        }
        KERNEL_REQUIRE(v[i] >= 0 && v[i] <= m->most, "image_decoder: pixel %lld of row %lld is missing or too large",
                       (long long)column, (long long)row);
    }
    for (int i = 0; i < 3; i++) {
        int64_t part = v[count == 3 ? i : 0];
        out[i] = (uint8_t)(m->pnm == 1 || m->pnm == 4 ? (part ? 0 : 255) : (part * 255 + m->most / 2) / m->most);
    }
    return NULL;
}

ingot_status ingot_kernel_image_pixel(kernel_image *m, int64_t row, int64_t column, uint8_t *out)
{
    if (m->pnm)
        return pnm_pixel(m, row, column, out);
    bmp_pixel(m, row, column, out);
    return NULL;
}
