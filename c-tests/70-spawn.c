/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* posix_spawn and posix_spawnp: what they return, and what they leak when they fail.
 * The host libc's own are the control.
 */
#define _GNU_SOURCE
#include "spawning.h"

static char *const plain[] = { "sh", "-c", "exit 7", NULL };

static void say_result(int error, pid_t pid)
{
    say("%s", error_name(error));
    if (!error)
        say(" status %d", status_of(pid));
}

static void runs(void)
{
    pid_t pid = -5;
    int error = posix_spawn(&pid, "/bin/sh", NULL, NULL, plain, environ);
    say_result(error, pid);
}

static void without_pid(void)
{
    int status = 0, error = posix_spawn(NULL, "/bin/sh", NULL, NULL, plain, environ);
    while (wait(&status) < 0 && errno == EINTR)
        ;
    say("%s status %d", error_name(error), WEXITSTATUS(status));
}

static void without_environment(void)
{
    char *const argv[] = { "sh", "-c", "echo ${HOME-none}", NULL };
    char *const empty[] = { NULL };
    char *const some[] = { "HOME=there", NULL };
    char *const *const environments[] = { NULL, empty, some };
    pid_t pid;
    for (int i = 0; i < 3; i++) {
        int ends[2], error, old = fcntl(1, F_DUPFD_CLOEXEC, 50);
        char text[32] = "";
        if (pipe2(ends, O_CLOEXEC))
            abort();
        dup2(ends[1], 1);
        error = posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environments[i]);
        dup2(old, 1);
        close(old);
        close(ends[1]);
        if (read(ends[0], text, sizeof text - 1) < 0)
            say("unread");
        close(ends[0]);
        say("%s%s %s", i ? " " : "", error_name(error), trim(text));
        if (!error)
            status_of(pid);
    }
}

/* The pid and errno are what they were. */
static void fails(const char *path, char *const argv[], int search)
{
    pid_t pid = -5;
    errno = 77;
    int error = (search ? posix_spawnp : posix_spawn)(&pid, path, NULL, NULL, argv, environ);
    int left = errno;
    say("%s pid %d errno %d", error_name(error), pid, left);
    if (!error)
        say(" status %d", status_of(pid));
}

static void not_there(void) { fails("/nowhere/at/all", plain, 0); }
static void not_a_directory(void) { fails("/dev/null/x", plain, 0); }
static void not_executable(void) { fails(make_file("plain", "text", 0644), plain, 0); }
static void a_directory(void) { fails("/tmp", plain, 0); }
static void an_empty_path(void) { fails("", plain, 0); }
static void no_path(void) { fails(NULL, plain, 0); }

static void too_long_a_path(void)
{
    char path[PATH_MAX + 10];
    memset(path, 'x', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = 0;
    fails(path, plain, 0);
}

static void without_a_first_line(void)
{
    char *script = make_file("script", "exit 9\n", 0755);
    fails(script, plain, 0);
    say("; ");
    fails(script, plain, 1);
}

static void without_its_interpreter(void)
{
    fails(make_file("strange", "#!/nowhere/sh\n", 0755), plain, 0);
}

static void too_much_for_exec(void)
{
    size_t size = 256 << 10; /* more than MAX_ARG_STRLEN */
    char *big = malloc(size);
    memset(big, 'x', size);
    big[size - 1] = 0;
    char *const argv[] = { "sh", "-c", "exit 7", big, NULL };
    fails("/bin/sh", argv, 0);
    say("; ");
    fails("sh", argv, 1);
    free(big);
}

static void much(void)
{
    enum { PIECES = 15, SIZE = 100 << 10 };
    static char pieces[PIECES][SIZE];
    char *argv[PIECES + 5] = { "sh", "-c", "echo $# ${#1}", "sh" };
    for (int i = 0; i < PIECES; i++) {
        memset(pieces[i], 'x', SIZE - 1);
        argv[4 + i] = pieces[i];
    }
    int ends[2], old = fcntl(1, F_DUPFD_CLOEXEC, 50);
    char text[32] = "";
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC))
        abort();
    dup2(ends[1], 1);
    int error = posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ);
    dup2(old, 1);
    close(old);
    close(ends[1]);
    if (read(ends[0], text, sizeof text - 1) < 0)
        say("unread");
    close(ends[0]);
    say("%s %s", error_name(error), trim(text));
    if (!error)
        status_of(pid);
}

static void no_processes_left_part(void)
{
    struct rlimit none = { 0, 0 };
    if (setgid(65534) || setuid(65534) || setrlimit(RLIMIT_NPROC, &none))
        say("SKIP needs root");
    else
        fails("/bin/sh", plain, 0);
}
static void no_processes_left(void)
{
    if (getuid() != 0)
        say("SKIP needs root");
    else if (emulated())
        say("SKIP the emulator makes the process"); /* and counts its own */
    else
        apart(no_processes_left_part);
}

