/* Lowering of 3x3, 1x3 and 3x1 convolutions to Winograd kernels, where the cost model finds them faster than direct
 * ones. Sizes that a run decides count as typical ones for that. Those of integers are exact, and there where what the
 * input can be and the weights allow it (kernel/winograd_exact.h). */
#include "costmodel/decide.h"
#include "costmodel/winograd.h"
#include "kernel/winograd_exact.h"
#include "lower/lower.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N, OB, OH, OW, CB };

/* The convolution at typical sizes. */
typedef struct problem {
    bool open;              /* sizes are typical, not fixed */
    int64_t dims[5];        /* of the Winograd kernel */
    int64_t from[4], to[4]; /* strides of x and y over n, channel block, row, column; without rows: 0 */
} problem;

static bool read_size(const ingot_module *m, const ingot_dim *dim, problem *out, int64_t *out_size)
{
    out->open |= !ingot_dim_is_const(dim);
    *out_size = ingot_dim_typical(m, dim);
    return *out_size >= 1 && *out_size < (int64_t)1 << 40;
}

static bool read_strides(const ingot_module *m, const location *at, problem *p, int64_t *out)
{
    out[2] = 0;
    return read_size(m, at->strides[0], p, &out[0]) && read_size(m, at->strides[1], p, &out[1]) &&
           (at->rank < 4 || read_size(m, at->strides[2], p, &out[2])) &&
           read_size(m, at->strides[at->rank - 1], p, &out[3]);
}

/* False: there is none for Winograd kernels. */
static bool read_problem(const ingot_module *m, const location *x, const location *y, problem *out)
{
    int64_t *d = out->dims;
    *out = (problem){.dims = {[OH] = 1}};
    if (x->layout != INGOT_LAYOUT_C16 || y->layout != INGOT_LAYOUT_C16 || !ingot_dim_is_const(y->dims[1]) ||
        !ingot_dim_is_const(x->dims[1]) || x->dims[1]->value < 1 || y->dims[1]->value < 1)
        return false;
    d[OB] = (y->dims[1]->value + 15) / 16;
    d[CB] = (x->dims[1]->value + 15) / 16;
    return read_size(m, y->dims[0], out, &d[N]) && (x->rank < 4 || read_size(m, y->dims[2], out, &d[OH])) &&
           read_size(m, y->dims[x->rank - 1], out, &d[OW]) && read_strides(m, x, out, out->from) &&
           read_strides(m, y, out, out->to);
}

static bool is_exact(const ingot_op *op)
{
    return op->kind == INGOT_OP_conv_integer;
}

/* The direct convolution as a spec that costs what the real one does: operands of the body count as values of the
 * result's shape or, where they have one element for each channel, as vectors. */
static ingot_spec direct_spec(const lowering *l, const ingot_op *op, const problem *p, const int64_t *kernel,
                              const location *y, const ingot_operand *weights)
{
    ingot_spec s = {.family = INGOT_FAMILY_conv, .n_in = op->n_in, .n_out = 1};
    const int64_t *dims = p->dims, *from = p->from, *to = p->to;
    s.n_dims = ingot_family_info_get(s.family)->n_dims;
    snprintf(s.target, sizeof s.target, "%s", l->target->name);
    const int64_t all[9] = {dims[N], 1, dims[OB], dims[OH], dims[OW], dims[CB], 16, kernel[0], kernel[1]};
    const int64_t image[9] = {from[0], 0, 0, from[2], from[3], from[1], 1, from[2], from[3]};
    const int64_t result[9] = {to[0], 0, to[1], to[2], to[3], 0, 0, 0, 0}, vector[9] = {0, 0, 16, 0, 0, 0, 0, 0, 0};
    memcpy(s.dims, all, sizeof all);
    s.params[0] = y->dims[1]->value;
    for (int32_t i = 0; i <= s.n_in; i++) {
        bool wide =
            i == s.n_in ||
            (i >= 2 && op->in[i]->type.rank == y->rank &&
             !(ingot_dim_is_const(op->in[i]->type.dims[y->rank - 1]) && op->in[i]->type.dims[y->rank - 1]->value == 1));
        ingot_dtype dtype = !is_exact(op) ? INGOT_F32 : i == s.n_in ? y->dtype : op->in[i]->type.dtype;
        s.operands[i] = (ingot_operand){.dtype = dtype, .lane = i >= 2 ? 1 : 0, .constant = i > 0 && !wide};
        memcpy(s.operands[i].strides, i == 0 ? image : wide ? result : vector, sizeof image);
    }
    s.operands[1] = *weights;
    if (op->prog != NULL) {
        s.has_body = true;
        s.body = *op->prog;
    }
    return s;
}

