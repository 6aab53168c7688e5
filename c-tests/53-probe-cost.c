/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* clone3_probe() costs what its manual page says: a hundred system calls at most, and
 * thirty pid numbers.
 *
 * modes: shared static
 */
#define _GNU_SOURCE
#include "trace.h"
#include <clone3.h>
#include <sched.h>

static int probes(void *unused)
{
    struct clone3_features found = { .size = sizeof found };
    (void)unused;
    mark(MARK_BEGIN);
    int status = clone3_probe(&found);
    mark(MARK_END);
    return status != 0;
}

static pid_t next_pid(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return waitpid(pid, NULL, 0) == pid ? pid : -1;
}

/* The first process of a pid namespace, where no other process takes numbers: how many the
 * probe took, as its exit status. */
static int numbers(void)
{
    struct clone3_features found = { .size = sizeof found };
    pid_t before = next_pid();
    if (before < 0 || clone3_probe(&found) != 0)
        return 255;
    return next_pid() - before - 1;
}

int main(void)
{
    begin(30);
    const char *calls = "clone3_probe() makes at most 100 system calls";
    const char *asks = "clone3_probe() makes more than 20 clone3 system calls where clone3 is in reach";
    if (emulated()) {
        skip(calls, "qemu-user has no ptrace");
        skip(asks, "qemu-user has no ptrace");
    } else {
        struct trace seen = traced_run(probes, NULL);
        ok(seen.status == 0 && seen.calls > 0 && seen.calls <= 100, "%s (%d)", calls, seen.calls);
        if (seen.status != 0)
            printf("# status %d\n", seen.status);
        if (unreachable_errno())
            skip(asks, "clone3 is out of reach");
        else
            ok(seen.clone3s > 20, "%s (%d)", asks, seen.clone3s);
    }

    const char *pids = "clone3_probe() uses at most 30 pid numbers";
    pid_t pid = fork();
    if (pid == 0) {
        if (unshare(CLONE_NEWPID) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0)
            _exit(254);
        pid_t first = fork();
        if (first == 0)
            _exit(numbers());
        _exit(status_of(first));
    }
    int taken = status_of(pid);
    if (taken == 254)
        skip(pids, "no pid namespaces here");
    else
        ok(taken <= 30, "%s (%d)", pids, taken);
    return done();
}
