/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* flags.h: creates a child by clone3 or by clone3_call, so that a test of clone_args
 * works with both. */
#ifndef FLAGS_H
#define FLAGS_H

#include "raw.h"
#include "tap.h"
#include <clone3.h>
#include <sys/mman.h>

enum how { RETURNING, CALLED };
static const char *const by[] = { "clone3", "clone3_call" };

static char child_stack[64 << 10] __attribute__((aligned(16), unused));

static inline pid_t make_sized(enum how how, void *args, size_t size, int (*child)(void *),
    void *argument)
{
    if (how == CALLED)
        return clone3_call(args, size, child, argument);
    pid_t pid = clone3(args, size);
    if (pid == 0)
        raw_exit(child(argument));
    return pid;
}

static inline pid_t make(enum how how, struct clone_args args, int (*child)(void *), void *argument)
{
    return make_sized(how, &args, sizeof args, child, argument);
}

/* A child with SIGCHLD and these flags; its exit status. */
static inline int run(enum how how, uint64_t flags, int (*child)(void *), void *argument)
{
    struct clone_args args = { .flags = flags, .exit_signal = SIGCHLD };
    return status_of(make(how, args, child, argument));
}

/* Whether qemu-user can do it; a skip if not. */
static inline int possible(uint64_t flags, const char *name)
{
    if (!emulated() || (flags & ~(uint64_t)(CLONE_VFORK | CLONE_SETTLS | CLONE_CHILD_SETTID)) == 0)
        return 1;
    skip(name, "qemu-user forks without this flag only");
    return 0;
}

/* What clone(2) has no place for. */
static inline int needs_clone3(const struct clone_args *args)
{
    const uint64_t both = CLONE_PIDFD | CLONE_PARENT_SETTID;
    return args->flags >> 32 || (args->flags & CLONE_NEWTIME) || args->set_tid_size
        || (args->flags & both) == both;
}

/* The kernel's own word on a request: the errno, or 0 after making a child and
 * seeing it end. By clone(2) where clone3 is out of reach and that can say it;
 * with fewer bytes, if the rest are zero, where a filter has a limit to them. */
static inline int kernels_errno(const struct clone_args *args, size_t size)
{
    long result;
    if (native()) {
        result = raw(SYS_clone3, args, size);
        if (result == -E2BIG && filtered("size") && size <= 88 && !args->set_tid
            && !args->set_tid_size && !(args->flags & CLONE_INTO_CGROUP)
            && (size < 88 || !args->cgroup))
            result = raw(SYS_clone3, args, 64);
    } else if (needs_clone3(args)) {
        return unreachable_errno();
    } else {
        uint64_t parent_tid = args->flags & CLONE_PIDFD ? args->pidfd : args->parent_tid;
#ifdef __x86_64__
        result = raw(SYS_clone, args->flags | args->exit_signal, 0, parent_tid, args->child_tid,
            args->tls);
#else
        result = raw(SYS_clone, args->flags | args->exit_signal, 0, parent_tid, args->tls,
            args->child_tid);
#endif
    }
    if (result == 0)
        raw_exit(7);
    if (result > 0)
        status_of((pid_t)result);
    return result < 0 ? (int)-result : 0;
}

static inline int end_with_7(void *unused) { (void)unused; return 7; }

/* Zeroed memory that children share with the test, whatever the flags. */
static inline void *shared_with_children(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        abort();
    return memory;
}

#endif
