/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Objects that test by a weak reference whether there are threads get the same answer
 * as without the preload: before glibc 2.34 there are none in a program without
 * libpthread. Old GCC objects would otherwise call functions that do not exist.
 *
 * modes: preload
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

extern char pthread_create[] __attribute__((weak)), thrd_create[] __attribute__((weak));

#ifdef PLUGIN
/* Linked without libpthread, where that is a library, it asks for no version. */
int asks(void);
int asks(void) { return (pthread_create != 0) + 2 * (thrd_create != 0); }
#else
#include "tap.h"

static int answers(void)
{
    int found = (pthread_create != 0) + 2 * (thrd_create != 0);
    void *plugin = dlopen(getenv("PLUGIN"), RTLD_NOW);
    int (*asks)(void) = plugin ? (int (*)(void))dlsym(plugin, "asks") : NULL;
    return asks ? 32 + 4 * asks() + found : 0;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return answers();
    begin(20);
    if (emulated()) {
        skip("weak references to pthread_create and thrd_create", "the emulator starts no program by itself");
        return done();
    }
    pid_t pid = fork();
    if (pid == 0) {
        unsetenv("LD_PRELOAD");
        execl(argv[0], argv[0], "without", (char *)0);
        _exit(1);
    }
    int without = status_of(pid);
    ok(without >= 32, "an object with weak references to pthread_create opens without the library");
    is(answers(), without, "weak references to pthread_create and thrd_create find what they find without the library");
    return done();
}
#endif
