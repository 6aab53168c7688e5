/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Each step of clone3_spawn(), made to fail: by a seccomp filter that answers the
 * system call with an errno, by a limit, or by its object. The error must name the step
 * and the errno, and the spawn leave no zombie, descriptor or changed mask.
 *
 * modes: preload static
 */
#define _GNU_SOURCE
#include "filter.h"
#include "planning.h"

static int null_fd, list[] = { 0, 1, 2, 2 }, ring[] = { 1, 0, 2 };
static cpu_set_t cpus;
static const struct clone3_spawn_rlimit limits[] = { { RLIMIT_CORE, 0, 0, 0 }, { RLIMIT_CORE, 0, 0, 0 } };
static const struct clone3_spawn_id_range range[] = { { 0, 0, 1 } };
static const gid_t groups[] = { 7 };
static sigset_t some;
static posix_spawn_file_actions_t actions;
static struct clone3_spawn_namespace spaces[1];
static struct sock_filter allow_all[] = { FILTER_ALLOW };
static const struct sock_fprog program = { 1, allow_all };

static void nothing(clone3_spawn_t *plan) { (void)plan; }
static void ignores(clone3_spawn_t *plan) { clone3_spawn_set_signal_ignores(plan, &some); }
static void scheduler(clone3_spawn_t *plan) { clone3_spawn_set_scheduler(plan, SCHED_BATCH, 0); }
static void nice_5(clone3_spawn_t *plan) { clone3_spawn_set_nice(plan, 5); }
static void affinity(clone3_spawn_t *plan) { clone3_spawn_set_affinity(plan, &cpus, sizeof cpus); }
static void ioprio(clone3_spawn_t *plan) { clone3_spawn_set_ioprio(plan, 2 << 13 | 4); }
static void oom(clone3_spawn_t *plan) { clone3_spawn_set_oom_score_adj(plan, 500); }
static void slack(clone3_spawn_t *plan) { clone3_spawn_set_timer_slack(plan, 5000); }
static void maps(clone3_spawn_t *plan)
{
    clone3_spawn_add_flags(plan, CLONE_NEWUSER);
    clone3_spawn_set_uid_map(plan, range, 1);
    clone3_spawn_set_gid_map(plan, range, 1);
}
static void joins(clone3_spawn_t *plan) { clone3_spawn_set_namespaces(plan, spaces, 1); }
static void session(clone3_spawn_t *plan) { clone3_spawn_set_session(plan, 1); }
static void group(clone3_spawn_t *plan) { clone3_spawn_set_process_group(plan, 0); }
static void terminal(clone3_spawn_t *plan) { session(plan); clone3_spawn_set_terminal(plan, null_fd); }
static void root(clone3_spawn_t *plan) { clone3_spawn_set_chroot(plan, "/"); }
static void pivot(clone3_spawn_t *plan)
{
    static int fd = -1;
    if (fd < 0)
        fd = fcntl(open("/usr", O_PATH | O_CLOEXEC), F_DUPFD_CLOEXEC, 30);
    clone3_spawn_add_flags(plan, CLONE_NEWNS);
    clone3_spawn_set_pivot_root(plan, fd);
}
static void mounts(clone3_spawn_t *plan)
{
    static const struct clone3_spawn_mount all[] = { { .type = "tmpfs", .target = "/tmp", .data = "size=8k" },
        { .source = "/usr", .target = "/tmp", .flags = MS_BIND | MS_REC | MS_NODEV } };
    clone3_spawn_add_flags(plan, CLONE_NEWNS);
    clone3_spawn_set_mounts(plan, all, 2);
}
static void directory(clone3_spawn_t *plan) { clone3_spawn_set_directory(plan, "/usr"); }
static void directory_fd(clone3_spawn_t *plan) { clone3_spawn_set_directory_fd(plan, null_fd); }
static void descriptors(clone3_spawn_t *plan) { clone3_spawn_set_fds(plan, list, 4); }
static void rings(clone3_spawn_t *plan) { clone3_spawn_set_fds(plan, ring, 3); }
static void file_actions(clone3_spawn_t *plan) { clone3_spawn_set_file_actions(plan, &actions); }
static void resources(clone3_spawn_t *plan) { clone3_spawn_set_rlimits(plan, limits, 2); }
static void bounding(clone3_spawn_t *plan) { clone3_spawn_set_capabilities(plan, CLONE3_SPAWN_BOUNDING, 0); }
static void many_groups(clone3_spawn_t *plan) { clone3_spawn_set_groups(plan, groups, 1); }
static void gid(clone3_spawn_t *plan) { clone3_spawn_set_gid(plan, 7); }
static void uid(clone3_spawn_t *plan) { clone3_spawn_set_uid(plan, 7); }
static void ambient(clone3_spawn_t *plan) { clone3_spawn_set_capabilities(plan, CLONE3_SPAWN_AMBIENT, 1); }
static void kept(clone3_spawn_t *plan) { uid(plan); ambient(plan); }
static void secure(clone3_spawn_t *plan) { clone3_spawn_set_securebits(plan, 0); }
static void death(clone3_spawn_t *plan) { clone3_spawn_set_pdeath_signal(plan, SIGTERM); }
static void other_death(clone3_spawn_t *plan) { death(plan); clone3_spawn_add_flags(plan, CLONE_NEWPID); }
static void nnp(clone3_spawn_t *plan) { clone3_spawn_set_no_new_privs(plan, 1); }
static void seccomp(clone3_spawn_t *plan) { nnp(plan); clone3_spawn_set_seccomp(plan, &program, 0); }
static void cgroup(clone3_spawn_t *plan) { clone3_spawn_set_cgroup_path(plan, "/sys"); }

