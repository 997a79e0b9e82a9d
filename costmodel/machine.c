/* Measured peaks: multiply-adds in registers, reads from each level of the caches. */
#include "costmodel/machine.h"
#include "runtime/plan.h"
#include "runtime/threads.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define ROUNDS   20
#define MAX_DRAM ((size_t)256 << 20)
#define ROUND_NS 1e6

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

typedef ingot_machine_flops_fn flops_fn;
typedef ingot_machine_read_fn read_fn;

/* Twelve chains hide the latency of the units; written out, so that they stay in registers. */
#define FLOPS_FUNCTION(name, attribute, vector, set, fma, add, store, lanes)                                           \
    attribute static double name(int64_t repeats, float *sink)                                                         \
    {                                                                                                                  \
        const vector m = set(0.999f), a = set(0.001f);                                                                 \
        vector x0 = set(0), x1 = set(1), x2 = set(2), x3 = set(3), x4 = set(4), x5 = set(5), x6 = set(6), x7 = set(7); \
        vector x8 = set(8), x9 = set(9), xa = set(10), xb = set(11);                                                   \
        for (int64_t r = 0; r < repeats; r++) {                                                                        \
            x0 = fma(x0, m, a), x1 = fma(x1, m, a), x2 = fma(x2, m, a), x3 = fma(x3, m, a);                            \
            x4 = fma(x4, m, a), x5 = fma(x5, m, a), x6 = fma(x6, m, a), x7 = fma(x7, m, a);                            \
            x8 = fma(x8, m, a), x9 = fma(x9, m, a), xa = fma(xa, m, a), xb = fma(xb, m, a);                            \
        }                                                                                                              \
        x0 = add(add(add(x0, x1), add(x2, x3)), add(add(x4, x5), add(x6, x7)));                                        \
        x0 = add(x0, add(add(x8, x9), add(xa, xb)));                                                                   \
        float out[lanes];                                                                                              \
        store(out, x0);                                                                                                \
        *sink += out[0];                                                                                               \
        return 2.0 * lanes * 12 * (double)repeats;                                                                     \
    }
/* Eight sums, so that the latency of an addition is not what is measured. */
#define READ_FUNCTION(name, attribute, vector, zero, add, load, store, bytes)                                          \
    attribute static void name(const char *data, size_t size, float *sink)                                             \
    {                                                                                                                  \
        vector s0 = zero(), s1 = zero(), s2 = zero(), s3 = zero(), s4 = zero(), s5 = zero(), s6 = zero(), s7 = zero(); \
        for (size_t at = 0; at < size; at += 8 * bytes) {                                                              \
            const float *p = (const float *)(const void *)(data + at);                                                 \
            s0 = add(s0, load(p)), s1 = add(s1, load(p + bytes / 4));                                                  \
            s2 = add(s2, load(p + 2 * bytes / 4)), s3 = add(s3, load(p + 3 * bytes / 4));                              \
            s4 = add(s4, load(p + 4 * bytes / 4)), s5 = add(s5, load(p + 5 * bytes / 4));                              \
            s6 = add(s6, load(p + 6 * bytes / 4)), s7 = add(s7, load(p + 7 * bytes / 4));                              \
        }                                                                                                              \
        float out[bytes / 4];                                                                                          \
        store(out, add(add(add(s0, s1), add(s2, s3)), add(add(s4, s5), add(s6, s7))));                                 \
        *sink += out[0];                                                                                               \
    }

#if defined(__x86_64__)
static __m128 fma_128(__m128 x, __m128 m, __m128 a)
{
    return _mm_add_ps(_mm_mul_ps(x, m), a);
}
#define AVX2   __attribute__((target("avx2,fma")))
#define AVX512 __attribute__((target("avx512f")))
FLOPS_FUNCTION(flops_128, , __m128, _mm_set1_ps, fma_128, _mm_add_ps, _mm_storeu_ps, 4)
FLOPS_FUNCTION(flops_256, AVX2, __m256, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_add_ps, _mm256_storeu_ps, 8)
FLOPS_FUNCTION(flops_512, AVX512, __m512, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_add_ps, _mm512_storeu_ps, 16)
READ_FUNCTION(read_128, , __m128, _mm_setzero_ps, _mm_add_ps, _mm_load_ps, _mm_storeu_ps, 16)
READ_FUNCTION(read_256, AVX2, __m256, _mm256_setzero_ps, _mm256_add_ps, _mm256_load_ps, _mm256_storeu_ps, 32)
READ_FUNCTION(read_512, AVX512, __m512, _mm512_setzero_ps, _mm512_add_ps, _mm512_load_ps, _mm512_storeu_ps, 64)
ingot_machine_flops_fn *ingot_machine_flops(int width)
{
    uint64_t have = ingot_cpu_detect();
    bool avx512 = (have & INGOT_CPU_AVX512F) != 0, avx2 = (have & INGOT_CPU_AVX2) && (have & INGOT_CPU_FMA);
    if (width == 0)
        width = avx512 ? 64 : avx2 ? 32 : 16;
    return width == 16 ? flops_128 : width == 32 && avx2 ? flops_256 : width == 64 && avx512 ? flops_512 : NULL;
}
ingot_machine_read_fn *ingot_machine_read(void)
{
    uint64_t have = ingot_cpu_detect();
    return have & INGOT_CPU_AVX512F ? read_512 : have & INGOT_CPU_AVX2 ? read_256 : read_128;
}
#else
static float set_one(float x)
{
    return x;
}
static float fma_one(float x, float m, float a)
{
    return x * m + a;
}
static float zero_one(void)
{
    return 0;
}
static float add_one(float a, float b)
{
    return a + b;
}
static float load_one(const float *p)
{
    return *p;
}
static void store_one(float *p, float x)
{
    *p = x;
}
FLOPS_FUNCTION(flops_plain, , float, set_one, fma_one, add_one, store_one, 1)
READ_FUNCTION(read_plain, , float, zero_one, add_one, load_one, store_one, 4)
ingot_machine_flops_fn *ingot_machine_flops(int width)
{
    return width == 0 ? flops_plain : NULL;
}
ingot_machine_read_fn *ingot_machine_read(void)
{
    return read_plain;
}
#endif

