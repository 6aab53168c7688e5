/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What users whose ids a child of clone3_spawn() or posix_spawn() takes can do to the
 * caller before the child has executed: nothing to its memory. And what they can do to
 * the child: stop it, kill it, and forge its reports.
 *
 * A callback that waits, or a fifo that an action opens, keeps the child in that state.
 */
#define _GNU_SOURCE
#include "planning.h"
#include <dirent.h>
#include <grp.h>
#include <pthread.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/uio.h>

enum { OTHER = 65534 };

/* What a child and its creator say to each other, whatever their memory. */
static struct {
    volatile pid_t child;
    volatile int opened, closing, rescued;
} *window;

/* In the caller's memory, or in the copy of it. */
static volatile int victim;

static int wait_in_window(void *unused)
{
    (void)unused;
    victim = 7;
    window->child = (pid_t)raw(SYS_getpid);
    window->opened = 1;
    while (!window->closing)
        raw(SYS_sched_yield);
    return 0;
}

static int write_victim(void *unused) { (void)unused; victim = 7; return 0; }
static int stop_itself(void *unused)
{
    (void)unused;
    window->child = (pid_t)raw(SYS_getpid);
    window->opened = 1;
    raw(SYS_kill, raw(SYS_getpid), SIGSTOP);
    return 0;
}
static int kill_itself(void *unused) { (void)unused; raw(SYS_kill, raw(SYS_getpid), SIGKILL); return 0; }

static char *const true_argv[] = { "sh", "-c", "exit 7", NULL };

/* Whether a process of the other user, with that group, can do any of this to a process. */
static int is_reached(pid_t pid, gid_t group)
{
    fflush(stdout);
    pid_t attacker = fork();
    if (attacker == 0) {
        int mark = 0x41414141, local = 0;
        struct iovec from = { &mark, sizeof mark }, to = { (void *)&victim, sizeof victim }, into = { &local, sizeof local };
        char path[64];
        if (setgroups(0, NULL) || setresgid(group, group, group) || setresuid(OTHER, OTHER, OTHER))
            _exit(90);
        int reached = process_vm_writev(pid, &from, 1, &to, 1, 0) > 0;
        reached |= (process_vm_readv(pid, &into, 1, &to, 1, 0) > 0) << 1;
        reached |= (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0) << 2;
        snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
        reached |= (open(path, O_RDWR | O_CLOEXEC) >= 0) << 3;
        reached |= (raw(438 /* pidfd_getfd */, raw(434 /* pidfd_open */, pid, 0), 0, 0) >= 0) << 4;
        _exit(reached);
    }
    return status_of(attacker);
}

static void *spawn_by(void *plan)
{
    static int outcome[2];
    pid_t pid = -1;
    outcome[0] = clone3_spawn(&pid, "/bin/sh", plan, true_argv, environ, NULL);
    outcome[1] = outcome[0] ? -1 : status_of(pid);
    return outcome;
}

static int open_window(pthread_t *thread, clone3_spawn_t *plan)
{
    memset((void *)window, 0, sizeof *window);
    victim = 0;
    clone3_spawn_set_callback(plan, wait_in_window, NULL);
    if (pthread_create(thread, NULL, spawn_by, plan))
        abort();
    for (int i = 0; i < 5000 && !window->opened; i++)
        usleep(1000);
    return window->opened;
}

static void close_window(pthread_t thread, const char *name)
{
    void *result;
    window->closing = 1;
    pthread_join(thread, &result);
    ok(((int *)result)[0] == 0 && ((int *)result)[1] == 7, "%s: the program runs afterwards", name);
}

/* As another thread's spawn, or the program itself, may do at any time. */
static void attacked(const char *name, clone3_spawn_t *plan, gid_t group)
{
    pthread_t thread;
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    if (!ok(open_window(&thread, plan), "%s: the child is on its way", name))
        return;
    is(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1, named("%s: the caller is as dumpable as it was", name));
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    is(is_reached(window->child, group), 0, named("%s: its user reads and writes no memory, traces nothing and takes no descriptor", name));
    is(victim, 0, named("%s: neither the child nor its user writes the caller's memory", name));
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    close_window(thread, name);
    is(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0, named("%s: a caller that made itself undumpable meanwhile stays so", name));
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static void other_users(void)
{
    clone3_spawn_t plan = new_plan();
    if (no_threads()) {
        skip("what the user of a child with other ids can do, among threads", no_threads());
        return;
    }
    clone3_spawn_set_groups(&plan, NULL, 0);
    clone3_spawn_set_gid(&plan, OTHER);
    clone3_spawn_set_uid(&plan, OTHER);
    attacked("a child of another user", &plan, OTHER);
    plan = new_plan();
    clone3_spawn_set_uid(&plan, OTHER);
    attacked("a child of another user and the same group", &plan, 0);
}

/* ---- whose memory a callback writes ---- */

static int namespace_of(pid_t pid, const char *kind)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, kind);
    return fcntl(open(path, O_RDONLY | O_CLOEXEC), F_DUPFD_CLOEXEC, 20);
}

