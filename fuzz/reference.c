/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The slow reference: what clone3_spawn(3) promises, step by step, by fork() and
 * the C library. Written from the manual page, not from the library. */
#include "plan.h"
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

enum { TOLD = 240, HIGH = 100 };

static void give_up(int stage, int index, int error)
{
    int words[] = { error, stage, index };
    if (write(TOLD, words, sizeof words) != sizeof words)
        abort();
    _exit(127);
}

#define STEP(stage, index, call)                                                \
    do {                                                                        \
        if (!(call))                                                            \
            give_up(CLONE3_SPAWN_STAGE_##stage, index, errno);                  \
    } while (0)

static void each_signal(const sigset_t *set, void (*handler)(int))
{
    for (int signal = 1; signal <= 64; signal++)
        if (sigismember(set, signal) == 1) {
            struct sigaction action = { .sa_handler = handler };
            sigaction(signal, &action, NULL);
        }
}

static void descriptors(const struct drawn *d)
{
    int count = (int)d->fd_count, copies[MOST];
    for (int i = 0; i < count; i++)
        copies[i] = d->fds[i] < 0 ? -1 : fcntl(d->fds[i], F_DUPFD_CLOEXEC, HIGH);
    /* Which of several missing ones is named, is the library's choice. */
    for (int i = 0; i < count; i++)
        STEP(FD, i, d->fds[i] < 0 || copies[i] >= 0);
    for (int i = 0; i < count; i++)
        if (copies[i] < 0)
            close(i);
        else
            STEP(FD, i, dup2(copies[i], i) == i);
    for (int fd = count; fd < TOLD; fd++)
        close(fd);
}

static void action(const struct drawn_action *a, int index)
{
    switch (a->kind) {
    case CLONE3_SPAWN_ACTION_OPEN: {
        close(a->fd);
        int fd = open(a->path, a->flags, 0644);
        STEP(FILE_ACTION, index, fd >= 0);
        if (fd != a->fd) {
            STEP(FILE_ACTION, index, dup2(fd, a->fd) == a->fd);
            close(fd);
        }
        break;
    }
    case CLONE3_SPAWN_ACTION_CLOSE:
        close(a->fd);
        break;
    case CLONE3_SPAWN_ACTION_DUP2:
        if (a->fd == a->other)
            STEP(FILE_ACTION, index, fcntl(a->fd, F_SETFD, 0) == 0);
        else
            STEP(FILE_ACTION, index, dup2(a->fd, a->other) == a->other);
        break;
    case CLONE3_SPAWN_ACTION_CHDIR:
        STEP(FILE_ACTION, index, chdir(a->path) == 0);
        break;
    case CLONE3_SPAWN_ACTION_FCHDIR:
        STEP(FILE_ACTION, index, fchdir(a->fd) == 0);
        break;
    case CLONE3_SPAWN_ACTION_CLOSEFROM:
        for (int fd = a->fd; fd < TOLD; fd++)
            close(fd);
        break;
    }
}

static void capabilities(const struct drawn *d)
{
    int keeps = d->has_inheritable || d->has_ambient;
    if (d->has_bounding)
        for (int c = 0; c < 64 && prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
            if (!(d->bounding >> c & 1) && prctl(PR_CAPBSET_READ, c, 0, 0, 0) == 1)
                STEP(BOUNDING, 0, prctl(PR_CAPBSET_DROP, c, 0, 0, 0) == 0);
    if (d->has_groups)
        STEP(GROUPS, 0, setgroups(d->group_count, d->groups) == 0);
    if (d->has_gid)
        STEP(GID, 0, setresgid(d->gid, d->gid, d->gid) == 0);
    if (d->has_uid) {
        if (keeps || d->has_securebits)
            STEP(CAPABILITIES, 0, prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0);
        STEP(UID, 0, setresuid(d->uid, d->uid, d->uid) == 0);
    }
    if (keeps || (d->has_uid && d->has_securebits)) {
        struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
        struct __user_cap_data_struct sets[2];
        STEP(CAPABILITIES, 1, syscall(SYS_capget, &header, sets) == 0);
        for (int half = 0; half < 2; half++) {
            sets[half].effective = sets[half].permitted;
            if (d->has_inheritable)
                sets[half].inheritable = (uint32_t)(d->inheritable >> 32 * half);
            if (d->has_ambient)
                sets[half].inheritable |= (uint32_t)(d->ambient >> 32 * half);
        }
        STEP(CAPABILITIES, 1, syscall(SYS_capset, &header, sets) == 0);
    }
    if (d->has_ambient) {
        STEP(CAPABILITIES, 2, prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0);
        for (unsigned c = 0; c < 64; c++)
            if (d->ambient >> c & 1)
                STEP(CAPABILITIES, 2, prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0) == 0);
    }
    if (d->has_securebits)
        STEP(SECUREBITS, 0, prctl(PR_SET_SECUREBITS, d->securebits, 0, 0, 0) == 0);
}

static void become(const struct drawn *d, pid_t parent, const sigset_t *mask)
{
    for (int signal = 1; signal <= 64; signal++) {
        struct sigaction now;
        if (sigaction(signal, NULL, &now) == 0 && now.sa_handler != SIG_IGN) {
            struct sigaction none = { .sa_handler = SIG_DFL };
            sigaction(signal, &none, NULL);
        }
    }
    if (d->has_defaults)
        each_signal(&d->defaults, SIG_DFL);
    if (d->has_ignores)
        each_signal(&d->ignores, SIG_IGN);
    struct sched_param parameter = { d->priority };
    if (d->has_scheduler)
        STEP(SCHEDULER, 0, sched_setscheduler(0, d->policy, &parameter) == 0);
    if (d->has_nice)
        STEP(NICE, 0, setpriority(PRIO_PROCESS, 0, d->nice) == 0);
    if (d->has_affinity)
        STEP(AFFINITY, 0, sched_setaffinity(0, sizeof d->cpus, &d->cpus) == 0);
    if (d->has_ioprio)
        STEP(IOPRIO, 0, syscall(SYS_ioprio_set, 1, 0, d->ioprio) == 0);
    if (d->has_oom) {
        char text[16];
        int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
        STEP(OOM_SCORE_ADJ, 0, fd >= 0);
        int length = snprintf(text, sizeof text, "%d", d->oom);
        STEP(OOM_SCORE_ADJ, 0, write(fd, text, (size_t)length) == length);
        close(fd);
    }
    if (d->has_slack)
        STEP(TIMER_SLACK, 0, prctl(PR_SET_TIMERSLACK, d->slack, 0, 0, 0) == 0);
    for (size_t i = 0; i < d->space_count; i++)
        STEP(NAMESPACE, (int)i, setns(d->spaces[i].fd, d->spaces[i].type) == 0);
    if (d->session)
        STEP(SESSION, 0, setsid() >= 0);
    else if (d->has_group)
        STEP(PROCESS_GROUP, 0, setpgid(0, d->group) == 0);
    if (d->has_terminal)
        STEP(TERMINAL, 0, ioctl(d->terminal, TIOCSCTTY, 0) == 0);
    if (d->has_umask)
        umask((mode_t)d->umask);
    if (d->chroot)
        STEP(ROOT, 0, chroot(d->chroot) == 0 && chdir("/") == 0);
    if (d->directory)
        STEP(DIRECTORY, 0, chdir(d->directory) == 0);
    else if (d->directory_fd >= 0)
        STEP(DIRECTORY, 0, fchdir(d->directory_fd) == 0);
    int program = d->program_fd, no_program = 0;
    if (program >= 0 && (d->has_fds || d->action_count)) {
        program = fcntl(program, F_DUPFD_CLOEXEC, TOLD + 1);
        no_program = program < 0 ? errno : 0;
    }
    if (d->has_fds)
        descriptors(d);
    for (size_t i = 0; i < d->action_count; i++)
        action(&d->actions[i], (int)i);
    for (size_t i = 0; i < d->limit_count; i++) {
        struct rlimit limit = { d->limits[i].soft, d->limits[i].hard };
        STEP(RLIMIT, (int)i, setrlimit(d->limits[i].resource, &limit) == 0);
    }
    capabilities(d);
    if (d->death)
        STEP(PDEATH_SIGNAL, 0, prctl(PR_SET_PDEATHSIG, d->death, 0, 0, 0) == 0 && getppid() == parent);
    if (d->nnp)
        STEP(NO_NEW_PRIVS, 0, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    if (d->callback)
        give_up(CLONE3_SPAWN_STAGE_CALLBACK, 0, d->callback);
    sigprocmask(SIG_SETMASK, d->has_mask ? &d->mask : mask, NULL);
    if (d->filter)
        STEP(SECCOMP, 0, syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, filters[d->filter]) == 0);
    char *argv[] = { "paused", NULL }, *envp[] = { NULL };
    if (no_program)
        give_up(CLONE3_SPAWN_STAGE_EXEC, 0, no_program);
    if (program >= 0)
        syscall(SYS_execveat, program, "", argv, envp, AT_EMPTY_PATH);
    else if (d->search)
        execvpe(d->program, argv, envp);
    else
        execve(d->program, argv, envp);
    give_up(CLONE3_SPAWN_STAGE_EXEC, 0, errno);
}

struct outcome reference(const struct drawn *drawn)
{
    struct outcome outcome = { 0, 0, 0, -1 };
    int ends[2], words[3];
    sigset_t all, mask;
    pid_t parent = getpid();
    if (pipe2(ends, O_CLOEXEC))
        abort();
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &mask);
    if (drawn->flags && unshare(0))
        abort();
    pid_t pid = fork();
    if (pid == 0) {
        if (dup3(ends[1], TOLD, O_CLOEXEC) != TOLD)
            abort();
        close(ends[0]);
        close(ends[1]);
        STEP(CREATE, 0, drawn->flags == 0 || unshare((int)drawn->flags) == 0);
        become(drawn, parent, &mask);
    }
    sigprocmask(SIG_SETMASK, &mask, NULL);
    close(ends[1]);
    ssize_t got = read(ends[0], words, sizeof words);
    close(ends[0]);
    outcome.pid = pid;
    if (got == sizeof words) {
        waitpid(pid, NULL, 0);
        outcome = (struct outcome){ words[0], words[1], words[2], -1 };
    }
    return outcome;
}
