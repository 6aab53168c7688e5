/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Where clone3 is unavailable, legacy clone carries what it can express and the rest
 * fails with the errno that is returned in clone3's place; where it is available, EPERM
 * is the kernel's own. A seccomp filter hides clone3, as in sandboxes; qemu-user has no
 * clone3 anyway.
 */
#define _GNU_SOURCE
#include "filter.h"
#include "raw.h"
#include "tap.h"
#include <clone3.h>
#include <pthread.h>
#include <sched.h>

pid_t _Fork(void);

static char stack[65536] __attribute__((aligned(16)));
static int value = 11;

static int ends_with(void *status) { return *(int *)status; }

static pid_t by_clone3(uint64_t flags, uint64_t set_tid_size, pid_t *pidfd)
{
    static pid_t tid = 54321;
    struct clone_args args = { .flags = flags, .exit_signal = SIGCHLD };
    args.pidfd = (uintptr_t)pidfd;
    args.set_tid = set_tid_size ? (uintptr_t)&tid : 0;
    args.set_tid_size = set_tid_size;
    return clone3(&args, sizeof args);
}

static int child_of(pid_t pid, int status)
{
    if (pid == 0)
        _exit(status);
    return status_of(pid) == status;
}

/* Bits of what worked, so that a child process can report them. */
static int everything(void)
{
    struct clone_args lent = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD };
    pid_t pidfd = -1;
    int worked = 0;

    worked |= child_of(fork(), 1) << 0; /* the names are in `ways` */
    worked |= child_of(_Fork(), 2) << 1;
    pid_t pid = vfork();
    if (pid == 0)
        _exit(3);
    worked |= (status_of(pid) == 3) << 2;
    pid = clone3(&lent, sizeof lent);
    if (pid == 0)
        _exit(4);
    worked |= (status_of(pid) == 4) << 3;
    if (emulated()) { /* qemu-user refuses CLONE_PIDFD */
        worked |= 3 << 4;
    } else {
        worked |= child_of(by_clone3(CLONE_PIDFD, 0, &pidfd), 5) << 4;
        worked |= (pidfd >= 0 && close(pidfd) == 0) << 5;
    }
    pid = clone(ends_with, stack + sizeof stack, SIGCHLD, &value);
    worked |= (status_of(pid) == value) << 6;
    return worked;
}

static int refuses(uint64_t flags, uint64_t set_tid_size)
{
    errno = 0;
    pid_t pid = by_clone3(flags, set_tid_size, NULL);
    if (pid == 0)
        _exit(0);
    return pid == -1 ? errno : 0;
}

static void all_worked(int worked, const char *where)
{
    static const char *const ways[] = { "fork()", "_Fork()", "vfork()", "clone3() with VM and VFORK",
        "clone3() with PIDFD", "the pidfd", "clone()" };
    if (!ok(worked == 127, "fork(), _Fork(), vfork(), clone3() and clone() make children %s", where))
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
            if (!(worked & 1 << i))
                printf("# not %s\n", ways[i]);
}

/* Runs a check in a child that installed the filter; its exit status. */
static int under_filter(const char *kind, int (*check)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        if (!emulated() && install_filter(find_filter(kind)) != 0)
            _exit(99);
        _exit(check());
    }
    return status_of(pid);
}

static int newtime(void) { return refuses(CLONE_NEWTIME, 0); }
static int clear_sighand(void) { return refuses(CLONE_CLEAR_SIGHAND, 0); }
static int into_cgroup(void) { return refuses(CLONE_INTO_CGROUP, 0); }
static int set_tid(void) { return refuses(0, 1); }
static int detached(void) { return refuses(CLONE_DETACHED, 0); }
static int unknown(void) { return refuses(1ULL << 50, 0); }

