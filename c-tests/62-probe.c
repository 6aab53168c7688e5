/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* clone3_probe() is right: every flag it calls permitted makes a child, every other is
 * refused, by the bare system call; as root, without privileges, in a pid namespace. It
 * runs no child, causes no signal and leaks no descriptor. In the deep mode all
 * children are reaped, and flags that an emulator ignores are reported.
 * modes: preload shared static api
 */
#define _GNU_SOURCE
#include "differ.h"
#include "filter.h"
#include "trace.h"
#include <dirent.h>
#include <grp.h>
#include <sched.h>

static struct clone3_features features(uint32_t mode)
{
    struct clone3_features found = { .size = sizeof found, .mode = mode };
    if (clone3_probe(&found) != 0)
        found.size = 0;
    return found;
}

/* What a flag cannot be without. */
static uint64_t company(uint64_t flag)
{
    if (flag == CLONE_SIGHAND)
        return CLONE_VM | CLONE_VFORK;
    if (flag == CLONE_THREAD)
        return CLONE_VM | CLONE_VFORK | CLONE_SIGHAND;
    if (flag == CLONE_PIDFD_AUTOKILL)
        return CLONE_PIDFD | CLONE_AUTOREAP | CLONE_NNP;
    return flag == CLONE_VM ? CLONE_VFORK : 0;
}

/* Whether the kernel makes a child with the flag. */
static int makes(uint64_t flag)
{
    int pidfd = -1, word, directory = -1;
    if (flag == CLONE_INTO_CGROUP) /* any errno but EINVAL: the flag is taken */
        directory = open("/", O_PATH | O_CLOEXEC);
    struct clone_args args = { .flags = flag | company(flag), .pidfd = (uintptr_t)&pidfd,
        .parent_tid = (uintptr_t)&word, .child_tid = (uintptr_t)&word, .tls = (uintptr_t)settls((void *)thread_pointer()),
        .cgroup = (uint64_t)directory };
    long pid = bare_clone3(&args, sizeof args);
    if (pid > 0)
        waitpid((pid_t)pid, NULL, __WALL);
    if (pid > 0 && flag & CLONE_PARENT)
        while (raw(SYS_kill, pid, 0) == 0)
            pause_ms(1);
    if (pidfd >= 0)
        close(pidfd);
    if (directory >= 0)
        close(directory);
    return pid > 0 || (directory >= 0 && pid == -EBADF);
}

/* In a child: 7 if each bit is as said. */
static int is_so(void)
{
    struct clone3_features found = features(0);
    if (found.size != sizeof found || found.obstacle || found.inconclusive)
        return 1;
    int wrong = 0;
    for (int bit = 7; bit < 64; bit++) {
        uint64_t flag = 1ull << bit;
        if (makes(flag) == !!(found.permitted & flag))
            continue;
        printf("# flag %#llx: permitted by the %s only\n", (unsigned long long)flag,
            found.permitted & flag ? "probe" : "kernel");
        wrong++;
    }
    int pidfd = -1;
    struct clone_args thread = { .flags = CLONE_VM | CLONE_VFORK | CLONE_SIGHAND | CLONE_THREAD
            | CLONE_PIDFD, .pidfd = (uintptr_t)&pidfd };
    wrong += found.thread_pidfd != (bare_clone3(&thread, sizeof thread) > 0);
    pid_t own = getpid();
    struct clone_args pids = { .set_tid = (uintptr_t)&own, .set_tid_size = 1 };
    long answer = bare_clone3(&pids, sizeof pids);
    wrong += found.set_tid != (answer == -EEXIST ? 0 : (int)-answer);
    /* The first byte behind what the kernel reads has to be zero. */
    uint64_t words[64] = { [4] = 1ull << 63 };
    words[found.args_size / 8] = 1;
    wrong += bare_clone3(words, found.args_size + 8) != -E2BIG;
    if (found.args_size > 64) {
        words[found.args_size / 8] = 0;
        words[found.args_size / 8 - 1] = 1;
        wrong += bare_clone3(words, found.args_size) != -EINVAL;
    }
    fflush(stdout);
    return wrong ? 2 : 7;
}

static int unprivileged(void)
{
    return getuid() == 0 && (setgroups(0, NULL) || setgid(12345) || setuid(12345)) ? 77 : is_so();
}

static int in_pid_namespace(void)
{
    if (unshare(CLONE_NEWPID) != 0)
        return 77;
    pid_t init = fork();
    if (init == 0)
        _exit(is_so());
    return status_of(init);
}

static void run_state(const char *name, int (*state)(void))
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        _exit(state());
    int status;
    do /* CLONE_PARENT makes children of ours */
        waitpid(-1, &status, __WALL) == pid ? pid = 0 : 0;
    while (pid != 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip(named("clone3_probe() has permitted exactly the flags that make a child, %s", name), "not root");
    else
        is(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), 7,
           named("clone3_probe() has permitted exactly the flags that make a child, %s", name));
}

static volatile sig_atomic_t signals;
static void count(int signal) { (void)signal; signals++; }

static int descriptors(void)
{
    int number = 0;
    DIR *directory = opendir("/proc/self/fd");
    while (directory && readdir(directory))
        number++;
    if (directory)
        closedir(directory);
    return number;
}

static int probe_once(void *mode)
{
    errno = 77;
    mark(MARK_BEGIN);
    struct clone3_features found = features(*(uint32_t *)mode);
    mark(MARK_END);
    return found.size == sizeof found && errno == 77 ? 7 : 1;
}

