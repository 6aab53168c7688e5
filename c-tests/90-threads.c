/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Bare threads: what they return, what they share, and every attribute.
 *
 * archs: x86_64 aarch64 i686
 * modes: preload shared static api api-static
 */
#define _GNU_SOURCE
#include "bare-threads.h"
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { PAGE = 65536 }; /* the largest there is */

static void *knows_itself(void *place)
{
    clone3_thread_t self = clone3_thread_self();
    return (void *)(long)(clone3_thread_equal(self, *(clone3_thread_t *)place) &&
                          kernel_tid() != getpid());
}

static void *exits(void *argument)
{
    clone3_thread_exit((char *)argument + 1);
}

static void basics(void)
{
    clone3_thread_t thread = 0;
    void *value;
    errno = 4711;
    is(clone3_thread_create(&thread, NULL, knows_itself, &thread), 0, "a thread is created");
    ok(thread != 0, "its handle is not 0");
    is(clone3_thread_join(thread, &value), 0, "it is joined");
    is((long)value, 1, "it knows its handle, and has an id of its own");
    is(clone3_thread_join(thread, NULL), ESRCH, "once");
    is(clone3_thread_detach(thread), ESRCH, "it cannot be detached then");
    is(clone3_thread_kill(thread, 0), ESRCH, "nor signalled");
    is(clone3_thread_getstack(thread, NULL, NULL), ESRCH, "nor asked for its stack");
    is(clone3_thread_create(&thread, NULL, exits, (void *)41), 0, "another one");
    is(clone3_thread_join(thread, &value), 0, "which exits, is joined");
    is((long)value, 42, "with the value it gave");
    is(clone3_thread_self(), 0, "this thread is none");
    is(errno, 4711, "errno is untouched");
    is(clone3_thread_equal(1, 2), 0, "two handles differ");
}

static void *counts(void *place)
{
    return (void *)(long)(++*(int *)place);
}

static void many_after_each_other(void)
{
    int count = 0, errors = 0;
    for (int i = 0; i < repeats(2000); i++)
        errors += run_thread(NULL, counts, &count) != i + 1;
    is(errors, 0, "thousands, one after the other");
}

/* Sets errno, lets the others run, and finds it as it was. */
static void *keeps_errno(void *argument)
{
    long number = (long)argument;
    for (int i = 0; i < 2000; i++) {
        errno = (int)number;
        if (i % 16 == 0)
            sched_yield();
        if (errno != number)
            return (void *)1;
        if (close(-1) != -1 || errno != EBADF)
            return (void *)2;
    }
    return NULL;
}

static void errno_is_own(void)
{
    enum { MANY = 8 };
    clone3_thread_t threads[MANY];
    void *value;
    int wrong = 0;
    for (long i = 0; i < MANY; i++)
        wrong += clone3_thread_create(&threads[i], NULL, keeps_errno, (void *)(1000 + i)) != 0;
    errno = 77;
    for (int i = 0; i < 1000; i++) {
        sched_yield();
        wrong += errno != 77;
    }
    for (int i = 0; i < MANY; i++)
        wrong += clone3_thread_join(threads[i], &value) != 0 || value != NULL;
    is(wrong, 0, "each of eight threads and their creator has its own errno");
}

static void *name_of_itself(void *place)
{
    prctl(PR_GET_NAME, place);
    return NULL;
}

static void *changes_directory(void *argument) { (void)argument; return (void *)(long)chdir("/"); }
static void *opens(void *argument) { (void)argument; return (void *)(long)dup2(1, 100); }

static void *affinity_of_itself(void *set)
{
    return (void *)(long)syscall(SYS_sched_getaffinity, 0, sizeof(cpu_set_t), set);
}

static void *policy_of_itself(void *argument)
{
    (void)argument;
    return (void *)(long)syscall(SYS_sched_getscheduler, 0);
}

static void *mask_of_itself(void *mask)
{
    return (void *)(long)syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, mask, 8);
}

static void *address_of_local(void *argument)
{
    (void)argument;
    return __builtin_frame_address(0);
}

static uint64_t bit(int signal) { return UINT64_C(1) << (signal - 1); }

