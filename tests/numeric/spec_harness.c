/* Runs a generated kernel on guarded buffers and compares it with the interpreter. */
#include "kernel/limited.h"
#include "runtime/plan.h"
#include "spec_reference.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096

/* A buffer between unmapped pages, against the one behind it or the one before it. */
typedef struct guarded {
    void *map;
    size_t map_size, bytes;
    char *data;
} guarded;

static bool guarded_make(guarded *g, size_t bytes, bool at_end)
{
    size_t inside = (bytes + PAGE - 1) / PAGE * PAGE + (bytes == 0) * PAGE;
    g->map_size = inside + 2 * PAGE;
    g->bytes = bytes;
    g->map = mmap(NULL, g->map_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (g->map == MAP_FAILED || mprotect((char *)g->map + PAGE, inside, PROT_READ | PROT_WRITE) != 0)
        return false;
    g->data = (char *)g->map + PAGE + (at_end ? inside - bytes : 0);
    return true;
}

static unsigned next_random(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void fill(const ingot_spec *spec, int32_t i, void *data, int64_t count, const int64_t *sizes, unsigned *seed)
{
    const ingot_operand *o = &spec->operands[i];
    int group = ingot_spec_group(spec), word = group ? group : 1;
    if (spec->family == INGOT_FAMILY_winograd && i == 1) {
        spec_winograd_fill(spec, data);
        return;
    }
    ingot_limited limited = ingot_limited_of_spec(spec);
    if (o->access == INGOT_ACCESS_LIMITED16)
        count = ingot_limited_orders_at(&limited);
    for (int64_t k = 0; k < count; k++) {
        double u = next_random(seed) / 8388608.0 - 1;
        if (spec->family == INGOT_FAMILY_gather && i == 1) {
            int64_t axis =
                ingot_size_is_dynamic(spec->params[0]) ? sizes[ingot_size_index(spec->params[0])] : spec->params[0];
            ingot_store_i64(data, o->dtype, k,
                            axis > 0 ? (int64_t)(next_random(seed) % (unsigned)(2 * axis)) - axis : 0);
        } else if (o->dtype == INGOT_BOOL) {
            ingot_store_i64(data, o->dtype, k, u > 0);
        } else if (ingot_dtype_is_float(o->dtype)) {
            ingot_store_f64(data, o->dtype, k, u);
        } else if (group && i < 2) { /* all there is, the ends often */
            int64_t low = o->dtype == INGOT_U8 ? 0 : group == 2 ? -255 : -128, high = o->dtype == INGOT_I8 ? 127 : 255;
            int64_t any = low + (int64_t)(next_random(seed) % (unsigned)(high - low + 1));
            ingot_store_i64(data, o->dtype, k, k % 5 == 0 ? high : k % 7 == 0 ? low : any);
        } else {
            ingot_store_i64(data, o->dtype, k, (int64_t)(u * 50) + (ingot_dtype_is_signed(o->dtype) ? 0 : 50));
        }
    }
    if (spec->family == INGOT_FAMILY_conv && i == 1 &&
        !ingot_size_is_dynamic(spec->params[0])) { /* lanes past o are zero weights */
        int64_t n[INGOT_SPEC_DIMS];
        for (int d = 0; d < spec->n_dims; d++)
            n[d] = ingot_size_is_dynamic(spec->dims[d]) ? sizes[ingot_size_index(spec->dims[d])] : spec->dims[d];
        int64_t taps = n[5] * n[6] * n[7] * n[8];
        for (int64_t g = 0; g < n[1]; g++)
            for (int64_t t = 0; t < taps; t++)
                for (int64_t lane = spec->params[0] - 16 * (n[2] - 1); lane < 16; lane++)
                    if (lane >= 0)
                        ingot_store_f64(data, o->dtype,
                                        ((((g + 1) * n[2] - 1) * taps + t) / word * 16 + lane) * word + t % word, 0);
    }
    if (o->access == INGOT_ACCESS_LIMITED16)
        ingot_limited_split(&limited, data, true);
}

typedef struct check {
    ingot_spec spec;
    const spec_check_options *options;
    ingot_kernel_fn *kernel;
    guarded buffers[INGOT_SPEC_OPERANDS];
    int64_t counts[INGOT_SPEC_OPERANDS];
    char *why;
} check;

/* How units are handed out. */
typedef enum { WHOLE, BACKWARDS, ODD, SPLIT_COUNT } split_kind;
static bool run_split(const check *c, split_kind kind)
{
    void *pointers[INGOT_SPEC_OPERANDS];
    const int64_t *sizes = c->options->sizes;
    for (int32_t i = 0; i < c->spec.n_in + c->spec.n_out; i++)
        pointers[i] = c->buffers[i].data;
    for (int32_t i = c->spec.n_in; i < c->spec.n_in + c->spec.n_out; i++)
        memset(c->buffers[i].data, c->spec.family == INGOT_FAMILY_gather && i > c->spec.n_in ? 0 : 0x5A,
               c->buffers[i].bytes);
    int64_t units = c->kernel(NULL, sizes, -1, 0), odd = 1;
    if (units < 0)
        return false;
    if (kind == WHOLE)
        c->kernel(pointers, sizes, 0, units);
    else if (kind == BACKWARDS)
        for (int64_t u = units; u-- > 0;)
            c->kernel(pointers, sizes, u, u + 1);
    else
        for (int64_t u = 0; u < units; u += odd, odd = odd * 2 + 1)
            c->kernel(pointers, sizes, u, u + odd < units ? u + odd : units);
    return true;
}

static bool compare(check *c, spec_data *d, int32_t o)
{
    double tolerance = c->options->tolerance > 0 ? c->options->tolerance : 2e-6;
    ingot_dtype t = c->spec.operands[o].dtype;
    size_t bytes = (size_t)ingot_dtype_bytes(t, 1);
    char pattern[16];
    memset(pattern, 0x5A, sizeof pattern);
    for (int64_t k = 0; k < c->counts[o]; k++) {
        double got = ingot_load_f64(c->buffers[o].data, t, k), want = d->values[o][k];
        if (d->magnitudes[o][k] < 0) {
            if (memcmp(c->buffers[o].data + (size_t)k * bytes, pattern, bytes) != 0) {
                snprintf(c->why, 512, "output %d: element %lld is not the kernel's to write, but is %g", (int)o,
                         (long long)k, got);
                return false;
            }
        } else if (got != want && !(fabs(got - want) <= tolerance * (0.1 + d->magnitudes[o][k])) &&
                   !(got != got && want != want)) {
            snprintf(c->why, 512, "output %d: element %lld of %lld is %.9g, should be %.9g (magnitude %g)", (int)o,
                     (long long)k, (long long)c->counts[o], got, want, d->magnitudes[o][k]);
            return false;
        }
    }
    return true;
}

/* One placement of the buffers: all splits give the same bits, which are right. */
static bool run_placed(check *c, bool at_end, ingot_arena *arena, char *first_bits[INGOT_SPEC_OPERANDS])
{
    int32_t n = c->spec.n_in + c->spec.n_out;
    unsigned seed = c->options->seed + 1;
    spec_data d = {.sizes = c->options->sizes};
    for (int32_t i = 0; i < n; i++) {
        c->counts[i] = spec_operand_count(&c->spec, d.sizes, i);
        if (!guarded_make(&c->buffers[i], (size_t)ingot_dtype_bytes(c->spec.operands[i].dtype, c->counts[i]), at_end)) {
            snprintf(c->why, 512, "no memory for operand %d", (int)i);
            return false;
        }
        d.operands[i] = c->buffers[i].data;
        d.counts[i] = c->counts[i];
        if (i < c->spec.n_in) {
            fill(&c->spec, i, c->buffers[i].data, c->counts[i], d.sizes, &seed);
        } else {
            d.values[i] = ingot_arena_alloc(arena, (size_t)c->counts[i] + 1, sizeof(double));
            d.magnitudes[i] = ingot_arena_alloc(arena, (size_t)c->counts[i] + 1, sizeof(double));
        }
    }
    for (int split = 0; split < (c->options->skip_splits ? 1 : SPLIT_COUNT); split++) {
        if (!run_split(c, (split_kind)split)) {
            snprintf(c->why, 512, "the kernel counts a negative number of units");
            return false;
        }
        for (int32_t i = c->spec.n_in; i < n; i++) {
            if (c->spec.operands[i].access == INGOT_ACCESS_SCRATCH)
                continue;
            if (!first_bits[i]) {
                first_bits[i] = ingot_arena_alloc(arena, c->buffers[i].bytes + 1, 1);
                memcpy(first_bits[i], c->buffers[i].data, c->buffers[i].bytes);
            } else if (memcmp(first_bits[i], c->buffers[i].data, c->buffers[i].bytes) != 0) {
                snprintf(c->why, 512, "output %d: other bits when split in another way (%d, buffers %s)", (int)i, split,
                         at_end ? "at end" : "at start");
                return false;
            }
        }
    }
    if (at_end) {
        spec_interpret(&c->spec, &d);
        for (int32_t i = c->spec.n_in; i < n; i++)
            if (c->spec.operands[i].access != INGOT_ACCESS_SCRATCH && !compare(c, &d, i))
                return false;
    }
    return true;
}

/* Both placements at one choice of sizes. */
static bool run_sizes(check *c, ingot_arena *arena)
{
    char *bits[INGOT_SPEC_OPERANDS] = {NULL};
    bool ok = true;
    for (int at_end = 1; at_end >= 0 && ok; at_end--) {
        ok = run_placed(c, at_end, arena, bits);
        for (int32_t i = 0; i < INGOT_SPEC_OPERANDS; i++)
            if (c->buffers[i].map)
                munmap(c->buffers[i].map, c->buffers[i].map_size);
        memset(c->buffers, 0, sizeof c->buffers);
    }
    return ok;
}

bool spec_check(const char *line, const spec_check_options *options, char why[512])
{
    spec_check_options own = {0};
    if (options)
        own = *options;
    check c = {.options = &own, .why = why};
    ingot_codegen_options codegen = {.workers = -1};
    ingot_arena arena = {0};
    ingot_object object;
    ingot_jit *jit = NULL;
    void *address = NULL;
    char symbol[32];
    bool ok = false;
    ingot_status status = ingot_spec_parse(line, strlen(line), &c.spec);
    if (!status)
        status = ingot_codegen_compile(&line, 1, &codegen, &arena, &object);
    if (!status)
        status = ingot_jit_create(&object, 1, NULL, 0, &jit);
    if (!status) {
        ingot_kernel_symbol(&c.spec, symbol);
        status = ingot_jit_lookup(jit, symbol, &address);
    }
    if (status) {
        snprintf(why, 512, "%s", ingot_status_message(status));
        ingot_status_free(status);
    } else {
        memcpy(&c.kernel, &address, sizeof address);
        ok = run_sizes(&c, &arena);
        for (int i = 0; i < own.n_more && ok; i++) {
            memcpy(own.sizes, own.more[i], sizeof own.sizes);
            ok = run_sizes(&c, &arena);
        }
        if (!ok) {
            size_t n = strlen(why);
            snprintf(why + n, 512 - n, "\n  sizes %lld %lld %lld ...: %s", (long long)own.sizes[0],
                     (long long)own.sizes[1], (long long)own.sizes[2], line);
        }
    }
    ingot_jit_destroy(jit);
    ingot_arena_release(&arena);
    return ok;
}