#ifdef __i386__
#define GROUPS SYS_setgroups32
#define GID SYS_setresgid32
#define UID SYS_setresuid32
#define MMAP SYS_mmap2
#else
#define GROUPS SYS_setgroups
#define GID SYS_setresgid
#define UID SYS_setresuid
#define MMAP SYS_mmap
#endif
#ifdef SYS_dup2
#define DUP2 SYS_dup2
#else
#define DUP2 SYS_dup3
#endif
#ifndef SYS_open_tree
#define SYS_open_tree 428
#define SYS_move_mount 429
#endif
#ifndef SYS_fsopen
#define SYS_fsopen 430
#define SYS_fsconfig 431
#define SYS_fsmount 432
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
enum { ANY = -1 };

static const struct fault {
    const char *name;
    void (*plan)(clone3_spawn_t *);
    int call;         /* which is answered */
    int first;        /* if its first argument is this, or ANY */
    int error;        /* with this */
    int stage, index;
    int wants_root;
} faults[] = {
#define S(name) CLONE3_SPAWN_STAGE_##name
    { "the child: no process", nothing, SYS_clone3, ANY, EAGAIN, S(CREATE), 0, 0 },
    { "the child: no memory", nothing, SYS_clone3, ANY, ENOMEM, S(CREATE), 0, 0 },
    { "signals", ignores, SYS_rt_sigaction, SIGHUP, ENOMEM, S(SIGNALS), SIGHUP, 0 },
    { "scheduler", scheduler, SYS_sched_setscheduler, ANY, EPERM, S(SCHEDULER), 0, 0 },
    { "nice", nice_5, SYS_setpriority, ANY, EACCES, S(NICE), 0, 0 },
    { "affinity", affinity, SYS_sched_setaffinity, ANY, EINVAL, S(AFFINITY), 0, 0 },
    { "ioprio", ioprio, SYS_ioprio_set, ANY, EPERM, S(IOPRIO), 0, 0 },
    { "oom_score_adj: opening", oom, SYS_openat, ANY, EMFILE, S(OOM_SCORE_ADJ), 0, 0 },
    { "oom_score_adj: writing", oom, SYS_write, ANY, EACCES, S(OOM_SCORE_ADJ), 0, 0 },
    { "timer slack", slack, SYS_prctl, PR_SET_TIMERSLACK, EPERM, S(TIMER_SLACK), 0, 0 },
    { "id maps: no page", maps, MMAP, ANY, ENOMEM, S(CREATE), 0, 1 },
    { "id maps: opening", maps, SYS_openat, ANY, EMFILE, S(ID_MAP), 1, 1 },
    { "id maps: writing", maps, SYS_write, ANY, EPERM, S(ID_MAP), 1, 1 },
    { "namespace", joins, SYS_setns, ANY, EPERM, S(NAMESPACE), 0, 0 },
    { "session", session, SYS_setsid, ANY, EPERM, S(SESSION), 0, 0 },
    { "process group", group, SYS_setpgid, ANY, EACCES, S(PROCESS_GROUP), 0, 0 },
    { "terminal", terminal, SYS_ioctl, ANY, EPERM, S(TERMINAL), 0, 0 },
    { "chroot", root, SYS_chroot, ANY, EPERM, S(ROOT), 0, 0 },
    { "chroot: its directory", root, SYS_chdir, ANY, EACCES, S(ROOT), 0, 1 },
    { "pivot: slaves", pivot, SYS_mount, ANY, EPERM, S(ROOT), 0, 1 },
    { "pivot: the way there", pivot, SYS_readlinkat, ANY, EACCES, S(ROOT), 0, 1 },
    { "pivot: copying mounts", pivot, SYS_open_tree, ANY, ENOSYS, S(ROOT), 0, 1 },
    { "pivot: attaching them", pivot, SYS_move_mount, ANY, EPERM, S(ROOT), 0, 1 },
    { "pivot: pivoting", pivot, SYS_pivot_root, ANY, EINVAL, S(ROOT), 0, 1 },
    { "pivot: detaching", pivot, SYS_umount2, ANY, EBUSY, S(ROOT), 0, 1 },
    { "mounts: slaves", mounts, SYS_mount, ANY, EPERM, S(MOUNT), 2, 1 },
    { "mounts: the root they are in", mounts, SYS_openat, ANY, EMFILE, S(ROOT), 0, 1 },
    { "mounts: a file system", mounts, SYS_fsopen, ANY, EMFILE, S(MOUNT), 0, 1 },
    { "mounts: its options", mounts, SYS_fsconfig, ANY, EINVAL, S(MOUNT), 0, 1 },
    { "mounts: a mount of it", mounts, SYS_fsmount, ANY, EPERM, S(MOUNT), 0, 1 },
    { "mounts: its place", mounts, SYS_openat2, ANY, EACCES, S(MOUNT), 0, 1 },
    { "mounts: putting it there", mounts, SYS_move_mount, ANY, EPERM, S(MOUNT), 0, 1 },
    { "mounts: what is bound", mounts, SYS_open_tree, ANY, ENOSYS, S(MOUNT), 1, 1 },
    { "mounts: its flags", mounts, SYS_mount_setattr, ANY, EPERM, S(MOUNT), 1, 1 },
    { "directory", directory, SYS_chdir, ANY, EACCES, S(DIRECTORY), 0, 0 },
    { "directory by descriptor", directory_fd, SYS_fchdir, ANY, EACCES, S(DIRECTORY), 0, 0 },
    { "list: a copy", descriptors, DUP2, 2, EMFILE, S(FD), 3, 0 },
    { "list: one that stays", descriptors, SYS_fcntl, 1, EBADF, S(FD), 1, 0 },
    { "list: a ring without a spare", rings, SYS_fcntl, 0, EMFILE, S(FD), 1, 0 },
    { "action: opening", file_actions, SYS_openat, ANY, ENFILE, S(FILE_ACTION), 1, 0 },
    { "action: its number", file_actions, DUP2, ANY, EMFILE, S(FILE_ACTION), 1, 0 },
    { "limit", resources, SYS_prlimit64, 0, EPERM, S(RLIMIT), 0, 0 },
    { "bounding set", bounding, SYS_prctl, PR_CAPBSET_DROP, EPERM, S(BOUNDING), 0, 1 },
    { "groups", many_groups, GROUPS, ANY, EPERM, S(GROUPS), 0, 0 },
    { "gid", gid, GID, ANY, EAGAIN, S(GID), 0, 0 },
    { "uid", uid, UID, ANY, EAGAIN, S(UID), 0, 0 },
    { "keeping capabilities", kept, SYS_prctl, PR_SET_KEEPCAPS, EPERM, S(CAPABILITIES), 0, 0 },
    { "inheritable set", ambient, SYS_capset, ANY, EPERM, S(CAPABILITIES), 1, 0 },
    { "inheritable set, before", ambient, SYS_capget, ANY, EPERM, S(CAPABILITIES), 1, 0 },
    { "ambient set", ambient, SYS_prctl, PR_CAP_AMBIENT, EINVAL, S(CAPABILITIES), 2, 1 },
    { "securebits", secure, SYS_prctl, PR_SET_SECUREBITS, EPERM, S(SECUREBITS), 0, 0 },
    { "death signal", death, SYS_prctl, PR_SET_PDEATHSIG, EPERM, S(PDEATH_SIGNAL), 0, 0 },
    { "death signal from afar", other_death, 434 /* pidfd_open */, ANY, EMFILE, S(PDEATH_SIGNAL), 0, 1 },
    { "no_new_privs", nnp, SYS_prctl, PR_SET_NO_NEW_PRIVS, EINVAL, S(NO_NEW_PRIVS), 0, 0 },
    { "filter", seccomp, SYS_seccomp, ANY, ENOMEM, S(SECCOMP), 0, 0 },
    { "cgroup", cgroup, SYS_openat, ANY, EMFILE, S(CGROUP), 0, 0 },
    { "exec", nothing, SYS_execve, ANY, E2BIG, S(EXEC), 0, 0 },
    { "exec: no memory", nothing, SYS_execve, ANY, ENOMEM, S(EXEC), 0, 0 },
#undef S
};

