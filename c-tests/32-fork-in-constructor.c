/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A constructor that dlopen runs forks, and its child opens libraries itself:
 * the loader's lock, which names its owner by thread id, must not stop it.
 * modes: preload shared
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef PLUGIN

int constructor_status = -1;

static int open_another(void)
{
    char other[4096] = "";
    const char *self = getenv("PLUGIN");
    size_t i = 0;
    for (; self[i] != '\0' && i < sizeof other - 3; i++)
        other[i] = self[i];
    other[i++] = '.';
    other[i] = '2';
    /* A name not seen yet, so that the loader has work to do. */
    if (symlink(self, other) != 0)
        return 1;
    unsetenv("FORK_IN_CONSTRUCTOR");
    void *opened = dlopen(other, RTLD_NOW | RTLD_LOCAL);
    void *libm = dlopen("libm.so.6", RTLD_NOW);
    unlink(other);
    (void)libm; /* musl has none */
    return opened != NULL ? 5 : 2;
}

__attribute__((constructor)) static void constructor(void)
{
    int status;
    if (getenv("FORK_IN_CONSTRUCTOR") == NULL)
        return;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(5); /* a deadlock ends as SIGALRM */
        _exit(open_another());
    }
    if (waitpid(pid, &status, 0) == pid)
        constructor_status = status;
}

#else
#include "tap.h"

int main(void)
{
    begin(20);
    setenv("FORK_IN_CONSTRUCTOR", "1", 1);
    void *plugin = dlopen(getenv("PLUGIN"), RTLD_NOW);
    unsetenv("FORK_IN_CONSTRUCTOR");
    if (!ok(plugin != NULL, "an object whose constructor forks can be opened"))
        printf("# %s\n", dlerror());
    int status = plugin ? *(int *)dlsym(plugin, "constructor_status") : -1;
    is(status, 5 << 8, "the child of a fork in a constructor can open an object");

    /* Afterwards the lock is free and forks are ours again. */
    pid_t pid = fork();
    if (pid == 0)
        _exit(dlopen(getenv("PLUGIN"), RTLD_NOW) != NULL ? 6 : 0);
    is(status_of(pid), 6, "the child of a later fork can open an object");
    return done();
}
#endif
