/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ten thousand children with pidfds (two thousand but where the library is linked
 * shared), some hundreds at a time, waited for through epoll: each ends once, with its
 * own status, and none is left.
 *
 * filtered: static
 * modes: preload shared static api
 */
#define _GNU_SOURCE
#include "planning.h"
#include <sys/epoll.h>

#ifdef MODE_SHARED
enum { MANY = 10000 };
#else
enum { MANY = 2000 };
#endif
enum { AT_ONCE = 200 };

static int start(int epoll, int number, pid_t *pids)
{
    clone3_spawn_t plan;
    char text[16], *argv[] = { "sh", "-c", "exit $0", NULL, NULL };
    int pidfd = -1;
    /* What a shell takes long for is not its status. */
    snprintf(text, sizeof text, "%d", number % 251);
    argv[3] = text;
    if (clone3_spawn_init(&plan, sizeof plan) || clone3_spawn_set_pidfd(&plan, &pidfd))
        return -1;
    if (clone3_spawn(&pids[number], "/bin/sh", &plan, argv, environ, NULL))
        return -1;
    struct epoll_event event = { .events = EPOLLIN, .data = { .u64 = (uint64_t)number << 32 | (unsigned)pidfd } };
    return epoll_ctl(epoll, EPOLL_CTL_ADD, pidfd, &event);
}

int main(void)
{
    begin(110);
    int children = repeats(MANY), started = 0, ended = 0, wrong = 0, pidfd = -1;
    clone3_spawn_t plan = new_plan();
    clone3_spawn_set_pidfd(&plan, &pidfd);
    if (emulated() || clone3_spawn(NULL, "/bin/sh", &plan, (char *[]){ "sh", "-c", ":", NULL }, environ, NULL)) {
        skip("thousands of children of plans through epoll", "no pidfds here");
        return done();
    }
    wait(NULL);
    close(pidfd);
    pid_t *pids = calloc((size_t)children, sizeof *pids);
    int epoll = epoll_create1(EPOLL_CLOEXEC), before = descriptors_open();
    while (ended < children) {
        while (started < children && started - ended < AT_ONCE)
            if (start(epoll, started++, pids)) {
                ok(0, "child number %d of a plan with a pidfd is made", started);
                return done();
            }
        struct epoll_event events[64];
        int count = epoll_wait(epoll, events, 64, -1);
        for (int i = 0; i < count; i++) {
            int number = (int)(events[i].data.u64 >> 32);
            if (status_of(pids[number]) != number % 251)
                wrong++;
            /* A child that executes closes its copies a moment after its parent
             * goes on: closing alone would not take this one out of the set. */
            epoll_ctl(epoll, EPOLL_CTL_DEL, (int)(unsigned)events[i].data.u64, NULL);
            close((int)(unsigned)events[i].data.u64);
            ended++;
        }
    }
    ok(ended == children && started == children, "%d children of plans are seen to end through epoll", children);
    is(wrong, 0, "thousands of children of plans end with their own status each");
    is(descriptors_open(), before, "thousands of children of plans leave no descriptor");
    ok(waitpid(-1, NULL, 0x40000000 | WNOHANG) == -1 && errno == ECHILD, "thousands of children of plans leave no child");
    free(pids);
    return done();
}
