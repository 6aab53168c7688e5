/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Under filters that kill the process for unknown system calls. Loading the library
 * makes no system call beyond the loader's own for one more object, so it survives a
 * filter that is inherited over exec and allows what the program needs. No function
 * calls gettid(2), neither the first time nor later: the id is in the C library. A fork
 * makes the system calls of the C library's own, with CLONE3_ROUTE=legacy also
 * clone(2).
 *
 * The CONTROL build, without the library, shows what the program itself needs.
 */
#define _GNU_SOURCE
#include "control.h"
#include "filter.h"
#include <pthread.h>
#ifndef CONTROL
#include "forms.h"
#include "libc.h"
#include "trace.h"
#include <elf.h>
#include <sys/uio.h>

enum { NUMBERS = 512 };

/* What the loaders call to map one more object. */
static const long loading[] = {
    SYS_openat, SYS_read, SYS_pread64, SYS_close, SYS_mprotect, SYS_munmap, SYS_lseek,
#ifdef SYS_open
    SYS_open,
#endif
#ifdef SYS_mmap2
    SYS_mmap2, SYS_fstat64, SYS_statx,
#else
    SYS_mmap, SYS_fstat, SYS_newfstatat,
#endif
#ifdef SYS_readlink
    SYS_readlink,
#endif
    SYS_fcntl,
#ifdef SYS_fcntl64
    SYS_fcntl64,
#endif
    SYS_brk, SYS_futex,
};

/* Marks the system calls that a program makes from its exec to its end. */
static int collect(const char *program, int preloaded, char *made)
{
    int status, started = 0;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        if (!preloaded)
            unsetenv("LD_PRELOAD");
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) == 0)
            execl(program, program, "nothing", (char *)NULL);
        _exit(99);
    }
    if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
        return 0;
    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
    for (;;) {
        ptrace(PTRACE_SYSCALL, pid, 0, 0);
        if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
            return started && WIFEXITED(status) && WEXITSTATUS(status) == 0;
        struct syscall_info info = { 0 };
        if (ptrace(0x420e /* PTRACE_GET_SYSCALL_INFO */, pid, sizeof info, &info) > 0 && info.op == 1
            && info.entry.number < NUMBERS) {
            made[info.entry.number] = 1;
            started = 1;
        }
    }
}

/* Ends the process for every call but those marked. */
static int allow_only(const char *made)
{
    struct sock_filter program[NUMBERS + 4];
    unsigned short length = 0;
    program[length++] = (struct sock_filter)FILTER_LOAD(offsetof(struct seccomp_data, nr));
    for (unsigned number = 0; number < NUMBERS; number++)
        if (made[number]) {
            program[length++] = (struct sock_filter)FILTER_IF(BPF_JEQ, number, 1);
            program[length++] = (struct sock_filter)FILTER_ALLOW;
        }
    program[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    struct sock_fprog filter = { length, program };
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

static void loads_silently(void)
{
    const char *name = "loading the library makes no system call beyond the loader's";
    char allowed[NUMBERS] = { 0 }, made[NUMBERS] = { 0 };
    int more = 0;
    if (!collect(getenv("CONTROL"), 0, allowed)) {
        skip(name, "no tracing here");
        return;
    }
    for (size_t i = 0; i < sizeof loading / sizeof *loading; i++)
        allowed[loading[i]] = 1;
    ok(collect("/proc/self/exe", 1, made), "a program with the library runs to its end under a tracer");
    for (int number = 0; number < NUMBERS; number++)
        if (made[number] && !allowed[number]) {
            printf("# number %d\n", number);
            more++;
        }
    is(more, 0, name);
    allowed[SYS_execve] = allowed[SYS_exit_group] = 1;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        if (allow_only(allowed))
            _exit(77);
        execl("/proc/self/exe", "68-strict-filters", "nothing", (char *)NULL);
        _exit(99);
    }
    is(status_of(pid), 0, "a program with the library passes a filter of what it needs without the library");
}

/* Ends the process for this call; 0 or the errno. */
static int forbid(long number)
{
    struct sock_filter program[] = {
        FILTER_LOAD(offsetof(struct seccomp_data, nr)),
        FILTER_IF(BPF_JEQ, (unsigned)number, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        FILTER_ALLOW,
    };
    struct sock_fprog filter = { sizeof program / sizeof *program, program };
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) ? errno : 0;
}

/* In a program of its own: three children, also from a thread, without gettid(2). */
static void *of_thread(void *form)
{
    for (int i = 0; i < 2; i++)
        if (((const struct form *)form)->make() != 0)
            return NULL;
    return form;
}

static int without_gettid(const struct form *form, int thread)
{
    pthread_t id;
    void *result = NULL;
    if (forbid(SYS_gettid))
        return 77;
    if (!thread)
        return of_thread((void *)form) ? 7 : 1;
    if (pthread_create(&id, NULL, of_thread, (void *)form) || pthread_join(id, &result))
        return 2;
    return result ? 7 : 3;
}

static void no_gettid(void)
{
    for (int thread = 0; thread <= 1; thread++)
        for (int i = 0; i < FORMS; i++) {
            char number[12], name[120];
            snprintf(number, sizeof number, "%d", i);
            snprintf(name, sizeof name, "%s%s makes no gettid(2)", forms[i].name, thread ? " in a thread" : "");
            const char *not = thread || forms[i].is_thread ? no_threads() : NULL;
#if defined(MODE_STATIC) && defined(__GLIBC__)
            if ((forms[i].make == form_system || forms[i].make == form_popen) && no_threads())
                not = "a static program has its C library's, which do not work behind this filter";
#endif
#ifndef __GLIBC__
            if (thread && forms[i].make == form_fork)
                not = "musl's own fork makes it, which beside threads does the work";
#endif
            if (not) {
                skip(name, not);
                continue;
            }
            fflush(stdout);
            pid_t pid = fork();
            if (pid == 0) {
                execl("/proc/self/exe", "68-strict-filters", number, thread ? "thread" : "main", (char *)NULL);
                _exit(99);
            }
            is(status_of(pid), 7, name);
        }
}
#endif

int main(int count, char **words)
{
    if (count == 2 && strcmp(words[1], "nothing") == 0)
        return 0;
#ifdef CONTROL
    /* So that it is linked with what the other one is, also before glibc 2.34. */
    return pthread_create((pthread_t *)words, NULL, NULL, NULL);
#else
    if (count == 3)
        return without_gettid(&forms[atoi(words[1])], words[2][0] == 't');
    begin(60);
    if (emulated()) {
        skip("programs and children behind filters that end the process", "the emulator would come under them");
        return done();
    }
    loads_silently();
    if (libc_keeps_thread_id())
        no_gettid();
    else
        skip("no way to a child makes gettid(2)", "the C library keeps no thread id");
    return done();
#endif
}
