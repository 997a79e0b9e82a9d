/* A stand-in for Criterion under the thread sanitizer, whose fixed address layout leaves no room for the arena that
 * Criterion shares with its workers. Same spelling, so that one test source serves both:
 *
 *     Test(suite, name, .init = setup) { cr_assert_eq(f(2), 4, "f(2) is %d", f(2)); }
 *
 * Each test runs in a forked child. Supported: Test with .init, .fini, .disabled, .signal, .exit_code; TestSuite
 * (ignored); the cr_assert and cr_expect families below. main is here too: one such source makes one program.
 */
#ifndef INGOT_TSAN_CRITERION_H
#define INGOT_TSAN_CRITERION_H

#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct standin_test {
    const char *suite, *name;
    void (*run)(void);
    struct standin_test *next;
    struct {
        int dummy; /* so that an empty option list is a valid initializer */
        void (*init)(void), (*fini)(void);
        bool disabled;
        int signal, exit_code;
        double timeout;
        const char *description;
    } options;
};

static struct standin_test *standin_first, **standin_last = &standin_first;
static int standin_failures;

static void standin_add(struct standin_test *test)
{
    *standin_last = test;
    standin_last = &test->next;
}

#define Test(suite_, name_, ...)                                                                                     \
    static void standin_run_##suite_##_##name_(void);                                                                \
    __attribute__((constructor)) static void standin_add_##suite_##_##name_(void)                                    \
    {                                                                                                                \
        static struct standin_test test = {                                                                          \
            .suite = #suite_, .name = #name_, .run = standin_run_##suite_##_##name_, .options = {0, ##__VA_ARGS__}}; \
        standin_add(&test);                                                                                          \
    }                                                                                                                \
    static void standin_run_##suite_##_##name_(void)
#define TestSuite(...) struct standin_test

__attribute__((format(printf, 6, 7))) static inline void standin_check(bool ok, bool fatal, const char *what,
                                                                       const char *file, int line, const char *format,
                                                                       ...)
{
    if (ok)
        return;
    standin_failures++;
    fprintf(stderr, "%s:%d: failed: %s. ", file, line, what);
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    if (fatal)
        _exit(99);
}

#define standin(fatal, cond, what, ...) standin_check((cond), fatal, what, __FILE__, __LINE__, " " __VA_ARGS__)
#define standin_str(a, b, op)           (strcmp((a), (b)) op 0)
#define standin_near(a, b, eps)         (fabs((double)(a) - (double)(b)) <= (double)(eps))

#define cr_assert(c, ...)                standin(true, (c), #c, __VA_ARGS__)
#define cr_assert_not(c, ...)            standin(true, !(c), "not " #c, __VA_ARGS__)
#define cr_assert_eq(a, b, ...)          standin(true, (a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...)         standin(true, (a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...)          standin(true, (a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...)         standin(true, (a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...)          standin(true, (a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...)         standin(true, (a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_assert_null(p, ...)           standin(true, (p) == NULL, #p " is null", __VA_ARGS__)
#define cr_assert_not_null(p, ...)       standin(true, (p) != NULL, #p " is not null", __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...)      standin(true, standin_str(a, b, ==), #a " equals " #b, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...)     standin(true, standin_str(a, b, !=), #a " differs from " #b, __VA_ARGS__)
#define cr_assert_arr_eq(a, b, n, ...)   standin(true, !memcmp((a), (b), (n)), #a " equals " #b, __VA_ARGS__)
#define cr_assert_float_eq(a, b, e, ...) standin(true, standin_near(a, b, e), #a " is near " #b, __VA_ARGS__)
#define cr_assert_fail(...)              standin(true, false, "reached", __VA_ARGS__)

#define cr_expect(c, ...)                standin(false, (c), #c, __VA_ARGS__)
#define cr_expect_not(c, ...)            standin(false, !(c), "not " #c, __VA_ARGS__)
#define cr_expect_eq(a, b, ...)          standin(false, (a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_expect_neq(a, b, ...)         standin(false, (a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_expect_lt(a, b, ...)          standin(false, (a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_expect_leq(a, b, ...)         standin(false, (a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_expect_gt(a, b, ...)          standin(false, (a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_expect_geq(a, b, ...)         standin(false, (a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_expect_null(p, ...)           standin(false, (p) == NULL, #p " is null", __VA_ARGS__)
#define cr_expect_not_null(p, ...)       standin(false, (p) != NULL, #p " is not null", __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...)      standin(false, standin_str(a, b, ==), #a " equals " #b, __VA_ARGS__)
#define cr_expect_str_neq(a, b, ...)     standin(false, standin_str(a, b, !=), #a " differs from " #b, __VA_ARGS__)
#define cr_expect_arr_eq(a, b, n, ...)   standin(false, !memcmp((a), (b), (n)), #a " equals " #b, __VA_ARGS__)
#define cr_expect_float_eq(a, b, e, ...) standin(false, standin_near(a, b, e), #a " is near " #b, __VA_ARGS__)
#define cr_expect_fail(...)              standin(false, false, "reached", __VA_ARGS__)
#define cr_fail(...)                     cr_expect_fail(__VA_ARGS__)
#define cr_log_info(...)                 ((void)0)
#define cr_skip_test(...)                _exit(0)
#define cr_skip(...)                     _exit(0)

static bool standin_passes(const struct standin_test *test)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (test->options.init)
            test->options.init();
        test->run();
        if (test->options.fini)
            test->options.fini();
        fflush(NULL);
        exit(standin_failures ? 99 : 0);
    }
    int state = 0;
    if (child < 0 || waitpid(child, &state, 0) != child)
        return false;
    if (test->options.signal)
        return WIFSIGNALED(state) && WTERMSIG(state) == test->options.signal;
    return WIFEXITED(state) && WEXITSTATUS(state) == test->options.exit_code;
}

int main(void)
{
    int tested = 0, failing = 0;
    for (const struct standin_test *test = standin_first; test; test = test->next) {
        if (test->options.disabled)
            continue;
        tested++;
        if (!standin_passes(test)) {
            failing++;
            fprintf(stderr, "[FAIL] %s::%s\n", test->suite, test->name);
        }
    }
    printf("[====] Synthesis: Tested: %d | Passing: %d | Failing: %d | Crashing: 0\n", tested, tested - failing,
           failing);
    return failing > 0;
}

#endif
