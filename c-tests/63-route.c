/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* clone3_last_route() reports how and why the calling thread's last call was made:
 * natively, with fewer bytes, by clone(2), by the host's fork; for each thread, however
 * many there are; nothing in a child. The report is compared with the system calls that
 * were made.
 */
#define _GNU_SOURCE
#include "filter.h"
#include "flags.h"
#include "makers.h"
#include "trace.h"
#include <pthread.h>

static struct clone3_route last(void)
{
    struct clone3_route route = { .size = sizeof route };
    if (clone3_last_route(&route) != 0 || route.size != sizeof route)
        route.route = 99;
    return route;
}

static const char *name_of(uint32_t route)
{
    static const char *const names[] = { "no call", "clone3(2)", "clone3(2) with fewer bytes",
        "clone(2)", "emulation", "the libc's own function" };
    return route < sizeof names / sizeof *names ? names[route] : "?";
}

/* The one sentence a program wants to print. */
static int went(const char *asked, uint32_t route, int cause, uint32_t size)
{
    struct clone3_route now = last();
    int good = ok(now.route == route && now.cause == cause && now.args_size == size && !now.emulated,
        "clone3_last_route() after %s: %s%s%s", asked, name_of(now.route),
        now.cause ? " because of " : "", now.cause ? strerror(now.cause) : "");
    if (!good)
        printf("# wanted %s, cause %d, %u bytes; got cause %d, %u bytes, emulated %#llx\n",
            name_of(route), cause, size, now.cause, now.args_size, (unsigned long long)now.emulated);
    return good;
}

static void every_maker(void)
{
    struct clone_args whole = { .exit_signal = SIGCHLD };
    static int out_of_reach, small; /* not lost where a call returns twice */
    out_of_reach = unreachable_errno();
    small = filtered("size");
    static uint32_t route, size;
    route = out_of_reach ? CLONE3_ROUTE_LEGACY : CLONE3_ROUTE_NATIVE;
    size = out_of_reach ? 0 : 64;
    is(status_of(clone(end_with_7, child_stack + sizeof child_stack, SIGCHLD, NULL)), 7, "clone() makes a child before its route is asked for");
    went("clone()", route, out_of_reach, size);
    pid_t pid = vfork();
    if (pid == 0)
        raw_exit(7);
    is(status_of(pid), 7, "vfork() makes a child before its route is asked for");
    went("vfork()", route, out_of_reach, size);
    for (enum how how = RETURNING; how <= CALLED; how++) {
        is(status_of(make(how, whole, end_with_7, NULL)), 7, named("%s() makes a child before its route is asked for", by[how]));
        const char *title = how == RETURNING ? "clone3() with 88 bytes" : "clone3_call() with 88 bytes";
        if (small)
            went(title, CLONE3_ROUTE_SMALLER, E2BIG, 64);
        else
            went(title, route, out_of_reach, out_of_reach ? 0 : 88);
    }
    struct clone_args shared = { .flags = CLONE_VM, .exit_signal = SIGCHLD };
    ok(clone3(&shared, sizeof shared) == -1, "clone3() with VM is refused by the library");
    if (!out_of_reach)
        went("a refusal by the library", CLONE3_ROUTE_NONE, 0, 0);
    shared.flags = 1ull << 63;
    ok(clone3(&shared, 64) == -1 && errno == EINVAL, "clone3() with an unknown flag is refused by the kernel");
    if (!out_of_reach)
        went("a refusal by the kernel", CLONE3_ROUTE_NATIVE, 0, 64);
}

static int tell(void *unused)
{
    (void)unused;
    return (int)last().route;
}

static void in_a_child(void)
{
    struct clone_args args = { .exit_signal = SIGCHLD };
    for (enum how how = RETURNING; how <= CALLED; how++)
        is(status_of(make(how, args, tell, NULL)), CLONE3_ROUTE_NONE, named("clone3_last_route() in a child of %s(): no call", by[how]));
    pid_t pid = fork();
    if (pid == 0)
        _exit(tell(NULL));
    is(status_of(pid), CLONE3_ROUTE_NONE, "clone3_last_route() in a child of fork(): no call");
    if (geteuid() != 0 || unreachable_errno() || emulated()) {
        skip("clone3_last_route() in process 1 of a pid namespace in another", "natively only, and as root");
        return;
    }
    /* The first of a pid namespace has the number of the first of another. */
    args.flags = CLONE_NEWPID;
    pid = clone3(&args, sizeof args);
    if (pid == 0) {
        int before = tell(NULL);
        pid_t inner = clone3(&args, sizeof args);
        if (inner == 0)
            _exit(getpid() == 1 ? tell(NULL) : 66);
        _exit(before ? before : status_of(inner));
    }
    is(status_of(pid), CLONE3_ROUTE_NONE, "clone3_last_route() in process 1 of a pid namespace in another: no call");
}

enum { MANY = 1500 };
static pthread_barrier_t all_ready;

/* Half of them make a good call, half a bad one, all before any looks. */
static void *own_route(void *number)
{
    struct clone_args args = { .flags = (uintptr_t)number & 1 ? 1ull << 63 : CLONE_VM,
        .exit_signal = SIGCHLD };
    struct clone3_route before = last();
    int failed = clone3(&args, sizeof args) == -1;
    pthread_barrier_wait(&all_ready);
    uint32_t wanted = (uintptr_t)number & 1 ? CLONE3_ROUTE_NATIVE : CLONE3_ROUTE_NONE;
    return (void *)(intptr_t)(failed && before.route == CLONE3_ROUTE_NONE && last().route == wanted);
}

