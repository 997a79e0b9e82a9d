/* The builder's memory: loads and stores, masked and strided. */
#include "codegen/emit_impl.h"

ingot_ev ingot_e_gep(ingot_emitter *e, ingot_escalar scalar, ingot_ev base, ingot_ev index)
{
    if (ingot_e_is_known(index, 0))
        return base;
    const char *type = ingot_e_type_name(ingot_e_type(scalar == INGOT_E_I1 ? INGOT_E_I8 : scalar));
    ingot_ev r = ingot_e_fresh(e, base.type);
    if (index.known && index.value == (int32_t)index.value && index.value != INT32_MIN)
        ingot_e_line(e, "%%%d = llvm.getelementptr %%%d[%lld] : (!llvm.ptr) -> !llvm.ptr, %s", r.id,
                     ingot_e_id(e, base), (long long)index.value, type);
    else
        ingot_e_line(e, "%%%d = llvm.getelementptr %%%d[%%%d] : (!llvm.ptr, i64) -> !llvm.ptr, %s", r.id,
                     ingot_e_id(e, base), ingot_e_id(e, index), type);
    return r;
}

static ingot_etype memory_type(ingot_etype type)
{
    return type.scalar == INGOT_E_I1 ? ingot_e_with_scalar(type, INGOT_E_I8) : type;
}

/* Bytes to booleans and back. */
static ingot_ev from_memory(ingot_emitter *e, ingot_etype type, ingot_ev v)
{
    return type.scalar == INGOT_E_I1 ? ingot_e_cmp(e, "ne", v, ingot_e_zero(e, v.type)) : v;
}

static ingot_ev to_memory(ingot_emitter *e, ingot_ev v)
{
    return v.type.scalar == INGOT_E_I1 ? ingot_e_cast(e, "arith.extui", v, INGOT_E_I8) : v;
}

static ingot_ev load(ingot_emitter *e, const char *how, ingot_etype type, ingot_ev base, ingot_ev index)
{
    ingot_etype m = memory_type(type);
    ingot_ev p = ingot_e_gep(e, m.scalar, base, index);
    int32_t at = ingot_e_id(e, p);
    ingot_ev r = ingot_e_fresh(e, m);
    ingot_e_line(e, "%%%d = llvm.load%s %%%d {alignment = %d : i64} : !llvm.ptr -> %s", r.id, how, at,
                 ingot_e_scalar_bytes(m.scalar), ingot_e_type_name(m));
    return from_memory(e, type, r);
}

ingot_ev ingot_e_load(ingot_emitter *e, ingot_etype type, ingot_ev base, ingot_ev index)
{
    return load(e, "", type, base, index);
}

ingot_ev ingot_e_load_again(ingot_emitter *e, ingot_etype type, ingot_ev base, ingot_ev index)
{
    return load(e, " volatile", type, base, index);
}

void ingot_e_store(ingot_emitter *e, ingot_ev value, ingot_ev base, ingot_ev index)
{
    value = to_memory(e, value);
    ingot_ev p = ingot_e_gep(e, value.type.scalar, base, index);
    int32_t v = ingot_e_id(e, value), at = ingot_e_id(e, p);
    ingot_e_line(e, "llvm.store %%%d, %%%d {alignment = %d : i64} : %s, !llvm.ptr", v, at,
                 ingot_e_scalar_bytes(value.type.scalar), ingot_e_type_name(value.type));
}

ingot_ev ingot_e_load_word(ingot_emitter *e, ingot_escalar scalar, ingot_ev base, ingot_ev index)
{
    int32_t at = ingot_e_id(e, ingot_e_gep(e, scalar, base, index));
    ingot_ev r = ingot_e_fresh(e, ingot_e_type(INGOT_E_I32));
    ingot_e_line(e, "%%%d = llvm.load %%%d {alignment = 1 : i64} : !llvm.ptr -> i32", r.id, at);
    return r;
}

/* ---- Masks ---- */

