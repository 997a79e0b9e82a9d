/* Register tiles and the split of rows into them. */
#include "codegen/microkernel.h"
#include "kernel/limited.h"
#include <stdio.h>
#include <string.h>

/* Simple instructions; see ingot_scalar_op_cost. After products of integers, rounding to a grid is what comes. */
#define INLINE_COST         8
#define INLINE_COST_INTEGER 24

void ingot_micro_zero(ingot_emitter *e, ingot_etype type, int n, ingot_ev *accs)
{
    ingot_ev zero = ingot_e_zero(e, type);
    for (int i = 0; i < n; i++)
        accs[i] = zero;
}

bool ingot_micro_inline_body(const ingot_spec *spec)
{
    int limit = ingot_spec_sum(spec) == INGOT_I32 ? INLINE_COST_INTEGER : INLINE_COST;
    return spec->has_body && ingot_prog_cost(&spec->body) <= limit;
}

ingot_ev ingot_micro_apply_body(ingot_emitter *e, const ingot_spec *spec, ingot_ev raw, int32_t n_extra,
                                const ingot_ev *extra)
{
    ingot_ev args[INGOT_PROG_MAX_ARGS], params[INGOT_PROG_MAX_ARGS], results[INGOT_PROG_MAX_RESULTS] = {raw};
    if (!spec->has_body || n_extra >= INGOT_PROG_MAX_ARGS)
        return raw;
    args[0] = raw;
    for (int32_t x = 0; x < n_extra; x++)
        args[1 + x] = extra[x];
    if (ingot_micro_inline_body(spec)) {
        ingot_e_prog(e, &spec->body, args, results);
        return results[0];
    }
    ingot_ehelper h = {.n = 1 + n_extra,
                       .result =
                           ingot_e_with_scalar(raw.type, ingot_e_scalar_of(ingot_e_prog_result_dtype(&spec->body, 0)))};
    snprintf(h.name, sizeof h.name, "finish_x%d", raw.type.lanes);
    for (int32_t i = 0; i < h.n; i++)
        h.types[i] = args[i].type;
    if (ingot_e_helper_begin(e, &h, params)) {
        ingot_e_prog(e, &spec->body, params, results);
        ingot_e_helper_end(e, results[0]);
    }
    return ingot_e_call(e, &h, args);
}

void ingot_micro_helper_name(ingot_ehelper *h, const char *name, int height, int n, const ingot_ev *params)
{
    uint64_t hash = 1469598103934665603u;
    for (int i = 0; i < n; i++) {
        hash = (hash ^ (uint64_t)params[i].known) * 1099511628211u;
        hash = (hash ^ (params[i].known ? (uint64_t)params[i].value : 0)) * 1099511628211u;
    }
    snprintf(h->name, sizeof h->name, "%s%d_%08x", name, height, (unsigned)(hash ^ hash >> 32));
}

/* The word of `count` elements, `near` apart, of a group of which there are no more to read. */
static ingot_ev load_part(ingot_emitter *e, ingot_escalar element, int count, ingot_ev base, ingot_ev index,
                          ingot_ev near)
{
    int bits = 8 * ingot_e_scalar_bytes(element);
    ingot_ev word = {.id = -1};
    for (int i = 0; i < count; i++) {
        ingot_ev at = ingot_e_add(e, index, ingot_e_mul_int(e, near, i));
        ingot_ev part = ingot_e_cast(e, "arith.extui", ingot_e_load(e, ingot_e_type(element), base, at), INGOT_E_I32);
        if (i)
            part = ingot_e_op2(e, "arith.shli", part, ingot_e_const_int(e, part.type, (int64_t)i * bits));
        word = i ? ingot_e_op2(e, "arith.ori", word, part) : part;
    }
    return word;
}

/* Pairs of bf16 in words of B times F32 neighbours of A: each half is widened and multiplied by its element. Where a
 * tile fills the registers, words are read for each half, rather than kept. */
