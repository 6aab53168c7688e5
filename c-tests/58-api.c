/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* libclone3-api interposes nothing: the libc's names are the libc's. What it needs from
 * the libc all the same: the layout of its file actions, and notice of its fork's
 * children.
 * modes: api api-static
 */
#define _GNU_SOURCE
#include "makers.h"
#include <clone3.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>

static void names_are_the_libcs(void)
{
#ifndef MODE_STATIC
    static const char *const names[] = { "fork", "_Fork", "vfork", "clone", "syscall", "posix_spawn",
        "posix_spawn_file_actions_init", "system", "popen", "pthread_create", "pthread_atfork",
        "__register_atfork", "__cxa_finalize" };
    Dl_info info;
    ok(dladdr((void *)clone3, &info) && strstr(info.dli_fname, "libclone3-api"), "clone3() is libclone3-api's");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        void *found = dlsym(RTLD_DEFAULT, names[i]);
        ok(!found || (dladdr(found, &info) && !strstr(info.dli_fname, "libclone3-api")), "%s is not libclone3-api's", names[i]);
    }
#endif
}

/* Each kind that this libc has, in one list. */
static void file_actions_of_the_libc(void)
{
    posix_spawn_file_actions_t actions;
    clone3_spawn_t plan;
    struct clone3_spawn_error error = { .size = sizeof error };
    char *argv[] = { "sh", "-c", "read -r word && [ \"$word\" = there ] && [ \"$(pwd)\" = /proc ] "
                                 "&& [ ! -e /proc/self/fd/9 ] && [ -e /proc/self/fd/8 ]", NULL };
    int in[2];
    pid_t pid = -1;

    if (pipe2(in, O_CLOEXEC) || write(in[1], "there\n", 6) != 6 || fcntl(in[1], F_DUPFD, 9) != 9)
        abort();
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addclose(&actions, 9);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_addopen(&actions, 8, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addchdir_np(&actions, "/proc");
    clone3_spawn_init(&plan, sizeof plan);
    is(clone3_spawn_set_file_actions(&plan, &actions), 0, "a plan takes file actions made by the libc");
    is(clone3_spawn(&pid, "/bin/sh", &plan, argv, environ, &error), 0, "a plan with file actions made by the libc is carried out");
    is(status_of(pid), 0, "the child of a plan with file actions made by the libc has its files so");
    is(posix_spawn_file_actions_destroy(&actions), 0, "the libc can destroy file actions after a plan has used them");
    close(9);
}

static int ran;
static void in_child(void) { ran++; }

static void *nothing(void *argument) { return argument; }

static int runs_thread(void)
{
    clone3_thread_t thread;
    void *value = NULL;
    return !clone3_thread_create(&thread, NULL, nothing, &thread) && !clone3_thread_join(thread, &value)
        && value == &thread;
}

static volatile int busy = 1;

static void *keeps_busy(void *argument)
{
    while (busy)
        runs_thread();
    return argument;
}

static void fork_of_the_libc(void)
{
    struct clone3_route route = { .size = sizeof route };
    pthread_t thread;
    int sound = 0, rounds = repeats(20) + 1;

    pthread_atfork(NULL, NULL, in_child);
    pid_t pid = fork();
    if (pid == 0)
        _exit(ran == 1 ? runs_thread() && clone3_last_route(&route) == 0 : 2);
    is(status_of(pid), 1, "a child of the libc's fork() has run the handlers, and makes bare threads");

    if (emulated()) {
        skip("children of the libc's fork() beside a thread that makes bare threads make some too",
            "qemu-user 7.2 lets no fork child make threads, of the libc's neither, when another made some then");
        return;
    }
    if (pthread_create(&thread, NULL, keeps_busy, NULL) != 0)
        abort();
    for (int i = 0; i < rounds; i++) {
        pid = fork();
        if (pid == 0) {
            limit_child(20);
            _exit(runs_thread() ? 6 : 7);
        }
        sound += status_of(pid) == 6;
    }
    busy = 0;
    pthread_join(thread, NULL);
    is(sound, rounds, "children of the libc's fork() beside a thread that makes bare threads make some too");
}

int main(void)
{
    begin_group(60);
    names_are_the_libcs();
    file_actions_of_the_libc();
    fork_of_the_libc();
    is(system("exit 9"), 9 << 8, "system() is the libc's, and its child is reaped");
    return done();
}
