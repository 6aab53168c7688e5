/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A child that returns on its parent's stack, by every function that creates one: the
 * parent is suspended, sees what the child wrote, and its return address and variables
 * are unchanged, whatever the child did with the stack below.
 *
 * variants: -O0;-O2
 */
#define _GNU_SOURCE
#include "raw.h"
#include "tap.h"
#include <clone3.h>
#include <grp.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

/* The same function, of which the compiler knows that it returns twice. */
extern long syscall_twice(long, ...) __asm__("syscall") __attribute__((returns_twice));
static pid_t (*volatile vfork_pointer)(void) = vfork;

static struct clone_args lent = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD };

#ifdef SYS_vfork
#define BY_NUMBER(WAY) WAY(by_number, syscall_twice(SYS_vfork))
#else
#define BY_NUMBER(WAY)
#endif
#define EACH_WAY(WAY)                                                          \
    WAY(by_vfork, vfork())                                                     \
    WAY(by_pointer, vfork_pointer())                                           \
    WAY(by_clone3, clone3(&lent, sizeof lent))                                 \
    WAY(by_syscall, syscall_twice(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0)) \
    BY_NUMBER(WAY)

typedef int child_fn(int);

/* What a child does here it does in functions of its own, so that nothing of
 * it is in the frame it shares. */
__attribute__((noinline, noreturn)) static void end(child_fn *run, int argument)
{
    _exit(run(argument));
}

#define FORK_ONCE(name, call)                                                  \
    __attribute__((noinline)) static pid_t name(child_fn *run, int argument)   \
    {                                                                          \
        pid_t pid = (pid_t)(call);                                             \
        if (pid == 0)                                                          \
            end(run, argument);                                                \
        return pid;                                                            \
    }
EACH_WAY(FORK_ONCE)

/* Two dozen variables, live over the call in registers and in the frame. */
#define MANY_VARIABLES(name, call)                                             \
    __attribute__((noinline)) static pid_t name##_with_variables(child_fn *run, int s) \
    {                                                                          \
        long a = s * 3, b = a ^ 5, c = b * 7, d = c + a, e = d ^ b, f = e * 11, \
             g = f + c, h = g ^ d, i = h * 13, j = i + e, k = j ^ f, l = k * 17, \
             m = l + g, n = m ^ h, o = n * 19, p = o + i, q = p ^ j, r = q * 23; \
        double u = s * 1.5, v = u + 2.25, w = v * u;                           \
        long wanted = a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p + q + r; \
        char text[64];                                                         \
        memset(text, s, sizeof text);                                          \
        pid_t pid = (pid_t)(call);                                             \
        long got = a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p + q + r; \
        int intact = got == wanted && u == s * 1.5 && v == u + 2.25 && w == v * u \
            && text[0] == s && text[63] == s && memcmp(text, text + 1, 63) == 0; \
        if (pid == 0)                                                          \
            end(run, intact ? s : -1);                                         \
        return intact ? pid : -2;                                              \
    }
EACH_WAY(MANY_VARIABLES)

static const struct way {
    const char *name;
    pid_t (*make)(child_fn *, int), (*with_variables)(child_fn *, int);
} ways[] = {
#define IN_TABLE(name, call) { #name, name, name##_with_variables },
    EACH_WAY(IN_TABLE)
};
#define EACH(w) (const struct way *w = ways; w < ways + sizeof ways / sizeof *ways; w++)

/* Frames of 4 KiB, each written from end to end. */
__attribute__((noinline)) static int deep(int levels)
{
    volatile char frame[4096];
    int sum = 0;
    for (size_t i = 0; i < sizeof frame; i++)
        frame[i] = (char)(levels + i);
    if (levels > 0)
        sum = deep(levels - 1);
    for (size_t i = 0; i < sizeof frame; i++)
        sum += frame[i] != (char)(levels + i);
    return sum;
}

static int use_the_stack(int argument)
{
    return argument == -1 ? 1 : deep(60) == 0 ? 7 : 2;
}

static volatile int written;

static int write_late(int value)
{
    pause_ms(30);
    written = value;
    return 7;
}

static int run_true(int late)
{
    char *const none[] = { NULL };
    if (late)
        pause_ms(30);
    written = 5;
    execle("/bin/true", "true", NULL, none);
    return 127;
}

static int run_nothing(int unused)
{
    char *const none[] = { NULL };
    (void)unused;
    execle("/nonexistent/true", "true", NULL, none);
    return errno == ENOENT ? 7 : 1;
}

static uint64_t mask_before;

static int mask_is_kept(int unused)
{
    (void)unused;
    return raw_mask() == mask_before ? 7 : 1;
}

