/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* clone3_spawn(): the plan as an object, contradictions in it, and the texts of errors.
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
    is(clone3_spawn_init(NULL, sizeof plan), EFAULT, "clone3_spawn_init() of no plan: EFAULT");
    is(clone3_spawn_init(&plan, sizeof plan - 1), EINVAL, "clone3_spawn_init() of less than the first version: EINVAL");
    is(clone3_spawn_init(&plan, sizeof plan + 100), 0, "clone3_spawn_init() of a plan of a later version");
    memset(&plan, 0, sizeof plan);
    is(clone3_spawn_set_uid(&plan, 1), EINVAL, "a setter of what was not initialised: EINVAL");
    is(clone3_spawn_set_uid(NULL, 1), EFAULT, "a setter of no plan: EFAULT");
    is(spawn_plan(&pid, "/bin/sh", &plan, argv), EINVAL, "clone3_spawn() of what was not initialised: EINVAL");
    is(error_of_plan.stage, CLONE3_SPAWN_STAGE_PLAN, "clone3_spawn() of what was not initialised fails at CLONE3_SPAWN_STAGE_PLAN");
    is(pid, -5, "clone3_spawn() of what was not initialised does not touch the pid");
    ok(strcmp(plan_error(), "plan: Invalid argument: clone3_spawn_init() did not make it") == 0, "clone3_spawn() of what was not initialised, in words: %s", plan_error());
    plan = new_plan();
    struct { struct clone3_spawn_error known; uint64_t later; } bigger = { .known.size = sizeof bigger, .later = 7 };
    char words[200];
    is(clone3_spawn(&pid, "/nowhere", &plan, argv, environ, &bigger.known), ENOENT, "clone3_spawn() takes an error of a later version");
    ok(bigger.known.size == sizeof bigger.known && bigger.later == 0, "clone3_spawn() fills an error of a later version as far as is known");
    ok(strcmp(clone3_spawn_strerror(&bigger.known, words, sizeof words), "exec \"/nowhere\": No such file or directory") == 0,
        "clone3_spawn_strerror() takes an error of a later version: %s", words);
    const uint32_t no_sizes[] = { 0, sizeof error_of_plan - 1, 4097 };
    for (int i = 0; i < 3; i++) {
        memset(&error_of_plan, 0x55, sizeof error_of_plan);
        error_of_plan.size = no_sizes[i];
        is(clone3_spawn(&pid, "/bin/sh", &plan, argv, environ, &error_of_plan), i == 2 ? E2BIG : EINVAL, named("clone3_spawn() with an error of %u bytes fails", (unsigned)no_sizes[i]));
        ok(error_of_plan.size == no_sizes[i] && error_of_plan.stage == 0x55555555, "clone3_spawn() with an error of %u bytes does not touch it", (unsigned)no_sizes[i]);
        ok(strncmp(clone3_spawn_strerror(&error_of_plan, words, sizeof words), "the error's own size: ", 22) == 0,
            "clone3_spawn_strerror() of an error of %u bytes names its size: %s", (unsigned)no_sizes[i], words);
    }
    is(clone3_spawn(&pid, "/bin/sh", &plan, argv, environ, NULL), 0, "clone3_spawn() needs no place for an error");
    is(status_of(pid), 7, "clone3_spawn() without a place for an error makes its child");
    is(spawn_plan(&pid, "/bin/sh", NULL, argv), 0, "clone3_spawn() needs no plan");
    is(status_of(pid), 7, "clone3_spawn() without a plan makes its child");
    ok(error_of_plan.stage == 0 && error_of_plan.error == 0 && error_of_plan.path == NULL, "clone3_spawn() that succeeds fills the error with zeroes");
    is(spawn_plan(NULL, "/bin/sh", NULL, argv), 0, "clone3_spawn() needs no place for the pid");
    int status;
    ok(wait(&status) > 0 && WEXITSTATUS(status) == 7, "clone3_spawn() without a place for the pid makes its child");
    is(clone3_spawn(&pid, "/nowhere", &plan, argv, environ, NULL), ENOENT, "clone3_spawn() that fails needs no place for an error");
    setenv("PLANNED", "yes", 1);
    char *script[] = { "sh", "-c", "test \"$PLANNED\" = yes && exit 7", NULL }, *none[] = { NULL };
    is(clone3_spawn(&pid, "/bin/sh", NULL, script, NULL, NULL), 0, "clone3_spawn() with envp NULL");
    is(status_of(pid), 7, "clone3_spawn() with envp NULL passes on the caller's environment");
    is(clone3_spawn(&pid, "/bin/sh", NULL, script, none, NULL), 0, "clone3_spawn() with an empty envp");
    is(status_of(pid), 1, "clone3_spawn() with an empty envp passes on no environment");
}

