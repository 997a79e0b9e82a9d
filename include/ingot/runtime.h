/* Ingot: the interface of compiled models. Self-contained: C11, libc and libm (pthread for the built-in pool).
 *
 * `ingot compile digits.onnx -o out/` writes out/digits.h, which declares digits_init, digits_run, digits_destroy,
 * digits_info and digits_pools in terms of the types below.
 *
 *     digits_context *ctx;
 *     ingot_status err = digits_init(NULL, &ctx);              // maps digits.weights, plans memory
 *     if (!err) err = digits_run(ctx, inputs, outputs);        // arrays of pointers to DLTensor
 *     if (err) fprintf(stderr, "%s\n", ingot_status_message(err)), ingot_status_free(err);
 *     digits_destroy(ctx);
 *
 * Ownership: the caller owns inputs and outputs. An output whose `data` is null on entry is pointed at memory of the
 * context that is valid until its next run; its `shape` must have room for `ndim` sizes (INGOT_MAX_RANK suffices) and
 * is filled in. Threads: one context is one concurrent run; contexts of one model share weights.
 *
 * Strings are tensors of ingot_string. A tensor whose rank the model leaves open is a DLTensor of any rank. Sequences
 * and optionals are boxes, passed in a DLTensor of one handle, see ingot_box below.
 */
#ifndef INGOT_RUNTIME_H
#define INGOT_RUNTIME_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

#define INGOT_ABI_VERSION 2
#define INGOT_MAX_RANK    12

/* DLPack's DLTensor (https://dmlc.github.io/dlpack), unless its header came first. */
#ifndef DLPACK_DLPACK_H_
#define DLPACK_DLPACK_H_
typedef enum { kDLCPU = 1, kDLCUDA = 2 } DLDeviceType;
typedef struct {
    DLDeviceType device_type;
    int32_t device_id;
} DLDevice;
typedef enum {
    kDLInt = 0U,
    kDLUInt = 1U,
    kDLFloat = 2U,
    kDLOpaqueHandle = 3U,
    kDLBfloat = 4U,
    kDLComplex = 5U,
    kDLBool = 6U,
    kDLFloat8_e4m3fn = 10U,
    kDLFloat8_e4m3fnuz = 11U,
    kDLFloat8_e5m2 = 12U,
    kDLFloat8_e5m2fnuz = 13U,
    kDLFloat8_e8m0fnu = 14U,
    kDLFloat4_e2m1fn = 17U
} DLDataTypeCode;
typedef struct {
    uint8_t code;
    uint8_t bits;
    uint16_t lanes;
} DLDataType;
typedef struct {
    void *data;
    DLDevice device;
    int32_t ndim;
    DLDataType dtype;
    int64_t *shape;
    int64_t *strides; /* elements; null: dense row-major */
    uint64_t byte_offset;
} DLTensor;
#endif

/* Element types, with ONNX's numbers (onnx.proto, TensorProto.DataType). */
typedef enum ingot_dtype {
    INGOT_UNDEFINED = 0,
    INGOT_F32 = 1,
    INGOT_U8 = 2,
    INGOT_I8 = 3,
    INGOT_U16 = 4,
    INGOT_I16 = 5,
    INGOT_I32 = 6,
    INGOT_I64 = 7,
    INGOT_STRING = 8,
    INGOT_BOOL = 9,
    INGOT_F16 = 10,
    INGOT_F64 = 11,
    INGOT_U32 = 12,
    INGOT_U64 = 13,
    INGOT_C64 = 14,
    INGOT_C128 = 15,
    INGOT_BF16 = 16,
    INGOT_F8E4M3FN = 17,
    INGOT_F8E4M3FNUZ = 18,
    INGOT_F8E5M2 = 19,
    INGOT_F8E5M2FNUZ = 20,
    INGOT_U4 = 21,
    INGOT_I4 = 22,
    INGOT_F4E2M1 = 23,
    INGOT_F8E8M0 = 24,
    INGOT_U2 = 25,
    INGOT_I2 = 26,
    INGOT_DTYPE_COUNT = 27
} ingot_dtype;