/* SIGCHLD ignored: the failed child is reaped by the kernel. */
static void unwaited_part(void)
{
    signal(SIGCHLD, SIG_IGN);
    fails("/nowhere", plain, 0);
}
static void unwaited(void) { apart(unwaited_part); }

/* A failure is no child that a program has to know of: one that waits for any
 * child sees none. */
static void no_child_to_wait_for(void)
{
    pid_t pid;
    int error = posix_spawn(&pid, "/nowhere", NULL, NULL, plain, environ);
    int got = waitpid(-1, NULL, WNOHANG);
    say("%s wait %d %s", error_name(error), got, error_name(errno));
}

/* Which of the first descriptors a child has. */
#define LIST "for f in 0 1 2 3 4 5 6 7 8 9 20 30; do [ -e /proc/self/fd/$f ] && echo $f; done; :"

static void inherits_part(void)
{
    for (int fd = 3; fd < 300; fd++)
        close(fd);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC); /* 3 */
    fcntl(null, F_DUPFD, 20);
    fcntl(null, F_DUPFD_CLOEXEC, 30);
    say_sh(NULL, NULL, LIST);
}
static void inherits(void) { apart(inherits_part); }

static void here_part(void)
{
    char text[4096];
    umask(027);
    if (chdir(scratch))
        abort();
    setenv("MARK", "seen", 1);
    say_sh(NULL, NULL, "umask; echo $MARK");
    int status;
    spawn_sh(NULL, NULL, "pwd -P", text, sizeof text, &status);
    text[strcspn(text, "\n")] = 0;
    char here[PATH_MAX] = "";
    if (!getcwd(here, sizeof here))
        abort();
    say(" %s", strcmp(text, here) == 0 ? "here" : text);
}
static void here(void) { apart(here_part); }

static const struct spawn_case cases[] = {
    { "posix_spawn() runs a program", runs, "0 status 7", NULL },
    { "posix_spawn() without a place for the pid", without_pid, "0 status 7", NULL },
    { "posix_spawn() without an environment, or with an empty one", without_environment, "0 none 0 none 0 there", NULL },
    { "posix_spawn() of a file that does not exist", not_there, "ENOENT pid -5 errno 77", "errno is overwritten by the child" },
    { "posix_spawn() of a path through a file", not_a_directory, "ENOTDIR pid -5 errno 77", "errno is overwritten by the child" },
    { "posix_spawn() of a file that is not executable", not_executable, "EACCES pid -5 errno 77",
      "errno is overwritten by the child" },
    { "posix_spawn() of a directory", a_directory, "EACCES pid -5 errno 77",
      "errno is overwritten by the child" },
    { "posix_spawn() of an empty path", an_empty_path, "ENOENT pid -5 errno 77",
      "errno is overwritten by the child" },
    { "posix_spawn() of a path at NULL", no_path, "EFAULT pid -5 errno 77", "errno is overwritten by the child" },
    { "posix_spawn() of a path that is too long", too_long_a_path, "ENAMETOOLONG pid -5 errno 77",
      "errno is overwritten by the child" },
    { "posix_spawn() and posix_spawnp() of a script without a first line", without_a_first_line,
      "ENOEXEC pid -5 errno 77; ENOEXEC pid -5 errno 77", "errno is overwritten by the child" },
    { "posix_spawn() of a script without its interpreter", without_its_interpreter, "ENOENT pid -5 errno 77",
      "errno is overwritten by the child" },
    { "posix_spawn() and posix_spawnp() with an argument that is too long", too_much_for_exec, "E2BIG pid -5 errno 77; E2BIG pid -5 errno 77",
      "errno is overwritten by the child" },
    { "posix_spawn() with a megabyte and a half of arguments", much, "0 15 102399", NULL },
    { "posix_spawn() beyond RLIMIT_NPROC", no_processes_left, "EAGAIN pid -5 errno 77", "errno is overwritten" },
    { "posix_spawn() that fails with SIGCHLD ignored", unwaited, "ENOENT pid -5 errno 77",
      "errno is overwritten by the child" },
    { "posix_spawn() that fails leaves no child to wait for", no_child_to_wait_for, "ENOENT wait -1 ECHILD", NULL },
    { "posix_spawn() passes on descriptors that are not close-on-exec", inherits, "0 1 2 20", NULL },
    { "posix_spawn() passes on directory, umask and environment", here, "0027 seen here", NULL },
};

int main(void)
{
    begin_spawn_cases(60);
    run_spawn_cases(cases, sizeof cases / sizeof *cases);
#ifdef CONTROL
    return 0;
#else
    return done();
#endif
}
