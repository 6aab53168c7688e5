/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Bare threads of a program whose thread-local storage exceeds the memory that is
 * reserved for many threads at once. No thread touches more than a few pages of it.
 *
 * (aarch64 links no more than 16 MiB into a program.)
 *
 * archs: x86_64 i686
 */
#define _GNU_SOURCE
#include "bare-threads.h"

enum { HUGE = 160 << 20 };
static __thread char huge[HUGE];
static __thread int behind = 7;

static void *looks(void *argument)
{
    (void)argument;
    long sum = huge[0] + huge[HUGE / 2] + huge[HUGE - 1] + behind;
    huge[0] = huge[HUGE / 2] = huge[HUGE - 1] = behind = 9;
    return (void *)sum;
}

int main(void)
{
    begin(60);
    looks(NULL);
    is(run_thread(NULL, looks, NULL), 7, "a bare thread has 160 MiB of thread-local storage");
    is(run_thread(NULL, looks, NULL), 7, "a bare thread has fresh thread-local storage where another was before");
    is(huge[HUGE - 1] + behind, 18, "the creator of threads with 160 MiB of thread-local storage keeps its own");
    return done();
}
