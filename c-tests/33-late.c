/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The library opened by dlopen, late: handlers registered before it came run
 * in its fork too.
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
    if (!ok(library != NULL, "the library opens"))
        printf("# %s\n", dlerror());
    pid_t (*late_fork)(void) = (pid_t (*)(void))dlsym(library, "fork");
    pid_t pid = late_fork();
    if (pid == 0)
        _exit(prepared);
    is(status_of(pid), 1, "its fork runs the handlers that were there before");
    ok(dlsym(library, "clone3_call") != NULL, "clone3_call is found without its version");
    return done();
}
