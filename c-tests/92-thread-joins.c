/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Joining bare threads: in time, with a timeout, several at once, interrupted, and in a
 * race with the thread's end.
 *
 * archs: x86_64 aarch64 i686
 * modes: preload shared static api
 */
#define _GNU_SOURCE
#include "bare-threads.h"

enum { MILLISECOND = 1000000 };

static clone3_thread_t waiting_thread(start_fn *start)
{
    clone3_thread_t thread;
    go_on = 0;
    if (clone3_thread_create(&thread, NULL, start, (void *)12))
        abort();
    return thread;
}

static void without_patience(void)
{
    clone3_thread_t thread = waiting_thread(waits);
    void *value = NULL;
    int error;
    is(clone3_thread_tryjoin(thread, &value), EBUSY, "clone3_thread_tryjoin() of a thread that runs: EBUSY");
    ok(value == NULL, "clone3_thread_tryjoin() of a thread that runs stores no value");
    is(clone3_thread_kill(thread, 0), 0, "clone3_thread_kill() with signal 0 finds a thread after tryjoin");
    go_on = 1;
    while ((error = clone3_thread_tryjoin(thread, &value)) == EBUSY)
        usleep(100);
    is(error, 0, "clone3_thread_tryjoin() succeeds when the thread has ended");
    is((long)value, 12, "clone3_thread_tryjoin() returns the thread's value");
}

static void in_time(clockid_t clock, const char *name)
{
    clone3_thread_t thread = waiting_thread(waits);
    int64_t start = now(clock), wait = 50 * MILLISECOND;
    is(clone3_thread_timedjoin(thread, NULL, clock, start + wait), ETIMEDOUT, named("%s 50 ms from now: ETIMEDOUT", name));
    int64_t passed = now(clock) - start;
    ok(passed >= wait && passed < scaled(20) * 1000LL * MILLISECOND, "%s 50 ms from now returns after that time", name);
    is(clone3_thread_timedjoin(thread, NULL, clock, start), ETIMEDOUT, named("%s that is past: ETIMEDOUT", name));
    is(clone3_thread_timedjoin(thread, NULL, clock, INT64_MIN), ETIMEDOUT, named("%s that is the earliest there is: ETIMEDOUT", name));
    go_on = 1;
    void *value;
    is(clone3_thread_timedjoin(thread, &value, clock, start + scaled(30) * INT64_C(1000000000)), 0,
       named("%s after the thread's end joins it", name));
    is((long)value, 12, named("%s after the thread's end returns its value", name));
}

static void *joins_creator(void *place)
{
    return (void *)(long)clone3_thread_join(*(clone3_thread_t *)place, NULL);
}

static void *joins_itself(void *argument)
{
    (void)argument;
    return (void *)(long)(clone3_thread_join(clone3_thread_self(), NULL) == EDEADLK &&
                          clone3_thread_tryjoin(clone3_thread_self(), NULL) == EDEADLK);
}

static void deadlocks(void)
{
    clone3_thread_t thread = waiting_thread(waits);
    is(run_thread(NULL, joins_itself, NULL), 1, "a bare thread that joins itself: EDEADLK");
    is(clone3_thread_timedjoin(thread, NULL, CLOCK_PROCESS_CPUTIME_ID, 0), EINVAL,
       "clone3_thread_timedjoin() by CLOCK_PROCESS_CPUTIME_ID: EINVAL");
    go_on = 1;
    is(clone3_thread_join(thread, NULL), 0, "a bare thread is joined after a join with a bad clock");
}

static volatile int told; /* how many joins have returned */

static void *joins_or_is_told(void *place)
{
    int error = clone3_thread_join(*(clone3_thread_t *)place, NULL);
    __atomic_add_fetch(&told, 1, __ATOMIC_ACQ_REL);
    return (void *)(long)error;
}

/* Of many who join one thread, one gets it. */
static void several(void)
{
    enum { MANY = 8 };
    clone3_thread_t joiners[MANY], thread = waiting_thread(waits);
    int none = 0, one = 0, other = 0;
    void *value;
    for (int i = 0; i < MANY; i++)
        if (clone3_thread_create(&joiners[i], NULL, joins_or_is_told, &thread))
            abort();
    while (told < MANY - 1) /* the last one waits, then, for the thread */
        usleep(1000);
    is(clone3_thread_detach(thread), EINVAL, "a bare thread that is being joined cannot be detached: EINVAL");
    go_on = 1;
    for (int i = 0; i < MANY; i++) {
        if (clone3_thread_join(joiners[i], &value))
            abort();
        one += value == NULL;
        none += (long)value == EINVAL || (long)value == ESRCH;
        other += 1;
    }
    ok(one == 1 && none == MANY - 1 && other == MANY, "of eight threads that join one, one succeeds and seven fail with EINVAL or ESRCH");
}

