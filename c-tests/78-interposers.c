/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Another preloaded library that interposes functions of the libc is called once per
 * call, whether it is loaded before or after this one, and the call works.
 *
 * modes: preload
 * variants: ; -DONLY_PCLOSE
 */
#define _GNU_SOURCE
#include "spawning.h"
#include <dlfcn.h>
#include <pty.h>
#include <pthread.h>

#ifdef __GLIBC__
#define LIBC_FILE "libc.so.6"
#else
#define LIBC_FILE "libc.so"
#endif

/* Prototypes and names in the order of their arguments. */
#define FUNCTIONS(F)                                                                           \
    F(pid_t, fork, (void), ())                                                                 \
    F(pid_t, _Fork, (void), ())                                                                \
    F(int, system, (const char *command), (command))                                           \
    F(FILE *, popen, (const char *command, const char *mode), (command, mode))                 \
    F(int, pclose, (FILE *file), (file))                                                       \
    F(int, forkpty, (int *master, char *name, const struct termios *t, const struct winsize *w), \
        (master, name, t, w))                                                                  \
    F(int, daemon, (int keeps_directory, int keeps_streams), (keeps_directory, keeps_streams)) \
    F(int, posix_spawn, (pid_t *pid, const char *path, const actions_t *actions, const attr_t *attr, \
        char *const *argv, char *const *envp), (pid, path, actions, attr, argv, envp))         \
    F(int, posix_spawnp, (pid_t *pid, const char *path, const actions_t *actions, const attr_t *attr, \
        char *const *argv, char *const *envp), (pid, path, actions, attr, argv, envp))         \
    F(int, pidfd_spawn, (int *pidfd, const char *path, const actions_t *actions, const attr_t *attr, \
        char *const *argv, char *const *envp), (pidfd, path, actions, attr, argv, envp))       \
    F(int, posix_spawn_file_actions_init, (actions_t *actions), (actions))                     \
    F(int, posix_spawn_file_actions_adddup2, (actions_t *actions, int from, int to), (actions, from, to)) \
    F(int, posix_spawn_file_actions_destroy, (actions_t *actions), (actions))                  \
    F(int, posix_spawnattr_init, (attr_t *attr), (attr))                                       \
    F(int, posix_spawnattr_setflags, (attr_t *attr, short flags), (attr, flags))               \
    F(int, posix_spawnattr_destroy, (attr_t *attr), (attr))

#define NUMBER(type, name, ...) N_##name,
enum { FUNCTIONS(NUMBER) N_clone, N_vfork, N_syscall, COUNT };
#define TEXT(type, name, ...) #name,
static const char *const names[] __attribute__((unused)) = { FUNCTIONS(TEXT) "clone", "vfork", "syscall" };

#ifdef PLUGIN