static void names(void)
{
    clone3_thread_attr_t attr = defaults();
    char name[17] = "", before[17] = "", after[17] = "";
    name_of_itself(before);
    attr.name = "fifteen letters";
    is(run_thread(&attr, name_of_itself, name), 0, "a thread with a name");
    ok(strcmp(name, "fifteen letters") == 0, "has it");
    name_of_itself(after);
    ok(strcmp(before, after) == 0, "its creator keeps its own");
    attr.name = "sixteen letters!";
    is(run_thread(&attr, returns, NULL), -ERANGE, "a name that is too long");
}

static void masks(void)
{
    clone3_thread_attr_t attr = defaults();
    uint64_t mask = 0, wanted = bit(SIGUSR1), mine[2];
    uint64_t unblocked = bit(SIGSEGV) | bit(SIGBUS) | bit(SIGFPE) | bit(SIGILL) | bit(SIGTRAP) |
                         bit(SIGSYS) | bit(SIGKILL) | bit(SIGSTOP);
    mask_of_itself(&mine[0]);
    is(run_thread(NULL, mask_of_itself, &mask), 0, "a thread asks for its mask");
    if (emulated())
        skip("all signals but its own faults are blocked", "the emulator keeps two for itself");
    else
        ok(mask == ~unblocked, "all signals but its own faults are blocked");
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    attr.sigmask = &set;
    is(run_thread(&attr, mask_of_itself, &mask), 0, "a thread with a mask");
    ok(mask == wanted, "has it");
    mask_of_itself(&mine[1]);
    ok(mine[0] == mine[1], "its creator keeps its own");
}

static void scheduling(void)
{
    clone3_thread_attr_t attr = defaults();
    cpu_set_t all, one, got;
    int cpu = 0;
    sched_getaffinity(0, sizeof all, &all);
    while (!CPU_ISSET(cpu, &all))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    CPU_ZERO(&got);
    attr.affinity = &one;
    attr.affinity_size = sizeof one;
    ok(run_thread(&attr, affinity_of_itself, &got) > 0, "a thread with an affinity");
    ok(CPU_EQUAL(&one, &got), "has it");
    sched_getaffinity(0, sizeof got, &got);
    ok(CPU_EQUAL(&all, &got), "its creator keeps its own");
    CPU_ZERO(&one);
    is(run_thread(&attr, returns, NULL), -EINVAL, "no processor at all");
    attr.affinity_size = 0;
    is(run_thread(&attr, returns, NULL), -EINVAL, "a set without a size");
    attr = defaults();
    attr.sched_policy = SCHED_BATCH;
    is(run_thread(&attr, policy_of_itself, NULL), SCHED_BATCH, "a scheduling policy");
    attr.sched_policy = 99;
    is(run_thread(&attr, returns, NULL), -EINVAL, "one that does not exist");
    is(run_thread(NULL, returns, (void *)5), 5, "and then the next thread");
}

static void sharing(void)
{
    clone3_thread_attr_t attr = defaults();
    char before[4096], after[4096];
    if (emulated()) {
        skip("what is shared and what not", "qemu-user knows pthreads' flags only");
        return;
    }
    if (!getcwd(before, sizeof before) || chdir("/tmp"))
        abort();
    attr.share &= ~(uint64_t)CLONE_FS;
    is(run_thread(&attr, changes_directory, NULL), 0, "a thread with a directory of its own");
    ok(getcwd(after, sizeof after) && strcmp(after, "/tmp") == 0, "does not change its creator's");
    is(run_thread(NULL, changes_directory, NULL), 0, "one that shares it");
    ok(getcwd(after, sizeof after) && strcmp(after, "/") == 0, "does");
    if (chdir(before))
        abort();
    attr = defaults();
    attr.share &= ~(uint64_t)CLONE_FILES;
    is(run_thread(&attr, opens, NULL), 100, "a thread with files of its own");
    is(fcntl(100, F_GETFD), -1, "opens for itself");
    is(run_thread(NULL, opens, NULL), 100, "one that shares them");
    is(fcntl(100, F_GETFD), 0, "opens for all");
    close(100);
    attr = defaults();
    attr.share = CLONE_IO;
    is(run_thread(&attr, returns, (void *)3), 3, "one that shares the I/O context only");
    attr.share |= CLONE_VM;
    is(run_thread(&attr, returns, NULL), -EINVAL, "what is no choice");
}

