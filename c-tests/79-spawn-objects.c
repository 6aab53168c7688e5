/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The objects of posix_spawn are the libc's own: its functions and this library's may
 * initialise, fill, use and destroy them in any mixture. Actions that the libc does not
 * know fail there, and are not ignored.
 *
 * modes: preload shared
 */
#define _GNU_SOURCE
#include "spawning.h"
#include <clone3.h>
#include <dlfcn.h>

#ifdef __GLIBC__
#define LIBC_FILE "libc.so.6"
#else
#define LIBC_FILE "libc.so"
#endif

/* Each function twice: [0] ours, [1] the libc's. */
#define FUNCTION(name, result, ...) static result (*f_##name[2])(__VA_ARGS__);
#define ALL(F)                                                                                 \
    F(posix_spawn, int, pid_t *, const char *, const actions_t *, const attr_t *, char *const *, char *const *) \
    F(posix_spawnp, int, pid_t *, const char *, const actions_t *, const attr_t *, char *const *, char *const *) \
    F(posix_spawn_file_actions_init, int, actions_t *)                                         \
    F(posix_spawn_file_actions_destroy, int, actions_t *)                                      \
    F(posix_spawn_file_actions_addopen, int, actions_t *, int, const char *, int, mode_t)      \
    F(posix_spawn_file_actions_adddup2, int, actions_t *, int, int)                            \
    F(posix_spawn_file_actions_addclose, int, actions_t *, int)                                \
    F(posix_spawn_file_actions_addchdir_np, int, actions_t *, const char *)                    \
    F(posix_spawn_file_actions_addclosefrom_np, int, actions_t *, int)                         \
    F(posix_spawn_file_actions_addtcsetpgrp_np, int, actions_t *, int)                         \
    F(posix_spawnattr_init, int, attr_t *)                                                     \
    F(posix_spawnattr_destroy, int, attr_t *)                                                  \
    F(posix_spawnattr_setflags, int, attr_t *, short)                                          \
    F(posix_spawnattr_getflags, int, const attr_t *, short *)                                  \
    F(posix_spawnattr_setpgroup, int, attr_t *, pid_t)                                         \
    F(posix_spawnattr_getpgroup, int, const attr_t *, pid_t *)                                 \
    F(posix_spawnattr_setsigmask, int, attr_t *, const sigset_t *)                             \
    F(posix_spawnattr_setsigdefault, int, attr_t *, const sigset_t *)                          \
    F(posix_spawnattr_setschedparam, int, attr_t *, const struct sched_param *)                \
    F(posix_spawnattr_setcgroup_np, int, attr_t *, int)                                        \
    F(posix_spawnattr_getcgroup_np, int, const attr_t *, int *)
ALL(FUNCTION)

static void find_functions(void)
{
    void *libc = dlopen(LIBC_FILE, RTLD_LAZY);
    if (!libc)
        abort();
#define FIND(name, ...)                                                                        \
    f_##name[0] = (__typeof__(f_##name[0]))dlsym(RTLD_DEFAULT, #name);                         \
    f_##name[1] = (__typeof__(f_##name[1]))dlsym(libc, #name);
    ALL(FIND)
}

static char *self;

/* Its status: a bit for each thing that is not as it should be. */
static int child(void)
{
    char text[16] = "", directory[100] = "";
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    return (read(5, text, 4) != 4 || strcmp(text, "file") != 0)
        | (fcntl(6, F_GETFD) != -1) << 1
        | (!getcwd(directory, sizeof directory) || strcmp(directory, "/usr") != 0) << 2
        | (getpgrp() != getpid()) << 3
        | (!sigismember(&mask, SIGUSR1) || sigismember(&mask, SIGUSR2)) << 4
        | (signal(SIGHUP, SIG_DFL) != SIG_DFL) << 5;
}

static actions_t actions;
static attr_t attr;
static char *file;

/* One mixture: each bit says whose function takes a step. An errno, or the child's
 * status; 1000 is a step that failed. */