static void step_halves(ingot_emitter *e, const ingot_micro *m, int elements, ingot_ev a_index, ingot_ev b_index,
                        ingot_ev *accs)
{
    ingot_etype words = ingot_e_with_scalar(m->type, INGOT_E_I32);
    bool full = (m->rows + 2) * m->vectors + 2 > e->target->vector_regs;
    for (int half = elements - 1; half >= 0; half--) {
        ingot_ev wide[INGOT_MICRO_VECTORS], address = {.id = -1};
        for (int q = 0; q < m->vectors; q++) {
            if (q == 0 || m->column[q].id != m->column[q - 1].id)
                address = ingot_e_gep(e, INGOT_E_I32, m->column[q], b_index);
            ingot_ev shift = ingot_e_int(e, m->column_shift[q]);
            wide[q] = ingot_micro_half(e, (full ? ingot_e_load_again : ingot_e_load)(e, words, address, shift), half);
        }
        for (int r = 0; r < m->rows; r++) {
            if (r == 0 || m->row[r].id != m->row[r - 1].id)
                address = ingot_e_gep(e, INGOT_E_F32, m->row[r],
                                      ingot_e_add(e, a_index, ingot_e_mul_int(e, m->a_near, half)));
            ingot_ev a = ingot_e_load(e, ingot_e_type(INGOT_E_F32), address, ingot_e_int(e, m->row_shift[r]));
            a = ingot_e_splat(e, a, m->type.lanes);
            for (int q = 0; q < m->vectors; q++)
                accs[r * m->vectors + q] = ingot_e_fma(e, a, wide[q], accs[r * m->vectors + q]);
        }
    }
}

/* Addresses that share a pointer are one computed address and displacements, which the machine's addressing takes for
 * free. */
static void step(ingot_emitter *e, const ingot_micro *m, int elements, ingot_ev a_index, ingot_ev b_index,
                 ingot_ev *accs)
{
    ingot_escalar scalar = (ingot_escalar)m->type.scalar, element = m->group ? m->a : scalar;
    bool bf16 = m->group && scalar == INGOT_E_F32;
    ingot_ev b[INGOT_MICRO_VECTORS], near = bf16 ? m->a_near : ingot_e_int(e, 1), address = {.id = -1};
    ingot_etype type = bf16 ? ingot_e_with_scalar(m->type, INGOT_E_I32) : m->type;
    if (bf16 && element == INGOT_E_F32) {
        step_halves(e, m, elements, a_index, b_index, accs);
        return;
    }
    for (int q = 0; q < m->vectors; q++) {
        if (q == 0 || m->column[q].id != m->column[q - 1].id)
            address = ingot_e_gep(e, scalar, m->column[q], b_index);
        b[q] = ingot_e_load_masked(e, type, address, ingot_e_int(e, m->column_shift[q]), m->mask);
    }
    for (int r = 0; r < m->rows; r++) {
        if (r == 0 || m->row[r].id != m->row[r - 1].id)
            address = ingot_e_gep(e, element, m->row[r], a_index);
        ingot_ev shift = ingot_e_int(e, m->row_shift[r]);
        ingot_ev a = !m->group ? ingot_e_load(e, ingot_e_type(scalar), address, shift)
                     : elements < m->group || !ingot_e_is_known(near, 1)
                         ? load_part(e, element, elements, address, shift, near)
                         : ingot_e_load_word(e, element, address, shift);
        ingot_ev wide = ingot_e_splat(e, a, m->type.lanes);
        for (int q = 0; q < m->vectors; q++) {
            ingot_ev *acc = &accs[r * m->vectors + q];
            *acc = bf16       ? ingot_micro_dot_bf16(e, *acc, wide, b[q])
                   : m->group ? ingot_micro_dot(e, m->group, *acc, wide, b[q])
                              : ingot_e_fma(e, wide, b[q], *acc);
        }
    }
}

void ingot_micro_step(ingot_emitter *e, const ingot_micro *m, ingot_ev a_index, ingot_ev b_index, ingot_ev *accs)
{
    step(e, m, m->group, a_index, b_index, accs);
}

void ingot_micro_rest(ingot_emitter *e, const ingot_micro *m, int rest, ingot_ev a_index, ingot_ev b_index,
                      ingot_ev *accs)
{
    if (rest)
        step(e, m, rest, a_index, b_index, accs);
}

/* Eight sums in flight cover an FMA's latency of four cycles at two a cycle. Without an instruction for both, products
 * of integers are added in one cycle. */
static int chains_of(const ingot_emitter *e, const ingot_micro *m)
{
    int sums = m->rows * m->vectors;
    if (m->type.scalar == INGOT_E_I32 && !(e->target->required & INGOT_CPU_AVX512VNNI))
        return 1;
    return sums <= 2 ? 4 : sums <= 6 ? 2 : 1;
}

