/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* pthreads.h: a thread with extras that waits while it is examined, and counts of a
 * process's threads and descriptors. */
#ifndef PTHREADS_H
#define PTHREADS_H

#include "raw.h"
#include "tap.h"
#include <clone3.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

/* What a thread does: says who it is, then waits, running errands meanwhile. */
struct held {
    pthread_t thread;
    volatile int tid, go, ended;
    void *(*volatile errand)(void *);
    void *volatile result;
};

static void *hold(void *argument)
{
    struct held *held = argument;
    held->tid = (int)raw(SYS_gettid);
    while (!held->go) {
        if (held->errand) {
            held->result = held->errand(held);
            held->errand = NULL;
        }
        pause_ms(1);
    }
    held->ended = 1;
    return held;
}

/* clone3_pthread_create() of a thread that is held; its error number. */
static inline int create_held(struct held *held, const pthread_attr_t *attr,
                              const struct clone3_pthread_extra *extra)
{
    memset(held, 0, sizeof *held);
    int error = clone3_pthread_create(&held->thread, attr, extra, hold, held);
    while (!error && !held->tid)
        pause_ms(1);
    return error;
}

static inline void *in_thread(struct held *held, void *(*errand)(void *))
{
    held->errand = errand;
    while (held->errand)
        pause_ms(1);
    return held->result;
}

static inline int release(struct held *held)
{
    void *result = NULL;
    held->go = 1;
    return pthread_join(held->thread, &result) == 0 && result == held;
}

static inline int entries(const char *directory)
{
    int count = 0;
    struct dirent *entry;
    DIR *open = opendir(directory);
    while (open && (entry = readdir(open)))
        count += entry->d_name[0] != '.';
    if (open)
        closedir(open);
    return count;
}

static inline int tasks(void) { return entries("/proc/self/task"); }
static inline int descriptors(void) { return entries("/proc/self/fd"); }

/* Whether there comes to be no thread but those there were when this was first
 * asked (qemu-user has one of its own): one that was joined is seen a moment
 * longer. */
static int threads_before;
static inline int alone(void)
{
    if (!threads_before)
        threads_before = tasks();
    for (int i = 0; i < 2000 && tasks() != threads_before; i++)
        pause_ms(1);
    return tasks() == threads_before;
}

/* Attributes with a stack for which there will be no room between these. */
static inline void make_impossible(pthread_attr_t *attr, struct rlimit *limit)
{
    struct rlimit low;
    getrlimit(RLIMIT_AS, limit);
    low = *limit;
    low.rlim_cur = 512 << 20; /* for 32 bits, with which the most that both libcs take is 1 GiB */
    pthread_attr_init(attr);
    pthread_attr_setstacksize(attr, ((size_t)-1 / 4 - (1 << 20)) & ~(size_t)65535);
    setrlimit(RLIMIT_AS, &low);
}

static inline void make_possible(pthread_attr_t *attr, const struct rlimit *limit)
{
    setrlimit(RLIMIT_AS, limit);
    pthread_attr_destroy(attr);
}

/* The first line of a file of the thread's in /proc, or "". */
static inline const char *task_file(int tid, const char *name)
{
    static char line[256];
    char path[64];
    line[0] = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/%s", tid, name);
    FILE *file = fopen(path, "re");
    if (file && fgets(line, sizeof line, file))
        line[strcspn(line, "\n")] = 0;
    if (file)
        fclose(file);
    return line;
}

/* What the kernel says to a pidfd of a thread: 0 or an error number. */
static inline int no_thread_pidfd(void)
{
    long fd = raw(434 /* SYS_pidfd_open */, raw(SYS_gettid), O_EXCL);
    if (fd >= 0)
        close((int)fd);
    return fd < 0 ? (int)-fd : 0;
}

#endif
