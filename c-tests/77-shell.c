/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* system(), popen() and pclose(): statuses, POSIX's rules for signals, one caller's
 * child is not another's, cancellation ends and reaps the child, streams do not leak
 * into later children; and they are the library's.
 */
#define _GNU_SOURCE
#include "spawning.h"
#include "libc.h"
#include "makers.h"
#include <clone3.h>
#include <sys/wait.h>

static volatile sig_atomic_t interrupts;
static void interrupted(int signal) { (void)signal; interrupts++; }

static uint64_t mask_of_signals(void)
{
    sigset_t set;
    uint64_t word = 0;
    sigprocmask(SIG_SETMASK, NULL, &set);
    memcpy(&word, &set, sizeof word);
    return word;
}

static void goes_by_us(const char *what)
{
#ifdef MODE_STATIC
    skip(what, "a static program has its libc's own");
#else
    struct clone3_route route = { .size = sizeof route };
    clone3_last_route(&route);
    ok(route.route != CLONE3_ROUTE_NONE && route.route != CLONE3_ROUTE_HOST, "%s: route %u", what, route.route);
#endif
}

static void statuses(void)
{
    int status = system("exit 7");
    goes_by_us("system() is the library's");
    ok(WIFEXITED(status) && WEXITSTATUS(status) == 7, "an exit status");
    status = system("kill -TERM $$");
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "a signal");
    status = system("nowhere-to-be-found 2>/dev/null");
    ok(WIFEXITED(status) && WEXITSTATUS(status) == 127, "a command that is not there");
    ok(system(NULL) != 0, "there is a shell");
#ifndef MODE_STATIC /* musl 1.2.3's own gives -1 */
    if (getuid() != 0) {
        skip("no shell", "not root");
        return;
    }
    pid_t pid = fork();
    if (pid == 0) {
        if (chroot("/proc/self/fdinfo") != 0)
            _exit(1);
        status = system("exit 0");
        _exit(WIFEXITED(status) && WEXITSTATUS(status) == 127 ? 0 : 2);
    }
    is(status_of(pid), 0, "without a shell it is as if that had ended with 127");
#endif
}

static int disposition_is(int number, void (*handler)(int))
{
    struct sigaction now;
    return sigaction(number, NULL, &now) == 0 && now.sa_handler == handler;
}

static void signals(void)
{
    uint64_t mask = mask_of_signals();
    interrupts = 0;
    signal(SIGINT, interrupted);
    signal(SIGQUIT, SIG_DFL);
    is(system("kill -INT $PPID; kill -QUIT $PPID"), 0, "SIGINT and SIGQUIT to the caller");
    is(interrupts, 0, "are ignored meanwhile");
    ok(disposition_is(SIGINT, interrupted) && disposition_is(SIGQUIT, SIG_DFL), "and handled as before afterwards");
    int status = system("kill -INT $$; exit 3");
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT, "the child does not ignore them");
    signal(SIGINT, SIG_IGN);
    is(system("kill -INT $$; exit 0"), 0, "unless the caller does");
    signal(SIGINT, SIG_DFL);
    ok(mask == mask_of_signals(), "the mask is as before");
    pid_t other = fork();
    if (other == 0)
        _exit(5);
    system("sleep 0.1");
    is(status_of(other), 5, "another child is left to its waiter");
}

#ifndef MODE_STATIC
static void *in_system(void *counter)
{
    for (int i = 0; i < 10; i++)
        *(int *)counter += system("exit 9") == 9 << 8;
    return NULL;
}

static void *sleeps_on(void *unused)
{
    system("exec sleep 60");
    return unused;
}

static void threads(void)
{
    enum { THREADS = 8 };
    pthread_t thread[THREADS];
    int good[THREADS] = { 0 }, all = 0;
    void *value = NULL;
    if (no_threads() || emulated()) {
        skip("threads", emulated() ? "children get stuck in locks of qemu-user's own" : no_threads());
        return;
    }
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&thread[i], NULL, in_system, &good[i]))
            abort();
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        all += good[i];
    }
    is(all, THREADS * 10, "eight threads at once");
    ok(disposition_is(SIGINT, SIG_DFL) && disposition_is(SIGQUIT, SIG_DFL), "leave the signals as they were");
    if (pthread_create(&thread[0], NULL, sleeps_on, NULL))
        abort();
    usleep(200000);
    pthread_cancel(thread[0]);
    pthread_join(thread[0], &value);
    ok(value == PTHREAD_CANCELED, "a cancelled thread ends in it");
    ok(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "its child is gone");
    ok(disposition_is(SIGINT, SIG_DFL) && disposition_is(SIGQUIT, SIG_DFL), "and the signals are as they were");
}
#endif

