/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Random plans, valid and invalid, through clone3_spawn() and through the
 * reference: they must fail at the same step for the same reason, or make
 * children in the same state. For libFuzzer; to be run as root, in a scratch
 * directory that PLAN_PROGRAM's copy is made in. */
#include "plan.h"

static const struct sock_filter harmless[] = { BPF_STMT(BPF_RET | BPF_K, 0x7fff0000) };
static const struct sock_filter no_exec[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 1, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execveat, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 0x00050000 | EDQUOT),
    BPF_STMT(BPF_RET | BPF_K, 0x7fff0000),
};
static const struct sock_fprog harmless_program = { 1, (struct sock_filter *)harmless }, empty_program = { 0, NULL },
    no_exec_program = { 5, (struct sock_filter *)no_exec };
const struct sock_fprog *const filters[4] = { NULL, &harmless_program, &empty_program, &no_exec_program };

static char scratch[] = "/tmp/clone3-fuzz-XXXXXX", program[100];
static const char *const paths[] = { "/dev/null", "/nowhere/x", "file", "sub", "/", "/usr", "", "new", "/proc/version" };
static const char *const roots[] = { "/", "/nowhere", scratch, "/dev/null" };
static unsigned long made, failed;

struct bytes { const uint8_t *next; size_t left; };

static unsigned byte(struct bytes *b)
{
    return b->left ? (b->left--, *b->next++) : 0;
}

static unsigned below(struct bytes *b, unsigned end) { return byte(b) % end; }

static uint64_t wide(struct bytes *b)
{
    uint64_t value = 0;
    for (int i = 0; i < 6; i++)
        value = value << 8 | byte(b);
    return value;
}

static void signals(struct bytes *b, sigset_t *set)
{
    uint64_t bits = wide(b) & ~(1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1) | 1ull << 31 | 1ull << 32);
    sigemptyset(set);
    for (int signal = 1; signal <= 48; signal++)
        if (bits >> (signal - 1) & 1)
            sigaddset(set, signal);
}

static void draw_action(struct bytes *b, struct drawn *d)
{
    if (d->action_count == MOST)
        return;
    struct drawn_action *a = &d->actions[d->action_count++];
    static const int modes[] = { O_RDONLY, O_WRONLY | O_CREAT, O_RDWR | O_CREAT | O_EXCL, O_RDONLY | O_DIRECTORY,
        O_RDONLY | O_CLOEXEC, O_PATH };
    *a = (struct drawn_action){ (int)below(b, 6) + 1, (int)below(b, 16), (int)below(b, 16), modes[below(b, 6)],
        paths[below(b, sizeof paths / sizeof *paths)] };
}

