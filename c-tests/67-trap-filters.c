/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Under a filter that answers clone3 by SIGSYS (SECCOMP_RET_TRAP), in a program whose
 * handler makes the call return ENOSYS, every function creates a child with a
 * consistent libc: the signal is not blocked around it. The handler may create children
 * itself. It does not run in a child that shares the memory.
 */
#define _GNU_SOURCE
#include "filter.h"
#include "forms.h"
#include "libc.h"
#include <sys/mman.h>
#include <sys/utsname.h>
#include <stdatomic.h>
#include <ucontext.h>

static struct { atomic_int traps, elsewhere; pid_t pid; } *seen;
static int forks_in_handler;

static void say_enosys(void *context)
{
    ucontext_t *user = context;
#if defined(__x86_64__)
    user->uc_mcontext.gregs[REG_RAX] = -ENOSYS;
#elif defined(__i386__)
    user->uc_mcontext.gregs[REG_EAX] = -ENOSYS;
#elif defined(__aarch64__)
    user->uc_mcontext.regs[0] = -ENOSYS;
#elif defined(__riscv)
    user->uc_mcontext.__gregs[10] = -ENOSYS;
#endif
}

static void on_trap(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)info;
    seen->traps++;
    seen->elsewhere += raw(SYS_getpid) != seen->pid;
    if (forks_in_handler && seen->traps == 1) {
        int error = errno;
        seen->elsewhere += 100 * (form_underscore_fork() != 0);
        errno = error;
    }
    say_enosys(context);
}

/* What the C library's own syscall() does without clone3. */
#ifdef SYS_vfork
static int form_syscall_vfork(void)
{
    pid_t pid = (pid_t)syscall(SYS_vfork);
    if (pid == 0)
        raw_exit(0);
    return status_of(pid);
}
#endif
static int form_syscall_clone(void)
{
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0)
        raw_exit(0);
    return status_of(pid);
}
static const struct form by_number[] = {
#ifdef SYS_vfork
    { "syscall(SYS_vfork)", form_syscall_vfork, 0 },
#endif
    { "syscall(SYS_clone) that shares memory until exec", form_syscall_clone, 0 },
};

/* Puts the process under a filter that traps this call; 0 or the errno. */
static int trap(long number, int forks)
{
    struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_NODEFER };
    struct sock_filter program[] = {
        FILTER_LOAD(offsetof(struct seccomp_data, nr)),
        FILTER_IF(BPF_JEQ, (unsigned)number, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        FILTER_ALLOW,
    };
    struct sock_fprog filter = { sizeof program / sizeof *program, program };
    forks_in_handler = forks;
    seen->pid = (pid_t)raw(SYS_getpid);
    sigaction(SIGSYS, &action, NULL);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) ? errno : 0;
}

/* Three times, since the first finds out. */
static int make_three(const struct form *form, int forks, int blocks)
{
    sigset_t all;
    sigfillset(&all);
    if (trap(SYS_clone3, forks))
        return 77;
    if (blocks)
        sigprocmask(SIG_SETMASK, &all, NULL);
    for (int i = 0; i < 3; i++)
        if (form->make() != 0)
            return 10 + i;
    uint64_t mask = blocks ? 0 : raw_mask();
    return seen->traps == 0 ? 20 : seen->elsewhere ? 21 : mask ? 22 : 7;
}

static void behind(const struct form *form, int forks, int blocks)
{
    fflush(stdout);
    memset(seen, 0, sizeof *seen);
    pid_t pid = fork();
    if (pid == 0)
        _exit(make_three(form, forks, blocks));
    int status = status_of(pid);
    char name[120];
    snprintf(name, sizeof name, "%s makes three children where clone3 is trapped by a filter%s", form->name,
        forks ? " and the handler forks" : blocks ? " and all signals are blocked" : "");
#if defined(MODE_STATIC) && defined(__GLIBC__)
    if (form->make == form_system || form->make == form_popen) {
        skip(name, "a static program has its C library's");
        return;
    }
    if (form->make == form_fork && glibc_minor() < 34) {
        skip(name, "a static program has its C library's, which does not call _Fork()");
        return;
    }
#endif
#if defined(MODE_STATIC) && !defined(__GLIBC__)
    blocks |= form->make == form_fork; /* musl's own, around our _Fork() */
#endif
    if (status == 20 && blocks) /* clone(2) was called at once */
        status = 7;
    if (status == 20 && !native())
        skip(name, "what hides clone3 answers before the trap");
    else if (status == 77)
        skip(name, "no filters here");
    else
        is(status, 7, name);
}

/* A step of the child's is trapped: what the handler would see there is the memory of
 * its parent. The child ends by the signal, whose handler was the parent's. Behind
 * clone(2) it takes its handlers away itself, and is trapped at that. */
static int trapped_step(const struct filter_kind *kind)
{
    long number = kind || !native() ? SYS_rt_sigaction : SYS_setpgid;
    pid_t pid = -1;
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    if (trap(number, 0) || (kind && install_filter(kind)))
        return 77;
    for (int i = 0; i < 2; i++) {
        int error = posix_spawn(&pid, "/bin/sh", NULL, &attributes, form_words, environ);
        if (error == 0 && status_of(pid) != 128 + SIGSYS)
            return 10 + i;
    }
    return seen->elsewhere ? 21 : seen->traps ? 22 : 7;
}

/* Whether a fatal signal with a core dump ends only the process that got it. */
static int one_dump_each(void)
{
    struct utsname name;
    int major = 0, minor = 0;
    return uname(&name) == 0 && sscanf(name.release, "%d.%d", &major, &minor) == 2
        && (major > 5 || (major == 5 && minor >= 16));
}

int main(void)
{
    begin(60);
    if (emulated()) {
        skip("children behind filters that trap clone3", "the emulator would come under them");
        return done();
    }
    seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < FORMS; i++)
        if (!forms[i].is_thread) {
            behind(&forms[i], 0, 0);
            behind(&forms[i], 1, 0);
        }
    for (int i = 0; i < FORMS; i++) /* as with the C library's own */
        if (forms[i].make == form_fork || forms[i].make == form_underscore_fork
            || forms[i].make == form_vfork || forms[i].make == form_clone)
            behind(&forms[i], 0, 1);
    for (size_t i = 0; i < sizeof by_number / sizeof *by_number; i++)
        behind(&by_number[i], 0, 1);
    if (!one_dump_each()) {
        skip("no handler runs in a trapped child that shares its parent's memory",
            "before Linux 5.16 a child's core dump ends its parent, which shares the memory");
        return done();
    }
    for (int filtered = 0; filtered <= 1; filtered++) {
        fflush(stdout);
        memset(seen, 0, sizeof *seen);
        pid_t pid = fork();
        if (pid == 0)
            _exit(trapped_step(filtered ? find_filter("enosys") : NULL));
        is(status_of(pid), 7, filtered ? "no handler runs in a trapped child of clone(2) that shares its parent's memory"
                : "no handler runs in a trapped child of clone3(2) that shares its parent's memory");
    }
    return done();
}