static void stacks(void)
{
    static char own[65536] __attribute__((aligned(4096)));
    clone3_thread_attr_t attr = defaults();
    clone3_thread_t thread;
    void *lowest, *value;
    size_t size;
    is(clone3_thread_create(&thread, NULL, address_of_local, NULL), 0, "a stack by default");
    is(clone3_thread_getstack(thread, &lowest, &size), 0, "is known");
    is(clone3_thread_join(thread, &value), 0, "and used");
    ok(size >= 128 << 10 && (uintptr_t)value - (uintptr_t)lowest < size, "has 128 KiB");
    attr.stack_size = 3 << 20;
    is(clone3_thread_create(&thread, &attr, address_of_local, NULL), 0, "a larger one");
    is(clone3_thread_getstack(thread, &lowest, &size), 0, "is known");
    is(clone3_thread_join(thread, &value), 0, "and used");
    ok(size >= 3 << 20 && (uintptr_t)value - (uintptr_t)lowest < size, "has 3 MiB");
    attr.stack = own;
    attr.stack_size = sizeof own;
    is(clone3_thread_create(&thread, &attr, address_of_local, NULL), 0, "the caller's");
    is(clone3_thread_getstack(thread, &lowest, &size), 0, "is known");
    is(clone3_thread_join(thread, &value), 0, "and used");
    ok(lowest == own && size == sizeof own, "has the bounds it was given");
    ok((char *)value >= own && (char *)value < own + sizeof own, "and lies there");
    attr.stack_size = 0;
    is(run_thread(&attr, returns, NULL), -EINVAL, "one without a size");
    attr.stack_size = 4096;
    is(run_thread(&attr, returns, NULL), -EINVAL, "one that is too small");
    attr = defaults();
    attr.stack_size = SIZE_MAX / 2;
    is(run_thread(&attr, returns, NULL), -EINVAL, "one as large as the world");
    attr.stack_size = SIZE_MAX / 8;
    if (sizeof(void *) == 8)
        is(run_thread(&attr, returns, NULL), -EAGAIN, "one larger than what is left of it");
    is(run_thread(NULL, returns, (void *)6), 6, "and then the next thread");
}

static void *waits_for_gate(void *gate)
{
    char byte;
    return (void *)(long)read(((int *)gate)[0], &byte, 1);
}

static void *id_of_itself(void *argument)
{
    (void)argument;
    return (void *)(long)kernel_tid();
}

static void ids(void)
{
    clone3_thread_attr_t attr = defaults();
    clone3_thread_t thread;
    pid_t tid, wanted;
    int gate[2], pidfd = -1, other = -1;
    if (pipe(gate))
        abort();
    attr.pidfd = &pidfd;
    int error = clone3_thread_create(&thread, &attr, waits_for_gate, gate);
    if (!has_thread_pidfd() || getenv("FILTERED")) {
        ok(error == 0 || error == EINVAL || error == ENOSYS, "a pidfd, or a refusal");
        if (error) {
            attr.pidfd = NULL;
            if (clone3_thread_create(&thread, &attr, waits_for_gate, gate))
                abort();
        }
        skip("pidfds", "no pidfds of threads here");
    } else {
        is(error, 0, "a thread with a pidfd");
        struct stat one, two;
        is(clone3_thread_pidfd(thread, &other), 0, "and another pidfd of it");
        ok(fstat(pidfd, &one) == 0 && fstat(other, &two) == 0 && one.st_mode == two.st_mode,
           "of the same kind");
        is(syscall(424 /* pidfd_send_signal */, other, 0, NULL, 0), 0, "which signals it");
        ok(fcntl(pidfd, F_GETFD) & FD_CLOEXEC, "is closed on exec");
        close(pidfd);
        close(other);
        clone3_thread_attr_t refused = attr;
        clone3_thread_t none;
        int free_one = dup(0);
        close(free_one);
        refused.sched_policy = 99;
        is(clone3_thread_create(&none, &refused, returns, NULL), EINVAL, "no thread");
        is(dup(0), free_one, "no pidfd of it");
        close(free_one);
    }
    is(clone3_thread_gettid(thread, &tid), 0, "a thread's id");
    ok(tid > 0 && tid != getpid() && syscall(SYS_tgkill, getpid(), tid, 0) == 0,
       "is a thread of this process");
    is(clone3_thread_gettid(thread, NULL), EFAULT, "no place for a thread's id: EFAULT");
    is(clone3_thread_pidfd(thread, NULL), EFAULT, "no place for a thread's pidfd: EFAULT");
    if (write(gate[1], "x", 1) != 1)
        abort();
    is(clone3_thread_join(thread, NULL), 0, "joined");
    is(clone3_thread_gettid(thread, &tid), ESRCH, "it has none any more");
    close(gate[0]);
    close(gate[1]);
    attr = defaults();
    /* Far from what the kernel gives next, and free in all likelihood. */
    wanted = getpid() + (getpid() > 20000 ? -9999 : 9999);
    while (kill(wanted, 0) == 0 || syscall(SYS_tgkill, wanted, wanted, 0) == 0)
        wanted++;
    attr.set_tid = &wanted;
    attr.set_tid_size = 1;
    struct clone3_features features = { .size = sizeof features };
    if (clone3_probe(&features) || features.set_tid != 0) {
        ok(run_thread(&attr, returns, NULL) < 0, "a chosen id, refused");
        return;
    }
    is(run_thread(&attr, id_of_itself, NULL), wanted, "a chosen id");
    wanted = getpid();
    is(run_thread(&attr, returns, NULL), -EEXIST, "one that is taken");
}

