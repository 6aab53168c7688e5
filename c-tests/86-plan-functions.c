/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Functions in a child of clone3_spawn(): one before the program, one instead of it;
 * and the parent-death signal.
 * modes: preload shared static api api-static
 */
#define _GNU_SOURCE
#include "filter.h"
#include "libc.h"
#include "planning.h"

struct seen { pid_t pid, parent; uint64_t mask; int calls, fail; };

static int looks(void *seen)
{
    struct seen *at = seen;
    at->calls++;
    at->pid = (pid_t)raw(SYS_getpid);
    at->parent = (pid_t)raw(SYS_getppid);
    at->mask = raw_mask();
    return at->fail;
}

static void callbacks(void)
{
    struct seen *seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    clone3_spawn_t plan = new_plan();
    char *argv[] = { "sh", "-c", "exit 7", NULL };
    pid_t pid;
    is(clone3_spawn_set_callback(&plan, looks, seen), 0, "clone3_spawn_set_callback() succeeds");
    is(spawn_plan(&pid, "/bin/sh", &plan, argv), 0, "a plan with set_callback makes a child");
    is(status_of(pid), 7, "the child of a plan with set_callback runs its program");
    ok(seen->calls == 1 && seen->pid == pid && seen->parent == getpid(), "the callback of a plan runs once, in the child");
    ok(seen->mask == ~0ull - (1ull << (SIGKILL - 1)) - (1ull << (SIGSTOP - 1)) || emulated(), "the callback of a plan runs with all signals blocked");
    seen->fail = 123;
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_CALLBACK, 0, 123, "a plan with a callback that fails");
    ok(strstr(plan_error(), "callback: ") != NULL, "the error of a callback names it");
    munmap(seen, 4096);
}

static int changes = 1;

static int ends_with_8(void *argument)
{
    pthread_mutex_t mutex;
    pthread_mutexattr_t kind;
    int words[sizeof mutex / sizeof(int)], tid = (int)raw(SYS_gettid), mine = 0;
    if (argument != &changes || changes != 1)
        return 1;
    changes = 2;
    memset(&mutex, 0, sizeof mutex);
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&mutex, &kind);
    pthread_mutex_lock(&mutex);
    memcpy(words, &mutex, sizeof words);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        mine |= words[i] == tid;
    if (!mine && libc_keeps_thread_id())
        return 2;
    free(malloc(100000));
    return raw_mask() & 1ull << (SIGUSR1 - 1) ? 3 : 8;
}

static int makes_threads(void *thread)
{
    pthread_t id;
    return pthread_create(&id, NULL, (void *(*)(void *))thread, NULL) || pthread_join(id, NULL) ? 1 : 8;
}

static void *a_thread(void *unused) { return unused; }

static struct sock_filter nothing_but_exit[] = {
    FILTER_LOAD(offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
    FILTER_ALLOW,
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL),
};

static int ends_with_9(void *unused) { (void)unused; return 9; }

static int dies(void *unused) { (void)unused; raw(SYS_kill, raw(SYS_getpid), SIGKILL); return 0; }

static void functions(void)
{
    clone3_spawn_t plan = new_plan();
    pid_t pid;
    is(clone3_spawn_set_function(&plan, ends_with_8, &changes), 0, "clone3_spawn_set_function() succeeds");
    is(spawn_plan(&pid, NULL, &plan, NULL), 0, "a plan with set_function makes a child");
    is(status_of(pid), 8, "the function of a plan has a consistent C library");
    is(changes, 1, "the function of a plan has a copy of the caller's memory");
    clone3_spawn_set_function(&plan, makes_threads, (void *)a_thread);
    if (no_threads())
        skip("the function of a plan makes threads and joins them", no_threads());
    else {
        is(spawn_plan(&pid, NULL, &plan, NULL), 0, "a plan with a function that makes threads makes a child");
        is(status_of(pid), 8, "the function of a plan makes threads and joins them");
    }
    clone3_spawn_set_directory(&plan, "/nowhere");
    fails_at(&plan, NULL, CLONE3_SPAWN_STAGE_DIRECTORY, 0, ENOENT, "a plan with a function and a directory that does not exist");
    clone3_spawn_set_directory(&plan, "/");
    clone3_spawn_set_callback(&plan, dies, NULL);
    is(spawn_plan(&pid, NULL, &plan, NULL), 0, "a plan with a function whose child is killed in a step is there to be waited for");
    is(status_of(pid), 128 + SIGKILL, "the child of a plan with a function that was killed in a step has that status");
    clone3_spawn_set_callback(&plan, NULL, NULL);
    if (emulated()) {
        skip("functions of a plan behind a filter and in a user namespace", "neither is there under qemu-user");
        return;
    }
    const struct sock_fprog program = { 4, nothing_but_exit };
    clone3_spawn_set_no_new_privs(&plan, 1);
    clone3_spawn_set_seccomp(&plan, &program, 0);
    clone3_spawn_set_function(&plan, ends_with_9, NULL);
    is(spawn_plan(&pid, NULL, &plan, NULL), 0, "a plan with a function and a filter that allows exit_group only makes a child");
    is(status_of(pid), 9, "the function of a plan behind a filter that allows exit_group only ends as it should");
    if (geteuid() != 0 || filtered("docker-new") || filtered("docker-old")) {
        skip("functions of a plan in a user namespace", "only root may, and not behind this filter");
        return;
    }
    plan = new_plan();
    const struct clone3_spawn_id_range map[] = { { 7, 0, 1 } };
    clone3_spawn_add_flags(&plan, CLONE_NEWUSER);
    clone3_spawn_set_uid_map(&plan, map, 1);
    clone3_spawn_set_function(&plan, (int (*)(void *))(void *)getuid, NULL);
    is(spawn_plan(&pid, NULL, &plan, NULL), 0, "a plan with a function in a new user namespace makes a child");
    is(status_of(pid), 7, "the function of a plan in a new user namespace has its mapped user id");
}