static void many_threads(void)
{
    static pthread_t threads[MANY];
    int good = 0;
    if (no_threads() || unreachable_errno() || emulated()) {
        skip("clone3_last_route() in each of many threads at once", "natively only");
        return;
    }
    int number = repeats(MANY) < 100 ? 100 : repeats(MANY);
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64 << 10);
    for (int round = 0; round < 2; round++) {
        int made = 0;
        good = 0;
        pthread_barrier_init(&all_ready, NULL, (unsigned)number);
        while (made < number && pthread_create(&threads[made], &small, own_route, (void *)(intptr_t)made) == 0)
            made++;
        if (made < number) {
            skip(named("clone3_last_route() in each of many threads at once, round %d", round + 1), "there is a limit to them here");
            exit(done()); /* those made wait for the rest */
        }
        for (int i = 0; i < number; i++) {
            void *result;
            pthread_join(threads[i], &result);
            good += result != NULL;
        }
        ok(good == number, "clone3_last_route() is right in each of %d threads at once, round %d", number, round + 1);
    }
}

static int behind_filter(void *kind)
{
    struct clone_args only_clone3 = { .flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD };
    struct clone3_route route;
    int expected = ((const struct filter_kind *)kind)->clone3;
    if (install_filter(kind) != 0)
        return 77;
    static int i; /* not lost where clone3 returns twice */
    for (i = 0; i < 3; i++) {
        if (i)
            mark(MARK_BEGIN);
        pid_t pid = clone3(&only_clone3, sizeof only_clone3);
        int given = errno;
        mark(MARK_END);
        route = last();
        if (pid != -1 || given != expected || route.cause != expected)
            return 10 + i;
    }
    return 7;
}

/* A call that fails for it costs one question, whether that still holds for this
 * thread; the first one is put to clone3 as well. */
static void refused_once(void)
{
    for EACH_FILTER(kind) {
        if (kind->large_only)
            continue;
        struct trace trace = traced_run(behind_filter, (void *)kind);
        if (trace.status == -1 || trace.status == 77) {
            skip("clone3_last_route() of what only clone3 can do, behind filters", "no ptrace or no seccomp");
            return;
        }
        is(trace.status, 7, named("clone3_last_route() behind the filter %s has its errno", kind->name));
        is(trace.failed, 2, named("behind the filter %s a later refusal costs one system call", kind->name));
    }
}

static void *sleep_on(void *barrier)
{
    pthread_barrier_wait(barrier);
    pthread_barrier_wait(barrier);
    return NULL;
}

static void hosts_fork(void)
{
#ifdef MODE_STATIC
    skip("clone3_last_route() of the libc's fork()", "a static program has no other");
#else
    pthread_t thread;
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, NULL, 2);
    if (no_threads() || pthread_create(&thread, NULL, sleep_on, &barrier) != 0) {
        skip("clone3_last_route() of the libc's fork()", "no threads here");
        return;
    }
    pthread_barrier_wait(&barrier);
    pid_t pid = fork();
    if (pid == 0)
        _exit(tell(NULL));
    is(status_of(pid), CLONE3_ROUTE_NONE, "clone3_last_route() in a child of the libc's fork(): no call");
    went("fork() beside a thread", CLONE3_ROUTE_HOST, 0, 0);
    pthread_barrier_wait(&barrier);
    pthread_join(thread, NULL);
#endif
}

static volatile sig_atomic_t handled;

static void clone_in_handler(int signal)
{
    struct clone_args args = { .flags = 1ull << 63 };
    (void)signal;
    int before = errno;
    handled += clone3(&args, sizeof args) == -1 && last().args_size == sizeof args;
    errno = before;
}

/* Calls of a handler come between calls of the code it interrupts. */
static void in_handlers(void)
{
    struct sigaction action = { .sa_handler = clone_in_handler, .sa_flags = SA_RESTART };
    if (unreachable_errno() || emulated() || filtered("size"))
        {
        skip("clone3_last_route() in a signal handler", "natively only");
        return;
    }
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    is(handled, 1, "clone3_last_route() in a signal handler is that of the handler's call");
    went("a refusal by the kernel in a signal handler", CLONE3_ROUTE_NATIVE, 0, 88);
}

int main(void)
{
    begin(60);
    struct clone3_route small = { .size = 16 };
    ok(clone3_last_route(NULL) == -1 && errno == EFAULT, "clone3_last_route() of no struct: EFAULT");
    ok(clone3_last_route(&small) == -1 && errno == EINVAL, "clone3_last_route() of a struct that is too small: EINVAL");
    struct { struct clone3_route known; uint64_t later; } bigger = { .known.size = sizeof bigger, .later = 7 };
    ok(clone3_last_route(&bigger.known) == 0 && bigger.known.size == sizeof bigger.known && bigger.later == 0,
        "clone3_last_route() fills a struct of a later version as far as is known");
    bigger.known.size = 4097;
    ok(clone3_last_route(&bigger.known) == -1 && errno == E2BIG, "clone3_last_route() of a struct larger than any version's: E2BIG");
    went("no call at all", CLONE3_ROUTE_NONE, 0, 0);
    in_a_child();
    if (emulated()) /* which does not lend memory */
        went("fork()", last().route, last().cause, 0);
    else
        every_maker();
    hosts_fork();
    in_handlers();
    many_threads();
    if (getenv("FILTERED") || !native())
        skip("clone3_last_route() of what only clone3 can do, behind filters", "there is a filter already, or no clone3");
    else
        refused_once();
    return done();
}
