/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which system calls a spawn makes: six for a plain one, including exec and the wait,
 * by clone3 with shared memory; by clone(2) under filters, where handlers are reset all
 * the same; with and without close_range. And what clone3_last_route() reports.
 */
#define _GNU_SOURCE
#include "filter.h"
#include "spawning.h"
#include "raw.h"
#include "libc.h"
#include "trace.h"
#include <clone3.h>

static char *const seven[] = { "sh", "-c", "exit 7", NULL };

/* The library's own calls and one wait. */
static int spawn_and_wait(void *unused)
{
    pid_t pid;
    int status = 0;
    (void)unused;
    mark(MARK_BEGIN);
    int error = posix_spawn(&pid, "/bin/sh", NULL, NULL, seven, environ);
    raw(SYS_wait4, pid, &status, 0, 0);
    mark(MARK_END);
    return error == 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static void counts(void)
{
    const char *name = "a plain posix_spawn makes six system calls with exec and wait";
    if (!native() || emulated()) {
        skip(name, "clone3 is out of reach");
        return;
    }
    struct trace trace = traced_run(spawn_and_wait, NULL);
    if (trace.status == -1) {
        skip(name, "no tracing here");
        return;
    }
    is(trace.status, 7, "a plain posix_spawn under a tracer runs its program");
    int most = libc_keeps_thread_id() ? 6 : 7; /* gettid(2) */
    ok(trace.calls > 0 && trace.calls <= most, "%s: %d", name, trace.calls);
    is(trace.clone3s, 1, "a plain posix_spawn makes one clone3 system call");
    is(trace.tasks, 1, "a plain posix_spawn makes one task");
    is((long)trace.flags, (long)(CLONE_VM | CLONE_VFORK | CLONE_CLEAR_SIGHAND),
        "a plain posix_spawn makes its child with VM, VFORK and CLEAR_SIGHAND");
}

static void says(const char *what, uint64_t emulable)
{
    struct clone3_route route = { .size = sizeof route };
    clone3_last_route(&route);
    if (native() && !emulable) {
        is(route.route, CLONE3_ROUTE_NATIVE, named("clone3_last_route() after %s: clone3(2)", what));
        is(route.emulated, 0, named("clone3_last_route() after %s: nothing was emulated", what));
    } else {
        is(route.route, CLONE3_ROUTE_EMULATED, named("clone3_last_route() after %s: emulation", what));
        is((long)route.emulated, (long)CLONE_CLEAR_SIGHAND, named("clone3_last_route() after %s: CLEAR_SIGHAND was emulated", what));
    }
}

/* Before Linux 5.5 clone3 does not clear them. */
static uint64_t not_known(void)
{
    struct clone3_features features = { .size = sizeof features };
    if (clone3_probe(&features) != 0 || features.inconclusive)
        return 0;
    return CLONE_CLEAR_SIGHAND & ~features.known;
}

static void route(void)
{
    pid_t pid;
    uint64_t emulable = not_known();
    int error = posix_spawn(&pid, "/bin/sh", NULL, NULL, seven, environ);
    is(error ? -error : status_of(pid), 7, "posix_spawn runs a program before its route is asked for");
    says("posix_spawn", emulable);
    is(posix_spawn(&pid, "/nowhere", NULL, NULL, seven, environ), ENOENT, "posix_spawn fails before its route is asked for");
    says("posix_spawn that fails", emulable);
}

static void on_signal(int signal) { (void)signal; }

/* Behind one filter: status 0 or the number of what went wrong. */
static int behind(const struct filter_kind *kind)
{
    char text[8192];
    actions_t actions;
    pid_t pid;
    int status;
    signal(SIGUSR1, on_signal);
    signal(SIGUSR2, SIG_IGN);
    if (install_filter(kind))
        return 1;
    for (int i = 0; i < 3; i++) { /* the first finds out, the later ones know */
        if (posix_spawn(&pid, "/nowhere", NULL, NULL, seven, environ) != ENOENT)
            return 2;
        if (posix_spawnp(&pid, "sh", NULL, NULL, seven, environ) != 0 || status_of(pid) != 7)
            return 3;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, 99, 98);
    if (posix_spawn(&pid, "/bin/sh", &actions, NULL, seven, environ) != EBADF)
        return 4;
    posix_spawn_file_actions_destroy(&actions);
    if (spawn_sh(NULL, NULL, "cat /proc/self/status", text, sizeof text, &status) || status)
        return 5;
    char *caught = strstr(text, "SigCgt:"), *ignored = strstr(text, "SigIgn:");
    if (!caught || strtoull(caught + 7, NULL, 16) != 0)
        return 6;
    /* Busybox's shell ignores SIGQUIT. */
    if (!ignored || (strtoull(ignored + 7, NULL, 16) & 0x7ffffffb) != 1u << (SIGUSR2 - 1))
        return 7;
    int pidfd = -1;
    if (pidfd_spawn(&pidfd, "/bin/sh", NULL, NULL, seven, environ) != 0 || pidfd < 0)
        return 8;
    close(pidfd);
    return wait(&status) > 0 && WEXITSTATUS(status) == 7 ? 0 : 9;
}

static void behind_filters(void)
{
    if (emulated()) {
        skip("posix_spawn behind filters", "the emulator would come under them");
        return;
    }
    for EACH_FILTER(kind) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(behind(kind));
        is(status_of(pid), 0, named("posix_spawn behind the filter %s runs programs, returns errors and resets handlers", kind->name));
    }
}

