/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Processes and bare threads: children created beside them and by them, programs that
 * they execute, and the end of the process.
 *
 * archs: x86_64 aarch64 i686
 * modes: preload shared static
 */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "bare-threads.h"
#include "raw.h"

pid_t _Fork(void);

static clone3_thread_t others[4];
static uintptr_t tops[4]; /* of their stacks */

static void start_others(void)
{
    void *low;
    size_t size;
    go_on = 0;
    for (int i = 0; i < 4; i++) {
        if (clone3_thread_create(&others[i], NULL, waits, NULL) ||
            clone3_thread_getstack(others[i], &low, &size))
            abort();
        tops[i] = (uintptr_t)low + size;
    }
}

static void join_others(void)
{
    go_on = 1;
    for (int i = 0; i < 4; i++)
        if (clone3_thread_join(others[i], NULL))
            abort();
}

/* How many of their stacks have memory: the page where each began. */
static int stacks(void)
{
    size_t page = sysconf(_SC_PAGESIZE);
    int count = 0;
    for (int i = 0; i < 4; i++) {
        unsigned char resident = 0;
        count += mincore((void *)((tops[i] - 1) & -page), page, &resident) == 0 && (resident & 1);
    }
    return count;
}

/* 0, or what is wrong in a child beside whose parent there are threads. */
static int child_has_none_of_them(void)
{
    void *value;
    int before = stacks();
    if (clone3_thread_kill(others[0], 0) != ESRCH || clone3_thread_join(others[1], &value) != ESRCH)
        return 1;
    if (clone3_thread_detach(others[2]) != ESRCH)
        return 2;
    if (!emulated() && (before != 4 || stacks() != 0))
        return 5;
    for (int i = 0; i < 20; i++)
        if (run_thread(NULL, returns, (void *)9) != 9)
            return 3;
    if (clone3_thread_getstack(others[3], NULL, NULL) != ESRCH)
        return 4;
    return 0;
}

static void beside(void)
{
    start_others();
    run_thread(NULL, returns, NULL);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(scaled(20));
        _exit(child_has_none_of_them());
    }
    is(status_of(pid), 0, "a child of fork() has none of its parent's bare threads, nor their stacks");
    pid = _Fork();
    if (pid == 0) {
        alarm(scaled(20));
        _exit(child_has_none_of_them());
    }
    is(status_of(pid), 0, "a child of _Fork() has none of its parent's bare threads, nor their stacks");
    pid = vfork();
    if (pid == 0)
        _exit(23);
    is(status_of(pid), 23, "a child of vfork() beside bare threads ends as it should");
    is(clone3_thread_kill(others[0], 0), 0, "a child of vfork() leaves its parent's bare threads alone");
    pid = fork();
    if (pid == 0) {
        pid_t second = fork();
        if (second == 0)
            _exit(child_has_none_of_them());
        _exit(status_of(second) || run_thread(NULL, returns, (void *)3) != 3);
    }
    is(status_of(pid), 0, "a grandchild has none of the bare threads, and the child makes one afterwards");
    join_others();
    is(run_thread(NULL, returns, (void *)4), 4, "the parent makes a bare thread after its children");
}

/* Handles are numbers of threads in a place, and a child begins elsewhere. */
static void handles_of_a_child(void)
{
    enum { MANY = 1 << 16 };
    clone3_thread_t thread = 0;
    if (emulated() || scaled(1) > 1) {
        skip("no handle of a bare thread in a fork child is that of one of the parent's", "takes too long here");
        return;
    }
    go_on = 0;
    for (int i = 0; i < 2 * MANY && thread >> 32 < MANY; i++)
        if (clone3_thread_create(&thread, NULL, returns, NULL) || clone3_thread_join(thread, NULL))
            abort();
    if (clone3_thread_create(&thread, NULL, waits, NULL))
        abort();
    pid_t pid = fork();
    if (pid == 0) {
        clone3_thread_t other;
        if (clone3_thread_create(&other, NULL, waits, NULL))
            _exit(1);
        _exit(clone3_thread_kill(thread, 0) == ESRCH ? 0 : 2);
    }
    is(status_of(pid), 0, "no handle of a bare thread in a fork child is that of one of the parent's");
    go_on = 1;
    clone3_thread_join(thread, NULL);
}

