/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* forbidden.h: system calls that end the process, and whether the clock or a thread's id needs
 * one. */
#ifndef FORBIDDEN_H
#define FORBIDDEN_H

#include "filter.h"
#include "libc.h"
#include "raw.h"
#include "tap.h"
#include <stdlib.h>
#include <time.h>

/* From here on these system calls end the process. 0, or 1 where there are no filters. */
static inline int forbid(const uint16_t *killing, int count)
{
    struct sock_filter program[2 * 16 + 2] = { FILTER_LOAD(offsetof(struct seccomp_data, nr)) };
    if (count > 16)
        abort();
    for (int i = 0; i < count; i++) {
        program[1 + 2 * i] = (struct sock_filter)FILTER_IF(BPF_JEQ, killing[i], 1);
        program[2 + 2 * i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0x80000000u);
    }
    program[2 * count + 1] = (struct sock_filter)FILTER_ALLOW;
    struct sock_fprog filter = { (unsigned short)(2 * count + 2), program };
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, 2, &filter) != 0;
}

/* Whether the kernel has to be asked for a time: with some clocks of virtual machines the vDSO
 * asks it. */
static inline int clock_is_asked(void)
{
#ifdef SYS_clock_gettime
    static const uint16_t time = SYS_clock_gettime;
    pid_t pid = (pid_t)raw(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
        struct timespec now;
        _exit(forbid(&time, 1) || clock_gettime(CLOCK_MONOTONIC, &now));
    }
    return status_of(pid) != 0;
#else
    return 0;
#endif
}

/* glibc before 2.34 leaves that to libpthread, which the program may be without. */
static inline int keeps_thread_id(void)
{
#ifdef __GLIBC__
#pragma weak pthread_mutexattr_init
    return glibc_minor() >= 34 || pthread_mutexattr_init != NULL;
#else
    return 1;
#endif
}

#endif
