/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A thread of clone3_pthread_create() is a pthread: the C library knows it, joins,
 * cancels, unwinds it and cleans up after it as after one of pthread_create().
 *
 * cflags: -fexceptions
 */
#define _GNU_SOURCE
#include "pthreads.h"

static struct clone3_pthread_extra extra = {
    .size = sizeof extra,
    .set = CLONE3_PTHREAD_NAME | CLONE3_PTHREAD_UNSHARE_FS,
    .name = "true",
};
static int pidfd = -1;
static int with_pidfd;

/* A name that says which of the two kinds of thread it is about. */
#define ABOUT(text) named("clone3_pthread_create()%s: " text, with_pidfd ? " with a pidfd" : "")

static int create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *argument)
{
    struct clone3_pthread_extra own = extra;
    if (with_pidfd)
        own.set |= CLONE3_PTHREAD_PIDFD, own.pidfd = &pidfd;
    int error = clone3_pthread_create(thread, attr, &own, start, argument);
    if (!error && with_pidfd)
        close(pidfd);
    return error;
}

static pthread_t seen;
static void *same(void *argument)
{
    seen = pthread_self();
    return argument;
}

static void join(void)
{
    pthread_t thread;
    void *result = NULL;
    is(create(&thread, NULL, same, &seen), 0, ABOUT("the thread is created"));
    is(pthread_join(thread, &result), 0, ABOUT("the thread is joined"));
    ok(result == &seen, "%s", ABOUT("the join returns the thread's value"));
    ok(pthread_equal(seen, thread), "%s", ABOUT("pthread_self() is the id that the creator has"));
}

static void *exits(void *argument)
{
    pthread_exit(argument);
}

static void exit_value(void)
{
    pthread_t thread;
    void *result = NULL;
    create(&thread, NULL, exits, &seen);
    ok(pthread_join(thread, &result) == 0 && result == &seen, "%s", ABOUT("pthread_exit() ends the thread with a value"));
}

static volatile int prepared, cleaned, unwound, destroyed;
static void clean(void *argument) { cleaned += argument == &seen; }
static void unwind(int *number) { unwound += *number; }
static void destroy(void *value) { destroyed += value == &seen; }
static pthread_key_t key;

static void *is_cancelled(void *argument)
{
#ifdef __GLIBC__
    __attribute__((cleanup(unwind)))
#endif
    int number = 1;
    unwind(&(int){ 0 });
    pthread_setspecific(key, argument);
    pthread_cleanup_push(clean, argument);
    prepared = 1;
    for (;;)
        sleep((unsigned)number);
    pthread_cleanup_pop(0);
    return NULL;
}

static void cancel(void)
{
    pthread_t thread;
    void *result = NULL;
    prepared = cleaned = unwound = destroyed = 0;
    pthread_key_create(&key, destroy);
    create(&thread, NULL, is_cancelled, &seen);
    while (!prepared)
        pause_ms(1);
    is(pthread_cancel(thread), 0, ABOUT("the thread can be cancelled"));
    is(pthread_join(thread, &result), 0, ABOUT("the cancelled thread is joined"));
    ok(result == PTHREAD_CANCELED, "%s", ABOUT("the join of the cancelled thread returns PTHREAD_CANCELED"));
    is(cleaned, 1, ABOUT("the cancelled thread's cleanup handler ran"));
    is(destroyed, 1, ABOUT("the cancelled thread's key destructor ran"));
#ifdef __GLIBC__
    is(unwound, 1, ABOUT("the cancelled thread's frames were unwound"));
#endif
    pthread_key_delete(key);
}

static void *stack_of_self(void *place)
{
    pthread_attr_t attr;
    void *base = NULL;
    size_t size = 0, guard = 0;
    if (pthread_getattr_np(pthread_self(), &attr) != 0)
        return NULL;
    pthread_attr_getstack(&attr, &base, &size);
    pthread_attr_getguardsize(&attr, &guard);
    pthread_attr_destroy(&attr);
    int here = (char *)&attr > (char *)base && (char *)&attr < (char *)base + size;
    return here && size >= 300 << 10 && size < 600 << 10 && guard >= 4096 ? place : NULL;
}

static void attributes(void)
{
    pthread_t thread;
    pthread_attr_t attr;
    void *result = NULL;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 320 << 10);
    is(create(&thread, &attr, stack_of_self, &seen), 0, ABOUT("a thread with attributes is created"));
    ok(pthread_join(thread, &result) == 0 && result == &seen, "%s", ABOUT("pthread_getattr_np() knows the thread's stack"));
    pthread_attr_destroy(&attr);
}

static void *waits(void *go)
{
    while (!*(volatile int *)go)
        pause_ms(1);
    return NULL;
}

