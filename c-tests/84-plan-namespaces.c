/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Children of clone3_spawn() in namespaces: new ones, with id maps and a root of their
 * own, and existing ones.
 */
#define _GNU_SOURCE
#include "planning.h"
#include <sys/prctl.h>

static const struct clone3_spawn_id_range to_root[] = { { 0, 1000, 1 }, { 1, 100000, 50 } }, one[] = { { 0, 4242, 1 } };

static void fresh(void)
{
    static const struct { const char *name; uint64_t flag; } all[] = { { "uts", CLONE_NEWUTS }, { "ipc", CLONE_NEWIPC },
        { "mnt", CLONE_NEWNS }, { "net", CLONE_NEWNET }, { "cgroup", CLONE_NEWCGROUP } };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        clone3_spawn_t plan = new_plan();
        char command[100], own[100] = "";
        snprintf(command, sizeof command, "/proc/self/ns/%s", all[i].name);
        if (readlink(command, own, sizeof own - 1) < 0) {
            skip(named("the child of a plan is in a new %s namespace", all[i].name), "not in this kernel");
            continue;
        }
        clone3_spawn_add_flags(&plan, all[i].flag);
        snprintf(command, sizeof command, "test \"$(readlink /proc/self/ns/%s)\" != '%s' && echo other", all[i].name, own);
        says(&plan, command, "other", named("the child of a plan is in a new %s namespace", all[i].name));
    }
    clone3_spawn_t plan = new_plan();
    clone3_spawn_add_flags(&plan, CLONE_NEWPID);
    says(&plan, "echo $$", "1", "the child of a plan with a new pid namespace is process 1");
    struct clone3_features features = { .size = sizeof features };
    if (clone3_probe(&features))
        abort();
    if (!(features.permitted & CLONE_NEWTIME))
        skip("the child of a plan is in a new time namespace", "not in this kernel");
    else {
        plan = new_plan();
        clone3_spawn_add_flags(&plan, CLONE_NEWTIME);
        char own[100] = "", command[200];
        if (readlink("/proc/self/ns/time", own, sizeof own - 1) < 0)
            abort();
        snprintf(command, sizeof command, "test \"$(readlink /proc/self/ns/time)\" != '%s' && echo other", own);
        says(&plan, command, "other", "the child of a plan is in a new time namespace");
        char *argv[] = { "x", NULL };
        is(spawn_plan(NULL, "/nowhere", &plan, argv), ENOENT, "a plan with a new time namespace and no program: ENOENT");
        is(error_of_plan.stage, CLONE3_SPAWN_STAGE_EXEC, "a plan with a new time namespace and no program fails at CLONE3_SPAWN_STAGE_EXEC");
    }
}

