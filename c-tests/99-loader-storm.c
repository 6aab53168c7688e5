/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Bare threads created while other threads open and close objects with thread-local
 * storage: each thread has the relocated storage of the object that its creator has
 * open. Bare threads created while the process forks: its children use the loader.
 * variants: -DDYNAMIC; -DSTATIC_TLS
 * modes: preload shared
 *
 * archs: x86_64 aarch64 i686
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>

#include "bare-threads.h"

#ifdef PLUGIN

#ifdef STATIC_TLS
#define MODEL __attribute__((tls_model("initial-exec")))
#else
#define MODEL
#endif

static int target;
static MODEL __thread int number = 31;
static MODEL __thread int zeroes[16];
static MODEL __thread int *pointer = &target; /* relocated in the image */

/* 0 if all is as it was when the program began; changes it all. */
long looks(void);
long looks(void)
{
    long wrong = number != 31 ? 1 : pointer != &target ? 2 : 0;
    for (int i = 0; i < 16; i++)
        wrong = zeroes[i] ? 3 : wrong;
    number = 32;
    pointer = NULL;
    memset(zeroes, 1, sizeof zeroes);
    return wrong;
}

#else

/* More than glibc has in the first part of its table of TLS, which is 64. */
enum { OPENERS = 4, COPIES = 70 };
static char copies[COPIES][PATH_MAX];
static volatile int begun, stop;

static void *calls(void *looks)
{
    return (void *)((long (*)(void))looks)();
}

/* Opens its copy, makes threads that look into it, closes it; answers what is wrong.
 * The libc has room for a few objects in the static area, and does not always get it
 * back from one that is closed. */
static void *opens_and_makes(void *copy)
{
    while (!begun)
        usleep(1000);
    for (int round = 0; !stop; round++) {
        void *plugin = dlopen(copy, RTLD_NOW);
        if (!plugin)
            return (void *)100;
        void *looks = dlsym(plugin, "looks");
        /* The creator's own block is there in one round and not in the other. */
        if (round % 2)
            ((long (*)(void))looks)();
        for (int i = 0; i < 3; i++) {
            long wrong = run_thread(NULL, calls, looks);
            if (wrong)
                return (void *)(wrong < 0 ? 1000 - wrong : wrong);
        }
#ifndef STATIC_TLS
        dlclose(plugin);
#endif
    }
    return NULL;
}

static void *makes(void *made)
{
    while (!stop)
        if (run_thread(NULL, returns, (void *)7) == 7)
            ++*(long *)made;
        else
            return (void *)1;
    return NULL;
}

/* A copy of a file; 0 or -1. */
static int copy(const char *from, const char *to)
{
    static char buffer[1 << 16];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_EXCL, 0700);
    ssize_t size;
    while ((size = read(in, buffer, sizeof buffer)) > 0)
        if (write(out, buffer, size) != size)
            return -1;
    return close(in) | close(out) | (size < 0 ? -1 : 0);
}

static pthread_t start(void *(*function)(void *), void *argument)
{
    pthread_t thread;
    stop = 0;
    if (pthread_create(&thread, NULL, function, argument))
        abort();
    return thread;
}

static long result(pthread_t thread)
{
    void *value = NULL;
    stop = 1;
    if (pthread_join(thread, &value))
        abort();
    return (long)value;
}

static void beside_openers(void)
{
    pthread_t openers[OPENERS];
    long wrong = 0, made = 0;
    for (int i = 0; i < OPENERS; i++)
        openers[i] = start(opens_and_makes, copies[i]);
    pthread_t maker = start(makes, &made);
    begun = 1; /* glibc 2.31 cannot make pthreads beside dlopen (its bug 19329) */
    usleep(2000000);
    for (int i = 0; i < OPENERS; i++) {
        long its = result(openers[i]);
        wrong = wrong ? wrong : its;
    }
    is(wrong, 0, "a bare thread has the storage of the object its creator opened, while others open and close objects");
    is(result(maker), 0, "bare threads are made without an error while others open and close objects");
    ok(made > 0, "some bare threads are made while others open and close objects");
}

/* Without openers: what another thread is just opening is half there in a child, and
 * the libc's own fork can do nothing about it. */
static void beside_forks(void)
{
    long made[2] = { 0, 0 }, wrong = 0;
    pthread_t makers[] = { start(makes, &made[0]), start(makes, &made[1]) };
    for (int i = 0; i < repeats(1000) && !wrong; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            alarm(scaled(10));
            void *plugin = dlopen(copies[0], RTLD_NOW);
            _exit(plugin ? run_thread(NULL, calls, dlsym(plugin, "looks")) != 0 : 2);
        }
        wrong = status_of(pid);
    }
    is(wrong, 0, "a fork child opens an object and makes a bare thread that has its storage");
    is(result(makers[0]) + result(makers[1]), 0, "bare threads are made without an error while the process forks");
}

static void many_at_once(void)
{
#ifdef STATIC_TLS
    enum { MANY = OPENERS };
#else
    enum { MANY = COPIES };
#endif
    void *plugins[MANY], *looks[MANY];
    long wrong = 0;
    int count = 0;
    while (count < MANY && (plugins[count] = dlopen(copies[count], RTLD_NOW))) {
        looks[count] = dlsym(plugins[count], "looks");
        wrong += run_thread(NULL, calls, looks[count++]) != 0;
    }
    is(wrong, 0, "a bare thread has the storage of the object opened last, of many");
    for (int i = 0; i < count; i++)
        wrong += run_thread(NULL, calls, looks[i]) != 0;
    is(wrong, 0, "a bare thread has the storage of each of many opened objects");
    is(count, MANY, "many objects with thread-local storage are open at once");
    while (count)
        dlclose(plugins[--count]);
}

int main(void)
{
    begin(60);
    if (!has_pthreads()) {
        skip("bare threads beside dlopen() and dlclose()", "the libc makes no threads here");
        return done();
    }
#if defined STATIC_TLS && !defined __GLIBC__
    skip("bare threads beside dlopen()", "musl opens nothing that wants static storage");
    return done();
#endif
    char directory[] = "/tmp/clone3-storm-XXXXXX";
    int failed = 0;
    if (!mkdtemp(directory))
        abort();
    for (int i = 0; i < COPIES; i++) {
        snprintf(copies[i], sizeof copies[i], "%s/%d.so", directory, i);
        failed |= copy(getenv("PLUGIN"), copies[i]);
    }
    if (ok(!failed, "copies of an object are made, to be opened")) {
        many_at_once();
        if (emulated())
            skip("fork children that open objects while bare threads are made", "they hang in the emulator, beside pthreads too");
        else
            beside_forks();
        beside_openers();
    }
    for (int i = 0; i < COPIES; i++)
        unlink(copies[i]);
    rmdir(directory);
    return done();
}
#endif
