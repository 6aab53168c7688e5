/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* clone3_explain() has the right text where the state of the process decides:
 * capabilities, limits, namespaces, cgroups. The kernel is asked each time and has to
 * refuse with the errno that the words begin with.
 *
 * Which errno belongs to which arguments is tested by 60-differential.c.
 * modes: preload shared static api
 */
#define _GNU_SOURCE
#include "cgroup.h"
#include "differ.h"
#include <grp.h>
#include <sched.h>
#include <sys/resource.h>

#define NEWPID 0x20000000
#define NEWTIME_UNSHARE 0x80

static const struct { int number; const char *name; } errnos[] = { { EINVAL, "EINVAL" },
    { EPERM, "EPERM" }, { EEXIST, "EEXIST" }, { EAGAIN, "EAGAIN" }, { EMFILE, "EMFILE" },
    { EBADF, "EBADF" }, { ENOENT, "ENOENT" }, { EACCES, "EACCES" }, { EOPNOTSUPP, "EOPNOTSUPP" },
    { EBUSY, "EBUSY" }, { EFAULT, "EFAULT" } };

/* In a child: 7 if the kernel refuses and the words fit, 8 if it makes one, 9
 * if the words are others. What is wrong is printed as a remark. */
static int refused(struct clone_args args, const char *words)
{
    char text[256];
    const char *said = clone3_explain(&args, sizeof args, text, sizeof text);
    long result = bare_clone3(&args, sizeof args);
    if (result > 0)
        return 8;
    for (size_t i = 0; i < sizeof errnos / sizeof *errnos; i++)
        if (errnos[i].number == -result && said == text && strncmp(text, words, strlen(words)) == 0
            && strncmp(text, errnos[i].name, strlen(errnos[i].name)) == 0)
            return 7;
    printf("# the kernel says %s, the library \"%s\"\n", strerror((int)-result), text);
    fflush(stdout);
    return 9;
}

static int drop(void)
{
    return getuid() == 0 && (setgroups(0, NULL) || setgid(12345) || setuid(12345));
}

static uint64_t thread_flags = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD;
static const char *cgroup;

static int parent_from_init(void)
{
    if (unshare(NEWPID) != 0)
        return 77;
    pid_t init = fork();
    if (init == 0)
        _exit(refused((struct clone_args){ .flags = CLONE_PARENT }, "EINVAL: CLONE_PARENT: the first"));
    return status_of(init);
}

/* The first process of a pid namespace must not be tried out: when it fails, up
 * to Linux 6.18 at least, there can be none any more. */
static int first_is_still_to_come(int status)
{
    struct clone3_features features = { .size = sizeof features };
    struct clone_args fork_like = { .flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD };
    struct clone_args nnp = { .flags = CLONE_NNP, .exit_signal = SIGCHLD };
    char text[200];
    clone3_explain(&fork_like, sizeof fork_like, text, sizeof text);
    clone3_allow_emulation(CLONE_NNP | CLONE_AUTOREAP | CLONE_CLEAR_SIGHAND);
    if (clone3_probe(&features) != 0 || text[0])
        return 20;
    pid_t pid = clone3(&nnp, sizeof nnp);
    if (pid == 0)
        raw_exit(raw(SYS_getpid) == 1 ? 7 : 8);
    return pid < 0 ? 21 : status_of(pid) == 7 ? status : 22;
}

static int thread_after_unshare(void)
{
    if (unshare(NEWPID) != 0)
        return 77;
    return first_is_still_to_come(refused((struct clone_args){ .flags = thread_flags },
        "EINVAL: CLONE_THREAD after unshare"));
}

static int namespace_after_unshare(void)
{
    if (unshare(NEWPID) != 0)
        return 77;
    return first_is_still_to_come(refused((struct clone_args){ .flags = NEWPID,
        .exit_signal = SIGCHLD }, "EINVAL: CLONE_NEWPID after unshare"));
}

static int namespace_after_first(void)
{
    if (unshare(NEWPID) != 0)
        return 77;
    pid_t first = fork();
    if (first == 0)
        pause_ms(100000);
    int status = refused((struct clone_args){ .flags = NEWPID, .exit_signal = SIGCHLD },
        "EINVAL: CLONE_NEWPID after unshare");
    kill(first, SIGKILL);
    return status_of(first) == 128 + SIGKILL ? status : 30;
}

