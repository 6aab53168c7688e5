/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What fails in a child whose C library still has the parent's state, one symptom at a
 * time, for every function that creates a child.
 *
 * Each assertion fails on glibc if the library repairs nothing.
 */
#define _GNU_SOURCE
#include "checks.h"
#include <time.h>

static void hold_recursive(void)
{
    make_mutex(shared, PTHREAD_MUTEX_RECURSIVE, 0, PTHREAD_PROCESS_SHARED);
    pthread_mutex_lock(shared);
}

static int cannot_take_recursive(void)
{
    NEED(1, pthread_mutex_trylock(shared) == EBUSY);
    return 0;
}

static void hold_checked(void)
{
    make_mutex(shared, PTHREAD_MUTEX_ERRORCHECK, 0, PTHREAD_PROCESS_SHARED);
    pthread_mutex_lock(shared);
}

static int cannot_unlock(void)
{
    NEED(1, pthread_mutex_unlock(shared) == EPERM);
    NEED(2, pthread_mutex_trylock(shared) == EBUSY);
    return 0;
}

static int still_holds(void)
{
    NEED(1, pthread_mutex_unlock(shared) == 0);
    return 0;
}

static cpu_set_t all_cpus, one_cpu;

static void note_scheduling(void)
{
    syscall(SYS_sched_getaffinity, 0, sizeof all_cpus, &all_cpus);
    CPU_ZERO(&one_cpu);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &all_cpus)) {
            CPU_ZERO(&one_cpu);
            CPU_SET(cpu, &one_cpu);
        }
}

static int reschedules_itself(void)
{
    cpu_set_t cpus;
    struct sched_param priority = { .sched_priority = 0 };
    NEED(1, pthread_setaffinity_np(pthread_self(), sizeof one_cpu, &one_cpu) == 0);
    CPU_ZERO(&cpus);
    NEED(2, syscall(SYS_sched_getaffinity, 0, sizeof cpus, &cpus) > 0);
    NEED(3, CPU_EQUAL(&cpus, &one_cpu));
    NEED(4, pthread_setschedparam(pthread_self(), SCHED_BATCH, &priority) == 0);
    NEED(5, syscall(SYS_sched_getscheduler, 0) == SCHED_BATCH);
    return 0;
}

static int was_not_rescheduled(void)
{
    cpu_set_t cpus;
    struct sched_param priority = { .sched_priority = 0 };
    long policy = syscall(SYS_sched_getscheduler, 0);
    CPU_ZERO(&cpus);
    syscall(SYS_sched_getaffinity, 0, sizeof cpus, &cpus);
    /* What a failure has changed must not spoil the next try. */
    syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &priority);
    syscall(SYS_sched_setaffinity, 0, sizeof all_cpus, &all_cpus);
    NEED(1, CPU_EQUAL(&cpus, &all_cpus));
    NEED(2, policy == SCHED_OTHER);
    return 0;
}

static long long clock_now(clockid_t clock)
{
    struct timespec now;
    return clock_gettime(clock, &now) ? -1 : now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int has_a_clock(void)
{
    clockid_t clock;
    NEED(1, pthread_getcpuclockid(pthread_self(), &clock) == 0);
    long long before = clock_now(CLOCK_THREAD_CPUTIME_ID), first = clock_now(clock);
    NEED(2, before <= first);
    while (clock_now(CLOCK_THREAD_CPUTIME_ID) < first + 1000000)
        continue;
    long long second = clock_now(clock), after = clock_now(CLOCK_THREAD_CPUTIME_ID);
    NEED(3, first < second && second <= after);
    return 0;
}

static void hold_robust(void)
{
    make_mutex(&shared[1], PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_SHARED);
    make_robust();
    pthread_mutex_lock(&shared[1]);
}

/* A child that took the parent's list for its own would link its mutex, which
 * lies in shared memory, with the parent's. */
static int list_is_intact(void)
{
    void **head = NULL;
    size_t length;
    int wrong = pthread_mutex_unlock(&shared[1]);
    syscall(SYS_get_robust_list, 0, &head, &length);
    int empty = head && *head == head && head[2] == NULL;
    if (head)
        *head = head; /* for the next try */
    NEED(1, !wrong);
    NEED(2, empty);
    NEED(3, inherits_robust() == 0);
    return 0;
}

static struct check symptoms[] = {
    { "owns the mutexes it locks", 0, nothing_before, owns_what_it_locks, nothing_after },
    { "cannot take the parent's shared recursive mutex", 0, hold_recursive, cannot_take_recursive,
      still_holds },
    { "cannot unlock the parent's shared mutex", 0, hold_checked, cannot_unlock, still_holds },
    { "leaves a robust mutex to its parent", 0, make_robust, dies_with_robust, inherits_robust },
    { "signals itself", 0, expect_signals, signals_itself, was_not_signalled },
    { "schedules itself", 0, note_scheduling, reschedules_itself, was_not_rescheduled },
    { "has a cpu clock that moves", 0, nothing_before, has_a_clock, nothing_after },
    { "lets its main thread be joined", 0, nothing_before, lets_main_be_joined, nothing_after },
    { "lets the parent's robust list alone", 0, hold_robust, dies_with_robust, list_is_intact },
};

int main(void)
{
    begin_group(100);
    shared = shared_memory(2 * sizeof *shared);
    if (emulated())
        symptoms[3].without = symptoms[8].without = "qemu-user has no robust lists";
    symptoms[7].without = no_threads();
    run_checks(symptoms, sizeof symptoms / sizeof *symptoms, "a child by ");
    return done();
}