/* AVX2 has masked moves of 4- and 8-byte elements, whose masks live in vector registers: as i1 vectors they would be
 * rebuilt at every use. */
static bool has_word_masks(const ingot_emitter *e, ingot_etype type)
{
    int bytes = ingot_e_scalar_bytes(type.scalar);
    return (e->target->required & INGOT_CPU_AVX2) && !(e->target->required & INGOT_CPU_AVX512VL) &&
           type.scalar != INGOT_E_I1 && (bytes == 4 || bytes == 8) &&
           (bytes * type.lanes == 16 || bytes * type.lanes == 32);
}

ingot_emask ingot_e_mask_all(void)
{
    return (ingot_emask){.all = true, .bits = {.id = -1}, .words = {.id = -1}};
}

ingot_emask ingot_e_mask(ingot_emitter *e, ingot_etype type, ingot_ev count)
{
    ingot_emask mask = ingot_e_mask_all();
    if (count.known && count.value >= type.lanes)
        return mask;
    mask.all = false;
    int bytes = ingot_e_scalar_bytes(type.scalar);
    ingot_escalar word = bytes == 8 ? INGOT_E_I64 : INGOT_E_I32;
    ingot_ev n = ingot_e_max(e, ingot_e_min(e, count, ingot_e_int(e, type.lanes)), ingot_e_int(e, 0));
    if (word == INGOT_E_I32)
        n = n.known ? ingot_e_const_int(e, ingot_e_type(INGOT_E_I32), n.value)
                    : ingot_e_cast(e, "arith.trunci", n, INGOT_E_I32);
    ingot_etype words = ingot_e_vector(word, type.lanes);
    if (type.lanes <= 1) {
        mask.bits = ingot_e_cmp(e, "sgt", n, ingot_e_const_int(e, words, 0));
        return mask;
    }
    mask.bits = ingot_e_cmp(e, "sgt", ingot_e_splat(e, n, type.lanes), ingot_e_iota(e, words));
    if (has_word_masks(e, type))
        mask.words = ingot_e_cast(e, "arith.extsi", mask.bits, word);
    return mask;
}

/* Name of the AVX2 masked move for the mask and type, or null. */
static const char *word_intrinsic(const ingot_emitter *e, ingot_etype type, const ingot_emask *mask, bool store)
{
    static const char *const names[2][2][4] = {{{"llvm.x86.avx.maskload.ps", "llvm.x86.avx.maskload.ps.256",
                                                 "llvm.x86.avx.maskload.pd", "llvm.x86.avx.maskload.pd.256"},
                                                {"llvm.x86.avx2.maskload.d", "llvm.x86.avx2.maskload.d.256",
                                                 "llvm.x86.avx2.maskload.q", "llvm.x86.avx2.maskload.q.256"}},
                                               {{"llvm.x86.avx.maskstore.ps", "llvm.x86.avx.maskstore.ps.256",
                                                 "llvm.x86.avx.maskstore.pd", "llvm.x86.avx.maskstore.pd.256"},
                                                {"llvm.x86.avx2.maskstore.d", "llvm.x86.avx2.maskstore.d.256",
                                                 "llvm.x86.avx2.maskstore.q", "llvm.x86.avx2.maskstore.q.256"}}};
    if (mask->words.id < 0 || !has_word_masks(e, type))
        return NULL;
    int bytes = ingot_e_scalar_bytes(type.scalar);
    if (ingot_e_scalar_bytes(mask->words.type.scalar) != bytes || mask->words.type.lanes != type.lanes)
        return NULL;
    return names[store][!ingot_e_is_float(type)][(bytes == 8) * 2 + (bytes * type.lanes == 32)];
}

