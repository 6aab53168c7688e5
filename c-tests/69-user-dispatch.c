/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Syscall user dispatch (Linux 5.11) with the C library's text as its allowed range
 * does not catch syscall() for numbers that create no process: the C library's own
 * function makes the call, and sets errno. (On i686 the libcs' call is made in the
 * vDSO's text.)
 *
 * modes: preload shared
 * archs: x86_64 aarch64 riscv64
 */
#define _GNU_SOURCE
#include "raw.h"
#include "tap.h"
#include <inttypes.h>
#include <sys/prctl.h>

static volatile char selector;
static volatile int dispatched;

static void on_dispatch(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    selector = 0;
    dispatched = info->si_syscall;
}

/* The executable part of the mapping of the object that has getpid(). */
static int text_of_libc(uint64_t *start, uint64_t *length)
{
    char line[512], flags[8];
    uint64_t from, to, wanted = (uintptr_t)getpid;
    FILE *maps = fopen("/proc/self/maps", "r");
    int found = 0;
    while (maps && !found && fgets(line, sizeof line, maps))
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &from, &to, flags) == 3 && from <= wanted && wanted < to) {
            *start = from;
            *length = to - from;
            found = flags[2] == 'x';
        }
    if (maps)
        fclose(maps);
    return found;
}

int main(void)
{
    enum { PR_SET_SYSCALL_USER_DISPATCH_ = 59 };
    uint64_t start, length;
    struct sigaction action = { .sa_sigaction = on_dispatch, .sa_flags = SA_SIGINFO };
    begin(20);
    if (emulated() || !text_of_libc(&start, &length)) {
        skip("syscall() under syscall user dispatch", "the C library's text is not to be found here");
        return done();
    }
    sigaction(SIGSYS, &action, NULL);
    long own = getpid(), pid, failed;
    if (prctl(PR_SET_SYSCALL_USER_DISPATCH_, 1L, (unsigned long)start, (unsigned long)length, &selector)) {
        skip("syscall() under syscall user dispatch", "not in this kernel");
        return done();
    }
    errno = 0;
    selector = 1;
    pid = syscall(SYS_getpid);
    failed = syscall(SYS_close, -1);
    selector = 0;
    is(dispatched, 0, "syscall user dispatch that lets the libc's text through sees no call of syscall()");
    is(pid, own, "syscall(SYS_getpid) under syscall user dispatch returns the pid");
    is(failed, -1, "syscall(SYS_close) of no descriptor under syscall user dispatch returns -1");
    is(errno, EBADF, "syscall(SYS_close) of no descriptor under syscall user dispatch sets errno");
    return done();
}
