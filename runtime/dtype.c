/* Element types: names, sizes, and reading and writing single elements of every numeric type of ONNX.
 *
 * Rules where a value does not fit (ONNX leaves some of them open):
 *   16-bit floats      round to nearest even, overflow to infinity
 *   float8, float4     round to nearest even, saturate at the largest finite value, infinities included (ONNX's
 * saturate=1) float8e8m0         a power of two, rounded away from zero; the sign is dropped; infinities and NaN give
 * NaN (ONNX's "up") integers           wrap to the type's width; from floats: truncated towards zero first, NaN gives
 * 0, and what is beyond the 64-bit range saturates at it before the wrap */
#include "runtime/portable.h"
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef enum { CLASS_OTHER, CLASS_FLOAT, CLASS_INT, CLASS_UINT, CLASS_BOOL } dtype_class;
static const struct {
    const char *name, *onnx;
    int16_t bits;
    uint8_t class, dl_code;
} types[INGOT_DTYPE_COUNT] = {
    [INGOT_UNDEFINED] = {"undefined", "undefined", 0, CLASS_OTHER, kDLOpaqueHandle},
    [INGOT_F32] = {"f32", "float", 32, CLASS_FLOAT, kDLFloat},
    [INGOT_U8] = {"u8", "uint8", 8, CLASS_UINT, kDLUInt},
    [INGOT_I8] = {"i8", "int8", 8, CLASS_INT, kDLInt},
    [INGOT_U16] = {"u16", "uint16", 16, CLASS_UINT, kDLUInt},
    [INGOT_I16] = {"i16", "int16", 16, CLASS_INT, kDLInt},
    [INGOT_I32] = {"i32", "int32", 32, CLASS_INT, kDLInt},
    [INGOT_I64] = {"i64", "int64", 64, CLASS_INT, kDLInt},
    [INGOT_STRING] = {"str", "string", 128, CLASS_OTHER, kDLOpaqueHandle},
    [INGOT_BOOL] = {"bool", "bool", 8, CLASS_BOOL, kDLBool},
    [INGOT_F16] = {"f16", "float16", 16, CLASS_FLOAT, kDLFloat},
    [INGOT_F64] = {"f64", "double", 64, CLASS_FLOAT, kDLFloat},
    [INGOT_U32] = {"u32", "uint32", 32, CLASS_UINT, kDLUInt},
    [INGOT_U64] = {"u64", "uint64", 64, CLASS_UINT, kDLUInt},
    [INGOT_C64] = {"c64", "complex64", 64, CLASS_OTHER, kDLComplex},
    [INGOT_C128] = {"c128", "complex128", 128, CLASS_OTHER, kDLComplex},
    [INGOT_BF16] = {"bf16", "bfloat16", 16, CLASS_FLOAT, kDLBfloat},
    [INGOT_F8E4M3FN] = {"f8e4m3fn", "float8e4m3fn", 8, CLASS_FLOAT, kDLFloat8_e4m3fn},
    [INGOT_F8E4M3FNUZ] = {"f8e4m3fnuz", "float8e4m3fnuz", 8, CLASS_FLOAT, kDLFloat8_e4m3fnuz},
    [INGOT_F8E5M2] = {"f8e5m2", "float8e5m2", 8, CLASS_FLOAT, kDLFloat8_e5m2},
    [INGOT_F8E5M2FNUZ] = {"f8e5m2fnuz", "float8e5m2fnuz", 8, CLASS_FLOAT, kDLFloat8_e5m2fnuz},
    [INGOT_U4] = {"u4", "uint4", 4, CLASS_UINT, kDLUInt},
    [INGOT_I4] = {"i4", "int4", 4, CLASS_INT, kDLInt},
    [INGOT_F4E2M1] = {"f4e2m1", "float4e2m1", 4, CLASS_FLOAT, kDLFloat4_e2m1fn},
    [INGOT_F8E8M0] = {"f8e8m0", "float8e8m0", 8, CLASS_FLOAT, kDLFloat8_e8m0fnu},
    [INGOT_U2] = {"u2", "uint2", 2, CLASS_UINT, kDLUInt},
    [INGOT_I2] = {"i2", "int2", 2, CLASS_INT, kDLInt},
};

static ingot_dtype known(ingot_dtype dtype)
{
    return (unsigned)dtype < INGOT_DTYPE_COUNT ? dtype : INGOT_UNDEFINED;
}

int32_t ingot_dtype_bits(ingot_dtype dtype)
{
    return types[known(dtype)].bits;
}

int64_t ingot_dtype_bytes(ingot_dtype dtype, int64_t count)
{
    int64_t bits = types[known(dtype)].bits, total;
    if (count < 0)
        return -1;
    if (bits >= 8)
        return __builtin_mul_overflow(count, bits / 8, &total) ? -1 : total;
    if (!bits)
        return 0;
    int64_t per_byte = 8 / bits;
    return count / per_byte + (count % per_byte != 0);
}

