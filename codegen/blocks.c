/* Building blocks of the family emitters. */
#include "codegen/blocks.h"

ingot_bmask ingot_b_mask_all(void)
{
    ingot_bmask mask = {.all = true};
    for (int i = 0; i < INGOT_E_NONE; i++)
        mask.of[i] = ingot_e_mask_all();
    return mask;
}

ingot_bmask ingot_b_mask(ingot_emitter *e, int lanes, ingot_ev count)
{
    ingot_bmask mask = ingot_b_mask_all();
    if (count.known && count.value >= lanes)
        return mask;
    mask.all = false;
    bool made[INGOT_E_NONE] = {false};
    for (int i = 0; i < e->spec->n_in + e->spec->n_out; i++) {
        ingot_escalar scalar = ingot_e_scalar_of(e->spec->operands[i].dtype);
        if (scalar >= INGOT_E_NONE || made[scalar])
            continue;
        made[scalar] = true;
        mask.of[scalar] = ingot_e_mask(e, ingot_e_vector(scalar, lanes), count);
    }
    return mask;
}

/* Operands that nothing but the body takes or makes. */
static bool goes_through_body(const ingot_spec *spec, int operand)
{
    int extras = spec->family == INGOT_FAMILY_map ? spec->n_in : ingot_b_extras(spec);
    return spec->has_body && operand >= spec->n_in - extras;
}

bool ingot_b_operands_supported(const ingot_spec *spec, const ingot_target *target, const char **out_why)
{
    bool half = false;
    for (int i = 0; i < spec->n_in + spec->n_out; i++) {
        ingot_dtype t = spec->operands[i].dtype;
        *out_why = "element type of an operand";
        if (ingot_e_scalar_of(t) >= INGOT_E_NONE || (t == INGOT_BF16 && !goes_through_body(spec, i)))
            return false;
        half = half || t == INGOT_F16;
    }
    if (spec->has_body) {
        if (!ingot_e_prog_supported(&spec->body, out_why))
            return false;
        for (int i = 0; i < spec->body.n_instrs; i++)
            half = half || spec->body.instrs[i].dtype == INGOT_F16;
    }
    *out_why = "f16 needs a target with F16C";
    return !half || (target->required & INGOT_CPU_F16C) != 0;
}

bool ingot_b_all_f32(const ingot_spec *spec)
{
    for (int i = 0; i < spec->n_in + spec->n_out; i++)
        if (spec->operands[i].dtype != INGOT_F32)
            return false;
    return true;
}

ingot_ev ingot_b_index(ingot_emitter *e, int k, const ingot_ev *coords)
{
    return ingot_e_linear(e, e->spec->n_dims, coords, e->spec->operands[k].strides);
}

static ingot_ev lane_stride(ingot_emitter *e, int k, int lane_dim)
{
    return lane_dim < 0 ? ingot_e_int(e, 0) : ingot_e_size(e, e->spec->operands[k].strides[lane_dim]);
}

ingot_ev ingot_b_load(ingot_emitter *e, int k, const ingot_ev *coords, int lane_dim, int lanes, const ingot_bmask *mask)
{
    ingot_etype type = ingot_e_vector(ingot_e_scalar_of(e->spec->operands[k].dtype), lanes);
    return ingot_e_load_strided(e, type, e->operands[k], ingot_b_index(e, k, coords), lane_stride(e, k, lane_dim),
                                mask->of[type.scalar]);
}

void ingot_b_store(ingot_emitter *e, int k, ingot_ev value, const ingot_ev *coords, int lane_dim,
                   const ingot_bmask *mask)
{
    ingot_e_store_strided(e, value, e->operands[k], ingot_b_index(e, k, coords), lane_stride(e, k, lane_dim),
                          mask->of[value.type.scalar]);
}

int ingot_b_extras(const ingot_spec *spec)
{
    return spec->has_body ? spec->body.n_args - 1 : 0;
}

