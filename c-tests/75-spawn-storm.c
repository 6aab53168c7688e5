/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Many spawns: from 64 threads at once, failing ones among them; ten thousand (where
 * the library is not preloaded, two thousand) children with pidfds, waited for through
 * epoll.
 *
 * filtered: preload
 */
#define _GNU_SOURCE
#include "spawning.h"
#include "libc.h"
#include "makers.h"
#include <sys/epoll.h>

static char *const seven[] = { "sh", "-c", "exit 7", NULL };
static char *const nothing[] = { "true", NULL };

enum { THREADS = 64 };
static pthread_barrier_t barrier;
static int each;

struct counts { int good, wrong; };

static void *spawns(void *argument)
{
    struct counts *counts = argument;
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < each; i++) {
        pid_t pid = -5;
        uint64_t mask = mask_now();
        int fails = i % 4 == 3, good;
        if (fails)
            good = posix_spawn(&pid, "/nowhere", NULL, NULL, nothing, environ) == ENOENT && pid == -5;
        else
            good = posix_spawnp(&pid, "sh", NULL, NULL, seven, environ) == 0 && status_of(pid) == 7;
        if (good && mask == mask_now())
            counts->good++;
        else
            counts->wrong++;
    }
    return NULL;
}

static void from_threads(void)
{
    pthread_t threads[THREADS];
    struct counts counts[THREADS] = { 0 };
    int good = 0, wrong = 0, made = 0;
    if (no_threads()) {
        skip("posix_spawn in 64 threads at once", no_threads());
        return;
    }
    if (emulated()) {
        skip("posix_spawn in 64 threads at once", "children get stuck in locks of qemu-user's own");
        return;
    }
    each = repeats(20);
    each = each < 4 ? 4 : each;
    int before = count_descriptors();
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (; made < THREADS; made++)
        if (pthread_create(&threads[made], NULL, spawns, &counts[made]))
            abort();
    for (int i = 0; i < made; i++) {
        pthread_join(threads[i], NULL);
        good += counts[i].good;
        wrong += counts[i].wrong;
    }
    is(good, THREADS * each, "posix_spawn in 64 threads at once has its result each time");
    is(wrong, 0, "posix_spawn in 64 threads at once never has the result of another thread's child");
    is(count_descriptors(), before, "posix_spawn in 64 threads at once leaves no descriptor");
}

/* As many as there may be, a batch alive at a time. */
static void through_epoll(void)
{
#ifdef MODE_PRELOAD
    enum { BATCH = 50, MANY = 10000 };
#else
    enum { BATCH = 50, MANY = 2000 };
#endif
    int total = emulated() ? 0 : repeats(MANY), started = 0, ended = 0, wrong = 0, alive = 0;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    char *const argv[] = { "true", NULL };
    int probe = -1, error = pidfd_spawn(&probe, "/bin/true", NULL, NULL, argv, environ);
    if (error == ENOSYS) {
        skip("children of pidfd_spawn through epoll", "no pidfds here");
        return;
    }
    siginfo_t info;
    if (error || waitid((idtype_t)3 /* P_PIDFD */, (id_t)probe, &info, WEXITED)) {
        skip("children of pidfd_spawn through epoll", "pidfds cannot be waited for here (Linux 5.4)");
        close(probe);
        return;
    }
    close(probe);
    while (ended < total && wrong == 0) {
        while (started < total && alive < BATCH) {
            int pidfd = -1;
            if (pidfd_spawn(&pidfd, "/bin/true", NULL, NULL, argv, environ) != 0 || pidfd < 0) {
                wrong++;
                break;
            }
            struct epoll_event event = { .events = EPOLLIN, .data.fd = pidfd };
            epoll_ctl(epoll, EPOLL_CTL_ADD, pidfd, &event);
            started++;
            alive++;
        }
        struct epoll_event events[BATCH];
        int count = epoll_wait(epoll, events, BATCH, 20000);
        if (count <= 0)
            wrong++;
        for (int i = 0; i < count; i++) {
            memset(&info, 0, sizeof info);
            int got = waitid((idtype_t)3, (id_t)events[i].data.fd, &info, WEXITED | WNOHANG);
            wrong += got != 0 || info.si_pid == 0 || info.si_status != 0;
            /* Closing alone may not do: a child's copies are closed a little after
             * its exec has let the parent go on (fs/exec.c, begin_new_exec). */
            epoll_ctl(epoll, EPOLL_CTL_DEL, events[i].data.fd, NULL);
            close(events[i].data.fd);
            ended++;
            alive--;
        }
    }
    close(epoll);
    ok(ended == total && wrong == 0, "%d children of pidfd_spawn are seen to end through epoll, %d wrong", ended, wrong);
}

int main(void)
{
    begin_group(110);
    from_threads();
    through_epoll();
    ok(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "thousands of spawns leave no child");
    return done();
}
