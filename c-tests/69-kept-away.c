/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* With CLONE3_ROUTE=legacy in the environment clone3(2) is never called: under a filter
 * that kills the process for it every function creates its child, and a fork passes an
 * allowlist made for the C library's own. What only clone3(2) can express is refused,
 * and the probe says why. A program with AT_SECURE ignores the variable.
 */
#define _GNU_SOURCE
#include "filter.h"
#include "forms.h"
#include "libc.h"
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int put(const struct sock_filter *program, unsigned short length)
{
    struct sock_fprog filter = { length, (struct sock_filter *)program };
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) ? errno : 0;
}

static int kill_clone3(void)
{
    const struct sock_filter program[] = {
        FILTER_LOAD(offsetof(struct seccomp_data, nr)),
        FILTER_IF(BPF_JEQ, SYS_clone3, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        FILTER_ALLOW,
    };
    return put(program, sizeof program / sizeof *program);
}

#ifdef SYS_newfstatat
#define COUNTS_THREADS SYS_newfstatat
#else
#define COUNTS_THREADS SYS_fstatat64
#endif

#define LET(number) FILTER_IF(BPF_JEQ, number, 1), FILTER_ALLOW

/* What glibc's own fork() needs, and the end of its child. musl's makes
 * set_tid_address(2) or gettid(2) as well. */
static int allow_fork(void)
{
    const struct sock_filter program[] = {
        FILTER_LOAD(offsetof(struct seccomp_data, nr)),
        LET(SYS_clone), LET(SYS_rt_sigprocmask), LET(SYS_set_robust_list),
#ifndef __GLIBC__
        LET(SYS_set_tid_address), LET(SYS_gettid), LET(SYS_prctl),
#else
        FILTER_IF(BPF_JEQ, glibc_minor() >= 43 ? SYS_set_tid_address : SYS_clone, 1), FILTER_ALLOW,
        FILTER_IF(BPF_JEQ, glibc_minor() >= 43 ? SYS_prctl : SYS_clone, 1), FILTER_ALLOW,
        /* which does not say whether there are threads */
        FILTER_IF(BPF_JEQ, glibc_minor() < 32 ? COUNTS_THREADS : SYS_clone, 1), FILTER_ALLOW,
#endif
        LET(SYS_exit), LET(SYS_exit_group), LET(SYS_wait4), LET(SYS_write),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    return put(program, sizeof program / sizeof *program);
}

/* In programs of their own, with the variable. */
static int form_behind(const struct form *form)
{
    if (kill_clone3())
        return 77;
    for (int i = 0; i < 2; i++)
        if (form->make() != 0)
            return 10 + i;
    return 7;
}

static int bare_fork(void)
{
    if (allow_fork())
        return 77;
    pid_t pid = fork();
    if (pid == 0)
        _exit(7);
    int status = 0;
    return raw(SYS_wait4, pid, &status, 0, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int what_it_says(void)
{
    struct clone3_features features = { .size = sizeof features };
    struct clone3_route route = { .size = sizeof route };
    struct clone_args only = { .flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD };
    char text[200];
    if (kill_clone3())
        return 77;
    if (clone3_probe_refresh() != -1 || errno != ENOSYS)
        return 1;
    if (clone3_probe(&features) || features.kept_away != 1 || features.obstacle != ENOSYS
        || features.carried == 0 || features.known != 0)
        return 2;
    if (clone3(&only, sizeof only) != -1 || errno != ENOSYS)
        return 3;
    if (strncmp(clone3_explain(&only, sizeof only, text, sizeof text), "ENOSYS", 6) != 0)
        return 4;
    if (form_clone3() || clone3_last_route(&route) || route.route != CLONE3_ROUTE_LEGACY
        || route.cause != ENOSYS)
        return 5;
    if (clone3(&only, 8192) != -1 || errno != E2BIG)
        return 6;
    return 7;
}

static int kept_away(void)
{
    struct clone3_features features = { .size = sizeof features };
    return clone3_probe(&features) ? 2 : features.kept_away == 1 ? 1 : 7;
}

static int in_program(const char *path, const char *what, const char *value)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        if (value)
            setenv("CLONE3_ROUTE", value, 1);
        else
            unsetenv("CLONE3_ROUTE");
        execl(path, "69-kept-away", what, (char *)NULL);
        _exit(99);
    }
    return status_of(pid);
}

/* A copy of this program that another user may run with root's rights. */
static void not_with_privileges(void)
{
    const char *name = "a program with AT_SECURE does not read CLONE3_ROUTE";
    char place[] = "/tmp/clone3-secure-XXXXXX", path[PATH_MAX], command[2 * PATH_MAX];
    int status = 0;
#ifdef MODE_PRELOAD
    skip(name, "it is not preloaded there");
    return;
#endif
    if (geteuid() != 0 || !mkdtemp(place)) {
        skip(name, "root only");
        return;
    }
    snprintf(path, sizeof path, "%s/test", place);
    snprintf(command, sizeof command, "cp /proc/%d/exe %s && chmod 4755 %s && chmod 755 %s", getpid(), path,
        path, place);
    fflush(stdout);
    pid_t pid = fork(); /* not system(), a static program's own, which a filter may stop */
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(99);
    }
    if (status_of(pid) == 0) {
        pid = fork();
        if (pid == 0) {
            setenv("CLONE3_ROUTE", "legacy", 1);
            if (setgid(65534) || setuid(65534))
                _exit(98);
            execl(path, "69-kept-away", "kept", (char *)NULL);
            _exit(99);
        }
        status = status_of(pid);
    }
    unlink(path);
    rmdir(place);
    if (status == 127 || status == 99)
        skip(name, "another user cannot run it");
    else
        is(status, 7, name);
}

int main(int count, char **words)
{
    if (count == 2 && strcmp(words[1], "fork") == 0)
        return bare_fork();
    if (count == 2 && strcmp(words[1], "says") == 0)
        return what_it_says();
    if (count == 2 && strcmp(words[1], "kept") == 0)
        return kept_away();
    if (count == 2)
        return form_behind(&forms[atoi(words[1])]);
    begin(60);
    if (emulated()) {
        skip("children by CLONE3_ROUTE=legacy behind filters that end the process", "the emulator would come under them");
        return done();
    }
#if defined(MODE_STATIC) && !defined(__GLIBC__)
    skip("children by CLONE3_ROUTE=legacy", "a static musl program cannot tell whether it may read it");
    return done();
#endif
    static const char self[] = "/proc/self/exe";
    for (int i = 0; i < FORMS; i++) {
        char number[12], name[120];
        snprintf(number, sizeof number, "%d", i);
        snprintf(name, sizeof name, "with CLONE3_ROUTE=legacy %s passes a filter that ends the process for clone3", forms[i].name);
        const char *not = forms[i].is_thread ? "the C library's own calls it" : NULL;
#if defined(MODE_STATIC)
        if (forms[i].make == form_system || forms[i].make == form_popen)
            not = "a static program has its C library's";
#endif
        if (not)
            skip(name, not);
        else
            is(in_program(self, number, "legacy"), 7, name);
    }
    is(in_program(self, "says", "legacy"), 7, "with CLONE3_ROUTE=legacy probe, explain, route and refusals say that clone3 is never called");
    if (libc_keeps_thread_id())
        is(in_program(self, "fork", "legacy"), 7, "with CLONE3_ROUTE=legacy fork() passes an allowlist of what the C library's own needs");
    else
        skip("with CLONE3_ROUTE=legacy fork() passes an allowlist of what the C library's own needs", "where to find the thread id has to be asked here");
    is(in_program(self, "kept", NULL), 7, "without CLONE3_ROUTE clone3 is called");
    is(in_program(self, "kept", "native"), 7, "with CLONE3_ROUTE=native clone3 is called");
    not_with_privileges();
    return done();
}
