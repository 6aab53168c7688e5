/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Both flavours in one process: libclone3, which interposes fork() and popen(), and
 * libclone3-api, which interposes nothing. Each first in search order, at the start or
 * later; children, spawns and bare threads of both, the locks of both, and the
 * program's fork() with its handlers.
 * modes: control api
 */
#define _GNU_SOURCE
#include "makers.h"
#include "filter.h"
#include <clone3.h>
#include <dlfcn.h>
#include <pthread.h>

/* One of the two, by its own functions. */
struct flavour {
    const char *name;
    __typeof__(clone3) *clone3;
    __typeof__(clone3_spawn) *spawn;
    __typeof__(clone3_last_route) *last_route;
    __typeof__(clone3_thread_create) *create;
    __typeof__(clone3_thread_join) *join;
};

static struct flavour flavours[2] = { { .name = "libclone3" }, { .name = "libclone3-api" } };
#define EACH_FLAVOUR(f) (struct flavour *f = flavours; f < flavours + 2; f++)

static const char *path_of(const char *name)
{
    static char path[2][4096];
    const char *library = getenv("LIBRARY");
    int which = strcmp(name, "libclone3") != 0;
    int length = (int)(strrchr(library, '/') - library);
    snprintf(path[which], sizeof path[which], "%.*s/%s.so", length, library, name);
    return path[which];
}

static int open_flavour(struct flavour *f)
{
    void *library = dlopen(path_of(f->name), RTLD_NOW);
    if (!library) {
        printf("# %s\n", dlerror());
        return 0;
    }
    f->clone3 = (__typeof__(f->clone3))dlsym(library, "clone3_clone3");
    f->spawn = (__typeof__(f->spawn))dlsym(library, "clone3_spawn");
    f->last_route = (__typeof__(f->last_route))dlsym(library, "clone3_last_route");
    f->create = (__typeof__(f->create))dlsym(library, "clone3_thread_create");
    f->join = (__typeof__(f->join))dlsym(library, "clone3_thread_join");
    return f->clone3 && f->spawn && f->last_route && f->create && f->join;
}

static int ran[3];
static void prepare(void) { ran[0]++; }
static void in_parent(void) { ran[1]++; }
static void in_child(void) { ran[2]++; }

/* Whether the C library of a child by clone3() is consistent: it knows its thread. */
static int makes_child(const struct flavour *f)
{
    struct clone_args args = { .exit_signal = SIGCHLD };
    pid_t pid = f->clone3(&args, sizeof args);
    if (pid == 0)
        _exit(pthread_kill(pthread_self(), 0) == 0 && getpid() == kernel_tid() ? 3 : 4);
    return status_of(pid) == 3;
}

static int spawns(const struct flavour *f)
{
    char *argv[] = { "sh", "-c", "exit 5", NULL };
    pid_t pid = -1;
    return f->spawn(&pid, "/bin/sh", NULL, argv, environ, NULL) == 0 && status_of(pid) == 5;
}

/* In a bare thread: errno is its own, and the other flavour's calls work there as well. */
static void *in_thread(void *other)
{
    errno = 77;
    int works = spawns(other) && makes_child(other);
    return (void *)(intptr_t)(works && errno == 77);
}

static int runs_thread(const struct flavour *f, struct flavour *other)
{
    clone3_thread_t thread;
    void *value = NULL;
    errno = 5;
    return f->create(&thread, NULL, in_thread, other) == 0 && f->join(thread, &value) == 0
        && value == (void *)1 && errno == 5;
}

static void *nothing(void *argument) { return argument; }

static int runs_short_threads(void)
{
    clone3_thread_t thread;
    for EACH_FLAVOUR(f)
        if (f->create(&thread, NULL, nothing, NULL) || f->join(thread, NULL))
            return 0;
    return 1;
}

static volatile int busy;

static void *keeps_busy(void *argument)
{
    while (busy)
        runs_short_threads();
    return argument;
}

static int popen_works(void)
{
    char word[8] = "";
    FILE *stream = popen("echo here", "r");
    int read_it = stream && fgets(word, sizeof word, stream) && strcmp(word, "here\n") == 0;
    return stream && pclose(stream) == 0 && read_it;
}

/* The program's fork(), while another thread takes the locks of both. */
static int forks_beside_locks(void)
{
    pthread_t thread;
    int sound = 0, rounds = repeats(20) + 1;
    busy = 1;
    if (pthread_create(&thread, NULL, keeps_busy, NULL) != 0)
        return 0;
    for (int i = 0; i < rounds; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            limit_child(20);
            _exit(runs_short_threads() && popen_works() ? 6 : 7);
        }
        sound += status_of(pid) == 6;
    }
    busy = 0;
    pthread_join(thread, NULL);
    return sound == rounds;
}

/* Bit 0 for libclone3, 1 for libclone3-api: in this child no call was made yet. */
static int no_calls(void)
{
    int none = 0;
    for EACH_FLAVOUR(f) {
        struct clone3_route route = { .size = sizeof route };
        none |= (f->last_route(&route) == 0 && route.route == CLONE3_ROUTE_NONE) << (f - flavours);
    }
    return none;
}

