/* ingot verify: cases in child processes, on all cores, each compared with its expected outputs. */
#include "cli/verify.h"
#include "runtime/threads.h"
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char help[] =
    "usage: ingot verify PATH... [OPTION...]\n\n"
    "Compiles, runs and compares. A PATH is an ONNX test directory (model.onnx and test_data_set_*/input_K.pb, "
    "output_K.pb),\n"
    "a tree of them, or an artifact (.so) with test_data_set_* beside it. Each case has a process of its own.\n\n"
    "  --rtol X          default 1e-3; |got - want| <= atol + atol_scaled * max|want| + rtol * |want|\n"
    "  --atol X          default 1e-7; integers, bools and strings are exact\n"
    "  --atol-scaled X   default 0; with --precision=bf16 0.1, and --rtol 0.01\n"
    "  --max-ulp N       this many representable numbers apart is good too\n"
    "  --dynamic         compile with the model's dynamic sizes, not for the shapes of the inputs\n"
    "  --per-op          name the first op whose result differs from the portable kernels'\n"
    "  --case-timeout S  seconds for a case, default 60; a case over it fails\n"
    "  --jobs N          cases at a time, default: the CPUs of the affinity mask\n"
    "  --json            a line per case, then a summary\n"
    "  --cpu T, -O0..3, --threads N, --no-portable, --exact-conv, --precision=bf16, --no-generated, --cache DIR, "
    "--max-...   as for "
    "`ingot compile`\n\n"
    "Ends with `N passed, N failed, N skipped`; exit code 0 only if all pass or are skipped, else 1.\n";

enum {
    OPTION_RTOL = CLI_OPTION_OWN,
    OPTION_ATOL,
    OPTION_ATOL_SCALED,
    OPTION_MAX_ULP,
    OPTION_DYNAMIC,
    OPTION_PER_OP,
    OPTION_TIMEOUT,
    OPTION_JOBS,
    OPTION_JSON
};

static ingot_status parse(int argc, char **argv, verify_options *o, bool *out_help)
{
    static const struct option options[] = {
        CLI_COMPILE_OPTIONS,
        {"rtol", required_argument, NULL, OPTION_RTOL},
        {"atol", required_argument, NULL, OPTION_ATOL},
        {"atol-scaled", required_argument, NULL, OPTION_ATOL_SCALED},
        {"max-ulp", required_argument, NULL, OPTION_MAX_ULP},
        {"dynamic", no_argument, NULL, OPTION_DYNAMIC},
        {"per-op", no_argument, NULL, OPTION_PER_OP},
        {"case-timeout", required_argument, NULL, OPTION_TIMEOUT},
        {"jobs", required_argument, NULL, OPTION_JOBS},
        {"json", no_argument, NULL, OPTION_JSON},
        {0},
    };
    for (int option; (option = getopt_long(argc, argv, "hO:", options, NULL)) != -1;) {
        bool taken;
        int64_t number;
        INGOT_TRY(cli_options_take(&o->common, option, optarg, &taken));
        if (taken)
            continue;
        switch (option) {
        case 'h':
            *out_help = true;
            return NULL;
        case OPTION_RTOL:
            INGOT_TRY(cli_parse_number(optarg, "--rtol", 0, INFINITY, &o->tolerance.rtol));
            break;
        case OPTION_ATOL:
            INGOT_TRY(cli_parse_number(optarg, "--atol", 0, INFINITY, &o->tolerance.atol));
            break;
        case OPTION_ATOL_SCALED:
            INGOT_TRY(cli_parse_number(optarg, "--atol-scaled", 0, INFINITY, &o->tolerance.atol_scaled));
            break;
        case OPTION_MAX_ULP:
            INGOT_TRY(cli_parse_number(optarg, "--max-ulp", 0, 1e18, &o->tolerance.max_ulp));
            break;
        case OPTION_DYNAMIC:
            o->dynamic = true;
            break;
        case OPTION_PER_OP:
            o->per_op = true;
            break;
        case OPTION_TIMEOUT:
            INGOT_TRY(cli_parse_number(optarg, "--case-timeout", 0.001, 1e6, &o->case_timeout_s));
            break;
        case OPTION_JOBS:
            INGOT_TRY(cli_parse_int(optarg, "--jobs", 1, 4096, &number));
            o->jobs = (int32_t)number;
            break;
        case OPTION_JSON:
            o->json = true;
            break;
        default:
            return cli_bad_option(argc, argv, "verify");
        }
    }
    bool bf16 = o->common.compile.precision == INGOT_PRECISION_BF16;
    if (o->tolerance.rtol < 0)
        o->tolerance.rtol = bf16 ? 1e-2 : 1e-3;
    if (o->tolerance.atol_scaled < 0)
        o->tolerance.atol_scaled = bf16 ? 0.1 : 0;
    return optind == argc ? cli_usage("verify: no path given") : NULL;
}

