/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* state.h: the state of a fork-like child, from inside and from /proc, as lines of text
 * that are the same for every sound child.
 *
 * Here the calling thread and its C library; state-process.h has the process. Ids are
 * shown by their roles and addresses as "the parent's" or not, so that two runs can be
 * compared line by line. What depends on how a child was created (stack pointer, maps,
 * times, counters) is left out. */
#ifndef STATE_H
#define STATE_H

#include "libc.h"
#include "makers.h"
#include "state-process.h"
#include <inttypes.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>

/* Places where glibc tells debuggers and rseq users of its thread block. */
extern const uint32_t _thread_db_pthread_tid[3] __attribute__((weak));
extern const uint32_t _thread_db_sizeof_pthread __attribute__((weak));
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned __rseq_size __attribute__((weak));
extern const char __libc_single_threaded __attribute__((weak));

#define SIGNALS 64
struct kernel_sigaction { uint64_t words[4]; };

/* What the making thread has, for its child to be compared with. */
static struct known {
    pid_t pid, tid, session, group;
    pthread_t self;
    int *errno_place;
    void *thread_pointer, *tid_address;
    void **robust;
    size_t robust_len;
    stack_t altstack;
    struct kernel_sigaction actions[SIGNALS + 1];
    timer_t timer;
} known;

static void ask_robust(void ***head, size_t *length)
{
    *head = NULL;
    *length = 0;
    syscall(SYS_get_robust_list, 0, head, length);
}

static void *ask_tid_address(void)
{
    uintptr_t address[2] = { 0 }; /* a 64-bit kernel writes 64 bits */
    prctl(40 /* PR_GET_TID_ADDRESS */, address, 0, 0, 0);
    return (void *)address[0];
}

static void ask_action(int signal, struct kernel_sigaction *action)
{
    memset(action, 0, sizeof *action);
    syscall(SYS_rt_sigaction, signal, NULL, action, (size_t)8);
}

/* To be called by the thread that is about to make children. */
static void remember(void)
{
    known.pid = (pid_t)syscall(SYS_getpid);
    known.tid = kernel_tid();
    known.session = getsid(0);
    known.group = getpgid(0);
    known.self = pthread_self();
    known.errno_place = &errno;
    known.thread_pointer = __builtin_thread_pointer();
    known.tid_address = ask_tid_address();
    ask_robust(&known.robust, &known.robust_len);
    sigaltstack(NULL, &known.altstack);
    for (int signal = 1; signal <= SIGNALS; signal++)
        ask_action(signal, &known.actions[signal]);
}

static const char *part_of(pid_t id)
{
    return id == 0                          ? "none"
           : id == (pid_t)syscall(SYS_getpid) ? "child"
           : id == known.pid                ? "parent"
           : id == known.tid                ? "parent's thread"
                                            : "another process";
}

static const char *same(int is_same) { return is_same ? "the parent's" : "another"; }

static void print_ids(void)
{
    int owner = 0, words[sizeof(pthread_mutex_t) / sizeof(int)];
    pthread_mutex_t mutex;
    pthread_mutexattr_t checked;
    clockid_t clock;
    struct timespec now;

    say("getpid: %s\ngettid: %s\n", part_of(getpid()), part_of(kernel_tid()));
    say("getppid: %s\n", part_of(getppid()));
    say("group: %s, session: %s\n", same(getpgid(0) == known.group), same(getsid(0) == known.session));

    /* The libc's copy of the tid: where a mutex with an owner shows it, ... */
    pthread_mutexattr_init(&checked);
    pthread_mutexattr_settype(&checked, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&mutex, &checked);
    pthread_mutex_lock(&mutex);
    memcpy(words, &mutex, sizeof words);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i] == kernel_tid() || words[i] == known.tid)
            owner = words[i];
    say("owner of a mutex: %s\n", part_of(owner));
    /* ... where functions that name this thread to the kernel take it from, ... */
    say("signal to self: %d\n", pthread_kill(pthread_self(), 0));
    say("clock of self: %d", pthread_getcpuclockid(pthread_self(), &clock));
    say(", %d\n", clock_gettime(clock, &now));
    /* ... and where it is known to be. */
#ifdef __GLIBC__
    char *block = __builtin_thread_pointer();
