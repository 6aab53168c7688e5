/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* clone3_spawn(): the plan as an object, what contradicts itself, and how errors
 * are worded.
 * modes: preload shared static api
 */
#define _GNU_SOURCE
#include "planning.h"

static int answer(void *unused) { (void)unused; return 7; }

static void objects(void)
{
    clone3_spawn_t plan;
    pid_t pid = -5;
    char *argv[] = { "sh", "-c", "exit 7", NULL };
    is(clone3_spawn_init(NULL, sizeof plan), EFAULT, "init of NULL");
    is(clone3_spawn_init(&plan, sizeof plan - 1), EINVAL, "init of less than the first version");
    is(clone3_spawn_init(&plan, sizeof plan + 100), 0, "init of more");
    memset(&plan, 0, sizeof plan);
    is(clone3_spawn_set_uid(&plan, 1), EINVAL, "a setter of what nobody initialised");
    is(clone3_spawn_set_uid(NULL, 1), EFAULT, "a setter of NULL");
    is(spawn_plan(&pid, "/bin/sh", &plan, argv), EINVAL, "a spawn of it");
    is(error_of_plan.stage, CLONE3_SPAWN_STAGE_PLAN, "and its stage");
    is(pid, -5, "and pid is not touched");
    ok(strcmp(plan_error(), "plan: Invalid argument: clone3_spawn_init() did not make it") == 0, "and its words: %s", plan_error());
    plan = new_plan();
    struct { struct clone3_spawn_error known; uint64_t later; } bigger = { .known.size = sizeof bigger, .later = 7 };
    char words[200];
    is(clone3_spawn(&pid, "/nowhere", &plan, argv, environ, &bigger.known), ENOENT, "a spawn fails with an error of a later version");
    ok(bigger.known.size == sizeof bigger.known && bigger.later == 0, "the error of a later version is filled as far as is known");
    ok(strcmp(clone3_spawn_strerror(&bigger.known, words, sizeof words), "exec \"/nowhere\": No such file or directory") == 0,
        "and told in words: %s", words);
    const uint32_t no_sizes[] = { 0, sizeof error_of_plan - 1, 4097 };
    for (int i = 0; i < 3; i++) {
        memset(&error_of_plan, 0x55, sizeof error_of_plan);
        error_of_plan.size = no_sizes[i];
        is(clone3_spawn(&pid, "/bin/sh", &plan, argv, environ, &error_of_plan), i == 2 ? E2BIG : EINVAL, "a spawn with an error of no version's size fails");
        ok(error_of_plan.size == no_sizes[i] && error_of_plan.stage == 0x55555555, "and the error is untouched");
        ok(strncmp(clone3_spawn_strerror(&error_of_plan, words, sizeof words), "the error's own size: ", 22) == 0,
            "which is what its words say: %s", words);
    }
    is(clone3_spawn(&pid, "/bin/sh", &plan, argv, environ, NULL), 0, "no error wanted");
    is(status_of(pid), 7, "and there is the child");
    is(spawn_plan(&pid, "/bin/sh", NULL, argv), 0, "no plan");
    is(status_of(pid), 7, "and there is the child");
    ok(error_of_plan.stage == 0 && error_of_plan.error == 0 && error_of_plan.path == NULL, "and no error");
    is(spawn_plan(NULL, "/bin/sh", NULL, argv), 0, "no pid wanted");
    int status;
    ok(wait(&status) > 0 && WEXITSTATUS(status) == 7, "and there is the child");
    is(clone3_spawn(&pid, "/nowhere", &plan, argv, environ, NULL), ENOENT, "an error that nobody hears");
    setenv("PLANNED", "yes", 1);
    char *script[] = { "sh", "-c", "test \"$PLANNED\" = yes && exit 7", NULL }, *none[] = { NULL };
    is(clone3_spawn(&pid, "/bin/sh", NULL, script, NULL, NULL), 0, "envp of NULL");
    is(status_of(pid), 7, "is the caller's environment");
    is(clone3_spawn(&pid, "/bin/sh", NULL, script, none, NULL), 0, "an empty one");
    is(status_of(pid), 1, "is empty");
}

