/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* cgroup MEGABYTES PROGRAM ARGUMENT…: runs a program in a cgroup of its own that may
 * use so much memory, and says how it ended and how much it used.
 *
 * Wants a cgroup2 that the caller may make directories in, with the memory
 * controller on for them; without the controller there is no limit, and it says so. */
#define _GNU_SOURCE
#include <clone3.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int write_file(int directory, const char *name, const char *text)
{
    int fd = openat(directory, name, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t written = write(fd, text, strlen(text));
    close(fd);
    return written < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
    const char *parent = getenv("CGROUP_PARENT");
    char path[4096], limit[32], peak[64] = "unknown\n", reason[256];
    if (argc < 3 || !parent) {
        fprintf(stderr, "usage: CGROUP_PARENT=/sys/fs/cgroup/… cgroup MEGABYTES PROGRAM ARGUMENT…\n");
        return 125;
    }
    snprintf(path, sizeof path, "%s/example-%d", parent, getpid());
    snprintf(limit, sizeof limit, "%ld", atol(argv[1]) << 20);
    if (mkdir(path, 0755)) {
        perror(path);
        return 125;
    }
    int cgroup = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), pidfd = -1, status = 125 << 8;
    if (write_file(cgroup, "memory.max", limit))
        fprintf(stderr, "no memory controller here: %s\n", strerror(errno));

    struct clone3_spawn_error error = { .size = sizeof error };
    clone3_spawn_t plan;
    pid_t pid;
    clone3_spawn_init(&plan, sizeof plan);
    clone3_spawn_set_cgroup(&plan, cgroup); /* born there: no page escapes the limit */
    clone3_spawn_set_pidfd(&plan, &pidfd);
    clone3_spawn_set_search(&plan, 1);
    if (clone3_spawn(&pid, argv[2], &plan, argv + 2, NULL, &error)) {
        fprintf(stderr, "cgroup: %s\n", clone3_spawn_strerror(&error, reason, sizeof reason));
    } else {
        struct pollfd end = { .fd = pidfd, .events = POLLIN };
        while (poll(&end, 1, -1) < 0 && errno == EINTR)
            ;
        waitpid(pid, &status, 0);
        int fd = openat(cgroup, "memory.peak", O_RDONLY | O_CLOEXEC);
        ssize_t length = fd < 0 ? 0 : read(fd, peak, sizeof peak - 1);
        if (length > 0)
            peak[length] = 0;
        printf("%s %d, peak memory %s", WIFSIGNALED(status) ? "killed by signal" : "exit status",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), peak);
    }
    rmdir(path);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
