/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* state.h: what a fork-like child looks like, from inside and from /proc, as
 * lines of text that are the same for every sound child.
 *
 * Ids appear as the parts they play and addresses as "the parent's" or not, so
 * that two runs compare line by line. What says how a child was made rather
 * than what it is (stack pointer, maps, times, counters) is left out. */
#ifndef STATE_H
#define STATE_H

#include "makers.h"
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>

/* Places where glibc tells debuggers and rseq users of its thread block. */
extern const uint32_t _thread_db_pthread_tid[3] __attribute__((weak));
extern const uint32_t _thread_db_sizeof_pthread __attribute__((weak));
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned __rseq_size __attribute__((weak));
extern const char __libc_single_threaded __attribute__((weak));

#define SIGNALS 64
struct kernel_sigaction { uint64_t words[4]; };

/* What the making thread has, for its child to be compared with. */
static struct known {
    pid_t pid, tid, session, group;
    pthread_t self;
    int *errno_place;
    void *thread_pointer, *tid_address;
    void **robust;
    size_t robust_len;
    stack_t altstack;
    struct kernel_sigaction actions[SIGNALS + 1];
    timer_t timer;
} known;

static struct page { size_t used; char text[64 << 10]; } *page; /* shared */

__attribute__((format(printf, 1, 2)))
static void say(const char *format, ...)
{
    va_list arguments;
    size_t room = sizeof page->text - page->used;
    va_start(arguments, format);
    int length = vsnprintf(page->text + page->used, room, format, arguments);
    va_end(arguments);
    if (length >= 0 && (size_t)length < room)
        page->used += (size_t)length;
}

static long asked(int option)
{
    int value = -1;
    return prctl(option, &value, 0, 0, 0) ? -errno : value;
}

static void ask_robust(void ***head, size_t *length)
{
    *head = NULL;
    *length = 0;
    syscall(SYS_get_robust_list, 0, head, length);
}

static void *ask_tid_address(void)
{
    void *address = NULL;
    prctl(40 /* PR_GET_TID_ADDRESS */, &address, 0, 0, 0);
    return address;
}

static void ask_action(int signal, struct kernel_sigaction *action)
{
    memset(action, 0, sizeof *action);
    syscall(SYS_rt_sigaction, signal, NULL, action, (size_t)8);
}

/* To be called by the thread that is about to make children. */
static void remember(void)
{
    known.pid = (pid_t)syscall(SYS_getpid);
    known.tid = kernel_tid();
    known.session = getsid(0);
    known.group = getpgid(0);
    known.self = pthread_self();
    known.errno_place = &errno;
    known.thread_pointer = __builtin_thread_pointer();
    known.tid_address = ask_tid_address();
    ask_robust(&known.robust, &known.robust_len);
    sigaltstack(NULL, &known.altstack);
    for (int signal = 1; signal <= SIGNALS; signal++)
        ask_action(signal, &known.actions[signal]);
}

static const char *part_of(pid_t id)
{
    return id == 0                          ? "nobody"
           : id == (pid_t)syscall(SYS_getpid) ? "child"
           : id == known.pid                ? "parent"
           : id == known.tid                ? "parent's thread"
                                            : "somebody else";
}

static const char *same(int is_same) { return is_same ? "the parent's" : "another"; }

static void print_ids(void)
{
    int owner = 0, words[sizeof(pthread_mutex_t) / sizeof(int)];
    pthread_mutex_t mutex;
    pthread_mutexattr_t checked;
    clockid_t clock;
    struct timespec now;

    say("getpid: %s\ngettid: %s\n", part_of(getpid()), part_of(kernel_tid()));
    say("getppid: %s\n", part_of(getppid()));
    say("group: %s, session: %s\n", same(getpgid(0) == known.group), same(getsid(0) == known.session));

    /* The libc's copy of the tid: where a mutex with an owner shows it, ... */
    pthread_mutexattr_init(&checked);
    pthread_mutexattr_settype(&checked, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&mutex, &checked);
    pthread_mutex_lock(&mutex);
    memcpy(words, &mutex, sizeof words);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i] == kernel_tid() || words[i] == known.tid)
            owner = words[i];
    say("owner of a mutex: %s\n", part_of(owner));
    /* ... where functions that name this thread to the kernel take it from, ... */
    say("signal to self: %d\n", pthread_kill(pthread_self(), 0));
    say("clock of self: %d", pthread_getcpuclockid(pthread_self(), &clock));
    say(", %d\n", clock_gettime(clock, &now));
    /* ... and where it is known to be. */
