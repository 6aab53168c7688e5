/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* system(), popen() and pclose(): statuses, POSIX's rules for signals, a call does not
 * reap another one's child, cancellation kills and reaps the child, streams do not leak
 * into later children; and the functions are the library's.
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
    ok(WIFEXITED(status) && WEXITSTATUS(status) == 7, "system() returns the command's exit status");
    status = system("kill -TERM $$");
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "system() returns the signal that ended the command");
    status = system("nowhere-to-be-found 2>/dev/null");
    ok(WIFEXITED(status) && WEXITSTATUS(status) == 127, "system() returns 127 for a command that is not found");
    ok(system(NULL) != 0, "system(NULL) says that there is a shell");
#ifndef MODE_STATIC /* musl 1.2.3's own gives -1 */
    if (getuid() != 0) {
        skip("system() without a shell returns 127", "not root");
        return;
    }
    pid_t pid = fork();
    if (pid == 0) {
        if (chroot("/proc/self/fdinfo") != 0)
            _exit(1);
        status = system("exit 0");
        _exit(WIFEXITED(status) && WEXITSTATUS(status) == 127 ? 0 : 2);
    }
    is(status_of(pid), 0, "system() without a shell returns 127");
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
    is(system("kill -INT $PPID; kill -QUIT $PPID"), 0, "system() runs a command that sends SIGINT and SIGQUIT to the caller");
    is(interrupts, 0, "system() ignores SIGINT and SIGQUIT until the command ends");
    ok(disposition_is(SIGINT, interrupted) && disposition_is(SIGQUIT, SIG_DFL), "system() restores the handlers of SIGINT and SIGQUIT");
    int status = system("kill -INT $$; exit 3");
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT, "the command of system() does not ignore SIGINT");
    signal(SIGINT, SIG_IGN);
    is(system("kill -INT $$; exit 0"), 0, "the command of system() ignores SIGINT if the caller does");
    signal(SIGINT, SIG_DFL);
    ok(mask == mask_of_signals(), "system() restores the signal mask");
    pid_t other = fork();
    if (other == 0)
        _exit(5);
    system("sleep 0.1");
    is(status_of(other), 5, "system() does not wait for another child");
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
        skip("system() in eight threads, and in one that is cancelled", emulated() ? "children get stuck in locks of qemu-user's own" : no_threads());
        return;
    }
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&thread[i], NULL, in_system, &good[i]))
            abort();
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        all += good[i];
    }
    is(all, THREADS * 10, "system() in eight threads at once returns each command's status");
    ok(disposition_is(SIGINT, SIG_DFL) && disposition_is(SIGQUIT, SIG_DFL), "system() in eight threads at once restores SIGINT and SIGQUIT");
    if (pthread_create(&thread[0], NULL, sleeps_on, NULL))
        abort();
    usleep(200000);
    pthread_cancel(thread[0]);
    pthread_join(thread[0], &value);
    ok(value == PTHREAD_CANCELED, "a thread that is cancelled in system() ends");
    ok(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "system() that is cancelled leaves no child");
    ok(disposition_is(SIGINT, SIG_DFL) && disposition_is(SIGQUIT, SIG_DFL), "system() that is cancelled restores SIGINT and SIGQUIT");
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
        skip("a stream of popen() is not inherited by a later command", "a static program has its libc's own: musl 1.2.2 leaves it there");
    else
#endif
        is(status, 0, "a stream of popen() is not inherited by a later command");
    second = popen("cat > /dev/null", "w");
    if (status == 0)
        is(pclose(first), 0, "a stream of popen() ends while a later command runs");
    is(pclose(second), 0, "a later stream of popen() ends");
    if (status != 0)
        pclose(first);
}

static void streams(void)
{
    char line[100] = "";
    int before = count_descriptors();
    FILE *stream = popen("echo word; exit 4", "r");
    goes_by_us("popen() is the library's");
    ok(stream && fgets(line, sizeof line, stream) && strcmp(line, "word\n") == 0, "popen() with \"r\" reads what the command prints");
    ok(stream && !(fcntl(fileno(stream), F_GETFD) & FD_CLOEXEC), "popen() with \"r\" gives a descriptor that is not close-on-exec");
    is(pclose(stream), 4 << 8, "pclose() returns the command's status");
    stream = popen("read -r a; [ \"$a\" = given ]", "we");
    ok(stream && fcntl(fileno(stream), F_GETFD) & FD_CLOEXEC, "popen() with \"e\" gives a descriptor that is close-on-exec");
    ok(stream && fputs("given\n", stream) >= 0, "a stream of popen() with \"w\" can be written to");
    is(pclose(stream), 0, "the command of popen() with \"w\" reads what was written");
    errno = 0;
    ok(popen("exit 0", "x") == NULL && errno == EINVAL, "popen() with an unknown mode: EINVAL");
    held_open();
    stream = popen("exit 0", "r");
    while (waitpid(-1, NULL, 0) == -1 && errno == EINTR)
        ;
    errno = 0;
    ok(pclose(stream) == -1 && errno == ECHILD, "pclose() of a command that was already waited for: ECHILD");
    is(count_descriptors(), before, "popen() and pclose() leave no descriptor");
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
    skip("popen() while pclose() flushes", "a static program has its libc's own");
#else
    pthread_t thread;
    long milliseconds = -1;
    if (no_threads()) {
        skip("popen() while pclose() flushes", no_threads());
        return;
    }
    if (pthread_create(&thread, NULL, writes, &milliseconds))
        abort();
    usleep(500000);
    FILE *file = popen("exec sleep 6", "r");
    pthread_join(thread, NULL);
    ok(milliseconds >= 0 && milliseconds < 5000, "a stream that pclose() is flushing is not inherited by a new command: %ld ms", milliseconds);
    ok(file != NULL, "popen() while pclose() flushes starts its command");
    pclose(file);
#endif
}

static void forked_meanwhile(void)
{
#ifdef MODE_STATIC
    skip("popen() in a fork child while threads open streams", "a static program has its libc's own");
#else
    pthread_t threads[3];
    int all = 1;
    if (no_threads() || emulated()) {
        skip("popen() in a fork child while threads open streams", emulated() ? "qemu-user has locks of its own" : no_threads());
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
    ok(all, "popen() in a fork child works though threads of the parent were opening streams");
#endif
}

int main(void)
{
    begin(60);
#if defined MODE_STATIC && defined __GLIBC__
    if (getenv("FILTERED") && !filtered("enosys")) {
        skip("system() and popen() of the libc in a static program", "glibc's posix_spawn stands ENOSYS only");
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
    ok(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "system() and popen() leave no child");
    return done();
}
