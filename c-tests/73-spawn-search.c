/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* posix_spawnp searches PATH as execvp does. The host libc's own is the control.
 */
#define _GNU_SOURCE
#include "spawning.h"

/* A directory below the scratch one with a program that says where it is. */
static void make_place(const char *place, const char *program, mode_t mode, const char *text)
{
    char name[200];
    mkdir(in_scratch(place), 0755);
    snprintf(name, sizeof name, "%s/%s", place, program);
    make_file(name, text, mode);
}

static void remove_place(const char *place, const char *program)
{
    char name[200];
    snprintf(name, sizeof name, "%s/%s", place, program);
    unlink(in_scratch(name));
    rmdir(in_scratch(place));
}

/* The output of a program that is looked for, with % in the path for the scratch
 * directory. */
static void say_found(const char *path, const char *file, const actions_t *actions)
{
    char full[40000] = "", text[100] = "";
    char *argv[] = { (char *)file, NULL };
    size_t used = 0;
    pid_t pid;
    int ends[2];
    for (; path && *path; path++)
        if (*path == '%')
            used += (size_t)sprintf(full + used, "%s", scratch);
        else
            full[used++] = *path;
    if (path)
        setenv("PATH", full, 1);
    else
        unsetenv("PATH");
    if (pipe2(ends, O_CLOEXEC))
        abort();
    int old = fcntl(1, F_DUPFD_CLOEXEC, 50);
    dup2(ends[1], 1);
    int error = posix_spawnp(&pid, file, actions, NULL, argv, environ);
    dup2(old, 1);
    close(old);
    close(ends[1]);
    if (!error && read(ends[0], text, sizeof text - 1) < 0)
        say("unread");
    close(ends[0]);
    say("%s%s", error_name(error), error ? "" : " ");
    if (!error) {
        say("%s", trim(text));
        status_of(pid);
    }
}

static void search_part(void)
{
    if (chdir(scratch))
        abort();
    make_place("a", "tool", 0755, "#!/bin/sh\necho a\n");
    make_place("b", "tool", 0755, "#!/bin/sh\necho b\n");
    say_found("%/a:%/b", "tool", NULL);
    say(", ");
    say_found("%/nowhere:%/b:%/a", "tool", NULL);
    say(", ");
    say_found("/dev/null:%/a", "tool", NULL);
    say(", ");
    say_found("%/nowhere:/dev/null", "tool", NULL);
    say(", ");
    say_found("%/nowhere", "tool", NULL);
    say(", ");
    say_found("a:b", "tool", NULL); /* relative */
}
static void search(void)
{
    apart(search_part);
    remove_place("a", "tool");
    remove_place("b", "tool");
}

static void empty_part(void)
{
    make_place("c", "tool", 0755, "#!/bin/sh\necho c\n");
    if (chdir(in_scratch("c")))
        abort();
    say_found(":/nowhere", "tool", NULL);
    say(", ");
    say_found("/nowhere:", "tool", NULL);
    say(", ");
    say_found("/nowhere::/nowhere", "tool", NULL);
    say(", ");
    say_found("", "tool", NULL);
}
static void empty(void)
{
    apart(empty_part);
    remove_place("c", "tool");
}

/* The working directory is the child's. */
static void empty_elsewhere_part(void)
{
    actions_t actions;
    make_place("l", "tool", 0755, "#!/bin/sh\necho l\n");
    if (chdir("/"))
        abort();
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, in_scratch("l"));
    say_found(":/nowhere", "tool", &actions);
    posix_spawn_file_actions_destroy(&actions);
}
static void empty_elsewhere(void)
{
    if (!posix_spawn_file_actions_addchdir_np) {
        say("missing");
        return;
    }
    apart(empty_elsewhere_part);
    remove_place("l", "tool");
}

static void denied_part(void)
{
    make_place("d", "tool", 0644, "not to be executed");
    make_place("e", "tool", 0755, "#!/bin/sh\necho e\n");
    say_found("%/d:%/e", "tool", NULL);
    say(", ");
    say_found("%/d:%/nowhere", "tool", NULL);
    say(", ");
    say_found("%/nowhere:%/d", "tool", NULL);
}
static void denied(void)
{
    apart(denied_part);
    remove_place("d", "tool");
    remove_place("e", "tool");
}

static void ends_the_search_part(void)
{
    make_place("f", "tool", 0755, "echo no first line\n");
    make_place("g", "tool", 0755, "#!/bin/sh\necho g\n");
    say_found("%/f:%/g", "tool", NULL);
}
static void ends_the_search(void)
{
    apart(ends_the_search_part);
    remove_place("f", "tool");
    remove_place("g", "tool");
}

