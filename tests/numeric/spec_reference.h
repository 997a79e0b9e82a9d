/* A naive interpreter of kernel specs, in double, and a harness that holds generated kernels to it.
 *
 *     char why[512];
 *     cr_assert(spec_check("contract b0=1 ... | x86-64-v3", NULL, &(spec_check_options){.tolerance = 1e-5}, why), "%s",
 * why);
 *
 * spec_check parses the line, makes random operands with an unmapped page on either side, compiles in this process,
 * runs the kernel whole, unit by unit from the last to the first and in odd pieces (all must give the same bits), and
 * compares with the interpreter. Bytes of outputs that the spec does not write must stay as they were.
 */
#ifndef SPEC_REFERENCE_H
#define SPEC_REFERENCE_H
#include "codegen/codegen.h"

typedef struct spec_check_options {
    double tolerance; /* error allowed relative to the magnitude of the terms; 0: 2e-6 */
    unsigned seed;
    int64_t sizes[INGOT_SPEC_SIZES];         /* values of the spec's dynamic entries */
    const int64_t (*more)[INGOT_SPEC_SIZES]; /* n_more other values, for which the same kernel is checked too */
    int n_more;
    bool skip_splits;
} spec_check_options;
bool spec_check(const char *line, const spec_check_options *options, char why[512]);

/* ---- The interpreter ---- */
typedef struct spec_data {
    void *operands[INGOT_SPEC_OPERANDS]; /* inputs read with their dtype; outputs not touched */
    int64_t counts[INGOT_SPEC_OPERANDS]; /* elements */
    const int64_t *sizes;
    double *values[INGOT_SPEC_OPERANDS];     /* per output element: the result */
    double *magnitudes[INGOT_SPEC_OPERANDS]; /* what errors are relative to; negative: not written */
} spec_data;
/* Elements that operand i needs from its first one on (strides are not negative). */
int64_t spec_operand_count(const ingot_spec *spec, const int64_t *sizes, int32_t i);
void spec_interpret(const ingot_spec *spec, spec_data *data);
/* One program on one element. Values of integer types are held exactly up to 2^53. */
void spec_eval_prog(const ingot_prog *prog, const double *args, double *results);
/* lstm and gru (spec_recurrent.c): the interpreter, and elements of an operand behind its strided ones. */
void spec_interpret_recurrent(const ingot_spec *spec, spec_data *data, const int64_t *dims, const int64_t *params);
int64_t spec_recurrent_tail(const ingot_spec *spec, const int64_t *dims, int32_t operand);
/* Winograd kernels (spec_winograd.c): a convolution with filters made of their indices, and these packed. Whole numbers
 * for products of integers: as large as sums may be for F(4 x 4). */
double spec_winograd_filter(const ingot_spec *spec, int64_t o, int64_t c, int kh, int kw);
void spec_winograd_fill(const ingot_spec *spec, void *out);
void spec_interpret_winograd(const ingot_spec *spec, spec_data *data);
#endif
