/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* daemon(): the process that goes on is as the libc's own daemon() leaves it, as are errors and
 * their errno; fork handlers run; and a trace has its creation, and the end of its parent.
 */
#define _GNU_SOURCE
#include "raw.h"
#include "recorded.h"
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

#ifdef __GLIBC__
#define LIBC_FILE "libc.so.6"
#else
#define LIBC_FILE "libc.so"
#endif

enum { DAEMON = 16 };
typedef int daemon_fn(int, int);

struct setting {
    const char *name;
    int keeps_directory, keeps_streams, closes_stdin, is_threaded, has_no_root;
};

static const struct setting settings[] = {
    { "in / and with no streams", 0, 0, 0, 0, 0 },
    { "where and with what it was", 1, 1, 0, 0, 0 },
    { "in /", 0, 1, 0, 0, 0 },
    { "with no streams", 1, 0, 0, 0, 0 },
    { "with a closed standard input", 0, 0, 1, 0, 0 },
    { "beside a thread", 0, 0, 0, 1, 0 },
    { "without a null device", 0, 0, 0, 0, 1 },
};
enum { SETTINGS = sizeof settings / sizeof *settings };

static int prepared, in_parents, in_children, report = -1;
static void in_prepare(void) { prepared++; }
static void in_parent(void) { in_parents++; }
static void in_child(void) { in_children++; }

static void *waits(void *argument)
{
    pause();
    return argument;
}

static const char *link_of(const char *path)
{
    static char targets[8][256];
    static int next;
    char *target = targets[next++ % 8];
    ssize_t length = readlink(path, target, 255);
    target[length < 0 ? 0 : length] = 0;
    return target;
}

/* The number of the process that called daemon() differs between two runs, and is left out. */
static void tell(int result, pid_t before, pid_t session)
{
    int number = errno, descriptors = 0;
    for (int fd = 0; fd < 64; fd++)
        descriptors += fcntl(fd, F_GETFD) != -1;
    dprintf(report,
        "result %d; is new %d, leads %d, session is new %d, group is new %d; in %s; streams %s %s %s; "
        "%d descriptors; handlers %d %d %d; errno %d\n",
        result, getpid() != before, getsid(0) == getpid(), getsid(0) != session,
        getpgid(0) != before, link_of("/proc/self/cwd"), link_of("/proc/self/fd/0"), link_of("/proc/self/fd/1"),
        link_of("/proc/self/fd/2"), descriptors, prepared, in_parents, in_children,
        number);
}

/* What the process that goes on says of itself. */
static const char *told(daemon_fn *make, const struct setting *setting)
{
    static char texts[2][2048];
    static int next;
    char *text = texts[next++ % 2];
    size_t used = 0;
    ssize_t got;
    int ends[2];
    fflush(stdout);
    if (pipe(ends) != 0)
        return "no pipe";
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t thread;
        report = fcntl(ends[1], F_DUPFD, 20);
        close(ends[0]);
        close(ends[1]);
        if (setting->closes_stdin)
            close(0);
        if (setting->is_threaded && pthread_create(&thread, NULL, waits, NULL) != 0)
            _exit(3);
        prepared = in_parents = in_children = 0;
        if (setting->has_no_root && chroot("/proc/self/fdinfo") != 0)
            _exit(4);
        pid_t before = getpid(), session = getsid(0);
        errno = 0;
        int result = make(setting->keeps_directory, setting->keeps_streams);
        tell(result, before, session);
        _exit(5);
    }
    close(ends[1]);
    while (used < 2047 && (got = read(ends[0], text + used, 2047 - used)) > 0)
        used += (size_t)got;
    text[used] = 0;
    close(ends[0]);
    int status = status_of(pid);
    snprintf(text + used, 2048 - used, "# its parent ended with %d\n", status);
    while (waitpid(-1, NULL, 0) > 0)
        ;
    return text;
}

/* Up to errno: glibc's own closes what it could not open, and says EBADF then. */
static int are_same(const char *one, const char *other)
{
    const char *end = strstr(one, "; errno"), *status = strchr(one, '#'), *other_status = strchr(other, '#');
    return end && strncmp(one, other, (size_t)(end - one)) == 0 && status && other_status
        && strcmp(status, other_status) == 0;
}

/* Before glibc 2.34 it is in libpthread, which the program may be without. */
#pragma weak pthread_create

static void compare(void)
{
    void *libc = dlopen(LIBC_FILE, RTLD_LAZY);
    daemon_fn *libcs = libc ? (daemon_fn *)dlsym(libc, "daemon") : NULL;
    if (!libcs || libcs == daemon || emulated()) {
        skip("daemon() is as the libc's", "the libc's is not to be had beside the library's");
        return;
    }
    for (int i = 0; i < SETTINGS; i++) {
        const char *what = named("daemon() leaves a process %s as the libc's does", settings[i].name);
        if (settings[i].has_no_root && getuid() != 0) {
            skip(what, "not root");
            continue;
        }
        if (settings[i].is_threaded && (!pthread_create || no_threads())) {
            skip(what, "no threads here");
            continue;
        }
        const char *wanted = told(libcs, &settings[i]), *is = told(daemon, &settings[i]);
        if (!ok(are_same(is, wanted), "%s", what))
            printf("# wanted: %s# is: %s", wanted, is);
        int error = settings[i].has_no_root ? ENOENT : 0;
        const char *said = strstr(is, "; errno ");
        ok(strncmp(is, error ? "result -1;" : "result 0;", 9) == 0 && said && atoi(said + 8) == error,
            "%s: its result", what);
    }
}

static int becomes_daemon(void)
{
    if (daemon(1, 1) != 0)
        return 9;
    _exit(3);
}

static void recorded(void)
{
    if (cannot_record())
        return;
    is(run_recorded("daemon", NULL), 0, "a traced program that calls daemon() ends with 0");
    while (waitpid(-1, NULL, 0) > 0)
        ;
    if (!ok(read_records(), "the trace of a daemon is whole"))
        return;
#ifdef __GLIBC__
    int copies = 1;
#else
    int copies = 2; /* so that it leads no session */
#endif
    const struct record *create = find(NULL, "create", "call", DAEMON), *last = create;
    for (int i = 1; i < copies && last; i++)
        last = find(last, "create", "call", DAEMON);
    const struct record *ends = find(NULL, "exit", "call", DAEMON);
    while (ends && create && ends->pid != create->pid)
        ends = find(ends, "exit", "call", DAEMON);
    const struct record *start = last ? find(NULL, "start", NULL, 0) : NULL;
    while (start && start->origin != last->position)
        start = find(start, "start", NULL, 0);
    is(count_of("create"), copies, "the trace has the creations by daemon()");
    ok(create && last && ends && ends->pid == create->pid && field(ends, "status") == 0,
        "the trace has the end of the process that called daemon()");
    ok(start && start->pid == (uint32_t)field(last, "child"), "the trace has the process that daemon() made");
    const struct record *end = start ? find(start, "exit", "status", 3) : NULL;
    ok(end && end->pid == start->pid, "the trace has the end of the process that daemon() made");
    forget_records();
}

int main(void)
{
    const char *part = getenv("PART");
    begin(60);
    if (part)
        return becomes_daemon();
    /* Who goes on becomes a child of this process. */
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
#ifdef MODE_STATIC
    skip("daemon()", "a static program's is its libc's");
    (void)compare;
    (void)recorded;
#else
    recorded();
    pthread_atfork(in_prepare, in_parent, in_child);
    compare();
#endif
    return done();
}
