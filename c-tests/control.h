/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* control.h: runs the CONTROL build of a test, which does not use the library. */
#ifndef CONTROL_H
#define CONTROL_H

#include "tap.h"
#include <fcntl.h>

/* Runs the control build and keeps what it says. */
static inline char *run_control(void)
{
    const size_t size = 1 << 20;
    char *text = calloc(1, size), *program = getenv("CONTROL");
    size_t used = 0;
    ssize_t got;
    int ends[2];
    if (!program || !text || pipe2(ends, O_CLOEXEC))
        return text;
    pid_t pid = fork();
    if (pid == 0) {
        unsetenv("LD_PRELOAD");
        dup2(ends[1], 1);
        execl(program, program, (char *)NULL);
        /* qemu-user hands the call to a kernel that may not know what to do
         * with a program of another architecture. */
        if (emulated())
            execlp(getenv("EMULATED"), getenv("EMULATED"), program, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    while ((got = read(ends[0], text + used, size - 1 - used)) > 0)
        used += (size_t)got;
    close(ends[0]);
    is(status_of(pid), 0, "the control build runs");
    return text;
}

#endif
