/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A seccomp filter of the plan that kills the child at exec: the spawn fails, at the
 * filter step. If it kills the program later, the spawn has succeeded.
 */
#define _GNU_SOURCE
#include "filter.h"
#include "planning.h"
#include <sys/prctl.h>

#ifndef SECCOMP_RET_KILL_PROCESS
#define SECCOMP_RET_KILL_PROCESS 0x80000000U
#endif

static char *const true_argv[] = { "sh", "-c", "exit 7", NULL };

/* Does this at exec, or else at anything but exec. */
static struct sock_fprog *filter_of(uint32_t action, int at_exec)
{
    static struct sock_filter code[5];
    static struct sock_fprog program = { 5, code };
    struct sock_filter at = BPF_STMT(BPF_RET | BPF_K, action), allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    code[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    code[1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 1, 0);
    code[2] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execveat, 0, 1);
    code[3] = at_exec ? at : allow;
    code[4] = at_exec ? allow : at;
    return &program;
}

static clone3_spawn_t killing(uint32_t action, int at_exec)
{
    clone3_spawn_t plan = new_plan();
    clone3_spawn_set_no_new_privs(&plan, 1);
    clone3_spawn_set_seccomp(&plan, filter_of(action, at_exec), 0);
    return plan;
}

static void fails(clone3_spawn_t *plan, const char *name)
{
    fails_at(plan, "/bin/sh", CLONE3_SPAWN_STAGE_SECCOMP, 0, EPERM, name);
}

static void at_exec(void)
{
    static const struct { uint32_t action; const char *name; } all[] = {
        { 0 /* SECCOMP_RET_KILL_THREAD */, "a filter that kills the thread at exec" },
        { SECCOMP_RET_KILL_PROCESS, "a filter that kills the process at exec" },
        { SECCOMP_RET_TRAP, "a filter that traps exec" },
    };
    clone3_spawn_t plan;
    int pidfd = -1;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        fails((plan = killing(all[i].action, 1), &plan), all[i].name);
    plan = killing(0, 1);
    clone3_spawn_set_session(&plan, 1);
    fails(&plan, "a filter that kills at exec, in a session of the child's own");
    plan = killing(0, 1);
    clone3_spawn_set_pidfd(&plan, &pidfd);
    fails(&plan, "a filter that kills at exec, with a pidfd");
    is(pidfd, -1, "a plan whose filter kills the child at exec gives no pidfd");
    plan = killing(0, 1);
    clone3_spawn_set_program_fd(&plan, open("/bin/sh", O_RDONLY | O_CLOEXEC), 0);
    fails_at(&plan, NULL, CLONE3_SPAWN_STAGE_SECCOMP, 0, EPERM, "a filter that kills at exec by descriptor");
    if (geteuid() == 0) {
        plan = killing(0, 1);
        clone3_spawn_set_uid(&plan, 4242);
        fails(&plan, "a filter that kills at exec, of another user");
        plan = killing(0, 1);
        clone3_spawn_add_flags(&plan, CLONE_NEWPID);
        clone3_spawn_set_session(&plan, 1);
        fails(&plan, "a filter that kills at exec, in a new pid namespace");
    }
}

/* The program runs, if not for long: its end is its own. */
static void after_exec(void)
{
    clone3_spawn_t plan = killing(SECCOMP_RET_KILL_PROCESS, 0);
    for (int session = 0; session < 2; session++) {
        int rounds = repeats(100), good = 0;
        for (int i = 0; i < rounds; i++) {
            pid_t pid = -1;
            int status = 0;
            if (spawn_plan(&pid, "/bin/sh", &plan, true_argv) == 0 && waitpid(pid, &status, 0) == pid
                && WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
                good++;
        }
        is(good, rounds, session ? "spawns succeed whose filter kills the program, in a session of its own"
                                 : "spawns succeed whose filter kills the program");
        clone3_spawn_set_session(&plan, 1);
    }
}

static void harmless(void)
{
    clone3_spawn_t plan = killing(SECCOMP_RET_ALLOW, 1);
    pid_t pid = -1;
    ok(spawn_plan(&pid, "/bin/sh", &plan, true_argv) == 0 && status_of(pid) == 7, "a plan with a filter that allows everything runs its program");
    fails_at(&plan, "/nowhere", CLONE3_SPAWN_STAGE_EXEC, 0, ENOENT, "a plan with a filter and no program");
}

/* Nothing is kept of a child where SIGCHLD is ignored. */
static void unheard(void)
{
    clone3_spawn_t plan = killing(0, 1);
    pid_t pid = -1;
    signal(SIGCHLD, SIG_IGN);
    is(spawn_plan(&pid, "/bin/sh", &plan, true_argv), 0, "a spawn whose filter kills the child at exec succeeds with SIGCHLD ignored, as clone3_spawn(3) says");
    signal(SIGCHLD, SIG_DFL);
}

int main(void)
{
    begin(60);
    if (emulated()) {
        skip("plans with filters that kill the child at exec", "no filters under qemu-user");
        return done();
    }
    harmless();
    at_exec();
    after_exec();
    apart(unheard);
    return done();
}
