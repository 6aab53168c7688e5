/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How a child of clone3_spawn() is created and ends: cgroup, pidfd, pids, exit signal,
 * and the flags of Linux 7.1.
 * modes: preload shared static api
 */
#define _GNU_SOURCE
#include "cgroup.h"
#include "planning.h"
#include <poll.h>
#include <sys/prctl.h>

/* A directory that has a file of the same name: by clone(2) it must not be written. */
static void no_cgroup(int stage)
{
    char directory[] = "/tmp/clone3-no-cgroup-XXXXXX", file[100], text[8];
    clone3_spawn_t plan = new_plan();
    if (!mkdtemp(directory))
        abort();
    snprintf(file, sizeof file, "%s/cgroup.procs", directory);
    int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    clone3_spawn_set_cgroup_path(&plan, directory);
    fails_at(&plan, "/bin/sh", stage, 0, EBADF, "a plan with the path of a directory that has a cgroup.procs but is no cgroup");
    is(pread(fd, text, sizeof text, 0), 0, "a cgroup.procs in a directory that is no cgroup is not written");
    close(fd);
    unlink(file);
    rmdir(directory);
}

static void cgroups(void)
{
    char path[1200], *within;
    if (emulated() || make_cgroup(path, sizeof path, &within) != 0) {
        skip("the child of a plan with set_cgroup is in that cgroup", "no cgroup2 to make one in");
        return;
    }
    clone3_spawn_t plan = new_plan();
    const char *own = "while IFS= read -r l; do case $l in 0::*) echo ${l#0::};; esac; done < /proc/$$/cgroup";
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct clone3_route route = { .size = sizeof route };
    int open_before = descriptors_open();
    is(clone3_spawn_set_cgroup(&plan, fd), 0, "clone3_spawn_set_cgroup() succeeds");
    says(&plan, own, within, "the child of a plan with set_cgroup is in that cgroup");
    clone3_last_route(&route);
    ok(native() ? route.route == CLONE3_ROUTE_NATIVE && route.emulated == 0
                : route.route == CLONE3_ROUTE_EMULATED && route.emulated & CLONE_INTO_CGROUP,
        "clone3_last_route() of a plan with set_cgroup: route %u, emulated %llx", route.route, (unsigned long long)route.emulated);
    is(clone3_spawn_set_cgroup_path(&plan, path), 0, "clone3_spawn_set_cgroup_path() succeeds");
    says(&plan, own, within, "the child of a plan with set_cgroup_path is in that cgroup");
    is(descriptors_open(), open_before, "a plan with set_cgroup_path leaves no descriptor open");
    clone3_spawn_set_cgroup_path(&plan, "/nowhere");
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_CGROUP, 0, ENOENT, "a plan with set_cgroup_path of what does not exist");
    clone3_spawn_set_cgroup_path(&plan, "/usr");
    int stage = native() ? CLONE3_SPAWN_STAGE_CREATE : CLONE3_SPAWN_STAGE_CGROUP;
    fails_at(&plan, "/bin/sh", stage, 0, EBADF, "a plan with set_cgroup_path of a directory that is no cgroup");
    no_cgroup(stage);
    clone3_spawn_set_cgroup(&plan, 299);
    fails_at(&plan, "/bin/sh", stage, 0, EBADF, "a plan with set_cgroup of what is not open");
    is(clone3_spawn_set_cgroup(&plan, -1), EBADF, "clone3_spawn_set_cgroup() refuses -1");
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_PLAN, ANY_INDEX, EBADF, "a plan with a failed set_cgroup does not run");
    plan = new_plan();
    char own_now[1024];
    snprintf(own_now, sizeof own_now, "%s", shell(NULL, own));
    says(&plan, own, own_now, "the child of a plan without set_cgroup is in the caller's cgroup");
    clone3_spawn_set_cgroup(&plan, fd);
    clone3_spawn_add_flags(&plan, CLONE_NEWCGROUP);
    if (geteuid() == 0 && native())
        says(&plan, own, "/", "the child of a plan with set_cgroup and a cgroup namespace has that cgroup for its root");
    else if (geteuid() == 0 && !filtered("docker-new") && !filtered("docker-old"))
        fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_CGROUP, 0, EOPNOTSUPP, "a plan with set_cgroup and a cgroup namespace where clone3 is out of reach");
    close(fd);
    is(remove_cgroup(path), 0, "the cgroup of set_cgroup is empty again and can be removed");
}

static void pidfds(void)
{
    clone3_spawn_t plan = new_plan();
    char *argv[] = { "sh", "-c", "exit 7", NULL };
    int pidfd = -7;
    pid_t pid;
    is(clone3_spawn_set_pidfd(&plan, &pidfd), 0, "clone3_spawn_set_pidfd() succeeds");
    int error = spawn_plan(&pid, "/bin/sh", &plan, argv);
    if (emulated() && error) {
        skip("a plan with set_pidfd makes a child", "qemu-user has none");
        return;
    }
    is(error, 0, "a plan with set_pidfd makes a child");
    ok(pidfd >= 0 && fcntl(pidfd, F_GETFD) == FD_CLOEXEC, "the pidfd of set_pidfd is close-on-exec");
    struct pollfd readable = { .fd = pidfd, .events = POLLIN };
    is(poll(&readable, 1, 20000), 1, "poll() reports the pidfd of set_pidfd when the child ends");
    is(status_of(pid), 7, "the child of a plan with set_pidfd can be waited for");
    close(pidfd);
    pidfd = -7;
    fails_at(&plan, "/nowhere", CLONE3_SPAWN_STAGE_EXEC, 0, ENOENT, "a plan with set_pidfd and no program");
    is(pidfd, -7, "a plan with set_pidfd that fails gives no pidfd");
}

