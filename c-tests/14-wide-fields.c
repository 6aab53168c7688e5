/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The fields of clone_args have 64 bits where pointers may have 32. An address with
 * something in the upper half that a pointer cannot have, as after
 * (uint64_t)(intptr_t)pointer, is an invalid address: its lower half is never used. The
 * result is that of a 64-bit kernel by every route, and is explained.
 */
#define _GNU_SOURCE
#include "differ.h"

static struct clone_args like_fork = { .exit_signal = SIGCHLD };
static uint64_t high; /* what is added to an address, or to a number */

static struct shared { volatile pid_t word; } *shared;
static volatile int pidfd;

static int look(void *expected)
{
    return shared->word == (intptr_t)expected ? 7 : 8;
}

/* The errno, or 0 for a child that ended well. */
static int outcome(enum how how, struct clone_args args)
{
    shared->word = 5;
    pidfd = -1;
    errno = 0;
    pid_t pid = make(how, args, look, (void *)5);
    int given = errno;
    if (pid < 0)
        return given;
    if (args.flags & CLONE_AUTOREAP)
        return 0;
    int status = status_of(pid);
    return status == 7 ? 0 : -status;
}

/* Whether the words of clone3_explain() begin with an errno's name. */
static int explains(struct clone_args args, int error)
{
    char text[200];
    const char *name = error == EFAULT ? "EFAULT: " : error == EINVAL ? "EINVAL: " : "EPERM: ";
    clone3_explain(&args, sizeof args, text, sizeof text);
    if (error ? strncmp(text, name, strlen(name)) == 0 : !text[0])
        return 1;
    printf("# explained \"%s\"\n", text);
    return 0;
}

/* That both calls give this errno (0: a child), where clone3(2) can be had as
 * the kernel itself does. Nothing is stored at the lower half. */
static void gives(int error, const char *what, struct clone_args args)
{
    if (native()) {
        long kernels = bare_clone3(&args, sizeof args);
        if (kernels > 0)
            status_of((pid_t)kernels);
        is(kernels < 0 ? -kernels : 0, error, named("the kernel itself, upper half %#llx: %s", (unsigned long long)high, what));
    }
    int can_tell = native() || !needs_clone3(&args) || args.set_tid_size > 32;
    int by_clone3 = args.stack ? EINVAL : can_tell ? error : unreachable_errno();
    for (enum how how = args.stack ? CALLED : RETURNING; how <= CALLED; how++)
        if (!ok(outcome(how, args) == (how == CALLED && args.stack ? error : by_clone3)
                && shared->word == 5 && pidfd == -1,
                "%s() has the kernel's answer, upper half %#llx: %s", by[how], (unsigned long long)high, what))
            printf("# %s, %d, %d\n", strerror(errno), shared->word, pidfd);
    if (can_tell)
        ok(explains(args, error), "clone3_explain() has that answer, upper half %#llx: %s", (unsigned long long)high, what);
}

#define WITH(...) ({ struct clone_args with = like_fork; __VA_ARGS__; with; })
#define WIDE(pointer) (high | (uintptr_t)(pointer))

static void addresses(void)
{
    static pid_t ids[1] = { 1 << 30 };
    gives(EFAULT, "pidfd", WITH(with.flags = CLONE_PIDFD, with.pidfd = WIDE(&pidfd)));
    gives(0, "parent_tid", WITH(with.flags = CLONE_PARENT_SETTID, with.parent_tid = WIDE(shared)));
    gives(0, "child_tid, SETTID",
        WITH(with.flags = CLONE_CHILD_SETTID, with.child_tid = WIDE(shared)));
    gives(0, "child_tid, CLEARTID",
        WITH(with.flags = CLONE_CHILD_CLEARTID | CLONE_VM | CLONE_VFORK, with.child_tid = WIDE(shared)));
    gives(0, "three addresses without their flags", WITH(with.pidfd = WIDE(&pidfd),
        with.child_tid = with.parent_tid = WIDE(shared)));
    gives(0, "tls without CLONE_SETTLS", WITH(with.tls = WIDE(8)));
    gives(EFAULT, "set_tid", WITH(with.set_tid = WIDE(ids), with.set_tid_size = 1));
    gives(EINVAL, "set_tid_size", WITH(with.set_tid = (uintptr_t)ids, with.set_tid_size = high | 1));
    gives(EINVAL, "cgroup", WITH(with.flags = CLONE_INTO_CGROUP, with.cgroup = high | 3));
    gives(EINVAL, "exit_signal", WITH(with.exit_signal |= high));
#if defined(__i386__)
    gives(EFAULT, "tls",
        WITH(with.flags = CLONE_SETTLS, with.tls = WIDE(settls((void *)thread_pointer()))));
#elif defined(__x86_64__)
    if (native())
        gives(EPERM, "tls", WITH(with.flags = CLONE_SETTLS, with.tls = WIDE(thread_pointer())));
#endif
}

/* By clone(2) only where it could not be passed on at all. */
static void stacks(void)
{
    if (!native() && sizeof(void *) == 8) {
        skip(named("stacks at addresses of upper half %#llx", (unsigned long long)high), "clone(2) has no wider fields");
        return;
    }
    gives(EINVAL, "stack",
        WITH(with.stack = WIDE(child_stack), with.stack_size = sizeof child_stack));
    gives(EINVAL, "stack_size",
        WITH(with.stack = (uintptr_t)child_stack, with.stack_size = high | sizeof child_stack));
}

/* What the library stores by itself: a process in between makes the child. */
static void emulated_autoreap(void)
{
    struct clone_args args = { .flags = CLONE_AUTOREAP | CLONE_PARENT_SETTID,
        .parent_tid = WIDE(shared) };
    clone3_allow_emulation(CLONE_AUTOREAP);
    is(outcome(RETURNING, args), 0, named("CLONE_AUTOREAP, emulated or not, with parent_tid of upper half %#llx makes a child", (unsigned long long)high));
    is(shared->word, 5, named("CLONE_AUTOREAP, emulated or not, with parent_tid of upper half %#llx stores nothing at the lower half", (unsigned long long)high));
    args.flags = CLONE_AUTOREAP | CLONE_PIDFD;
    args.parent_tid = 0;
    args.pidfd = WIDE(&pidfd);
    is(outcome(RETURNING, args), EFAULT, named("CLONE_AUTOREAP, emulated or not, with pidfd of upper half %#llx: EFAULT", (unsigned long long)high));
    clone3_allow_emulation(0);
}

int main(void)
{
    begin(30);
    if (emulated()) {
        skip("addresses that no pointer can hold", "qemu-user has rules of its own for clone(2)");
        return done();
    }
    if (filtered("size")) {
        skip("addresses that no pointer can hold", "this filter refuses what the kernel would take");
        return done();
    }
    shared = shared_with_children(sizeof *shared);
    static const uint64_t halves[] = { 1ull << 63, 0xffffffffull << 32, 1ull << 47, 1ull << 32 };
    for (size_t i = 0; i < (sizeof(void *) == 4 ? 4 : 1); i++) {
        high = halves[i];
        addresses();
        if (high != 1ull << 32) /* the 64-bit kernel takes it for an address, and drops the half */
            stacks();
        emulated_autoreap();
    }
    return done();
}
