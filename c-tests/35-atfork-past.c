/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Fork handlers that were registered without the library's noticing run as without it:
 * those of an object opened with RTLD_DEEPBIND, and those registered by the C library's
 * own function, found by dlsym. When they are removed, forks are by clone3 again.
 * modes: preload shared
 * libcs: glibc
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

#ifdef PLUGIN

static int *counters;
static void prepare(void) { counters[0]++; }
static void parent(void) { counters[1]++; }
static void child(void) { counters[2]++; }

int register_handlers(int *where)
{
    counters = where;
    return pthread_atfork(prepare, parent, child);
}

#else
#include <clone3.h>
#include "libc.h"
#include "raw.h"
#include "tap.h"

static int counters[3];

static int by_the_host(void)
{
    struct clone3_route route = { .size = sizeof route };
    return clone3_last_route(&route) == 0 && route.route == CLONE3_ROUTE_HOST;
}

/* Whether a fork runs so many triples of handlers. */
static int ran(int times)
{
    memset(counters, 0, sizeof counters);
    pid_t pid = fork();
    if (pid == 0)
        _exit(counters[0] != times || counters[2] != times);
    return status_of(pid) == 0 && counters[0] == times && counters[1] == times;
}

static void deepbind(int several)
{
    ok(ran(0) && !by_the_host(), "a fork before the object with RTLD_DEEPBIND is opened is the library's own");
    void *plugin = dlopen(getenv("PLUGIN"), RTLD_NOW | RTLD_DEEPBIND);
    int (*function)(int *) = plugin ? (int (*)(int *))dlsym(plugin, "register_handlers") : NULL;
    if (!ok(function != NULL, "an object opens with RTLD_DEEPBIND"))
        printf("# %s\n", dlerror());
    else
        is(function(counters), 0, "an object opened with RTLD_DEEPBIND registers fork handlers");
    ok(ran(1), "fork handlers of an object opened with RTLD_DEEPBIND run before a fork, in the parent and in the child");
    for (int i = 1; function && i < several; i++) /* more than the list has room for at first */
        function(counters);
    ok(ran(several), "%d fork handlers of an object opened with RTLD_DEEPBIND run", several);
    if (plugin)
        dlclose(plugin);
    ok(ran(0) && !by_the_host(), "once the object opened with RTLD_DEEPBIND is closed, its handlers are gone and a fork is the library's own");
}

static void prepare(void) { counters[0]++; }
static void parent(void) { counters[1]++; }
static void child(void) { counters[2]++; }

static void by_name(void)
{
    typedef void handler(void);
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    int (*own)(handler *, handler *, handler *, void *) =
        libc ? (int (*)(handler *, handler *, handler *, void *))dlsym(libc, "__register_atfork") : NULL;
    static char handle;
    is(own ? own(prepare, parent, child, &handle) : -1, 0, "the C library's own __register_atfork registers fork handlers");
    ok(ran(1), "fork handlers registered by the C library's own function run");
    pthread_atfork(prepare, parent, child);
    ok(ran(2), "fork handlers registered by the C library's own function and by ours run once each");
}

int main(void)
{
    begin(20);
    deepbind(100);
    by_name();
    return done();
}
#endif
