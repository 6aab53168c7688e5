/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* clone3_wait(): waits for a child by its pidfd, with a timeout; how it ended and its
 * resource usage.
 */
#define _GNU_SOURCE
#include "planning.h"
#include "raw.h"
#include <pthread.h>
#include <sys/ptrace.h>
#include <time.h>

enum { MILLISECOND = 1000000 };

static pid_t child;

/* The pidfd of a child that runs a shell command. */
static int runs(const char *command)
{
    clone3_spawn_t plan = new_plan();
    char *argv[] = { "sh", "-c", (char *)command, NULL };
    int pidfd = -1;
    clone3_spawn_set_pidfd(&plan, &pidfd);
    return spawn_plan(&child, "/bin/sh", &plan, argv) ? -1 : pidfd;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int is_gone(void)
{
    return waitpid(-1, NULL, 0x40000000 /* __WALL */ | WNOHANG) == -1 && errno == ECHILD;
}

static void endings(void)
{
    int status = -1, fd = runs("exit 7");
    errno = 4711;
    ok(clone3_wait(fd, -1, &status, NULL) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7 && errno == 4711,
        "clone3_wait() returns the pid and status of a child that ends with 7");
    ok(fcntl(fd, F_GETFD) != -1, "clone3_wait() leaves the pidfd open");
    ok(clone3_wait(fd, -1, NULL, NULL) == -1 && errno == ECHILD, "clone3_wait() for a child that was waited for: ECHILD");
    close(fd);
    ok(clone3_wait(fd, -1, NULL, NULL) == -1 && errno == EBADF, "clone3_wait() for a closed descriptor: EBADF");
    fd = runs("kill -KILL $$");
    ok(clone3_wait(fd, (int64_t)scaled(20) * 1000 * MILLISECOND, &status, NULL) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
        "clone3_wait() returns the signal by which a child was killed");
    close(fd);
    struct clone_args quiet = { .flags = CLONE_PIDFD, .pidfd = (uintptr_t)&fd };
    pid_t pid = clone3(&quiet, sizeof quiet);
    if (pid == 0)
        _exit(5);
    ok(clone3_wait(fd, -1, &status, NULL) == pid && WEXITSTATUS(status) == 5, "clone3_wait() finds a child without an exit signal");
    close(fd);
    ok(is_gone(), "clone3_wait() leaves no zombie");
}

static void times(void)
{
    int fd = runs("sleep 60");
    ok(clone3_wait(fd, 0, NULL, NULL) == -1 && errno == ETIMEDOUT, "clone3_wait() with a timeout of zero for a child that runs: ETIMEDOUT");
    double before = now();
    int error = clone3_wait(fd, 150 * MILLISECOND, NULL, NULL) == -1 ? errno : 0;
    double passed = now() - before;
    ok(error == ETIMEDOUT && passed >= 0.15 && passed < scaled(10), "clone3_wait() with a timeout of 150 ms for a child that runs: ETIMEDOUT after %.0f ms", passed * 1000);
    kill(child, SIGKILL);
    ok(clone3_wait(fd, INT64_MAX, NULL, NULL) == child, "clone3_wait() with the longest timeout returns when the child ends");
    close(fd);
}

static void usage(void)
{
    struct { struct clone3_usage known; uint64_t later; } used = { .known.size = sizeof used, .later = 7 };
    int status, fd = runs("i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; exit 3");
    ok(clone3_wait(fd, -1, &status, &used.known) == child && WEXITSTATUS(status) == 3, "clone3_wait() with a usage returns a child that used some time");
    ok(used.known.size == sizeof used.known && used.later == 0, "clone3_wait() fills a usage of a later version as far as is known");
    uint64_t time = used.known.user_time + used.known.system_time;
    ok(time > 0 && time < UINT64_C(60000) * MILLISECOND && used.known.max_rss > 100 << 10 && used.known.max_rss < UINT64_C(1) << 30 && used.known.minor_faults > 10,
        "clone3_wait() returns plausible numbers of what a child used: %llu us, %llu KiB, %llu faults", (unsigned long long)time / 1000,
        (unsigned long long)used.known.max_rss >> 10, (unsigned long long)used.known.minor_faults);
    close(fd);
}

static void refusals(void)
{
    struct clone3_usage used = { .size = sizeof used - 1 };
    int fd = runs("exit 4"), status;
    ok(clone3_wait(fd, -1, NULL, &used) == -1 && errno == EINVAL, "clone3_wait() with a usage smaller than any version's: EINVAL");
    used.size = 4097;
    ok(clone3_wait(fd, -1, NULL, &used) == -1 && errno == E2BIG, "clone3_wait() with a usage larger than any version's: E2BIG");
    ok(clone3_wait(fd, -1, NULL, (void *)16) == -1 && errno == EFAULT, "clone3_wait() with a usage at an invalid address: EFAULT");
    ok(clone3_wait(fd, -1, (void *)16, NULL) == -1 && errno == EFAULT, "clone3_wait() with a status at an invalid address: EFAULT");
    ok(clone3_wait(fd, -1, &status, NULL) == child && WEXITSTATUS(status) == 4, "after all refusals of clone3_wait() the child is still there");
    close(fd);
    int other = (int)syscall(SYS_pidfd_open, getppid(), 0);
    double before = now();
    ok(clone3_wait(other, -1, NULL, NULL) == -1 && errno == ECHILD && now() - before < scaled(10),
        "clone3_wait() for a process that is no child: ECHILD at once");
    close(other);
}

/* Holds a child that has ended until it is asked to detach. */
static pid_t tracer_of(pid_t tracee, int ready, int release)
{
    pid_t tracer = fork();
    if (tracer == 0) {
        char byte = ptrace(0x4206 /* PTRACE_SEIZE */, tracee, 0, 0) == 0;
        if (write(ready, &byte, 1) != 1 || read(release, &byte, 1) != 1)
            _exit(1);
        _exit(0); /* lets go of it */
    }
    return tracer;
}

static long used_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void traced(void)
{
    int ready[2], release[2], ended = -1;
    char byte = 0;
    int fd = runs("sleep 0.3; exit 5");
    if (pipe(ready) || pipe(release))
        abort();
    pid_t tracee = child, tracer = tracer_of(tracee, ready[1], release[0]);
    if (read(ready[0], &byte, 1) != 1 || !byte) {
        skip("clone3_wait() for a child that is traced by another process", "ptrace is refused");
    } else {
        long begun = now_ms(), used = used_ms();
        ok(clone3_wait(fd, 900000000, NULL, NULL) == -1 && errno == ETIMEDOUT,
            "clone3_wait() for a child that has ended while another process traces it: ETIMEDOUT");
        ok(now_ms() - begun >= 850, "clone3_wait() for a traced child waits until its timeout");
        ok(used_ms() - used < 300, "clone3_wait() for a traced child sleeps: it used %ld ms of processor time", used_ms() - used);
    }
    if (write(release[1], "", 1) != 1)
        abort();
    status_of(tracer);
    ok(clone3_wait(fd, -1, &ended, NULL) == tracee && WEXITSTATUS(ended) == 5, "clone3_wait() returns a traced child after its tracer has detached");
    for (int i = 0; i < 2; i++)
        close(ready[i]), close(release[i]);
    close(fd);
}

static void handler(int signal) { (void)signal; }

static void interrupted(void)
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
    sigaction(SIGUSR1, &action, NULL);
    char command[100];
    snprintf(command, sizeof command, "sleep 0.3; kill -USR1 %d; sleep 60", (int)getpid());
    int fd = runs(command);
    ok(clone3_wait(fd, -1, NULL, NULL) == -1 && errno == EINTR, "clone3_wait() interrupted by a signal handler with SA_RESTART: EINTR");
    kill(child, SIGKILL);
    ok(clone3_wait(fd, -1, NULL, NULL) == child, "clone3_wait() can be called again after EINTR");
    close(fd);
}

