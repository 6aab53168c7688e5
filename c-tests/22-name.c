/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A function named clone3 of a program or another library is not interposed: the
 * library has no symbol of that name. Its own is clone3_clone3, which C programs use by
 * the header.
 * modes: preload shared static api api-static
 */
#define _GNU_SOURCE
#include <clone3.h>
#include <stddef.h>

/* With the prototype that glibc has inside. */
int another_clone3(struct clone_args *, size_t, int (*)(void *), void *) __asm__("clone3");

__attribute__((noinline)) int another_clone3(struct clone_args *args, size_t size,
                                             int (*start)(void *), void *arg)
{
    (void)args;
    return start ? start(arg) + (int)size : -1;
}

static int thousand(void *arg) { return arg ? 1000 : -1; }

/* By the symbol, which may be interposed. */
int call_another(void)
{
    struct clone_args args = { 0 };
    return another_clone3(&args, 7, thousand, &args);
}

#ifdef PLUGIN
/* That is all of it. */
#else
#include "raw.h"
#include "tap.h"
#include <dlfcn.h>

static void by_the_header(void)
{
    struct clone_args args = { .exit_signal = SIGCHLD };
    pid_t pid = clone3(&args, sizeof args);
    if (pid == 0)
        _exit(7);
    is(status_of(pid), 7, "clone3() of the header makes a child beside a function named clone3");
    is(call_another(), 1007, "a program's own function named clone3 is called by that name");
}

#ifndef MODE_STATIC

static void in_a_library(void)
{
    pid_t me = getpid();
    void *plugin = dlopen(getenv("PLUGIN"), RTLD_NOW);
    int (*asks)(void) = plugin ? (int (*)(void))dlsym(plugin, "call_another") : NULL;
    int got = asks ? asks() : -1;
    if (getpid() != me)
        _exit(0); /* a child came back out of it */
    is(got, 1007, "a shared object that has a function named clone3 calls its own");
}

static void by_dlsym(void)
{
    Dl_info info = { 0 };
    void *library = dlopen(getenv("LIBRARY"), RTLD_NOW | RTLD_NOLOAD);
    void *plain = library ? dlsym(library, "clone3") : NULL;
    if (!ok(library && (plain == NULL || (dladdr(plain, &info) && !strstr(info.dli_fname, "libclone3"))),
            "the library has no symbol clone3"))
        printf("# %s\n", info.dli_fname ? info.dli_fname : "not loaded");
    pid_t (*named)(struct clone_args *, size_t) =
        (pid_t(*)(struct clone_args *, size_t))dlsym(RTLD_DEFAULT, "clone3_clone3");
    struct clone_args args = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD };
    ok(named == clone3, "clone3_clone3 is found by dlsym(), and is what the header calls clone3");
    pid_t pid = -1;
    if (named && (pid = clone3(&args, sizeof args)) == 0)
        _exit(8);
    is(status_of(pid), 8, "clone3_clone3 with VM and VFORK makes a child");
}
#endif

int main(void)
{
    begin(10);
    by_the_header();
#ifdef MODE_STATIC
    skip("a shared object's own function named clone3, and dlsym()", "a static program");
#else
    in_a_library();
    by_dlsym();
#endif
    return done();
}
#endif
