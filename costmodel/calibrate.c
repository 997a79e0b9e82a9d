/* Calibration: what a single thread of this machine reaches, per width of vectors and per level of the caches. */
#include "costmodel/machine.h"
#include "runtime/plan.h"
#include "runtime/threads.h"
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define ROUNDS      15
#define ROUND_NS    2e6
#define LATENCY_MAX ((size_t)128 << 20)

double ingot_thread_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double wall_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* ---- Arithmetic ---- */

#if defined(__x86_64__)
/* Six chains, written out so that they stay in registers. KEEP makes the compiler believe that a value is new each
 * time, or the products would leave the loop. */
#define KEEP(x) __asm__ volatile("" : "+x"(x))
#define SIX(name, attribute, vector, start, step, sum, count)                        \
    attribute static double name(int64_t repeats, float *sink)                       \
    {                                                                                \
        vector x0 = start(0), x1 = start(1), x2 = start(2), x3 = start(3);           \
        vector x4 = start(4), x5 = start(5), a = start(3);                           \
        const vector b0 = start(5), b1 = start(6), b2 = start(7), b3 = start(8);     \
        const vector b4 = start(9), b5 = start(10);                                  \
        for (int64_t r = 0; r < repeats; r++) {                                      \
            KEEP(a);                                                                 \
            x0 = step(x0, a, b0), x1 = step(x1, a, b1), x2 = step(x2, a, b2);        \
            x3 = step(x3, a, b3), x4 = step(x4, a, b4), x5 = step(x5, a, b5);        \
        }                                                                            \
        *sink += (float)(sum(x0) + sum(x1) + sum(x2) + sum(x3) + sum(x4) + sum(x5)); \
        return 2.0 * (count)*6 * (double)repeats;                                    \
    }
/* Products of bytes without saturation, as generated code makes them: pairs of i16 (vpmaddwd, vpaddd), or groups of
 * four bytes (vpdpbusd). A multiply-add counts 2. */
#define PAIRS_STEP(x, a, b) _mm256_add_epi32(x, _mm256_madd_epi16(a, b))
#define PAIRS_SUM(x)        _mm256_extract_epi32(x, 0)
SIX(int8_pairs, __attribute__((target("avx2"))), __m256i, _mm256_set1_epi32, PAIRS_STEP, PAIRS_SUM, 16)
SIX(int8_vnni, __attribute__((target("avx512f,avx512vnni"))), __m512i, _mm512_set1_epi32, _mm512_dpbusd_epi32,
    _mm512_reduce_add_epi32, 64)
#define BF16_STEP(x, a, b) _mm512_dpbf16_ps(x, (__m512bh)(a), (__m512bh)(b))
SIX(bf16_dot, __attribute__((target("avx512f,avx512bf16"))), __m512, _mm512_set1_ps, BF16_STEP, _mm512_reduce_add_ps,
    32)
static ingot_machine_flops_fn *int8_function(void)
{
    uint64_t have = ingot_cpu_detect();
    return have & INGOT_CPU_AVX512VNNI ? int8_vnni : have & INGOT_CPU_AVX2 ? int8_pairs : NULL;
}
static ingot_machine_flops_fn *bf16_function(void)
{
    return ingot_cpu_detect() & INGOT_CPU_AVX512BF16 ? bf16_dot : NULL;
}
#else
static ingot_machine_flops_fn *int8_function(void)
{
    return NULL;
}
static ingot_machine_flops_fn *bf16_function(void)
{
    return NULL;
}
#endif

/* Best of some rounds; 0 without a function. */
static double peak(ingot_machine_flops_fn *flops)
{
    double best = 0;
    int64_t repeats = 1;
    float sink = 0;
    for (int round = 0; flops && round < ROUNDS;) {
        double begin = ingot_thread_ns(), done = flops(repeats, &sink), ns = ingot_thread_ns() - begin;
        if (ns < ROUND_NS && repeats < (int64_t)1 << 40) {
            repeats *= 2;
            continue;
        }
        best = done / ns > best ? done / ns : best;
        round++;
    }
    return best;
}

/* ---- Memory ---- */

