/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Signals and bare threads: which they block, which are sent to them, their guard
 * pages, and the pthreads beside them, which are cancelled and change ids as usual.
 *
 * archs: x86_64 aarch64 i686
 * modes: preload shared static api
 */
#define _GNU_SOURCE
#include "bare-threads.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <ucontext.h>

static volatile pid_t handled_by;
static volatile int handled;

static void on_signal(int signal)
{
    (void)signal;
    handled_by = kernel_tid();
    handled++;
}

static void expect(int signal)
{
    struct sigaction action = { .sa_handler = on_signal };
    sigaction(signal, &action, NULL);
    handled = 0;
    handled_by = 0;
}

static void sent_to_the_process(void)
{
    clone3_thread_t threads[8];
    sigset_t set, old;
    expect(SIGUSR1);
    go_on = 0;
    for (int i = 0; i < 8; i++)
        if (clone3_thread_create(&threads[i], NULL, waits, NULL))
            abort();
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, &old);
    for (int i = 0; i < 20; i++) {
        kill(getpid(), SIGUSR1);
        usleep(1000);
    }
    is(handled, 0, "a signal to the process is not handled in a bare thread");
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    ok(handled == 1 && handled_by == getpid(), "a signal to the process stays pending until the main thread unblocks it");
    go_on = 1;
    for (int i = 0; i < 8; i++)
        clone3_thread_join(threads[i], NULL);
}

static void *takes_signals(void *argument)
{
    (void)argument;
    while (handled < 10)
        usleep(500);
    return (void *)(long)kernel_tid();
}

static void sent_to_a_thread(void)
{
    clone3_thread_attr_t attr = defaults();
    clone3_thread_t thread;
    sigset_t none;
    void *value;
    int error = 0;
    sigemptyset(&none);
    attr.sigmask = &none;
    expect(SIGUSR2);
    if (clone3_thread_create(&thread, &attr, takes_signals, NULL))
        abort();
    while (handled < 10 && !error) {
        error = clone3_thread_kill(thread, SIGUSR2);
        usleep(500);
    }
    is(clone3_thread_join(thread, &value), 0, "a bare thread that takes signals is joined");
    ok((long)value == handled_by && handled_by != getpid(), "a bare thread handles signals that are sent to it");
    is(clone3_thread_create(&thread, &attr, waits, (go_on = 0, NULL)), 0, "a bare thread is created to be sent a bad signal");
    is(clone3_thread_kill(thread, 4711), EINVAL, "clone3_thread_kill() of a signal that does not exist: EINVAL");
    go_on = 1;
    clone3_thread_join(thread, NULL);
}

/* No handler of a creator's runs in the thread before it is whole: each would find
 * the id that the libc keeps wrong, or another thread's errno. */
static volatile int half_made;
static void *volatile main_errno;

static void on_storm(int signal)
{
    (void)signal;
    int before = errno;
    if ((&errno == main_errno) != (kernel_tid() == getpid()))
        half_made++;
    errno = before;
    handled++;
}

static void *storms(void *stop)
{
    while (!*(volatile int *)stop) {
        kill(getpid(), SIGUSR1);
        usleep(50);
    }
    return NULL;
}

static void while_they_are_made(void)
{
    struct sigaction action = { .sa_handler = on_storm, .sa_flags = SA_RESTART };
    clone3_thread_attr_t attr = defaults();
    volatile int stop = 0;
    pthread_t sender;
    sigset_t none;
    long wrong = 0;
    main_errno = &errno;
    handled = 0;
    sigemptyset(&none);
    attr.sigmask = &none;
    sigaction(SIGUSR1, &action, NULL);
    if (pthread_create(&sender, NULL, storms, (void *)&stop))
        abort();
    for (int i = 0; i < repeats(3000); i++)
        wrong += run_thread(&attr, returns, (void *)(long)i) != i;
    stop = 1;
    pthread_join(sender, NULL);
    is(wrong, 0, "bare threads are made while signals come all the time");
    ok(half_made == 0 && handled > 0, "no signal handler finds a bare thread whose libc state is incomplete");
}

pid_t _Fork(void);

static char *fault;
static volatile int is_in_guard;
static size_t guard;

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    fault = info->si_addr;
    void *lowest;
    size_t size;
    if (clone3_thread_getstack(clone3_thread_self(), &lowest, &size))
        abort();
    is_in_guard = fault < (char *)lowest && fault >= (char *)lowest - guard;
    clone3_thread_exit(fault);
}

__attribute__((noinline)) static long dives(volatile char *above, long depth)
{
    volatile char frame[512];
    frame[0] = *above;
    return depth > 1L << 30 ? 0 : dives(frame, depth + 1) + frame[0];
}

static void *overflows(void *stack)
{
    stack_t alternative = { .ss_sp = stack, .ss_size = 32768 };
    volatile char zero = 0;
    if (syscall(SYS_sigaltstack, &alternative, NULL))
        return NULL;
    return (void *)(dives(&zero, 0) + 1);
}

