/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* syscall(): the library handles the numbers that create a process on the caller's
 * stack, and the child of vfork shares its parent's memory; with a stack, and for every
 * other number, the call is passed to the kernel unchanged.
 */
#define _GNU_SOURCE
#include "flags.h"
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/select.h>
#include <sys/socket.h>

/* A child on a stack of its own, made through syscall() as a C library without
 * clone() would: it goes on where the parent does, on another stack, and so
 * only assembly may see it. `words` are the number and five arguments; `slot`
 * is the word that is popped there where a return pops one. */
long on_own_stack(const uintptr_t *words, void *slot, int (*run)(void *), void *argument);

#if defined(__x86_64__)
__asm__(".text\n"
        ".type on_own_stack, @function\n"
        "on_own_stack:\n"
        "  push %rbx\n"
        "  push %rbp\n"
        "  sub $8, %rsp\n"
        "  lea 1f(%rip), %rax\n"
        "  mov %rax, (%rsi)\n"
        "  mov %rdx, %rbx\n"
        "  mov %rcx, %rbp\n"
        "  mov 8(%rdi), %rsi\n"
        "  mov 16(%rdi), %rdx\n"
        "  mov 24(%rdi), %rcx\n"
        "  mov 32(%rdi), %r8\n"
        "  mov 40(%rdi), %r9\n"
        "  mov (%rdi), %rdi\n"
        "  call syscall@PLT\n"
        "1: test %rax, %rax\n"
        "  jz 2f\n"
        "  add $8, %rsp\n"
        "  pop %rbp\n"
        "  pop %rbx\n"
        "  ret\n"
        "2: mov %rbp, %rdi\n"
        "  call *%rbx\n"
        "  mov %eax, %edi\n"
        "  mov $60, %eax\n"
        "  syscall\n"
        "  ud2\n"
        ".size on_own_stack, . - on_own_stack\n");
#define POPPED sizeof(void *)
#elif defined(__i386__)
__asm__(".text\n"
        ".type on_own_stack, @function\n"
        "on_own_stack:\n"
        "  push %ebx\n"
        "  push %esi\n"
        "  push %edi\n"
        "  mov 16(%esp), %eax\n"
        "  mov 20(%esp), %edx\n"
        "  mov 24(%esp), %esi\n"
        "  mov 28(%esp), %edi\n"
        "  call 3f\n"
        "3: pop %ecx\n"
        "  lea 1f-3b(%ecx), %ecx\n"
        "  mov %ecx, (%edx)\n"
        "  sub $8, %esp\n"
        "  push 20(%eax)\n"
        "  push 16(%eax)\n"
        "  push 12(%eax)\n"
        "  push 8(%eax)\n"
        "  push 4(%eax)\n"
        "  push (%eax)\n"
        "  call syscall@PLT\n"
        "1: test %eax, %eax\n"
        "  jz 2f\n"
        "  add $32, %esp\n"
        "  pop %edi\n"
        "  pop %esi\n"
        "  pop %ebx\n"
        "  ret\n"
        "2: sub $16, %esp\n" /* the child's stack begins aligned */
        "  mov %edi, (%esp)\n"
        "  call *%esi\n"
        "  mov %eax, %ebx\n"
        "  mov $1, %eax\n"
        "  int $0x80\n"
        "  ud2\n"
        ".size on_own_stack, . - on_own_stack\n");
#define POPPED sizeof(void *)
#elif defined(__aarch64__)
__asm__(".text\n"
        ".type on_own_stack, %function\n"
        "on_own_stack:\n"
        "  stp x29, x30, [sp, #-32]!\n"
        "  stp x19, x20, [sp, #16]\n"
        "  mov x19, x2\n"
        "  mov x20, x3\n"
        "  mov x9, x0\n"
        "  ldp x0, x1, [x9]\n"
        "  ldp x2, x3, [x9, #16]\n"
        "  ldp x4, x5, [x9, #32]\n"
        "  mov x6, #0\n"
        "  bl syscall\n"
        "  cbz x0, 1f\n"
        "  ldp x19, x20, [sp, #16]\n"
        "  ldp x29, x30, [sp], #32\n"
        "  ret\n"
        "1: mov x0, x20\n"
        "  blr x19\n"
        "  mov x8, #93\n"
        "  svc #0\n"
        "  brk #1\n"
        ".size on_own_stack, . - on_own_stack\n");
