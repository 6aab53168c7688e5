/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What is looked up when it is first called is looked up without the loader's lock: another
 * thread holds it here, and the first calls of the exec and wait families, of posix_spawn with
 * attributes and actions, and of popen come back as without the library, also in a child of
 * vfork() and on an alternate stack. Each in a process that made none before.
 */
#define _GNU_SOURCE
#include "raw.h"
#include "tap.h"
#include <link.h>
#include <pthread.h>
#include <spawn.h>

extern char **environ;
/* Before glibc 2.34 it is in libpthread, which the program may be without. */
#pragma weak pthread_create
static char *no_arguments[] = { "sh", "-c", "exit 5", NULL };

static int holds(struct dl_phdr_info *info, size_t size, void *ready)
{
    (void)info, (void)size;
    if (write(*(int *)ready, "", 1) != 1)
        _exit(8);
    for (;;)
        pause();
}

static void *hold(void *ready)
{
    dl_iterate_phdr(holds, ready);
    return NULL;
}

static int vforks(void)
{
    int status = -1;
    pid_t pid = vfork();
    if (pid == 0) {
        execve("/bin/sh", no_arguments, environ);
        _exit(9);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static volatile int on_stack;

static void in_handler(int signal)
{
    (void)signal;
    on_stack = vforks();
}

static int on_alternate_stack(void)
{
    static char memory[16384];
    stack_t stack = { .ss_sp = memory, .ss_size = sizeof memory };
    struct sigaction action = { .sa_handler = in_handler, .sa_flags = SA_ONSTACK };
    if (sigaltstack(&stack, NULL) != 0 || sigaction(SIGUSR1, &action, NULL) != 0)
        return -1;
    raise(SIGUSR1);
    return on_stack;
}

static int spawns(void)
{
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status = -1;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 9, "/dev/null", 0, 0);
    if (posix_spawn(&pid, "/bin/sh", &actions, &attributes, no_arguments, environ) != 0)
        return -1;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int pipes(void)
{
    FILE *stream = popen("exit 5", "r");
    int status = stream ? pclose(stream) : -1;
    return status != -1 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* What a first call comes to in a process of its own, beside a thread with the lock. Waited for
 * by the kernel's call: the function's first call would be here. */
static int beside_lock(int (*call)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        int ends[2];
        char byte;
        pthread_t thread;
        alarm(scaled(20));
        if (pipe(ends) != 0 || pthread_create(&thread, NULL, hold, &ends[1]) != 0 || read(ends[0], &byte, 1) != 1)
            raw(SYS_exit_group, 7);
        raw(SYS_exit_group, call());
    }
    int status = -1;
    while (raw(SYS_wait4, pid, &status, 0, NULL) == -EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(void)
{
    begin(120);
    if (!pthread_create || no_threads() || emulated()) {
        skip("first calls beside a thread that has the loader's lock", "no threads, or an emulator with locks of its own");
        return done();
    }
    is(beside_lock(vforks), 5, "the first exec and wait, in a child of vfork() and its parent, need no lock of the loader's");
    is(beside_lock(on_alternate_stack), 5, "the first exec and wait on an alternate stack need no lock of the loader's");
    is(beside_lock(spawns), 5, "the first spawn with attributes and actions needs no lock of the loader's");
    is(beside_lock(pipes), 5, "the first popen and pclose need no lock of the loader's");
    return done();
}
