/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* clone3() has the results of clone3(2): 9000 requests, generated from a seed, go
 * through the library and directly to the kernel, as root, without privileges and in a
 * pid namespace; both give a child, or both the same errno. clone3_explain() names that
 * errno where the kernel refuses, and is silent where it does not. The two things
 * clone3() refuses by itself are the only exceptions: they are explained by what to use
 * instead, and clone3_call() is compared. Where clone3(2) is hidden the library can
 * only be compared with clone3_explain().
 *
 * Each libc and mode has requests of its own. Environment: SEED (a number) for
 * others, CASES for how many of each kind.
 */
#define _GNU_SOURCE
#include "differ.h"
#include "cgroup.h"
#include <grp.h>
#include <sys/prctl.h>

static const struct { int number; const char *name; } errnos[] = { { EINVAL, "EINVAL" },
    { EFAULT, "EFAULT" }, { E2BIG, "E2BIG" }, { EPERM, "EPERM" }, { EEXIST, "EEXIST" },
    { EBADF, "EBADF" }, { EAGAIN, "EAGAIN" }, { ENOMEM, "ENOMEM" }, { ENOSPC, "ENOSPC" },
    { EACCES, "EACCES" }, { EBUSY, "EBUSY" }, { EOPNOTSUPP, "EOPNOTSUPP" }, { EMFILE, "EMFILE" },
    { ENOENT, "ENOENT" }, { ENOSYS, "ENOSYS" }, { ENFILE, "ENFILE" } };

static int number_of(const char *text)
{
    for (size_t i = 0; i < sizeof errnos / sizeof *errnos; i++) {
        size_t length = strlen(errnos[i].name);
        if (strncmp(text, errnos[i].name, length) == 0 && text[length] == ':')
            return errnos[i].number;
    }
    return *text ? -1 : 0;
}

__attribute__((noreturn)) static int end_at_once(void *unused)
{
    (void)unused;
    for (;;)
        raw(SYS_exit, 0);
}

/* Waits until a child is gone, which others may have to reap, and closes its pidfd. */
static int gone(struct differ *d, long child)
{
    const struct clone_args *args = (const void *)d->bytes;
    if (child < 0)
        return (int)-child;
    if (args->flags & CLONE_PIDFD && (uintptr_t)&d->pidfd == args->pidfd)
        raw(SYS_close, d->pidfd);
    if (args->flags & (CLONE_THREAD | CLONE_PARENT))
        while (raw(SYS_kill, child, 0) == 0 || raw(SYS_tgkill, getpid(), child, 0) == 0)
            sched_yield();
    else
        waitpid((pid_t)child, NULL, __WALL);
    return 0;
}

static int by_library(struct differ *d, enum how how)
{
    struct clone_args *args = d->address;
    pid_t pid = how == RETURNING ? clone3(args, d->size) : clone3_call(args, d->size, end_at_once, NULL);
    if (pid == 0)
        end_at_once(NULL);
    return gone(d, pid < 0 ? -errno : pid);
}

struct verdict { int kernel, library, explained, refused; char text[256]; };

/* What all three say. `refused`: that the library may not be compared. With
 * patience, because a pid asked for is in use a moment longer than its task. */
static struct verdict judge(struct differ *d, long patience)
{
    struct verdict v = { 0 };
    const struct clone_args *args = (const void *)d->bytes;
    int readable = d->address == d->bytes && d->size >= 64 && d->size <= 4096;
    int has_stack = args->stack != 0 || args->stack_size != 0;
    int beside = (args->flags & (CLONE_VM | CLONE_VFORK)) == CLONE_VM;
    pause_ms(patience);
    clone3_explain(d->address, d->size, v.text, sizeof v.text);
    v.explained = number_of(v.text);
    /* What the kernel would do and clone3() alone refuses is explained as such. */
    int own = strstr(v.text, "use clone3_call()") != NULL;
    if (own)
        v.explained = v.explained == EINVAL && readable && (has_stack || beside) ? 0 : -1;
    pause_ms(patience);
    v.kernel = gone(d, bare_clone3(d->address, d->size));
    pause_ms(patience);
    v.library = by_library(d, RETURNING);
    pause_ms(patience);
    if (readable && (has_stack || beside)) {
        v.refused = 1;
        if (v.library != EINVAL)
            v.library = -1;
        else if (args->stack && args->stack_size && (args->stack_size == 65536 || v.kernel))
            v.library = by_library(d, CALLED);
        else
            v.library = v.kernel;
        if (v.kernel == 0 && !own)
            v.explained = -1;
    }
    return v;
}

static int agree(const struct verdict *v) { return v->kernel == v->library && v->kernel == v->explained; }

/* Where clone3(2) is hidden the library is compared with what it explains. */
static struct verdict judge_hidden(struct differ *d, long patience)
{
    struct verdict v = { 0 };
    struct clone_args *args = (void *)d->bytes;
    uint64_t needs_privilege = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC
        | CLONE_NEWPID | CLONE_NEWCGROUP | CLONE_NEWNET;
    args->flags &= ~needs_privilege; /* what clone(2) says of those is not foreseen, */
    if (sizeof(void *) == 8 && args->tls >> 47)
        args->flags &= ~(uint64_t)CLONE_SETTLS; /* nor of this */
#ifdef __i386__
    if (args->tls == (uintptr_t)place.read_only) /* nor of a descriptor that is none */
        args->flags &= ~(uint64_t)CLONE_SETTLS;
#endif
    pause_ms(patience);
    clone3_explain(d->address, d->size, v.text, sizeof v.text);
    v.explained = number_of(v.text);
    v.library = by_library(d, RETURNING);
    if (v.library == EINVAL && (args->stack || args->stack_size
            || (args->flags & (CLONE_VM | CLONE_VFORK)) == CLONE_VM)) {
        v.refused = 1;
        v.library = v.explained;
    }
    v.kernel = v.library;
    return v;
}

