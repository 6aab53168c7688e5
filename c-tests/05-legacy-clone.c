/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* clone() keeps the rules of clone(2), whichever call carries it: three more
 * arguments in the order of the prototype, a byte of exit signal, a pidfd
 * through parent_tid, a stack of any alignment.
 */
#define _GNU_SOURCE
#include "flags.h"
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>

#define TOP (child_stack + sizeof child_stack)

static struct {
    volatile int pid, parent;
    volatile uintptr_t thread_pointer, stack;
} *seen;

static volatile pid_t parent_word, child_word;
static uintptr_t tls[1024]; /* the child uses no TLS, but a stack protector may */

/* Legacy clone without a library or a stack: the child ends with 7. */
static long raw_clone(unsigned long flags, volatile pid_t *parent_tid)
{
#ifdef __x86_64__
    long pid = raw(SYS_clone, flags, 0, parent_tid, &child_word, 0);
#else
    long pid = raw(SYS_clone, flags, 0, parent_tid, 0, &child_word);
#endif
    if (pid == 0)
        raw_exit(7);
    return pid;
}

static int look_around(void *argument)
{
    int word = child_word;
    seen->thread_pointer = thread_pointer();
    seen->parent = (int)raw(SYS_getppid);
    seen->pid = (int)raw(SYS_gettid);
    /* Not before the kernel wrote it: the parent may be slower than we. */
    return argument == seen && word == seen->pid ? 7 : 1;
}

static void wait_while(volatile pid_t *word, pid_t value)
{
    long limit[] = { 5, 0 }; /* the kernel's struct timespec */
    if (*word == value)
        raw(SYS_futex, word, FUTEX_WAIT, value, limit);
}

static void seven_arguments(int flags)
{
    void *pointer = tls + 512;
    tls[512] = (uintptr_t)pointer;
    parent_word = child_word = -5;
    if (emulated())
        flags = CLONE_CHILD_SETTID | CLONE_SETTLS;
#ifdef __GLIBC__
    void *by = settls(pointer);
#else
    void *by = pointer; /* musl's clone() takes a thread pointer everywhere */
#endif
    pid_t pid = clone(look_around, TOP, flags | SIGCHLD, seen, (pid_t *)&parent_word, by,
        (pid_t *)&child_word);
    if (flags & CLONE_VM)
        wait_while(&child_word, pid);
    char title[80];
    snprintf(title, sizeof title, "clone() with seven arguments and %s memory", flags & CLONE_VM ? "shared" : "copied");
    is(status_of(pid), 7, named("%s: the child has its argument and its id by CHILD_SETTID", title));
    if (flags & CLONE_PARENT_SETTID)
        is(parent_word, pid, named("%s: PARENT_SETTID stores the child's id", title));
    is(child_word, flags & CLONE_VM ? 0 : -5,
        named("%s: %s", title, flags & CLONE_VM ? "CHILD_CLEARTID clears the word" : "CHILD_SETTID stores nothing in the parent's"));
    ok(seen->thread_pointer == (uintptr_t)pointer, "%s: SETTLS sets the thread pointer", title);
    is(seen->parent, getpid(), named("%s: the child's parent is the caller", title));
}

static int end_with_argument(void *status) { return (int)(intptr_t)status; }

static void four_arguments(void)
{
    pid_t pid = clone(end_with_argument, TOP, SIGCHLD, (void *)300);
    is(status_of(pid), 300 & 0xff, "clone(): the low byte of what the function returns is the exit status");
}

static void detached(void)
{
    is(status_of(clone(end_with_argument, TOP, CLONE_DETACHED | SIGCHLD, (void *)7)), 7,
        "clone() ignores CLONE_DETACHED");
}

static int wait_for_gate(void *gate)
{
    char byte;
    close(((int *)gate)[1]);
    return read(((int *)gate)[0], &byte, 1) == 0 ? 7 : 1;
}

static void pidfd(void)
{
    int fd = -1, gate[2];
    if (pipe(gate) != 0)
        exit(1);
    pid_t pid = clone(wait_for_gate, TOP, CLONE_PIDFD | SIGCHLD, gate, &fd);
    struct pollfd watch = { .fd = fd, .events = POLLIN };
    ok(pid > 0 && fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC && poll(&watch, 1, 0) == 0,
        "clone() with CLONE_PIDFD stores the pidfd through parent_tid");
    close(gate[0]);
    close(gate[1]);
    is(poll(&watch, 1, 5000), 1, "clone() with CLONE_PIDFD: poll() reports the pidfd when the child has ended");
    is(status_of(pid), 7, "clone() with CLONE_PIDFD: the child ends as it should");
    close(fd);
}

/* What the kernel's own clone refuses. */
static void refused(const char *name, unsigned long flags)
{
    int fd = -1;
    long raw_result = raw_clone(flags | SIGCHLD, &fd);
    if (raw_result > 0)
        status_of((pid_t)raw_result);
    errno = 0;
    pid_t pid = clone(end_with_argument, TOP, (int)flags | SIGCHLD, (void *)7, &fd, NULL,
        &child_word);
    int given = errno;
    if (pid > 0)
        status_of(pid);
    ok(raw_result < 0 ? pid == -1 && given == -raw_result : pid > 0, "clone() with %s has the result that the kernel's clone has", name);
    if ((raw_result < 0) != (pid < 0) || (pid < 0 && given != -raw_result))
        printf("# the kernel: %ld, clone: %d, errno %d\n", raw_result, pid, given);
}