const char *ingot_dtype_name(ingot_dtype dtype)
{
    return types[known(dtype)].name;
}

const char *ingot_dtype_onnx_name(ingot_dtype dtype)
{
    return types[known(dtype)].onnx;
}

ingot_dtype ingot_dtype_parse(const char *name, size_t size)
{
    for (int i = 1; i < INGOT_DTYPE_COUNT; i++) {
        if (strlen(types[i].name) == size && !memcmp(types[i].name, name, size))
            return (ingot_dtype)i;
    }
    return INGOT_UNDEFINED;
}

int ingot_dtype_is_float(ingot_dtype dtype)
{
    return types[known(dtype)].class == CLASS_FLOAT;
}

int ingot_dtype_is_integer(ingot_dtype dtype)
{
    return types[known(dtype)].class == CLASS_INT || types[known(dtype)].class == CLASS_UINT;
}

int ingot_dtype_is_signed(ingot_dtype dtype)
{
    return types[known(dtype)].class == CLASS_FLOAT || types[known(dtype)].class == CLASS_INT;
}

DLDataType ingot_dtype_to_dl(ingot_dtype dtype)
{
    int bits = types[known(dtype)].bits;
    return (DLDataType){types[known(dtype)].dl_code, (uint8_t)bits, 1};
}

int64_t ingot_tensor_count(const ingot_tensor *tensor)
{
    int64_t count = 1;
    bool overflow = false;
    for (int32_t i = 0; i < tensor->rank; i++) {
        if (tensor->dims[i] == 0)
            return 0;
        overflow |= __builtin_mul_overflow(count, tensor->dims[i], &count);
    }
    return overflow ? -1 : count;
}

/* ---- small floats ---- */

/* [sign][exponent][mantissa] in `sign_bit` + 1 bits. Codes are without the sign. */
typedef struct {
    uint8_t mantissa, sign_bit;
    int16_t bias;
    int32_t max, inf, nan; /* largest finite; infinity and NaN, or -1 */
    bool saturates;        /* else overflow gives infinity */
    bool unsigned_zero;    /* the code of -0 is the NaN (the "uz" types) */
} small_float;

static const small_float *small_float_of(ingot_dtype dtype)
{
    static const small_float f16 = {10, 15, 15, 0x7bff, 0x7c00, 0x7e00, false, false};
    static const small_float bf16 = {7, 15, 127, 0x7f7f, 0x7f80, 0x7fc0, false, false};
    static const small_float e4m3fn = {3, 7, 7, 0x7e, -1, 0x7f, true, false};
    static const small_float e4m3fnuz = {3, 7, 8, 0x7f, -1, -1, true, true};
    static const small_float e5m2 = {2, 7, 15, 0x7b, 0x7c, 0x7e, true, false};
    static const small_float e5m2fnuz = {2, 7, 16, 0x7f, -1, -1, true, true};
    static const small_float e2m1 = {1, 3, 1, 0x7, -1, -1, true, false};
    switch (dtype) {
    case INGOT_F16:
        return &f16;
    case INGOT_BF16:
        return &bf16;
    case INGOT_F8E4M3FN:
        return &e4m3fn;
    case INGOT_F8E4M3FNUZ:
        return &e4m3fnuz;
    case INGOT_F8E5M2:
        return &e5m2;
    case INGOT_F8E5M2FNUZ:
        return &e5m2fnuz;
    case INGOT_F4E2M1:
        return &e2m1;
    default:
        return NULL;
    }
}

