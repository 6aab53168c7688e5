/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* threads-worker: makes threads as told on stdin. "KIND COUNT" creates and joins COUNT
 * threads of KIND (pthread, clone3_thread, floor, floor-blocked, floor-equipped) with default attributes one after the
 * other and answers with the median in nanoseconds. "KIND alive COUNT" has COUNT of them
 * alive at once and answers with the nanoseconds of processor time that each took until all
 * of them ran (the time on one otherwise idle CPU), and with the bytes of
 * resident memory that each, idle, adds to the process.
 *
 * Built without the library, once for each libc; what is ours comes by the preload. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <sys/mman.h>

#include "clone3.h"
#include "floor.h"

enum { MOST = 20000 };

static int (*bare_create)(clone3_thread_t *, const clone3_thread_attr_t *, void *(*)(void *), void *);
static int (*bare_join)(clone3_thread_t, void **);

static union slot {
    pthread_t host;
    clone3_thread_t bare;
    struct floor_thread *floor;
} slots[MOST];
static char *stacks; /* the floor's */

/* ---- the kinds: each function returns an error number ---- */

static int host_create_one(union slot *slot, void *(*start)(void *))
{
    return pthread_create(&slot->host, NULL, start, NULL);
}

static int host_join_one(union slot *slot) { return pthread_join(slot->host, NULL); }

static int bare_create_one(union slot *slot, void *(*start)(void *))
{
    return bare_create ? bare_create(&slot->bare, NULL, start, NULL) : ENOSYS;
}

static int bare_join_one(union slot *slot) { return bare_join(slot->bare, NULL); }

static int floor_create_one(union slot *slot, void *(*start)(void *))
{
    char *stack = stacks + (slot - slots) * (size_t)FLOOR_STACK;
    long tid = floor_thread_create(&slot->floor, stack, start, NULL);
    return tid < 0 ? -tid : 0;
}

/* As one must that lets no handler run on a thread half made: three calls more. */
static void *with_signals_back(void *mask)
{
    raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, (long)mask, 0, sizeof(uint64_t));
    return NULL;
}

static int floor_create_blocked(union slot *slot, void *(*start)(void *))
{
    static uint64_t before;
    const uint64_t all = -1;
    (void)start;
    raw_syscall(SYS_rt_sigprocmask, SIG_BLOCK, (long)&all, (long)&before, sizeof all);
    long tid = floor_thread_create(&slot->floor, stacks, with_signals_back, &before);
    raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, sizeof all);
    return tid < 0 ? -tid : 0;
}

/* And as one must that gives every thread errno and __thread storage of whatever is loaded
 * then: the loader is asked whether that is what was loaded before, which only it can tell;
 * the room that struct pthread, a dtv and a few variables take in glibc is zeroed, and the
 * words in it that are not zero are written. It is not under the thread pointer, which makes
 * no difference in time. */
enum { STORAGE = 4 << 10, IMAGE = 512 };

static int note_changes(struct dl_phdr_info *info, size_t size, void *changes)
{
    (void)size;
    *(unsigned long long *)changes = info->dlpi_adds + info->dlpi_subs;
    return 1;
}

static int floor_create_equipped(union slot *slot, void *(*start)(void *))
{
    static const char image[IMAGE];
    unsigned long long changes = 0;
    char *storage = stacks + FLOOR_STACK;
    dl_iterate_phdr(note_changes, &changes);
    memset(storage, 0, STORAGE);
    memcpy(storage, image, IMAGE);
    __asm__ volatile("" : : "r"(storage) : "memory");
    return floor_create_blocked(slot, start);
}

static int floor_join_one(union slot *slot)
{
    floor_thread_join(slot->floor);
    return 0;
}

static const struct kind {
    const char *name;
    int (*create)(union slot *, void *(*)(void *));
    int (*join)(union slot *);
} kinds[] = {
    { "pthread", host_create_one, host_join_one },
    { "clone3_thread", bare_create_one, bare_join_one },
    { "floor", floor_create_one, floor_join_one },
    { "floor-blocked", floor_create_blocked, floor_join_one },
    { "floor-equipped", floor_create_equipped, floor_join_one },
};

