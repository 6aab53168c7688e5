/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Signals at every moment of ten thousand forks: a timer sends them to the maker, and
 * another process to the whole group, the newest child included. No child hangs, no
 * handler sees a libc with another thread's id, and every signal mask is unchanged.
 *
 * filtered: preload
 * modes: preload shared static api
 */
#define _GNU_SOURCE
#include "makers.h"
#include "raw.h"

static struct {
    volatile int in_children, in_parent, wrong;
    volatile pid_t believed, was;
} *seen;

static volatile pid_t *slot; /* where this thread's libc keeps its id */
static pid_t maker_pid;
static volatile int lent;    /* memory and thread lent to a child */
static volatile int handled; /* in this process */
static uint64_t mask;

/* As found on every release we know (see src/host), and checked here. */
static volatile pid_t *find_slot(void)
{
    volatile pid_t *found = NULL;
#ifdef __GLIBC__
    char *robust = NULL;
    size_t length;
    if (raw(SYS_get_robust_list, 0, &robust, &length) == 0 && robust)
        found = (pid_t *)(robust - 16);
#else
    found = &errno - 1;
#endif
    return found && *found == raw(SYS_gettid) ? found : NULL;
}

static void handler(int unused)
{
    pid_t tid = (pid_t)raw(SYS_gettid);
    pid_t believed = slot ? *slot : tid;
    (void)unused;
    if (believed != tid && !(lent && believed == maker_pid)) {
        seen->believed = believed;
        seen->was = tid;
        __atomic_fetch_add(&seen->wrong, 1, __ATOMIC_RELAXED);
    }
    __atomic_fetch_add(raw(SYS_getpid) == maker_pid ? &seen->in_parent : &seen->in_children, 1,
        __ATOMIC_RELAXED);
    handled++;
}

/* Ends with 7 if all is well; stays, if asked to, until a signal has come. */
static int look(void *stay)
{
    int before = handled;
    for (int tries = 0; stay && handled == before && tries < 5000; tries++)
        pause_ms(1);
    return raw_mask() != mask ? 1 : stay && handled == before ? 2 : 7;
}

static struct clone_args lent_args = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD };
RETURNING(by_vfork, vfork())
RETURNING(by_clone3_lent, clone3(&lent_args, sizeof lent_args))

static pid_t by_call_lent(child_fn *run, void *argument)
{
    return clone3_call(&lent_args, sizeof lent_args, run, argument);
}

static const struct maker lending[] = {
    { .name = "vfork", .make = by_vfork },
    { .name = "clone3, VM and VFORK", .make = by_clone3_lent },
    { .name = "clone3_call, VM and VFORK", .make = by_call_lent },
};

static void many(const struct maker *maker, int count)
{
    int good = 0, masks = 0, last = 7;
    for (int i = 0; i < count; i++) {
        int status = status_of(maker->make(look, i % 50 ? NULL : "stay"));
        good += status == 7;
        last = status == 7 ? last : status;
        masks += raw_mask() == mask;
    }
    if (!is(good, count, named("%s among signals: each child has its mask, and a signal ends its wait", maker->name)))
        printf("# a child's status: %d\n", last);
    is(masks, count, named("%s among signals: the parent keeps its mask", maker->name));
}

/* Signals for the whole group, until this is killed. */
static pid_t start_pest(void)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGUSR1, SIG_IGN);
    for (;;) {
        struct timespec shortly = { 0, 200000 };
        kill(0, SIGUSR1);
        nanosleep(&shortly, NULL);
    }
}

int main(void)
{
    const size_t ways = sizeof makers / sizeof *makers + sizeof lending / sizeof *lending;
    int count = (emulated() ? 300 : repeats(10000)) / (int)ways;
    struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2 };
    struct itimerspec kilohertz = { { 0, 1000000 }, { 0, 1000000 } };
    sigset_t some;
    timer_t timer;
    begin_group(60);
    seen = shared_memory(sizeof *seen);
    slot = find_slot();
    maker_pid = getpid();
    sigemptyset(&some);
    sigaddset(&some, SIGHUP);
    sigprocmask(SIG_SETMASK, &some, NULL);
    mask = raw_mask();
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGUSR2, &action, NULL);
    pid_t pest = start_pest();
    if (pest < 0 /* which kill() would take for everyone */
        || timer_create(CLOCK_MONOTONIC, &event, &timer) != 0
        || timer_settime(timer, 0, &kilohertz, NULL) != 0)
        return 1;

    for EACH_MAKER(maker)
        many(maker, count);
    lent = 1;
    for (size_t i = 0; i < sizeof lending / sizeof *lending; i++)
        many(&lending[i], count);

    timer_delete(timer);
    kill(pest, SIGKILL);
    status_of(pest);
    printf("# handlers ran %d times in the parent, %d times in children\n", seen->in_parent,
        seen->in_children);
    ok(seen->in_parent > 0 && seen->in_children > 0, "signals came to the parent and to children");
    if (!slot)
        skip("signal handlers find the libc with the right thread id", "where the libc keeps it cannot be found here");
    else if (!is(seen->wrong, 0, "signal handlers find the libc with the right thread id"))
        printf("# one found %d in thread %d, the maker was %d\n", seen->believed, seen->was,
            maker_pid);
    return done();
}
