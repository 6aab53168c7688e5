/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* floor.h: the least that C can do with clone3(2), which is what ours is held against. No
 * file actions, no attributes, no cancellation, no other kernel, no error path worth the
 * name: it is a floor, not a function.
 *
 * floor_start() makes the system call and has the child call enter(arg), which must not
 * return, on the stack of the arguments or, if that is 0, on the caller's own, 128 bytes
 * below where the caller may keep a red zone. */
#ifndef FLOOR_H
#define FLOOR_H

#include <linux/futex.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "worker.h"

#if defined __x86_64__
#define HAS_FLOOR 1
static inline long floor_start(struct clone_args *args, size_t size, void (*enter)(void *), void *arg)
{
    long result;
    register void (*call)(void *) __asm__("r12") = enter;
    register void *with __asm__("r13") = arg;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "sub $128, %%rsp\n\t"
                     "and $-16, %%rsp\n\t"
                     "mov %%r13, %%rdi\n\t"
                     "call *%%r12\n\t"
                     "ud2\n"
                     "1:"
                     : "=a"(result)
                     : "a"(SYS_clone3), "D"(args), "S"(size), "r"(call), "r"(with)
                     : "rcx", "r11", "memory");
    return result;
}
#else
#define HAS_FLOOR 0
static inline long floor_start(struct clone_args *args, size_t size, void (*enter)(void *), void *arg)
{
    (void)args, (void)size, (void)enter, (void)arg;
    return -ENOSYS;
}
#endif

/* ---- a process ---- */

struct floor_plan {
    const char *path;
    char *const *argv, *const *envp;
    uint64_t mask;
    long error;
};

static inline void floor_exec(void *arg)
{
    struct floor_plan *plan = arg;
    raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, (long)&plan->mask, 0, sizeof plan->mask);
    plan->error = raw_syscall(SYS_execve, (long)plan->path, (long)plan->argv, (long)plan->envp, 0);
    raw_syscall(SYS_exit_group, 127, 0, 0, 0);
    __builtin_trap();
}

/* Spawns path into the cgroup of the descriptor, -1 for the caller's; returns the pid or a
 * negative error number. Signals are blocked over the window, since a handler must not run
 * on borrowed memory. */
static inline long floor_spawn(const char *path, char *const argv[], char *const envp[], int cgroup)
{
    struct floor_plan plan = { .path = path, .argv = argv, .envp = envp };
    struct clone_args args = {
        .flags = CLONE_VM | CLONE_VFORK | CLONE_CLEAR_SIGHAND,
        .exit_signal = SIGCHLD,
    };
    size_t size = CLONE_ARGS_SIZE_VER0;
    uint64_t all = -1;
    if (cgroup >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (unsigned)cgroup;
        size = CLONE_ARGS_SIZE_VER2;
    }
    raw_syscall(SYS_rt_sigprocmask, SIG_BLOCK, (long)&all, (long)&plan.mask, sizeof all);
    long pid = floor_start(&args, size, floor_exec, &plan);
    raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, (long)&plan.mask, 0, sizeof all);
    if (pid > 0 && plan.error) {
        waitpid(pid, NULL, 0);
        return plan.error;
    }
    return pid;
}

/* ---- a thread ---- */

enum { FLOOR_STACK = 64 << 10 };

/* At the top of its stack, whose last page is all that an idle thread touches. The thread
 * pointer's first word is itself, as the TLS ABI has it; there is no storage below it. */
struct floor_thread {
    void *self;
    void *room[15]; /* a canary and the like, read at fixed places; zero */
    void *(*start)(void *);
    void *arg, *result;
    pid_t tid;
};

static inline void floor_enter(void *arg)
{
    struct floor_thread *thread = arg;
    thread->result = thread->start(thread->arg);
    raw_syscall(SYS_exit, 0, 0, 0, 0);
    __builtin_trap();
}

/* Starts a thread on FLOOR_STACK bytes from `stack` on, which are zero or were a thread's
 * that has been joined. Returns a negative error number or the id. */
static inline long floor_thread_create(struct floor_thread **out, char *stack, void *(*start)(void *),
                                void *arg)
{
    struct floor_thread *thread = (struct floor_thread *)(stack + FLOOR_STACK) - 1;
    struct clone_args args = {
        .flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                 CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID,
        .parent_tid = (uintptr_t)&thread->tid,
        .child_tid = (uintptr_t)&thread->tid,
        .stack = (uintptr_t)stack,
        .stack_size = (char *)thread - stack,
        .tls = (uintptr_t)thread,
    };
    thread->self = thread;
    thread->start = start;
    thread->arg = arg;
    *out = thread;
    return floor_start(&args, CLONE_ARGS_SIZE_VER0, floor_enter, thread);
}

static inline void *floor_thread_join(struct floor_thread *thread)
{
    pid_t tid;
    while ((tid = __atomic_load_n(&thread->tid, __ATOMIC_ACQUIRE)) != 0)
        raw_syscall(SYS_futex, (long)&thread->tid, FUTEX_WAIT, tid, 0);
    return thread->result;
}

#endif
