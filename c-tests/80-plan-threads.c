/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One plan, used and copied by eight threads at once: each child is as the plan says.
 */
#define _GNU_SOURCE
#include "planning.h"
#include <pthread.h>

enum { THREADS = 8, SPAWNS = 25 };

static clone3_spawn_t plan;
static pthread_barrier_t start;
static unsigned right[THREADS], refused[THREADS];

/* A child that finds all of the plan ends with 7. */
static const char script[] = "test \"$(umask)\" = 0027 && test \"$(ulimit -n)\" = 77 && test \"$(pwd)\" = /usr && exit 7";

static void *spawns(void *number)
{
    unsigned me = *(unsigned *)number;
    clone3_spawn_t copy = plan;
    char *argv[] = { "sh", "-c", (char *)script, NULL };
    pthread_barrier_wait(&start);
    for (int i = 0; i < SPAWNS; i++) {
        pid_t pid;
        struct clone3_spawn_error err = { .size = sizeof err };
        if (clone3_spawn(&pid, "/bin/sh", i % 2 ? &copy : &plan, argv, environ, &err) == 0)
            right[me] += status_of(pid) == 7;
        /* Its own failure, and no other thread's. */
        const char *nowhere = me % 2 ? "/nowhere/odd" : "/nowhere/even";
        refused[me] += clone3_spawn(&pid, nowhere, &plan, argv, environ, &err) == ENOENT
            && err.path == nowhere && err.stage == CLONE3_SPAWN_STAGE_EXEC;
    }
    return NULL;
}

int main(void)
{
    begin(120);
    if (no_threads()) {
        skip("one plan used by eight threads at once", no_threads());
        return done();
    }
    if (emulated()) {
        skip("one plan used by eight threads at once", "qemu-user hangs now and then in children of several threads, also in the libc's posix_spawn()");
        return done();
    }
    static const struct clone3_spawn_rlimit limits[] = { { RLIMIT_NOFILE, 0, 77, 77 } };
    pthread_t threads[THREADS];
    unsigned numbers[THREADS], all = 0, all_refused = 0;
    plan = new_plan();
    clone3_spawn_set_umask(&plan, 027);
    clone3_spawn_set_rlimits(&plan, limits, 1);
    clone3_spawn_set_directory(&plan, "/usr");
    clone3_spawn_t before = plan;
    pthread_barrier_init(&start, NULL, THREADS);
    for (unsigned i = 0; i < THREADS; i++) {
        numbers[i] = i;
        if (pthread_create(&threads[i], NULL, spawns, &numbers[i]))
            abort();
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        all += right[i], all_refused += refused[i];
    }
    is(all, THREADS * SPAWNS, "each child of one plan used by eight threads at once is as the plan says");
    is(all_refused, THREADS * SPAWNS, "each failure of one plan used by eight threads at once has its own error");
    ok(memcmp(&plan, &before, sizeof plan) == 0, "spawns in eight threads at once do not change their plan");
    return done();
}
