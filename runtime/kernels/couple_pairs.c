/* couple_pairs: probabilities of classes from those of class i over class j, for all pairs i < j.
 * Source: Wu, Lin and Weng, JMLR 5 (2004), second approach, as solved in libsvm. */
#include "runtime/kernels/kernels.h"

/* Solves one row; q [n, n], r [n, n] (r[i * n + j]: i over j), p and qp [n]. */
static void solve(int64_t n, const double *r, double *q, double *qp, double *p)
{
    double enough = 0.005 / (double)n;
    for (int64_t t = 0; t < n; t++) {
        p[t] = 1 / (double)n;
        q[t * n + t] = 0;
        for (int64_t j = 0; j < n; j++) {
            if (j == t)
                continue;
            q[t * n + t] += r[j * n + t] * r[j * n + t];
            q[t * n + j] = -r[j * n + t] * r[t * n + j];
        }
    }
    for (int64_t turn = 0; turn < (n > 100 ? n : 100); turn++) {
        double whole = 0, worst = 0;
        for (int64_t t = 0; t < n; t++) {
            qp[t] = 0;
            for (int64_t j = 0; j < n; j++)
                qp[t] += q[t * n + j] * p[j];
            whole += p[t] * qp[t];
        }
        for (int64_t t = 0; t < n; t++)
            worst = fabs(qp[t] - whole) > worst ? fabs(qp[t] - whole) : worst;
        if (worst < enough)
            break;
        for (int64_t t = 0; t < n; t++) {
            double step = (whole - qp[t]) / q[t * n + t];
            p[t] += step;
            whole = (whole + step * (step * q[t * n + t] + 2 * qp[t])) / (1 + step) / (1 + step);
            for (int64_t j = 0; j < n; j++) {
                qp[j] = (qp[j] + step * q[t * n + j]) / (1 + step);
                p[j] /= 1 + step;
            }
        }
    }
}

ingot_status ingot_portable_couple_pairs(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "couple_pairs", 1, 1));
    const ingot_tensor *x = &call->in[0], *y = &call->out[0];
    KERNEL_REQUIRE(x->rank == 2 && y->rank == 2 && x->dims[0] == y->dims[0] && y->dims[1] >= 2 &&
                       y->dims[1] <= INT16_MAX && x->dims[1] == y->dims[1] * (y->dims[1] - 1) / 2 &&
                       x->dtype == y->dtype && ingot_dtype_is_float(x->dtype),
                   "couple_pairs: %s of rank %d to rank %d", ingot_dtype_name(x->dtype), x->rank, y->rank);
    int64_t n = y->dims[1];
    double *r = call->scratch, *q = r + n * n, *qp = q + n * n, *p = qp + n;
    for (int64_t row = 0; row < x->dims[0]; row++) {
        int64_t pair = row * x->dims[1];
        for (int64_t i = 0; i < n; i++) {
            for (int64_t j = i + 1; j < n; j++) {
                double v = ingot_load_f64(x->data, x->dtype, pair++);
                r[i * n + j] = v < 1e-7 ? 1e-7 : v > 1 - 1e-7 ? 1 - 1e-7 : v;
                r[j * n + i] = 1 - r[i * n + j];
            }
        }
        solve(n, r, q, qp, p);
        ingot_kernel_store_f64(y->data, y->dtype, row * n, 1, p, n);
    }
    return NULL;
}