/* How a child ends for its parent: the signal that comes, and whether a plain
 * wait sees it. */
struct end {
    int signal, plain, status;
};

static struct end end_of(pid_t pid)
{
    struct end end;
    struct timespec none = { 0, 0 };
    sigset_t all;
    sigfillset(&all);
    siginfo_t info;
    /* Ended, and still there to be waited for. */
    while (waitid(P_PID, pid, &info, WEXITED | WNOWAIT | __WALL) != 0 && errno == EINTR)
        ;
    end.plain = waitpid(pid, NULL, WNOHANG) == pid;
    end.status = end.plain ? 7 : status_of(pid);
    end.signal = sigtimedwait(&all, NULL, &none);
    return end;
}

static void exit_signals(void)
{
    static const int numbers[] = { SIGCHLD, SIGUSR1, 0, 64, 65, 100, 127, 255 };
    sigset_t all, old;
    sigfillset(&all);
    sigdelset(&all, SIGALRM);
    sigprocmask(SIG_BLOCK, &all, &old);
    while (sigtimedwait(&all, NULL, &(struct timespec){ 0, 0 }) > 0)
        ; /* of children before */
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int number = numbers[i];
        long theirs = raw_clone(number, NULL);
        if (theirs < 0) { /* 7.2 wants a signal that there is */
            int refused = clone(end_with_argument, TOP, number, (void *)7) == -1;
            ok(number > 64 && refused && errno == -theirs, "clone() with exit signal %d: refused as the kernel does",
                number);
            continue;
        }
        struct end kernels = end_of((pid_t)theirs);
        struct end ours = end_of(clone(end_with_argument, TOP, number, (void *)7));
        ok(memcmp(&kernels, &ours, sizeof ours) == 0 && ours.status == 7
                && ours.signal == (number && number <= 64 ? number : -1)
                && ours.plain == (number == SIGCHLD),
            "clone() with exit signal %d: the parent gets %d, and a plain wait %s the child", number, ours.signal,
            ours.plain ? "finds" : "does not find");
    }
    sigprocmask(SIG_SETMASK, &old, NULL);
}

/* Both take over the exit signal of the caller; the byte means nothing. */
static void inherited_exit_signal(void)
{
    pid_t middle = fork();
    if (middle == 0) {
        child_word = -5;
        pid_t pid = clone(end_with_argument, TOP, CLONE_PARENT | SIGUSR1, (void *)6);
        seen->pid = pid;
        _exit(pid > 0 && waitpid(pid, NULL, __WALL) < 0 && errno == ECHILD ? 7 : 1);
    }
    is(status_of(middle), 7, "clone() with CLONE_PARENT and an exit signal: the caller has no child to wait for");
    pid_t pid = waitpid(seen->pid, NULL, 0); /* SIGCHLD was middle's */
    ok(pid > 0 && pid == seen->pid, "clone() with CLONE_PARENT and an exit signal makes a sibling with the caller's exit signal");

    child_word = 1;
    pid = clone(look_around, TOP,
        CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID
            | CLONE_PARENT_SETTID | SIGUSR1,
        seen, (pid_t *)&parent_word, NULL, (pid_t *)&child_word);
    for (int tries = 0; child_word != 0 && tries < 500; tries++)
        pause_ms(10);
    ok(pid > 0 && parent_word == pid && seen->pid == pid && child_word == 0,
        "clone() with CLONE_THREAD and an exit signal makes a thread");
    ok(waitpid(pid, NULL, __WALL) < 0 && errno == ECHILD, "clone() with CLONE_THREAD: the thread is not a child to wait for");
}

static int tell_stack(void *unused)
{
    /* What the ABI aligns: the place where the call pushed, or would have. */
    seen->stack = (uintptr_t)__builtin_dwarf_cfa();
    return unused == NULL ? 7 : 1;
}

static void alignment(void)
{
    int failed = 0;
    for (int off = 0; off < 32; off++) {
        seen->stack = 1;
        pid_t pid = clone(tell_stack, TOP - off, (emulated() ? 0 : CLONE_VM) | SIGCHLD, NULL);
        if (status_of(pid) == 7 && seen->stack % 16 == 0 && seen->stack <= (uintptr_t)TOP - off
            && seen->stack > (uintptr_t)TOP - off - 64)
            continue;
        printf("# at -%d: %#lx\n", off, (unsigned long)seen->stack);
        failed++;
    }
    is(failed, 0, "clone() with a stack of any alignment: the function starts on an aligned one, at its top");
}

int main(void)
{
    begin(60);
    seen = shared_with_children(sizeof *seen);
    seven_arguments(CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID);
    four_arguments();
    detached();
    alignment();
    if (emulated()) {
        skip("clone() with other flags and exit signals", "qemu-user has none");
        return done();
    }
    seven_arguments(CLONE_VM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID
        | CLONE_CHILD_CLEARTID);
    pidfd();
    refused("PIDFD and PARENT_SETTID", CLONE_PIDFD | CLONE_PARENT_SETTID);
    refused("PIDFD and DETACHED", CLONE_PIDFD | CLONE_DETACHED);
    refused("SIGHAND without VM", CLONE_SIGHAND);
    refused("THREAD without SIGHAND", CLONE_THREAD);
    refused("FS and NEWNS", CLONE_FS | CLONE_NEWNS);
    exit_signals();
    inherited_exit_signal();
    return done();
}
