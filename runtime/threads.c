/* The pool of threads: one loop at a time, parts claimed with one compare-and-swap each, futexes for sleeping.
 *
 * `ticket` holds (loop number << 32 | next part). A loop's fields are written before its ticket is published, and not
 * again until all its parts are done, so whoever moves the ticket from (g, i) to (g, i + 1) has read the fields of loop
 * g: no lock is needed. */
#include "runtime/threads.h"
#include "runtime/arena.h"
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define STACK_BYTES ((size_t)8 << 20) /* kernels keep tiles on the stack */
#define SPIN_NS     10000             /* how long to look for work before sleeping */
#define MAX_THREADS 1024

typedef void loop_body(void *arg, int32_t i);

struct ingot_threads {
    _Atomic(loop_body *) body; /* the running loop */
    _Atomic(void *) arg;
    _Atomic int32_t count;
    _Alignas(64) _Atomic uint64_t ticket;
    _Alignas(64) _Atomic uint32_t generation; /* workers sleep on it; number of the last loop */
    _Atomic int32_t sleepers;
    _Atomic uint32_t stopping;
    _Alignas(64) _Atomic uint32_t remaining; /* parts not done; the caller sleeps on it */
    _Atomic uint32_t caller_sleeps;
    atomic_flag busy;
    int32_t n_workers;
    pid_t owner; /* a forked child has no workers */
    pthread_t *workers;
    ingot_arena arena;
};

static void futex_wait(_Atomic uint32_t *word, uint32_t value)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word, int32_t count)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

static void pause_cpu(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Waits a little for *word to leave `value`. */
static bool spin_while(_Atomic uint32_t *word, uint32_t value)
{
    int64_t end = now_ns() + SPIN_NS;
    do {
        for (int i = 0; i < 32; i++) {
            if (atomic_load(word) != value)
                return true;
            pause_cpu();
        }
    } while (now_ns() < end);
    return false;
}

/* Claims and does parts of loop `generation` until none are left. */
static void work(ingot_threads *t, uint32_t generation)
{
    uint64_t ticket = atomic_load(&t->ticket);
    while ((uint32_t)(ticket >> 32) == generation) {
        loop_body *body = atomic_load(&t->body);
        void *arg = atomic_load(&t->arg);
        int32_t part = (int32_t)(uint32_t)ticket;
        if (part >= atomic_load(&t->count))
            return;
        if (!atomic_compare_exchange_weak(&t->ticket, &ticket, ticket + 1))
            continue;
        body(arg, part);
        if (atomic_fetch_sub(&t->remaining, 1) == 1 && atomic_load(&t->caller_sleeps))
            futex_wake(&t->remaining, 1);
        ticket = atomic_load(&t->ticket);
    }
}

static void *worker_main(void *arg)
{
    ingot_threads *t = arg;
    uint32_t seen = 0;
    for (;;) {
        if (atomic_load(&t->generation) == seen && !spin_while(&t->generation, seen)) {
            atomic_fetch_add(&t->sleepers, 1);
            while (atomic_load(&t->generation) == seen)
                futex_wait(&t->generation, seen);
            atomic_fetch_sub(&t->sleepers, 1);
        }
        if (atomic_load(&t->stopping))
            return NULL;
        seen = atomic_load(&t->generation);
        work(t, seen);
    }
}

void ingot_threads_for(void *pool, int32_t count, void (*body)(void *arg, int32_t i), void *arg)
{
    ingot_threads *t = pool;
    if (!t || count <= 1 || atomic_flag_test_and_set(&t->busy)) {
        for (int32_t i = 0; i < count; i++)
            body(arg, i);
        return;
    }
    uint32_t generation = atomic_load(&t->generation) + 1;
    atomic_store(&t->body, body);
    atomic_store(&t->arg, arg);
    atomic_store(&t->count, count);
    atomic_store(&t->remaining, (uint32_t)count);
    atomic_store(&t->ticket, (uint64_t)generation << 32);
    atomic_store(&t->generation, generation);
    if (atomic_load(&t->sleepers) > 0)
        futex_wake(&t->generation, count - 1);
    work(t, generation);
    uint32_t left = atomic_load(&t->remaining);
    while (left) {
        if (!spin_while(&t->remaining, left)) {
            atomic_store(&t->caller_sleeps, 1);
            left = atomic_load(&t->remaining);
            if (left)
                futex_wait(&t->remaining, left);
            atomic_store(&t->caller_sleeps, 0);
        }
        left = atomic_load(&t->remaining);
    }
    atomic_flag_clear(&t->busy);
}

int32_t ingot_threads_default_count(void)
{
    cpu_set_t set;
    if (!sched_getaffinity(0, sizeof set, &set))
        return CPU_COUNT(&set) > 0 ? CPU_COUNT(&set) : 1;
    long online = sysconf(_SC_NPROCESSORS_ONLN); /* more CPUs than the mask type holds */
    return online < 1 ? 1 : online > MAX_THREADS ? MAX_THREADS : (int32_t)online;
}

/* Starts workers with all signals blocked: handlers belong to the program's own threads. */
static void start_workers(ingot_threads *t, int32_t wanted)
{
    pthread_attr_t attr;
    if (pthread_attr_init(&attr))
        return;
    sigset_t all, old;
    sigfillset(&all);
    if (!pthread_attr_setstacksize(&attr, STACK_BYTES) && !pthread_sigmask(SIG_BLOCK, &all, &old)) {
        while (t->n_workers < wanted && !pthread_create(&t->workers[t->n_workers], &attr, worker_main, t))
            t->n_workers++;
        pthread_sigmask(SIG_SETMASK, &old, NULL);
    }
    pthread_attr_destroy(&attr);
}

ingot_status ingot_threads_create(int32_t count, ingot_threads **out)
{
    *out = NULL;
    if (count <= 1)
        return NULL;
    if (count > MAX_THREADS)
        count = MAX_THREADS;
    ingot_arena arena = {0};
    char *memory = ingot_arena_alloc(&arena, sizeof(ingot_threads) + 64, 1);
    pthread_t *workers = ingot_arena_alloc(&arena, (size_t)count, sizeof *workers);
    if (!memory || !workers) {
        ingot_arena_release(&arena);
        return ingot_status_no_memory();
    }
    ingot_threads *t = (ingot_threads *)(memory + (64 - (uintptr_t)memory % 64) % 64);
    t->arena = arena;
    t->workers = workers;
    t->owner = getpid();
    atomic_flag_clear(&t->busy);
    start_workers(t, count - 1);
    *out = t;
    return NULL;
}

void ingot_threads_destroy(ingot_threads *threads)
{
    if (!threads)
        return;
    if (getpid() == threads->owner) {
        atomic_store(&threads->stopping, 1);
        atomic_fetch_add(&threads->generation, 1);
        futex_wake(&threads->generation, INT_MAX);
        for (int32_t i = 0; i < threads->n_workers; i++)
            pthread_join(threads->workers[i], NULL);
    }
    ingot_arena arena = threads->arena;
    ingot_arena_release(&arena);
}
