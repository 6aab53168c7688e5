/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* calls OPERATION COUNT: nanoseconds per operation, on stdout. Built without
 * the library; bench/calls preloads it or does not. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void fork_wait(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
}

static void vfork_wait(void)
{
    pid_t pid = vfork();
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
}

static void syscall_getppid(void) { syscall(SYS_getppid); }

static void plain_getppid(void) { getppid(); }

int main(int argc, char **argv)
{
    static const struct { const char *name; void (*run)(void); } operations[] = {
        { "fork", fork_wait }, { "vfork", vfork_wait },
        { "syscall", syscall_getppid }, { "getppid", plain_getppid },
    };
    long count = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
    for (size_t i = 0; count > 0 && i < sizeof operations / sizeof *operations; i++) {
        struct timespec start, end;
        if (strcmp(argv[1], operations[i].name) != 0)
            continue;
        clock_gettime(CLOCK_MONOTONIC, &start);
        for (long n = 0; n < count; n++)
            operations[i].run();
        clock_gettime(CLOCK_MONOTONIC, &end);
        printf("%.1f\n", ((end.tv_sec - start.tv_sec) * 1e9 + (end.tv_nsec - start.tv_nsec)) / count);
        return 0;
    }
    fprintf(stderr, "usage: calls fork|vfork|syscall|getppid COUNT\n");
    return 125;
}
