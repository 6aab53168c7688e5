/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* CLONE3_TRACE and TRACEPARENT: each program is executed with a parent of its own, by whatever
 * function, in the trace that its creator is in or gives it; as it was where nothing is
 * recorded, or where CLONE3_TRACE_CONTEXT=0 says so.
 */
#define _GNU_SOURCE
#include "recorded.h"
#include <spawn.h>
#include <sys/mman.h>

#define NAME "TRACEPARENT="
#define TRACE "00-0af7651916cd43dd8448eb211c80319c-"
#define GIVEN TRACE "b7ad6b7169203331-01"
#define OTHER_TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-"
#define OTHER OTHER_TRACE "00f067aa0ba902b7-00"

enum { PARENT = sizeof TRACE - 1, LENGTH = sizeof GIVEN - 1 };

extern char **environ;
static char *words[] = { "part", NULL };

/* What this program was given: 0 for a new parent in the first trace, 1 in the other one; 2, 3
 * for what was there before. 4 for none. */
static int looks(void)
{
    static const char *const given[] = { GIVEN, OTHER };
    const char *own = getenv("TRACEPARENT");
    if (!own)
        return 4;
    for (int i = 0; i < 2; i++) {
        if (strcmp(own, given[i]) == 0)
            return 2 + i;
        if (strlen(own) == LENGTH && strncmp(own, given[i], PARENT) == 0
            && strspn(own + PARENT, "0123456789abcdef") == 16 && strcmp(own + PARENT + 16, given[i] + PARENT + 16) == 0)
            return i;
    }
    return 5;
}

static int spawn(char **strings)
{
    pid_t pid;
    return posix_spawn(&pid, "/proc/self/exe", NULL, NULL, words, strings) != 0 ? 99 : status_of(pid);
}

static int fork_and_execute(char **strings)
{
    pid_t pid = fork();
    if (pid == 0) {
        execve("/proc/self/exe", words, strings);
        _exit(99);
    }
    return status_of(pid);
}

static int vfork_and_execute(char **strings)
{
    pid_t pid = vfork();
    if (pid == 0) {
        execle("/proc/self/exe", "part", (char *)NULL, strings);
        _exit(99);
    }
    return status_of(pid);
}

static int (*const ways[])(char **) = { spawn, fork_and_execute, vfork_and_execute };

/* A string of what this program has in its environment, with its name. */
static char *own(const char *name)
{
    for (char **at = environ; *at; at++)
        if (strncmp(*at, name, strlen(name)) == 0)
            return *at;
    return "NONE=1";
}

/* Each way, with an environment of a context, without one, and with nothing. The number of the
 * first that is not as it should be. */
static int gives_all(int is_same, int is_put_back)
{
    char *trace = own("CLONE3_TRACE="), *preload = own("LD_PRELOAD=");
    char *kept[] = { own(NAME), trace, preload, "PART=looks", NULL };
    char *other[] = { "PART=looks", NAME OTHER, trace, preload, NULL };
    char *without[] = { "PART=looks", trace, preload, NULL };
    char *cleared[] = { "PART=looks", NULL };
    for (int i = 0; i < 3; i++) {
        if (ways[i](kept) != (is_same ? 2 : 0))
            return 10 + i;
        if (ways[i](other) != (is_same ? 3 : 1))
            return 20 + i;
        if (ways[i](without) != 4)
            return 30 + i;
        if (ways[i](cleared) != (is_put_back ? 0 : 4))
            return 40 + i;
    }
    return 0;
}

static int gives_while_nothing_is_recorded(void)
{
    int fd = open(getenv("CLONE3_TRACE"), O_RDWR);
    char *header = mmap(NULL, HEADER, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || header == MAP_FAILED)
        return 1;
    *(volatile uint32_t *)(header + 256) = 0;
    return vfork_and_execute((char *[]){ "PART=looks", own(NAME), own("CLONE3_TRACE="), own("LD_PRELOAD="), NULL });
}

/* Of each execution, what it was given in place of the program's own. */
static int count_changed(void)
{
    int count = 0;
    uint32_t length;
    for (const struct record *at = NULL; (at = find(at, "exec", NULL, 0));) {
        string_of(at, 3, &length);
        count += length != 0 && string_is(at, 3, NAME OTHER, sizeof NAME OTHER - 1);
    }
    return count;
}

static int have_parents_of_their_own(void)
{
    static char all[64][LENGTH + 1];
    int count = 0;
    uint32_t length;
    for (const struct record *at = NULL; (at = find(at, "image", NULL, 0)) && count < 64;) {
        const char *text = string_of(at, 3, &length);
        if (length != LENGTH)
            continue;
        strcpy(all[count], text);
        for (int i = 0; i < count; i++)
            if (strcmp(all[i], all[count]) == 0)
                return -1;
        count++;
    }
    return count;
}

int main(void)
{
    const char *part = getenv("PART");
    begin(60);
    if (part)
        return strcmp(part, "looks") == 0 ? looks()
            : strcmp(part, "gives") == 0  ? gives_all(0, 1)
            : strcmp(part, "same") == 0   ? gives_all(1, 0)
                                          : gives_while_nothing_is_recorded();
    if (cannot_record())
        return done();
#ifdef MODE_STATIC
    /* The exec family is the libc's own there. */
    skip("TRACEPARENT in executed programs", "a static program's exec family is its libc's");
#else
    setenv("TRACEPARENT", GIVEN, 1);
    is(run_recorded("gives", NULL), 0, "programs get a TRACEPARENT of their own however they are executed");
    if (ok(read_records(), "the trace of contexts is whole")) {
        is(count_changed(), 3, "executions tell of another context than the program's own");
        is(have_parents_of_their_own(), 10, "each program has another parent in its TRACEPARENT");
    }
    forget_records();
    is(run_recorded("paused", NULL), 2, "TRACEPARENT stays as it is while nothing is recorded");
    forget_records();
    is(run_recorded("same", "CLONE3_TRACE_CONTEXT=0"), 0, "TRACEPARENT stays as it is with CLONE3_TRACE_CONTEXT=0");
    forget_records();
    unsetenv("TRACEPARENT");
    is(run_recorded("looks", NULL), 4, "no TRACEPARENT comes out of nothing");
    forget_records();
#endif
    return done();
}