static void writes(clone3_spawn_t *plan, int lent, const char *name)
{
    pid_t pid;
    victim = 0;
    clone3_spawn_set_callback(plan, write_victim, NULL);
    int error = spawn_plan(&pid, "/bin/sh", plan, true_argv);
    if (!ok(error == 0, "a child %s is made: %s", name, error ? plan_error() : "no error"))
        return;
    is(status_of(pid), 7, named("a child %s runs its program", name));
    ok(victim == (lent ? 7 : 0), "a child %s has %s memory", name, lent ? "the caller's" : "a copy of the caller's");
}

static void whose_memory(void)
{
    const gid_t groups[] = { 4242 };
    clone3_spawn_t plan = new_plan();
    writes(&plan, 1, "like the caller");
    clone3_spawn_set_uid(&plan, 0), clone3_spawn_set_gid(&plan, 0);
    writes(&plan, 1, "with the ids that the caller has");
    setfsuid(OTHER);
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    writes(&plan, 0, "with the caller's ids, but for a file system id");
    is(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1, "a child with the caller's ids, but for a file system id, leaves the caller dumpable");
    setfsuid(0);
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    plan = new_plan();
    clone3_spawn_set_groups(&plan, groups, 1);
    clone3_spawn_set_capabilities(&plan, CLONE3_SPAWN_BOUNDING, 0);
    clone3_spawn_set_no_new_privs(&plan, 1);
    writes(&plan, 1, "with other groups and fewer capabilities to come");
    plan = new_plan();
    clone3_spawn_set_gid(&plan, OTHER);
    writes(&plan, 0, "of another group");
    plan = new_plan();
    clone3_spawn_add_flags(&plan, CLONE_NEWUTS | CLONE_NEWPID);
    writes(&plan, 1, "in new namespaces");
    plan = new_plan();
    clone3_spawn_add_flags(&plan, CLONE_NEWUSER);
    writes(&plan, 0, "in a new user namespace");
}

/* ---- joining: a process that sleeps in the namespaces ---- */

static void in_others(void)
{
    static const struct { uint64_t flag; const char *kind; int lent; const char *name; } all[] = {
        { CLONE_NEWUTS, "uts", 1, "that joins a uts namespace" },
        { CLONE_NEWPID, "pid", 0, "that joins a pid namespace" },
        { CLONE_NEWUSER, "user", 0, "that joins a user namespace" },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        clone3_spawn_t plan = new_plan();
        struct clone3_spawn_id_range map = { 0, 0, 1 };
        char *sleep_argv[] = { "sleep", "100", NULL };
        pid_t there;
        clone3_spawn_add_flags(&plan, all[i].flag);
        if (all[i].flag == CLONE_NEWUSER)
            clone3_spawn_set_uid_map(&plan, &map, 1), clone3_spawn_set_gid_map(&plan, &map, 1);
        if (spawn_plan(&there, "/bin/sleep", &plan, sleep_argv)) {
            skip(named("a child %s", all[i].name), "no such namespace");
            continue;
        }
        struct clone3_spawn_namespace space = { namespace_of(there, all[i].kind), 0 };
        plan = new_plan();
        clone3_spawn_set_namespaces(&plan, &space, 1);
        prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
        writes(&plan, all[i].lent, all[i].name);
        is(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1, named("a child %s leaves the caller dumpable", all[i].name));
        close(space.fd);
        kill(there, SIGKILL);
        status_of(there);
    }
}

/* ---- POSIX_SPAWN_RESETIDS: the effective user is another, the window is a fifo ---- */

static posix_spawnattr_t resets;
static char fifo[64];

static void *reset_by(void *actions)
{
    static int outcome[2];
    pid_t pid = -1;
    outcome[0] = posix_spawn(&pid, "/bin/sh", actions, &resets, true_argv, environ);
    outcome[1] = outcome[0] ? -1 : status_of(pid);
    return outcome;
}

