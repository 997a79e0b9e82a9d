/* Private to `ingot verify`: finding cases, running one, comparing.
 *
 *   verify_find.c     paths to cases
 *   verify_case.c     one case, in a child process
 *   verify_compare.c  tolerances
 *   cmd_verify.c      options, the pool of children, lines
 */
#ifndef INGOT_CLI_VERIFY_H
#define INGOT_CLI_VERIFY_H
#include "cli/cli.h"

typedef struct verify_tolerance {
    double rtol, atol, atol_scaled; /* |got - want| <= atol + atol_scaled * max|want| + rtol * |want| */
    double max_ulp;                 /* > 0: this close is good too */
} verify_tolerance;

typedef struct verify_difference {
    int32_t n_compared;
    double max_abs, max_rel, max_ulp;
    double max_ulp_scaled; /* in steps of the largest element: what a sum of both signs can promise */
} verify_difference;

/* True when `got` is close enough; else `why` says how not. Updates the difference either way. */
bool verify_compare(const ingot_tensor *got, const ingot_tensor *want, const verify_tolerance *tol,
                    verify_difference *d, char *why, size_t why_size);

typedef enum {
    VERIFY_PASS,
    VERIFY_FAIL,
    VERIFY_SKIP,
    VERIFY_UNSUPPORTED,
    VERIFY_INVALID,
    VERIFY_CRASH,
    VERIFY_STATUS_COUNT
} verify_status;
const char *verify_status_name(verify_status status);

/* What a child sends to its parent. */
typedef struct verify_result {
    verify_status status;
    int32_t portable;
    verify_difference difference;
    double seconds;
    char message[4096];
} verify_result;

typedef struct verify_case {
    const char *path;  /* the folder, or the artifact: as shown */
    const char *model; /* file to compile or open; null: nothing to run there */
} verify_case;

typedef struct verify_options {
    cli_options common;
    verify_tolerance tolerance;
    double case_timeout_s;
    bool dynamic, per_op, json;
    int32_t jobs;
} verify_options;

/* Cases of a path, appended; INGOT_IO when it is missing or holds none. */
ingot_status verify_find(const char *path, ingot_arena *arena, verify_case **io_cases, int32_t *io_n,
                         int32_t *io_capacity);
/* Runs a case; never fails: what happened is in `out`. */
void verify_run_case(const verify_case *c, const verify_options *options, verify_result *out);
#endif
