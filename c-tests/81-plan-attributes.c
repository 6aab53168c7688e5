/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The attributes of a child of clone3_spawn(): resources, session and process group,
 * signals, directories.
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
    is(clone3_spawn_set_nice(&plan, 7), 0, "clone3_spawn_set_nice() succeeds");
    says(&plan, "read -r a < /proc/$$/stat; set -- ${a##*)}; echo ${17}", "7", "the child of a plan with set_nice has that nice value");
    plan = new_plan();
    is(clone3_spawn_set_scheduler(&plan, SCHED_BATCH, 0), 0, "clone3_spawn_set_scheduler() succeeds");
    if (emulated())
        skip("the child of a plan with set_scheduler has that policy", "qemu-user translates other numbers");
    else
        says(&plan, "read -r a < /proc/$$/stat; set -- ${a##*)}; echo ${39}", "3", "the child of a plan with set_scheduler has that policy");
    fails_at((clone3_spawn_set_scheduler(&plan, SCHED_FIFO, 1000), &plan), "/bin/sh",
        CLONE3_SPAWN_STAGE_SCHEDULER, 0, EINVAL, "a plan with a scheduling priority that does not exist");
    plan = new_plan();
    sched_getaffinity(0, sizeof own, &own);
    CPU_ZERO(&cpus);
    for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--)
        if (CPU_ISSET(cpu, &own)) {
            CPU_SET(cpu, &cpus);
            snprintf(wanted, sizeof wanted, "%d", cpu);
            break;
        }
    is(clone3_spawn_set_affinity(&plan, &cpus, sizeof cpus), 0, "clone3_spawn_set_affinity() succeeds");
    says(&plan, STATUS("Cpus_allowed_list"), wanted, "the child of a plan with set_affinity has that affinity");
    CPU_ZERO(&cpus);
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_AFFINITY, 0, EINVAL, "a plan with an empty set of processors");
    plan = new_plan();
    is(clone3_spawn_set_ioprio(&plan, 3 << 13), 0, "clone3_spawn_set_ioprio() succeeds");
    if (system("command -v ionice >/dev/null && ionice -p $$ >/dev/null 2>&1") == 0 && !emulated())
        says(&plan, "ionice -p $$", "idle", "the child of a plan with set_ioprio has that I/O priority");
    else
        skip("the child of a plan with set_ioprio has that I/O priority", "no ionice here");
    fails_at((clone3_spawn_set_ioprio(&plan, 7 << 13), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_IOPRIO, 0, EINVAL,
        "a plan with an I/O priority class that does not exist");
    plan = new_plan();
    is(clone3_spawn_set_oom_score_adj(&plan, 321), 0, "clone3_spawn_set_oom_score_adj() succeeds");
    says(&plan, "cat /proc/$$/oom_score_adj", "321", "the child of a plan with set_oom_score_adj has that OOM score adjustment");
    says(NULL, "test $(cat /proc/$$/oom_score_adj) = 321 || echo other", "other", "set_oom_score_adj does not change the caller's OOM score adjustment");
    plan = new_plan();
    is(clone3_spawn_set_timer_slack(&plan, 123456), 0, "clone3_spawn_set_timer_slack() succeeds");
    if (access("/proc/self/timerslack_ns", R_OK) == 0 && !emulated())
        says(&plan, "cat /proc/$$/timerslack_ns", "123456", "the child of a plan with set_timer_slack has that timer slack");
    else
        skip("the child of a plan with set_timer_slack has that timer slack", "nothing shows it here");
}

static void limits(void)
{
    const struct clone3_spawn_rlimit limits[] = { { RLIMIT_NOFILE, 0, 77, 88 }, { RLIMIT_CORE, 0, 0, 4096 } };
    const struct clone3_spawn_rlimit wrong[] = { { RLIMIT_CORE, 0, 0, 0 }, { 99, 0, 0, 0 } };
    clone3_spawn_t plan = new_plan();
    is(clone3_spawn_set_rlimits(&plan, limits, 2), 0, "clone3_spawn_set_rlimits() succeeds");
    says(&plan, "ulimit -Sn; ulimit -Hn; ulimit -Sc", "77 88 0", "the child of a plan with set_rlimits has both limits");
    fails_at((clone3_spawn_set_rlimits(&plan, wrong, 2), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_RLIMIT, 1, EINVAL,
        "a plan with a limit of a resource that does not exist");
    ok(strstr(plan_error(), "resource limit 1, resource 99: ") != NULL, "the error of a resource limit names its index and resource: %s", plan_error());
    is(clone3_spawn_set_umask(&plan, 0135), 0, "clone3_spawn_set_umask() succeeds");
    clone3_spawn_set_rlimits(&plan, NULL, 0);
    says(&plan, "umask", "0135", "the child of a plan with set_umask has that umask");
    says(NULL, "test $(umask) = 0135 || echo other", "other", "set_umask does not change the caller's umask");
}

/* pid, group and session of a shell, and whether they are one. */
#define FAMILY "read -r a < /proc/$$/stat; set -- ${a##*)}; test $3 = $$ && echo leads group; test $4 = $$ && echo leads session; echo"

static void family(void)
{
    clone3_spawn_t plan = new_plan();
    char wanted[64], *argv[] = { "sleep", "30", NULL };
    pid_t first;
    says(&plan, FAMILY, "", "the child of an empty plan leads neither group nor session");
    is(clone3_spawn_set_process_group(&plan, 0), 0, "clone3_spawn_set_process_group() succeeds");
    says(&plan, FAMILY, "leads group", "the child of a plan with process group 0 leads a group");
    is(spawn_plan(&first, "/bin/sleep", &plan, argv), 0, "a second child of a plan with process group 0 is made");
    clone3_spawn_set_process_group(&plan, first);
    snprintf(wanted, sizeof wanted, "%d", first);
    says(&plan, "read -r a < /proc/$$/stat; set -- ${a##*)}; echo $3", wanted, "the child of a plan with another child's process group is in it");
    kill(first, SIGKILL);
    status_of(first);
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_PROCESS_GROUP, 0, EPERM, "a plan with a process group that is gone");
    plan = new_plan();
    is(clone3_spawn_set_session(&plan, 1), 0, "clone3_spawn_set_session() succeeds");
    says(&plan, FAMILY, "leads group leads session", "the child of a plan with set_session leads a session");
    clone3_spawn_set_process_group(&plan, 0);
    says(&plan, FAMILY, "leads group leads session", "the child of a plan with set_session and process group 0 leads both");
}

