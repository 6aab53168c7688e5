/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Emulation that is allowed for one call or one plan, and for nothing else in the process.
 */
#define _GNU_SOURCE
#include "planning.h"
#include <sys/prctl.h>

static uint64_t known; /* of the flags, by the kernel */

static int nnp_is_set(void *unused)
{
    (void)unused;
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 7 : 1;
}

static uint64_t emulated_last(void)
{
    struct clone3_route route = { .size = sizeof route };
    return clone3_last_route(&route) == 0 && route.route == CLONE3_ROUTE_EMULATED ? route.emulated : 0;
}

static void one_call(uint64_t memory, const char *name)
{
    struct clone_args args = { .flags = CLONE_NNP | memory, .exit_signal = SIGCHLD };
    pid_t pid = clone3_call_emulating(&args, sizeof args, nnp_is_set, NULL, CLONE_NNP);
    ok(pid > 0, "%s: a call that may emulate CLONE_NNP makes a child", name);
    ok(emulated_last() == (known & CLONE_NNP ? 0 : CLONE_NNP), "%s: clone3_last_route() says whether CLONE_NNP was emulated", name);
    is(status_of(pid), 7, named("%s: the child of a call that may emulate CLONE_NNP has no_new_privs", name));
    ok(clone3_allowed_emulation() == 0, "%s: a call that may emulate CLONE_NNP allows the process nothing", name);
    if (!(known & CLONE_NNP)) {
        ok(clone3_call(&args, sizeof args, nnp_is_set, NULL) == -1, "%s: the call after one that may emulate CLONE_NNP may not", name);
        ok(clone3_call_emulating(&args, sizeof args, nnp_is_set, NULL, 0) == -1, "%s: a call that may emulate nothing does not emulate CLONE_NNP", name);
        ok(clone3_call_emulating(&args, sizeof args, nnp_is_set, NULL, CLONE_CLEAR_SIGHAND) == -1,
            "%s: a call that may emulate another flag does not emulate CLONE_NNP", name);
    }
}

static void one_plan(void)
{
    static const char ask[] = "while read name value; do test $name = NoNewPrivs: && echo $value; done < /proc/self/status";
    clone3_spawn_t plan = new_plan(), other = new_plan();
    clone3_spawn_add_flags(&plan, CLONE_NNP);
    clone3_spawn_add_flags(&other, CLONE_NNP);
    is(clone3_spawn_set_emulation(&plan, CLONE_NNP), 0, "a plan may allow the emulation of CLONE_NNP");
    says(&plan, ask, "1", "a plan that may emulate CLONE_NNP makes a child that has no_new_privs");
    /* Where clone3 is out of reach a spawn emulates CLONE_CLEAR_SIGHAND as well. */
    ok((emulated_last() & CLONE_NNP) == (known & CLONE_NNP ? 0 : CLONE_NNP), "a plan that may emulate CLONE_NNP: clone3_last_route() says whether it did");
    char text[200];
    ok(strcmp(clone3_spawn_explain("/bin/sh", &plan, text, sizeof text), "") == 0, "a plan that may emulate has nothing to be explained: %s", text);
    if (known & CLONE_NNP) {
        skip("a plan that may not emulate CLONE_NNP", "this kernel has the flag");
        return;
    }
    fails_at(&other, "/bin/sh", CLONE3_SPAWN_STAGE_CREATE, ANY_INDEX, unreachable_errno() ? unreachable_errno() : EINVAL,
        "a plan beside one that may emulate CLONE_NNP may not");
    clone3_spawn_set_emulation(&plan, 0);
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_CREATE, ANY_INDEX, unreachable_errno() ? unreachable_errno() : EINVAL,
        "a plan that may emulate CLONE_NNP no longer is refused");
}

int main(void)
{
    begin(60);
    struct clone3_features features = { .size = sizeof features };
    if (clone3_probe(&features))
        abort();
    known = features.known;
    struct clone_args args = { .exit_signal = SIGCHLD };
    clone3_spawn_t plan = new_plan();
    ok(clone3_call_emulating(&args, sizeof args, nnp_is_set, NULL, CLONE_NEWNS) == -1 && errno == EINVAL,
        "a call that may emulate CLONE_NEWNS, which cannot be emulated: EINVAL");
    ok(clone3_call_emulating(&args, sizeof args, NULL, NULL, 0) == -1 && errno == EFAULT, "clone3_call_emulating() without a function: EFAULT");
    ok(clone3_call(&args, sizeof args, NULL, NULL) == -1 && errno == EFAULT, "clone3_call() without a function: EFAULT");
    is(clone3_spawn_set_emulation(&plan, CLONE_AUTOREAP), EINVAL, "a plan cannot allow what is not emulated in spawned children");
    ok(clone3_allow_emulation(CLONE_NNP | CLONE_AUTOREAP) == 0 && clone3_allowed_emulation() == (CLONE_NNP | CLONE_AUTOREAP),
        "clone3_allowed_emulation() returns what the process allows");
    ok(clone3_allow_emulation(0) == 0 && clone3_allowed_emulation() == 0, "clone3_allowed_emulation() returns 0 when the process allows nothing any more");
    if (emulated() || filtered("size") || nnp_is_set(NULL) == 7) {
        skip("emulation that is allowed for one call or one plan", "qemu-user has no flags to be emulated, a filter of sizes hides none, or it is set already");
        return done();
    }
    one_call(0, "copied memory");
    one_call(CLONE_VM | CLONE_VFORK, "shared memory");
    one_plan();
    return done();
}
