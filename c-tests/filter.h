/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* filter.h: sandboxes and old kernels, as the seccomp filters that tests run under. For
 * tests/filter.c and for tests that install one themselves.
 *
 * They kill nothing, and allow all system calls of another architecture, where the
 * numbers have other meanings. */
#ifndef FILTER_H
#define FILTER_H

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define FILTER_ARCH AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define FILTER_ARCH AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define FILTER_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv)
#define FILTER_ARCH AUDIT_ARCH_RISCV64
#endif

/* Of the namespaces that clone(2) makes, those that Docker allows no process. */
#define FILTER_NAMESPACES 0x7e020000u

static const struct filter_kind {
    const char *name;
    int clone3;          /* the errno it answers with */
    int large_only;      /* only where the struct is larger than Linux 5.3's */
    int no_namespaces;   /* EPERM for what makes or enters them */
} filter_kinds[] = {
    { "enosys", ENOSYS, 0, 0 },
    { "eperm", EPERM, 0, 0 },
    { "eacces", EACCES, 0, 0 },
    { "e2big", E2BIG, 0, 0 },
    /* A sandbox that knows one size; Linux 5.3 itself takes zeroes behind it. */
    { "size", E2BIG, 1, 0 },
    { "docker-new", ENOSYS, 0, 1 }, /* since 20.10.10 */
    { "docker-old", EPERM, 0, 1 },
};

#define EACH_FILTER(k)                                                         \
    (const struct filter_kind *k = filter_kinds;                               \
        k < filter_kinds + sizeof filter_kinds / sizeof *filter_kinds; k++)

static inline const struct filter_kind *find_filter(const char *name)
{
    for EACH_FILTER(kind)
        if (strcmp(kind->name, name) == 0)
            return kind;
    return NULL;
}

/* The low and the high half of an argument; all architectures here are little-endian. */
#define FILTER_LOW(n) (offsetof(struct seccomp_data, args) + 8 * (n))
#define FILTER_HIGH(n) (FILTER_LOW(n) + 4)
#define FILTER_LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define FILTER_IF(test, value, otherwise) BPF_JUMP(BPF_JMP | (test) | BPF_K, value, 0, otherwise)
#define FILTER_ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define FILTER_ERRNO(n) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (n))

/* Puts the calling thread under the filter, for good; 0 or the errno.
 *
 * What is loaded is the number, but for the inside of a block, which ends in
 * a return. */
static inline int install_filter(const struct filter_kind *kind)
{
    struct sock_filter program[] = {
        FILTER_LOAD(offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FILTER_ARCH, 1, 0),
        FILTER_ALLOW,
        FILTER_LOAD(offsetof(struct seccomp_data, nr)),
        FILTER_IF(BPF_JEQ, 435 /* clone3 */, 6),
        FILTER_LOAD(FILTER_HIGH(1)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3),
        FILTER_LOAD(FILTER_LOW(1)),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 64, 1, 0),
        kind->large_only ? (struct sock_filter)FILTER_ALLOW
                         : (struct sock_filter)FILTER_ERRNO(kind->clone3),
        FILTER_ERRNO(kind->clone3),
        /* The rest is for those without namespaces. */
        BPF_STMT(BPF_JMP | BPF_JA, kind->no_namespaces ? 1 : 0),
        FILTER_ALLOW,
        FILTER_IF(BPF_JEQ, SYS_clone, 4),
        FILTER_LOAD(FILTER_LOW(0)),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, FILTER_NAMESPACES, 1, 0),
        FILTER_ALLOW,
        FILTER_ERRNO(EPERM),
        FILTER_IF(BPF_JEQ, SYS_unshare, 1),
        FILTER_ERRNO(EPERM),
        FILTER_IF(BPF_JEQ, SYS_setns, 1),
        FILTER_ERRNO(EPERM),
        FILTER_IF(BPF_JEQ, SYS_mount, 1),
        FILTER_ERRNO(EPERM),
        FILTER_ALLOW,
    };
    struct sock_fprog filter = { sizeof program / sizeof *program, program };
    /* With CAP_SYS_ADMIN it needs no promise that tests might take notice of. */
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0)
        return 0;
    if (errno != EACCES || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
        || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        return errno;
    return 0;
}

#endif