#define POPPED 0
#elif defined(__riscv)
__asm__(".text\n"
        ".type on_own_stack, %function\n"
        "on_own_stack:\n"
        "  addi sp, sp, -32\n"
        "  sd ra, 24(sp)\n"
        "  sd s0, 16(sp)\n"
        "  sd s1, 8(sp)\n"
        "  mv s0, a2\n"
        "  mv s1, a3\n"
        "  mv t0, a0\n"
        "  ld a0, (t0)\n"
        "  ld a1, 8(t0)\n"
        "  ld a2, 16(t0)\n"
        "  ld a3, 24(t0)\n"
        "  ld a4, 32(t0)\n"
        "  ld a5, 40(t0)\n"
        "  li a6, 0\n"
        "  call syscall@plt\n"
        "  beqz a0, 1f\n"
        "  ld s1, 8(sp)\n"
        "  ld s0, 16(sp)\n"
        "  ld ra, 24(sp)\n"
        "  addi sp, sp, 32\n"
        "  ret\n"
        "1: mv a0, s1\n"
        "  jalr s0\n"
        "  li a7, 93\n"
        "  ecall\n"
        "  ebreak\n"
        ".size on_own_stack, . - on_own_stack\n");
#define POPPED 0
#endif

static volatile int written; /* by a child that shares the memory */

static int write_and_end(void *unused)
{
    char here;
    written = (char *)unused == child_stack && &here > child_stack
        && &here < child_stack + sizeof child_stack;
    return 7;
}

static char *const top = child_stack + sizeof child_stack - POPPED;
static void *const slot = child_stack + sizeof child_stack - sizeof(void *);

static void own_stack(const char *name, const uintptr_t *words, int shared)
{
    written = 0;
    long pid = on_own_stack(words, slot, write_and_end, child_stack);
    is(status_of((pid_t)pid), 7, named("%s makes a child on the given stack", name));
    is(written, shared, named("%s: the child has %s memory", name, shared ? "its parent's" : "a copy of its parent's"));
}

static volatile pid_t parent_word, child_word;
static uintptr_t tls[1024]; /* the child uses no TLS, but a stack protector may */

static int check_arguments(void *pointer)
{
    return child_word == raw(SYS_gettid) && thread_pointer() == (uintptr_t)pointer ? 7 : 1;
}

/* Each of five arguments where the kernel wants it. */
static void own_stack_five_arguments(void)
{
    long flags = CLONE_SETTLS | CLONE_CHILD_SETTID | SIGCHLD;
    uintptr_t pointer = (uintptr_t)(tls + 512), by = (uintptr_t)settls(tls + 512);
    tls[512] = pointer;
    parent_word = child_word = -5;
    if (!emulated())
        flags |= CLONE_VM | CLONE_PARENT_SETTID;
#ifdef __x86_64__
    uintptr_t words[] = { SYS_clone, flags, (uintptr_t)top, (uintptr_t)&parent_word,
        (uintptr_t)&child_word, by };
#else
    uintptr_t words[] = { SYS_clone, flags, (uintptr_t)top, (uintptr_t)&parent_word, by,
        (uintptr_t)&child_word };
#endif
    long pid = on_own_stack(words, slot, check_arguments, (void *)pointer);
    is(status_of((pid_t)pid), 7, "syscall(SYS_clone) with a stack and five arguments: the child has its child_tid and tls");
    is(parent_word, emulated() ? -5 : pid, "syscall(SYS_clone) with a stack and five arguments: parent_tid is stored");
}

