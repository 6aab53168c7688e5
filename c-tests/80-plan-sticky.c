/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A plan with a setter that failed does not run, whether or not its result was checked:
 * what the plan lacks may be what confines the program.
 */
#define _GNU_SOURCE
#include "planning.h"

static sigset_t with_kill;
static const void *const nowhere = (const void *)8;

static int flags(clone3_spawn_t *p) { return clone3_spawn_add_flags(p, CLONE_VM); }
static int exit_signal(clone3_spawn_t *p) { return clone3_spawn_set_exit_signal(p, 65); }
static int tid(clone3_spawn_t *p) { return clone3_spawn_set_tid(p, NULL, 1); }
static int cgroup(clone3_spawn_t *p) { return clone3_spawn_set_cgroup(p, open("/nowhere", O_PATH)); }
static int cgroup_path(clone3_spawn_t *p) { return clone3_spawn_set_cgroup_path(p, getenv("NOT_THERE")); }
static int namespaces(clone3_spawn_t *p) { return clone3_spawn_set_namespaces(p, NULL, 1); }
static int uid_map(clone3_spawn_t *p) { return clone3_spawn_set_uid_map(p, NULL, 1); }
static int gid_map(clone3_spawn_t *p) { return clone3_spawn_set_gid_map(p, NULL, 1); }
static int uid(clone3_spawn_t *p) { return clone3_spawn_set_uid(p, (uid_t)-1); }
static int gid(clone3_spawn_t *p) { return clone3_spawn_set_gid(p, (gid_t)-1); }
static int groups(clone3_spawn_t *p) { return clone3_spawn_set_groups(p, NULL, 1); }
static int capabilities(clone3_spawn_t *p) { return clone3_spawn_set_capabilities(p, 3, 0); }
static int seccomp(clone3_spawn_t *p) { return clone3_spawn_set_seccomp(p, nowhere, 1); }
static int no_seccomp(clone3_spawn_t *p) { return clone3_spawn_set_seccomp(p, NULL, 0); }
static int rlimits(clone3_spawn_t *p) { return clone3_spawn_set_rlimits(p, NULL, 1); }
static int mode_mask(clone3_spawn_t *p) { return clone3_spawn_set_umask(p, 01000); }
static int mounts(clone3_spawn_t *p) { return clone3_spawn_set_mounts(p, NULL, 1); }
static int process_group(clone3_spawn_t *p) { return clone3_spawn_set_process_group(p, -1); }
static int terminal(clone3_spawn_t *p) { return clone3_spawn_set_terminal(p, open("/nowhere", O_RDWR)); }
static int signal_mask(clone3_spawn_t *p) { return clone3_spawn_set_signal_mask(p, nowhere); }
static int signal_defaults(clone3_spawn_t *p) { return clone3_spawn_set_signal_defaults(p, NULL); }
static int signal_ignores(clone3_spawn_t *p) { return clone3_spawn_set_signal_ignores(p, &with_kill); }
static int nice_value(clone3_spawn_t *p) { return clone3_spawn_set_nice(p, 20); }
static int affinity(clone3_spawn_t *p) { return clone3_spawn_set_affinity(p, NULL, 8); }
static int oom_score_adj(clone3_spawn_t *p) { return clone3_spawn_set_oom_score_adj(p, 1001); }
static int death_signal(clone3_spawn_t *p) { return clone3_spawn_set_pdeath_signal(p, 65); }
static int directory(clone3_spawn_t *p) { return clone3_spawn_set_directory(p, getenv("NOT_THERE")); }
static int directory_fd(clone3_spawn_t *p) { return clone3_spawn_set_directory_fd(p, -1); }
static int change_root(clone3_spawn_t *p) { return clone3_spawn_set_chroot(p, getenv("NOT_THERE")); }
static int root(clone3_spawn_t *p) { return clone3_spawn_set_pivot_root(p, open("/nowhere", O_PATH)); }
static int fds(clone3_spawn_t *p) { return clone3_spawn_set_fds(p, (const int *)nowhere, 1025); }
static int lost_actions(clone3_spawn_t *p) { return clone3_spawn_set_file_actions(p, nowhere); }
static int program(clone3_spawn_t *p) { return clone3_spawn_set_program_fd(p, open("/nowhere", O_PATH), 0); }

