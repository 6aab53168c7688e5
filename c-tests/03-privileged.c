/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What clone3 can ask for with privilege: namespaces, chosen pids, a cgroup.
 * Needs root; what a sandbox refuses is skipped and says why.
 */
#define _GNU_SOURCE
#include "cgroup.h"
#include "flags.h"
#include "libc.h"
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sys/stat.h>

enum { NOBODY = 65534 };

/* After a failed call: a skip where the kernel refuses too. */
static void refused(struct clone_args *args, const char *name)
{
    int given = errno, kernels = kernels_errno(args, sizeof *args);
    char reason[100];
    if (!native() && needs_clone3(args)) {
        ok(given == kernels, "%s without clone3: %s", name, strerror(kernels));
        return;
    }
    snprintf(reason, sizeof reason, "the kernel says: %s", strerror(given));
    if (kernels == given)
        skip(name, reason);
    else
        is(given, kernels, name);
}

static int keeps_thread_id;
static pthread_mutex_t *parents; /* errorcheck, held by the parent, shared */
static int first_pid_expected;   /* the child must be process 1 */
static char link_name[32];       /* in /proc/self/ns */
static char link_before[64], *link_after;

static void read_link(const char *name, char *target)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/ns/%s", name);
    ssize_t length = readlink(path, target, 63);
    target[length < 0 ? 0 : length] = '\0';
}

/* The thread id that the libc keeps is the one the child has: its mutex says
 * so, a mutex of its parent is not its own, and a call by that id finds it. */
static int libc_knows_itself(void)
{
    pthread_mutexattr_t kind;
    pthread_mutex_t mutex;
    struct sched_param parameter;
    int policy, *words = (int *)&mutex;
    if (!keeps_thread_id)
        return 1;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&mutex, &kind);
    pthread_mutex_lock(&mutex);
#ifdef __GLIBC__
    int owner = words[2];
#else
    int owner = words[1];
#endif
    return owner == raw(SYS_gettid) && pthread_mutex_lock(&mutex) == EDEADLK
        && pthread_mutex_unlock(&mutex) == 0 && pthread_mutex_unlock(parents) == EPERM
        && pthread_getschedparam(pthread_self(), &policy, &parameter) == 0;
}

static int look_around(void *unused)
{
    (void)unused;
    read_link(link_name, link_after);
    if (first_pid_expected && (raw(SYS_getpid) != 1 || raw(SYS_gettid) != 1 || getpid() != 1))
        return 8;
    return libc_knows_itself() ? 7 : 9;
}

/* A flag and the link in /proc/self/ns that it changes. */
static void namespace(const char *name, uint64_t flags)
{
    for (enum how how = RETURNING; how <= CALLED; how++) {
        char title[80];
        struct clone_args args = { .flags = flags, .exit_signal = SIGCHLD };
        snprintf(title, sizeof title, "%s: a child in a new %s namespace, whose libc knows its thread id", by[how], name);
        snprintf(link_name, sizeof link_name, "%s", name);
        first_pid_expected = (flags & CLONE_NEWPID) != 0;
        read_link(name, link_before);
        link_after[0] = '\0';
        pid_t pid = make(how, args, look_around, NULL);
        if (pid < 0) {
            refused(&args, title);
            continue;
        }
        is(status_of(pid), 7, title);
        /* A child in a pid namespace finds no /proc/self of its own. */
        if (!first_pid_expected)
            ok(link_before[0] && link_after[0] && strcmp(link_before, link_after) != 0,
                "%s: the child's %s namespace is another than its parent's (%s, %s)", by[how], name, link_before, link_after);
    }
}

/* The child's namespace seen from here, through a child that stays a while. */
static int wait_for_end(void *gate)
{
    char byte;
    close(((int *)gate)[1]);
    return read(((int *)gate)[0], &byte, 1) == 0 ? 7 : 1;
}

static void seen_from_outside(void)
{
    static const struct { const char *name; uint64_t flag; } links[] = {
        { "ipc", CLONE_NEWIPC }, { "mnt", CLONE_NEWNS }, { "net", CLONE_NEWNET },
        { "pid", CLONE_NEWPID }, { "uts", CLONE_NEWUTS }, { "cgroup", CLONE_NEWCGROUP } };
    struct clone_args args = { .exit_signal = SIGCHLD };
    int gate[2];
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        args.flags |= links[i].flag;
    if (pipe(gate) != 0)
        exit(1);
    pid_t pid = make(CALLED, args, wait_for_end, gate);
    if (pid < 0) {
        refused(&args, "a child in six new namespaces at once");
    } else {
        for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
            char path[64], theirs[64];
            snprintf(path, sizeof path, "/proc/%d/ns/%s", pid, links[i].name);
            ssize_t length = readlink(path, theirs, sizeof theirs - 1);
            theirs[length < 0 ? 0 : length] = '\0';
            read_link(links[i].name, link_before);
            ok(length > 0 && strcmp(theirs, link_before) != 0, "of six new namespaces, that of %s is another seen from outside: %s here, %s there",
                links[i].name, link_before, theirs);
        }
    }
    close(gate[0]);
    close(gate[1]);
    if (pid > 0)
        is(status_of(pid), 7, "a child in six new namespaces at once ends as it should");
}

