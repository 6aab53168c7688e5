/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Id maps of a child of clone3_spawn() are written without a helper task: no process is
 * left if the caller ends meanwhile, and no pid is used up.
 */
#define _GNU_SOURCE
#include "planning.h"
#include <pthread.h>
#include <sys/prctl.h>

static const struct clone3_spawn_id_range range[] = { { 0, 0, 1 } };
static char *const true_argv[] = { "sh", "-c", "exit 7", NULL };

static clone3_spawn_t mapped(uint64_t flags)
{
    clone3_spawn_t plan = new_plan();
    clone3_spawn_add_flags(&plan, CLONE_NEWUSER | flags);
    clone3_spawn_set_uid_map(&plan, range, 1);
    clone3_spawn_set_gid_map(&plan, range, 1);
    return plan;
}

/* ---- the caller ends, at any time ---- */

static void *spawns(void *flags)
{
    clone3_spawn_t plan = mapped(*(uint64_t *)flags);
    for (;;) {
        pid_t pid;
        if (clone3_spawn(&pid, "/bin/true", &plan, true_argv, environ, NULL) == 0)
            waitpid(pid, NULL, 0);
    }
    return NULL;
}

static int ends_at_once(uint64_t flags, int round)
{
    pthread_t thread;
    pid_t caller = fork();
    if (caller == 0) {
        for (int i = 0; i < 2; i++)
            if (pthread_create(&thread, NULL, spawns, &flags))
                _exit(1);
        usleep(1000 + (useconds_t)(round * 37 % 3000));
        if (round & 1)
            kill(getpid(), SIGKILL);
        _exit(0);
    }
    status_of(caller);
    /* What is left is ours by now, and ends if it ever does. */
    for (int i = 0; i < 300; i++) {
        pid_t got;
        while ((got = waitpid(-1, NULL, WNOHANG | 0x40000000 /* __WALL */)) > 0)
            ;
        if (got < 0)
            return 0;
        usleep(10000);
    }
    return 1;
}

static void kill_children(void)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *children = fopen(path, "re");
    for (int child; children && fscanf(children, "%d", &child) == 1;)
        kill(child, SIGKILL);
    if (children)
        fclose(children);
    while (waitpid(-1, NULL, 0x40000000) > 0)
        ;
}

static void orphans(void)
{
    static uint64_t all[] = { 0, CLONE_NEWPID };
    static const char *const names[] = { "in a new user namespace", "in new user and pid namespaces" };
    if (no_threads()) {
        skip("callers that end while id maps are written", no_threads());
        return;
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int rounds = repeats(150), left = 0;
        for (int round = 0; round < rounds && left < 3; round++)
            if (ends_at_once(all[i], round)) {
                left++;
                kill_children();
            }
        ok(left == 0, "nothing outlives a caller that ends during the spawn of a child %s: %d of %d rounds left something",
            names[i], left, rounds);
    }
    prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
}

/* ---- pids ---- */

static void in_new_pid_namespace(void)
{
    clone3_spawn_t plan = mapped(0);
    char *argv[] = { "sh", "-c", "test $$ = 1", NULL };
    pid_t pid;
    if (unshare(CLONE_NEWPID)) {
        skip("a child with id maps as the first of an unshared pid namespace", "it cannot be unshared");
        return;
    }
    int error = spawn_plan(&pid, "/bin/sh", &plan, argv);
    ok(error == 0, "a child with id maps as the first of an unshared pid namespace: %s", error ? plan_error() : "is there");
    is(error ? -1 : status_of(pid), 0, "a child with id maps as the first of an unshared pid namespace is process 1");
}

static void one_pid_each(void)
{
    clone3_spawn_t plan = mapped(0);
    pid_t first = -1, second = -1;
    for (int i = 0; i < 500; i++) { /* others take pids, too */
        spawn_plan(&first, "/bin/true", &plan, true_argv);
        status_of(first);
        spawn_plan(&second, "/bin/true", &plan, true_argv);
        status_of(second);
        if (second == first + 1)
            break;
    }
    is(second - first, 1, "a child with id maps uses one pid");
}

/* clone(2) has one place for the pidfd and the pid. */
static void with_pidfd(void)
{
    clone3_spawn_t plan = mapped(0);
    int pidfd = -1;
    pid_t pid = -1;
    clone3_spawn_set_pidfd(&plan, &pidfd);
    int error = spawn_plan(&pid, "/bin/sh", &plan, true_argv);
    ok(error == 0 && pidfd >= 0, "a plan with id maps and a pidfd makes a child: %s", error ? plan_error() : "both");
    is(error ? -1 : status_of(pid), 7, "the child of a plan with id maps and a pidfd runs its program");
    close(pidfd);
}

/* The child's number is another process's in a /proc of another pid namespace. */
static void in_foreign_proc(void)
{
    if (unshare(CLONE_NEWPID)) {
        skip("id maps are not written through the /proc of another pid namespace", "no new pid namespace");
        return;
    }
    pid_t first = fork();
    if (first == 0) {
        clone3_spawn_t plan = mapped(0);
        pid_t pid;
        int error = spawn_plan(&pid, "/bin/true", &plan, true_argv);
        _exit(error == ESRCH && strstr(plan_error(), "No such process") ? 7 : 1);
    }
    is(status_of(first), 7, "id maps are not written through the /proc of another pid namespace");
}

int main(void)
{
    begin(120);
    clone3_spawn_t plan = mapped(0);
    pid_t pid;
    if (emulated())
        skip("children with id maps", "no user namespaces under qemu-user");
    else if (geteuid() != 0 || spawn_plan(&pid, "/bin/true", &plan, true_argv))
        skip("children with id maps", "no such user namespace here");
    else {
        status_of(pid);
        one_pid_each();
        with_pidfd();
        apart(in_new_pid_namespace);
        orphans();
        apart(in_foreign_proc);
    }
    return done();
}
