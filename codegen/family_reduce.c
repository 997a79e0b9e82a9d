/* reduce: sums, extrema, softmax, norms and arg_max over (r0, r1) for every (o0, o1, o2, i).
 *
 * Vectors run along a kept dim (i of a C16 layout) where that has stride 1, else along the reduced dim that has, with
 * one horizontal reduction at the end. The order of additions depends on sizes alone, never on threads. Long sums are
 * cut into blocks, whose sums are added up: an error grows with the length of a chain.
 */
#include "codegen/blocks.h"
#include <math.h>
#include <string.h>

typedef ingot_ev V;
enum { O0, O1, O2, R0, R1, I, unit_elements = 8192, guess = 64, most_vectors = 4 };

typedef struct reduce_plan {
    int lane;  /* dim of the lanes */
    bool kept; /* it is not reduced */
    int lanes;
    int vectors;      /* kept: vectors of a block of the lane dim; reduced: accumulators */
    int outer, inner; /* loops over reduced dims; kept: both; reduced: `outer` is the one that is not the lane dim */
    int n_rows, rows[4];
} reduce_plan;

typedef struct reducer {
    ingot_emitter *e;
    reduce_plan plan;
    ingot_spec_reduce kind;
    V count;                                     /* elements of one reduction */
    V first[most_vectors], second[most_vectors]; /* per vector of the block: max and 1/sum, or mean and 1/deviation */
    bool stored;                                 /* softmax: exponentials lie in the output */
} reducer;

/* ---- Choices ---- */

static bool is_arg(ingot_spec_reduce kind)
{
    return kind == INGOT_SPEC_ARG_MAX || kind == INGOT_SPEC_ARG_MIN;
}

static bool is_full(ingot_spec_reduce kind)
{
    return kind >= INGOT_SPEC_SOFTMAX && kind <= INGOT_SPEC_RMS_NORM;
}

static reduce_plan make_plan(const ingot_spec *spec, const ingot_target *target)
{
    const ingot_size *s = spec->operands[0].strides;
    int bytes = ingot_e_scalar_bytes(ingot_e_scalar_of(spec->operands[0].dtype));
    reduce_plan plan = {.lane = -1, .lanes = target->vector_bytes / bytes, .vectors = 1};
    static const int order[] = {I, R1, R0, O2, O1, O0, I};
    for (int k = 0; k < 7 && plan.lane < 0; k++) {
        int d = order[k];
        int64_t least = k == 0 || d < R0 ? 4 : 2;
        if (ingot_b_is(s[d], 1) && ingot_b_estimate(spec->dims[d], guess) >= (k == 6 ? 2 : least))
            plan.lane = d;
    }
    if (plan.lane < 0) {
        plan.lane = ingot_b_is(spec->dims[R1], 1) ? R0 : R1;
        plan.lanes = 1;
    }
    plan.kept = plan.lane != R0 && plan.lane != R1;
    int64_t size = ingot_b_estimate(spec->dims[plan.lane], plan.kept ? guess : 1024);
    while (plan.lanes > 1 && size <= plan.lanes / 2)
        plan.lanes /= 2;
    while (plan.vectors < most_vectors && size >= 2 * plan.vectors * plan.lanes)
        plan.vectors *= 2;
    if (spec->decisions[0] > 0 && spec->decisions[0] < plan.vectors)
        plan.vectors = (int)spec->decisions[0];
    if (plan.kept) {
        plan.inner = ingot_b_is(spec->dims[R1], 1) ? R0 : R1;
        plan.outer = plan.inner == R1 ? R0 : R1;
    } else {
        plan.inner = plan.lane;
        plan.outer = plan.lane == R1 ? R0 : R1;
    }
    static const int kept[] = {O0, O1, O2, I};
    for (int k = 0; k < 4; k++)
        if (kept[k] != plan.lane)
            plan.rows[plan.n_rows++] = kept[k];
    return plan;
}

typedef struct reduce_units {
    V rows, blocks, group; /* rows x blocks of the lane dim, `group` of them a unit */
} reduce_units;

static reduce_units make_units(ingot_emitter *e, const reduce_plan *plan)
{
    reduce_units u = {ingot_e_int(e, 1), ingot_e_int(e, 1), ingot_e_int(e, 1)};
    for (int k = 0; k < plan->n_rows; k++)
        u.rows = ingot_e_mul(e, u.rows, ingot_e_size(e, e->spec->dims[plan->rows[k]]));
    V work = ingot_e_mul(e, ingot_e_size(e, e->spec->dims[R0]), ingot_e_size(e, e->spec->dims[R1]));
    if (plan->kept) {
        u.blocks = ingot_e_ceil_div(e, ingot_e_size(e, e->spec->dims[plan->lane]),
                                    ingot_e_int(e, (int64_t)plan->lanes * plan->vectors));
        work = ingot_e_mul_int(e, work, (int64_t)plan->lanes * plan->vectors);
    }
    V one = ingot_e_int(e, 1);
    u.group = ingot_e_max(e, ingot_e_div(e, ingot_e_int(e, unit_elements), ingot_e_max(e, work, one)), one);
    return u;
}

