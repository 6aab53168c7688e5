/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An extra that fails undoes the thread: `failed` names it, start never runs, and
 * neither a thread nor a descriptor is leaked.
 */
#define _GNU_SOURCE
#include "pthreads.h"
#include <sys/mman.h>

static volatile int started;
static void *starts(void *argument)
{
    started = 1;
    return argument;
}

static struct clone3_pthread_extra extra(unsigned set)
{
    return (struct clone3_pthread_extra){ .size = sizeof(struct clone3_pthread_extra), .set = set };
}

static pthread_attr_t *attributes[3];
static const char *const kinds[] = { "default", "detached", "own stack" };

/* Every way of having attributes. */
static void fails(const char *name, struct clone3_pthread_extra *extra, int error, unsigned which)
{
    for (int kind = 0; kind < 3; kind++) {
        pthread_t thread;
        unsigned failed = 77;
        int before = descriptors();
        extra->failed = &failed;
        errno = 77;
        int got = clone3_pthread_create(&thread, attributes[kind], extra, starts, NULL);
        int good = got == error && failed == which && errno == 77 && alone() && !started
            && descriptors() == before;
        if (!ok(good, "pthread with %s, %s attributes: refused without a trace", name, kinds[kind]))
            printf("# %d (%s), failed %u, errno %d, %d tasks, %d descriptors, were %d%s\n", got, strerror(got),
                   failed, errno, tasks(), descriptors(), before, started ? ", started" : "");
        extra->failed = NULL;
        is(clone3_pthread_create(&thread, attributes[kind], extra, starts, NULL), error, named("pthread with %s, %s attributes: refused without a place for `failed`", name, kinds[kind]));
    }
}

static void arguments(void)
{
    pthread_t thread;
    struct clone3_pthread_extra more[2] = { extra(0), extra(0) };
    int fd, before = descriptors();
    is(clone3_pthread_create(&thread, NULL, NULL, NULL, NULL), EFAULT, "clone3_pthread_create() without a start function: EFAULT");
    is(clone3_pthread_create(NULL, NULL, NULL, starts, NULL), EFAULT, "clone3_pthread_create() without a place for the id: EFAULT");
    unsigned failed = 77;
    struct clone3_pthread_extra named = extra(CLONE3_PTHREAD_NAME);
    named.name = "never", named.failed = &failed;
    ok(clone3_pthread_create(&thread, NULL, &named, NULL, NULL) == EFAULT && failed == 0,
        "clone3_pthread_create() without a start function sets `failed` to 0");
    more[0].size = sizeof more[0] - 1;
    is(clone3_pthread_create(&thread, NULL, more, starts, NULL), EINVAL, "pthread extras smaller than any version's: EINVAL");
    more[0].size = sizeof more;
    is(clone3_pthread_create(&thread, NULL, more, starts, NULL), E2BIG, "pthread extras of a later version whose new fields are used: E2BIG");
    memset(&more[1], 0, sizeof more[1]);
    more[0].set = 1u << 31;
    fails("an unknown bit", more, EINVAL, 0);
    more[0].set = CLONE3_PTHREAD_PIDFD | 1u << 8;
    more[0].pidfd = &fd;
    fails("the first unknown bit", more, EINVAL, 0);
    ok(!started && alone() && descriptors() == before, "refused pthread extras leave no thread and no descriptor");
    more[0].set = 0;
    is(clone3_pthread_create(&thread, NULL, more, starts, NULL), 0, "pthread extras of a later version whose new fields are zero make a thread");
    ok(pthread_join(thread, NULL) == 0 && started, "a pthread with extras of a later version runs and is joined");
    started = 0;
}

static void the_hosts_own(void)
{
    pthread_t thread;
    pthread_attr_t attr;
    struct rlimit limit;
    unsigned failed = 77;
    struct clone3_pthread_extra named = extra(CLONE3_PTHREAD_NAME);
    named.name = "never";
    named.failed = &failed;
    make_impossible(&attr, &limit);
    int plain = pthread_create(&thread, &attr, starts, NULL);
    errno = 77;
    int got = clone3_pthread_create(&thread, &attr, &named, starts, NULL), then = errno;
    make_possible(&attr, &limit);
    is(got, plain, "clone3_pthread_create() passes on the C library's own refusal");
    ok(plain != 0 && failed == 0 && alone(), "the C library's own refusal of a pthread sets `failed` to 0");
    is(then, 77, "clone3_pthread_create() that is refused leaves errno alone");
}