/* Steps of one turn of the loop: counting and branching are more than a tenth of a turn of one step, which a core that
 * another thread shares feels. LLVM would reorder, and spill, sums of integers, products that are no FMAs, and tiles
 * that are tall or fill many registers. */
static int steps_of(const ingot_emitter *e, const ingot_micro *m, int chains)
{
    bool fits = m->rows <= 8 && m->rows * m->vectors <= 16 && (m->rows + 1) * m->vectors < e->target->vector_regs;
    bool fma = ingot_e_is_float(m->type) && !m->group && (e->target->required & INGOT_CPU_FMA);
    return chains == 1 && fits && fma ? 4 : chains;
}

static ingot_ev add(ingot_emitter *e, ingot_ev a, ingot_ev b)
{
    return ingot_e_op2(e, ingot_e_is_float(a.type) ? "arith.addf" : "arith.addi", a, b);
}

/* What `steps` steps from k on fetch: no line twice where their number is known. */
static void fetch(ingot_emitter *e, const ingot_micro *m, ingot_ev k, int steps)
{
    ingot_escalar scalar = (ingot_escalar)m->type.scalar;
    int64_t line = 64 / ingot_e_scalar_bytes(scalar), lines = steps;
    if (m->ahead_step.known)
        lines = (m->ahead_step.value * steps + line - 1) / line;
    ingot_ev from = ingot_e_mul(e, k, m->ahead_step);
    for (int64_t i = 0; i < lines; i++)
        ingot_e_prefetch(e, scalar, m->ahead,
                         m->ahead_step.known ? ingot_e_add_int(e, from, i * line)
                                             : ingot_e_add(e, from, ingot_e_mul_int(e, m->ahead_step, i)),
                         2);
}

/* Steps [lo, hi), `steps` a turn, which take turns with the chains of sums in `all`. */
static void loop_steps(ingot_emitter *e, const ingot_micro *m, ingot_ev lo, ingot_ev hi, int steps, int chains,
                       ingot_ev a_step, ingot_ev b_step, ingot_ev *all)
{
    int n = m->rows * m->vectors;
    ingot_eloop loop;
    ingot_e_for(e, lo, hi, ingot_e_int(e, steps), n * chains, all, &loop);
    for (int i = 0; i < steps; i++) {
        ingot_ev k = ingot_e_add_int(e, loop.index, i);
        ingot_micro_step(e, m, ingot_e_mul(e, k, a_step), ingot_e_mul(e, k, b_step), loop.args + i % chains * n);
    }
    if (m->fetch)
        fetch(e, m, loop.index, steps);
    ingot_e_for_end(e, &loop, loop.args);
    memcpy(all, loop.results, (size_t)(n * chains) * sizeof *all);
}

void ingot_micro_loop(ingot_emitter *e, const ingot_micro *m, ingot_ev count, ingot_ev a_step, ingot_ev b_step,
                      ingot_ev *accs)
{
    int n = m->rows * m->vectors, chains = chains_of(e, m), steps = steps_of(e, m, chains);
    ingot_ev all[INGOT_MICRO_ACCS];
    ingot_micro_zero(e, m->type, n * chains, all);
    memcpy(all, accs, (size_t)n * sizeof *all);
    ingot_ev rest = ingot_e_rem(e, count, ingot_e_int(e, steps)), whole = ingot_e_sub(e, count, rest);
    if (!ingot_e_is_known(whole, 0))
        loop_steps(e, m, ingot_e_int(e, 0), whole, steps, chains, a_step, b_step, all);
    for (int i = 0; i < n; i++) { /* (0 + 1) + (2 + 3) */
        accs[i] = all[i];
        if (chains > 1)
            accs[i] = add(e, accs[i], all[n + i]);
        if (chains == 4)
            accs[i] = add(e, accs[i], add(e, all[2 * n + i], all[3 * n + i]));
    }
    ingot_micro last = *m;
    last.fetch = false;
    if (steps > 1 && !ingot_e_is_known(rest, 0))
        loop_steps(e, &last, whole, count, 1, 1, a_step, b_step, accs);
}

/* ---- Bytes within limits ---- */

