/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A fork makes every page of its caller one that is copied at the next write to it, which is a
 * page fault. fork() writes to no more pages of its caller's than clone(2) itself does with the
 * least C around it.
 */
#define _GNU_SOURCE
#include "raw.h"
#include "tap.h"
#include <alloca.h>
#include <limits.h>
#include <sys/resource.h>

enum { ROUNDS = 60 };

static long faults(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

static pid_t by_kernel(void) { return (pid_t)raw(SYS_clone, SIGCHLD, 0, 0, 0, 0); }

static long faults_of(pid_t (*make)(void), int *good)
{
    long before = faults();
    for (int i = 0; i < ROUNDS; i++) {
        pid_t pid = make();
        if (pid == 0)
            raw(SYS_exit_group, 3);
        *good &= status_of(pid) == 3;
    }
    return faults() - before;
}

/* How many more fork() has, from a stack pointer so far down. */
static long more_from(size_t down, int *good)
{
    volatile char *room = alloca(down + 1);
    room[0] = 0;
    long ours = faults_of(fork, good), least = faults_of(by_kernel, good);
    printf("# %ld page faults in %d calls of fork(), %ld by clone(2)\n", ours, ROUNDS, least);
    return ours - least + room[0];
}

int main(void)
{
    begin(60);
    int good = 1;
    if (emulated()) {
        skip("page faults of a fork's caller", "the emulator has its own");
        return done();
    }
    faults_of(fork, &good); /* what is found out by the first */
    faults_of(by_kernel, &good);
    /* Its frames, which are more than clone(2) takes, may reach into another page of the stack:
     * from four places a KiB apart not all do. */
    long fewest = LONG_MAX;
    for (size_t down = 0; down < 4096; down += 1024) {
        long more = more_from(down, &good);
        fewest = more < fewest ? more : fewest;
    }
    ok(good, "children of fork() and of clone(2) end as they should");
    /* Now and then the kernel has reasons of its own. */
    ok(fewest <= ROUNDS / 2, "fork() writes to no page of its caller's that clone(2) does not");
    return done();
}