/* ---- Children ---- */

typedef struct child {
    pid_t pid; /* 0: free */
    int fd;    /* its result comes here */
    int32_t index;
    double begin;
    size_t received;
    verify_result result;
    bool late;
} child;

static ingot_status start(child *c, const verify_case *cases, int32_t index, const verify_options *options)
{
    int ends[2];
    if (pipe(ends))
        return ingot_fail(INGOT_LIMIT, "pipe: %s", strerror(errno));
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        close(ends[0]);
        close(ends[1]);
        return ingot_fail(INGOT_LIMIT, "fork: %s", strerror(errno));
    }
    if (pid == 0) {
        close(ends[0]);
        setpgid(0, 0); /* so that its workers end with it */
        verify_result result;
        memset(&result, 0, sizeof result);
        verify_run_case(&cases[index], options, &result);
        const char *at = (const char *)&result;
        for (size_t left = sizeof result; left > 0;) {
            ssize_t put = write(ends[1], at, left);
            if (put < 0 && errno == EINTR)
                continue;
            if (put <= 0)
                break;
            at += put;
            left -= (size_t)put;
        }
        _exit(0);
    }
    setpgid(pid, pid);
    close(ends[1]);
    *c = (child){.pid = pid, .fd = ends[0], .index = index, .begin = ingot_seconds_now()};
    return NULL;
}

/* Reads what is there; true when the child has said all or is gone. */
static bool receive(child *c)
{
    ssize_t got = read(c->fd, (char *)&c->result + c->received, sizeof c->result - c->received);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return false;
    if (got > 0)
        c->received += (size_t)got;
    return got <= 0 || c->received == sizeof c->result;
}

/* Ends what is left of the child and fills in its result when it sent none. */
static void finish(child *c, const verify_options *options)
{
    bool complete = c->received == sizeof c->result;
    if (!complete && c->late)
        kill(-c->pid, SIGKILL);
    int status = 0;
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
        ;
    kill(-c->pid, SIGKILL); /* workers that outlived it */
    close(c->fd);
    c->pid = 0;
    if (complete)
        return;
    c->result = (verify_result){.portable = -1, .seconds = ingot_seconds_now() - c->begin};
    if (c->late) {
        c->result.status = VERIFY_FAIL;
        snprintf(c->result.message, sizeof c->result.message, "over the time limit of %g s", options->case_timeout_s);
    } else {
        c->result.status = VERIFY_CRASH;
        if (WIFSIGNALED(status))
            snprintf(c->result.message, sizeof c->result.message, "ended by signal %d (%s)", WTERMSIG(status),
                     strsignal(WTERMSIG(status)));
        else
            snprintf(c->result.message, sizeof c->result.message, "ended with exit code %d and no result",
                     WEXITSTATUS(status));
    }
}

/* ---- Lines ---- */

static void print_result(const verify_case *c, const verify_result *r, const verify_options *options)
{
    if (options->json) {
        cJSON *line = cJSON_CreateObject();
        bool compared = r->difference.n_compared > 0;
        cJSON_AddStringToObject(line, "path", c->path);
        cJSON_AddStringToObject(line, "status", verify_status_name(r->status));
        cJSON_AddNumberToObject(line, "outputs", r->difference.n_compared);
        cli_json_number(line, "portable", r->portable >= 0 ? r->portable : NAN);
        cli_json_number(line, "max_abs", compared ? r->difference.max_abs : NAN);
        cli_json_number(line, "max_rel", compared ? r->difference.max_rel : NAN);
        cli_json_number(line, "max_ulp", compared ? r->difference.max_ulp : NAN);
        cli_json_number(line, "max_ulp_scaled", compared ? r->difference.max_ulp_scaled : NAN);
        cli_json_number(line, "seconds", round(r->seconds * 1000) / 1000);
        cJSON_AddStringToObject(line, "message", r->message);
        ingot_status_free(cli_json_print(line, false));
        return;
    }
    printf("%-11s %s", verify_status_name(r->status), c->path);
    if (r->difference.n_compared)
        printf("  max abs %.3g, rel %.3g, ulp %.3g", r->difference.max_abs, r->difference.max_rel,
               r->difference.max_ulp);
    if (r->portable > 0)
        printf("  %d portable", r->portable);
    printf("  %.2f s\n", r->seconds);
    if (*r->message)
        printf("            %s\n", r->message);
    fflush(stdout);
}