static pid_t child_of(pid_t parent)
{
    char path[64];
    int child = -1;
    for (int i = 0; i < 2000 && child <= 0; i++, usleep(1000)) {
        DIR *tasks;
        snprintf(path, sizeof path, "/proc/%d/task", (int)parent);
        tasks = opendir(path);
        for (struct dirent *entry; tasks && child <= 0 && (entry = readdir(tasks));) {
            char list[300];
            snprintf(list, sizeof list, "%s/%s/children", path, entry->d_name);
            FILE *children = fopen(list, "re");
            if (children && fscanf(children, "%d", &child) != 1)
                child = -1;
            if (children)
                fclose(children);
        }
        if (tasks)
            closedir(tasks);
    }
    return child;
}

static void resets_ids(void)
{
    posix_spawn_file_actions_t actions;
    pthread_t thread;
    void *result;
    if (no_threads()) {
        skip("POSIX_SPAWN_RESETIDS among threads", no_threads());
        return;
    }
    snprintf(fifo, sizeof fifo, "/tmp/clone3-fifo-%d", (int)getpid());
    if (mkfifo(fifo, 0666) || chmod(fifo, 0666))
        abort();
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, fifo, O_RDONLY, 0);
    posix_spawnattr_init(&resets);
    posix_spawnattr_setflags(&resets, POSIX_SPAWN_RESETIDS);
    /* The real user is to be the other one, and can then signal the caller: no more than that. */
    if (setresuid(OTHER, 0, 0))
        abort();
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    victim = 0;
    if (pthread_create(&thread, NULL, reset_by, &actions))
        abort();
    pid_t child = child_of(getpid());
    usleep(100000); /* it is at the fifo, as good as always */
    is(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1, "POSIX_SPAWN_RESETIDS: the caller is as dumpable as it was");
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    if (ok(child > 0, "POSIX_SPAWN_RESETIDS: the child is on its way"))
        is(is_reached(child, 0), 0, "POSIX_SPAWN_RESETIDS: the child's user reads and writes no memory, traces nothing and takes no descriptor");
    is(victim, 0, "POSIX_SPAWN_RESETIDS: the caller's memory is untouched");
    close(open(fifo, O_WRONLY | O_CLOEXEC));
    pthread_join(thread, &result);
    ok(((int *)result)[0] == 0 && ((int *)result)[1] == 7, "POSIX_SPAWN_RESETIDS: the program runs afterwards");
    unlink(fifo);
}

/* ---- what the child's user may do to the child ---- */

static volatile int alarms, children_seen;

static void lets_go_on(int signal) { (void)signal; alarms++; if (window->child) kill(window->child, SIGCONT); }
static void reaps(int signal)
{
    int saved = errno, status;
    (void)signal;
    while (waitpid(-1, &status, WNOHANG) > 0)
        children_seen++;
    errno = saved;
}

static void stopped(void)
{
    struct sigaction action = { .sa_handler = lets_go_on }, default_action = { .sa_handler = SIG_DFL };
    struct itimerval soon = { { 0, 200000 }, { 0, 200000 } }, never = { { 0, 0 }, { 0, 0 } };
    clone3_spawn_t plan = new_plan();
    pid_t pid = -1, rescuer;
    clone3_spawn_set_uid(&plan, OTHER);
    clone3_spawn_set_callback(&plan, stop_itself, NULL);
    memset((void *)window, 0, sizeof *window);
    uint64_t mask = raw_mask();
    fflush(stdout);
    /* For a caller whose handlers do not run: the test goes on, and fails. */
    if ((rescuer = fork()) == 0) {
        sleep(scaled(5));
        window->rescued = 1;
        kill(window->child, SIGCONT);
        _exit(0);
    }
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    int error = spawn_plan(&pid, "/bin/sh", &plan, true_argv);
    int heard = alarms && !window->rescued;
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &default_action, NULL);
    kill(rescuer, SIGKILL);
    status_of(rescuer);
    ok(error == 0 && status_of(pid) == 7, "a child of another user that was stopped in a step runs its program when it is continued");
    ok(heard, "the caller's signal handlers run while a child of another user is stopped");
    ok(raw_mask() == mask, "the caller's signal mask is as before when a child of another user was stopped");
}

static volatile int ids_are_set;

static void *spawns_and_is_stopped(void *unused)
{
    (void)unused;
    clone3_spawn_t plan = new_plan();
    pid_t pid = -1;
    clone3_spawn_set_uid(&plan, OTHER);
    clone3_spawn_set_callback(&plan, stop_itself, NULL);
    int error = spawn_plan(&pid, "/bin/sh", &plan, true_argv);
    return (void *)(intptr_t)(error == 0 && status_of(pid) == 7);
}

/* The C library has all threads do it, by a signal, and waits for each. */
static void *sets_its_ids(void *unused)
{
    (void)unused;
    ids_are_set = setegid(getegid()) == 0;
    return NULL;
}

