/* Products of groups of small integers, summed in 32 bits, and of pairs of bf16, summed in f32.
 *
 * The instructions are those that never saturate: vpdpbusd and vpdpwssd where there is VNNI, else vpmaddwd and an
 * addition. vpmaddubsw, which saturates its sums of two, is used with weights within limits (kernel/limited.h) alone.
 * Pairs of bf16: vdpbf16ps, or two FMAs in its order.
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

static const char *const pairs[3] = {"llvm.x86.sse2.pmadd.wd", "llvm.x86.avx2.pmadd.wd",
                                     "llvm.x86.avx512.pmaddw.d.512"};
static const uint64_t needed[3] = {INGOT_CPU_SSE42, INGOT_CPU_AVX2, INGOT_CPU_AVX512BW};

/* Which of the instructions of 128, 256 and 512 bits; -1: none. */
static int size_of(ingot_etype sums)
{
    return sums.lanes == 4 ? 0 : sums.lanes == 8 ? 1 : sums.lanes == 16 ? 2 : -1;
}

ingot_ev ingot_micro_dot(ingot_emitter *e, int group, ingot_ev acc, ingot_ev a, ingot_ev b)
{
    static const char *const fused[2][3] = {
        {"llvm.x86.avx512.vpdpwssd.128", "llvm.x86.avx512.vpdpwssd.256", "llvm.x86.avx512.vpdpwssd.512"},
        {"llvm.x86.avx512.vpdpbusd.128", "llvm.x86.avx512.vpdpbusd.256", "llvm.x86.avx512.vpdpbusd.512"}};
    uint64_t have = e->target->required;
    int size = size_of(acc.type);
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
    int lanes = acc.type.lanes, size = size_of(acc.type);
    if (size >= 0 && (have & INGOT_CPU_AVX512BF16) && (size == 2 || (have & INGOT_CPU_AVX512VL))) {
        ingot_etype halves = ingot_e_vector(INGOT_E_BF16, 2 * lanes);
        return ingot_e_intrinsic(
            e, names[size], acc.type, 3,
            (ingot_ev[]){acc, ingot_e_reinterpret(e, a, halves), ingot_e_reinterpret(e, b, halves)});
    }
    for (int upper = 1; upper >= 0; upper--)
        acc = ingot_e_fma(e, ingot_micro_half(e, a, upper), ingot_micro_half(e, b, upper), acc);
    return acc;
}

ingot_ev ingot_micro_dot_limited(ingot_emitter *e, int words, ingot_ev acc, const ingot_ev *a, const ingot_ev *b)
{
    static const char *const bytes[3] = {"llvm.x86.ssse3.pmadd.ub.sw.128", "llvm.x86.avx2.pmadd.ub.sw",
                                         "llvm.x86.avx512.pmaddubs.w.512"};
    int size = size_of(acc.type);
    ingot_etype type = ingot_e_vector(INGOT_E_I8, acc.type.lanes * 4),
                halves = ingot_e_vector(INGOT_E_I16, acc.type.lanes * 2);
    ingot_ev sum = {.id = -1};
    for (int i = 0; i < words; i++) {
        ingot_ev x = ingot_e_reinterpret(e, a[i], type), y = ingot_e_reinterpret(e, b[i], type);
        if (size < 0 || !(e->target->required & needed[size])) {
            acc = plain(e, 4, acc, x, y);
            continue;
        }
        ingot_ev part = ingot_e_intrinsic(e, bytes[size], halves, 2, (ingot_ev[]){x, y});
        sum = i ? ingot_e_op2(e, "arith.addi", sum, part) : part;
    }
    if (sum.id < 0)
        return acc;
    ingot_ev ones = ingot_e_splat(e, ingot_e_const_int(e, ingot_e_type(INGOT_E_I16), 1), halves.lanes);
    return ingot_e_op2(e, "arith.addi", acc, ingot_e_intrinsic(e, pairs[size], acc.type, 2, (ingot_ev[]){sum, ones}));
}

ingot_ev ingot_micro_load_block(ingot_emitter *e, ingot_ev base, int64_t shift, ingot_etype type)
{
    int picks[64];
    for (int i = 0; i < 64; i++)
        picks[i] = i % 16;
    ingot_ev block = ingot_e_load(e, ingot_e_vector(INGOT_E_I8, 16), base, ingot_e_int(e, shift));
    return ingot_e_reinterpret(e, ingot_e_shuffle(e, block, block, type.lanes * 4, picks), type);
}

ingot_ev ingot_micro_order(ingot_emitter *e, ingot_ev block, ingot_ev order)
{
    static const char *const shuffles[3] = {"llvm.x86.ssse3.pshuf.b.128", "llvm.x86.avx2.pshuf.b",
                                            "llvm.x86.avx512.pshuf.b.512"};
    int size = size_of(block.type);
    ingot_etype bytes = ingot_e_vector(INGOT_E_I8, block.type.lanes * 4);
    ingot_ev v = ingot_e_reinterpret(e, block, bytes), by = ingot_e_reinterpret(e, order, bytes);
    return ingot_e_reinterpret(e, ingot_e_intrinsic(e, shuffles[size], bytes, 2, (ingot_ev[]){v, by}), block.type);
}
