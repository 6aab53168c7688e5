/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A constructor, run by dlopen with the loader's lock held, waits for a thread that
 * creates bare threads: the first of all, and one that uses the object.
 * modes: preload shared
 *
 * archs: x86_64 aarch64 i686
 */
#define _GNU_SOURCE
#include <dlfcn.h>

#include "bare-threads.h"

/* What the program hands to the plugin: an address in the environment. */
struct given {
    int (*create)(clone3_thread_t *, const clone3_thread_attr_t *, start_fn *, void *);
    int (*join)(clone3_thread_t, void **);
    long first, second;
};

#ifdef PLUGIN

static int target;
static __thread int *pointer = &target; /* relocated in the image */

static void *looks(void *argument)
{
    return pointer == &target ? argument : NULL;
}

static long run(struct given *given, start_fn *start)
{
    clone3_thread_t thread;
    void *value = NULL;
    if (given->create(&thread, NULL, start, (void *)7) || given->join(thread, &value))
        return -1;
    return (long)value;
}

static void *makes(void *argument)
{
    struct given *given = argument;
    given->first = run(given, returns);
    given->second = run(given, looks);
    return NULL;
}

__attribute__((constructor)) static void waits_for_a_thread(void)
{
    struct given *given = (struct given *)(uintptr_t)strtoull(getenv("GIVEN"), NULL, 16);
    pthread_t thread;
    if (pthread_create(&thread, NULL, makes, given) == 0)
        pthread_join(thread, NULL);
}

#else

int main(void)
{
    static struct given given = { clone3_thread_create, clone3_thread_join, 0, 0 };
    char address[32];
    begin(30);
#ifdef UNTHREADED
    skip("bare threads made by a thread that a constructor waits for", "libpthread is not here");
    return done();
#endif
    if (!has_pthreads()) {
        skip("bare threads made by a thread that a constructor waits for", "the libc makes none here");
        return done();
    }
    snprintf(address, sizeof address, "%llx", (unsigned long long)(uintptr_t)&given);
    setenv("GIVEN", address, 1);
    void *plugin = dlopen(getenv("PLUGIN"), RTLD_NOW);
    if (!ok(plugin != NULL, "an object opens whose constructor waits for a thread"))
        printf("# %s\n", dlerror());
    is(given.first, 7, "a thread that a constructor waits for makes the first bare thread");
    is(given.second, 7, "a thread that a constructor waits for makes a bare thread that finds the object's storage relocated");
    return done();
}
#endif