#ifdef __GLIBC__
    char *block = __builtin_thread_pointer();
#ifdef __aarch64__
    block = &_thread_db_sizeof_pthread ? block - _thread_db_sizeof_pthread : NULL;
#endif
    if (known.robust)
        say("tid before the robust list: %s\n", part_of(((int *)known.robust)[-4]));
    if (_thread_db_pthread_tid && block)
        say("tid by thread_db: %s\n", part_of(*(int *)(block + _thread_db_pthread_tid[2])));
#else
    say("tid before errno: %s\n", part_of((&errno)[-1]));
#endif
}

/* Whether the kernel has glibc's rseq area for this thread. */
static const char *rseq_state(void)
{
#if defined(__x86_64__)
    const unsigned signature = 0x53053053;
#else
    const unsigned signature = 0xd428bc00;
#endif
    if (!&__rseq_offset || !&__rseq_size || __rseq_size == 0)
        return "none";
    int *area = (int *)((char *)__builtin_thread_pointer() + __rseq_offset);
    if (syscall(SYS_rseq, area, 32, 0, signature) == 0)
        return "lost";
    return errno != EBUSY && errno != EINVAL ? strerror(errno)
           : area[1] >= 0                    ? "registered"
                                             : "registered, without a cpu";
}

static void print_thread(int entry_errno)
{
    void **robust, **first;
    size_t length;
    pthread_mutexattr_t kind;
    pthread_mutex_t mutex;

    say("errno: %d, in %s place\n", entry_errno, same(&errno == known.errno_place));
    say("pthread_self: %s\n", same(pthread_equal(pthread_self(), known.self)));
    say("thread pointer: %s\n", same(__builtin_thread_pointer() == known.thread_pointer));
    say("clear_child_tid: %s\n", same(ask_tid_address() == known.tid_address));
    /* musl registers its list only when it is first needed. */
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&mutex, &kind);
    say("robust mutex: %d\n", pthread_mutex_lock(&mutex));
    pthread_mutex_unlock(&mutex);
    ask_robust(&robust, &length);
    first = robust ? *robust : NULL;
    say("robust list: %s, length %zu\n", same(robust == known.robust), length);
#ifdef __GLIBC__
    /* Not so in musl's own child: what its parent holds stays in the list. */
    say("robust list: %s\n", (void *)first == robust ? "empty" : "not empty");
#else
    (void)first;
#endif
    say("rseq: %s\n", rseq_state());
    say("single-threaded: %d\n", &__libc_single_threaded ? __libc_single_threaded : -1);
}

static void print_signals(void)
{
    uint64_t mask = 0;
    struct kernel_sigaction action;
    struct itimerval timer;
    struct itimerspec left;
    stack_t stack;

    syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, sizeof mask);
    say("mask: %016" PRIx64 "\n", mask);
    for (int signal = 1; signal <= SIGNALS; signal++) {
        ask_action(signal, &action);
        if (memcmp(&action, &known.actions[signal], sizeof action))
            say("action of signal %d: another\n", signal);
    }
    sigaltstack(NULL, &stack);
    say("altstack: %s, flags %d\n",
        same(stack.ss_sp == known.altstack.ss_sp && stack.ss_size == known.altstack.ss_size),
        stack.ss_flags);
    for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++) {
        getitimer((__typeof__(ITIMER_REAL))which, &timer);
        say("itimer %d: %s\n", which, timer.it_value.tv_sec || timer.it_value.tv_usec ? "set" : "off");
    }
    say("posix timer: %s\n", timer_gettime(known.timer, &left) ? strerror(errno) : "there");
}

/* The lines of a file in /proc/self that begin with one of the words. */
static void print_file(const char *name, const char *const *words)
{
    char path[64], line[4096];
    snprintf(path, sizeof path, "/proc/self/%s", name);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        for (const char *const *word = words; *word; word++)
            if (strncmp(line, *word, strlen(*word)) == 0)
                say("%s: %s", name, line);
    if (file)
        fclose(file);
}

