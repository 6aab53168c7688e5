/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* With <clone3-spawn.h> a program has all that the library adds to <spawn.h>, declared and
 * there, whatever the C library's own header knows. */
#define _GNU_SOURCE
#include <clone3-spawn.h>
#include "tap.h"
#include <fcntl.h>
#include <sys/stat.h>

extern char **environ;

static posix_spawn_file_actions_t actions;
static posix_spawnattr_t attr;

/* Exit status of a shell with these actions and attributes; 1000 and the error, if there
 * is no child. */
static int shell(const char *script)
{
    char *words[] = { (char *)"sh", (char *)"-c", (char *)script, NULL };
    int pidfd = -1;
    pid_t pid = -1;
    if (emulated()) { /* qemu-user's clone(2) gives no pidfd */
        int error = posix_spawnp(&pid, "sh", &actions, &attr, words, environ);
        return error ? 1000 + error : status_of(pid);
    }
    int error = pidfd_spawnp(&pidfd, "sh", &actions, &attr, words, environ);
    if (error)
        return 1000 + error;
    pid = pidfd_getpid(pidfd);
    close(pidfd);
    return pid > 0 ? status_of(pid) : -1;
}

int main(void)
{
    begin(20);
    int cgroup = -1, root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);

    /* pidfd_getpid() needs what /proc or the kernel says of a pidfd. */
    if (emulated()) {
        skip("pidfd_spawnp(), pidfd_spawn() and pidfd_getpid()", "qemu-user's clone(2) gives no pidfd");
    } else {
        is(shell("exit 7"), 7, "pidfd_spawnp() gives a pidfd, and pidfd_getpid() its pid");
        char *words[] = { (char *)"sh", (char *)"-c", (char *)"exit 8", NULL };
        int pidfd = -1;
        is(pidfd_spawn(&pidfd, "/bin/sh", NULL, NULL, words, environ), 0, "pidfd_spawn() makes a child");
        is(status_of(pidfd_getpid(pidfd)), 8, "the child of pidfd_spawn() runs its program");
    }

    posix_spawn_file_actions_addchdir(&actions, "/proc");
    posix_spawn_file_actions_addchdir_np(&actions, "self");
    is(shell("test -e status"), 0, "posix_spawn_file_actions_addchdir() and _addchdir_np() change the child's directory");
    posix_spawn_file_actions_addfchdir(&actions, root);
    is(shell("test -e proc"), 0, "posix_spawn_file_actions_addfchdir() changes the child's directory");
    posix_spawn_file_actions_addchdir(&actions, "proc");
    posix_spawn_file_actions_addfchdir_np(&actions, root);
    is(shell("test -e proc"), 0, "posix_spawn_file_actions_addfchdir_np() changes the child's directory");

    int open_one = fcntl(root, F_DUPFD, 40);
    is(shell("test -e /proc/self/fd/40"), open_one == 40 ? 0 : 1, "a descriptor that is to be closed by _addclosefrom_np() is inherited without it");
    posix_spawn_file_actions_addclosefrom_np(&actions, 40);
    is(shell("test -e /proc/self/fd/40"), 1, "posix_spawn_file_actions_addclosefrom_np() closes a descriptor in the child");
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addtcsetpgrp_np(&actions, null);
    is(shell("exit 0"), 1000 + ENOTTY, "posix_spawn_file_actions_addtcsetpgrp_np() of what is no terminal: ENOTTY");
    posix_spawn_file_actions_destroy(&actions);
    posix_spawn_file_actions_init(&actions);

    is(posix_spawnattr_setcgroup_np(&attr, null), 0, "posix_spawnattr_setcgroup_np() takes a descriptor");
    ok(posix_spawnattr_getcgroup_np(&attr, &cgroup) == 0 && cgroup == null, "posix_spawnattr_getcgroup_np() returns the descriptor that was set");
    is(posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETCGROUP), 0, "posix_spawnattr_setflags() takes POSIX_SPAWN_SETCGROUP");
    ok(shell("exit 0") >= 1000, "POSIX_SPAWN_SETCGROUP with a descriptor of no cgroup makes no child");
    is(posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID), 0, "posix_spawnattr_setflags() takes POSIX_SPAWN_SETSID");
    is(shell("set -- $(cat /proc/self/stat); test \"$6\" = $$"), 0, "a child of POSIX_SPAWN_SETSID leads a session");
    return done();
}