static void leaves_nothing(uint32_t mode)
{
    const char *which = mode ? "a deep probe" : "a probe";
    struct sigaction action = { .sa_handler = count };
    for (int signal = 1; signal < SIGSYS; signal++)
        if (signal != SIGALRM)
            sigaction(signal, &action, NULL);
    int before = descriptors();
    uint64_t mask = raw_mask();
    signals = 0;
    errno = 77;
    ok(features(mode).size == sizeof(struct clone3_features), "%s succeeds", which);
    ok(errno == 77 && raw_mask() == mask, "%s leaves errno and signal mask alone", which);
    errno = 0;
    ok(waitpid(-1, NULL, __WALL | WNOHANG) == -1 && errno == ECHILD, "%s leaves no zombie", which);
    if (mode && emulated())
        skip("a deep probe causes no signal", "qemu-user makes no child that does not send one");
    else
        ok(signals == 0, "%s causes no signal", which);
    is(descriptors(), before, named("%s leaves no descriptor", which));
    if (emulated()) {
        skip(named("%s makes tasks only if it is deep", which), "qemu-user has no ptrace");
        return;
    }
    struct trace trace = traced_run(probe_once, &mode);
    if (trace.status == -1)
        skip(named("%s makes tasks only if it is deep", which), "ptrace is refused");
    else if (mode)
        ok(trace.status == 7 && trace.tasks > 1, "%s makes %d tasks", which, trace.tasks);
    else
        ok(trace.status == 7 && trace.tasks == 0, "%s makes no task", which);
}

static void deep(const char *where)
{
    struct clone3_features found = features(CLONE3_PROBE_DEEP);
    uint64_t lent = CLONE_VM | CLONE_VFORK;
    uint64_t plain = CLONE_CHILD_SETTID | CLONE_PARENT_SETTID;
    if (emulated()) {
        is((long)(found.verified & lent), 0, named("a deep probe does not verify that qemu-user shares memory, %s", where));
        ok((found.ignored & lent) == lent, "a deep probe reports that qemu-user ignores CLONE_VM and CLONE_VFORK, %s", where);
        return;
    }
    uint64_t natively = lent | plain | CLONE_FILES | CLONE_FS | CLONE_PIDFD | CLONE_CHILD_CLEARTID;
    if (native())
        natively |= found.permitted & (CLONE_CLEAR_SIGHAND | CLONE_NNP | CLONE_AUTOREAP | CLONE_NEWPID);
    if (raw(SYS_prctl, 39 /* PR_GET_NO_NEW_PRIVS */, 0, 0, 0, 0) == 1)
        natively &= ~(uint64_t)CLONE_NNP; /* cannot be seen */
    ok((found.verified & natively) == natively, "a deep probe verifies what flags do, %s (%#llx of %#llx)", where,
        (unsigned long long)found.verified, (unsigned long long)natively);
    is((long)found.ignored, 0, named("a deep probe finds no flag ignored, %s", where));
}

static void behind(const struct filter_kind *kind)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        if (install_filter(kind) != 0)
            _exit(77);
        struct clone3_features found = features(0);
        int wanted = kind->large_only ? 0 : kind->clone3;
        int good = found.size == sizeof found && found.obstacle == wanted
            && (clone3_probe_refresh() ? errno : 0) == wanted;
        if (wanted)
            good &= found.known == 0 && found.permitted == 0 && found.args_size == 0
                && (found.carried & (CLONE_VM | CLONE_PIDFD)) == (CLONE_VM | CLONE_PIDFD)
                && !(found.carried & (CLONE_INTO_CGROUP | CLONE_NEWTIME)) && (found.emulable & CLONE_NNP);
        _exit(good ? 7 : 1);
    }
    int status = status_of(pid);
    if (status == 77)
        skip(named("clone3_probe() behind the filter %s has its errno", kind->name), "no seccomp here");
    else
        is(status, 7, named("clone3_probe() behind the filter %s has its errno", kind->name));
}

static void versions(void)
{
    struct { struct clone3_features known; uint64_t later; } bigger = { .later = 7 };
    bigger.known.size = sizeof bigger;
    ok(clone3_probe(&bigger.known) == 0 && bigger.known.size == sizeof bigger.known && bigger.later == 0,
        "clone3_probe() fills a struct of a later version as far as is known");
    bigger.known.size = 4097;
    ok(clone3_probe(&bigger.known) == -1 && errno == E2BIG, "clone3_probe() of a struct larger than any version's: E2BIG");
    struct clone3_features found = { .size = sizeof found - 8 };
    ok(clone3_probe(&found) == -1 && errno == EINVAL, "clone3_probe() of a struct that is too small: EINVAL");
    found = (struct clone3_features){ .size = sizeof found, .mode = 2 };
    ok(clone3_probe(&found) == -1 && errno == EINVAL, "clone3_probe() with an unknown mode: EINVAL");
    ok(clone3_probe(NULL) == -1 && errno == EFAULT, "clone3_probe() of no struct: EFAULT");
}

int main(void)
{
    begin(60);
    versions();
    is(clone3_probe_refresh() ? errno : 0, unreachable_errno(), "clone3_probe_refresh() fails with the errno by which clone3 is hidden");
    leaves_nothing(0);
    leaves_nothing(CLONE3_PROBE_DEEP);
    deep("SIGCHLD at its default");
    signal(SIGCHLD, SIG_IGN); /* which reaps children before they are waited for */
    deep("SIGCHLD ignored");
    signal(SIGCHLD, SIG_DFL);
    if (!native()) {
        skip("clone3_probe() has permitted exactly the flags that make a child", "clone3 is out of reach");
        return done();
    }
    run_state("as this user", is_so);
    run_state("without privileges", unprivileged);
    run_state("in a pid namespace", in_pid_namespace);
    if (getenv("FILTERED"))
        skip("clone3_probe() behind filters", "there is one already");
    else
        for EACH_FILTER(kind)
            behind(kind);
    return done();
}
