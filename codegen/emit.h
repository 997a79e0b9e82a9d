/* The builder of kernel MLIR: what the emitters of the kernel families write with.
 *
 * A module is text in the dialects arith, scf, vector and llvm; memory is reached through pointers and linear element
 * indices of type i64, which are ours to compute. Integers that are known fold away while they are built, so an emitter
 * is written once for static and dynamic sizes:
 *
 *     static void emit_body(ingot_emitter *e, ingot_ev begin, ingot_ev end)       // out[i] = 2 * in[i], units of 64
 * elements
 *     {
 *         ingot_etype vec = ingot_e_vector(INGOT_E_F32, e->lanes_f32);
 *         ingot_ev n = ingot_e_size(e, e->spec->dims[0]);                         // a constant, or loaded from the
 * kernel's sizes ingot_ev two = ingot_e_const_float(e, vec, 2); ingot_ev hi = ingot_e_min(e, ingot_e_mul(e, end,
 * ingot_e_int(e, 64)), n); ingot_eloop l; ingot_e_for(e, ingot_e_mul(e, begin, ingot_e_int(e, 64)), hi, ingot_e_int(e,
 * vec.lanes), 0, NULL, &l); ingot_emask m = ingot_e_mask(e, vec, ingot_e_sub(e, hi, l.index));      // lanes below the
 * count; knows when all are ingot_ev x = ingot_e_load_masked(e, vec, e->operands[0], l.index, m);
 *         ingot_e_store_masked(e, ingot_e_mulf(e, x, two), e->operands[1], l.index, m);
 *         ingot_e_for_end(e, &l, NULL);
 *     }
 *
 * Values are small structs passed by value. A failed emit (too large, unsupported type) sets e->failed and everything
 * after it is harmless; the driver reports it. Values made inside a region (loop, if) are not visible after its end,
 * except its results; constants, sizes and operands are visible everywhere in their function. Vectors: types are chosen
 * by the emitter from target->vector_bytes and never left to legalisation. No alignment beyond the element's is
 * assumed. Generated code calls no library.
 */
#ifndef INGOT_EMIT_H
#define INGOT_EMIT_H
#include "codegen/codegen.h"

/* ---- Types and values
 * ---------------------------------------------------------------------------------------------------------- */
typedef enum ingot_escalar {
    INGOT_E_F32,
    INGOT_E_F64,
    INGOT_E_F16,
    INGOT_E_BF16,
    INGOT_E_I1,
    INGOT_E_I8,
    INGOT_E_I16,
    INGOT_E_I32,
    INGOT_E_I64,
    INGOT_E_PTR,
    INGOT_E_NONE
} ingot_escalar;
typedef struct ingot_etype {
    uint8_t scalar; /* ingot_escalar */
    uint8_t lanes;  /* 1: a scalar */
} ingot_etype;
typedef struct ingot_ev {
    int32_t id; /* SSA number; -1: none, or a constant i64 that has no number yet */
    ingot_etype type;
    bool known; /* an i64 whose number is `value` */
    int64_t value;
} ingot_ev;

static inline ingot_etype ingot_e_type(ingot_escalar scalar)
{
    return (ingot_etype){(uint8_t)scalar, 1};
}
static inline ingot_etype ingot_e_vector(ingot_escalar scalar, int lanes)
{
    return (ingot_etype){(uint8_t)scalar, (uint8_t)lanes};
}
static inline ingot_etype ingot_e_with_scalar(ingot_etype t, ingot_escalar scalar)
{
    return (ingot_etype){(uint8_t)scalar, t.lanes};
}
#define INGOT_E_I64_TYPE ((ingot_etype){INGOT_E_I64, 1})
static inline bool ingot_e_type_equal(ingot_etype a, ingot_etype b)
{
    return a.scalar == b.scalar && a.lanes == b.lanes;
}
static inline bool ingot_e_is_float(ingot_etype t)
{
    return t.scalar <= INGOT_E_BF16;
}
/* What a value of this dtype is in registers: bool is I1; signs are the dtype's business. INGOT_E_NONE for types that
 * generated code does not take. */
ingot_escalar ingot_e_scalar_of(ingot_dtype dtype);
int ingot_e_scalar_bytes(ingot_escalar scalar); /* in memory: I1 is stored as a byte */
static inline bool ingot_e_is_known(ingot_ev v, int64_t value)
{
    return v.known && v.value == value;
}