static void stopped_beside_setegid(void)
{
    pthread_t spawner, setter;
    void *right = NULL;
    memset((void *)window, 0, sizeof *window);
    if (pthread_create(&spawner, NULL, spawns_and_is_stopped, NULL)) {
        skip("setegid() in another thread does not wait for a child that is stopped", "no threads");
        return;
    }
    while (!window->opened)
        usleep(1000);
    usleep(scaled(50) * 1000); /* the caller waits by then */
    pthread_create(&setter, NULL, sets_its_ids, NULL);
    for (int i = 0; i < scaled(300) && !ids_are_set; i++)
        usleep(10000);
    ok(ids_are_set, "setegid() in another thread does not wait for a child that is stopped");
    kill(window->child, SIGCONT);
    pthread_join(spawner, &right);
    pthread_join(setter, NULL);
    ok(right != NULL, "a child that was stopped beside setegid() runs its program when it is continued");
}

static void killed(void)
{
    clone3_spawn_t plan = new_plan();
    pid_t pid = -1;
    int status = 0;
    clone3_spawn_set_uid(&plan, OTHER);
    clone3_spawn_set_callback(&plan, kill_itself, NULL);
    int error = spawn_plan(&pid, "/bin/sh", &plan, true_argv);
    ok(error == 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
        "a child of another user that was killed in a step can be waited for");
}

static void failed_unseen(void)
{
    struct sigaction action = { .sa_handler = reaps }, default_action = { .sa_handler = SIG_DFL };
    clone3_spawn_t plan = new_plan();
    clone3_spawn_set_uid(&plan, OTHER);
    sigaction(SIGCHLD, &action, NULL);
    for (int i = 0; i < 20; i++)
        spawn_plan(NULL, "/nowhere", &plan, true_argv);
    sigaction(SIGCHLD, &default_action, NULL);
    is(children_seen, 0, "a SIGCHLD handler that waits for any child finds no failed child of another user");
    is(error_of_plan.error, ENOENT, "the error of a failed child of another user is returned beside such a SIGCHLD handler");
}

/* Everything that is shared with it, the child fills with nonsense: but for the test's own. */
static int scribbles(void *with)
{
    char text[256];
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && fgets(text, sizeof text, maps)) {
        unsigned long from, to;
        char modes[8];
        if (sscanf(text, "%lx-%lx %7s", &from, &to, modes) == 3 && strcmp(modes, "rw-s") == 0
            && from != (unsigned long)window && to - from == 4096)
            memset((void *)from, *(int *)with, 64);
    }
    if (maps)
        fclose(maps);
    return 0;
}

static void lies(void)
{
    static int fillings[] = { 0xff, 0x7f, 0x40, 0x20, 0x01 };
    clone3_spawn_t plan = new_plan();
    clone3_spawn_set_gid(&plan, OTHER);
    for (size_t i = 0; i < sizeof fillings / sizeof *fillings; i++) {
        pid_t pid = -1;
        clone3_spawn_set_callback(&plan, scribbles, &fillings[i]);
        int error = spawn_plan(&pid, "/bin/sh", &plan, true_argv);
        ok(error == EIO && error_of_plan.stage == CLONE3_SPAWN_STAGE_CREATE && pid == -1,
            "a child of another group that fills shared memory with %#x: EIO: %s", fillings[i], error ? plan_error() : "no error");
    }
}

/* Without robust lists a pipe reports exec: in qemu-user. */
static void heard_of(void)
{
    clone3_spawn_t plan = new_plan();
    pid_t pid = -1;
    clone3_spawn_set_uid(&plan, OTHER);
    for (int i = 0; i < 3; i++) {
        int error = spawn_plan(&pid, "/bin/sh", &plan, true_argv);
        ok(error == 0 && status_of(pid) == 7, "a child of another user, number %d, runs its program: %s", i + 1, error ? plan_error() : "status 7");
        fails_at(&plan, "/nowhere", CLONE3_SPAWN_STAGE_EXEC, 0, ENOENT, named("a child of another user, number %d, without a program", i + 1));
    }
}

int main(void)
{
    begin(100);
    window = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (geteuid() != 0) {
        skip("memory of children with other ids", "only root may have them");
        return done();
    }
    heard_of();
    if (emulated())
        skip("memory of children with other ids", "qemu-user has its own");
    else {
        whose_memory();
        in_others();
        other_users();
        stopped();
        stopped_beside_setegid();
        killed();
        failed_unseen();
        lies();
        apart(resets_ids);
    }
    return done();
}
