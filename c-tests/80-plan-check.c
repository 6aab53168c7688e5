/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What is said of a plan without running it is what a spawn of it says, and nothing runs.
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
    ok(got == error && err.error == error && errno == 4711, "%s: the check says %s", name, strerror(got));
    clone3_spawn_strerror(&err, checked, sizeof checked);
    clone3_spawn_explain(path, plan, explained, sizeof explained);
    ok(strcmp(explained, error ? checked : "") == 0, "%s: it is explained in the words of its error: %s", name, explained);
    ok(waitpid(-1, NULL, 0x40000000 /* __WALL */ | WNOHANG) == -1 && descriptors_open() == before,
        "%s: neither made a child or left a descriptor", name);
    pid_t pid;
    is(spawn_plan(&pid, path, plan, argv), error, name);
    ok(strcmp(plan_error(), checked) == 0 && err.stage == error_of_plan.stage && err.index == error_of_plan.index,
        "%s: a spawn says the same: %s", name, plan_error());
    if (!error)
        is(status_of(pid), 7, "and makes the child that was not made before");
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
    agrees(&plan, "/bin/sh", EFAULT, "a plan with an array that is not in memory");
    plan = new_plan();
    clone3_spawn_set_pidfd(&plan, (int *)8);
    agrees(&plan, "/bin/sh", EFAULT, "a plan with a pidfd for no memory");
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
        skip("the kernel's own refusals", "clone3(2) is out of reach");
    else {
        clone3_spawn_set_cgroup(&plan, null);
        agrees(&plan, "/bin/sh", EBADF, "a plan with a cgroup that is none");
        plan = new_plan();
        clone3_spawn_add_flags(&plan, CLONE_PIDFD_AUTOKILL);
        if (known.known & CLONE_PIDFD_AUTOKILL)
            skip("a flag that the kernel does not know", "it does");
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
    is(clone3_spawn_check("/bin/sh", &plan, &small), EINVAL, "a check with an error smaller than any version's fails");
    small.size = 4097;
    is(clone3_spawn_check("/bin/sh", &plan, &small), E2BIG, "a check with an error larger than any version will be fails");
    is(clone3_spawn_check("/bin/sh", &plan, NULL), 0, "a check needs no error");
    ok(strcmp(clone3_spawn_explain(NULL, &plan, text, 0), "") == 0 && strcmp(clone3_spawn_explain(NULL, &plan, NULL, 9), "") == 0,
        "without room there is no explanation");
    ok(clone3_spawn_explain(NULL, &plan, text, 5) == text && strcmp(text, "plan") == 0, "an explanation is cut to its room");
    is(clone3_spawn_get_flags(&plan, &flags), 0, "the flags of a plan can be had");
    ok(flags == 0, "a new plan has no flags");
    clone3_spawn_add_flags(&plan, CLONE_NEWNS);
    clone3_spawn_add_flags(&plan, CLONE_NNP);
    ok(clone3_spawn_get_flags(&plan, &flags) == 0 && flags == (CLONE_NEWNS | CLONE_NNP), "flags add up, and are all told");
    ok(clone3_spawn_get_pidfd(&plan, &where) == 0 && where == NULL, "a new plan has no place for a pidfd");
    clone3_spawn_set_pidfd(&plan, &pidfd);
    ok(clone3_spawn_get_pidfd(&plan, &where) == 0 && where == &pidfd, "the place for the pidfd is told");
    is(clone3_spawn_get_flags(NULL, &flags), EFAULT, "the flags of no plan: EFAULT");
    is(clone3_spawn_get_flags(&plan, NULL), EFAULT, "flags for no memory: EFAULT");
    is(clone3_spawn_get_pidfd(NULL, &where), EFAULT, "the pidfd of no plan: EFAULT");
    is(clone3_spawn_get_pidfd(&plan, NULL), EFAULT, "a pidfd for no memory: EFAULT");
    memset(&plan, 0, sizeof plan);
    is(clone3_spawn_get_flags(&plan, &flags), EINVAL, "the flags of what is no plan: EINVAL");
    is(clone3_spawn_get_pidfd(&plan, &where), EINVAL, "the pidfd of what is no plan: EINVAL");
}

int main(void)
{
    begin(60);
    refused();
    by_the_kernel();
    arguments();
    return done();
}
