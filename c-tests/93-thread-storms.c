/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Many bare threads: created and joined by eight others at once, detached in large
 * numbers in constant memory, and ten thousand alive.
 * filtered: preload
 *
 * archs: x86_64 aarch64 i686
 */
#define _GNU_SOURCE
#include "bare-threads.h"
#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>

/* Bytes of this process in memory, and how many mappings it has. */
struct usage {
    long resident, mappings;
};

static struct usage usage(void)
{
    struct usage usage = { 0, 0 };
    char line[512];
    FILE *file = fopen("/proc/self/maps", "r");
    while (file && fgets(line, sizeof line, file))
        usage.mappings++;
    if (file)
        fclose(file);
    file = fopen("/proc/self/smaps_rollup", "r");
    long kilobytes;
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "Rss: %ld kB", &kilobytes) == 1)
            usage.resident = kilobytes << 10;
    if (file)
        fclose(file);
    return usage;
}

static void *makes_and_joins(void *count)
{
    long wrong = 0;
    for (long i = 0; i < (long)count; i++)
        wrong += run_thread(NULL, returns, (void *)i) != i;
    return (void *)wrong;
}

static void *makes_and_detaches(void *count)
{
    clone3_thread_attr_t attr = defaults();
    clone3_thread_t thread;
    long wrong = 0;
    attr.flags = CLONE3_THREAD_DETACHED;
    for (long i = 0; i < (long)count; i++) {
        int error;
        /* Threads may not end as fast as they are made. */
        while ((error = clone3_thread_create(&thread, i % 2 ? &attr : NULL, returns, NULL)) == EAGAIN)
            usleep(1000);
        wrong += error != 0;
        if (!error && i % 2 == 0)
            wrong += clone3_thread_detach(thread) != 0;
    }
    return (void *)wrong;
}

enum { MAKERS = 8 };

/* Threads that each of them makes. */
static long each(void)
{
    return emulated() ? 40 : repeats(400);
}

static long by_eight(start_fn *start, int bare, long count)
{
    clone3_thread_t threads[MAKERS];
    pthread_t pthreads[MAKERS];
    long wrong = 0;
    void *value;
    for (int i = 0; i < MAKERS; i++)
        if (bare ? clone3_thread_create(&threads[i], NULL, start, (void *)count)
                 : pthread_create(&pthreads[i], NULL, start, (void *)count))
            abort();
    for (int i = 0; i < MAKERS; i++) {
        if (bare ? clone3_thread_join(threads[i], &value) : pthread_join(pthreads[i], &value))
            abort();
        wrong += (long)value;
    }
    return wrong;
}

/* Only the main thread is left. */
static void wait_for_all(void)
{
    for (int i = 0; i < 5000; i++) {
        char line[256];
        int threads = 0;
        FILE *file = fopen("/proc/self/status", "r");
        while (file && fgets(line, sizeof line, file))
            sscanf(line, "Threads: %d", &threads);
        if (file)
            fclose(file);
        if (threads <= 1)
            return;
        usleep(1000);
    }
}

static void storms(void)
{
    if (!has_pthreads())
        skip("eight pthreads at once make and join bare threads", "the libc makes none here");
    else
        is(by_eight(makes_and_joins, 0, each()), 0, "eight pthreads at once make and join bare threads");
    is(by_eight(makes_and_joins, 1, each()), 0, "eight bare threads at once make and join bare threads");
}

static void detached(void)
{
    struct usage before, after;
    int bare = !has_pthreads();
    long wrong = by_eight(makes_and_detaches, bare, each());
    run_thread(NULL, returns, NULL);
    if (!emulated())
        wait_for_all();
    before = usage();
    for (int round = 0; round < 5; round++)
        wrong += by_eight(makes_and_detaches, bare || round % 2, each());
    if (!emulated())
        wait_for_all();
    run_thread(NULL, returns, NULL);
    after = usage();
    is(wrong, 0, "thousands of detached bare threads are made by eight threads at once");
    if (emulated() || !before.resident) {
        skip("thousands of detached bare threads leave no memory in use", "the emulator's own memory, or no smaps_rollup");
        return;
    }
    /* Slots are kept by the dozen, and closed ones may divide a mapping. */
    if (!ok(after.resident - before.resident < 2 << 20 && after.mappings - before.mappings < 160,
            "thousands of detached bare threads leave no memory in use"))
        printf("# %ld and %ld bytes, %ld and %ld mappings\n", before.resident, after.resident,
               before.mappings, after.mappings);
}

/* Waits where the kernel lets it be. */
static void *sleeps(void *gate)
{
    char byte;
    return (void *)(long)read(*(int *)gate, &byte, 1);
}

/* How many threads there may be: what the kernel, the user and the cgroup allow, and
 * what there is of addresses and ids. */
