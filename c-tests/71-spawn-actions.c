/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The file actions of posix_spawn, one by one, in their order, and failing. The
 * host libc's own are the control.
 */
#define _GNU_SOURCE
#include "spawning.h"

static actions_t actions;

static void begin_actions(void)
{
    if (posix_spawn_file_actions_init(&actions))
        abort();
}

static void end_actions(void)
{
    if (posix_spawn_file_actions_destroy(&actions))
        abort();
}

#define OPEN(...) posix_spawn_file_actions_addopen(&actions, __VA_ARGS__)
#define CLOSE(fd) posix_spawn_file_actions_addclose(&actions, fd)
#define DUP2(from, to) posix_spawn_file_actions_adddup2(&actions, from, to)
#define CHDIR(path) posix_spawn_file_actions_addchdir_np(&actions, path)
#define FCHDIR(fd) posix_spawn_file_actions_addfchdir_np(&actions, fd)
#define CLOSEFROM(fd) posix_spawn_file_actions_addclosefrom_np(&actions, fd)
#define TCSETPGRP(fd) posix_spawn_file_actions_addtcsetpgrp_np(&actions, fd)

/* A case that spoils no state of the process, or one that is run apart. */
#define CASE(name, ...)                                                        \
    static void name(void)                                                     \
    {                                                                          \
        begin_actions();                                                       \
        __VA_ARGS__                                                            \
        end_actions();                                                         \
    }
