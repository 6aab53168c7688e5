/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Any number of fork handlers: the cost of registering them, of a fork with them and of
 * dropping them is linear in their number, and dropped ones use no memory. A handler
 * that another handler drops does not run.
 * modes: preload shared
 */
#define _GNU_SOURCE
#include "libc.h"
#include "raw.h"
#include "tap.h"
#include "trace.h"
#include <dlfcn.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/time.h>

static long prepared, after, wrong;
static void prepare(void) { prepared++; }
static void settle(void) { after++; }

/* Of this process's own time, whatever else runs on the machine. */
static long now_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

/* The shortest of some times of registering count handlers and of forking with
 * them, each in a process of its own. */
static void measure(int count, long *registering, long *forking)
{
    long best[2] = { -1, -1 }, got[2];
    for (int round = 0; round < 5 && best[1] < 1000000; round++) {
        int ends[2];
        if (pipe(ends) != 0)
            exit(9);
        pid_t pid = fork();
        if (pid == 0) {
            long start = now_us();
            for (int i = 0; i < count; i++)
                if (pthread_atfork(prepare, settle, settle) != 0)
                    _exit(2);
            got[0] = now_us() - start;
            start = now_us();
            pid_t inner = fork();
            if (inner == 0)
                _exit(prepared != count || after != count);
            got[1] = now_us() - start;
            int good = status_of(inner) == 0 && prepared == count && after == count;
            _exit(write(ends[1], got, sizeof got) != sizeof got || !good);
        }
        close(ends[1]);
        if (read(ends[0], got, sizeof got) == sizeof got)
            for (int i = 0; i < 2; i++)
                if (best[i] < 0 || got[i] < best[i])
                    best[i] = got[i];
        close(ends[0]);
        if (status_of(pid) != 0)
            wrong++;
    }
    *registering = best[0];
    *forking = best[1];
}

static void cost(void)
{
    int few = repeats(2000) > 200 ? 2000 : 500, many = 8 * few;
    long registering[2], forking[2];
    measure(few, &registering[0], &forking[0]);
    measure(many, &registering[1], &forking[1]);
    is(wrong, 0, "each of thousands of fork handlers runs once, in parent and child");
    /* 8 times as long; 64 times if each handler looked at all others. */
    if (!ok(registering[0] >= 0 && registering[1] < 24 * (registering[0] + 50),
            "registering eight times as many handlers takes about eight times as long"))
        printf("# %d: %ld us, %d: %ld us\n", few, registering[0], many, registering[1]);
    if (!ok(forking[0] >= 0 && forking[1] < 24 * (forking[0] + 50),
            "a fork with eight times as many handlers takes about eight times as long"))
        printf("# %d: %ld us, %d: %ld us\n", few, forking[0], many, forking[1]);
}

static int forks_once(void *unused)
{
    (void)unused;
    prepared = after = 0;
    mark(MARK_BEGIN);
    pid_t pid = fork();
    if (pid == 0)
        raw_exit(7);
    mark(MARK_END);
    return status_of(pid) == 7 ? 0 : 1;
}

/* Registers until there is no memory, and some more once there is. Runs in a process
 * of its own; says how many handlers there are, 0 for none refused. */
static long register_without_memory(void)
{
    struct rlimit limit, none = { 0, 0 };
    long count = 0, refused = 0;
    getrlimit(RLIMIT_AS, &limit);
    none.rlim_max = limit.rlim_max;
    setrlimit(RLIMIT_AS, &none);
    while (refused < 3 && count < 100000)
        if (pthread_atfork(prepare, settle, settle) == 0)
            count++;
        else
            refused++;
    setrlimit(RLIMIT_AS, &limit);
    for (int i = 0; i < 600; i++)
        count += pthread_atfork(prepare, settle, settle) == 0;
    return refused ? count : 0;
}

/* What was refused for want of memory leaves nothing behind: forks are by clone3 as before. */
static void no_memory(void)
{
    const char *name = "handlers refused for want of memory leave forks as they were";
    if (emulated() || unreachable_errno()) {
        skip(name, "clone3 is out of reach");
        return;
    }
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        long count = register_without_memory();
        if (count == 0)
            _exit(2);
        struct trace seen = traced_run(forks_once, NULL);
        _exit(seen.status != 0 ? 3 : seen.clone3s != 1 || seen.clones != 0 ? 4 : 7);
    }
    is(status_of(pid), 7, name);
}

#ifdef __GLIBC__ /* musl keeps every handler that was ever registered */

typedef void handler(void);
static int (*register_for)(handler *, handler *, handler *, void *);
static void (*finalize)(void *);
static char here[2]; /* whose addresses stand for two objects */

static long mapped_kib(void)
{
    long pages = -1;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%ld", &pages) != 1)
        pages = -1;
    if (file)
        fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void memory(void)
{
    int rounds = repeats(200000);
    long before = 0;
    for (int i = 0; i < rounds; i++) {
        if (i == rounds / 2)
            before = mapped_kib();
        if (register_for(prepare, settle, settle, &here[0]) != 0)
            wrong++;
        finalize(&here[0]);
    }
    is(wrong, 0, "fork handlers are registered and dropped 200 000 times");
    long grown = mapped_kib() - before;
    if (!ok(before > 0 && grown < 512, "fork handlers that are registered and dropped take no memory"))
        printf("# %ld KiB\n", grown);
    prepared = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(prepared != 0);
    ok(status_of(pid) == 0 && prepared == 0, "a fork runs no handler that was dropped");
}

/* Drops the object whose handlers stand before and behind it. */
static void drop(void) { finalize(&here[1]); }

static void drops_while_walked(void)
{
    enum { AROUND = 3000 };
    for (int i = 0; i < AROUND; i++)
        register_for(prepare, settle, settle, &here[1]);
    register_for(drop, settle, settle, &here[0]);
    for (int i = 0; i < AROUND; i++)
        register_for(prepare, settle, settle, &here[1]);
    prepared = after = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(prepared != AROUND || after != 1);
    is(status_of(pid), 0, "a prepare handler drops an object's handlers: the child runs none of them");
    ok(prepared == AROUND && after == 1, "a prepare handler drops an object's handlers: the parent runs none of them, nor the prepare handlers still due");
    finalize(&here[0]);
}

/* Registers and drops, and is interrupted by forks: a signal's handler forks. */
static volatile sig_atomic_t forks, failures;
static void fork_now(int signal)
{
    (void)signal;
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    forks++;
    failures += status_of(pid) != 0;
}

static void interrupted(void)
{
    struct sigaction action = { .sa_handler = fork_now };
    const struct itimerval often = { { 0, 700 }, { 0, 700 } }, never = { { 0, 0 }, { 0, 0 } };
    sigaction(SIGVTALRM, &action, NULL);
    setitimer(ITIMER_VIRTUAL, &often, NULL);
    for (long until = now_ms() + 400; now_ms() < until;) {
        for (int i = 0; i < 900; i++)
            register_for(NULL, settle, settle, &here[0]);
        finalize(&here[0]);
    }
    setitimer(ITIMER_VIRTUAL, &never, NULL);
    ok(forks > 0 && failures == 0, "forks in a signal handler while fork handlers are registered and dropped");
}

#endif

int main(void)
{
    begin(60);
    cost();
    no_memory();
#ifdef __GLIBC__
    *(void **)&register_for = dlsym(RTLD_DEFAULT, "__register_atfork");
    *(void **)&finalize = dlsym(RTLD_DEFAULT, "__cxa_finalize");
    memory();
    drops_while_walked();
    interrupted();
#else
    skip("fork handlers that are dropped", "musl drops none");
#endif
    return done();
}
