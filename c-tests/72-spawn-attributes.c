/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The attributes of posix_spawn, one by one. The host libc's own are the control.
 */
#define _GNU_SOURCE
#include "spawning.h"

static attr_t attr;

static void begin_attr(void)
{
    if (posix_spawnattr_init(&attr))
        abort();
}
static void end_attr(void)
{
    if (posix_spawnattr_destroy(&attr))
        abort();
}
static void flags(short which)
{
    if (posix_spawnattr_setflags(&attr, which))
        say("no such flag ");
}

#define CASE(name, ...)                                                        \
    static void name(void)                                                     \
    {                                                                          \
        begin_attr();                                                          \
        __VA_ARGS__                                                            \
        end_attr();                                                            \
    }
#define APART(name, ...)                                                       \
    static void name##_part(void)                                              \
    {                                                                          \
        begin_attr();                                                          \
        __VA_ARGS__                                                            \
        end_attr();                                                            \
    }                                                                          \
    static void name(void) { apart(name##_part); }

/* pid, process group and session of the shell, in which its pid is 0 and its
 * parent's group and session are 1. */
#define IDS                                                                    \
    "set -- $(cat /proc/$$/stat); for id in $5 $6; do if [ $id = $$ ]; then echo own; "        \
    "elif [ $id = $GROUP ]; then echo inherited; else echo $id; fi; done"

static void say_ids(void)
{
    char group[20];
    snprintf(group, sizeof group, "%d", getpgrp());
    setenv("GROUP", group, 1);
    say_sh(NULL, &attr, IDS);
}

/* The caller leads a session of its own, so that group and session are known. */
static void lead(void)
{
    if (setsid() < 0)
        abort();
}

CASE(initial, {
    struct sched_param param = { .sched_priority = 9 };
    short which = 9;
    pid_t group = 9;
    sigset_t set;
    int policy = 9;
    int errors = posix_spawnattr_getflags(&attr, &which)
        | posix_spawnattr_getpgroup(&attr, &group);
    sigfillset(&set);
    errors |= posix_spawnattr_getsigmask(&attr, &set);
    say("%d %d %d %d", errors, which, group, sigismember(&set, SIGTERM));
    sigfillset(&set);
    errors = posix_spawnattr_getsigdefault(&attr, &set);
    say(" %d %d", errors, sigismember(&set, SIGTERM));
    errors = posix_spawnattr_getschedparam(&attr, &param);
    errors |= posix_spawnattr_getschedpolicy(&attr, &policy);
    say(" %s %d %d", error_name(errors), param.sched_priority, policy);
})

CASE(are_kept, {
    struct sched_param param = { .sched_priority = 5 };
    sigset_t set;
    short which;
    pid_t group;
    int policy = -1;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMAX);
    flags(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_USEVFORK);
    posix_spawnattr_setpgroup(&attr, 77);
    posix_spawnattr_setsigmask(&attr, &set);
    sigaddset(&set, SIGHUP);
    posix_spawnattr_setsigdefault(&attr, &set);
    posix_spawnattr_setschedparam(&attr, &param);
    posix_spawnattr_setschedpolicy(&attr, SCHED_RR);
    posix_spawnattr_getflags(&attr, &which);
    posix_spawnattr_getpgroup(&attr, &group);
    say("%#x %d", (unsigned)which, group);
    posix_spawnattr_getsigmask(&attr, &set);
    say(" %d%d%d", sigismember(&set, SIGUSR1), sigismember(&set, SIGRTMAX), sigismember(&set, SIGHUP));
    posix_spawnattr_getsigdefault(&attr, &set);
    say(" %d%d%d", sigismember(&set, SIGUSR1), sigismember(&set, SIGHUP), sigismember(&set, SIGINT));
    param.sched_priority = 0;
    posix_spawnattr_getschedparam(&attr, &param);
    posix_spawnattr_getschedpolicy(&attr, &policy);
    say(" %d %d", param.sched_priority, policy);
})

CASE(wrong_values, {
    say("%s ", error_name(posix_spawnattr_setflags(&attr, 0x200)));
    say("%s ", error_name(posix_spawnattr_setflags(&attr, -1)));
    say("%s ", error_name(posix_spawnattr_setschedpolicy(&attr, 77)));
    short which = 9;
    posix_spawnattr_getflags(&attr, &which);
    say("%d ", which);
    say_sh(NULL, &attr, "echo runs");
})

APART(no_group, { lead(); say_ids(); })
APART(own_group, {
    lead();
    flags(POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attr, 0);
    say_ids();
})
APART(unflagged_group, {
    lead();
    posix_spawnattr_setpgroup(&attr, 0);
    say_ids();
})

/* Joins the group of a sibling. */
APART(another_group, {
    lead();
    pid_t sibling = fork();
    if (sibling == 0) {
        setpgid(0, 0);
        pause();
        _exit(0);
    }
    setpgid(sibling, sibling);
    char group[20];
    snprintf(group, sizeof group, "%d", sibling);
    setenv("SIBLING", group, 1);
    flags(POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attr, sibling);
    say_sh(NULL, &attr, "set -- $(cat /proc/$$/stat); [ $5 = $SIBLING ] && echo joined");
    kill(sibling, SIGKILL);
    status_of(sibling);
    say(" ");
    say_sh(NULL, &attr, "exit 1"); /* the group is gone */
})

APART(own_session, {
    lead();
    flags(POSIX_SPAWN_SETSID);
    say_ids();
})

/* The leader of a session may not change its group. */
APART(session_and_group, {
    lead();
    flags(POSIX_SPAWN_SETSID | POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attr, 0);
    say_ids();
})

/* /proc/self/status of a program that does nothing to its signals and ids; 0, or
 * the error, which is said. */
static int status_of_cat(char *text, size_t size)
{
    char *argv[] = { "cat", "/proc/self/status", NULL };
    size_t used = 0;
    ssize_t got;
    pid_t pid;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        abort();
    int old = fcntl(1, F_DUPFD_CLOEXEC, 50);
    dup2(ends[1], 1);
    int error = posix_spawnp(&pid, "cat", NULL, &attr, argv, environ);
    dup2(old, 1);
    close(old);
    close(ends[1]);
    while (used < size - 1 && (got = read(ends[0], text + used, size - 1 - used)) > 0)
        used += (size_t)got;
    text[used] = 0;
    close(ends[0]);
    if (error)
        say("%s", error_name(error));
    else if (status_of(pid))
        say("not read");
    return error;
}

static const char *field(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at ? at + strlen(name) : "";
}

static void say_signals(void)
{
    static const char *const sets[] = { "SigBlk", "SigIgn", "SigCgt" };
    char text[8192];
    if (status_of_cat(text, sizeof text))
        return;
    for (int i = 0; i < 3; i++) {
        unsigned long long set = strtoull(field(text, sets[i]) + 1, NULL, 16);
        /* The libcs' own signals are not compared; an emulator needs some of
         * the later ones for itself. */
        set &= emulated() ? 0x7fffffffull : ~(7ull << 31);
        say("%s%s %llx", i ? " " : "", sets[i], set);
    }
}

static void on_signal(int signal) { (void)signal; }

/* Every kind of disposition, and a mask. */
static void arrange_signals(void)
{
    sigset_t set;
    signal(SIGUSR1, SIG_IGN);   /* 200 */
    signal(SIGPIPE, SIG_IGN);   /* 1000 */
    signal(SIGUSR2, on_signal); /* 800 */
    signal(SIGTERM, on_signal); /* 4000 */
    signal(SIGCHLD, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, SIGHUP); /* 1 */
    sigprocmask(SIG_SETMASK, &set, NULL);
}

APART(signals_inherited, { arrange_signals(); say_signals(); })

APART(mask_set, {
    sigset_t set;
    if (emulated()) {
        say("SKIP the emulator blocks what it likes");
        return;
    }
    arrange_signals();
    sigemptyset(&set);
    sigaddset(&set, SIGINT); /* 2 */
    sigaddset(&set, 64);
    flags(POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attr, &set);
    say_signals();
    sigfillset(&set);
    posix_spawnattr_setsigmask(&attr, &set);
    say("; ");
    say_signals();
    memset(&set, 0xff, sizeof set); /* the libcs' own among them */
    posix_spawnattr_setsigmask(&attr, &set);
    say("; ");
    say_signals();
    sigemptyset(&set);
    posix_spawnattr_setsigmask(&attr, &set);
    say("; ");
    say_signals();
})

APART(mask_unflagged, {
    sigset_t set;
    arrange_signals();
    sigfillset(&set);
    posix_spawnattr_setsigmask(&attr, &set);
    posix_spawnattr_setsigdefault(&attr, &set);
    say_signals();
})

APART(defaults_set, {
    sigset_t set;
    arrange_signals();
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    sigaddset(&set, SIGUSR2);
    flags(POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigdefault(&attr, &set);
    say_signals();
    sigfillset(&set); /* SIGKILL and SIGSTOP too */
    posix_spawnattr_setsigdefault(&attr, &set);
    say("; ");
    say_signals();
})

static void ids_part(short which)
{
    char text[8192];
    int real, effective, real_group, effective_group;
    begin_attr();
    /* The real ids stay 0, the effective ones do not. */
    if (setregid(0, 65534) || setreuid(0, 65534)) {
        say("SKIP needs root");
        return;
    }
    flags(which);
    if (status_of_cat(text, sizeof text) == 0
        && sscanf(field(text, "Uid:"), "%d %d", &real, &effective) == 2
        && sscanf(field(text, "Gid:"), "%d %d", &real_group, &effective_group) == 2)
        say("%d %d %d %d", real, effective, real_group, effective_group);
    end_attr();
}
static void ids_kept_part(void) { ids_part(0); }
static void ids_reset_part(void) { ids_part(POSIX_SPAWN_RESETIDS); }
static void ids_kept(void)
{
    if (getuid() != 0)
        say("SKIP needs root");
    else
        apart(ids_kept_part);
}
static void ids_reset(void)
{
    if (getuid() != 0)
        say("SKIP needs root");
    else
        apart(ids_reset_part);
}

/* Policy and priority as the kernel has them: fields 41 and 40 of stat. */
#define POLICY "set -- $(cat /proc/$$/stat | sed 's/.*) //'); shift 37; echo $2 $1"

static int may_be_real_time(void)
{
    struct sched_param param = { .sched_priority = 1 };
    pid_t pid = fork();
    if (pid == 0)
        _exit(syscall(SYS_sched_setscheduler, 0, SCHED_RR, &param) != 0);
    return status_of(pid) == 0;
}

CASE(scheduler_set, {
    struct sched_param param = { .sched_priority = 3 };
    flags(POSIX_SPAWN_SETSCHEDULER);
    if (emulated() || !may_be_real_time()) {
        say("SKIP no real-time scheduling here");
    } else if (posix_spawnattr_setschedpolicy(&attr, SCHED_FIFO) == ENOSYS) {
        say("missing");
    } else {
        posix_spawnattr_setschedparam(&attr, &param);
        say_sh(NULL, &attr, POLICY);
        param.sched_priority = 100; /* more than there is */
        posix_spawnattr_setschedparam(&attr, &param);
        say("; ");
        say_sh(NULL, &attr, "exit 1");
    }
})

static void parameter_set_part(void)
{
    struct sched_param param = { .sched_priority = 2 };
    begin_attr();
    if (syscall(SYS_sched_setscheduler, 0, SCHED_RR, &param) != 0)
        abort();
    flags(POSIX_SPAWN_SETSCHEDPARAM);
    param.sched_priority = 4;
    if (posix_spawnattr_setschedparam(&attr, &param) == ENOSYS) {
        say("missing");
        return;
    }
    posix_spawnattr_setschedpolicy(&attr, SCHED_FIFO); /* without a flag of its own */
    say_sh(NULL, &attr, POLICY);
    end_attr();
}
static void parameter_set(void)
{
    if (emulated() || !may_be_real_time())
        say("SKIP no real-time scheduling here");
    else
        apart(parameter_set_part);
}

/* One process for all of a pipeline of attributes. */
APART(all_at_once, {
    sigset_t set;
    lead();
    arrange_signals();
    sigemptyset(&set);
    flags(POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_RESETIDS
        | POSIX_SPAWN_USEVFORK);
    posix_spawnattr_setsigmask(&attr, &set);
    sigaddset(&set, SIGUSR1);
    posix_spawnattr_setsigdefault(&attr, &set);
    say_ids();
    say(" ");
    say_signals();
})

static const struct spawn_case cases[] = {
    { "attributes as posix_spawnattr_init() leaves them", initial, "0 0 0 0 0 0 0 0 0", "musl has no scheduling attributes" },
    { "attributes are returned as they were set", are_kept, "0x4a 77 110 110 5 2", "musl has no scheduling attributes" },
    { "attributes of wrong values", wrong_values, "EINVAL EINVAL EINVAL 0 runs",
      "musl has no scheduling attributes" },
    { "a child without attributes is in its parent's process group", no_group, "inherited inherited", NULL },
    { "SETPGROUP with 0: a process group of the child's own", own_group, "own inherited", NULL },
    { "a process group that is set without SETPGROUP", unflagged_group, "inherited inherited", NULL },
    { "SETPGROUP with a sibling's group, while it is there", another_group, "joined EPERM", NULL },
    { "SETSID: the child leads a session", own_session, "own own", NULL },
    { "SETSID with SETPGROUP", session_and_group, "EPERM", NULL },
    { "a child without attributes has its parent's mask and ignored signals, but no handlers", signals_inherited,
      "SigBlk 1 SigIgn 1200 SigCgt 0", NULL },
    { "SETSIGMASK with several masks", mask_set,
      "SigBlk 8000000000000002 SigIgn 1200 SigCgt 0; SigBlk fffffffc7ffbfeff SigIgn 1200 SigCgt 0; "
      "SigBlk fffffffc7ffbfeff SigIgn 1200 SigCgt 0; SigBlk 0 SigIgn 1200 SigCgt 0", NULL },
    { "a signal mask and defaults that are set without their flags", mask_unflagged,
      "SigBlk 1 SigIgn 1200 SigCgt 0", NULL },
    { "SETSIGDEF with several signals", defaults_set,
      "SigBlk 1 SigIgn 200 SigCgt 0; SigBlk 1 SigIgn 0 SigCgt 0", NULL },
    { "a child without RESETIDS keeps its effective ids", ids_kept, "0 65534 0 65534", NULL },
    { "RESETIDS: the effective ids are the real ones", ids_reset, "0 0 0 0", NULL },
    { "SETSCHEDULER with a priority, and with one that does not exist", scheduler_set, "1 3; EINVAL", NULL },
    { "SETSCHEDPARAM changes the priority only", parameter_set, "2 4", NULL },
    { "SETSID, SETSIGMASK, SETSIGDEF, RESETIDS and USEVFORK at once", all_at_once, "own own SigBlk 0 SigIgn 1000 SigCgt 0", NULL },
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