static void basics(const struct way *way)
{
    pid_t pid;
    mask_before = raw_mask();
    written = 0;
    pid = way->make(write_late, 33);
    if (!emulated())
        is(written, 33, named("%s: the parent waits for the child's end, and sees what it wrote", way->name));
    is(status_of(pid), 7, named("%s: a child that writes late ends as it should", way->name));
    written = 0;
    pid = way->make(run_true, 1);
    if (!emulated())
        is(written, 5, named("%s: the parent waits for the child's exec", way->name));
    is(status_of(pid), 0, named("%s: the child executes a program", way->name));
    is(status_of(way->make(run_nothing, 0)), 7, named("%s: an exec that fails in the child has its errno", way->name));
    is(status_of(way->make(mask_is_kept, 0)), 7, named("%s: the child has its parent's signal mask", way->name));
    ok(raw_mask() == mask_before, "%s: the parent keeps its signal mask", way->name);
    is(status_of(way->make(use_the_stack, 0)), 7, named("%s: a child may use 240 KiB of the stack", way->name));
    for (int i = 1; i <= 3; i++) {
        pid = way->with_variables(use_the_stack, 40 + i);
        ok(pid > 0, "%s: the variables of the parent's frame stay, round %d", way->name, i);
        is(status_of(pid), 7, named("%s: the child finds the variables of the frame, round %d", way->name, i));
    }
}

/* A child that does the same, with another way below it. */
static int nest(int depth)
{
    if (depth == 0)
        return use_the_stack(0);
    const struct way *way = &ways[(size_t)depth % (sizeof ways / sizeof *ways)];
    pid_t pid = way->with_variables(nest, depth - 1);
    return pid > 0 ? status_of(pid) : 3;
}

static int never(int unused) { (void)unused; return 8; }

/* Where there may be no further process, and with an unprivileged id since root has
 * no limit. */
static void no_process_left(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit none = { 0, 0 };
        if (getuid() == 0 && (setgroups(0, NULL) || setgid(65534) || setuid(65534)))
            _exit(101);
        if (setrlimit(RLIMIT_NPROC, &none) != 0)
            _exit(102);
        int good = 0;
        for EACH(way) {
            errno = 0;
            good += way->make(never, 0) == -1 && errno == EAGAIN && raw_mask() == mask_before;
            errno = 0;
            good += way->with_variables(never, 1) == -1 && errno == EAGAIN;
        }
        _exit(good == 2 * sizeof ways / sizeof *ways ? 7 : good);
    }
    is(status_of(pid), 7, "children on their parent's stack where no process is left: EAGAIN");
}

static volatile int handled;

static void in_handler(int unused)
{
    (void)unused;
    for EACH(way)
        handled += status_of(way->with_variables(use_the_stack, 3)) == 7;
}

static void *in_thread(void *unused)
{
    long good = 0;
    (void)unused;
    for (int i = 0; i < 10; i++)
        for EACH(way)
            good += status_of(way->with_variables(use_the_stack, 9)) == 7;
    return (void *)good;
}

static volatile int stop;
static volatile unsigned long turns[2];

static void *busy(void *counter)
{
    while (!stop)
        ++*(volatile unsigned long *)counter;
    return NULL;
}

static void with_threads(void)
{
    pthread_t runners[2], makers[2];
    pthread_attr_t roomy;
    pthread_attr_init(&roomy);
    pthread_attr_setstacksize(&roomy, 1 << 20); /* musl has less */
    if (no_threads()) {
        skip("children on their parent's stack, made by threads beside others", no_threads());
        return;
    }
    for (int i = 0; i < 2; i++)
        pthread_create(&runners[i], NULL, busy, (void *)&turns[i]);
    for (int i = 0; i < 2; i++)
        pthread_create(&makers[i], &roomy, in_thread, NULL);
    for (int i = 0; i < 2; i++) {
        void *good;
        pthread_join(makers[i], &good);
        is((long)good, 10 * sizeof ways / sizeof *ways, named("children on the stack of thread %d of two, beside others", i + 1));
    }
    unsigned long before[2] = { turns[0], turns[1] };
    for (int tries = 0; tries < 1000 && (turns[0] == before[0] || turns[1] == before[1]); tries++)
        pause_ms(10);
    ok(turns[0] != before[0] && turns[1] != before[1], "other threads run on beside children on their parent's stack");
    stop = 1;
    for (int i = 0; i < 2; i++)
        pthread_join(runners[i], NULL);
}

int main(void)
{
    sigset_t some;
    begin(60);
    sigemptyset(&some);
    sigaddset(&some, SIGUSR2);
    sigprocmask(SIG_BLOCK, &some, NULL);
    for EACH(way)
        basics(way);
    is(nest(3), 7, "three children on one stack, each the parent of the next");
    is(nest(8), 7, "eight children on one stack, each the parent of the next");
    no_process_left();
    signal(SIGUSR1, in_handler);
    raise(SIGUSR1);
    is(handled, sizeof ways / sizeof *ways, "children on their parent's stack, made in a signal handler");
    with_threads();
    return done();
}
