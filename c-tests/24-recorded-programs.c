/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* CLONE3_TRACE: what is executed, by which function, and that a program finds its own
 * record; the variables that a program removed from the environment are added again,
 * and nothing else in it changes; and which process waited for which.
 *
 * modes: preload shared
 */
#define _GNU_SOURCE
#include "recorded.h"
#include "libc.h"
#include <clone3.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>

enum { PCLOSE = 53, SYSTEM = 13, POPEN = 14 };
extern char **environ;
static const char self[] = "/proc/self/exe";

/* Every function, in the order of their numbers from 32 on. */
enum { EXECVE, EXECV, EXECVP, EXECVPE, EXECL, EXECLP, EXECLE, FEXECVE, EXECVEAT };

static void execute(int how, const char *path)
{
    char *const argv[] = { "name", "one two", "", NULL };
    switch (how) {
    case EXECVE: execve(path, argv, environ); break;
    case EXECV: execv(path, argv); break;
    case EXECVP: execvp(path, argv); break;
    case EXECVPE: execvpe(path, argv, environ); break;
    case EXECL: execl(path, "name", "one two", "", (char *)NULL); break;
    case EXECLP: execlp(path, "name", "one two", "", (char *)NULL); break;
    case EXECLE: execle(path, "name", "one two", "", (char *)NULL, environ); break;
    case FEXECVE: fexecve(open(path, O_RDONLY | O_CLOEXEC), argv, environ); break;
    }
    _exit(errno);
}

/* Of no open file, which the libcs call by different names. */
static int is_wrong(int how, int error)
{
    return how == FEXECVE ? error == EBADF || error == EINVAL : error == ENOENT;
}

static pid_t start(int how, const char *path)
{
    pid_t pid = how & 1 ? vfork() : fork();
    if (pid == 0)
        execute(how, path);
    return pid;
}

static int execute_each(const char *path)
{
    int good = 1;
    setenv("PART", "end", 1);
    for (int how = EXECVE; how <= FEXECVE; how++) {
        int status = status_of(start(how, path));
        good &= strcmp(path, self) == 0 ? status == 7 : is_wrong(how, status);
    }
    return good ? 0 : 1;
}

static void each_function(void)
{
    static const char *const names[] = { "execve", "execv", "execvp", "execvpe", "execl", "execlp",
        "execle", "fexecve" };
    is(run_recorded("execute", NULL), 0, "programs are executed by a traced program as without a trace");
    if (!ok(read_records(), "the trace of a program that executes others is whole"))
        return;
    for (int how = EXECVE; how <= FEXECVE; how++) {
        const struct record *exec = find(NULL, "exec", "call", 32u + (unsigned)how);
        const struct record *image = exec ? find(exec, "image", "exec", exec->position) : NULL;
        const struct record *create = exec ? find(NULL, "create", "child", exec->pid) : NULL;
        if (!ok(exec && image && create && exec->state == OPEN && exec->origin == create->position
                    && image->pid == exec->pid && string_is(exec, 1, "name\0one two\0", 13)
                    && (how == FEXECVE || string_is(exec, 0, self, strlen(self))),
                "%s has a record, which its program names", names[how]))
            show_records();
        ok(image && string_is(image, 1, "name\0one two\0", 13), "the record of a program executed by %s has its arguments", names[how]);
        exec = exec ? find(exec, "exec", "call", 32u + (unsigned)how) : NULL;
        ok(exec && exec->state == DONE && is_wrong(how, (int)field(exec, "errno")),
            "the record of a failed %s has the errno", names[how]);
    }
    forget_records();
}

/* A program says by its status whether its environment is what it was given. */
static int look_at_environment(void)
{
    int strings = 0;
    for (char **at = environ; *at; at++, strings++)
        if (strncmp(*at, "CLONE3_TRACE_EXEC", 17) == 0)
            return 1;
    const char *preload = getenv("LD_PRELOAD"), *trace = getenv("CLONE3_TRACE");
    if (getenv("KEPT"))
        return preload || trace ? 2 : 0;
    if (!trace || trace[0] != '/')
        return 3;
#ifdef MODE_PRELOAD
    if (!preload || !strstr(preload, "libclone3"))
        return 4;
    const char *others = strstr(preload, ":/no/such.so");
    if (getenv("OTHERS") && (!others || strstr(preload, "libclone3") > others))
        return 5;
    return strings == atoi(getenv("COUNT")) + 2 - (getenv("OTHERS") != NULL) ? 0 : 6;
#else
    return strings == atoi(getenv("COUNT")) + 1 ? 0 : 7;
#endif
}

static int clear_environment(void)
{
    enum { MANY = 1000 };
    static char *cleared[] = { "PART=look", "COUNT=2", NULL };
    static char *others[] = { "PART=look", "LD_PRELOAD=/no/such.so", "OTHERS=", "COUNT=4", NULL };
    static char *many[MANY + 1];
    many[0] = "PART=look";
    many[1] = "COUNT=1000";
    for (int i = 2; i < MANY; i++)
        many[i] = "SOME=thing";
    char **const environments[] = { cleared, others, many };
    char *const argv[] = { "look", NULL };
    int good = 1;
    for (int i = 0; i < 3; i++) {
#ifndef MODE_PRELOAD
        if (environments[i] == others)
            continue; /* what is linked with the library needs no preload */
#endif
        pid_t pid = fork();
        if (pid == 0) {
            execve(self, argv, environments[i]);
            _exit(98);
        }
        int status = status_of(pid), of_spawned = -1;
        if (posix_spawn(&pid, self, NULL, NULL, argv, environments[i]) == 0)
            of_spawned = status_of(pid);
        if (status != 0 || of_spawned != 0)
            printf("# environment %d: %d, spawned %d\n", i, status, of_spawned);
        good &= status == 0 && of_spawned == 0;
    }
    return good ? 0 : 1;
}