/* Predicted time with the best decisions. */
static ingot_status best_ns(lowering *l, ingot_spec *spec, double *out)
{
    const ingot_lower_options *o = l->options;
    const ingot_cost_model *model = o->cost_model;
    if (model->knows && !model->knows(model, l->target))
        model = &ingot_cost_roofline;
    const ingot_cost_query query = {.spec = spec, .target = l->target, .cold = l->p->cold};
    ingot_choice choice;
    if (!o->decide) {
        *out = ingot_cost_predict(model, &query).ns;
        return NULL;
    }
    INGOT_TRY(ingot_lower_decide(l, model, &query, spec, &choice));
    *out = choice.ns;
    return NULL;
}

static void report(const lowering *l, const ingot_op *op, const ingot_spec *s, const int64_t *kernel, double ns,
                   double direct)
{
    if (l->options->log == NULL)
        return;
    char line[512];
    snprintf(line, sizeof line, "%s: %sWinograd F(%dx%d, %dx%d): predicted %.0f us, direct convolution %.0f us%s",
             ingot_lower_label((lowering *)l, op), is_exact(op) ? "exact " : "", (int)s->params[0], (int)s->params[1],
             (int)kernel[0], (int)kernel[1], ns / 1e3, direct / 1e3, is_exact(op) ? "" : " (--exact-conv forbids it)");
    l->options->log(l->options->log_arg, line);
}

static ingot_status add_scratch(spec_builder *b)
{
    lowering *l = b->l;
    ingot_type type = {.dtype = ingot_spec_sum(&b->spec), .rank = 1};
    location at;
    type.dims[0] = ingot_lower_const(l, ingot_winograd_scratch_elems(&b->spec));
    INGOT_TRY(ingot_lower_new_buffer(l, &type, NULL, "scratch of a convolution", &at));
    ingot_spec_add_operand(b, &at, NULL, true)->access = INGOT_ACCESS_SCRATCH;
    return NULL;
}

/* Strides of a C16 location over the spec's dims; values with one spatial dim have no rows. */
static void take_strides(lowering *l, int32_t rank, const ingot_dim *const *c16, const ingot_dim **out)
{
    const ingot_dim *zero = ingot_lower_const(l, 0);
    out[N] = c16[0];
    out[OB] = c16[1];
    out[OH] = rank == 4 ? c16[2] : zero;
    out[OW] = c16[rank - 1];
    out[CB] = zero;
}

/* Filters of whole numbers are those of a product of integers, whose sums are exact: nothing may be rounded on the way.
 */
static ingot_status filters_are_whole(lowering *l, const ingot_value *w, bool *out_whole)
{
    const ingot_literal *literal = ingot_value_literal(w);
    int64_t count = ingot_type_count(&w->type);
    ingot_arena scratch = {0};
    const void *data = NULL;
    *out_whole = false;
    if (literal == NULL || w->type.dtype != INGOT_F32)
        return NULL;
    ingot_status status = ingot_literal_get_data(l->m, literal, INGOT_F32, &scratch, &data);
    *out_whole = status == NULL && count > 0;
    for (int64_t i = 0; i < count && *out_whole; i++)
        *out_whole = ((const float *)data)[i] == truncf(((const float *)data)[i]);
    ingot_arena_release(&scratch);
    return status;
}

/* Bit m: tiles of m results may be used. Those of floats always may. F(2 x 2) of integers has 2.25 times fewer
 * products, which is not worth transforms where direct ones of bytes are twice as fast as those of 16 bits. */
static ingot_status possible_tiles(lowering *l, const ingot_op *op, const int64_t *kernel, uint32_t *out)
{
    const ingot_value *w = op->in[1];
    *out = 1 << 2 | 1 << 4;
    if (!is_exact(op))
        return NULL;
    if (w->type.dtype == INGOT_I8 && ingot_target_multiplies_bytes(l->target))
        *out = 1 << 4;
    ingot_winograd_integers p = {
        w->type.dims[0]->value, w->type.dims[1]->value, kernel[0] * kernel[1], w->type.dtype, NULL, 0, 0};
    ingot_arena scratch = {0};
    ingot_value_range(op->in[0], &p.x_low, &p.x_high);
    ingot_status status = ingot_literal_get_data(l->m, ingot_value_literal(w), w->type.dtype, &scratch, &p.w);
    for (int64_t m = 2; m <= 4 && !status; m += 2)
        if (!ingot_winograd_exact_fits(kernel[0] == 1 ? 1 : m, kernel[1] == 1 ? 1 : m, &p))
            *out &= ~(1u << m);
    ingot_arena_release(&scratch);
    return status;
}

