/* Products of groups of small integers, summed in 32 bits, and of pairs of bf16, summed in f32.
 *
 * The instructions are those that never saturate: vpdpbusd and vpdpwssd where there is VNNI, else vpmaddwd and an
 * addition. vpmaddubsw, which saturates its sums of two, is not used. Pairs of bf16: vdpbf16ps, or two FMAs in its
 * order.
 */
#include "codegen/microkernel.h"

/* Element `which` of each group, widened. */
static ingot_ev pick(ingot_emitter *e, ingot_ev v, int group, int which, const char *extend)
{
    int picks[64], lanes = v.type.lanes / group;
    for (int i = 0; i < lanes; i++)
        picks[i] = i * group + which;
    return ingot_e_cast(e, extend, ingot_e_shuffle(e, v, v, lanes, picks), INGOT_E_I32);
}

/* For vectors without an instruction. */
static ingot_ev plain(ingot_emitter *e, int group, ingot_ev acc, ingot_ev a, ingot_ev b)
{
    for (int i = 0; i < group; i++) {
        ingot_ev x = pick(e, a, group, i, group == 4 ? "arith.extui" : "arith.extsi"),
                 y = pick(e, b, group, i, "arith.extsi");
        acc = ingot_e_op2(e, "arith.addi", acc, ingot_e_op2(e, "arith.muli", x, y));
    }
    return acc;
}

ingot_ev ingot_micro_dot(ingot_emitter *e, int group, ingot_ev acc, ingot_ev a, ingot_ev b)
{
    static const char *const fused[2][3] = {
        {"llvm.x86.avx512.vpdpwssd.128", "llvm.x86.avx512.vpdpwssd.256", "llvm.x86.avx512.vpdpwssd.512"},
        {"llvm.x86.avx512.vpdpbusd.128", "llvm.x86.avx512.vpdpbusd.256", "llvm.x86.avx512.vpdpbusd.512"}};
    static const char *const pairs[3] = {"llvm.x86.sse2.pmadd.wd", "llvm.x86.avx2.pmadd.wd",
                                         "llvm.x86.avx512.pmaddw.d.512"};
    static const uint64_t needed[3] = {INGOT_CPU_SSE42, INGOT_CPU_AVX2, INGOT_CPU_AVX512BW};
    uint64_t have = e->target->required;
    int size = acc.type.lanes == 4 ? 0 : acc.type.lanes == 8 ? 1 : acc.type.lanes == 16 ? 2 : -1;
    ingot_etype type = ingot_e_vector(group == 4 ? INGOT_E_I8 : INGOT_E_I16, acc.type.lanes * group);
    a = ingot_e_reinterpret(e, a, type);
    b = ingot_e_reinterpret(e, b, type);
    if (size >= 0 && (have & INGOT_CPU_AVX512VNNI) && (size == 2 || (have & INGOT_CPU_AVX512VL)))
        return ingot_e_intrinsic(e, fused[group == 4][size], acc.type, 3, (ingot_ev[]){acc, a, b});
    if (size >= 0 && group == 2 && (have & needed[size]))
        return ingot_e_op2(e, "arith.addi", acc, ingot_e_intrinsic(e, pairs[size], acc.type, 2, (ingot_ev[]){a, b}));
    return plain(e, group, acc, a, b);
}

ingot_ev ingot_micro_half(ingot_emitter *e, ingot_ev words, bool upper)
{
    ingot_ev bits = upper ? ingot_e_op2(e, "arith.andi", words, ingot_e_const_int(e, words.type, -65536))
                          : ingot_e_op2(e, "arith.shli", words, ingot_e_const_int(e, words.type, 16));
    return ingot_e_cast(e, "arith.bitcast", bits, INGOT_E_F32);
}

ingot_ev ingot_micro_dot_bf16(ingot_emitter *e, ingot_ev acc, ingot_ev a, ingot_ev b)
{
    static const char *const names[3] = {"llvm.x86.avx512bf16.dpbf16ps.128", "llvm.x86.avx512bf16.dpbf16ps.256",
                                         "llvm.x86.avx512bf16.dpbf16ps.512"};
    uint64_t have = e->target->required;
    int lanes = acc.type.lanes, size = lanes == 4 ? 0 : lanes == 8 ? 1 : lanes == 16 ? 2 : -1;
    if (size >= 0 && (have & INGOT_CPU_AVX512BF16) && (size == 2 || (have & INGOT_CPU_AVX512VL))) {
        ingot_etype pairs = ingot_e_vector(INGOT_E_BF16, 2 * lanes);
        return ingot_e_intrinsic(e, names[size], acc.type, 3,
                                 (ingot_ev[]){acc, ingot_e_reinterpret(e, a, pairs), ingot_e_reinterpret(e, b, pairs)});
    }
    for (int upper = 1; upper >= 0; upper--)
        acc = ingot_e_fma(e, ingot_micro_half(e, a, upper), ingot_micro_half(e, b, upper), acc);
    return acc;
}
