/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The state oracle: the state of every child with its own memory is that of a child of
 * the host libc's own fork().
 *
 * The CONTROL build, without the library, prints the state of its fork()
 * child; the build under test compares that with the children of every maker.
 * Both go through the same rounds in the same order: alone, after a thread has
 * come and gone, beside a thread, and from a thread beside the main one.
 * modes: preload shared static api api-static
 */
#define _GNU_SOURCE
#include "control.h"
#include "state.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/personality.h>

static void on_signal(int signal) { (void)signal; }

/* Things of every kind that a child inherits, or must not. */
static void arrange_process(void)
{
    static char locked[4096];
    struct sock_filter allow = { BPF_RET, 0, 0, SECCOMP_RET_ALLOW };
    struct sock_fprog filter = { 1, &allow };
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK };
    struct itimerval hours = { .it_value.tv_sec = 9999 };
    struct itimerspec more_hours = { .it_value.tv_sec = 9999 };
    struct sigevent silent = { .sigev_notify = SIGEV_NONE };
    struct rlimit limit;
    cpu_set_t cpus;
    sigset_t blocked;
    int pair[2], null;

    sigaddset(&action.sa_mask, SIGHUP);
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGRTMIN + 1, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGRTMAX, SIG_IGN);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigaddset(&blocked, SIGUSR2);
    sigaddset(&blocked, SIGRTMIN + 1);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
    kill(getpid(), SIGUSR1);
    raise(SIGUSR2);
    sigqueue(getpid(), SIGRTMIN + 1, (union sigval){ .sival_int = 5 });
    setitimer(ITIMER_VIRTUAL, &hours, NULL);
    setitimer(ITIMER_PROF, &hours, NULL);
    timer_create(CLOCK_MONOTONIC, &silent, &known.timer);
    timer_settime(known.timer, 0, &more_hours, NULL);

    null = open("/dev/null", O_RDWR | O_APPEND | O_CLOEXEC);
    if (null < 0 || pipe(pair))
        abort();
    fcntl(null, F_DUPFD, 100);
    fcntl(pair[1], F_DUPFD_CLOEXEC, 300);
    int file = open("/proc/version", O_RDONLY);
    lseek(file, 7, SEEK_SET);
    if (chdir("/proc"))
        abort();
    umask(027);
    mlock(locked, sizeof locked);

    sched_getaffinity(0, sizeof cpus, &cpus);
    for (int cpu = 0, kept = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &cpus) && kept++)
            CPU_CLR(cpu, &cpus);
    sched_setaffinity(0, sizeof cpus, &cpus);
    setpriority(PRIO_PROCESS, 0, 5);
    syscall(SYS_sched_setscheduler, 0, SCHED_BATCH, &(struct sched_param){ 0 });
    syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 6);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = 512;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    personality(UNAME26);
    prctl(PR_SET_NAME, "state", 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
    prctl(PR_SET_TIMERSLACK, 123456, 0, 0, 0);
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0);
}

/* What belongs to the making thread: robust mutexes it holds, a private and a
 * shared one, and an alternate stack. */
static pthread_mutex_t *held; /* two */
static char altstack[65536];

static void arrange_thread(void)
{
    pthread_mutexattr_t kind;
    stack_t stack = { .ss_sp = altstack, .ss_size = sizeof altstack };
    sigaltstack(&stack, NULL);
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
    for (int i = 0; i < 2; i++) {
        pthread_mutexattr_setpshared(&kind, i);
        pthread_mutex_init(&held[i], &kind);
        pthread_mutex_lock(&held[i]);
    }
    remember();
}

static void release_thread(void)
{
    stack_t none = { .ss_flags = SS_DISABLE };
    for (int i = 0; i < 2; i++)
        pthread_mutex_unlock(&held[i]);
    sigaltstack(&none, NULL);
}

/* The state of a child, in `page`; its exit status. */
static int state_of_child(const struct maker *maker)
{
    page->used = 0;
    memset(page->text, 0, sizeof page->text);
    errno = 77;
    return status_of(maker->make(print_state, NULL));
}

#ifdef CONTROL
static void check(const char *round)
{
    int status = state_of_child(makers);
    printf("round %s, status %d\n%s", round, status, page->text);
}
#else
static char *control; /* what is left of the control's output */

/* Shows the lines in which two texts of the same length differ. */
static int same_lines(char *wanted, char *got)
{
    int differences = 0;
    while (*wanted || *got) {
        size_t w = strcspn(wanted, "\n"), g = strcspn(got, "\n");
        if ((w != g || memcmp(wanted, got, w)) && differences++ < 8)
            printf("# control: %.*s\n#   child: %.*s\n", (int)w, wanted, (int)g, got);
        wanted += w + (wanted[w] == '\n');
        got += g + (got[g] == '\n');
    }
    return differences == 0;
}

static void check(const char *round)
{
    char header[64];
    int length = snprintf(header, sizeof header, "round %s, status 0\n", round);
    int there = strncmp(control, header, (size_t)length) == 0;
    ok(there, "%s: a build without the library prints the state of its fork()'s child", round);
    char *wanted = there ? control + length : control;
    char *next = strstr(wanted, "\nround ");
    if (next)
        *next++ = '\0';
    for EACH_MAKER(maker) {
        int status = state_of_child(maker);
        if (page->used)
            page->text[page->used - 1] = '\0';
        int equal = same_lines(wanted, page->text);
        ok(status == 0 && equal && page->used, "%s: a child by %s has the state of one by the libc's fork()", round, maker->name);
    }
    control = next ? next : "";
}
#endif

static void *check_in_thread(void *round)
{
    arrange_thread();
    check(round);
    release_thread();
    return NULL;
}

static void *come_and_go(void *unused) { return unused; }

static void *stay(void *barrier)
{
    pthread_barrier_wait(barrier);
    return NULL;
}

static void rounds(void)
{
    pthread_t thread;
    pthread_barrier_t barrier;
    page = shared_memory(sizeof *page);
    held = shared_memory(2 * sizeof *held);
    arrange_process();
    check_in_thread("alone");
    if (no_threads()) { /* the control says nothing of them either */
#ifndef CONTROL
        skip("the state of children after, beside and from a thread", no_threads());
#endif
        return;
    }
    pthread_create(&thread, NULL, come_and_go, NULL);
    pthread_join(thread, NULL);
    check_in_thread("after a thread");
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_create(&thread, NULL, stay, &barrier);
    check_in_thread("beside a thread");
    pthread_barrier_wait(&barrier);
    pthread_join(thread, NULL);
    pthread_create(&thread, NULL, check_in_thread, "from a thread");
    pthread_join(thread, NULL);
}

int main(void)
{
    begin_group(60);
#ifndef CONTROL
    control = run_control();
    rounds();
    return done();
#else
    rounds();
    return 0;
#endif
}