/* ---- The emitter
 * --------------------------------------------------------------------------------------------------------------- */
#define INGOT_E_FUNCTION_DEPTH 6
#define INGOT_E_MAX_CONSTS     512
typedef struct ingot_efunction ingot_efunction;
typedef struct ingot_emitter {
    const ingot_spec *spec;
    const ingot_target *target;
    int lanes_f32; /* target->vector_bytes / 4 */
    int lanes_f64;
    ingot_ev
        operands[INGOT_SPEC_OPERANDS]; /* pointers of the function being written, if it takes the kernel's arguments */
    bool failed;
    ingot_status status; /* first failure */
    ingot_text module;   /* finished functions */
    ingot_efunction *function;
    int32_t depth;
    int32_t next_function; /* numbers helper names */
    int64_t ops;           /* emitted so far, limited */
} ingot_emitter;
/* Records a failure (the first one counts). */
void ingot_e_fail(ingot_emitter *e, ingot_code code, const char *format, ...) INGOT_PRINTF(3, 4);

/* One row per family (codegen/dispatch.c). units: number of independent units for the sizes, any time. body: does units
 * [begin, end), begin < end. Both run in functions that have the kernel's arguments; units may not touch operands. */
typedef struct ingot_family_emitter {
    const char *name;
    ingot_ev (*units)(ingot_emitter *e);
    void (*body)(ingot_emitter *e, ingot_ev begin, ingot_ev end);
    bool (*supports)(const ingot_spec *spec, const ingot_target *target, const char **out_why);
} ingot_family_emitter;
const ingot_family_emitter *ingot_family_emitter_get(ingot_family family); /* null: no generated code */
/* codegen/dispatch.c gathers these: ingot_emit_contract, ingot_emit_conv, ingot_emit_depthwise, ingot_emit_map,
 * ingot_emit_reduce, ingot_emit_winograd, ingot_emit_window, ingot_emit_gather, ingot_emit_attention, ingot_emit_lstm,
 * ingot_emit_gru. */
extern const ingot_family_emitter ingot_emit_contract, ingot_emit_conv, ingot_emit_depthwise, ingot_emit_map,
    ingot_emit_reduce, ingot_emit_winograd, ingot_emit_window, ingot_emit_gather, ingot_emit_attention, ingot_emit_lstm,
    ingot_emit_gru;

/* ---- Constants and sizes
 * --------------------------------------------------------------------------------------------------------- */
ingot_ev ingot_e_int(ingot_emitter *e, int64_t value);                         /* i64 */
ingot_ev ingot_e_const_int(ingot_emitter *e, ingot_etype type, int64_t value); /* any integer type, splat over lanes */
ingot_ev ingot_e_const_float(ingot_emitter *e, ingot_etype type,
                             double value); /* any float type, splat; NaN and infinities too */
ingot_ev ingot_e_const_bits(ingot_emitter *e, ingot_etype type, uint64_t bits); /* float type from its bits */
ingot_ev ingot_e_zero(ingot_emitter *e, ingot_etype type);
ingot_ev ingot_e_iota(ingot_emitter *e, ingot_etype type); /* integer vector 0, 1, 2, ... */
ingot_ev ingot_e_size(ingot_emitter *e,
                      ingot_size size); /* i64; dynamic ones are loaded once at the function's entry */

ingot_ev ingot_e_opaque(ingot_emitter *e, int64_t value);   /* i64 that does not fold: one helper for all its values */
ingot_ev ingot_e_from_bool(ingot_emitter *e, ingot_ev bit); /* I1 -> i64 0 or 1 */

/* ---- i64 arithmetic, folded where operands are known
 * ------------------------------------------------------------------------------ */
