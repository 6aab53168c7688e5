/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A program may point a thread's clear_child_tid elsewhere. Children of that thread,
 * and of others, get the libc's own address all the same, as after the host's fork: the
 * main thread can be joined in them and the program's word is unchanged.
 */
#define _GNU_SOURCE
#include "raw.h"
#include "tap.h"
#include <clone3.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

pid_t _Fork(void);

static pthread_t main_thread;
static int *word; /* in shared memory */

static void *join_main(void *unused)
{
    (void)unused;
    pthread_join(main_thread, NULL);
    _exit(*word == 5 ? 7 : 8);
}

/* In a child: ends with 7 if its first thread can be joined. */
static void end_by_joining_main(void)
{
    pthread_t joiner;
    alarm(scaled(3));
    main_thread = pthread_self();
    if (pthread_create(&joiner, NULL, join_main, NULL) != 0)
        _exit(9);
    pthread_exit(NULL);
}

static int child_ends(pid_t (*maker)(void))
{
    pid_t pid = maker();
    if (pid == 0)
        end_by_joining_main();
    return status_of(pid);
}

static void *forks_in_thread(void *status)
{
    *(int *)status = child_ends(_Fork);
    return NULL;
}

int main(void)
{
    begin(30);
    if (no_threads()) {
        skip("the main thread of children can be joined wherever clear_child_tid points", no_threads());
        return done();
    }
    word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    *word = 5;

    /* A child that was made with a clear_child_tid of its creator's. */
    struct clone_args args = { .exit_signal = SIGCHLD, .child_tid = (uintptr_t)word };
    args.flags = CLONE_CHILD_CLEARTID;
    pid_t pid = clone3(&args, sizeof args);
    if (pid == 0) {
        uintptr_t address[2] = { 0 }; /* a 64-bit kernel writes 64 bits */
        if (prctl(40 /* PR_GET_TID_ADDRESS */, address) == 0 && address[0] != (uintptr_t)word)
            _exit(1);
        _exit(child_ends(fork) == 7 && child_ends(_Fork) == 7 ? 7 : 2);
    }
    is(status_of(pid), 7, "a child by CLONE_CHILD_CLEARTID keeps that address, its own children have the libc's");

    syscall(SYS_set_tid_address, word);
    is(child_ends(fork), 7, "after set_tid_address(), the main thread of fork()'s child can be joined");
    is(child_ends(_Fork), 7, "after set_tid_address(), the main thread of _Fork()'s child can be joined");
    pthread_t thread;
    int status = 0;
    pthread_create(&thread, NULL, forks_in_thread, &status);
    pthread_join(thread, NULL);
    is(status, 7, "after set_tid_address(), the main thread of a child that another thread made can be joined");
    return done();
}
