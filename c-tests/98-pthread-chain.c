/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Another library that interposes pthread_create (as sanitizers and allocators do) sees
 * every thread once, whether it is loaded before or after this one.
 *
 * modes: preload
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>

#ifdef PLUGIN
int counted;

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *argument)
{
    __typeof__(&pthread_create) next = (__typeof__(&pthread_create))dlsym(RTLD_NEXT, "pthread_create");
    __atomic_add_fetch(&counted, 1, __ATOMIC_SEQ_CST);
    return next(thread, attr, start, argument);
}
#else
#include "pthreads.h"

static void *same(void *argument) { return argument; }

/* What was counted of two threads, or 10 and more. */
static int makes_two(void)
{
    pthread_t thread;
    struct clone3_pthread_extra extra = { .size = sizeof extra, .set = CLONE3_PTHREAD_NAME, .name = "chain" };
    int *counted = dlsym(RTLD_DEFAULT, "counted");
    if (!counted)
        return 10;
    if (pthread_create(&thread, NULL, same, NULL) != 0 || pthread_join(thread, NULL) != 0)
        return 11;
    if (clone3_pthread_create(&thread, NULL, &extra, same, NULL) != 0 || pthread_join(thread, NULL) != 0)
        return 12;
    return *counted;
}

static int with_preload(char *self, const char *first, const char *second)
{
    char both[9000];
    snprintf(both, sizeof both, "%s:%s", first, second);
    pid_t pid = fork();
    if (pid == 0) {
        setenv("LD_PRELOAD", both, 1);
        execl(self, self, "counts", (char *)0);
        _exit(20);
    }
    return status_of(pid);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return makes_two();
    begin(30);
    if (emulated() || no_threads()) {
        skip("another library's pthread_create sees every thread once", emulated() ? "the emulator starts no program by itself" : no_threads());
        return done();
    }
    is(with_preload(argv[0], getenv("LIBRARY"), getenv("PLUGIN")), 2, "another library's pthread_create behind ours sees both threads once");
    is(with_preload(argv[0], getenv("PLUGIN"), getenv("LIBRARY")), 2, "another library's pthread_create before ours sees both threads once");
    return done();
}
#endif