/* From 5.6 to 6.1 at least; fine on 6.18. */
static int memory_after_unshare(void)
{
    if (unshare(NEWTIME_UNSHARE) != 0)
        return 77;
    int status = refused((struct clone_args){ .flags = CLONE_VM, .exit_signal = SIGCHLD },
        "EINVAL: CLONE_VM after unshare(CLONE_NEWTIME)");
    char text[64];
    struct clone_args fork_like = { .exit_signal = SIGCHLD };
    clone3_explain(&fork_like, sizeof fork_like, text, sizeof text);
    return text[0] ? 10 : status;
}

static int many_processes(void)
{
    struct rlimit none = { 0, 0 };
    if (drop() || setrlimit(RLIMIT_NPROC, &none) != 0)
        return 77;
    return refused((struct clone_args){ .exit_signal = SIGCHLD }, "EAGAIN: RLIMIT_NPROC");
}

static int many_descriptors(void)
{
    struct rlimit none = { 0, 0 };
    int place;
    setrlimit(RLIMIT_NOFILE, &none);
    return refused((struct clone_args){ .flags = CLONE_PIDFD, .pidfd = (uintptr_t)&place },
        "EMFILE: no descriptor");
}

static int no_capability_for_namespaces(void)
{
    return drop() ? 77 : refused((struct clone_args){ .flags = CLONE_NEWUTS, .exit_signal = SIGCHLD },
        "EPERM: new namespaces need CAP_SYS_ADMIN");
}

static int no_capability_for_pids(void)
{
    pid_t own = getpid();
    struct clone_args args = { .set_tid = (uintptr_t)&own, .set_tid_size = 1 };
    return drop() ? 77 : refused(args, "EPERM: set_tid needs CAP_SYS_ADMIN");
}

static int pid_in_use(void)
{
    pid_t own = getpid();
    struct clone_args args = { .set_tid = (uintptr_t)&own, .set_tid_size = 1 };
    return getuid() != 0 ? 77 : refused(args, "EEXIST: set_tid: one of the pids is in use");
}

static int pid_out_of_range(void)
{
    pid_t pids[] = { 1 << 30 };
    struct clone_args args = { .set_tid = (uintptr_t)pids, .set_tid_size = 1 };
    return refused(args, "EINVAL: set_tid: more pids");
}

static int first_pid_is_1(void)
{
    pid_t pids[] = { 2 };
    struct clone_args args = { .flags = NEWPID, .set_tid = (uintptr_t)pids, .set_tid_size = 1 };
    return getuid() != 0 ? 77 : refused(args, "EINVAL: set_tid: more pids");
}

static int in(const char *path, uint64_t more, const char *words)
{
    struct clone_args args = { .flags = CLONE_INTO_CGROUP | more,
        .exit_signal = more & CLONE_THREAD ? 0 : SIGCHLD,
        .cgroup = (uint64_t)open(path, O_PATH | O_CLOEXEC) };
    return refused(args, words);
}

static int not_a_cgroup(void) { return in("/", 0, "EBADF: cgroup is not the descriptor"); }

static int cgroup_not_ours(void)
{
    return !cgroup || drop() ? 77 : in(cgroup, 0, "EACCES: cgroup: no permission");
}

/* A child cgroup turned threaded makes its siblings' domains invalid. */
static int invalid_domain(void)
{
    char threaded[4200], sibling[4200];
    snprintf(threaded, sizeof threaded, "%s/threaded", cgroup);
    snprintf(sibling, sizeof sibling, "%s/sibling", cgroup);
    if (!cgroup || mkdir(threaded, 0755) != 0)
        return 77;
    int status = 77;
    if (set_cgroup(threaded, "cgroup.type", "threaded") == 0 && mkdir(sibling, 0755) == 0)
        status = in(sibling, 0, "EOPNOTSUPP: cgroup: its domain is invalid");
    rmdir(sibling);
    rmdir(threaded);
    return status;
}

static int thread_in_other_domain(void)
{
    return !cgroup ? 77 : in(cgroup, thread_flags, "EOPNOTSUPP: cgroup: its domain is invalid (cgroup.type), or that");
}

static int removed_cgroup(void)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/removed", cgroup);
    if (!cgroup || mkdir(path, 0755) != 0)
        return 77;
    struct clone_args args = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD,
        .cgroup = (uint64_t)open(path, O_PATH | O_CLOEXEC) };
    rmdir(path);
    return refused(args, "ENOENT: cgroup: the directory has been removed");
}

