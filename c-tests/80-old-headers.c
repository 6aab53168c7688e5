/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* clone3.h with kernel headers whose struct clone_args lacks fields, or that have none:
 * all fields exist, and calls accept them.
 *
 * modes: preload static
 * variants: -DHEADERS=0x50400; -DHEADERS=0x50600; -DHEADERS=0x30a00; -DHEADERS=0x41200
 */
#define _GNU_SOURCE
#include <stdint.h>
/* As <linux/sched.h> of that version leaves things. */
#define _LINUX_SCHED_H
#define _UAPI_LINUX_SCHED_H
#define LINUX_VERSION_CODE HEADERS
#if HEADERS >= 0x41200 /* which some distribution may have given it */
struct clone_args {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
#if HEADERS >= 0x50500
    uint64_t set_tid, set_tid_size;
#endif
};
enum { SIZE_BEFORE = sizeof(struct clone_args) };
#else
enum { SIZE_BEFORE = 0 };
#endif
#include <clone3.h>
#include "raw.h"
#include "tap.h"

int main(void)
{
    begin(30);
    ok(SIZE_BEFORE < 88, "the kernel headers' struct clone_args has %d bytes", SIZE_BEFORE);
    is((long)sizeof(struct clone_args), 88, "with clone3.h beside old kernel headers struct clone_args has all fields");
    struct clone_args args = { .exit_signal = SIGCHLD, .set_tid = 0, .set_tid_size = 0, .cgroup = 0 };
    pid_t pid = clone3(&args, sizeof args);
    if (pid == 0)
        _exit(7);
    is(status_of(pid), 7, "clone3() takes the struct clone_args of clone3.h beside old kernel headers");
    args.set_tid_size = 33;
    ok(clone3(&args, sizeof args) == -1 && errno == EINVAL, "clone3() reads the last fields of a struct clone_args beside old kernel headers");
    char text[200];
    const char *said = clone3_explain(&args, sizeof args, text, sizeof text);
    ok(strstr(said, "set_tid_size") != NULL, "clone3_explain() reads the last fields of a struct clone_args beside old kernel headers: %s", said);
    return done();
}