static void own_stacks(void)
{
    uintptr_t words[6] = { SYS_clone, SIGCHLD, (uintptr_t)top };
    own_stack("syscall(SYS_clone) with a stack", words, 0);
    own_stack_five_arguments();
    if (emulated()) {
        skip("syscall() of clone and clone3 with a stack and shared memory", "qemu-user refuses them");
        return;
    }
    words[1] |= CLONE_VM;
    own_stack("syscall(SYS_clone) with VM and a stack", words, 1);
    struct clone_args args = { .flags = CLONE_VM, .exit_signal = SIGCHLD,
        .stack = (uintptr_t)child_stack, .stack_size = sizeof child_stack - POPPED };
    uintptr_t by_clone3[6] = { SYS_clone3, (uintptr_t)&args, CLONE_ARGS_SIZE_VER0 };
    if (!native()) {
        errno = 0;
        ok(on_own_stack(by_clone3, slot, write_and_end, child_stack) == -1
                && errno == unreachable_errno(),
            "syscall(SYS_clone3) with a stack where clone3 is out of reach: %s", strerror(unreachable_errno()));
        return;
    }
    own_stack("syscall(SYS_clone3) with VM and a stack", by_clone3, 1);
    args.flags |= CLONE_VFORK;
    own_stack("syscall(SYS_clone3) with VM, VFORK and a stack", by_clone3, 1);
}

/* A call that returns twice, then what the child does. Each has a function of
 * its own, since a compiler knows of vfork's ways but not of syscall's. */
#define MAKER(name, ...)                                                       \
    __attribute__((noinline)) static long name(void)                           \
    {                                                                          \
        long pid = syscall(__VA_ARGS__);                                       \
        if (pid == 0) {                                                        \
            pause_ms(20);                                                      \
            written = errno;                                                   \
            raw_exit(7);                                                       \
        }                                                                      \
        return pid;                                                            \
    }

static struct clone_args like_fork = { .exit_signal = SIGCHLD };
static struct clone_args like_vfork = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD };

MAKER(by_clone, SYS_clone, SIGCHLD, 0, 0, 0, 0)
MAKER(by_clone_lent, SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0)
MAKER(by_clone3, SYS_clone3, &like_fork, sizeof like_fork)
MAKER(by_clone3_lent, SYS_clone3, &like_vfork, sizeof like_vfork)
#ifdef SYS_fork
MAKER(by_fork, SYS_fork)
MAKER(by_vfork, SYS_vfork)
#endif

static void returning(const char *name, long (*maker)(void), int shared)
{
    written = 0;
    errno = 77;
    long pid = maker();
    int after = errno, seen = written;
    is(after, 77, named("syscall(%s) leaves errno alone", name));
    if (!emulated())
        is(seen, shared ? 77 : 0,
            named(shared ? "syscall(%s): the parent waits and sees the child's write"
                : "syscall(%s): the parent's memory is not the child's", name));
    is(status_of((pid_t)pid), 7, named("syscall(%s) makes a child", name));
}

static void five_arguments(void)
{
    long flags = (emulated() ? 0 : CLONE_PARENT_SETTID) | CLONE_CHILD_SETTID | SIGCHLD;
    parent_word = child_word = -5;
#ifdef __x86_64__
    long pid = syscall(SYS_clone, flags, 0, &parent_word, &child_word, 0);
#else
    long pid = syscall(SYS_clone, flags, 0, &parent_word, 0, &child_word);
#endif
    if (pid == 0)
        raw_exit(child_word == raw(SYS_gettid) ? 7 : 1);
    is(status_of((pid_t)pid), 7, "syscall(SYS_clone) with five arguments: child_tid is where the kernel has it");
    is(parent_word, emulated() ? -5 : pid, "syscall(SYS_clone) with five arguments: parent_tid is stored");
}