static int hide(long number)
{
    struct sock_filter program[] = {
        FILTER_LOAD(offsetof(struct seccomp_data, nr)),
        FILTER_IF(BPF_JEQ, (unsigned)number, 1),
        FILTER_ERRNO(ENOSYS),
        FILTER_ALLOW,
    };
    struct sock_fprog filter = { sizeof program / sizeof *program, program };
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

/* How many descriptors from 3 on a child has, of more than one read of the
 * directory holds; 1 is its list's. */
static int closes_from(int hidden, int full)
{
    actions_t actions;
    char text[100];
    int status, made = 0;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < 700 ? limit.rlim_max : 700;
    setrlimit(RLIMIT_NOFILE, &limit);
    while (made < (full ? 10000 : 500) && fcntl(0, F_DUPFD, 3) >= 0)
        made++;
    if (full) /* what the case itself needs */
        for (int fd = 100; fd < 110; fd++)
            close(fd);
    if (hidden && hide(436 /* close_range */))
        return 99;
    posix_spawn_file_actions_init(&actions);
    if (full) /* nothing is left for the list then */
        for (int fd = 100; fd < 110; fd++)
            posix_spawn_file_actions_adddup2(&actions, 0, fd);
    posix_spawn_file_actions_adddup2(&actions, 0, 4);
    posix_spawn_file_actions_addclosefrom_np(&actions, 5);
    if (spawn_sh(&actions, NULL, "echo $(ls /proc/self/fd | wc -l)", text, sizeof text, &status))
        return 98;
    posix_spawn_file_actions_destroy(&actions);
    return atoi(text); /* 0 to 4, and the list */
}

static void close_ranges(void)
{
    for (int way = 0; way < 4; way++) {
        if (emulated() && way) {
            skip(named("closefrom, arrangement %d", way), "the emulator would come under the filter");
            continue;
        }
        pid_t pid = fork();
        if (pid == 0)
            _exit(closes_from(way & 1, way & 2));
        is(status_of(pid), 6, way == 0 ? "closefrom closes descriptors" : way == 1 ? "closefrom without close_range closes descriptors"
            : way == 2 ? "closefrom with a full table closes descriptors" : "closefrom with a full table and without close_range closes descriptors");
    }
}

int main(void)
{
    begin(60);
    route();
    counts();
    behind_filters();
    close_ranges();
    return done();
}
