/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* spawn-worker RSS_MIB THREADS [CGROUP OWN_CGROUP]: spawns and waits, as told on stdin by lines
 * "WAY PATH COUNT", and answers with nanoseconds per spawn and wait: the median of one
 * thread's, or what COUNT took in all, divided, when several spawn at once.
 *
 * Built without the library, once for each libc; what is ours comes by the preload. The
 * children's environment is not the worker's, so that they have no preload. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/mman.h>

#include "clone3.h"
#include "floor.h"

static char *const argv_of_child[] = { "child", NULL };
static char *const envp_of_child[] = { "PATH=/usr/bin:/bin", NULL };
static int cgroup_dir = -1, cgroup_procs = -1;

/* Calls that not every libc has, nor every preload. */
static int (*has_pidfd_spawn)(int *, const char *, const posix_spawn_file_actions_t *,
                              const posix_spawnattr_t *, char *const[], char *const[]);
static int (*has_setcgroup)(posix_spawnattr_t *, int);
static __typeof__(clone3_spawn) *has_clone3_spawn;
static __typeof__(clone3_spawn_init) *has_spawn_init;
static __typeof__(clone3_spawn_set_cgroup) *has_spawn_cgroup;
#define SETCGROUP 0x100 /* POSIX_SPAWN_SETCGROUP of glibc 2.39 */

static void find_calls(void)
{
    *(void **)&has_pidfd_spawn = dlsym(RTLD_DEFAULT, "pidfd_spawn");
    *(void **)&has_setcgroup = dlsym(RTLD_DEFAULT, "posix_spawnattr_setcgroup_np");
    *(void **)&has_clone3_spawn = dlsym(RTLD_DEFAULT, "clone3_spawn");
    *(void **)&has_spawn_init = dlsym(RTLD_DEFAULT, "clone3_spawn_init");
    *(void **)&has_spawn_cgroup = dlsym(RTLD_DEFAULT, "clone3_spawn_set_cgroup");
}

static int wait_for(pid_t pid)
{
    int status;
    if (waitpid(pid, &status, 0) != pid)
        return errno;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : ECHILD;
}

/* Each way spawns path, waits for it and returns an error number. */

static int way_posix_spawn(const char *path)
{
    pid_t pid;
    int error = posix_spawn(&pid, path, NULL, NULL, argv_of_child, envp_of_child);
    return error ? error : wait_for(pid);
}

static int way_pidfd_spawn(const char *path)
{
    int pidfd;
    siginfo_t info = { 0 };
    if (!has_pidfd_spawn)
        return ENOSYS;
    int error = has_pidfd_spawn(&pidfd, path, NULL, NULL, argv_of_child, envp_of_child);
    if (error)
        return error;
    error = waitid(P_PIDFD, pidfd, &info, WEXITED) == 0 ? 0 : errno;
    close(pidfd);
    return error ? error : info.si_code == CLD_EXITED && info.si_status == 0 ? 0 : ECHILD;
}

static int spawn_by_plan(const char *path, int cgroup)
{
    pid_t pid;
    clone3_spawn_t plan;
    struct clone3_spawn_error why = { .size = sizeof why };
    if (!has_clone3_spawn)
        return ENOSYS;
    has_spawn_init(&plan, sizeof plan);
    if (cgroup >= 0)
        has_spawn_cgroup(&plan, cgroup);
    int error = has_clone3_spawn(&pid, path, &plan, argv_of_child, envp_of_child, &why);
    return error ? error : wait_for(pid);
}

static int way_clone3_spawn(const char *path) { return spawn_by_plan(path, -1); }

static int way_vfork(const char *path)
{
    pid_t pid = vfork();
    if (pid == 0) {
        execve(path, argv_of_child, envp_of_child);
        _exit(127);
    }
    return pid == -1 ? errno : wait_for(pid);
}

static int way_fork(const char *path)
{
    pid_t pid = fork();
    if (pid == 0) {
        execve(path, argv_of_child, envp_of_child);
        _exit(127);
    }
    return pid == -1 ? errno : wait_for(pid);
}

static int way_floor(const char *path)
{
    long pid = floor_spawn(path, argv_of_child, envp_of_child, -1);
    return pid < 0 ? -pid : wait_for(pid);
}

/* The same into a cgroup. */

static int way_cgroup_posix_spawn(const char *path)
{
    pid_t pid;
    posix_spawnattr_t attributes;
    if (!has_setcgroup)
        return ENOSYS;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, SETCGROUP);
    has_setcgroup(&attributes, cgroup_dir);
    int error = posix_spawn(&pid, path, NULL, &attributes, argv_of_child, envp_of_child);
    posix_spawnattr_destroy(&attributes);
    return error ? error : wait_for(pid);
}

static int way_cgroup_clone3_spawn(const char *path) { return spawn_by_plan(path, cgroup_dir); }