static void bad_extras(void)
{
    int fd, nice_before = getpriority(PRIO_PROCESS, 0);
    cpu_set_t none;
    CPU_ZERO(&none);
    struct clone3_pthread_extra bad = extra(CLONE3_PTHREAD_PIDFD);
    fails("no place for the pidfd", &bad, EFAULT, CLONE3_PTHREAD_PIDFD);
    bad = extra(CLONE3_PTHREAD_NAME);
    fails("no name", &bad, EFAULT, CLONE3_PTHREAD_NAME);
    bad.name = "sixteen letters!";
    fails("a name too long", &bad, ERANGE, CLONE3_PTHREAD_NAME);
    bad = extra(CLONE3_PTHREAD_AFFINITY | CLONE3_PTHREAD_NAME);
    bad.name = "good", bad.affinity = &none, bad.affinity_size = sizeof none;
    fails("no processor", &bad, EINVAL, CLONE3_PTHREAD_AFFINITY);
    bad.affinity = NULL;
    fails("no set of processors", &bad, EFAULT, CLONE3_PTHREAD_AFFINITY);
    bad = extra(CLONE3_PTHREAD_NICE);
    bad.nice = 20;
    fails("a nice value too high", &bad, EINVAL, CLONE3_PTHREAD_NICE);
    bad.nice = -21;
    fails("a nice value too low", &bad, EINVAL, CLONE3_PTHREAD_NICE);
    if (sizeof(long) < sizeof bad.timer_slack) {
        bad = extra(CLONE3_PTHREAD_TIMER_SLACK);
        bad.timer_slack = 1ull << 32;
        fails("timer slack of more than a long", &bad, EINVAL, CLONE3_PTHREAD_TIMER_SLACK);
    }
    /* The others are taken first, and go with the thread. */
    bad = extra(CLONE3_PTHREAD_CGROUP | CLONE3_PTHREAD_NAME | CLONE3_PTHREAD_NICE | CLONE3_PTHREAD_UNSHARE_FILES);
    bad.name = "good", bad.nice = 19, bad.cgroup = -1;
    fails("no descriptor of a cgroup", &bad, EBADF, CLONE3_PTHREAD_CGROUP);
    bad.cgroup = fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fails("a descriptor of another directory", &bad, EBADF, CLONE3_PTHREAD_CGROUP);
    bad.cgroup_path = "/proc";
    fails("the path of another directory", &bad, EBADF, CLONE3_PTHREAD_CGROUP);
    bad.cgroup_path = "/proc/self/status";
    fails("the path of a file", &bad, ENOTDIR, CLONE3_PTHREAD_CGROUP);
    bad.cgroup_path = "/proc/no such cgroup";
    fails("the path of nothing", &bad, ENOENT, CLONE3_PTHREAD_CGROUP);
    close(fd);
    is(getpriority(PRIO_PROCESS, 0), nice_before, "refused pthread extras leave the process's nice value");
}

/* The pidfd is the last to be opened: the thread waits and has all the others. */
static void too_many_files(void)
{
    struct rlimit limit, low;
    int fd = -1, error = no_thread_pidfd();
    if (emulated()) {
        skip("pthread with a pidfd where no descriptor is left", "qemu-user does not keep to RLIMIT_NOFILE");
        return;
    }
    struct clone3_pthread_extra bad = extra(CLONE3_PTHREAD_PIDFD | CLONE3_PTHREAD_NAME);
    bad.name = "good", bad.pidfd = &fd;
    getrlimit(RLIMIT_NOFILE, &limit);
    low = limit;
    low.rlim_cur = 3;
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        unsigned failed = 77;
        bad.failed = &failed;
        setrlimit(RLIMIT_NOFILE, &low);
        int got = clone3_pthread_create(&thread, attributes[i], &bad, starts, NULL);
        setrlimit(RLIMIT_NOFILE, &limit);
        int wanted = error == 0 ? EMFILE : error == EINVAL ? ENOTSUP : error;
        if (!ok(got == wanted && failed == CLONE3_PTHREAD_PIDFD && fd == -1 && !started && alone(),
                "pthread with a pidfd where no descriptor is left, %s attributes: refused without a trace", kinds[i]))
            printf("# %d, wanted %d; failed %u, %d tasks\n", got, wanted, failed, tasks());
    }
}

static int mappings(void)
{
    int count = 0, c;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && (c = getc(maps)) != EOF)
        count += c == '\n';
    if (maps)
        fclose(maps);
    return count;
}

/* A thread that is not joined keeps its stack. */
static void over_and_over(void)
{
    pthread_t thread;
    struct clone3_pthread_extra bad = extra(CLONE3_PTHREAD_CGROUP);
    bad.cgroup = -1;
    int before = mappings();
    for (int i = 0; i < 200; i++)
        if (clone3_pthread_create(&thread, attributes[i % 2], &bad, starts, NULL) == 0)
            abort();
    ok(alone() && mappings() < before + 50, "pthreads that are refused 200 times leave no stack");
}

static int without_rights(void)
{
    struct rlimit none = { 0, 0 };
    threads_before = tasks();
    struct clone3_pthread_extra bad = extra(CLONE3_PTHREAD_NICE);
    pthread_t thread;
    unsigned failed = 77;
    bad.nice = -5, bad.failed = &failed;
    if (setrlimit(RLIMIT_NICE, &none) != 0 || (getuid() == 0 && setresuid(65534, 65534, 65534) != 0))
        return 2;
    int error = clone3_pthread_create(&thread, NULL, &bad, starts, NULL);
    return error == EACCES && failed == CLONE3_PTHREAD_NICE && !started && alone() ? 0 : 3;
}

int main(void)
{
    static pthread_attr_t detached, own_stack;
    begin(60);
    if (no_threads()) {
        skip("pthreads whose extras are refused", no_threads());
        return done();
    }
    alone();
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_attr_init(&own_stack);
    size_t size = 256 << 10;
    pthread_attr_setstack(&own_stack, mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), size);
    attributes[1] = &detached, attributes[2] = &own_stack;
    arguments();
    the_hosts_own();
    bad_extras();
    too_many_files();
    over_and_over();
    pid_t pid = fork();
    if (pid == 0)
        _exit(without_rights());
    is(status_of(pid), 0, "pthread with a nice value that is not permitted: EACCES, without a trace");
    return done();
}
