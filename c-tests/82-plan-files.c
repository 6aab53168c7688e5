/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The descriptors of a child of clone3_spawn(), and what it executes.
 * modes: preload shared static api api-static
 */
#define _GNU_SOURCE
#include "planning.h"

static int file_named(const char *name)
{
    char path[100];
    snprintf(path, sizeof path, "/tmp/clone3-plan-%d-%s", getpid(), name);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    unlink(path);
    return fd;
}

/* Every way to fill five places from five sources, one of them closed; the child
 * is a callback that looks, since a shell each would take long. */
enum { PLACES = 4, SOURCES = 6 };
static ino_t inodes[SOURCES];
static const int *list_now;

static int looks(void *unused)
{
    struct stat file;
    (void)unused;
    for (int place = 0; place < PLACES; place++) {
        int wanted = list_now[place], there = fstat(place, &file) == 0;
        if (there != (wanted >= 0))
            return ERANGE;
        if (there && (file.st_ino != inodes[wanted] || fcntl(place, F_GETFD) != 0))
            return EDOM;
    }
    for (int fd = PLACES; fd < 40; fd++)
        if (fcntl(fd, F_GETFD) != -1)
            return EMFILE;
    return ENOTNAM;
}

/* In a process of its own, where descriptors 0 to 5 are files of that number. */
static int all_lists(void *wrong)
{
    int count = 0, list[PLACES];
    for (int fd = 3; fd < 40; fd++)
        close(fd);
    for (int i = 0; i < SOURCES; i++) {
        struct stat file;
        int fd = file_named("x");
        if (fd < 0 || dup3(fd, i + 20, O_CLOEXEC) < 0 || fstat(fd, &file))
            return -1;
        inodes[i] = file.st_ino;
        close(fd);
    }
    for (int i = 0; i < SOURCES; i++) {
        dup3(i + 20, i, i & 1 ? O_CLOEXEC : 0);
        close(i + 20);
    }
    clone3_spawn_t plan = new_plan();
    list_now = list;
    clone3_spawn_set_callback(&plan, looks, NULL);
    for (int code = 0; code < (SOURCES + 1) * (SOURCES + 1) * (SOURCES + 1) * (SOURCES + 1); code++) {
        if (repeats(100) < 100 && code % 7)
            continue;
        for (int place = 0, left = code; place < PLACES; place++, left /= SOURCES + 1)
            list[place] = left % (SOURCES + 1) - 1;
        clone3_spawn_set_fds(&plan, list, PLACES);
        char *argv[] = { "x", NULL };
        if (spawn_plan(NULL, "/nowhere", &plan, argv) != ENOTNAM || error_of_plan.stage != CLONE3_SPAWN_STAGE_CALLBACK) {
            memcpy(wrong, list, sizeof list);
            ((int *)wrong)[PLACES] = error_of_plan.error;
            return -2;
        }
        count++;
    }
    return count;
}

static void every_list(void)
{
    int *wrong = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (emulated()) {
        skip("every list of four for set_fds, of six descriptors and none", "the caller's memory is not the child's");
        return;
    }
    /* Where clone3 is out of reach, a process's first child has a pipe as well. */
    clone3_spawn_t first = new_plan();
    says(&first, "echo there", "there", "a process's first child of a plan is made");
    pid_t pid = fork();
    if (pid == 0) {
        int count = all_lists(wrong);
        _exit(count == -2 ? 2 : count > 300 ? 0 : 3);
    }
    int status = status_of(pid);
    if (!is(status, 0, "every list of four for set_fds, of six descriptors and none"))
        printf("# %d %d %d %d: error %d\n", wrong[0], wrong[1], wrong[2], wrong[3], wrong[4]);
}

