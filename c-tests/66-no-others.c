/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The library creates no other children than those asked for: none is seen by SIGCHLD
 * or waitpid(), and none becomes the first process of an unshared pid namespace.
 *
 * Each case is in a process of its own, which has not asked the kernel yet, without a
 * filter and with those that hide clone3.
 *
 * filtered: preload
 */
#define _GNU_SOURCE
#include "planning.h"
#include "filter.h"
#include <linux/sched.h>
#include <sys/prctl.h>

static char *const exits_if_first[] = { "sh", "-c", "test $$ = 1", NULL };
static char *const sleeps[] = { "sleep", "0.3", NULL };

static const struct filter_kind *hides;

static int hide(void) { return hides ? install_filter(hides) : 0; }

/* ---- signals ---- */

static volatile int signals;
static volatile pid_t sender;

static void note(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    signals++;
    sender = info->si_pid;
}

static int spawns_quietly(void)
{
    struct sigaction action = { .sa_sigaction = note, .sa_flags = SA_SIGINFO | SA_RESTART };
    pid_t pid, others;
    sigaction(SIGCHLD, &action, NULL);
    if (hide() || posix_spawnp(&pid, "sleep", NULL, NULL, sleeps, environ))
        return 1;
    int early = signals;
    others = waitpid(-1, NULL, WNOHANG | 0x40000000 /* __WALL */);
    int status = status_of(pid);
    if (early || others != 0 || status || signals != 1 || sender != pid)
        return 2;
    signals = 0;
    /* A child that fails was asked for, and is gone. */
    if (posix_spawn(&pid, "/nowhere", NULL, NULL, sleeps, environ) != ENOENT || signals > 1)
        return 3;
    return waitpid(-1, NULL, 0x40000000) == -1 && errno == ECHILD ? 7 : 4;
}

/* ---- the first of a pid namespace ---- */

static int by_spawn(void)
{
    pid_t pid;
    return posix_spawn(&pid, "/bin/sh", NULL, NULL, exits_if_first, environ) ? -1 : status_of(pid);
}
static int by_plan(void)
{
    clone3_spawn_t plan = new_plan();
    pid_t pid;
    return clone3_spawn(&pid, "/bin/sh", &plan, exits_if_first, environ, NULL) ? -1 : status_of(pid);
}
static int by_plan_with_ids(void)
{
    clone3_spawn_t plan = new_plan();
    pid_t pid;
    clone3_spawn_set_uid(&plan, 4242);
    clone3_spawn_set_pdeath_signal(&plan, SIGTERM);
    return clone3_spawn(&pid, "/bin/sh", &plan, exits_if_first, environ, NULL) ? -1 : status_of(pid);
}
#ifdef MODE_STATIC
#define by_system by_spawn
#define by_popen by_spawn
#else
static int by_system(void)
{
    int status = system("test $$ = 1");
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
static int by_popen(void)
{
    FILE *stream = popen("test $$ = 1", "r");
    return stream ? pclose(stream) : -1;
}
#endif
static int by_fork(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(getpid() != 1);
    return pid < 0 ? -1 : status_of(pid);
}
static int after_explain(struct clone_args *args)
{
    char text[200];
    clone3_explain(args, sizeof *args, text, sizeof text);
    return by_fork();
}
static int after_explain_pidfd(void)
{
    int pidfd;
    struct clone_args args = { .flags = CLONE_PIDFD, .pidfd = (uintptr_t)&pidfd, .exit_signal = SIGCHLD };
    return after_explain(&args);
}
static int after_explain_pids(void)
{
    pid_t pid = getpid();
    struct clone_args args = { .set_tid = (uintptr_t)&pid, .set_tid_size = 1, .exit_signal = SIGCHLD };
    return after_explain(&args);
}
static int after_probe(void)
{
    struct clone3_features features = { .size = sizeof features };
    if (clone3_probe(&features))
        abort();
    return by_fork();
}
static int after_autoreap(void)
{
    struct clone_args args = { .flags = 1ull << 34 /* CLONE_AUTOREAP */ };
    clone3_allow_emulation(args.flags);
    pid_t pid = clone3(&args, sizeof args);
    if (pid == 0)
        _exit(0);
    return pid > 0 ? 0 : by_fork(); /* where the kernel has it, it was the first */
}

static const struct { const char *name; int (*first)(void); } ways[] = {
    { "posix_spawn()", by_spawn },
    { "system()", by_system },
    { "popen()", by_popen },
    { "clone3_spawn()", by_plan },
    { "clone3_spawn() with other ids and a death signal", by_plan_with_ids },
    { "clone3_explain() of a pidfd, and fork()", after_explain_pidfd },
    { "clone3_explain() of chosen pids, and fork()", after_explain_pids },
    { "clone3_probe(), and fork()", after_probe },
    { "a refused emulation of CLONE_AUTOREAP, and fork()", after_autoreap },
};

static int (*way)(void);

static int in_new_namespace(void)
{
    return hide() || unshare(CLONE_NEWPID) ? 90 : way() == 0 ? 7 : 1;
}

/* ---- descriptors: none is needed to find out ---- */

static int without_descriptors(void)
{
    pid_t pid;
    char *argv[] = { "sh", "-c", "exit 7", NULL };
    struct rlimit few = { 3, 0 };
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addclose(&actions, 0); /* the program needs one */
    getrlimit(RLIMIT_NOFILE, &few);
    few.rlim_cur = 3;
    if (hide() || setrlimit(RLIMIT_NOFILE, &few) || dup(0) >= 0)
        return 90;
    if (posix_spawn(&pid, "/bin/sh", &actions, NULL, argv, environ) || status_of(pid) != 7)
        return 1;
    return posix_spawn(&pid, "/nowhere", &actions, NULL, argv, environ) == ENOENT ? 7 : 2;
}

static int alone(int (*part)(void))
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(scaled(20));
        _exit(part());
    }
    return status_of(pid);
}

int main(void)
{
    static const char *const kinds[] = { NULL, "enosys", "eperm" };
    begin(100);
    if (emulated()) {
        skip("the library makes no child but those that were asked for", "no filters, and no namespaces, under qemu-user");
        return done();
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const char *where = kinds[i] ? kinds[i] : "no filter";
        hides = kinds[i] ? find_filter(kinds[i]) : NULL;
        ok(alone(spawns_quietly) == 7, "%s: the only SIGCHLD, and the only child to wait for, is that of posix_spawn()", where);
        ok(alone(without_descriptors) == 7, "%s: the first posix_spawn() needs no free descriptor, and returns an error of its child", where);
        for (size_t j = 0; j < sizeof ways / sizeof *ways; j++) {
            way = ways[j].first;
            int status = alone(in_new_namespace);
            if (status == 90)
                skip(named("%s: %s: its child is process 1 of an unshared pid namespace", where, ways[j].name), "no pid namespace here");
            else
                ok(status == 7, "%s: %s: its child is process 1 of an unshared pid namespace", where, ways[j].name);
        }
    }
    return done();
}
