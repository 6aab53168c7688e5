/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Fork handlers run in the order and number that the host's own fork runs them in: the
 * whole trace must equal the one of a build without the library (CONTROL), for forks by
 * the library and for those by the host.
 */
#define _GNU_SOURCE
#include "libc.h"
#include "raw.h"
#include "tap.h"
#include <pthread.h>

static char trace[8192];

static void note(const char *what)
{
    strcat(trace, what);
    strcat(trace, " ");
}

#define HANDLERS(n)                                                            \
    static void prepare_##n(void) { note("prepare" #n); }                      \
    static void parent_##n(void) { note("parent" #n); }                        \
    static void child_##n(void) { note("child" #n); }
HANDLERS(1)
HANDLERS(2)
HANDLERS(3)

/* A handler that registers handlers, once. */
static void prepare_late(void)
{
    static int done;
    note("prepare-late");
    if (!done++)
        pthread_atfork(prepare_3, parent_3, child_3);
}

/* A handler that forks, once, and leaves the inner child at once. */
static void parent_forks(void)
{
    static int done;
    note("parent-forks");
    if (!done++) {
        note("(");
        pid_t pid = fork();
        if (pid == 0)
            _exit(strstr(trace, "( ") != NULL);
        note(status_of(pid) == 1 ? ")" : "inner child lost)");
    }
}

/* The child sends its trace, the parent appends it to its own. */
static void fork_and_note(void)
{
    int ends[2];
    char theirs[sizeof trace / 2] = "";
    if (pipe(ends) != 0)
        exit(9);
    note("fork:");
    pid_t pid = fork();
    if (pid == 0) {
        ssize_t written = write(ends[1], trace, strlen(trace));
        _exit(written < 0);
    }
    close(ends[1]);
    for (ssize_t n, at = 0; (n = read(ends[0], theirs + at, sizeof theirs - 1 - at)) > 0;)
        at += n;
    close(ends[0]);
    note(status_of(pid) == 0 ? "| child saw:" : "| child lost");
    strcat(trace, theirs);
    strcat(trace, "\n");
}

static void *wait_for_end(void *lock)
{
    pthread_mutex_lock(lock);
    pthread_mutex_unlock(lock);
    return NULL;
}

/* Whether a handler may neither register nor fork where the host's fork runs it,
 * which is beside other threads: musl, and glibc before 2.36 (its bug 24595). */
static int holds_lock_over_handlers(void)
{
#ifdef __GLIBC__
    return glibc_minor() < 36;
#else
    return 1;
#endif
}

static const char *scenario(int threads)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_t other;

    trace[0] = '\0';
    fork_and_note();
    pthread_atfork(prepare_1, parent_1, child_1);
    pthread_atfork(NULL, parent_2, NULL);
    pthread_atfork(prepare_2, NULL, child_2);
    fork_and_note();
    if (threads) {
        pthread_mutex_lock(&lock);
        pthread_create(&other, NULL, wait_for_end, &lock);
    }
    fork_and_note();
    if (threads && holds_lock_over_handlers())
        goto end;
    pthread_atfork(prepare_late, NULL, NULL);
    fork_and_note();
    fork_and_note();
    trace[0] = '\0';
    pthread_atfork(NULL, parent_forks, NULL);
    fork_and_note();
end:
    if (threads) {
        pthread_mutex_unlock(&lock);
        pthread_join(other, NULL);
    }
    fork_and_note();
    return trace;
}

#ifdef CONTROL
int main(int argc, char **argv)
{
    (void)argv;
    fputs(scenario(argc > 1), stdout);
    return 0;
}
#else
static void compare(int threads)
{
    char theirs[sizeof trace] = "", *program = getenv("CONTROL");
    size_t length = 0;
    ssize_t got;
    int ends[2];
    if (pipe(ends) != 0)
        exit(1);
    pid_t pid = vfork(); /* which runs no handlers; popen() is not to be had under any filter */
    if (pid == 0) {
        dup2(ends[1], 1);
        execle(program, program, threads ? "threads" : NULL, NULL, (char *[]){ NULL });
        _exit(127);
    }
    close(ends[1]);
    while ((got = read(ends[0], theirs + length, sizeof theirs - 1 - length)) > 0)
        length += (size_t)got;
    close(ends[0]);
    status_of(pid);
    const char *ours = scenario(threads);
    if (!ok(length > 100 && strcmp(ours, theirs) == 0, "fork handlers run in the order of a build without the library%s",
            threads ? ", with a second thread" : ""))
        printf("# ours:   %s# theirs: %s", ours, theirs);
}

int main(void)
{
    begin(20);
    if (emulated()) {
        skip("fork handlers run in the order of a build without the library", "the control would need the emulator as well");
        return done();
    }
    for (int threads = 0; threads <= 1; threads++) {
        if (threads && no_threads()) {
            skip("fork handlers run in the order of a build without the library, with a second thread", no_threads());
            break;
        }
        /* In a child each: handlers stay registered. */
        pid_t pid = fork();
        if (pid == 0) {
            compare(threads);
            exit(tap_failed);
        }
        tap_failed += status_of(pid) != 0;
        tap_count++;
    }
    return done();
}
#endif
