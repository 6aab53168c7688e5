/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A fork inside an initialiser of pthread_once() or call_once(): as without the library
 * (CONTROL), the child of glibc's fork may run it once more, as no thread runs it
 * there, and musl's child finds it under way. After it, forks are by clone3 again.
 * modes: preload shared
 */
#define _GNU_SOURCE
#include "raw.h"
#include "tap.h"
#include <pthread.h>
#include <setjmp.h>
#include <threads.h>

static pthread_once_t once = PTHREAD_ONCE_INIT, inner = PTHREAD_ONCE_INIT, left = PTHREAD_ONCE_INIT;
static once_flag flag = ONCE_FLAG_INIT;
static int runs, status = -1;

static void again(void) { runs++; }

/* Forks; the child asks for the same once more, and ends with how often it ran then. */
static void fork_inside(void (*ask)(void))
{
    runs = 0;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(scaled(1)); /* where it waits for itself */
        ask();
        _exit(10 + runs);
    }
    status = status_of(pid);
}

static void ask_pthread(void) { pthread_once(&once, again); }
static void ask_c11(void) { call_once(&flag, again); }
static void in_pthread(void) { fork_inside(ask_pthread); }
static void in_c11(void) { fork_inside(ask_c11); }

static void nested(void) { pthread_once(&once, in_pthread); }

/* Two numbers: what the children's ends were. */
static void outcomes(int seen[2])
{
    pthread_once(&inner, nested); /* one initialiser in the other */
    seen[0] = status;
    status = -1;
    call_once(&flag, in_c11);
    seen[1] = status;
}

#ifdef CONTROL
int main(void)
{
    int seen[2];
    outcomes(seen);
    printf("%d %d\n", seen[0], seen[1]);
    return 0;
}
#else
#include <clone3.h>

static jmp_buf out;
static void leave(void) { longjmp(out, 1); }

static int forks_as_usual(void)
{
    struct clone3_route route = { .size = sizeof route };
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return status_of(pid) == 0 && clone3_last_route(&route) == 0 && route.route != CLONE3_ROUTE_HOST;
}

int main(void)
{
    begin(20);
    if (emulated()) {
        skip("forks inside pthread_once() and call_once()", "the control would need the emulator as well");
        return done();
    }
    int seen[2], theirs[2] = { -2, -2 }, ends[2];
    char text[64] = "", *control = getenv("CONTROL");
    if (pipe(ends) != 0)
        return 1;
    pid_t pid = vfork();
    if (pid == 0) {
        dup2(ends[1], 1);
        execle(control, control, NULL, (char *[]){ NULL });
        _exit(127);
    }
    close(ends[1]);
    for (ssize_t n, at = 0; (n = read(ends[0], text + at, sizeof text - 1 - (size_t)at)) > 0;)
        at += n;
    is(status_of(pid), 0, "a build without the library forks inside pthread_once() and call_once()");
    sscanf(text, "%d %d", &theirs[0], &theirs[1]);

    ok(forks_as_usual(), "a fork before any initialiser is the library's own");
    outcomes(seen);
    is(seen[0], theirs[0], "a child forked inside pthread_once() finds it as without the library");
    is(seen[1], theirs[1], "a child forked inside call_once() finds it as without the library");
#ifdef __GLIBC__
    ok(theirs[0] == 11 && theirs[1] == 11, "glibc's child of a fork inside an initialiser runs it once more");
#endif
    ok(forks_as_usual(), "a fork after an initialiser is the library's own");
    if (setjmp(out) == 0)
        pthread_once(&left, leave);
    ok(forks_as_usual(), "a fork after an initialiser that was left by longjmp() is the library's own");
    return done();
}
#endif