/* NEWUSER is for those without privilege, and gives them the others. */
static void without_privilege(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct clone_args args = { .flags = CLONE_NEWUSER | CLONE_NEWUTS, .exit_signal = SIGCHLD };
        if (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY))
            _exit(101);
        snprintf(link_name, sizeof link_name, "user");
        first_pid_expected = 0;
        int worst = 7;
        for (enum how how = RETURNING; how <= CALLED; how++) {
            pid_t child = make(how, args, look_around, NULL);
            int status = child < 0 ? 100 : status_of(child);
            if (child < 0 && kernels_errno(&args, sizeof args) == 0)
                status = 102;
            worst = status > worst ? status : worst;
        }
        _exit(worst);
    }
    int status = status_of(pid);
    if (status == 100)
        skip("NEWUSER and NEWUTS for an unprivileged process", "the kernel refuses it");
    else
        is(status, 7, "NEWUSER and NEWUTS for an unprivileged process");
}

static int has_pid(void *wanted)
{
    return raw(SYS_getpid) == *(pid_t *)wanted && getpid() == *(pid_t *)wanted
            && libc_knows_itself() ? 7 : 1;
}

static void chosen_pid(enum how how)
{
    pid_t wanted, pid = -1;
    struct clone_args args = { .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&wanted,
        .set_tid_size = 1 };
    /* A pid just given back is free, unless another process gets it first. */
    for (int tries = 0; pid < 0 && tries < 20; tries++) {
        wanted = fork();
        if (wanted == 0)
            _exit(0);
        status_of(wanted);
        pid = make(how, args, has_pid, &wanted);
        if (pid < 0 && errno != EEXIST)
            break;
    }
    if (pid < 0) {
        refused(&args, named("%s with set_tid", by[how]));
        return;
    }
    is(pid, wanted, named("%s with set_tid: the chosen pid is returned to the parent", by[how]));
    is(status_of(pid), 7, named("%s with set_tid: kernel and libc have the chosen pid in the child", by[how]));
    wanted = getpid();
    pid = make(how, args, has_pid, &wanted);
    ok(pid == -1 && errno == EEXIST, "%s with set_tid of a pid that is in use: EEXIST", by[how]);
}

static char cgroup_dir[4096], *cgroup_path;

static int is_in_cgroup(void *unused)
{
    char text[4096], wanted[2100];
    (void)unused;
    int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
    ssize_t length = read(fd, text, sizeof text - 1);
    text[length < 0 ? 0 : length] = '\0';
    snprintf(wanted, sizeof wanted, "0::%s\n", cgroup_path);
    return strstr(text, wanted) && libc_knows_itself() ? 7 : 1;
}

static void into_cgroup(void)
{
    int error = make_cgroup(cgroup_dir, sizeof cgroup_dir, &cgroup_path);
    if (error) {
        char reason[100];
        snprintf(reason, sizeof reason, "no cgroup2 to be had: %s", strerror(error));
        skip("a child in another cgroup by CLONE_INTO_CGROUP", reason);
        return;
    }
    for (enum how how = RETURNING; how <= CALLED; how++)
        for (int path_only = 0; path_only < 2; path_only++) {
            int fd = open(cgroup_dir, (path_only ? O_PATH : O_RDONLY) | O_DIRECTORY | O_CLOEXEC);
            struct clone_args args = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD,
                .cgroup = fd };
            pid_t pid = make(how, args, is_in_cgroup, NULL);
            if (pid < 0)
                refused(&args, named("%s with CLONE_INTO_CGROUP by %s", by[how], path_only ? "O_PATH" : "O_RDONLY"));
            else
                is(status_of(pid), 7, named("%s with CLONE_INTO_CGROUP by %s: the child is in that cgroup", by[how],
                path_only ? "O_PATH" : "O_RDONLY"));
            close(fd);
        }
    is(remove_cgroup(cgroup_dir), 0, "the cgroup of CLONE_INTO_CGROUP is empty again and can be removed");
}

/* Also when the alarm ends the test. */
static void end_by(int signal)
{
    if (cgroup_dir[0])
        rmdir(cgroup_dir);
    _exit(128 + signal);
}

int main(void)
{
    pthread_mutexattr_t kind;
    begin(60);
    if (getuid() != 0 || emulated()) {
        skip("namespaces, set_tid and CLONE_INTO_CGROUP, which need privilege", emulated() ? "qemu-user has none of these flags" : "not root");
        return done();
    }
    signal(SIGALRM, end_by);
    signal(SIGTERM, end_by);
    link_after = shared_with_children(64);
    parents = shared_with_children(sizeof *parents);
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(parents, &kind);
    pthread_mutex_lock(parents);
    keeps_thread_id = libc_keeps_thread_id();
    if (!keeps_thread_id)
        skip("the libc of children in namespaces knows its thread id", "here it keeps none");
    namespace("cgroup", CLONE_NEWCGROUP);
    namespace("ipc", CLONE_NEWIPC);
    namespace("mnt", CLONE_NEWNS);
    namespace("net", CLONE_NEWNET);
    namespace("pid", CLONE_NEWPID);
    namespace("time", CLONE_NEWTIME);
    namespace("user", CLONE_NEWUSER);
    namespace("uts", CLONE_NEWUTS);
    seen_from_outside();
    without_privilege();
    chosen_pid(RETURNING);
    chosen_pid(CALLED);
    into_cgroup();
    return done();
}