static V reduce_count(ingot_emitter *e)
{
    reduce_plan plan = make_plan(e->spec, e->target);
    reduce_units u = make_units(e, &plan);
    V n = ingot_e_ceil_div(e, ingot_e_mul(e, u.rows, u.blocks), u.group);
    ingot_spec_reduce kind = (ingot_spec_reduce)e->spec->params[0];
    if (!is_full(kind) && !is_arg(kind))
        return n;
    /* Nothing is written for empty reductions. */
    return ingot_e_min(
        e, n,
        ingot_e_mul(e, ingot_e_mul(e, n, ingot_e_size(e, e->spec->dims[R0])), ingot_e_size(e, e->spec->dims[R1])));
}

/* ---- Walking over the reduced dims ---- */

/* One vector at coords; u: which vector of the block (kept lanes), else 0. Gives the new accumulator; ignored in walks
 * without one. */
typedef V step_fn(reducer *r, const V *coords, int u, const ingot_bmask *mask, V acc);
typedef V combine_fn(ingot_emitter *e, V a, V b);

typedef struct walk {
    step_fn *step;
    combine_fn *combine; /* null: no accumulator */
    V neutral;           /* vector */
} walk;

static ingot_etype vector_type(const reducer *r)
{
    return ingot_e_vector(ingot_e_scalar_of(r->e->spec->operands[0].dtype), r->plan.lanes);
}

/* A size that chains of additions should not have: cut into blocks of this many steps. */
static int64_t chain_block(const ingot_spec *spec, int dim, int64_t step)
{
    return ingot_b_estimate(spec->dims[dim], 1 << 20) / step > 512 ? 256 * step : 0;
}

typedef struct strip {
    reducer *r;
    const walk *w;
    V *coords;
    int ways;                /* independent accumulators per vector of the block */
    int vectors;             /* of the block */
    const ingot_bmask *mask; /* kept lanes */
} strip;

/* Elements [lo, hi) of the inner dim, `ways` positions at once (kept lanes) or `ways` vectors (reduced lanes); carries
 * accumulators. */
static void walk_range(strip *s, V lo, V hi, int ways, V *acc)
{
    ingot_emitter *e = s->r->e;
    const reduce_plan *plan = &s->r->plan;
    int64_t width = plan->kept ? 1 : plan->lanes;
    int n = s->w->combine ? s->ways * s->vectors : 0;
    if (lo.known && hi.known && lo.value >= hi.value)
        return;
    ingot_eloop loop;
    ingot_e_for(e, lo, hi, ingot_e_int(e, width * ways), n, acc, &loop);
    V next[INGOT_E_MAX_CARRIED];
    memcpy(next, loop.args, sizeof next);
    for (int k = 0; k < ways; k++) {
        V base = s->coords[plan->lane];
        if (!plan->kept)
            s->coords[plan->lane] = ingot_e_add_int(e, loop.index, k * width);
        else
            s->coords[plan->inner] = ingot_e_add_int(e, loop.index, k);
        for (int u = 0; u < s->vectors; u++) {
            if (plan->kept)
                s->coords[plan->lane] = ingot_e_add_int(e, base, (int64_t)u * plan->lanes);
            V value = s->w->step(s->r, s->coords, u, s->mask, n > 0 ? next[k * s->vectors + u] : s->w->neutral);
            if (n > 0)
                next[k * s->vectors + u] = value;
        }
        if (plan->kept)
            s->coords[plan->lane] = base;
    }
    ingot_e_for_end(e, &loop, next);
    if (n > 0)
        memcpy(acc, loop.results, (size_t)n * sizeof *acc);
}

/* Main loop and the rest of [lo, hi); afterwards acc[0..vectors) hold everything. hi - lo: whole vectors for reduced
 * lanes. */
static void walk_span(strip *s, V lo, V hi, V *acc)
{
    ingot_emitter *e = s->r->e;
    int64_t width = (s->r->plan.kept ? 1 : s->r->plan.lanes) * (int64_t)s->ways;
    V count = ingot_e_sub(e, hi, lo), all[INGOT_E_MAX_CARRIED];
    for (int k = 0; k < s->ways * s->vectors; k++)
        all[k] = s->w->neutral;
    V middle = ingot_e_add(e, lo, ingot_e_mul_int(e, ingot_e_div(e, count, ingot_e_int(e, width)), width));
    walk_range(s, lo, middle, s->ways, all);
    if (s->ways > 1)
        walk_range(s, middle, hi, 1, all);
    if (s->w->combine == NULL)
        return;
    for (int u = 0; u < s->vectors; u++) {
        V of[INGOT_E_MAX_CARRIED];
        for (int k = 0; k < s->ways; k++)
            of[k] = all[k * s->vectors + u];
        acc[u] = s->w->combine(e, acc[u], ingot_b_tree(e, s->w->combine, s->ways, of));
    }
}