static void lists(void)
{
    clone3_spawn_t plan = new_plan();
    int kept = dup(2), three[] = { 0, 1, 2 }, more[] = { 0, 1, 2, -1, -1, -1, -1, 2 };
    is(clone3_spawn_set_fds(&plan, three, 3), 0, "clone3_spawn_set_fds() succeeds");
    says(&plan, "for i in 3 4 5 6 7 8 9 50 51; do test -e /proc/$$/fd/$i && readlink /proc/$$/fd/$i; done; echo",
        "", "set_fds closes what is not in its list");
    clone3_spawn_set_fds(&plan, more, 8);
    says(&plan, "for i in 3 4 5 6 7 8 9; do test -e /proc/$$/fd/$i && echo $i; done", "7", "set_fds closes what is -1 in its list");
    more[6] = 200;
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_FD, 6, EBADF, "a plan with set_fds of a descriptor that is not open");
    more[6] = 9, more[5] = 6;
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_FD, 5, EBADF, "a plan with set_fds of a descriptor that is only a target");
    clone3_spawn_set_fds(&plan, NULL, 0);
    char *argv[] = { "sh", "-c", "test ! -e /proc/$$/fd/0 && test ! -e /proc/$$/fd/2 && exit 7", NULL };
    pid_t pid;
    is(spawn_plan(&pid, "/bin/sh", &plan, argv), 0, "a plan with an empty list for set_fds runs its program");
    ok(status_of(pid) == 7, "an empty list for set_fds closes all descriptors");
    static int many[1024];
    for (int i = 0; i < 1024; i++)
        many[i] = i < 3 ? i : -1;
    many[700] = 2;
    clone3_spawn_set_fds(&plan, many, 1024);
    says(&plan, "for i in 3 699 700 701; do test -e /proc/$$/fd/$i && echo $i; done", "700", "clone3_spawn_set_fds() takes a list of 1024 descriptors");
    close(kept);
}

static void actions_after(void)
{
    posix_spawn_file_actions_t actions;
    clone3_spawn_t plan = new_plan();
    int list[] = { 0, 1, 2, 2 };
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 4, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, 4, 6);
    posix_spawn_file_actions_addclose(&actions, 3);
    clone3_spawn_set_file_actions(&plan, &actions);
    clone3_spawn_set_fds(&plan, list, 4);
    says(&plan, "for i in 3 4 5 6 7; do test -e /proc/$$/fd/$i && echo $i && readlink /proc/$$/fd/$i; done", "4 /dev/null 6 /dev/null",
        "file actions are taken after set_fds");
    posix_spawn_file_actions_destroy(&actions);
}

static void programs(void)
{
    clone3_spawn_t plan = new_plan();
    int list[] = { 0, 1, 2 }, sh = open("/bin/sh", O_RDONLY | O_CLOEXEC), bin = open("/bin", O_PATH | O_CLOEXEC);
    char *argv[] = { "sh", "-c", "for i in 3 4 5 6 7 8; do test -e /proc/$$/fd/$i && exit 3; done; exit 7", NULL };
    pid_t pid;
    is(clone3_spawn_set_program_fd(&plan, sh, 0), 0, "clone3_spawn_set_program_fd() succeeds");
    is(spawn_plan(&pid, NULL, &plan, argv), 0, "a plan with set_program_fd makes a child");
    is(status_of(pid), 7, "the program of set_program_fd runs");
    clone3_spawn_set_fds(&plan, list, 3);
    is(spawn_plan(&pid, NULL, &plan, argv), 0, "a plan with set_program_fd and set_fds without that descriptor makes a child");
    is(status_of(pid), 7, "the program of set_program_fd runs though set_fds closes its descriptor");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addclose(&actions, sh);
    posix_spawn_file_actions_addopen(&actions, sh, "/dev/null", O_RDONLY | O_CLOEXEC, 0);
    clone3_spawn_set_fds(&plan, list, 3);
    clone3_spawn_set_file_actions(&plan, &actions);
    is(spawn_plan(&pid, NULL, &plan, argv), 0, "a plan with set_program_fd and file actions on that descriptor makes a child");
    is(status_of(pid), 7, "the program of set_program_fd runs though file actions replace its descriptor");
    posix_spawn_file_actions_destroy(&actions);
    plan = new_plan();
    clone3_spawn_set_program_fd(&plan, bin, 0);
    is(spawn_plan(&pid, "sh", &plan, argv), 0, "a plan with set_program_fd of a directory makes a child");
    is(status_of(pid), 7, "the program in the directory of set_program_fd runs");
    fails_at(&plan, "nowhere", CLONE3_SPAWN_STAGE_EXEC, 0, ENOENT, "a plan with set_program_fd of a directory without that program");
    plan = new_plan();
    clone3_spawn_set_program_fd(&plan, AT_FDCWD, 0);
    is(spawn_plan(&pid, "/bin/sh", &plan, argv), 0, "a plan with set_program_fd of AT_FDCWD makes a child");
    is(status_of(pid), 7, "the program by its path with set_program_fd of AT_FDCWD runs");
    clone3_spawn_set_program_fd(&plan, bin, 0);
    fails_at(&plan, NULL, CLONE3_SPAWN_STAGE_EXEC, 0, EACCES, "a plan with set_program_fd of a directory and no path");
    clone3_spawn_set_program_fd(&plan, 277, 0);
    fails_at(&plan, NULL, CLONE3_SPAWN_STAGE_EXEC, 0, EBADF, "a plan with set_program_fd of what is not open");
    ok(strcmp(plan_error(), "exec 277: Bad file descriptor") == 0, "the error of set_program_fd names the descriptor: %s", plan_error());
    clone3_spawn_set_fds(&plan, list, 3);
    clone3_spawn_set_directory(&plan, "/nowhere");
    fails_at(&plan, NULL, CLONE3_SPAWN_STAGE_DIRECTORY, 0, ENOENT, "a plan with set_program_fd of what is not open, and a directory that does not exist");
    close(sh);
    close(bin);
}

