/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* plan.h: a plan as the fuzzer drew it, in a form that both sides can read: the
 * setters of clone3_spawn() and the slow reference. */
#ifndef FUZZ_PLAN_H
#define FUZZ_PLAN_H

#define _GNU_SOURCE
#include <clone3.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 12 };

struct drawn_action { int kind, fd, other, flags; const char *path; };

struct drawn {
    int has_nice, nice, has_scheduler, policy, priority, has_affinity, has_ioprio, ioprio, has_oom, oom, has_slack;
    cpu_set_t cpus;
    unsigned long slack;
    int has_umask, umask, session, has_group, group, has_terminal, terminal;
    int has_limits;
    struct clone3_spawn_rlimit limits[3];
    size_t limit_count;
    const char *chroot, *directory;
    int directory_fd, has_fds, fds[MOST];
    size_t fd_count, action_count;
    struct drawn_action actions[MOST];
    int has_uid, has_gid, has_groups;
    uid_t uid;
    gid_t gid, groups[4];
    size_t group_count;
    int has_bounding, has_inheritable, has_ambient, has_securebits, nnp, filter;
    uint64_t bounding, inheritable, ambient;
    unsigned securebits;
    int has_mask, has_defaults, has_ignores, death;
    sigset_t mask, defaults, ignores;
    uint64_t flags;
    size_t space_count;
    struct clone3_spawn_namespace spaces[3];
    int callback, program_fd, search;
    const char *program;
};

/* How it ended: an error with its stage and index, or the child. */
struct outcome { int error, stage, index; pid_t pid; };

/* The same filters for both: none, harmless, empty, one that forbids exec. */
extern const struct sock_fprog *const filters[4];

/* clone3_spawn() by other means: fork, the steps through the C library, exec. */
struct outcome reference(const struct drawn *drawn);

/* What /proc says of a stopped child, with its own pid put out of the way; whether
 * it stopped at all. The child is gone afterwards. */
void describe(pid_t pid, char *text, size_t size);

#endif
