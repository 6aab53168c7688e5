/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* forms.h: for every way to create a child a function that creates one, waits for it
 * and returns 0 on success. For tests of the system calls that are made meanwhile. */
#ifndef FORMS_H
#define FORMS_H

#include "raw.h"
#include "tap.h"
#include <clone3.h>
#include <pthread.h>
#include <spawn.h>

extern char **environ;
pid_t _Fork(void); /* not declared before glibc 2.34 */

static char form_stack[64 << 10] __attribute__((aligned(16)));

static int form_end(void *unused)
{
    (void)unused;
    return 7;
}

static int form_status(pid_t pid)
{
    return pid <= 0 ? 2 : status_of(pid) == 7 ? 0 : 3;
}

#define FORM_RETURNING(name, call)                                             \
    static int name(void)                                                      \
    {                                                                          \
        pid_t pid = (pid_t)(call);                                             \
        if (pid == 0)                                                          \
            _exit(7);                                                          \
        return form_status(pid);                                               \
    }

static struct clone_args form_args = { .exit_signal = SIGCHLD };
FORM_RETURNING(form_fork, fork())
FORM_RETURNING(form_underscore_fork, _Fork())
FORM_RETURNING(form_vfork, vfork())
FORM_RETURNING(form_clone3, clone3(&form_args, sizeof form_args))
FORM_RETURNING(form_syscall, syscall(SYS_clone3, &form_args, sizeof form_args))

static int form_clone(void)
{
    return form_status(clone(form_end, form_stack + sizeof form_stack, SIGCHLD, NULL));
}

static int form_clone3_call(void)
{
    return form_status(clone3_call(&form_args, sizeof form_args, form_end, NULL));
}

static char *const form_words[] = { "sh", "-c", "exit 7", NULL };

static int form_posix_spawn(void)
{
    pid_t pid;
    int error = posix_spawn(&pid, "/bin/sh", NULL, NULL, form_words, environ);
    return error ? error : form_status(pid);
}

static int form_clone3_spawn(void)
{
    struct clone3_spawn_plan plan;
    pid_t pid = -1;
    clone3_spawn_init(&plan, sizeof plan);
    int error = clone3_spawn(&pid, "/bin/sh", &plan, form_words, environ, NULL);
    return error ? error : form_status(pid);
}

static int form_system(void)
{
    return system("exit 7") == 7 << 8 ? 0 : 5;
}

static int form_popen(void)
{
    FILE *stream = popen("exit 7", "r");
    return stream && pclose(stream) == 7 << 8 ? 0 : 6;
}

static void *form_return(void *argument) { return argument; }

static int form_thread(void)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, form_return, NULL);
    return error ? error : pthread_join(thread, NULL);
}

static const struct form {
    const char *name;
    int (*make)(void);
    int is_thread;
} forms[] = {
    { "fork", form_fork, 0 },
    { "_Fork", form_underscore_fork, 0 },
    { "vfork", form_vfork, 0 },
    { "clone", form_clone, 0 },
    { "clone3", form_clone3, 0 },
    { "clone3_call", form_clone3_call, 0 },
    { "syscall(SYS_clone3)", form_syscall, 0 },
    { "posix_spawn", form_posix_spawn, 0 },
    { "clone3_spawn", form_clone3_spawn, 0 },
    { "system", form_system, 0 },
    { "popen", form_popen, 0 },
    { "pthread_create", form_thread, 1 },
};
enum { FORMS = sizeof forms / sizeof *forms };

#endif
