/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Invalid addresses in everything of a plan that this library reads itself: EFAULT with
 * the step, and not a child that dies of SIGSEGV and is taken for the program.
 */
#define _GNU_SOURCE
#include "planning.h"

static char *page_end; /* what is behind it is not mapped */

static void lists(void)
{
    static const struct { const char *name; const void *at; } places[] = { { "in the first page", (void *)8 }, { "partly in an unmapped page", NULL },
        { "beyond user space", (void *)-64 } };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const void *at = places[i].at ? places[i].at : page_end - 4;
        char name[100];
        clone3_spawn_t plan = new_plan();
#define NAME(what) (snprintf(name, sizeof name, what " whose address is %s: EFAULT", places[i].name), name)
        clone3_spawn_set_rlimits(&plan, at, 1);
        fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_RLIMIT, 0, EFAULT, NAME("limits"));
        plan = new_plan();
        clone3_spawn_set_fds(&plan, at, 3);
        fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_FD, 0, EFAULT, NAME("a list of descriptors"));
        plan = new_plan();
        clone3_spawn_set_namespaces(&plan, at, 1);
        fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_NAMESPACE, 0, EFAULT, NAME("namespaces"));
        plan = new_plan();
        clone3_spawn_add_flags(&plan, CLONE_NEWUSER);
        clone3_spawn_set_uid_map(&plan, at, 1);
        fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_ID_MAP, 1, EFAULT, NAME("a uid_map"));
        plan = new_plan();
        clone3_spawn_add_flags(&plan, CLONE_NEWUSER);
        clone3_spawn_set_gid_map(&plan, at, 1);
        fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_ID_MAP, 2, EFAULT, NAME("a gid_map"));
        plan = new_plan();
        if (places[i].at) { /* four bytes at the end of a page are a good place for a pidfd */
            clone3_spawn_set_pidfd(&plan, (int *)(uintptr_t)at);
            fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_PIDFD, 0, EFAULT, NAME("a pidfd"));
        }
    }
    clone3_spawn_t plan = new_plan();
    memcpy(page_end - 12, (int []){ 0, 1, 2 }, 12);
    clone3_spawn_set_fds(&plan, (int *)(void *)(page_end - 12), 3);
    says(&plan, "echo fine", "fine", "a list of descriptors may end where a page ends");
}

static void programs(void)
{
    clone3_spawn_t plan = new_plan();
    clone3_spawn_set_program_fd(&plan, AT_FDCWD, 0);
    fails_at(&plan, "", CLONE3_SPAWN_STAGE_EXEC, 0, ENOENT, "an empty path from the working directory is ENOENT, as for execve()");
    fails_at(&plan, (char *)8, CLONE3_SPAWN_STAGE_EXEC, 0, EFAULT, "a path from the working directory that is no address: EFAULT");
    int usr = open("/bin", O_PATH | O_CLOEXEC);
    clone3_spawn_set_program_fd(&plan, usr, 0);
    fails_at(&plan, "", CLONE3_SPAWN_STAGE_EXEC, 0, ENOENT, "an empty path from a directory is ENOENT");
    fails_at(&plan, (char *)8, CLONE3_SPAWN_STAGE_EXEC, 0, EFAULT, "a path from a directory that is no address: EFAULT");
    says(&plan, "echo fine", "fine", "a program is found in the directory of set_program_fd()") ;
    close(usr);
    plan = new_plan();
    fails_at(&plan, (char *)8, CLONE3_SPAWN_STAGE_EXEC, 0, EFAULT, "a path that is no address: EFAULT");
    clone3_spawn_set_search(&plan, 1);
    fails_at(&plan, (char *)8, CLONE3_SPAWN_STAGE_EXEC, 0, EFAULT, "a name to look for that is no address: EFAULT");
    memset(page_end - 8, 'x', 8);
    fails_at(&plan, page_end - 8, CLONE3_SPAWN_STAGE_EXEC, 0, EFAULT, "a name to look for that has no end: EFAULT");
    page_end[-1] = 0;
    fails_at(&plan, page_end - 8, CLONE3_SPAWN_STAGE_EXEC, 0, ENOENT, "a name to look for may end where a page ends");
    plan = new_plan();
    clone3_spawn_set_directory(&plan, (char *)8);
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_DIRECTORY, 0, EFAULT, "a directory that is no address: EFAULT");
    clone3_spawn_set_chroot(&plan, (char *)8);
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_ROOT, 0, EFAULT, "a root that is no address: EFAULT");
    plan = new_plan();
    clone3_spawn_set_cgroup_path(&plan, (char *)8);
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_CGROUP, 0, EFAULT, "a cgroup that is no address: EFAULT");
    plan = new_plan();
    char *const *nowhere = (char *const *)8;
    pid_t pid = -5;
    error_of_plan.size = sizeof error_of_plan;
    is(clone3_spawn(&pid, "/bin/sh", &plan, nowhere, environ, &error_of_plan), EFAULT, "arguments that are no address: EFAULT");
    ok(strcmp(plan_error(), "exec \"/bin/sh\": Bad address") == 0, "an error of arguments that are no address names the program: %s", plan_error());
}

int main(void)
{
    begin(60);
    if (emulated()) {
        skip("plans with invalid addresses", "qemu-user reads arrays before the kernel does");
        return done();
    }
    long page = sysconf(_SC_PAGESIZE);
    char *two = mmap(NULL, 2 * (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page_end = two + page;
    munmap(page_end, (size_t)page);
    lists();
    programs();
    return done();
}
