/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A sampling profiler in a thread that the program cannot slow down.
 *
 *     cc -O1 -fno-inline profiler.c -lclone3 -o profiler && ./profiler
 *
 * A bare thread interrupts the first one a thousand times a second. It needs no lock
 * and no memory of the C library, so it goes on sampling while the program is inside
 * malloc() or stdio, and what it interrupts is never itself: its own signals are
 * blocked from the start.
 *
 * prints: ^ *[0-9]+ samples in busy
 */
#define _GNU_SOURCE
#include <clone3.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { SAMPLES = 1 << 14 };
static uintptr_t samples[SAMPLES];
static volatile unsigned taken;
static volatile int stop;

static uintptr_t program_counter(const ucontext_t *context)
{
#if defined(__x86_64__)
    return (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__i386__)
    return (uintptr_t)context->uc_mcontext.gregs[REG_EIP];
#elif defined(__aarch64__)
    return context->uc_mcontext.pc;
#else
    return (uintptr_t)context * 0;
#endif
}

static void on_sample(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info;
    if (taken < SAMPLES)
        samples[taken++] = program_counter(context);
}

/* A bare thread's function: system calls only. */
static void *sample(void *target)
{
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    while (!stop) {
        next.tv_nsec += 1000000;
        next.tv_sec += next.tv_nsec / 1000000000;
        next.tv_nsec %= 1000000000;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
        syscall(SYS_tgkill, getpid(), (pid_t)(intptr_t)target, SIGPROF);
    }
    return NULL;
}

/* Two functions for it to find, one three times as busy as the other. */
__attribute__((noinline)) static unsigned busy(unsigned rounds)
{
    unsigned state = 1;
    for (unsigned i = 0; i < rounds; i++)
        state = state * 1664525 + 1013904223;
    return state;
}

__attribute__((noinline)) static unsigned idle(unsigned rounds)
{
    unsigned state = 2;
    for (unsigned i = 0; i < rounds; i++)
        state ^= state << 13, state ^= state >> 17;
    return state;
}

int main(void)
{
    struct sigaction action = { .sa_sigaction = on_sample, .sa_flags = SA_SIGINFO | SA_RESTART };
    clone3_thread_attr_t attr;
    clone3_thread_t sampler;
    volatile unsigned result = 0;
    sigaction(SIGPROF, &action, NULL);
    clone3_thread_attr_init(&attr, sizeof attr);
    attr.name = "sampler";
    int error = clone3_thread_create(&sampler, &attr, sample, (void *)(intptr_t)getpid());
    if (error)
        return error;
    for (time_t end = time(NULL) + 2; time(NULL) < end;)
        result += busy(300000) + idle(50000);
    stop = 1;
    clone3_thread_join(sampler, NULL);

    unsigned in_busy = 0, in_idle = 0;
    for (unsigned i = 0; i < taken; i++) {
        in_busy += samples[i] - (uintptr_t)busy < 128;
        in_idle += samples[i] - (uintptr_t)idle < 128;
    }
    printf("%u samples in busy, %u in idle, %u elsewhere\n", in_busy, in_idle,
           taken - in_busy - in_idle);
    return !(in_busy > in_idle);
}
