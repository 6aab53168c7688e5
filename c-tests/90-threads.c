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
    is(clone3_thread_create(&thread, NULL, knows_itself, &thread), 0, "a bare thread is created");
    ok(thread != 0, "the handle of a bare thread is not 0");
    is(clone3_thread_join(thread, &value), 0, "a bare thread is joined");
    is((long)value, 1, "a bare thread knows its handle, and has an id of its own");
    is(clone3_thread_join(thread, NULL), ESRCH, "a bare thread that was joined cannot be joined again: ESRCH");
    is(clone3_thread_detach(thread), ESRCH, "a bare thread that was joined cannot be detached: ESRCH");
    is(clone3_thread_kill(thread, 0), ESRCH, "a bare thread that was joined cannot be sent a signal: ESRCH");
    is(clone3_thread_getstack(thread, NULL, NULL), ESRCH, "a bare thread that was joined has no stack: ESRCH");
    is(clone3_thread_create(&thread, NULL, exits, (void *)41), 0, "a bare thread that calls clone3_thread_exit() is created");
    is(clone3_thread_join(thread, &value), 0, "a bare thread that calls clone3_thread_exit() is joined");
    is((long)value, 42, "a join returns the value of clone3_thread_exit()");
    is(clone3_thread_self(), 0, "clone3_thread_self() in the main thread is 0");
    is(errno, 4711, "creating and joining bare threads leaves errno alone");
    is(clone3_thread_equal(1, 2), 0, "clone3_thread_equal() of two handles is 0");
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
    is(errors, 0, "thousands of bare threads, one after the other");
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
    is(wrong, 0, "each of eight bare threads and their creator has its own errno");
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
    is(run_thread(&attr, name_of_itself, name), 0, "a bare thread with a name is run");
    ok(strcmp(name, "fifteen letters") == 0, "a bare thread with a name has that name");
    name_of_itself(after);
    ok(strcmp(before, after) == 0, "the creator of a bare thread with a name keeps its own");
    attr.name = "sixteen letters!";
    is(run_thread(&attr, returns, NULL), -ERANGE, "a bare thread with a name that is too long: ERANGE");
}

static void masks(void)
{
    clone3_thread_attr_t attr = defaults();
    uint64_t mask = 0, wanted = bit(SIGUSR1), mine[2];
    uint64_t unblocked = bit(SIGSEGV) | bit(SIGBUS) | bit(SIGFPE) | bit(SIGILL) | bit(SIGTRAP) |
                         bit(SIGSYS) | bit(SIGKILL) | bit(SIGSTOP);
    mask_of_itself(&mine[0]);
    is(run_thread(NULL, mask_of_itself, &mask), 0, "a bare thread without a mask is run");
    if (emulated())
        skip("a bare thread without a mask has all signals blocked but those of its own faults", "the emulator keeps two for itself");
    else
        ok(mask == ~unblocked, "a bare thread without a mask has all signals blocked but those of its own faults");
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    attr.sigmask = &set;
    is(run_thread(&attr, mask_of_itself, &mask), 0, "a bare thread with a mask is run");
    ok(mask == wanted, "a bare thread with a mask has that mask");
    mask_of_itself(&mine[1]);
    ok(mine[0] == mine[1], "the creator of a bare thread with a mask keeps its own");
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
    ok(run_thread(&attr, affinity_of_itself, &got) > 0, "a bare thread with an affinity is run");
    ok(CPU_EQUAL(&one, &got), "a bare thread with an affinity has that affinity");
    sched_getaffinity(0, sizeof got, &got);
    ok(CPU_EQUAL(&all, &got), "the creator of a bare thread with an affinity keeps its own");
    CPU_ZERO(&one);
    is(run_thread(&attr, returns, NULL), -EINVAL, "a bare thread with an empty set of processors: EINVAL");
    attr.affinity_size = 0;
    is(run_thread(&attr, returns, NULL), -EINVAL, "a bare thread with a set of processors of size 0: EINVAL");
    attr = defaults();
    attr.sched_policy = SCHED_BATCH;
    is(run_thread(&attr, policy_of_itself, NULL), SCHED_BATCH, "a bare thread with a scheduling policy has that policy");
    attr.sched_policy = 99;
    is(run_thread(&attr, returns, NULL), -EINVAL, "a bare thread with a scheduling policy that does not exist: EINVAL");
    is(run_thread(NULL, returns, (void *)5), 5, "a bare thread is made after scheduling was refused to others");
}

