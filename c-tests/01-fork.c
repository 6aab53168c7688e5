/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* fork, _Fork, vfork, clone3, clone3_call and clone: the parent sees the end of their
 * children as with the libc's own functions, and errno is unchanged.
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
        ok(pid > 0 && errno == 77, name "() returns a pid to the parent and leaves its errno alone"); \
        is(status_of(pid), 7, name "() returns in the child and leaves its errno alone");        \
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
    ok(pid > 0 && errno == 77, "%s: the parent gets a pid, and its errno stays", name);
    is(status_of(pid), 9, named("%s: what the function returns is the child's exit status", name));
}

int main(void)
{
    int status = 11;
    begin(20);
    RETURNING("fork", fork());
    RETURNING("_Fork", _Fork());
    RETURNING("vfork", vfork());
    RETURNING("clone3", by_clone3());
    RETURNING("clone3 with VM and VFORK", clone3(&lent, sizeof lent));
    calling("clone3_call with copied memory", 0, 0);
    calling("clone3_call with copied memory and a stack", 0, 1);
    calling("clone3_call with VM and VFORK on the caller's stack", CLONE_VM | CLONE_VFORK, 0);
    calling("clone3_call with VM, VFORK and a stack", CLONE_VM | CLONE_VFORK, 1);
    pid_t pid = clone(ends_with, stack + sizeof stack, SIGCHLD, &status);
    is(status_of(pid), 11, "clone() with copied memory: the child ends with what its function returns");
    if (emulated()) {
        skip("children by clone() and clone3_call() with CLONE_VM but not CLONE_VFORK", "qemu-user refuses it");
        return done();
    }
    calling("clone3_call with VM and a stack", CLONE_VM, 1);
    pid = clone(ends_with, stack + sizeof stack, CLONE_VM | SIGCHLD, &status);
    is(status_of(pid), 11, "clone() with CLONE_VM: the child ends with what its function returns");
    pid = clone(ends_with, stack + sizeof stack - 5, CLONE_VM | SIGCHLD, &status);
    is(status_of(pid), 11, "clone() with CLONE_VM: so it does on a stack that is not aligned");
    return done();
}