#ifdef __aarch64__
    block = &_thread_db_sizeof_pthread ? block - _thread_db_sizeof_pthread : NULL;
#elif defined(__riscv) /* two words, and the alignment of the struct before them */
    block = &_thread_db_sizeof_pthread ? block - _thread_db_sizeof_pthread - 32 : NULL;
#endif
    if (known.robust)
        say("tid before the robust list: %s\n", part_of(*(int *)((char *)known.robust - 2 * sizeof(int) - sizeof(void *))));
    if (_thread_db_pthread_tid && block)
        say("tid by thread_db: %s\n", part_of(*(int *)(block + _thread_db_pthread_tid[2])));
#else
    say("tid before errno: %s\n", part_of((&errno)[-1]));
#endif
}

/* Whether the kernel has glibc's rseq area for this thread. */
static const char *rseq_state(void)
{
#if defined(__x86_64__) || defined(__i386__)
    const unsigned signature = 0x53053053;
#elif defined(__riscv)
    const unsigned signature = 0xf1401073;
#else
    const unsigned signature = 0xd428bc00;
#endif
    if (!&__rseq_offset || !&__rseq_size || __rseq_size == 0)
        return "none";
    int *area = (int *)((char *)__builtin_thread_pointer() + __rseq_offset);
    if (syscall(SYS_rseq, area, 32, 0, signature) == 0)
        return "lost";
    return errno != EBUSY && errno != EINVAL ? strerror(errno)
           : area[1] >= 0                    ? "registered"
                                             : "registered, without a cpu";
}

static void print_thread(int entry_errno)
{
    void **robust, **first;
    size_t length;
    pthread_mutexattr_t kind;
    pthread_mutex_t mutex;

    say("errno: %d, in %s place\n", entry_errno, same(&errno == known.errno_place));
    say("pthread_self: %s\n", same(pthread_equal(pthread_self(), known.self)));
    say("thread pointer: %s\n", same(__builtin_thread_pointer() == known.thread_pointer));
#ifdef __GLIBC__
#ifdef CONTROL
    /* The child of glibc 2.43's own fork has another, where the end of its first
     * thread does not show. */
    if (glibc_minor() >= 43)
        say("clear_child_tid: the parent's\n");
    else
#endif
    say("clear_child_tid: %s\n", same(ask_tid_address() == known.tid_address));
#endif
    /* musl registers its list when the first shared robust mutex is locked. */
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&mutex, &kind);
    say("robust mutex: %d\n", pthread_mutex_lock(&mutex));
    pthread_mutex_unlock(&mutex);
    ask_robust(&robust, &length);
    first = robust ? *robust : NULL;
    say("robust list: %s, length %zu\n", same(robust == known.robust), length);
#ifdef __GLIBC__
    /* Not so in musl's own child: what its parent holds stays in the list. */
    say("robust list: %s\n", (void *)first == robust ? "empty" : "not empty");
#else
    (void)first;
#endif
    say("rseq: %s\n", rseq_state());
    say("single-threaded: %d\n", &__libc_single_threaded ? __libc_single_threaded : -1);
}

static void print_signals(void)
{
    uint64_t mask = 0;
    struct kernel_sigaction action;
    struct itimerval timer;
    struct itimerspec left;
    stack_t stack;

    syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, sizeof mask);
    say("mask: %016" PRIx64 "\n", mask);
    for (int signal = 1; signal <= SIGNALS; signal++) {
        ask_action(signal, &action);
        if (memcmp(&action, &known.actions[signal], sizeof action))
            say("action of signal %d: another\n", signal);
    }
    sigaltstack(NULL, &stack);
    say("altstack: %s, flags %d\n",
        same(stack.ss_sp == known.altstack.ss_sp && stack.ss_size == known.altstack.ss_size),
        stack.ss_flags);
    for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++) {
        getitimer(which, &timer);
        say("itimer %d: %s\n", which, timer.it_value.tv_sec || timer.it_value.tv_usec ? "set" : "off");
    }
    say("posix timer: %s\n", timer_gettime(known.timer, &left) ? strerror(errno) : "there");
}

/* A child_fn. */
static int print_state(void *unused)
{
    int entry_errno = errno;
    (void)unused;
    print_ids();
    print_signals();
    print_thread(entry_errno);
    print_process();
    return 0;
}

#endif
