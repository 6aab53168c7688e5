/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The effect of each flag of clone3 on the child, and its absence without the flag, for
 * a child that returns (clone3) and one that runs a function (clone3_call).
 * modes: preload shared static api
 */
#define _GNU_SOURCE
#include "flags.h"
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/stat.h>

static int wait_for_gate(void *gate)
{
    char byte;
    close(((int *)gate)[1]);
    return read(((int *)gate)[0], &byte, 1) == 0 ? 5 : 1;
}

static void pidfd(enum how how)
{
    int fd = -1, gate[2];
    siginfo_t info = { 0 };
    struct clone_args args = { .flags = CLONE_PIDFD, .exit_signal = SIGCHLD,
        .pidfd = (uintptr_t)&fd };
    if (pipe(gate) != 0)
        exit(1);
    pid_t pid = make(how, args, wait_for_gate, gate);
    struct pollfd watch = { .fd = fd, .events = POLLIN };
    ok(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC, "%s with CLONE_PIDFD gives a descriptor that is close-on-exec", by[how]);
    is(poll(&watch, 1, 0), 0, named("%s with CLONE_PIDFD: poll() does not report the descriptor while the child runs", by[how]));
    close(gate[0]);
    close(gate[1]);
    is(poll(&watch, 1, 5000), 1, named("%s with CLONE_PIDFD: poll() reports the descriptor when the child has ended", by[how]));
    is(waitid((idtype_t)3 /* P_PIDFD */, fd, &info, WEXITED), 0, named("%s with CLONE_PIDFD: waitid() takes the descriptor", by[how]));
    ok(info.si_pid == pid && info.si_status == 5, "%s with CLONE_PIDFD: waitid() by the descriptor finds the child and its status", by[how]);
    close(fd);
}

static pid_t parent_word, child_word;

static int child_word_is_tid(void *unused)
{
    (void)unused;
    return child_word == raw(SYS_gettid) ? 7 : 1;
}

static void tids(enum how how)
{
    struct clone_args args = { .flags = CLONE_CHILD_SETTID, .exit_signal = SIGCHLD,
        .child_tid = (uintptr_t)&child_word, .parent_tid = (uintptr_t)&parent_word };
    parent_word = child_word = -5;
    pid_t pid = make(how, args, child_word_is_tid, NULL);
    is(status_of(pid), 7, named("%s with CLONE_CHILD_SETTID stores the id in the child's memory", by[how]));
    ok(child_word == -5 && parent_word == -5, "%s with CLONE_CHILD_SETTID stores nothing in the parent's memory", by[how]);
    if (!possible(CLONE_PARENT_SETTID, named("%s with CLONE_PARENT_SETTID", by[how])))
        return;
    args.flags = CLONE_PARENT_SETTID;
    pid = make(how, args, end_with_7, NULL);
    ok(parent_word == pid && child_word == -5, "%s with CLONE_PARENT_SETTID stores the id in the parent's memory", by[how]);
    is(status_of(pid), 7, named("%s with CLONE_PARENT_SETTID makes a child", by[how]));
}

static volatile int futex_word;

static int end_later(void *unused)
{
    (void)unused;
    pause_ms(20);
    return futex_word == 1 ? 7 : 1;
}

static int has_tid_address(void *wanted)
{
    void *address = NULL;
    long result = raw(SYS_prctl, 40 /* PR_GET_TID_ADDRESS */, &address);
    return result == -EINVAL ? 9 : result == 0 && address == wanted ? 7 : 1;
}

