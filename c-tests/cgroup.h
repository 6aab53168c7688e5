/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* cgroup.h: a cgroup of version 2 to put children into, wherever that
 * hierarchy is mounted. */
#ifndef CGROUP_H
#define CGROUP_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Makes a new cgroup below the caller's own: its directory in `path`, and in
 * `*within` the part of that which /proc/PID/cgroup shows. 0, or an errno. */
static inline int make_cgroup(char *path, size_t size, char **within)
{
    static int made;
    char line[4096], mount[1024] = "", own[1024] = "";
    FILE *file = fopen("/proc/self/mountinfo", "re");
    while (file && !mount[0] && fgets(line, sizeof line, file))
        if (!strstr(line, " - cgroup2 ") || sscanf(line, "%*s %*s %*s %*s %1023s", mount) != 1)
            mount[0] = 0;
    if (file)
        fclose(file);
    file = fopen("/proc/self/cgroup", "re");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "0::", 3) == 0)
            sscanf(line, "0::%1023s", own);
    if (file)
        fclose(file);
    if (!mount[0] || !own[0])
        return ENOENT;
    if (within)
        *within = path + strlen(mount);
    for (;;) {
        snprintf(path, size, "%s%s/clone3-test-%d-%d", mount, own[1] ? own : "", getpid(), made++);
        if (mkdir(path, 0755) == 0)
            return 0;
        if (errno != EEXIST) /* that of a test that was killed */
            return errno;
    }
}

/* Removes one; 0, or an errno. A task leaves its cgroup a moment after it was waited for. */
static inline int remove_cgroup(const char *path)
{
    const struct timespec shortly = { .tv_nsec = 1000000 };
    for (int tries = 0; rmdir(path) != 0; tries++) {
        if (errno != EBUSY || tries == 5000)
            return errno;
        nanosleep(&shortly, NULL);
    }
    return 0;
}

/* Writes a word into one of a cgroup's files; 0, or an errno. */
static inline int set_cgroup(const char *path, const char *name, const char *word)
{
    char file[4400];
    snprintf(file, sizeof file, "%s/%s", path, name);
    FILE *out = fopen(file, "we");
    if (!out)
        return errno;
    int failed = fputs(word, out) < 0 || fflush(out) != 0 ? errno : 0;
    fclose(out);
    return failed;
}

#endif