static void six_arguments(void)
{
    char path[] = "/tmp/clone3-XXXXXX", text[] = "third page";
    int fd = mkstemp(path), word = 5, other = 0;
    unlink(path);
    (void)!pwrite(fd, text, sizeof text, 2 * 65536);
    errno = 77;
#ifdef __i386__ /* in units of 4096 bytes, and a result that could be negative */
    long address = syscall(SYS_mmap2, NULL, 65536, PROT_READ, MAP_PRIVATE, fd, 2L * 65536 / 4096);
    ok((address < -4096 || address > 65536) && strcmp((char *)address, text) == 0 && errno == 77,
        "syscall(SYS_mmap2) passes six arguments and returns 32 bits");
#else
    long address = syscall(SYS_mmap, NULL, 65536, PROT_READ, MAP_PRIVATE, fd, 2L * 65536);
    ok(address > 0xffffffffL && strcmp((char *)address, text) == 0 && errno == 77,
        "syscall(SYS_mmap) passes six arguments and returns more than 32 bits");
#endif
    is(syscall(SYS_munmap, address, 65536), 0, "syscall(SYS_munmap) returns 0");
    close(fd);

    is(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE, 0, 0L, &other, 5), 0,
        "syscall(SYS_futex) passes the sixth argument: the value expected is there");
    ok(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE, 0, 0L, &other, 6) == -1 && errno == EAGAIN,
        "syscall(SYS_futex) passes the sixth argument: another value is not");

    struct timespec soon = { 0, 1000000 };
    uint64_t none = 0;
    struct { const void *set; size_t size; } mask = { &none, sizeof none };
    sigset_t usr1;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    sigprocmask(SIG_BLOCK, &usr1, NULL);
    raise(SIGUSR1);
    is(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &soon, NULL), 0, "syscall(SYS_pselect6) without a mask waits");
    ok(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &soon, &mask) == -1 && errno == EINTR,
        "syscall(SYS_pselect6) passes the mask, its sixth argument");
}

static void on_signal(int unused) { (void)unused; }

/* Numbers next to those that make processes must not be taken for them. */
static void neighbours(void)
{
    int pair[2], type = 0;
    socklen_t length = sizeof type;
    ok(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0
            && syscall(SYS_getsockopt, pair[0], SOL_SOCKET, SO_TYPE, &type, &length) == 0
            && type == SOCK_STREAM,
        "syscall(SYS_getsockopt) is passed on");
    ok(syscall(SYS_execve, "/nonexistent", NULL, NULL) == -1 && errno == ENOENT, "syscall(SYS_execve) is passed on");
    if (!emulated()) {
        long fd = syscall(SYS_pidfd_open, getpid(), 0);
        ok(fd >= 0, "syscall(SYS_pidfd_open) is passed on");
        ok(syscall(436 /* SYS_close_range, Linux 5.9 */, fd, fd, 0) == 0 || errno == ENOSYS,
            "syscall(SYS_close_range) is passed on");
    }
}

static void errors(void)
{
    errno = 77;
    ok(syscall(SYS_getpid) == getpid() && errno == 77, "syscall() that succeeds leaves errno alone");
    ok(syscall(-1L) == -1 && errno == ENOSYS, "syscall() of a number that does not exist: ENOSYS");
    ok(syscall(SYS_close, -1) == -1 && errno == EBADF, "syscall(SYS_close) of no descriptor: EBADF");
    int ends[2];
    ok(pipe(ends) == 0 && write(ends[1], "", 1) == 1
            && syscall(SYS_read, ends[0], (void *)8, 1L) == -1 && errno == EFAULT, "syscall(SYS_read) into an invalid address: EFAULT");
    ok(syscall(SYS_openat, AT_FDCWD, (void *)8, 0) == -1 && errno == EFAULT, "syscall(SYS_openat) of an invalid address: EFAULT");
    errno = 0;
    ok(syscall(SYS_clone3, NULL, 0) == -1 && errno == -raw(SYS_clone3, NULL, 0), "syscall(SYS_clone3) of no struct has the kernel's errno");
    ok(syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0) == -1 && errno == EINVAL, "syscall(SYS_clone) with SIGHAND but not VM: EINVAL");
}

int main(void)
{
    begin(60);
    signal(SIGUSR1, on_signal);
    own_stacks();
    returning("SYS_clone", by_clone, 0);
    returning("SYS_clone with VM and VFORK", by_clone_lent, 1);
    returning("SYS_clone3", by_clone3, 0);
    returning("SYS_clone3 with VM and VFORK", by_clone3_lent, 1);
#ifdef SYS_fork
    returning("SYS_fork", by_fork, 0);
    returning("SYS_vfork", by_vfork, 1);
#endif
    five_arguments();
    six_arguments();
    neighbours();
    errors();
    return done();
}
