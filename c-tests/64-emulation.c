/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* CLONE_NNP, CLONE_AUTOREAP and CLONE_CLEAR_SIGHAND do what they say, natively if the
 * kernel knows them, and emulated if it does not and the program allowed it; without
 * permission they are refused with the kernel's errno. CLONE_PIDFD_AUTOKILL and
 * CLONE_EMPTY_MNTNS cannot be emulated and are refused.
 *
 * cflags: -Wno-unused-function
 * modes: preload shared static api
 */
#define _GNU_SOURCE
#include "checks.h"
#include "filter.h"
#include "flags.h"
#include "libc.h"
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>

static const uint64_t emulable = CLONE_NNP | CLONE_AUTOREAP | CLONE_CLEAR_SIGHAND;
static int keeps_thread_id;
static uint64_t known; /* of the flags, by the kernel */

static struct clone3_route last(void)
{
    struct clone3_route route = { .size = sizeof route };
    clone3_last_route(&route);
    return route;
}

static void says_so(uint64_t flag, const char *title)
{
    struct clone3_route route = last();
    if (known & flag)
        ok(route.route != CLONE3_ROUTE_EMULATED && !route.emulated, "%s: clone3_last_route() says that nothing was emulated", title);
    else
        ok(route.route == CLONE3_ROUTE_EMULATED && route.emulated == flag && route.cause != 0,
            "%s: clone3_last_route() says that it was emulated", title);
}

static int nnp_is_set(void *unused)
{
    (void)unused;
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 7 : 1;
}

static void ignore(int signal) { (void)signal; }

static int sighand_is_clear(void *unused)
{
    struct sigaction action;
    int before = errno; /* perhaps the parent's, in shared memory */
    (void)unused;
    for (int signal = 1; signal < 65; signal++)
        if (sigaction(signal, NULL, &action) == 0 && action.sa_handler == ignore)
            return 1;
    sigaction(SIGUSR2, NULL, &action); /* ignored, and so it stays */
    errno = before;
    return action.sa_handler == SIG_IGN ? 7 : 2;
}

/* Each kind of child in which it can be seen, and the caller is not changed by it. */
static void in_the_child(const char *name, uint64_t flag, int (*check)(void *))
{
    static const uint64_t kinds[] = { 0, CLONE_VM | CLONE_VFORK, CLONE_FILES | CLONE_FS };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (enum how how = RETURNING; how <= CALLED; how++) {
            struct clone_args args = { .flags = flag | kinds[i], .exit_signal = SIGCHLD };
            uint64_t mask = raw_mask();
            char title[80];
            snprintf(title, sizeof title, "%s with %s and flags %#llx", by[how], name, (unsigned long long)kinds[i]);
            clone3_allow_emulation(0);
            if (!(known & flag)) {
                pid_t none = make(how, args, end_with_7, NULL);
                int given = errno;
                ok(none == -1 && given == (native() ? EINVAL : unreachable_errno()),
                    "%s is refused unless emulation is allowed", title);
                is((long)last().emulated, 0, named("%s emulates nothing unless that is allowed", title));
            }
            clone3_allow_emulation(emulable);
            errno = 77;
            pid_t pid = make(how, args, check, NULL);
            int given = errno;
            if (!(known & flag) && how == RETURNING && kinds[i] & CLONE_VM) {
                ok(pid == -1, "%s: no emulation on the caller's stack", title);
                continue;
            }
            ok(pid > 0 && given == 77, "%s makes a child and leaves errno alone", title);
            says_so(flag, title);
            is(status_of(pid), 7, named("%s: the child has what the flag says", title));
            ok(raw_mask() == mask && check(NULL) != 7, "%s: the parent is as before", title);
        }
}

static int is_sound(void *unused)
{
    (void)unused;
    return !keeps_thread_id || owns_what_it_locks() == 0 ? 7 : 1;
}

static struct { volatile int ran, tid, sound, parent; } *seen;