/* The links in a directory of /proc/self, each with its target. */
static void print_links(const char *name)
{
    struct dirent **entries;
    char path[300], target[512];
    snprintf(path, sizeof path, "/proc/self/%s", name);
    int count = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        const char *entry = entries[i]->d_name;
        snprintf(path, sizeof path, "/proc/self/%s/%s", name, entry);
        /* scandir's own descriptor is in the list but no longer there. */
        ssize_t length = readlink(path, target, sizeof target - 1);
        if (length >= 0) {
            int fd = strcmp(name, "fd") ? -1 : atoi(entry);
            target[length] = '\0';
            if (fd >= 0)
                target[strcspn(target, "[")] = '\0'; /* number of a pipe */
            say("%s %s: %s", name, entry, fd >= 0 && fd < 3 ? "open" : target);
            if (fd >= 3)
                say(", %#x, %#x, at %ld", fcntl(fd, F_GETFD), fcntl(fd, F_GETFL),
                    (long)lseek(fd, 0, SEEK_CUR));
            say("\n");
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

static void print_process(void)
{
    static const char *const all[] = { "", NULL };
    static const char *const status[] = { "Name", "Umask", "TracerPid", "Uid", "Gid", "Groups",
        "Kthread", "Threads", "Sig", "Shd", "Cap", "NoNewPrivs", "Seccomp", "Speculation",
        "CoreDumping", "THP", "Cpus", "Mems", "VmLck", NULL };
    char path[4096], line[4096] = "";
    uint64_t cpus[128] = { 0 };
    struct sched_param parameter = { -1 };
    struct rlimit limit;
    int signal = -1;

    print_file("status", status);
    print_file("cgroup", all);
    print_file("comm", all);
    print_file("oom_score_adj", all);
    print_file("personality", all);
    print_file("timers", all);
    print_links("fd");
    print_links("ns");
    print_links("task");
    FILE *stat = fopen("/proc/self/stat", "re");
    if (stat && fgets(line, sizeof line, stat)) {
        char *field = strrchr(line, ')'); /* ends the second of the fields */
        for (int i = 2; field && i < 38; i++)
            field = strchr(field + 1, ' ');
        signal = field ? atoi(field) : -1;
    }
    if (stat)
        fclose(stat);
    say("exit signal: %d\n", signal);
    say("cwd: %s\n", getcwd(path, sizeof path) ? path : "none");
    ssize_t length = readlink("/proc/self/root", path, sizeof path);
    say("root: %.*s\n", (int)(length < 0 ? 0 : length), path);
    say("death signal: %ld, subreaper: %ld\n", asked(PR_GET_PDEATHSIG), asked(PR_GET_CHILD_SUBREAPER));
    say("dumpable: %d, keepcaps: %d, securebits: %d, thp off: %d, slack: %d\n",
        prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0),
        prctl(PR_GET_SECUREBITS, 0, 0, 0, 0), prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0),
        prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
    syscall(SYS_sched_getparam, 0, &parameter);
    say("nice: %d, policy: %ld, priority: %d, io: %#lx\n", getpriority(PRIO_PROCESS, 0),
        syscall(SYS_sched_getscheduler, 0), parameter.sched_priority, syscall(SYS_ioprio_get, 1, 0));
    syscall(SYS_sched_getaffinity, 0, sizeof cpus, cpus);
    say("cpus: %016" PRIx64 " %016" PRIx64 "\n", cpus[1], cpus[0]);
    for (int i = 0; i < RLIMIT_NLIMITS; i++)
        if (getrlimit((__typeof__(RLIMIT_CPU))i, &limit) == 0)
            say("limit %d: %#" PRIx64 " of %#" PRIx64 "\n", i, (uint64_t)limit.rlim_cur,
                (uint64_t)limit.rlim_max);
}

/* A child_fn. */
static int print_state(void *unused)
{
    int entry_errno = errno;
    (void)unused;
    print_ids();
    print_signals();
    print_thread(entry_errno);
    print_process();
    return 0;
}

#endif