static void refused_by_setters(void)
{
    clone3_spawn_t plan = new_plan();
    int fd = 0;
    sigset_t kill;
    sigemptyset(&kill);
    sigaddset(&kill, SIGKILL);
    is(clone3_spawn_add_flags(&plan, CLONE_VM), EINVAL, "flags: CLONE_VM");
    is(clone3_spawn_add_flags(&plan, CLONE_FILES), EINVAL, "flags: CLONE_FILES");
    is(clone3_spawn_add_flags(&plan, 1ull << 63), EINVAL, "flags: a bit nobody knows");
    is(clone3_spawn_set_exit_signal(&plan, 65), EINVAL, "exit_signal: 65");
    is(clone3_spawn_set_exit_signal(&plan, -1), EINVAL, "exit_signal: -1");
    is(clone3_spawn_set_tid(&plan, NULL, 1), EFAULT, "tid: NULL");
    is(clone3_spawn_set_namespaces(&plan, NULL, 1), EFAULT, "namespaces: NULL");
    is(clone3_spawn_set_uid_map(&plan, NULL, 1), EFAULT, "uid_map: NULL");
    is(clone3_spawn_set_gid_map(&plan, NULL, 1), EFAULT, "gid_map: NULL");
    is(clone3_spawn_set_uid(&plan, (uid_t)-1), EINVAL, "uid: -1");
    is(clone3_spawn_set_gid(&plan, (gid_t)-1), EINVAL, "gid: -1");
    is(clone3_spawn_set_groups(&plan, NULL, 1), EFAULT, "groups: NULL");
    is(clone3_spawn_set_capabilities(&plan, 3, 0), EINVAL, "capabilities: no such set");
    is(clone3_spawn_set_seccomp(&plan, NULL, 1), EINVAL, "seccomp: TSYNC");
    is(clone3_spawn_set_rlimits(&plan, NULL, 1), EFAULT, "rlimits: NULL");
    is(clone3_spawn_set_umask(&plan, 01000), EINVAL, "umask: 01000");
    is(clone3_spawn_set_process_group(&plan, -1), EINVAL, "process_group: -1");
    is(clone3_spawn_set_terminal(&plan, -1), EBADF, "terminal: -1");
    is(clone3_spawn_set_signal_mask(&plan, NULL), EFAULT, "signal_mask: NULL");
    is(clone3_spawn_set_signal_defaults(&plan, NULL), EFAULT, "signal_defaults: NULL");
    is(clone3_spawn_set_signal_ignores(&plan, &kill), EINVAL, "signal_ignores: SIGKILL");
    is(clone3_spawn_set_nice(&plan, 20), EINVAL, "nice: 20");
    is(clone3_spawn_set_oom_score_adj(&plan, 1001), EINVAL, "oom_score_adj: 1001");
    is(clone3_spawn_set_pdeath_signal(&plan, 65), EINVAL, "death_signal: 65");
    is(clone3_spawn_set_directory_fd(&plan, -1), EBADF, "directory_fd: -1");
    is(clone3_spawn_set_pivot_root(&plan, -1), EBADF, "root: -1");
    is(clone3_spawn_set_fds(&plan, NULL, 1), EFAULT, "fds: NULL");
    is(clone3_spawn_set_fds(&plan, &fd, 1025), EINVAL, "fds: 1025");
    is(clone3_spawn_set_program_fd(&plan, -1, 0), EBADF, "program: -1");
    is(clone3_spawn_set_program_fd(&plan, 0, AT_EMPTY_PATH), EINVAL, "program: AT_EMPTY_PATH");
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_PLAN, ANY_INDEX, EINVAL, "a plan with a failed setter does not run");
}

/* One test: refused, in words that no other contradiction has and that say `words`. */
static void contradicts(const clone3_spawn_t *plan, const char *path, const char *words, const char *name)
{
    static char seen[20][200];
    static int count;
    fails_at(plan, path, CLONE3_SPAWN_STAGE_PLAN, ANY_INDEX, EINVAL, name);
    const char *said = plan_error();
    int again = 0;
    for (int i = 0; i < count; i++)
        again |= strcmp(seen[i], said) == 0;
    ok(strncmp(said, "plan: Invalid argument: ", 24) == 0 && strstr(said, words) && !again, "%s has its own words: %s", name, said);
    snprintf(seen[count++], sizeof *seen, "%s", said);
}