static int answer_with(int call, int first, int error)
{
    struct sock_filter code[] = {
        FILTER_LOAD(offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 3),
        FILTER_LOAD(FILTER_LOW(0)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)first, first == ANY ? 1 : 0, first == ANY ? 0 : 1),
        FILTER_ERRNO((unsigned)error),
        FILTER_ALLOW,
    };
    /* Any first argument: straight to the answer. */
    if (first == ANY)
        code[3] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0);
    if (call == SYS_write) /* but that of the test's own words */
        code[3] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 1, 0);
    /* A filter of clone3 alone is an obstacle; of the kernel's own refusal both
     * calls must speak. */
    struct sock_filter both[] = {
        FILTER_LOAD(offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)SYS_clone3, 0, 1),
        FILTER_ERRNO((unsigned)error),
        FILTER_ALLOW,
    };
    struct sock_fprog filter = { sizeof code / sizeof *code, code };
    if (call == SYS_clone3)
        filter = (struct sock_fprog){ sizeof both / sizeof *both, both };
    return (int)raw(SYS_seccomp, 1, 0, &filter);
}

static const struct fault *now;

/* In a process of its own; the filter is for good. */
static void injects(void)
{
    clone3_spawn_t plan = new_plan();
    now->plan(&plan);
    if (answer_with(now->call, now->first, now->error)) {
        skip(named("a plan with a fault injected in %s", now->name), "only root may install such a filter");
        return;
    }
    fails_at(&plan, "/bin/sh", now->stage, now->index, now->error, named("a plan with a fault injected in %s", now->name));
}