static void clear_tid(enum how how)
{
    struct clone_args args = { .flags = CLONE_CHILD_CLEARTID, .exit_signal = SIGCHLD,
        .child_tid = (uintptr_t)&futex_word };
    int status = status_of(make(how, args, has_tid_address, (void *)&futex_word));
    if (status == 9) /* a kernel without checkpointing */
        skip(named("%s with CLONE_CHILD_CLEARTID registers the address in a child with copied memory", by[how]), "the kernel does not tell the address");
    else
        is(status, 7, named("%s with CLONE_CHILD_CLEARTID registers the address in a child with copied memory", by[how]));
    futex_word = 1;
    args.flags |= CLONE_VM;
    if (how == RETURNING) {
        args.flags |= CLONE_VFORK;
    } else {
        args.stack = (uintptr_t)child_stack;
        args.stack_size = sizeof child_stack;
    }
    long limit[] = { 5, 0 }; /* the kernel's struct timespec */
    pid_t pid = make(how, args, end_later, NULL);
    long woken = raw(SYS_futex, &futex_word, FUTEX_WAIT, 1, limit);
    ok(futex_word == 0 && (woken == 0 || woken == -EAGAIN),
        "%s with CLONE_CHILD_CLEARTID: the word in shared memory is cleared and its waiter woken", by[how]);
    is(status_of(pid), 7, named("%s with CLONE_CHILD_CLEARTID makes a child", by[how]));
}

static int move_away(void *unused)
{
    (void)unused;
    umask(0);
    return chdir("/proc") == 0 ? 7 : 1;
}

static void fs(enum how how, uint64_t flag)
{
    char where[64] = "";
    mode_t mask;
    if (chdir("/") != 0)
        exit(1);
    umask(022);
    is(run(how, flag, move_away, NULL), 7, named("%s %s CLONE_FS: the child calls chdir() and umask()", by[how], flag ? "with" : "without"));
    mask = umask(022);
    ok(getcwd(where, sizeof where) && (strcmp(where, "/proc") == 0) == !!flag
            && (mask == 0) == !!flag,
        "%s %s CLONE_FS: the parent's directory and umask %s", by[how], flag ? "with" : "without",
        flag ? "change too" : "stay");
}

static int close_and_open(void *fd)
{
    return dup2(*(int *)fd, 100) == 100 && close(*(int *)fd) == 0 ? 7 : 1;
}

static void files(enum how how, uint64_t flag)
{
    int fd = open("/dev/null", O_RDONLY);
    is(run(how, flag, close_and_open, &fd), 7, named("%s %s CLONE_FILES: the child opens and closes descriptors", by[how], flag ? "with" : "without"));
    ok((fcntl(fd, F_GETFD) < 0) == !!flag && (fcntl(100, F_GETFD) >= 0) == !!flag,
        "%s %s CLONE_FILES: the parent's descriptors %s", by[how], flag ? "with" : "without",
        flag ? "change too" : "stay");
    close(fd);
    close(100);
}

static int ignore_usr1(void *unused)
{
    (void)unused;
    return signal(SIGUSR1, SIG_IGN) == SIG_DFL ? 7 : 1;
}

static void sighand(enum how how, uint64_t flag, int own_stack)
{
    struct clone_args args = { .flags = flag | CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD };
    if (own_stack) {
        args.flags &= ~(uint64_t)CLONE_VFORK;
        args.stack = (uintptr_t)child_stack;
        args.stack_size = sizeof child_stack;
    }
    char title[80];
    snprintf(title, sizeof title, "%s with CLONE_VM and %s, %s CLONE_SIGHAND", by[how], own_stack ? "a stack" : "CLONE_VFORK",
        flag ? "with" : "without");
    is(status_of(make(how, args, ignore_usr1, NULL)), 7, named("%s: the child sets a signal to be ignored", title));
    ok((signal(SIGUSR1, SIG_DFL) == SIG_IGN) == !!flag, "%s: the parent's handler %s", title,
        flag ? "changes too" : "stays");
}

static int semaphore;

static int raise_with_undo(void *unused)
{
    struct sembuf up = { 0, 1, SEM_UNDO };
    (void)unused;
    return semop(semaphore, &up, 1) == 0 ? 7 : 1;
}

static void sysvsem(enum how how, uint64_t flag)
{
    semaphore = semget(IPC_PRIVATE, 1, 0600);
    if (semaphore < 0) {
        skip(named("%s %s CLONE_SYSVSEM", by[how], flag ? "with" : "without"), strerror(errno));
        return;
    }
    is(run(how, flag, raise_with_undo, NULL), 7, named("%s %s CLONE_SYSVSEM: the child raises a semaphore with SEM_UNDO", by[how], flag ? "with" : "without"));
    is(semctl(semaphore, 0, GETVAL), flag != 0, named(flag ? "%s with CLONE_SYSVSEM: the child's end undoes nothing"
                                                     : "%s without CLONE_SYSVSEM: the child's end undoes its operation", by[how]));
    semctl(semaphore, 0, IPC_RMID);
}