static int way_cgroup_vfork(const char *path)
{
    pid_t pid = vfork();
    if (pid == 0) {
        if (write(cgroup_procs, "0", 1) == 1)
            execve(path, argv_of_child, envp_of_child);
        _exit(127);
    }
    return pid == -1 ? errno : wait_for(pid);
}

static int way_cgroup_fork(const char *path)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (write(cgroup_procs, "0", 1) == 1)
            execve(path, argv_of_child, envp_of_child);
        _exit(127);
    }
    return pid == -1 ? errno : wait_for(pid);
}

static int way_cgroup_floor(const char *path)
{
    long pid = floor_spawn(path, argv_of_child, envp_of_child, cgroup_dir);
    return pid < 0 ? -pid : wait_for(pid);
}

static const struct way {
    const char *name;
    int (*run)(const char *path);
} ways[] = {
    { "posix_spawn", way_posix_spawn },
    { "pidfd_spawn", way_pidfd_spawn },
    { "clone3_spawn", way_clone3_spawn },
    { "vfork", way_vfork },
    { "fork", way_fork },
    { "floor", way_floor },
    { "cgroup-posix_spawn", way_cgroup_posix_spawn },
    { "cgroup-clone3_spawn", way_cgroup_clone3_spawn },
    { "cgroup-vfork", way_cgroup_vfork },
    { "cgroup-fork", way_cgroup_fork },
    { "cgroup-floor", way_cgroup_floor },
};

/* ---- one thread ---- */

static double taken[4096];

static int run_alone(const struct way *way, const char *path, long count, double *ns)
{
    for (long n = -warm_up(count); n < count; n++) {
        double start = now_ns();
        int error = way->run(path);
        if (error)
            return error;
        if (n >= 0)
            taken[n] = now_ns() - start;
    }
    *ns = median(taken, count);
    return 0;
}

/* ---- several, which wait between two commands ---- */

static pthread_barrier_t barrier;
static struct { const struct way *way; const char *path; long count; int error; } task;
static long threads;

static void *spawn_again_and_again(void *unused)
{
    for (;;) {
        pthread_barrier_wait(&barrier);
        for (long n = 0; n < task.count; n++) {
            int error = task.way->run(task.path);
            if (error)
                __atomic_store_n(&task.error, error, __ATOMIC_RELAXED);
        }
        pthread_barrier_wait(&barrier);
    }
    return unused;
}

static int start_threads(void)
{
    pthread_barrier_init(&barrier, NULL, threads + 1);
    for (long n = 0; n < threads; n++) {
        pthread_t thread;
        int error = pthread_create(&thread, NULL, spawn_again_and_again, NULL);
        if (error)
            return error;
    }
    return 0;
}

static int run_together(const struct way *way, const char *path, long count, double *ns)
{
    task.way = way, task.path = path, task.error = 0;
    task.count = count / threads > 0 ? count / threads : 1;
    double start = now_ns();
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    *ns = (now_ns() - start) / (task.count * threads);
    return task.error;
}

static const char *command(char *words[], int count)
{
    long times = count == 3 ? strtol(words[2], NULL, 10) : 0;
    double ns;
    if (times < 1 || times > (long)(sizeof taken / sizeof *taken))
        return "usage: WAY PATH COUNT";
    for (size_t n = 0; n < sizeof ways / sizeof *ways; n++) {
        if (strcmp(words[0], ways[n].name) != 0)
            continue;
        int error = (threads > 1 ? run_together : run_alone)(&ways[n], words[1], times, &ns);
        if (error)
            return strerror(error);
        printf("%.1f", ns);
        return NULL;
    }
    return "no such way";
}

/* Resident memory in pages of 4 KiB, as a heap that grew in small steps has. */
static int grow(size_t bytes)
{
    if (bytes == 0)
        return 0;
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return errno;
    madvise(memory, bytes, MADV_NOHUGEPAGE);
    for (size_t at = 0; at < bytes; at += 4096)
        ((volatile char *)memory)[at] = 1;
    return 0;
}

int main(int argc, char **argv)
{
    int error;
    if (argc < 3) {
        fprintf(stderr, "usage: spawn-worker RSS_MIB THREADS [CGROUP OWN_CGROUP]\n");
        return 125;
    }
    find_calls();
    threads = strtol(argv[2], NULL, 10);
    if (argc > 4) {
        int own = open(argv[4], O_PATH | O_DIRECTORY | O_CLOEXEC);
        cgroup_dir = open(argv[3], O_PATH | O_DIRECTORY | O_CLOEXEC);
        cgroup_procs = openat(cgroup_dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);
        own = openat(own, "cgroup.procs", O_WRONLY | O_CLOEXEC);
        if (cgroup_procs < 0 || own < 0 || write(own, "0", 1) != 1) {
            printf("- %s\n", strerror(errno));
            return 125;
        }
    }
    if ((error = grow(strtoul(argv[1], NULL, 10) << 20)) || (threads > 1 && (error = start_threads()))) {
        printf("- %s\n", strerror(error));
        return 125;
    }
    return serve(command);
}
