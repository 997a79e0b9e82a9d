/* Elementary functions against the C library in double: largest error in units in the last place over a stride through
 * all bit patterns. */
#include "codegen/codegen.h"
#include "runtime/plan.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { block = 4096, stride = 1021 /* odd and prime: every exponent, sign and low bit */ };

typedef struct compiled {
    ingot_jit *jit;
    ingot_arena arena;
    ingot_kernel_fn *kernel;
} compiled;

/* A map of `arity` f32 inputs. */
static void compile(const char *function, int arity, const char *target, compiled *out)
{
    char line[512], symbol[32];
    snprintf(line, sizeof line, "map d0=?0 in=f32[1]%s out=f32[1] body=\"(f32%s) r%d=%s(r0%s):f32 -> r%d\" | | %s",
             arity > 1 ? " in=f32[1]" : "", arity > 1 ? ",f32" : "", arity, function, arity > 1 ? ",r1" : "", arity,
             target);
    const char *lines[] = {line};
    ingot_codegen_options options = {.workers = -1};
    ingot_object object;
    ingot_spec spec;
    void *address;
    *out = (compiled){0};
    cr_assert_null(ingot_spec_parse(line, strlen(line), &spec));
    ingot_status status = ingot_codegen_compile(lines, 1, &options, &out->arena, &object);
    cr_assert_null(status, "%s", ingot_status_message(status));
    cr_assert_null(ingot_jit_create(&object, 1, NULL, 0, &out->jit));
    ingot_kernel_symbol(&spec, symbol);
    cr_assert_null(ingot_jit_lookup(out->jit, symbol, &address));
    memcpy(&out->kernel, &address, sizeof address);
}

static void call(const compiled *c, int arity, float *x, float *y, float *out, int64_t n)
{
    void *buffers[3] = {x, arity > 1 ? y : out, out};
    int64_t sizes[1] = {n};
    c->kernel(buffers, sizes, 0, c->kernel(NULL, sizes, -1, 0));
}

static void release(compiled *c)
{
    ingot_jit_destroy(c->jit);
    ingot_arena_release(&c->arena);
}

/* Error of `got` in ulps of the f32 nearest to `want`; denormal results count in units of the smallest normal's. */
static double ulps(float got, double want)
{
    float nearest = (float)want;
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got) ? 0 : INFINITY;
    if (isinf(nearest) || isinf(got))
        return nearest == got ? 0 : fabs(want) > 3.4028e38 && fabsf(got) > 3.4028e38f ? 0.5 : INFINITY;
    int exponent;
    frexp(want, &exponent);
    double unit = ldexp(1, (exponent < -125 ? -125 : exponent) - 24);
    return fabs(got - want) / unit;
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}
static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}
static double silu(double x)
{
    return x * sigmoid(x);
}
static double gelu(double x)
{
    return 0.5 * x * erfc(-x * 0.70710678118654752440);
}
static double gelu_tanh(double x)
{
    return x * sigmoid(2 * 0.79788456080286535588 * (x + 0.044715 * x * x * x));
}

typedef struct function {
    const char *name;
    double (*reference)(double);
    double ulps;     /* bound with FMA; half an ulp more without */
    double lo, hi;   /* where it holds */
    double absolute; /* or: absolute error allowed */
} function;

static const function functions[] = {
    {"exp", exp, 1.1, -INFINITY, INFINITY, 0},
    {"log", log, 1.0, -INFINITY, INFINITY, 0},
    {"tanh", tanh, 1.3, -INFINITY, INFINITY, 0},
    {"erf", erf, 1.3, -INFINITY, INFINITY, 0},
    {"sigmoid", sigmoid, 2.6, -88, INFINITY, 1e-38},
    {"softplus", softplus, 2.5, -INFINITY, INFINITY, 0},
    {"silu", silu, 3.5, -88, 1e38, 0},
    {"gelu", gelu, 4, -0.5, 1e38, 5e-7},       /* cancels far below zero */
    {"gelu_tanh", gelu_tanh, 30, -5, 1e38, 0}, /* an exponent near 10 magnifies its rounding */
    {"sin", sin, 1.6, -0x1p48, 0x1p48, 0},
    {"cos", cos, 1.6, -0x1p48, 0x1p48, 0},
};

static void check_function(const function *f, const char *target, double slack)
{
    static float x[block], out[block];
    compiled c;
    compile(f->name, 1, target, &c);
    double worst = 0, worst_x = 0;
    for (uint64_t bits = 0; bits < UINT64_C(1) << 32;) {
        int n = 0;
        for (; n < block && bits < UINT64_C(1) << 32; bits += stride) {
            uint32_t b = (uint32_t)bits;
            memcpy(&x[n++], &b, 4);
        }
        call(&c, 1, x, NULL, out, n);
        for (int i = 0; i < n; i++) {
            double want = f->reference(x[i]), error = ulps(out[i], want);
            bool inside = isnan(x[i]) || (x[i] >= f->lo && x[i] <= f->hi);
            if (!inside || (f->absolute > 0 && fabs(out[i] - want) <= f->absolute))
                continue;
            if (error > worst || isnan(error)) {
                worst = error;
                worst_x = x[i];
            }
        }
    }
    release(&c);
    cr_expect(worst <= f->ulps + slack, "%s on %s: %.3f ulp at %.9g", f->name, target, worst, worst_x);
    cr_log_info("%s on %s: %.3f ulp at %.9g", f->name, target, worst, worst_x);
}

Test(vector_math, fused)
{
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        check_function(&functions[i], "x86-64-v3", 0);
}

Test(vector_math, without_fma)
{
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        check_function(&functions[i], "x86-64-v2", 0.5);
}

Test(vector_math, pow)
{
    static float x[block], y[block], out[block];
    static const float special[] = {0,       -0.0f, 1,      -1,       2,         -2,       0.5f,
                                    -0.5f,   3,     -3,     INFINITY, -INFINITY, NAN,      1e-40f,
                                    -1e-40f, 3e38f, -3e38f, 2.5f,     -2.5f,     16777216, 1e10f};
    enum { n_special = sizeof special / sizeof special[0] };
    static const char *const targets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4-on-v3"};
    for (size_t t = 0; t < 3; t++) {
        compiled c;
        compile("pow", 2, targets[t], &c);
        double worst = 0, worst_x = 0, worst_y = 0;
        uint32_t seed = 1;
        for (int round = 0; round < 200; round++) {
            for (int i = 0; i < block; i++) {
                seed = seed * 1664525 + 1013904223;
                uint32_t bits = seed;
                memcpy(&x[i], &bits, 4);
                seed = seed * 1664525 + 1013904223;
                y[i] = round % 2 ? (float)((int32_t)seed >> 8) / 100000 : (float)((int32_t)seed >> 27);
                if (round == 0 && i < n_special * n_special) {
                    x[i] = special[i / n_special];
                    y[i] = special[i % n_special];
                }
            }
            call(&c, 2, x, y, out, block);
            for (int i = 0; i < block; i++) {
                double want = pow(x[i], y[i]), error = ulps(out[i], want);
                if (error == 0 && want == 0)
                    error = !signbit(out[i]) != !signbit(want) ? INFINITY : 0;
                if (error > worst) {
                    worst = error;
                    worst_x = x[i];
                    worst_y = y[i];
                }
            }
        }
        release(&c);
        cr_expect(worst <= 0.6, "pow on %s: %.3f ulp at (%.9g, %.9g)", targets[t], worst, worst_x, worst_y);
    }
}
