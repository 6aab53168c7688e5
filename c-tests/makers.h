/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* makers.h: a table of all ways to create a child with its own copy of the memory, so
 * that a test states what a child must be like and not how it is created.
 *
 * A control build (-DCONTROL) does not use the library: it has fork() only. */
#ifndef MAKERS_H
#define MAKERS_H

#include "raw.h"
#include "tap.h"
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

typedef int child_fn(void *argument);

/* Makes a child that ends with the status run(argument) returns. */
struct maker {
    const char *name;
    pid_t (*make)(child_fn *run, void *argument);
    int is_fork; /* asks for no more than fork(): the host's own may serve */
};

#define RETURNING(name, call)                                                  \
    static pid_t name(child_fn *run, void *argument)                           \
    {                                                                          \
        pid_t pid = (pid_t)(call);                                             \
        if (pid == 0)                                                          \
            _exit(run(argument));                                              \
        return pid;                                                            \
    }

#ifndef MODE_API /* where all but clone3() and clone3_call() are the libc's own */
RETURNING(by_fork, fork())
#endif

#ifndef CONTROL
#include <clone3.h>

static struct clone_args like_fork = { .exit_signal = SIGCHLD };
static char clone_stack[256 << 10] __attribute__((aligned(16), unused));

RETURNING(by_clone3, clone3(&like_fork, sizeof like_fork))

static pid_t by_clone3_call(child_fn *run, void *argument)
{
    return clone3_call(&like_fork, sizeof like_fork, run, argument);
}

#ifndef MODE_API
pid_t _Fork(void); /* not declared before glibc 2.34 */

RETURNING(by_underscore_fork, _Fork())
RETURNING(by_syscall_clone3, syscall(SYS_clone3, &like_fork, sizeof like_fork))
RETURNING(by_syscall_clone, syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0))
#ifdef SYS_fork
RETURNING(by_syscall_fork, syscall(SYS_fork))
#endif

static pid_t by_clone(child_fn *run, void *argument)
{
    return clone(run, clone_stack + sizeof clone_stack, SIGCHLD, argument);
}
#endif
#endif

static const struct maker makers[] = {
#ifndef MODE_API
    { "fork", by_fork, 1 },
#endif
#ifndef CONTROL
    { "clone3", by_clone3, 0 },
    { "clone3_call", by_clone3_call, 0 },
#ifndef MODE_API
    { "_Fork", by_underscore_fork, 1 },
    { "clone", by_clone, 0 },
    { "syscall(SYS_clone3)", by_syscall_clone3, 0 },
    { "syscall(SYS_clone)", by_syscall_clone, 1 },
#ifdef SYS_fork
    { "syscall(SYS_fork)", by_syscall_fork, 1 },
#endif
#endif
#endif
};

#define EACH_MAKER(m) \
    (const struct maker *m = makers; m < makers + sizeof makers / sizeof *makers; m++)

/* The calling thread's id as the kernel has it. */
static inline pid_t kernel_tid(void) { return (pid_t)syscall(SYS_gettid); }

/* Zeroed memory that children share with their parent. */
static inline void *shared_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        abort();
    return memory;
}

static inline void end_group(int signal)
{
    static const char words[] = "# out of time\n";
    (void)signal;
    (void)!write(1, words, sizeof words - 1);
    kill(0, SIGKILL);
}

/* begin(), in a process group of its own which the alarm ends as a whole: a
 * child that hangs must not outlive its test. */
static inline void begin_group(unsigned seconds)
{
    setpgid(0, 0);
    signal(SIGALRM, end_group);
    begin(seconds);
}

/* In a child: lets a hang end as a status of 128 + SIGALRM, soon. */
static inline void limit_child(unsigned seconds)
{
    sigset_t alarm_only;
    signal(SIGALRM, SIG_DFL);
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    sigprocmask(SIG_UNBLOCK, &alarm_only, NULL);
    alarm(scaled(seconds));
}

#endif