/* And without the fault there is the child, so that it was the fault. */
static void works(void)
{
    clone3_spawn_t plan = new_plan();
    char *argv[] = { "sh", "-c", "exit 7", NULL };
    pid_t pid;
    now->plan(&plan);
    if (now->plan == terminal || now->plan == cgroup || now->plan == directory_fd || now->plan == pivot || now->plan == joins) {
        skip(named("a plan without a fault in %s makes a child", now->name), "what it asks for is not there");
        return;
    }
    ok(spawn_plan(&pid, "/bin/sh", &plan, argv) == 0 && status_of(pid) == 7, "a plan without a fault in %s makes a child: %s", now->name,
        plan_error());
}

/* No descriptor left, where the child would need one. */
static void without_descriptors(void)
{
    clone3_spawn_t plan = new_plan();
    struct rlimit few = { (rlim_t)null_fd + 1, (rlim_t)null_fd + 1 };
    int pidfd;
    while (dup(null_fd) < null_fd && null_fd > 10)
        ;
    file_actions(&plan);
    setrlimit(RLIMIT_NOFILE, &few);
    while (dup(1) >= 0)
        ;
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_FILE_ACTION, 1, EMFILE, "a plan with a file action where no descriptor is left");
    plan = new_plan();
    clone3_spawn_set_pidfd(&plan, &pidfd);
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_CREATE, 0, EMFILE, "a plan with a pidfd where no descriptor is left");
    plan = new_plan();
    oom(&plan);
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_OOM_SCORE_ADJ, 0, EMFILE, "a plan with an OOM score adjustment where no descriptor is left");
    plan = new_plan();
    rings(&plan);
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_FD, 1, EMFILE, "a plan with a ring in set_fds where no descriptor is left");
}

