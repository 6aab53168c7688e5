/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The relation of a child to its creator, to the creator's parent and to a tracer, by
 * flags and exit signal of clone3; sizes of the struct; flags in pairs. For a child
 * that returns (clone3) and one that runs a function (clone3_call).
 */
#define _GNU_SOURCE
#include "flags.h"
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/ptrace.h>

static struct {
    volatile int done, pid, parent, tracer;
} *seen;

static int finish_late(void *unused)
{
    (void)unused;
    pause_ms(50);
    seen->done = 1;
    return 7;
}

static void waits(enum how how, uint64_t flags)
{
    seen->done = 0;
    struct clone_args args = { .flags = flags, .exit_signal = SIGCHLD };
    pid_t pid = make(how, args, finish_late, NULL);
    ok(seen->done == !!flags, "%s with flags %#x: the parent %s", by[how], (int)flags,
        flags ? "waits until the child has ended" : "goes on while the child runs");
    is(status_of(pid), 7, named("%s with flags %#x: the parent can wait for the child", by[how], (int)flags));
}

static int tell_parent(void *unused)
{
    (void)unused;
    seen->parent = (int)raw(SYS_getppid);
    return 6;
}

static void sibling(enum how how, uint64_t flag)
{
    pid_t middle = fork();
    if (middle == 0) {
        struct clone_args args = { .flags = flag, .exit_signal = flag ? 0 : SIGCHLD };
        seen->pid = make(how, args, tell_parent, NULL);
        if (!flag)
            _exit(status_of(seen->pid));
        _exit(waitpid(seen->pid, NULL, __WALL) < 0 && errno == ECHILD ? 6 : 1);
    }
    is(status_of(middle), 6, named(flag ? "%s with CLONE_PARENT: the caller has no child to wait for"
        : "%s without CLONE_PARENT: the caller can wait for the child", by[how]));
    is(status_of(seen->pid), flag ? 6 : -1, named(flag ? "%s with CLONE_PARENT: the caller's parent can wait for the child"
        : "%s without CLONE_PARENT: the caller's parent cannot wait for the child", by[how]));
    is(seen->parent, flag ? getpid() : middle, named(flag ? "%s with CLONE_PARENT: getppid() in the child is the caller's parent"
        : "%s without CLONE_PARENT: getppid() in the child is the caller", by[how]));
}

static struct { volatile int pid, tid, running; } thread;

static int be_a_thread(void *unused)
{
    (void)unused;
    thread.pid = (int)raw(SYS_getpid);
    thread.tid = (int)raw(SYS_gettid);
    return 3; /* ends this thread and not the process */
}

static void thread_group(void)
{
    long limit[] = { 5, 0 }; /* the kernel's struct timespec */
    struct clone_args args = { .flags = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD
            | CLONE_CHILD_CLEARTID | CLONE_PARENT_SETTID,
        .child_tid = (uintptr_t)&thread.running, .parent_tid = (uintptr_t)&thread.running,
        .stack = (uintptr_t)child_stack, .stack_size = sizeof child_stack };
    pid_t tid = make(CALLED, args, be_a_thread, NULL);
    if (thread.running)
        raw(SYS_futex, &thread.running, FUTEX_WAIT, tid, limit);
    is(thread.running, 0, "clone3_call with CLONE_THREAD: the thread ends without ending the process");
    is(thread.pid, getpid(), "clone3_call with CLONE_THREAD: getpid() there is this process");
    ok(tid != getpid() && thread.tid == tid, "clone3_call with CLONE_THREAD: the thread has an id of its own, which is returned");
    ok(waitpid(tid, NULL, __WALL) < 0 && errno == ECHILD, "clone3_call with CLONE_THREAD: the thread is not a child to wait for");
}

static int tell_tracer(void *unused)
{
    char text[4096], *line;
    int fd = open("/proc/self/status", O_RDONLY);
    ssize_t length = read(fd, text, sizeof text - 1);
    (void)unused;
    text[length < 0 ? 0 : length] = '\0';
    line = strstr(text, "TracerPid:");
    seen->tracer = line ? atoi(line + 10) : -1;
    return 7;
}

static void traced(enum how how, uint64_t flag, long options, int wanted)
{
    int status;
    pid_t tracee = fork();
    if (tracee == 0) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0)
            _exit(9);
        raise(SIGSTOP);
        _exit(run(how, flag, tell_tracer, NULL));
    }
    waitpid(tracee, &status, 0);
    if (!WIFSTOPPED(status)) {
        skip(named("%s with flags %#x, ptrace options %#lx: whether the child is traced", by[how], (int)flag, options), "ptrace is refused");
        return;
    }
    ptrace(PTRACE_SETOPTIONS, tracee, 0, options | PTRACE_O_EXITKILL);
    ptrace(PTRACE_CONT, tracee, 0, 0);
    for (pid_t pid; (pid = waitpid(-1, &status, __WALL)) > 0;) {
        if (WIFSTOPPED(status)) {
            /* An event, a new tracee's first stop, or a signal to pass on. */
            int signal = WSTOPSIG(status);
            int none = status >> 16 || signal == SIGSTOP || signal == SIGTRAP;
            ptrace(PTRACE_CONT, pid, 0, none ? 0 : signal);
        } else if (pid == tracee) {
            break;
        }
    }
    is(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 7,
        named("%s with flags %#x, ptrace options %#lx: a traced process makes a child", by[how], (int)flag, options));
    ok((seen->tracer == getpid()) == wanted, "%s with flags %#x, ptrace options %#lx: the child of a traced process is %straced",
        by[how], (int)flag, options, wanted ? "" : "not ");
}