int others[COUNT], others_early;

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define COUNTED(number) __atomic_add_fetch(&others[number], 1, __ATOMIC_SEQ_CST)
#define STAND_IN(type, name, parameters, arguments)                                            \
    type name parameters                                                                       \
    {                                                                                          \
        COUNTED(N_##name);                                                                     \
        return NEXT(name) arguments;                                                           \
    }

#ifdef ONLY_PCLOSE
STAND_IN(int, pclose, (FILE *file), (file))
#else
#pragma GCC diagnostic ignored "-Wnonnull"
pid_t _Fork(void);
FUNCTIONS(STAND_IN)

int clone(int (*start)(void *), void *stack, int flags, void *argument, ...)
{
    va_list more;
    va_start(more, argument);
    pid_t *parent = va_arg(more, pid_t *);
    void *tls = va_arg(more, void *);
    pid_t *child = va_arg(more, pid_t *);
    va_end(more);
    COUNTED(N_clone);
    return NEXT(clone)(start, stack, flags, argument, parent, tls, child);
}

long syscall(long number, ...)
{
    long a[6];
    va_list more;
    va_start(more, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(more, long);
    va_end(more);
    COUNTED(N_syscall);
    return NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* As the vfork it stands in for, it has nothing on the stack when it goes on. */
__attribute__((used)) static pid_t (*next_vfork)(void);
#ifdef __x86_64__
__asm__(".globl vfork\n.type vfork,@function\nvfork: endbr64\n\tmov others@GOTPCREL(%rip), %rax\n"
        "\tlock incl 4*VFORK(%rax)\n\tjmp *next_vfork(%rip)\n.size vfork, . - vfork");
#elif defined __aarch64__
__asm__(".globl vfork\n.type vfork,%function\nvfork: hint #34\n\tadrp x9, :got:others\n"
        "\tldr x9, [x9, :got_lo12:others]\n\tldr w10, [x9, 4*VFORK]\n\tadd w10, w10, 1\n"
        "\tstr w10, [x9, 4*VFORK]\n\tadrp x9, next_vfork\n\tldr x9, [x9, :lo12:next_vfork]\n"
        "\tbr x9\n.size vfork, . - vfork");
#else
pid_t vfork(void)
{
    COUNTED(N_vfork);
    return NEXT(fork)();
}
#endif
__asm__(".set VFORK, 17");
_Static_assert(N_vfork == 17, "as the assembly has it");

/* Before ours is initialised, where this comes behind it. */
__attribute__((constructor)) static void early(void)
{
    next_vfork = NEXT(vfork);
    pid_t pid = (*(pid_t (*volatile)(void))fork)();
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    others_early = others[N_fork];
    others[N_fork] = 0;
}
#endif

#else

static char *const seven[] = { "sh", "-c", "exit 7", NULL };
static actions_t actions;
static attr_t attr;

static int of_child(pid_t pid)
{
    if (pid == 0)
        _exit(7);
    return status_of(pid);
}

static int seven_from(void *argument) { return 7 + (argument != NULL); }

pid_t _Fork(void) __attribute__((weak));

#define STACK (64 << 10)
static char stack[STACK] __attribute__((aligned(64)));

/* The process that goes on says how often it was called, as the one that calls it ends. */
static int by_daemon(void)
{
    int *others = dlsym(RTLD_DEFAULT, "others"), ends[2], count = -1;
    if (!others || pipe(ends) != 0)
        return 94;
    pid_t pid = fork();
    if (pid == 0) {
        int result = daemon(1, 1);
        _exit(write(ends[1], &others[N_daemon], sizeof count) == sizeof count ? result : 1);
    }
    close(ends[1]);
    if (read(ends[0], &count, sizeof count) != sizeof count)
        return 93;
    others[N_daemon] = count;
    close(ends[0]);
    return status_of(pid) + 7;
}

static int call(int number)
{
    pid_t pid = -1;
    int fd = -1;
    switch (number) {
    case N_fork: return of_child(fork());
    case N__Fork: return of_child(_Fork());
    case N_vfork: return of_child(vfork());
    case N_clone: return status_of(clone(seven_from, stack + STACK, SIGCHLD, NULL, NULL, NULL, NULL));
    case N_syscall: return syscall(SYS_getppid, 1L, 2L, 3L, 4L, 5L, 6L) == getppid() ? 7 : 99;
    case N_system: return WEXITSTATUS(system("exit 7"));
    case N_popen:
    case N_pclose: {
        FILE *file = popen("echo 7; exit 7", "r");
        int got = file ? fgetc(file) : 0;
        return file && got == '7' ? WEXITSTATUS(pclose(file)) : 98;
    }
    case N_forkpty:
        pid = forkpty(&fd, NULL, NULL, NULL);
        return pid < 0 ? 7 : of_child(pid); /* no terminals here */
    case N_daemon: return by_daemon();
    case N_posix_spawn:
        return posix_spawn(&pid, "/bin/sh", NULL, NULL, seven, environ) ? 97 : status_of(pid);
    case N_posix_spawnp:
        return posix_spawnp(&pid, "sh", NULL, NULL, seven, environ) ? 97 : status_of(pid);
    case N_pidfd_spawn: {
        int status;
        if (pidfd_spawn(&fd, "/bin/sh", NULL, NULL, seven, environ) != 0)
            return 97;
        close(fd);
        return wait(&status) > 0 ? WEXITSTATUS(status) : 95;
    }
    case N_posix_spawn_file_actions_init: return posix_spawn_file_actions_init(&actions) + 7;
    case N_posix_spawn_file_actions_adddup2: return posix_spawn_file_actions_adddup2(&actions, 1, 5) + 7;
    case N_posix_spawn_file_actions_destroy: return posix_spawn_file_actions_destroy(&actions) + 7;
    case N_posix_spawnattr_init: return posix_spawnattr_init(&attr) + 7;
    case N_posix_spawnattr_setflags: return posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK) + 7;
    case N_posix_spawnattr_destroy: return posix_spawnattr_destroy(&attr) + 7;
    }
    return 96;
}

/* In a program with both preloads: each function's count and result, said on descriptor 1. */
static int call_all(void)
{
    int *others = dlsym(RTLD_DEFAULT, "others"), *early = dlsym(RTLD_DEFAULT, "others_early");
    if (!dlsym(RTLD_DEFAULT, "clone3_last_route"))
        return 21;
    unsetenv("LD_PRELOAD"); /* the shell may be another libc's */
    for (int number = 0; number < COUNT; number++) {
        void *libcs = dlsym(dlopen(LIBC_FILE, RTLD_LAZY), names[number]);
        if (!libcs) { /* the other one has no next then */
            printf("%s: absent\n", names[number]);
            continue;
        }
        memset(others, 0, sizeof *others * COUNT);
        int result = call(number);
        printf("%s: %d, %d\n", names[number], others[number], result);
    }
    printf("early: %d\n", early ? *early : -1);
    return fflush(stdout);
}

/* What is said with these two preloads. */
static char *with_preloads(const char *self, const char *first, const char *second)
{
    static char both[9000], text[4096];
    size_t used = 0;
    ssize_t got;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        abort();
    snprintf(both, sizeof both, "%s:%s", first, second);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], 1);
        setenv("LD_PRELOAD", both, 1);
        execl(self, self, "calls", (char *)0);
        _exit(20);
    }
    close(ends[1]);
    while (used < sizeof text - 1 && (got = read(ends[0], text + used, sizeof text - 1 - used)) > 0)
        used += (size_t)got;
    text[used] = 0;
    close(ends[0]);
    is(status_of(pid), 0, named("a program with the library and another preload, %s, ends as it should", strcmp(first, getenv("PLUGIN")) == 0 ? "before ours" : "behind ours"));
    return text;
}