typedef struct measurement {
    flops_fn *flops;
    read_fn *read;
    char *memory; /* of all threads */
    size_t bytes; /* of one thread; 0: arithmetic */
    int64_t repeats;
    float sink[64 * 16]; /* a line of the cache each */
} measurement;

static void work(void *arg, int32_t i)
{
    measurement *m = arg;
    float *sink = &m->sink[(i % 64) * 16];
    if (m->bytes == 0) {
        m->flops(m->repeats, sink);
        return;
    }
    for (int64_t r = 0; r < m->repeats; r++)
        m->read(m->memory + (size_t)i * m->bytes, m->bytes, sink);
}

/* Best rate, in units (flops or bytes) a ns, with `units` done by one repeat of one thread. */
static double best_rate(measurement *m, ingot_threads *pool, int32_t threads, double units)
{
    double best = 0;
    m->repeats = 1;
    for (int round = 0; round < ROUNDS;) {
        double begin = now_ns();
        ingot_threads_for(pool, threads, work, m);
        double ns = now_ns() - begin;
        if (ns < ROUND_NS / 2 && m->repeats < ((int64_t)1 << 40)) {
            m->repeats *= ns > 0 && ROUND_NS / ns < 16 ? 2 : 8;
            continue;
        }
        double rate = units * (double)m->repeats * threads / ns;
        best = rate > best ? rate : best;
        round++;
    }
    return best;
}

ingot_status ingot_machine_measure(int32_t threads, const ingot_target *target, ingot_machine *out)
{
    threads = threads < 1 ? 1 : threads > 64 ? 64 : threads;
    size_t dram = (size_t)target->l3_bytes * 4 < MAX_DRAM ? (size_t)target->l3_bytes * 4 : MAX_DRAM;
    dram = (dram / (size_t)threads + 4095) / 4096 * 4096;
    char *memory = mmap(NULL, dram * (size_t)threads, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return ingot_fail(INGOT_LIMIT, "%zu bytes to measure the machine: %s", dram * (size_t)threads, strerror(errno));
    memset(memory, 0, dram * (size_t)threads); /* pages of their own: the shared page of zeros lies in the cache */
    ingot_threads *pool = NULL;
    ingot_status status = ingot_threads_create(threads, &pool);
    if (!status) {
        measurement m = {.memory = memory, .flops = ingot_machine_flops(0), .read = ingot_machine_read()};
        *out = (ingot_machine){.threads = threads,
                               .l1_bytes = target->l1_bytes,
                               .l2_bytes = target->l2_bytes,
                               .l3_bytes = target->l3_bytes};
        float sink = 0;
        out->gflops = best_rate(&m, pool, threads, m.flops(1, &sink));
        const size_t sizes[4] = {(size_t)target->l1_bytes / 2, (size_t)target->l2_bytes / 2,
                                 (size_t)target->l3_bytes / 2 / (size_t)threads, dram};
        double *const rates[4] = {&out->l1_gbs, &out->l2_gbs, &out->l3_gbs, &out->dram_gbs};
        for (int i = 0; i < 4; i++) {
            m.bytes = sizes[i] / 1024 * 1024;
            if (m.bytes > dram)
                m.bytes = dram;
            *rates[i] = best_rate(&m, pool, threads, (double)m.bytes);
        }
    }
    ingot_threads_destroy(pool);
    munmap(memory, dram * (size_t)threads);
    return status;
}

double ingot_machine_bound_ns(const ingot_machine *m, double flops, double bytes)
{
    double gbs = bytes <= (double)m->l1_bytes * m->threads   ? m->l1_gbs
                 : bytes <= (double)m->l2_bytes * m->threads ? m->l2_gbs
                 : bytes <= (double)m->l3_bytes              ? m->l3_gbs
                                                             : m->dram_gbs;
    double compute = m->gflops > 0 ? flops / m->gflops : 0, memory = gbs > 0 ? bytes / gbs : 0;
    return compute > memory ? compute : memory;
}