/* ---- one after the other ---- */

static void *nothing(void *arg) { return arg; }

static int one_by_one(const struct kind *kind, long count, double *ns)
{
    static double taken[4096];
    if (count > (long)(sizeof taken / sizeof *taken))
        return E2BIG;
    for (long n = -warm_up(count); n < count; n++) {
        double start = now_ns();
        int error = kind->create(slots, nothing);
        if (error || (error = kind->join(slots)))
            return error;
        if (n >= 0)
            taken[n] = now_ns() - start;
    }
    *ns = median(taken, count);
    return 0;
}

/* ---- all at once ---- */

static int arrived, gate, expected;

/* A bare thread may do what a signal handler may, so all of them wait in bare calls. */
static void *wait_at_gate(void *arg)
{
    if (__atomic_add_fetch(&arrived, 1, __ATOMIC_ACQ_REL) == expected)
        raw_syscall(SYS_futex, (long)&arrived, FUTEX_WAKE_PRIVATE, 1, 0);
    while (!__atomic_load_n(&gate, __ATOMIC_ACQUIRE))
        raw_syscall(SYS_futex, (long)&gate, FUTEX_WAIT_PRIVATE, 0, 0);
    return arg;
}

static void open_gate(void)
{
    __atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
    raw_syscall(SYS_futex, (long)&gate, FUTEX_WAKE_PRIVATE, MOST, 0);
}

static double resident(void)
{
    char line[256];
    long kib = -1;
    FILE *file = fopen("/proc/self/smaps_rollup", "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "Rss: %ld kB", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib * 1024.0;
}

static double cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * 1e9 + now.tv_nsec;
}

static int all_alive(const struct kind *kind, long count, double *ns, double *bytes)
{
    long made = 0;
    int error = 0, now;
    memset(slots, 0, sizeof slots); /* resident before we look */
    arrived = gate = 0;
    expected = count;
    resident();
    double before = resident(), start = cpu_ns();
    while (made < count && !(error = kind->create(&slots[made], wait_at_gate)))
        made++;
    while (!error && (now = __atomic_load_n(&arrived, __ATOMIC_ACQUIRE)) < count)
        raw_syscall(SYS_futex, (long)&arrived, FUTEX_WAIT_PRIVATE, now, 0);
    *ns = (cpu_ns() - start) / count;
    *bytes = (resident() - before) / count;
    open_gate();
    while (made > 0)
        kind->join(&slots[--made]);
    return error;
}

static const char *command(char *words[], int count)
{
    int alive = count == 3 && strcmp(words[1], "alive") == 0;
    long times = count == 2 || alive ? strtol(words[count - 1], NULL, 10) : 0;
    double ns = 0, bytes = 0;
    if (times < 1 || times > MOST)
        return "usage: KIND [alive] COUNT";
    for (size_t n = 0; n < sizeof kinds / sizeof *kinds; n++) {
        if (strcmp(words[0], kinds[n].name) != 0)
            continue;
        if (alive && &kinds[n] > &kinds[2])
            return "one at a time";
        int error = alive ? all_alive(&kinds[n], times, &ns, &bytes) : one_by_one(&kinds[n], times, &ns);
        if (error)
            return strerror(error);
        printf(alive ? "%.1f %.1f" : "%.1f", ns, bytes);
        return NULL;
    }
    return "no such kind";
}

int main(void)
{
    *(void **)&bare_create = dlsym(RTLD_DEFAULT, "clone3_thread_create");
    *(void **)&bare_join = dlsym(RTLD_DEFAULT, "clone3_thread_join");
    stacks = mmap(NULL, (size_t)MOST * FLOOR_STACK, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (stacks == MAP_FAILED) {
        printf("- %s\n", strerror(errno));
        return 125;
    }
    madvise(stacks, (size_t)MOST * FLOOR_STACK, MADV_NOHUGEPAGE);
    return serve(command);
}
