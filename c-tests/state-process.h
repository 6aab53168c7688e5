/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* state-process.h: the kernel's state of the calling process, as lines on a page that
 * its parent can read. For state.h. */
#ifndef STATE_PROCESS_H
#define STATE_PROCESS_H

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct page { size_t used; char text[64 << 10]; } *page; /* shared */

__attribute__((format(printf, 1, 2)))
static void say(const char *format, ...)
{
    va_list arguments;
    size_t room = sizeof page->text - page->used;
    va_start(arguments, format);
    int length = vsnprintf(page->text + page->used, room, format, arguments);
    va_end(arguments);
    if (length >= 0 && (size_t)length < room)
        page->used += (size_t)length;
}

/* The lines of a file in /proc/self that begin with one of the words. */
static void print_file(const char *name, const char *const *words)
{
    char path[64], line[4096];
    snprintf(path, sizeof path, "/proc/self/%s", name);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        for (const char *const *word = words; *word; word++)
            if (strncmp(line, *word, strlen(*word)) == 0)
                say("%s: %s", name, line);
    if (file)
        fclose(file);
}

/* The links in a directory of /proc/self, each with its target. */
static void print_links(const char *name)
{
    struct dirent **entries;
    char path[300], target[512];
    snprintf(path, sizeof path, "/proc/self/%s", name);
    int count = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        const char *entry = entries[i]->d_name;
        snprintf(path, sizeof path, "/proc/self/%s/%s", name, entry);
        /* scandir's own descriptor is in the list but no longer there. */
        ssize_t length = readlink(path, target, sizeof target - 1);
        if (length >= 0) {
            int fd = strcmp(name, "fd") ? -1 : atoi(entry);
            target[length] = '\0';
            if (fd >= 0)
                target[strcspn(target, "[")] = '\0'; /* number of a pipe */
            say("%s %s: %s", name, entry, fd >= 0 && fd < 3 ? "open" : target);
            if (fd >= 3)
                say(", %#x, %#x, at %ld", fcntl(fd, F_GETFD), fcntl(fd, F_GETFL),
                    (long)lseek(fd, 0, SEEK_CUR));
            say("\n");
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

/* What the parent is sent at the end, from the 38th field of a line of which
 * the second ends in the last parenthesis. */
static int exit_signal(void)
{
    char line[4096] = "";
    FILE *stat = fopen("/proc/self/stat", "re");
    if (!stat)
        return -1;
    char *field = fgets(line, sizeof line, stat) ? strrchr(line, ')') : NULL;
    for (int i = 2; field && i < 38; i++)
        field = strchr(field + 1, ' ');
    fclose(stat);
    return field ? atoi(field) : -1;
}

static long asked(int option)
{
    int value = -1;
    return prctl(option, &value, 0, 0, 0) ? -errno : value;
}

static void print_process(void)
{
    static const char *const all[] = { "", NULL };
    static const char *const status[] = {
        "Name", "Umask", "TracerPid", "Uid", "Gid", "Groups", "Kthread", "VmLck", "CoreDumping",
        "THP", "Threads", "SigP", "ShdP", "SigB", "SigI", "SigC", "Cap", "NoNewPrivs", "Seccomp",
        "Speculation", "Cpus", "Mems", NULL };
    char path[4096];
    uint64_t cpus[128] = { 0 };
    struct sched_param parameter = { .sched_priority = -1 };
    struct rlimit limit;

    print_file("status", status);
    print_file("cgroup", all);
    print_file("comm", all);
    print_file("oom_score_adj", all);
    print_file("personality", all);
    print_file("timers", all);
    print_links("fd");
    print_links("ns");
    say("exit signal: %d\n", exit_signal());
    say("cwd: %s\n", getcwd(path, sizeof path) ? path : "none");
    ssize_t length = readlink("/proc/self/root", path, sizeof path);
    say("root: %.*s\n", (int)(length < 0 ? 0 : length), path);
    say("death signal: %ld, subreaper: %ld\n", asked(PR_GET_PDEATHSIG), asked(PR_GET_CHILD_SUBREAPER));
    say("dumpable: %d, keepcaps: %d, securebits: %d, thp off: %d, slack: %d\n",
        prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0),
        prctl(PR_GET_SECUREBITS, 0, 0, 0, 0), prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0),
        prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
    syscall(SYS_sched_getparam, 0, &parameter);
    say("nice: %d, policy: %ld, priority: %d, io: %#lx\n", getpriority(PRIO_PROCESS, 0),
        syscall(SYS_sched_getscheduler, 0), parameter.sched_priority, syscall(SYS_ioprio_get, 1, 0));
    syscall(SYS_sched_getaffinity, 0, sizeof cpus, cpus);
    say("cpus: %016" PRIx64 " %016" PRIx64 "\n", cpus[1], cpus[0]);
    for (int i = 0; i < RLIMIT_NLIMITS; i++)
        if (getrlimit(i, &limit) == 0)
            say("limit %d: %#" PRIx64 " of %#" PRIx64 "\n", i, (uint64_t)limit.rlim_cur,
                (uint64_t)limit.rlim_max);
}

#endif
