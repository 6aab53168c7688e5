/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A bad request fails with the kernel's errno, creates no child and leaves the signal
 * mask unchanged; what libclone3 itself refuses fails with EINVAL; a good request
 * leaves errno unchanged.
 *
 * Where there is no clone3, the errno is compared with the one in the table for errors
 * that clone(2) does not report, and with clone(2)'s for what clone(2) can express;
 * what only clone3 can express fails with the errno that is returned in its place.
 */
#define _GNU_SOURCE
#include "flags.h"
#include <sys/mman.h>
#include <sys/ptrace.h>

static uint64_t mask;
static pid_t words[4];
static pid_t pids[40] = { 1 };

#define AT(object) ((uintptr_t)(object))
#define INVALID AT(8) /* in the first page, which is not mapped */

/* No child came to be, and the mask is what it was. */
static int no_trace(void)
{
    errno = 0;
    pid_t pid = waitpid(-1, NULL, __WALL | WNOHANG);
    return pid == -1 && errno == ECHILD && raw_mask() == mask;
}

/* Fails with the kernel's errno, by both ways to ask. `known` is that errno
 * where the library can tell without the kernel, 0 where it cannot. */
static void fails(const char *name, void *args, size_t size, int known)
{
    int wanted = known;
    if (!known || native())
        wanted = kernels_errno(args, size);
    if (!wanted) {
        skip(named("refused: %s", name), "this kernel accepts it");
        return;
    }
    for (enum how how = RETURNING; how <= CALLED; how++) {
        errno = 0;
        pid_t pid = make_sized(how, args, size, end_with_7, NULL);
        int given = errno;
        if (!ok(pid == -1 && given == wanted && no_trace(), "%s refuses as the kernel does: %s", by[how], name)) {
            printf("# got %d and errno %d (%s), the kernel: %d (%s)\n", pid, given, strerror(given),
                wanted, strerror(wanted));
            status_of(pid);
        }
    }
    /* The tables say what the kernel says. */
    if (known && known != wanted)
        printf("# %s: the table has %s, the kernel %s\n", name, strerror(known), strerror(wanted));
}

#define BAD(known, ...) BAD_NAMED(known, #__VA_ARGS__, __VA_ARGS__)
#define BAD_NAMED(known, name, ...)                                                        \
    do {                                                                       \
        struct clone_args args = { .exit_signal = SIGCHLD, __VA_ARGS__ };      \
        fails(name, &args, sizeof args, known);                                \
    } while (0)

#pragma GCC diagnostic ignored "-Woverride-init" /* exit_signal, deliberately */

static void fails_at_bit(int bit)
{
    BAD_NAMED(EINVAL, named("the flag of bit %d", bit), .flags = 1ull << bit);
}

/* In the order in which the kernel looks (kernel/fork.c). Where two mistakes
 * meet, the first one counts. */
static void fields(void)
{
    BAD(EINVAL, .set_tid = AT(pids));
    BAD(EINVAL, .set_tid_size = 1);
    BAD(EINVAL, .set_tid = AT(pids), .set_tid_size = 33);
    BAD(EINVAL, .exit_signal = 0x100);
    BAD(EINVAL, .exit_signal = 1ull << 63 | SIGCHLD);
    BAD(0, .flags = CLONE_INTO_CGROUP, .cgroup = 1ull << 31);
    BAD(0, .set_tid = INVALID, .set_tid_size = 1);
    if (native())
        BAD(0, .set_tid = INVALID, .set_tid_size = 1, .flags = 1ull << 63);
    BAD(EINVAL, .flags = CLONE_DETACHED);
    for (int bit = 0; bit < 7; bit++)
        fails_at_bit(bit);
    for (int bit = 38; bit < 64; bit++) /* the kernel may learn more one day */
        fails_at_bit(bit);
    BAD(EINVAL, .flags = CLONE_SIGHAND | CLONE_CLEAR_SIGHAND | CLONE_VM | CLONE_VFORK);
    BAD(EINVAL, .flags = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_VFORK);
    BAD(EINVAL, .flags = CLONE_PARENT);
    BAD(EINVAL, .flags = CLONE_PARENT, .exit_signal = 1);
    BAD(EINVAL, .flags = CLONE_PIDFD | CLONE_PARENT_SETTID, .pidfd = AT(words),
        .parent_tid = AT(words));
    BAD(EINVAL, .exit_signal = 65);
    BAD(EINVAL, .exit_signal = 0xff);
    BAD(0, .flags = CLONE_FS | CLONE_NEWNS);
    BAD(0, .flags = CLONE_FS | CLONE_NEWUSER);
    BAD(0, .flags = CLONE_THREAD, .exit_signal = 0);
    BAD(0, .flags = CLONE_THREAD | CLONE_VM | CLONE_VFORK, .exit_signal = 0);
    BAD(0, .flags = CLONE_SIGHAND);
    BAD(0, .flags = CLONE_THREAD | CLONE_SIGHAND, .exit_signal = 0);
    BAD(0, .flags = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_VFORK | CLONE_NEWPID,
        .exit_signal = 0);
    BAD(0, .flags = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_VFORK | CLONE_NEWUSER,
        .exit_signal = 0);
    BAD(0, .flags = CLONE_SYSVSEM | CLONE_NEWIPC);
    BAD(0, .flags = CLONE_PIDFD, .pidfd = INVALID);
    BAD(0, .flags = CLONE_INTO_CGROUP, .cgroup = 0x7fffffff);
    BAD(0, .set_tid = AT(words), .set_tid_size = 1); /* pid 0 */
    BAD(0, .set_tid = AT(&(pid_t){ -1 }), .set_tid_size = 1);
    BAD(0, .set_tid = AT(&(pid_t){ 1 }), .set_tid_size = 1);
    BAD(0, .set_tid = AT(pids), .set_tid_size = 32);
    /* Unknown to this kernel perhaps, and in these combinations to none. */
    BAD(0, .flags = 1ull << 34 /* AUTOREAP */);
    BAD(0, .flags = 1ull << 36 /* PIDFD_AUTOKILL */, .exit_signal = 0);
}

