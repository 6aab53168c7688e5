/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Spawns under filters that make system calls fail which otherwise cannot. An errno in
 * place of an id is not used as one: above all no signal is sent to it, because to
 * kill(2) -1 means every process and -38 a group.
 *
 * Each case is in a process of its own, whose filter kills it if it sends a signal to
 * more than one process.
 * modes: preload shared static api
 */
#define _GNU_SOURCE
#include "planning.h"
#include "filter.h"

enum { OTHER = 65534, UNFILTERED = 77 };

/* Answers the calls for good, up to the first 0. */
static void answer(const long *numbers, int errnumber)
{
    struct sock_filter program[40];
    unsigned short length = 0;
    program[length++] = (struct sock_filter)FILTER_LOAD(offsetof(struct seccomp_data, nr));
    for (; *numbers; numbers++) {
        program[length++] = (struct sock_filter)FILTER_IF(BPF_JEQ, (unsigned)*numbers, 1);
        program[length++] = (struct sock_filter)FILTER_ERRNO(errnumber);
    }
    program[length++] = (struct sock_filter)FILTER_IF(BPF_JEQ, SYS_kill, 3);
    program[length++] = (struct sock_filter)FILTER_LOAD(FILTER_LOW(0));
    program[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x80000000u, 0, 1);
    program[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL);
    program[length++] = (struct sock_filter)FILTER_ALLOW;
    struct sock_fprog filter = { length, program };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
        _exit(UNFILTERED);
}

static char *const seven[] = { "sh", "-c", "exit 7", NULL };

static int by(const clone3_spawn_t *plan)
{
    pid_t pid = -1;
    return clone3_spawn(&pid, "/bin/sh", plan, seven, environ, NULL) ? 70 : status_of(pid);
}

static int with_death_signal(void)
{
    clone3_spawn_t plan = new_plan();
    clone3_spawn_set_pdeath_signal(&plan, SIGKILL);
    return by(&plan);
}

static int with_maps(void)
{
    struct clone3_spawn_id_range own = { 0, geteuid(), 1 };
    clone3_spawn_t plan = new_plan();
    clone3_spawn_add_flags(&plan, CLONE_NEWUSER);
    clone3_spawn_set_uid_map(&plan, &own, 1);
    return by(&plan);
}

static int with_maps_refused(void) { return with_maps() == 70 ? 7 : 71; }

static int sleeps(void *unused)
{
    struct timespec while_ = { 0, 300000000 };
    (void)unused;
    raw(SYS_nanosleep, &while_, NULL);
    return 0;
}

/* 7 if the failure of a child with other ids, which takes its time, is returned. */
static int failing_as_other(void)
{
    clone3_spawn_t plan = new_plan();
    pid_t pid;
    clone3_spawn_set_uid(&plan, OTHER);
    clone3_spawn_set_callback(&plan, sleeps, NULL);
    return clone3_spawn(&pid, "/nowhere", &plan, seven, environ, NULL) == ENOENT ? 7 : 70;
}

static int with_action(void)
{
    posix_spawn_file_actions_t actions;
    pid_t pid = -1;
    if (posix_spawn_file_actions_init(&actions) || posix_spawn_file_actions_adddup2(&actions, 1, 50))
        return 71;
    return posix_spawn(&pid, "/bin/sh", &actions, NULL, seven, environ) ? 70 : status_of(pid);
}

static int without_action(void)
{
    pid_t pid = -1;
    return posix_spawn(&pid, "/bin/sh", NULL, NULL, seven, environ) ? 70 : status_of(pid);
}

static void behind(const long *numbers, int errnumber, int (*spawns)(void), const char *name)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(scaled(10));
        answer(numbers, errnumber);
        _exit(spawns());
    }
    int status = status_of(pid);
    if (status == UNFILTERED)
        skip(name, "no filters here");
    else
        is(status, 7, name);
}

int main(void)
{
    static const long getpid_only[] = { SYS_getpid, 0 }, getppid_only[] = { SYS_getppid, 0 };
    static const long gettid_only[] = { SYS_gettid, 0 }, no_pipe[] = { SYS_clone3, SYS_pipe2, 0 };
    begin(60);
    if (emulated()) {
        skip("spawns behind filters that answer", "the emulator would come under them");
        return done();
    }
    clone3_spawn_t plan = new_plan();
    clone3_spawn_add_flags(&plan, CLONE_NEWUSER);
    int namespaces = by(&plan) == 7;
    behind(getpid_only, EPERM, with_death_signal, "a child with set_pdeath_signal runs where getpid(2) answers EPERM");
    behind(getpid_only, ENOSYS, with_death_signal, "a child with set_pdeath_signal runs where getpid(2) answers ENOSYS");
    behind(getppid_only, EPERM, with_death_signal, "a child with set_pdeath_signal runs where getppid(2) answers EPERM");
    if (namespaces) {
        behind(getppid_only, EPERM, with_maps, "a child with id maps runs where getppid(2) answers EPERM");
        behind(getpid_only, EPERM, with_maps_refused, "a spawn with id maps fails where getpid(2) answers EPERM, since /proc may be another pid namespace's");
    } else
        skip("a child with id maps where getpid(2) and getppid(2) answer errnos", "no user namespaces here");
    if (geteuid() == 0)
        behind(gettid_only, EPERM, failing_as_other, "the failure of a child with other ids is returned where gettid(2) answers EPERM");
    else
        skip("the failure of a child with other ids is returned where gettid(2) answers EPERM", "only root may have other ids");
    behind(no_pipe, ENOSYS, without_action, "posix_spawn() needs no pipe, where clone3 is hidden too");
#ifdef SYS_dup2
    static const long dup3_only[] = { SYS_dup3, 0 };
    behind(dup3_only, EPERM, with_action, "an action of dup2 is by dup2(2), as in the C libraries");
#endif
    return done();
}
