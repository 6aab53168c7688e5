/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* container ROOT PROGRAM ARGUMENT…: runs a program as root and process 1 of its own
 * user, pid, mount, UTS and IPC namespaces, with ROOT for its root directory and its
 * own /proc and /tmp, directories that ROOT has. Any user may, where user namespaces
 * are allowed. */
#define _GNU_SOURCE
#include <clone3.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct clone3_spawn_mount mounts[] = {
    { .type = "proc", .target = "/proc", .flags = MS_NOSUID | MS_NODEV | MS_NOEXEC },
    { .type = "tmpfs", .target = "/tmp", .flags = MS_NOSUID | MS_NODEV, .data = "size=16m,mode=1777" },
};

static int name_it(void *name)
{
    return sethostname(name, 9) ? errno : 0; /* the plan's steps are done: we are root in here */
}

int main(int argc, char **argv)
{
    const struct clone3_spawn_id_range uids = { 0, geteuid(), 1 }, gids = { 0, getegid(), 1 };
    char *const environment[] = { "PATH=/bin:/usr/bin", "HOME=/", NULL };
    struct clone3_spawn_error error = { .size = sizeof error };
    char reason[256];
    clone3_spawn_t plan;
    int status;
    pid_t pid;

    if (argc < 3) {
        fprintf(stderr, "usage: container ROOT PROGRAM ARGUMENT…\n");
        return 125;
    }
    clone3_spawn_init(&plan, sizeof plan); /* a setter that fails makes clone3_spawn() fail */
    clone3_spawn_add_flags(&plan, CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC);
    clone3_spawn_set_setgroups(&plan, 0);
    clone3_spawn_set_uid_map(&plan, &uids, 1);
    clone3_spawn_set_gid_map(&plan, &gids, 1);
    clone3_spawn_set_uid(&plan, 0);
    clone3_spawn_set_gid(&plan, 0);
    clone3_spawn_set_mounts(&plan, mounts, sizeof mounts / sizeof *mounts);
    clone3_spawn_set_pivot_root(&plan, open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC));
    clone3_spawn_set_fds(&plan, (const int []){ 0, 1, 2 }, 3);
    clone3_spawn_set_pdeath_signal(&plan, SIGKILL);
    clone3_spawn_set_no_new_privs(&plan, 1);
    clone3_spawn_set_callback(&plan, name_it, "container");
    if (clone3_spawn(&pid, argv[2], &plan, argv + 2, environment, &error)) {
        fprintf(stderr, "container: %s\n", clone3_spawn_strerror(&error, reason, sizeof reason));
        return 125;
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
