/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a program pays for the library before main() and at its end: page faults and system
 * calls, beside the same program without it. A program here does nothing: it is this file,
 * with an argument. The loader's part of it: an open, a read, a stat, a mapping for each
 * segment and one for the rest of .bss, mprotect() for RELRO, a close. None is the library's.
 */
#define _GNU_SOURCE
#include "raw.h"
#include "tap.h"
#include <sys/ptrace.h>
#include <sys/resource.h>

/* What was seen, and some more: the places of stack and mappings are random. i686's functions
 * find their data by tables, and segments that are aligned to 64 KiB take the loader more of
 * both. */
#if defined(__x86_64__)
enum { ROUNDS = 15, MOST_FAULTS = 12, MOST_CALLS = 10 };
#elif defined(__i386__)
enum { ROUNDS = 15, MOST_FAULTS = 16, MOST_CALLS = 10 };
#else
enum { ROUNDS = 15, MOST_FAULTS = 20, MOST_CALLS = 16 };
#endif

static char *program;
static char preload[4096];

/* In a child: this program again, doing nothing. Environments that are there already: what a
 * child does before it executes counts, too. */
static void run(int preloaded)
{
    char *argv[] = { program, "nothing", NULL }, *with[] = { preload, NULL }, *without[] = { NULL };
    raw(SYS_execve, program, argv, preloaded ? with : without);
    raw(SYS_exit_group, 9);
}

static int ascending(const void *one, const void *other)
{
    long difference = *(const long *)one - *(const long *)other;
    return (difference > 0) - (difference < 0);
}

/* The median of its page faults. */
static long faults(int preloaded, int *good)
{
    long counts[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        pid_t pid = (pid_t)raw(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        if (pid == 0)
            run(preloaded);
        int status = -1;
        struct rusage usage;
        *good &= wait4(pid, &status, 0, &usage) == pid && status == 0;
        counts[i] = usage.ru_minflt + usage.ru_majflt;
    }
    qsort(counts, ROUNDS, sizeof *counts, ascending);
    return counts[ROUNDS / 2];
}

/* The stops at entry to and exit from its system calls, from exec to its end; -1 where it
 * cannot be traced. */
static long stops(int preloaded)
{
    pid_t pid = (pid_t)raw(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            raw(SYS_exit_group, 8);
        run(preloaded);
    }
    int status = -1;
    if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
        return -1;
    for (long count = 0;; count++) {
        ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
        if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
            return status == 0 ? count : -1;
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return strcmp(argv[1], "nothing") != 0;
    begin(60);
    program = argv[0];
    const char *library = getenv("LD_PRELOAD");
    if (!library || !strstr(library, "libclone3.so") || emulated()) {
        skip("page faults of loading the library", "it is not preloaded here, or the emulator has its own");
        skip("system calls of loading the library", "it is not preloaded here, or the emulator has its own");
        return done();
    }
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", library);
    int good = 1;
    faults(0, &good); /* reads the files */
    faults(1, &good);
    long without = faults(0, &good), with = faults(1, &good);
    printf("# %ld page faults without the library, %ld with it\n", without, with);
    ok(good, "the program ends as it should, with and without the library");
    ok(with - without <= MOST_FAULTS, "the library takes few page faults, from its loading to exit()");
    without = stops(0);
    with = stops(1);
    if (without < 0 || with < 0) {
        skip("system calls of loading the library", "the program cannot be traced");
        return done();
    }
    printf("# %ld system calls without the library, %ld with it\n", without / 2, with / 2);
    ok((with - without) / 2 <= MOST_CALLS, "loading the library takes the loader's system calls and no others");
    return done();
}