static void exit_signal(enum how how, int sent)
{
    sigset_t both, old;
    struct timespec none = { 0, 0 };
    struct clone_args args = { .exit_signal = sent };
    int is_clone = sent != SIGCHLD;
    sigemptyset(&both);
    sigaddset(&both, SIGUSR1);
    sigaddset(&both, SIGCHLD);
    sigprocmask(SIG_BLOCK, &both, &old);
    while (sigtimedwait(&both, NULL, &none) > 0)
        ; /* of children before */
    pid_t pid = make(how, args, end_with_7, NULL);
    errno = 0;
    ok(waitpid(pid, NULL, is_clone ? 0 : __WCLONE) < 0 && errno == ECHILD,
        "%s with exit signal %d: a wait %s __WCLONE does not find the child", by[how], sent,
        is_clone ? "without" : "with");
    is(status_of(pid), 7, named("%s with exit signal %d: a wait with __WALL finds the child", by[how], sent));
    is(sigtimedwait(&both, NULL, &none), sent ? sent : -1, named(sent ? "%s with exit signal %d: the parent gets it" : "%s with exit signal %d: the parent gets none", by[how], sent));
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static void sizes(enum how how)
{
    static const size_t good[] = { 64, 80, 88, 96, 128, 4096 };
    static _Alignas(8) unsigned char bytes[4096];
    struct clone_args *args = (void *)bytes;
    args->exit_signal = SIGCHLD;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        bytes[good[i] % sizeof bytes] = good[i] < 4096; /* not part of it */
        int status = status_of(make_sized(how, bytes, good[i], end_with_7, NULL));
        is(status, 7, named("%s accepts a struct of %zu bytes", by[how], good[i]));
        if (good[i] < 4096)
            bytes[good[i]] = 0;
    }
    for (size_t size = 96; size <= 4096; size += 4000) {
        bytes[size - 1] = 1;
        long raw_error = native() ? raw(SYS_clone3, bytes, size) : -E2BIG;
        if (raw_error == 0)
            raw_exit(0);
        errno = 0;
        pid_t pid = make_sized(how, bytes, size, end_with_7, NULL);
        ok(pid == -1 && errno == -raw_error, "%s refuses a struct of %zu bytes whose last byte is not zero, as the kernel does", by[how], size);
        status_of(pid); /* reaps what should not be there */
        bytes[size - 1] = 0;
    }
}

/* Flags that ask nothing of a child that ends at once. */
static void pairs(enum how how)
{
    static const uint64_t flags[] = { CLONE_FS, CLONE_FILES, CLONE_SYSVSEM, CLONE_IO,
        CLONE_UNTRACED, CLONE_PTRACE, CLONE_VFORK, CLONE_VM | CLONE_VFORK,
        CLONE_VM | CLONE_VFORK | CLONE_SIGHAND, CLONE_PARENT_SETTID, CLONE_CHILD_SETTID,
        CLONE_CHILD_CLEARTID, CLONE_PIDFD, CLONE_CLEAR_SIGHAND };
    const size_t count = sizeof flags / sizeof *flags;
    int words[2], fd = -1, failed = 0;
    for (size_t i = 0; i < count * count; i++) {
        struct clone_args args = { .flags = flags[i / count] | flags[i % count],
            .exit_signal = SIGCHLD, .pidfd = (uintptr_t)&fd,
            .parent_tid = (uintptr_t)&words[0], .child_tid = (uintptr_t)&words[1] };
        if ((args.flags & CLONE_SIGHAND) && (args.flags & CLONE_CLEAR_SIGHAND))
            continue; /* the one contradiction */
        if (!native() && needs_clone3(&args)) {
            errno = 0;
            if ((make(how, args, end_with_7, NULL) != -1 || errno != unreachable_errno())
                && ++failed)
                printf("# flags %#llx: errno %d\n", (unsigned long long)args.flags, errno);
            continue;
        }
        if (status_of(make(how, args, end_with_7, NULL)) != 7 && ++failed)
            printf("# flags %#llx\n", (unsigned long long)args.flags);
        if ((args.flags & CLONE_PIDFD) && close(fd) != 0 && ++failed)
            printf("# flags %#llx: no pidfd\n", (unsigned long long)args.flags);
    }
    is(failed, 0, named("%s accepts every pair of flags that the kernel does", by[how]));
}

int main(void)
{
    begin(60);
    seen = shared_with_children(sizeof *seen);
    for (enum how how = RETURNING; how <= CALLED; how++) {
        sizes(how);
        waits(how, 0);
        if (!possible(~0ull, named("%s: all other flags and exit signals", by[how])))
            continue;
        waits(how, CLONE_VFORK);
        waits(how, CLONE_VFORK | CLONE_VM);
        sibling(how, 0);
        sibling(how, CLONE_PARENT);
        traced(how, 0, PTRACE_O_TRACEFORK, 1);
        traced(how, CLONE_UNTRACED, PTRACE_O_TRACEFORK, 0);
        traced(how, 0, 0, 0);
        traced(how, CLONE_PTRACE, 0, 1);
        exit_signal(how, SIGCHLD);
        exit_signal(how, SIGUSR1);
        exit_signal(how, 0);
        pairs(how);
    }
    if (emulated())
        skip("clone3_call with CLONE_THREAD", "qemu-user refuses it");
    else
        thread_group();
    return done();
}
