/* Compilation in worker processes: forked from here, fed one line at a time through a socket.
 *
 * Workers are forked without exec, so this process should not be running LLVM on other threads meanwhile (a lock held
 * by one would stay held in the worker). Each answers a line's number with a status and bytes. A worker that dies, runs
 * too long or takes too much memory is a status that names the line; then the others are ended. All children are waited
 * for and all descriptors closed on every way out.
 */
#include "codegen/worker.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_TIMEOUT_S 120.0
#define MAX_WORKERS       64
#define MAX_OBJECT        ((uint64_t)256 << 20)
#define POLL_MS           200 /* how soon cancelling is noticed */

typedef struct answer {
    int32_t line;
    int32_t code;  /* ingot_code */
    uint64_t size; /* bytes that follow: the object, or the message */
} answer;

typedef struct worker {
    pid_t pid; /* 0: none */
    int fd;
    int32_t line; /* being compiled; -1: idle */
    double deadline;
} worker;

typedef struct pool {
    const char *const *lines;
    int32_t n, next, done, count;
    const ingot_codegen_options *options;
    ingot_arena *arena;
    ingot_object *out;
    worker workers[MAX_WORKERS];
} pool;

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool send_all(int fd, const void *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t n = send(fd, (const char *)data + at, size - at, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

/* False at the end of the stream, on an error, or when `deadline` (0: none) passes. */
static bool receive_all(int fd, void *data, size_t size, double deadline)
{
    for (size_t at = 0; at < size;) {
        if (deadline > 0) {
            double left = deadline - now_s();
            struct pollfd p = {.fd = fd, .events = POLLIN};
            int ready = left > 0 ? poll(&p, 1, (int)(left * 1000) + 1) : 0;
            if (ready < 0 && errno == EINTR)
                continue;
            if (ready <= 0)
                return false;
        }
        ssize_t n = recv(fd, (char *)data + at, size - at, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

/* ---- In the worker ---- */

static void serve(int fd, const pool *p)
{
    int32_t line;
    while (receive_all(fd, &line, sizeof line, 0) && line >= 0 && line < p->n) {
        ingot_text object = {0};
        ingot_status status = ingot_compile_line(p->lines[line], p->options, &object);
        const char *message = ingot_status_message(status);
        answer a = {
            .line = line, .code = (int32_t)ingot_status_code(status), .size = status ? strlen(message) : object.size};
        bool sent = send_all(fd, &a, sizeof a) && send_all(fd, status ? message : object.data, (size_t)a.size);
        ingot_status_free(status);
        ingot_text_free(&object);
        if (!sent)
            break;
    }
}

static _Noreturn void worker_main(int fd, const pool *p, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    for (int32_t i = 0; i < p->count; i++) /* descriptors of older workers: their ends must be theirs alone */
        if (p->workers[i].pid)
            close(p->workers[i].fd);
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        signal(signals[i], SIG_DFL); /* the caller's handlers are not for us */
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    if (p->options->max_memory > 0) {
        struct rlimit memory = {(rlim_t)p->options->max_memory, (rlim_t)p->options->max_memory};
        setrlimit(RLIMIT_AS, &memory);
    }
    serve(fd, p);
    _exit(0); /* no exit handlers of the parent */
}

/* ---- In the parent ---- */

static ingot_status start(pool *p, worker *w)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
        return ingot_fail(INGOT_LIMIT, "cannot make a socket for a compile worker: %s", strerror(errno));
    pid_t parent = getpid(), pid = fork();
    if (pid < 0) {
        close(fds[0]);
        close(fds[1]);
        return ingot_fail(INGOT_LIMIT, "cannot start a compile worker: %s", strerror(errno));
    }
    if (pid == 0) {
        close(fds[0]);
        worker_main(fds[1], p, parent);
    }
    close(fds[1]);
    *w = (worker){.pid = pid, .fd = fds[0], .line = -1};
    return NULL;
}

/* Ends a worker and says how it ended ("" when well). */
static void stop(worker *w, bool kill_it, char *how, size_t room)
{
    int state = 0;
    if (!w->pid)
        return;
    if (kill_it)
        kill(w->pid, SIGKILL);
    close(w->fd);
    while (waitpid(w->pid, &state, 0) < 0 && errno == EINTR)
        ;
    w->pid = 0;
    if (!how)
        return;
    how[0] = '\0';
    if (WIFSIGNALED(state))
        snprintf(how, room, "signal %d (%s)", WTERMSIG(state), strsignal(WTERMSIG(state)));
    else if (WIFEXITED(state) && WEXITSTATUS(state) != 0)
        snprintf(how, room, "exit status %d", WEXITSTATUS(state));
}

static double timeout_of(const pool *p)
{
    return p->options->timeout_s > 0 ? p->options->timeout_s : DEFAULT_TIMEOUT_S;
}

/* Next line to an idle worker; none left: the end of its input. */
static void feed(pool *p, worker *w)
{
    w->line = -1;
    if (p->next >= p->n) {
        shutdown(w->fd, SHUT_WR);
        return;
    }
    int32_t line = p->next++;
    w->line = line;
    w->deadline = now_s() + timeout_of(p);
    send_all(w->fd, &line, sizeof line); /* if it has died, reading will tell */
}

static ingot_status died(pool *p, worker *w, bool late)
{
    char how[96];
    int32_t line = w->line;
    stop(w, true, how, sizeof how);
    if (late)
        return ingot_fail(INGOT_LIMIT, "compiling '%s' took more than %g s", p->lines[line], timeout_of(p));
    return ingot_fail(INGOT_INTERNAL, "the compile worker died (%s%s) on '%s'", how[0] ? how : "no status",
                      p->options->max_memory > 0 ? "; it has a memory limit" : "", p->lines[line]);
}

/* One answer of a worker that is ready. */
static ingot_status take(pool *p, worker *w)
{
    answer a;
    void *data = NULL;
    bool ok = receive_all(w->fd, &a, sizeof a, w->deadline) && a.line == w->line && a.size <= MAX_OBJECT;
    if (ok)
        INGOT_TRY(ingot_arena_array(p->arena, (size_t)a.size + 1, 1, &data));
    if (!ok || !receive_all(w->fd, data, (size_t)a.size, w->deadline))
        return died(p, w, now_s() >= w->deadline);
    if (a.code != INGOT_OK)
        return ingot_fail((ingot_code)a.code, "%s", (const char *)data);
    p->out[a.line] = (ingot_object){data, (size_t)a.size};
    p->done++;
    if (p->options->progress)
        p->options->progress(p->options->progress_arg, p->done, p->n);
    feed(p, w);
    return NULL;
}

static ingot_status run(pool *p)
{
    for (int32_t i = 0; i < p->count; i++) {
        INGOT_TRY(start(p, &p->workers[i]));
        feed(p, &p->workers[i]);
    }
    while (p->done < p->n) {
        struct pollfd fds[MAX_WORKERS];
        int32_t who[MAX_WORKERS], n = 0;
        double wait = POLL_MS / 1000.0, now = now_s();
        if (p->options->cancelled)
            INGOT_TRY(p->options->cancelled(p->options->cancel_arg));
        for (int32_t i = 0; i < p->count; i++) {
            worker *w = &p->workers[i];
            if (!w->pid || w->line < 0)
                continue;
            if (now >= w->deadline)
                return died(p, w, true);
            wait = w->deadline - now < wait ? w->deadline - now : wait;
            who[n] = i;
            fds[n++] = (struct pollfd){.fd = w->fd, .events = POLLIN};
        }
        int ready = poll(fds, (nfds_t)n, (int)(wait * 1000) + 1);
        for (int32_t i = 0; i < n && ready > 0; i++)
            if (fds[i].revents)
                INGOT_TRY(take(p, &p->workers[who[i]]));
    }
    return NULL;
}

ingot_status ingot_compile_with_workers(const char *const *lines, int32_t n, int32_t workers,
                                        const ingot_codegen_options *options, ingot_arena *arena, ingot_object *out)
{
    pool *p = calloc(1, sizeof *p);
    if (!p)
        return ingot_status_no_memory();
    *p = (pool){.lines = lines,
                .n = n,
                .count = workers < 1             ? 1
                         : workers > MAX_WORKERS ? MAX_WORKERS
                                                 : workers,
                .options = options,
                .arena = arena,
                .out = out};
    ingot_status status = run(p);
    for (int32_t i = 0; i < p->count; i++)
        stop(&p->workers[i], status != NULL, NULL, 0);
    free(p);
    return status;
}