static void terminal(void)
{
    clone3_spawn_t plan = new_plan();
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave = -1;
    if (master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0)
        slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    clone3_spawn_set_session(&plan, 1);
    if (slave < 0 || emulated())
        skip("the child of a plan with set_terminal has it for its controlling terminal", "no pseudo-terminal here");
    else {
        is(clone3_spawn_set_terminal(&plan, slave), 0, "clone3_spawn_set_terminal() succeeds");
        says(&plan, "read -r a < /proc/$$/stat; set -- ${a##*)}; test $5 != 0 && test $6 = $$ && echo fore; "
            "test -c /dev/tty && echo > /dev/tty && echo tty", "fore tty", "the child of a plan with set_terminal is in the foreground of its controlling terminal");
    }
    clone3_spawn_set_terminal(&plan, open("/dev/null", O_RDWR | O_CLOEXEC));
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_TERMINAL, 0, ENOTTY, "a plan with set_terminal of what is no terminal");
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
    is(clone3_spawn_set_signal_mask(&plan, &set), 0, "clone3_spawn_set_signal_mask() succeeds");
    says(&plan, STATUS("SigBlk"), "0000000000004200", "the child of a plan with set_signal_mask has that mask");
    plan = new_plan();
    sigprocmask(SIG_BLOCK, &set, NULL);
    says(&plan, STATUS("SigBlk"), "0000000000004200", "the child of a plan without set_signal_mask has the caller's mask");
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, handled);
    says(&plan, IGNORED, "512", "the child of an empty plan ignores what the caller ignores, and has no handlers");
    is(clone3_spawn_set_signal_defaults(&plan, &set), 0, "clone3_spawn_set_signal_defaults() succeeds");
    says(&plan, IGNORED, "0", "the child of a plan with set_signal_defaults does not ignore these signals");
    plan = new_plan();
    sigemptyset(&set);
    sigaddset(&set, SIGALRM); /* not SIGHUP, which the shell of busybox 1.30 takes back */
    sigaddset(&set, SIGPIPE);
    is(clone3_spawn_set_signal_ignores(&plan, &set), 0, "clone3_spawn_set_signal_ignores() succeeds");
    says(&plan, IGNORED, "12800", "the child of a plan with set_signal_ignores ignores these signals");
    struct sigaction now;
    sigaction(SIGUSR2, NULL, &now);
    ok(now.sa_handler == handled, "plans with signals leave the caller's handlers");
    signal(SIGUSR1, SIG_DFL);
    signal(SIGUSR2, SIG_DFL);
}

static void places(void)
{
    clone3_spawn_t plan = new_plan();
    int usr = open("/usr", O_PATH | O_DIRECTORY | O_CLOEXEC), file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    is(clone3_spawn_set_directory(&plan, "/proc"), 0, "clone3_spawn_set_directory() succeeds");
    says(&plan, "pwd", "/proc", "the child of a plan with set_directory is there");
    fails_at((clone3_spawn_set_directory(&plan, "/nowhere"), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_DIRECTORY, 0, ENOENT,
        "a plan with a directory that does not exist");
    ok(strstr(plan_error(), "\"/nowhere\"") != NULL, "the error of a directory that does not exist names it");
    is(clone3_spawn_set_directory_fd(&plan, usr), 0, "clone3_spawn_set_directory_fd() succeeds");
    says(&plan, "pwd -P", "/usr", "the child of a plan with set_directory_fd is there");
    fails_at((clone3_spawn_set_directory_fd(&plan, file), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_DIRECTORY, 0, ENOTDIR,
        "a plan with set_directory_fd of what is no directory");
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
        skip("the child of a plan with set_chroot has that root", "only root may");
        return;
    }
    is(clone3_spawn_set_chroot(&plan, "/nowhere"), 0, "clone3_spawn_set_chroot() succeeds");
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_ROOT, 0, ENOENT, "a plan with set_chroot of a directory that does not exist");
    clone3_spawn_set_chroot(&plan, "/usr");
    clone3_spawn_set_callback(&plan, names_root, seen);
    if (emulated()) {
        skip("the child of a plan with set_chroot has that root", "the caller's memory is not the child's");
        return;
    }
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_CALLBACK, 0, ENOTNAM, "a plan with set_chroot and a callback that fails");
    is(strcmp(seen, "/"), 0, "the working directory of a child with set_chroot is its root");
    clone3_spawn_set_callback(&plan, NULL, NULL);
    clone3_spawn_set_directory(&plan, "/bin");
    char path[] = "/../../../../bin/sh";
    struct stat real;
    if (stat("/usr/bin/sh", &real) == 0 && stat("/usr/lib", &real) == 0 && stat("/usr/usr", &real) != 0)
        /* Its loader is in /lib, which /usr has as well; or not. */
        ok(spawn_plan(NULL, path, &plan, (char *[]){ "sh", "-c", "exit 0", NULL }) == 0 || error_of_plan.error == ENOENT,
            "the child of a plan with set_chroot cannot leave its root: %s", plan_error());
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
