/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* differ.h: random clone_args, good and bad, from a seed; and the kernel asked about
 * them directly. For 60-differential.c. */
#ifndef DIFFER_H
#define DIFFER_H

#include "flags.h"
#include <fcntl.h>

/* What a case is made of, so that it can be printed whole. */
struct differ {
    _Alignas(8) unsigned char bytes[8192]; /* a struct clone_args and what lies behind */
    size_t size;
    void *address; /* of the struct as it is passed: bytes, or somewhere bad */
    pid_t pids[40];
    int pidfd;
    pid_t parent_tid, child_tid;
};

static uint64_t differ_state;

static inline uint64_t differ_random(void) /* xorshift64* */
{
    differ_state ^= differ_state >> 12;
    differ_state ^= differ_state << 25;
    differ_state ^= differ_state >> 27;
    return differ_state * 0x2545f4914f6cdd1dull;
}

static inline unsigned one_of(unsigned n) { return (unsigned)(differ_random() >> 33) % n; }
static inline int one_in(unsigned n) { return one_of(n) == 0; }
#define PICK(list) ((list)[one_of(sizeof(list) / sizeof *(list))])

/* Places that are the same for all cases of a process. */
static struct {
    unsigned char *stack;     /* 64 KiB */
    unsigned char *read_only; /* a page */
    unsigned char *edge;      /* the end of a page with nothing behind */
    int cgroup, file;         /* descriptors */
} place;

static inline void differ_places(const char *cgroup)
{
    long page = sysconf(_SC_PAGESIZE);
    place.stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    place.read_only = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(two + page, page);
    place.edge = two + page;
    place.file = open("/", O_RDONLY | O_CLOEXEC);
    place.cgroup = cgroup ? open(cgroup, O_PATH | O_CLOEXEC) : -1;
}

/* A mask with bits of the interesting kinds: few at random, or a sensible set
 * with one more. */
static inline uint64_t differ_flags(void)
{
    static const uint64_t sets[] = { 0, 0, 0, 0, CLONE_VM | CLONE_VFORK, CLONE_VM | CLONE_SIGHAND,
        CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_VFORK,
        CLONE_PIDFD, CLONE_NEWUSER, CLONE_NEWPID, CLONE_AUTOREAP | CLONE_PIDFD | CLONE_NNP };
    static const uint64_t common[] = { CLONE_FS, CLONE_FILES, CLONE_SIGHAND, CLONE_PIDFD, CLONE_PARENT,
        CLONE_THREAD, CLONE_NEWNS, CLONE_SYSVSEM, CLONE_SETTLS, CLONE_PARENT_SETTID,
        CLONE_CHILD_CLEARTID, CLONE_CHILD_SETTID, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER,
        CLONE_NEWPID, CLONE_NEWCGROUP, CLONE_CLEAR_SIGHAND, CLONE_INTO_CGROUP, CLONE_AUTOREAP,
        CLONE_NNP, CLONE_PIDFD_AUTOKILL, CLONE_EMPTY_MNTNS, CLONE_NEWTIME };
    uint64_t flags = PICK(sets);
    for (unsigned n = one_of(4); n > 0; n--)
        flags |= one_in(6) ? 1ull << one_of(64) : PICK(common);
    if (flags & CLONE_NEWNET && !one_in(8)) /* the kernel is long in unmaking these */
        flags &= ~(uint64_t)CLONE_NEWNET;
    return flags;
}

static inline uint64_t differ_pointer(void *good)
{
    uint64_t bad[] = { 0, 8, (uintptr_t)place.read_only, (uintptr_t)place.edge, 1ull << 63,
        ~0ull - 7, (uintptr_t)place.edge - 4 };
    return one_in(5) ? PICK(bad) : (uintptr_t)good;
}

static inline void differ_pids(struct differ *d, struct clone_args *args)
{
    static const int counts[] = { 1, 1, 1, 2, 3, 32, 33, 0 };
    pid_t numbers[] = { getpid(), 1, 2, 0, -1, 1 << 30, 300 + (pid_t)one_of(30000) };
    args->set_tid_size = PICK(counts);
    for (int i = 0; i < 34; i++)
        d->pids[i] = PICK(numbers);
    args->set_tid = differ_pointer(d->pids);
}

static inline void differ_stack(struct clone_args *args)
{
    switch (one_of(5)) {
    case 0: args->stack_size = 4096; break;
    case 1: args->stack = (uintptr_t)place.stack; break;
    case 2: args->stack = 1ull << 63; args->stack_size = 4096; break;
    case 3: args->stack = (uintptr_t)place.stack; args->stack_size = ~0ull; break;
    default: args->stack = (uintptr_t)place.stack; args->stack_size = 65536; break;
    }
}