static void held_open(void)
{
    char command[99];
    FILE *first = popen("cat > /dev/null", "w");
    snprintf(command, sizeof command, "test ! -e /proc/$$/fd/%d", fileno(first));
    FILE *second = popen(command, "w");
    int status = pclose(second);
#ifdef MODE_STATIC
    if (status != 0)
        skip("a stream in a later one's child", "a static program has its libc's own: musl 1.2.2 leaves it there");
    else
#endif
        is(status, 0, "a stream is not in a later one's child");
    second = popen("cat > /dev/null", "w");
    if (status == 0)
        is(pclose(first), 0, "which does not hold it open");
    is(pclose(second), 0, "nor the other way round");
    if (status != 0)
        pclose(first);
}

static void streams(void)
{
    char line[100] = "";
    int before = count_descriptors();
    FILE *stream = popen("echo word; exit 4", "r");
    goes_by_us("popen() is the library's");
    ok(stream && fgets(line, sizeof line, stream) && strcmp(line, "word\n") == 0, "\"r\" reads what it prints");
    ok(stream && !(fcntl(fileno(stream), F_GETFD) & FD_CLOEXEC), "stays open over exec");
    is(pclose(stream), 4 << 8, "pclose() gives its status");
    stream = popen("read -r a; [ \"$a\" = given ]", "we");
    ok(stream && fcntl(fileno(stream), F_GETFD) & FD_CLOEXEC, "\"e\": does not");
    ok(stream && fputs("given\n", stream) >= 0, "\"w\"");
    is(pclose(stream), 0, "is what it reads");
    errno = 0;
    ok(popen("exit 0", "x") == NULL && errno == EINVAL, "no such mode: EINVAL");
    held_open();
    stream = popen("exit 0", "r");
    while (waitpid(-1, NULL, 0) == -1 && errno == EINTR)
        ;
    errno = 0;
    ok(pclose(stream) == -1 && errno == ECHILD, "whose child somebody else waited for: ECHILD");
    is(count_descriptors(), before, "no descriptor is left");
}

#ifndef MODE_STATIC
static volatile int enough;

static void *opens(void *unused)
{
    while (!enough) {
        FILE *file = popen(":", "r");
        if (file)
            pclose(file);
    }
    return unused;
}

/* More than POSIX allows, but musl lets programs do it. */
static int opens_in_child(void)
{
    int status = 0;
    pid_t ended = 0, pid = fork();
    if (pid == 0) {
        FILE *file = popen("exit 3", "r");
        status = file ? pclose(file) : -1;
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    for (int i = 0; i < 1000 && (ended = waitpid(pid, &status, WNOHANG)) == 0; i++)
        usleep(10000);
    if (ended == 0) {
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
    }
    return ended == pid;
}
#endif

#ifndef MODE_STATIC
static void *writes(void *milliseconds)
{
    static char much[65536];
    struct timespec from, to;
    FILE *file = popen("sleep 1; cat >/dev/null", "w");
    if (!file)
        return NULL;
    if (write(fileno(file), much, sizeof much) < 0 || fputs("more than the pipe takes", file) < 0)
        abort();
    clock_gettime(CLOCK_MONOTONIC, &from);
    pclose(file);
    clock_gettime(CLOCK_MONOTONIC, &to);
    *(long *)milliseconds = (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000;
    return NULL;
}
#endif

/* pclose() waits until the pipe is read from; a command that begins by then must
 * not keep it from its end. */
static void closed_meanwhile(void)
{
#ifdef MODE_STATIC
    skip("popen while pclose flushes", "a static program has its libc's own");
#else
    pthread_t thread;
    long milliseconds = -1;
    if (no_threads()) {
        skip("popen while pclose flushes", no_threads());
        return;
    }
    if (pthread_create(&thread, NULL, writes, &milliseconds))
        abort();
    usleep(500000);
    FILE *file = popen("exec sleep 6", "r");
    pthread_join(thread, NULL);
    ok(milliseconds >= 0 && milliseconds < 5000, "a stream that is being closed is not in another child: %ld ms", milliseconds);
    ok(file != NULL, "popen");
    pclose(file);
#endif
}

static void forked_meanwhile(void)
{
#ifdef MODE_STATIC
    skip("fork while threads open streams", "a static program has its libc's own");
#else
    pthread_t threads[3];
    int all = 1;
    if (no_threads() || emulated()) {
        skip("fork while threads open streams", emulated() ? "qemu-user has locks of its own" : no_threads());
        return;
    }
    for (int i = 0; i < 3; i++)
        if (pthread_create(&threads[i], NULL, opens, NULL))
            abort();
    for (int i = 0; i < 20 && all; i++)
        all = opens_in_child();
    enough = 1;
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    ok(all, "a fork child opens streams while other threads did");
#endif
}

int main(void)
{
    begin(60);
#if defined MODE_STATIC && defined __GLIBC__
    if (getenv("FILTERED") && !filtered("enosys")) {
        skip("the libc's own system() and popen()", "glibc's posix_spawn stands ENOSYS only");
        return done();
    }
#endif
    statuses();
    signals();
#ifndef MODE_STATIC
    threads();
#endif
    streams();
    forked_meanwhile();
    closed_meanwhile();
    ok(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "no child is left");
    return done();
}
