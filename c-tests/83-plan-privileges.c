/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ids, capabilities, no_new_privs and filters of a child of clone3_spawn().
 * modes: preload shared static api
 */
#define _GNU_SOURCE
#include "planning.h"
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include "filter.h"

#define STATUS(field) "while read k v; do case $k in " field ":) echo $v;; esac; done < /proc/$$/status"

static const char *hex(uint64_t bits)
{
    static char text[4][20];
    static int next;
    char *out = text[next++ % 4];
    snprintf(out, 20, "%016llx", (unsigned long long)bits);
    return out;
}

static uint64_t bounding_now(void)
{
    uint64_t all = 0;
    for (int i = 0; i < 64; i++)
        if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1)
            all |= 1ull << i;
    return all;
}

static void ids(void)
{
    clone3_spawn_t plan = new_plan();
    const gid_t groups[] = { 77, 3000000000u, 5 };
    is(clone3_spawn_set_uid(&plan, 12345), 0, "clone3_spawn_set_uid() succeeds");
    is(clone3_spawn_set_gid(&plan, 54321), 0, "clone3_spawn_set_gid() succeeds");
    is(clone3_spawn_set_groups(&plan, groups, 3), 0, "clone3_spawn_set_groups() succeeds");
    says(&plan, STATUS("Uid"), "12345 12345 12345 12345", "the child of a plan with set_uid has all four user ids");
    says(&plan, STATUS("Gid"), "54321 54321 54321 54321", "the child of a plan with set_gid has all four group ids");
    says(&plan, STATUS("Groups"), "5 77 3000000000", "the child of a plan with set_groups has these groups");
    says(&plan, STATUS("CapEff"), hex(0), "the child of a plan with set_uid has no capability");
    clone3_spawn_set_groups(&plan, NULL, 0);
    says(&plan, STATUS("Groups"), "", "the child of a plan with an empty list for set_groups has no groups");
    ok(geteuid() == 0 && getegid() == 0, "plans with set_uid and set_gid leave the caller's ids");
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    says(&plan, "echo there", "there", "the child of a plan with other ids runs while the caller is dumpable");
    is(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1, "a plan with other ids leaves the caller dumpable");
    fails_at(&plan, "/nowhere", CLONE3_SPAWN_STAGE_EXEC, 0, ENOENT, "a plan with other ids whose program does not exist");
    is(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1, "a plan with other ids that fails leaves the caller dumpable");
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    says(&plan, "echo there", "there", "the child of a plan with other ids runs while the caller is not dumpable");
    is(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0, "a plan with other ids does not make the caller dumpable");
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static void capabilities(void)
{
    clone3_spawn_t plan = new_plan();
    uint64_t bounding = bounding_now(), some = 1ull << CAP_NET_BIND_SERVICE | 1ull << CAP_KILL;
    is(clone3_spawn_set_capabilities(&plan, CLONE3_SPAWN_BOUNDING, some), 0, "set_capabilities of the bounding set succeeds");
    says(&plan, STATUS("CapBnd"), hex(some), "the child of a plan with a bounding set has that set");
    ok(bounding_now() == bounding, "a plan with a bounding set leaves the caller's");
    says(&plan, STATUS("CapPrm"), hex(some), "the bounding set of a plan limits what root has in the child");
    clone3_spawn_set_capabilities(&plan, CLONE3_SPAWN_BOUNDING, 0);
    says(&plan, STATUS("CapBnd"), hex(0), "the child of a plan with an empty bounding set has none");
    plan = new_plan();
    is(clone3_spawn_set_capabilities(&plan, CLONE3_SPAWN_INHERITABLE, some), 0, "set_capabilities of the inheritable set succeeds");
    says(&plan, STATUS("CapInh"), hex(some), "the child of a plan with an inheritable set has that set");
    plan = new_plan();
    clone3_spawn_set_uid(&plan, 12345);
    is(clone3_spawn_set_capabilities(&plan, CLONE3_SPAWN_AMBIENT, some), 0, "set_capabilities of the ambient set succeeds");
    says(&plan, STATUS("CapAmb"), hex(some), "the child of a plan with another user and an ambient set has that set");
    says(&plan, STATUS("CapEff"), hex(some), "the ambient set of a plan is effective in the child");
    says(&plan, STATUS("CapInh"), hex(some), "the ambient set of a plan is inheritable in the child");
    clone3_spawn_set_capabilities(&plan, CLONE3_SPAWN_AMBIENT, 1ull << 62);
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_CAPABILITIES, 2, EINVAL, "a plan with an ambient capability that does not exist");
    plan = new_plan();
    is(clone3_spawn_set_securebits(&plan, SECBIT_NOROOT | SECBIT_NO_CAP_AMBIENT_RAISE), 0, "clone3_spawn_set_securebits() succeeds");
    says(&plan, STATUS("CapEff"), hex(0), "the child of a plan with SECBIT_NOROOT has no capability as root");
    fails_at((clone3_spawn_set_securebits(&plan, 1 << 20), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_SECUREBITS, 0, EPERM,
        "a plan with a securebit that does not exist");
    clone3_spawn_set_securebits(&plan, SECBIT_NO_CAP_AMBIENT_RAISE);
    clone3_spawn_set_uid(&plan, 12345);
    clone3_spawn_set_capabilities(&plan, CLONE3_SPAWN_AMBIENT, some);
    says(&plan, STATUS("CapEff"), hex(some), "the child of a plan with securebits, another user and an ambient set has that set");
}

static void no_new_privs(void)
{
    clone3_spawn_t plan = new_plan();
    is(clone3_spawn_set_no_new_privs(&plan, 1), 0, "clone3_spawn_set_no_new_privs() succeeds");
    says(&plan, STATUS("NoNewPrivs"), "1", "the child of a plan with set_no_new_privs has it");
    says(NULL, STATUS("NoNewPrivs"), "0", "set_no_new_privs does not change the caller");
}

/* mkdir(2) gives EDQUOT. */
static struct sock_filter no_mkdir[] = {
    FILTER_LOAD(offsetof(struct seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FILTER_ARCH, 1, 0),
    FILTER_ALLOW,
    FILTER_LOAD(offsetof(struct seccomp_data, nr)),
#ifdef SYS_mkdir
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdir, 1, 0),
#endif
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdirat, 0, 1),
    FILTER_ERRNO(EDQUOT),
    FILTER_ALLOW,
};

