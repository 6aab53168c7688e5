/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Under the filters of real sandboxes (filter.h) every function creates a sound child,
 * and only the first call makes a failing system call: no later one does, nor do
 * children that create children. In a process that never called clone3, and in one that
 * did before the filter was installed. The errno of a filter on clone(2) is returned to
 * the caller, and if clone3 is available and refuses, clone(2) is not tried.
 */
#define _GNU_SOURCE
#include "checks.h"
#include "filter.h"
#include "flags.h"
#include "libc.h"
#include "trace.h"
#include <grp.h>

static int keeps_thread_id;

/* First its own marks, for it is born into its maker's counted part. */
static int sound(void *maker)
{
    mark(MARK_END);
    if (keeps_thread_id && owns_what_it_locks() != 0)
        return 1;
    mark(MARK_BEGIN);
    pid_t pid = ((const struct maker *)maker)->make(end_with_7, NULL);
    mark(MARK_END);
    return status_of(pid) == 7 ? 7 : 2;
}

/* Where memory is lent. */
static int lent(void *unused)
{
    (void)unused;
    mark(MARK_END);
    return 7;
}

static struct clone_args like_vfork = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD };
RETURNING(by_vfork, vfork())
RETURNING(by_small_clone3, clone3(&like_fork, CLONE_ARGS_SIZE_VER0))
RETURNING(by_clone3_lent, clone3(&like_vfork, CLONE_ARGS_SIZE_VER0))
RETURNING(by_syscall_lent, syscall(SYS_clone3, &like_vfork, CLONE_ARGS_SIZE_VER0))
#ifdef SYS_vfork
RETURNING(by_syscall_vfork, syscall(SYS_vfork))
#endif

static pid_t by_call_lent(child_fn *run, void *argument)
{
    return clone3_call(&like_vfork, CLONE_ARGS_SIZE_VER0, run, argument);
}

static pid_t by_clone_shared(child_fn *run, void *argument)
{
    return clone(run, clone_stack + sizeof clone_stack, CLONE_VM | SIGCHLD, argument);
}

static const struct maker others[] = {
    { .name = "clone3, 64 bytes", .make = by_small_clone3, .is_fork = 1 },
    { .name = "vfork", .make = by_vfork },
    { .name = "clone3, VM and VFORK", .make = by_clone3_lent },
    { .name = "clone3_call, VM and VFORK", .make = by_call_lent },
    { .name = "clone, VM", .make = by_clone_shared },
    { .name = "syscall(SYS_clone3), VM and VFORK", .make = by_syscall_lent },
#ifdef SYS_vfork
    { .name = "syscall(SYS_vfork)", .make = by_syscall_vfork },
#endif
};
enum { MAKERS = sizeof makers / sizeof *makers, OTHERS = sizeof others / sizeof *others };

static const struct maker *nth_maker(size_t n)
{
    return n < MAKERS ? &makers[n] : &others[n - MAKERS];
}

static int copies(size_t n) { return n < MAKERS || others[n - MAKERS].is_fork; }

/* What a process under a filter does: one child to find out, then two more. */
static int make_three(size_t n)
{
    const struct maker *maker = nth_maker(n);
    int good = 0;
    for (int i = 0; i < 3; i++) {
        if (i > 0)
            mark(MARK_BEGIN);
        pid_t pid = maker->make(copies(n) ? sound : lent, (void *)maker);
        mark(MARK_END);
        good += status_of(pid) == 7;
    }
    return good == 3 ? 7 : good;
}

struct trial {
    const struct filter_kind *kind;
    size_t maker;
    int fresh; /* a program of its own, in which the library starts anew */
};

static int try(void *argument)
{
    const struct trial *trial = argument;
    if (!trial->fresh && make_three(trial->maker) != 7)
        return 11;
    if (install_filter(trial->kind) != 0)
        return 12;
    if (!trial->fresh)
        return make_three(trial->maker);
    char number[16];
    snprintf(number, sizeof number, "%zu", trial->maker);
    execl("/proc/self/exe", "06-filters", number, (char *)NULL);
    return 13;
}