static int fork_runs_handlers_once(void)
{
    memset(ran, 0, sizeof ran);
    pid_t pid = fork();
    if (pid == 0)
        _exit(ran[0] == 1 && ran[1] == 0 && ran[2] == 1 ? 10 + no_calls() : 1);
    int status = status_of(pid);
    int once = status == 13 && ran[0] == 1 && ran[1] == 1 && ran[2] == 0;
    if (!once)
        printf("# status %d, handlers here %d %d %d\n", status, ran[0], ran[1], ran[2]);
    return once;
}

/* Whether fork() is libclone3's, and does by itself what it can. */
static int fork_is_by_clone3(void)
{
    struct clone3_route route = { .size = sizeof route };
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return status_of(pid) == 0 && flavours[0].last_route(&route) == 0
        && route.route == CLONE3_ROUTE_NATIVE;
}

static int is_before_libc(const char *function)
{
    Dl_info info;
    void *found = dlsym(RTLD_DEFAULT, function);
    return found && dladdr(found, &info) && strstr(info.dli_fname, "libclone3.so") != NULL;
}

/* In a program of its own: libclone3-api is opened first, or not. Its lines go on
 * behind those before it. */
static void look(int api_first, const char *where)
{
    begin_group(100);
    pthread_atfork(prepare, in_parent, in_child);
    if (!ok(open_flavour(&flavours[api_first]) && open_flavour(&flavours[!api_first]), "%s: both flavours can be opened", where))
        return;
    ok(flavours[0].clone3 != flavours[1].clone3, "%s: each flavour has its own clone3()", where);
    int preloaded = strstr(getenv("LD_PRELOAD") ? getenv("LD_PRELOAD") : "", "libclone3.so") != NULL;
    ok(is_before_libc("fork") == preloaded, "%s: fork() is %s's", where, preloaded ? "libclone3" : "the libc");
    if (is_before_libc("fork") && native())
        ok(fork_is_by_clone3(), "%s: fork() is by clone3(2), also with libclone3-api in the process", where);
    for EACH_FLAVOUR(f) {
        ok(makes_child(f), "%s: clone3() of %s makes a child with a consistent libc", where, f->name);
        ok(spawns(f), "%s: clone3_spawn() of %s runs a program", where, f->name);
    }
    /* When each has seen the C library's own thread: before glibc 2.34 a bare thread of
     * the other's does not show where its id is. */
    for EACH_FLAVOUR(f)
        ok(runs_thread(f, flavours + (f == flavours)),
           "%s: in a bare thread of %s the other flavour's calls work", where, f->name);
    ok(fork_runs_handlers_once(), "%s: fork() runs each handler once, and both flavours see a new child", where);
    /* A libc that makes no threads makes no popen() either. */
    if (no_threads() && !preloaded)
        skip(named("%s: popen()", where), no_threads());
    else
        ok(popen_works(), "%s: popen() runs a command", where);
    if (no_threads())
        skip(named("%s: fork() beside a thread", where), no_threads());
    else
        ok(forks_beside_locks(), "%s: children of fork() beside a thread that takes both flavours' locks do not hang", where);
}

static const struct arrangement {
    const char *where, *preload;
    int api_first;
} arrangements[] = {
#ifdef MODE_API
    { "linked with libclone3-api, libclone3 opened", "", 1 },
    { "linked with libclone3-api, libclone3 preloaded", "libclone3", 1 },
#else
    { "libclone3 opened, then libclone3-api", "", 0 },
    { "libclone3-api opened, then libclone3", "", 1 },
    { "libclone3 preloaded, libclone3-api opened", "libclone3", 0 },
    { "libclone3-api preloaded, libclone3 opened", "libclone3-api", 1 },
    { "libclone3 preloaded before libclone3-api", "libclone3 libclone3-api", 0 },
    { "libclone3-api and, behind it, libclone3 preloaded", "libclone3-api libclone3", 1 },
#endif
};

/* How many lines it printed. */
static int run(char *self, const struct arrangement *one)
{
    char preload[9000] = "", names[64], count[12];
    snprintf(count, sizeof count, "%d", tap_count);
    snprintf(names, sizeof names, "%s", one->preload);
    for (char *name = strtok(names, " "); name; name = strtok(NULL, " ")) {
        strcat(preload, *preload ? ":" : "");
        strcat(preload, path_of(name));
    }
    pid_t pid = fork();
    if (pid == 0) {
        if (*preload)
            setenv("LD_PRELOAD", preload, 1);
        execl(self, self, one->api_first ? "1" : "0", one->where, count, (char *)0);
        _exit(0);
    }
    return status_of(pid);
}

int main(int argc, char **argv)
{
    if (argc > 3) {
        int before = tap_count = atoi(argv[3]);
        look(argv[1][0] == '1', argv[2]);
        return tap_count - before;
    }
    begin(300);
    if (emulated()) {
        skip("both flavours in one process", "the emulator starts no program by itself");
        return done();
    }
    for (size_t i = 0; i < sizeof arrangements / sizeof *arrangements; i++) {
        fflush(stdout);
        int lines = run(argv[0], &arrangements[i]);
        tap_count += lines < 128 ? lines : 0;
        if (lines < 1 || lines >= 128)
            ok(0, "%s: the program runs to its end", arrangements[i].where);
    }
    return done();
}
