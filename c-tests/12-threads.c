/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The C library in children of a process with threads: made by the main thread
 * beside others, and by another thread beside the main one.
 *
 * The other threads wait outside the libc, so that they hold no lock of malloc or stdio
 * when a child is created: then more may be called in the children of clone3, clone and
 * _Fork than POSIX promises, and only the library's repair is tested.
 */
#define _GNU_SOURCE
#include "checks.h"
#include <dirent.h>

static pthread_t maker_thread; /* as the parent knows it */

static int is_one_thread(void)
{
    int tasks = 0;
    struct dirent *entry;
    NEED(1, pthread_equal(pthread_self(), maker_thread));
    NEED(2, getpid() == kernel_tid());
    /* The emulator has threads of its own. */
    DIR *directory = emulated() ? NULL : opendir("/proc/self/task");
    while (directory && (entry = readdir(directory)))
        tasks += entry->d_name[0] != '.';
    if (directory)
        closedir(directory);
    NEED(3, emulated() || tasks == 1);
    return 0;
}

static void *is_another_thread(void *process)
{
    long failed = owns_what_it_locks();
    if (!failed && (getpid() != *(pid_t *)process || kernel_tid() == getpid()))
        failed = 20;
    if (!failed && pthread_kill(pthread_self(), 0))
        failed = 21;
    return (void *)failed;
}

static int has_threads(void)
{
    enum { MANY = 4 };
    pthread_t threads[MANY];
    pid_t pid = getpid();
    void *failed;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MANY; i++)
            NEED(1, pthread_create(&threads[i], NULL, is_another_thread, &pid) == 0);
        for (int i = 0; i < MANY; i++) {
            NEED(2, pthread_join(threads[i], &failed) == 0);
            NEED((int)(intptr_t)failed, failed == NULL);
        }
    }
    return owns_what_it_locks();
}

static void *waits_for_cancellation(void *started)
{
    pthread_barrier_wait(started);
    while (pause() < 0)
        continue;
    return started;
}

static int cancels_a_thread(void)
{
    pthread_t thread;
    pthread_barrier_t started;
    void *result;
    pthread_barrier_init(&started, NULL, 2);
    NEED(1, pthread_create(&thread, NULL, waits_for_cancellation, &started) == 0);
    pthread_barrier_wait(&started);
    NEED(2, pthread_cancel(thread) == 0);
    NEED(3, pthread_join(thread, &result) == 0);
    NEED(4, result == PTHREAD_CANCELED);
    return 0;
}

/* The last thread's exit is the process's, with status 0. */
static int exits_as_a_thread(void)
{
    pthread_exit((void *)&signals);
}

static void *exits_late(void *main_thread)
{
    pthread_join(*(pthread_t *)main_thread, NULL);
    return main_thread;
}

static int exits_thread_by_thread(void)
{
    static pthread_t thread;
    NEED(1, pthread_create(&thread, NULL, exits_late, &maker_thread) == 0);
    pthread_exit(NULL);
}

/* Both libcs change ids by a signal to every thread they know of. */
static int changes_ids(void)
{
    NEED(1, setuid(getuid()) == 0);
    NEED(2, setgid(getgid()) == 0);
    NEED(3, setreuid((uid_t)-1, geteuid()) == 0);
    return 0;
}

static void *changes_ids_for_all(void *started)
{
    pthread_barrier_wait(started);
    return (void *)(long)changes_ids();
}

static int changes_ids_with_threads(void)
{
    pthread_t waiting, changing;
    pthread_barrier_t started;
    void *failed;
    pthread_barrier_init(&started, NULL, 3);
    NEED(1, pthread_create(&waiting, NULL, waits_for_cancellation, &started) == 0);
    NEED(2, pthread_create(&changing, NULL, changes_ids_for_all, &started) == 0);
    pthread_barrier_wait(&started);
    NEED(3, pthread_join(changing, &failed) == 0);
    NEED(4, failed == NULL);
    NEED(5, changes_ids() == 0);
    NEED(6, pthread_cancel(waiting) == 0);
    NEED(7, pthread_join(waiting, NULL) == 0);
    return 0;
}

static int last_check(void *unused)
{
    (void)unused;
    return is_one_thread() + owns_what_it_locks();
}

static int has_children(void)
{
    for EACH_MAKER(maker)
        NEED((int)(1 + (maker - makers)), status_of(maker->make(last_check, NULL)) == 0);
    return 0;
}

static struct check checks[] = {
    { "is one thread, the one that made it", 0, nothing_before, is_one_thread, nothing_after },
    { "owns the mutexes it locks", 0, nothing_before, owns_what_it_locks, nothing_after },
    { "leaves a robust mutex to its parent", 0, make_robust, dies_with_robust, inherits_robust },
    { "signals itself", 0, expect_signals, signals_itself, was_not_signalled },
    { "has threads", 0, nothing_before, has_threads, nothing_after },
    { "cancels a thread", 0, nothing_before, cancels_a_thread, nothing_after },
    { "ends by pthread_exit", 0, nothing_before, exits_as_a_thread, nothing_after },
    { "ends by pthread_exit, one thread after the other", 0, nothing_before,
      exits_thread_by_thread, nothing_after },
    { "lets its first thread be joined", 0, nothing_before, lets_main_be_joined, nothing_after },
    { "changes its ids", 0, nothing_before, changes_ids, nothing_after },
    { "changes the ids of its threads", 0, nothing_before, changes_ids_with_threads,
      nothing_after },
    { "has children", 0, nothing_before, has_children, nothing_after },
};

static void *run(void *where)
{
    maker_thread = pthread_self();
    run_checks(checks, sizeof checks / sizeof *checks, where);
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    pthread_barrier_t started;
    begin_group(100);
    if (no_threads()) {
        skip("the C library in children made beside threads and from a thread", no_threads());
        return done();
    }
    shared = shared_memory(2 * sizeof *shared);
    if (emulated())
        checks[2].without = "qemu-user has no robust lists";
    pthread_barrier_init(&started, NULL, 3);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, waits_for_cancellation, &started);
    pthread_barrier_wait(&started);
    run("beside threads, a child by ");
    pthread_t thread;
    pthread_create(&thread, NULL, run, "from a thread, a child by ");
    pthread_join(thread, NULL);
    return done();
}
