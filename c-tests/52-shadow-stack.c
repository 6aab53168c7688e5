/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every way of making a child or a thread, on a user shadow stack: both tasks return
 * through all their frames, and have the shadow stack that the kernel gives them.
 *
 * archs: x86_64 aarch64 riscv64
 */
#define _GNU_SOURCE
#include "shadow.h"
#include "tap.h"
#include <clone3.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

extern char **environ;

enum { DEPTH = 12, STACK = 1 << 18 };

/* What is called at the bottom of DEPTH frames that check their returns. */
struct dive {
    long (*fn)(void *);
    void *argument;
    int depth;
};

static long dives(void *place)
{
    struct dive dive = *(struct dive *)place;
    if (dive.depth-- == 0)
        return dive.fn(dive.argument);
    return shadowed(dives, &dive);
}

static long deep(long (*fn)(void *), void *argument)
{
    return dives(&(struct dive){ fn, argument, DEPTH });
}

/* What a child does: calls and returns, on a shadow stack. */
static long adds(void *argument) { return (long)argument + 1; }
static int work(void *argument)
{
    return deep(adds, argument) == (long)argument + 1 && shadow_stack_pointer() ? 42 : 1;
}

/* ---- children that return: each is made at the bottom, and the parent returns from there ---- */

static long by_fork(void *unused)
{
    (void)unused;
    return fork();
}

static long by_clone3(void *flags)
{
    struct clone_args args = { .flags = (uintptr_t)flags, .exit_signal = SIGCHLD };
    return clone3(&args, sizeof args);
}

/* A child that returns through all the frames before it ends: its memory is a copy. */
static long returns(long (*make)(void *), void *argument)
{
    pid_t pid = (pid_t)deep(make, argument);
    if (pid == 0)
        _exit(work(NULL));
    return pid < 0 ? -errno : status_of(pid);
}

/* A vfork-like one ends in the function that made it. */
static long by_vfork(void *unused)
{
    (void)unused;
    pid_t pid = vfork();
    if (pid == 0)
        _exit(work(NULL));
    return pid < 0 ? -errno : status_of(pid);
}

static long by_clone3_lent(void *unused)
{
    struct clone_args args = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD };
    (void)unused;
    pid_t pid = clone3(&args, sizeof args);
    if (pid == 0)
        _exit(work(NULL));
    return pid < 0 ? -errno : status_of(pid);
}

static long by_syscall(void *number)
{
    struct clone_args args = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD };
    pid_t pid = (long)number == SYS_clone3 ? syscall(SYS_clone3, &args, sizeof args)
                                           : syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        _exit(work(NULL));
    return pid < 0 ? -errno : status_of(pid);
}

static long by_vfork_exec(void *unused)
{
    (void)unused;
    pid_t pid = vfork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", "exit 7", (char *)NULL);
        _exit(127);
    }
    return pid < 0 ? -errno : status_of(pid);
}

/* ---- children that run a function ---- */

static char *stack;

static long by_call(void *flags)
{
    struct clone_args args = { .flags = (uintptr_t)flags, .exit_signal = SIGCHLD };
    if (!(args.flags & CLONE_VFORK) && args.flags & CLONE_VM) {
        args.stack = (uintptr_t)stack;
        args.stack_size = STACK;
    }
    pid_t pid = clone3_call(&args, sizeof args, work, NULL);
    return pid < 0 ? -errno : status_of(pid);
}

static long by_clone(void *flags)
{
    pid_t pid = clone(work, stack + STACK, (int)(long)flags | SIGCHLD, NULL);
    return pid < 0 ? -errno : status_of(pid);
}

/* ---- children that execute ---- */

static long by_spawn(void *unused)
{
    char *words[] = { (char *)"sh", (char *)"-c", (char *)"exit 7", NULL };
    pid_t pid;
    (void)unused;
    int error = posix_spawnp(&pid, "sh", NULL, NULL, words, environ);
    return error ? -error : status_of(pid);
}

