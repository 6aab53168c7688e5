/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* CLONE_SETTLS on 32-bit x86 takes a struct user_desc, in clone3(2) as in
 * clone(2): which entry, and its base. The child has its own %gs, the parent
 * keeps its. clone() takes what the libc's own takes.
 *
 * archs: i686
 */
#define _GNU_SOURCE
#include "flags.h"

#define TOP (child_stack + sizeof child_stack)
enum { MAGIC = 0x7e57 };

static uintptr_t block[1024]; /* the child uses no TLS, but a stack protector may */
static volatile uintptr_t first_word, second_word;

static int look(void *unused)
{
    uintptr_t first, second;
    (void)unused;
    __asm__ volatile("mov %%gs:0, %0\n\tmov %%gs:4, %1" : "=r"(first), "=r"(second));
    first_word = first;
    second_word = second;
    return 7;
}

static void sees_its_own(const char *name, pid_t pid, int shares)
{
    is(status_of(pid), 7, named("%s with SETTLS makes a child", name));
    if (shares)
        ok(first_word == (uintptr_t)(block + 512) && second_word == MAGIC, "%s with SETTLS: %%gs of the child is the given one", name);
    ok(own_thread_area().base == (uintptr_t)__builtin_thread_pointer(), "%s with SETTLS: the parent keeps its %%gs", name);
    first_word = second_word = 0;
}

static void by_clone3_call(uint64_t flags)
{
    struct clone_args args = { .flags = CLONE_SETTLS | flags, .exit_signal = SIGCHLD,
        .tls = (uintptr_t)settls(block + 512), .stack = (uintptr_t)child_stack,
        .stack_size = sizeof child_stack };
    sees_its_own(flags & CLONE_VFORK ? "clone3_call with VM, VFORK" : "clone3_call with VM",
        clone3_call(&args, sizeof args, look, NULL), 1);
}

static void by_clone(void)
{
#ifdef __GLIBC__
    void *tls = settls(block + 512);
#else
    void *tls = block + 512;
#endif
    sees_its_own("clone with VM",
        clone(look, TOP, CLONE_VM | CLONE_SETTLS | SIGCHLD, NULL, NULL, tls, NULL), 1);
}

static struct clone_args lent = { .flags = CLONE_SETTLS | CLONE_VM | CLONE_VFORK,
    .exit_signal = SIGCHLD };

static void by_clone3(void)
{
    lent.tls = (uintptr_t)settls(block + 512);
    pid_t pid = clone3(&lent, sizeof lent);
    if (pid == 0)
        raw_exit(look(NULL));
    sees_its_own("clone3 with VM, VFORK", pid, 1);
}

static void refused(const char *name, struct thread_area *area, int error, const char *words)
{
    struct clone_args args = { .flags = CLONE_SETTLS, .exit_signal = SIGCHLD,
        .tls = (uintptr_t)area };
    char text[200];
    is(kernels_errno(&args, sizeof args), error, named("the kernel refuses SETTLS with %s", name));
    errno = 0;
    ok(clone3(&args, sizeof args) == -1 && errno == error, "clone3() refuses SETTLS with %s", name);
    errno = 0;
    ok(clone3_call(&args, sizeof args, look, NULL) == -1 && errno == error, "clone3_call() refuses SETTLS with %s", name);
    clone3_explain(&args, sizeof args, text, sizeof text);
    /* With fewer than 80 bytes it cannot be told from a pidfd's. */
    if (!filtered("size") && (native() || error == EFAULT))
        ok(strncmp(text, words, strlen(words)) == 0, "clone3_explain() names SETTLS with %s: %s", name, text);
}

int main(void)
{
    begin(30);
    block[512] = (uintptr_t)(block + 512);
    block[513] = MAGIC;
    by_clone3_call(CLONE_VM);
    by_clone3_call(CLONE_VM | CLONE_VFORK);
    by_clone();
    by_clone3();
    struct thread_area wrong = own_thread_area();
    wrong.number = 1;
    refused("an entry that is not for threads", &wrong, EINVAL, "EINVAL: CLONE_SETTLS: ");
    refused("an invalid address", (void *)8, EFAULT, "EFAULT: CLONE_SETTLS: ");
    return done();
}
