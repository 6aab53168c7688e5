/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* posix_spawn with little stack, and with signals: on small stacks, at the end of one,
 * in a signal handler on an alternate stack, under a flood of signals whose handlers
 * must not run in a child, in a vfork child, and with a cancellation pending.
 *
 * filtered: preload
 */
#define _GNU_SOURCE
#include "spawning.h"
#include "libc.h"
#include "raw.h"
#include <alloca.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <clone3.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <time.h>

static char *const seven[] = { "sh", "-c", "exit 7", NULL };

static int spawn_seven(void)
{
    pid_t pid;
    int error = posix_spawn(&pid, "/bin/sh", NULL, NULL, seven, environ);
    return error ? -error : status_of(pid);
}
static int search_seven(void)
{
    pid_t pid;
    int error = posix_spawnp(&pid, "sh", NULL, NULL, seven, environ);
    return error ? -error : status_of(pid);
}
static int spawn_nothing(void)
{
    pid_t pid;
    return -posix_spawn(&pid, "/nowhere", NULL, NULL, seven, environ);
}

static int results[4];

static void spawn_all(void)
{
    results[0] = spawn_seven();
    results[1] = search_seven();
    results[2] = spawn_nothing();
    results[3] = spawn_seven();
}

static void check_all(const char *where)
{
    ok(results[0] == 7 && results[1] == 7 && results[2] == -ENOENT && results[3] == 7,
        "spawns %s: three run their program, one returns ENOENT (%d %d %d %d)", where, results[0], results[1], results[2], results[3]);
    memset(results, 0, sizeof results);
}

static void *in_thread(void *unused)
{
    spawn_all();
    return unused;
}

static void small_stacks(void)
{
    pthread_attr_t small;
    pthread_t thread;
    if (no_threads()) {
        skip("spawns on a thread's smallest stack", no_threads());
        return;
    }
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, PTHREAD_STACK_MIN > 16384 ? PTHREAD_STACK_MIN : 16384);
    if (pthread_create(&thread, &small, in_thread, NULL) != 0) {
        skip("spawns on a thread's smallest stack", "no such thread can be made");
        return;
    }
    pthread_join(thread, NULL);
    check_all("on a thread's smallest stack");
}

static void on_alarm(int signal)
{
    (void)signal;
    spawn_all();
}

static char *deepest;

static void look_where(int signal)
{
    (void)signal;
    deepest = __builtin_frame_address(0);
}

/* What the kernel puts on a handler's stack: AT_MINSIGSTKSZ says it since Linux 5.14 only. */
static size_t frame_of_a_signal(void)
{
    enum { SIZE = 256 << 10 };
    char *low = malloc(SIZE);
    stack_t stack = { .ss_sp = low, .ss_size = SIZE }, none = { .ss_flags = SS_DISABLE };
    struct sigaction action = { .sa_handler = look_where, .sa_flags = SA_ONSTACK };
    sigaltstack(&stack, NULL);
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    sigaltstack(&none, NULL);
    size_t size = low + SIZE - deepest;
    free(low);
    return size;
}

#ifdef __x86_64__
enum { SPAWN_STACK = 2048 };
#else
enum { SPAWN_STACK = 3072 };
#endif

static void in_handlers(void)
{
    size_t least = frame_of_a_signal();
    if (least < (size_t)MINSIGSTKSZ)
        least = MINSIGSTKSZ;
    /* A spawn takes less than two kilobytes on x86_64, three elsewhere, says
     * libclone3_posix(7); the rest is the handler's. */
    size_t size = least + SPAWN_STACK + 400;
    stack_t stack = { .ss_sp = malloc(size), .ss_size = size }, none = { .ss_flags = SS_DISABLE };
    struct sigaction action = { .sa_handler = on_alarm };
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    check_all("in a signal handler");
    action.sa_flags = SA_ONSTACK;
    sigaction(SIGUSR1, &action, NULL);
    sigaltstack(&stack, NULL);
    raise(SIGUSR1);
    check_all("in a signal handler on a small stack of its own");
    sigaltstack(&none, NULL);
    free(stack.ss_sp);
    signal(SIGUSR1, SIG_DFL);
}

