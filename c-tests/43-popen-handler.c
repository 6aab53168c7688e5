/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* modes: preload shared
 *
 * popen(), pclose() and system() in a signal handler that interrupts popen() or
 * system() itself: more than POSIX allows, but the C libraries let programs do it, as
 * they hold no lock that a handler could wait for. Signals that arrive while a command
 * is started are handled right afterwards, which would deadlock on a lock that is still
 * held.
 */
#define _GNU_SOURCE
#include "tap.h"

static FILE *volatile ended;
static volatile sig_atomic_t inside, acted, wrong;

/* What a handler does with the stream whose command has ended. */
static void close_it(void)
{
    FILE *stream = ended;
    ended = NULL;
    wrong += pclose(stream) != 3 << 8;
}

static void open_another(void)
{
    FILE *stream = popen("exit 5", "r");
    wrong += !stream || pclose(stream) != 5 << 8;
}

static void run_another(void)
{
    wrong += system("exit 6") != 6 << 8;
}

static void (*volatile act)(void);

static void child_ended(int signal)
{
    int error = errno;
    (void)signal;
    if (inside && ended) {
        inside = 0;
        acted++;
        act();
    }
    errno = error;
}

/* Starts a command, and by popen() or system() another while the first one ends. */
static void round_of(int by_system)
{
    int status = -1;
    ended = popen("exit 3", "r");
    inside = 1;
    if (by_system) {
        status = system("exit 4");
    } else {
        FILE *stream = popen("exit 4", "r");
        if (stream)
            status = pclose(stream);
    }
    inside = 0;
    wrong += status != 4 << 8;
    if (ended)
        close_it();
}

static void rounds(void (*what)(void), int by_system, const char *name)
{
    act = what;
    acted = wrong = 0;
    for (int i = 0; i < repeats(60) || (!acted && i < 600); i++)
        round_of(by_system);
    if (ok(acted > 0 && wrong == 0, "%s", name))
        printf("# the handler acted %d times\n", (int)acted);
    else
        printf("# acted %d times, %d wrong\n", (int)acted, (int)wrong);
}

int main(void)
{
    begin(60);
    signal(SIGCHLD, child_ended);
    rounds(close_it, 0, "a SIGCHLD handler closes a stream by pclose() while popen() starts another");
    rounds(open_another, 0, "a SIGCHLD handler calls popen() and pclose() while popen() starts a command");
    rounds(run_another, 0, "a SIGCHLD handler calls system() while popen() starts a command");
    rounds(close_it, 1, "a SIGCHLD handler closes a stream by pclose() after system() held SIGCHLD off");
    rounds(run_another, 1, "a SIGCHLD handler calls system() after system() held SIGCHLD off");
    signal(SIGCHLD, SIG_DFL);
    ok(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "handlers that call popen() and system() leave no child");
    return done();
}