static void *forks(void *detached)
{
    clone3_thread_t self = clone3_thread_self();
    pid_t parent = kernel_tid(), pid = _Fork();
    if (pid == 0) {
        long wrong = 0;
        errno = 0;
        if (kernel_tid() != getpid() || kernel_tid() == parent)
            wrong = 1;
        else if (raise(0))
            wrong = 2;
        else if (close(-1) != -1 || errno != EBADF)
            wrong = 3;
        else if (clone3_thread_self() != self)
            wrong = 4;
        else if (clone3_thread_kill(others[0], 0) != ESRCH)
            wrong = 5;
        else if (run_thread(NULL, returns, (void *)6) != 6)
            wrong = 6;
        else if (clone3_thread_self() != self || clone3_thread_kill(self, 0))
            wrong = 7;
        _exit((int)wrong);
    }
    return (void *)(long)(status_of(pid) | (detached != NULL) << 16);
}

/* The thread is all there is in its child; its end is the child's. */
static void *forks_and_returns(void *argument)
{
    pid_t pid = _Fork();
    if (pid == 0) {
        if (argument)
            clone3_thread_detach(clone3_thread_self());
        return NULL;
    }
    return (void *)(long)status_of(pid);
}

static void *joins(void *thread)
{
    void *value;
    alarm(scaled(10)); /* ends the child should the join not return */
    return (void *)(long)(clone3_thread_join(*(clone3_thread_t *)thread, &value) || value != (void *)26);
}

static void *ends_the_process(void *thread)
{
    _exit(joins(thread) ? 1 : 25);
}

static volatile clone3_thread_t forking;

/* The first thread of the child ends, while another one goes on. */
static void *forks_and_is_joined(void *argument)
{
    clone3_thread_t self = clone3_thread_self(), other;
    usleep(50000); /* it is being joined in the parent */
    pid_t pid = _Fork();
    if (pid == 0) {
        if (clone3_thread_create(&other, NULL, ends_the_process, &self))
            _exit(2);
        clone3_thread_exit((void *)26);
    }
    (void)argument;
    return (void *)(long)status_of(pid);
}

static void *spawns(void *argument)
{
    char *const command[] = { "/bin/sh", "-c", "exit 27", NULL }, *const none[] = { NULL };
    clone3_spawn_t plan;
    pid_t pid = -1;
    (void)argument;
    clone3_spawn_init(&plan, sizeof plan);
    int error = clone3_spawn(&pid, "/bin/sh", &plan, command, none, NULL);
    return (void *)(long)(error ? -error : status_of(pid));
}

static void *vforks(void *argument)
{
    char *const command[] = { "/bin/sh", "-c", "exit 17", NULL };
    (void)argument;
    pid_t pid = vfork();
    if (pid == 0) {
        execv(command[0], command);
        _exit(127);
    }
    return (void *)(long)status_of(pid);
}

static void *clones(void *argument)
{
    struct clone_args args = { .exit_signal = SIGCHLD };
    (void)argument;
    pid_t pid = clone3(&args, sizeof args);
    if (pid == 0)
        _exit(close(-1) != -1 || errno != EBADF ? 1 : 18);
    return (void *)(long)status_of(pid);
}

static int exits_with(void *status) { return (int)(long)status; }

static void *calls(void *argument)
{
    struct clone_args args = { .exit_signal = SIGCHLD };
    (void)argument;
    pid_t pid = clone3_call(&args, sizeof args, exits_with, (void *)19);
    return (void *)(long)status_of(pid);
}

static void by_them(void)
{
    start_others();
    is(run_thread(NULL, forks, NULL), 0, "a bare thread's child of _Fork() has a consistent libc");
    is(run_thread(NULL, forks_and_returns, NULL), 0, "a bare thread's child of _Fork() ends when the thread returns in it");
    is(run_thread(NULL, forks_and_returns, others), 0, "a bare thread's child of _Fork() ends when the thread, detached, returns in it");
    is(run_thread(NULL, forks_and_is_joined, NULL), 25, "a bare thread that is the first of its child of _Fork() can be joined there");
    is(run_thread(NULL, spawns, NULL), 27, "a bare thread's child of clone3_spawn() runs its program");
    is(run_thread(NULL, vforks, NULL), 17, "a bare thread's child of vfork() executes a program");
    is(run_thread(NULL, clones, NULL), 18, "a bare thread's child of clone3() ends as it should");
    is(run_thread(NULL, calls, NULL), 19, "a bare thread's child of clone3_call() ends as it should");
    is(clone3_thread_kill(others[0], 0), 0, "other bare threads are still there after one has made children");
    join_others();
}

