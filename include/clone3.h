/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* clone3.h: processes and threads by clone3(2), with a sound child.
 *
 * Generated from the sources of libclone3 by `make header`; do not edit.
 * fork(), vfork(), clone() and the other names of a libc that libclone3
 * exports are declared by that libc's own headers. */

#ifndef LIBCLONE3_CLONE3_H
#define LIBCLONE3_CLONE3_H

/* The version of this header; clone3_version() tells the library's. */
#define CLONE3_VERSION_MAJOR 0
#define CLONE3_VERSION_MINOR 1
#define CLONE3_VERSION_PATCH 0
#define CLONE3_VERSION "0.1.0"

#include <pthread.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The kernel's header, where there is one that knows all of struct clone_args
 * (Linux 5.7), has the last word on its names. An older one has no such struct, or
 * one that lacks fields: from here on the name stands for the struct below. */
#if defined(__has_include)
#if __has_include(<linux/sched.h>) && __has_include(<linux/version.h>)
#include <linux/sched.h>
#ifndef LINUX_VERSION_CODE
#include <linux/version.h>
#endif
#endif
#endif
#if defined(LINUX_VERSION_CODE) && LINUX_VERSION_CODE >= 0x050700
#define CLONE3_KERNEL_DECLARES_CLONE_ARGS 1
#else
#define clone_args clone3_clone_args
#endif

#if defined(__GNUC__)
#define CLONE3_RETURNS_TWICE __attribute__((__returns_twice__))
#define CLONE3_ALIGNED(bytes) __attribute__((__aligned__(bytes)))
#define CLONE3_NORETURN __attribute__((__noreturn__))
/* The result says whether there is a child or other output, and which. */
#define CLONE3_MUST_USE __attribute__((__warn_unused_result__))
#define CLONE3_SYMBOL(name) __asm__(name)
#else
#define CLONE3_RETURNS_TWICE
#define CLONE3_NORETURN
#define CLONE3_ALIGNED(bytes)
#define CLONE3_MUST_USE
#define CLONE3_SYMBOL(name)
#define clone3 clone3_clone3
#endif

/* Not on functions that run a function of the caller's. */
#if !defined(__cplusplus)
#define CLONE3_NOTHROW
#elif __cplusplus >= 201103L
#define CLONE3_NOTHROW noexcept
#else
#define CLONE3_NOTHROW throw()
#endif

/* cpu_set_t, which musl declares with _GNU_SOURCE only. */
#if defined(__GLIBC__)
typedef cpu_set_t clone3_cpu_set_t;
#else
typedef struct cpu_set_t clone3_cpu_set_t;
#endif
struct sock_fprog; /* <linux/filter.h> */

/* What cannot be said where it is declared with its contract, far below. */
#ifdef __cplusplus
extern "C" {
#endif
struct clone_args;
extern pid_t clone3(struct clone_args *args, size_t size)
    CLONE3_NOTHROW CLONE3_SYMBOL("clone3_clone3") CLONE3_RETURNS_TWICE;
#ifdef __cplusplus
}
#endif

/**
 * New time namespace for the child. clone3() only: in clone(2) the bit
 * belongs to the exit signal. In stable kernels earlier; unshare(2) has it
 * from Linux 5.6 on.
 * Linux 6.3.
 */
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

/**
 * Mask of the exit signal in the flags of legacy clone(2). In clone3() only
 * the bit CLONE_NEWTIME of it is a flag.
 */
#ifndef CSIGNAL
#define CSIGNAL 0x000000ff
#endif

/**
 * The child shares the caller's memory.
 * Linux 2.0.
 */
#ifndef CLONE_VM
#define CLONE_VM 0x00000100
#endif

/**
 * The child shares root, working directory and umask.
 * Linux 2.0.
 */
#ifndef CLONE_FS
#define CLONE_FS 0x00000200
#endif

/**
 * The child shares the table of file descriptors.
 * Linux 2.0.
 */
#ifndef CLONE_FILES
#define CLONE_FILES 0x00000400
#endif

/**
 * The child shares the table of signal handlers; needs CLONE_VM.
 * Linux 2.0.
 */
#ifndef CLONE_SIGHAND
#define CLONE_SIGHAND 0x00000800
#endif

/**
 * Store a pidfd of the child (with CLONE_THREAD from Linux 6.9 on).
 * Linux 5.2.
 */
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif

/**
 * A tracer of the caller traces the child too.
 * Linux 2.2.
 */
#ifndef CLONE_PTRACE
#define CLONE_PTRACE 0x00002000
#endif

/**
 * The caller waits until the child executes a program or ends.
 * Linux 2.2.
 */
#ifndef CLONE_VFORK
#define CLONE_VFORK 0x00004000
#endif

/**
 * The caller's parent becomes the child's parent.
 * Linux 2.3.12.
 */
#ifndef CLONE_PARENT
#define CLONE_PARENT 0x00008000
#endif

/**
 * The child is a thread of the caller's process; needs CLONE_SIGHAND.
 * Linux 2.4.
 */
#ifndef CLONE_THREAD
#define CLONE_THREAD 0x00010000
#endif

/**
 * New mount namespace.
 * Linux 2.4.19.
 */
#ifndef CLONE_NEWNS
#define CLONE_NEWNS 0x00020000
#endif

/**
 * Share System V semaphore undo values.
 * Linux 2.5.10.
 */
#ifndef CLONE_SYSVSEM
#define CLONE_SYSVSEM 0x00040000
#endif

/**
 * Set the child's thread pointer to the field tls.
 * Linux 2.5.32.
 */
#ifndef CLONE_SETTLS
#define CLONE_SETTLS 0x00080000
#endif

/**
 * Store the child's id at parent_tid in the caller's memory.
 * Linux 2.5.49.
 */
#ifndef CLONE_PARENT_SETTID
#define CLONE_PARENT_SETTID 0x00100000
#endif

/**
 * When the child ends, clear child_tid in its memory and wake a futex there.
 * Linux 2.5.49.
 */
#ifndef CLONE_CHILD_CLEARTID
#define CLONE_CHILD_CLEARTID 0x00200000
#endif

/**
 * Means nothing to clone(2) since Linux 2.6; refused by clone3().
 */
#ifndef CLONE_DETACHED
#define CLONE_DETACHED 0x00400000
#endif

/**
 * No tracer can force CLONE_PTRACE on the child.
 * Linux 2.5.46.
 */
#ifndef CLONE_UNTRACED
#define CLONE_UNTRACED 0x00800000
#endif

/**
 * Store the child's id at child_tid in the child's memory.
 * Linux 2.5.49.
 */
#ifndef CLONE_CHILD_SETTID
#define CLONE_CHILD_SETTID 0x01000000
#endif

/**
 * New cgroup namespace.
 * Linux 4.6.
 */
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif

/**
 * New UTS namespace.
 * Linux 2.6.19.
 */
#ifndef CLONE_NEWUTS
#define CLONE_NEWUTS 0x04000000
#endif

/**
 * New IPC namespace.
 * Linux 2.6.19.
 */
#ifndef CLONE_NEWIPC
#define CLONE_NEWIPC 0x08000000
#endif

/**
 * New user namespace (in parts earlier).
 * Linux 3.8.
 */
#ifndef CLONE_NEWUSER
#define CLONE_NEWUSER 0x10000000
#endif

/**
 * New pid namespace.
 * Linux 2.6.24.
 */
#ifndef CLONE_NEWPID
#define CLONE_NEWPID 0x20000000
#endif

/**
 * New network namespace.
 * Linux 2.6.24.
 */
#ifndef CLONE_NEWNET
#define CLONE_NEWNET 0x40000000
#endif

/**
 * Share the I/O context.
 * Linux 2.6.25.
 */
#ifndef CLONE_IO
#define CLONE_IO 0x80000000
#endif

/**
 * Reset handled signals to their default action in the child.
 * Linux 5.5.
 */
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif

/**
 * Create the child in the cgroup given by the field cgroup.
 * Linux 5.7.
 */
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

/**
 * The kernel reaps the child itself when it ends; no exit signal.
 * Linux 7.1.
 */
#ifndef CLONE_AUTOREAP
#define CLONE_AUTOREAP 0x400000000ULL
#endif

/**
 * Set no_new_privs in the child.
 * Linux 7.1.
 */
#ifndef CLONE_NNP
#define CLONE_NNP 0x800000000ULL
#endif

/**
 * Kill the child when the last copy of its pidfd is closed.
 * Linux 7.1.
 */
#ifndef CLONE_PIDFD_AUTOKILL
#define CLONE_PIDFD_AUTOKILL 0x1000000000ULL
#endif

/**
 * The child's new mount namespace starts empty.
 * Linux 7.1.
 */
#ifndef CLONE_EMPTY_MNTNS
#define CLONE_EMPTY_MNTNS 0x2000000000ULL
#endif


#if !defined(CLONE_ARGS_SIZE_VER0)
/**
 * Size in bytes of the first published struct clone_args (Linux 5.3).
 */
#define CLONE_ARGS_SIZE_VER0 64
#endif

#if !defined(CLONE_ARGS_SIZE_VER1)
/**
 * Size in bytes of the second, with set_tid (Linux 5.5).
 */
#define CLONE_ARGS_SIZE_VER1 80
#endif

#if !defined(CLONE_ARGS_SIZE_VER2)
/**
 * Size in bytes of the third, with cgroup (Linux 5.7).
 */
#define CLONE_ARGS_SIZE_VER2 88
#endif

/**
 * For the field mode of struct clone3_features: besides asking the kernel, create
 * children and test the effect of their flags.
 */
#define CLONE3_PROBE_DEEP 1

/**
 * In struct clone3_route: no call yet, or one that was refused before the
 * kernel was asked.
 */
#define CLONE3_ROUTE_NONE 0

/**
 * In struct clone3_route: by clone3(2), as asked.
 */
#define CLONE3_ROUTE_NATIVE 1

/**
 * In struct clone3_route: by clone3(2) with a smaller struct clone_args, after
 * E2BIG.
 */
#define CLONE3_ROUTE_SMALLER 2

/**
 * In struct clone3_route: by clone(2), because clone3(2) is unavailable.
 */
#define CLONE3_ROUTE_LEGACY 3

/**
 * In struct clone3_route: with flags that the library emulated; by clone3(2) if the
 * field args_size is not 0, by clone(2) otherwise.
 */