ingot_ev ingot_e_add(ingot_emitter *e, ingot_ev a, ingot_ev b);
ingot_ev ingot_e_sub(ingot_emitter *e, ingot_ev a, ingot_ev b);
ingot_ev ingot_e_mul(ingot_emitter *e, ingot_ev a, ingot_ev b);
ingot_ev ingot_e_add_int(ingot_emitter *e, ingot_ev a, int64_t b);
ingot_ev ingot_e_mul_int(ingot_emitter *e, ingot_ev a, int64_t b);
ingot_ev ingot_e_mad(ingot_emitter *e, ingot_ev a, ingot_ev b, ingot_ev c); /* a * b + c */
ingot_ev ingot_e_div(ingot_emitter *e, ingot_ev a, ingot_ev b); /* unsigned: operands are not negative, b > 0 */
ingot_ev ingot_e_rem(ingot_emitter *e, ingot_ev a, ingot_ev b);
ingot_ev ingot_e_ceil_div(ingot_emitter *e, ingot_ev a, ingot_ev b);
ingot_ev ingot_e_min(ingot_emitter *e, ingot_ev a, ingot_ev b); /* signed */
ingot_ev ingot_e_max(ingot_emitter *e, ingot_ev a, ingot_ev b);
/* sum(indices[i] * strides[i]) with sizes for strides: the linear index of an operand's element. */
ingot_ev ingot_e_linear(ingot_emitter *e, int n, const ingot_ev *indices, const ingot_size *strides);
/* Digits of `value` in the mixed radix `radix` (outermost first): unit numbers to coordinates. */
void ingot_e_unflatten(ingot_emitter *e, ingot_ev value, int n, const ingot_ev *radix, ingot_ev *out_digits);
/* Comparisons of i64 give an I1; `op` is an arith.cmpi predicate: "eq" "ne" "slt" "sle" "sgt" "sge" "ult" "ule" "ugt"
 * "uge". */
ingot_ev ingot_e_cmp(ingot_emitter *e, const char *op, ingot_ev a,
                     ingot_ev b); /* integers of any type, vectors too; constants fold to a constant I1 */

/* ---- Values of any type
 * ------------------------------------------------------------------------------------------------------------ */
/* Any arith-like op with all operands and the result of one type: "arith.addf", "arith.andi", "math.fma" (n = 1..3). */
ingot_ev ingot_e_op(ingot_emitter *e, const char *mnemonic, int n, const ingot_ev *args);
ingot_ev ingot_e_op1(ingot_emitter *e, const char *mnemonic, ingot_ev a);
ingot_ev ingot_e_op2(ingot_emitter *e, const char *mnemonic, ingot_ev a, ingot_ev b);
ingot_ev ingot_e_addf(ingot_emitter *e, ingot_ev a, ingot_ev b);
ingot_ev ingot_e_subf(ingot_emitter *e, ingot_ev a, ingot_ev b);
ingot_ev ingot_e_mulf(ingot_emitter *e, ingot_ev a, ingot_ev b);
ingot_ev ingot_e_divf(ingot_emitter *e, ingot_ev a, ingot_ev b);
ingot_ev ingot_e_negf(ingot_emitter *e, ingot_ev a);
/* a * b + c: fused where the target has FMA, else multiply and add. Scalars and vectors. */
ingot_ev ingot_e_fma(ingot_emitter *e, ingot_ev a, ingot_ev b, ingot_ev c);
ingot_ev ingot_e_cmpf(ingot_emitter *e, const char *op, ingot_ev a,
                      ingot_ev b); /* "olt" "ogt" "oeq" "une" "uno" "ult" ... */
ingot_ev ingot_e_select(ingot_emitter *e, ingot_ev cond, ingot_ev a,
                        ingot_ev b); /* cond: I1, scalar or of the same lanes */
/* max/min of floats: NaN if either is (ONNX's Max); maxnum-like cheap form: `b` wins when a is NaN: one instruction. */
ingot_ev ingot_e_maxf(ingot_emitter *e, ingot_ev a, ingot_ev b);
ingot_ev ingot_e_minf(ingot_emitter *e, ingot_ev a, ingot_ev b);
ingot_ev ingot_e_maxf_fast(ingot_emitter *e, ingot_ev a, ingot_ev b); /* a > b ? a : b */
ingot_ev ingot_e_minf_fast(ingot_emitter *e, ingot_ev a, ingot_ev b); /* a < b ? a : b */
/* Conversions keep lanes. `op`: "arith.extf" "arith.truncf" "arith.sitofp" "arith.uitofp" "arith.fptosi" "arith.fptoui"
 * "arith.extsi" "arith.extui" "arith.trunci" "arith.bitcast". */
ingot_ev ingot_e_cast(ingot_emitter *e, const char *op, ingot_ev a, ingot_escalar to);
ingot_ev ingot_e_splat(ingot_emitter *e, ingot_ev scalar, int lanes); /* lanes 1: itself */
/* The same bits as a vector type of as many bits. */
ingot_ev ingot_e_reinterpret(ingot_emitter *e, ingot_ev v, ingot_etype type);
ingot_ev ingot_e_extract(ingot_emitter *e, ingot_ev vector, int lane);
ingot_ev ingot_e_insert(ingot_emitter *e, ingot_ev vector, ingot_ev scalar, int lane);
ingot_ev ingot_e_shuffle(ingot_emitter *e, ingot_ev a, ingot_ev b, int lanes,
                         const int *picks); /* picks: 0.. of a, then of b */