static int keep_cleared(void)
{
    static char *cleared[] = { "PART=look", "KEPT=", NULL };
    char *const argv[] = { "look", NULL };
    pid_t pid = fork();
    if (pid == 0) {
        execve(self, argv, cleared);
        _exit(98);
    }
    return status_of(pid);
}

static void environments(void)
{
    is(run_recorded("clear", NULL), 0, "what a trace needs is put back into cleared environments, and no more");
    if (!ok(read_records(), "the trace of programs with cleared environments is whole"))
        return;
    int restored = 0, images = count_of("image");
    for (const struct record *at = NULL; (at = find(at, "exec", "restored", 1));)
        restored++;
#ifdef MODE_PRELOAD
    is(restored, 6, "the record of each program whose environment was restored says so");
    is(images, 7, "each program with a cleared environment is traced");
#else
    is(restored, 4, "the record of each program whose environment was restored says so");
    is(images, 5, "each program with a cleared environment is traced");
#endif
    forget_records();
#ifdef MODE_PRELOAD /* what is linked with the library has it in any environment */
    is(run_recorded("keep", "CLONE3_TRACE_KEEP_ENV=0"), 0, "with CLONE3_TRACE_KEEP_ENV=0 nothing is put back into a cleared environment");
    ok(read_records() && count_of("image") == 1, "with CLONE3_TRACE_KEEP_ENV=0 a program with a cleared environment is not traced");
    forget_records();
#endif
}

/* All ways of waiting, for children that end with 1, 2, 3 … */
static int wait_for_all(void)
{
    int status, good = 1;
    siginfo_t info;
    struct rusage usage;
    for (int i = 1; i <= 6; i++) {
        pid_t pid = fork(), got = -1;
        if (pid == 0)
            _exit(i);
        switch (i) {
        case 1: got = wait(&status); break;
        case 2: got = waitpid(pid, &status, 0); break;
        case 3: got = wait3(&status, 0, NULL); break;
        case 4: got = wait4(pid, &status, 0, &usage); break;
        case 5: got = waitid(P_PID, (id_t)pid, &info, WEXITED) == 0 ? info.si_pid : -1; break;
        case 6: got = waitid(P_PID, (id_t)pid, NULL, WEXITED) == 0 ? pid : -1; break;
        }
        good &= got == pid && (i > 4 || WEXITSTATUS(status) == i);
    }
    good &= wait(NULL) == -1 && errno == ECHILD;
    good &= WEXITSTATUS(system("exit 7")) == 7;
    FILE *file = popen("exit 8", "r");
    good &= file && WEXITSTATUS(pclose(file)) == 8;
    return good ? 0 : 1;
}

static void waits(void)
{
    static const struct { unsigned call; int status, uses; } wanted[] = { { 48, 1, 1 }, { 49, 2, 1 },
        { 50, 3, 1 }, { 51, 4, 1 }, { 52, 5, 0 }, { 52, 6, 0 }, { SYSTEM, 7, 0 }, { PCLOSE, 8, 1 } };
    is(run_recorded("wait", NULL), 0, "children are waited for by a traced program as without a trace");
    if (!ok(read_records(), "the trace of a program that waits is whole"))
        return;
    const struct record *at = NULL, *image = records;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
#if defined(__i386__) && !defined(__GLIBC__) /* whose headers name them __wait3_time64 and so on */
        if (wanted[i].call == 50 || wanted[i].call == 51)
            continue;
#endif
        at = find(at, "wait", NULL, 0);
        if (!ok(at && field(at, "call") == wanted[i].call && field(at, "status") == (uint64_t)wanted[i].status << 8
                    && find(NULL, "create", "child", field(at, "child")) && at->pid == image->pid
                    && field(at, "end_ns") >= at->time,
                "the record of wait %zu, of call %u, has child and status", i + 1, wanted[i].call))
            show_records();
#ifdef __GLIBC__
        /* Before 2.34 only wait3() and wait4() tell (man 7 libclone3). */
        if (wanted[i].uses && at && (glibc_minor() >= 34 || wanted[i].call == 50 || wanted[i].call == 51))
            ok(field(at, "max_resident") > 10000 && field(at, "max_resident") < 1u << 30,
                "the record of wait %zu has what the child used", i + 1);
#endif
    }
    ok(!find(at, "wait", NULL, 0), "the trace has no other waits");
    forget_records();
}

int main(void)
{
    const char *part = getenv("PART");
    begin(60);
    if (!part && cannot_record())
        return done();
    if (!part) {
        each_function();
        environments();
        waits();
        return done();
    }
    if (strcmp(part, "end") == 0)
        return 7;
    if (strcmp(part, "look") == 0)
        return look_at_environment();
    if (strcmp(part, "clear") == 0)
        return clear_environment();
    if (strcmp(part, "keep") == 0)
        return keep_cleared();
    if (strcmp(part, "wait") == 0)
        return wait_for_all();
    return execute_each(self) | execute_each("/nowhere/self");
}
