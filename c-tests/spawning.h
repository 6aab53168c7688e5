/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* spawning.h: cases of posix_spawn, each of which reports its result in one line.
 *
 * The library must have the case's expected result and leak nothing. The CONTROL build
 * shows the result of the host libc's own functions: it is the same, or the case says
 * how it differs and why. */
#ifndef SPAWNING_H
#define SPAWNING_H

#include "control.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* What not every libc declares. Weak, as not every control has them. */
#ifndef POSIX_SPAWN_SETCGROUP
#define POSIX_SPAWN_SETCGROUP 0x100
#endif
#ifndef POSIX_SPAWN_SETSID
#define POSIX_SPAWN_SETSID 0x80
#endif
typedef posix_spawn_file_actions_t actions_t;
typedef posix_spawnattr_t attr_t;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wredundant-decls"
int posix_spawn_file_actions_addchdir_np(actions_t *restrict, const char *restrict) __attribute__((weak));
int posix_spawn_file_actions_addfchdir_np(actions_t *, int) __attribute__((weak));
int posix_spawn_file_actions_addclosefrom_np(actions_t *, int) __attribute__((weak));
int posix_spawn_file_actions_addtcsetpgrp_np(actions_t *, int) __attribute__((weak));
int posix_spawnattr_setcgroup_np(attr_t *, int) __attribute__((weak));
int posix_spawnattr_getcgroup_np(const attr_t *restrict, int *restrict) __attribute__((weak));
int pidfd_spawn(int *restrict, const char *restrict, const actions_t *restrict,
    const attr_t *restrict, char *const *restrict, char *const *restrict) __attribute__((weak));
int pidfd_spawnp(int *restrict, const char *restrict, const actions_t *restrict,
    const attr_t *restrict, char *const *restrict, char *const *restrict) __attribute__((weak));
pid_t pidfd_getpid(int) __attribute__((weak));
#pragma GCC diagnostic pop

extern char **environ;

struct spawn_case {
    const char *name;
    void (*run)(void);
    const char *wanted;
    const char *differs;  /* why a host libc says something else, or NULL */
};

/* What the running case has said; shared, so that children can say it. */
static char *said;

__attribute__((format(printf, 1, 2)))
static inline void say(const char *format, ...)
{
    size_t used = strlen(said);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(said + used, 4096 - used, format, arguments);
    va_end(arguments);
    for (char *c = said + used; *c; c++)
        if (*c == '\n' || *c == '\t')
            *c = ' ';
}

/* Without the white space at its end. */
static inline char *trim(char *text)
{
    for (size_t end = strlen(text); end && strchr(" \n", text[end - 1]);)
        text[--end] = 0;
    return text;
}

/* An error by its name, which is the same everywhere. */
static inline const char *error_name(int error)
{
    static char other[32];
    switch (error) {
#define NAMED(e) case e: return #e;
    case 0: return "0";
    NAMED(E2BIG) NAMED(EACCES) NAMED(EAGAIN) NAMED(EBADF) NAMED(EFAULT) NAMED(EINVAL) NAMED(ELOOP)
    NAMED(EMFILE) NAMED(ENAMETOOLONG) NAMED(ENOENT) NAMED(ENOEXEC) NAMED(ENOMEM) NAMED(ENOSYS)
    NAMED(ENOTDIR) NAMED(ENOTTY) NAMED(EPERM) NAMED(ESRCH) NAMED(EISDIR) NAMED(EREMOTE)
    NAMED(ECHILD) NAMED(EEXIST) NAMED(EOPNOTSUPP)
#undef NAMED
    }
    snprintf(other, sizeof other, "errno %d", error);
    return other;
}

/* Runs a shell command with its output in `text`; the error of posix_spawn. */
static inline int spawn_sh(const actions_t *given, const attr_t *attr, const char *command,
    char *text, size_t size, int *status)
{
    char *argv[] = { "sh", "-c", (char *)command, NULL };
    size_t used = 0;
    ssize_t got;
    pid_t pid;
    int ends[2], old, error;
    text[0] = 0;
    if (pipe2(ends, O_CLOEXEC))
        abort();
    /* The output is made descriptor 1 here, so that the actions are only the
     * case's own. */
    fflush(stdout);
    old = fcntl(1, F_DUPFD_CLOEXEC, 50);
    dup2(ends[1], 1);
    error = posix_spawn(&pid, "/bin/sh", given, attr, argv, environ);
    dup2(old, 1);
    close(old);
    close(ends[1]);
    while (used < size - 1 && (got = read(ends[0], text + used, size - 1 - used)) > 0)
        used += (size_t)got;
    text[used] = 0;
    close(ends[0]);
    *status = error ? -1 : status_of(pid);
    return error;
}