#define CLONE3_ROUTE_EMULATED 4

/**
 * In struct clone3_route: by the C library's own function, which alone can
 * take its locks.
 */
#define CLONE3_ROUTE_HOST 5

/**
 * In struct clone3_pthread_extra: store a pidfd of the thread (Linux 6.9).
 */
#define CLONE3_PTHREAD_PIDFD 1

/**
 * In struct clone3_pthread_extra: name the thread.
 */
#define CLONE3_PTHREAD_NAME 2

/**
 * In struct clone3_pthread_extra: set the processors it may run on.
 */
#define CLONE3_PTHREAD_AFFINITY 4

/**
 * In struct clone3_pthread_extra: set its nice value.
 */
#define CLONE3_PTHREAD_NICE 8

/**
 * In struct clone3_pthread_extra: set its timer slack.
 */
#define CLONE3_PTHREAD_TIMER_SLACK 16

/**
 * In struct clone3_pthread_extra: move it into a threaded cgroup (Linux 4.14).
 */
#define CLONE3_PTHREAD_CGROUP 32

/**
 * In struct clone3_pthread_extra: give it a root, working directory and umask
 * of its own, copied from the process's.
 */
#define CLONE3_PTHREAD_UNSHARE_FS 64

/**
 * In struct clone3_pthread_extra: give it descriptors of its own, copied from
 * the process's.
 */
#define CLONE3_PTHREAD_UNSHARE_FILES 128

/**
 * For clone3_spawn_set_capabilities(): the bounding set.
 */
#define CLONE3_SPAWN_BOUNDING 0

/**
 * For clone3_spawn_set_capabilities(): the inheritable set.
 */
#define CLONE3_SPAWN_INHERITABLE 1

/**
 * For clone3_spawn_set_capabilities(): the ambient set.
 */
#define CLONE3_SPAWN_AMBIENT 2

/**
 * In struct clone3_thread_attr, flags: the thread starts detached.
 */
#define CLONE3_THREAD_DETACHED 1

/**
 * Which step of a clone3_spawn() failed. The numbers are names, grouped by subject: they
 * say nothing of the order in which steps are taken, which clone3_spawn(3) has.
 */
enum clone3_spawn_stage {
  /**
   * Nothing failed.
   */
  CLONE3_SPAWN_STAGE_NONE = 0,
  /**
   * A setter failed, or what was asked for contradicts itself.
   */
  CLONE3_SPAWN_STAGE_PLAN = 1,
  /**
   * No child was created: clone3(2) failed, or something that it needs.
   */
  CLONE3_SPAWN_STAGE_CREATE = 2,
  /**
   * The pidfd.
   */
  CLONE3_SPAWN_STAGE_PIDFD = 3,
  /**
   * The callback, whose result is the error number.
   */
  CLONE3_SPAWN_STAGE_CALLBACK = 4,
  /**
   * Executing the program, and searching for it.
   */
  CLONE3_SPAWN_STAGE_EXEC = 5,
  /**
   * Ignoring signals; the index is the signal.
   */
  CLONE3_SPAWN_STAGE_SIGNALS = 10,
  /**
   * The signal at the death of the parent.
   */
  CLONE3_SPAWN_STAGE_PDEATH_SIGNAL = 11,
  /**
   * The new session.
   */
  CLONE3_SPAWN_STAGE_SESSION = 12,
  /**
   * The process group.
   */
  CLONE3_SPAWN_STAGE_PROCESS_GROUP = 13,
  /**
   * The controlling terminal.
   */
  CLONE3_SPAWN_STAGE_TERMINAL = 14,
  /**
   * The cgroup: opening it, or moving there.
   */
  CLONE3_SPAWN_STAGE_CGROUP = 20,
  /**
   * Scheduling policy and priority.
   */
  CLONE3_SPAWN_STAGE_SCHEDULER = 21,
  /**
   * The nice value.
   */
  CLONE3_SPAWN_STAGE_NICE = 22,
  /**
   * The processors.
   */
  CLONE3_SPAWN_STAGE_AFFINITY = 23,
  /**
   * The I/O priority.
   */
  CLONE3_SPAWN_STAGE_IOPRIO = 24,
  /**
   * oom_score_adj.
   */
  CLONE3_SPAWN_STAGE_OOM_SCORE_ADJ = 25,
  /**
   * The timer slack.
   */
  CLONE3_SPAWN_STAGE_TIMER_SLACK = 26,
  /**
   * A resource limit; the index says which.
   */
  CLONE3_SPAWN_STAGE_RLIMIT = 27,
  /**
   * Joining a namespace; the index says which.
   */
  CLONE3_SPAWN_STAGE_NAMESPACE = 30,
  /**
   * The id maps; the index is 0 for setgroups, 1 for uid_map, 2 for gid_map.
   */
  CLONE3_SPAWN_STAGE_ID_MAP = 31,
  /**
   * A mount; the index says which, count: keeping them inside.
   */
  CLONE3_SPAWN_STAGE_MOUNT = 32,
  /**
   * chroot or pivot.
   */
  CLONE3_SPAWN_STAGE_ROOT = 33,
  /**
   * The working directory.
   */
  CLONE3_SPAWN_STAGE_DIRECTORY = 34,
  /**
   * The list of descriptors; the index says which, count: closing the others.
   */
  CLONE3_SPAWN_STAGE_FD = 35,
  /**
   * A file action; the index says which.
   */
  CLONE3_SPAWN_STAGE_FILE_ACTION = 36,
  /**
   * The supplementary groups.
   */
  CLONE3_SPAWN_STAGE_GROUPS = 40,
  /**
   * The group id.
   */
  CLONE3_SPAWN_STAGE_GID = 41,
  /**
   * The user id.
   */
  CLONE3_SPAWN_STAGE_UID = 42,
  /**
   * The capability bounding set.
   */
  CLONE3_SPAWN_STAGE_BOUNDING = 43,
  /**
   * Capabilities; the index is 0 for keeping them, 1 for the inheritable, 2 for
   * the ambient set.
   */
  CLONE3_SPAWN_STAGE_CAPABILITIES = 44,
  /**
   * The securebits.
   */
  CLONE3_SPAWN_STAGE_SECUREBITS = 45,
  /**
   * no_new_privs.
   */
  CLONE3_SPAWN_STAGE_NO_NEW_PRIVS = 46,
  /**
   * The seccomp filter.
   */
  CLONE3_SPAWN_STAGE_SECCOMP = 47,
};

/**
 * Which kind of file action failed.
 */
enum clone3_spawn_action {
  /**
   * No file action failed.
   */
  CLONE3_SPAWN_ACTION_NONE = 0,
  /**
   * posix_spawn_file_actions_addopen().
   */
  CLONE3_SPAWN_ACTION_OPEN = 1,
  /**
   * posix_spawn_file_actions_addclose().
   */
  CLONE3_SPAWN_ACTION_CLOSE = 2,
  /**
   * posix_spawn_file_actions_adddup2().
   */
  CLONE3_SPAWN_ACTION_DUP2 = 3,
  /**
   * posix_spawn_file_actions_addchdir().
   */
  CLONE3_SPAWN_ACTION_CHDIR = 4,
  /**
   * posix_spawn_file_actions_addfchdir().
   */
  CLONE3_SPAWN_ACTION_FCHDIR = 5,
  /**
   * posix_spawn_file_actions_addclosefrom_np().
   */
  CLONE3_SPAWN_ACTION_CLOSEFROM = 6,
  /**
   * posix_spawn_file_actions_addtcsetpgrp_np().
   */
  CLONE3_SPAWN_ACTION_TCSETPGRP = 7,
};

#if !defined(CLONE3_KERNEL_DECLARES_CLONE_ARGS)
/**
 * Arguments of clone3(), as the kernel declares them in `<linux/sched.h>`.
 *
 * Every field is 64 bits wide on every architecture; an address is stored by
 * casting it through `uintptr_t`, so that its upper half is zero where pointers
 * have 32 bits. Fields that are not used must be zero.
 *
 * Source: clone(2); include/uapi/linux/sched.h.
 */
struct CLONE3_ALIGNED(8) clone_args {
  /**
   * `CLONE_*` flags, without the exit signal.
   */
  uint64_t flags;
  /**
   * `int *`: where CLONE_PIDFD stores the pidfd.
   */
  uint64_t pidfd;
  /**
   * `pid_t *`, in the child's memory: for CLONE_CHILD_SETTID and
   * CLONE_CHILD_CLEARTID.
   */
  uint64_t child_tid;
  /**
   * `pid_t *`, in the parent's memory: for CLONE_PARENT_SETTID.
   */
  uint64_t parent_tid;
  /**
   * Signal sent to the parent when the child ends, 0 for none.
   */
  uint64_t exit_signal;
  /**
   * Lowest byte of the child's stack, or 0.
   */
  uint64_t stack;
  /**
   * Size of that stack in bytes, or 0.
   */
  uint64_t stack_size;
  /**
   * Thread pointer for CLONE_SETTLS; on 32-bit x86 the address of a
   * `struct user_desc`.
   */
  uint64_t tls;
  /**
   * `pid_t *`: requested pids, innermost namespace first (Linux 5.5).
   */
  uint64_t set_tid;
  /**
   * Number of elements in `set_tid`, 0 to 32 (Linux 5.5).
   */
  uint64_t set_tid_size;
  /**
   * Descriptor of a cgroup2 directory, for CLONE_INTO_CGROUP (Linux 5.7).
   */
  uint64_t cgroup;
};
#endif

/**
 * What clone3(2) can do on this kernel, in this sandbox, for this thread.
 *
 * Like struct clone_args it may grow at its end; the caller says how much of
 * it it knows (libclone3(7)).
 */
