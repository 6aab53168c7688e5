/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The library opened by dlopen, late: handlers registered before that run in its fork,
 * too.
 * modes: control
 */
#define _GNU_SOURCE
#include "tap.h"
#include <dlfcn.h>
#include <pthread.h>

static int prepared;
static void prepare(void) { prepared++; }

int main(void)
{
    begin(10);
    pthread_atfork(prepare, NULL, NULL);
    void *library = dlopen(getenv("LIBRARY"), RTLD_NOW);
    if (!ok(library != NULL, "the library can be opened by dlopen()"))
        printf("# %s\n", dlerror());
    pid_t (*late_fork)(void) = (pid_t (*)(void))dlsym(library, "fork");
    pid_t pid = late_fork();
    if (pid == 0)
        _exit(prepared);
    is(status_of(pid), 1, "fork() of the library opened late runs the handlers registered before");
    ok(dlsym(library, "clone3_call") != NULL, "clone3_call of the library opened late is found without its version");
    return done();
}