static void *executes(void *argument)
{
    char *const command[] = { "/bin/sh", "-c", "kill -0 $$ && exit 21", NULL };
    (void)argument;
    execv(command[0], command);
    return NULL;
}

static void *exits_the_process(void *argument)
{
    (void)argument;
    _exit(22);
}

static void *is_killed(void *argument)
{
    (void)argument;
    syscall(SYS_tgkill, getpid(), kernel_tid(), SIGKILL);
    return NULL;
}

static int in_a_process(start_fn *start)
{
    pid_t pid = fork();
    if (pid == 0) {
        alarm(scaled(20));
        start_others();
        run_thread(NULL, start, NULL);
        _exit(99);
    }
    return status_of(pid);
}

static void ends(void)
{
    is(in_a_process(executes), 21, "a bare thread executes a program");
    is(in_a_process(exits_the_process), 22, "a bare thread ends the process by _exit()");
    is(in_a_process(is_killed), 128 + SIGKILL, "a bare thread is sent SIGKILL, and the process ends");
    pid_t pid = fork();
    if (pid == 0) {
        start_others();
        exit(24);
    }
    is(status_of(pid), 24, "exit() ends a process that has bare threads");
    pid = fork();
    if (pid == 0) {
        signal(SIGILL, SIG_DFL);
        signal(SIGTRAP, SIG_DFL);
        clone3_thread_exit(NULL);
    }
    int status = status_of(pid);
    ok(status == 128 + SIGILL || status == 128 + SIGTRAP, "clone3_thread_exit() in a thread that is no bare thread ends the process");
}

static int route(void)
{
    struct clone3_route route = { .size = sizeof route };
    return clone3_last_route(&route) == 0 ? (int)route.route : -1;
}

/* Its way, where the calling thread had none before. */
static void *route_of_a_first(void *argument)
{
    (void)argument;
    int before = route();
    run_thread(NULL, returns, NULL);
    return (void *)(long)(before == CLONE3_ROUTE_NONE ? route() : -1);
}

/* A call that is refused before the kernel is asked, which goes no way. */
static int route_of_a_refusal(void)
{
    struct clone_args args = { .flags = CLONE_VM, .exit_signal = SIGCHLD };
    return clone3(&args, sizeof args) == -1 ? route() : -1;
}

/* Each creator finds the way its own thread went; one whose libc has another id for it,
 * too, as soon as it has made a call: up to then it has its creator's. */
static void routes(void)
{
    void *value = NULL;
    pthread_t thread;
    run_thread(NULL, returns, NULL);
    int way = route();
    ok(way == CLONE3_ROUTE_NATIVE || way == CLONE3_ROUTE_LEGACY, "clone3_last_route() after a bare thread is created: %d", way);
    if (!no_threads()) {
        if (pthread_create(&thread, NULL, route_of_a_first, NULL) || pthread_join(thread, &value))
            abort();
        is((long)value, way, "clone3_last_route() after a pthread has created a bare thread is the same");
    }
    is(run_thread(NULL, route_of_a_first, NULL), way, "clone3_last_route() after a bare thread has created one is the same");
    pid_t pid = (pid_t)raw(SYS_clone, SIGCHLD);
    if (pid == 0) {
        if (route() != way && route() != CLONE3_ROUTE_NONE)
            _exit(1);
        if (route_of_a_refusal() != CLONE3_ROUTE_NONE)
            _exit(2);
        if (run_thread(NULL, route_of_a_first, NULL) != way || route() != way)
            _exit(3);
        _exit(23);
    }
    is(status_of(pid), 23, "clone3_last_route() in a child of a bare clone(2) system call is that of its own calls");
    if (no_threads()) {
        skip("clone3_last_route() in a child of a bare clone(2) system call that makes a pthread", no_threads());
        return;
    }
    pid = (pid_t)raw(SYS_clone, SIGCHLD);
    if (pid == 0) {
        if (pthread_create(&thread, NULL, route_of_a_first, NULL) || pthread_join(thread, &value))
            _exit(2);
        run_thread(NULL, returns, NULL);
        _exit((long)value == way && route() == way ? 23 : 1);
    }
    is(status_of(pid), 23, "clone3_last_route() in a child of a bare clone(2) system call that makes a pthread is that of its own calls");
}

int main(void)
{
    begin(60);
    routes();
    handles_of_a_child();
    beside();
    by_them();
    ends();
    return done();
}