/* The middle process ends; what becomes of its child? */
struct orphan { volatile pid_t pid; };

static void *kills(void *unused)
{
    usleep(30000);
    raw(SYS_kill, raw(SYS_getpid), SIGKILL);
    return unused;
}

static char fifo[64];

/* With `late`, it is killed while its child waits in a step before the signal is
 * set. */
static pid_t middle(uint64_t flags, int late, struct orphan *orphan)
{
    pid_t pid = fork();
    if (pid == 0) {
        clone3_spawn_t plan = new_plan();
        char *argv[] = { "sh", "-c", "while :; do sleep 1; done", NULL };
        posix_spawn_file_actions_t actions;
        pthread_t thread;
        clone3_spawn_add_flags(&plan, flags);
        clone3_spawn_set_pdeath_signal(&plan, flags ? SIGKILL : SIGTERM);
        if (geteuid() == 0 && !flags) {
            clone3_spawn_set_gid(&plan, 4242);
            clone3_spawn_set_uid(&plan, 4242);
        }
        if (late) {
            posix_spawn_file_actions_init(&actions);
            posix_spawn_file_actions_addopen(&actions, 9, fifo, O_RDONLY, 0);
            clone3_spawn_set_file_actions(&plan, &actions);
            if (pthread_create(&thread, NULL, kills, NULL))
                _exit(3);
        }
        pid_t child = 0;
        int error = spawn_plan(&child, "/bin/sh", &plan, argv);
        orphan->pid = child;
        _exit(error ? 4 : 0);
    }
    return pid;
}

static void death(void)
{
    struct orphan *orphan = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    clone3_spawn_t plan = new_plan();
    is(clone3_spawn_set_pdeath_signal(&plan, SIGTERM), 0, "clone3_spawn_set_pdeath_signal() succeeds");
    says(&plan, "echo alive", "alive", "the child of a plan with set_pdeath_signal runs while its parent lives");
    if (emulated() || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)) {
        skip("set_pdeath_signal where the parent ends", "no orphans to wait for");
        return;
    }
    snprintf(fifo, sizeof fifo, "/tmp/clone3-fifo-%d", getpid());
    mkfifo(fifo, 0600);
    is(status_of(middle(0, 0, orphan)), 0, "a parent ends after a spawn with set_pdeath_signal");
    is(status_of(orphan->pid), 128 + SIGTERM, "a child with other ids gets the signal of set_pdeath_signal when its parent ends");
    if (no_threads())
        skip("a child gets the signal of set_pdeath_signal when its parent is killed in the spawn", no_threads());
    else {
        is(status_of(middle(0, 1, orphan)), 128 + SIGKILL, "a parent is killed in a spawn with set_pdeath_signal");
        int status = 0;
        close(open(fifo, O_WRONLY));
        ok(wait(&status) > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "a child gets the signal of set_pdeath_signal when its parent is killed in the spawn");
    }
    if (geteuid() == 0 && !no_threads() && !filtered("docker-new") && !filtered("docker-old")) {
        is(status_of(middle(CLONE_NEWPID, 0, orphan)), 0, "a parent ends after a spawn with set_pdeath_signal into a new pid namespace");
        is(status_of(orphan->pid), 128 + SIGKILL, "process 1 of a new pid namespace gets SIGKILL by set_pdeath_signal when its parent ends");
        is(status_of(middle(CLONE_NEWPID, 1, orphan)), 128 + SIGKILL, "a parent is killed in a spawn with set_pdeath_signal into a new pid namespace");
        int status = 0;
        close(open(fifo, O_WRONLY));
        /* It cannot kill itself, and ends. */
        ok(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 127, "process 1 of a new pid namespace ends when its parent is killed in the spawn");
    }
    unlink(fifo);
    prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
    while (wait(NULL) > 0)
        ;
}

int main(void)
{
    begin(60);
    callbacks();
    functions();
    death();
    return done();
}