/* Horizontal: "add" "mul" "minsi"...; float add and mul are balanced trees (fixed order). "max" "min": floats, NaN if
 * any is; integers by sign of `op` ("maxsi"). */
ingot_ev ingot_e_reduce(ingot_emitter *e, const char *op, ingot_ev vector);
/* llvm.call_intrinsic; result_type scalar INGOT_E_NONE: none. */
ingot_ev ingot_e_intrinsic(ingot_emitter *e, const char *name, ingot_etype result_type, int n, const ingot_ev *args);

/* ---- Memory
 * --------------------------------------------------------------------------------------------------------------------------
 */
/* `base + index` elements of the given scalar type; a pointer. */
ingot_ev ingot_e_gep(ingot_emitter *e, ingot_escalar scalar, ingot_ev base, ingot_ev index);
/* Memory element type is type.scalar; for I1 a byte that is compared with zero (and stored as 0 or 1). */
ingot_ev ingot_e_load(ingot_emitter *e, ingot_etype type, ingot_ev base, ingot_ev index);
/* The same, never merged with another load from there: of what costs less to read twice than a register to keep. */
ingot_ev ingot_e_load_again(ingot_emitter *e, ingot_etype type, ingot_ev base, ingot_ev index);
void ingot_e_store(ingot_emitter *e, ingot_ev value, ingot_ev base, ingot_ev index);
/* The 32 bits at base + index elements of `scalar`, which need no alignment, as an I32. */
ingot_ev ingot_e_load_word(ingot_emitter *e, ingot_escalar scalar, ingot_ev base, ingot_ev index);
/* Lanes below `count` (a signed i64, may be <= 0 or >= lanes). `all`: known to be full, then masked accesses are plain
 * ones. The mask is made for memory of the vector type `type`. */
typedef struct ingot_emask {
    bool all;
    ingot_ev bits;  /* vector of I1 */
    ingot_ev words; /* AVX2 f32/i32/f64/i64: integer vector of the element's width, all ones in active lanes; id -1 when
                       not used */
} ingot_emask;
ingot_emask ingot_e_mask(ingot_emitter *e, ingot_etype type, ingot_ev count);
ingot_emask ingot_e_mask_all(void);
ingot_ev ingot_e_load_masked(ingot_emitter *e, ingot_etype type, ingot_ev base, ingot_ev index,
                             ingot_emask mask); /* inactive lanes: 0; they are not touched */
void ingot_e_store_masked(ingot_emitter *e, ingot_ev value, ingot_ev base, ingot_ev index, ingot_emask mask);
/* Lane l from index + l * stride; stride 1 is a vector load, 0 a splat, else one load per lane (masked: of active lanes
 * only). */
ingot_ev ingot_e_load_strided(ingot_emitter *e, ingot_etype type, ingot_ev base, ingot_ev index, ingot_ev stride,
                              ingot_emask mask);
void ingot_e_store_strided(ingot_emitter *e, ingot_ev value, ingot_ev base, ingot_ev index, ingot_ev stride,
                           ingot_emask mask);
/* Lane l from indices[l] (an I64 or I32 vector); inactive lanes are 0 and not touched. */
ingot_ev ingot_e_gather(ingot_emitter *e, ingot_etype type, ingot_ev base, ingot_ev indices, ingot_emask mask);
void ingot_e_prefetch(ingot_emitter *e, ingot_escalar scalar, ingot_ev base, ingot_ev index,
                      int locality); /* 0..3, for reading */
/* `count` elements on the stack, 64-byte aligned, at the function's entry: give it up with the function. Kernels may
 * use 128 KiB in all. */
ingot_ev ingot_e_alloca(ingot_emitter *e, ingot_escalar scalar, int64_t count);

/* ---- Control
 * -----------------------------------------------------------------------------------------------------------------------
 */
#define INGOT_E_MAX_CARRIED 64
typedef struct ingot_eloop {
    ingot_ev index;
    int32_t n;
    ingot_ev args[INGOT_E_MAX_CARRIED];    /* carried values inside the loop */
    ingot_ev results[INGOT_E_MAX_CARRIED]; /* after it */
} ingot_eloop;
/* for index = lo; index < hi (signed); index += step (> 0). */
void ingot_e_for(ingot_emitter *e, ingot_ev lo, ingot_ev hi, ingot_ev step, int32_t n, const ingot_ev *init,
                 ingot_eloop *loop);