/* The inner dim, in blocks when it is long. */
static void walk_inner(strip *s, V *acc)
{
    ingot_emitter *e = s->r->e;
    const reduce_plan *plan = &s->r->plan;
    V size = ingot_e_size(e, e->spec->dims[plan->inner]), zero = ingot_e_int(e, 0), whole = size;
    if (!plan->kept)
        whole = ingot_e_mul_int(e, ingot_e_div(e, size, ingot_e_int(e, plan->lanes)), plan->lanes);
    int64_t width = plan->kept ? 1 : plan->lanes,
            block = s->w->combine ? chain_block(e->spec, plan->inner, width * s->ways) : 0;
    if (block > 0) {
        ingot_eloop loop;
        ingot_e_for(e, zero, whole, ingot_e_int(e, block), s->vectors, acc, &loop);
        V inside[INGOT_E_MAX_CARRIED];
        memcpy(inside, loop.args, sizeof inside);
        walk_span(s, loop.index, ingot_e_min(e, ingot_e_add_int(e, loop.index, block), whole), inside);
        ingot_e_for_end(e, &loop, inside);
        memcpy(acc, loop.results, (size_t)s->vectors * sizeof *acc);
    } else {
        walk_span(s, zero, whole, acc);
    }
    if (plan->kept || plan->lanes == 1)
        return;
    V left = ingot_e_sub(e, size, whole);
    if (ingot_e_is_known(left, 0))
        return;
    /* The masked rest: lanes past the end keep their accumulator. */
    bool has = s->w->combine != NULL;
    ingot_etype type = vector_type(s->r);
    ingot_eif branch;
    ingot_e_if(e, ingot_e_cmp(e, "sgt", left, zero), has, &type, &branch);
    ingot_bmask mask = ingot_b_mask(e, plan->lanes, left);
    s->coords[plan->lane] = whole;
    V value = s->w->step(s->r, s->coords, 0, &mask, acc[0]);
    if (has) {
        value = ingot_e_select(e, mask.of[type.scalar].bits, value, acc[0]);
        ingot_e_else(e, &branch, &value);
    }
    ingot_e_if_end(e, &branch, acc);
    if (has)
        acc[0] = branch.results[0];
}

/* Over both reduced dims; acc: one vector per vector of the block (kept), one vector (reduced). */
static void walk_all(reducer *r, const walk *w, V *coords, int vectors, const ingot_bmask *mask, V *acc)
{
    ingot_emitter *e = r->e;
    ingot_bmask all = ingot_b_mask_all();
    int ways = r->plan.kept ? (vectors >= 4 ? 2 : 8 / (vectors * 2)) : r->plan.vectors;
    if (w->combine == NULL && r->plan.kept)
        ways = 1;
    if (ingot_b_estimate(e->spec->dims[r->plan.inner], guess) < ways * (r->plan.kept ? 1 : r->plan.lanes))
        ways = 1;
    strip s = {r, w, coords, ways, r->plan.kept ? vectors : 1, r->plan.kept ? mask : &all};
    for (int u = 0; u < s.vectors; u++)
        acc[u] = w->neutral;
    V size = ingot_e_size(e, e->spec->dims[r->plan.outer]);
    if (ingot_e_is_known(size, 1)) {
        coords[r->plan.outer] = ingot_e_int(e, 0);
        walk_inner(&s, acc);
        return;
    }
    ingot_eloop loop;
    int n = w->combine ? s.vectors : 0;
    ingot_e_for(e, ingot_e_int(e, 0), size, ingot_e_int(e, 1), n, acc, &loop);
    coords[r->plan.outer] = loop.index;
    V inside[most_vectors];
    for (int u = 0; u < s.vectors; u++)
        inside[u] = w->neutral; /* a chain of its own for each */
    walk_inner(&s, inside);
    for (int u = 0; u < n; u++)
        inside[u] = w->combine(e, loop.args[u], inside[u]);
    ingot_e_for_end(e, &loop, inside);
    for (int u = 0; u < n; u++)
        acc[u] = loop.results[u];
}

