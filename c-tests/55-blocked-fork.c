/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A fork with all signals blocked, as perl, git and musl's fork() in static programs make
 * it, is by clone3 where no filter could answer for that by a blocked SIGSYS. */
#define _GNU_SOURCE
#include "libc.h"
#include "raw.h"
#include "tap.h"
#include "trace.h"
#include <sys/prctl.h>

pid_t _Fork(void); /* not declared before glibc 2.34 */

static int forks(void *underscore)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    mark(MARK_BEGIN);
    pid_t pid = underscore ? _Fork() : fork();
    if (pid == 0)
        raw_exit(7);
    mark(MARK_END);
    return status_of(pid) == 7 ? 0 : 1;
}

int main(void)
{
    begin(30);
    for (int underscore = 0; underscore < 2; underscore++) {
        const char *name = underscore ? "_Fork() with all signals blocked is by clone3"
                                      : "fork() with all signals blocked is by clone3";
#if defined(MODE_STATIC) && defined(__GLIBC__)
        if (!underscore && glibc_minor() < 34) {
            skip(name, "a static program has its C library's, which does not call _Fork()");
            continue;
        }
#endif
        if (emulated() || unreachable_errno()) {
            skip(name, "clone3 is out of reach");
        } else if (prctl(PR_GET_SECCOMP) != 0) {
            skip(name, "this process is behind a filter");
        } else {
            struct trace seen = traced_run(forks, (void *)(long)underscore);
            ok(seen.status == 0 && seen.clone3s == 1 && seen.clones == 0, "%s", name);
        }
    }
    return done();
}