static int has_thread_pointer(void *wanted)
{
    return thread_pointer() == (uintptr_t)wanted ? 7 : 1;
}

static void sets_tls(enum how how)
{
    static uintptr_t block[1024]; /* the child uses no TLS, but a tracer may */
    void *pointer = block + 512;
    block[512] = (uintptr_t)pointer;
    struct clone_args args = { .flags = CLONE_SETTLS, .exit_signal = SIGCHLD,
        .tls = (uintptr_t)settls(pointer) };
    is(status_of(make(how, args, has_thread_pointer, pointer)), 7,
        named("%s with CLONE_SETTLS: the child has the given thread pointer", by[how]));
    is(run(how, 0, has_thread_pointer, (void *)thread_pointer()), 7, named("%s without CLONE_SETTLS: the child has its parent's thread pointer", by[how]));
}

static long priority(void) { return raw(SYS_ioprio_get, 1, 0); }

static int set_priority(void *value)
{
    return raw(SYS_ioprio_set, 1, 0, *(int *)value) == 0 ? 7 : 1;
}

static void io(enum how how, uint64_t flag)
{
    int before = 2 << 13 | 4, after = 2 << 13 | 6; /* best effort */
    if (set_priority(&before) != 7) {
        skip(named("%s %s CLONE_IO", by[how], flag ? "with" : "without"), "no I/O priorities");
        return;
    }
    is(run(how, flag, set_priority, &after), 7, named("%s %s CLONE_IO: the child changes its I/O priority", by[how], flag ? "with" : "without"));
    is(priority(), flag ? after : before, named(flag ? "%s with CLONE_IO: the parent's I/O priority changes too"
        : "%s without CLONE_IO: the parent's I/O priority stays", by[how]));
}

static void handler(int unused) { (void)unused; }

static int actions_are(void *cleared)
{
    struct sigaction handled, ignored;
    sigaction(SIGUSR1, NULL, &handled);
    sigaction(SIGUSR2, NULL, &ignored);
    return (handled.sa_handler == SIG_DFL) == *(int *)cleared && ignored.sa_handler == SIG_IGN
        ? 7 : 1;
}

static void clear_sighand(enum how how, uint64_t flag)
{
    int cleared = flag != 0;
    if (cleared && !native()) {
        struct clone_args args = { .flags = flag, .exit_signal = SIGCHLD };
        errno = 0;
        ok(make(how, args, end_with_7, NULL) == -1 && errno == unreachable_errno(),
            "%s with CLONE_CLEAR_SIGHAND where clone3 is out of reach: %s", by[how], strerror(unreachable_errno()));
        return;
    }
    signal(SIGUSR1, handler);
    signal(SIGUSR2, SIG_IGN);
    is(run(how, flag, actions_are, &cleared), 7,
        named(cleared ? "%s with CLONE_CLEAR_SIGHAND: the child's handlers are reset, what is ignored stays so"
            : "%s without CLONE_CLEAR_SIGHAND: the child has its parent's handlers", by[how]));
    ok(signal(SIGUSR1, SIG_DFL) == handler, "%s %s CLONE_CLEAR_SIGHAND: the parent keeps its handler", by[how], cleared ? "with" : "without");
    signal(SIGUSR2, SIG_DFL);
}

int main(void)
{
    begin(60);
    for (enum how how = RETURNING; how <= CALLED; how++) {
        tids(how);
        sets_tls(how);
        if (!possible(~0ull, named("%s: all other flags", by[how])))
            continue;
        pidfd(how);
        clear_tid(how);
        for (int with = 0; with < 2; with++) {
            fs(how, with * CLONE_FS);
            files(how, with * CLONE_FILES);
            sighand(how, with * CLONE_SIGHAND, 0);
            sysvsem(how, with * CLONE_SYSVSEM);
            io(how, with * CLONE_IO);
            clear_sighand(how, with * CLONE_CLEAR_SIGHAND);
            if (how == CALLED)
                sighand(how, with * CLONE_SIGHAND, 1);
        }
    }
    return done();
}
