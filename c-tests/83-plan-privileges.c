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
    is(clone3_spawn_set_uid(&plan, 12345), 0, "set_uid");
    is(clone3_spawn_set_gid(&plan, 54321), 0, "set_gid");
    is(clone3_spawn_set_groups(&plan, groups, 3), 0, "set_groups");
    says(&plan, STATUS("Uid"), "12345 12345 12345 12345", "uid, all four");
    says(&plan, STATUS("Gid"), "54321 54321 54321 54321", "gid, all four");
    says(&plan, STATUS("Groups"), "5 77 3000000000", "groups");
    says(&plan, STATUS("CapEff"), hex(0), "and no capability");
    clone3_spawn_set_groups(&plan, NULL, 0);
    says(&plan, STATUS("Groups"), "", "no groups");
    ok(geteuid() == 0 && getegid() == 0, "the caller's stay");
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    says(&plan, "echo there", "there", "a child that takes other ids in the caller's memory");
    is(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1, "leaves the caller dumpable");
    fails_at(&plan, "/nowhere", CLONE3_SPAWN_STAGE_EXEC, 0, ENOENT, "one that fails then");
    is(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1, "does so, too");
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    says(&plan, "echo there", "there", "a caller that is not dumpable");
    is(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0, "does not become so");
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static void capabilities(void)
{
    clone3_spawn_t plan = new_plan();
    uint64_t bounding = bounding_now(), some = 1ull << CAP_NET_BIND_SERVICE | 1ull << CAP_KILL;
    is(clone3_spawn_set_capabilities(&plan, CLONE3_SPAWN_BOUNDING, some), 0, "set_capabilities: bounding");
    says(&plan, STATUS("CapBnd"), hex(some), "the bounding set");
    ok(bounding_now() == bounding, "the caller's stays");
    says(&plan, STATUS("CapPrm"), hex(some), "is what root can have");
    clone3_spawn_set_capabilities(&plan, CLONE3_SPAWN_BOUNDING, 0);
    says(&plan, STATUS("CapBnd"), hex(0), "the bounding set, empty");
    plan = new_plan();
    is(clone3_spawn_set_capabilities(&plan, CLONE3_SPAWN_INHERITABLE, some), 0, "set_capabilities: inheritable");
    says(&plan, STATUS("CapInh"), hex(some), "the inheritable set");
    plan = new_plan();
    clone3_spawn_set_uid(&plan, 12345);
    is(clone3_spawn_set_capabilities(&plan, CLONE3_SPAWN_AMBIENT, some), 0, "set_capabilities: ambient");
    says(&plan, STATUS("CapAmb"), hex(some), "the ambient set of another user");
    says(&plan, STATUS("CapEff"), hex(some), "which is effective");
    says(&plan, STATUS("CapInh"), hex(some), "and was made inheritable");
    clone3_spawn_set_capabilities(&plan, CLONE3_SPAWN_AMBIENT, 1ull << 62);
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_CAPABILITIES, 2, EINVAL, "a capability that there is not");
    plan = new_plan();
    is(clone3_spawn_set_securebits(&plan, SECBIT_NOROOT | SECBIT_NO_CAP_AMBIENT_RAISE), 0, "set_securebits");
    says(&plan, STATUS("CapEff"), hex(0), "root without privileges");
    fails_at((clone3_spawn_set_securebits(&plan, 1 << 20), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_SECUREBITS, 0, EPERM,
        "a bit that there is not");
    clone3_spawn_set_securebits(&plan, SECBIT_NO_CAP_AMBIENT_RAISE);
    clone3_spawn_set_uid(&plan, 12345);
    clone3_spawn_set_capabilities(&plan, CLONE3_SPAWN_AMBIENT, some);
    says(&plan, STATUS("CapEff"), hex(some), "all of it together");
}

