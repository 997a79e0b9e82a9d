/* A call of a portable kernel from literals, for tests. */
#ifndef KERNEL_CALL_H
#define KERNEL_CALL_H
#include "runtime/portable.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) ((int32_t)(sizeof(array) / sizeof(array)[0]))
#define DIMS(...)                                  \
    COUNT(((int64_t[]){__VA_ARGS__})), (int64_t[]) \
    {                                              \
        __VA_ARGS__                                \
    }
#define LIST(...)                          \
    {                                      \
        COUNT(((int64_t[]){__VA_ARGS__})), \
        {                                  \
            __VA_ARGS__                    \
        }                                  \
    }

static inline ingot_tensor tensor(ingot_dtype dtype, void *data, int32_t rank, const int64_t *dims)
{
    ingot_tensor t = {.data = data, .dtype = dtype, .rank = rank};
    for (int32_t i = 0; i < rank; i++)
        t.dims[i] = dims[i];
    return t;
}

/* Runs the kernel with as much scratch as it asks for. */
static inline ingot_status call_kernel(ingot_portable_id id, ingot_call call)
{
    static ingot_portable_fn *const kernels[] = {
#define PORTABLE(name) ingot_portable_##name,
#include "runtime/portable.def"
#undef PORTABLE
    };
    int64_t bytes = ingot_portable_scratch_bytes(id, &call);
    cr_assert_geq(bytes, 0);
    call.scratch = malloc((size_t)bytes + 1);
    cr_assert(call.scratch);
    ingot_status status = kernels[id](&call);
    free(call.scratch);
    return status;
}

static inline void expect_ok(ingot_status status)
{
    cr_assert_null(status, "%s", ingot_status_message(status));
}

static inline void expect_error(ingot_status status, const char *text)
{
    cr_assert_eq(ingot_status_code(status), INGOT_BAD_MODEL);
    cr_assert(strstr(ingot_status_message(status), text), "%s", ingot_status_message(status));
    ingot_status_free(status);
}

static inline void expect_f32(const float *got, const float *want, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        cr_assert((isnan(got[i]) && isnan(want[i])) || got[i] == want[i] || fabsf(got[i] - want[i]) < 1e-5f,
                  "element %d is %g, not %g", i, (double)got[i], (double)want[i]);
}
#define EXPECT_F32(got, ...) expect_f32(got, (float[]){__VA_ARGS__}, COUNT(((float[]){__VA_ARGS__})))
#define EXPECT_I64(got, ...) cr_assert_arr_eq(got, ((int64_t[]){__VA_ARGS__}), sizeof((int64_t[]){__VA_ARGS__}))
#endif
