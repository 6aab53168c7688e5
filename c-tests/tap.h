/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* tap.h: reports the results of a C test as TAP.
 *
 * A test calls begin(seconds), then ok() and similar functions, then returns done().
 * The alarm ends a test that hangs; the runner has a longer limit of its own for
 * processes that the test leaves behind. Children report by exit status, never by
 * printing: only the process that called begin() prints TAP.
 *
 * A name is a sentence that says, in a log of all tests, what was asserted. No two
 * assertions of a run may have the same name: done() fails then. */
#ifndef TAP_H
#define TAP_H

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static int tap_count, tap_failed;

/* The names so far, by their hashes. A forked child that asserts for its parent adds to
 * the same ones. */
static struct {
    int used, repeated;
    uint64_t hash[4094];
} *tap_names;

/* Seconds for an alarm: TIME_SCALE times as many on a machine that is as much
 * slower (an emulated one). */
static inline unsigned scaled(unsigned seconds)
{
    const char *scale = getenv("TIME_SCALE");
    return scale && atoi(scale) > 0 ? seconds * (unsigned)atoi(scale) : seconds;
}

/* How often to do on this machine what a fast one does count times. */
static inline int repeats(int count)
{
    return count / (int)scaled(1);
}

static inline void begin(unsigned seconds)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    tap_names = mmap(NULL, sizeof *tap_names, PROT_READ | PROT_WRITE, 0x21 /* MAP_SHARED | MAP_ANONYMOUS */, -1, 0);
    if (tap_names == MAP_FAILED)
        abort();
    alarm(scaled(seconds));
}

/* Notes a name, and says so if an assertion before had it. */
static inline void tap_named(const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (const char *c = name; *c; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    if (!tap_names) /* a program that the test executed */
        return;
    for (int i = 0; i < tap_names->used; i++) {
        if (tap_names->hash[i] == hash) {
            printf("# the name of %d is taken: %s\n", tap_count, name);
            tap_names->repeated++;
            return;
        }
    }
    if (tap_names->used == sizeof tap_names->hash / sizeof *tap_names->hash)
        abort();
    tap_names->hash[tap_names->used++] = hash;
}

__attribute__((format(printf, 2, 3)))
static inline int ok(int good, const char *format, ...)
{
    char name[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    printf("%sok %d - %s\n", good ? "" : "not ", ++tap_count, name);
    tap_named(name);
    tap_failed += !good;
    return good;
}

/* ok() that shows both numbers when they differ. */
static inline int is(long got, long wanted, const char *name)
{
    int good = ok(got == wanted, "%s", name);
    if (!good)
        printf("# got %ld, wanted %ld\n", got, wanted);
    return good;
}

/* A name made as by printf(), good until the next one is made. */
__attribute__((format(printf, 1, 2)))
static inline const char *named(const char *format, ...)
{
    static char name[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    return name;
}

static inline void skip(const char *name, const char *reason)
{
    printf("ok %d - %s # SKIP %s\n", ++tap_count, name, reason);
    tap_named(name);
}

/* Whether this runs under qemu-user, whose name is there, and which has no clone3, runs CLONE_VFORK |
 * CLONE_VM as fork, refuses CLONE_VM for all but threads, and knows neither
 * robust lists nor PR_GET_TID_ADDRESS. */
static inline int emulated(void)
{
    return getenv("EMULATED") != NULL;
}

/* Whether the runner put the test under this filter (see filter.h). */
static inline int filtered(const char *kind)
{
    const char *filter = getenv("FILTERED");
    return filter && strcmp(filter, kind) == 0;
}

static inline int done(void)
{
    if (tap_names && tap_names->repeated)
        ok(0, "each assertion has a name of its own: %d have that of another", tap_names->repeated);
    printf("1..%d\n", tap_count);
    fflush(stdout);
    return tap_failed != 0;
}

/* Exit status of a child as the shell has it; -1 if there is no such child. */
static inline int status_of(pid_t pid)
{
    int status;
    pid_t got;
    do
        got = waitpid(pid, &status, 0x40000000 /* __WALL */);
    while (got < 0 && errno == EINTR);
    if (got != pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif
