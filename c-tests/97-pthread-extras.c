/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The extras of clone3_pthread_create() are in effect when the thread begins, affect
 * this thread only, and are visible from outside.
 * modes: preload shared static api
 */
#define _GNU_SOURCE
#include "pthreads.h"
#include "cgroup.h"
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define EXTRA(...) &(struct clone3_pthread_extra){ .size = sizeof(struct clone3_pthread_extra), __VA_ARGS__ }

static void nothing(void)
{
    struct held held;
    is(create_held(&held, NULL, NULL), 0, "clone3_pthread_create() without extras makes a thread");
    ok(release(&held), "a pthread without extras is joined");
    is(create_held(&held, NULL, EXTRA(.set = 0)), 0, "clone3_pthread_create() with an empty set of extras makes a thread");
    ok(release(&held), "a pthread with an empty set of extras is joined");
}

static void pidfd(void)
{
    struct held held;
    int fd = -1, missing = no_thread_pidfd(), before = descriptors();
    unsigned failed = 77;
    int error = create_held(&held, NULL, EXTRA(.set = CLONE3_PTHREAD_PIDFD, .pidfd = &fd, .failed = &failed));
    if (missing) {
        is(error, missing == EINVAL ? ENOTSUP : missing, "pthread with a pidfd: the errno of an older kernel");
        is(failed, CLONE3_PTHREAD_PIDFD, "pthread with a pidfd that is refused: `failed` names the pidfd");
        ok(fd == -1 && descriptors() == before, "pthread with a pidfd that is refused: no descriptor is left");
        ok(alone(), "pthread with a pidfd that is refused: no thread is left");
        return;
    }
    is(error, 0, "pthread with a pidfd: created");
    is(failed, 0, "pthread with a pidfd: `failed` is 0");
    is(fcntl(fd, F_GETFD), FD_CLOEXEC, "pthread with a pidfd: the pidfd is close-on-exec");
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    is(poll(&wait, 1, 50), 0, "pthread with a pidfd: poll() does not report it while the thread runs");
    char path[64], line[128];
    int pid = 0;
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    FILE *info = fopen(path, "re");
    while (info && fgets(line, sizeof line, info))
        sscanf(line, "Pid: %d", &pid);
    if (info)
        fclose(info);
    is(pid, held.tid, "pthread with a pidfd: it is the thread's");
    ok(release(&held), "pthread with a pidfd: joined");
    ok(poll(&wait, 1, 5000) == 1, "pthread with a pidfd: poll() reports it when the thread has ended");
    close(fd);
}

static void name(void)
{
    struct held held;
    is(create_held(&held, NULL, EXTRA(.set = CLONE3_PTHREAD_NAME, .name = "fifteen letters")), 0, "pthread with a name: created");
    ok(strcmp(task_file(held.tid, "comm"), "fifteen letters") == 0, "pthread with a name: it is seen in /proc");
    ok(strcmp(task_file(getpid(), "comm"), "fifteen letters") != 0, "pthread with a name: the process keeps its name");
    ok(release(&held), "pthread with a name: joined");
}

static void *affinity_of_self(void *set)
{
    (void)set;
    static cpu_set_t now;
    CPU_ZERO(&now);
    raw(SYS_sched_getaffinity, 0, sizeof now, &now);
    return &now;
}

static void affinity(void)
{
    struct held held;
    cpu_set_t all, one;
    CPU_ZERO(&all);
    CPU_ZERO(&one);
    raw(SYS_sched_getaffinity, 0, sizeof all, &all);
    int last = CPU_SETSIZE - 1;
    while (!CPU_ISSET(last, &all))
        last--;
    CPU_SET(last, &one);
    is(create_held(&held, NULL, EXTRA(.set = CLONE3_PTHREAD_AFFINITY, .affinity = &one, .affinity_size = sizeof one)), 0,
       "pthread with an affinity: created");
    ok(CPU_EQUAL((cpu_set_t *)in_thread(&held, affinity_of_self), &one), "pthread with an affinity: the thread has it");
    cpu_set_t own;
    CPU_ZERO(&own);
    raw(SYS_sched_getaffinity, 0, sizeof own, &own);
    ok(CPU_EQUAL(&own, &all), "pthread with an affinity: the creator keeps its own");
    ok(release(&held), "pthread with an affinity: joined");
}