static void behind(const struct filter_kind *kind)
{
    for (size_t n = 0; n < MAKERS + OTHERS; n++)
        for (int fresh = 0; fresh <= 1; fresh++) {
            struct trial trial = { kind, n, fresh };
            const char *when = fresh ? "from the start" : "later";
            struct trace trace = traced_run(try, &trial);
            if (trace.status == -1) {
                skip(named("children behind the filter %s", kind->name), "ptrace is refused");
                return;
            }
            if (!ok(trace.status == 7, "behind the filter %s, installed %s, %s makes three children with a consistent libc", kind->name, when,
                    nth_maker(n)->name))
                printf("# status %d\n", trace.status);
            if (!ok(trace.failed == 0, "behind the filter %s, installed %s, %s has no system call fail but for the first child",
                    kind->name, when, nth_maker(n)->name))
                printf("# %d did, the first one number %ld, %s\n", trace.failed, trace.number,
                    strerror(trace.error));
        }
}

/* The errno of a clone3 with CLONE_NEWUTS, which a child exits with. */
static int new_uts_errno(void *how)
{
    struct clone_args args = { .flags = CLONE_NEWUTS, .exit_signal = SIGCHLD };
    errno = 0;
    mark(MARK_BEGIN);
    pid_t pid = make(*(enum how *)how, args, end_with_7, NULL);
    int given = errno;
    mark(MARK_END);
    if (pid > 0)
        status_of(pid);
    return pid == -1 ? given : 0;
}

static void namespace_behind(const struct filter_kind *kind)
{
    for (enum how how = RETURNING; how <= CALLED; how++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(install_filter(kind) ? 99 : new_uts_errno(&how));
        char name[80];
        snprintf(name, sizeof name, "behind the filter %s, %s with CLONE_NEWUTS has the kernel's result", kind->name, by[how]);
        if (geteuid() == 0)
            is(status_of(pid), kind->no_namespaces ? EPERM : 0, name);
        else
            is(status_of(pid), EPERM, name);
    }
}

/* A refused namespace, then a child for which nothing is missing. */
static int without_capability(void *how)
{
    if (geteuid() == 0 && (setgroups(0, NULL) || setgid(65534) || setuid(65534)))
        return 99;
    int given = new_uts_errno(how);
    mark(MARK_BEGIN);
    pid_t pid = make(*(enum how *)how, (struct clone_args){ .exit_signal = SIGCHLD }, lent, NULL);
    mark(MARK_END);
    return status_of(pid) == 7 ? given : 98;
}

static void missing_capability(void)
{
    for (enum how how = RETURNING; how <= CALLED; how++) {
        struct trace trace = traced_run(without_capability, &how);
        if (trace.status == -1) {
            skip(named("%s with a missing capability", by[how]), "ptrace is refused");
            return;
        }
        is(trace.status, EPERM, named("%s with a missing capability: EPERM, and then another child", by[how]));
        if (!ok(trace.clones == 0 && trace.clone3s >= 2,
                "%s with a missing capability: neither that nor the next child is tried by clone(2)", by[how]))
            printf("# %d times clone3, %d times clone\n", trace.clone3s, trace.clones);
    }
}

int main(int count, char **words)
{
    keeps_thread_id = libc_keeps_thread_id();
    if (count == 2)
        return make_three((size_t)atoi(words[1]));
    begin_group(100);
    const char *outer = getenv("FILTERED");
    if (outer) { /* so that the other tests need not ask whether it is there */
        const struct filter_kind *kind = find_filter(outer);
        uint64_t large[11] = { 1ull << 63 };
        is(-raw(SYS_clone3, large, sizeof large), kind ? kind->clone3 : 0, "clone3 behind the runner's filter has the filter's errno");
        is(unreachable_errno(), kind && !kind->large_only ? kind->clone3 : 0, "clone3 of size 0 behind the runner's filter has its errno, if that hides clone3");
        return done();
    }
    if (emulated() || !native()) {
        skip("children behind seccomp filters", emulated() ? "qemu-user has neither clone3 nor seccomp" : "no clone3 here");
        return done();
    }
    for EACH_FILTER(kind) {
        behind(kind);
        namespace_behind(kind);
    }
    missing_capability();
    return done();
}
