/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* trace.h: traces a process and all its children by ptrace(2) at every system call:
 * which calls failed, and which created tasks.
 *
 * It counts the calls between two marks, and those of a new task up to its first mark
 * or its exec. Needs Linux 5.3. */
#ifndef TRACE_H
#define TRACE_H

#include "raw.h"
#include "tap.h"
#include <sys/ptrace.h>

enum { MARK_BEGIN = 0x51a7e001, MARK_END = 0x51a7e002 };

/* A system call that looks at no argument and cannot fail. */
static inline void mark(int which) { raw(SYS_getppid, which); }

struct trace {
    int status;  /* how the process ended, as status_of() has it; -1: no tracing here */
    int failed;  /* system calls with an error */
    long number; /* of the first of these, */
    int error;   /* and its errno */
    int clone3s, clones;
    int calls;   /* all there were, exec included */
    uint64_t flags; /* of the last clone3 */
    int tasks;   /* that were made */
};

struct traced { pid_t pid; int counts; long number; };

/* The kernel's struct ptrace_syscall_info, up to what is needed. */
struct syscall_info {
    uint8_t op, pad[3];
    uint32_t arch;
    uint64_t ip, sp;
    union {
        struct { uint64_t number, args[6]; } entry;
        struct { int64_t result; uint8_t is_error; } exit;
    };
};

static inline int makes_by_clone(long number)
{
#ifdef SYS_fork
    if (number == SYS_fork || number == SYS_vfork)
        return 1;
#endif
    return number == SYS_clone;
}

/* From 512 on the kernel starts a call again; and whether memory can be read
 * is asked by a signal mask that is not used (src/uapi/sys.rs, probe). */
static inline int is_no_failure(const struct traced *task, const struct syscall_info *info)
{
    return info->exit.result <= -512
        || (task->number == SYS_rt_sigprocmask && info->exit.result == -EINVAL);
}

/* The 64 bits at an address of the tracee's. */
static inline uint64_t trace_word(pid_t pid, uint64_t address)
{
    uint64_t word = 0;
    for (size_t part = 0; part < sizeof word; part += sizeof(long)) {
        long value = ptrace(PTRACE_PEEKDATA, pid, (void *)(uintptr_t)(address + part), 0);
        memcpy((char *)&word + part, &value, sizeof value);
    }
    return word;
}

static inline void trace_syscall(struct trace *trace, struct traced *task)
{
    struct syscall_info info = { 0 };
    if (ptrace(0x420e /* PTRACE_GET_SYSCALL_INFO */, task->pid, sizeof info, &info) <= 0)
        return;
    if (info.op == 1) {
        task->number = (long)info.entry.number;
        if (task->number == SYS_getppid && info.entry.args[0] == MARK_BEGIN)
            task->counts = 1;
        if (task->number == SYS_getppid && info.entry.args[0] == MARK_END)
            task->counts = 0;
        trace->clone3s += task->counts && task->number == SYS_clone3;
        trace->calls += task->counts && task->number != SYS_getppid;
        if (task->counts && task->number == SYS_clone3)
            trace->flags = trace_word(task->pid, info.entry.args[0]);
        trace->clones += task->counts && makes_by_clone(task->number);
    } else if (info.op == 2 && task->counts && info.exit.is_error && !is_no_failure(task, &info)
        && trace->failed++ == 0) {
        trace->number = task->number;
        trace->error = (int)-info.exit.result;
    }
}

static inline struct traced *trace_find(struct traced *tasks, size_t count, pid_t pid)
{
    for (size_t i = 0; i < count; i++)
        if (tasks[i].pid == pid)
            return &tasks[i];
    return NULL;
}

/* waitpid(), whatever handlers the test has: SIGCHLD comes with each stop. */
static inline pid_t trace_wait(pid_t pid, int *status)
{
    pid_t got;
    do
        got = waitpid(pid, status, __WALL);
    while (got < 0 && errno == EINTR);
    return got;
}

/* Runs a function in a child, whose exit status is its result. */
static inline struct trace traced_run(int (*run)(void *), void *argument)
{
    static struct traced tasks[64]; /* over the child's life */
    struct trace trace = { .status = -1 };
    size_t count = 1;
    int status;
    pid_t first = fork();
    if (first == 0) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0)
            raw_exit(99);
        raise(SIGSTOP);
        _exit(run(argument));
    }
    if (trace_wait(first, &status) != first || !WIFSTOPPED(status))
        return trace;
    ptrace(PTRACE_SETOPTIONS, first, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL
            | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC);
    tasks[0] = (struct traced){ first, 0, 0 };
    ptrace(PTRACE_SYSCALL, first, 0, 0);
    for (pid_t pid; (pid = trace_wait(-1, &status)) > 0;) {
        struct traced *task = trace_find(tasks, count, pid);
        if (!WIFSTOPPED(status)) {
            if (pid == first)
                trace.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            continue;
        }
        int signal = WSTOPSIG(status);
        if (!task && count < sizeof tasks / sizeof *tasks) {
            tasks[count] = (struct traced){ pid, 1, 0 };
            task = &tasks[count++];
            trace.tasks++;
        }
        if (task && signal == (SIGTRAP | 0x80))
            trace_syscall(&trace, task);
        if (task && status >> 16 == PTRACE_EVENT_EXEC)
            task->counts = 0;
        /* Passed on are true signals: not an event, nor a new tracee's stop. */
        int none = status >> 16 || signal == SIGSTOP || signal == (SIGTRAP | 0x80);
        ptrace(PTRACE_SYSCALL, pid, 0, none ? 0 : signal);
    }
    return trace;
}

#endif