static void judge(const char *text, const char *order)
{
    char line[200];
    for (int number = 0; number < COUNT; number++) {
        int count = -1, result = -1;
        const char *at = text;
        snprintf(line, sizeof line, "%s: ", names[number]);
        while (at && strncmp(at, line, strlen(line)) != 0)
            at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL;
        if (at && strncmp(at + strlen(line), "absent", 6) == 0) {
            skip(named("%s with another preload, %s", names[number], order), "this libc has no such function");
            continue;
        }
        if (at)
            sscanf(at + strlen(line), "%d, %d", &count, &result);
        is(result, 7, named("%s with another preload, %s, does what it should", names[number], order));
#ifdef ONLY_PCLOSE
        int wanted = number == N_pclose || number == N_popen;
        if (number == N_popen)
            count += 1; /* it stands in for the other one alone */
#else
        int wanted = 1;
#endif
        ok(count == wanted, "another preload's %s is called %s, %s", names[number],
            wanted ? "once" : "never", order);
        if (count != wanted)
            printf("# called %d times\n", count);
    }
#ifndef ONLY_PCLOSE
    const char *early = strstr(text, "early: ");
    is(early ? atoi(early + 7) : -1, 1, named("another preload's fork is called in its constructor, %s", order));
#endif
}

/* An object opened later comes behind the libc, and its functions are not called. */
static void opened_later(void)
{
    void *plugin = dlopen(getenv("PLUGIN"), RTLD_NOW | RTLD_GLOBAL);
    int *others = plugin ? dlsym(plugin, "others") : NULL;
    if (!ok(others != NULL, "the other library is opened by dlopen()"))
        return;
    memset(others, 0, sizeof *others * COUNT);
    is(call(N_fork), 7, "fork() beside a library that was opened later");
    is(call(N_system), 7, "system() beside a library that was opened later");
    is(call(N_popen), 7, "popen() beside a library that was opened later");
    for (int number = 0; number < COUNT; number++)
        if (others[number])
            ok(0, "%s of a library that was opened later is not called", names[number]);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return call_all();
    begin(60);
    if (emulated()) {
        skip("functions of another preload are called once", "the emulator starts no program by itself");
        return done();
    }
#ifdef __GLIBC__
    if (getenv("FILTERED") && !filtered("enosys")) {
        skip("functions of another preload are called once", "glibc's own functions, to which calls are passed on, do not work behind this filter");
        return done();
    }
#endif
    judge(with_preloads(argv[0], getenv("LIBRARY"), getenv("PLUGIN")), "behind ours");
    judge(with_preloads(argv[0], getenv("PLUGIN"), getenv("LIBRARY")), "before ours");
    opened_later();
    return done();
}
#endif