#define APART(name, ...)                                                       \
    static void name##_part(void)                                              \
    {                                                                          \
        begin_actions();                                                       \
        __VA_ARGS__                                                            \
        end_actions();                                                         \
    }                                                                          \
    static void name(void) { apart(name##_part); }
#define NEEDS(function)                                                        \
    if (!posix_spawn_file_actions_##function) {                                \
        say("missing");                                                        \
        return;                                                                \
    }

#define LIST "for f in 0 1 2 3 4 5 6 7 8 9 20 30 40; do [ -e /proc/self/fd/$f ] && echo $f; done; :"

static void only_three(void)
{
    for (int fd = 3; fd < 300; fd++)
        close(fd);
}

CASE(opens, {
    char *file = make_file("read", "content\n", 0600);
    OPEN(7, file, O_RDONLY, 0);
    say_sh(&actions, NULL, "cat <&7");
})

CASE(creates, {
    char command[600];
    char *file = in_scratch("created");
    mode_t old = umask(026);
    OPEN(8, file, O_WRONLY | O_CREAT | O_EXCL, 0666);
    snprintf(command, sizeof command, "echo x >&8; stat -c %%a %s; cat %s", file, file);
    say_sh(&actions, NULL, command);
    say("; ");
    say_sh(&actions, NULL, "echo once more");
    umask(old);
    unlink(file);
})

CASE(appends_and_truncates, {
    char command[600];
    char *file = make_file("append", "one\n", 0600);
    OPEN(5, file, O_WRONLY | O_APPEND, 0);
    snprintf(command, sizeof command, "echo two >&5; cat %s", file);
    say_sh(&actions, NULL, command);
    end_actions();
    begin_actions();
    OPEN(5, file, O_WRONLY | O_TRUNC, 0);
    say("; ");
    snprintf(command, sizeof command, "echo three >&5; cat %s", file);
    say_sh(&actions, NULL, command);
})

APART(opens_onto_one_in_use, {
    only_three();
    char *file = make_file("other", "other\n", 0600);
    if (open("/dev/null", O_RDONLY) != 3)
        abort();
    OPEN(3, file, O_RDONLY, 0);
    say_sh(&actions, NULL, "cat <&3; " LIST);
})

APART(opens_where_it_lands, {
    only_three();
    OPEN(3, make_file("lands", "lands\n", 0600), O_RDONLY, 0);
    say_sh(&actions, NULL, "cat <&3; " LIST);
})

APART(opens_and_keeps_no_other, {
    only_three();
    OPEN(9, make_file("moved", "moved\n", 0600), O_RDONLY, 0);
    say_sh(&actions, NULL, "cat <&9; " LIST);
})

APART(opens_with_the_table_full, {
    struct rlimit few = { 8, 8 };
    if (emulated()) {
        say("SKIP the error of a child with memory of its own takes a pipe");
        return;
    }
    only_three();
    char *file = make_file("full", "full\n", 0600);
    if (setrlimit(RLIMIT_NOFILE, &few))
        abort();
    /* The case itself needs a place for its pipe. */
    int filled[8];
    int count = 0;
    char *argv[] = { "cat", NULL };
    int ends[2];
    char text[16] = "";
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC))
        abort();
    while ((filled[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        count++;
    int old = dup2(ends[1], filled[0]); /* 1 is needed for the control's words */
    (void)old;
    OPEN(0, file, O_RDONLY, 0);
    DUP2(ends[1], 1);
    int error = posix_spawn(&pid, "/bin/cat", &actions, NULL, argv, environ);
    say("%s ", error_name(error));
    for (int i = 0; i < count; i++)
        close(filled[i]);
    close(ends[1]);
    if (!error && read(ends[0], text, sizeof text - 1) >= 0)
        say("%s", trim(text));
    if (!error)
        status_of(pid);
})

CASE(open_fails, {
    OPEN(7, "/nowhere/file", O_RDONLY, 0);
    say_sh(&actions, NULL, "exit 1");
    end_actions();
    begin_actions();
    OPEN(7, "/tmp", O_WRONLY, 0);
    say(" ");
    say_sh(&actions, NULL, "exit 1");
})

CASE(path_is_copied, {
    char path[400];
    strcpy(path, make_file("copied", "copied\n", 0600));
    OPEN(4, path, O_RDONLY, 0);
    memset(path, 'x', strlen(path));
    say_sh(&actions, NULL, "cat <&4");
})

APART(closes, {
    only_three();
    int fd = open("/dev/null", O_RDONLY);
    fcntl(fd, F_DUPFD, 20);
    CLOSE(20);
    CLOSE(2);
    say_sh(&actions, NULL, LIST);
})

CASE(closes_what_is_not_open, {
    CLOSE(99);
    CLOSE(99);
    say_sh(&actions, NULL, "echo fine");
})

APART(dups, {
    only_three();
    int fd = open(make_file("dup", "dup\n", 0600), O_RDONLY | O_CLOEXEC);
    DUP2(fd, 6);
    DUP2(6, 8);
    say_sh(&actions, NULL, "cat <&8; " LIST);
})

APART(dup_onto_itself, {
    only_three();
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    fcntl(fd, F_DUPFD_CLOEXEC, 20);
    DUP2(20, 20);
    say_sh(&actions, NULL, LIST);
})

CASE(dup_of_nothing, {
    DUP2(99, 5);
    say_sh(&actions, NULL, "exit 1");
    end_actions();
    begin_actions();
    DUP2(98, 98);
    say(" ");
    say_sh(&actions, NULL, "exit 1");
})

APART(dup_of_what_was_opened, {
    only_three();
    OPEN(5, make_file("both", "both\n", 0600), O_RDONLY, 0);
    DUP2(5, 0);
    CLOSE(5);
    say_sh(&actions, NULL, "cat; " LIST);
})

/* To be opened for a while only: not in the child. */
APART(opens_close_on_exec, {
    only_three();
    OPEN(3, "/dev/null", O_RDONLY | O_CLOEXEC, 0);
    DUP2(3, 6);
    say_sh(&actions, NULL, LIST);
})

APART(in_their_order, {
    only_three();
    char *one = make_file("one", "one\n", 0600);
    char *two = make_file("two", "two\n", 0600);
    OPEN(5, one, O_RDONLY, 0);
    DUP2(5, 6);
    OPEN(5, two, O_RDONLY, 0);
    DUP2(6, 7);
    CLOSE(6);
    say_sh(&actions, NULL, "cat <&5; cat <&7; " LIST);
})

static void changes_directory_part(void)
{
    char command[100];
    begin_actions();
    make_file("sibling", "sibling\n", 0600);
    make_file("run", "#!/bin/sh\necho ran in $(basename $(pwd -P))\n", 0755);
    if (chdir("/"))
        abort();
    CHDIR(scratch);
    OPEN(5, "sibling", O_RDONLY, 0); /* from there */
    say_sh(&actions, NULL, "cat <&5; basename $(pwd -P) | cut -c 1-12");
    /* The program too is looked for from there. */
    char *argv[] = { "run", NULL };
    pid_t pid;
    int ends[2];
    char text[100] = "";
    if (pipe2(ends, O_CLOEXEC))
        abort();
    DUP2(ends[1], 1);
    int error = posix_spawn(&pid, "./run", &actions, NULL, argv, environ);
    close(ends[1]);
    if (!error && read(ends[0], text, sizeof text - 1) < 0)
        say("unread");
    say(" %s %.19s", error_name(error), text);
    if (!error)
        status_of(pid);
    end_actions();
    snprintf(command, sizeof command, "%s", "pwd");
    say(" ");
    say_sh(NULL, NULL, command); /* the caller stays where it is */
}
static void changes_directory(void)
{
    NEEDS(addchdir_np)
    apart(changes_directory_part);
}

static void changes_directory_by_descriptor(void)
{
    NEEDS(addfchdir_np)
    begin_actions();
    int fd = open("/usr", O_PATH | O_CLOEXEC), other = open("/", O_RDONLY | O_CLOEXEC);
    CHDIR("/proc");
    FCHDIR(fd);
    say_sh(&actions, NULL, "pwd -P");
    end_actions();
    begin_actions();
    OPEN(9, "/dev", O_RDONLY | O_DIRECTORY, 0);
    FCHDIR(9);
    CLOSE(9);
    say(" ");
    say_sh(&actions, NULL, "pwd -P");
    close(fd);
    close(other);
    end_actions();
}

static void directory_fails(void)
{
    NEEDS(addchdir_np)
    begin_actions();
    CHDIR("/nowhere");
    say_sh(&actions, NULL, "exit 1");
    end_actions();
    begin_actions();
    CHDIR("/dev/null");
    say(" ");
    say_sh(&actions, NULL, "exit 1");
    end_actions();
    begin_actions();
    FCHDIR(97);
    say(" ");
    say_sh(&actions, NULL, "exit 1");
    end_actions();
    begin_actions();
    FCHDIR(1);
    say(" ");
    say_sh(&actions, NULL, "exit 1");
    end_actions();
}

static void closes_from_part(void)
{
    only_three();
    begin_actions();
    int fd = open("/dev/null", O_RDONLY);
    fcntl(fd, F_DUPFD, 5);
    fcntl(fd, F_DUPFD, 20);
    fcntl(fd, F_DUPFD, 40);
    DUP2(fd, 8);
    CLOSEFROM(5);
    DUP2(fd, 7);
    say_sh(&actions, NULL, LIST);
    end_actions();
}
static void closes_from(void)
{
    NEEDS(addclosefrom_np)
    apart(closes_from_part);
}

static void bad_descriptors(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    int over = (int)limit.rlim_cur;
    begin_actions();
    say("%s ", error_name(OPEN(-1, "/dev/null", O_RDONLY, 0)));
    say("%s ", error_name(CLOSE(-1)));
    say("%s ", error_name(DUP2(-1, 1)));
    say("%s ", error_name(DUP2(1, -1)));
    say("%s ", posix_spawn_file_actions_addfchdir_np ? error_name(FCHDIR(-1)) : "EBADF");
    say("%s ", posix_spawn_file_actions_addclosefrom_np ? error_name(CLOSEFROM(-1)) : "EBADF");
    say("%s; ", posix_spawn_file_actions_addtcsetpgrp_np ? error_name(TCSETPGRP(-1)) : "EBADF");
    say("%s ", error_name(OPEN(over, "/dev/null", O_RDONLY, 0)));
    say("%s ", error_name(CLOSE(over)));
    say("%s ", error_name(DUP2(over, 1)));
    say("%s; ", error_name(DUP2(1, over)));
    say_sh(&actions, NULL, "echo nothing was added");
    end_actions();
}

static void many(void)
{
    begin_actions();
    int errors = 0;
    char *file = make_file("many", "many\n", 0600);
    for (int i = 0; i < 1000; i++) {
        errors += OPEN(10 + i % 50, file, O_RDONLY, 0) != 0;
        errors += DUP2(10 + i % 50, 70) != 0;
    }
    say("%d ", errors);
    for (int i = 0; i < 2; i++) /* used once more */
        say_sh(&actions, NULL, "cat /proc/self/fd/70");
    end_actions();
}

/* An error is returned even when the actions take every low descriptor. */
static void an_error_survives(void)
{
    char *argv[] = { "nothing", NULL };
    pid_t pid;
    begin_actions();
    for (int fd = 3; fd < 200; fd++) {
        if (fd % 2)
            DUP2(0, fd);
        else
            CLOSE(fd);
    }
    say("%s", error_name(posix_spawn(&pid, "/nowhere", &actions, NULL, argv, environ)));
    if (posix_spawn_file_actions_addclosefrom_np) {
        CLOSEFROM(3);
        say(" %s", error_name(posix_spawn(&pid, "/nowhere", &actions, NULL, argv, environ)));
    } else {
        say(" ENOENT");
    }
    end_actions();
}

/* What is not open in the caller is not open in the child either, whatever the
 * library opens on the way. */
APART(nothing_else_is_open, {
    only_three();
    int errors = 0;
    for (int fd = 3; fd < 12; fd++) {
        char *argv[] = { "sh", "-c", ":", NULL };
        pid_t pid;
        begin_actions();
        DUP2(fd, 60);
        errors += posix_spawn(&pid, "/bin/sh", &actions, NULL, argv, environ) == EBADF;
        end_actions();
    }
    begin_actions();
    say("%d of 9", errors);
})

/* On a new terminal: the child's group comes to the foreground. */
static void takes_the_terminal_part(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0 || grantpt(master) || unlockpt(master) || setsid() < 0) {
        say("SKIP no pseudoterminals here");
        return;
    }
    int terminal = open(ptsname(master), O_RDWR | O_CLOEXEC);
    attr_t attr;
    if (terminal < 0) {
        say("SKIP no pseudoterminals here");
        return;
    }
    begin_actions();
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attr, 0);
    DUP2(terminal, 0);
    say("%s ", error_name(TCSETPGRP(0)));
    /* pgrp and tpgid of the shell */
    say_sh(&actions, &attr, "set -- $(cat /proc/$$/stat); [ $5 = $8 ] && [ $5 = $$ ] && echo foreground");
    end_actions();
    begin_actions();
    TCSETPGRP(1);
    say(" ");
    say_sh(&actions, NULL, "exit 1");
    end_actions();
    posix_spawnattr_destroy(&attr);
    signal(SIGHUP, SIG_IGN);
    close(terminal);
    close(master);
}
static void takes_the_terminal(void)
{
    NEEDS(addtcsetpgrp_np)
    if (emulated())
        say("SKIP the emulator's /proc shows another process");
    else
        apart(takes_the_terminal_part);
}

static const struct spawn_case cases[] = {
    { "addopen: a file is read", opens, "content", NULL },
    { "addopen: a file is created by mode and umask", creates, "640 x; EEXIST", NULL },
    { "addopen: a file is appended to and truncated", appends_and_truncates, "one two; three", NULL },
    { "addopen onto a descriptor in use", opens_onto_one_in_use, "other 0 1 2 3", NULL },
    { "addopen of what open(2) gives that descriptor", opens_where_it_lands, "lands 0 1 2 3", NULL },
    { "addopen leaves no other descriptor open", opens_and_keeps_no_other, "moved 0 1 2 9", NULL },
    { "addopen with no descriptor left but the one to replace", opens_with_the_table_full, "0 full",
      "musl does not close first, as POSIX has it" },
    { "addopen of files that cannot be opened", open_fails, "ENOENT EISDIR", NULL },
    { "addopen copies its path", path_is_copied, "copied", NULL },
    { "addclose of open descriptors", closes, "0 1 3", NULL },
    { "addclose of what is not open", closes_what_is_not_open, "fine", NULL },
    { "adddup2 onto free descriptors", dups, "dup 0 1 2 6 8", NULL },
    { "adddup2 onto itself clears close-on-exec", dup_onto_itself, "0 1 2 20",
      "as in glibc before 2.29" },
    { "adddup2 of what is not open", dup_of_nothing, "EBADF EBADF", NULL },
    { "adddup2 of what addopen opened", dup_of_what_was_opened, "both 0 1 2", NULL },
    { "addopen with O_CLOEXEC", opens_close_on_exec, "0 1 2 6",
      "musl's own pipe makes it land elsewhere, and the flag is lost" },
    { "file actions are taken in their order", in_their_order, "two one 0 1 2 5 7", NULL },
    { "addchdir_np counts for later actions and the program", changes_directory, "sibling clone3-spawn 0 ran in clone3-spawn /", NULL },
    { "addfchdir_np of a directory, and of one that was opened", changes_directory_by_descriptor, "/usr /dev", NULL },
    { "addchdir_np and addfchdir_np of what is no directory", directory_fails, "ENOENT ENOTDIR EBADF ENOTDIR", NULL },
    { "addclosefrom_np among other actions", closes_from, "0 1 2 3 7", NULL },
    { "file actions with descriptors that cannot exist", bad_descriptors,
      "EBADF EBADF EBADF EBADF EBADF EBADF EBADF; EBADF EBADF EBADF EBADF; nothing was added",
      "musl knows no OPEN_MAX; glibc takes any descriptor for fchdir" },
    { "a thousand file actions, used twice", many, "0 manymany", NULL },
    { "an error of exec is returned though file actions replace all descriptors", an_error_survives, "ENOENT ENOENT", NULL },
    { "no other descriptor is open when file actions are taken", nothing_else_is_open, "9 of 9", NULL },
    { "addtcsetpgrp_np of a terminal, and of what is none", takes_the_terminal, "0 foreground ENOTTY", NULL },
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