struct tally { long cases, children, refusals, wrong; };

static void compare(long cases, struct tally *tally)
{
    struct verdict (*const ask)(struct differ *, long) = native() ? judge : judge_hidden;
    static struct differ d;
    for (long i = 0; i < cases; i++) {
        uint64_t before = differ_state;
        differ_make(&d);
        struct verdict v = ask(&d, 0);
        /* A pid asked for may come and go: what happens four times is true. */
        for (int again = 1; again < 4 && !agree(&v); again++)
            v = ask(&d, 10 * again);
        tally->cases++;
        tally->children += v.kernel == 0;
        tally->refusals += v.refused;
        if (!agree(&v) && tally->wrong++ < 10) {
            printf("# SEED=%llu CASES=1 shows: the kernel %s, the library %s, explained \"%s\"\n",
                (unsigned long long)before, v.kernel ? strerror(v.kernel) : "makes a child",
                v.library < 0 ? "does not refuse" : v.library ? strerror(v.library) : "makes a child",
                v.text);
            differ_print(&d);
        }
    }
}

enum { CANNOT = 77 };

#ifdef __GLIBC__
enum { LIBC = 0 };
#else
enum { LIBC = 3 };
#endif
#if defined MODE_PRELOAD
enum { TARGET = LIBC };
#elif defined MODE_SHARED
enum { TARGET = LIBC + 1 };
#else
enum { TARGET = LIBC + 2 };
#endif

/* One process of its own, whose siblings (CLONE_PARENT) this one reaps. */
static void as(const char *name, void (*become)(void), long cases, uint64_t seed, const char *cgroup)
{
    struct tally *tally = shared_with_children(sizeof *tally);
    fflush(stdout);
    pid_t worker = fork();
    if (worker == 0) {
        alarm(200);
        become();
        differ_places(cgroup);
        differ_state = seed;
        compare(cases, tally);
        fflush(stdout);
        _exit(0);
    }
    int status = -1;
    for (;;) {
        int one;
        pid_t pid = waitpid(-1, &one, __WALL);
        if (pid == worker)
            status = one;
        if (pid < 0 && errno == ECHILD)
            break;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT) {
        skip(named("requests %s have the kernel's answers", name), "this user cannot become that here");
        return;
    }
    ok(status == 0 && tally->cases == cases && tally->wrong == 0,
        "requests %s have the kernel's answers: %ld requests, %ld children, %ld that the library refuses", name, tally->cases,
        tally->children, tally->refusals);
    if (status != 0)
        printf("# the worker ended with status %#x after %ld requests\n", status, tally->cases);
    ok(cases < 100 || (tally->children > cases / 20 && tally->children < cases / 2),
        "requests %s make children as well as refusals", name);
    munmap(tally, sizeof *tally);
}

static void stay(void) { }

static void drop(void)
{
    if (getuid() == 0 && (setgroups(0, NULL) != 0 || setgid(12345) != 0 || setuid(12345) != 0))
        _exit(CANNOT);
    prctl(PR_SET_DUMPABLE, 1); /* /proc/self stays ours */
}

/* The worker of a pid namespace is its init, and so has no siblings. */
static void enter_namespace(void)
{
    int flags = CLONE_NEWPID | (getuid() == 0 ? 0 : CLONE_NEWUSER);
    if (unshare(flags) != 0)
        _exit(CANNOT);
    pid_t inside = fork();
    if (inside == 0)
        alarm(200);
    else {
        int status = 1;
        waitpid(inside, &status, 0);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 5);
    }
}

int main(void)
{
    const char *seed_text = getenv("SEED"), *cases_text = getenv("CASES"), *scale = getenv("TIME_SCALE");
    uint64_t seed = seed_text ? strtoull(seed_text, NULL, 0) : 20190701 + TARGET * 1000;
    long cases = cases_text ? atol(cases_text) : scale ? 3000 / atol(scale) : 3000;
    char cgroup[4096];
    begin(200);
    if (emulated()) {
        skip("made-up requests have the kernel's answers", "qemu-user has rules of its own for clone(2)");
        return done();
    }
    if (filtered("size")) {
        skip("made-up requests have the kernel's answers", "this filter refuses what the kernel would take");
        return done();
    }
    signal(SIGUSR1, SIG_IGN);
    signal(64, SIG_IGN);
    int has_cgroup = make_cgroup(cgroup, sizeof cgroup, NULL) == 0;
    if (getuid() == 0)
        as("as root", stay, cases, seed, has_cgroup ? cgroup : NULL);
    else
        skip("requests as root have the kernel's answers", "not root");
    as("without privileges", drop, cases, seed ^ 0x55, has_cgroup ? cgroup : NULL);
    as("in a pid namespace", enter_namespace, cases, seed ^ 0xaa, has_cgroup ? cgroup : NULL);
    if (has_cgroup)
        is(remove_cgroup(cgroup), 0, "the cgroup of the requests is empty again and can be removed");
    return done();
}