static long allowed(void)
{
    static const char *const files[] = { "/proc/sys/kernel/threads-max", "/proc/sys/kernel/pid_max",
                                         "/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max" };
    struct rlimit limit;
    long least = 1000000, value;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        FILE *file = fopen(files[i], "r");
        if (file && fscanf(file, "%ld", &value) == 1 && value < least)
            least = value;
        if (file)
            fclose(file);
    }
    if (getrlimit(RLIMIT_NPROC, &limit) == 0 && limit.rlim_cur < (rlim_t)least)
        least = (long)limit.rlim_cur;
    return least - 2000; /* what others have */
}

static void many_alive(void)
{
    enum { MANY = 10000 };
    const char *why = NULL;
    static clone3_thread_t threads[MANY];
    int gate[2], count, wrong = 0;
    long most = allowed();
    FILE *file = fopen("/proc/meminfo", "r");
    long memory = 0;
    if (file && fscanf(file, "MemTotal: %ld kB", &memory) != 1)
        memory = 0;
    if (file)
        fclose(file);
    if (emulated())
        why = "the emulator needs more memory for a thread than there may be";
    else if (most < MANY)
        why = "fewer threads are allowed here";
    else if (memory < 1 << 20)
        why = "less than 1 GiB of memory";
    else if (sizeof(void *) < 8)
        why = "addresses for fewer stacks";
    if (why) {
        skip("ten thousand bare threads are alive at once", why);
        return;
    }
    /* One process at a time on this machine: four would take all thread ids that there are, and
     * whatever runs beside them would get none. */
    int turn = open("/proc/version", O_RDONLY | O_CLOEXEC);
    if (turn < 0 || flock(turn, LOCK_EX) || pipe(gate))
        abort();
    struct usage before = usage();
    int64_t start = now(CLOCK_MONOTONIC);
    for (count = 0; count < MANY; count++)
        if ((wrong = clone3_thread_create(&threads[count], NULL, sleeps, gate)))
            break;
    int64_t each = (now(CLOCK_MONOTONIC) - start) / (count ? count : 1);
    if (wrong == EAGAIN) {
        skip("ten thousand bare threads are alive at once", "a limit was reached");
    } else {
        is(wrong, 0, "ten thousand bare threads are alive at once");
        usleep(200000); /* those that have not yet run have not touched their stack */
        long resident = (usage().resident - before.resident) / MANY;
        ok(resident <= 4300, "ten thousand bare threads have about a page of memory each"); /* 4.2 KiB */
        printf("# %ld bytes resident, %ld ns each\n", resident, (long)each);
    }
    close(gate[1]);
    for (int i = 0; i < count; i++)
        wrong += clone3_thread_join(threads[i], NULL);
    is(wrong, 0, "ten thousand bare threads are joined");
    struct usage after = usage();
    if (!ok(after.resident - before.resident < 4 << 20 && after.mappings - before.mappings < 400,
            "ten thousand bare threads leave no memory in use"))
        printf("# %ld and %ld bytes, %ld and %ld mappings\n", before.resident, after.resident,
               before.mappings, after.mappings);
    close(gate[0]);
    close(turn);
}

/* Bytes of addresses in use; 0 if /proc does not say. */
static rlim_t addresses(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%ld", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return (rlim_t)pages * sysconf(_SC_PAGESIZE);
}

/* With few addresses left, threads run out and nothing else happens. */
static void few_addresses(void)
{
    static clone3_thread_t threads[5000];
    pid_t pid = fork();
    if (pid == 0) {
        int count = 0, error = 0;
        go_on = 0;
        /* What the parent's threads had goes when the child first looks. */
        if (clone3_thread_join(1, NULL) != ESRCH)
            _exit(4);
        rlim_t most = addresses() + (64 << 20);
        struct rlimit limit = { most, most };
        if (most <= 64 << 20 || setrlimit(RLIMIT_AS, &limit))
            _exit(1);
        while (count < 5000 && !(error = clone3_thread_create(&threads[count], NULL, waits, NULL)))
            count++;
        go_on = 1;
        if (count < 10 || (count < 5000 && error != EAGAIN))
            _exit(2);
        for (int i = 0; i < count; i++)
            if (clone3_thread_join(threads[i], NULL))
                _exit(3);
        _exit(run_thread(NULL, returns, (void *)7) != 7);
    }
    is(status_of(pid), 0, "bare threads are made until no addresses are left, then EAGAIN");
}

int main(void)
{
    begin(110);
    storms();
    detached();
    if (emulated())
        skip("bare threads are made until no addresses are left, then EAGAIN", "the emulator needs them itself");
    else
        few_addresses();
    many_alive();
    return done();
}