static int always_invalid(void *unused) { (void)unused; return EINVAL; }

static void filters(void)
{
    clone3_spawn_t plan = new_plan();
    const struct sock_fprog program = { sizeof no_mkdir / sizeof *no_mkdir, no_mkdir }, none = { 0, NULL };
    is(clone3_spawn_set_seccomp(&plan, &program, 0), 0, "clone3_spawn_set_seccomp() succeeds");
    if (geteuid() != 0 || prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) != 1)
        fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_SECCOMP, 0, EACCES, "a plan with set_seccomp but not no_new_privs, without privileges");
    clone3_spawn_set_no_new_privs(&plan, 1);
    says(&plan, STATUS("Seccomp"), "2", "the child of a plan with set_seccomp has a filter");
#ifdef __i386__
    skip("the filter of set_seccomp answers the child's calls", "the shell is a program of another architecture");
#else
    says(&plan, "mkdir /tmp/clone3-filtered 2>/dev/null || echo refused", "refused", "the filter of set_seccomp answers the child's calls");
#endif
    fails_at((clone3_spawn_set_seccomp(&plan, &none, 0), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_SECCOMP, 0, EINVAL,
        "a plan with set_seccomp of an empty filter");
    /* It comes last: what the plan does before is not its business. */
    clone3_spawn_set_seccomp(&plan, &program, 0);
    clone3_spawn_set_callback(&plan, always_invalid, NULL);
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_CALLBACK, 0, EINVAL, "a plan with set_seccomp and a callback that fails before");
}

static void unprivileged(void)
{
    const gid_t groups[] = { 77 };
    clone3_spawn_t plan = new_plan();
    if (geteuid() == 0 && (setgid(54321) || setuid(12345))) {
        skip("plans without privileges", "they cannot be given up");
        return;
    }
    fails_at((clone3_spawn_set_uid(&plan, 0), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_UID, 0, EPERM, "a plan with set_uid of 0 without privileges");
    ok(strcmp(plan_error(), "user id 0: Operation not permitted") == 0, "the error of set_uid names the user id: %s", plan_error());
    plan = new_plan();
    fails_at((clone3_spawn_set_gid(&plan, 0), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_GID, 0, EPERM, "a plan with set_gid of 0 without privileges");
    plan = new_plan();
    fails_at((clone3_spawn_set_groups(&plan, groups, 1), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_GROUPS, 0, EPERM, "a plan with set_groups without privileges");
    plan = new_plan();
    fails_at((clone3_spawn_set_capabilities(&plan, CLONE3_SPAWN_BOUNDING, 0), &plan), "/bin/sh",
        CLONE3_SPAWN_STAGE_BOUNDING, 0, EPERM, "a plan with a bounding set without privileges");
    plan = new_plan();
    fails_at((clone3_spawn_set_capabilities(&plan, CLONE3_SPAWN_AMBIENT, 1), &plan), "/bin/sh",
        CLONE3_SPAWN_STAGE_CAPABILITIES, 1, EPERM, "a plan with an ambient set without privileges");
    plan = new_plan();
    fails_at((clone3_spawn_set_securebits(&plan, 1), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_SECUREBITS, 0, EPERM,
        "a plan with set_securebits without privileges");
    plan = new_plan();
    fails_at((clone3_spawn_set_chroot(&plan, "/"), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_ROOT, 0, EPERM, "a plan with set_chroot without privileges");
    plan = new_plan();
    fails_at((clone3_spawn_set_nice(&plan, -20), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_NICE, 0, EACCES, "a plan with a nice value of -20 without privileges");
    plan = new_plan();
    fails_at((clone3_spawn_set_oom_score_adj(&plan, -1000), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_OOM_SCORE_ADJ, 0, EACCES,
        "a plan with an OOM score adjustment of -1000 without privileges");
    plan = new_plan();
    fails_at((clone3_spawn_set_scheduler(&plan, SCHED_FIFO, 1), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_SCHEDULER, 0, EPERM,
        "a plan with SCHED_FIFO without privileges");
    plan = new_plan();
    fails_at((clone3_spawn_add_flags(&plan, CLONE_NEWUTS), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_CREATE, 0, EPERM,
        "a plan with CLONE_NEWUTS without privileges");
}

int main(void)
{
    begin(60);
    if (emulated()) {
        skip("plans with ids, capabilities and filters", "qemu-user runs programs with its own");
        return done();
    }
    filters();
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0)
        no_new_privs();
    else
        skip("plans with set_no_new_privs", "it is set already");
    if (geteuid() == 0) {
        ids();
        capabilities();
    } else
        skip("plans with other ids and capabilities", "only root may");
    apart(unprivileged);
    return done();
}
