/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* checks.h: what a C library must be able to do in a child, and a loop that checks it
 * in the children of every maker. */
#ifndef CHECKS_H
#define CHECKS_H

#include "makers.h"
#include <pthread.h>
#include <sched.h>

/* Ends a check with a number by which to find it. */
#define NEED(number, condition)                                                \
    do {                                                                       \
        if (!(condition))                                                      \
            return number;                                                     \
    } while (0)

struct check {
    const char *name;
    const char *without;    /* why it cannot be tried here, or NULL */
    void (*before)(void);   /* in the parent */
    int (*child)(void);     /* 0 or the number of what failed */
    int (*after)(void);     /* in the parent, as the child */
};

static pthread_mutex_t *shared; /* two */

static void make_mutex(pthread_mutex_t *mutex, int type, int robust, int pshared)
{
    pthread_mutexattr_t kind;
    memset(mutex, 0, sizeof *mutex);
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, type);
    pthread_mutexattr_setrobust(&kind, robust);
    pthread_mutexattr_setpshared(&kind, pshared);
    if (pthread_mutex_init(mutex, &kind))
        abort();
}

static void nothing_before(void) {}
static int nothing_after(void) { return 0; }

/* Both libcs keep the owner's id in a word of the mutex. */
static int is_owned_by(const pthread_mutex_t *mutex, pid_t tid)
{
    int words[sizeof *mutex / sizeof(int)];
    memcpy(words, mutex, sizeof words);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i] == tid)
            return 1;
    return 0;
}

static int owns_what_it_locks(void)
{
    pthread_mutex_t checked, recursive;
    make_mutex(&checked, PTHREAD_MUTEX_ERRORCHECK, 0, 0);
    NEED(1, pthread_mutex_lock(&checked) == 0);
    NEED(2, is_owned_by(&checked, kernel_tid()));
    NEED(3, pthread_mutex_lock(&checked) == EDEADLK);
    NEED(4, pthread_mutex_unlock(&checked) == 0);
    NEED(5, pthread_mutex_unlock(&checked) == EPERM);
    make_mutex(&recursive, PTHREAD_MUTEX_RECURSIVE, 0, 0);
    NEED(6, pthread_mutex_lock(&recursive) == 0);
    NEED(7, is_owned_by(&recursive, kernel_tid()));
    NEED(8, pthread_mutex_trylock(&recursive) == 0);
    NEED(9, pthread_mutex_unlock(&recursive) == 0);
    NEED(10, pthread_mutex_unlock(&recursive) == 0);
    NEED(11, pthread_mutex_unlock(&recursive) == EPERM);
    return 0;
}

static void make_robust(void)
{
    make_mutex(shared, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_SHARED);
    /* The parent uses its robust list too, as a libc may only then do. */
    pthread_mutex_lock(shared);
    pthread_mutex_unlock(shared);
}

static int dies_with_robust(void)
{
    NEED(1, pthread_mutex_lock(shared) == 0);
    return 0;
}

static int inherits_robust(void)
{
    NEED(1, pthread_mutex_trylock(shared) == EOWNERDEAD);
    NEED(2, pthread_mutex_consistent(shared) == 0);
    NEED(3, pthread_mutex_unlock(shared) == 0);
    return 0;
}

static volatile sig_atomic_t signals, last_value;

static void on_signal(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    signals++;
    last_value = info->si_value.sival_int;
}

static void expect_signals(void)
{
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };
    sigaction(SIGUSR1, &action, NULL);
    signals = 0;
}

static int signals_itself(void)
{
    NEED(1, pthread_kill(pthread_self(), SIGUSR1) == 0);
    NEED(2, signals == 1);
#ifdef __GLIBC__ /* musl has no pthread_sigqueue */
    NEED(3, pthread_sigqueue(pthread_self(), SIGUSR1, (union sigval){ .sival_int = 5 }) == 0);
    NEED(4, signals == 2 && last_value == 5);
#endif
    return 0;
}

static int was_not_signalled(void)
{
    NEED(1, signals == 0);
    return 0;
}

static void *returns_its_argument(void *argument) { return argument; }

/* The libc may keep more than the join waiting: musl has the kernel release
 * the lock of its list of threads when a thread has gone. */
static void *joins_main(void *main_thread)
{
    void *value;
    pthread_t another;
    if (pthread_join(*(pthread_t *)main_thread, &value) || value != &signals)
        _exit(2);
    if (pthread_create(&another, NULL, returns_its_argument, &value))
        _exit(3);
    if (pthread_join(another, &value) || value != &value)
        _exit(4);
    _exit(0);
}

static int lets_main_be_joined(void)
{
    static pthread_t main_thread, thread;
    main_thread = pthread_self();
    NEED(1, pthread_create(&thread, NULL, joins_main, &main_thread) == 0);
    pthread_exit((void *)&signals);
}

/* A child_fn. */
static int within_time(void *check)
{
    limit_child(5);
    return ((struct check *)check)->child();
}

static void run_checks(const struct check *checks, size_t count, const char *where)
{
    for (const struct check *check = checks; check < checks + count; check++)
        for EACH_MAKER(maker) {
            char name[160];
            snprintf(name, sizeof name, "%s%s: %s", where, maker->name, check->name);
            if (check->without) {
                skip(name, check->without);
                continue;
            }
            check->before();
            pid_t pid = maker->make(within_time, (void *)check);
            int child = status_of(pid), parent = check->after();
            if (!ok(child == 0 && parent == 0, "%s", name))
                printf("# number %d in the child, %d in the parent\n", child, parent);
        }
}

#endif