/* A string element: not null-terminated. */
typedef struct {
    const char *data;
    int64_t size;
} ingot_string;

/* Errors are values: null is success. The codes are also the exit codes of the command line. */
typedef struct ingot_status_s *ingot_status;
typedef enum ingot_code {
    INGOT_OK = 0,
    INGOT_DIFFERS = 1,     /* results differ */
    INGOT_BAD_USAGE = 2,   /* wrong arguments */
    INGOT_BAD_MODEL = 3,   /* malformed, or breaks ONNX's rules */
    INGOT_UNSUPPORTED = 4, /* valid, but not supported */
    INGOT_IO = 5,          /* missing, unreadable, a directory */
    INGOT_LIMIT = 6,       /* out of memory, or a stated limit */
    INGOT_INTERNAL = 70    /* our own fault */
} ingot_code;
ingot_code ingot_status_code(ingot_status status);
/* Whole text, notes included; valid until the status is freed. "success" for null. */
const char *ingot_status_message(ingot_status status);
void ingot_status_free(ingot_status status);

/* Runs body(arg, i) for every i in [0, count), in any order, on any threads, and returns when all are done. */
typedef void (*ingot_parallel_for_fn)(void *pool, int32_t count, void (*body)(void *arg, int32_t i), void *arg);

typedef struct ingot_init_options {
    size_t struct_size;       /* sizeof(ingot_init_options); 0 is taken as all defaults */
    const char *weights_path; /* null: NAME.weights beside the program's NAME.so, else in the working directory */
    const void *weights;      /* or the file's content in memory, 64-byte aligned, borrowed; needs weights_size */
    uint64_t weights_size;
    int32_t threads;                    /* 0: the CPUs of the affinity mask; 1: no threads */
    ingot_parallel_for_fn parallel_for; /* null: the built-in pool */
    void *pool;                         /* first argument of parallel_for */
    int32_t verify_weights;             /* check the digest of the weights (reads all of them) */
} ingot_init_options;

/* What a value is. */
typedef enum ingot_form {
    INGOT_FORM_TENSOR,
    INGOT_FORM_SEQUENCE,         /* of tensors of one element type and any shapes */
    INGOT_FORM_OPTIONAL,         /* a tensor, or nothing */
    INGOT_FORM_OPTIONAL_SEQUENCE /* a sequence, or nothing */
} ingot_form;

/* One input or output. A size is >= 0 when fixed, else -1 and its symbol or expression is named. */
typedef struct ingot_tensor_info {
    const char *name;
    ingot_dtype dtype; /* of the elements of the tensors inside, for sequences and optionals */
    int32_t rank;      /* -1: not known before a run; sequences and optionals too */
    int64_t dims[INGOT_MAX_RANK];
    const char *dim_names[INGOT_MAX_RANK]; /* null for fixed sizes */
    ingot_form form;
} ingot_tensor_info;

typedef struct ingot_model_info {
    uint32_t abi_version;
    const char *name;
    const char *build_id; /* 32 hexadecimal digits: of the inputs of the compile */
    const char *cpu;      /* target the code was generated for */
    int32_t n_inputs, n_outputs;
    const ingot_tensor_info *inputs, *outputs;
    uint64_t weights_bytes;
    uint64_t arena_bytes; /* 0 when it depends on sizes: see pools */
} ingot_model_info;

/* A piece of memory that a run needs; entry 0 is the CPU arena. */
typedef struct ingot_pool {
    int32_t kind; /* 0: CPU arena, 1: weights, 2: working memory of the context */
    uint64_t size_bytes;
    uint64_t alignment;
} ingot_pool;

/* The same calls for any model: NAME_init and the rest are these with the model's own plan. An opened .so gives
 * `ingot_model`. */
typedef struct ingot_plan ingot_plan;
typedef struct ingot_context ingot_context;
typedef struct ingot_model {
    uint32_t abi_version;
    uint32_t struct_size;
    const ingot_plan *plan;
    const void *const *kernels; /* generated and portable kernels, in the plan's order */
    const void *embedded_weights;
    const char *name;
    const struct ingot_model *fallback; /* the same model for CPUs of fewer features; null: none */
} ingot_model;