static void with_a_slash_part(void)
{
    make_place("h", "tool", 0755, "#!/bin/sh\necho h\n");
    if (chdir(scratch))
        abort();
    say_found("/nowhere", "h/tool", NULL);
    say(", ");
    say_found("%/h", "./tool", NULL);
}
static void with_a_slash(void)
{
    apart(with_a_slash_part);
    remove_place("h", "tool");
}

static void no_name_part(void) { say_found("/bin", "", NULL); }
static void no_name(void) { apart(no_name_part); }

/* What the libc takes without a PATH. */
static void no_path_part(void)
{
    say_found(NULL, "echo", NULL);
    say(", ");
    say_found(NULL, "no-such-program", NULL);
}
static void no_path(void) { apart(no_path_part); }

/* Names and elements near the limits. */
static void long_names_part(void)
{
    static char name[400], list[20000];
    make_place("i", "tool", 0755, "#!/bin/sh\necho i\n");
    memset(name, 'n', 255);
    say_found("%/i", name, NULL);
    name[255] = 'n';
    say(", ");
    say_found("%/i", name, NULL);
    /* An element that no path can begin with is passed over. */
    list[0] = '/';
    memset(list + 1, 'x', 5000);
    strcat(list, ":%/i");
    say(", ");
    say_found(list, "tool", NULL);
    /* One that is a path by a hair: many slashes. */
    memset(list, '/', sizeof list);
    snprintf(list + 4000, 50, "tmp:%%/i");
    say(", ");
    say_found(list, "tool", NULL);
    /* Together longer than a path may be: the search ends. */
    memset(list, '/', sizeof list);
    snprintf(list + 4090, 50, "tmp:%%/i");
    say(", ");
    say_found(list, "tool-of-some-length", NULL);
}
static void long_names(void)
{
    apart(long_names_part);
    remove_place("i", "tool");
}

/* It really is that file which is executed with a long PATH: found by slashes. */
static void deep_part(void)
{
    static char list[5000];
    memset(list, '/', sizeof list);
    snprintf(list + 3500, 100, "%s/j", scratch);
    make_place("j", "tool", 0755, "#!/bin/sh\necho j\n");
    say_found(list, "tool", NULL);
}
static void deep(void)
{
    apart(deep_part);
    remove_place("j", "tool");
}

/* The environment that counts is the caller's, not the child's. */
static void callers_path_part(void)
{
    make_place("k", "tool", 0755, "#!/bin/sh\necho k $PATH\n");
    char entry[200], *argv[] = { "tool", NULL };
    char *const given[] = { "PATH=/elsewhere", NULL };
    char text[100] = "";
    pid_t pid;
    int ends[2];
    snprintf(entry, sizeof entry, "%s/k", scratch);
    setenv("PATH", entry, 1);
    if (pipe2(ends, O_CLOEXEC))
        abort();
    int old = fcntl(1, F_DUPFD_CLOEXEC, 50);
    dup2(ends[1], 1);
    int error = posix_spawnp(&pid, "tool", NULL, NULL, argv, given);
    dup2(old, 1);
    close(ends[1]);
    if (!error && read(ends[0], text, sizeof text - 1) < 0)
        say("unread");
    say("%s %s", error_name(error), trim(text));
    if (!error)
        status_of(pid);
}
static void callers_path(void)
{
    apart(callers_path_part);
    remove_place("k", "tool");
}

static const struct spawn_case cases[] = {
    { "posix_spawnp() runs the first program of that name in PATH", search, "0 a, 0 b, 0 a, ENOTDIR, ENOENT, 0 a", NULL },
    { "posix_spawnp() takes an empty element of PATH for the working directory", empty, "0 c, 0 c, 0 c, 0 c", NULL },
    { "posix_spawnp() takes an empty element of PATH for the child's directory", empty_elsewhere, "0 l", NULL },
    { "posix_spawnp() goes on after EACCES, and returns it if nothing else is found", denied, "0 e, EACCES, EACCES", NULL },
    { "posix_spawnp() ends its search at ENOEXEC", ends_the_search, "ENOEXEC", NULL },
    { "posix_spawnp() takes a name with a slash for a path", with_a_slash, "0 h, ENOENT", NULL },
    { "posix_spawnp() of an empty name", no_name, "ENOENT", NULL },
    { "posix_spawnp() without PATH", no_path, "0 , ENOENT", NULL },
    { "posix_spawnp() with long names and elements of PATH", long_names, "ENOENT, ENAMETOOLONG, 0 i, 0 i, ENAMETOOLONG",
      "glibc takes what follows a very long element for an empty one" },
    { "posix_spawnp() runs a program through a long element of PATH", deep, "0 j", NULL },
    { "posix_spawnp() searches the caller's PATH", callers_path, "0 k /elsewhere", NULL },
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
