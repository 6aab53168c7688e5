/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Objects that ask by a weak reference whether there are threads get the answer
 * that they get without the library: before glibc 2.34 there are none in a program
 * without libpthread. Old objects of GCC's take it for leave to call what is not
 * there.
 *
 * modes: preload shared
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef PLUGIN
/* Linked without libpthread, where that is a library, it asks for no version. */
extern char pthread_create[] __attribute__((weak)), thrd_create[] __attribute__((weak));
int asks(void);
int asks(void) { return (pthread_create != 0) + 2 * (thrd_create != 0); }
#else

extern char pthread_create[] __attribute__((weak)), thrd_create[] __attribute__((weak));

static int answers(void)
{
    int found = (pthread_create != 0) + 2 * (thrd_create != 0);
    void *plugin = dlopen(getenv("PLUGIN"), RTLD_NOW);
    int (*asks)(void) = (int (*)(void))dlsym(plugin, "asks");
    return found + 4 * (asks ? asks() : 4);
}

#ifdef CONTROL
int main(void) { return 32 + answers(); }
#else
#include "tap.h"
#include <unistd.h>

int main(void)
{
    begin(20);
    pid_t pid = fork();
    if (pid == 0) {
        unsetenv("LD_PRELOAD");
        execl(getenv("CONTROL"), "control", (char *)0);
        _exit(1);
    }
    is(32 + answers(), status_of(pid), "weak references find what they find without the library");
    return done();
}
#endif
#endif
