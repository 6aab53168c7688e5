/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* libc.h: differences of the C libraries that the tests run on. */
#ifndef LIBC_H
#define LIBC_H

#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#include <stdlib.h>

/* The number after "2." */
static inline int glibc_minor(void)
{
    return atoi(gnu_get_libc_version() + 2);
}
#endif

/* Whether the libc keeps a thread id at all, which it writes into the mutexes
 * that a thread locks. A static program on glibc 2.31 that makes no thread does
 * not have the part that does. */
static inline int libc_keeps_thread_id(void)
{
    pthread_mutexattr_t kind;
    pthread_mutex_t mutex;
    int words[sizeof mutex / sizeof(int)], tid = (int)syscall(SYS_gettid);
    memset(&mutex, 0, sizeof mutex);
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&mutex, &kind);
    pthread_mutex_lock(&mutex);
    memcpy(words, &mutex, sizeof words);
    pthread_mutex_unlock(&mutex);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i] == tid)
            return 1;
    return 0;
}

#endif