static int note_and_end(void *unused)
{
    seen->tid = (int)raw(SYS_gettid);
    seen->sound = is_sound(unused);
    pause_ms(30);
    seen->ran = 1;
    return 5;
}

static int open_descriptors(void)
{
    int number = 0;
    DIR *directory = opendir("/proc/self/fd");
    while (directory && readdir(directory))
        number++;
    if (directory)
        closedir(directory);
    return number;
}

static volatile sig_atomic_t told;
static void tell(int signal) { (void)signal; told++; }

/* No wait finds the child, no signal is sent, the pidfd reports the end, and no process stays. */
static void autoreap(enum how how, uint64_t more)
{
    char title[80];
    snprintf(title, sizeof title, "%s with AUTOREAP and flags %#llx", by[how], (unsigned long long)more);
    int pidfd = -1;
    pid_t tid = 0;
    /* clone(2) has one place for both. */
    uint64_t settid = native() ? CLONE_PARENT_SETTID : 0;
    struct clone_args args = { .flags = CLONE_AUTOREAP | CLONE_PIDFD | settid | more,
        .pidfd = (uintptr_t)&pidfd, .parent_tid = (uintptr_t)&tid };
    char path[40];
    uint64_t mask = raw_mask();
    int before = open_descriptors();
    memset(seen, 0, sizeof *seen);
    told = 0;
    clone3_allow_emulation(emulable);
    pid_t pid = make(how, args, note_and_end, NULL);
    if (!ok(pid > 0, "%s makes a child", title)) {
        printf("# %s\n", strerror(errno));
        return;
    }
    says_so(CLONE_AUTOREAP, title);
    ok(tid == (settid ? pid : 0) && pidfd >= 0, "%s stores pid and pidfd", title);
    is(open_descriptors(), before + 1, named("%s: the pidfd is the only new descriptor", title));
    struct pollfd poll_for = { .fd = pidfd, .events = POLLIN };
    is(poll(&poll_for, 1, 10000), 1, named("%s: poll() reports the pidfd when the child ends", title));
    ok(seen->ran && (more & CLONE_NEWPID ? seen->tid == 1 : seen->tid == pid), "%s: the pid is that of the child", title);
    is(seen->sound, 7, named("%s: the child's C library is consistent", title));
    ok(waitpid(pid, NULL, __WALL) == -1 && errno == ECHILD, "%s: the parent cannot wait for the child", title);
    ok(waitpid(-1, NULL, __WALL | WNOHANG) == -1 && errno == ECHILD, "%s: the parent has no other child to wait for", title);
    snprintf(path, sizeof path, "/proc/%d", pid);
    /* The reaper is init, which may be in no hurry: some took over two seconds. */
    for (int tries = 0; tries < 2000 && access(path, F_OK) == 0; tries++)
        pause_ms(10);
    ok(access(path, F_OK) != 0, "%s: the child does not stay a zombie", title);
    ok(told == 0 && raw_mask() == mask, "%s sends no SIGCHLD and leaves the mask alone", title);
    close(pidfd);
}

/* What goes wrong in between comes back as the errno. */
static void autoreap_fails(enum how how)
{
    pid_t taken[] = { 1 };
    struct clone_args bad = { .flags = CLONE_AUTOREAP | CLONE_PIDFD, .pidfd = 8 };
    struct clone_args pids = { .flags = CLONE_AUTOREAP, .set_tid = (uintptr_t)taken, .set_tid_size = 1 };
    struct clone_args signal = { .flags = CLONE_AUTOREAP, .exit_signal = SIGCHLD };
    struct clone_args sibling = { .flags = CLONE_AUTOREAP | CLONE_PARENT };
    struct clone_args fine = { .flags = CLONE_AUTOREAP };
    uint64_t mask = raw_mask();
    ok(make(how, bad, end_with_7, NULL) == -1 && errno == EFAULT, "%s with AUTOREAP and an invalid pidfd address: EFAULT", by[how]);
    if (native())
        ok(make(how, pids, end_with_7, NULL) == -1 && errno == (geteuid() ? EPERM : EEXIST),
            "%s with AUTOREAP and a pid in use is refused", by[how]);
    int refusal = native() ? EINVAL : unreachable_errno();
    ok(make(how, signal, end_with_7, NULL) == -1 && errno == refusal, "%s with AUTOREAP and an exit signal is refused", by[how]);
    ok(make(how, sibling, end_with_7, NULL) == -1 && errno == refusal, "%s with AUTOREAP and PARENT is refused", by[how]);
    if (!(known & CLONE_AUTOREAP)) {
        prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
        ok(make(how, fine, end_with_7, NULL) == -1 && errno == EINVAL,
            "%s with AUTOREAP in a subreaper, which gets its orphans: EINVAL", by[how]);
        prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
    }
    ok(raw_mask() == mask, "%s with AUTOREAP leaves the mask alone when it fails", by[how]);
    ok(waitpid(-1, NULL, __WALL | WNOHANG) == -1 && errno == ECHILD, "%s with AUTOREAP leaves no child when it fails", by[how]);
}

