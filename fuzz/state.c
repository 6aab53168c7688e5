/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A child's state as /proc shows it. */
#include "plan.h"
#include <dirent.h>
#include <stdarg.h>

static void add(char *text, size_t size, const char *format, ...)
{
    size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + used, size - used, format, arguments);
    va_end(arguments);
}

static void add_file(pid_t pid, const char *name, const char *const *lines, char *text, size_t size)
{
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        if (!lines)
            add(text, size, "%s: %s", name, line);
        for (const char *const *wanted = lines; wanted && *wanted; wanted++)
            if (strncmp(line, *wanted, strlen(*wanted)) == 0)
                add(text, size, "%s", line);
    }
    if (file)
        fclose(file);
}

static void add_link(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64], target[512];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (length >= 0)
        add(text, size, "%s -> %.*s\n", name, (int)length, target);
}

static void add_stat(pid_t pid, char *text, size_t size)
{
    char path[64], line[1024] = "", *at;
    int group = 0, session = 0, terminal = 0, nice = 0, policy = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    if (!file || !fgets(line, sizeof line, file) || !(at = strrchr(line, ')')))
        abort();
    fclose(file);
    if (sscanf(at + 2, "%*s %*d %d %d %d %*d %*u %*u %*u %*u %*u %*u %*u %*u %*u %*d %d", &group, &session, &terminal,
            &nice) != 4)
        abort();
    int field = 3;
    for (at += 2; at && field < 41; field++)
        at = strchr(at + 1, ' ');
    if (at)
        policy = atoi(at);
    add(text, size, "group %d session %d terminal %d nice %d policy %d ioprio %ld\n", group == pid ? 0 : group,
        session == pid ? 0 : session, terminal, nice, policy, syscall(SYS_ioprio_get, 1, pid));
}

void describe(pid_t pid, char *text, size_t size)
{
    static const char *const status[] = { "Umask", "Uid", "Gid", "Groups", "SigBlk", "SigIgn", "SigCgt", "CapInh",
        "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp:", "Cpus_allowed:", "TracerPid", NULL };
    int how = 0;
    text[0] = 0;
    if (waitpid(pid, &how, WUNTRACED) != pid)
        abort();
    if (!WIFSTOPPED(how)) {
        add(text, size, "ended with %x\n", how);
        return;
    }
    add_stat(pid, text, size);
    add_file(pid, "status", status, text, size);
    add_file(pid, "limits", NULL, text, size);
    add_file(pid, "oom_score_adj", NULL, text, size);
    add_file(pid, "timerslack_ns", NULL, text, size);
    add_link(pid, "cwd", text, size);
    add_link(pid, "root", text, size);
    add_link(pid, "exe", text, size);
    add_link(pid, "ns/net", text, size);
    for (int fd = 0; fd < 300; fd++) {
        char name[16], info[32];
        static const char *const flags[] = { "flags", NULL };
        snprintf(name, sizeof name, "fd/%d", fd);
        snprintf(info, sizeof info, "fdinfo/%d", fd);
        size_t used = strlen(text);
        add_link(pid, name, text, size);
        if (strlen(text) != used)
            add_file(pid, info, flags, text, size);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}