static void with_maps(void)
{
    clone3_spawn_t plan = new_plan();
    int pidfd = -1;
    clone3_spawn_add_flags(&plan, CLONE_NEWUSER | CLONE_NEWPID);
    is(clone3_spawn_set_uid_map(&plan, to_root, 2), 0, "clone3_spawn_set_uid_map() succeeds");
    is(clone3_spawn_set_gid_map(&plan, one, 1), 0, "clone3_spawn_set_gid_map() succeeds");
    clone3_spawn_set_uid(&plan, 1);
    clone3_spawn_set_gid(&plan, 0);
    if (native()) /* clone(2) has one place for both */
        clone3_spawn_set_pidfd(&plan, &pidfd);
    const char *got = shell(&plan, "cat /proc/self/uid_map /proc/self/gid_map; id -u; id -g; echo $$");
    char squeezed[400] = "", *to = squeezed;
    for (const char *from = got; *from && to < squeezed + 390; from++)
        if (*from != ' ' || (to > squeezed && to[-1] != ' '))
            *to++ = *from;
    if (!ok(strcmp(squeezed, "0 1000 1 1 100000 50 0 4242 1 1 0 1") == 0, "the child of a plan with id maps in new user and pid namespaces has these maps"))
        printf("# %s\n", squeezed);
    ok(!native() || pidfd >= 0, "a plan with id maps gives a pidfd");
    close(pidfd);
    ok(waitpid(-1, NULL, 0x40000000 | WNOHANG) == -1 && errno == ECHILD, "a plan with id maps leaves no other task");
    clone3_spawn_set_pidfd(&plan, NULL);
    const struct clone3_spawn_id_range twice[] = { { 0, 1, 2 }, { 1, 5, 1 } };
    fails_at((clone3_spawn_set_uid_map(&plan, twice, 2), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_ID_MAP, 1, EINVAL,
        "a plan with an overlapping uid_map");
    clone3_spawn_set_uid_map(&plan, to_root, 2);
    fails_at((clone3_spawn_set_gid_map(&plan, twice, 2), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_ID_MAP, 2, EINVAL,
        "a plan with an overlapping gid_map");
    static struct clone3_spawn_id_range many[400];
    for (unsigned i = 0; i < 400; i++)
        many[i] = (struct clone3_spawn_id_range){ 1000000000 + i, 2000000000 + i, 1 };
    fails_at((clone3_spawn_set_gid_map(&plan, many, 400), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_ID_MAP, 2, EINVAL,
        "a plan with a gid_map of more than a page");
    clone3_spawn_set_gid_map(&plan, NULL, 0);
    clone3_spawn_set_gid(&plan, 0);
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_GID, 0, EINVAL, "a plan with set_gid but no gid_map in a new user namespace");
    fails_at((clone3_spawn_set_oom_score_adj(&plan, 5), &plan), "/nowhere", CLONE3_SPAWN_STAGE_GID, 0, EINVAL,
        "a plan with set_gid but no gid_map, and with an OOM score adjustment");
    says(NULL, "test $(cat /proc/$$/oom_score_adj) = 5 || echo other", "other", "a failed plan with an OOM score adjustment does not change the caller's");
}

/* As a user without privileges, who may map himself. */
static void rootless(void)
{
    /* After which its /proc would be root's. */
    if (geteuid() == 0 && (setgid(4242) || setuid(4242) || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))) {
        skip("a plan with id maps without privileges", "privileges cannot be given up");
        return;
    }
    clone3_spawn_t plan = new_plan();
    clone3_spawn_add_flags(&plan, CLONE_NEWUSER | CLONE_NEWUTS);
    struct clone3_spawn_id_range uids[] = { { 0, geteuid(), 1 } }, gids[] = { { 0, getegid(), 1 } };
    clone3_spawn_set_uid_map(&plan, uids, 1);
    clone3_spawn_set_gid_map(&plan, gids, 1);
    char *argv[] = { "sh", "-c", "test $(id -u) = 0 && exit 7", NULL };
    pid_t pid;
    int error = spawn_plan(&pid, "/bin/sh", &plan, argv);
    if (error_of_plan.stage == CLONE3_SPAWN_STAGE_CREATE) {
        skip("a plan with id maps without privileges", "no user namespaces for users here");
        return;
    }
    ok(error == EPERM && error_of_plan.stage == CLONE3_SPAWN_STAGE_ID_MAP && error_of_plan.index == 2,
        "a plan with a gid_map without privileges while setgroups is allowed: %s", plan_error());
    is(clone3_spawn_set_setgroups(&plan, 0), 0, "clone3_spawn_set_setgroups() succeeds");
    is(spawn_plan(&pid, "/bin/sh", &plan, argv), 0, "a plan with a gid_map without privileges while setgroups is denied makes a child");
    is(status_of(pid), 7, "the child of a plan with id maps without privileges is root in its user namespace");
    uids[0].outside = 0;
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_ID_MAP, 1, EPERM, "a plan with a uid_map of another user's id without privileges");
}

