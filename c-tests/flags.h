/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* flags.h: a child by clone3 or by clone3_call, so that a test of what
 * a clone_args asks for need not say which. */
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