static long by_system(void *unused)
{
    (void)unused;
    int status = system("exit 7");
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static long by_popen(void *unused)
{
    char line[16] = "";
    (void)unused;
    FILE *stream = popen("echo seven; exit 7", "r");
    if (!stream || !fgets(line, sizeof line, stream) || strcmp(line, "seven\n"))
        return -1;
    int status = pclose(stream);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int calls_back(void *place)
{
    return work(place) == 42 ? 0 : EINVAL;
}

static long by_plan(void *unused)
{
    char *words[] = { (char *)"sh", (char *)"-c", (char *)"exit 7", NULL };
    struct clone3_spawn_error error = { .size = sizeof error };
    clone3_spawn_t plan;
    pid_t pid;
    (void)unused;
    if (clone3_spawn_init(&plan, sizeof plan) || clone3_spawn_set_callback(&plan, calls_back, NULL))
        return -1;
    int status = clone3_spawn(&pid, "/bin/sh", &plan, words, environ, &error);
    return status ? -status : status_of(pid);
}

/* ---- threads ---- */

static void *in_thread(void *argument) { return (void *)(long)work(argument); }

static long by_pthread(void *unused)
{
    struct clone3_pthread_extra extra = { .size = sizeof extra, .set = CLONE3_PTHREAD_NAME, .name = "shadowed" };
    pthread_t thread;
    void *value;
    (void)unused;
    int error = clone3_pthread_create(&thread, NULL, &extra, in_thread, NULL);
    if (error)
        return -error;
    pthread_join(thread, &value);
    return (long)value;
}

#ifndef __riscv
static void *exits_deep(void *argument)
{
    clone3_thread_exit((void *)deep(adds, argument));
}

static long by_bare_thread(void *start)
{
    clone3_thread_t threads[8];
    void *value;
    long answer = 0;
    /* Twice: the second time in slots that were used. */
    for (int round = 0; round < 2; round++) {
        int made = 0;
        for (; made < 8; made++) {
            int error = clone3_thread_create(&threads[made], NULL, (void *(*)(void *))start, (void *)41);
            if (error)
                answer = -error;
            if (error)
                break;
        }
        for (int i = 0; i < made; i++) {
            clone3_thread_join(threads[i], &value);
            if (answer >= 0)
                answer = (long)value == 42 ? 42 : 1;
        }
        if (answer != 42)
            break;
    }
    return answer;
}
#endif

static volatile sig_atomic_t handled;
static void handles(int signal)
{
    (void)signal;
    handled += deep(by_vfork, NULL) == 42;
}

static int tests(void)
{
    ok(shadow_stack_pointer() != 0, "the test is on a shadow stack");
    pid_t pid = (pid_t)raw(SYS_clone, SIGCHLD);
    if (pid == 0) {
        falsified();
        raw(SYS_exit, 0);
    }
    is(status_of(pid), 128 + SIGSEGV, "a return to a false address is fatal on a shadow stack");

    is(returns(by_fork, NULL), 42, "fork() on a shadow stack: both return from where it was called");
    is(returns(by_clone3, NULL), 42, "clone3() on a shadow stack: both return from where it was called");
    is(deep(by_vfork, NULL), 42, "vfork() on a shadow stack: the child calls, the parent returns");
    is(deep(by_vfork_exec, NULL), 7, "vfork() and exec on a shadow stack");
    is(deep(by_clone3_lent, NULL), 42, "clone3() with VM and VFORK on a shadow stack");
    is(deep(by_syscall, (void *)SYS_clone), 42, "syscall(SYS_clone) with VM and VFORK on a shadow stack");
    if (unreachable_errno())
        skip("syscall(SYS_clone3) with VM and VFORK on a shadow stack", "clone3 is out of reach");
    else
        is(deep(by_syscall, (void *)SYS_clone3), 42, "syscall(SYS_clone3) with VM and VFORK on a shadow stack");

    is(deep(by_call, NULL), 42, "clone3_call() with a copy of memory and shadow stack");
    is(deep(by_call, (void *)(CLONE_VM | CLONE_VFORK)), 42, "clone3_call() on the caller's stack and shadow stack");
    is(deep(by_call, (void *)CLONE_VM), 42, "clone3_call() with VM, a stack and a shadow stack");
    is(deep(by_clone, NULL), 42, "clone() with a copy of memory and shadow stack");
    is(deep(by_clone, (void *)CLONE_VM), 42, "clone() with VM and a shadow stack");
    is(deep(by_clone, (void *)(CLONE_VM | CLONE_VFORK)), 42, "clone() with VM and VFORK and a shadow stack");

    is(deep(by_spawn, NULL), 7, "posix_spawnp() on a shadow stack runs its program");
    is(deep(by_system, NULL), 7, "system() on a shadow stack runs its command");
    is(deep(by_popen, NULL), 7, "popen() on a shadow stack runs its command");
    is(deep(by_plan, NULL), 7, "clone3_spawn() on a shadow stack, with a callback that calls functions");

    is(deep(by_pthread, NULL), 42, "clone3_pthread_create() makes a thread on a shadow stack");
#ifdef __riscv
    skip("bare threads on a shadow stack", "there are none on riscv64");
#else
    is(deep(by_bare_thread, (void *)in_thread), 42, "bare threads on a shadow stack that return");
    is(deep(by_bare_thread, (void *)exits_deep), 42, "bare threads on a shadow stack that exit");
#endif

    signal(SIGUSR1, handles);
    raise(SIGUSR1);
    is(handled, 1, "vfork() in a signal handler on a shadow stack");
    return done();
}

int main(void)
{
    begin(60);
    stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (emulated()) {
        skip("children and threads on a user shadow stack", "qemu-user has none here");
        return done();
    }
    long error = shadow_stack_on();
    if (error && getenv("SHADOW")) {
        ok(0, "this machine and kernel have shadow stacks: %s", strerror((int)error));
        return done();
    }
    if (error) {
        printf("ok 1 - children and threads on a user shadow stack # SKIP this machine and kernel have none (%s)\n1..1\n",
               strerror((int)error));
        return 0;
    }
    exit(tests());
}
