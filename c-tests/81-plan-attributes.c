/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a child of clone3_spawn() has of the machine, of its family, of signals
 * and of the file system.
 * modes: preload shared static api
 */
#define _GNU_SOURCE
#include "planning.h"
#include "raw.h"
#include <termios.h>

/* What the shell says of a field of its /proc/PID/status. */
#define STATUS(field) "while read k v; do case $k in " field ":) echo $v;; esac; done < /proc/$$/status"

/* Those it ignores, of the first 28 (qemu-user keeps some of the others for itself)
 * and without SIGQUIT (busybox's shell ignores it), in decimal. */
#define IGNORED "while read k v; do case $k in SigIgn:) echo $((0x${v#?????????} & ~4));; esac; done < /proc/$$/status"

static void share_of_machine(void)
{
    clone3_spawn_t plan = new_plan();
    cpu_set_t cpus, own;
    char wanted[32];
    is(clone3_spawn_set_nice(&plan, 7), 0, "set_nice");
    says(&plan, "read -r a < /proc/$$/stat; set -- ${a##*)}; echo ${17}", "7", "nice");
    plan = new_plan();
    is(clone3_spawn_set_scheduler(&plan, SCHED_BATCH, 0), 0, "set_scheduler");
    if (emulated())
        skip("scheduler", "qemu-user translates other numbers");
    else
        says(&plan, "read -r a < /proc/$$/stat; set -- ${a##*)}; echo ${39}", "3", "SCHED_BATCH");
    fails_at((clone3_spawn_set_scheduler(&plan, SCHED_FIFO, 1000), &plan), "/bin/sh",
        CLONE3_SPAWN_STAGE_SCHEDULER, 0, EINVAL, "a priority that there is not");
    plan = new_plan();
    sched_getaffinity(0, sizeof own, &own);
    CPU_ZERO(&cpus);
    for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--)
        if (CPU_ISSET(cpu, &own)) {
            CPU_SET(cpu, &cpus);
            snprintf(wanted, sizeof wanted, "%d", cpu);
            break;
        }
    is(clone3_spawn_set_affinity(&plan, &cpus, sizeof cpus), 0, "set_affinity");
    says(&plan, STATUS("Cpus_allowed_list"), wanted, "affinity");
    CPU_ZERO(&cpus);
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_AFFINITY, 0, EINVAL, "no processor at all");
    plan = new_plan();
    is(clone3_spawn_set_ioprio(&plan, 3 << 13), 0, "set_ioprio");
    if (system("command -v ionice >/dev/null && ionice -p $$ >/dev/null 2>&1") == 0 && !emulated())
        says(&plan, "ionice -p $$", "idle", "ioprio");
    else
        skip("ioprio", "no ionice here");
    fails_at((clone3_spawn_set_ioprio(&plan, 7 << 13), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_IOPRIO, 0, EINVAL,
        "a class that there is not");
    plan = new_plan();
    is(clone3_spawn_set_oom_score_adj(&plan, 321), 0, "set_oom_score_adj");
    says(&plan, "cat /proc/$$/oom_score_adj", "321", "oom_score_adj");
    says(NULL, "test $(cat /proc/$$/oom_score_adj) = 321 || echo other", "other", "and not the caller's");
    plan = new_plan();
    is(clone3_spawn_set_timer_slack(&plan, 123456), 0, "set_timer_slack");
    if (access("/proc/self/timerslack_ns", R_OK) == 0 && !emulated())
        says(&plan, "cat /proc/$$/timerslack_ns", "123456", "timer slack");
    else
        skip("timer slack", "nothing shows it here");
}

static void limits(void)
{
    const struct clone3_spawn_rlimit limits[] = { { RLIMIT_NOFILE, 0, 77, 88 }, { RLIMIT_CORE, 0, 0, 4096 } };
    const struct clone3_spawn_rlimit wrong[] = { { RLIMIT_CORE, 0, 0, 0 }, { 99, 0, 0, 0 } };
    clone3_spawn_t plan = new_plan();
    is(clone3_spawn_set_rlimits(&plan, limits, 2), 0, "set_rlimits");
    says(&plan, "ulimit -Sn; ulimit -Hn; ulimit -Sc", "77 88 0", "two limits");
    fails_at((clone3_spawn_set_rlimits(&plan, wrong, 2), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_RLIMIT, 1, EINVAL,
        "a resource that there is not");
    ok(strstr(plan_error(), "resource limit 1, resource 99: ") != NULL, "in words: %s", plan_error());
    is(clone3_spawn_set_umask(&plan, 0135), 0, "set_umask");
    clone3_spawn_set_rlimits(&plan, NULL, 0);
    says(&plan, "umask", "0135", "umask");
    says(NULL, "test $(umask) = 0135 || echo other", "other", "and not the caller's");
}

/* pid, group and session of a shell, and whether they are one. */
#define FAMILY "read -r a < /proc/$$/stat; set -- ${a##*)}; test $3 = $$ && echo leads group; test $4 = $$ && echo leads session; echo"

static void family(void)
{
    clone3_spawn_t plan = new_plan();
    char wanted[64], *argv[] = { "sleep", "30", NULL };
    pid_t first;
    says(&plan, FAMILY, "", "neither group nor session");
    is(clone3_spawn_set_process_group(&plan, 0), 0, "set_process_group");
    says(&plan, FAMILY, "leads group", "a group of its own");
    is(spawn_plan(&first, "/bin/sleep", &plan, argv), 0, "another one");
    clone3_spawn_set_process_group(&plan, first);
    snprintf(wanted, sizeof wanted, "%d", first);
    says(&plan, "read -r a < /proc/$$/stat; set -- ${a##*)}; echo $3", wanted, "is joined");
    kill(first, SIGKILL);
    status_of(first);
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_PROCESS_GROUP, 0, EPERM, "a group that is gone");
    plan = new_plan();
    is(clone3_spawn_set_session(&plan, 1), 0, "set_session");
    says(&plan, FAMILY, "leads group leads session", "a session");
    clone3_spawn_set_process_group(&plan, 0);
    says(&plan, FAMILY, "leads group leads session", "a session leads its group anyway");
}