static const struct { const char *name; int (*set)(clone3_spawn_t *); int error; } setters[] = {
    { "add_flags", flags, EINVAL }, { "set_exit_signal", exit_signal, EINVAL }, { "set_tid", tid, EFAULT },
    { "set_cgroup", cgroup, EBADF }, { "set_cgroup_path", cgroup_path, EFAULT }, { "set_namespaces", namespaces, EFAULT },
    { "set_uid_map", uid_map, EFAULT }, { "set_gid_map", gid_map, EFAULT }, { "set_uid", uid, EINVAL }, { "set_gid", gid, EINVAL },
    { "set_groups", groups, EFAULT }, { "set_capabilities", capabilities, EINVAL }, { "set_seccomp", seccomp, EINVAL },
    { "set_seccomp", no_seccomp, EFAULT }, { "set_rlimits", rlimits, EFAULT }, { "set_umask", mode_mask, EINVAL },
    { "set_mounts", mounts, EFAULT }, { "set_process_group", process_group, EINVAL }, { "set_terminal", terminal, EBADF }, { "set_signal_mask", signal_mask, EFAULT },
    { "set_signal_defaults", signal_defaults, EFAULT }, { "set_signal_ignores", signal_ignores, EINVAL },
    { "set_nice", nice_value, EINVAL }, { "set_affinity", affinity, EFAULT }, { "set_oom_score_adj", oom_score_adj, EINVAL },
    { "set_pdeath_signal", death_signal, EINVAL }, { "set_directory", directory, EFAULT }, { "set_directory_fd", directory_fd, EBADF },
    { "set_chroot", change_root, EFAULT }, { "set_pivot_root", root, EBADF }, { "set_fds", fds, EINVAL },
    { "set_file_actions", lost_actions, EFAULT }, { "set_program_fd", program, EBADF },
};

/* The plan as it is refused, by itself, with a path and in words. */
static void is_refused(const clone3_spawn_t *plan, const char *setter, int error, const char *how)
{
    char name[200], wanted[100];
    snprintf(wanted, sizeof wanted, "%s: %s", setter, strerror(error));
    char *argv[] = { "sh", "-c", "exit 7", NULL };
    pid_t pid = -5;
    int got = spawn_plan(&pid, "/bin/sh", plan, argv);
    int child = waitpid(-1, NULL, 0x40000000 /* __WALL */ | WNOHANG) != -1;
    const char *said = plan_error();
    snprintf(name, sizeof name, "a plan with a failed %s does not run%s, and the error names that setter: %s", setter, how, said);
    ok(got == error && error_of_plan.error == error && error_of_plan.stage == CLONE3_SPAWN_STAGE_PLAN && pid == -5
        && !child && strcmp(said, wanted) == 0, "%s", name);
}

int main(void)
{
    begin(60);
    sigemptyset(&with_kill);
    sigaddset(&with_kill, SIGKILL);
    for (size_t i = 0; i < sizeof setters / sizeof *setters; i++) {
        clone3_spawn_t plan = new_plan();
        char name[200];
        snprintf(name, sizeof name, "clone3_spawn_%s(), number %zu, refuses a bad value", setters[i].name, i);
        is(setters[i].set(&plan), setters[i].error, name);
        snprintf(name, sizeof name, " (number %zu)", i);
        is_refused(&plan, setters[i].name, setters[i].error, name);
    }
    clone3_spawn_t plan = new_plan(), copy;
    root(&plan);
    uid(&plan);
    is_refused(&plan, "set_pivot_root", EBADF, ", of two failures the first");
    is_refused(&plan, "set_pivot_root", EBADF, ", the second time either");
    copy = plan;
    is_refused(&copy, "set_pivot_root", EBADF, " when it is copied");
    clone3_spawn_set_umask(&plan, 022);
    is_refused(&plan, "set_pivot_root", EBADF, " after a setter that succeeded");
    clone3_spawn_set_function(&plan, (int (*)(void *))(void *)getuid, NULL);
    is(spawn_plan(NULL, NULL, &plan, NULL), EBADF, "a plan with a failed setter runs no function either");
    is(clone3_spawn_init(&plan, sizeof plan), 0, "clone3_spawn_init() makes a new plan of one with a failed setter");
    says(&plan, "echo fine", "fine", "a plan made new by clone3_spawn_init() after a failed setter runs");
    copy = new_plan();
    is(clone3_spawn_init(&copy, 100), EINVAL, "clone3_spawn_init() of too small a size fails");
    is(spawn_plan(NULL, "/bin/sh", &copy, NULL), EINVAL, "after clone3_spawn_init() of too small a size no plan can run");
    return done();
}