/* As above; reduced lanes end up as a splat of their reduction, so that both ways look alike. */
static void reduce_all(reducer *r, const walk *w, V *coords, int vectors, const ingot_bmask *mask, V *acc)
{
    walk_all(r, w, coords, vectors, mask, acc);
    if (!r->plan.kept && r->plan.lanes > 1)
        acc[0] = ingot_e_splat(r->e,
                               w->combine == ingot_e_maxf_fast ? ingot_b_max_across(r->e, acc[0])
                                                               : ingot_e_reduce(r->e, "add", acc[0]),
                               r->plan.lanes);
}

/* ---- Steps ---- */

static V load_x(reducer *r, const V *coords, const ingot_bmask *mask)
{
    return ingot_b_load(r->e, 0, coords, r->plan.lane, r->plan.lanes, mask);
}

static V add(ingot_emitter *e, V a, V b)
{
    return ingot_e_op2(e, ingot_e_is_float(a.type) ? "arith.addf" : "arith.addi", a, b);
}
static V mul(ingot_emitter *e, V a, V b)
{
    return ingot_e_op2(e, ingot_e_is_float(a.type) ? "arith.mulf" : "arith.muli", a, b);
}
static V largest(ingot_emitter *e, V a, V b)
{
    return ingot_e_is_float(a.type) ? ingot_e_maxf(e, a, b) : ingot_e_op2(e, "arith.maxsi", a, b);
}
static V smallest(ingot_emitter *e, V a, V b)
{
    return ingot_e_is_float(a.type) ? ingot_e_minf(e, a, b) : ingot_e_op2(e, "arith.minsi", a, b);
}

static V step_sum(reducer *r, const V *coords, int u, const ingot_bmask *mask, V acc)
{
    (void)u;
    return add(r->e, acc, load_x(r, coords, mask));
}
static V step_abs(reducer *r, const V *coords, int u, const ingot_bmask *mask, V acc)
{
    (void)u;
    return ingot_e_addf(r->e, acc, ingot_e_abs(r->e, load_x(r, coords, mask)));
}
static V step_square(reducer *r, const V *coords, int u, const ingot_bmask *mask, V acc)
{
    (void)u;
    V x = load_x(r, coords, mask);
    return ingot_e_is_float(x.type) ? ingot_e_fma(r->e, x, x, acc) : add(r->e, mul(r->e, x, x), acc);
}
static V step_prod(reducer *r, const V *coords, int u, const ingot_bmask *mask, V acc)
{
    (void)u;
    return mul(r->e, acc, load_x(r, coords, mask));
}
static V step_max(reducer *r, const V *coords, int u, const ingot_bmask *mask, V acc)
{
    (void)u;
    return largest(r->e, acc, load_x(r, coords, mask));
}
static V step_min(reducer *r, const V *coords, int u, const ingot_bmask *mask, V acc)
{
    (void)u;
    return smallest(r->e, acc, load_x(r, coords, mask));
}
/* NaN is skipped: it comes back in the sum of exponentials. */
static V step_softmax_max(reducer *r, const V *coords, int u, const ingot_bmask *mask, V acc)
{
    (void)u;
    return ingot_e_maxf_fast(r->e, load_x(r, coords, mask), acc);
}
static V exponential(reducer *r, const V *coords, int u, const ingot_bmask *mask)
{
    return ingot_e_exp_nonpositive(r->e, ingot_e_subf(r->e, load_x(r, coords, mask), r->first[u]));
}
static V step_softmax_sum(reducer *r, const V *coords, int u, const ingot_bmask *mask, V acc)
{
    V x = exponential(r, coords, u, mask);
    if (r->stored)
        ingot_b_store(r->e, r->e->spec->n_in, x, coords, r->plan.lane, mask);
    return ingot_e_addf(r->e, acc, x);
}
static V step_variance(reducer *r, const V *coords, int u, const ingot_bmask *mask, V acc)
{
    V d = ingot_e_subf(r->e, load_x(r, coords, mask), r->first[u]);
    return ingot_e_fma(r->e, d, d, acc);
}

