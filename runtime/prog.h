/* Scalar programs: a short straight-line computation on the elements of some operands.
 *
 * The body of `ingot.map` and the epilogue of contractions, convolutions, reductions: fused elementwise chains live in
 * one form from the graph to the vectoriser. Register r is argument r for r < n_args, else the result of instruction r
 * - n_args.
 *
 *     y = relu(x * s + 0.5):   args x, s;  2: const 0.5   3: fma 0 1 2   4: relu 3   results 4
 *
 * Text (ir/prog_text.c): "(f32,f32) r2=const(0.5):f32 r3=fma(r0,r1,r2):f32 r4=relu(r3):f32 -> r4", exact both ways.
 */
#ifndef INGOT_RUNTIME_PROG_H
#define INGOT_RUNTIME_PROG_H
#include <ingot/runtime.h>

typedef enum ingot_scalar {
#define SCALAR(name, arity, result) INGOT_SCALAR_##name,
#include "runtime/scalar.def"
#undef SCALAR
    INGOT_SCALAR_COUNT,
    INGOT_SCALAR_const = INGOT_SCALAR_COUNT /* program instruction only: imm */
} ingot_scalar;

#define INGOT_PROG_MAX_ARGS    12
#define INGOT_PROG_MAX_INSTRS  40
#define INGOT_PROG_MAX_RESULTS 4

typedef struct ingot_instr {
    int16_t op;      /* ingot_scalar */
    int16_t dtype;   /* of the result */
    int16_t a, b, c; /* registers; -1 unused */
    int16_t reserved;
    union {
        double f;  /* const of a float type */
        int64_t i; /* const of an integer or bool type */
    } imm;
} ingot_instr;

typedef struct ingot_prog {
    int32_t n_args, n_instrs, n_results, reserved;
    int16_t arg_dtypes[INGOT_PROG_MAX_ARGS];
    int16_t results[INGOT_PROG_MAX_RESULTS]; /* registers */
    ingot_instr instrs[INGOT_PROG_MAX_INSTRS];
} ingot_prog;
#endif
