/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* build-runner JOBS < COMMANDS: runs the lines of its input as shell commands, at
 * most JOBS at a time, and waits for them through epoll on their pidfds. Stops
 * starting at the first that fails; its status is the runner's. */
#define _GNU_SOURCE
#include <clone3.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

struct job { int pidfd; pid_t pid; char *command; };

static int epoll, running, failed;

static void start(char *command)
{
    const int files[] = { -1, 1, 2 }; /* no input, so that none eats the list */
    char *argv[] = { "sh", "-c", command, NULL }, reason[256];
    struct clone3_spawn_error error = { .size = sizeof error };
    struct job *job = malloc(sizeof *job);
    clone3_spawn_t plan;
    clone3_spawn_init(&plan, sizeof plan);
    clone3_spawn_set_fds(&plan, files, 3);
    clone3_spawn_set_process_group(&plan, 0);
    clone3_spawn_set_pidfd(&plan, &job->pidfd);
    if (clone3_spawn(&job->pid, "/bin/sh", &plan, argv, NULL, &error)) {
        fprintf(stderr, "%s: %s\n", command, clone3_spawn_strerror(&error, reason, sizeof reason));
        free(job);
        failed = failed ? failed : 125;
        return;
    }
    job->command = strdup(command);
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = job };
    epoll_ctl(epoll, EPOLL_CTL_ADD, job->pidfd, &event);
    running++;
}

static void finish_one(void)
{
    struct epoll_event event;
    int status;
    while (epoll_wait(epoll, &event, 1, -1) < 0 && errno == EINTR)
        ;
    struct job *job = event.data.ptr;
    waitpid(job->pid, &status, 0);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    printf("[%d] %s\n", code, job->command);
    failed = failed ? failed : code;
    /* A sibling may hold a copy for a moment: take it out by name. */
    epoll_ctl(epoll, EPOLL_CTL_DEL, job->pidfd, NULL);
    close(job->pidfd);
    free(job->command);
    free(job);
    running--;
}

int main(int argc, char **argv)
{
    int most = argc > 1 ? atoi(argv[1]) : 2;
    char line[4096];
    epoll = epoll_create1(EPOLL_CLOEXEC);
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (!failed && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        if (!line[0])
            continue;
        while (running >= most)
            finish_one();
        if (!failed)
            start(line);
    }
    while (running)
        finish_one();
    return failed;
}
