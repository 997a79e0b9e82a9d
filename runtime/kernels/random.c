/* random: uniform or normal numbers that the seed and the place of an element decide, nothing else.
 *
 * Element i of seed s is mix(mix(s) + i * odd constant): the output function of SplitMix64 over a counter (Steele, Lea
 * and Flood, OOPSLA 2014). Normal numbers are made of two uniform ones each (Box and Muller, 1958). */
#include "runtime/kernels/kernels.h"

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* In [0, 1), of 53 bits. */
static double uniform(uint64_t key, uint64_t i)
{
    return (double)(mix(key + (i + 1) * 0x9e3779b97f4a7c15u) >> 11) * 0x1p-53;
}

ingot_status ingot_portable_random(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "random", 0, 1));
    const ingot_tensor *y = &call->out[0];
    const ingot_attrs_random *attrs = call->attrs;
    KERNEL_REQUIRE(ingot_dtype_is_float(y->dtype), "random: numbers of %s", ingot_dtype_name(y->dtype));
    uint64_t key = mix((uint64_t)attrs->seed + 0x9e3779b97f4a7c15u);
    double below = nextafter(attrs->b, attrs->a);
    if (y->dtype != INGOT_F64) /* rounding must not reach the end */
        below = nextafterf((float)attrs->b, (float)attrs->a);
    for (int64_t i = 0; i < ingot_tensor_count(y); i++) {
        double v;
        if (attrs->kind == INGOT_RANDOM_NORMAL) {
            double radius = sqrt(-2 * log1p(-uniform(key, 2 * (uint64_t)i)));
            v = attrs->a + attrs->b * radius * cos(6.283185307179586477 * uniform(key, 2 * (uint64_t)i + 1));
        } else {
            v = attrs->a + (attrs->b - attrs->a) * uniform(key, (uint64_t)i);
            v = attrs->a < attrs->b && v > below ? below : v;
        }
        ingot_store_f64(y->data, y->dtype, i, v);
    }
    return NULL;
}