static void *waits(void *fd)
{
    return (void *)(long)(clone3_wait(*(int *)fd, -1, NULL, NULL) == child ? 1 : errno == ECHILD ? 2 : 3);
}

static void in_threads(void)
{
    if (no_threads()) {
        skip("four threads in clone3_wait() for one child", no_threads());
        return;
    }
    pthread_t threads[4];
    int fd = runs("sleep 0.3"), taken = 0, missed = 0;
    for (int i = 0; i < 4; i++)
        if (pthread_create(&threads[i], NULL, waits, &fd))
            abort();
    for (int i = 0; i < 4; i++) {
        void *result;
        pthread_join(threads[i], &result);
        taken += (long)result == 1, missed += (long)result == 2;
    }
    ok(taken == 1 && missed == 3, "of four threads in clone3_wait() for one child one gets its pid, and three ECHILD");
    close(fd);
}

int main(void)
{
    begin(120);
    int fd = runs("exit 0");
    int none = fd == -1 || (clone3_wait(fd, -1, NULL, NULL) == -1 && errno == EINVAL);
    if (none) {
        int status;
        while (wait(&status) > 0)
            ;
        skip("clone3_wait()", "before Linux 5.4");
        return done();
    }
    close(fd);
    endings();
    times();
    usage();
    refusals();
    traced();
    interrupted();
    in_threads();
    return done();
}