static void after_a_timeout(void)
{
    clone3_thread_t thread = waiting_thread(waits);
    is(clone3_thread_timedjoin(thread, NULL, CLOCK_MONOTONIC, 1), ETIMEDOUT, "clone3_thread_timedjoin() before a detach: ETIMEDOUT");
    is(clone3_thread_detach(thread), 0, "a bare thread can be detached after a join that timed out");
    is(clone3_thread_detach(thread), EINVAL, "a detached bare thread cannot be detached again: EINVAL");
    is(clone3_thread_join(thread, NULL), EINVAL, "a detached bare thread cannot be joined: EINVAL");
    is(clone3_thread_tryjoin(thread, NULL), EINVAL, "a detached bare thread cannot be joined by tryjoin: EINVAL");
    go_on = 1;
    int error;
    while ((error = clone3_thread_kill(thread, 0)) == 0)
        usleep(1000);
    is(error, ESRCH, "clone3_thread_kill() of a detached thread that has ended: ESRCH");
    while ((error = clone3_thread_join(thread, NULL)) == EINVAL)
        usleep(1000);
    is(error, ESRCH, "clone3_thread_join() of a detached thread that has ended: ESRCH");
    thread = waiting_thread(returns);
    while (clone3_thread_kill(thread, 0) == 0)
        usleep(1000);
    is(clone3_thread_detach(thread), 0, "a bare thread that has ended can be detached");
    is(clone3_thread_detach(thread), ESRCH, "a bare thread that was detached after its end is gone: ESRCH");
}

static volatile int interruptions;

static void on_alarm(int signal)
{
    (void)signal;
    interruptions++;
}

static void *interrupts(void *joiner)
{
    for (int i = 0; i < 50; i++) {
        syscall(SYS_tgkill, getpid(), (pid_t)(long)joiner, SIGUSR1);
        usleep(1000);
    }
    return joiner;
}

static void interrupted(void)
{
    clone3_thread_t thread;
    struct sigaction action = { .sa_handler = on_alarm };
    void *value;
    sigaction(SIGUSR1, &action, NULL);
    if (clone3_thread_create(&thread, NULL, interrupts, (void *)(long)kernel_tid()))
        abort();
    is(clone3_thread_join(thread, &value), 0, "clone3_thread_join() is not interrupted by signal handlers");
    ok((pid_t)(long)value == kernel_tid() && interruptions > 0, "signal handlers ran during clone3_thread_join()");
}

/* Deadlines that fall together with the end of the thread. */
static void *sleeps(void *microseconds)
{
    usleep((useconds_t)(long)microseconds);
    return microseconds;
}

static void races(void)
{
    int wrong = 0, in_time = 0, late = 0;
    for (int i = 0; i < repeats(400); i++) {
        clone3_thread_t thread;
        void *value = NULL;
        long time = i % 40 * 10;
        if (clone3_thread_create(&thread, NULL, sleeps, (void *)time))
            abort();
        int64_t deadline = now(CLOCK_MONOTONIC) + 200000;
        int error = clone3_thread_timedjoin(thread, &value, CLOCK_MONOTONIC, deadline);
        if (error == 0)
            in_time++;
        else if (error == ETIMEDOUT && ++late)
            error = i % 2 ? clone3_thread_join(thread, &value)
                          : clone3_thread_detach(thread) ? -1 : (value = (void *)time, 0);
        wrong += error != 0 || (long)value != time;
    }
    is(wrong, 0, "clone3_thread_timedjoin() with deadlines about the time of the thread's end");
    printf("# %d in time, %d late\n", in_time, late);
}

/* Detaching while the thread ends. */
static void detach_races(void)
{
    int wrong = 0;
    for (int i = 0; i < repeats(2000); i++) {
        clone3_thread_t thread;
        if (clone3_thread_create(&thread, NULL, returns, NULL))
            abort();
        for (volatile int spin = 0; spin < i % 500 * 20; spin++)
            continue;
        wrong += clone3_thread_detach(thread) != 0;
        int error = clone3_thread_join(thread, NULL);
        wrong += error != ESRCH && error != EINVAL;
    }
    is(wrong, 0, "clone3_thread_detach() about the time of the thread's end");
}

static void *joins_pthread(void *thread)
{
    return (void *)(long)clone3_thread_join(*(clone3_thread_t *)thread, NULL);
}

static void by_others(void)
{
    clone3_thread_t thread = waiting_thread(waits);
    pthread_t joiner;
    void *value = &thread;
    if (has_pthreads()) {
        if (pthread_create(&joiner, NULL, joins_pthread, &thread))
            abort();
        go_on = 1;
        pthread_join(joiner, &value);
        is((long)value, 0, "a pthread joins a bare thread");
        thread = waiting_thread(waits);
    } else {
        skip("a pthread joins a bare thread", "the libc makes none here");
    }
    go_on = 1;
    is(run_thread(NULL, joins_creator, &thread), 0, "a bare thread joins one it did not make");
}

int main(void)
{
    begin(90);
    without_patience();
    in_time(CLOCK_MONOTONIC, "a join with a deadline on CLOCK_MONOTONIC");
    in_time(CLOCK_REALTIME, "a join with a deadline on CLOCK_REALTIME");
    deadlocks();
    several();
    after_a_timeout();
    interrupted();
    races();
    detach_races();
    by_others();
    return done();
}