/* Last walk of what writes everywhere. */
static V step_write(reducer *r, const V *coords, int u, const ingot_bmask *mask, V acc)
{
    ingot_emitter *e = r->e;
    const ingot_spec *spec = e->spec;
    int lane = r->plan.lane, lanes = r->plan.lanes, k = 1;
    V y;
    if (r->kind == INGOT_SPEC_SOFTMAX) {
        y = r->stored ? ingot_b_load(e, spec->n_in, coords, lane, lanes, mask) : exponential(r, coords, u, mask);
        y = ingot_e_mulf(e, y, r->second[u]);
    } else if (r->kind == INGOT_SPEC_LOG_SOFTMAX) {
        y = ingot_e_subf(e, ingot_e_subf(e, load_x(r, coords, mask), r->first[u]), r->second[u]);
    } else {
        y = load_x(r, coords, mask);
        if (r->kind == INGOT_SPEC_LAYER_NORM)
            y = ingot_e_subf(e, y, r->first[u]);
        y = ingot_e_mulf(e, y, r->second[u]);
        V scale = {.id = -1};
        if (spec->params[1])
            scale = ingot_b_load(e, k++, coords, lane, lanes, mask);
        if (spec->params[2]) {
            V bias = ingot_b_load(e, k, coords, lane, lanes, mask);
            y = spec->params[1] ? ingot_e_fma(e, y, scale, bias) : ingot_e_addf(e, y, bias);
        } else if (spec->params[1]) {
            y = ingot_e_mulf(e, y, scale);
        }
    }
    ingot_b_store(e, spec->n_in, ingot_b_body(e, y, coords, lane, mask), coords, lane, mask);
    return acc;
}

/* ---- Kinds ---- */

static V konst(const reducer *r, double value)
{
    ingot_etype type = vector_type(r);
    return ingot_e_is_float(type) ? ingot_e_const_float(r->e, type, value)
                                  : ingot_e_const_int(r->e, type, (int64_t)value);
}

/* The number of elements as a float vector. */
static V count_float(reducer *r)
{
    ingot_etype type = vector_type(r);
    if (r->count.known)
        return ingot_e_const_float(r->e, type, (double)r->count.value);
    return ingot_e_splat(r->e, ingot_e_cast(r->e, "arith.sitofp", r->count, type.scalar), type.lanes);
}

static walk simple_walk(const reducer *r)
{
    ingot_etype type = vector_type(r);
    int bits = 8 * ingot_e_scalar_bytes(type.scalar);
    bool is_float = ingot_e_is_float(type);
    switch (r->kind) {
    case INGOT_SPEC_MAX:
        return (walk){step_max, largest,
                      is_float ? konst(r, -INFINITY)
                               : ingot_e_const_int(r->e, type, bits == 64 ? INT64_MIN : -(INT64_C(1) << (bits - 1)))};
    case INGOT_SPEC_MIN:
        return (walk){step_min, smallest,
                      is_float
                          ? konst(r, INFINITY)
                          : ingot_e_const_int(r->e, type, bits == 64 ? INT64_MAX : (INT64_C(1) << (bits - 1)) - 1)};
    case INGOT_SPEC_PROD:
        return (walk){step_prod, mul, konst(r, 1)};
    case INGOT_SPEC_L1:
        return (walk){step_abs, add, konst(r, 0)};
    case INGOT_SPEC_L2:
    case INGOT_SPEC_SUM_SQUARE:
        return (walk){step_square, add, konst(r, 0)};
    default:
        return (walk){step_sum, add, konst(r, 0)};
    }
}

/* One value per (o, i). `coords` of reduced dims are 0 on writing. */
static void do_simple(reducer *r, V *coords, int vectors, const ingot_bmask *mask)
{
    ingot_emitter *e = r->e;
    const reduce_plan *plan = &r->plan;
    walk w = simple_walk(r);
    V acc[most_vectors], base = coords[plan->lane];
    const char *across = r->kind == INGOT_SPEC_PROD ? "mul" : "add";
    bool is_float = ingot_e_is_float(w.neutral.type);
    if (r->kind == INGOT_SPEC_MAX || r->kind == INGOT_SPEC_MIN)
        across = r->kind == INGOT_SPEC_MAX ? (is_float ? "max" : "maxsi") : (is_float ? "min" : "minsi");
    walk_all(r, &w, coords, vectors, mask, acc);
    if (!plan->kept)
        acc[0] = ingot_e_reduce(e, across, acc[0]);
    coords[R0] = coords[R1] = ingot_e_int(e, 0);
    for (int u = 0; u < (plan->kept ? vectors : 1); u++) {
        V y = acc[u];
        if (r->kind == INGOT_SPEC_MEAN) {
            V n = count_float(r);
            y = ingot_e_divf(e, y, y.type.lanes == n.type.lanes ? n : ingot_e_extract(e, n, 0));
        }
        if (r->kind == INGOT_SPEC_L2)
            y = ingot_e_op1(e, "llvm.intr.sqrt", y);
        if (plan->kept)
            coords[plan->lane] = ingot_e_add_int(e, base, (int64_t)u * plan->lanes);
        ingot_bmask all = ingot_b_mask_all();
        const ingot_bmask *m = plan->kept ? mask : &all;
        int lane = plan->kept ? plan->lane : -1;
        ingot_b_store(e, e->spec->n_in, ingot_b_body(e, y, coords, lane, m), coords, lane, m);
    }
}