/* In a process of its own, whose children belong to another pid namespace. */
static int autoreap_beside_a_namespace(void *unused)
{
    struct clone_args args = { .flags = CLONE_AUTOREAP };
    (void)unused;
    if (unshare(CLONE_NEWPID))
        return 99;
    if (clone3(&args, sizeof args) != -1 || errno != EINVAL)
        return 1;
    pid_t first = fork();
    if (first == 0)
        for (;;)
            pause();
    if (first < 0)
        return 2; /* the namespace is closed */
    int refused = clone3(&args, sizeof args) == -1 && errno == EINVAL;
    kill(first, SIGKILL);
    return status_of(first) == 128 + SIGKILL && refused ? 7 : 3;
}

/* A call that is the first to meet a filter goes on to emulation by itself. */
static int met_on_the_way(void *how)
{
    struct clone_args args = { .flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD };
    clone3_allow_emulation(CLONE_CLEAR_SIGHAND);
    if (status_of(make(*(enum how *)how, args, sighand_is_clear, NULL)) != 7)
        return 1;
    if (install_filter(find_filter("enosys")))
        return 99;
    return status_of(make(*(enum how *)how, args, sighand_is_clear, NULL)) == 7
            && last().route == CLONE3_ROUTE_EMULATED ? 7 : 2;
}

/* SA_NOCLDWAIT and its like go too, where clone3 itself is out of reach. */
static int waits_for_its_child(void *unused)
{
    (void)unused;
    pid_t pid = fork();
    if (pid == 0)
        _exit(7);
    return status_of(pid);
}

static int flags_go_too(void *how)
{
    struct sigaction action = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT };
    struct clone_args args = { .flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGUSR1 };
    clone3_allow_emulation(CLONE_CLEAR_SIGHAND);
    if (native() && install_filter(find_filter("enosys")))
        return 99;
    sigaction(SIGCHLD, &action, NULL);
    return status_of(make(*(enum how *)how, args, waits_for_its_child, NULL));
}

/* A filter as only root can have it without no_new_privs. */
static int without_prctl(void *how)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof code / sizeof *code, code };
    struct clone_args args = { .flags = CLONE_NNP, .exit_signal = SIGCHLD };
    clone3_allow_emulation(CLONE_NNP);
    if (raw(SYS_seccomp, 1 /* SECCOMP_SET_MODE_FILTER */, 0, &program) != 0)
        return 99;
    return status_of(make(*(enum how *)how, args, end_with_7, NULL));
}

/* In a process for each, since they change what cannot be changed back. */
static void alone(int (*act)(void *), enum how how, int wanted, const char *name)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(act(&how));
    int status = status_of(pid);
    if (status == 99)
        skip(named("%s: %s", by[how], name), "no permission to set it up");
    else
        is(status, wanted, named("%s: %s", by[how], name));
}