static void terminal(void)
{
    clone3_spawn_t plan = new_plan();
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave = -1;
    if (master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0)
        slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    clone3_spawn_set_session(&plan, 1);
    if (slave < 0 || emulated())
        skip("terminal", "no pseudo-terminal here");
    else {
        is(clone3_spawn_set_terminal(&plan, slave), 0, "set_terminal");
        says(&plan, "read -r a < /proc/$$/stat; set -- ${a##*)}; test $5 != 0 && test $6 = $$ && echo fore; "
            "test -c /dev/tty && echo > /dev/tty && echo tty", "fore tty", "a controlling terminal, and in its foreground");
    }
    clone3_spawn_set_terminal(&plan, open("/dev/null", O_RDWR | O_CLOEXEC));
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_TERMINAL, 0, ENOTTY, "what is no terminal");
}

static void handled(int signal) { (void)signal; }

/* glibc's posix_spawn has its children ignore the libc's own two signals, which
 * those of make, for one, hand on to us. */
static void have_all_defaults(void)
{
    static const char none[64];
    for (int number = 1; number < 65; number++)
        raw(SYS_rt_sigaction, number, none, NULL, 8);
}

static void signals(void)
{
    have_all_defaults();
    clone3_spawn_t plan = new_plan();
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    is(clone3_spawn_set_signal_mask(&plan, &set), 0, "set_signal_mask");
    says(&plan, STATUS("SigBlk"), "0000000000004200", "the mask");
    plan = new_plan();
    sigprocmask(SIG_BLOCK, &set, NULL);
    says(&plan, STATUS("SigBlk"), "0000000000004200", "the caller's, if none is set");
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, handled);
    says(&plan, IGNORED, "512", "ignored ones stay, handled ones go");
    is(clone3_spawn_set_signal_defaults(&plan, &set), 0, "set_signal_defaults");
    says(&plan, IGNORED, "0", "unless they are to be at their default");
    plan = new_plan();
    sigemptyset(&set);
    sigaddset(&set, SIGALRM); /* not SIGHUP, which the shell of busybox 1.30 takes back */
    sigaddset(&set, SIGPIPE);
    is(clone3_spawn_set_signal_ignores(&plan, &set), 0, "set_signal_ignores");
    says(&plan, IGNORED, "12800", "others are ignored");
    struct sigaction now;
    sigaction(SIGUSR2, NULL, &now);
    ok(now.sa_handler == handled, "the caller's handlers are there");
    signal(SIGUSR1, SIG_DFL);
    signal(SIGUSR2, SIG_DFL);
}

static void places(void)
{
    clone3_spawn_t plan = new_plan();
    int usr = open("/usr", O_PATH | O_DIRECTORY | O_CLOEXEC), file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    is(clone3_spawn_set_directory(&plan, "/proc"), 0, "set_directory");
    says(&plan, "pwd", "/proc", "a directory");
    fails_at((clone3_spawn_set_directory(&plan, "/nowhere"), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_DIRECTORY, 0, ENOENT,
        "one that is not there");
    ok(strstr(plan_error(), "\"/nowhere\"") != NULL, "which is named");
    is(clone3_spawn_set_directory_fd(&plan, usr), 0, "set_directory_fd");
    says(&plan, "pwd -P", "/usr", "a directory by descriptor");
    fails_at((clone3_spawn_set_directory_fd(&plan, file), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_DIRECTORY, 0, ENOTDIR,
        "what is none");
    close(usr);
    close(file);
}

/* By the callback, as no shell is where the root is; errno is the caller's. */
static int names_root(void *text)
{
    long length = raw(SYS_getcwd, text, 99);
    return length < 0 ? -length : ENOTNAM;
}

static void chroots(void)
{
    char seen[100] = "";
    clone3_spawn_t plan = new_plan();
    if (geteuid() != 0) {
        skip("chroot", "only root may");
        return;
    }
    is(clone3_spawn_set_chroot(&plan, "/nowhere"), 0, "set_chroot");
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_ROOT, 0, ENOENT, "a root that is not there");
    clone3_spawn_set_chroot(&plan, "/usr");
    clone3_spawn_set_callback(&plan, names_root, seen);
    if (emulated()) {
        skip("chroot", "the caller's memory is not the child's");
        return;
    }
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_CALLBACK, 0, ENOTNAM, "the callback of a child with another root");
    is(strcmp(seen, "/"), 0, "which is its working directory");
    clone3_spawn_set_callback(&plan, NULL, NULL);
    clone3_spawn_set_directory(&plan, "/bin");
    char path[] = "/../../../../bin/sh";
    struct stat real;
    if (stat("/usr/bin/sh", &real) == 0 && stat("/usr/lib", &real) == 0 && stat("/usr/usr", &real) != 0)
        /* Its loader is in /lib, which /usr has as well; or not. */
        ok(spawn_plan(NULL, path, &plan, (char *[]){ "sh", "-c", "exit 0", NULL }) == 0 || error_of_plan.error == ENOENT,
            "no way out of it: %s", plan_error());
    while (wait(NULL) > 0)
        ;
}

int main(void)
{
    begin(60);
    share_of_machine();
    limits();
    family();
    terminal();
    signals();
    places();
    chroots();
    return done();
}
