/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* fork, _Fork, vfork, clone3, clone3_call and clone make children whose end
 * the parent sees as from the libc's own, and leave errno alone.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <clone3.h>
#include <sched.h>

pid_t _Fork(void);

static int ends_with(void *status) { return *(int *)status; }

static char stack[65536] __attribute__((aligned(16)));

static pid_t by_clone3(void)
{
    struct clone_args args = { .exit_signal = SIGCHLD };
    return clone3(&args, sizeof args);
}

static struct clone_args lent = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD };

#define RETURNING(name, call)                                                  \
    do {                                                                       \
        errno = 77;                                                            \
        pid_t pid = call;                                                      \
        if (pid == 0)                                                          \
            _exit(errno == 77 ? 7 : 8);                                        \
        ok(pid > 0 && errno == 77, name ": the parent gets a pid, errno stays"); \
        is(status_of(pid), 7, name ": the child returns, errno stays");        \
    } while (0)

static void calling(const char *name, uint64_t flags, int own_stack)
{
    int status = 9;
    struct clone_args args = { .flags = flags, .exit_signal = SIGCHLD };
    if (own_stack) {
        args.stack = (uintptr_t)stack;
        args.stack_size = sizeof stack;
    }
    errno = 77;
    pid_t pid = clone3_call(&args, sizeof args, ends_with, &status);
    ok(pid > 0 && errno == 77, "%s: the parent gets a pid, errno stays", name);
    is(status_of(pid), 9, name);
}

int main(void)
{
    int status = 11;
    begin(20);
    RETURNING("fork", fork());
    RETURNING("_Fork", _Fork());
    RETURNING("vfork", vfork());
    RETURNING("clone3", by_clone3());
    RETURNING("clone3, VM and VFORK", clone3(&lent, sizeof lent));
    calling("clone3_call, copied memory", 0, 0);
    calling("clone3_call, copied memory, own stack", 0, 1);
    calling("clone3_call, VM and VFORK, the caller's stack", CLONE_VM | CLONE_VFORK, 0);
    calling("clone3_call, VM and VFORK, own stack", CLONE_VM | CLONE_VFORK, 1);
    pid_t pid = clone(ends_with, stack + sizeof stack, SIGCHLD, &status);
    is(status_of(pid), 11, "clone, copied memory");
    if (emulated()) {
        skip("CLONE_VM without CLONE_VFORK", "qemu-user refuses it");
        return done();
    }
    calling("clone3_call, VM, own stack", CLONE_VM, 1);
    pid = clone(ends_with, stack + sizeof stack, CLONE_VM | SIGCHLD, &status);
    is(status_of(pid), 11, "clone, VM");
    pid = clone(ends_with, stack + sizeof stack - 5, CLONE_VM | SIGCHLD, &status);
    is(status_of(pid), 11, "clone, a stack that is not aligned");
    return done();
}