static int mixture(unsigned bits, int searched)
{
    char *const argv[] = { self, "child", NULL };
    sigset_t set;
    pid_t pid = -1;
#define STEP(name) f_##name[bits & 1]
#define NEXT bits = bits >> 1 | (bits & 1) << 9
    int wrong = STEP(posix_spawn_file_actions_init)(&actions);
    NEXT, wrong |= STEP(posix_spawn_file_actions_addopen)(&actions, 3, file, O_RDONLY, 0);
    NEXT, wrong |= STEP(posix_spawn_file_actions_adddup2)(&actions, 3, 5);
    NEXT, wrong |= STEP(posix_spawn_file_actions_addclose)(&actions, 6);
    NEXT, wrong |= STEP(posix_spawn_file_actions_addchdir_np)(&actions, "/usr");
    wrong |= STEP(posix_spawnattr_init)(&attr);
    NEXT, wrong |= STEP(posix_spawnattr_setflags)(&attr,
        POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    NEXT, wrong |= STEP(posix_spawnattr_setpgroup)(&attr, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    NEXT, wrong |= STEP(posix_spawnattr_setsigmask)(&attr, &set);
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    wrong |= STEP(posix_spawnattr_setsigdefault)(&attr, &set);
    NEXT;
    int error = (searched ? STEP(posix_spawnp) : STEP(posix_spawn))(&pid, self, &actions, &attr, argv, environ);
    NEXT, wrong |= STEP(posix_spawn_file_actions_destroy)(&actions);
    wrong |= STEP(posix_spawnattr_destroy)(&attr);
    return wrong ? 1000 : error ? -error : status_of(pid);
}

static int libc_spawns(void)
{
    return !getenv("FILTERED") || filtered("enosys");
}

static void mixtures(void)
{
    int tried = 0, bad = 0;
    signal(SIGHUP, SIG_IGN);
    int six = open("/dev/null", O_RDONLY);
    dup2(six, 6);
    for (unsigned bits = 0; bits < 1 << 10; bits += emulated() ? 33 : 1 + (bits % 7 == 3) * 5) {
        if (!libc_spawns() && bits & 1 << 8)
            continue;
        int result = mixture(bits, bits % 3 == 0);
        tried++;
        if (result && bad++ < 5)
            printf("# mixture %#x: %d\n", bits, result);
    }
    signal(SIGHUP, SIG_DFL);
    close(6);
    close(six);
    ok(tried > 20 && bad == 0, "spawn objects that ours and the libc's functions fill, use and destroy in turns: %d of %d go wrong",
        bad, tried);
}

static long resident(void)
{
    long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "re");
    if (!statm || fscanf(statm, "%*d %ld", &pages) != 1)
        abort();
    fclose(statm);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void leaks(void)
{
    long before = 0;
    for (int i = 0; i < repeats(40000) + 100; i++) {
        unsigned bits = (unsigned)i;
        if (i == 50)
            before = resident();
        f_posix_spawn_file_actions_init[bits & 1](&actions);
        for (int k = 0; k < 10; k++)
            f_posix_spawn_file_actions_addopen[bits >> (k & 3) & 1](&actions, 3, "/a/path/of/some/length", 0, 0);
        f_posix_spawn_file_actions_destroy[bits >> 4 & 1](&actions);
    }
    long grown = resident() - before;
    ok(grown < 2000, "file actions filled and destroyed by ours and the libc's functions lose no memory: %ld KiB more", grown);
}

static char *const seven[] = { "sh", "-c", "exit 7", NULL };

static int run(int whose)
{
    pid_t pid;
    int error = f_posix_spawn[whose](&pid, "/bin/sh", &actions, &attr, seven, environ);
    return error ? -error : status_of(pid);
}

/* An action that an old libc has no function for. */
static void lacking_action(const char *name, int lacks, int error, int (*add)(void))
{
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_adddup2(&actions, 0, 9);
    is(add(), 0, named("%s is added", name));
    posix_spawn_file_actions_adddup2(&actions, 0, 8);
    is(run(0), error ? -error : 7, named("our posix_spawn carries out %s", name));
    if (!libc_spawns())
        skip(named("%s in the libc's posix_spawn", name), "the libc's posix_spawn does not work behind this filter");
    else if (lacks)
        is(run(1), -EBADF, named("the libc's posix_spawn, which has no %s, fails and does not leave it out", name));
    else
        is(run(1), error ? -error : 7, named("the libc's posix_spawn carries out %s", name));
    posix_spawn_file_actions_destroy(&actions);
}

static int add_closefrom(void) { return posix_spawn_file_actions_addclosefrom_np(&actions, 20); }
static int add_terminal(void) { return posix_spawn_file_actions_addtcsetpgrp_np(&actions, 7); }

static void lacking_attributes(void)
{
    short flags = 0;
    pid_t group = 0;
    int cgroup = 0, directory = open("/", O_RDONLY | O_CLOEXEC);
    int lacks = !f_posix_spawnattr_setcgroup_np[1];
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setcgroup_np(&attr, directory);
    posix_spawnattr_setpgroup(&attr, 0);
    is(posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETCGROUP | POSIX_SPAWN_SETPGROUP), 0, "SETCGROUP with a directory that is no cgroup can be set");
    ok(run(0) < 0, "SETCGROUP with a directory that is no cgroup fails in our posix_spawn");
    if (libc_spawns() && !emulated())
        ok(run(1) < 0 && (!lacks || run(1) == -EINVAL), "SETCGROUP with a directory that is no cgroup fails in the libc's posix_spawn, which may not know of cgroups");
    posix_spawnattr_getflags(&attr, &flags);
    posix_spawnattr_getpgroup(&attr, &group);
    posix_spawnattr_getcgroup_np(&attr, &cgroup);
    ok(flags == (POSIX_SPAWN_SETCGROUP | POSIX_SPAWN_SETPGROUP) && group == 0 && cgroup == directory,
        "attributes with a cgroup are returned as they were set: %#x %d %d", (unsigned)flags, group, cgroup);
    posix_spawnattr_setpgroup(&attr, 77);
    posix_spawnattr_setflags(&attr, 0);
    posix_spawnattr_getpgroup(&attr, &group);
    is(group, 77, "the process group stays when SETCGROUP is taken back");
    is(run(0), 7, "our posix_spawn runs a program without a cgroup again");
    if (libc_spawns())
        is(run(1), 7, "the libc's posix_spawn runs a program without a cgroup again");
    /* The libc's own setter in between. */
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETCGROUP);
    if (f_posix_spawnattr_setflags[1](&attr, POSIX_SPAWN_SETSIGMASK) == 0) {
        posix_spawnattr_getflags(&attr, &flags);
        posix_spawnattr_getpgroup(&attr, &group);
        ok(flags == POSIX_SPAWN_SETSIGMASK && group == 77, "flags set by the libc's function are returned by ours: %#x %d",
            (unsigned)flags, group);
        is(run(0), 7, "our posix_spawn obeys flags that the libc's function set");
    }
    posix_spawnattr_init(&attr);
    struct sched_param param = { .sched_priority = 0 };
    int none = f_posix_spawnattr_setschedparam[1](&attr, &param) == ENOSYS;
    posix_spawnattr_setschedparam(&attr, &param);
    posix_spawnattr_setschedpolicy(&attr, SCHED_OTHER);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSCHEDULER);
    is(run(0), 7, "our posix_spawn obeys SETSCHEDULER");
    if (libc_spawns() && !emulated())
        is(run(1), none ? -EINVAL : 7, "the libc's posix_spawn obeys SETSCHEDULER or, where it cannot, fails");
    posix_spawn_file_actions_destroy(&actions);
    close(directory);
}