/* The same, said. */
static inline void say_sh(const actions_t *actions, const attr_t *attr, const char *command)
{
    char text[4096];
    int status, error = spawn_sh(actions, attr, command, text, sizeof text, &status);
    if (error)
        say("%s", error_name(error));
    else if (status)
        say("%s%sstatus %d", trim(text), *text ? " " : "", status);
    else
        say("%s", trim(text));
}

/* Runs a part of a case in a process of its own, whose state it may spoil. */
static inline void apart(void (*part)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        alarm(scaled(30));
        part();
        _exit(0);
    }
    int status = status_of(pid);
    if (status)
        say(" apart: status %d", status);
}

/* A directory of the test's own. */
static char scratch[64];

static inline void remove_scratch(void)
{
    DIR *list = opendir(scratch);
    struct dirent *entry;
    char path[400];
    while (list && (entry = readdir(list))) {
        snprintf(path, sizeof path, "%s/%s", scratch, entry->d_name);
        if (entry->d_name[0] != '.' && unlink(path))
            rmdir(path);
    }
    if (list)
        closedir(list);
    rmdir(scratch);
}

static inline char *in_scratch(const char *name)
{
    static char paths[4][400];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
    return path;
}

static inline char *make_file(const char *name, const char *text, mode_t mode)
{
    char *path = in_scratch(name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fchmod(fd, mode))
        abort();
    close(fd);
    return path;
}

static inline int count_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 300; fd++)
        count += fcntl(fd, F_GETFD) != -1;
    return count;
}

static inline uint64_t mask_now(void)
{
    uint64_t mask = 0;
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, 8);
    return mask;
}

/* The line of a case in the control's output. */
static inline const char *line_of(const char *name, const char *text, char *line, size_t size)
{
    size_t length = strlen(name);
    for (const char *at = text; at && *at; at = strchr(at, '\n'), at = at ? at + 1 : at)
        if (strncmp(at, name, length) == 0 && at[length] == '\t') {
            snprintf(line, size, "%.*s", (int)strcspn(at + length + 1, "\n"), at + length + 1);
            return line;
        }
    return NULL;
}

static inline void begin_spawn_cases(unsigned seconds)
{
    begin(seconds);
    said = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    strcpy(scratch, "/tmp/clone3-spawn-XXXXXX");
    if (said == MAP_FAILED || !mkdtemp(scratch))
        abort();
}

/* Runs all cases and prints what they say (CONTROL), or whether that is right. */
static inline void run_spawn_cases(const struct spawn_case *cases, size_t count)
{
#ifdef CONTROL
    for (size_t i = 0; i < count; i++) {
        memset(said, 0, 4096);
        cases[i].run();
        printf("%s\t%s\n", cases[i].name, said);
        fflush(stdout);
    }
#else
    char *control = run_control(), theirs[4096];
    for (const struct spawn_case *one = cases; one < cases + count; one++) {
        memset(said, 0, 4096);
        int before = count_descriptors();
        uint64_t mask = mask_now();
        one->run();
        if (strncmp(said, "SKIP ", 5) == 0) {
            skip(one->name, said + 5);
            continue;
        }
        if (!ok(strcmp(said, one->wanted) == 0, "%s: as it should be", one->name))
            printf("#    got %s\n# wanted %s\n", said, one->wanted);
        int zombie = waitpid(-1, NULL, WNOHANG | 0x40000000);
        int clean = zombie == -1 && before == count_descriptors() && mask == mask_now();
        if (!ok(clean, "%s: no child, descriptor or change of the mask is left", one->name))
            printf("# zombie %d, %d descriptors were %d\n", zombie, count_descriptors(), before);
        if (!line_of(one->name, control, theirs, sizeof theirs))
            ok(0, "%s: a build without the library runs this case", one->name);
        else if (strcmp(theirs, "missing") == 0)
            skip(named("%s: the host libc does the same", one->name), "the host libc has no such function");
        else if (strncmp(theirs, "SKIP ", 5) == 0)
            skip(named("%s: the host libc does the same", one->name), theirs + 5);
        else if (strcmp(theirs, one->wanted) == 0)
            ok(1, "%s: the host libc does the same", one->name);
#ifdef __GLIBC__
        else if (getenv("FILTERED") && !filtered("enosys")) /* it knows no other answer */
            skip(named("%s: the host libc does the same", one->name), "the host libc's own does not work behind this filter");
#endif
        else if (emulated()) /* where a libc gets no error from its child, for one */
            skip(named("%s: the host libc does the same", one->name), "the host libc's own does not work in the emulator");
        else if (!ok(one->differs != NULL, "%s: the host libc differs: %s", one->name,
                     one->differs ? one->differs : "unexpectedly"))
            printf("# theirs %s\n# wanted %s\n", theirs, one->wanted);
        else
            printf("# the host libc: %s\n", theirs);
    }
    free(control);
#endif
    remove_scratch();
}

#endif