struct clone3_features {
  /**
   * In: sizeof(struct clone3_features). Out: how many bytes of it this
   * version of the library filled in.
   */
  uint32_t size;
  /**
   * In: 0 or CLONE3_PROBE_DEEP.
   */
  uint32_t mode;
  /**
   * The errno that this thread gets instead of reaching clone3(2): 0 if it is reached,
   * ENOSYS from a kernel before 5.3 or a filter, EPERM or another from a filter.
   */
  int32_t obstacle;
  /**
   * The errno of a call with set_tid: 0 if it may be used, EPERM without the
   * capability, E2BIG before Linux 5.5, the obstacle if there is one.
   */
  int32_t set_tid;
  /**
   * Bytes of struct clone_args that the kernel reads (64, 80, 88); 0 if clone3(2) is
   * unavailable.
   */
  uint32_t args_size;
  /**
   * 1 if CLONE_PIDFD can be combined with CLONE_THREAD (Linux 6.9).
   */
  uint32_t thread_pidfd;
  /**
   * 1 if the kernel's answers cannot be trusted, because it creates children that it
   * should refuse; then known, permitted and carried are 0, and only the deep mode has
   * results. Also 1 between unshare(CLONE_NEWPID) and the first child, where nothing
   * can be tested: then the deep mode has none either.
   */
  uint32_t inconclusive;
  /**
   * 1 if CLONE3_ROUTE=legacy in the environment, or the way the library was built,
   * forbids it to call clone3(2); the obstacle is ENOSYS then.
   */
  uint32_t kept_away;
  /**
   * Flags that clone3(2) knows.
   */
  uint64_t known;
  /**
   * Flags that it would grant this thread now: without those that lack a capability, a
   * sysctl or a kernel option.
   */
  uint64_t permitted;
  /**
   * Flags that clone3() carries out here without emulation, by clone3(2) or
   * by clone(2).
   */
  uint64_t carried;
  /**
   * Flags that it could emulate if clone3_allow_emulation() allowed it.
   */
  uint64_t emulable;
  /**
   * Deep mode: flags whose effect was seen in a child.
   */
  uint64_t verified;
  /**
   * Deep mode: flags that were accepted and had no effect.
   */
  uint64_t ignored;
};

/**
 * By which system call a child was created, and why. It may grow at its end.
 */
struct clone3_route {
  /**
   * In: sizeof(struct clone3_route). Out: how many bytes of it this version
   * of the library filled in.
   */
  uint32_t size;
  /**
   * CLONE3_ROUTE_*
   */
  uint32_t route;
  /**
   * The errno for which the route before was given up, 0 for the first.
   */
  int32_t cause;
  /**
   * Bytes of struct clone_args given to the kernel, 0 where it was not
   * clone3(2).
   */
  uint32_t args_size;
  /**
   * Flags that the library emulated.
   */
  uint64_t emulated;
};

/**
 * What clone3_pthread_create() gives a thread in addition to its attributes.
 *
 * Only fields that a bit in set selects are read. The struct may grow at its end; the
 * field size is the size that the caller knows.
 */
struct clone3_pthread_extra {
  /**
   * sizeof(struct clone3_pthread_extra)
   */
  uint32_t size;
  /**
   * CLONE3_PTHREAD_*: which of them are requested.
   */
  uint32_t set;
  /**
   * Where to store the CLONE3_PTHREAD_* that failed, 0 if none did; may be NULL.
   */
  uint32_t *failed;
  /**
   * Where to store the pidfd, which is closed on exec.
   */
  int *pidfd;
  /**
   * Up to 15 bytes and a NUL.
   */
  const char *name;
  /**
   * The processors it may run on.
   */
  const clone3_cpu_set_t *affinity;
  /**
   * Bytes in *affinity.
   */
  size_t affinity_size;
  /**
   * Directory of the cgroup, or NULL to use the field cgroup.
   */
  const char *cgroup_path;
  /**
   * Descriptor of the cgroup's directory, O_PATH or not.
   */
  int cgroup;
  /**
   * -20 (most favourable) to 19.
   */
  int nice;
  /**
   * Nanoseconds; 0 for the default, which is the creator's slack.
   */
  uint64_t timer_slack;
};

/**
 * The plan of a child of clone3_spawn(): what its setters have set. It is opaque, may be
 * on the caller's stack or elsewhere, and needs no freeing.
 *
 * Strings and arrays that a setter is given are not copied: they are read when the child
 * is created, and must stay unchanged until the last spawn. A plan may be used for any
 * number of spawns, also by several threads at a time, and may be copied by assignment.
 */
struct clone3_spawn_plan {
  /**
   * Private.
   */
  uint64_t opaque[96];
};

/**
 * A plan.
 */
typedef struct clone3_spawn_plan clone3_spawn_t;

/**
 * A namespace to join.
 */
struct clone3_spawn_namespace {
  /**
   * A namespace's file, or a pidfd (Linux 5.8).
   */
  int fd;
  /**
   * CLONE_NEW*: 0 for whatever the file is; for a pidfd one or several.
   */
  int type;
};

/**
 * A line of an id map (user_namespaces(7)).
 */
struct clone3_spawn_id_range {
  /**
   * First id in the new namespace.
   */
  uint32_t inside;
  /**
   * What it is outside.
   */
  uint32_t outside;
  /**
   * How many ids.
   */
  uint32_t count;
};

/**
 * A resource limit (prlimit(2)).
 */
struct clone3_spawn_rlimit {
  /**
   * RLIMIT_*
   */
  int resource;
  /**
   * 0.
   */
  int reserved;
  /**
   * The soft limit; all ones for none.
   */
  uint64_t soft;
  /**
   * The hard limit; all ones for none.
   */
  uint64_t hard;
};

/**
 * A mount for the child.
 */
struct clone3_spawn_mount {
  /**
   * With MS_BIND, the path to bind to the target, looked up in the caller's root.
   * Otherwise the file system's source; NULL for none.
   */
  const char *source;
  /**
   * An existing path in the child's root. Symbolic links in it cannot lead out of that
   * root.
   */
  const char *target;
  /**
   * The file system's type: proc, tmpfs, devpts and so on; not used with MS_BIND.
   */
  const char *type;
  /**
   * Its options, as after -o of mount(8): "size=1m,mode=755"; NULL for none.
   */
  const char *data;
  /**
   * Of the MS_* of mount(2): MS_BIND, with MS_REC for all that is mounted below as
   * well; and MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOATIME.
   */
  uint64_t flags;
};

/**
 * Which step of a clone3_spawn() failed, and why. It may grow at its end, as
 * libclone3(7) has it.
 */
struct clone3_spawn_error {
  /**
   * In: sizeof(struct clone3_spawn_error). Out: how many bytes of it this version of
   * the library filled in.
   */
  uint32_t size;
  /**
   * enum clone3_spawn_stage; CLONE3_SPAWN_STAGE_NONE, which is 0, after success.
   */
  int stage;
  /**
   * Which of the step's several objects, from 0. For CLONE3_SPAWN_STAGE_PLAN and
   * CLONE3_SPAWN_STAGE_CREATE the reason, which clone3_spawn_strerror() formats.
   */
  int index;
  /**
   * The error number.
   */
  int error;
  /**
   * For a file action enum clone3_spawn_action, otherwise 0.
   */
  int action;
  /**
   * The descriptor, id, signal or resource concerned; -1 for none.
   */
  int number;
  /**
   * The path concerned, a string of the plan's or of an action's; NULL for none.
   */
  const char *path;
  /**
   * The type of the file system concerned, "bind" for MS_BIND; NULL for none.
   */
  const char *type;
};

/**
 * The resource usage of a child and its reaped descendants (getrusage(2)). It may grow
 * at its end, see libclone3(7).
 */
struct clone3_usage {
  /**
   * In: sizeof(struct clone3_usage). Out: how many bytes of it this version of the
   * library filled in.
   */
  uint32_t size;
  /**
   * 0.
   */
  uint32_t reserved;
  /**
   * Nanoseconds in user mode.
   */
  uint64_t user_time;
  /**
   * Nanoseconds in the kernel.
   */
  uint64_t system_time;
  /**
   * Peak resident set size, in bytes.
   */
  uint64_t max_rss;
  /**
   * Page faults without I/O.
   */
  uint64_t minor_faults;
  /**
   * Page faults with I/O.
   */
  uint64_t major_faults;
  /**
   * Block input operations.
   */
  uint64_t block_reads;
  /**
   * Block output operations.
   */
  uint64_t block_writes;
  /**
   * Voluntary context switches.
   */
  uint64_t voluntary_switches;
  /**
   * Involuntary context switches.
   */
  uint64_t involuntary_switches;
};

/**
 * The attributes of a new bare thread. clone3_thread_attr_init() fills in the defaults.
 * It may grow at its end.
 */
struct clone3_thread_attr {
  /**
   * sizeof(struct clone3_thread_attr), set by clone3_thread_attr_init().
   */
  uint32_t size;
  /**
   * 0 or CLONE3_THREAD_DETACHED.
   */
  uint32_t flags;
  /**
   * Which of CLONE_FS, CLONE_FILES, CLONE_SYSVSEM and CLONE_IO the thread
   * shares with its creator. Default: the first three, as pthreads do.
   */
  uint64_t share;
  /**
   * Lowest byte of a stack of the caller's own, or NULL. The library adds no guard to
   * it, and does not use it any more once the thread has been joined.
   */
  void *stack;
  /**
   * Bytes in the stack, at least 16384; 0 for the default. More may be given.
   */
  size_t stack_size;
  /**
   * Inaccessible bytes below a stack that is not the caller's own; at least a page in
   * any case.
   */
  size_t guard_size;
  /**
   * Name of the thread in /proc/PID/task/TID/comm, at most 15 bytes and a
   * NUL; NULL for the creator's.
   */
  const char *name;
  /**
   * Processors the thread may run on; NULL for the creator's.
   */
  const clone3_cpu_set_t *affinity;
  /**
   * Bytes in *affinity.
   */
  size_t affinity_size;
  /**
   * Signals blocked in the thread. NULL: all but the synchronous ones, SIGSEGV,
   * SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS.
   */
  const sigset_t *sigmask;
  /**
   * Where a pidfd of the thread goes, close-on-exec (Linux 6.9); NULL for
   * none.
   */
  int *pidfd;
  /**
   * Thread ids to use, innermost pid namespace first (Linux 5.5); NULL for none.
   */
  const pid_t *set_tid;
  /**
   * Elements in *set_tid.
   */
  size_t set_tid_size;
  /**
   * SCHED_*, or -1 for the creator's scheduling.
   */
  int32_t sched_policy;
  /**
   * Static priority for SCHED_FIFO and SCHED_RR.
   */
  int32_t sched_priority;
};

/**
 * The same under the name in the functions' declarations.
 */