/* Behind the known fields: nothing may be lost on the way. */
static int more_fields(uint64_t value)
{
    uint64_t larger[12] = { 0 };
    larger[4] = SIGCHLD;
    larger[11] = value;
    errno = 0;
    pid_t pid = clone3((struct clone_args *)larger, sizeof larger);
    if (pid == 0)
        _exit(77);
    return pid == -1 ? errno : status_of(pid);
}
static int more_fields_zero(void) { return more_fields(0); }
static int more_fields_used(void) { return more_fields(1); }

/* Filters belong to threads, and a vfork child writes its parent's memory. */
static void *thread_with_filter(void *unused)
{
    (void)unused;
    install_filter(find_filter("enosys"));
    return (void *)(intptr_t)(everything() == 127);
}

static int others_keep_clone3(void)
{
    pthread_t thread;
    void *worked = NULL;
    if (clear_sighand() != 0)
        return 1;
    pthread_create(&thread, NULL, thread_with_filter, NULL);
    pthread_join(thread, &worked);
    if (worked == NULL)
        return 2;
    pid_t pid = vfork();
    if (pid == 0) {
        install_filter(find_filter("eperm"));
        pid_t inner = vfork();
        if (inner == 0)
            _exit(0);
        _exit(status_of(inner));
    }
    if (status_of(pid) != 0)
        return 3;
    return clear_sighand() == 0 ? 7 : 4;
}

int main(void)
{
    static const char *const kinds[] = { "enosys", "eperm", "eacces", "e2big" };
    begin(30);
    for (int i = 0; i < (emulated() ? 1 : 4); i++) {
        const char *kind = kinds[i];
        int answer = find_filter(kind)->clone3;
        printf("# clone3 answers: %s\n", strerror(answer));
        all_worked(under_filter(kind, everything), named("by clone(2) behind the filter %s", kind));
        is(under_filter(kind, newtime), answer, named("behind the filter %s CLONE_NEWTIME has the filter's errno", kind));
        is(under_filter(kind, clear_sighand), answer, named("behind the filter %s CLONE_CLEAR_SIGHAND has the filter's errno", kind));
        is(under_filter(kind, into_cgroup), answer, named("behind the filter %s CLONE_INTO_CGROUP has the filter's errno", kind));
        is(under_filter(kind, set_tid), answer, named("behind the filter %s set_tid has the filter's errno", kind));
        is(under_filter(kind, more_fields_zero), 77, named("behind the filter %s a larger struct makes a child if the rest of it is zero", kind));
        is(under_filter(kind, more_fields_used), E2BIG, named("behind the filter %s a larger struct that is used: E2BIG", kind));
        is(under_filter(kind, detached), EINVAL, named("behind the filter %s CLONE_DETACHED is refused as by clone3", kind));
        is(under_filter(kind, unknown), EINVAL, named("behind the filter %s an unknown flag is refused as by clone3", kind));
    }
    /* A filter that comes after clone3 was seen to work. */
    all_worked(everything(), "without a filter");
    all_worked(under_filter("eperm", everything), "behind the filter eperm, installed after clone3 was seen to work");

    if (!native() || no_threads()) {
        skip("a filter of one thread, or of a vfork child, leaves clone3 to the other threads", "no clone3 here to be left");
    } else {
        pid_t pid = fork();
        if (pid == 0)
            _exit(others_keep_clone3());
        is(status_of(pid), 7, "a filter of one thread, or of a vfork child, leaves clone3 to the other threads");
    }

    /* In reach, a refusal is the kernel's. */
    if (geteuid() == 0 && !emulated()) {
        pid_t pid = fork();
        if (pid == 0) {
            if (setgid(65534) != 0 || setuid(65534) != 0)
                _exit(99);
            _exit(refuses(CLONE_NEWNS, 0));
        }
        is(status_of(pid), EPERM, "CLONE_NEWNS without its capability: EPERM");
    } else {
        skip("CLONE_NEWNS without its capability: EPERM", "not root, or emulated");
    }
    return done();
}
