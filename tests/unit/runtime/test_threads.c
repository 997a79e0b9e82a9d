/* The pool of threads does every part once, from any number of callers, nested or not. */
#include "runtime/threads.h"
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define PARTS 100

static _Atomic int32_t done[PARTS];

static void mark(void *arg, int32_t i)
{
    (void)arg;
    atomic_fetch_add(&done[i], 1);
}

static void expect_all(int32_t times)
{
    for (int32_t i = 0; i < PARTS; i++)
        cr_assert_eq(atomic_load(&done[i]), times, "part %d was done %d times", (int)i, (int)atomic_load(&done[i]));
}

Test(threads, every_part_is_done_once_in_many_loops)
{
    for (int32_t count = 1; count <= 4; count++) {
        ingot_threads *threads;
        cr_assert_null(ingot_threads_create(count, &threads));
        cr_assert_eq(threads != NULL, count > 1);
        for (int i = 0; i < PARTS; i++)
            atomic_store(&done[i], 0);
        for (int32_t round = 1; round <= 300; round++) {
            ingot_threads_for(threads, PARTS, mark, NULL);
            if (round % 100 == 0)
                usleep(200); /* so that workers fall asleep */
        }
        expect_all(300);
        ingot_threads_for(threads, 0, mark, NULL);
        ingot_threads_destroy(threads);
    }
}

static void nested(void *arg, int32_t i)
{
    (void)i;
    ingot_threads_for(arg, PARTS, mark, NULL);
}

Test(threads, loops_inside_loops_are_done_by_their_caller)
{
    ingot_threads *threads;
    cr_assert_null(ingot_threads_create(3, &threads));
    ingot_threads_for(threads, 7, nested, threads);
    expect_all(7);
    ingot_threads_destroy(threads);
}

static void *second_caller(void *arg)
{
    for (int round = 0; round < 100; round++)
        ingot_threads_for(arg, PARTS, mark, NULL);
    return NULL;
}

Test(threads, two_callers_do_not_disturb_each_other)
{
    ingot_threads *threads;
    pthread_t other;
    cr_assert_null(ingot_threads_create(2, &threads));
    cr_assert_eq(pthread_create(&other, NULL, second_caller, threads), 0);
    second_caller(threads);
    pthread_join(other, NULL);
    expect_all(200);
    ingot_threads_destroy(threads);
}

static void add(void *arg, int32_t i)
{
    ((int64_t *)arg)[i]++; /* plain memory: the thread sanitizer sees whether loops order it */
}

Test(threads, results_are_visible_to_the_caller)
{
    ingot_threads *threads;
    int64_t values[16] = {0}, sum = 0;
    cr_assert_null(ingot_threads_create(4, &threads));
    for (int round = 0; round < 500; round++) {
        ingot_threads_for(threads, 16, add, values);
        sum += values[round % 16];
    }
    cr_assert_eq(sum, 500 * 501 / 2);
    ingot_threads_destroy(threads);
}

Test(threads, there_is_at_least_one_cpu)
{
    cr_assert_geq(ingot_threads_default_count(), 1);
    ingot_threads_destroy(NULL);
    ingot_threads_for(NULL, PARTS, mark, NULL);
    expect_all(1);
}