ingot_ev ingot_e_load_masked(ingot_emitter *e, ingot_etype type, ingot_ev base, ingot_ev index, ingot_emask mask)
{
    if (mask.all)
        return ingot_e_load(e, type, base, index);
    ingot_etype m = memory_type(type);
    ingot_ev zero = ingot_e_zero(e, m);
    if (type.lanes <= 1) {
        ingot_eif branch;
        ingot_e_if(e, mask.bits, 1, &m, &branch);
        ingot_ev loaded = ingot_e_load(e, m, base, index);
        ingot_e_else(e, &branch, &loaded);
        ingot_e_if_end(e, &branch, &zero);
        return from_memory(e, type, branch.results[0]);
    }
    ingot_ev p = ingot_e_gep(e, m.scalar, base, index);
    const char *name = word_intrinsic(e, m, &mask, false);
    if (name)
        return ingot_e_intrinsic(e, name, m, 2, (ingot_ev[]){p, mask.words});
    int32_t at = ingot_e_id(e, p), z = ingot_e_id(e, zero), bits = ingot_e_id(e, mask.bits);
    ingot_ev r = ingot_e_fresh(e, m);
    ingot_e_line(e, "%%%d = llvm.intr.masked.load %%%d, %%%d, %%%d {alignment = %d : i32} : (!llvm.ptr, %s, %s) -> %s",
                 r.id, at, bits, z, ingot_e_scalar_bytes(m.scalar), ingot_e_type_name(mask.bits.type),
                 ingot_e_type_name(m), ingot_e_type_name(m));
    return from_memory(e, type, r);
}

void ingot_e_store_masked(ingot_emitter *e, ingot_ev value, ingot_ev base, ingot_ev index, ingot_emask mask)
{
    if (mask.all) {
        ingot_e_store(e, value, base, index);
        return;
    }
    value = to_memory(e, value);
    if (value.type.lanes <= 1) {
        ingot_eif branch;
        ingot_e_if(e, mask.bits, 0, NULL, &branch);
        ingot_e_store(e, value, base, index);
        ingot_e_if_end(e, &branch, NULL);
        return;
    }
    ingot_ev p = ingot_e_gep(e, value.type.scalar, base, index);
    const char *name = word_intrinsic(e, value.type, &mask, true);
    if (name) {
        ingot_e_intrinsic(e, name, ingot_e_type(INGOT_E_NONE), 3, (ingot_ev[]){p, mask.words, value});
        return;
    }
    int32_t v = ingot_e_id(e, value), at = ingot_e_id(e, p), bits = ingot_e_id(e, mask.bits);
    ingot_e_line(e, "llvm.intr.masked.store %%%d, %%%d, %%%d {alignment = %d : i32} : %s, %s into !llvm.ptr", v, at,
                 bits, ingot_e_scalar_bytes(value.type.scalar), ingot_e_type_name(value.type),
                 ingot_e_type_name(mask.bits.type));
}

/* ---- One address per lane ---- */

static ingot_ev lane_pointers(ingot_emitter *e, ingot_escalar scalar, ingot_ev base, ingot_ev indices)
{
    int32_t b = ingot_e_id(e, base), i = ingot_e_id(e, indices);
    ingot_ev p = ingot_e_fresh(e, ingot_e_vector(INGOT_E_PTR, indices.type.lanes));
    ingot_e_line(e, "%%%d = llvm.getelementptr %%%d[%%%d] : (!llvm.ptr, %s) -> %s, %s", p.id, b, i,
                 ingot_e_type_name(indices.type), ingot_e_type_name(p.type), ingot_e_type_name(ingot_e_type(scalar)));
    return p;
}

static ingot_ev all_lanes(ingot_emitter *e, int lanes)
{
    return ingot_e_const_int(e, ingot_e_vector(INGOT_E_I1, lanes), 1);
}