static void sharing(void)
{
    clone3_thread_attr_t attr = defaults();
    char before[4096], after[4096];
    if (emulated()) {
        skip("what bare threads share with their creator", "qemu-user knows pthreads' flags only");
        return;
    }
    if (!getcwd(before, sizeof before) || chdir("/tmp"))
        abort();
    attr.share &= ~(uint64_t)CLONE_FS;
    is(run_thread(&attr, changes_directory, NULL), 0, "a bare thread without CLONE_FS changes its directory");
    ok(getcwd(after, sizeof after) && strcmp(after, "/tmp") == 0, "a bare thread without CLONE_FS does not change its creator's directory");
    is(run_thread(NULL, changes_directory, NULL), 0, "a bare thread with CLONE_FS changes its directory");
    ok(getcwd(after, sizeof after) && strcmp(after, "/") == 0, "a bare thread with CLONE_FS changes its creator's directory");
    if (chdir(before))
        abort();
    attr = defaults();
    attr.share &= ~(uint64_t)CLONE_FILES;
    is(run_thread(&attr, opens, NULL), 100, "a bare thread without CLONE_FILES opens a descriptor");
    is(fcntl(100, F_GETFD), -1, "a bare thread without CLONE_FILES opens nothing for its creator");
    is(run_thread(NULL, opens, NULL), 100, "a bare thread with CLONE_FILES opens a descriptor");
    is(fcntl(100, F_GETFD), 0, "a bare thread with CLONE_FILES opens for its creator too");
    close(100);
    attr = defaults();
    attr.share = CLONE_IO;
    is(run_thread(&attr, returns, (void *)3), 3, "a bare thread that shares CLONE_IO only is run");
    attr.share |= CLONE_VM;
    is(run_thread(&attr, returns, NULL), -EINVAL, "a bare thread whose `share` has CLONE_VM: EINVAL");
}

static void stacks(void)
{
    static char own[65536] __attribute__((aligned(4096)));
    clone3_thread_attr_t attr = defaults();
    clone3_thread_t thread;
    void *lowest, *value;
    size_t size;
    is(clone3_thread_create(&thread, NULL, address_of_local, NULL), 0, "a bare thread with a stack by default is created");
    is(clone3_thread_getstack(thread, &lowest, &size), 0, "clone3_thread_getstack() knows a stack by default");
    is(clone3_thread_join(thread, &value), 0, "a bare thread with a stack by default is joined");
    ok(size >= 128 << 10 && (uintptr_t)value - (uintptr_t)lowest < size, "a stack by default has 128 KiB, and the thread runs on it");
    attr.stack_size = 3 << 20;
    is(clone3_thread_create(&thread, &attr, address_of_local, NULL), 0, "a bare thread with a stack of 3 MiB is created");
    is(clone3_thread_getstack(thread, &lowest, &size), 0, "clone3_thread_getstack() knows a stack of 3 MiB");
    is(clone3_thread_join(thread, &value), 0, "a bare thread with a stack of 3 MiB is joined");
    ok(size >= 3 << 20 && (uintptr_t)value - (uintptr_t)lowest < size, "a stack of 3 MiB has that size, and the thread runs on it");
    attr.stack = own;
    attr.stack_size = sizeof own;
    is(clone3_thread_create(&thread, &attr, address_of_local, NULL), 0, "a bare thread with the caller's stack is created");
    is(clone3_thread_getstack(thread, &lowest, &size), 0, "clone3_thread_getstack() knows the caller's stack");
    is(clone3_thread_join(thread, &value), 0, "a bare thread with the caller's stack is joined");
    ok(lowest == own && size == sizeof own, "clone3_thread_getstack() returns the bounds of the caller's stack");
    ok((char *)value >= own && (char *)value < own + sizeof own, "a bare thread with the caller's stack runs on it");
    attr.stack_size = 0;
    is(run_thread(&attr, returns, NULL), -EINVAL, "a bare thread with the caller's stack of size 0: EINVAL");
    attr.stack_size = 4096;
    is(run_thread(&attr, returns, NULL), -EINVAL, "a bare thread with the caller's stack that is too small: EINVAL");
    attr = defaults();
    attr.stack_size = SIZE_MAX / 2;
    is(run_thread(&attr, returns, NULL), -EINVAL, "a bare thread with a stack of half of all addresses: EINVAL");
    attr.stack_size = SIZE_MAX / 8;
    if (sizeof(void *) == 8)
        is(run_thread(&attr, returns, NULL), -EAGAIN, "a bare thread with a stack of an eighth of all addresses: EAGAIN");
    is(run_thread(NULL, returns, (void *)6), 6, "a bare thread is made after stacks were refused to others");
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
        ok(error == 0 || error == EINVAL || error == ENOSYS, "a bare thread with a pidfd where there are none: EINVAL or ENOSYS, or a thread that has one");
        if (error) {
            attr.pidfd = NULL;
            if (clone3_thread_create(&thread, &attr, waits_for_gate, gate))
                abort();
        }
        skip("pidfds of bare threads", "no pidfds of threads here");
    } else {
        is(error, 0, "a bare thread with a pidfd is created");
        struct stat one, two;
        is(clone3_thread_pidfd(thread, &other), 0, "clone3_thread_pidfd() gives another pidfd of a bare thread");
        ok(fstat(pidfd, &one) == 0 && fstat(other, &two) == 0 && one.st_mode == two.st_mode,
           "both pidfds of a bare thread are of one kind");
        is(syscall(424 /* pidfd_send_signal */, other, 0, NULL, 0), 0, "pidfd_send_signal() takes the pidfd of a bare thread");
        ok(fcntl(pidfd, F_GETFD) & FD_CLOEXEC, "the pidfd of a bare thread is close-on-exec");
        close(pidfd);
        close(other);
        clone3_thread_attr_t refused = attr;
        clone3_thread_t none;
        int free_one = dup(0);
        close(free_one);
        refused.sched_policy = 99;
        is(clone3_thread_create(&none, &refused, returns, NULL), EINVAL, "a bare thread with a pidfd and a policy that does not exist: EINVAL");
        is(dup(0), free_one, "a bare thread that was refused leaves no pidfd");
        close(free_one);
    }
    is(clone3_thread_gettid(thread, &tid), 0, "clone3_thread_gettid() of a bare thread succeeds");
    ok(tid > 0 && tid != getpid() && syscall(SYS_tgkill, getpid(), tid, 0) == 0,
       "clone3_thread_gettid() returns the id of a thread of this process");
    is(clone3_thread_gettid(thread, NULL), EFAULT, "clone3_thread_gettid() without a place for the id: EFAULT");
    is(clone3_thread_pidfd(thread, NULL), EFAULT, "clone3_thread_pidfd() without a place for the pidfd: EFAULT");
    if (write(gate[1], "x", 1) != 1)
        abort();
    is(clone3_thread_join(thread, NULL), 0, "the bare thread whose id was asked for is joined");
    is(clone3_thread_gettid(thread, &tid), ESRCH, "clone3_thread_gettid() of a bare thread that was joined: ESRCH");
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
        ok(run_thread(&attr, returns, NULL) < 0, "a bare thread with a chosen id, where that is refused, is not made");
        return;
    }
    is(run_thread(&attr, id_of_itself, NULL), wanted, "a bare thread with a chosen id has that id");
    wanted = getpid();
    is(run_thread(&attr, returns, NULL), -EEXIST, "a bare thread with a chosen id that is in use: EEXIST");
}