/* One attribute. */
static void draw(struct bytes *b, struct drawn *d)
{
    static const uint64_t sizes[] = { 0, 1, 40, 1000, 1 << 16, 1 << 23, 1ull << 40, ~0ull };
    switch (below(b, 32)) {
    case 0: d->has_nice = 1, d->nice = (int)below(b, 40) - 20; break;
    case 1: d->has_scheduler = 1, d->policy = (int)below(b, 8), d->priority = (int)below(b, 4) - 1; break;
    case 2:
        d->has_affinity = 1;
        CPU_ZERO(&d->cpus);
        for (int cpu = 0, bits = (int)byte(b); cpu < 8; cpu++)
            if (bits >> cpu & 1)
                CPU_SET(cpu, &d->cpus);
        break;
    case 3: d->has_ioprio = 1, d->ioprio = (int)(below(b, 5) << 13 | below(b, 10)); break;
    case 4: d->has_oom = 1, d->oom = (int)below(b, 201) * 10 - 1000; break;
    case 5: d->has_slack = 1, d->slack = wide(b); break;
    case 6: d->has_umask = 1, d->umask = (int)(byte(b) << 1 | (byte(b) & 1)); break;
    case 7: d->session = 1, d->has_group = 0; break;
    case 8: d->has_group = !d->session, d->group = below(b, 3) ? 0 : 1; break;
    case 9: d->directory = paths[below(b, sizeof paths / sizeof *paths)]; break;
    case 10: d->directory = NULL, d->directory_fd = (int)below(b, 12); break;
    case 11: case 12:
        d->has_fds = 1, d->fd_count = below(b, MOST + 1);
        for (size_t i = 0; i < d->fd_count; i++)
            d->fds[i] = (int)below(b, 16) - 1;
        break;
    case 13: case 14: draw_action(b, d); break;
    case 15:
        d->limit_count = below(b, 4);
        for (size_t i = 0; i < d->limit_count; i++) {
            /* RLIMIT_CPU kills when it likes; and whether the program has enough memory
             * depends on where the kernel happens to put it. */
            int resource = 1 + (int)below(b, 16);
            int memory = resource == RLIMIT_DATA || resource == RLIMIT_STACK || resource == RLIMIT_AS;
            unsigned least = memory ? 5 : 0, soft = least + below(b, 8 - least), hard = least + below(b, 8 - least);
            d->limits[i] = (struct clone3_spawn_rlimit){ resource, 0, sizes[soft], sizes[hard] };
        }
        break;
    case 16: d->has_uid = 1, d->uid = below(b, 3) * 1000; break;
    case 17: d->has_gid = 1, d->gid = below(b, 3) * 1000; break;
    case 18:
        d->has_groups = 1, d->group_count = below(b, 5);
        for (size_t i = 0; i < d->group_count; i++)
            d->groups[i] = byte(b) << (byte(b) % 24);
        break;
    case 19: d->has_bounding = 1, d->bounding = wide(b); break;
    case 20: d->has_inheritable = 1, d->inheritable = wide(b) & wide(b); d->has_ambient = 0; break;
    case 21: d->has_ambient = 1, d->ambient = wide(b) & wide(b) & 0x1ffffffffff; d->has_inheritable = 0; break;
    case 22: d->has_securebits = 1, d->securebits = byte(b) | (below(b, 8) == 0) << 9; break;
    case 23: d->nnp = 1; break;
    case 24: d->filter = (int)below(b, 4); break;
    case 25: d->has_mask = 1; signals(b, &d->mask); break;
    case 26: d->has_defaults = 1, d->has_ignores = 0; signals(b, &d->defaults); break;
    case 27: d->has_ignores = 1, d->has_defaults = 0; signals(b, &d->ignores); break;
    case 28: d->death = (int)below(b, 65); break;
    case 29: d->chroot = roots[below(b, sizeof roots / sizeof *roots)]; break;
    case 30: {
        static const char *const programs[] = { "/nowhere", "file", "sub", "/dev/null", "./paused", "paused" };
        unsigned which = below(b, 8);
        d->search = which == 5;
        d->program_fd = which == 6 ? 9 : which == 7 ? (int)below(b, 12) : -1;
        d->program = which < 6 ? programs[which] : NULL;
        break;
    }
    default:
        switch (below(b, 5)) {
        case 0: d->callback = 1 + (int)byte(b); break;
        case 1: d->flags |= CLONE_NEWUTS; break;
        case 2: d->flags |= CLONE_NEWIPC; break;
        case 3: d->has_terminal = d->session, d->terminal = (int)below(b, 12); break;
        case 4:
            if (d->space_count < 3)
                d->spaces[d->space_count++] =
                    (struct clone3_spawn_namespace){ 8 - (int)below(b, 3), below(b, 2) ? CLONE_NEWUTS : 0 };
            break;
        }
    }
}

static int returns(void *number) { return *(int *)number; }