/* One sum of two words. */
static void step_pair(ingot_emitter *e, const ingot_micro *m, ingot_ev a_index, ingot_ev b_index, ingot_ev *accs)
{
    ingot_ev b[INGOT_MICRO_VECTORS][2];
    for (int q = 0; q < m->vectors; q++)
        for (int w = 0; w < 2; w++)
            b[q][w] = ingot_e_load(e, m->type, ingot_e_gep(e, INGOT_E_I32, m->column[q], b_index),
                                   ingot_e_int(e, m->column_shift[q] + 16 * w));
    for (int r = 0; r < m->rows; r++) {
        ingot_ev row = ingot_e_gep(e, INGOT_E_I8, m->row[r], a_index), a[2];
        for (int w = 0; w < 2; w++)
            a[w] = ingot_e_splat(e, ingot_e_load_word(e, INGOT_E_I8, row, ingot_e_int(e, m->row_shift[r] + 4 * w)),
                                 m->type.lanes);
        for (int q = 0; q < m->vectors; q++) {
            ingot_ev *acc = &accs[r * m->vectors + q];
            *acc = ingot_micro_dot_limited(e, 2, *acc, a, b[q]);
        }
    }
}

/* One word of terms of the block at a_index, in the order that the bytes at `order` (one word for each panel of the
 * tile) tell. */
static void step_ordered(ingot_emitter *e, const ingot_micro *m, ingot_ev a_index, ingot_ev b_index,
                         const ingot_ev *order, ingot_ev *accs)
{
    ingot_ev b[INGOT_MICRO_VECTORS], mask[INGOT_MICRO_VECTORS], a = {.id = -1};
    int per_panel = 16 / m->type.lanes;
    for (int q = 0; q < m->vectors; q++) {
        b[q] = ingot_e_load(e, m->type, ingot_e_gep(e, INGOT_E_I32, m->column[q], b_index),
                            ingot_e_int(e, m->column_shift[q]));
        mask[q] = q % per_panel ? mask[q - 1] : ingot_e_splat(e, order[q / per_panel], m->type.lanes);
    }
    for (int r = 0; r < m->rows; r++) {
        ingot_ev row = ingot_e_gep(e, INGOT_E_I8, m->row[r], a_index),
                 block = ingot_micro_load_block(e, row, m->row_shift[r], m->type);
        for (int q = 0; q < m->vectors; q++) {
            ingot_ev *acc = &accs[r * m->vectors + q];
            if (q % per_panel == 0)
                a = ingot_micro_order(e, block, mask[q]);
            *acc = ingot_micro_dot_limited(e, 1, *acc, &a, &b[q]);
        }
    }
}

void ingot_micro_words(ingot_emitter *e, const ingot_micro *m, const ingot_limited_at *l, int64_t count,
                       ingot_ev a_index, ingot_ev b_index, ingot_ev *accs)
{
    int n = m->rows * m->vectors;
    ingot_ev first = ingot_e_div(e, b_index, ingot_e_int(e, 16)), order[INGOT_MICRO_VECTORS];
    ingot_eloop loop;
    ingot_e_for(e, ingot_e_int(e, 0), ingot_e_int(e, count), ingot_e_int(e, l->sums), n, accs, &loop);
    ingot_ev b = ingot_e_add(e, b_index, ingot_e_mul_int(e, loop.index, 16));
    if (l->sums == 2) {
        step_pair(e, m, ingot_e_add(e, a_index, ingot_e_mul_int(e, loop.index, 4)), b, loop.args);
    } else {
        ingot_ev block = ingot_e_sub(e, loop.index, ingot_e_rem(e, loop.index, ingot_e_int(e, 4)));
        ingot_ev word = ingot_e_add(e, first, loop.index);
        for (int i = 0; i == 0 || i < m->vectors * m->type.lanes / 16; i++)
            order[i] =
                ingot_e_load(e, ingot_e_type(INGOT_E_I32), l->orders,
                             ingot_e_add(e, ingot_e_mul_int(e, ingot_e_add_int(e, l->panel, i), l->words), word));
        /* of the loop's index even where there is one block only: its rows would leave the loop for registers */
        step_ordered(e, m, ingot_e_add(e, a_index, ingot_e_mul_int(e, block, 4)), b, order, loop.args);
    }
    ingot_e_for_end(e, &loop, loop.args);
    memcpy(accs, loop.results, (size_t)n * sizeof *accs);
}