static volatile sig_atomic_t told;
static void tell(int signal) { told = signal; }

static void exit_signals(void)
{
    clone3_spawn_t plan = new_plan();
    char *argv[] = { "sh", "-c", "exit 7", NULL };
    pid_t pid;
    signal(SIGUSR1, tell);
    signal(SIGCHLD, tell);
    is(clone3_spawn_set_exit_signal(&plan, SIGUSR1), 0, "clone3_spawn_set_exit_signal() succeeds");
    told = 0;
    if (emulated()) {
        skip("the child of a plan with set_exit_signal", "qemu-user knows SIGCHLD only");
        return;
    }
    is(spawn_plan(&pid, "/bin/sh", &plan, argv), 0, "a plan with set_exit_signal of SIGUSR1 makes a child");
    is(status_of(pid), 7, "the child of a plan with set_exit_signal is waited for with __WALL");
    is(told, SIGCHLD, "the child of a plan with set_exit_signal sends SIGCHLD, since it has executed a program");
    signal(SIGCHLD, SIG_DFL);
    signal(SIGUSR1, SIG_DFL);
}

static void pids(void)
{
    clone3_spawn_t plan = new_plan();
    char *argv[] = { "sh", "-c", "exit 7", NULL };
    pid_t wanted, pid;
    if (spawn_plan(&wanted, "/bin/sh", NULL, argv) || status_of(wanted) != 7)
        abort();
    is(clone3_spawn_set_tid(&plan, &wanted, 1), 0, "clone3_spawn_set_tid() succeeds");
    if (!native() || geteuid() != 0) {
        int error = spawn_plan(&pid, "/bin/sh", &plan, argv);
        ok(error == (native() ? EPERM : unreachable_errno()) && error_of_plan.stage == CLONE3_SPAWN_STAGE_CREATE,
            "a plan with set_tid without privileges or clone3 is refused: %s", plan_error());
        return;
    }
    is(spawn_plan(&pid, "/bin/sh", &plan, argv), 0, "a plan with set_tid of a free pid makes a child");
    ok(pid == wanted && status_of(pid) == 7, "the child of a plan with set_tid has that pid");
    wanted = getpid();
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_CREATE, 0, EEXIST, "a plan with set_tid of a pid in use");
}

static void later_flags(void)
{
    static const struct { const char *name; uint64_t flags; int needs_pidfd; } all[] = {
        { "AUTOREAP", CLONE_AUTOREAP, 0 }, { "NNP", CLONE_NNP, 0 },
        { "PIDFD_AUTOKILL", CLONE_PIDFD_AUTOKILL | CLONE_AUTOREAP | CLONE_NNP, 1 },
        { "EMPTY_MNTNS", CLONE_EMPTY_MNTNS | CLONE_NEWNS, 0 } };
    struct clone3_features features = { .size = sizeof features };
    if (clone3_probe(&features))
        abort();
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        clone3_spawn_t plan = new_plan();
        int pidfd = -1;
        char *argv[] = { "sh", "-c", "exit 0", NULL };
        pid_t pid;
        is(clone3_spawn_add_flags(&plan, all[i].flags), 0, named("clone3_spawn_add_flags() takes %s", all[i].name));
        if (all[i].needs_pidfd)
            clone3_spawn_set_pidfd(&plan, &pidfd);
        int error = spawn_plan(&pid, "/bin/sh", &plan, argv);
        if ((features.known & all[i].flags) != all[i].flags) {
            ok(error == (native() ? EINVAL : unreachable_errno()) && error_of_plan.stage == CLONE3_SPAWN_STAGE_CREATE,
                "a plan with %s is refused where the kernel does not know it: %s", all[i].name, plan_error());
            continue;
        }
        if (all[i].flags & CLONE_EMPTY_MNTNS)
            ok(error == ENOENT || error == EPERM, "a plan with %s finds nothing to execute: %s", all[i].name, plan_error());
        else if (all[i].flags & CLONE_AUTOREAP)
            ok(error == 0 && status_of(pid) == -1, "a plan with %s makes no child to wait for: %s", all[i].name, plan_error());
        else
            ok(error == 0 && status_of(pid) == 0, "a plan with %s makes a child: %s", all[i].name, plan_error());
        if (pidfd >= 0)
            close(pidfd);
    }
    if (!(features.known & CLONE_NNP) && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 && !emulated()) {
        struct clone3_route route = { .size = sizeof route };
        clone3_spawn_t plan = new_plan();
        clone3_spawn_add_flags(&plan, CLONE_NNP);
        clone3_allow_emulation(CLONE_NNP);
        says(&plan, "while read k v; do case $k in NoNewPrivs:) echo $v;; esac; done < /proc/$$/status", "1",
            "the child of a plan with NNP, whose emulation is allowed, has no_new_privs");
        clone3_last_route(&route);
        ok((route.emulated & CLONE_NNP) != 0, "clone3_last_route() of a plan with NNP says that it was emulated");
        clone3_allow_emulation(0);
    }
}

int main(void)
{
    begin(60);
    cgroups();
    pidfds();
    exit_signals();
    pids();
    later_flags();
    return done();
}
