/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An object's fork handlers are removed when it is unloaded: a fork after dlclose, by
 * the library or by the host, does not call unmapped code.
 * modes: preload shared
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

#ifdef PLUGIN

static int *counter;
static void count(void) { ++*counter; }

/* As the compiler links it: on glibc by __register_atfork, with the handle. */
int register_linked(int *where)
{
    counter = where;
    return pthread_atfork(count, count, NULL);
}

/* By the exported function, which is passed no handle. */
int register_exported(int *where)
{
    int (*function)(void (*)(void), void (*)(void), void (*)(void)) =
        dlsym(RTLD_DEFAULT, "pthread_atfork");
    counter = where;
    return function(count, count, NULL);
}

#else
#include "raw.h"
#include "tap.h"

static int seen;

static int handlers_run(void)
{
    seen = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return status_of(pid) == 0 ? seen : -1;
}

static void *hold(void *lock)
{
    pthread_mutex_lock(lock);
    pthread_mutex_unlock(lock);
    return NULL;
}

static void cycle(const char *how)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_t other;
    int unloaded, good = 1, all = 1, before = handlers_run();
    char *path = getenv("PLUGIN");

    for (int i = 0; i < 300; i++) { /* more than the first block of slots */
        void *plugin = dlopen(path, RTLD_NOW);
        if (plugin == NULL) {
            ok(0, "%s: dlopen of an object with fork handlers: %s", how, dlerror());
            return;
        }
        int (*function)(int *) = (int (*)(int *))dlsym(plugin, how);
        if (function(&seen) != 0 || (i == 0 && handlers_run() != before + 2))
            all = 0;
        dlclose(plugin);
        plugin = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
        unloaded = plugin == NULL;
        if (!unloaded) { /* musl never unloads */
            dlclose(plugin);
            break;
        }
        good &= handlers_run() == before;
    }
    ok(all, "%s: fork handlers run while their object is loaded", how);
    if (!unloaded) {
        skip(named("%s: fork handlers are gone once their object is closed", how), "this libc unloads nothing");
        return;
    }
    ok(good, "%s: fork handlers are gone once their object is closed", how);
    if (no_threads()) {
        skip(named("%s: fork handlers of a closed object are gone for the libc's fork too", how), no_threads());
        return;
    }
    pthread_mutex_lock(&lock);
    pthread_create(&other, NULL, hold, &lock);
    is(handlers_run(), before, named("%s: fork handlers of a closed object are gone for the libc's fork too", how));
    pthread_mutex_unlock(&lock);
    pthread_join(other, NULL);
}

int main(void)
{
    begin(20);
    cycle("register_linked");
    cycle("register_exported");
    return done();
}
#endif
