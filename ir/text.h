/* The text form: what print.c writes and parse.c reads.
 *
 *     module attributes {ingot.symbols = ["batch:1:64"]} {
 *       "ingot.graph"() ({
 *       ^bb0(%0: tensor<?x4xf32, ["batch"]>):
 *         %none = "ingot.none"() : () -> none                    // only where an operand is left out
 *         %1 = "ingot.constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
 *         %2 = "ingot.mul"(%0, %1) : (tensor<?x4xf32, ["batch"]>, tensor<f32>) -> tensor<?x4xf32, ["batch"]> loc("Mul_3
 * (Mul)") "ingot.return"(%2) {names = ["y"]} : (tensor<?x4xf32, ["batch"]>) -> ()
 *       }) {sym_name = "main", param_names = ["x"]} : () -> ()
 *     }
 *
 * Values are numbered by their ids, which the reader keeps. A type's encoding names the sizes behind its '?', in order;
 * in the blocked layout it is {dims = [...], layout = "c16"}. Symbols are "name:lo:hi", with ":data" when set while
 * running. */
#ifndef INGOT_IR_TEXT_H
#define INGOT_IR_TEXT_H
#include "ir/internal.h"

#define INGOT_INLINE_BYTES 1024 /* larger constants in memory are printed as one hexadecimal string */
#define INGOT_PRINT_DEPTH  200  /* regions below are not printed; the verifier's limit is far lower */
extern const char *const ingot_mlir_types[INGOT_DTYPE_COUNT];
extern const char *const ingot_check_names[3];
#endif
