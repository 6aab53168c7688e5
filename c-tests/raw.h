/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* raw.h: direct system calls.
 *
 * For comparison with the library, and for children that share the C library's thread
 * state with a running parent. */
#ifndef RAW_H
#define RAW_H

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>

/* A system call of up to six arguments; the kernel's own result. */
static inline long raw_call(long number, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__i386__)
    /* Seven values and six registers a compiler may give away. */
    const long words[7] = { a, b, c, d, e, f, number };
    long result;
    __asm__ volatile("push %%ebp\n\tpush %%ebx\n\t"
                     "mov 24(%%eax), %%ebp\n\tpush %%ebp\n\t"
                     "mov (%%eax), %%ebx\n\tmov 4(%%eax), %%ecx\n\tmov 8(%%eax), %%edx\n\t"
                     "mov 12(%%eax), %%esi\n\tmov 16(%%eax), %%edi\n\tmov 20(%%eax), %%ebp\n\t"
                     "pop %%eax\n\tint $0x80\n\tpop %%ebx\n\tpop %%ebp"
                     : "=a"(result)
                     : "0"(words)
                     : "ecx", "edx", "esi", "edi", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc #0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
#elif defined(__riscv)
    register long a7 __asm__("a7") = number;
    register long a0 __asm__("a0") = a;
    register long a1 __asm__("a1") = b;
    register long a2 __asm__("a2") = c;
    register long a3 __asm__("a3") = d;
    register long a4 __asm__("a4") = e;
    register long a5 __asm__("a5") = f;
    __asm__ volatile("ecall"
                     : "+r"(a0)
                     : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
                     : "memory");
    return a0;
#endif
}

/* raw(number, …): arguments that are not given are 0. */
#define RAW_PICK(n, a, b, c, d, e, f, ...) \
    raw_call(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define raw(...) RAW_PICK(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

/* 0 where the kernel's own clone3 is behind the library's. Where it is not (under
 * qemu-user, on kernels before 5.3, behind a filter) what answers in its place:
 * the errno of all that only clone3 can say. */
static inline int unreachable_errno(void)
{
    long result = raw(SYS_clone3, NULL, 0);
    return result == -EINVAL ? 0 : (int)-result;
}

static inline int native(void) { return unreachable_errno() == 0; }

/* Why the libc makes no threads here, or NULL. glibc asks clone3 itself, with
 * the largest struct it knows, and takes ENOSYS alone for the call's absence. */
static inline const char *no_threads(void)
{
#ifdef __GLIBC__ /* 2.34 or newer */
    uint64_t refused[11] = { 1ull << 63 };
    long result = raw(SYS_clone3, refused, sizeof refused);
    if (result != -EINVAL && result != -ENOSYS)
        return "glibc makes no threads where clone3 answers neither as the kernel nor ENOSYS";
#endif
    return NULL;
}

/* Ends the process, whatever the C library thinks of it. */
__attribute__((noreturn)) static inline void raw_exit(int status)
{
    for (;;)
        raw(SYS_exit_group, status);
}

/* The kernel's mask of this thread, signal n in bit n - 1. */
static inline uint64_t raw_mask(void)
{
    uint64_t mask = 0;
    raw(SYS_rt_sigprocmask, 0, NULL, &mask, sizeof mask);
    return mask;
}

#ifdef __i386__
/* The kernel's struct user_desc: what CLONE_SETTLS points at here. */
struct thread_area { unsigned number, base, limit, flags; };

/* The calling thread's, as gs has it. */
static inline struct thread_area own_thread_area(void)
{
    unsigned selector;
    __asm__("mov %%gs, %0" : "=r"(selector));
    struct thread_area area = { .number = (selector & 0xffff) >> 3 };
    raw(SYS_get_thread_area, &area);
    return area;
}
#endif

/* What CLONE_SETTLS takes so that a child's thread pointer is this: a value
 * that is good until the next call. */
static inline void *settls(void *pointer)
{
#ifdef __i386__
    static struct thread_area area;
    area = own_thread_area();
    area.base = (uintptr_t)pointer;
    return &area;
#else
    return pointer;
#endif
}

/* The thread pointer, read without looking at what it points to. */
static inline uintptr_t thread_pointer(void)
{
    uintptr_t pointer = 0;
#if defined(__x86_64__)
    raw(SYS_arch_prctl, 0x1003 /* ARCH_GET_FS */, &pointer);
#elif defined(__i386__)
    struct thread_area area = own_thread_area();
    pointer = area.base;
#elif defined(__aarch64__)
    __asm__ volatile("mrs %0, tpidr_el0" : "=r"(pointer));
#elif defined(__riscv)
    __asm__ volatile("mv %0, tp" : "=r"(pointer));
#endif
    return pointer;
}

static inline void pause_ms(long ms)
{
    long time[] = { ms / 1000, ms % 1000 * 1000000 }; /* the kernel's, on 32 bits too */
    raw(SYS_nanosleep, time, NULL);
}

static inline long now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

#endif