static void do_softmax(reducer *r, V *coords, int vectors, const ingot_bmask *mask)
{
    ingot_emitter *e = r->e;
    bool log = r->kind == INGOT_SPEC_LOG_SOFTMAX;
    int n = r->plan.kept ? vectors : 1;
    walk max = {step_softmax_max, ingot_e_maxf_fast, konst(r, -INFINITY)}, sum = {step_softmax_sum, add, konst(r, 0)},
         write = {step_write, NULL, konst(r, 0)};
    V acc[most_vectors];
    /* Extras may share memory with the output, so exponentials wait there only when there are none. */
    r->stored = !log && ingot_b_extras(e->spec) == 0 && e->spec->operands[e->spec->n_in].dtype == INGOT_F32;
    reduce_all(r, &max, coords, vectors, mask, r->first);
    reduce_all(r, &sum, coords, vectors, mask, acc);
    for (int u = 0; u < n; u++)
        r->second[u] = log ? ingot_e_log(e, acc[u]) : ingot_e_divf(e, konst(r, 1), acc[u]);
    walk_all(r, &write, coords, vectors, mask, acc);
}

static void do_norm(reducer *r, V *coords, int vectors, const ingot_bmask *mask)
{
    ingot_emitter *e = r->e;
    int n = r->plan.kept ? vectors : 1;
    bool rms = r->kind == INGOT_SPEC_RMS_NORM;
    walk sum = {step_sum, add, konst(r, 0)}, square = {rms ? step_square : step_variance, add, konst(r, 0)},
         write = {step_write, NULL, konst(r, 0)};
    V acc[most_vectors], count = count_float(r);
    if (!rms) {
        reduce_all(r, &sum, coords, vectors, mask, r->first);
        for (int u = 0; u < n; u++)
            r->first[u] = ingot_e_divf(e, r->first[u], count);
    }
    reduce_all(r, &square, coords, vectors, mask, acc);
    for (int u = 0; u < n; u++) {
        V variance = ingot_e_addf(e, ingot_e_divf(e, acc[u], count), konst(r, e->spec->imm[0]));
        r->second[u] = ingot_e_divf(e, konst(r, 1), ingot_e_op1(e, "llvm.intr.sqrt", variance));
    }
    walk_all(r, &write, coords, vectors, mask, acc);
}

/* ---- arg_max, arg_min ---- */

/* Whether x beats best: larger (smaller), or the first NaN. */
static V beats(const reducer *r, V x, V best)
{
    ingot_emitter *e = r->e;
    bool max = r->kind == INGOT_SPEC_ARG_MAX;
    if (!ingot_e_is_float(x.type))
        return ingot_e_cmp(e, max ? "sgt" : "slt", x, best);
    V nan = ingot_e_op2(e, "arith.andi", ingot_e_cmpf(e, "uno", x, x), ingot_e_cmpf(e, "oeq", best, best));
    return ingot_e_op2(e, "arith.ori", ingot_e_cmpf(e, max ? "ogt" : "olt", x, best), nan);
}

static V index_vector(reducer *r, V index)
{
    ingot_emitter *e = r->e;
    V narrow = index.known ? ingot_e_const_int(e, ingot_e_type(INGOT_E_I32), index.value)
                           : ingot_e_cast(e, "arith.trunci", index, INGOT_E_I32);
    V v = ingot_e_splat(e, narrow, r->plan.lanes);
    if (r->plan.kept || r->plan.lanes == 1)
        return v;
    return ingot_e_op2(e, "arith.addi", v, ingot_e_iota(e, v.type));
}

/* Takes the vector at coords into (best, at). */
static void arg_step(reducer *r, const V *coords, const ingot_bmask *mask, V *best, V *at)
{
    ingot_emitter *e = r->e;
    V x = load_x(r, coords, mask), take = beats(r, x, *best);
    if (!r->plan.kept && !mask->all)
        take = ingot_e_op2(e, "arith.andi", take, mask->of[x.type.scalar].bits);
    *best = ingot_e_select(e, take, x, *best);
    *at = ingot_e_select(e, take, index_vector(r, coords[R0]), *at);
}

/* Over lanes: the best, the smallest index among equals. */
static V arg_across(reducer *r, V best, V at)
{
    ingot_emitter *e = r->e;
    V b = ingot_e_extract(e, best, 0), i = ingot_e_extract(e, at, 0);
    for (int l = 1; l < r->plan.lanes; l++) {
        V b2 = ingot_e_extract(e, best, l), i2 = ingot_e_extract(e, at, l);
        V worse = beats(r, b, b2), better = beats(r, b2, b), none = ingot_e_const_int(e, worse.type, 1);
        V tie = ingot_e_op2(e, "arith.xori", ingot_e_op2(e, "arith.ori", worse, better), none);
        V take = ingot_e_op2(e, "arith.ori", better, ingot_e_op2(e, "arith.andi", tie, ingot_e_cmp(e, "slt", i2, i)));
        b = ingot_e_select(e, take, b2, b);
        i = ingot_e_select(e, take, i2, i);
    }
    return i;
}

