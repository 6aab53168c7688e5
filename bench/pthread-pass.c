/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* pthread-pass PAIRS: what it costs that pthread_create and thrd_create come to
 * the library, which passes them on. Run under the preload: each pair makes one
 * thread through the library and one by the libc's own function, in turns, so
 * that what else the machine does falls on both alike. Prints the medians of
 * create and join in nanoseconds, their ratio, and the same of the libc's
 * function against itself (A/A). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>

static void *nothing(void *argument) { return argument; }
static int zero(void *argument) { return argument != NULL; }

typedef int create_fn(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
typedef int thrd_create_fn(thrd_t *, thrd_start_t, void *);

static double by_pthread(void *function)
{
    struct timespec start, end;
    pthread_t thread;
    clock_gettime(CLOCK_MONOTONIC, &start);
    if (((create_fn *)function)(&thread, NULL, nothing, NULL) != 0 || pthread_join(thread, NULL) != 0)
        abort();
    clock_gettime(CLOCK_MONOTONIC, &end);
    return (end.tv_sec - start.tv_sec) * 1e9 + (end.tv_nsec - start.tv_nsec);
}

static double by_thrd(void *function)
{
    struct timespec start, end;
    thrd_t thread;
    clock_gettime(CLOCK_MONOTONIC, &start);
    if (((thrd_create_fn *)function)(&thread, zero, NULL) != thrd_success || thrd_join(thread, NULL) != thrd_success)
        abort();
    clock_gettime(CLOCK_MONOTONIC, &end);
    return (end.tv_sec - start.tv_sec) * 1e9 + (end.tv_nsec - start.tv_nsec);
}

static int compare(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static double median(double *values, long count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
    return values[count / 2];
}

static void race(const char *name, double (*run)(void *), void *passed, void *own, long pairs)
{
    double *time[3];
    if (!own || own == passed) {
        fprintf(stderr, "pthread-pass: %s: not under the preload\n", name);
        exit(125);
    }
    for (int i = 0; i < 3; i++)
        time[i] = malloc((size_t)pairs * sizeof **time);
    for (long n = 0; n < pairs; n++)
        for (int i = 0; i < 3; i++) {
            int which = (int)((i + n) % 3); /* each comes after each */
            time[which][n] = run(which == 0 ? passed : own);
        }
    double ours = median(time[0], pairs), a = median(time[1], pairs), b = median(time[2], pairs);
    printf("%-16s %10.0f %10.3f %8.3f\n", name, a, ours / a, b / a);
}

int main(int argc, char **argv)
{
    long pairs = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
#ifdef __GLIBC__
    void *libc = dlopen("libc.so.6", RTLD_NOW); /* from 2.34 on */
#else
    void *libc = dlopen("libc.so", RTLD_NOW);
#endif
    if (pairs <= 0 || !libc) {
        fprintf(stderr, "usage: pthread-pass PAIRS\n");
        return 125;
    }
    race("pthread_create", by_pthread, (void *)pthread_create, dlsym(libc, "pthread_create"), pairs);
    race("thrd_create", by_thrd, (void *)thrd_create, dlsym(libc, "thrd_create"), pairs);
    return 0;
}
