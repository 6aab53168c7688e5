/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* worker.h: what the workers share. A worker is one process on one libc that lives as
 * long as a measurement; pairs.py tells it on stdin what to do and how often, and reads
 * one line for each: numbers, or "- " and why not. In between it sleeps, so that workers
 * of several libcs take turns on one CPU. */
#ifndef WORKER_H
#define WORKER_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static inline double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e9 + now.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median, because a single interruption by another process must not count. */
static inline double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare_doubles);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* How often to do a thing unmeasured first: the worker before has left its own in the
 * caches. */
static inline long warm_up(long count) { return 1 + count / 8; }

/* A system call that touches no errno: for children that have borrowed the memory and
 * for threads without a libc. */
static inline long raw_syscall(long number, long a, long b, long c, long d)
{
#if defined __x86_64__
    long result;
    register long r10 __asm__("r10") = d;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "rcx", "r11", "memory");
    return result;
#elif defined __aarch64__
    register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c, x3 __asm__("x3") = d;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
#else
#error "system calls of this architecture"
#endif
}

/* Answers commands until stdin ends. `command` prints the numbers and returns NULL, or
 * returns why there are none. */
static inline int serve(const char *(*command)(char *words[], int count))
{
    char line[256];
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        char *words[8];
        int count = 0;
        for (char *word = strtok(line, " \n"); word && count < 8; word = strtok(NULL, " \n"))
            words[count++] = word;
        const char *why = command(words, count);
        if (why)
            printf("- %s", why);
        puts("");
        fflush(stdout);
    }
    return 0;
}

#endif