static double power_of_two(int exponent) /* of a normal double */
{
    uint64_t bits = (uint64_t)(exponent + 1023) << 52;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static double small_float_decode(const small_float *f, uint32_t code)
{
    uint32_t sign = code >> f->sign_bit & 1, magnitude = code & ((1u << f->sign_bit) - 1);
    if (f->unsigned_zero && sign && !magnitude)
        return NAN;
    double value;
    if ((int32_t)magnitude > f->max) {
        value = (int32_t)magnitude == f->inf ? INFINITY : NAN;
    } else {
        uint32_t field = magnitude >> f->mantissa, rest = magnitude & ((1u << f->mantissa) - 1);
        value = field ? (double)(rest | 1u << f->mantissa) * power_of_two((int)field - f->bias - f->mantissa)
                      : (double)rest * power_of_two(1 - f->bias - f->mantissa);
    }
    return sign ? -value : value;
}

/* Rounds to nearest even straight from the double's bits, so that nothing is rounded twice. */
static uint32_t small_float_encode(const small_float *f, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = (uint32_t)(bits >> 63) << f->sign_bit;
    int field = (int)(bits >> 52 & 0x7ff);
    uint64_t significand = bits & (((uint64_t)1 << 52) - 1);
    if (field == 0x7ff && significand) {
        if (f->nan >= 0)
            return sign | (uint32_t)f->nan;
        return 1u << f->sign_bit; /* "uz": the only NaN; float4 has none and gets -0 */
    }
    uint64_t code = 0;
    if (field == 0x7ff) {
        code = UINT64_MAX;
    } else if (field) { /* subnormal doubles are zero in every small type */
        int exponent = field - 1023, lowest = 1 - f->bias, shift = 52 - f->mantissa;
        significand |= (uint64_t)1 << 52;
        if (exponent < lowest) {
            shift += lowest - exponent;
            exponent = lowest;
        }
        if (shift <= 53) {
            uint64_t rest = significand & (((uint64_t)1 << shift) - 1), half = (uint64_t)1 << (shift - 1);
            code = significand >> shift;
            code += rest > half || (rest == half && (code & 1));
            code += (uint64_t)(exponent - lowest) << f->mantissa; /* the hidden bit adds the last 1 of the exponent */
        }
    }
    if (code > (uint64_t)f->max)
        code = f->saturates ? (uint64_t)f->max : (uint64_t)f->inf;
    if (f->unsigned_zero && !code)
        return 0;
    return sign | (uint32_t)code;
}

static double e8m0_decode(uint8_t code)
{
    return code == 0xff ? NAN : power_of_two(code - 127);
}

static uint8_t e8m0_encode(double value)
{
    float narrow = (float)value;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    uint32_t field = bits >> 23 & 0xff;
    if (field == 0xff)
        return isfinite(value) ? 0xfe : 0xff;
    if (field == 0)
        return (bits & 0x7fffff) > 0x400000; /* up to 2^-127, the smallest: code 0 */
    return (uint8_t)(field + ((bits & 0x7fffff) && field < 0xfe));
}

/* ---- elements ---- */

static uint32_t load_packed(const void *data, int bits, int64_t i)
{
    int per_byte = 8 / bits;
    return ((const uint8_t *)data)[i / per_byte] >> (i % per_byte * bits) & ((1u << bits) - 1);
}

static void store_packed(void *data, int bits, int64_t i, uint32_t value)
{
    int per_byte = 8 / bits, shift = (int)(i % per_byte) * bits;
    uint32_t mask = ((1u << bits) - 1) << shift;
    uint8_t *byte = (uint8_t *)data + i / per_byte;
    *byte = (uint8_t)((*byte & ~mask) | (value << shift & mask));
}

static int64_t sign_extend(uint32_t value, int bits)
{
    uint32_t sign = 1u << (bits - 1);
    return (int64_t)(value ^ sign) - (int64_t)sign;
}

/* Element i of an array of `type`, wherever it lies: data need not be aligned. */
#define LOAD(type, out) memcpy(&(out), (const char *)data + (size_t)i * sizeof(type), sizeof(type))
#define STORE(type, value)                                                        \
    do {                                                                          \
        type element_ = (type)(value);                                            \
        memcpy((char *)data + (size_t)i * sizeof(type), &element_, sizeof(type)); \
    } while (0)

static uint32_t load_code(const void *data, int bits, int64_t i)
{
    if (bits < 8)
        return load_packed(data, bits, i);
    if (bits == 8)
        return ((const uint8_t *)data)[i];
    uint16_t code;
    LOAD(uint16_t, code);
    return code;
}

static void store_code(void *data, int bits, int64_t i, uint32_t code)
{
    if (bits < 8)
        store_packed(data, bits, i, code);
    else if (bits == 8)
        ((uint8_t *)data)[i] = (uint8_t)code;
    else
        STORE(uint16_t, code);
}

double ingot_load_f64(const void *data, ingot_dtype dtype, int64_t i)
{
    switch (known(dtype)) {
    case INGOT_F32:
    case INGOT_C64: { /* a complex number gives its real part */
        float v;
        int64_t at = dtype == INGOT_C64 ? 2 * i : i;
        memcpy(&v, (const char *)data + (size_t)at * sizeof v, sizeof v);
        return (double)v;
    }
    case INGOT_F64:
    case INGOT_C128: {
        double v;
        int64_t at = dtype == INGOT_C128 ? 2 * i : i;
        memcpy(&v, (const char *)data + (size_t)at * sizeof v, sizeof v);
        return v;
    }
    case INGOT_U64: {
        uint64_t v;
        LOAD(uint64_t, v);
        return (double)v;
    }
    case INGOT_F8E8M0:
        return e8m0_decode(((const uint8_t *)data)[i]);
    default: {
        const small_float *f = small_float_of(dtype);
        if (f)
            return small_float_decode(f, load_code(data, types[dtype].bits, i));
        return (double)ingot_load_i64(data, dtype, i);
    }
    }
}

/* Truncates; see the rules at the top. */
static int64_t to_i64(double value)
{
    if (isnan(value))
        return 0;
    if (value >= 0x1p63)
        return INT64_MAX;
    if (value < -0x1p63)
        return INT64_MIN;
    return (int64_t)value;
}

int64_t ingot_load_i64(const void *data, ingot_dtype dtype, int64_t i)
{
    switch (known(dtype)) {
    case INGOT_I64:
    case INGOT_U64: {
        int64_t v;
        LOAD(int64_t, v);
        return v;
    }
    case INGOT_I32: {
        int32_t v;
        LOAD(int32_t, v);
        return v;
    }
    case INGOT_U32: {
        uint32_t v;
        LOAD(uint32_t, v);
        return v;
    }
    case INGOT_I16: {
        int16_t v;
        LOAD(int16_t, v);
        return v;
    }
    case INGOT_U16: {
        uint16_t v;
        LOAD(uint16_t, v);
        return v;
    }
    case INGOT_I8:
        return ((const int8_t *)data)[i];
    case INGOT_U8:
        return ((const uint8_t *)data)[i];
    case INGOT_BOOL:
        return ((const uint8_t *)data)[i] != 0;
    case INGOT_U4:
    case INGOT_U2:
        return load_packed(data, types[dtype].bits, i);
    case INGOT_I4:
    case INGOT_I2:
        return sign_extend(load_packed(data, types[dtype].bits, i), types[dtype].bits);
    case INGOT_UNDEFINED:
    case INGOT_STRING:
    case INGOT_DTYPE_COUNT:
        return 0;
    default:
        return to_i64(ingot_load_f64(data, dtype, i));
    }
}

void ingot_store_f64(void *data, ingot_dtype dtype, int64_t i, double value)
{
    switch (known(dtype)) {
    case INGOT_F32:
        STORE(float, value);
        return;
    case INGOT_F64:
        STORE(double, value);
        return;
    case INGOT_C64: {
        float v[2] = {(float)value, 0};
        memcpy((char *)data + (size_t)i * sizeof v, v, sizeof v);
        return;
    }
    case INGOT_C128: {
        double v[2] = {value, 0};
        memcpy((char *)data + (size_t)i * sizeof v, v, sizeof v);
        return;
    }
    case INGOT_BOOL:
        ((uint8_t *)data)[i] = value != 0;
        return;
    case INGOT_U64:
        STORE(uint64_t, value >= 0x1p64 ? UINT64_MAX : value >= 0x1p63 ? (uint64_t)value : (uint64_t)to_i64(value));
        return;
    case INGOT_F8E8M0:
        ((uint8_t *)data)[i] = e8m0_encode(value);
        return;
    default: {
        const small_float *f = small_float_of(dtype);
        if (f)
            store_code(data, types[dtype].bits, i, small_float_encode(f, value));
        else
            ingot_store_i64(data, dtype, i, to_i64(value));
    }
    }
}

void ingot_round_to_bf16(const float *from, int64_t n, uint16_t *to)
{
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, from + i, sizeof bits);
        bool nan = (bits & 0x7fffffff) > 0x7f800000;
        uint32_t up = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
        to[i] = (uint16_t)(nan ? (bits >> 16 & 0x8000) | 0x7fc0 : up);
    }
}

