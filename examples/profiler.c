/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A sampling profiler in a thread that the program cannot slow down.
 *
 *     cc -O2 profiler.c -lclone3 -o profiler && ./profiler
 *
 * A bare thread interrupts the first one a thousand times a second. It needs no lock
 * and no memory of the C library, so it goes on sampling while the program is inside
 * malloc() or stdio, and what it interrupts is never itself: its own signals are
 * blocked from the start.
 *
 * prints: ^[1-9][0-9]* samples in busy, [1-9][0-9]* in idle, [0-9]{1,5} elsewhere$
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
#elif defined(__riscv)
    return context->uc_mcontext.__gregs[REG_PC];
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

/* Two functions for it to find, one three times as busy as the other. Each has a section
 * to itself, whatever the compiler makes of it, and the linker says where that begins
 * and ends: a function's address tells neither its length nor where its copies are. */
#define IN_SECTION(name) __attribute__((noinline, section(name)))
extern const char __start_busy_code[], __stop_busy_code[];
extern const char __start_idle_code[], __stop_idle_code[];

IN_SECTION("busy_code") static void busy(unsigned rounds)
{
    volatile unsigned state = 1; /* so that no round is left out */
    for (unsigned i = 0; i < rounds; i++)
        state = state * 1664525 + 1013904223;
}

IN_SECTION("idle_code") static void idle(unsigned rounds)
{
    volatile unsigned state = 2;
    for (unsigned i = 0; i < rounds; i++)
        state = state * 69069 + 1;
}

static int is_between(uintptr_t sample, const char *start, const char *stop)
{
    return sample >= (uintptr_t)start && sample < (uintptr_t)stop;
}

int main(void)
{
    struct sigaction action = { .sa_sigaction = on_sample, .sa_flags = SA_SIGINFO | SA_RESTART };
    clone3_thread_attr_t attr;
    clone3_thread_t sampler;
    sigaction(SIGPROF, &action, NULL);
    clone3_thread_attr_init(&attr, sizeof attr);
    attr.name = "sampler";
    int error = clone3_thread_create(&sampler, &attr, sample, (void *)(intptr_t)getpid());
    if (error)
        return error;
    for (time_t end = time(NULL) + 2; time(NULL) < end;) {
        busy(150000);
        idle(50000);
    }
    stop = 1;
    clone3_thread_join(sampler, NULL);

    unsigned in_busy = 0, in_idle = 0;
    for (unsigned i = 0; i < taken; i++) {
        in_busy += is_between(samples[i], __start_busy_code, __stop_busy_code);
        in_idle += is_between(samples[i], __start_idle_code, __stop_idle_code);
    }
    printf("%u samples in busy, %u in idle, %u elsewhere\n", in_busy, in_idle,
           taken - in_busy - in_idle);
    return !(in_busy > in_idle);
}