static void in_odd_places(void)
{
    if (!(known & CLONE_AUTOREAP) && native())
        alone(autoreap_beside_a_namespace, RETURNING, 7, "AUTOREAP whose child is in another pid namespace: EINVAL");
    for (enum how how = RETURNING; how <= CALLED; how++) {
        if (native())
            alone(met_on_the_way, how, 7, "the first call behind a filter emulates CLEAR_SIGHAND");
        alone(flags_go_too, how, 7, "CLEAR_SIGHAND clears SA_NOCLDWAIT");
        if (!(known & CLONE_NNP) && !prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0))
            alone(without_prctl, how, 127, "NNP that cannot be set: the child ends before its function is called");
    }
}

static void stays_refused(void)
{
    ok(clone3_allow_emulation(CLONE_PIDFD_AUTOKILL) == -1 && errno == EINVAL, "clone3_allow_emulation() of PIDFD_AUTOKILL: EINVAL");
    ok(clone3_allow_emulation(CLONE_EMPTY_MNTNS | CLONE_NNP) == -1 && errno == EINVAL,
        "clone3_allow_emulation() of EMPTY_MNTNS: EINVAL");
    int pidfd;
    struct clone_args autokill = { .flags = CLONE_PIDFD_AUTOKILL | CLONE_PIDFD | CLONE_AUTOREAP | CLONE_NNP,
        .pidfd = (uintptr_t)&pidfd };
    struct clone_args empty = { .flags = CLONE_EMPTY_MNTNS, .exit_signal = SIGCHLD };
    clone3_allow_emulation(emulable);
    const struct { const char *name; uint64_t flag; struct clone_args *args; } all[] = {
        { "CLONE_PIDFD_AUTOKILL", CLONE_PIDFD_AUTOKILL, &autokill },
        { "CLONE_EMPTY_MNTNS", CLONE_EMPTY_MNTNS, &empty } };
    for (size_t i = 0; i < 2; i++) {
        if (known & all[i].flag)
            continue; /* tested in 65-native.c */
        char text[200], words[100];
        pid_t pid = clone3(all[i].args, sizeof *all[i].args);
        int given = errno;
        ok(pid == -1 && given == (native() ? EINVAL : unreachable_errno()), "%s is refused where the kernel lacks it, whatever is allowed", all[i].name);
        snprintf(words, sizeof words, "EINVAL: %s needs Linux 7.1; this is ", all[i].name);
        clone3_explain(all[i].args, sizeof *all[i].args, text, sizeof text);
        if (native()) /* autokill's company is not known either, and comes first */
            ok(strstr(text, "needs Linux 7.1; this is ") && (i == 0 || strstr(text, all[i].name)),
                "clone3_explain() names the kernel that %s needs: %s", all[i].name, text);
    }
}

int main(void)
{
    struct clone3_features features = { .size = sizeof features };
    begin(110);
    keeps_thread_id = libc_keeps_thread_id();
    if (clone3_probe(&features))
        abort();
    known = features.known;
    if (emulated() || filtered("size")) {
        skip("emulation of CLONE_NNP, CLONE_AUTOREAP and CLONE_CLEAR_SIGHAND", "qemu-user has no flags to be emulated, and a filter of sizes hides none");
        return done();
    }
    seen = shared_with_children(sizeof *seen);
    signal(SIGUSR1, ignore);
    signal(64, ignore);
    signal(SIGUSR2, SIG_IGN);
    signal(SIGCHLD, tell);
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0)
        in_the_child("NNP", CLONE_NNP, nnp_is_set);
    else
        skip("children with NNP, native or emulated", "it is set already");
    in_the_child("CLEAR_SIGHAND", CLONE_CLEAR_SIGHAND, sighand_is_clear);
    for (enum how how = RETURNING; how <= CALLED; how++) {
        autoreap(how, 0);
        autoreap(how, CLONE_FILES | CLONE_FS);
        if (geteuid() == 0 && native())
            autoreap(how, CLONE_NEWPID | CLONE_NEWUTS);
        else
            skip(named("%s with AUTOREAP and new namespaces", by[how]), "natively only, and as root");
        autoreap_fails(how);
    }
    in_odd_places();
    stays_refused();
    return done();
}
