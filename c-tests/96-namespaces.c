/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A plugin in a namespace of its own (dlmopen): its threads are counted by its own C
 * library, and use the loader that all namespaces share.
 * modes: preload shared
 * libcs: glibc
 *
 * archs: x86_64 i686
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>

#include "bare-threads.h"

#ifdef PLUGIN

/* What the copy that is opened in a thread waits for, in its constructor. */
static int *gate(void)
{
    const char *address = getenv("GATE");
    return address ? (int *)strtoull(address, NULL, 16) : NULL;
}

__attribute__((constructor)) static void waits_in_the_loader(void)
{
    volatile int *word = gate();
    if (!word)
        return;
    word[0] = 1;
    for (int i = 0; i < 20000 && !word[1]; i++)
        usleep(1000);
}

static void *opens(void *path)
{
    void *object = dlopen(path, RTLD_NOW);
    gate()[0] = 2;
    return object;
}

int start(char *path);
int start(char *path)
{
    pthread_t thread;
    return pthread_create(&thread, NULL, opens, path) || pthread_detach(thread);
}

/* In the static area, as the storage of that namespace's C library is. */
static __attribute__((tls_model("initial-exec"))) __thread int number = 4711;
static __attribute__((tls_model("initial-exec"))) __thread int zero;

long looks(void);
long looks(void)
{
    long wrong = number != 4711 || zero != 0;
    errno = 0;
    wrong |= (close(-1) != -1 || errno != EBADF) << 1;
    number = zero = 1;
    return wrong;
}

#else

static int words[2];

static void *calls(void *looks)
{
    return (void *)((long (*)(void))looks)();
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

static void forks_beside(void *plugin, char *path)
{
    volatile int *word = words;
    char address[32];
    snprintf(address, sizeof address, "%llx", (unsigned long long)(uintptr_t)words);
    setenv("GATE", address, 1);
    /* The namespace's C library looks at an environment of its own. */
    int (*its_setenv)(const char *, const char *, int) =
        (int (*)(const char *, const char *, int))dlsym(plugin, "setenv");
    its_setenv("GATE", address, 1);
    if (((int (*)(char *))dlsym(plugin, "start"))(path)) {
        skip("children beside a thread of a namespace that is inside the loader", "the libc makes no threads here");
        return;
    }
    for (int i = 0; i < 10000 && !word[0]; i++)
        usleep(1000);
    ok(word[0], "a thread of the namespace is inside the loader");
    for (int i = 0; i < 3; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            alarm(scaled(5));
            _exit(dlsym(RTLD_DEFAULT, "printf") ? 7 : 8);
        }
        is(status_of(pid), 7, named("child %d of fork() beside a thread of a namespace that is inside the loader can use it", i + 1));
    }
    word[1] = 1;
    /* glibc wakes no thread that waits for a lock that a thread it does not count gives
     * back: it has to be free before main() comes to want it. */
    for (int i = 0; i < 10000 && word[0] != 2; i++)
        usleep(1000);
}

int main(void)
{
    begin(60);
#ifdef UNTHREADED
    skip("bare threads of a program with a second namespace of objects", "libpthread is not here");
    return done();
#endif
    char path[] = "/tmp/clone3-namespace-XXXXXX";
    int placeholder = mkstemp(path);
    if (placeholder < 0 || close(placeholder) || unlink(path) || copy(getenv("PLUGIN"), path))
        abort();
    void *plugin = dlmopen(LM_ID_NEWLM, getenv("PLUGIN"), RTLD_NOW);
    if (!ok(plugin != NULL, "an object is opened by dlmopen() in a namespace of its own")) {
        printf("# %s\n", dlerror());
        return done();
    }
    long wrong = 0;
    void *looks = dlsym(plugin, "looks");
    for (int i = 0; i < repeats(100) && !wrong; i++)
        wrong = run_thread(NULL, calls, looks);
    is(wrong, 0, "bare threads have the static thread-local storage of an object in another namespace");
    forks_beside(plugin, path);
    unlink(path);
    return done();
}
#endif