static void do_arg(reducer *r, V *coords, int vectors, const ingot_bmask *mask)
{
    ingot_emitter *e = r->e;
    const reduce_plan *plan = &r->plan;
    ingot_bmask all = ingot_b_mask_all();
    V zero = ingot_e_int(e, 0), base = coords[plan->lane], size = ingot_e_size(e, e->spec->dims[R0]), state[2];
    for (int u = 0; u < (plan->kept ? vectors : 1); u++) {
        if (plan->kept)
            coords[plan->lane] = ingot_e_add_int(e, base, (int64_t)u * plan->lanes);
        coords[R0] = coords[R1] = zero;
        /* Element 0 is every lane's first candidate. */
        state[0] = plan->kept ? load_x(r, coords, mask)
                              : ingot_e_splat(e, ingot_b_load(e, 0, coords, -1, 1, &all), plan->lanes);
        state[1] = ingot_e_const_int(e, ingot_e_vector(INGOT_E_I32, plan->lanes), 0);
        int64_t step = plan->kept ? 1 : plan->lanes;
        V whole = plan->kept ? size : ingot_e_mul_int(e, ingot_e_div(e, size, ingot_e_int(e, step)), step);
        ingot_eloop loop;
        ingot_e_for(e, zero, whole, ingot_e_int(e, step), 2, state, &loop);
        V next[2] = {loop.args[0], loop.args[1]};
        coords[R0] = loop.index;
        arg_step(r, coords, plan->kept ? mask : &all, &next[0], &next[1]);
        ingot_e_for_end(e, &loop, next);
        state[0] = loop.results[0];
        state[1] = loop.results[1];
        V left = ingot_e_sub(e, size, whole), index = state[1];
        if (!plan->kept) {
            if (!ingot_e_is_known(left, 0) && plan->lanes > 1) {
                ingot_eif branch;
                ingot_e_if(e, ingot_e_cmp(e, "sgt", left, zero), 2, (ingot_etype[]){state[0].type, state[1].type},
                           &branch);
                ingot_bmask rest = ingot_b_mask(e, plan->lanes, left);
                next[0] = state[0];
                next[1] = state[1];
                coords[R0] = whole;
                arg_step(r, coords, &rest, &next[0], &next[1]);
                ingot_e_else(e, &branch, next);
                ingot_e_if_end(e, &branch, state);
                state[0] = branch.results[0];
                state[1] = branch.results[1];
            }
            index = arg_across(r, state[0], state[1]);
        }
        coords[R0] = coords[R1] = zero;
        V y = ingot_e_cast(e, "arith.extsi", index, INGOT_E_I64);
        const ingot_bmask *m = plan->kept ? mask : &all;
        int lane = plan->kept ? plan->lane : -1;
        ingot_b_store(e, e->spec->n_in, ingot_b_body(e, y, coords, lane, m), coords, lane, m);
    }
    coords[plan->lane] = base;
}

/* ---- All units ---- */

static void do_block(reducer *r, V *coords, int vectors, const ingot_bmask *mask)
{
    if (is_arg(r->kind))
        do_arg(r, coords, vectors, mask);
    else if (r->kind == INGOT_SPEC_SOFTMAX || r->kind == INGOT_SPEC_LOG_SOFTMAX)
        do_softmax(r, coords, vectors, mask);
    else if (is_full(r->kind))
        do_norm(r, coords, vectors, mask);
    else
        do_simple(r, coords, vectors, mask);
}

/* A block of kept lanes: whole, or the rest of the dim vector by vector. */
static void do_kept(reducer *r, V *coords, V block)
{
    ingot_emitter *e = r->e;
    const reduce_plan *plan = &r->plan;
    int64_t width = (int64_t)plan->lanes * plan->vectors;
    ingot_bmask all = ingot_b_mask_all();
    V size = ingot_e_size(e, e->spec->dims[plan->lane]), at = ingot_e_mul_int(e, block, width), start[INGOT_SPEC_DIMS];
    bool divides = size.known && size.value % width == 0;
    memcpy(start, coords, sizeof start);
    start[plan->lane] = at;
    if (divides) {
        do_block(r, start, plan->vectors, &all);
        return;
    }
    ingot_eif branch;
    ingot_e_if(e, ingot_e_cmp(e, "sle", ingot_e_add_int(e, at, width), size), 0, NULL, &branch);
    do_block(r, start, plan->vectors, &all);
    ingot_e_else(e, &branch, NULL);
    ingot_eloop loop;
    ingot_e_for(e, at, size, ingot_e_int(e, plan->lanes), 0, NULL, &loop);
    memcpy(start, coords, sizeof start);
    start[plan->lane] = loop.index;
    ingot_bmask mask = ingot_b_mask(e, plan->lanes, ingot_e_sub(e, size, loop.index));
    do_block(r, start, 1, &mask);
    ingot_e_for_end(e, &loop, NULL);
    ingot_e_if_end(e, &branch, NULL);
}