static void refusals(void)
{
    struct {
        clone3_thread_attr_t attr;
        uint64_t more;
    } later = { defaults(), 0 };
    clone3_thread_t thread;
    clone3_thread_attr_t attr = defaults();
    is(clone3_thread_create(NULL, NULL, returns, NULL), EFAULT, "clone3_thread_create() without a place for the handle: EFAULT");
    is(clone3_thread_create(&thread, NULL, NULL, NULL), EFAULT, "clone3_thread_create() without a start function: EFAULT");
    attr.flags = 0x80;
    is(run_thread(&attr, returns, NULL), -EINVAL, "thread attributes with an unknown flag: EINVAL");
    attr = defaults();
    attr.size = 8;
    is(run_thread(&attr, returns, NULL), -EINVAL, "thread attributes of an unknown size: EINVAL");
    later.attr.size = sizeof later;
    is(run_thread(&later.attr, returns, (void *)9), 9, "thread attributes of a later version whose new fields are zero make a thread");
    later.more = 1;
    is(run_thread(&later.attr, returns, NULL), -E2BIG, "thread attributes of a later version whose new fields are used: E2BIG");
    /* Nothing is read there; a size from an uninitialized struct is to fail only. */
    char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    clone3_thread_attr_t *last = (void *)(pages + PAGE - sizeof attr);
    *last = defaults();
    last->size = UINT32_MAX;
    mprotect(pages + PAGE, PAGE, PROT_NONE);
    is(run_thread(last, returns, NULL), -E2BIG, "thread attributes larger than any version's: E2BIG");
    munmap(pages, 2 * PAGE);
    is(clone3_thread_attr_init(NULL, sizeof attr), EFAULT, "clone3_thread_attr_init() of no attributes: EFAULT");
    later.more = 7;
    is(clone3_thread_attr_init(&later.attr, sizeof later), 0, "clone3_thread_attr_init() takes attributes of a later version");
    ok(later.attr.size == sizeof later && later.more == 0, "clone3_thread_attr_init() of a later version sets the size and leaves new fields zero");
    is(run_thread(&later.attr, returns, (void *)9), 9, "attributes of a later version from clone3_thread_attr_init() make a thread");
    is(clone3_thread_attr_init(&attr, 4097), E2BIG, "clone3_thread_attr_init() of attributes larger than any version's: E2BIG");
    is(clone3_thread_attr_init(&attr, 4), EINVAL, "clone3_thread_attr_init() of a size there never was: EINVAL");
    for (uint64_t wrong = 0; wrong < 5; wrong++)
        is(clone3_thread_join((uint64_t[]){ 0, 1, ~0ull, 1ull << 32 | 0xffffff, 77ull << 32 }[wrong],
                              NULL),
           ESRCH, named("clone3_thread_join() of a handle that never was, number %d: ESRCH", (int)wrong + 1));
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