static void detach(void)
{
    pthread_t thread;
    static volatile int go;
    go = 0;
    create(&thread, NULL, waits, (void *)&go);
    is(pthread_detach(thread), 0, ABOUT("the thread can be detached"));
    go = 1;
    ok(alone(), "%s", ABOUT("the detached thread ends by itself"));
}

static void *locks(void *mutex)
{
    if (pthread_mutex_lock(mutex) != 0 || pthread_mutex_lock(mutex) != EDEADLK)
        return NULL;
    return pthread_mutex_unlock(mutex) == 0 && pthread_mutex_unlock(mutex) == EPERM ? mutex : NULL;
}

static __thread int own = 5;
static void *owns(void *argument)
{
    errno = 44;
    return own == 5 && (own = 6) ? argument : NULL;
}

static void libc_state(void)
{
    pthread_t thread;
    pthread_mutexattr_t kind;
    pthread_mutex_t mutex;
    void *result = NULL;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&mutex, &kind);
    create(&thread, NULL, locks, &mutex);
    ok(pthread_join(thread, &result) == 0 && result == &mutex, "%s", ABOUT("the thread owns the mutex it locks"));
    errno = 3;
    create(&thread, NULL, owns, &seen);
    ok(pthread_join(thread, &result) == 0 && result == &seen, "%s", ABOUT("the thread has thread-local storage"));
    ok(own == 5 && errno == 3, "%s", ABOUT("the thread's storage and errno are its own"));
}

/* Deferred cancellation of the creator waits until there is a thread; signals
 * do not disturb the two. */
static volatile int interrupts;
static void interrupt(int signal) { (void)signal, interrupts++; }

static volatile int created;
static pthread_t created_thread;
static void *creates(void *argument)
{
    pthread_cancel(pthread_self());
    created = clone3_pthread_create(&created_thread, NULL, &extra, same, argument) == 0;
    pthread_testcancel();
    return argument;
}

/* Undoing a thread means to join it, which is a cancellation point. */
static void *creates_none(void *argument)
{
    struct clone3_pthread_extra bad = extra;
    pthread_t thread;
    bad.set |= CLONE3_PTHREAD_CGROUP, bad.cgroup = -1;
    pthread_cancel(pthread_self());
    for (int i = 0; i < 20; i++)
        created += clone3_pthread_create(&thread, NULL, &bad, same, argument) == EBADF;
    pthread_testcancel();
    return argument;
}

static volatile int stopped;
static void *creates_on(void *failed)
{
    int old;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    if (old != PTHREAD_CANCEL_ENABLE)
        *(int *)failed += 1;
    for (int i = 0; i < repeats(500); i++) {
        pthread_t thread;
        void *result = NULL;
        if (create(&thread, NULL, same, &result) != 0 || pthread_join(thread, &result) != 0 || result != &result)
            *(int *)failed += 1;
    }
    stopped = 1;
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
    if (old != PTHREAD_CANCEL_DISABLE)
        *(int *)failed += 1;
    return NULL;
}

static void disturbed(void)
{
    pthread_t thread;
    void *result = NULL;
    int failed = 0;
    created = 0;
    pthread_create(&thread, NULL, creates, &seen);
    pthread_join(thread, &result);
    ok(created && result == PTHREAD_CANCELED, "%s", ABOUT("a cancelled creator makes a thread and is then cancelled"));
    ok(pthread_join(created_thread, &result) == 0 && result == &seen, "%s", ABOUT("the thread of a cancelled creator runs to its end"));
    created = 0;
    pthread_create(&thread, NULL, creates_none, &seen);
    pthread_join(thread, &result);
    ok(created == 20 && result == PTHREAD_CANCELED, "%s", ABOUT("a cancelled creator whose threads are refused is cancelled afterwards"));
    struct sigaction action = { .sa_handler = interrupt };
    sigaction(SIGUSR1, &action, NULL);
    stopped = 0;
    pthread_create(&thread, NULL, creates_on, &failed);
    while (!stopped && pthread_kill(thread, SIGUSR1) == 0)
        pause_ms(0);
    pthread_join(thread, NULL);
    is(failed, 0, ABOUT("threads are created while signals come all the time"));
    ok(interrupts > 0, "%s", ABOUT("signal handlers ran while threads were created"));
}

int main(void)
{
    begin(60);
    if (no_threads()) {
        skip("threads of clone3_pthread_create() are pthreads to the libc", no_threads());
        return done();
    }
    alone();
    for (with_pidfd = 0; with_pidfd <= (no_thread_pidfd() == 0); with_pidfd++) {
        join();
        exit_value();
        cancel();
        attributes();
        detach();
        libc_state();
        disturbed();
    }
    return done();
}