typedef struct clone3_thread_attr clone3_thread_attr_t;

/**
 * A handle of a bare thread; 0 is none. A value is not reused for a later thread of the
 * process until 2^28 threads have used the same slot.
 */
typedef uint64_t clone3_thread_t;

#ifdef __cplusplus
extern "C" {
#endif /* __cplusplus */

/**
 * Creates a process that returns from this call, as fork() does.
 *
 * It is the kernel's call, with any size and flags that the kernel takes, and its
 * errno. In addition, the C library of a child with its own memory is as consistent
 * as after _Fork(): its thread id is right, its robust list empty, and no signal
 * handler runs before that is done. pthread_atfork() handlers do not run. CLONE_VM
 * with CLONE_VFORK works like vfork(), whose rules for the child apply.
 *
 * With CLONE_SETTLS the child does not have the C library's thread descriptor, and
 * nothing of the C library is repaired.
 *
 * @param args  fields not used must be zero
 * @param size  bytes in *args, at least CLONE_ARGS_SIZE_VER0
 * @return the child's pid in the caller, 0 in the child; -1 and errno on
 *         error; errno is untouched on success
 *
 * Errors, besides those of clone3(2):
 * - EINVAL: a stack is given, or CLONE_VM without CLONE_VFORK: the child
 *   could not return (use clone3_call())
 * - ENOSYS, EPERM or what else a seccomp filter returns: clone3(2) is unavailable
 *   (ENOSYS: also before Linux 5.3), and clone(2) cannot express the request
 *
 * clone3_explain() tells which of the kernel's rules is broken, clone3_last_route()
 * by which system call the child was created.
 *
 * The symbol is clone3_clone3, so that it does not replace a function named clone3
 * of a C library or a program.
 *
 * Async-signal-safe; thread-safe. Linux 5.3, by clone(2) before that.
 * Source: clone(2); kernel/fork.c.
 */
extern CLONE3_MUST_USE pid_t clone3(struct clone_args *args,
                                    size_t size) CLONE3_NOTHROW;

/**
 * Creates a process or thread that runs start(arg) and ends with its result.
 *
 * The child runs on stack/stack_size. With both zero it runs on the caller's stack,
 * for which the caller must be waiting (CLONE_VFORK) or the memory copied. It ends
 * by exit(2), which ends this task only: atexit() handlers do not run, and stdio is
 * not flushed. The C library of a child with its own memory is repaired as by
 * clone3(). A child that shares memory and has no TLS of its own must not use
 * thread-local variables, errno among them, unless the caller is suspended.
 *
 * @param args  as for clone3()
 * @param size  as for clone3()
 * @param start run in the child; its result is the exit status
 * @param arg   passed to start
 * @return the child's pid, or thread id with CLONE_THREAD; -1 and errno on
 *         error; errno is untouched on success
 *
 * Errors, besides those of clone3(2):
 * - EFAULT: start is NULL
 * - EINVAL: CLONE_VM without CLONE_VFORK and without a stack
 * - ENOSYS, EPERM …: as for clone3()
 *
 * Async-signal-safe; thread-safe. Linux 5.3, by clone(2) before that.
 * Source: clone(2); kernel/fork.c.
 */
extern CLONE3_MUST_USE pid_t clone3_call(struct clone_args *args,
                                         size_t size,
                                         int (*start)(void *arg),
                                         void *arg);

/**
 * The same, but allows the library to emulate flags that the kernel does not know,
 * or that cannot be passed because clone3(2) is unavailable, in this call only; see
 * clone3_allow_emulation(). What that function allows in the whole process is
 * allowed here as well.
 *
 * @param args     as for clone3()
 * @param size     as for clone3()
 * @param start    as for clone3_call()
 * @param arg      as for clone3_call()
 * @param emulable flags that may be emulated; 0 for none
 * @return as clone3_call()
 *
 * Errors, besides those of clone3_call():
 * - EINVAL: a flag in emulable for which there is no emulation
 *
 * Async-signal-safe; thread-safe. Linux 5.3, by clone(2) before that.
 */
extern CLONE3_MUST_USE pid_t clone3_call_emulating(struct clone_args *args,
                                                   size_t size,
                                                   int (*start)(void *arg),
                                                   void *arg,
                                                   uint64_t emulable);

/**
 * Finds out what clone3(2) can do here, for the calling thread.
 *
 * No runnable child is created: every question is a request that the kernel undoes
 * because its pidfd cannot be stored. There is no zombie and no SIGCHLD. It costs
 * about thirty questions of two or three failing system calls each; up to as many
 * pid numbers are skipped, and namespaces that the caller may create are created and
 * destroyed. With CLONE3_PROBE_DEEP in mode one process is created, which creates
 * others and tests the effect of their flags; all are reaped, and none sends a
 * signal (except one SIGCHLD under qemu-user, which cannot create a child without).
 *
 * The result also updates what the library remembers, as clone3_probe_refresh()
 * does.
 *
 * @param features  size and mode are read, everything is written, up to
 *                  size bytes
 * @return 0; -1 and errno on error
 *
 * Errors:
 * - EFAULT: features is NULL
 * - EINVAL: size is smaller than 80, the first version's; mode is unknown
 * - E2BIG: size is larger than a page
 * - EAGAIN, ENOMEM: deep mode, no process could be made
 *
 * Async-signal-safe; thread-safe. Any Linux.
 * Source: kernel/fork.c, copy_process.
 */
extern CLONE3_MUST_USE int clone3_probe(struct clone3_features *features) CLONE3_NOTHROW;

/**
 * Forgets what was found out about kernel and sandbox, and asks again.
 *
 * For a process whose sandbox has changed so that clone3(2) is available again
 * (restored on another machine, for one). A filter that is installed later is
 * noticed without it.
 *
 * @return 0 if clone3(2) is reached; otherwise -1 and the errno that is returned
 *         instead
 *
 * Async-signal-safe; thread-safe. Any Linux.
 */
extern int clone3_probe_refresh(void) CLONE3_NOTHROW;

/**
 * Tells by which system call, and why, the calling thread's last clone3(),
 * clone3_call(), clone(), fork(), _Fork(), vfork(), forkpty(), spawn
 * (clone3_spawn(), the posix_spawn() family, system(), popen()) or
 * clone3_thread_create() was made.
 *
 * In a new process there is no call yet. A process that was created without the
 * library (by a system call instruction of the program's own) has its creator's
 * report until it makes a call.
 *
 * @param route  size is read, everything is written, up to size bytes
 * @return 0; -1 and errno on error
 *
 * Errors:
 * - EFAULT: route is NULL
 * - EINVAL: size is smaller than 24, the first version's
 * - E2BIG: size is larger than a page
 *
 * Async-signal-safe: in a handler it reports the handler's own last call;
 * thread-safe. Any Linux.
 */
extern int clone3_last_route(struct clone3_route *route) CLONE3_NOTHROW;

/**
 * Allows clone3() and clone3_call() to emulate flags that the kernel does not know,
 * or that cannot be passed because clone3(2) is unavailable, in the whole process.
 *
 * A library should rather allow it per call, by clone3_call_emulating() and
 * clone3_spawn_set_emulation(): this setting applies to the whole process, and the
 * next caller replaces it.
 *
 * Without it such a flag is refused with the kernel's errno. An emulation is weaker,
 * and clone3_last_route() reports it:
 * - CLONE_CLEAR_SIGHAND, CLONE_NNP: the child does it as its first act, so other
 *   processes may see the child before; the child needs its own memory, or
 *   clone3_call() with CLONE_VM and CLONE_VFORK
 * - CLONE_AUTOREAP: the child is created by a middle process, which exits; its
 *   parent is init or the nearest subreaper, which must reap it. The child needs its
 *   own memory; refused if the caller is init or a subreaper itself
 *
 * @param flags  which of these may be emulated from now on; 0 for none
 * @return 0; -1 and errno on error
 *
 * Errors:
 * - EINVAL: a flag for which there is no emulation; nothing is changed
 *
 * Async-signal-safe; thread-safe. Any Linux.
 */
extern int clone3_allow_emulation(uint64_t flags) CLONE3_NOTHROW;

/**
 * What clone3_allow_emulation() has allowed.
 *
 * @return the flags; errno is untouched
 *
 * Async-signal-safe; thread-safe. Any Linux.
 */
extern uint64_t clone3_allowed_emulation(void) CLONE3_NOTHROW;

/**
 * Tells why the kernel refuses these arguments to the calling thread.
 *
 * The text is about the first rule, in the kernel's order, that they break, and
 * begins with the errno: "EINVAL: CLONE_SIGHAND needs CLONE_VM". For rules that
 * depend on the kernel or on the state of the process the kernel is asked, in
 * questions that create no child (see clone3_probe()). If clone3(2) is unavailable:
 * why the library's clone3() refuses them.
 *
 * What clone3() refuses and the kernel does not (a stack, CLONE_VM without
 * CLONE_VFORK) comes last, in a text that names clone3_call().
 *
 * @param args  as for clone3()
 * @param size  as for clone3()
 * @param buf   where the text goes, cut to n bytes with a NUL; may be NULL
 * @param n     bytes in buf
 * @return buf or, if that is NULL or n is 0, a constant text without the kernel's
 *         version; "" if nothing is wrong. errno is untouched
 *
 * Not checked: pids.max of a cgroup, and whether the caller may move a process out
 * of its own cgroup. Async-signal-safe; thread-safe. Any Linux. Source:
 * kernel/fork.c.
 */
extern const char *clone3_explain(const struct clone_args *args,
                                  size_t size,
                                  char *buf,
                                  size_t n) CLONE3_NOTHROW;

/**
 * Creates a thread of the C library, as pthread_create() does, that has the extras
 * when start(arg) begins to run.
 *
 * The C library creates the thread: it is a pthread in every respect. Before start
 * it sets the extras, in the order name, affinity, nice value, timer slack, cgroup,
 * own root and directory, own descriptors; then the caller opens the pidfd, in its
 * own table. If one of them fails, start never runs, the thread ends and is joined,
 * and *extra->failed is the one that failed. The value of *thread is undefined then.
 *
 * It returns when the thread has them all. It is no cancellation point, and signals
 * do not interrupt it. A thread with a detached attribute is detached before start
 * runs.
 *
 * @param thread where the C library stores the thread's id
 * @param attr   attributes, or NULL for the default ones
 * @param extra  what else, or NULL for nothing
 * @param start  what the thread runs
 * @param arg    passed to start
 * @return 0, or an error number; errno is untouched
 *
 * Errors, besides those of pthread_create(3), with the extra they can come
 * from:
 * - EFAULT: thread or start is NULL
 * - EINVAL: size is smaller than the first
 *   version's; unknown bits in set; NICE is out of range; AFFINITY names no
 *   processor there is; TIMER_SLACK does not fit into an unsigned long
 * - E2BIG: size is larger than what this version of the library knows, and
 *   something there is not zero
 * - EFAULT: PIDFD, NAME or AFFINITY with a NULL pointer, or one that cannot
 *   be read
 * - ENOTSUP: PIDFD, before Linux 6.9
 * - ENOSYS: there are no threads here: before glibc 2.34, no libpthread is
 *   loaded. Or PIDFD, before Linux 5.3
 * - EMFILE, ENFILE: PIDFD, CGROUP or UNSHARE_FILES
 * - ERANGE: NAME is longer than 15 bytes
 * - EACCES: NICE is lower than RLIMIT_NICE allows; CGROUP may not be
 *   written to
 * - EBADF: CGROUP is no cgroup2 directory
 * - EOPNOTSUPP: CGROUP is not threaded, or under another domain than the
 *   process's
 * - ENOENT, ENOTDIR, ENAMETOOLONG, ELOOP: CGROUP, by its path
 * - ENODEV: CGROUP has been removed
 * - ENOMEM: UNSHARE_FS, UNSHARE_FILES; EPERM: any extra that a seccomp filter
 *   forbids
 *
 * Not async-signal-safe; thread-safe. Any Linux.
 * Source: pthread_create(3); pidfd_open(2), unshare(2), cgroups(7).
 */
extern CLONE3_MUST_USE int clone3_pthread_create(pthread_t *thread,
                                                 const pthread_attr_t *attr,
                                                 const struct clone3_pthread_extra *extra,
                                                 void *(*start)(void *arg),
                                                 void *arg) CLONE3_NOTHROW;

/**
 * Initialises a plan: the child inherits everything from the caller.
 *
 * All setters return 0 or an error number, EINVAL for a plan that was not
 * initialised. A later call of a setter replaces the earlier one's value, except
 * that the flags of clone3_spawn_add_flags() add up. Their results need not be
 * checked: after a setter has failed, clone3_spawn() fails with the first one's
 * error number and CLONE3_SPAWN_STAGE_PLAN, until the plan is initialised again. A
 * copy of a plan is equivalent to the plan. This function and the setters, except
 * clone3_spawn_set_file_actions(), are async-signal-safe, and thread-safe if no two
 * threads change one plan.
 *
 * @param plan  memory for it
 * @param size  sizeof(clone3_spawn_t)
 * @return 0, or an error number; errno is untouched
 *
 * Errors:
 * - EFAULT: plan is NULL
 * - EINVAL: size is smaller than 768, the first version's
 */
extern int clone3_spawn_init(clone3_spawn_t *plan,
                             size_t size) CLONE3_NOTHROW;

/**
 * Adds CLONE_* flags to the child's.
 *
 * Of the namespaces: CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
 * CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWTIME, and CLONE_EMPTY_MNTNS
 * with CLONE_NEWNS. Of the rest: CLONE_AUTOREAP (then no exit signal),
 * CLONE_PIDFD_AUTOKILL, CLONE_NNP, CLONE_IO, CLONE_SYSVSEM, CLONE_PTRACE,
 * CLONE_UNTRACED. The kernel refuses a flag that it does not know, except CLONE_NNP
 * where clone3_spawn_set_emulation() or clone3_allow_emulation() allows its
 * emulation. With CLONE_NEWTIME the child gets a copy of the memory.
 *
 * @return 0, or an error number: EINVAL: another flag
 */
extern int clone3_spawn_add_flags(clone3_spawn_t *plan,
                                  uint64_t flags) CLONE3_NOTHROW;

/**
 * Allows the library to emulate flags that the kernel does not know, or that cannot
 * be passed because clone3(2) is unavailable, in children of this plan: CLONE_NNP,
 * which the child then sets itself. CLONE_CLEAR_SIGHAND, which is part of every
 * plan, needs no permission. What clone3_allow_emulation() allows in the whole
 * process is allowed here as well.
 *
 * @param flags  which; 0 for none
 *
 * @return 0, or an error number: EINVAL: a flag for which there is no emulation in a
 *         spawned child
 */
extern int clone3_spawn_set_emulation(clone3_spawn_t *plan,
                                      uint64_t flags) CLONE3_NOTHROW;

/**
 * Requests a pidfd of the child, close-on-exec, which is stored when clone3_spawn()
 * succeeds. Linux 5.2.
 *
 * @param pidfd  where it goes; NULL for none
 *
 * @return 0, or an error number
 */
extern int clone3_spawn_set_pidfd(clone3_spawn_t *plan,
                                  int *pidfd) CLONE3_NOTHROW;

/**
 * Chooses the signal that the caller gets when the child ends, 0 for none; SIGCHLD
 * unless set. It lasts until the child executes its program: exec makes it SIGCHLD
 * again (execve(2)). So it matters only for a child that runs a function, which must
 * be waited for with __WALL.
 *
 * @return 0, or an error number: EINVAL: not 0 to 64
 */
extern int clone3_spawn_set_exit_signal(clone3_spawn_t *plan,
                                        int signal) CLONE3_NOTHROW;

/**
 * Chooses the child's pids, innermost namespace first (set_tid of struct
 * clone_args). Linux 5.5, CAP_SYS_ADMIN in the namespaces' user namespaces; from
 * Linux 5.9 on CAP_CHECKPOINT_RESTORE there is sufficient.
 *
 * @param pids   borrowed until the spawn
 *
 * @return 0, or an error number: EFAULT: pids is NULL and count is not 0
 */
extern int clone3_spawn_set_tid(clone3_spawn_t *plan,
                                const pid_t *pids,
                                size_t count) CLONE3_NOTHROW;

/**
 * Creates the child in a cgroup, given by its cgroup2 directory (CLONE_INTO_CGROUP,
 * Linux 5.7). On older kernels, and where clone3(2) is unavailable, the child moves
 * there before anything else; clone3_last_route() then reports the flag as emulated.
 *
 * @param fd  the directory, O_PATH is enough
 *
 * @return 0, or an error number: EBADF: negative
 */
extern int clone3_spawn_set_cgroup(clone3_spawn_t *plan,
                                   int fd) CLONE3_NOTHROW;

/**
 * The same by the directory's path, which the calling thread opens during the spawn.
 *
 * @param path  borrowed until the spawn
 *
 * @return 0, or an error number: EFAULT: NULL
 */
extern int clone3_spawn_set_cgroup_path(clone3_spawn_t *plan,
                                        const char *path) CLONE3_NOTHROW;

/**
 * Lists namespaces that the child joins, in this order (setns(2)).
 *
 * A pid namespace is joined by the calling thread while it creates the child, and
 * left again; the thread must have the privilege to return. For a time namespace the
 * child gets a copy of the memory.
 *
 * @param namespaces  borrowed until the spawn
 *
 * @return 0, or an error number: EFAULT: namespaces is NULL and count is not 0
 */
extern int clone3_spawn_set_namespaces(clone3_spawn_t *plan,
                                       const struct clone3_spawn_namespace *namespaces,
                                       size_t count) CLONE3_NOTHROW;

/**
 * The user ids of the child's new user namespace (CLONE_NEWUSER), written to
 * /proc/PID/uid_map by the calling thread before the child continues. Needs a /proc.
 *
 * @param ranges  borrowed until the spawn
 *
 * @return 0, or an error number: EFAULT: ranges is NULL and count is not 0
 */
extern int clone3_spawn_set_uid_map(clone3_spawn_t *plan,
                                    const struct clone3_spawn_id_range *ranges,
                                    size_t count) CLONE3_NOTHROW;

/**
 * The same for group ids, /proc/PID/gid_map. Without privileges,
 * clone3_spawn_set_setgroups() must forbid setgroups(2).
 *
 * @param ranges  borrowed until the spawn
 *
 * @return 0, or an error number: EFAULT: ranges is NULL and count is not 0
 */
extern int clone3_spawn_set_gid_map(clone3_spawn_t *plan,
                                    const struct clone3_spawn_id_range *ranges,
                                    size_t count) CLONE3_NOTHROW;

/**
 * Writes "allow" or "deny" to /proc/PID/setgroups before gid_map. Linux 3.19.
 *
 * @param allowed  0 for "deny"
 *
 * @return 0, or an error number
 */
extern int clone3_spawn_set_setgroups(clone3_spawn_t *plan, int allowed) CLONE3_NOTHROW;

/**
 * Real, effective and saved user id (setresuid(2)).
 *
 * The groups stay the caller's: if root changes the user id alone, the program keeps
 * root's groups. Use clone3_spawn_set_gid() and clone3_spawn_set_groups() as well.
 *
 * @return 0, or an error number: EINVAL: -1
 */
extern int clone3_spawn_set_uid(clone3_spawn_t *plan,
                                uid_t uid) CLONE3_NOTHROW;

/**
 * Real, effective and saved group id (setresgid(2)). The supplementary groups
 * stay the caller's: see clone3_spawn_set_groups().
 *
 * @return 0, or an error number: EINVAL: -1
 */
extern int clone3_spawn_set_gid(clone3_spawn_t *plan, gid_t gid) CLONE3_NOTHROW;

/**
 * Supplementary groups (setgroups(2)); none with count 0.
 *
 * @param groups  borrowed until the spawn
 *
 * @return 0, or an error number: EFAULT: groups is NULL and count is not 0
 */
extern int clone3_spawn_set_groups(clone3_spawn_t *plan,
                                   const gid_t *groups,
                                   size_t count) CLONE3_NOTHROW;

/**
 * Sets no_new_privs (prctl(2), PR_SET_NO_NEW_PRIVS), without which
 * clone3_spawn_set_seccomp() needs CAP_SYS_ADMIN. Linux 3.5.
 *
 * @param on  0 for off
 *
 * @return 0, or an error number
 */
extern int clone3_spawn_set_no_new_privs(clone3_spawn_t *plan, int on) CLONE3_NOTHROW;

/**
 * Chooses one of three capability sets, capability n in bit n.
 *
 * CLONE3_SPAWN_BOUNDING: all others are dropped from the bounding set.
 * CLONE3_SPAWN_INHERITABLE: replaces the inheritable set. CLONE3_SPAWN_AMBIENT:
 * replaces the ambient set, and is added to the inheritable one if that is not set
 * as well (Linux 4.3). With one of the latter two the child keeps its permitted
 * capabilities over a change of the user id, until exec.
 *
 * @return 0, or an error number: EINVAL: no such set
 */
extern int clone3_spawn_set_capabilities(clone3_spawn_t *plan,
                                         int which,
                                         uint64_t capabilities) CLONE3_NOTHROW;

/**
 * The securebits (prctl(2), PR_SET_SECUREBITS), set after ids and capabilities.
 *
 * @return 0, or an error number
 */
extern int clone3_spawn_set_securebits(clone3_spawn_t *plan, unsigned int bits) CLONE3_NOTHROW;

/**
 * Installs a seccomp filter as the last step before exec, which the filter must
 * allow.
 *
 * @param program  borrowed until the spawn
 * @param flags    0, or SECCOMP_FILTER_FLAG_LOG and SECCOMP_FILTER_FLAG_SPEC_ALLOW
 *
 * @return 0, or an error number: EFAULT: NULL; EINVAL: another flag
 */
extern int clone3_spawn_set_seccomp(clone3_spawn_t *plan,
                                    const struct sock_fprog *program,
                                    unsigned int flags) CLONE3_NOTHROW;

/**
 * Resource limits (prlimit(2)), set after the files.
 *
 * @param limits  borrowed until the spawn
 *
 * @return 0, or an error number: EFAULT: limits is NULL and count is not 0
 */
extern int clone3_spawn_set_rlimits(clone3_spawn_t *plan,
                                    const struct clone3_spawn_rlimit *limits,
                                    size_t count) CLONE3_NOTHROW;

/**
 * Makes the child leader of a new session (setsid(2)).
 *
 * @param on  0 for off
 *
 * @return 0, or an error number
 */
extern int clone3_spawn_set_session(clone3_spawn_t *plan, int on) CLONE3_NOTHROW;

/**
 * The process group it joins, 0 for one of its own (setpgid(2)).
 *
 * @return 0, or an error number: EINVAL: negative
 */
extern int clone3_spawn_set_process_group(clone3_spawn_t *plan, pid_t group) CLONE3_NOTHROW;

/**
 * Makes a terminal the new session's controlling one (ioctl_tty(2), TIOCSCTTY).
 * Needs clone3_spawn_set_session().
 *
 * @param fd  as the caller has it
 *
 * @return 0, or an error number: EBADF: negative
 */
extern int clone3_spawn_set_terminal(clone3_spawn_t *plan, int fd) CLONE3_NOTHROW;

/**
 * The signal mask that the program starts with; the caller's unless set.
 *
 * @param set  copied
 *
 * @return 0, or an error number: EFAULT: not in memory
 */
extern int clone3_spawn_set_signal_mask(clone3_spawn_t *plan,
                                        const sigset_t *set) CLONE3_NOTHROW;

/**
 * Signals that are at their default when the program starts. Those with a handler
 * are in any case; ignored ones stay ignored unless they are in this set.
 *
 * @param set  copied
 *
 * @return 0, or an error number: EFAULT: not in memory
 */
extern int clone3_spawn_set_signal_defaults(clone3_spawn_t *plan,
                                            const sigset_t *set) CLONE3_NOTHROW;

/**
 * Signals that are ignored when the program starts.
 *
 * @param set  copied
 *
 * @return 0, or an error number: EFAULT: not in memory; EINVAL: SIGKILL or SIGSTOP is in it
 */
extern int clone3_spawn_set_signal_ignores(clone3_spawn_t *plan,
                                           const sigset_t *set) CLONE3_NOTHROW;

/**
 * Scheduling policy, optionally with SCHED_RESET_ON_FORK, and static priority
 * (sched_setscheduler(2)).
 *
 * @return 0, or an error number
 */
extern int clone3_spawn_set_scheduler(clone3_spawn_t *plan,
                                      int policy,
                                      int priority) CLONE3_NOTHROW;

/**
 * The nice value (setpriority(2)).
 *
 * @return 0, or an error number: EINVAL: not -20 to 19
 */
extern int clone3_spawn_set_nice(clone3_spawn_t *plan, int nice) CLONE3_NOTHROW;

/**
 * The processors it may run on (sched_setaffinity(2)).
 *
 * @param mask  borrowed until the spawn
 * @param size  bytes in *mask
 *
 * @return 0, or an error number: EFAULT: NULL
 */
extern int clone3_spawn_set_affinity(clone3_spawn_t *plan,
                                     const clone3_cpu_set_t *mask,
                                     size_t size) CLONE3_NOTHROW;

/**
 * The I/O scheduling class and priority, encoded as for ioprio_set(2).
 *
 * @return 0, or an error number
 */
extern int clone3_spawn_set_ioprio(clone3_spawn_t *plan, int priority) CLONE3_NOTHROW;

/**
 * The OOM score adjustment, -1000 to 1000, written to the child's
 * /proc/self/oom_score_adj.
 *
 * @return 0, or an error number: EINVAL: out of range
 */
extern int clone3_spawn_set_oom_score_adj(clone3_spawn_t *plan, int score) CLONE3_NOTHROW;

/**
 * The timer slack in nanoseconds, 0 for the default (prctl(2), PR_SET_TIMERSLACK).
 *
 * @return 0, or an error number
 */
extern int clone3_spawn_set_timer_slack(clone3_spawn_t *plan,
                                        unsigned long nanoseconds) CLONE3_NOTHROW;

/**
 * The signal that the child gets when the calling thread ends (prctl(2),
 * PR_SET_PDEATHSIG); 0 for none.
 *
 * It is set after the ids, because a change of ids clears it. If the caller has
 * ended before that, the child sends the signal to itself, or exits if it is the
 * first process of a pid namespace. For a child in another pid namespace this needs
 * pidfd_open(2), Linux 5.3. Executing a program that gains privileges clears it.
 *
 * @return 0, or an error number: EINVAL: not 0 to 64
 */
extern int clone3_spawn_set_pdeath_signal(clone3_spawn_t *plan,
                                          int signal) CLONE3_NOTHROW;

/**
 * The file mode creation mask, set before the file actions.
 *
 * @return 0, or an error number: EINVAL: more than 0777
 */
extern int clone3_spawn_set_umask(clone3_spawn_t *plan, mode_t mask) CLONE3_NOTHROW;

/**
 * Lists what the child mounts, in this order, before it changes its root: while the
 * caller's root is still visible, which has the sources of bind mounts, and without
 * which a new proc or sysfs is refused in a user namespace.
 *
 * Needs CLONE_NEWNS, or a mount namespace to join. In a new one, all mounts become
 * slaves first, so that nothing propagates out of it. Targets must exist, in the
 * root of clone3_spawn_set_pivot_root() or clone3_spawn_set_chroot() or, without
 * these, in the child's root: directories, and files for bind mounts of files. They
 * are looked up with that as the root, so that no symbolic link leads out of it
 * (openat2(2), Linux 5.6; before that, a link or ".." is ELOOP). The root itself
 * cannot be a target: EBUSY. Linux 5.2; MS_BIND with MS_RDONLY or another
 * restriction for a file or with MS_REC, Linux 5.12, otherwise ENOSYS.
 *
 * A proc shows the child's pid namespace (CLONE_NEWPID), an mqueue its IPC
 * namespace. In a user namespace of the child's, only some mounts are allowed
 * (user_namespaces(7)): sysfs needs CLONE_NEWNET, cgroup2 CLONE_NEWCGROUP, and a
 * bind mount with other mounts below it MS_REC.
 *
 * @param mounts  borrowed until the spawn, with their strings
 *
 * @return 0, or an error number: EFAULT: mounts is NULL and count is not 0
 */
extern int clone3_spawn_set_mounts(clone3_spawn_t *plan,
                                   const struct clone3_spawn_mount *mounts,
                                   size_t count) CLONE3_NOTHROW;

/**
 * The working directory, looked up in the child's root (chdir(2)).
 *
 * @param path  borrowed until the spawn
 *
 * @return 0, or an error number: EFAULT: NULL
 */
extern int clone3_spawn_set_directory(clone3_spawn_t *plan, const char *path) CLONE3_NOTHROW;

/**
 * The same by a descriptor (fchdir(2)).
 *
 * @return 0, or an error number: EBADF: negative
 */
extern int clone3_spawn_set_directory_fd(clone3_spawn_t *plan, int fd) CLONE3_NOTHROW;

/**
 * The root directory, and the working directory there (chroot(2)).
 *
 * @param path  borrowed until the spawn
 *
 * @return 0, or an error number: EFAULT: NULL
 */
extern int clone3_spawn_set_chroot(clone3_spawn_t *plan, const char *path) CLONE3_NOTHROW;

/**
 * Makes a directory the root of the child's mount namespace (pivot_root(2)), and the
 * working directory. The old root is detached, all mounts become slaves first. Needs
 * CLONE_NEWNS, or a mount namespace to join; a /proc; Linux 5.2. Other mounts in the
 * new root, its own proc above all: clone3_spawn_set_mounts().
 *
 * @param fd  a directory, which need not be a mount point, or a detached mount
 *            (open_tree(2), fsmount(2))
 *
 * @return 0, or an error number: EBADF: negative
 */
extern int clone3_spawn_set_pivot_root(clone3_spawn_t *plan,
                                       int fd) CLONE3_NOTHROW;

/**
 * The complete list of the child's descriptors: fds[0] becomes 0, fds[1] becomes 1
 * and so on, simultaneously, and all others are closed. An entry of -1 leaves that
 * number closed. File actions come after it.
 *
 * @param fds    as the caller has them, in any order, also several times; borrowed
 *               until the spawn
 * @param count  at most 1024
 *
 * @return 0, or an error number: EFAULT: fds is NULL and count is not 0; EINVAL: count is too big
 */
extern int clone3_spawn_set_fds(clone3_spawn_t *plan,
                                const int *fds,
                                size_t count) CLONE3_NOTHROW;

/**
 * The file actions of POSIX, in their order.
 *
 * Not async-signal-safe until it has been called once, or the library has
 * initialised a file actions object, which libclone3-api does not do.
 *
 * @param actions  borrowed until the spawn; NULL for none
 *
 * @return 0, or an error number: EINVAL: the library does not know this C library's
 *         layout of file actions
 */
extern int clone3_spawn_set_file_actions(clone3_spawn_t *plan,
                                         const posix_spawn_file_actions_t *actions) CLONE3_NOTHROW;

/**
 * Executes the program by a descriptor (execveat(2), Linux 3.19): clone3_spawn()'s
 * path is relative to this directory, or is NULL for the file itself.
 *
 * The descriptor may be close-on-exec, and neither the list of descriptors nor a
 * file action closes it before exec. It stays open for a script only, whose
 * interpreter opens it as /dev/fd/N.
 *
 * @param fd     the file or a directory, AT_FDCWD for the working directory
 * @param flags  0 or AT_SYMLINK_NOFOLLOW
 *
 * @return 0, or an error number: EBADF: another negative number; EINVAL: another flag
 */
extern int clone3_spawn_set_program_fd(clone3_spawn_t *plan,
                                       int fd,
                                       int flags) CLONE3_NOTHROW;

/**
 * Searches the caller's PATH for clone3_spawn()'s path, if it has no slash, as
 * posix_spawnp() does.
 *
 * @param on  0 for off
 *
 * @return 0, or an error number
 */
extern int clone3_spawn_set_search(clone3_spawn_t *plan, int on) CLONE3_NOTHROW;

/**
 * Makes the child call a function after all other steps and before the signal mask,
 * the filter and exec.
 *
 * It runs on the caller's stack and in the caller's memory, as after vfork(), with
 * all signals blocked, while the calling thread is suspended. It may call
 * async-signal-safe functions; it must not leave by longjmp(), take locks, allocate,
 * or change memory that the caller does not expect to change. errno is shared with
 * the caller, too. It must not set a signal's handler, which could run in the
 * caller's memory once the child has its signal mask, nor unblock signals. Besides
 * the plan's descriptors one or two of the library's may be open, all close-on-exec:
 * a pipe for the error where the memory may be a copy.
 *
 * It must not change ids, drop capabilities or enter a user namespace: another
 * process with those credentials could then write the caller's memory. Use the
 * plan's setters for that; then, and in the other cases that clone3_spawn(3) lists,
 * the callback runs in a copy of the memory, and the caller does not see what it
 * writes.
 *
 * @param callback  returns 0 to continue, or an error number with which the spawn
 *                  fails; NULL for none
 * @param arg       passed to it
 *
 * @return 0, or an error number
 */
extern int clone3_spawn_set_callback(clone3_spawn_t *plan,
                                     int (*callback)(void *arg),
                                     void *arg) CLONE3_NOTHROW;

/**
 * Makes the child run a function instead of a program: clone3_spawn()'s path must be
 * NULL; argv and envp are ignored.
 *
 * The child has a copy of the memory, and its C library is as consistent as after
 * _Fork(). pthread_atfork() handlers do not run; signal handlers are inherited. The
 * function's result is the exit status. clone3_spawn() returns when all steps are
 * done.
 *
 * @param function  NULL for none
 * @param arg       passed to it
 *
 * @return 0, or an error number
 */
extern int clone3_spawn_set_function(clone3_spawn_t *plan,
                                     int (*function)(void *arg),
                                     void *arg) CLONE3_NOTHROW;

/**
 * Creates a child as described by a plan, which executes a program.
 *
 * One clone3(2) with CLONE_VM, CLONE_VFORK and CLONE_CLEAR_SIGHAND, on the caller's
 * stack: the child takes the steps of the plan, in the order of clone3_spawn(3), and
 * executes; then the caller continues. Nothing is allocated and no lock taken
 * between the call and exec. Signals are blocked meanwhile. Some children, those
 * that get other ids among them, have a copy of the memory instead, and the caller's
 * signal handlers may run while it waits for them; clone3_spawn(3) lists them. A
 * failed step leaves no child, no descriptor and no changed signal mask.
 *
 * @param pid   where the child's pid goes; may be NULL
 * @param path  the program, from the child's root and working directory; see
 *              clone3_spawn_set_search(), clone3_spawn_set_program_fd(),
 *              clone3_spawn_set_function()
 * @param plan  NULL for a child like the caller
 * @param argv  the program's arguments
 * @param envp  its environment; NULL for the caller's
 * @param err   which step failed; may be NULL. Its field size is read, everything
 *              is written, up to size bytes
 * @return 0, or an error number; errno is untouched
 *
 * Errors: those of the system call of the step that err names, and
 * - EINVAL, CLONE3_SPAWN_STAGE_PLAN: the plan was not initialised, or contradicts
 *   itself (clone3_spawn(3) lists the contradictions)
 * - any other, CLONE3_SPAWN_STAGE_PLAN: a setter failed with it
 * - EFAULT: an array or a string cannot be read
 * - EINVAL, E2BIG, and *err is untouched: err->size is smaller than the first
 *   version's, or larger than a page
 * - ENOSYS and others, CLONE3_SPAWN_STAGE_CREATE: as from clone3()
 *
 * Async-signal-safe, but for clone3_spawn_set_search(), which reads the environment;
 * thread-safe. No cancellation point. Linux 3.17, and what the setters require.
 */
extern CLONE3_MUST_USE int clone3_spawn(pid_t *pid,
                                        const char *path,
                                        const clone3_spawn_t *plan,
                                        char *const *argv,
                                        char *const *envp,
                                        struct clone3_spawn_error *err);

/**
 * Formats an error of clone3_spawn() as text: file action 3, open "/x": Permission
 * denied; set_pivot_root: Bad file descriptor; creating the child: Invalid argument:
 * CLONE_NNP needs Linux 7.1; this is 6.18.
 *
 * If no child could be created, clone3_spawn() finds out the reason in the way of
 * clone3_explain(), but only if err is not NULL.
 *
 * The text is in English, whatever the locale.
 *
 * @param err   as clone3_spawn() filled it; the string at its path must still exist
 * @param buf   where the text goes, cut to n bytes with a NUL
 * @param n     bytes in buf
 * @return buf; "" if buf is NULL or n is 0. errno is untouched
 *
 * Async-signal-safe; thread-safe.
 */
extern const char *clone3_spawn_strerror(const struct clone3_spawn_error *err,
                                         char *buf,
                                         size_t n) CLONE3_NOTHROW;

/**
 * Tells whether clone3_spawn() would refuse a plan before there is a child, and why:
 * a setter failed, the plan contradicts itself, an array cannot be read, the cgroup
 * cannot be opened, or the kernel refuses the flags, the pids or the cgroup to the
 * calling thread.
 *
 * No child is created. The kernel is asked as by clone3_explain(), and only if
 * everything else is valid.
 *
 * Not checked: the child's own steps, exec among them; namespaces to be joined, so
 * that the kernel is asked outside of them; pids.max of a cgroup.
 *
 * @param path  as for clone3_spawn()
 * @param plan  NULL for a child like the caller
 * @param err   which step would fail; may be NULL. Its field size is read, everything
 *              is written, up to size bytes
 * @return 0, or the error number that clone3_spawn() would return; errno is
 *         untouched
 *
 * Errors: those of clone3_spawn() at CLONE3_SPAWN_STAGE_PLAN, _CREATE, _PIDFD and
 * _CGROUP, EFAULT at others, and
 * - EINVAL, E2BIG, and *err is untouched: err->size is smaller than the first
 *   version's, or larger than a page
 *
 * Async-signal-safe, but for clone3_spawn_set_search() as clone3_spawn();
 * thread-safe. Any Linux.
 */
extern CLONE3_MUST_USE int clone3_spawn_check(const char *path,
                                              const clone3_spawn_t *plan,
                                              struct clone3_spawn_error *err) CLONE3_NOTHROW;

/**
 * The same as text, in the words of clone3_spawn_strerror(), as clone3_explain()
 * does for struct clone_args.
 *
 * @param path  as for clone3_spawn()
 * @param plan  NULL for a child like the caller
 * @param buf   where the text goes, cut to n bytes with a NUL
 * @param n     bytes in buf
 * @return buf; "" if nothing is wrong, or if buf is NULL or n is 0. errno is
 *         untouched
 *
 * Async-signal-safe and thread-safe as clone3_spawn_check(). Any Linux.
 */
extern const char *clone3_spawn_explain(const char *path,
                                        const clone3_spawn_t *plan,
                                        char *buf,
                                        size_t n) CLONE3_NOTHROW;

/**
 * Stores the CLONE_* flags that clone3_spawn_add_flags() has added.
 *
 * @param plan   a plan
 * @param flags  where they go
 * @return 0, or an error number; errno is untouched
 *
 * Errors:
 * - EFAULT: plan or flags is NULL
 * - EINVAL: the plan was not initialised
 *
 * Async-signal-safe; thread-safe. Any Linux.
 */
extern CLONE3_MUST_USE int clone3_spawn_get_flags(const clone3_spawn_t *plan,
                                                  uint64_t *flags) CLONE3_NOTHROW;

/**
 * Stores where the plan stores a pidfd (clone3_spawn_set_pidfd()): a library that
 * adds to a caller's plan can use that pidfd, too.
 *
 * @param plan   a plan
 * @param pidfd  where that address goes: NULL for none
 * @return 0, or an error number; errno is untouched
 *
 * Errors:
 * - EFAULT: plan or pidfd is NULL
 * - EINVAL: the plan was not initialised
 *
 * Async-signal-safe; thread-safe. Any Linux.
 */
extern CLONE3_MUST_USE int clone3_spawn_get_pidfd(const clone3_spawn_t *plan,
                                                  int **pidfd) CLONE3_NOTHROW;

/**
 * Waits for a child by its pidfd, with a timeout, and reaps it: stores how it ended
 * and its resource usage.
 *
 * Children with another exit signal than SIGCHLD, or none, are waited for as well
 * (__WALL). The pidfd stays open.
 *
 * @param pidfd    of a child of the process
 * @param timeout  nanoseconds; 0 to poll, negative to wait without a timeout
 * @param status   where its wait status goes, for the macros of wait(2); may be NULL
 * @param usage    its resource usage; may be NULL. Its field size is read,
 *                 everything is written, up to size bytes
 * @return its pid; -1 and errno on error
 *
 * Errors:
 * - ETIMEDOUT: it has not ended by then
 * - ECHILD: it is no child of this process, or was reaped, or cannot be reaped
 *   because SIGCHLD is ignored or it has CLONE_AUTOREAP
 * - EBADF: no pidfd
 * - EINVAL: a negative number
 * - EINTR: a signal handler ran, even with SA_RESTART
 * - EFAULT: status or usage cannot be written; the child is not reaped
 * - EINVAL, E2BIG: usage->size is smaller than 80, the first version's, or larger
 *   than a page; the child is not reaped
 * - EINVAL: before Linux 5.4
 *
 * Async-signal-safe; thread-safe. No cancellation point: a thread that must stay
 * cancellable uses a timeout, or polls the pidfd. Linux 5.4. Source: waitid(2),
 * pidfd_open(2).
 */
extern pid_t clone3_wait(int pidfd,
                         int64_t timeout,
                         int *status,
                         struct clone3_usage *usage) CLONE3_NOTHROW;

/**
 * Fills in the defaults.
 *
 * @param attr  written
 * @param size  sizeof(clone3_thread_attr_t)
 * @return 0, or an error number; errno is untouched
 *
 * Errors:
 * - EFAULT: attr is NULL
 * - EINVAL: size is smaller than the first version's
 * - E2BIG: size is larger than a page
 *
 * Async-signal-safe; thread-safe. Any Linux.
 */
extern int clone3_thread_attr_init(clone3_thread_attr_t *attr, size_t size) CLONE3_NOTHROW;

/**
 * Creates a bare thread, which runs start(arg) and ends with its result.
 *
 * The C library does not know of it. It may call async-signal-safe functions and
 * clone3_thread_*(). It has its own errno and __thread variables of all objects
 * loaded now, a stack with a guard, and a working gettid(), raise() and stack
 * protector. It may not call malloc(), stdio, pthread_*(), dlopen(), nor functions
 * of objects that are loaded later. See clone3_thread_create(3).
 *
 * All signals are blocked while it is created. setuid() and similar functions change
 * only the calling thread's ids if a bare thread calls them, and do not change those
 * of bare threads if another thread does.
 *
 * @param thread  where its handle goes, written before it runs
 * @param attr    how to make it; NULL for the defaults
 * @param start   what it runs; its result is for clone3_thread_join()
 * @param arg     passed to start
 * @return 0, or an error number; errno is untouched
 *
 * Errors:
 * - EAGAIN: no memory, or a limit: RLIMIT_NPROC, pids.max, threads-max
 * - EFAULT: thread or start is NULL
 * - EINVAL: attr->size is smaller than the first version's; a field of attr is
 *   invalid; a pidfd is requested before Linux 6.9; affinity has no existing
 *   processor
 * - ERANGE: the name has more than 15 bytes
 * - E2BIG: attr is of a later version and has a non-zero field that this one does
 *   not know, or its size is more than a page
 * - EPERM: the scheduler, or set_tid, without the capability; a seccomp filter
 * - EEXIST, ENOSYS …: set_tid, as for clone3()
 * - EMFILE, ENFILE: the pidfd
 * - ENOTSUP: the layout of the C library's thread descriptor is not known; always on
 *   riscv64
 *
 * Thread-safe, also beside dlopen(), dlclose() and fork(). Async-signal-safe in a
 * bare thread; in others it asks the loader which objects have been loaded since the
 * last call. Linux 5.3, by clone(2) before that. Source: clone(2).
 */
extern CLONE3_MUST_USE int clone3_thread_create(clone3_thread_t *thread,
                                                const clone3_thread_attr_t *attr,
                                                void *(*start)(void *arg),
                                                void *arg) CLONE3_NOTHROW;

/**
 * Ends the calling bare thread, as a return from its start function does. No
 * clean-up handlers or destructors run. In any other thread it kills the process by
 * an illegal instruction.
 *
 * @param value  for clone3_thread_join()
 *
 * Async-signal-safe; thread-safe. Any Linux.
 */
extern void clone3_thread_exit(void *value) CLONE3_NOTHROW CLONE3_NORETURN;

/**
 * Waits for a bare thread's end. Its handle is invalid afterwards.
 *
 * @param thread  any thread may join it, but only one
 * @param value   where its result goes; may be NULL
 * @return 0, or an error number; errno is untouched
 *
 * Errors:
 * - ESRCH: there is no such thread: it was joined, or is detached and has ended, or
 *   the handle is from before a fork()
 * - EINVAL: it is detached, or another thread is joining it
 * - EDEADLK: it is the calling thread
 *
 * Not interrupted by signals. Async-signal-safe; thread-safe. Any Linux.
 */
extern int clone3_thread_join(clone3_thread_t thread,
                              void **value) CLONE3_NOTHROW;

/**
 * The same without waiting.
 *
 * @param thread  as for clone3_thread_join()
 * @param value   as for clone3_thread_join()
 * @return 0, or an error number; errno is untouched
 *
 * Errors: those of clone3_thread_join(), and
 * - EBUSY: it has not ended
 *
 * Async-signal-safe; thread-safe. Any Linux.
 */
extern CLONE3_MUST_USE int clone3_thread_tryjoin(clone3_thread_t thread,
                                                 void **value) CLONE3_NOTHROW;

/**
 * The same, waiting until a point in time.
 *
 * @param thread    as for clone3_thread_join()
 * @param value     as for clone3_thread_join()
 * @param clock     CLOCK_REALTIME or CLOCK_MONOTONIC
 * @param deadline  on that clock, in nanoseconds; if it is past, or negative, the
 *                  function does not wait
 * @return 0, or an error number; errno is untouched
 *
 * Errors: those of clone3_thread_join(), and
 * - ETIMEDOUT: it has not ended by then
 * - EINVAL: another clock
 *
 * Async-signal-safe; thread-safe. Any Linux.
 */
extern CLONE3_MUST_USE int clone3_thread_timedjoin(clone3_thread_t thread,
                                                   void **value,
                                                   int clock,
                                                   int64_t deadline) CLONE3_NOTHROW;

/**
 * Detaches a bare thread: its memory is released when it ends.
 *
 * @param thread  may be the calling one, or have ended
 * @return 0, or an error number; errno is untouched
 *
 * Errors:
 * - ESRCH: there is no such thread
 * - EINVAL: it is detached, or another thread is joining it
 *
 * Async-signal-safe; thread-safe. Any Linux.
 */
extern int clone3_thread_detach(clone3_thread_t thread) CLONE3_NOTHROW;

/**
 * The calling bare thread.
 *
 * @return its handle; 0 in any other thread
 *
 * Async-signal-safe; thread-safe. Any Linux.
 */
extern clone3_thread_t clone3_thread_self(void) CLONE3_NOTHROW;

/**
 * Whether two handles refer to the same thread.
 *
 * @param one    a handle
 * @param other  a handle
 * @return 0 if not
 *
 * Async-signal-safe; thread-safe. Any Linux.
 */
extern int clone3_thread_equal(clone3_thread_t one, clone3_thread_t other) CLONE3_NOTHROW;

/**
 * Sends a signal to a bare thread, by tgkill(2).
 *
 * If the thread ends between the library's check and the system call, its id could
 * be reused by another thread; pidfd_send_signal() on clone3_thread_pidfd() has no
 * such race.
 *
 * @param thread  the thread
 * @param signal  its number, 0 to send none
 * @return 0, or an error number; errno is untouched
 *
 * Errors:
 * - ESRCH: there is no such thread, or it has ended
 * - EINVAL: no such signal
 * - EAGAIN: too many signals are queued
 *
 * Async-signal-safe; thread-safe. Any Linux. Source: tgkill(2).
 */
extern int clone3_thread_kill(clone3_thread_t thread,
                              int signal) CLONE3_NOTHROW;

/**
 * A bare thread's id in the kernel.
 *
 * @param thread  the thread
 * @param tid     where it goes
 * @return 0, or an error number; errno is untouched
 *
 * Errors:
 * - ESRCH: there is no such thread, or it has ended
 * - EFAULT: tid is NULL
 *
 * Async-signal-safe; thread-safe. Any Linux.
 */
extern CLONE3_MUST_USE int clone3_thread_gettid(clone3_thread_t thread,
                                                pid_t *tid) CLONE3_NOTHROW;

/**
 * Opens a pidfd of a bare thread, which is readable when the thread has ended.
 *
 * @param thread  the thread
 * @param pidfd   where the descriptor goes, the caller's to close
 * @return 0, or an error number; errno is untouched
 *
 * Errors:
 * - ESRCH: there is no such thread, or it has ended
 * - EFAULT: pidfd is NULL
 * - EINVAL: before Linux 6.9
 * - ENOSYS: before Linux 5.3
 * - EMFILE, ENFILE, ENOMEM: as for pidfd_open(2)
 *
 * Async-signal-safe; thread-safe. Linux 6.9. Source: pidfd_open(2).
 */
extern CLONE3_MUST_USE int clone3_thread_pidfd(clone3_thread_t thread,
                                               int *pidfd) CLONE3_NOTHROW;

/**
 * Tells where a bare thread's stack is.
 *
 * @param thread  the thread
 * @param lowest  where the address of its lowest byte goes, above the guard;
 *                may be NULL
 * @param size    where its size in bytes goes; may be NULL
 * @return 0, or an error number; errno is untouched
 *
 * Errors:
 * - ESRCH: there is no such thread
 *
 * Async-signal-safe; thread-safe. Any Linux.
 */
extern CLONE3_MUST_USE int clone3_thread_getstack(clone3_thread_t thread,
                                                  void **lowest,
                                                  size_t *size) CLONE3_NOTHROW;

/**
 * Returns the version of the loaded library, "MAJOR.MINOR.PATCH"; CLONE3_VERSION is
 * that of the header that the program was compiled with.
 *
 * @return a constant string
 *
 * Async-signal-safe; thread-safe. Any Linux.
 */
extern const char *clone3_version(void) CLONE3_NOTHROW;

#ifdef __cplusplus
}  /* extern "C" */
#endif  /* __cplusplus */

#endif  /* LIBCLONE3_CLONE3_H */
