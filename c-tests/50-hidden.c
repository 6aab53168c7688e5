/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Where clone3 is out of reach, legacy clone carries what it can express and
 * the rest is ENOSYS; where it is in reach, EPERM is the kernel's own word.
 * A seccomp filter hides clone3, as sandboxes do; qemu-user has none anyway.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <clone3.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>

pid_t _Fork(void);

static char stack[65536] __attribute__((aligned(16)));
static int value = 11;

static int ends_with(void *status) { return *(int *)status; }

static int hide_clone3(int errno_given)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 435, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | errno_given),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = { sizeof program / sizeof *program, program };
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
        && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

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

    worked |= child_of(fork(), 1) << 0;
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

/* Runs a check in a child that installed the filter; its exit status. */
static int under_filter(int errno_given, int (*check)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        if (!emulated() && !hide_clone3(errno_given))
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
    hide_clone3(ENOSYS);
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
        hide_clone3(EPERM);
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
    static const int answers[] = { ENOSYS, EPERM, EACCES };
    begin(30);
    for (int i = 0; i < (emulated() ? 1 : 3); i++) {
        int answer = answers[i];
        printf("# clone3 answers: %s\n", strerror(answer));
        is(under_filter(answer, everything), 127, "every maker works by clone");
        is(under_filter(answer, newtime), ENOSYS, "CLONE_NEWTIME needs clone3");
        is(under_filter(answer, clear_sighand), ENOSYS, "CLONE_CLEAR_SIGHAND needs clone3");
        is(under_filter(answer, into_cgroup), ENOSYS, "CLONE_INTO_CGROUP needs clone3");
        is(under_filter(answer, set_tid), ENOSYS, "set_tid needs clone3");
        is(under_filter(answer, more_fields_zero), 77, "a larger struct, the rest of it zero");
        is(under_filter(answer, more_fields_used), E2BIG, "a larger struct that is used");
        is(under_filter(answer, detached), EINVAL, "CLONE_DETACHED is refused as by clone3");
        is(under_filter(answer, unknown), EINVAL, "an unknown flag is refused as by clone3");
    }
    /* A filter that comes after clone3 was seen to work. */
    is(everything(), 127, "every maker works without a filter");
    is(under_filter(EPERM, everything), 127, "and under one that was installed later");

    if (emulated()) {
        skip("a filter of one thread leaves the others theirs", "no clone3 under qemu-user");
    } else {
        pid_t pid = fork();
        if (pid == 0)
            _exit(others_keep_clone3());
        is(status_of(pid), 7, "a filter of one thread leaves the others theirs");
    }

    /* In reach, a refusal is the kernel's. */
    if (geteuid() == 0 && !emulated()) {
        pid_t pid = fork();
        if (pid == 0) {
            if (setgid(65534) != 0 || setuid(65534) != 0)
                _exit(99);
            _exit(refuses(CLONE_NEWNS, 0));
        }
        is(status_of(pid), EPERM, "a missing capability stays EPERM");
    } else {
        skip("a missing capability stays EPERM", "not root, or emulated");
    }
    return done();
}
