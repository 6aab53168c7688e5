/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Bare threads and children of fork() while another thread holds the lock that
 * dl_iterate_phdr(3) takes: its callback does not return.
 *
 * archs: x86_64 aarch64 i686
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>

#include "bare-threads.h"

pid_t _Fork(void);

static volatile int is_inside, leave;

static int stays(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)info, (void)size, (void)data;
    is_inside = 1;
    while (!leave)
        usleep(1000);
    return 1;
}

static void *walks_slowly(void *argument)
{
    dl_iterate_phdr(stays, NULL);
    return argument;
}

static int counts(struct dl_phdr_info *info, size_t size, void *count)
{
    (void)info, (void)size;
    ++*(int *)count;
    return 0;
}

/* In a child: 0 if the loader's list can be walked and a thread be made. */
static int uses_the_loader(void)
{
    int count = 0;
    dl_iterate_phdr(counts, &count);
    return count < 1 ? 1 : run_thread(NULL, returns, (void *)7) != 7 ? 2 : 0;
}

static int status_of_user(pid_t pid)
{
    if (pid == 0) {
        alarm(scaled(5));
        _exit(uses_the_loader());
    }
    return status_of(pid);
}

/* Whether a fork() of the libc's own does without our _Fork in a static program. */
static int is_out_of_reach(void)
{
#if defined MODE_STATIC && defined __GLIBC__
    return !__GLIBC_PREREQ(2, 34);
#else
    return 0;
#endif
}

static void beside_a_walk(void)
{
    const char *made = "a bare thread is made while another thread is in dl_iterate_phdr()";
    const char *child = "a child of fork() while another thread is in dl_iterate_phdr() can call it and make a thread";
    const char *past = "a child of the libc's own fork while another thread is in dl_iterate_phdr() can call it and make a thread";
    pthread_t walker;
    if (!has_pthreads()) {
        skip(made, "the libc makes no threads here");
        return;
    }
    run_thread(NULL, returns, NULL); /* learns what is loaded */
    if (pthread_create(&walker, NULL, walks_slowly, NULL))
        abort();
    while (!is_inside)
        usleep(1000);
    pid_t pid = _Fork(); /* so that a thread that waits for ever is only a child's */
    if (pid == 0) {
        alarm(scaled(5));
        _exit(run_thread(NULL, returns, (void *)8) != 8);
    }
    is(status_of(pid), 0, "a child of _Fork() while another thread is in dl_iterate_phdr() makes a bare thread");
    is(run_thread(NULL, returns, (void *)9), 9, made);
    if (is_out_of_reach())
        skip(child, "this libc's fork() is all its own");
    else
        is(status_of_user(fork()), 0, child);
#if defined __GLIBC__ && !defined MODE_STATIC
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    pid_t (*own)(void) = (pid_t (*)(void))dlsym(libc, "fork");
    is(status_of_user(own()), 0, past);
#else
    skip(past, "there is none");
#endif
    leave = 1;
    pthread_join(walker, NULL);
}

/* In the callback the calling thread itself holds the lock. */
static int forks(struct dl_phdr_info *info, size_t size, void *pid)
{
    (void)info, (void)size;
    *(pid_t *)pid = fork();
    return 1;
}

static void within_a_walk(const char *when)
{
    char name[120];
    snprintf(name, sizeof name, "a child made in a callback of dl_iterate_phdr() can call it again, %s", when);
    pid_t pid = -1;
    if (is_out_of_reach()) {
        skip(name, "this libc's fork() is all its own");
        return;
    }
    dl_iterate_phdr(forks, &pid);
    is(status_of_user(pid), 0, name);
    int count = 0;
    dl_iterate_phdr(counts, &count);
    ok(count > 0, "the parent of a child made in a callback of dl_iterate_phdr() can call it again, %s", when);
}

int main(void)
{
    begin(60);
    within_a_walk("at first");
    beside_a_walk();
    within_a_walk("after another thread's");
    return done();
}