static void contradictions(void)
{
    const struct clone3_spawn_id_range range = { 0, 0, 1 };
    sigset_t signals;
    clone3_spawn_t plan = new_plan();
    contradicts(&plan, NULL, "nothing to run", "nothing to run");
    clone3_spawn_set_function(&plan, answer, NULL);
    contradicts(&plan, "/bin/sh", "only one can run", "a function and a program");
    clone3_spawn_set_program_fd(&plan, 0, 0);
    fails_at(&plan, NULL, CLONE3_SPAWN_STAGE_PLAN, ANY_INDEX, EINVAL, "a function and a program by descriptor");
    plan = new_plan();
    clone3_spawn_set_search(&plan, 1);
    contradicts(&plan, NULL, "needs a name", "a search for nothing");
    clone3_spawn_set_program_fd(&plan, 0, 0);
    contradicts(&plan, "sh", "set_program_fd() does not", "a search in PATH and a directory");
    plan = new_plan();
    clone3_spawn_set_uid_map(&plan, &range, 1);
    contradicts(&plan, "/bin/sh", "CLONE_NEWUSER", "a uid_map without CLONE_NEWUSER");
    plan = new_plan();
    clone3_spawn_set_setgroups(&plan, 0);
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_PLAN, ANY_INDEX, EINVAL, "setgroups without CLONE_NEWUSER");
    plan = new_plan();
    clone3_spawn_set_pivot_root(&plan, 0);
    contradicts(&plan, "/bin/sh", "set_pivot_root() needs a mount namespace", "a pivot without a mount namespace");
    plan = new_plan();
    clone3_spawn_add_flags(&plan, CLONE_EMPTY_MNTNS);
    contradicts(&plan, "/bin/sh", "CLONE_EMPTY_MNTNS needs CLONE_NEWNS", "CLONE_EMPTY_MNTNS without CLONE_NEWNS");
    plan = new_plan();
    clone3_spawn_set_terminal(&plan, 0);
    contradicts(&plan, "/bin/sh", "set_session()", "a terminal without a session");
    plan = new_plan();
    clone3_spawn_set_session(&plan, 1);
    clone3_spawn_set_process_group(&plan, 1);
    contradicts(&plan, "/bin/sh", "process group", "a session in another process group");
    plan = new_plan();
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    clone3_spawn_set_signal_defaults(&plan, &signals);
    clone3_spawn_set_signal_ignores(&plan, &signals);
    contradicts(&plan, "/bin/sh", "signal", "a signal at its default and ignored");
    plan = new_plan();
    clone3_spawn_set_capabilities(&plan, CLONE3_SPAWN_INHERITABLE, 1);
    clone3_spawn_set_capabilities(&plan, CLONE3_SPAWN_AMBIENT, 2);
    contradicts(&plan, "/bin/sh", "ambient", "ambient capabilities that are not inheritable");
}

static void words(void)
{
    char text[100], *argv[] = { "x", NULL };
    pid_t pid;
    posix_spawn_file_actions_t actions;
    clone3_spawn_t plan = new_plan();
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addclose(&actions, 77);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    posix_spawn_file_actions_addclose(&actions, 78);
    posix_spawn_file_actions_addopen(&actions, 5, "/nowhere/x", O_RDONLY, 0);
    clone3_spawn_set_file_actions(&plan, &actions);
    is(spawn_plan(&pid, "/bin/sh", &plan, argv), ENOENT, "an action that fails");
    ok(strcmp(plan_error(), "file action 3, open \"/nowhere/x\": No such file or directory") == 0, "%s", plan_error());
    ok(error_of_plan.action == CLONE3_SPAWN_ACTION_OPEN && error_of_plan.number == 5
        && strcmp(error_of_plan.path, "/nowhere/x") == 0 && error_of_plan.index == 3, "and in numbers");
    posix_spawn_file_actions_destroy(&actions);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, 99, 2);
    is(spawn_plan(&pid, "/bin/sh", &plan, argv), EBADF, "another");
    ok(strcmp(plan_error(), "file action 0, dup2 99: Bad file descriptor") == 0, "%s", plan_error());
    posix_spawn_file_actions_destroy(&actions);
    is(spawn_plan(&pid, "/nowhere", NULL, argv), ENOENT, "a program that is not there");
    ok(strcmp(plan_error(), "exec \"/nowhere\": No such file or directory") == 0, "%s", plan_error());
    ok(clone3_spawn_strerror(&error_of_plan, text, 8) == text && strcmp(text, "exec \"/") == 0, "cut to the room: %s", text);
    ok(*clone3_spawn_strerror(&error_of_plan, NULL, 8) == 0 && *clone3_spawn_strerror(&error_of_plan, text, 0) == 0
        && strcmp(text, "exec \"/") == 0, "no room, no text");
    struct clone3_spawn_error made_up = { sizeof made_up, CLONE3_SPAWN_STAGE_ID_MAP, 1, 9999, 0, -1, NULL };
    ok(strcmp(clone3_spawn_strerror(&made_up, text, sizeof text), "id maps, uid_map: error 9999") == 0, "%s", text);
    made_up = (struct clone3_spawn_error){ sizeof made_up, 99, -1, EPERM, 99, -7, NULL };
    ok(clone3_spawn_strerror(&made_up, text, sizeof text) == text && strstr(text, "unknown step"), "%s", text);
    made_up = (struct clone3_spawn_error){ .size = sizeof made_up };
    ok(strcmp(clone3_spawn_strerror(&made_up, text, sizeof text), "no error") == 0, "no error");
}

int main(void)
{
    begin(60);
    objects();
    refused_by_setters();
    contradictions();
    words();
    return done();
}