static void refusals(void)
{
    struct {
        clone3_thread_attr_t attr;
        uint64_t more;
    } later = { defaults(), 0 };
    clone3_thread_t thread;
    clone3_thread_attr_t attr = defaults();
    is(clone3_thread_create(NULL, NULL, returns, NULL), EFAULT, "no place for the handle of a thread: EFAULT");
    is(clone3_thread_create(&thread, NULL, NULL, NULL), EFAULT, "no start function of a thread: EFAULT");
    attr.flags = 0x80;
    is(run_thread(&attr, returns, NULL), -EINVAL, "an unknown flag");
    attr = defaults();
    attr.size = 8;
    is(run_thread(&attr, returns, NULL), -EINVAL, "an unknown size");
    later.attr.size = sizeof later;
    is(run_thread(&later.attr, returns, (void *)9), 9, "a larger one that says no more");
    later.more = 1;
    is(run_thread(&later.attr, returns, NULL), -E2BIG, "a larger one that does");
    /* Nothing is read there; a size from an uninitialized struct is to fail only. */
    char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    clone3_thread_attr_t *last = (void *)(pages + PAGE - sizeof attr);
    *last = defaults();
    last->size = UINT32_MAX;
    mprotect(pages + PAGE, PAGE, PROT_NONE);
    is(run_thread(last, returns, NULL), -E2BIG, "one larger than there will ever be");
    munmap(pages, 2 * PAGE);
    is(clone3_thread_attr_init(NULL, sizeof attr), EFAULT, "no attributes to fill: EFAULT");
    later.more = 7;
    is(clone3_thread_attr_init(&later.attr, sizeof later), 0, "attributes of a later version are filled in");
    ok(later.attr.size == sizeof later && later.more == 0, "with their whole size, and nothing asked of what is not known");
    is(run_thread(&later.attr, returns, (void *)9), 9, "and a thread is made by them");
    is(clone3_thread_attr_init(&attr, 4097), E2BIG, "attributes larger than there will ever be: E2BIG");
    is(clone3_thread_attr_init(&attr, 4), EINVAL, "attributes of a size there never was");
    for (uint64_t wrong = 0; wrong < 5; wrong++)
        is(clone3_thread_join((uint64_t[]){ 0, 1, ~0ull, 1ull << 32 | 0xffffff, 77ull << 32 }[wrong],
                              NULL),
           ESRCH, "no such handle");
}

static void *tries(void *argument)
{
    (void)argument;
    return (void *)run_thread(NULL, returns, (void *)8);
}

int main(void)
{
    begin(60);
    basics();
    many_after_each_other();
    errno_is_own();
    names();
    masks();
    scheduling();
    sharing();
    stacks();
    ids();
    refusals();
    is(run_thread(NULL, tries, NULL), 8, "a bare thread makes and joins another");
    return done();
}