/* ---- so many bytes above the end of a stack ---- */

static actions_t closes;

static char *edge;
static size_t left;
static int (*at_the_edge)(void);

static void on_edge(int signal)
{
    char here;
    size_t deep = &here - edge;
    char *room = alloca(deep > left ? deep - left : 1);
    __asm__ volatile("" : : "r"(room) : "memory");
    (void)signal;
    _exit(at_the_edge() == 7 ? 7 : 1);
}

/* Closes descriptors by their list, as where there is no close_range(2). */
static int list_seven(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 436 /* close_range */, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = { sizeof code / sizeof *code, code };
    pid_t pid;
    if (raw(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || raw(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
        return 2;
    int error = posix_spawn(&pid, "/bin/sh", &closes, NULL, seven, environ);
    return error ? -error : status_of(pid);
}

/* What of all steps takes the most stack. */
static int mounting_seven(void)
{
    static const struct clone3_spawn_mount mounts[] = { { .type = "tmpfs", .target = "/tmp", .data = "size=8k" },
        { .source = "/usr", .target = "/tmp", .flags = MS_BIND | MS_REC } };
    clone3_spawn_t plan;
    pid_t pid;
    clone3_spawn_init(&plan, sizeof plan);
    clone3_spawn_add_flags(&plan, CLONE_NEWNS);
    clone3_spawn_set_mounts(&plan, mounts, 2);
    int error = clone3_spawn(&pid, "/bin/sh", &plan, seven, environ, NULL);
    return error ? -error : status_of(pid);
}

/* Either there is room for caller and child, or it is the caller that faults: never is
 * there a child that ran into the end of its caller's stack. */
static void at_the_end(const char *name, int (*spawn)(void))
{
    enum { SIZE = 64 << 10, PAGE = 4096, MOST = 12 << 10 };
    char *stack = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct sigaction action = { .sa_handler = on_edge, .sa_flags = SA_ONSTACK };
    int faulted = 0, spawned = 0, wrong = 0;
    if (stack == MAP_FAILED || mprotect(stack, PAGE, PROT_NONE))
        abort();
    edge = stack + PAGE;
    at_the_edge = spawn;
    for (left = 64; left < MOST && !wrong; left += 32) {
        pid_t pid = fork();
        if (pid == 0) {
            stack_t alternative = { .ss_sp = edge, .ss_size = SIZE - PAGE };
            prctl(PR_SET_DUMPABLE, 0);
            alarm(scaled(20));
            sigaltstack(&alternative, NULL);
            sigaction(SIGUSR1, &action, NULL);
            raise(SIGUSR1);
            _exit(2);
        }
        int status;
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        int whole = WIFEXITED(status) && WEXITSTATUS(status) == 7;
        int fault = WIFSIGNALED(status) && (WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGBUS);
        spawned += whole;
        faulted += fault;
        wrong += !whole && !fault;
        if (wrong)
            printf("# %zu bytes: wait status %#x\n", left, status);
    }
    munmap(stack, SIZE);
    ok(spawned && faulted && !wrong, "%s at the end of a stack: the caller faults, or no process does", name);
}

/* The child of a limit that leaves the program little stack. */
static void tiny_limit(void)
{
    struct rlimit tiny = { 64 << 10, RLIM_INFINITY }, before;
    getrlimit(RLIMIT_STACK, &before);
    tiny.rlim_max = before.rlim_max;
    setrlimit(RLIMIT_STACK, &tiny);
    spawn_all();
    setrlimit(RLIMIT_STACK, &before);
    check_all("with RLIMIT_STACK at 64 KiB");
}

/* A handler that runs in a child writes here, whatever memory that is. */
static struct { volatile int in_parent, in_child; } *seen;
static pid_t self;

static void count(int signal)
{
    (void)signal;
    __atomic_fetch_add(raw(SYS_getpid) == self ? &seen->in_parent : &seen->in_child, 1,
        __ATOMIC_RELAXED);
}

/* To the whole group, a child before its exec included. */
static pid_t start_pest(void)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGURG, SIG_IGN);
    for (;;) {
        struct timespec shortly = { 0, 100000 };
        kill(0, SIGURG); /* which a program without a handler does not mind */
        nanosleep(&shortly, NULL);
    }
}

static void among_signals(void)
{
    int rounds = emulated() ? 30 : repeats(400), good = 0, masks = 0;
    struct sigaction action = { .sa_handler = count, .sa_flags = SA_RESTART };
    seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    self = getpid();
    sigaction(SIGURG, &action, NULL);
    pid_t pest = start_pest();
    for (int i = 0; i < rounds; i++) {
        uint64_t mask = mask_now();
        good += i % 4 ? spawn_seven() == 7 : spawn_nothing() == -ENOENT;
        masks += mask == mask_now();
    }
    kill(pest, SIGKILL);
    status_of(pest);
    signal(SIGURG, SIG_DFL);
    is(good, rounds, "spawns among signals have their results");
    is(masks, rounds, "spawns among signals leave the mask alone");
    ok(seen->in_parent > 0, "signal handlers ran in the parent of spawns among signals, %d times", seen->in_parent);
    is(seen->in_child, 0, "no signal handler ran in a child of spawns among signals");
}

/* posix_spawn in a process that shares its parent's memory. */
static void in_a_vfork_child(void)
{
    pid_t child = vfork();
    if (child == 0) {
        pid_t pid;
        int error = posix_spawn(&pid, "/bin/sh", NULL, NULL, seven, environ);
        int missing = posix_spawn(&pid, "/nowhere", NULL, NULL, seven, environ);
        _exit(error == 0 && missing == ENOENT ? 5 : 1);
    }
    is(status_of(child), 5, "posix_spawn in a vfork child runs its program, and returns ENOENT where there is none");
    is(spawn_seven(), 7, "posix_spawn after a vfork child that called it runs its program");
}

static volatile int came_back;

static void *cancelled(void *unused)
{
    pid_t pid = -1;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pthread_cancel(pthread_self());
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    int error = posix_spawn(&pid, "/bin/sh", NULL, NULL, seven, environ);
    came_back = error == 0 ? pid : -1;
    pthread_testcancel();
    return unused;
}

static void with_a_cancellation_pending(void)
{
    pthread_t thread;
    void *result;
    if (no_threads()) {
        skip("posix_spawn with a cancellation pending", no_threads());
        return;
    }
    pthread_create(&thread, NULL, cancelled, NULL);
    pthread_join(thread, &result);
    ok(came_back > 0 && result == PTHREAD_CANCELED, "posix_spawn with a cancellation pending returns the child, and then the thread is cancelled");
    is(status_of(came_back), 7, "the child of posix_spawn with a cancellation pending runs its program");
}

int main(void)
{
    setpgid(0, 0);
    begin(60);
    spawn_all();
    check_all("without anything special");
    small_stacks();
    in_handlers();
    at_the_end("posix_spawn", spawn_seven);
    at_the_end("posix_spawnp", search_seven);
    if (emulated() || mounting_seven() != 7)
        skip("clone3_spawn with mounts at the end of a stack", "only root may mount, since Linux 5.2");
    else
        at_the_end("clone3_spawn with mounts", mounting_seven);
    if (emulated())
        skip("posix_spawn that reads the list of descriptors at the end of a stack", "no filters under qemu-user");
    else if (!posix_spawn_file_actions_addclosefrom_np)
        skip("posix_spawn that reads the list of descriptors at the end of a stack", "no such action here");
    else {
        for (int fd = 20; fd < 60; fd++)
            dup2(2, fd);
        posix_spawn_file_actions_init(&closes);
        posix_spawn_file_actions_addclosefrom_np(&closes, 10);
        at_the_end("posix_spawn that reads the list of descriptors", list_seven);
        for (int fd = 20; fd < 60; fd++)
            close(fd);
    }
    tiny_limit();
    among_signals();
    in_a_vfork_child();
    with_a_cancellation_pending();
    ok(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "spawns on little stack and among signals leave no child");
    return done();
}