void ingot_e_for_end(ingot_emitter *e, ingot_eloop *loop, const ingot_ev *yielded);
typedef struct ingot_eif {
    int32_t n;
    bool has_else;
    bool taken, skipped; /* constant condition: the dead branch's text is dropped */
    int64_t mark;        /* where the dead text begins */
    ingot_ev results[INGOT_E_MAX_CARRIED];
} ingot_eif;
/* if (cond) { ... yields n values } else { ... yields n values }; with n = 0 the else may be left out. */
void ingot_e_if(ingot_emitter *e, ingot_ev cond, int32_t n, const ingot_etype *types, ingot_eif *branch);
void ingot_e_else(ingot_emitter *e, ingot_eif *branch, const ingot_ev *yielded);
void ingot_e_if_end(ingot_emitter *e, ingot_eif *branch, const ingot_ev *yielded);
/* switch (value) { case k: ... }: no results, no fallthrough, nothing when no case fits. */
void ingot_e_switch(ingot_emitter *e, ingot_ev value);
void ingot_e_case(ingot_emitter *e, int64_t k);
void ingot_e_switch_end(ingot_emitter *e);

/* ---- Functions
 * ------------------------------------------------------------------------------------------------------------------------
 * Helpers are private and never inlined. A helper with the kernel's arguments gets all operand pointers (noalias) and
 * the sizes in front of its own parameters, so operands and ingot_e_size work in it. Writing a helper may begin in the
 * middle of another function. Returns false when a helper of that name exists already (then there is nothing to write):
 * name -> code must be a function. */
typedef struct ingot_ehelper {
    char name[48];
    bool kernel_args;
    int32_t n;
    ingot_etype types[24];
    ingot_etype result; /* INGOT_E_NONE: void */
} ingot_ehelper;
bool ingot_e_helper_begin(ingot_emitter *e, const ingot_ehelper *helper, ingot_ev *out_params);
void ingot_e_helper_end(ingot_emitter *e, ingot_ev result);
ingot_ev ingot_e_call(ingot_emitter *e, const ingot_ehelper *helper, const ingot_ev *args);

/* ---- Scalar programs (codegen/scalar_prog.c) and vector math (codegen/vector_math.c)
 * ---------------------------------------------------- */
/* One instruction on vectors or scalars: registers are held as ingot_e_scalar_of(dtype). dtypes: of the operands;
 * `result`: of the result. */
ingot_ev ingot_e_scalar_op(ingot_emitter *e, ingot_scalar op, ingot_dtype result, int n, const ingot_ev *args,
                           const ingot_dtype *dtypes);
/* Whether ingot_e_scalar_op can do it. */
bool ingot_e_scalar_op_supported(ingot_scalar op, ingot_dtype result, int n, const ingot_dtype *dtypes,
                                 const char **out_why);
/* results[i] = program results; args: one per argument, all of the same lanes. */
void ingot_e_prog(ingot_emitter *e, const ingot_prog *prog, const ingot_ev *args, ingot_ev *out_results);
bool ingot_e_prog_supported(const ingot_prog *prog, const char **out_why);
ingot_dtype ingot_e_prog_result_dtype(const ingot_prog *prog, int32_t result);
/* exp, tanh and erf of f32 vectors for kernels that need them inside (softmax, attention, recurrent gates);
 * vector_math.c. */
ingot_ev ingot_e_exp(ingot_emitter *e, ingot_ev x);
ingot_ev ingot_e_tanh(ingot_emitter *e, ingot_ev x);
ingot_ev ingot_e_sigmoid(ingot_emitter *e, ingot_ev x);

/* ---- From specs to machine code (codegen/dispatch.c, lower_llvm.c)
 * ----------------------------------------------------------------------- */
/* The whole module of a kernel as text. */
ingot_status ingot_emit_module(const ingot_spec *spec, const ingot_target *target, ingot_text *out);
/* Text of a module -> object, LLVM IR or assembly in `out`. */
ingot_status ingot_lower_module(const char *mlir, size_t size, const ingot_target *target, ingot_emit_kind kind,
                                ingot_text *out);
/* Names the pipeline and LLVM: part of cache keys. */
const char *ingot_lower_version(void);
#endif