ingot_ev ingot_e_gather(ingot_emitter *e, ingot_etype type, ingot_ev base, ingot_ev indices, ingot_emask mask)
{
    ingot_etype m = memory_type(type);
    ingot_ev p = lane_pointers(e, m.scalar, base, indices);
    ingot_ev bits = mask.all ? all_lanes(e, type.lanes) : mask.bits;
    int32_t z = ingot_e_id(e, ingot_e_zero(e, m)), b = ingot_e_id(e, bits);
    ingot_ev r = ingot_e_fresh(e, m);
    ingot_e_line(e, "%%%d = llvm.intr.masked.gather %%%d, %%%d, %%%d {alignment = %d : i32} : (%s, %s, %s) -> %s", r.id,
                 p.id, b, z, ingot_e_scalar_bytes(m.scalar), ingot_e_type_name(p.type), ingot_e_type_name(bits.type),
                 ingot_e_type_name(m), ingot_e_type_name(m));
    return from_memory(e, type, r);
}

/* index + lane * stride */
static ingot_ev lane_indices(ingot_emitter *e, int lanes, ingot_ev index, ingot_ev stride)
{
    ingot_etype type = ingot_e_vector(INGOT_E_I64, lanes);
    ingot_ev steps = ingot_e_op2(e, "arith.muli", ingot_e_splat(e, stride, lanes), ingot_e_iota(e, type));
    return ingot_e_op2(e, "arith.addi", ingot_e_splat(e, index, lanes), steps);
}

ingot_ev ingot_e_load_strided(ingot_emitter *e, ingot_etype type, ingot_ev base, ingot_ev index, ingot_ev stride,
                              ingot_emask mask)
{
    if (ingot_e_is_known(stride, 1) || type.lanes <= 1)
        return ingot_e_load_masked(e, type, base, index, mask);
    ingot_etype m = memory_type(type), scalar = ingot_e_type(m.scalar);
    if (ingot_e_is_known(stride, 0)) /* lane 0 is active wherever a mask is used: kernels do no empty vectors */
        return from_memory(e, type, ingot_e_splat(e, ingot_e_load(e, scalar, base, index), type.lanes));
    if (!mask.all)
        return ingot_e_gather(e, type, base, lane_indices(e, type.lanes, index, stride), mask);
    ingot_ev v = ingot_e_splat(e, ingot_e_load(e, scalar, base, index), type.lanes);
    for (int i = 1; i < type.lanes; i++)
        v = ingot_e_insert(e, v, ingot_e_load(e, scalar, base, ingot_e_add(e, index, ingot_e_mul_int(e, stride, i))),
                           i);
    return from_memory(e, type, v);
}

void ingot_e_store_strided(ingot_emitter *e, ingot_ev value, ingot_ev base, ingot_ev index, ingot_ev stride,
                           ingot_emask mask)
{
    if (ingot_e_is_known(stride, 1) || value.type.lanes <= 1) {
        ingot_e_store_masked(e, value, base, index, mask);
        return;
    }
    value = to_memory(e, value);
    if (mask.all) {
        for (int i = 0; i < value.type.lanes; i++)
            ingot_e_store(e, ingot_e_extract(e, value, i), base, ingot_e_add(e, index, ingot_e_mul_int(e, stride, i)));
        return;
    }
    ingot_ev p = lane_pointers(e, value.type.scalar, base, lane_indices(e, value.type.lanes, index, stride));
    ingot_e_line(e, "llvm.intr.masked.scatter %%%d, %%%d, %%%d {alignment = %d : i32} : %s, %s into %s",
                 ingot_e_id(e, value), p.id, ingot_e_id(e, mask.bits), ingot_e_scalar_bytes(value.type.scalar),
                 ingot_e_type_name(value.type), ingot_e_type_name(mask.bits.type), ingot_e_type_name(p.type));
}

void ingot_e_prefetch(ingot_emitter *e, ingot_escalar scalar, ingot_ev base, ingot_ev index, int locality)
{
    ingot_ev p = ingot_e_gep(e, scalar, base, index);
    ingot_e_line(e,
                 "\"llvm.intr.prefetch\"(%%%d) <{cache = 1 : i32, hint = %d : i32, rw = 0 : i32}> : (!llvm.ptr) -> ()",
                 ingot_e_id(e, p), locality);
}
