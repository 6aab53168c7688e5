/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Process-wide state is consistent in every thread while other threads change it: what
 * is known about the kernel beside clone3_probe_refresh(), what may be emulated beside
 * clone3_allow_emulation(), the report of each thread's last call while threads start
 * and end.
 */
#define _GNU_SOURCE
#include "flags.h"
#include "raw.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/prctl.h>

static atomic_int stop;

static void *refresh(void *unused)
{
    while (!stop)
        clone3_probe_refresh();
    return unused;
}

static void *allow(void *unused)
{
    for (int i = 0; !stop; i++)
        clone3_allow_emulation(i & 1 ? CLONE_NNP : 0);
    return unused;
}

/* One flag that came late, asked about again and again. */
static void explained(int count)
{
    struct clone_args args = { .flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD };
    char alone[200], beside[200], other[200] = "";
    int different = 0;
    clone3_explain(&args, sizeof args, alone, sizeof alone);
    for (int i = 0; i < count; i++) {
        clone3_explain(&args, sizeof args, beside, sizeof beside);
        if (strcmp(alone, beside) != 0 && different++ == 0)
            strcpy(other, beside);
    }
    if (!ok(different == 0, "clone3_explain() gives the same answer beside clone3_probe_refresh(), %d times",
            count))
        printf("# %d times not \"%s\" but another, the first \"%s\"\n", different, alone, other);
}

static int told_of_privileges(void *unused)
{
    (void)unused;
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 7 : 1;
}

/* A child with no_new_privs or a refusal, whatever is allowed meanwhile. */
static void emulated_or_refused(int count)
{
    struct clone_args args = { .flags = CLONE_NNP, .exit_signal = SIGCHLD };
    int without = 0, refused = 0, other = 0, reported = 0;
    int refusal = unreachable_errno() ? unreachable_errno() : EINVAL;
    if (filtered("size")) /* its errno for the larger struct comes first */
        refusal = EINVAL;
    for (int i = 0; i < count; i++) {
        struct clone3_route route = { .size = sizeof route };
        pid_t pid = make(i & 1 ? CALLED : RETURNING, args, told_of_privileges, NULL);
        int error = errno;
        clone3_last_route(&route);
        if (pid > 0) {
            without += status_of(pid) != 7;
            reported += route.route == CLONE3_ROUTE_EMULATED || route.route == CLONE3_ROUTE_NATIVE
                || route.route == CLONE3_ROUTE_SMALLER;
        } else {
            refused++;
            other += error != refusal;
        }
    }
    is(without, 0, "no child of CLONE_NNP is without it beside clone3_allow_emulation()");
    is(reported, count - refused, "each of them is reported as native or emulated");
    is(other, 0, "a refusal of CLONE_NNP beside clone3_allow_emulation() has the errno that it has alone");
}

/* Its own answers only, between threads that begin and end. */
static void *own_report(void *number)
{
    struct clone_args args = { .exit_signal = SIGCHLD,
        .flags = (uintptr_t)number & 1 ? CLONE_VM : CLONE_VM | CLONE_SIGHAND | CLONE_CLEAR_SIGHAND | CLONE_VFORK };
    uint32_t wanted = (uintptr_t)number & 1 ? CLONE3_ROUTE_NONE : CLONE3_ROUTE_NATIVE;
    intptr_t wrong = 0;
    for (int i = 0; i < 100; i++) {
        struct clone3_route route = { .size = sizeof route };
        wrong += clone3(&args, sizeof args) != -1;
        clone3_last_route(&route);
        wrong += route.route != wanted;
    }
    return (void *)wrong;
}

static void reports(int rounds)
{
    intptr_t wrong = 0;
    pthread_t threads[8];
    for (int round = 0; round < rounds; round++) {
        for (uintptr_t i = 0; i < 8; i++)
            pthread_create(&threads[i], NULL, own_report, (void *)i);
        for (int i = 0; i < 8; i++) {
            void *result;
            pthread_join(threads[i], &result);
            wrong += (intptr_t)result;
        }
    }
    is((long)wrong, 0, "clone3_last_route() is right in each of many threads that come and go");
}

int main(void)
{
    pthread_t thread;
    begin(100);
    if (no_threads()) {
        skip("what is kept for the whole process, beside threads that change it", no_threads());
        return done();
    }
    pthread_create(&thread, NULL, refresh, NULL);
    explained(repeats(10000));
    stop = 1;
    pthread_join(thread, NULL);
    stop = 0;
    pthread_create(&thread, NULL, allow, NULL);
    emulated_or_refused(repeats(1000));
    stop = 1;
    pthread_join(thread, NULL);
    clone3_allow_emulation(0);
    if (unreachable_errno() || filtered("size") || emulated())
        skip("clone3_last_route() in threads that come and go", "another route");
    else
        reports(repeats(20));
    return done();
}
