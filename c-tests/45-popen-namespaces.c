/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* modes: preload shared
 *
 * popen() and system() in the child of a process whose other thread was in the same
 * function: it does not wait for that thread, which does not exist in the child. Also
 * where both are process 1 of their pid namespaces, and where a filter forbids
 * madvise(2).
 */
#define _GNU_SOURCE
#include "filter.h"
#include "makers.h"
#include <pthread.h>
#include <sched.h>

enum { FINE = 0, HUNG = 7, NO_NAMESPACE = 8, WRONG = 9 };

static int by_system;

static int run_one(void)
{
    if (by_system)
        return system("exit 3") == 3 << 8;
    FILE *stream = popen("exit 3", "r");
    return stream && pclose(stream) == 3 << 8;
}

static void *keep_running(void *unused)
{
    for (;;)
        run_one();
    return unused;
}

/* Whether a child of this process gets through. */
static int child_gets_through(void)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(run_one() ? FINE : WRONG);
    for (int i = 0; i < 300 * (int)scaled(1); i++) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : WRONG;
        usleep(10000);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return HUNG;
}

/* A process with a thread that keeps running commands: what became of its child. */
static int with_thread(int namespaces, int delay)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, keep_running, NULL) || pthread_detach(thread))
        return WRONG;
    usleep(5000 + delay);
    if (namespaces && unshare(CLONE_NEWPID))
        return NO_NAMESPACE;
    return child_gets_through();
}

/* One round: a process, in a namespace of its own if wanted, whose child calls. */
static int round_of(int namespaces, int delay)
{
    pid_t outer = fork();
    if (outer == 0) {
        if (namespaces && unshare(CLONE_NEWPID))
            _exit(NO_NAMESPACE);
        pid_t pid = fork();
        if (pid == 0)
            _exit(with_thread(namespaces, delay));
        _exit(status_of(pid));
    }
    return status_of(outer);
}

static void rounds(const char *name, int namespaces)
{
    int seen[256] = { 0 };
    for (int i = 0; i < repeats(16); i++) {
        int status = round_of(namespaces, i * 137);
        seen[status & 255]++;
        if (status == NO_NAMESPACE) {
            skip(name, "no pid namespaces here");
            return;
        }
    }
    if (!ok(seen[FINE] == repeats(16), "%s", name))
        printf("# of %d, %d hang and %d fail\n", repeats(16), seen[HUNG], seen[WRONG]);
}

static int refuse_madvise(void)
{
    struct sock_filter program[] = {
        FILTER_LOAD(offsetof(struct seccomp_data, nr)),
        FILTER_IF(BPF_JEQ, SYS_madvise, 1),
        FILTER_ERRNO(EPERM),
        FILTER_ALLOW,
    };
    struct sock_fprog filter = { sizeof program / sizeof *program, program };
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

static void all_rounds(const char *how)
{
    static const char *const functions[] = { "popen()", "system()" };
    char name[200];
    for (by_system = 0; by_system < 2; by_system++)
        for (int namespaces = 0; namespaces < 2; namespaces++) {
            snprintf(name, sizeof name, "a fork child does not wait for its parent's threads in %s%s%s", functions[by_system],
                namespaces ? " as process 1 of its own pid namespace" : "", how);
            rounds(name, namespaces);
        }
}

int main(void)
{
    begin(240);
    if (no_threads() || emulated()) {
        skip("popen() and system() in fork children of a process with threads", emulated() ? "qemu-user has locks of its own" : no_threads());
        return done();
    }
    all_rounds("");
    if (refuse_madvise())
        skip("popen() and system() in fork children behind a filter that refuses madvise(2)", "no filters here");
    else
        all_rounds(", where madvise(2) is refused");
    return done();
}