#define SET(...)                                                                \
    do {                                                                        \
        if ((clone3_spawn_##__VA_ARGS__))                                   \
            abort();                                                            \
    } while (0)

static void translate(const struct drawn *d, clone3_spawn_t *plan, posix_spawn_file_actions_t *actions)
{
    if (clone3_spawn_init(plan, sizeof *plan) || posix_spawn_file_actions_init(actions))
        abort();
    if (d->has_nice) SET(set_nice(plan, d->nice));
    if (d->has_scheduler) SET(set_scheduler(plan, d->policy, d->priority));
    if (d->has_affinity) SET(set_affinity(plan, &d->cpus, sizeof d->cpus));
    if (d->has_ioprio) SET(set_ioprio(plan, d->ioprio));
    if (d->has_oom) SET(set_oom_score_adj(plan, d->oom));
    if (d->has_slack) SET(set_timer_slack(plan, d->slack));
    if (d->has_umask) SET(set_umask(plan, (mode_t)d->umask));
    if (d->session) SET(set_session(plan, 1));
    if (d->has_group) SET(set_process_group(plan, d->group));
    if (d->has_terminal) SET(set_terminal(plan, d->terminal));
    if (d->directory) SET(set_directory(plan, d->directory));
    else if (d->directory_fd >= 0) SET(set_directory_fd(plan, d->directory_fd));
    if (d->chroot) SET(set_chroot(plan, d->chroot));
    if (d->has_fds) SET(set_fds(plan, d->fds, d->fd_count));
    SET(set_rlimits(plan, d->limits, d->limit_count));
    if (d->has_uid) SET(set_uid(plan, d->uid));
    if (d->has_gid) SET(set_gid(plan, d->gid));
    if (d->has_groups) SET(set_groups(plan, d->groups, d->group_count));
    if (d->has_bounding) SET(set_capabilities(plan, CLONE3_SPAWN_BOUNDING, d->bounding));
    if (d->has_inheritable) SET(set_capabilities(plan, CLONE3_SPAWN_INHERITABLE, d->inheritable));
    if (d->has_ambient) SET(set_capabilities(plan, CLONE3_SPAWN_AMBIENT, d->ambient));
    if (d->has_securebits) SET(set_securebits(plan, d->securebits));
    if (d->nnp) SET(set_no_new_privs(plan, 1));
    if (d->filter) SET(set_seccomp(plan, filters[d->filter], 0));
    if (d->has_mask) SET(set_signal_mask(plan, &d->mask));
    if (d->has_defaults) SET(set_signal_defaults(plan, &d->defaults));
    if (d->has_ignores) SET(set_signal_ignores(plan, &d->ignores));
    SET(set_pdeath_signal(plan, d->death));
    SET(add_flags(plan, d->flags));
    SET(set_namespaces(plan, d->spaces, d->space_count));
    if (d->callback) SET(set_callback(plan, returns, (void *)&d->callback));
    if (d->search) SET(set_search(plan, 1));
    if (d->program_fd >= 0) SET(set_program_fd(plan, d->program_fd, 0));
    for (size_t i = 0; i < d->action_count; i++) {
        const struct drawn_action *a = &d->actions[i];
        int error = a->kind == CLONE3_SPAWN_ACTION_OPEN ? posix_spawn_file_actions_addopen(actions, a->fd, a->path, a->flags, 0644)
            : a->kind == CLONE3_SPAWN_ACTION_CLOSE ? posix_spawn_file_actions_addclose(actions, a->fd)
            : a->kind == CLONE3_SPAWN_ACTION_DUP2 ? posix_spawn_file_actions_adddup2(actions, a->fd, a->other)
            : a->kind == CLONE3_SPAWN_ACTION_CHDIR ? posix_spawn_file_actions_addchdir_np(actions, a->path)
            : a->kind == CLONE3_SPAWN_ACTION_FCHDIR ? posix_spawn_file_actions_addfchdir_np(actions, a->fd)
            : posix_spawn_file_actions_addclosefrom_np(actions, a->fd);
        if (error)
            abort();
    }
    if (d->action_count) SET(set_file_actions(plan, actions));
}

static struct outcome library(const struct drawn *d)
{
    struct clone3_spawn_error error = { .size = sizeof error };
    posix_spawn_file_actions_t actions;
    clone3_spawn_t plan;
    pid_t pid = -1;
    char *argv[] = { "paused", NULL }, *envp[] = { NULL };
    translate(d, &plan, &actions);
    sigset_t before, after;
    sigprocmask(SIG_SETMASK, NULL, &before);
    int number = clone3_spawn(&pid, d->program, &plan, argv, envp, &error);
    sigprocmask(SIG_SETMASK, NULL, &after);
    posix_spawn_file_actions_destroy(&actions);
    if (number != error.error || memcmp(&before, &after, 8) || (number && pid != -1)) {
        fprintf(stderr, "--- library: returned %d, error %d, pid %d, the mask %s\n", number, error.error, pid,
                memcmp(&before, &after, 8) ? "changed" : "as before");
        abort();
    }
    char text[200];
    clone3_spawn_strerror(&error, text, sizeof text);
    return (struct outcome){ number, error.stage, error.index, pid };
}

static void handled(int signal) { (void)signal; }

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    char command[400];
    if (geteuid() != 0 || !getenv("PLAN_PROGRAM")) {
        fprintf(stderr, "to be run by fuzz/run, as root\n");
        exit(125);
    }
    if (!mkdtemp(scratch) || chmod(scratch, 0755) || chdir(scratch))
        abort();
    snprintf(program, sizeof program, "%s/paused", scratch);
    snprintf(command, sizeof command, "cp %s paused && : > file && mkdir sub && chmod 755 paused sub", getenv("PLAN_PROGRAM"));
    if (system(command))
        abort();
    /* 3 to 5 are files, 7 and 8 namespaces, 9 the program; the rest is closed. */
    for (int fd = 3; fd < 1024; fd++)
        close(fd);
    for (int fd = 3; fd < 6; fd++) {
        char name[16];
        snprintf(name, sizeof name, "open%d", fd);
        int got = open(name, O_RDWR | O_CREAT | (fd == 4 ? O_CLOEXEC : 0), 0600);
        if (got != fd && (dup2(got, fd) != fd || close(got)))
            abort();
    }
    if (dup2(open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC), 7) < 0 || dup2(7, 8) < 0 || close(6)
        || dup2(open(program, O_RDONLY), 9) < 0 || close(6))
        abort();
    fcntl(9, F_SETFD, FD_CLOEXEC);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, handled);
    setenv("PATH", "/nowhere:.", 1);
    return 0;
}