static void without_processes(void)
{
    clone3_spawn_t plan = new_plan();
    struct rlimit none = { 1, 1 };
    if (setgid(4243) || setuid(4243) || setrlimit(RLIMIT_NPROC, &none)) {
        skip("a plan beyond RLIMIT_NPROC", "privileges cannot be given up");
        return;
    }
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_CREATE, 0, EAGAIN, "a plan beyond RLIMIT_NPROC");
}

int main(void)
{
    begin(100);
    if (emulated()) {
        skip("plans with faults injected by filters", "no filters under qemu-user");
        return done();
    }
    null_fd = fcntl(open("/dev/null", O_RDWR | O_CLOEXEC), F_DUPFD_CLOEXEC, 20);
    close(3);
    sched_getaffinity(0, sizeof cpus, &cpus);
    sigemptyset(&some);
    sigaddset(&some, SIGHUP);
    spaces[0] = (struct clone3_spawn_namespace){ open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC), 0 };
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addclose(&actions, 40);
    posix_spawn_file_actions_addopen(&actions, 41, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, 2, 42);
    int detaches = can_pivot("/tmp");
    int has_mount_calls = raw(SYS_mount_setattr, -1, 0, 0, 0, 0) != -ENOSYS;
    for (now = faults; now < faults + sizeof faults / sizeof *faults; now++) {
        if (now->call == SYS_clone3 && filtered("eperm")) {
            skip(named("a plan with a fault injected in %s", now->name), "this filter answers before that of the test");
            continue;
        }
        if (now->call == SYS_umount2 && !detaches) {
            skip(named("a plan with a fault injected in %s", now->name), "the root is a rootfs, which cannot be left");
            continue;
        }
        if (now->plan == mounts && !has_mount_calls) {
            skip(named("a plan with a fault injected in %s", now->name), "this needs Linux 5.12");
            continue;
        }
        if (now->wants_root && (geteuid() != 0 || filtered("docker-new") || filtered("docker-old"))) {
            skip(named("a plan with a fault injected in %s", now->name), "only root may");
            continue;
        }
        apart(injects);
        apart(works);
    }
    apart(without_descriptors);
    if (geteuid() == 0)
        apart(without_processes);
    else
        skip("a plan beyond RLIMIT_NPROC", "only root can become another user");
    return done();
}
