/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How a child of clone3_spawn() comes into the world and goes: cgroup, pidfd, pids,
 * exit signal, and the flags of Linux 7.1.
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
    fails_at(&plan, "/bin/sh", stage, 0, EBADF, "nor one that has a cgroup.procs");
    is(pread(fd, text, sizeof text, 0), 0, "which is left alone");
    close(fd);
    unlink(file);
    rmdir(directory);
}

static void cgroups(void)
{
    char path[1200], *within;
    if (emulated() || make_cgroup(path, sizeof path, &within) != 0) {
        skip("cgroup", "no cgroup2 to make one in");
        return;
    }
    clone3_spawn_t plan = new_plan();
    const char *own = "while IFS= read -r l; do case $l in 0::*) echo ${l#0::};; esac; done < /proc/$$/cgroup";
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct clone3_route route = { .size = sizeof route };
    int open_before = descriptors_open();
    is(clone3_spawn_set_cgroup(&plan, fd), 0, "set_cgroup");
    says(&plan, own, within, "born in a cgroup");
    clone3_last_route(&route);
    ok(native() ? route.route == CLONE3_ROUTE_NATIVE && route.emulated == 0
                : route.route == CLONE3_ROUTE_EMULATED && route.emulated & CLONE_INTO_CGROUP,
        "route %u, emulated %llx", route.route, (unsigned long long)route.emulated);
    is(clone3_spawn_set_cgroup_path(&plan, path), 0, "set_cgroup_path");
    says(&plan, own, within, "by its path");
    is(descriptors_open(), open_before, "which was closed again");
    clone3_spawn_set_cgroup_path(&plan, "/nowhere");
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_CGROUP, 0, ENOENT, "a path that leads nowhere");
    clone3_spawn_set_cgroup_path(&plan, "/usr");
    int stage = native() ? CLONE3_SPAWN_STAGE_CREATE : CLONE3_SPAWN_STAGE_CGROUP;
    fails_at(&plan, "/bin/sh", stage, 0, EBADF, "a path that is no cgroup's");
    no_cgroup(stage);
    clone3_spawn_set_cgroup(&plan, 299);
    fails_at(&plan, "/bin/sh", stage, 0, EBADF, "no descriptor");
    is(clone3_spawn_set_cgroup(&plan, -1), EBADF, "no cgroup is none, not the caller's");
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_PLAN, ANY_INDEX, EBADF, "and the plan does not run");
    plan = new_plan();
    char own_now[1024];
    snprintf(own_now, sizeof own_now, "%s", shell(NULL, own));
    says(&plan, own, own_now, "the caller's again");
    clone3_spawn_set_cgroup(&plan, fd);
    clone3_spawn_add_flags(&plan, CLONE_NEWCGROUP);
    if (geteuid() == 0 && native())
        says(&plan, own, "/", "a cgroup namespace has it for its root");
    else if (geteuid() == 0 && !filtered("docker-new") && !filtered("docker-old"))
        fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_CGROUP, 0, EOPNOTSUPP, "or, emulated, has not, and is refused");
    close(fd);
    is(remove_cgroup(path), 0, "nothing is left in it");
}

static void pidfds(void)
{
    clone3_spawn_t plan = new_plan();
    char *argv[] = { "sh", "-c", "exit 7", NULL };
    int pidfd = -7;
    pid_t pid;
    is(clone3_spawn_set_pidfd(&plan, &pidfd), 0, "set_pidfd");
    int error = spawn_plan(&pid, "/bin/sh", &plan, argv);
    if (emulated() && error) {
        skip("pidfd", "qemu-user has none");
        return;
    }
    is(error, 0, "a child with a pidfd");
    ok(pidfd >= 0 && fcntl(pidfd, F_GETFD) == FD_CLOEXEC, "which is close-on-exec");
    struct pollfd readable = { .fd = pidfd, .events = POLLIN };
    is(poll(&readable, 1, 20000), 1, "and tells of the end");
    is(status_of(pid), 7, "status");
    close(pidfd);
    pidfd = -7;
    fails_at(&plan, "/nowhere", CLONE3_SPAWN_STAGE_EXEC, 0, ENOENT, "a failed one");
    is(pidfd, -7, "leaves no pidfd");
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
    is(clone3_spawn_set_exit_signal(&plan, SIGUSR1), 0, "set_exit_signal");
    told = 0;
    if (emulated()) {
        skip("exit_signal", "qemu-user knows SIGCHLD only");
        return;
    }
    is(spawn_plan(&pid, "/bin/sh", &plan, argv), 0, "a child that ends with SIGUSR1");
    is(status_of(pid), 7, "is waited for with __WALL");
    is(told, SIGCHLD, "but exec makes it SIGCHLD (kernel/signal, begin_new_exec)");
    signal(SIGCHLD, SIG_DFL);
    signal(SIGUSR1, SIG_DFL);
}

static void pids(void)
{
    clone3_spawn_t plan = new_plan();
    char *argv[] = { "sh", "-c", "exit 7", NULL };
    pid_t wanted, pid;
    if (spawn_plan(&wanted, "/bin/sh", NULL, argv) || status_of(wanted) != 7)
        return;
    is(clone3_spawn_set_tid(&plan, &wanted, 1), 0, "set_tid");
    if (!native() || geteuid() != 0) {
        int error = spawn_plan(&pid, "/bin/sh", &plan, argv);
        ok(error == (native() ? EPERM : unreachable_errno()) && error_of_plan.stage == CLONE3_SPAWN_STAGE_CREATE,
            "refused: %s", plan_error());
        return;
    }
    is(spawn_plan(&pid, "/bin/sh", &plan, argv), 0, "a pid that was free");
    ok(pid == wanted && status_of(pid) == 7, "is the child's");
    wanted = getpid();
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_CREATE, 0, EEXIST, "one that is not free");
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
        is(clone3_spawn_add_flags(&plan, all[i].flags), 0, all[i].name);
        if (all[i].needs_pidfd)
            clone3_spawn_set_pidfd(&plan, &pidfd);
        int error = spawn_plan(&pid, "/bin/sh", &plan, argv);
        if ((features.known & all[i].flags) != all[i].flags) {
            ok(error == (native() ? EINVAL : unreachable_errno()) && error_of_plan.stage == CLONE3_SPAWN_STAGE_CREATE,
                "refused where the kernel does not know it: %s", plan_error());
            continue;
        }
        if (all[i].flags & CLONE_EMPTY_MNTNS)
            ok(error == ENOENT || error == EPERM, "nothing to execute in an empty namespace: %s", plan_error());
        else if (all[i].flags & CLONE_AUTOREAP)
            ok(error == 0 && status_of(pid) == -1, "no child to wait for: %s", plan_error());
        else
            ok(error == 0 && status_of(pid) == 0, "a child: %s", plan_error());
        if (pidfd >= 0)
            close(pidfd);
    }
    if (!(features.known & CLONE_NNP) && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 && !emulated()) {
        struct clone3_route route = { .size = sizeof route };
        clone3_spawn_t plan = new_plan();
        clone3_spawn_add_flags(&plan, CLONE_NNP);
        clone3_allow_emulation(CLONE_NNP);
        says(&plan, "while read k v; do case $k in NoNewPrivs:) echo $v;; esac; done < /proc/$$/status", "1",
            "NNP, where its emulation is allowed");
        clone3_last_route(&route);
        ok((route.emulated & CLONE_NNP) != 0, "and it is named");
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