static void refused_by_setters(void)
{
    clone3_spawn_t plan = new_plan();
    int fd = 0;
    sigset_t kill;
    sigemptyset(&kill);
    sigaddset(&kill, SIGKILL);
    is(clone3_spawn_add_flags(&plan, CLONE_VM), EINVAL, "clone3_spawn_add_flags() refuses CLONE_VM");
    is(clone3_spawn_add_flags(&plan, CLONE_FILES), EINVAL, "clone3_spawn_add_flags() refuses CLONE_FILES");
    is(clone3_spawn_add_flags(&plan, 1ull << 63), EINVAL, "clone3_spawn_add_flags() refuses bit 63");
    is(clone3_spawn_set_exit_signal(&plan, 65), EINVAL, "clone3_spawn_set_exit_signal() refuses 65");
    is(clone3_spawn_set_exit_signal(&plan, -1), EINVAL, "clone3_spawn_set_exit_signal() refuses -1");
    is(clone3_spawn_set_tid(&plan, NULL, 1), EFAULT, "clone3_spawn_set_tid() refuses NULL");
    is(clone3_spawn_set_namespaces(&plan, NULL, 1), EFAULT, "clone3_spawn_set_namespaces() refuses NULL");
    is(clone3_spawn_set_uid_map(&plan, NULL, 1), EFAULT, "clone3_spawn_set_uid_map() refuses NULL");
    is(clone3_spawn_set_gid_map(&plan, NULL, 1), EFAULT, "clone3_spawn_set_gid_map() refuses NULL");
    is(clone3_spawn_set_uid(&plan, (uid_t)-1), EINVAL, "clone3_spawn_set_uid() refuses -1");
    is(clone3_spawn_set_gid(&plan, (gid_t)-1), EINVAL, "clone3_spawn_set_gid() refuses -1");
    is(clone3_spawn_set_groups(&plan, NULL, 1), EFAULT, "clone3_spawn_set_groups() refuses NULL");
    is(clone3_spawn_set_capabilities(&plan, 3, 0), EINVAL, "clone3_spawn_set_capabilities() refuses a set that does not exist");
    is(clone3_spawn_set_seccomp(&plan, NULL, 1), EINVAL, "clone3_spawn_set_seccomp() refuses SECCOMP_FILTER_FLAG_TSYNC");
    is(clone3_spawn_set_rlimits(&plan, NULL, 1), EFAULT, "clone3_spawn_set_rlimits() refuses NULL");
    is(clone3_spawn_set_umask(&plan, 01000), EINVAL, "clone3_spawn_set_umask() refuses 01000");
    is(clone3_spawn_set_process_group(&plan, -1), EINVAL, "clone3_spawn_set_process_group() refuses -1");
    is(clone3_spawn_set_terminal(&plan, -1), EBADF, "clone3_spawn_set_terminal() refuses -1");
    is(clone3_spawn_set_signal_mask(&plan, NULL), EFAULT, "clone3_spawn_set_signal_mask() refuses NULL");
    is(clone3_spawn_set_signal_defaults(&plan, NULL), EFAULT, "clone3_spawn_set_signal_defaults() refuses NULL");
    is(clone3_spawn_set_signal_ignores(&plan, &kill), EINVAL, "clone3_spawn_set_signal_ignores() refuses SIGKILL");
    is(clone3_spawn_set_nice(&plan, 20), EINVAL, "clone3_spawn_set_nice() refuses 20");
    is(clone3_spawn_set_oom_score_adj(&plan, 1001), EINVAL, "clone3_spawn_set_oom_score_adj() refuses 1001");
    is(clone3_spawn_set_pdeath_signal(&plan, 65), EINVAL, "clone3_spawn_set_pdeath_signal() refuses 65");
    is(clone3_spawn_set_directory_fd(&plan, -1), EBADF, "clone3_spawn_set_directory_fd() refuses -1");
    is(clone3_spawn_set_pivot_root(&plan, -1), EBADF, "clone3_spawn_set_pivot_root() refuses -1");
    is(clone3_spawn_set_fds(&plan, NULL, 1), EFAULT, "clone3_spawn_set_fds() refuses NULL");
    is(clone3_spawn_set_fds(&plan, &fd, 1025), EINVAL, "clone3_spawn_set_fds() refuses 1025 descriptors");
    is(clone3_spawn_set_program_fd(&plan, -1, 0), EBADF, "clone3_spawn_set_program_fd() refuses -1");
    is(clone3_spawn_set_program_fd(&plan, 0, AT_EMPTY_PATH), EINVAL, "clone3_spawn_set_program_fd() refuses AT_EMPTY_PATH");
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_PLAN, ANY_INDEX, EINVAL, "a plan with failed setters does not run");
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
    ok(strncmp(said, "plan: Invalid argument: ", 24) == 0 && strstr(said, words) && !again, "%s is refused in words of its own: %s", name, said);
    snprintf(seen[count++], sizeof *seen, "%s", said);
}