static int busy_cgroup(void)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/busy", cgroup);
    if (!cgroup || mkdir(path, 0755) != 0)
        return 77;
    int status = 77;
    if (set_cgroup(path, "cgroup.subtree_control", "+memory") == 0)
        status = in(path, 0, "EBUSY: cgroup: it distributes controllers");
    rmdir(path);
    return status;
}

static int sibling_of_an_autoreaped(void)
{
    struct clone_args autoreap = { .flags = CLONE_AUTOREAP };
    int *status = shared_with_children(sizeof *status);
    *status = 77;
    pid_t pid = clone3(&autoreap, sizeof autoreap);
    if (pid == 0) {
        *status = refused((struct clone_args){ .flags = CLONE_PARENT },
            "EINVAL: CLONE_PARENT: the caller was made with CLONE_AUTOREAP");
        raw_exit(0);
    }
    if (pid > 0) /* until it is gone: its status cannot be had */
        waitpid(pid, NULL, __WALL);
    return *status;
}

static const struct {
    const char *name;
    int (*run)(void);
    const char *otherwise; /* why it may be that it cannot be tried */
} states[] = {
    { "CLONE_PARENT in the first process of a pid namespace", parent_from_init, "not root" },
    { "CLONE_THREAD after unshare(CLONE_NEWPID)", thread_after_unshare, "not root" },
    { "CLONE_NEWPID after unshare(CLONE_NEWPID)", namespace_after_unshare, "not root" },
    { "CLONE_NEWPID after unshare(CLONE_NEWPID) and a child", namespace_after_first, "not root" },
    { "a child beyond RLIMIT_NPROC", many_processes, "not root" },
    { "a pidfd beyond RLIMIT_NOFILE", many_descriptors, "" },
    { "a namespace without CAP_SYS_ADMIN", no_capability_for_namespaces, "" },
    { "set_tid without CAP_SYS_ADMIN", no_capability_for_pids, "" },
    { "set_tid of a pid in use", pid_in_use, "not root" },
    { "set_tid out of range", pid_out_of_range, "" },
    { "set_tid 2 in a new namespace", first_pid_is_1, "not root" },
    { "CLONE_INTO_CGROUP with a directory of no cgroup", not_a_cgroup, "" },
    { "CLONE_INTO_CGROUP with another user's cgroup", cgroup_not_ours, "no cgroup2 to be had" },
    { "CLONE_INTO_CGROUP with an invalid domain", invalid_domain, "no cgroup2 to be had" },
    { "CLONE_INTO_CGROUP of a thread into another domain", thread_in_other_domain, "no cgroup2 to be had" },
    { "CLONE_INTO_CGROUP with a removed cgroup", removed_cgroup, "no cgroup2 to be had" },
    { "CLONE_INTO_CGROUP with a cgroup that distributes controllers", busy_cgroup, "no memory controller in cgroup2 here" },
    { "CLONE_PARENT in a process made with CLONE_AUTOREAP", sibling_of_an_autoreaped, "no CLONE_AUTOREAP before Linux 7.1" },
};

static void each_state(void)
{
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0)
            _exit(states[i].run());
        int status = status_of(pid);
        if (status == 77)
            skip(named("clone3_explain() has the kernel's reason: %s", states[i].name), states[i].otherwise);
        else
            is(status, 7, named("clone3_explain() has the kernel's reason: %s", states[i].name));
    }
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        _exit(memory_after_unshare());
    int status = status_of(pid);
    if (status == 77)
        skip("clone3_explain() has the kernel's reason, where it refuses: CLONE_VM after unshare(CLONE_NEWTIME)", "no time namespaces here");
    else
        ok(status == 7 || status == 8, "clone3_explain() has the kernel's reason, where it refuses: CLONE_VM after unshare(CLONE_NEWTIME)");
}

