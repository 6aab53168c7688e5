/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* modes: preload shared
 *
 * Threads that open, read and close streams at once: no command inherits an end of
 * another one's pipe, and nothing is leaked. And what system() changed in the process
 * for a thread is restored in a fork child, where that thread does not exist.
 */
#define _GNU_SOURCE
#include "makers.h"
#include <fcntl.h>
#include <pthread.h>

enum { THREADS = 4 };

/* A command that ends with the number of pipes it has. */
#define COUNT_PIPES "n=0; for f in /proc/self/fd/*; do [ -p $f ] && n=$((n+1)); done; exit $n"

struct worker {
    pthread_t thread;
    int count, wrong, alone;
};

/* Commands that read and commands that write, each with a stream that is open beside it. */
static void *work(void *argument)
{
    struct worker *worker = argument;
    for (int i = 0; i < worker->count; i++) {
        FILE *beside = popen("read -r a; exit 1", "w"), *stream = popen(COUNT_PIPES, "r");
        int status = stream ? pclose(stream) : -1;
        worker->wrong += status != worker->alone;
        worker->wrong += !beside || fputs("x\n", beside) < 0 || pclose(beside) != 1 << 8;
    }
    return NULL;
}

static int count_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 300; fd++)
        count += fcntl(fd, F_GETFD) != -1;
    return count;
}

static void at_once(void)
{
    struct worker workers[THREADS] = { 0 };
    int wrong = 0, before = count_descriptors();
    FILE *stream = popen(COUNT_PIPES, "r");
    int alone = pclose(stream);
    ok(WIFEXITED(alone) && WEXITSTATUS(alone) > 0, "a command of popen() has its own pipe");
    for (int i = 0; i < THREADS; i++) {
        workers[i].count = repeats(40);
        workers[i].alone = alone;
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
            abort();
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        wrong += workers[i].wrong;
    }
    is(wrong, 0, "no command of four threads has an end of another one's pipe, and all statuses are right");
    is(count_descriptors(), before, "threads that open and close streams leave no descriptor");
    ok(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "threads that open and close streams leave no child");
}

static void interrupted(int signal) { (void)signal; }

static void *in_system(void *unused)
{
    system("exec sleep 1");
    return unused;
}

static int handles_it(int number, void (*handler)(int))
{
    struct sigaction now;
    return sigaction(number, NULL, &now) == 0 && now.sa_handler == handler;
}

static void system_in_child(void)
{
    pthread_t thread;
    signal(SIGINT, interrupted);
    signal(SIGQUIT, SIG_DFL);
    if (pthread_create(&thread, NULL, in_system, NULL))
        abort();
    for (int i = 0; i < 500 && !handles_it(SIGINT, SIG_IGN); i++)
        usleep(1000);
    usleep(10000); /* SIGQUIT is ignored next */
    pid_t pid = fork();
    if (pid == 0) {
        alarm(scaled(20));
        int began = handles_it(SIGINT, SIG_IGN);
        int status = system("kill -INT $$; exit 0");
        int killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGINT;
        _exit(!began ? 1 : !killed ? 2 : !handles_it(SIGINT, interrupted) ? 3 : !handles_it(SIGQUIT, SIG_DFL) ? 4 : 0);
    }
    is(status_of(pid), 0, "system() in a fork child puts back what its parent's system() had changed");
    pid = fork();
    if (pid == 0) {
        alarm(scaled(20));
        signal(SIGINT, SIG_DFL); /* the child's own choice counts */
        system("exit 0");
        _exit(!handles_it(SIGINT, SIG_DFL));
    }
    is(status_of(pid), 0, "system() in a fork child puts back what the child has chosen itself");
    pthread_join(thread, NULL);
    ok(handles_it(SIGINT, interrupted) && handles_it(SIGQUIT, SIG_DFL), "the parent has its handlers back when its system() ends");
}

int main(void)
{
    begin(90);
    if (no_threads() || emulated()) {
        skip("threads that open and close streams, and fork children beside system()", emulated() ? "children get stuck in locks of qemu-user's own" : no_threads());
        return done();
    }
    at_once();
    system_in_child();
    return done();
}