/* A cycle through all lines of `bytes` bytes in random order: each load needs the last one's result. */
static double latency(char *memory, size_t bytes)
{
    size_t lines = bytes / 64, *order = malloc(lines * sizeof *order);
    if (!order || lines < 2) {
        free(order);
        return 0;
    }
    uint64_t seed = 1;
    for (size_t i = 0; i < lines; i++)
        order[i] = i;
    for (size_t i = lines - 1; i > 0; i--) { /* Sattolo: one cycle */
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size_t j = (size_t)((seed >> 33) % i), swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
    for (size_t i = 0; i < lines; i++) {
        char *to = memory + order[(i + 1) % lines] * 64;
        memcpy(memory + order[i] * 64, &to, sizeof to);
    }
    free(order);
    enum { STEPS = 200000 };
    double best = 0;
    char *at = memory;
    for (int round = 0; round < 5; round++) {
        double begin = ingot_thread_ns();
        for (int i = 0; i < STEPS; i++)
            memcpy(&at, at, sizeof(char *));
        double ns = (ingot_thread_ns() - begin) / STEPS;
        best = round == 0 || ns < best ? ns : best;
    }
    return at ? best : 0; /* `at` is used: the loop stays */
}

static ingot_status measure_latencies(const ingot_target *t, ingot_machine *m)
{
    const size_t sizes[4] = {(size_t)t->l1_bytes / 2, (size_t)t->l2_bytes / 2, (size_t)t->l3_bytes / 4, LATENCY_MAX};
    double *const out[4] = {&m->l1_ns, &m->l2_ns, &m->l3_ns, &m->dram_ns};
    char *memory = mmap(NULL, LATENCY_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return ingot_fail(INGOT_LIMIT, "%zu bytes to measure latencies: %s", (size_t)LATENCY_MAX, strerror(errno));
    for (int i = 0; i < 4; i++)
        *out[i] = latency(memory, sizes[i] < LATENCY_MAX ? sizes[i] : LATENCY_MAX);
    munmap(memory, LATENCY_MAX);
    return NULL;
}

/* ---- Overheads ---- */

static int64_t nothing(void *const *buffers, const int64_t *sizes, int64_t begin, int64_t end)
{
    (void)buffers, (void)sizes;
    return begin < 0 ? end : 0;
}

static double call_overhead(void)
{
    ingot_kernel_fn *volatile f = nothing;
    enum { CALLS = 100000 };
    double best = 0;
    for (int round = 0; round < 9; round++) {
        double begin = ingot_thread_ns();
        for (int i = 0; i < CALLS; i++)
            f(NULL, NULL, 0, 1);
        double ns = (ingot_thread_ns() - begin) / CALLS;
        best = round == 0 || ns < best ? ns : best;
    }
    return best;
}

static void no_work(void *arg, int32_t i)
{
    (void)arg, (void)i;
}

static ingot_status measure_wake(double *out)
{
    ingot_threads *pool;
    INGOT_TRY(ingot_threads_create(2, &pool));
    double all[51];
    for (int i = 0; i < 51; i++) {
        struct timespec pause = {0, 200 * 1000}; /* the pool has gone to sleep, as between runs */
        nanosleep(&pause, NULL);
        double begin = wall_ns();
        ingot_threads_for(pool, 2, no_work, NULL);
        all[i] = wall_ns() - begin;
    }
    ingot_threads_destroy(pool);
    for (int i = 1; i < 51; i++) /* the median */
        for (int j = i; j > 0 && all[j - 1] > all[j]; j--) {
            double swap = all[j];
            all[j] = all[j - 1];
            all[j - 1] = swap;
        }
    *out = all[25];
    return NULL;
}

ingot_status ingot_machine_calibrate(const ingot_target *target, void (*progress)(void *arg, const char *what),
                                     void *arg, ingot_machine *out)
{
    static const char *const steps[] = {"bandwidths", "arithmetic", "latencies", "overheads"};
    for (int i = 0; i < 4; i++) {
        if (progress)
            progress(arg, steps[i]);
        switch (i) {
        case 0:
            INGOT_TRY(ingot_machine_measure(1, target, out));
            break;
        case 1:
            out->gflops_128 = peak(ingot_machine_flops(16));
            out->gflops_256 = peak(ingot_machine_flops(32));
            out->gflops_512 = peak(ingot_machine_flops(64));
            out->int8_gops = peak(int8_function());
            out->bf16_gflops = peak(bf16_function());
            break;
        case 2:
            INGOT_TRY(measure_latencies(target, out));
            break;
        default:
            out->call_ns = call_overhead();
            INGOT_TRY(measure_wake(&out->wake_ns));
        }
    }
    return NULL;
}

/* ---- As text ---- */

static const struct field {
    const char *name;
    size_t offset;
} fields[] = {
#define FIELD(name)                          \
    {                                        \
#name, offsetof(ingot_machine, name) \
    }
    FIELD(gflops),     FIELD(l1_gbs),     FIELD(l2_gbs),    FIELD(l3_gbs),      FIELD(dram_gbs), FIELD(gflops_128),
    FIELD(gflops_256), FIELD(gflops_512), FIELD(int8_gops), FIELD(bf16_gflops), FIELD(l1_ns),    FIELD(l2_ns),
    FIELD(l3_ns),      FIELD(dram_ns),    FIELD(call_ns),   FIELD(wake_ns),
#undef FIELD
};
#define N_FIELDS (sizeof fields / sizeof fields[0])

void ingot_machine_print(const ingot_machine *m, char out[INGOT_MACHINE_TEXT])
{
    size_t at = 0;
    for (size_t i = 0; i < N_FIELDS; i++) {
        double value;
        memcpy(&value, (const char *)m + fields[i].offset, sizeof value);
        at += (size_t)snprintf(out + at, INGOT_MACHINE_TEXT - at, "%s%s=%.6g", i ? " " : "", fields[i].name, value);
    }
}

void ingot_machine_parse(const char *text, ingot_machine *out)
{
    memset(out, 0, sizeof *out);
    out->threads = 1;
    while (*text) {
        size_t name = strcspn(text, "= ");
        if (text[name] == '=') {
            double value = strtod(text + name + 1, NULL);
            for (size_t i = 0; i < N_FIELDS; i++)
                if (strlen(fields[i].name) == name && memcmp(fields[i].name, text, name) == 0 && value >= 0)
                    memcpy((char *)out + fields[i].offset, &value, sizeof value);
        }
        text += strcspn(text, " ");
        text += strspn(text, " ");
    }
}

void ingot_machine_apply(const ingot_machine *m, ingot_target *row)
{
    if (m->gflops <= 0)
        return;
    row->ghz = m->gflops / (row->fma_per_cycle * 2 * row->vector_bytes / 4);
    row->l1_gbs = m->l1_gbs;
    row->l2_gbs = m->l2_gbs;
    row->l3_gbs = m->l3_gbs;
    row->dram_gbs = m->dram_gbs;
    row->call_ns = m->call_ns > 0 ? m->call_ns : row->call_ns;
    row->wake_ns = m->wake_ns > 0 ? m->wake_ns : row->wake_ns;
}

/* ---- The pulse ---- */

#define PULSE_BYTES ((size_t)2 << 20) /* beyond any L2 of today: shared caches, where neighbours are felt */

#define PULSE_REPEATS 20000

ingot_machine_pulse ingot_machine_expect_pulse(const ingot_machine *m)
{
    float sink = 0;
    double flops = ingot_machine_flops(0)(1, &sink) * PULSE_REPEATS;
    return (ingot_machine_pulse){.compute_ns = m->gflops > 0 ? flops / m->gflops : 0,
                                 .memory_ns = m->l3_gbs > 0 ? (double)PULSE_BYTES / m->l3_gbs : 0};
}

ingot_machine_pulse ingot_machine_feel_pulse(void)
{
    static char *memory;
    ingot_machine_pulse p;
    float sink = 0;
    if (!memory) {
        void *map = mmap(NULL, PULSE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (map == MAP_FAILED)
            return (ingot_machine_pulse){0};
        memory = map;
        memset(memory, 0, PULSE_BYTES);
    }
    p = (ingot_machine_pulse){1e9, 1e9};
    for (int round = 0; round < 3; round++) { /* the first wakes the vector units */
        double begin = ingot_thread_ns();
        ingot_machine_flops(0)(PULSE_REPEATS, &sink);
        double middle = ingot_thread_ns();
        ingot_machine_read()(memory, PULSE_BYTES, &sink);
        double end = ingot_thread_ns();
        p.compute_ns = middle - begin < p.compute_ns ? middle - begin : p.compute_ns;
        p.memory_ns = end - middle < p.memory_ns ? end - middle : p.memory_ns;
    }
    return p;
}