static void nice_value(void)
{
    struct held held;
    int before = getpriority(PRIO_PROCESS, 0);
    is(create_held(&held, NULL, EXTRA(.set = CLONE3_PTHREAD_NICE, .nice = 19)), 0, "pthread with a nice value: created");
    is(getpriority(PRIO_PROCESS, (id_t)held.tid), 19, "pthread with a nice value: the thread has it");
    is(getpriority(PRIO_PROCESS, 0), before, "pthread with a nice value: the creator keeps its own");
    ok(release(&held), "pthread with a nice value: joined");
}

static void *slack_of_self(void *held)
{
    (void)held;
    return (void *)raw(SYS_prctl, PR_GET_TIMERSLACK);
}

static void timer_slack(void)
{
    struct held held;
    long before = raw(SYS_prctl, PR_GET_TIMERSLACK);
    if (before < 0) {
        skip("pthread with a timer slack", "there is no PR_GET_TIMERSLACK here");
        return;
    }
    is(create_held(&held, NULL, EXTRA(.set = CLONE3_PTHREAD_TIMER_SLACK, .timer_slack = 123456)), 0, "pthread with a timer slack: created");
    is((long)in_thread(&held, slack_of_self), 123456, "pthread with a timer slack: the thread has it");
    is(raw(SYS_prctl, PR_GET_TIMERSLACK), before, "pthread with a timer slack: the creator keeps its own");
    ok(release(&held), "pthread with a timer slack: joined");
}

static void *goes_away(void *held)
{
    (void)held;
    umask(0123);
    return (void *)(long)chdir("/proc");
}

static void unshared_fs(void)
{
    struct held held;
    char before[4096], after[4096];
    mode_t mask = umask(022);
    if (!getcwd(before, sizeof before))
        before[0] = 0;
    is(create_held(&held, NULL, EXTRA(.set = CLONE3_PTHREAD_UNSHARE_FS)), 0, "pthread with UNSHARE_FS: created");
    is((long)in_thread(&held, goes_away), 0, "pthread with UNSHARE_FS: the thread changes its directory");
    ok(getcwd(after, sizeof after) && strcmp(before, after) == 0, "pthread with UNSHARE_FS: the process keeps its directory");
    is(umask(mask), 022, "pthread with UNSHARE_FS: the process keeps its umask");
    ok(release(&held), "pthread with UNSHARE_FS: joined");
}

static int shared_fd;
static void *closes(void *held)
{
    (void)held;
    return (void *)(long)close(shared_fd);
}

static void unshared_files(void)
{
    struct held held;
    shared_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    is(create_held(&held, NULL, EXTRA(.set = CLONE3_PTHREAD_UNSHARE_FILES)), 0, "pthread with UNSHARE_FILES: created");
    is((long)in_thread(&held, closes), 0, "pthread with UNSHARE_FILES: the thread closes its copy of a descriptor");
    ok(fcntl(shared_fd, F_GETFD) >= 0, "pthread with UNSHARE_FILES: the process's descriptor stays open");
    ok(release(&held), "pthread with UNSHARE_FILES: joined");
    close(shared_fd);
}

/* The pidfd is the creator's even where the thread has a table of its own. */
static void *looks_at_pidfd(void *held)
{
    (void)held;
    return (void *)(long)fcntl(shared_fd, F_GETFD);
}

static void pidfd_with_own_files(void)
{
    struct held held;
    if (no_thread_pidfd()) {
        skip("pthread with a pidfd and UNSHARE_FILES", "pidfds of threads need Linux 6.9");
        return;
    }
    shared_fd = -1;
    int error = create_held(&held, NULL, EXTRA(.set = CLONE3_PTHREAD_PIDFD | CLONE3_PTHREAD_UNSHARE_FILES, .pidfd = &shared_fd));
    is(error, 0, "pthread with a pidfd and UNSHARE_FILES: created");
    ok(fcntl(shared_fd, F_GETFD) >= 0, "pthread with a pidfd and UNSHARE_FILES: the creator has the pidfd");
    is((long)in_thread(&held, looks_at_pidfd), -1, "pthread with a pidfd and UNSHARE_FILES: the thread has not got the pidfd");
    ok(release(&held), "pthread with a pidfd and UNSHARE_FILES: joined");
    close(shared_fd);
}