static ingot_ev load_number(ingot_emitter *e, ingot_ev base, ingot_ev index)
{
    return ingot_e_cast(e, "arith.extsi", ingot_e_load(e, ingot_e_type(INGOT_E_I32), base, index), INGOT_E_I64);
}

/* Records of one panel, for the tile's vectors from `from` on. */
static void sum_panel(ingot_emitter *e, const ingot_micro *m, int from, ingot_micro *part, const ingot_limited_at *l,
                      ingot_ev panel, const ingot_ev *strides, ingot_ev *accs)
{
    int n = part->rows * part->vectors;
    ingot_ev some[INGOT_MICRO_ACCS];
    for (int i = 0; i < n; i++)
        some[i] = accs[i / part->vectors * m->vectors + from + i % part->vectors];
    ingot_eloop loop;
    ingot_e_for(e, load_number(e, l->starts, panel), load_number(e, l->starts, ingot_e_add_int(e, panel, 1)),
                ingot_e_int(e, 1), n, some, &loop);
    ingot_ev record = ingot_e_gep(e, INGOT_E_I32, l->records, ingot_e_mul_int(e, loop.index, INGOT_LIMITED_RECORD / 4)),
             words = ingot_e_gep(e, INGOT_E_I32, record, l->lane0), a_index = ingot_e_int(e, 0),
             order = ingot_e_load(e, ingot_e_type(INGOT_E_I32), record, ingot_e_int(e, 20));
    for (int i = 0; i < 4; i++)
        if (!ingot_e_is_known(strides[i], 0))
            a_index = ingot_e_mad(e, load_number(e, record, ingot_e_int(e, 16 + i)), strides[i], a_index);
    for (int q = 0; q < part->vectors; q++) {
        part->column[q] = words;
        part->column_shift[q] = (int64_t)q * m->type.lanes;
    }
    step_ordered(e, part, a_index, ingot_e_int(e, 0), &order, loop.args);
    ingot_e_for_end(e, &loop, loop.args);
    for (int i = 0; i < n; i++)
        accs[i / part->vectors * m->vectors + from + i % part->vectors] = loop.results[i];
}

void ingot_micro_records(ingot_emitter *e, const ingot_micro *m, const ingot_limited_at *l, const ingot_ev *strides,
                         ingot_ev *accs)
{
    ingot_micro part = *m;
    part.vectors = 16 / m->type.lanes < m->vectors ? 16 / m->type.lanes : m->vectors;
    for (int from = 0; from < m->vectors; from += part.vectors)
        sum_panel(e, m, from, &part, l, ingot_e_add_int(e, l->panel, from * m->type.lanes / 16), strides, accs);
}

ingot_limited_at ingot_micro_limited(ingot_emitter *e, ingot_ev panel, ingot_ev lane0)
{
    ingot_limited l = ingot_limited_of_spec(e->spec);
    ingot_ev base = e->operands[1];
    return (ingot_limited_at){.sums = l.sums,
                              .words = l.dims[0] * l.dims[1] * l.dims[2] * l.run,
                              .panel = panel,
                              .lane0 = lane0,
                              .orders = ingot_e_gep(e, INGOT_E_I8, base, ingot_e_int(e, ingot_limited_orders_at(&l))),
                              .starts = ingot_e_gep(e, INGOT_E_I8, base, ingot_e_int(e, ingot_limited_starts_at(&l))),
                              .records =
                                  ingot_e_gep(e, INGOT_E_I8, base, ingot_e_int(e, ingot_limited_records_at(&l)))};
}

bool ingot_micro_limited_supported(const ingot_spec *spec, const ingot_target *target, const char **out_why)
{
    const ingot_operand *b = &spec->operands[1];
    if (b->access != INGOT_ACCESS_LIMITED16)
        return true;
    bool contract = spec->family == INGOT_FAMILY_contract;
    ingot_size run = spec->dims[contract ? 4 : 6], columns = spec->dims[contract ? 3 : 2];
    bool ok = ingot_target_limits_bytes(target) && ingot_spec_group(spec) == 4 && (b->lane == 1 || b->lane == 2) &&
              !ingot_size_is_dynamic(run) && !ingot_size_is_dynamic(columns) && run >= 16 && run % 16 == 0 &&
              b->strides[0] == 0 && b->strides[1] == 0;
    if (!ok)
        *out_why = "limited weights that are no bytes, not in whole blocks of 16 terms, or not for this target";
    return ok;
}