static ingot_status print_summary(const int32_t *counts, const verify_options *options)
{
    int32_t failed = 0;
    for (int32_t i = 0; i < VERIFY_STATUS_COUNT; i++)
        failed += i == VERIFY_PASS || i == VERIFY_SKIP ? 0 : counts[i];
    if (options->json) {
        cJSON *root = cJSON_CreateObject(), *summary = cJSON_AddObjectToObject(root, "summary");
        for (int32_t i = 0; i < VERIFY_STATUS_COUNT; i++)
            cJSON_AddNumberToObject(summary, verify_status_name((verify_status)i), counts[i]);
        INGOT_TRY(cli_json_print(root, false));
    } else {
        printf("%d passed, %d failed, %d skipped\n", counts[VERIFY_PASS], failed, counts[VERIFY_SKIP]);
    }
    return failed ? ingot_fail(INGOT_DIFFERS, "%d of the cases did not pass", failed) : NULL;
}

/* ---- The pool ---- */

static double time_left(const child *c, const verify_options *options)
{
    return c->begin + options->case_timeout_s - ingot_seconds_now();
}

static ingot_status run_pool(const verify_case *cases, int32_t n, const verify_options *options, child *children,
                             struct pollfd *polls, int32_t *counts)
{
    int32_t next = 0, running = 0;
    while (next < n || running > 0) {
        for (int32_t i = 0; i < options->jobs && next < n; i++) {
            if (children[i].pid)
                continue;
            INGOT_TRY(start(&children[i], cases, next++, options));
            running++;
        }
        double wait_s = 3600;
        for (int32_t i = 0; i < options->jobs; i++) {
            polls[i] = (struct pollfd){.fd = children[i].pid ? children[i].fd : -1, .events = POLLIN};
            if (children[i].pid && time_left(&children[i], options) < wait_s)
                wait_s = time_left(&children[i], options);
        }
        poll(polls, (nfds_t)options->jobs, wait_s > 0 ? (int)(wait_s * 1000) + 1 : 0);
        for (int32_t i = 0; i < options->jobs; i++) {
            child *c = &children[i];
            if (!c->pid)
                continue;
            bool done = polls[i].revents && receive(c);
            c->late = !done && time_left(c, options) <= 0;
            if (!done && !c->late)
                continue;
            finish(c, options);
            running--;
            counts[c->result.status]++;
            print_result(&cases[c->index], &c->result, options);
        }
    }
    return NULL;
}

static ingot_status run(int argc, char **argv, verify_options *o, ingot_arena *arena)
{
    bool wants_help = false;
    INGOT_TRY(parse(argc, argv, o, &wants_help));
    if (wants_help) {
        fputs(help, stdout);
        return NULL;
    }
    verify_case *cases = NULL;
    int32_t n = 0, capacity = 0, counts[VERIFY_STATUS_COUNT] = {0};
    for (int i = optind; i < argc; i++)
        INGOT_TRY(verify_find(argv[i], arena, &cases, &n, &capacity));
    int32_t cpus = ingot_threads_default_count();
    if (o->jobs == 0)
        o->jobs = cpus;
    if (o->jobs > n)
        o->jobs = n;
    /* As many threads in all as there are CPUs. A case's own process holds what code generation may do to it. */
    if (o->common.threads == 0)
        o->common.threads = o->common.compile.threads = cpus / o->jobs > 1 ? cpus / o->jobs : 1;
    o->common.compile.in_process = o->common.threads == 1;
    o->common.compile.progress = NULL;
    child *children;
    struct pollfd *polls;
    INGOT_TRY(ingot_arena_array(arena, (size_t)o->jobs, sizeof *children, (void **)&children));
    INGOT_TRY(ingot_arena_array(arena, (size_t)o->jobs, sizeof *polls, (void **)&polls));
    ingot_status status = run_pool(cases, n, o, children, polls, counts);
    for (int32_t i = 0; i < o->jobs; i++) {
        if (children[i].pid) {
            children[i].late = true;
            finish(&children[i], o);
        }
    }
    INGOT_TRY(status);
    return print_summary(counts, o);
}

ingot_status cli_verify(int argc, char **argv)
{
    verify_options *o = calloc(1, sizeof *o);
    if (!o)
        return ingot_status_no_memory();
    o->tolerance = (verify_tolerance){.rtol = -1, .atol = 1e-7, .atol_scaled = -1};
    o->case_timeout_s = 60;
    cli_options_init(&o->common);
    ingot_arena arena = {0};
    ingot_status status = run(argc, argv, o, &arena);
    ingot_arena_release(&arena);
    cli_options_free(&o->common);
    free(o);
    return status;
}