static void text_and_buffer(void)
{
    struct clone_args bad = { .flags = CLONE_SIGHAND, .exit_signal = SIGCHLD };
    struct clone_args good = { .exit_signal = SIGCHLD };
    static const char words[] = "EINVAL: CLONE_SIGHAND needs CLONE_VM";
    char text[100];
    errno = 77;
    ok(strcmp(clone3_explain(&bad, sizeof bad, text, sizeof text), words) == 0, "clone3_explain() says \"%s\"", words);
    ok(strcmp(clone3_explain(&bad, sizeof bad, NULL, 0), words) == 0, "clone3_explain() without a buffer returns its own text");
    memset(text, 'x', sizeof text);
    ok(strcmp(clone3_explain(&bad, sizeof bad, text, 7), "EINVAL") == 0 && text[7] == 'x',
        "clone3_explain() cuts its text to the buffer");
    memset(text, 'x', sizeof text);
    ok(*clone3_explain(&bad, sizeof bad, text, 1) == 0 && text[1] == 'x', "clone3_explain() with a buffer of one byte returns an empty string");
    ok(*clone3_explain(&good, sizeof good, text, sizeof text) == 0, "clone3_explain() of a request that is right returns an empty string");
    ok(*clone3_explain(&good, sizeof good, NULL, 0) == 0, "clone3_explain() of a request that is right returns an empty string without a buffer too");
    static char stack[65536];
    struct clone_args beside = { .flags = CLONE_VM, .exit_signal = SIGCHLD };
    struct clone_args on_stack = { .stack = (uintptr_t)stack, .stack_size = sizeof stack, .exit_signal = SIGCHLD };
    char longer[200];
    ok(clone3(&beside, sizeof beside) == -1 && errno == EINVAL, "clone3() refuses CLONE_VM without CLONE_VFORK");
    const char *said = clone3_explain(&beside, sizeof beside, longer, sizeof longer);
    ok(strncmp(said, "EINVAL: clone3() with CLONE_VM needs CLONE_VFORK", 48) == 0 && strstr(said, "use clone3_call()"),
        "clone3_explain() says why clone3() refuses CLONE_VM without CLONE_VFORK: %s", said);
    ok(clone3(&on_stack, sizeof on_stack) == -1 && errno == EINVAL, "clone3() refuses a stack");
    said = clone3_explain(&on_stack, sizeof on_stack, longer, sizeof longer);
    ok(strncmp(said, "EINVAL: clone3() returns in the child", 37) == 0 && strstr(said, "use clone3_call()"),
        "clone3_explain() says why clone3() refuses a stack: %s", said);
    on_stack.stack_size = 0;
    said = clone3_explain(&on_stack, sizeof on_stack, longer, sizeof longer);
    ok(strncmp(said, "EINVAL: stack is given without stack_size", 41) == 0, "clone3_explain() has the kernel's rules before clone3()'s own: %s", said);
    errno = 77;
    ok(strncmp(clone3_explain(NULL, sizeof good, text, sizeof text), "EFAULT: args", 12) == 0, "clone3_explain() of no struct names EFAULT");
    ok(strncmp(clone3_explain(&good, 8, text, sizeof text), "EINVAL: size", 12) == 0, "clone3_explain() of a struct of 8 bytes names EINVAL");
    ok(strncmp(clone3_explain(&good, 1 << 20, text, sizeof text), "E2BIG: size", 11) == 0, "clone3_explain() of a struct of 2^20 bytes names E2BIG");
    is(errno, 77, "clone3_explain() leaves errno alone");
}

int main(void)
{
    static char path[4096];
    begin(60);
    text_and_buffer();
    if (!native()) { /* the text says what clone3() of the library says */
        char text[256];
        pid_t pids[] = { 1 };
        struct clone_args args = { .set_tid = (uintptr_t)pids, .set_tid_size = 1 };
        clone3_explain(&args, sizeof args, text, sizeof text);
        pid_t pid = clone3(&args, sizeof args);
        int given = errno;
        ok(pid == -1 && given == unreachable_errno() && strstr(text, "clone(2) cannot express"),
            "clone3_explain() of what clone(2) cannot express, where clone3 is out of reach: %s", text);
        args = (struct clone_args){ .flags = 1ull << 40, .exit_signal = SIGCHLD };
        ok(strncmp(clone3_explain(&args, sizeof args, NULL, 0), "EINVAL: a flag is set that no kernel", 35) == 0,
            "clone3_explain() names an unknown flag before the reason why clone3 is out of reach");
        skip("clone3_explain() has the kernel's reason where the state of the process decides", "clone3 is out of reach");
        return done();
    }
    if (make_cgroup(path, sizeof path, NULL) == 0)
        cgroup = path;
    each_state();
    if (cgroup)
        remove_cgroup(path);
    return done();
}
