/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Why no child was created: clone3_spawn_strerror() has the text of clone3_explain(),
 * and finding the reason creates no child that a wait or a signal could show.
 */
#define _GNU_SOURCE
#include "planning.h"
#include <grp.h>

static volatile sig_atomic_t signals_seen;
static void count(int number) { (void)number; signals_seen++; }

/* Two tests: the spawn fails so, in words that say `words`, and no other child was made. */
static void says_why(const clone3_spawn_t *plan, int error, const char *words, const char *name)
{
    signals_seen = 0;
    fails_at(plan, "/bin/sh", CLONE3_SPAWN_STAGE_CREATE, ANY_INDEX, error, name);
    const char *said = plan_error();
    ok(strncmp(said, "creating the child", 18) == 0 && strstr(said, words) && !signals_seen
        && waitpid(-1, NULL, 0x40000000 /* __WALL */ | WNOHANG) == -1 && errno == ECHILD,
        "%s is explained, and no child is made for that: %s", name, said);
    char *argv[] = { "sh", NULL };
    is(clone3_spawn(NULL, "/bin/sh", plan, argv, environ, NULL), error, named("%s gives the same errno where no explanation is asked for", name));
}

static void flags(void)
{
    struct clone3_features features = { .size = sizeof features };
    if (clone3_probe(&features))
        abort();
    static const struct { uint64_t flag; const char *words; } later[] = { { CLONE_NNP, "CLONE_NNP needs Linux 7.1; this is " },
        { CLONE_AUTOREAP, "CLONE_AUTOREAP needs Linux 7.1; this is " } };
    static const char *const named_flag[] = { "a plan with CLONE_NNP before Linux 7.1", "a plan with CLONE_AUTOREAP before Linux 7.1" };
    for (size_t i = 0; i < 2; i++) {
        clone3_spawn_t plan = new_plan();
        clone3_spawn_add_flags(&plan, later[i].flag);
        if (features.known & later[i].flag)
            skip(named("a plan with a flag of Linux 7.1, %zu of 2, is explained", i + 1), "this kernel knows the flag");
        else
            says_why(&plan, EINVAL, later[i].words, named_flag[i]);
    }
    clone3_spawn_t plan = new_plan();
    clone3_spawn_add_flags(&plan, CLONE_NEWIPC | CLONE_SYSVSEM);
    if (geteuid() != 0)
        skip("a plan with flags that contradict each other is explained", "only root may ask for them");
    else
        says_why(&plan, EINVAL, "CLONE_SYSVSEM cannot be shared", "a plan with flags that contradict each other");
}

static void cgroups(void)
{
    clone3_spawn_t plan = new_plan();
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    char words[100];
    clone3_spawn_set_cgroup(&plan, null);
    snprintf(words, sizeof words, ", cgroup %d: Bad file descriptor: cgroup is not the descriptor of a cgroup2 directory", null);
    says_why(&plan, EBADF, words, "a plan with a cgroup that is none");
    clone3_spawn_set_cgroup_path(&plan, "/tmp");
    says_why(&plan, EBADF, ", cgroup \"/tmp\": Bad file descriptor: cgroup is not", "a plan with a cgroup's path that leads to none");
    close(null);
}

static void pids(void)
{
    clone3_spawn_t plan = new_plan();
    const pid_t out_of_range = 1 << 30, own = getpid();
    clone3_spawn_set_tid(&plan, &out_of_range, 1);
    says_why(&plan, EINVAL, "set_tid: more pids than nested", "a plan with a pid that is out of range");
    clone3_spawn_set_tid(&plan, &own, 1);
    if (geteuid() != 0)
        skip("a plan with a pid that is in use is explained", "only root may choose pids");
    else
        says_why(&plan, EEXIST, "set_tid: one of the pids is in use", "a plan with a pid that is in use");
    clone3_spawn_set_tid(&plan, (const pid_t *)8, 1);
    says_why(&plan, EFAULT, "set_tid is not readable", "a plan with pids at an invalid address");
}

static void without_privileges(void)
{
    clone3_spawn_t plan = new_plan();
    const pid_t own = getpid();
    if (geteuid() == 0 && (setgroups(0, NULL) || setgid(4242) || setuid(4242))) {
        skip("plans without privileges are explained", "they cannot be given up");
        return;
    }
    clone3_spawn_add_flags(&plan, CLONE_NEWUTS);
    says_why(&plan, EPERM, "new namespaces need CAP_SYS_ADMIN", "a plan with a namespace without privileges");
    plan = new_plan();
    clone3_spawn_set_tid(&plan, &own, 1);
    says_why(&plan, EPERM, "set_tid needs CAP_SYS_ADMIN or", "a plan with a pid without privileges");
    struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_NPROC, &none);
    plan = new_plan();
    says_why(&plan, EAGAIN, "RLIMIT_NPROC", "a plan beyond RLIMIT_NPROC");
}

static void without_descriptors(void)
{
    clone3_spawn_t plan = new_plan();
    struct rlimit none = { 0, 0 };
    int pidfd;
    clone3_spawn_set_pidfd(&plan, &pidfd);
    setrlimit(RLIMIT_NOFILE, &none);
    says_why(&plan, EMFILE, "no descriptor is left for the pidfd", "a plan with a pidfd beyond RLIMIT_NOFILE");
}

int main(void)
{
    begin(60);
    signal(SIGCHLD, count);
    if (!native()) {
        /* What only clone3(2) can say. */
        clone3_spawn_t plan = new_plan();
        const pid_t one = 1;
        clone3_spawn_set_tid(&plan, &one, 1);
        says_why(&plan, unreachable_errno(), "clone(2) cannot express the request", "a plan that needs clone3(2)");
        return done();
    }
    flags();
    cgroups();
    pids();
    apart(without_privileges);
    apart(without_descriptors);
    return done();
}