static void contradictions(void)
{
    const struct clone3_spawn_id_range range = { 0, 0, 1 };
    sigset_t signals;
    clone3_spawn_t plan = new_plan();
    contradicts(&plan, NULL, "nothing to run", "a plan with nothing to run");
    clone3_spawn_set_function(&plan, answer, NULL);
    contradicts(&plan, "/bin/sh", "only one can run", "a plan with a function and a program");
    clone3_spawn_set_program_fd(&plan, 0, 0);
    fails_at(&plan, NULL, CLONE3_SPAWN_STAGE_PLAN, ANY_INDEX, EINVAL, "a plan with a function and a program by descriptor");
    plan = new_plan();
    clone3_spawn_set_search(&plan, 1);
    contradicts(&plan, NULL, "needs a name", "a plan with a search for nothing");
    clone3_spawn_set_program_fd(&plan, 0, 0);
    contradicts(&plan, "sh", "set_program_fd() does not", "a plan with a search in PATH and in a directory");
    plan = new_plan();
    clone3_spawn_set_uid_map(&plan, &range, 1);
    contradicts(&plan, "/bin/sh", "CLONE_NEWUSER", "a plan with a uid_map but not CLONE_NEWUSER");
    plan = new_plan();
    clone3_spawn_set_setgroups(&plan, 0);
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_PLAN, ANY_INDEX, EINVAL, "a plan with setgroups but not CLONE_NEWUSER");
    plan = new_plan();
    clone3_spawn_set_pivot_root(&plan, 0);
    contradicts(&plan, "/bin/sh", "set_pivot_root() needs a mount namespace", "a plan with a pivot but no mount namespace");
    plan = new_plan();
    clone3_spawn_add_flags(&plan, CLONE_EMPTY_MNTNS);
    contradicts(&plan, "/bin/sh", "CLONE_EMPTY_MNTNS needs CLONE_NEWNS", "a plan with CLONE_EMPTY_MNTNS but not CLONE_NEWNS");
    plan = new_plan();
    clone3_spawn_set_terminal(&plan, 0);
    contradicts(&plan, "/bin/sh", "set_session()", "a plan with a terminal but no session");
    plan = new_plan();
    clone3_spawn_set_session(&plan, 1);
    clone3_spawn_set_process_group(&plan, 1);
    contradicts(&plan, "/bin/sh", "process group", "a plan with a session in another process group");
    plan = new_plan();
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    clone3_spawn_set_signal_defaults(&plan, &signals);
    clone3_spawn_set_signal_ignores(&plan, &signals);
    contradicts(&plan, "/bin/sh", "signal", "a plan with a signal at its default and ignored");
    plan = new_plan();
    clone3_spawn_set_capabilities(&plan, CLONE3_SPAWN_INHERITABLE, 1);
    clone3_spawn_set_capabilities(&plan, CLONE3_SPAWN_AMBIENT, 2);
    contradicts(&plan, "/bin/sh", "ambient", "a plan with ambient capabilities that are not inheritable");
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
    is(spawn_plan(&pid, "/bin/sh", &plan, argv), ENOENT, "clone3_spawn() with a file action that cannot be done: ENOENT");
    ok(strcmp(plan_error(), "file action 3, open \"/nowhere/x\": No such file or directory") == 0, "an error of a file action names its path: %s", plan_error());
    ok(error_of_plan.action == CLONE3_SPAWN_ACTION_OPEN && error_of_plan.number == 5
        && strcmp(error_of_plan.path, "/nowhere/x") == 0 && error_of_plan.index == 3, "an error of a file action has kind, number, path and index");
    posix_spawn_file_actions_destroy(&actions);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, 99, 2);
    is(spawn_plan(&pid, "/bin/sh", &plan, argv), EBADF, "clone3_spawn() with a dup2 of what is not open: EBADF");
    ok(strcmp(plan_error(), "file action 0, dup2 99: Bad file descriptor") == 0, "an error of a file action names its descriptor: %s", plan_error());
    posix_spawn_file_actions_destroy(&actions);
    is(spawn_plan(&pid, "/nowhere", NULL, argv), ENOENT, "clone3_spawn() of a program that does not exist: ENOENT");
    ok(strcmp(plan_error(), "exec \"/nowhere\": No such file or directory") == 0, "an error of exec names the program: %s", plan_error());
    ok(clone3_spawn_strerror(&error_of_plan, text, 8) == text && strcmp(text, "exec \"/") == 0, "clone3_spawn_strerror() cuts its text to the buffer: %s", text);
    ok(*clone3_spawn_strerror(&error_of_plan, NULL, 8) == 0 && *clone3_spawn_strerror(&error_of_plan, text, 0) == 0
        && strcmp(text, "exec \"/") == 0, "clone3_spawn_strerror() without a buffer returns an empty string");
    struct clone3_spawn_error made_up = { sizeof made_up, CLONE3_SPAWN_STAGE_ID_MAP, 1, 9999, 0, -1, NULL };
    ok(strcmp(clone3_spawn_strerror(&made_up, text, sizeof text), "id maps, uid_map: error 9999") == 0, "clone3_spawn_strerror() of an unknown errno: %s", text);
    made_up = (struct clone3_spawn_error){ sizeof made_up, 99, -1, EPERM, 99, -7, NULL };
    ok(clone3_spawn_strerror(&made_up, text, sizeof text) == text && strstr(text, "unknown step"), "clone3_spawn_strerror() of an unknown stage: %s", text);
    made_up = (struct clone3_spawn_error){ .size = sizeof made_up };
    ok(strcmp(clone3_spawn_strerror(&made_up, text, sizeof text), "no error") == 0, "clone3_spawn_strerror() of no error says so");
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