static void sizes(void)
{
    static _Alignas(8) unsigned char bytes[8192];
    static const size_t bad[] = { 0, 1, 8, 63, 4097, 8192, 1u << 31, SIZE_MAX };
    struct clone_args *args = (void *)bytes;
    char name[64];
    args->exit_signal = SIGCHLD;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int known = bad[i] > 4096 ? E2BIG : EINVAL;
        snprintf(name, sizeof name, "a struct of %zu bytes", bad[i]);
        fails(name, args, bad[i], known);
        snprintf(name, sizeof name, "no struct, said to have %zu bytes", bad[i]);
        fails(name, NULL, bad[i], known);
    }
    args->flags = CLONE_INTO_CGROUP;
    fails("CLONE_INTO_CGROUP in a struct of 64 bytes", args, 64, EINVAL);
    fails("CLONE_INTO_CGROUP in a struct of 80 bytes", args, 80, EINVAL);
    args->flags = 0;
    bytes[88] = 1;
    fails("a byte that is not zero in a field that is not known", args, 89, E2BIG);
    bytes[88] = 0;
}

static void pointers(void)
{
    unsigned char *pages = mmap(NULL, 2 * 65536, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char *end = pages + 65536;
    if (pages == MAP_FAILED || munmap(end, 65536) != 0)
        exit(1);
    struct clone_args *last = (void *)(end - sizeof *last);
    last->exit_signal = SIGCHLD;
    if (filtered("size")) {
        skip("refused: structs at invalid addresses", "this filter answers before the kernel looks there");
    } else {
        fails("no struct (NULL), said to have its whole size", NULL, sizeof *last, EFAULT);
        fails("a struct in an unmapped page", (void *)8, sizeof *last, EFAULT);
        fails("a struct beyond user space", (void *)(1ul << 63), sizeof *last, EFAULT);
        fails("a struct at the last address there is", (void *)-8L, sizeof *last, EFAULT);
        fails("a struct whose end is in an unmapped page", end - 64, sizeof *last, EFAULT);
        fails("a struct whose zeroes at the end are in an unmapped page", last, 96, EFAULT);
        fails("a struct of 64 bytes in a page that was unmapped", end, 64, EFAULT);
    }
    /* One that ends with its page is good. */
    for (enum how how = RETURNING; how <= CALLED; how++) {
        is(status_of(make_sized(how, last, sizeof *last, end_with_7, NULL)), 7,
            named("%s accepts 88 bytes at the end of a page", by[how]));
        struct clone_args *small = (void *)(end - 64);
        memset(small, 0, 64);
        small->exit_signal = SIGCHLD;
        is(status_of(make_sized(how, small, 64, end_with_7, NULL)), 7,
            named("%s accepts 64 bytes at the end of a page", by[how]));
        memset(end - 88, 0, 88);
        last->exit_signal = SIGCHLD;
    }
    mprotect(pages, 65536, PROT_NONE);
    if (!filtered("size"))
        fails("a struct in a page that may not be read", last, sizeof *last, EFAULT);
    munmap(pages, 65536);
}

/* Refused before the kernel is asked, which has no fault to find: a traced child's system
 * calls are counted. */
static void stays_out_of_the_kernel(const char *name, struct clone_args args)
{
    int status, calls = 0;
    if (emulated()) {
        skip(named("%s: EINVAL, and no clone system call is made", name), "qemu-user has no ptrace");
        return;
    }
    pid_t pid = fork();
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0)
            _exit(9);
        raise(SIGSTOP);
        pid_t child = clone3(&args, sizeof args);
        _exit(child == -1 && errno == EINVAL ? 7 : 1);
    }
    waitpid(pid, &status, 0);
    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
    while (WIFSTOPPED(status)) {
        struct { uint8_t op; uint8_t pad[3]; uint32_t arch; uint64_t ip, sp, nr, args[6]; } info;
        if (WSTOPSIG(status) == (SIGTRAP | 0x80)
            && ptrace(0x420e /* PTRACE_GET_SYSCALL_INFO, Linux 5.3 */, pid, sizeof info, &info) > 0
            && info.op == 1)
            calls += info.nr == SYS_clone3 || info.nr == SYS_clone;
        int signal = WSTOPSIG(status);
        int none = signal == SIGSTOP || signal == (SIGTRAP | 0x80);
        ptrace(PTRACE_SYSCALL, pid, 0, none ? 0 : signal);
        waitpid(pid, &status, 0);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 9) {
        skip(named("%s: EINVAL, and no clone system call is made", name), "ptrace is refused");
        return;
    }
    ok(WIFEXITED(status) && WEXITSTATUS(status) == 7 && calls == 0,
        "%s: EINVAL, and no clone system call is made", name);
}

