/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Waiting for bare threads: in time, in vain, several at once, interrupted, and in
 * a race with the thread's end.
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
    is(clone3_thread_tryjoin(thread, &value), EBUSY, "a thread that goes on is busy");
    ok(value == NULL, "and has no value");
    is(clone3_thread_kill(thread, 0), 0, "it can be signalled");
    go_on = 1;
    while ((error = clone3_thread_tryjoin(thread, &value)) == EBUSY)
        usleep(100);
    is(error, 0, "tryjoin succeeds in the end");
    is((long)value, 12, "with the value");
}

static void in_time(clockid_t clock, const char *name)
{
    clone3_thread_t thread = waiting_thread(waits);
    int64_t start = now(clock), wait = 50 * MILLISECOND;
    is(clone3_thread_timedjoin(thread, NULL, clock, start + wait), ETIMEDOUT, name);
    int64_t passed = now(clock) - start;
    ok(passed >= wait && passed < scaled(20) * 1000LL * MILLISECOND, "after that time");
    is(clone3_thread_timedjoin(thread, NULL, clock, start), ETIMEDOUT, "a time that is past");
    is(clone3_thread_timedjoin(thread, NULL, clock, INT64_MIN), ETIMEDOUT, "long past");
    go_on = 1;
    void *value;
    is(clone3_thread_timedjoin(thread, &value, clock, start + scaled(30) * INT64_C(1000000000)), 0,
       "and in time");
    is((long)value, 12, "with the value");
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
    is(run_thread(NULL, joins_itself, NULL), 1, "a thread that joins itself");
    is(clone3_thread_timedjoin(thread, NULL, CLOCK_PROCESS_CPUTIME_ID, 0), EINVAL,
       "a clock one cannot wait by");
    go_on = 1;
    is(clone3_thread_join(thread, NULL), 0, "joined");
}

static volatile int told; /* that they do not join */

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
    is(clone3_thread_detach(thread), EINVAL, "a thread that is being joined cannot be detached");
    go_on = 1;
    for (int i = 0; i < MANY; i++) {
        if (clone3_thread_join(joiners[i], &value))
            abort();
        one += value == NULL;
        none += (long)value == EINVAL || (long)value == ESRCH;
        other += 1;
    }
    ok(one == 1 && none == MANY - 1 && other == MANY, "one of eight joins, the others are told");
}

static void after_a_timeout(void)
{
    clone3_thread_t thread = waiting_thread(waits);
    is(clone3_thread_timedjoin(thread, NULL, CLOCK_MONOTONIC, 1), ETIMEDOUT, "a join in vain");
    is(clone3_thread_detach(thread), 0, "the thread can be detached then");
    is(clone3_thread_detach(thread), EINVAL, "once");
    is(clone3_thread_join(thread, NULL), EINVAL, "and not be joined");
    is(clone3_thread_tryjoin(thread, NULL), EINVAL, "nor be asked");
    go_on = 1;
    int error;
    while ((error = clone3_thread_kill(thread, 0)) == 0)
        usleep(1000);
    is(error, ESRCH, "it ends");
    while ((error = clone3_thread_join(thread, NULL)) == EINVAL)
        usleep(1000);
    is(error, ESRCH, "and is no thread any more");
    thread = waiting_thread(returns);
    while (clone3_thread_kill(thread, 0) == 0)
        usleep(1000);
    is(clone3_thread_detach(thread), 0, "one that has ended can be detached");
    is(clone3_thread_detach(thread), ESRCH, "and is gone");
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
    is(clone3_thread_join(thread, &value), 0, "a join is not interrupted by signals");
    ok((pid_t)(long)value == kernel_tid() && interruptions > 0, "which came");
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
    is(wrong, 0, "deadlines about the time of the end");
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
    is(wrong, 0, "threads detached about the time of their end");
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
    in_time(CLOCK_MONOTONIC, "a join that is given 50 ms on CLOCK_MONOTONIC");
    in_time(CLOCK_REALTIME, "a join that is given 50 ms on CLOCK_REALTIME");
    deadlocks();
    several();
    after_a_timeout();
    interrupted();
    races();
    detach_races();
    by_others();
    return done();
}
