/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* planning.h: children of clone3_spawn() that are shells and print their state, and
 * spawns that must fail and leak nothing. */
#ifndef PLANNING_H
#define PLANNING_H

#include "raw.h"
#include "tap.h"
#include <clone3.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

extern char **environ;

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static struct clone3_spawn_error error_of_plan;

static inline clone3_spawn_t new_plan(void)
{
    clone3_spawn_t plan;
    if (clone3_spawn_init(&plan, sizeof plan))
        abort();
    return plan;
}

/* clone3_spawn(), its error in error_of_plan. */
static inline int spawn_plan(pid_t *pid, const char *path, const clone3_spawn_t *plan, char *const argv[])
{
    memset(&error_of_plan, 0xee, sizeof error_of_plan);
    error_of_plan.size = sizeof error_of_plan;
    return clone3_spawn(pid, path, plan, argv, environ, &error_of_plan);
}

static inline const char *plan_error(void)
{
    static char text[400];
    return clone3_spawn_strerror(&error_of_plan, text, sizeof text);
}

/* Runs a shell command by the plan; what it wrote, without the white space at its
 * end, or why it could not be made. */
static inline const char *shell(const clone3_spawn_t *plan, const char *command)
{
    static char text[4096];
    char *argv[] = { "sh", "-c", (char *)command, NULL };
    size_t used = 0;
    ssize_t got;
    pid_t pid = -1;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        abort();
    fflush(stdout);
    int old = fcntl(1, F_DUPFD_CLOEXEC, 50);
    dup2(ends[1], 1);
    int error = spawn_plan(&pid, "/bin/sh", plan, argv);
    dup2(old, 1);
    close(old);
    close(ends[1]);
    while (used < sizeof text - 1 && (got = read(ends[0], text + used, sizeof text - 1 - used)) > 0)
        used += (size_t)got;
    text[used] = 0;
    close(ends[0]);
    while (used && strchr(" \n", text[used - 1]))
        text[--used] = 0;
    for (char *c = text; *c; c++)
        if (*c == '\n' || *c == '\t')
            *c = ' ';
    if (error)
        snprintf(text, sizeof text, "error: %s", plan_error());
    else {
        int status = status_of(pid);
        if (status)
            snprintf(text + used, sizeof text - used, "%sstatus %d", used ? " " : "", status);
    }
    return text;
}

/* One test: what the shell says. */
static inline int says(const clone3_spawn_t *plan, const char *command, const char *wanted, const char *name)
{
    char line[1024];
    snprintf(line, sizeof line, "%s\n:", command);
    const char *got = shell(plan, line);
    int good = ok(strcmp(got, wanted) == 0, "%s", name);
    if (!good)
        printf("# got:    %s\n# wanted: %s\n", got, wanted);
    return good;
}

static inline int descriptors_open(void)
{
    int count = 0;
    for (int fd = 0; fd < 300; fd++)
        count += fcntl(fd, F_GETFD) != -1;
    return count;
}


/* For what only clone3_spawn_strerror() understands, as it does every index of
 * CLONE3_SPAWN_STAGE_CREATE. */
enum { ANY_INDEX = -1 };

/* One test: the spawn fails so, and leaves nothing. */
static inline int fails_at(const clone3_spawn_t *plan, const char *path, int stage, int index, int error,
    const char *name)
{
    char *argv[] = { "sh", "-c", "exit 7", NULL };
    pid_t pid = -5;
    int before = descriptors_open(), others = waitpid(-1, NULL, 0x40000000 /* __WALL */ | WNOHANG);
    uint64_t mask = raw_mask();
    errno = 4711;
    int got = spawn_plan(&pid, path, plan, argv), errno_after = errno;
    int child = waitpid(-1, NULL, 0x40000000 /* __WALL */ | WNOHANG) != others;
    int good = got == error && error_of_plan.error == error && error_of_plan.stage == stage
        && (index == ANY_INDEX || stage == CLONE3_SPAWN_STAGE_CREATE || error_of_plan.index == index) && pid == -5 && errno_after == 4711 && !child
        && descriptors_open() == before && raw_mask() == mask;
    ok(good, "%s: %s", name, got ? plan_error() : "no error");
    if (!good)
        printf("# returned %d (wanted %d), stage %d (%d), index %d (%d), error %d, pid %d, errno %d, "
            "child %d, descriptors %d (%d), mask %llx (%llx)\n", got, error, error_of_plan.stage, stage,
            error_of_plan.index, index, error_of_plan.error, (int)pid, errno_after, child,
            descriptors_open(), before, (unsigned long long)raw_mask(), (unsigned long long)mask);
    return good;
}

/* Runs tests in a process of its own, whose state they may spoil: it reports its
 * counts. */
static inline void apart(void (*tests)(void))
{
    int *counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(scaled(40));
        tests();
        fflush(stdout);
        counts[0] = tap_count, counts[1] = tap_failed;
        _exit(0);
    }
    int status = status_of(pid);
    if (counts[0] > tap_count)
        tap_count = counts[0], tap_failed = counts[1];
    if (status)
        is(status, 0, named("assertions after number %d, in a process of their own, come to their end", tap_count));
    munmap(counts, 4096);
}

/* Up to 6.1 at least, none leaves the rootfs of an initramfs: EINVAL (pivot_root(2)). */
static inline int can_pivot(const char *path)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)
            || mount(path, path, NULL, MS_BIND, NULL) || chdir(path)
            || (syscall(SYS_pivot_root, ".", ".") && errno == EINVAL));
    return status_of(pid) == 0;
}

#endif