void ingot_store_i64(void *data, ingot_dtype dtype, int64_t i, int64_t value)
{
    switch (known(dtype)) {
    case INGOT_I64:
    case INGOT_U64:
        STORE(int64_t, value);
        return;
    case INGOT_I32:
    case INGOT_U32:
        STORE(uint32_t, value);
        return;
    case INGOT_I16:
    case INGOT_U16:
        STORE(uint16_t, value);
        return;
    case INGOT_I8:
    case INGOT_U8:
        ((uint8_t *)data)[i] = (uint8_t)value;
        return;
    case INGOT_BOOL:
        ((uint8_t *)data)[i] = value != 0;
        return;
    case INGOT_U4:
    case INGOT_I4:
    case INGOT_U2:
    case INGOT_I2:
        store_packed(data, types[dtype].bits, i, (uint32_t)value);
        return;
    case INGOT_F32:
        STORE(float, value); /* one rounding, unlike by way of double */
        return;
    case INGOT_UNDEFINED:
    case INGOT_STRING:
    case INGOT_DTYPE_COUNT:
        return;
    default:
        ingot_store_f64(data, dtype, i, (double)value);
    }
}

void ingot_copy_element(void *dst, int64_t j, const void *src, int64_t i, ingot_dtype dtype)
{
    int bits = types[known(dtype)].bits;
    if (bits >= 8) {
        size_t size = (size_t)bits / 8;
        memmove((char *)dst + (size_t)j * size, (const char *)src + (size_t)i * size, size);
    } else if (bits) {
        store_packed(dst, bits, j, load_packed(src, bits, i));
    }
}