static void show(const char *who, struct outcome o, const char *text)
{
    fprintf(stderr, "--- %s: error %d, stage %d, index %d\n%s", who, o.error, o.stage, o.index, text);
}

/* What a plan may have made, wherever its working directory was: each relative path, but
 * for the scratch directory's own file and sub. */
static void unlink_new(void)
{
    static const char *const directories[] = { "sub/", "/", "/usr/" }, *const names[] = { "new", "file", "sub" };
    char path[32];
    unlink("new");
    for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
        for (size_t j = 0; j < sizeof names / sizeof *names; j++) {
            snprintf(path, sizeof path, "%s%s", directories[i], names[j]);
            unlink(path);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char ours[1 << 16], theirs[1 << 16];
    struct bytes b = { data, size };
    struct drawn d = { .directory_fd = -1, .program_fd = -1, .program = program };
    unsigned count = 1 + below(&b, 10);
    for (unsigned i = 0; i < count; i++)
        draw(&b, &d);
    unlink_new();
    struct outcome a = library(&d);
    ours[0] = theirs[0] = 0;
    if (!a.error)
        describe(a.pid, ours, sizeof ours);
    unlink_new();
    struct outcome r = reference(&d);
    if (!r.error)
        describe(r.pid, theirs, sizeof theirs);
    /* Of several descriptors that are missing, either may be named. */
    if (a.stage == r.stage && a.stage == CLONE3_SPAWN_STAGE_FD && a.error == EBADF && a.error == r.error)
        a.index = r.index;
    if (a.error != r.error || a.stage != r.stage || a.index != r.index || strcmp(ours, theirs)) {
        show("library", a, ours);
        show("reference", r, theirs);
        abort();
    }
    pid_t left = waitpid(-1, NULL, WNOHANG | __WALL);
    if (left != -1 || errno != ECHILD) {
        fprintf(stderr, "--- a child is left: %d\n", left);
        show("library", a, ours);
        abort();
    }
    a.error ? failed++ : made++;
    if ((made + failed) % 5000 == 0)
        fprintf(stderr, "plans: %lu made children, %lu failed\n", made, failed);
    return 0;
}