static void without_init(void)
{
    static actions_t zero_actions;
    static attr_t zero_attr;
    actions = zero_actions;
    attr = zero_attr;
    is(run(0), 7, "posix_spawn takes objects of zeroes for empty ones");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 5, "/nowhere", O_RDONLY, 0);
    actions_t copy = actions;
    memset(&actions, 0, sizeof actions);
    actions = copy;
    is(run(0), -ENOENT, "posix_spawn takes a copy of file actions");
    posix_spawn_file_actions_destroy(&actions);
}

static void planned(void)
{
    char *const argv[] = { "sh", "-c", "read text <&5; [ $text = file ]", NULL };
    clone3_spawn_t plan;
    pid_t pid = -1;
    clone3_spawn_init(&plan, sizeof plan);
    f_posix_spawn_file_actions_init[1](&actions);
    f_posix_spawn_file_actions_addopen[1](&actions, 5, file, O_RDONLY, 0);
    is(clone3_spawn_set_file_actions(&plan, &actions), 0, "clone3_spawn_set_file_actions() takes actions that the libc's functions filled");
    int error = clone3_spawn(&pid, "/bin/sh", &plan, argv, environ, NULL);
    is(error ? -error : status_of(pid), 0, "clone3_spawn carries out actions that the libc's functions filled");
    f_posix_spawn_file_actions_destroy[1](&actions);
}

/* The first object is made when there is no room for descriptors. */
static int few(void)
{
    struct rlimit none = { 0, 0 }, before;
    getrlimit(RLIMIT_NOFILE, &before);
    none.rlim_max = before.rlim_max;
    setrlimit(RLIMIT_NOFILE, &none);
    int wrong = posix_spawn_file_actions_init(&actions) || posix_spawn_file_actions_addclose(&actions, 9) != EBADF;
    setrlimit(RLIMIT_NOFILE, &before);
    posix_spawnattr_init(&attr);
    wrong |= posix_spawn_file_actions_addclose(&actions, 9) || posix_spawn_file_actions_addclosefrom_np(&actions, 20);
    return wrong ? 50 : run(0);
}

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc > 1 && strcmp(argv[1], "child") == 0)
        return child();
    find_functions();
    if (argc > 1)
        return few();
    begin_spawn_cases(60);
    ok((void *)f_posix_spawn[0] != (void *)f_posix_spawn[1], "our posix_spawn and the libc's are two functions");
    file = make_file("in", "file\n", 0600);
    leaks();
    planned();
    without_init();
    if (emulated()) {
        skip("spawn objects in the libc's posix_spawn", "the emulator starts no program by itself");
        remove_scratch();
        return done();
    }
    mixtures();
    lacking_action("addclosefrom_np", !f_posix_spawn_file_actions_addclosefrom_np[1], 0, add_closefrom);
    lacking_action("addtcsetpgrp_np of no terminal", !f_posix_spawn_file_actions_addtcsetpgrp_np[1], EBADF, add_terminal);
    lacking_attributes();
    pid_t pid = fork();
    if (pid == 0) {
        execl(self, self, "few", (char *)0);
        _exit(51);
    }
    is(status_of(pid), 7, "spawn objects that are first made at RLIMIT_NOFILE 0 work later");
    remove_scratch();
    return done();
}
