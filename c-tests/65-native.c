/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The flags of Linux 7.1, if the kernel has them: what they do, and their combinations.
 * (CLONE_NNP and CLONE_AUTOREAP: also 64-emulation.c.)
 */
#define _GNU_SOURCE
#include "differ.h"
#include <grp.h>
#include <sys/prctl.h>

static struct { volatile int state; } *seen;

__attribute__((noreturn)) static int wait_to_be_killed(void *unused)
{
    (void)unused;
    seen->state = 1;
    for (;;)
        pause_ms(1000);
}

/* The last close of the pidfd is the end of the child. */
static void autokill(enum how how, uint64_t more)
{
    char title[80];
    snprintf(title, sizeof title, "%s with PIDFD_AUTOKILL%s", by[how], more ? " and NNP" : "");
    int pidfd = -1;
    struct clone_args args = { .flags = CLONE_PIDFD_AUTOKILL | CLONE_AUTOREAP | CLONE_PIDFD | more,
        .pidfd = (uintptr_t)&pidfd };
    seen->state = 0;
    pid_t pid = make(how, args, wait_to_be_killed, NULL);
    if (!ok(pid > 0 && pidfd >= 0, "%s makes a child with a pidfd", title))
        return;
    struct clone3_route route = { .size = sizeof route };
    clone3_last_route(&route);
    is(route.route, CLONE3_ROUTE_NATIVE, named("%s is by clone3(2)", title));
    for (int tries = 0; tries < 500 && !seen->state; tries++)
        pause_ms(10);
    int second = dup(pidfd);
    close(pidfd);
    pause_ms(50);
    ok(seen->state && kill(pid, 0) == 0, "%s: the child lives while a copy of the pidfd is open", title);
    close(second);
    for (int tries = 0; tries < 500 && kill(pid, 0) == 0; tries++)
        pause_ms(10);
    ok(kill(pid, 0) == -1 && errno == ESRCH, "%s: the child is killed when the last copy of the pidfd is closed", title);
    ok(waitpid(-1, NULL, __WALL | WNOHANG) == -1 && errno == ECHILD, "%s leaves no child to wait for", title);
}

static int drop(void)
{
    return getuid() == 0 && (setgroups(0, NULL) || setgid(12345) || setuid(12345));
}

/* Unprivileged, only a child that gains nothing may be killed so. */
static void autokill_unprivileged(void)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        int pidfd;
        char text[200];
        struct clone_args args = { .flags = CLONE_PIDFD_AUTOKILL | CLONE_AUTOREAP | CLONE_PIDFD,
            .pidfd = (uintptr_t)&pidfd };
        if (drop())
            _exit(1);
        clone3_explain(&args, sizeof args, text, sizeof text);
        if (clone3(&args, sizeof args) != -1 || errno != EPERM
            || strcmp(text, "EPERM: CLONE_PIDFD_AUTOKILL needs CLONE_NNP or CAP_SYS_ADMIN") != 0)
            _exit(2);
        args.flags |= CLONE_NNP;
        if (*clone3_explain(&args, sizeof args, text, sizeof text))
            _exit(3);
        pid_t child = clone3(&args, sizeof args);
        if (child == 0)
            raw_exit(0);
        _exit(child > 0 ? 7 : 4);
    }
    is(status_of(pid), 7, "PIDFD_AUTOKILL without privileges needs NNP");
}

/* The root of an empty mount namespace is a mount that nothing is on. */
static int sees_no_mounts(void *unused)
{
    (void)unused;
    return access("/proc/self", F_OK) == -1 && access("/tests", F_OK) == -1 && access("/", F_OK) == 0
        ? 7 : 1;
}

static void empty_mount_namespace(enum how how)
{
    struct clone_args args = { .flags = CLONE_EMPTY_MNTNS, .exit_signal = SIGCHLD };
    ok(access("/proc/self", F_OK) == 0, "there is a /proc before %s with EMPTY_MNTNS", by[how]);
    pid_t pid = make(how, args, sees_no_mounts, NULL);
    is(status_of(pid), 7, named("%s with EMPTY_MNTNS: the child sees no mount", by[how]));
    ok(access("/proc/self", F_OK) == 0, "there is a /proc after %s with EMPTY_MNTNS", by[how]);
    args.flags |= CLONE_FS;
    ok(make(how, args, sees_no_mounts, NULL) == -1 && errno == EINVAL, "%s with EMPTY_MNTNS and CLONE_FS: EINVAL", by[how]);
}

static int nnp(void *unused)
{
    (void)unused;
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 7 : 1;
}

int main(void)
{
    struct clone3_features features = { .size = sizeof features };
    begin(60);
    if (clone3_probe(&features))
        abort();
    uint64_t all = CLONE_AUTOREAP | CLONE_NNP | CLONE_PIDFD_AUTOKILL | CLONE_EMPTY_MNTNS;
    if ((features.known & all) != all) {
        skip("children with AUTOREAP, NNP, PIDFD_AUTOKILL and EMPTY_MNTNS", "this kernel is older than Linux 7.1");
        return done();
    }
    seen = shared_with_children(sizeof *seen);
    for (enum how how = RETURNING; how <= CALLED; how++) {
        if (geteuid() == 0)
            autokill(how, 0);
        autokill(how, CLONE_NNP);
        if (geteuid() == 0)
            empty_mount_namespace(how);
        is(run(how, CLONE_NNP, nnp, NULL), 7, named("%s with NNP: the child has no_new_privs", by[how]));
        is(run(how, CLONE_NNP | CLONE_VM | CLONE_VFORK, nnp, NULL), 7, named("%s with NNP, VM and VFORK: the child has no_new_privs", by[how]));
        ok(nnp(NULL) != 7, "%s with NNP: the caller has not got no_new_privs", by[how]);
    }
    autokill_unprivileged();
    return done();
}
