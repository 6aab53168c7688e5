/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A child on its creator's memory and thread pointer is not mistaken for its creator:
 * its calls are not the creator's last call, though the C library has the creator's id
 * for both. After it, the creator's calls are recorded as usual.
 */
#define _GNU_SOURCE
#include "flags.h"
#include <sched.h>

static int route(void)
{
    struct clone3_route route = { .size = sizeof route };
    return clone3_last_route(&route) ? -1 : (int)route.route;
}

/* A call that is refused before the kernel is asked: no route. */
static int refused(void *unused)
{
    struct clone_args args = { .flags = CLONE_VM, .exit_signal = SIGCHLD };
    (void)unused;
    return clone3(&args, sizeof args) == -1 && route() == CLONE3_ROUTE_NONE ? 7 : 1;
}

static int in_callback(void *unused)
{
    return refused(unused) == 7 ? 0 : EIO;
}

static struct clone_args lent = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD };

static void after(const char *what, pid_t pid, int status)
{
    int seen = route();
    is(status_of(pid), status, named("%s: the child, whose call is refused, has no route", what));
    ok(seen != CLONE3_ROUTE_NONE && seen != -1, "%s: the creator's last route is that of this call, not of its child's", what);
    refused(NULL);
    is(route(), CLONE3_ROUTE_NONE, named("%s: a refused call of the creator's after it has no route", what));
}

int main(void)
{
    begin(30);
    if (emulated()) {
        skip("clone3_last_route() of children that have their creator's thread pointer", "qemu-user lends no memory");
        return done();
    }
    pid_t pid = vfork();
    if (pid == 0)
        _exit(refused(NULL));
    after("vfork", pid, 7);

    pid = vfork();
    if (pid == 0) {
        pid_t inner = vfork();
        if (inner == 0)
            _exit(refused(NULL));
        int good = route() != CLONE3_ROUTE_NONE; /* that is the outer child's own */
        _exit(status_of(inner) == 7 && good && refused(NULL) == 7 ? 7 : 1);
    }
    after("vfork in the child of vfork", pid, 7);

    after("clone3_call with lent memory", clone3_call(&lent, sizeof lent, refused, NULL), 7);

    struct clone3_spawn_plan plan;
    clone3_spawn_init(&plan, sizeof plan);
    clone3_spawn_set_callback(&plan, in_callback, NULL);
    char *const words[] = { "sh", "-c", "exit 7", NULL };
    pid = -1;
    is(clone3_spawn(&pid, "/bin/sh", &plan, words, NULL, NULL), 0, "clone3_spawn with a callback makes a child");
    after("clone3_spawn with a callback", pid, 7);

    static char stack[64 << 10] __attribute__((aligned(16)));
    pid = clone(refused, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL);
    int status = status_of(pid);
    ok(route() != CLONE3_ROUTE_NONE, "a child of clone() with shared memory: the creator's last route is its own");
    is(status, 7, "a child of clone() with shared memory, whose call is refused, has no route");
    return done();
}
