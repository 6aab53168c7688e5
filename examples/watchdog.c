/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A watchdog that a wedged C library cannot stop.
 *
 *     cc watchdog.c -lclone3 -pthread -o watchdog; ./watchdog; echo $?
 *
 * A pthread takes the lock of stderr and never gives it back; the first thread wants
 * to print there and hangs. A watchdog that used stdio, malloc() or pthread_mutex_*()
 * could hang with it. The bare thread here makes system calls only: it sees that the
 * program has not moved, says where its threads are, and ends the process.
 *
 * exits: 3
 * prints: ^watchdog: no beat for
 */
#define _GNU_SOURCE
#include <clone3.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile unsigned beats;

static void say(const char *text) { (void)!write(1, text, strlen(text)); }

/* Where the kernel has the first thread. */
static void say_where(void)
{
    char text[256];
    int fd = open("/proc/self/syscall", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text);
    if (size > 0) {
        say("watchdog: the first thread is in system call ");
        (void)!write(1, text, (size_t)size);
    }
    if (fd >= 0)
        close(fd);
}

static void *watch(void *unused)
{
    const struct timespec tick = { 0, 100000000 };
    unsigned seen = beats;
    int quiet = 0;
    for (;;) {
        nanosleep(&tick, NULL);
        quiet = beats == seen ? quiet + 1 : 0;
        seen = beats;
        if (quiet == 5) {
            say("watchdog: no beat for half a second\n");
            say_where();
            _exit(3);
        }
    }
    return unused;
}

static void *wedge(void *barrier)
{
    flockfile(stderr);
    pthread_barrier_wait(barrier);
    for (;;)
        pause();
    return barrier;
}

int main(void)
{
    clone3_thread_attr_t attr;
    clone3_thread_t watchdog;
    pthread_barrier_t barrier;
    pthread_t thread;
    clone3_thread_attr_init(&attr, sizeof attr);
    attr.name = "watchdog";
    attr.flags = CLONE3_THREAD_DETACHED;
    int error = clone3_thread_create(&watchdog, &attr, watch, NULL);
    if (error)
        return 1;
    for (int i = 0; i < 10; i++) {
        beats++;
        usleep(20000);
    }
    pthread_barrier_init(&barrier, NULL, 2);
    if (pthread_create(&thread, NULL, wedge, &barrier))
        return 1;
    pthread_barrier_wait(&barrier);
    fputs("this is never printed\n", stderr);
    return 0;
}
