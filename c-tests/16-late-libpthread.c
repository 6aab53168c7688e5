/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* libpthread opened by dlopen in a program that is not linked with it, which
 * before glibc 2.34 is when the libc first keeps thread ids and robust lists:
 * children are sound before and after, alone and beside a thread.
 *
 * libcs: glibc
 * modes: preload shared
 */
#define _GNU_SOURCE
#include "makers.h"
#include <dlfcn.h>
#include <pthread.h>

/* Of the library, once it is there. */
static __typeof__(&pthread_create) create;
static __typeof__(&pthread_join) join;
static __typeof__(&pthread_mutex_lock) lock;
static __typeof__(&pthread_mutex_unlock) unlock;

static void *same(void *argument) { return argument; }

static volatile int stop;
static void *stay(void *argument)
{
    while (!stop)
        pause_ms(1);
    return argument;
}

static int makes_a_thread(void)
{
    pthread_t thread;
    void *result = NULL;
    return create(&thread, NULL, same, &create) == 0 && join(thread, &result) == 0
        && result == &create;
}

/* 7, or the number of what failed. */
static int is_sound(void *unused)
{
    pthread_mutex_t mutex = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
    (void)unused;
    if (lock(&mutex) != 0 || mutex.__data.__owner != kernel_tid())
        return 1;
    if (lock(&mutex) != EDEADLK || unlock(&mutex) != 0 || unlock(&mutex) != EPERM)
        return 2;
    return makes_a_thread() ? 7 : 3;
}

static int ends(void *unused)
{
    (void)unused;
    return 7;
}

static void children(const char *when, child_fn *check)
{
    for EACH_MAKER(maker) {
        int status = status_of(maker->make(check, NULL));
        if (!ok(status == 7, "%s, a child by %s has a consistent libc", when, maker->name))
            printf("# status %d\n", status);
    }
}

int main(void)
{
    begin(60);
    if (no_threads()) {
        skip("children before and after libpthread is opened", no_threads());
        return done();
    }
#ifdef UNTHREADED
    ok(dlopen("libpthread.so.0", RTLD_NOW | RTLD_NOLOAD) == NULL, "libpthread is not loaded at first");
#endif
    children("before libpthread is loaded", ends);
    void *library = dlopen("libpthread.so.0", RTLD_NOW | RTLD_GLOBAL);
    if (!ok(library != NULL, "libpthread can be opened late")) {
        printf("# %s\n", dlerror());
        return done();
    }
    create = (__typeof__(create))dlsym(library, "pthread_create");
    join = (__typeof__(join))dlsym(library, "pthread_join");
    lock = (__typeof__(lock))dlsym(library, "pthread_mutex_lock");
    unlock = (__typeof__(unlock))dlsym(library, "pthread_mutex_unlock");
    children("once libpthread is loaded", is_sound);
    is(is_sound(NULL), 7, "once libpthread is loaded, the parent has a consistent libc");
    children("after a thread has come and gone", is_sound);
    pthread_t thread;
    ok(create(&thread, NULL, stay, NULL) == 0, "a thread is made by the libpthread that was opened late");
    children("beside a thread", is_sound);
    stop = 1;
    ok(join(thread, NULL) == 0, "a thread of the libpthread that was opened late is joined");
    children("after that thread was joined", is_sound);
    return done();
}