/* The fastest of both kinds at typical sizes; out_chosen: a Winograd kernel, if that is it, and its time and the direct
 * one's. */
static ingot_status choose(lowering *l, const ingot_op *op, const int64_t *kernel, const location *x, const location *y,
                           const ingot_operand *weights, bool *out_open, ingot_spec *out_chosen, double *out_ns,
                           double *out_direct)
{
    uint32_t tiles;
    problem p;
    *out_ns = *out_direct = 0;
    if (!read_problem(l->m, x, y, &p))
        return NULL;
    ingot_spec conv = direct_spec(l, op, &p, kernel, y, weights);
    INGOT_TRY(possible_tiles(l, op, kernel, &tiles));
    INGOT_TRY(best_ns(l, &conv, out_direct));
    *out_ns = *out_direct;
    *out_open = p.open;
    for (int64_t m = 2; m <= 4; m += 2) {
        ingot_spec s;
        double ns;
        if (!(tiles >> m & 1) || !ingot_winograd_from_conv(&conv, m, l->target, &s))
            continue;
        s.params[3] = x->dims[1]->value;
        INGOT_TRY(best_ns(l, &s, &ns));
        if (ns < *out_ns) {
            *out_ns = ns;
            *out_chosen = s;
        }
    }
    return NULL;
}

ingot_status ingot_lower_winograd(lowering *l, ingot_op *op, const int64_t *kernel, const location *x,
                                  const location *y, const ingot_operand *weights, bool *out_done)
{
    const ingot_dim *strides[INGOT_MAX_RANK + 1], *all[5];
    if ((l->options->exact_conv && !is_exact(op)) || op->n_in + 2 > INGOT_SPEC_OPERANDS)
        return NULL;
    double direct, best;
    bool open = false, whole;
    ingot_spec chosen = {0};
    INGOT_TRY(choose(l, op, kernel, x, y, weights, &open, &chosen, &best, &direct));
    if (best >= direct)
        return NULL;
    INGOT_TRY(filters_are_whole(l, op->in[1], &whole));
    if (whole)
        return NULL;
    spec_builder b;
    ingot_spec_begin(&b, l, INGOT_FAMILY_winograd);
    memcpy(b.spec.dims, chosen.dims, sizeof b.spec.dims);
    memcpy(b.spec.params, chosen.params, sizeof b.spec.params);
    memcpy(b.spec.decisions, chosen.decisions, sizeof b.spec.decisions);
    b.spec.dims[N] = ingot_spec_size(&b, y->dims[0]);
    b.spec.dims[OH] = x->rank == 4 ? ingot_spec_size(&b, y->dims[2]) : 1;
    b.spec.dims[OW] = ingot_spec_size(&b, y->dims[x->rank - 1]);
    if (open)
        ingot_winograd_decide(&b.spec, l->target, 0, 0);
    take_strides(l, x->rank, x->strides, all);
    all[CB] = all[OB];
    all[OB] = ingot_lower_const(l, 0);
    ingot_spec_add_operand(&b, x, all, false)->lane = 1;
    int64_t o = y->dims[1]->value, c = x->dims[1]->value;
    const int64_t *m = chosen.params;
    const ingot_packing packing = {.winograd = {(int32_t)m[0], (int32_t)m[1]}, .src_rank = 2, .src_dims = {o, c}};
    location w;
    INGOT_TRY(ingot_lower_add_weight(l, op->in[1], &packing, ingot_winograd_filter_bytes(&chosen), &w));
    w.dtype = chosen.operands[1].dtype;
    ingot_spec_add_operand(&b, &w, NULL, false)->access = INGOT_ACCESS_PACKED16;
    for (int32_t i = 2; i < op->n_in; i++) {
        location at;
        INGOT_TRY(ingot_lower_c16_operand(l, op->in[i], y, &at, strides));
        take_strides(l, y->rank, strides, all);
        ingot_spec_add_operand(&b, &at, all, false)->lane = ingot_spec_size(&b, strides[y->rank]);
    }
    take_strides(l, y->rank, y->strides, all);
    ingot_spec_add_operand(&b, y, all, true)->lane = 1;
    INGOT_TRY(add_scratch(&b));
    if (op->prog != NULL) {
        b.spec.has_body = true;
        b.spec.body = *op->prog;
    }
    const char *why;
    if (!ingot_spec_supported(&b, &why))
        return NULL;
    report(l, op, &chosen, kernel, best, direct);
    *out_done = true;
    return ingot_spec_finish(&b, ingot_lower_label(l, op));
}