/* Opens NAME.so (path of the file); weights come from NAME.weights beside it. */
ingot_status ingot_model_open(const char *path, const ingot_model **out_model, void **out_handle);
void ingot_model_close(void *handle);
const ingot_model_info *ingot_model_get_info(const ingot_model *model);
/* Sizes for the given symbol values (in the order of the plan's symbols; null: lowest). Writes at most `capacity`;
 * returns the count. */
int32_t ingot_model_get_pools(const ingot_model *model, const int64_t *symbols, ingot_pool *out_pools,
                              int32_t capacity);
ingot_status ingot_context_create(const ingot_model *model, const ingot_init_options *options, ingot_context **out_ctx);
ingot_status ingot_context_run(ingot_context *ctx, const DLTensor *const *inputs, DLTensor *const *outputs);
void ingot_context_destroy(ingot_context *ctx);

/* ---- Sequences and optionals.
 *
 * A box holds a tensor, a sequence or an optional, and all that is inside. The caller makes boxes for inputs, each a
 * copy of what it is made of, and releases them; a run only reads them. Boxes of outputs belong to the context: valid
 * until its next run, and until then they may be inputs of that run.
 *
 *     const ingot_box *parts[] = {a, b};
 *     ingot_box *list;
 *     ingot_status err = ingot_box_create_sequence(INGOT_F32, 2, parts, &list);
 *     DLTensor input = ingot_box_to_dl(list), output = ingot_box_to_dl(NULL);
 *     ... run ...
 *     const ingot_box *result = ingot_box_from_dl(&output);
 */
typedef struct ingot_box ingot_box;
/* A copy of the tensor's elements, texts included; strides allowed. */
ingot_status ingot_box_create_tensor(const DLTensor *tensor, ingot_box **out_box);
/* Elements are boxes of tensors of that element type. */
ingot_status ingot_box_create_sequence(ingot_dtype dtype, int64_t count, const ingot_box *const *elements,
                                       ingot_box **out_box);
/* Null: empty, of that form (INGOT_FORM_OPTIONAL or INGOT_FORM_OPTIONAL_SEQUENCE). */
ingot_status ingot_box_create_optional(ingot_form form, ingot_dtype dtype, const ingot_box *element,
                                       ingot_box **out_box);
/* Of a box that one of the functions above made; null and others are left alone. */
void ingot_box_release(ingot_box *box);
ingot_form ingot_box_get_form(const ingot_box *box);
ingot_dtype ingot_box_get_dtype(const ingot_box *box);
/* Elements of a sequence; 1 or 0 for an optional; 1 for a tensor. */
int64_t ingot_box_get_count(const ingot_box *box);
/* Element i of a sequence, what is in an optional (i = 0), a tensor itself; null when there is none. */
const ingot_box *ingot_box_get_element(const ingot_box *box, int64_t i);
/* The tensor in a box: a view, valid as long as the box. INGOT_BAD_USAGE for sequences and empty optionals. */
ingot_status ingot_box_get_tensor(const ingot_box *box, DLTensor *out_tensor);

/* How a box is passed to and from a run: one element of kDLOpaqueHandle, 64 bits; `data` is the box. */
static inline DLTensor ingot_box_to_dl(const ingot_box *box)
{
    union {
        const ingot_box *in;
        void *out;
    } handle = {box};
    DLTensor t;
    t.ndim = 0;
    t.shape = NULL;
    t.strides = NULL;
    t.byte_offset = 0;
    t.device.device_id = 0;
    t.data = handle.out;
    t.device.device_type = kDLCPU;
    t.dtype.code = kDLOpaqueHandle;
    t.dtype.bits = 64;
    t.dtype.lanes = 1;
    return t;
}
static inline const ingot_box *ingot_box_from_dl(const DLTensor *tensor)
{
    return tensor->dtype.code == kDLOpaqueHandle && tensor->dtype.bits == 64 ? (const ingot_box *)tensor->data
                                                                             : (const ingot_box *)0;
}

#ifdef __cplusplus
}
#endif
#endif