/* The program's place is kept clear of all that is named, even where nothing is
 * left above. */
static int last_of_all(void)
{
    struct rlimit limit = { 20, 20 };
    clone3_spawn_t plan = new_plan();
    int list[] = { 0, 1, 2 }, sh = open("/bin/sh", O_RDONLY | O_CLOEXEC);
    char *argv[] = { "sh", "-c", "for i in 3 4 5 6 7 8 19; do test -e /proc/$$/fd/$i && exit 3; done; exit 7", NULL };
    posix_spawn_file_actions_t actions;
    pid_t pid;
    if (dup3(sh, 19, O_CLOEXEC) != 19 || setrlimit(RLIMIT_NOFILE, &limit))
        return 1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addclose(&actions, 3);
    posix_spawn_file_actions_addclose(&actions, 4);
    clone3_spawn_set_program_fd(&plan, 19, 0);
    clone3_spawn_set_fds(&plan, list, 3);
    clone3_spawn_set_file_actions(&plan, &actions);
    int error = spawn_plan(&pid, NULL, &plan, argv);
    return error ? error : status_of(pid);
}

static void below_the_limit(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(last_of_all());
    is(status_of(pid), 7, "the program of set_program_fd runs from the last descriptor below the limit");
}

static void scripts(void)
{
    static const char text[] = "#!/bin/sh\nread -r line < $0; test \"$line\" = '#!/bin/sh' && exit 9\n";
    char path[100];
    clone3_spawn_t plan = new_plan();
    int list[] = { 0, 1, 2 };
    char *argv[] = { "x", NULL };
    pid_t pid;
    snprintf(path, sizeof path, "/tmp/clone3-script-%d", getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
    if (fd < 0 || write(fd, text, sizeof text - 1) < 0)
        abort();
    close(fd);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    clone3_spawn_set_program_fd(&plan, fd, 0);
    is(spawn_plan(&pid, NULL, &plan, argv), 0, "a plan with set_program_fd of a script makes a child");
    is(status_of(pid), 9, "the script of set_program_fd runs, and its interpreter can read it");
    clone3_spawn_set_fds(&plan, list, 3);
    is(spawn_plan(&pid, NULL, &plan, argv), 0, "a plan with set_program_fd of a script and set_fds makes a child");
    is(status_of(pid), 9, "the script of set_program_fd runs though set_fds closes its descriptor");
    ok(fcntl(fd, F_GETFD) == FD_CLOEXEC, "the caller's descriptor of set_program_fd stays close-on-exec");
    close(fd);
    unlink(path);
}

static void searches(void)
{
    clone3_spawn_t plan = new_plan();
    char *argv[] = { "sh", "-c", "exit 7", NULL }, *path = strdup(getenv("PATH"));
    pid_t pid;
    fails_at(&plan, "sh", CLONE3_SPAWN_STAGE_EXEC, 0, ENOENT, "a name without set_search is not searched in PATH");
    is(clone3_spawn_set_search(&plan, 1), 0, "clone3_spawn_set_search() succeeds");
    is(spawn_plan(&pid, "sh", &plan, argv), 0, "a plan with set_search makes a child");
    is(status_of(pid), 7, "a name with set_search is found in PATH");
    setenv("PATH", "/nowhere:/proc", 1);
    fails_at(&plan, "sh", CLONE3_SPAWN_STAGE_EXEC, 0, ENOENT, "a name with set_search that is not in PATH");
    fails_at(&plan, "", CLONE3_SPAWN_STAGE_EXEC, 0, ENOENT, "an empty name with set_search");
    setenv("PATH", path, 1);
    free(path);
}

int main(void)
{
    begin(90);
    every_list();
    lists();
    actions_after();
    if (emulated())
        skip("programs of set_program_fd", "qemu-user's execveat");
    else {
        programs();
        below_the_limit();
        scripts();
    }
    searches();
    return done();
}
