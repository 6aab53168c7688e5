/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How much of its caller's stack each call uses, also the first time: little, so that a
 * signal handler on a small alternate stack can create processes.
 * cflags: -Wl,-z,now
 */
#define _GNU_SOURCE
#include <clone3.h>
#include "raw.h"
#include "tap.h"
#include <sched.h>

enum { PAINTED = 32768, COLOUR = 0xa5 };
static uintptr_t lowest;

static inline __attribute__((always_inline)) uintptr_t stack_pointer(void)
{
    uintptr_t pointer;
#if defined(__x86_64__)
    __asm__ volatile("mov %%rsp, %0" : "=r"(pointer));
#elif defined(__i386__)
    __asm__ volatile("mov %%esp, %0" : "=r"(pointer));
#elif defined(__aarch64__)
    __asm__ volatile("mov %0, sp" : "=r"(pointer));
#elif defined(__riscv)
    __asm__ volatile("mv %0, sp" : "=r"(pointer));
#endif
    return pointer;
}

/* Colours the stack below its caller, who stays in its frame until depth(). */
__attribute__((noinline)) static void paint(void)
{
    volatile unsigned char area[PAINTED];
    lowest = (uintptr_t)area;
    for (int i = 0; i < PAINTED; i++)
        area[i] = COLOUR;
}

/* How far below top it is not of that colour any more. */
__attribute__((noinline)) static long depth(uintptr_t top)
{
    const volatile unsigned char *area = (const volatile unsigned char *)lowest;
    long i = 0;
    while (i < PAINTED && area[i] == COLOUR)
        i++;
    return (long)(top - (lowest + (uintptr_t)i));
}

static int run(void *unused)
{
    (void)unused;
    raw_exit(0);
}

static struct clone_args copied = { .exit_signal = SIGCHLD };
static struct clone_args lent = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD };
static char stack[65536] __attribute__((aligned(16)));

/* Children end by a bare system call, so as to take no stack themselves. */
#define TAKES(most, call)                                                           \
    do {                                                                            \
        long took[2];                                                               \
        int good = 1;                                                               \
        for (int i = 0; i < 2; i++) {                                               \
            paint();                                                                \
            uintptr_t top = stack_pointer();                                        \
            pid_t pid = call;                                                       \
            if (pid == 0)                                                           \
                raw_exit(0);                                                        \
            took[i] = depth(top);                                                   \
            good &= pid > 0 && took[i] <= (most);                                   \
            status_of(pid);                                                         \
        }                                                                           \
        ok(good, "%s takes at most %d bytes of its caller's stack", #call, (most)); \
        printf("# %ld the first time, then %ld\n", took[0], took[1]);               \
    } while (0)

int main(void)
{
    begin(10);
    /* Where clone3 is out of reach that is found out first, and the way is longer. */
    int native_way = native();
    TAKES(native_way ? 640 : 1024, vfork());
    TAKES(native_way ? 1024 : 1280, clone3(&lent, sizeof lent));
    TAKES(native_way ? 1408 : 1664, clone3(&copied, sizeof copied));
    TAKES(native_way ? 1024 : 1280, clone3_call(&lent, sizeof lent, run, NULL));
    TAKES(native_way ? 1152 : 1408, clone3_call(&copied, sizeof copied, run, NULL));
    TAKES(native_way ? 1024 : 1280, clone(run, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL));
    TAKES(native_way ? 1024 : 1280, (pid_t)syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0));
    TAKES(native_way ? 1408 : 1664, (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
#ifdef MODE_STATIC
    skip("fork() takes little of its caller's stack", "a static program has its C library's fork");
#else
    TAKES(native_way ? 1152 : 1408, fork());
#endif
    return done();
}