static void reduce_body(ingot_emitter *e, V begin, V end)
{
    reducer r = {.e = e, .plan = make_plan(e->spec, e->target), .kind = (ingot_spec_reduce)e->spec->params[0]};
    const reduce_plan *plan = &r.plan;
    reduce_units units = make_units(e, plan);
    r.count = ingot_e_mul(e, ingot_e_size(e, e->spec->dims[R0]), ingot_e_size(e, e->spec->dims[R1]));
    V last = ingot_e_min(e, ingot_e_mul(e, end, units.group), ingot_e_mul(e, units.rows, units.blocks));
    ingot_eloop loop;
    ingot_e_for(e, ingot_e_mul(e, begin, units.group), last, ingot_e_int(e, 1), 0, NULL, &loop);
    V coords[INGOT_SPEC_DIMS], radix[4], digits[4];
    for (int d = 0; d < INGOT_SPEC_DIMS; d++)
        coords[d] = ingot_e_int(e, 0);
    V row = ingot_e_div(e, loop.index, units.blocks),
      block = ingot_e_sub(e, loop.index, ingot_e_mul(e, row, units.blocks));
    for (int k = 0; k < plan->n_rows; k++)
        radix[k] = ingot_e_size(e, e->spec->dims[plan->rows[k]]);
    ingot_e_unflatten(e, row, plan->n_rows, radix, digits);
    for (int k = 0; k < plan->n_rows; k++)
        coords[plan->rows[k]] = digits[k];
    if (plan->kept)
        do_kept(&r, coords, block);
    else
        do_block(&r, coords, 1, NULL);
    ingot_e_for_end(e, &loop, NULL);
}

static bool reduce_supports(const ingot_spec *spec, const ingot_target *target, const char **out_why)
{
    if (!ingot_b_operands_supported(spec, target, out_why))
        return false;
    *out_why = "reduce: kind, scale and bias are not sizes of a run, operands are strided";
    for (int p = 0; p < 3; p++)
        if (ingot_size_is_dynamic(spec->params[p]))
            return false;
    for (int k = 0; k < spec->n_in + spec->n_out; k++)
        if (spec->operands[k].access != INGOT_ACCESS_STRIDED || spec->operands[k].lane != 0)
            return false;
    ingot_spec_reduce kind = (ingot_spec_reduce)spec->params[0];
    ingot_dtype in = spec->operands[0].dtype, raw = is_arg(kind) ? INGOT_I64 : in,
                out = spec->operands[spec->n_in].dtype;
    *out_why = "reduce: number of inputs";
    bool norm = kind == INGOT_SPEC_LAYER_NORM || kind == INGOT_SPEC_RMS_NORM;
    int more = norm ? (spec->params[1] != 0) + (spec->params[2] != 0) : 0;
    if (spec->n_out != 1 || spec->n_in != 1 + more + ingot_b_extras(spec) || (spec->has_body && spec->body.n_args < 1))
        return false;
    *out_why = "reduce: this kind for this element type";
    bool any = kind == INGOT_SPEC_SUM || kind == INGOT_SPEC_MAX || kind == INGOT_SPEC_MIN || kind == INGOT_SPEC_PROD ||
               kind == INGOT_SPEC_SUM_SQUARE || is_arg(kind);
    bool floats = any || kind <= INGOT_SPEC_SUM_SQUARE;
    if (!(in == INGOT_F32 || (in == INGOT_F64 && floats && !is_arg(kind)) ||
          ((in == INGOT_I32 || in == INGOT_I64) && any)))
        return false;
    for (int k = 1; k <= more; k++)
        if (spec->operands[k].dtype != INGOT_F32)
            return false;
    *out_why = "reduce: type of the result";
    if (spec->has_body
            ? (ingot_dtype)spec->body.arg_dtypes[0] != raw || ingot_e_prog_result_dtype(&spec->body, 0) != out
            : out != raw)
        return false;
    *out_why = "reduce: arg_max over one dim, of fewer than 2^31 elements";
    return !is_arg(kind) || (ingot_b_is(spec->dims[R1], 1) && ingot_b_estimate(spec->dims[R0], 0) < INT32_MAX);
}

const ingot_family_emitter ingot_emit_reduce = {"reduce", reduce_count, reduce_body, reduce_supports};
