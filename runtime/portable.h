/* Portable kernels: one plain-C, dtype-generic implementation of each op (runtime/kernels/<op>.c).
 *
 * They fold constants at compile time, run what has no generated kernel, and are the oracle for generated code. Each
 * file is its own archive member, linked into an artifact only when used. f32 sums accumulate in double. Tensors are
 * dense row-major; sub-byte types are packed low bits first; strings are arrays of ingot_string. Kernels never read or
 * write outside their operands, whatever the contents: indices are checked and a bad one is an error that names it.
 */
#ifndef INGOT_RUNTIME_PORTABLE_H
#define INGOT_RUNTIME_PORTABLE_H
#include "runtime/attrs.h"
#include "runtime/prog.h"
#include "runtime/status.h"

typedef struct ingot_tensor {
    void *data; /* null: optional operand left out */
    ingot_dtype dtype;
    int32_t rank;
    int64_t dims[INGOT_MAX_RANK];
} ingot_tensor;

/* One call. Outputs come with their sizes filled in (upper bounds for sizes that the data decides: the kernel then
 * lowers out[i].dims and the runtime reads them back). */
typedef struct ingot_call {
    const void *attrs;      /* the op's record of attrs.def */
    const ingot_prog *prog; /* map only */
    const int64_t *sym;     /* values of the op's symbolic list (ir/ops.def) */
    int32_t n_in, n_out, n_sym;
    const ingot_tensor *in;
    ingot_tensor *out;
    void *scratch; /* ingot_portable_scratch_bytes() bytes, 64-byte aligned */
} ingot_call;
typedef ingot_status ingot_portable_fn(const ingot_call *call);

typedef enum ingot_portable_id {
#define PORTABLE(name) INGOT_PORTABLE_##name,
#include "runtime/portable.def"
#undef PORTABLE
    INGOT_PORTABLE_COUNT
} ingot_portable_id;

#define PORTABLE(name) ingot_portable_fn ingot_portable_##name;
#include "runtime/portable.def"
#undef PORTABLE

/* Scratch that a kernel wants for operands of these sizes (data not read); 0 for most. */
int64_t ingot_portable_scratch_bytes(ingot_portable_id id, const ingot_call *call);

/* Element types (runtime/dtype.c). */
int32_t ingot_dtype_bits(ingot_dtype dtype); /* 0 for strings' own storage and undefined; STRING: 128 */
int64_t ingot_dtype_bytes(ingot_dtype dtype,
                          int64_t count);        /* storage of `count` elements, rounded up; -1 on overflow */
const char *ingot_dtype_name(ingot_dtype dtype); /* "f32", "i64", "bool", "str", "f8e4m3fn" */
ingot_dtype ingot_dtype_parse(const char *name, size_t size); /* INGOT_UNDEFINED when unknown */
const char *ingot_dtype_onnx_name(ingot_dtype dtype);         /* "float", "int64" */
int ingot_dtype_is_float(ingot_dtype dtype);
int ingot_dtype_is_integer(ingot_dtype dtype); /* not bool */
int ingot_dtype_is_signed(ingot_dtype dtype);
/* Element i of dense data, any numeric type, converted. Float8, float4 and 16-bit floats round to nearest even;
 * saturation as ONNX's default. Integers beyond 2^53 need the i64 accessors. */
double ingot_load_f64(const void *data, ingot_dtype dtype, int64_t i);
int64_t ingot_load_i64(const void *data, ingot_dtype dtype, int64_t i);
void ingot_store_f64(void *data, ingot_dtype dtype, int64_t i, double value);
/* n elements of f32 as bf16, rounded as ingot_store_f64 does. */
void ingot_round_to_bf16(const float *from, int64_t n, uint16_t *to);
void ingot_store_i64(void *data, ingot_dtype dtype, int64_t i, int64_t value);
/* Copies element src[i] to dst[j], any type, sub-byte included. */
void ingot_copy_element(void *dst, int64_t j, const void *src, int64_t i, ingot_dtype dtype);
/* Product of dims; -1 on overflow. */
int64_t ingot_tensor_count(const ingot_tensor *tensor);
DLDataType ingot_dtype_to_dl(ingot_dtype dtype);
/* DLPack's tensors (runtime/dlpack.c): the element type, INGOT_UNDEFINED when it is none of ours; elements of any
 * strides (null: dense) to dense ones. */
ingot_dtype ingot_dtype_from_dl(DLDataType type);
void ingot_dl_make_dense(const DLTensor *from, ingot_dtype dtype, char *to);
#endif