/* In a fork child of a bare thread the slots of its parent's threads are used again. */
static void *overflows_in_child(void *stack)
{
    /* Not _Fork(), which the C library may lack where only clone3* is the library's. */
    struct clone_args args = { .exit_signal = SIGCHLD };
    pid_t pid = clone3(&args, sizeof args);
    if (pid)
        return (void *)(long)status_of(pid);
    is_in_guard = 0;
    run_thread(NULL, overflows, stack);
    _exit(is_in_guard ? 24 : 1);
}

static void guards(void)
{
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    clone3_thread_attr_t attr = defaults();
    void *alternative = mmap(NULL, 32768, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sigaction(SIGSEGV, &action, NULL);
    guard = 4096;
    ok((char *)run_thread(NULL, overflows, alternative) == fault && fault, "a bare thread whose stack overflows gets SIGSEGV");
    ok(is_in_guard, "a bare thread's stack overflows into its guard");
    fault = NULL;
    is_in_guard = 0;
    run_thread(NULL, overflows, alternative);
    ok(fault && is_in_guard, "a second bare thread's stack overflows into its guard, on the same stack");
    is(run_thread(NULL, overflows_in_child, alternative), 24, "a bare thread's stack overflows into its guard in a fork child of a bare thread");
    attr.stack_size = 512 << 10;
    attr.guard_size = guard = 256 << 10;
    fault = NULL;
    is_in_guard = 0;
    run_thread(&attr, overflows, alternative);
    ok(fault && is_in_guard, "a bare thread's large stack overflows into its large guard");
    signal(SIGSEGV, SIG_DFL);
    munmap(alternative, 32768);
}

static void *waits_for_cancellation(void *cleaned)
{
    for (;;)
        pause();
    return cleaned;
}

static void *makes_until_cancelled(void *argument)
{
    for (;;) {
        run_thread(NULL, returns, argument);
        pthread_testcancel();
    }
    return argument;
}

static void *changes_ids(void *argument)
{
    return (void *)(long)(setuid(getuid()) || setgid(getgid()) || argument);
}

/* The libc's own signals reach its threads and not ours. */
static void pthreads_beside(void)
{
    clone3_thread_t bare[4];
    pthread_t waiting, making, changing;
    void *value;
    go_on = 0;
    for (int i = 0; i < 4; i++)
        if (clone3_thread_create(&bare[i], NULL, waits, NULL))
            abort();
    if (pthread_create(&waiting, NULL, waits_for_cancellation, NULL) ||
        pthread_create(&making, NULL, makes_until_cancelled, NULL))
        abort();
    usleep(20000);
    pthread_cancel(waiting);
    pthread_cancel(making);
    ok(pthread_join(waiting, &value) == 0 && value == PTHREAD_CANCELED, "a pthread that waits beside bare threads is cancelled");
    ok(pthread_join(making, &value) == 0 && value == PTHREAD_CANCELED,
       "a pthread that makes bare threads is cancelled");
    if (pthread_create(&changing, NULL, changes_ids, NULL) || pthread_join(changing, &value))
        abort();
    is((long)value, 0, "a pthread beside bare threads changes the process's ids");
    is(setuid(getuid()), 0, "the main thread beside bare threads changes the process's ids");
    go_on = 1;
    for (int i = 0; i < 4; i++)
        is(clone3_thread_join(bare[i], NULL), 0, named("bare thread %d of four beside such pthreads is joined", i + 1));
}

/* What a thread does when its function has returned: exit(0). */
static int trap_exits(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof code / sizeof *code, code };
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void detaches_and_exits(int signal)
{
    (void)signal;
    handled = 1 + clone3_thread_detach(clone3_thread_self());
    syscall(SYS_exit, 1);
}

/* A handler may run between a thread's last store and its end. */
static void at_the_end(void)
{
    pid_t pid = emulated() ? -1 : fork();
    if (pid == 0) {
        clone3_thread_t thread, next;
        alarm(scaled(10));
        handled = 0;
        signal(SIGSYS, detaches_and_exits);
        if (!trap_exits())
            _exit(77);
        if (clone3_thread_create(&thread, NULL, returns, NULL))
            _exit(1);
        /* The handler says so a moment after the handle is stale. */
        for (int i = 0; i < 1000 && !handled; i++)
            usleep(1000);
        if (handled != 1 || clone3_thread_kill(thread, 0) != ESRCH || clone3_thread_join(thread, NULL) != ESRCH)
            _exit(2);
        /* Its place is the first to be used again, once the kernel is done with it. */
        for (int i = 0; i < 500; i++) {
            if (clone3_thread_create(&next, NULL, waits, NULL))
                _exit(3);
            if ((uint32_t)next == (uint32_t)thread)
                _exit(0);
            usleep(2000);
        }
        _exit(4);
    }
    int status = pid > 0 ? status_of(pid) : 77;
    if (status == 77)
        skip("a bare thread is detached by a signal handler at its end", "no seccomp here");
    else
        is(status, 0, "a bare thread is detached by a signal handler at its end");
}

int main(void)
{
    begin(60);
    at_the_end();
    sent_to_the_process();
    sent_to_a_thread();
    guards();
    if (has_pthreads()) {
        while_they_are_made();
        pthreads_beside();
    } else {
        skip("pthreads beside bare threads are cancelled and change ids", "the libc makes none here");
    }
    return done();
}