static void no_new_privs(void)
{
    clone3_spawn_t plan = new_plan();
    is(clone3_spawn_set_no_new_privs(&plan, 1), 0, "set_no_new_privs");
    says(&plan, STATUS("NoNewPrivs"), "1", "no_new_privs");
    says(NULL, STATUS("NoNewPrivs"), "0", "and not the caller's");
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
    is(clone3_spawn_set_seccomp(&plan, &program, 0), 0, "set_seccomp");
    if (geteuid() != 0 || prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) != 1)
        fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_SECCOMP, 0, EACCES, "a filter without no_new_privs");
    clone3_spawn_set_no_new_privs(&plan, 1);
    says(&plan, STATUS("Seccomp"), "2", "a filter");
#ifdef __i386__
    skip("and it works", "the shell is a program of another architecture");
#else
    says(&plan, "mkdir /tmp/clone3-filtered 2>/dev/null || echo refused", "refused", "and it works");
#endif
    fails_at((clone3_spawn_set_seccomp(&plan, &none, 0), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_SECCOMP, 0, EINVAL,
        "an empty one");
    /* It comes last: what the plan does before is not its business. */
    clone3_spawn_set_seccomp(&plan, &program, 0);
    clone3_spawn_set_callback(&plan, always_invalid, NULL);
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_CALLBACK, 0, EINVAL, "a callback that fails before it");
}

static void unprivileged(void)
{
    const gid_t groups[] = { 77 };
    clone3_spawn_t plan = new_plan();
    if (geteuid() == 0 && (setgid(54321) || setuid(12345)))
        return;
    fails_at((clone3_spawn_set_uid(&plan, 0), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_UID, 0, EPERM, "uid 0");
    ok(strcmp(plan_error(), "user id 0: Operation not permitted") == 0, "in words: %s", plan_error());
    plan = new_plan();
    fails_at((clone3_spawn_set_gid(&plan, 0), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_GID, 0, EPERM, "gid 0");
    plan = new_plan();
    fails_at((clone3_spawn_set_groups(&plan, groups, 1), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_GROUPS, 0, EPERM, "groups");
    plan = new_plan();
    fails_at((clone3_spawn_set_capabilities(&plan, CLONE3_SPAWN_BOUNDING, 0), &plan), "/bin/sh",
        CLONE3_SPAWN_STAGE_BOUNDING, 0, EPERM, "the bounding set");
    plan = new_plan();
    fails_at((clone3_spawn_set_capabilities(&plan, CLONE3_SPAWN_AMBIENT, 1), &plan), "/bin/sh",
        CLONE3_SPAWN_STAGE_CAPABILITIES, 1, EPERM, "the ambient set");
    plan = new_plan();
    fails_at((clone3_spawn_set_securebits(&plan, 1), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_SECUREBITS, 0, EPERM,
        "securebits");
    plan = new_plan();
    fails_at((clone3_spawn_set_chroot(&plan, "/"), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_ROOT, 0, EPERM, "chroot");
    plan = new_plan();
    fails_at((clone3_spawn_set_nice(&plan, -20), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_NICE, 0, EACCES, "nice -20");
    plan = new_plan();
    fails_at((clone3_spawn_set_oom_score_adj(&plan, -1000), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_OOM_SCORE_ADJ, 0, EACCES,
        "oom_score_adj -1000");
    plan = new_plan();
    fails_at((clone3_spawn_set_scheduler(&plan, SCHED_FIFO, 1), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_SCHEDULER, 0, EPERM,
        "SCHED_FIFO");
    plan = new_plan();
    fails_at((clone3_spawn_add_flags(&plan, CLONE_NEWUTS), &plan), "/bin/sh", CLONE3_SPAWN_STAGE_CREATE, 0, EPERM,
        "a namespace");
}

int main(void)
{
    begin(60);
    if (emulated()) {
        skip("privileges", "qemu-user runs programs with its own");
        return done();
    }
    filters();
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0)
        no_new_privs();
    if (geteuid() == 0) {
        ids();
        capabilities();
    } else
        skip("ids and capabilities", "only root may");
    apart(unprivileged);
    return done();
}