static void einval(const char *name, long result)
{
    int given = errno;
    ok(result == -1 && given == EINVAL && no_trace(), "%s: EINVAL, and no child is made", name);
}

/* What clone3() cannot bring back, though the kernel would make it. */
static void refused_by_the_library(void)
{
    struct clone_args stack = { .exit_signal = SIGCHLD, .stack = AT(child_stack),
        .stack_size = sizeof child_stack };
    struct clone_args shared = { .exit_signal = SIGCHLD, .flags = CLONE_VM };
    struct clone_args both = stack, lent = stack, fine = { .exit_signal = SIGCHLD };
    both.flags = CLONE_VM;
    lent.flags = CLONE_VM | CLONE_VFORK;
    einval("clone3() with a stack", clone3(&stack, sizeof stack));
    einval("clone3() with VM", clone3(&shared, sizeof shared));
    einval("clone3() with VM and a stack", clone3(&both, sizeof both));
    einval("clone3() with VM, VFORK and a stack", clone3(&lent, sizeof lent));
    einval("clone3_call() with VM but no stack",
        clone3_call(&shared, sizeof shared, end_with_7, NULL));
    ok(clone3_call(&fine, sizeof fine, NULL, NULL) == -1 && errno == EFAULT, "clone3_call() without a function: EFAULT");
    einval("clone() without a function", clone(NULL, child_stack + sizeof child_stack, SIGCHLD, NULL));
    einval("clone() without a stack", clone(end_with_7, NULL, SIGCHLD, NULL));
    stays_out_of_the_kernel("clone3() with a stack", stack);
    stays_out_of_the_kernel("clone3() with VM", shared);

    /* Half a stack is no stack of the library's, but the kernel's to refuse. */
    stack.stack_size = 0;
    fails("a stack of size zero", &stack, sizeof stack, EINVAL);
    stack = (struct clone_args){ .exit_signal = SIGCHLD, .stack_size = 4096 };
    fails("a size of a stack without its address", &stack, sizeof stack, EINVAL);
}

static void success_leaves_errno(void)
{
    struct clone_args args = { .exit_signal = SIGCHLD };
    for (enum how how = RETURNING; how <= CALLED; how++) {
        errno = 77;
        pid_t pid = make(how, args, end_with_7, NULL);
        int after = errno;
        is(after, 77, named("%s leaves errno alone when it makes a child", by[how]));
        is(status_of(pid), 7, named("%s, whose errno was looked at, has made a child", by[how]));
        ok(raw_mask() == mask, "%s leaves the signal mask alone when it makes a child", by[how]);
    }
}

int main(void)
{
    sigset_t some;
    begin(60);
    sigemptyset(&some);
    sigaddset(&some, SIGUSR2);
    sigaddset(&some, SIGRTMAX - 1);
    sigprocmask(SIG_SETMASK, &some, NULL);
    mask = raw_mask();
    fields();
    sizes();
    pointers();
    refused_by_the_library();
    success_leaves_errno();
    return done();
}
