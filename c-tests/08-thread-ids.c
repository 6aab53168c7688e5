/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What was found for a thread does not affect a later thread with the same id: after a
 * thread whose filter refuses clone3 has ended, the next one with its id gets the
 * kernel's answer. Threads with filters of their own get theirs, each by one question.
 */
#define _GNU_SOURCE
#include "flags.h"
#include "filter.h"
#include <fcntl.h>
#include <pthread.h>

static pid_t filtered_id, reused_id;
static int in_filtered[2], in_another, in_reused;

/* 0 or the errno of what only clone3(2) can say. */
static int ask(void)
{
    struct clone_args args = { .flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD };
    pid_t pid = clone3(&args, sizeof args);
    int error = errno;
    if (pid == 0)
        raw_exit(0);
    if (pid < 0)
        return error;
    status_of(pid);
    return 0;
}

static void *ask_filtered(void *kind)
{
    filtered_id = (pid_t)raw(SYS_gettid);
    if (install_filter(kind))
        return NULL;
    for (int i = 0; i < 2; i++)
        in_filtered[i] = ask();
    return kind;
}

static void *ask_plainly(void *unused)
{
    in_another = ask();
    return unused;
}

static void *ask_with_that_id(void *unused)
{
    reused_id = (pid_t)raw(SYS_gettid);
    if (reused_id == filtered_id)
        in_reused = ask();
    return unused;
}

static void in_thread(void *(*start)(void *), const void *argument)
{
    pthread_t thread;
    pthread_create(&thread, NULL, start, (void *)argument);
    pthread_join(thread, NULL);
}

/* The next id that the kernel gives; 0 where it may not be chosen. */
static int choose_id(pid_t id)
{
    char text[20];
    int file = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
    int length = snprintf(text, sizeof text, "%d", id - 1);
    int good = file >= 0 && write(file, text, (size_t)length) == length;
    close(file);
    return good;
}

static void after(const struct filter_kind *kind)
{
    in_thread(ask_filtered, kind);
    is(in_filtered[0], kind->clone3, named("a thread behind the filter %s gets the filter's errno", kind->name));
    is(in_filtered[1], kind->clone3, named("a thread behind the filter %s gets the filter's errno again", kind->name));
    in_thread(ask_plainly, NULL);
    is(in_another, 0, named("beside a thread that was behind the filter %s, another gets the kernel's answer", kind->name));
    for (int i = 0; i < 200 && reused_id != filtered_id; i++) {
        if (!choose_id(filtered_id)) {
            skip(named("a thread with the id of one that was behind the filter %s", kind->name), "ids cannot be chosen here");
            return;
        }
        in_thread(ask_with_that_id, NULL);
    }
    if (reused_id != filtered_id)
        skip(named("a thread with the id of one that was behind the filter %s", kind->name), "others take the ids that were chosen");
    else
        is(in_reused, 0, named("a thread with the id of one that was behind the filter %s gets the kernel's answer", kind->name));
}

int main(void)
{
    begin(60);
    if (no_threads() || !native() || emulated()) {
        skip("threads with filters of their own", "clone3 is out of reach for all");
        return done();
    }
    struct clone3_features features = { .size = sizeof features };
    if (clone3_probe(&features) != 0 || !(features.known & CLONE_CLEAR_SIGHAND)) {
        skip("threads with filters of their own", "the flag is of Linux 5.5");
        return done();
    }
    for EACH_FILTER(kind)
        if (!kind->large_only)
            after(kind);
    return done();
}
