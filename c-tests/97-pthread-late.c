/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Threads in a program that is not linked with libpthread, which before glibc 2.34
 * is opened later: until then there are none, and ENOSYS is returned; from then on
 * calls are passed on to it.
 *
 * libcs: glibc
 * modes: preload shared
 */
#define _GNU_SOURCE
#include "raw.h"
#include "tap.h"
#include "libc.h"
#include <clone3.h>
#include <dlfcn.h>

#if defined(__x86_64__)
#define OLDER "GLIBC_2.2.5"
#elif defined(__i386__)
#define OLDER "GLIBC_2.1"
#elif defined(__aarch64__)
#define OLDER "GLIBC_2.17"
#else
#define OLDER "GLIBC_2.27"
#endif

static void *same(void *argument) { return argument; }

/* The references of objects that are linked with it have a version. */
static __typeof__(&pthread_create) by_version(const char *version)
{
    return (__typeof__(&pthread_create))dlvsym(RTLD_DEFAULT, "pthread_create", version);
}

int main(void)
{
    pthread_t thread;
    begin(30);
    if (no_threads()) {
        skip("pthread_create before and after libpthread is opened", no_threads());
        return done();
    }
    int there = dlsym(RTLD_DEFAULT, "pthread_join") != NULL;
    __typeof__(&pthread_create) create = by_version(OLDER);
    ok(create && create == by_version("GLIBC_2.34"), "both versions of pthread_create are the library's");
    if (there) {
        skip("pthread_create before libpthread is opened: ENOSYS", "it is here from the beginning");
        skip("clone3_pthread_create before libpthread is opened: ENOSYS", "it is here from the beginning");
    } else {
        is(create(&thread, NULL, same, NULL), ENOSYS, "pthread_create before libpthread is opened: ENOSYS");
        is(clone3_pthread_create(&thread, NULL, NULL, same, NULL), ENOSYS, "clone3_pthread_create before libpthread is opened: ENOSYS");
    }
    ok(dlsym(RTLD_DEFAULT, "pthread_create") == NULL || there, "pthread_create without a version is not the library's");
    void *library = dlopen("libpthread.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!ok(library != NULL, "libpthread can be opened late by a program without threads")) {
        printf("# %s\n", dlerror());
        return done();
    }
    __typeof__(&pthread_join) join = (__typeof__(join))dlsym(library, "pthread_join");
    void *result = NULL;
    ok(create(&thread, NULL, same, &thread) == 0 && join(thread, &result) == 0 && result == &thread,
       "pthread_create after libpthread is opened makes a thread");
    struct clone3_pthread_extra extra = { .size = sizeof extra, .set = CLONE3_PTHREAD_NAME, .name = "late" };
    result = NULL;
    ok(clone3_pthread_create(&thread, NULL, &extra, same, &thread) == 0 && join(thread, &result) == 0
           && result == &thread,
       "clone3_pthread_create after libpthread is opened makes a thread");
    return done();
}