ingot_ev ingot_b_body(ingot_emitter *e, ingot_ev raw, const ingot_ev *coords, int lane_dim, const ingot_bmask *mask)
{
    if (!e->spec->has_body)
        return raw;
    ingot_ev args[INGOT_PROG_MAX_ARGS] = {raw}, result;
    int extras = ingot_b_extras(e->spec);
    for (int i = 0; i < extras; i++)
        args[1 + i] = ingot_b_load(e, e->spec->n_in - extras + i, coords, lane_dim, raw.type.lanes, mask);
    ingot_e_prog(e, &e->spec->body, args, &result);
    return result;
}

/* Swaps blocks of `s` lanes between vectors that are `s` apart: one stage of a transpose. */
static void swap_blocks(ingot_emitter *e, int n, int s, ingot_ev *rows)
{
    int low[64], high[64];
    for (int l = 0; l < n; l++) {
        low[l] = (l & s) == 0 ? l : n + l - s;
        high[l] = (l & s) == 0 ? l + s : n + l;
    }
    for (int i = 0; i < n; i++) {
        if (i & s)
            continue;
        ingot_ev a = rows[i], b = rows[i + s];
        rows[i] = ingot_e_shuffle(e, a, b, n, low);
        rows[i + s] = ingot_e_shuffle(e, a, b, n, high);
    }
}

/* Transposes the 4x4 blocks of 32-bit elements inside 128-bit parts: unpacks of one instruction each, on SSE, AVX and
 * AVX-512 alike. */
static void transpose_quads(ingot_emitter *e, int n, ingot_ev *rows)
{
    static const int unpack[4][4] = {
        {0, -1, 1, -2}, {2, -3, 3, -4}, {0, 1, -1, -2}, {2, 3, -3, -4}}; /* negative: -1 - lane of the second */
    int picks[4][64];
    for (int p = 0; p < 4; p++)
        for (int l = 0; l < n; l++)
            picks[p][l] = (l & ~3) + (unpack[p][l & 3] >= 0 ? unpack[p][l & 3] : n - 1 - unpack[p][l & 3]);
    for (int i = 0; i < n; i += 4) {
        ingot_ev *r = rows + i;
        ingot_ev ab_low = ingot_e_shuffle(e, r[0], r[1], n, picks[0]),
                 ab_high = ingot_e_shuffle(e, r[0], r[1], n, picks[1]);
        ingot_ev cd_low = ingot_e_shuffle(e, r[2], r[3], n, picks[0]),
                 cd_high = ingot_e_shuffle(e, r[2], r[3], n, picks[1]);
        r[0] = ingot_e_shuffle(e, ab_low, cd_low, n, picks[2]);
        r[1] = ingot_e_shuffle(e, ab_low, cd_low, n, picks[3]);
        r[2] = ingot_e_shuffle(e, ab_high, cd_high, n, picks[2]);
        r[3] = ingot_e_shuffle(e, ab_high, cd_high, n, picks[3]);
    }
}

void ingot_b_transpose(ingot_emitter *e, int n, ingot_ev *rows)
{
    int s = 1;
    if (n >= 4 && ingot_e_scalar_bytes(rows[0].type.scalar) == 4) {
        transpose_quads(e, n, rows);
        s = 4;
    }
    for (; s < n; s *= 2)
        swap_blocks(e, n, s, rows);
}

ingot_ev ingot_b_tree(ingot_emitter *e, ingot_ev (*combine)(ingot_emitter *, ingot_ev, ingot_ev), int n,
                      const ingot_ev *values)
{
    ingot_ev v[INGOT_E_MAX_CARRIED];
    for (int i = 0; i < n; i++)
        v[i] = values[i];
    for (; n > 1; n = (n + 1) / 2)
        for (int i = 0; i < n / 2; i++)
            v[i] = combine(e, v[i], v[i + (n + 1) / 2]);
    return v[0];
}

ingot_ev ingot_b_max_across(ingot_emitter *e, ingot_ev vector)
{
    int picks[64];
    int lanes = vector.type.lanes;
    for (int half = lanes / 2; half > 0; half /= 2) {
        for (int i = 0; i < lanes; i++)
            picks[i] = i ^ half;
        vector = ingot_e_maxf_fast(e, vector, ingot_e_shuffle(e, vector, vector, lanes, picks));
    }
    return ingot_e_extract(e, vector, 0);
}