static inline void differ_make(struct differ *d)
{
    static const uint64_t signals[] = { 0, 0, SIGUSR1, 64, 65, 255, 256, 1ull << 32 | SIGCHLD };
    static const size_t sizes[] = { 0, 8, 63, 64, 72, 80, 80, 87, 89, 96, 128, 4096, 4097, 8192 };
    struct clone_args *args = (void *)d->bytes;
    memset(d, 0, sizeof *d);
    d->size = one_in(4) ? PICK(sizes) : sizeof *args;
    void *unreadable[] = { NULL, (void *)8, place.edge, place.edge - 8, (void *)(1ull << 63) };
    d->address = one_in(40) ? PICK(unreadable) : d->bytes;
    args->flags = differ_flags();
    args->exit_signal = one_in(6) ? PICK(signals) : args->flags
            & (CLONE_THREAD | CLONE_PARENT | CLONE_AUTOREAP) && !one_in(8) ? 0 : SIGCHLD;
    args->pidfd = differ_pointer(&d->pidfd);
    args->parent_tid = one_in(12) ? args->pidfd : differ_pointer(&d->parent_tid);
    args->child_tid = differ_pointer(&d->child_tid);
    args->tls = (uintptr_t)settls((void *)thread_pointer());
#if defined(__x86_64__) /* the others take any, and a child with a bad one cannot return */
    if (one_in(6))
        args->tls = 1ull << 63;
#elif defined(__i386__)
    args->tls = differ_pointer((void *)(uintptr_t)args->tls);
#endif
    if (one_in(8))
        differ_stack(args);
    if (one_in(6))
        differ_pids(d, args);
    if (args->flags & CLONE_INTO_CGROUP || one_in(20)) {
        uint64_t cgroups[] = { (uint64_t)place.cgroup, (uint64_t)place.cgroup, (uint64_t)place.file,
            987, 1ull << 31, ~0ull };
        args->cgroup = PICK(cgroups);
    }
    if (d->size > sizeof *args && one_in(3))
        d->bytes[sizeof *args + one_of(d->size - sizeof *args)] = 1;
}

/* clone3(2) by itself, whose child ends at once: it touches no memory, so any
 * flags will do. */
static inline long bare_clone3(void *args, size_t size)
{
#if defined(__x86_64__)
    long result;
    __asm__ volatile("syscall\n\ttest %%rax, %%rax\n\tjnz 1f\n\t"
                     "xor %%edi, %%edi\n\tmov %3, %%eax\n\tsyscall\n\tud2\n1:"
                     : "=a"(result)
                     : "0"((long)SYS_clone3), "D"(args), "i"(SYS_exit), "S"(size)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__i386__)
    long result;
    __asm__ volatile("int $0x80\n\ttest %%eax, %%eax\n\tjnz 1f\n\t"
                     "xor %%ebx, %%ebx\n\tmov %3, %%eax\n\tint $0x80\n\tud2\n1:"
                     : "=a"(result)
                     : "0"(SYS_clone3), "b"(args), "i"(SYS_exit), "c"(size)
                     : "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = SYS_clone3;
    register void *x0 __asm__("x0") = args;
    register size_t x1 __asm__("x1") = size;
    __asm__ volatile("svc #0\n\tcbnz x0, 1f\n\tmov x0, #0\n\tmov x8, %3\n\tsvc #0\n\tbrk #1\n1:"
                     : "+r"(x0), "+r"(x8)
                     : "r"(x1), "i"(SYS_exit)
                     : "memory");
    return (long)x0;
#elif defined(__riscv)
    register long a7 __asm__("a7") = SYS_clone3;
    register void *a0 __asm__("a0") = args;
    register size_t a1 __asm__("a1") = size;
    __asm__ volatile("ecall\n\tbnez a0, 1f\n\tli a0, 0\n\tli a7, %3\n\tecall\n\tebreak\n1:"
                     : "+r"(a0), "+r"(a7)
                     : "r"(a1), "i"(SYS_exit)
                     : "memory");
    return (long)a0;
#endif
}

static inline void differ_print(const struct differ *d)
{
    const struct clone_args *a = (const void *)d->bytes;
    printf("# clone3(%s, %zu) of { .flags = %#llx, .pidfd = %#llx, .child_tid = %#llx,\n"
           "#   .parent_tid = %#llx, .exit_signal = %#llx, .stack = %#llx, .stack_size = %#llx,\n"
           "#   .tls = %#llx, .set_tid = %#llx [%d %d …], .set_tid_size = %llu, .cgroup = %#llx }\n",
        d->address == d->bytes ? "&args" : "bad pointer", d->size, (unsigned long long)a->flags,
        (unsigned long long)a->pidfd, (unsigned long long)a->child_tid,
        (unsigned long long)a->parent_tid, (unsigned long long)a->exit_signal,
        (unsigned long long)a->stack, (unsigned long long)a->stack_size, (unsigned long long)a->tls,
        (unsigned long long)a->set_tid, d->pids[0], d->pids[1], (unsigned long long)a->set_tid_size,
        (unsigned long long)a->cgroup);
}

#endif
