/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* bare-threads.h: common code of tests of bare threads. Their threads call system calls
 * and clone3_thread_*() only. */
#ifndef BARE_THREADS_H
#define BARE_THREADS_H

#include "tap.h"
#include <clone3.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>

typedef void *start_fn(void *);

/* pthread_self() and its like are the libc's; these are the kernel's. */
static inline pid_t kernel_tid(void) { return syscall(SYS_gettid); }

static inline void *returns(void *argument) { return argument; }

static volatile int go_on;

/* Sleeps until go_on is set; answers how often it woke. */
static inline void *waits(void *argument)
{
    while (!go_on)
        usleep(1000);
    return argument;
}

static inline int64_t now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

/* The value of a thread with these attributes that runs start, or the error number
 * as a small negative one. */
static inline long run_thread(const clone3_thread_attr_t *attr, start_fn *start, void *argument)
{
    clone3_thread_t thread;
    void *value = NULL;
    int error = clone3_thread_create(&thread, attr, start, argument);
    if (!error)
        error = clone3_thread_join(thread, &value);
    return error ? -error : (long)value;
}

static inline clone3_thread_attr_t defaults(void)
{
    clone3_thread_attr_t attr;
    if (clone3_thread_attr_init(&attr, sizeof attr))
        abort();
    return attr;
}

/* Whether the libc can make threads: glibc gives up where clone3 answers EPERM. */
static inline int has_pthreads(void)
{
    pthread_t thread;
    return pthread_create(&thread, NULL, returns, NULL) == 0 && pthread_join(thread, NULL) == 0;
}

/* Whether the kernel gives pidfds of threads (6.9); the emulator never does. */
static inline int has_thread_pidfd(void)
{
    int fd = emulated() ? -1 : (int)syscall(434 /* pidfd_open */, kernel_tid(), O_EXCL);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

#endif
