/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* init.c: process 1 of the guest that tools/run-in-kernel boots. Mounts what a
 * Linux system has, runs the tests of /tests/list one after the other and
 * powers off.
 *
 * A line of the list is "NAME=VALUE... /path": the test's environment and
 * program. On the console each test is
 *     @@ begin BASENAME
 *     what it printed
 *     @@ end BASENAME STATUS SECONDS
 * with the status as the shell has it, 124 if it took longer than TEST_LIMIT
 * seconds (from the kernel's command line, which reaches us as environment).
 *
 * FILTER=KIND there has this process, and so all tests, come under that seccomp
 * filter of c-tests/filter.h. */
#define _GNU_SOURCE
#include "filter.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static void mount_at(const char *type, const char *path, const char *options)
{
    mkdir(path, 0755);
    if (mount(type, path, type, 0, options))
        fprintf(stderr, "init: %s: %s\n", path, strerror(errno));
}

static void make_a_system(void)
{
    mount_at("devtmpfs", "/dev", NULL);
    int console = open("/dev/console", O_RDWR);
    for (int fd = 0; fd <= 2; fd++)
        dup2(console, fd);
    if (console > 2)
        close(console);
    setvbuf(stdout, NULL, _IOLBF, 0);

    mount_at("proc", "/proc", NULL);
    mount_at("sysfs", "/sys", NULL);
    mount_at("devpts", "/dev/pts", "ptmxmode=0666");
    mount_at("tmpfs", "/dev/shm", "mode=1777");
    mount_at("tmpfs", "/tmp", "mode=1777");
    mount_at("cgroup2", "/sys/fs/cgroup", NULL);
    (void)!symlink("/proc/self/fd", "/dev/fd");
    (void)!symlink("/proc/self/fd/0", "/dev/stdin");
    (void)!symlink("/proc/self/fd/1", "/dev/stdout");
    (void)!symlink("/proc/self/fd/2", "/dev/stderr");

    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/busybox", "busybox", "--install", "-s", "/bin", (char *)NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
}

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void nap(void)
{
    nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
}

/* Buries what there is to bury: the number of processes, and in *status how
 * pid ended, if it is among them. */
static int bury(pid_t pid, int *status)
{
    int count = 0, how;
    for (pid_t got; (got = waitpid(-1, &how, WNOHANG | __WALL)) > 0; count++) {
        if (got == pid)
            *status = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
    }
    return count;
}

static _Noreturn void become(char *line, int output)
{
    char *words[64], *word, *rest = line;
    int count = 0;
    setsid();
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(output, 1);
    dup2(output, 2);
    close(null);
    close(output);
    while ((word = strsep(&rest, " ")) && count < 63) {
        if (count == 0 && strchr(word, '=') && *word != '/')
            putenv(word);
        else if (*word)
            words[count++] = word;
    }
    words[count] = NULL;
    if (count)
        execv(words[0], words);
    dprintf(1, "# init: %s: %s\n", line, strerror(errno));
    _exit(127);
}

static void run(char *line, double limit)
{
    const char *name = strrchr(line, '/') ? strrchr(line, '/') + 1 : line;
    char bytes[4096];
    int status = -1, left = 0;
    ssize_t got;
    /* Not the console itself: the kernel may speak there at any time. */
    int output = memfd_create("output", MFD_CLOEXEC);
    double start = now();

    printf("@@ begin %s\n", name);
    pid_t pid = fork();
    if (pid == 0)
        become(line, output);
    while (bury(pid, &status), status < 0 && now() < start + limit)
        nap();
    double seconds = now() - start;
    if (status < 0) {
        status = 124;
        dprintf(output, "# init: more than %g seconds\n", limit);
    }
    int ignored;
    bury(-1, &ignored);
    kill(-1, SIGKILL);
    for (start = now(); now() < start + 10 && waitpid(-1, NULL, WNOHANG | __WALL) >= 0; nap())
        left++;
    if (left)
        dprintf(output, "# processes were left behind and killed\n");

    for (off_t at = 0; (got = pread(output, bytes, sizeof bytes, at)) > 0; at += got)
        fwrite(bytes, 1, (size_t)got, stdout);
    close(output);
    printf("\n@@ end %s %d %.1f\n", name, status, seconds);
}

/* Whether the guest is what it should be. */
static int come_under_filter(const char *name)
{
    const struct filter_kind *kind = name ? find_filter(name) : NULL;
    int error = !name ? 0 : kind ? install_filter(kind) : EINVAL;
    if (error)
        printf("@@ problem: filter %s: %s\n", name, strerror(error));
    return error == 0;
}

int main(void)
{
    char line[4096];
    struct utsname kernel;
    make_a_system();
    const char *limit = getenv("TEST_LIMIT");
    setenv("PATH", "/bin", 1);
    uname(&kernel);
    printf("@@ kernel %s %s after %.1f s\n", kernel.release, kernel.machine, now());

    FILE *list = come_under_filter(getenv("FILTER")) ? fopen("/tests/list", "re") : NULL;
    while (list && fgets(line, sizeof line, list)) {
        line[strcspn(line, "\n")] = '\0';
        run(line, limit ? atof(limit) : 120);
    }
    printf("@@ power off after %.1f s\n", now());
    fflush(stdout);
    tcdrain(1);
    reboot(RB_POWER_OFF);
    return 1;
}