static void in_cgroup(const char *how, const char *within, struct clone3_pthread_extra *extra)
{
    struct held held;
    int error = create_held(&held, NULL, extra);
    if (!is(error, 0, named("pthread with a %s: created", how)))
        return;
    char path[64], line[4096] = "", found[4096] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/cgroup", held.tid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        sscanf(line, "0::%4095s", found);
    if (file)
        fclose(file);
    ok(strcmp(found, within) == 0, "pthread with a %s: the thread is in it", how);
    file = fopen("/proc/self/cgroup", "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "0::%4095s", found) == 1)
            ok(strcmp(found, within) != 0, "pthread with a %s: the process is not in it", how);
    if (file)
        fclose(file);
    ok(release(&held), "pthread with a %s: joined", how);
}

/* A threaded cgroup needs a domain above it that the process is in. */
static void cgroup(void)
{
    char domain[4096], threaded[4200], *within;
    int error = make_cgroup(domain, sizeof domain, &within);
    if (error) {
        skip("pthread with a cgroup", "no cgroup2 to make a cgroup in");
        return;
    }
    char number[16], own[4096] = "";
    snprintf(threaded, sizeof threaded, "%s/threads", domain);
    snprintf(number, sizeof number, "%d", getpid());
    snprintf(own, sizeof own, "%.*s", (int)(strrchr(domain, '/') - domain), domain);
    mkdir(threaded, 0755);
    if (set_cgroup(threaded, "cgroup.type", "threaded") || set_cgroup(domain, "cgroup.procs", number)) {
        skip("pthread with a cgroup", "cannot make a threaded cgroup here");
    } else {
        char inside[4200];
        int fd = open(threaded, O_PATH | O_DIRECTORY | O_CLOEXEC);
        snprintf(inside, sizeof inside, "%s/threads", within);
        in_cgroup("cgroup by descriptor", inside, EXTRA(.set = CLONE3_PTHREAD_CGROUP, .cgroup = fd));
        in_cgroup("cgroup by path", inside,
            EXTRA(.set = CLONE3_PTHREAD_CGROUP, .cgroup_path = threaded, .cgroup = -1));
        close(fd);
        set_cgroup(own, "cgroup.procs", number);
    }
    ok(remove_cgroup(threaded) == 0 && remove_cgroup(domain) == 0, "pthread with a cgroup: the cgroup is empty again and can be removed");
}

/* All at once, on a thread that is detached from its beginning on. */
static void *everything_is_there(void *result)
{
    pthread_attr_t attr;
    int state = -1;
    char mine[16] = "";
    raw(SYS_prctl, PR_GET_NAME, mine);
    if (pthread_getattr_np(pthread_self(), &attr) == 0) {
        pthread_attr_getdetachstate(&attr, &state);
        pthread_attr_destroy(&attr);
    }
    *(volatile int *)result = strcmp(mine, "all") == 0 && raw(SYS_getpriority, PRIO_PROCESS, 0) == 20 - 19
        && state == PTHREAD_CREATE_DETACHED ? 1 : 2;
    return NULL;
}

static void detached_with_all(void)
{
    static volatile int result;
    pthread_attr_t attr;
    pthread_t thread;
    int fd = -1, with_pidfd = no_thread_pidfd() ? 0 : CLONE3_PTHREAD_PIDFD, before = descriptors();
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    int error = clone3_pthread_create(&thread, &attr,
        EXTRA(.set = CLONE3_PTHREAD_NAME | CLONE3_PTHREAD_NICE | CLONE3_PTHREAD_UNSHARE_FS
                  | CLONE3_PTHREAD_UNSHARE_FILES | (unsigned)with_pidfd,
            .name = "all", .nice = 19, .pidfd = &fd),
        everything_is_there, (void *)&result);
    is(error, 0, "detached pthread with several extras: created");
    for (int i = 0; i < 5000 && !result; i++)
        pause_ms(1);
    is(result, 1, "detached pthread with several extras: it begins with them, and is detached");
    ok(alone(), "detached pthread with several extras: it ends without being joined");
    if (fd >= 0)
        close(fd);
    is(descriptors(), before, "detached pthread with several extras: no descriptor is left");
    int state;
    pthread_attr_getdetachstate(&attr, &state);
    is(state, PTHREAD_CREATE_DETACHED, "detached pthread with several extras: the attributes are as they were");
    pthread_attr_destroy(&attr);
}

int main(void)
{
    begin(60);
    if (no_threads()) {
        skip("pthreads with extras", no_threads());
        return done();
    }
    alone();
    nothing();
    pidfd();
    name();
    affinity();
    nice_value();
    timer_slack();
    unshared_fs();
    unshared_files();
    pidfd_with_own_files();
    cgroup();
    detached_with_all();
    return done();
}