/* Something to join: a sleeping child in namespaces of its own. */
static void joined(void)
{
    clone3_spawn_t plan = new_plan();
    char *argv[] = { "sleep", "60", NULL }, path[100];
    pid_t pid;
    int pidfd = -1, uts, pids;
    clone3_spawn_add_flags(&plan, CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWIPC);
    clone3_spawn_set_pidfd(&plan, &pidfd);
    if (!is(spawn_plan(&pid, "/bin/sleep", &plan, argv), 0, "a process in new uts, pid and ipc namespaces is made, to be joined"))
        return;
    snprintf(path, sizeof path, "/proc/%d/ns/uts", pid);
    uts = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/%d/ns/pid", pid);
    pids = open(path, O_RDONLY | O_CLOEXEC);
    plan = new_plan();
    const struct clone3_spawn_namespace by_file[] = { { uts, 0 }, { pids, CLONE_NEWPID } };
    char command[300], link[100] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", uts);
    if (readlink(path, link, sizeof link - 1) < 0)
        abort();
    is(clone3_spawn_set_namespaces(&plan, by_file, 2), 0, "clone3_spawn_set_namespaces() succeeds");
    snprintf(command, sizeof command, "test \"$(readlink /proc/self/ns/uts)\" = '%s' && echo there; test $$ -lt 20 && echo few", link);
    says(&plan, command, "there few", "the child of a plan with set_namespaces is in that uts and pid namespace");
    says(NULL, "test $$ -lt 20 || echo many", "many", "a plan with set_namespaces leaves the caller's other children in its pid namespace");
    const struct clone3_spawn_namespace by_pidfd[] = { { pidfd, CLONE_NEWUTS | CLONE_NEWPID } };
    clone3_spawn_set_namespaces(&plan, by_pidfd, 1);
    if (shell(&plan, ":")[0] && error_of_plan.error == EINVAL)
        skip("the child of a plan with set_namespaces by pidfd is in these namespaces", "Linux 5.8");
    else
        says(&plan, command, "there few", "the child of a plan with set_namespaces by pidfd is in these namespaces");
    const struct clone3_spawn_namespace wrong[] = { { uts, 0 }, { uts, CLONE_NEWNET } };
    fails_at((clone3_spawn_set_namespaces(&plan, wrong, 2), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_NAMESPACE, 1, EINVAL,
        "a plan with set_namespaces of another kind");
    const struct clone3_spawn_namespace nothing[] = { { 299, 0 } };
    fails_at((clone3_spawn_set_namespaces(&plan, nothing, 1), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_NAMESPACE, 0, EBADF,
        "a plan with set_namespaces of what is not open");
    kill(pid, SIGKILL);
    status_of(pid);
    clone3_spawn_set_namespaces(&plan, by_file, 2);
    clone3_spawn_set_namespaces(&plan, by_file + 1, 1);
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_CREATE, 0, ENOMEM, "a plan with a pid namespace whose first process has ended");
    says(NULL, "echo here", "here", "the caller's pid namespace for children is restored after a plan with set_namespaces failed");
    int time = open("/proc/self/ns/time", O_RDONLY | O_CLOEXEC);
    const struct clone3_spawn_namespace times[] = { { time, 0 } };
    clone3_spawn_set_namespaces(&plan, times, 1);
    if (time < 0)
        skip("the child of a plan with set_namespaces of a time namespace runs", "not in this kernel");
    else
        says(&plan, "echo here", "here", "the child of a plan with set_namespaces of a time namespace runs");
    close(time), close(uts), close(pids), close(pidfd);
}

static void roots(void)
{
    clone3_spawn_t plan = new_plan();
    char path[] = "/tmp/clone3-root-XXXXXX", file[100];
    if (!mkdtemp(path))
        abort();
    if (!can_pivot(path)) {
        skip("plans with set_pivot_root", "the root is a rootfs, which cannot be left");
        rmdir(path);
        return;
    }
    snprintf(file, sizeof file, "%s/here", path);
    close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    snprintf(file, sizeof file, "%s/bin", path);
    mkdir(file, 0700);
    int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    clone3_spawn_add_flags(&plan, CLONE_NEWNS);
    is(clone3_spawn_set_pivot_root(&plan, root), 0, "clone3_spawn_set_pivot_root() succeeds");
    struct stat seen;
    snprintf(file, sizeof file, "%s/here", path);
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_EXEC, 0, ENOENT, "a plan with set_pivot_root of a directory without a shell");
    clone3_spawn_set_directory(&plan, "/bin");
    fails_at(&plan, "../bin/../../../../bin/sh", CLONE3_SPAWN_STAGE_EXEC, 0, ENOENT, "a plan with set_pivot_root and a path upwards");
    clone3_spawn_set_directory(&plan, "/here");
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_DIRECTORY, 0, ENOTDIR, "a plan with set_pivot_root and a file in it for its directory");
    ok(stat("/bin/sh", &seen) == 0, "plans with set_pivot_root leave the caller's root");
    /* A detached mount. */
#ifdef SYS_open_tree
    int tree = (int)syscall(SYS_open_tree, root, "", AT_EMPTY_PATH | 1 /* OPEN_TREE_CLONE */ | O_CLOEXEC);
    plan = new_plan();
    clone3_spawn_add_flags(&plan, CLONE_NEWNS);
    if (tree >= 0) {
        clone3_spawn_set_pivot_root(&plan, tree);
        clone3_spawn_set_directory(&plan, "/here");
        fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_DIRECTORY, 0, ENOTDIR, "a plan with set_pivot_root of a detached mount, and a file in it for its directory");
        close(tree); /* it was mounted, and went with the child */
        tree = (int)syscall(SYS_open_tree, root, "", AT_EMPTY_PATH | 1 | O_CLOEXEC);
        clone3_spawn_set_pivot_root(&plan, tree);
        clone3_spawn_set_directory(&plan, "/usr");
        fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_DIRECTORY, 0, ENOENT, "a plan with set_pivot_root of a detached mount, and a directory that is not in it");
        close(tree);
    } else
        skip("plans with set_pivot_root of a detached mount", "no open_tree here");
#endif
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    clone3_spawn_set_pivot_root(&plan, null);
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_ROOT, 0, ENOTDIR, "a plan with set_pivot_root of what is no directory");
    clone3_spawn_set_pivot_root(&plan, 298);
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_ROOT, 0, EBADF, "a plan with set_pivot_root of what is not open");
    close(null);
    close(root);
    snprintf(file, sizeof file, "%s/here", path);
    unlink(file);
    snprintf(file, sizeof file, "%s/bin", path);
    rmdir(file);
    rmdir(path);
}

int main(void)
{
    begin(60);
    if (emulated() || geteuid() != 0 || filtered("docker-new") || filtered("docker-old")) {
        skip("children of plans in namespaces", "only root may, and not everywhere");
        return done();
    }
    fresh();
    with_maps();
    joined();
    roots();
    apart(rootless);
    return done();
}
