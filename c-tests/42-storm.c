/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* fork() while two threads allocate, free and print all the time: whatever lock they
 * hold at that moment, the child can allocate, free their memory and open, print to and
 * flush streams. A child that hangs is reported and killed.
 *
 * A stream that a thread was printing to stays locked in the child of musl's
 * own fork, with the library or without (some 2 % of the children here): there
 * the child has a stream of its own.
 *
 * filtered: preload
 */
#define _GNU_SOURCE
#include "makers.h"
#include "raw.h"
#include <pthread.h>

enum { CHUNKS = 64, STUCK_MS = 10000, PATIENCE = 3, ENOUGH_MS = 60000 };

static void *chunks[CHUNKS]; /* filled by the threads, emptied by anyone */
static FILE *sink;
static volatile int stop;
static volatile unsigned long turns[2];

static void put(unsigned place, void *chunk)
{
    free(__atomic_exchange_n(&chunks[place % CHUNKS], chunk, __ATOMIC_ACQ_REL));
}

static void *work(void *argument)
{
    volatile unsigned long *mine = argument;
    unsigned random = 12345 + (unsigned)(uintptr_t)argument;
    while (!stop) {
        random = random * 1664525 + 1013904223;
        size_t size = random % 16 ? 16 + random / 16 % 2000 : 200000; /* some are mapped */
        char *chunk = malloc(size);
        if (chunk)
            chunk[0] = chunk[size - 1] = 1;
        put(random >> 8, chunk);
        if (random % 8 == 0)
            fprintf(sink, "turn %lu: %zu bytes at %p\n", *mine, size, (void *)chunk);
        if (random % 64 == 0)
            fflush(sink);
        ++*mine;
    }
    return NULL;
}

/* Runs in the child; what it needs of the libc is what others had locked. */
static int use_the_libc(void)
{
    for (unsigned i = 0; i < CHUNKS; i++) {
        size_t size = 24 + i * 100;
        char *chunk = malloc(size);
        if (!chunk)
            return 1;
        memset(chunk, 1, size);
        put(i, chunk);
    }
    for (unsigned i = 0; i < CHUNKS; i++)
        put(i, NULL);
    FILE *own = fopen("/dev/null", "we");
    if (!own || fprintf(own, "child %d\n", getpid()) < 0 || fclose(own) != 0)
        return 2;
#ifdef __GLIBC__
    if (fprintf(sink, "child %d\n", getpid()) < 0 || fflush(NULL) != 0)
        return 3;
#endif
    return 7;
}

static void tell_about(pid_t pid)
{
    static const char *const files[] = { "wchan", "syscall" };
    for (int i = 0; i < 2; i++) {
        char path[64], text[256] = "";
        snprintf(path, sizeof path, "/proc/%d/%s", pid, files[i]);
        FILE *file = fopen(path, "re");
        if (file && fgets(text, sizeof text, file))
            printf("# stuck child %d, %s: %s\n", pid, files[i], text);
        if (file)
            fclose(file);
    }
}

/* The status of a child; -1 after killing one that does not end. SIGCHLD must
 * be blocked. */
static int patient_status(pid_t pid)
{
    sigset_t child;
    struct timespec soon = { 0, 100000000 };
    int status;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    for (long start = now_ms(); now_ms() - start < STUCK_MS;) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        sigtimedwait(&child, NULL, &soon);
    }
    tell_about(pid);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return -1;
}

int main(void)
{
    const int forks = emulated() ? 1000 : repeats(1500);
    int good = 0, stuck = 0, made = 0, last = 7;
    pthread_t threads[2];
    sigset_t child;
    begin_group(110);
    sink = fopen("/dev/null", "we");
    if (!sink)
        return 1;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    if (no_threads()) {
        skip("children of a process whose threads allocate and print", no_threads());
        return done();
    }
    for (int i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, work, (void *)&turns[i]) != 0)
            return 1;
    while (turns[0] < 1000 || turns[1] < 1000)
        pause_ms(1);
    fflush(stdout);
    for (long start = now_ms(); made < forks && stuck < PATIENCE && now_ms() - start < ENOUGH_MS;) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(use_the_libc());
        made++;
        int status = pid < 0 ? -2 : patient_status(pid);
        good += status == 7;
        stuck += status == -1;
        last = status == 7 ? last : status;
    }
    stop = 1;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    printf("# %d forks during %lu and %lu turns\n", made, turns[0], turns[1]);
    is(stuck, 0, "no child of a process whose threads allocate and print gets stuck");
    if (!is(good, made, "each child of a process whose threads allocate and print can do so too"))
        printf("# a child's status: %d\n", last);
    return done();
}
