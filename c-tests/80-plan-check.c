/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The check of a plan returns the error that a spawn of it returns, and runs nothing.
 */
#define _GNU_SOURCE
#include "planning.h"

/* clone3_spawn_check() and clone3_spawn_explain() say what clone3_spawn() does. */
static void agrees(const clone3_spawn_t *plan, const char *path, int error, const char *name)
{
    char checked[400], explained[400], *argv[] = { "sh", "-c", "exit 7", NULL };
    struct clone3_spawn_error err = { .size = sizeof err };
    int before = descriptors_open();
    errno = 4711;
    int got = clone3_spawn_check(path, plan, &err);
    ok(got == error && err.error == error && errno == 4711, "%s: clone3_spawn_check() returns %s", name, strerror(got));
    clone3_spawn_strerror(&err, checked, sizeof checked);
    clone3_spawn_explain(path, plan, explained, sizeof explained);
    ok(strcmp(explained, error ? checked : "") == 0, "%s: clone3_spawn_explain() has the words of that error: %s", name, explained);
    ok(waitpid(-1, NULL, 0x40000000 /* __WALL */ | WNOHANG) == -1 && descriptors_open() == before,
        "%s: check and explanation make no child and leave no descriptor", name);
    pid_t pid;
    is(spawn_plan(&pid, path, plan, argv), error, named("%s: clone3_spawn() returns the same", name));
    ok(strcmp(plan_error(), checked) == 0 && err.stage == error_of_plan.stage && err.index == error_of_plan.index,
        "%s: clone3_spawn() has the same error in words: %s", name, plan_error());
    if (!error)
        is(status_of(pid), 7, named("%s: clone3_spawn() makes the child that the check did not make", name));
}

static void refused(void)
{
    clone3_spawn_t plan = new_plan();
    agrees(&plan, "/bin/sh", 0, "a plan that is in order");
    agrees(NULL, "/bin/sh", 0, "no plan at all");
    agrees(&plan, NULL, EINVAL, "a plan that runs nothing");
    clone3_spawn_set_pivot_root(&plan, -1);
    agrees(&plan, "/bin/sh", EBADF, "a plan with a failed setter");
    plan = new_plan();
    clone3_spawn_set_fds(&plan, (const int *)8, 3);
    agrees(&plan, "/bin/sh", EFAULT, "a plan with an array at an invalid address");
    plan = new_plan();
    clone3_spawn_set_pidfd(&plan, (int *)8);
    agrees(&plan, "/bin/sh", EFAULT, "a plan with a pidfd at an invalid address");
    plan = new_plan();
    clone3_spawn_set_cgroup_path(&plan, "/nowhere");
    agrees(&plan, "/bin/sh", ENOENT, "a plan with a cgroup that is not there");
    memset(&plan, 0, sizeof plan);
    agrees(&plan, "/bin/sh", EINVAL, "what is no plan");
}

/* What only the kernel can say. */
static void by_the_kernel(void)
{
    struct clone3_features known = { .size = sizeof known };
    if (clone3_probe(&known))
        abort();
    clone3_spawn_t plan = new_plan();
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (known.obstacle || emulated())
        skip("a check of what only the kernel can refuse", "clone3(2) is out of reach");
    else {
        clone3_spawn_set_cgroup(&plan, null);
        agrees(&plan, "/bin/sh", EBADF, "a plan with a cgroup that is none");
        plan = new_plan();
        clone3_spawn_add_flags(&plan, CLONE_PIDFD_AUTOKILL);
        if (known.known & CLONE_PIDFD_AUTOKILL)
            skip("a plan with a flag that the kernel does not know: the check", "it does");
        else
            agrees(&plan, "/bin/sh", EINVAL, "a plan with a flag that the kernel does not know");
    }
    close(null);
}

static void arguments(void)
{
    clone3_spawn_t plan = new_plan();
    char text[100] = "x";
    int pidfd, *where = (int *)8;
    uint64_t flags = 1;
    struct clone3_spawn_error small = { .size = sizeof small - 1 };
    is(clone3_spawn_check("/bin/sh", &plan, &small), EINVAL, "clone3_spawn_check() with an error smaller than any version's: EINVAL");
    small.size = 4097;
    is(clone3_spawn_check("/bin/sh", &plan, &small), E2BIG, "clone3_spawn_check() with an error larger than any version's: E2BIG");
    is(clone3_spawn_check("/bin/sh", &plan, NULL), 0, "clone3_spawn_check() needs no place for an error");
    ok(strcmp(clone3_spawn_explain(NULL, &plan, text, 0), "") == 0 && strcmp(clone3_spawn_explain(NULL, &plan, NULL, 9), "") == 0,
        "clone3_spawn_explain() without a buffer returns an empty string");
    ok(clone3_spawn_explain(NULL, &plan, text, 5) == text && strcmp(text, "plan") == 0, "clone3_spawn_explain() cuts its text to the buffer");
    is(clone3_spawn_get_flags(&plan, &flags), 0, "clone3_spawn_get_flags() of a new plan succeeds");
    ok(flags == 0, "clone3_spawn_get_flags() of a new plan gives 0");
    clone3_spawn_add_flags(&plan, CLONE_NEWNS);
    clone3_spawn_add_flags(&plan, CLONE_NNP);
    ok(clone3_spawn_get_flags(&plan, &flags) == 0 && flags == (CLONE_NEWNS | CLONE_NNP), "clone3_spawn_get_flags() gives all flags that were added");
    ok(clone3_spawn_get_pidfd(&plan, &where) == 0 && where == NULL, "clone3_spawn_get_pidfd() of a new plan gives NULL");
    clone3_spawn_set_pidfd(&plan, &pidfd);
    ok(clone3_spawn_get_pidfd(&plan, &where) == 0 && where == &pidfd, "clone3_spawn_get_pidfd() gives the place that was set");
    is(clone3_spawn_get_flags(NULL, &flags), EFAULT, "clone3_spawn_get_flags() of no plan: EFAULT");
    is(clone3_spawn_get_flags(&plan, NULL), EFAULT, "clone3_spawn_get_flags() without a place: EFAULT");
    is(clone3_spawn_get_pidfd(NULL, &where), EFAULT, "clone3_spawn_get_pidfd() of no plan: EFAULT");
    is(clone3_spawn_get_pidfd(&plan, NULL), EFAULT, "clone3_spawn_get_pidfd() without a place: EFAULT");
    memset(&plan, 0, sizeof plan);
    is(clone3_spawn_get_flags(&plan, &flags), EINVAL, "clone3_spawn_get_flags() of what was not initialised: EINVAL");
    is(clone3_spawn_get_pidfd(&plan, &where), EINVAL, "clone3_spawn_get_pidfd() of what was not initialised: EINVAL");
}

int main(void)
{
    begin(60);
    refused();
    by_the_kernel();
    arguments();
    return done();
}