/* ---- Tiles ---- */

ingot_tiling ingot_tiling_make(ingot_emitter *e, ingot_ev total, int limit)
{
    ingot_tiling t = {.total = total};
    t.count = ingot_e_ceil_div(e, total, ingot_e_int(e, limit));
    ingot_ev divisor = ingot_e_max(e, t.count, ingot_e_int(e, 1));
    t.tall = ingot_e_ceil_div(e, total, divisor);
    ingot_ev short_count = ingot_e_sub(e, ingot_e_mul(e, t.count, t.tall), total);
    t.tall_count = ingot_e_sub(e, t.count, short_count);
    return t;
}

typedef struct tile_call {
    const ingot_tile_body *body;
    ingot_ehelper helper; /* for run-time heights */
} tile_call;

static void run_height(ingot_emitter *e, const tile_call *c, ingot_ev height, ingot_ev start, ingot_ev count)
{
    if (height.known) {
        c->body->emit(e, c->body->arg, (int)height.value, start, count, c->body->params);
        return;
    }
    ingot_ev args[24] = {height, start, count};
    for (int32_t i = 0; i < c->body->n_params; i++)
        args[3 + i] = c->body->params[i];
    ingot_e_call(e, &c->helper, args);
}

/* The helper that tells heights apart. */
static void define_switch(ingot_emitter *e, const tile_call *c, int limit)
{
    ingot_ev params[24];
    if (!ingot_e_helper_begin(e, &c->helper, params))
        return;
    for (int32_t i = 0; i < c->body->n_params; i++) /* what the only caller knows stays known */
        if (c->body->params[i].known)
            params[3 + i] = c->body->params[i];
    ingot_e_switch(e, params[0]);
    for (int h = 1; h <= limit; h++) {
        ingot_e_case(e, h);
        c->body->emit(e, c->body->arg, h, params[1], params[2], params + 3);
    }
    ingot_e_switch_end(e);
    ingot_e_helper_end(e, (ingot_ev){.id = -1});
}

void ingot_tiling_run(ingot_emitter *e, const ingot_tiling *t, int limit, ingot_ev from, ingot_ev to,
                      const ingot_tile_body *body)
{
    tile_call c = {.body = body,
                   .helper = {.kernel_args = true, .n = 3 + body->n_params, .result = ingot_e_type(INGOT_E_NONE)}};
    if (body->n_params > 21) {
        ingot_e_fail(e, INGOT_INTERNAL, "too many parameters of a tile");
        return;
    }
    if (!t->tall.known) {
        snprintf(c.helper.name, sizeof c.helper.name, "%s_by_height%d", body->name, (int)e->next_function++);
        c.helper.types[0] = c.helper.types[1] = c.helper.types[2] = INGOT_E_I64_TYPE;
        for (int32_t i = 0; i < body->n_params; i++)
            c.helper.types[3 + i] = body->params[i].type;
        define_switch(e, &c, limit);
    }
    ingot_ev zero = ingot_e_int(e, 0), stop = ingot_e_min(e, to, t->tall_count),
             begin = ingot_e_max(e, from, t->tall_count);
    ingot_eif some;
    if (!(t->tall_count.known && t->tall_count.value == 0)) {
        ingot_ev count = ingot_e_sub(e, stop, from);
        ingot_e_if(e, ingot_e_cmp(e, "sgt", count, zero), 0, NULL, &some);
        run_height(e, &c, t->tall, ingot_e_mul(e, from, t->tall), count);
        ingot_e_if_end(e, &some, NULL);
    }
    ingot_ev lower = ingot_e_add_int(e, t->tall, -1);
    if ((t->count.known && t->tall_count.known && t->count.value == t->tall_count.value) ||
        (lower.known && lower.value <= 0))
        return;
    ingot_ev edge = ingot_e_mul(e, t->tall_count, t->tall), count = ingot_e_sub(e, to, begin);
    ingot_e_if(e, ingot_e_cmp(e, "sgt", count, zero), 0, NULL, &some);
    run_height(e, &c, lower, ingot_e_mad(e, ingot_e_sub(e, begin, t->tall_count), lower, edge), count);
    ingot_e_if_end(e, &some, NULL);
}
