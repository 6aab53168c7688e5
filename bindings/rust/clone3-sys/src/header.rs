// SPDX-License-Identifier: MIT OR Apache-2.0
// Written by tools/rust-sys from include/clone3.h (`make header`); do not edit.
//! What `clone3.h` declares, in the header's words.

use core::ffi::{CStr, c_char, c_int, c_uint, c_ulong, c_void};

/// The C library's `cpu_set_t`.
pub type clone3_cpu_set_t = libc::cpu_set_t;

/// Its major number.
pub const CLONE3_VERSION_MAJOR: c_int = 0;

/// Its minor number.
pub const CLONE3_VERSION_MINOR: c_int = 1;

/// Its patch number.
pub const CLONE3_VERSION_PATCH: c_int = 0;

/// The version of the header that this was made from.
pub const CLONE3_VERSION: &CStr = c"0.1.0";

/// New time namespace for the child. clone3() only: in clone(2) the bit
/// belongs to the exit signal. In stable kernels earlier; unshare(2) has it
/// from Linux 5.6 on.
/// Linux 6.3.
pub const CLONE_NEWTIME: u64 = 0x00000080;

/// Mask of the exit signal in the flags of legacy clone(2). In clone3() only
/// the bit CLONE_NEWTIME of it is a flag.
pub const CSIGNAL: u64 = 0x000000ff;

/// The child shares the caller's memory.
/// Linux 2.0.
pub const CLONE_VM: u64 = 0x00000100;

/// The child shares root, working directory and umask.
/// Linux 2.0.
pub const CLONE_FS: u64 = 0x00000200;

/// The child shares the table of file descriptors.
/// Linux 2.0.
pub const CLONE_FILES: u64 = 0x00000400;

/// The child shares the table of signal handlers; needs CLONE_VM.
/// Linux 2.0.
pub const CLONE_SIGHAND: u64 = 0x00000800;

/// Store a pidfd of the child (with CLONE_THREAD from Linux 6.9 on).
/// Linux 5.2.
pub const CLONE_PIDFD: u64 = 0x00001000;

/// A tracer of the caller traces the child too.
/// Linux 2.2.
pub const CLONE_PTRACE: u64 = 0x00002000;

/// The caller waits until the child executes a program or ends.
/// Linux 2.2.
pub const CLONE_VFORK: u64 = 0x00004000;

/// The caller's parent becomes the child's parent.
/// Linux 2.3.12.
pub const CLONE_PARENT: u64 = 0x00008000;

/// The child is a thread of the caller's process; needs CLONE_SIGHAND.
/// Linux 2.4.
pub const CLONE_THREAD: u64 = 0x00010000;

/// New mount namespace.
/// Linux 2.4.19.
pub const CLONE_NEWNS: u64 = 0x00020000;

/// Share System V semaphore undo values.
/// Linux 2.5.10.
pub const CLONE_SYSVSEM: u64 = 0x00040000;

/// Set the child's thread pointer to the field tls.
/// Linux 2.5.32.
pub const CLONE_SETTLS: u64 = 0x00080000;

/// Store the child's id at parent_tid in the caller's memory.
/// Linux 2.5.49.
pub const CLONE_PARENT_SETTID: u64 = 0x00100000;

/// When the child ends, clear child_tid in its memory and wake a futex there.
/// Linux 2.5.49.
pub const CLONE_CHILD_CLEARTID: u64 = 0x00200000;

/// Means nothing to clone(2) since Linux 2.6; refused by clone3().
pub const CLONE_DETACHED: u64 = 0x00400000;

/// No tracer can force CLONE_PTRACE on the child.
/// Linux 2.5.46.
pub const CLONE_UNTRACED: u64 = 0x00800000;

/// Store the child's id at child_tid in the child's memory.
/// Linux 2.5.49.
pub const CLONE_CHILD_SETTID: u64 = 0x01000000;

/// New cgroup namespace.
/// Linux 4.6.
pub const CLONE_NEWCGROUP: u64 = 0x02000000;

/// New UTS namespace.
/// Linux 2.6.19.
pub const CLONE_NEWUTS: u64 = 0x04000000;

/// New IPC namespace.
/// Linux 2.6.19.
pub const CLONE_NEWIPC: u64 = 0x08000000;

/// New user namespace (in parts earlier).
/// Linux 3.8.
pub const CLONE_NEWUSER: u64 = 0x10000000;

/// New pid namespace.
/// Linux 2.6.24.
pub const CLONE_NEWPID: u64 = 0x20000000;

/// New network namespace.
/// Linux 2.6.24.
pub const CLONE_NEWNET: u64 = 0x40000000;

/// Share the I/O context.
/// Linux 2.6.25.
pub const CLONE_IO: u64 = 0x80000000;

/// Reset handled signals to their default action in the child.
/// Linux 5.5.
pub const CLONE_CLEAR_SIGHAND: u64 = 0x100000000;

/// Create the child in the cgroup given by the field cgroup.
/// Linux 5.7.
pub const CLONE_INTO_CGROUP: u64 = 0x200000000;

/// The kernel reaps the child itself when it ends; no exit signal.
/// Linux 7.1.
pub const CLONE_AUTOREAP: u64 = 0x400000000;

/// Set no_new_privs in the child.
/// Linux 7.1.
pub const CLONE_NNP: u64 = 0x800000000;

/// Kill the child when the last copy of its pidfd is closed.
/// Linux 7.1.
pub const CLONE_PIDFD_AUTOKILL: u64 = 0x1000000000;

/// The child's new mount namespace starts empty.
/// Linux 7.1.
pub const CLONE_EMPTY_MNTNS: u64 = 0x2000000000;

/// Size in bytes of the first published struct clone_args (Linux 5.3).
pub const CLONE_ARGS_SIZE_VER0: usize = 64;

/// Size in bytes of the second, with set_tid (Linux 5.5).
pub const CLONE_ARGS_SIZE_VER1: usize = 80;

/// Size in bytes of the third, with cgroup (Linux 5.7).
pub const CLONE_ARGS_SIZE_VER2: usize = 88;

/// For the field mode of struct clone3_features: besides asking the kernel, create
/// children and test the effect of their flags.
pub const CLONE3_PROBE_DEEP: c_int = 1;

/// In struct clone3_route: no call yet, or one that was refused before the
/// kernel was asked.
pub const CLONE3_ROUTE_NONE: c_int = 0;

/// In struct clone3_route: by clone3(2), as asked.
pub const CLONE3_ROUTE_NATIVE: c_int = 1;

/// In struct clone3_route: by clone3(2) with a smaller struct clone_args, after
/// E2BIG.
pub const CLONE3_ROUTE_SMALLER: c_int = 2;

/// In struct clone3_route: by clone(2), because clone3(2) is unavailable.
pub const CLONE3_ROUTE_LEGACY: c_int = 3;

/// In struct clone3_route: with flags that the library emulated; by clone3(2) if the
/// field args_size is not 0, by clone(2) otherwise.
pub const CLONE3_ROUTE_EMULATED: c_int = 4;

/// In struct clone3_route: by the C library's own function, which alone can
/// take its locks.
pub const CLONE3_ROUTE_HOST: c_int = 5;

/// In struct clone3_pthread_extra: store a pidfd of the thread (Linux 6.9).
pub const CLONE3_PTHREAD_PIDFD: c_int = 1;

/// In struct clone3_pthread_extra: name the thread.
pub const CLONE3_PTHREAD_NAME: c_int = 2;

/// In struct clone3_pthread_extra: set the processors it may run on.
pub const CLONE3_PTHREAD_AFFINITY: c_int = 4;

/// In struct clone3_pthread_extra: set its nice value.
pub const CLONE3_PTHREAD_NICE: c_int = 8;

/// In struct clone3_pthread_extra: set its timer slack.
pub const CLONE3_PTHREAD_TIMER_SLACK: c_int = 16;

/// In struct clone3_pthread_extra: move it into a threaded cgroup (Linux 4.14).
pub const CLONE3_PTHREAD_CGROUP: c_int = 32;

/// In struct clone3_pthread_extra: give it a root, working directory and umask
/// of its own, copied from the process's.
pub const CLONE3_PTHREAD_UNSHARE_FS: c_int = 64;

/// In struct clone3_pthread_extra: give it descriptors of its own, copied from
/// the process's.
pub const CLONE3_PTHREAD_UNSHARE_FILES: c_int = 128;

/// For clone3_spawn_set_capabilities(): the bounding set.
pub const CLONE3_SPAWN_BOUNDING: c_int = 0;

/// For clone3_spawn_set_capabilities(): the inheritable set.
pub const CLONE3_SPAWN_INHERITABLE: c_int = 1;

/// For clone3_spawn_set_capabilities(): the ambient set.
pub const CLONE3_SPAWN_AMBIENT: c_int = 2;

/// In struct clone3_thread_attr, flags: the thread starts detached.
pub const CLONE3_THREAD_DETACHED: c_int = 1;

/// Which step of a clone3_spawn() failed. The numbers are names, grouped by subject: they
/// say nothing of the order in which steps are taken, which clone3_spawn(3) has.
pub type clone3_spawn_stage = c_int;
/// Nothing failed.
pub const CLONE3_SPAWN_STAGE_NONE: clone3_spawn_stage = 0;
/// A setter failed, or what was asked for contradicts itself.
pub const CLONE3_SPAWN_STAGE_PLAN: clone3_spawn_stage = 1;
/// No child was created: clone3(2) failed, or something that it needs.
pub const CLONE3_SPAWN_STAGE_CREATE: clone3_spawn_stage = 2;
/// The pidfd.
pub const CLONE3_SPAWN_STAGE_PIDFD: clone3_spawn_stage = 3;
/// The callback, whose result is the error number.
pub const CLONE3_SPAWN_STAGE_CALLBACK: clone3_spawn_stage = 4;
/// Executing the program, and searching for it.
pub const CLONE3_SPAWN_STAGE_EXEC: clone3_spawn_stage = 5;
/// Ignoring signals; the index is the signal.
pub const CLONE3_SPAWN_STAGE_SIGNALS: clone3_spawn_stage = 10;
/// The signal at the death of the parent.
pub const CLONE3_SPAWN_STAGE_PDEATH_SIGNAL: clone3_spawn_stage = 11;
/// The new session.
pub const CLONE3_SPAWN_STAGE_SESSION: clone3_spawn_stage = 12;
/// The process group.
pub const CLONE3_SPAWN_STAGE_PROCESS_GROUP: clone3_spawn_stage = 13;
/// The controlling terminal.
pub const CLONE3_SPAWN_STAGE_TERMINAL: clone3_spawn_stage = 14;
/// The cgroup: opening it, or moving there.
pub const CLONE3_SPAWN_STAGE_CGROUP: clone3_spawn_stage = 20;
/// Scheduling policy and priority.
pub const CLONE3_SPAWN_STAGE_SCHEDULER: clone3_spawn_stage = 21;
/// The nice value.
pub const CLONE3_SPAWN_STAGE_NICE: clone3_spawn_stage = 22;
/// The processors.
pub const CLONE3_SPAWN_STAGE_AFFINITY: clone3_spawn_stage = 23;
/// The I/O priority.
pub const CLONE3_SPAWN_STAGE_IOPRIO: clone3_spawn_stage = 24;
/// oom_score_adj.
pub const CLONE3_SPAWN_STAGE_OOM_SCORE_ADJ: clone3_spawn_stage = 25;
/// The timer slack.
pub const CLONE3_SPAWN_STAGE_TIMER_SLACK: clone3_spawn_stage = 26;
/// A resource limit; the index says which.
pub const CLONE3_SPAWN_STAGE_RLIMIT: clone3_spawn_stage = 27;
/// Joining a namespace; the index says which.
pub const CLONE3_SPAWN_STAGE_NAMESPACE: clone3_spawn_stage = 30;
/// The id maps; the index is 0 for setgroups, 1 for uid_map, 2 for gid_map.
pub const CLONE3_SPAWN_STAGE_ID_MAP: clone3_spawn_stage = 31;
/// A mount; the index says which, count: keeping them inside.
pub const CLONE3_SPAWN_STAGE_MOUNT: clone3_spawn_stage = 32;
/// chroot or pivot.
pub const CLONE3_SPAWN_STAGE_ROOT: clone3_spawn_stage = 33;
/// The working directory.
pub const CLONE3_SPAWN_STAGE_DIRECTORY: clone3_spawn_stage = 34;
/// The list of descriptors; the index says which, count: closing the others.
pub const CLONE3_SPAWN_STAGE_FD: clone3_spawn_stage = 35;
/// A file action; the index says which.
pub const CLONE3_SPAWN_STAGE_FILE_ACTION: clone3_spawn_stage = 36;
/// The supplementary groups.
pub const CLONE3_SPAWN_STAGE_GROUPS: clone3_spawn_stage = 40;
/// The group id.
pub const CLONE3_SPAWN_STAGE_GID: clone3_spawn_stage = 41;
/// The user id.
pub const CLONE3_SPAWN_STAGE_UID: clone3_spawn_stage = 42;
/// The capability bounding set.
pub const CLONE3_SPAWN_STAGE_BOUNDING: clone3_spawn_stage = 43;
/// Capabilities; the index is 0 for keeping them, 1 for the inheritable, 2 for
/// the ambient set.
pub const CLONE3_SPAWN_STAGE_CAPABILITIES: clone3_spawn_stage = 44;
/// The securebits.
pub const CLONE3_SPAWN_STAGE_SECUREBITS: clone3_spawn_stage = 45;
/// no_new_privs.
pub const CLONE3_SPAWN_STAGE_NO_NEW_PRIVS: clone3_spawn_stage = 46;
/// The seccomp filter.
pub const CLONE3_SPAWN_STAGE_SECCOMP: clone3_spawn_stage = 47;

/// Which kind of file action failed.
pub type clone3_spawn_action = c_int;
/// No file action failed.
pub const CLONE3_SPAWN_ACTION_NONE: clone3_spawn_action = 0;
/// posix_spawn_file_actions_addopen().
pub const CLONE3_SPAWN_ACTION_OPEN: clone3_spawn_action = 1;
/// posix_spawn_file_actions_addclose().
pub const CLONE3_SPAWN_ACTION_CLOSE: clone3_spawn_action = 2;
/// posix_spawn_file_actions_adddup2().
pub const CLONE3_SPAWN_ACTION_DUP2: clone3_spawn_action = 3;
/// posix_spawn_file_actions_addchdir().
pub const CLONE3_SPAWN_ACTION_CHDIR: clone3_spawn_action = 4;
/// posix_spawn_file_actions_addfchdir().
pub const CLONE3_SPAWN_ACTION_FCHDIR: clone3_spawn_action = 5;
/// posix_spawn_file_actions_addclosefrom_np().
pub const CLONE3_SPAWN_ACTION_CLOSEFROM: clone3_spawn_action = 6;
/// posix_spawn_file_actions_addtcsetpgrp_np().
pub const CLONE3_SPAWN_ACTION_TCSETPGRP: clone3_spawn_action = 7;

/// Arguments of clone3(), as the kernel declares them in `<linux/sched.h>`.
///
/// Every field is 64 bits wide on every architecture; an address is stored by
/// casting it through `uintptr_t`, so that its upper half is zero where pointers
/// have 32 bits. Fields that are not used must be zero.
///
/// Source: clone(2); include/uapi/linux/sched.h.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug)]
pub struct clone_args {
    /// `CLONE_*` flags, without the exit signal.
    pub flags: u64,
    /// `int *`: where CLONE_PIDFD stores the pidfd.
    pub pidfd: u64,
    /// `pid_t *`, in the child's memory: for CLONE_CHILD_SETTID and
    /// CLONE_CHILD_CLEARTID.
    pub child_tid: u64,
    /// `pid_t *`, in the parent's memory: for CLONE_PARENT_SETTID.
    pub parent_tid: u64,
    /// Signal sent to the parent when the child ends, 0 for none.
    pub exit_signal: u64,
    /// Lowest byte of the child's stack, or 0.
    pub stack: u64,
    /// Size of that stack in bytes, or 0.
    pub stack_size: u64,
    /// Thread pointer for CLONE_SETTLS; on 32-bit x86 the address of a
    /// `struct user_desc`.
    pub tls: u64,
    /// `pid_t *`: requested pids, innermost namespace first (Linux 5.5).
    pub set_tid: u64,
    /// Number of elements in `set_tid`, 0 to 32 (Linux 5.5).
    pub set_tid_size: u64,
    /// Descriptor of a cgroup2 directory, for CLONE_INTO_CGROUP (Linux 5.7).
    pub cgroup: u64,
}

/// What clone3(2) can do on this kernel, in this sandbox, for this thread.
///
/// Like struct clone_args it may grow at its end; the caller says how much of
/// it it knows (libclone3(7)).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clone3_features {
    /// In: sizeof(struct clone3_features). Out: how many bytes of it this
    /// version of the library filled in.
    pub size: u32,
    /// In: 0 or CLONE3_PROBE_DEEP.
    pub mode: u32,
    /// The errno that this thread gets instead of reaching clone3(2): 0 if it is reached,
    /// ENOSYS from a kernel before 5.3 or a filter, EPERM or another from a filter.
    pub obstacle: i32,
    /// The errno of a call with set_tid: 0 if it may be used, EPERM without the
    /// capability, E2BIG before Linux 5.5, the obstacle if there is one.
    pub set_tid: i32,
    /// Bytes of struct clone_args that the kernel reads (64, 80, 88); 0 if clone3(2) is
    /// unavailable.
    pub args_size: u32,
    /// 1 if CLONE_PIDFD can be combined with CLONE_THREAD (Linux 6.9).
    pub thread_pidfd: u32,
    /// 1 if the kernel's answers cannot be trusted, because it creates children that it
    /// should refuse; then known, permitted and carried are 0, and only the deep mode has
    /// results. Also 1 between unshare(CLONE_NEWPID) and the first child, where nothing
    /// can be tested: then the deep mode has none either.
    pub inconclusive: u32,
    /// 1 if CLONE3_ROUTE=legacy in the environment, or the way the library was built,
    /// forbids it to call clone3(2); the obstacle is ENOSYS then.
    pub kept_away: u32,
    /// Flags that clone3(2) knows.
    pub known: u64,
    /// Flags that it would grant this thread now: without those that lack a capability, a
    /// sysctl or a kernel option.
    pub permitted: u64,
    /// Flags that clone3() carries out here without emulation, by clone3(2) or
    /// by clone(2).
    pub carried: u64,
    /// Flags that it could emulate if clone3_allow_emulation() allowed it.
    pub emulable: u64,
    /// Deep mode: flags whose effect was seen in a child.
    pub verified: u64,
    /// Deep mode: flags that were accepted and had no effect.
    pub ignored: u64,
}

/// By which system call a child was created, and why. It may grow at its end.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clone3_route {
    /// In: sizeof(struct clone3_route). Out: how many bytes of it this version
    /// of the library filled in.
    pub size: u32,
    /// CLONE3_ROUTE_*
    pub route: u32,
    /// The errno for which the route before was given up, 0 for the first.
    pub cause: i32,
    /// Bytes of struct clone_args given to the kernel, 0 where it was not
    /// clone3(2).
    pub args_size: u32,
    /// Flags that the library emulated.
    pub emulated: u64,
}

/// What clone3_pthread_create() gives a thread in addition to its attributes.
///
/// Only fields that a bit in set selects are read. The struct may grow at its end; the
/// field size is the size that the caller knows.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clone3_pthread_extra {
    /// sizeof(struct clone3_pthread_extra)
    pub size: u32,
    /// CLONE3_PTHREAD_*: which of them are requested.
    pub set: u32,
    /// Where to store the CLONE3_PTHREAD_* that failed, 0 if none did; may be NULL.
    pub failed: *mut u32,
    /// Where to store the pidfd, which is closed on exec.
    pub pidfd: *mut c_int,
    /// Up to 15 bytes and a NUL.
    pub name: *const c_char,
    /// The processors it may run on.
    pub affinity: *const clone3_cpu_set_t,
    /// Bytes in `*affinity`.
    pub affinity_size: usize,
    /// Directory of the cgroup, or NULL to use the field cgroup.
    pub cgroup_path: *const c_char,
    /// Descriptor of the cgroup's directory, O_PATH or not.
    pub cgroup: c_int,
    /// -20 (most favourable) to 19.
    pub nice: c_int,
    /// Nanoseconds; 0 for the default, which is the creator's slack.
    pub timer_slack: u64,
}

/// The plan of a child of clone3_spawn(): what its setters have set. It is opaque, may be
/// on the caller's stack or elsewhere, and needs no freeing.
///
/// Strings and arrays that a setter is given are not copied: they are read when the child
/// is created, and must stay unchanged until the last spawn. A plan may be used for any
/// number of spawns, also by several threads at a time, and may be copied by assignment.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clone3_spawn_plan {
    /// Private.
    pub opaque: [u64; 96],
}

/// A namespace to join.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clone3_spawn_namespace {
    /// A namespace's file, or a pidfd (Linux 5.8).
    pub fd: c_int,
    /// CLONE_NEW*: 0 for whatever the file is; for a pidfd one or several.
    pub r#type: c_int,
}

/// A line of an id map (user_namespaces(7)).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clone3_spawn_id_range {
    /// First id in the new namespace.
    pub inside: u32,
    /// What it is outside.
    pub outside: u32,
    /// How many ids.
    pub count: u32,
}

/// A resource limit (prlimit(2)).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clone3_spawn_rlimit {
    /// RLIMIT_*
    pub resource: c_int,
    /// 0.
    pub reserved: c_int,
    /// The soft limit; all ones for none.
    pub soft: u64,
    /// The hard limit; all ones for none.
    pub hard: u64,
}

/// A mount for the child.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clone3_spawn_mount {
    /// With MS_BIND, the path to bind to the target, looked up in the caller's root.
    /// Otherwise the file system's source; NULL for none.
    pub source: *const c_char,
    /// An existing path in the child's root. Symbolic links in it cannot lead out of that
    /// root.
    pub target: *const c_char,
    /// The file system's type: proc, tmpfs, devpts and so on; not used with MS_BIND.
    pub r#type: *const c_char,
    /// Its options, as after -o of mount(8): "size=1m,mode=755"; NULL for none.
    pub data: *const c_char,
    /// Of the MS_* of mount(2): MS_BIND, with MS_REC for all that is mounted below as
    /// well; and MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOATIME.
    pub flags: u64,
}

/// Which step of a clone3_spawn() failed, and why. It may grow at its end, as
/// libclone3(7) has it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clone3_spawn_error {
    /// In: sizeof(struct clone3_spawn_error). Out: how many bytes of it this version of
    /// the library filled in.
    pub size: u32,
    /// enum clone3_spawn_stage; CLONE3_SPAWN_STAGE_NONE, which is 0, after success.
    pub stage: c_int,
    /// Which of the step's several objects, from 0. For CLONE3_SPAWN_STAGE_PLAN and
    /// CLONE3_SPAWN_STAGE_CREATE the reason, which clone3_spawn_strerror() formats.
    pub index: c_int,
    /// The error number.
    pub error: c_int,
    /// For a file action enum clone3_spawn_action, otherwise 0.
    pub action: c_int,
    /// The descriptor, id, signal or resource concerned; -1 for none.
    pub number: c_int,
    /// The path concerned, a string of the plan's or of an action's; NULL for none.
    pub path: *const c_char,
    /// The type of the file system concerned, "bind" for MS_BIND; NULL for none.
    pub r#type: *const c_char,
}

/// The resource usage of a child and its reaped descendants (getrusage(2)). It may grow
/// at its end, see libclone3(7).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clone3_usage {
    /// In: sizeof(struct clone3_usage). Out: how many bytes of it this version of the
    /// library filled in.
    pub size: u32,
    /// 0.
    pub reserved: u32,
    /// Nanoseconds in user mode.
    pub user_time: u64,
    /// Nanoseconds in the kernel.
    pub system_time: u64,
    /// Peak resident set size, in bytes.
    pub max_rss: u64,
    /// Page faults without I/O.
    pub minor_faults: u64,
    /// Page faults with I/O.
    pub major_faults: u64,
    /// Block input operations.
    pub block_reads: u64,
    /// Block output operations.
    pub block_writes: u64,
    /// Voluntary context switches.
    pub voluntary_switches: u64,
    /// Involuntary context switches.
    pub involuntary_switches: u64,
}

/// The attributes of a new bare thread. clone3_thread_attr_init() fills in the defaults.
/// It may grow at its end.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clone3_thread_attr {
    /// sizeof(struct clone3_thread_attr), set by clone3_thread_attr_init().
    pub size: u32,
    /// 0 or CLONE3_THREAD_DETACHED.
    pub flags: u32,
    /// Which of CLONE_FS, CLONE_FILES, CLONE_SYSVSEM and CLONE_IO the thread
    /// shares with its creator. Default: the first three, as pthreads do.
    pub share: u64,
    /// Lowest byte of a stack of the caller's own, or NULL. The library adds no guard to
    /// it, and does not use it any more once the thread has been joined.
    pub stack: *mut c_void,
    /// Bytes in the stack, at least 16384; 0 for the default. More may be given.
    pub stack_size: usize,
    /// Inaccessible bytes below a stack that is not the caller's own; at least a page in
    /// any case.
    pub guard_size: usize,
    /// Name of the thread in /proc/PID/task/TID/comm, at most 15 bytes and a
    /// NUL; NULL for the creator's.
    pub name: *const c_char,
    /// Processors the thread may run on; NULL for the creator's.
    pub affinity: *const clone3_cpu_set_t,
    /// Bytes in `*affinity`.
    pub affinity_size: usize,
    /// Signals blocked in the thread. NULL: all but the synchronous ones, SIGSEGV,
    /// SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS.
    pub sigmask: *const libc::sigset_t,
    /// Where a pidfd of the thread goes, close-on-exec (Linux 6.9); NULL for
    /// none.
    pub pidfd: *mut c_int,
    /// Thread ids to use, innermost pid namespace first (Linux 5.5); NULL for none.
    pub set_tid: *const libc::pid_t,
    /// Elements in `*set_tid`.
    pub set_tid_size: usize,
    /// SCHED_*, or -1 for the creator's scheduling.
    pub sched_policy: i32,
    /// Static priority for SCHED_FIFO and SCHED_RR.
    pub sched_priority: i32,
}

/// A plan.
pub type clone3_spawn_t = clone3_spawn_plan;

/// The same under the name in the functions' declarations.
pub type clone3_thread_attr_t = clone3_thread_attr;

/// A handle of a bare thread; 0 is none. A value is not reused for a later thread of the
/// process until 2^28 threads have used the same slot.
pub type clone3_thread_t = u64;

unsafe extern "C" {

    /// Creates a process that returns from this call, as fork() does.
    ///
    /// It is the kernel's call, with any size and flags that the kernel takes, and its
    /// errno. In addition, the C library of a child with its own memory is as consistent
    /// as after _Fork(): its thread id is right, its robust list empty, and no signal
    /// handler runs before that is done. pthread_atfork() handlers do not run. CLONE_VM
    /// with CLONE_VFORK works like vfork(), whose rules for the child apply.
    ///
    /// With CLONE_SETTLS the child does not have the C library's thread descriptor, and
    /// nothing of the C library is repaired.
    ///
    /// - `args`: fields not used must be zero
    /// - `size`: bytes in `*args`, at least CLONE_ARGS_SIZE_VER0
    ///
    /// Returns the child's pid in the caller, 0 in the child; -1 and errno on
    ///   error; errno is untouched on success
    ///
    /// Errors, besides those of clone3(2):
    /// - EINVAL: a stack is given, or CLONE_VM without CLONE_VFORK: the child
    ///   could not return (use clone3_call())
    /// - ENOSYS, EPERM or what else a seccomp filter returns: clone3(2) is unavailable
    ///   (ENOSYS: also before Linux 5.3), and clone(2) cannot express the request
    ///
    /// clone3_explain() tells which of the kernel's rules is broken, clone3_last_route()
    /// by which system call the child was created.
    ///
    /// The symbol is clone3_clone3, so that it does not replace a function named clone3
    /// of a C library or a program.
    ///
    /// Async-signal-safe; thread-safe. Linux 5.3, by clone(2) before that.
    /// Source: clone(2); kernel/fork.c.
    #[must_use]
    #[link_name = "clone3_clone3"]
    pub fn clone3(
        args: *mut clone_args,
        size: usize,
    ) -> libc::pid_t;

    /// Creates a process or thread that runs start(arg) and ends with its result.
    ///
    /// The child runs on stack/stack_size. With both zero it runs on the caller's stack,
    /// for which the caller must be waiting (CLONE_VFORK) or the memory copied. It ends
    /// by exit(2), which ends this task only: atexit() handlers do not run, and stdio is
    /// not flushed. The C library of a child with its own memory is repaired as by
    /// clone3(). A child that shares memory and has no TLS of its own must not use
    /// thread-local variables, errno among them, unless the caller is suspended.
    ///
    /// - `args`: as for clone3()
    /// - `size`: as for clone3()
    /// - `start`: run in the child; its result is the exit status
    /// - `arg`: passed to start
    ///
    /// Returns the child's pid, or thread id with CLONE_THREAD; -1 and errno on
    ///   error; errno is untouched on success
    ///
    /// Errors, besides those of clone3(2):
    /// - EFAULT: start is NULL
    /// - EINVAL: CLONE_VM without CLONE_VFORK and without a stack
    /// - ENOSYS, EPERM …: as for clone3()
    ///
    /// Async-signal-safe; thread-safe. Linux 5.3, by clone(2) before that.
    /// Source: clone(2); kernel/fork.c.
    #[must_use]
    pub fn clone3_call(
        args: *mut clone_args,
        size: usize,
        start: Option<unsafe extern "C" fn(arg: *mut c_void) -> c_int>,
        arg: *mut c_void,
    ) -> libc::pid_t;

    /// The same, but allows the library to emulate flags that the kernel does not know,
    /// or that cannot be passed because clone3(2) is unavailable, in this call only; see
    /// clone3_allow_emulation(). What that function allows in the whole process is
    /// allowed here as well.
    ///
    /// - `args`: as for clone3()
    /// - `size`: as for clone3()
    /// - `start`: as for clone3_call()
    /// - `arg`: as for clone3_call()
    /// - `emulable`: flags that may be emulated; 0 for none
    ///
    /// Returns as clone3_call()
    ///
    /// Errors, besides those of clone3_call():
    /// - EINVAL: a flag in emulable for which there is no emulation
    ///
    /// Async-signal-safe; thread-safe. Linux 5.3, by clone(2) before that.
    #[must_use]
    pub fn clone3_call_emulating(
        args: *mut clone_args,
        size: usize,
        start: Option<unsafe extern "C" fn(arg: *mut c_void) -> c_int>,
        arg: *mut c_void,
        emulable: u64,
    ) -> libc::pid_t;

    /// Finds out what clone3(2) can do here, for the calling thread.
    ///
    /// No runnable child is created: every question is a request that the kernel undoes
    /// because its pidfd cannot be stored. There is no zombie and no SIGCHLD. It costs
    /// about thirty questions of two or three failing system calls each; up to as many
    /// pid numbers are skipped, and namespaces that the caller may create are created and
    /// destroyed. With CLONE3_PROBE_DEEP in mode one process is created, which creates
    /// others and tests the effect of their flags; all are reaped, and none sends a
    /// signal (except one SIGCHLD under qemu-user, which cannot create a child without).
    ///
    /// The result also updates what the library remembers, as clone3_probe_refresh()
    /// does.
    ///
    /// - `features`: size and mode are read, everything is written, up to
    ///   size bytes
    ///
    /// Returns 0; -1 and errno on error
    ///
    /// Errors:
    /// - EFAULT: features is NULL
    /// - EINVAL: size is smaller than 80, the first version's; mode is unknown
    /// - E2BIG: size is larger than a page
    /// - EAGAIN, ENOMEM: deep mode, no process could be made
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    /// Source: kernel/fork.c, copy_process.
    #[must_use]
    pub fn clone3_probe(
        features: *mut clone3_features,
    ) -> c_int;

    /// Forgets what was found out about kernel and sandbox, and asks again.
    ///
    /// For a process whose sandbox has changed so that clone3(2) is available again
    /// (restored on another machine, for one). A filter that is installed later is
    /// noticed without it.
    ///
    /// Returns 0 if clone3(2) is reached; otherwise -1 and the errno that is returned
    ///   instead
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    pub fn clone3_probe_refresh() -> c_int;

    /// Tells by which system call, and why, the calling thread's last clone3(),
    /// clone3_call(), clone(), fork(), _Fork(), vfork(), forkpty(), spawn
    /// (clone3_spawn(), the posix_spawn() family, system(), popen()) or
    /// clone3_thread_create() was made.
    ///
    /// In a new process there is no call yet. A process that was created without the
    /// library (by a system call instruction of the program's own) has its creator's
    /// report until it makes a call.
    ///
    /// - `route`: size is read, everything is written, up to size bytes
    ///
    /// Returns 0; -1 and errno on error
    ///
    /// Errors:
    /// - EFAULT: route is NULL
    /// - EINVAL: size is smaller than 24, the first version's
    /// - E2BIG: size is larger than a page
    ///
    /// Async-signal-safe: in a handler it reports the handler's own last call;
    /// thread-safe. Any Linux.
    pub fn clone3_last_route(
        route: *mut clone3_route,
    ) -> c_int;

    /// Allows clone3() and clone3_call() to emulate flags that the kernel does not know,
    /// or that cannot be passed because clone3(2) is unavailable, in the whole process.
    ///
    /// A library should rather allow it per call, by clone3_call_emulating() and
    /// clone3_spawn_set_emulation(): this setting applies to the whole process, and the
    /// next caller replaces it.
    ///
    /// Without it such a flag is refused with the kernel's errno. An emulation is weaker,
    /// and clone3_last_route() reports it:
    /// - CLONE_CLEAR_SIGHAND, CLONE_NNP: the child does it as its first act, so other
    ///   processes may see the child before; the child needs its own memory, or
    ///   clone3_call() with CLONE_VM and CLONE_VFORK
    /// - CLONE_AUTOREAP: the child is created by a middle process, which exits; its
    ///   parent is init or the nearest subreaper, which must reap it. The child needs its
    ///   own memory; refused if the caller is init or a subreaper itself
    ///
    /// - `flags`: which of these may be emulated from now on; 0 for none
    ///
    /// Returns 0; -1 and errno on error
    ///
    /// Errors:
    /// - EINVAL: a flag for which there is no emulation; nothing is changed
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    pub fn clone3_allow_emulation(
        flags: u64,
    ) -> c_int;

    /// What clone3_allow_emulation() has allowed.
    ///
    /// Returns the flags; errno is untouched
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    pub fn clone3_allowed_emulation() -> u64;

    /// Tells why the kernel refuses these arguments to the calling thread.
    ///
    /// The text is about the first rule, in the kernel's order, that they break, and
    /// begins with the errno: "EINVAL: CLONE_SIGHAND needs CLONE_VM". For rules that
    /// depend on the kernel or on the state of the process the kernel is asked, in
    /// questions that create no child (see clone3_probe()). If clone3(2) is unavailable:
    /// why the library's clone3() refuses them.
    ///
    /// What clone3() refuses and the kernel does not (a stack, CLONE_VM without
    /// CLONE_VFORK) comes last, in a text that names clone3_call().
    ///
    /// - `args`: as for clone3()
    /// - `size`: as for clone3()
    /// - `buf`: where the text goes, cut to n bytes with a NUL; may be NULL
    /// - `n`: bytes in buf
    ///
    /// Returns buf or, if that is NULL or n is 0, a constant text without the kernel's
    ///   version; "" if nothing is wrong. errno is untouched
    ///
    /// Not checked: pids.max of a cgroup, and whether the caller may move a process out
    /// of its own cgroup. Async-signal-safe; thread-safe. Any Linux. Source:
    /// kernel/fork.c.
    pub fn clone3_explain(
        args: *const clone_args,
        size: usize,
        buf: *mut c_char,
        n: usize,
    ) -> *const c_char;

    /// Creates a thread of the C library, as pthread_create() does, that has the extras
    /// when start(arg) begins to run.
    ///
    /// The C library creates the thread: it is a pthread in every respect. Before start
    /// it sets the extras, in the order name, affinity, nice value, timer slack, cgroup,
    /// own root and directory, own descriptors; then the caller opens the pidfd, in its
    /// own table. If one of them fails, start never runs, the thread ends and is joined,
    /// and `*extra`->failed is the one that failed. The value of `*thread` is undefined then.
    ///
    /// It returns when the thread has them all. It is no cancellation point, and signals
    /// do not interrupt it. A thread with a detached attribute is detached before start
    /// runs.
    ///
    /// - `thread`: where the C library stores the thread's id
    /// - `attr`: attributes, or NULL for the default ones
    /// - `extra`: what else, or NULL for nothing
    /// - `start`: what the thread runs
    /// - `arg`: passed to start
    ///
    /// Returns 0, or an error number; errno is untouched
    ///
    /// Errors, besides those of pthread_create(3), with the extra they can come
    /// from:
    /// - EFAULT: thread or start is NULL
    /// - EINVAL: size is smaller than the first
    ///   version's; unknown bits in set; NICE is out of range; AFFINITY names no
    ///   processor there is; TIMER_SLACK does not fit into an unsigned long
    /// - E2BIG: size is larger than what this version of the library knows, and
    ///   something there is not zero
    /// - EFAULT: PIDFD, NAME or AFFINITY with a NULL pointer, or one that cannot
    ///   be read
    /// - ENOTSUP: PIDFD, before Linux 6.9
    /// - ENOSYS: there are no threads here: before glibc 2.34, no libpthread is
    ///   loaded. Or PIDFD, before Linux 5.3
    /// - EMFILE, ENFILE: PIDFD, CGROUP or UNSHARE_FILES
    /// - ERANGE: NAME is longer than 15 bytes
    /// - EACCES: NICE is lower than RLIMIT_NICE allows; CGROUP may not be
    ///   written to
    /// - EBADF: CGROUP is no cgroup2 directory
    /// - EOPNOTSUPP: CGROUP is not threaded, or under another domain than the
    ///   process's
    /// - ENOENT, ENOTDIR, ENAMETOOLONG, ELOOP: CGROUP, by its path
    /// - ENODEV: CGROUP has been removed
    /// - ENOMEM: UNSHARE_FS, UNSHARE_FILES; EPERM: any extra that a seccomp filter
    ///   forbids
    ///
    /// Not async-signal-safe; thread-safe. Any Linux.
    /// Source: pthread_create(3); pidfd_open(2), unshare(2), cgroups(7).
    #[must_use]
    pub fn clone3_pthread_create(
        thread: *mut libc::pthread_t,
        attr: *const libc::pthread_attr_t,
        extra: *const clone3_pthread_extra,
        start: Option<unsafe extern "C" fn(arg: *mut c_void) -> *mut c_void>,
        arg: *mut c_void,
    ) -> c_int;

    /// Initialises a plan: the child inherits everything from the caller.
    ///
    /// All setters return 0 or an error number, EINVAL for a plan that was not
    /// initialised. A later call of a setter replaces the earlier one's value, except
    /// that the flags of clone3_spawn_add_flags() add up. Their results need not be
    /// checked: after a setter has failed, clone3_spawn() fails with the first one's
    /// error number and CLONE3_SPAWN_STAGE_PLAN, until the plan is initialised again. A
    /// copy of a plan is equivalent to the plan. This function and the setters, except
    /// clone3_spawn_set_file_actions(), are async-signal-safe, and thread-safe if no two
    /// threads change one plan.
    ///
    /// - `plan`: memory for it
    /// - `size`: sizeof(clone3_spawn_t)
    ///
    /// Returns 0, or an error number; errno is untouched
    ///
    /// Errors:
    /// - EFAULT: plan is NULL
    /// - EINVAL: size is smaller than 768, the first version's
    pub fn clone3_spawn_init(
        plan: *mut clone3_spawn_t,
        size: usize,
    ) -> c_int;

    /// Adds CLONE_* flags to the child's.
    ///
    /// Of the namespaces: CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
    /// CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWTIME, and CLONE_EMPTY_MNTNS
    /// with CLONE_NEWNS. Of the rest: CLONE_AUTOREAP (then no exit signal),
    /// CLONE_PIDFD_AUTOKILL, CLONE_NNP, CLONE_IO, CLONE_SYSVSEM, CLONE_PTRACE,
    /// CLONE_UNTRACED. The kernel refuses a flag that it does not know, except CLONE_NNP
    /// where clone3_spawn_set_emulation() or clone3_allow_emulation() allows its
    /// emulation. With CLONE_NEWTIME the child gets a copy of the memory.
    ///
    /// Returns 0, or an error number: EINVAL: another flag
    pub fn clone3_spawn_add_flags(
        plan: *mut clone3_spawn_t,
        flags: u64,
    ) -> c_int;

    /// Allows the library to emulate flags that the kernel does not know, or that cannot
    /// be passed because clone3(2) is unavailable, in children of this plan: CLONE_NNP,
    /// which the child then sets itself. CLONE_CLEAR_SIGHAND, which is part of every
    /// plan, needs no permission. What clone3_allow_emulation() allows in the whole
    /// process is allowed here as well.
    ///
    /// - `flags`: which; 0 for none
    ///
    /// Returns 0, or an error number: EINVAL: a flag for which there is no emulation in a
    ///   spawned child
    pub fn clone3_spawn_set_emulation(
        plan: *mut clone3_spawn_t,
        flags: u64,
    ) -> c_int;

    /// Requests a pidfd of the child, close-on-exec, which is stored when clone3_spawn()
    /// succeeds. Linux 5.2.
    ///
    /// - `pidfd`: where it goes; NULL for none
    ///
    /// Returns 0, or an error number
    pub fn clone3_spawn_set_pidfd(
        plan: *mut clone3_spawn_t,
        pidfd: *mut c_int,
    ) -> c_int;

    /// Chooses the signal that the caller gets when the child ends, 0 for none; SIGCHLD
    /// unless set. It lasts until the child executes its program: exec makes it SIGCHLD
    /// again (execve(2)). So it matters only for a child that runs a function, which must
    /// be waited for with __WALL.
    ///
    /// Returns 0, or an error number: EINVAL: not 0 to 64
    pub fn clone3_spawn_set_exit_signal(
        plan: *mut clone3_spawn_t,
        signal: c_int,
    ) -> c_int;

    /// Chooses the child's pids, innermost namespace first (set_tid of struct
    /// clone_args). Linux 5.5, CAP_SYS_ADMIN in the namespaces' user namespaces; from
    /// Linux 5.9 on CAP_CHECKPOINT_RESTORE there is sufficient.
    ///
    /// - `pids`: borrowed until the spawn
    ///
    /// Returns 0, or an error number: EFAULT: pids is NULL and count is not 0
    pub fn clone3_spawn_set_tid(
        plan: *mut clone3_spawn_t,
        pids: *const libc::pid_t,
        count: usize,
    ) -> c_int;

    /// Creates the child in a cgroup, given by its cgroup2 directory (CLONE_INTO_CGROUP,
    /// Linux 5.7). On older kernels, and where clone3(2) is unavailable, the child moves
    /// there before anything else; clone3_last_route() then reports the flag as emulated.
    ///
    /// - `fd`: the directory, O_PATH is enough
    ///
    /// Returns 0, or an error number: EBADF: negative
    pub fn clone3_spawn_set_cgroup(
        plan: *mut clone3_spawn_t,
        fd: c_int,
    ) -> c_int;

    /// The same by the directory's path, which the calling thread opens during the spawn.
    ///
    /// - `path`: borrowed until the spawn
    ///
    /// Returns 0, or an error number: EFAULT: NULL
    pub fn clone3_spawn_set_cgroup_path(
        plan: *mut clone3_spawn_t,
        path: *const c_char,
    ) -> c_int;

    /// Lists namespaces that the child joins, in this order (setns(2)).
    ///
    /// A pid namespace is joined by the calling thread while it creates the child, and
    /// left again; the thread must have the privilege to return. For a time namespace the
    /// child gets a copy of the memory.
    ///
    /// - `namespaces`: borrowed until the spawn
    ///
    /// Returns 0, or an error number: EFAULT: namespaces is NULL and count is not 0
    pub fn clone3_spawn_set_namespaces(
        plan: *mut clone3_spawn_t,
        namespaces: *const clone3_spawn_namespace,
        count: usize,
    ) -> c_int;

    /// The user ids of the child's new user namespace (CLONE_NEWUSER), written to
    /// /proc/PID/uid_map by the calling thread before the child continues. Needs a /proc.
    ///
    /// - `ranges`: borrowed until the spawn
    ///
    /// Returns 0, or an error number: EFAULT: ranges is NULL and count is not 0
    pub fn clone3_spawn_set_uid_map(
        plan: *mut clone3_spawn_t,
        ranges: *const clone3_spawn_id_range,
        count: usize,
    ) -> c_int;

    /// The same for group ids, /proc/PID/gid_map. Without privileges,
    /// clone3_spawn_set_setgroups() must forbid setgroups(2).
    ///
    /// - `ranges`: borrowed until the spawn
    ///
    /// Returns 0, or an error number: EFAULT: ranges is NULL and count is not 0
    pub fn clone3_spawn_set_gid_map(
        plan: *mut clone3_spawn_t,
        ranges: *const clone3_spawn_id_range,
        count: usize,
    ) -> c_int;

    /// Writes "allow" or "deny" to /proc/PID/setgroups before gid_map. Linux 3.19.
    ///
    /// - `allowed`: 0 for "deny"
    ///
    /// Returns 0, or an error number
    pub fn clone3_spawn_set_setgroups(
        plan: *mut clone3_spawn_t,
        allowed: c_int,
    ) -> c_int;

    /// Real, effective and saved user id (setresuid(2)).
    ///
    /// The groups stay the caller's: if root changes the user id alone, the program keeps
    /// root's groups. Use clone3_spawn_set_gid() and clone3_spawn_set_groups() as well.
    ///
    /// Returns 0, or an error number: EINVAL: -1
    pub fn clone3_spawn_set_uid(
        plan: *mut clone3_spawn_t,
        uid: libc::uid_t,
    ) -> c_int;

    /// Real, effective and saved group id (setresgid(2)). The supplementary groups
    /// stay the caller's: see clone3_spawn_set_groups().
    ///
    /// Returns 0, or an error number: EINVAL: -1
    pub fn clone3_spawn_set_gid(
        plan: *mut clone3_spawn_t,
        gid: libc::gid_t,
    ) -> c_int;

    /// Supplementary groups (setgroups(2)); none with count 0.
    ///
    /// - `groups`: borrowed until the spawn
    ///
    /// Returns 0, or an error number: EFAULT: groups is NULL and count is not 0
    pub fn clone3_spawn_set_groups(
        plan: *mut clone3_spawn_t,
        groups: *const libc::gid_t,
        count: usize,
    ) -> c_int;

    /// Sets no_new_privs (prctl(2), PR_SET_NO_NEW_PRIVS), without which
    /// clone3_spawn_set_seccomp() needs CAP_SYS_ADMIN. Linux 3.5.
    ///
    /// - `on`: 0 for off
    ///
    /// Returns 0, or an error number
    pub fn clone3_spawn_set_no_new_privs(
        plan: *mut clone3_spawn_t,
        on: c_int,
    ) -> c_int;

    /// Chooses one of three capability sets, capability n in bit n.
    ///
    /// CLONE3_SPAWN_BOUNDING: all others are dropped from the bounding set.
    /// CLONE3_SPAWN_INHERITABLE: replaces the inheritable set. CLONE3_SPAWN_AMBIENT:
    /// replaces the ambient set, and is added to the inheritable one if that is not set
    /// as well (Linux 4.3). With one of the latter two the child keeps its permitted
    /// capabilities over a change of the user id, until exec.
    ///
    /// Returns 0, or an error number: EINVAL: no such set
    pub fn clone3_spawn_set_capabilities(
        plan: *mut clone3_spawn_t,
        which: c_int,
        capabilities: u64,
    ) -> c_int;

    /// The securebits (prctl(2), PR_SET_SECUREBITS), set after ids and capabilities.
    ///
    /// Returns 0, or an error number
    pub fn clone3_spawn_set_securebits(
        plan: *mut clone3_spawn_t,
        bits: c_uint,
    ) -> c_int;

    /// Installs a seccomp filter as the last step before exec, which the filter must
    /// allow.
    ///
    /// - `program`: borrowed until the spawn
    /// - `flags`: 0, or SECCOMP_FILTER_FLAG_LOG and SECCOMP_FILTER_FLAG_SPEC_ALLOW
    ///
    /// Returns 0, or an error number: EFAULT: NULL; EINVAL: another flag
    pub fn clone3_spawn_set_seccomp(
        plan: *mut clone3_spawn_t,
        program: *const libc::sock_fprog,
        flags: c_uint,
    ) -> c_int;

    /// Resource limits (prlimit(2)), set after the files.
    ///
    /// - `limits`: borrowed until the spawn
    ///
    /// Returns 0, or an error number: EFAULT: limits is NULL and count is not 0
    pub fn clone3_spawn_set_rlimits(
        plan: *mut clone3_spawn_t,
        limits: *const clone3_spawn_rlimit,
        count: usize,
    ) -> c_int;

    /// Makes the child leader of a new session (setsid(2)).
    ///
    /// - `on`: 0 for off
    ///
    /// Returns 0, or an error number
    pub fn clone3_spawn_set_session(
        plan: *mut clone3_spawn_t,
        on: c_int,
    ) -> c_int;

    /// The process group it joins, 0 for one of its own (setpgid(2)).
    ///
    /// Returns 0, or an error number: EINVAL: negative
    pub fn clone3_spawn_set_process_group(
        plan: *mut clone3_spawn_t,
        group: libc::pid_t,
    ) -> c_int;

    /// Makes a terminal the new session's controlling one (ioctl_tty(2), TIOCSCTTY).
    /// Needs clone3_spawn_set_session().
    ///
    /// - `fd`: as the caller has it
    ///
    /// Returns 0, or an error number: EBADF: negative
    pub fn clone3_spawn_set_terminal(
        plan: *mut clone3_spawn_t,
        fd: c_int,
    ) -> c_int;

    /// The signal mask that the program starts with; the caller's unless set.
    ///
    /// - `set`: copied
    ///
    /// Returns 0, or an error number: EFAULT: not in memory
    pub fn clone3_spawn_set_signal_mask(
        plan: *mut clone3_spawn_t,
        set: *const libc::sigset_t,
    ) -> c_int;

    /// Signals that are at their default when the program starts. Those with a handler
    /// are in any case; ignored ones stay ignored unless they are in this set.
    ///
    /// - `set`: copied
    ///
    /// Returns 0, or an error number: EFAULT: not in memory
    pub fn clone3_spawn_set_signal_defaults(
        plan: *mut clone3_spawn_t,
        set: *const libc::sigset_t,
    ) -> c_int;

    /// Signals that are ignored when the program starts.
    ///
    /// - `set`: copied
    ///
    /// Returns 0, or an error number: EFAULT: not in memory; EINVAL: SIGKILL or SIGSTOP is in it
    pub fn clone3_spawn_set_signal_ignores(
        plan: *mut clone3_spawn_t,
        set: *const libc::sigset_t,
    ) -> c_int;

    /// Scheduling policy, optionally with SCHED_RESET_ON_FORK, and static priority
    /// (sched_setscheduler(2)).
    ///
    /// Returns 0, or an error number
    pub fn clone3_spawn_set_scheduler(
        plan: *mut clone3_spawn_t,
        policy: c_int,
        priority: c_int,
    ) -> c_int;

    /// The nice value (setpriority(2)).
    ///
    /// Returns 0, or an error number: EINVAL: not -20 to 19
    pub fn clone3_spawn_set_nice(
        plan: *mut clone3_spawn_t,
        nice: c_int,
    ) -> c_int;

    /// The processors it may run on (sched_setaffinity(2)).
    ///
    /// - `mask`: borrowed until the spawn
    /// - `size`: bytes in `*mask`
    ///
    /// Returns 0, or an error number: EFAULT: NULL
    pub fn clone3_spawn_set_affinity(
        plan: *mut clone3_spawn_t,
        mask: *const clone3_cpu_set_t,
        size: usize,
    ) -> c_int;

    /// The I/O scheduling class and priority, encoded as for ioprio_set(2).
    ///
    /// Returns 0, or an error number
    pub fn clone3_spawn_set_ioprio(
        plan: *mut clone3_spawn_t,
        priority: c_int,
    ) -> c_int;

    /// The OOM score adjustment, -1000 to 1000, written to the child's
    /// /proc/self/oom_score_adj.
    ///
    /// Returns 0, or an error number: EINVAL: out of range
    pub fn clone3_spawn_set_oom_score_adj(
        plan: *mut clone3_spawn_t,
        score: c_int,
    ) -> c_int;

    /// The timer slack in nanoseconds, 0 for the default (prctl(2), PR_SET_TIMERSLACK).
    ///
    /// Returns 0, or an error number
    pub fn clone3_spawn_set_timer_slack(
        plan: *mut clone3_spawn_t,
        nanoseconds: c_ulong,
    ) -> c_int;

    /// The signal that the child gets when the calling thread ends (prctl(2),
    /// PR_SET_PDEATHSIG); 0 for none.
    ///
    /// It is set after the ids, because a change of ids clears it. If the caller has
    /// ended before that, the child sends the signal to itself, or exits if it is the
    /// first process of a pid namespace. For a child in another pid namespace this needs
    /// pidfd_open(2), Linux 5.3. Executing a program that gains privileges clears it.
    ///
    /// Returns 0, or an error number: EINVAL: not 0 to 64
    pub fn clone3_spawn_set_pdeath_signal(
        plan: *mut clone3_spawn_t,
        signal: c_int,
    ) -> c_int;

    /// The file mode creation mask, set before the file actions.
    ///
    /// Returns 0, or an error number: EINVAL: more than 0777
    pub fn clone3_spawn_set_umask(
        plan: *mut clone3_spawn_t,
        mask: libc::mode_t,
    ) -> c_int;

    /// Lists what the child mounts, in this order, before it changes its root: while the
    /// caller's root is still visible, which has the sources of bind mounts, and without
    /// which a new proc or sysfs is refused in a user namespace.
    ///
    /// Needs CLONE_NEWNS, or a mount namespace to join. In a new one, all mounts become
    /// slaves first, so that nothing propagates out of it. Targets must exist, in the
    /// root of clone3_spawn_set_pivot_root() or clone3_spawn_set_chroot() or, without
    /// these, in the child's root: directories, and files for bind mounts of files. They
    /// are looked up with that as the root, so that no symbolic link leads out of it
    /// (openat2(2), Linux 5.6; before that, a link or ".." is ELOOP). The root itself
    /// cannot be a target: EBUSY. Linux 5.2; MS_BIND with MS_RDONLY or another
    /// restriction for a file or with MS_REC, Linux 5.12, otherwise ENOSYS.
    ///
    /// A proc shows the child's pid namespace (CLONE_NEWPID), an mqueue its IPC
    /// namespace. In a user namespace of the child's, only some mounts are allowed
    /// (user_namespaces(7)): sysfs needs CLONE_NEWNET, cgroup2 CLONE_NEWCGROUP, and a
    /// bind mount with other mounts below it MS_REC.
    ///
    /// - `mounts`: borrowed until the spawn, with their strings
    ///
    /// Returns 0, or an error number: EFAULT: mounts is NULL and count is not 0
    pub fn clone3_spawn_set_mounts(
        plan: *mut clone3_spawn_t,
        mounts: *const clone3_spawn_mount,
        count: usize,
    ) -> c_int;

    /// The working directory, looked up in the child's root (chdir(2)).
    ///
    /// - `path`: borrowed until the spawn
    ///
    /// Returns 0, or an error number: EFAULT: NULL
    pub fn clone3_spawn_set_directory(
        plan: *mut clone3_spawn_t,
        path: *const c_char,
    ) -> c_int;

    /// The same by a descriptor (fchdir(2)).
    ///
    /// Returns 0, or an error number: EBADF: negative
    pub fn clone3_spawn_set_directory_fd(
        plan: *mut clone3_spawn_t,
        fd: c_int,
    ) -> c_int;

    /// The root directory, and the working directory there (chroot(2)).
    ///
    /// - `path`: borrowed until the spawn
    ///
    /// Returns 0, or an error number: EFAULT: NULL
    pub fn clone3_spawn_set_chroot(
        plan: *mut clone3_spawn_t,
        path: *const c_char,
    ) -> c_int;

    /// Makes a directory the root of the child's mount namespace (pivot_root(2)), and the
    /// working directory. The old root is detached, all mounts become slaves first. Needs
    /// CLONE_NEWNS, or a mount namespace to join; a /proc; Linux 5.2. Other mounts in the
    /// new root, its own proc above all: clone3_spawn_set_mounts().
    ///
    /// - `fd`: a directory, which need not be a mount point, or a detached mount
    ///   (open_tree(2), fsmount(2))
    ///
    /// Returns 0, or an error number: EBADF: negative
    pub fn clone3_spawn_set_pivot_root(
        plan: *mut clone3_spawn_t,
        fd: c_int,
    ) -> c_int;

    /// The complete list of the child's descriptors: fd`s[0]` becomes 0, fd`s[1]` becomes 1
    /// and so on, simultaneously, and all others are closed. An entry of -1 leaves that
    /// number closed. File actions come after it.
    ///
    /// - `fds`: as the caller has them, in any order, also several times; borrowed
    ///   until the spawn
    /// - `count`: at most 1024
    ///
    /// Returns 0, or an error number: EFAULT: fds is NULL and count is not 0; EINVAL: count is too big
    pub fn clone3_spawn_set_fds(
        plan: *mut clone3_spawn_t,
        fds: *const c_int,
        count: usize,
    ) -> c_int;

    /// The file actions of POSIX, in their order.
    ///
    /// Not async-signal-safe until it has been called once, or the library has
    /// initialised a file actions object, which libclone3-api does not do.
    ///
    /// - `actions`: borrowed until the spawn; NULL for none
    ///
    /// Returns 0, or an error number: EINVAL: the library does not know this C library's
    ///   layout of file actions
    pub fn clone3_spawn_set_file_actions(
        plan: *mut clone3_spawn_t,
        actions: *const libc::posix_spawn_file_actions_t,
    ) -> c_int;

    /// Executes the program by a descriptor (execveat(2), Linux 3.19): clone3_spawn()'s
    /// path is relative to this directory, or is NULL for the file itself.
    ///
    /// The descriptor may be close-on-exec, and neither the list of descriptors nor a
    /// file action closes it before exec. It stays open for a script only, whose
    /// interpreter opens it as /dev/fd/N.
    ///
    /// - `fd`: the file or a directory, AT_FDCWD for the working directory
    /// - `flags`: 0 or AT_SYMLINK_NOFOLLOW
    ///
    /// Returns 0, or an error number: EBADF: another negative number; EINVAL: another flag
    pub fn clone3_spawn_set_program_fd(
        plan: *mut clone3_spawn_t,
        fd: c_int,
        flags: c_int,
    ) -> c_int;

    /// Searches the caller's PATH for clone3_spawn()'s path, if it has no slash, as
    /// posix_spawnp() does.
    ///
    /// - `on`: 0 for off
    ///
    /// Returns 0, or an error number
    pub fn clone3_spawn_set_search(
        plan: *mut clone3_spawn_t,
        on: c_int,
    ) -> c_int;

    /// Makes the child call a function after all other steps and before the signal mask,
    /// the filter and exec.
    ///
    /// It runs on the caller's stack and in the caller's memory, as after vfork(), with
    /// all signals blocked, while the calling thread is suspended. It may call
    /// async-signal-safe functions; it must not leave by longjmp(), take locks, allocate,
    /// or change memory that the caller does not expect to change. errno is shared with
    /// the caller, too. It must not set a signal's handler, which could run in the
    /// caller's memory once the child has its signal mask, nor unblock signals. Besides
    /// the plan's descriptors one or two of the library's may be open, all close-on-exec:
    /// a pipe for the error where the memory may be a copy.
    ///
    /// It must not change ids, drop capabilities or enter a user namespace: another
    /// process with those credentials could then write the caller's memory. Use the
    /// plan's setters for that; then, and in the other cases that clone3_spawn(3) lists,
    /// the callback runs in a copy of the memory, and the caller does not see what it
    /// writes.
    ///
    /// - `callback`: returns 0 to continue, or an error number with which the spawn
    ///   fails; NULL for none
    /// - `arg`: passed to it
    ///
    /// Returns 0, or an error number
    pub fn clone3_spawn_set_callback(
        plan: *mut clone3_spawn_t,
        callback: Option<unsafe extern "C" fn(arg: *mut c_void) -> c_int>,
        arg: *mut c_void,
    ) -> c_int;

    /// Makes the child run a function instead of a program: clone3_spawn()'s path must be
    /// NULL; argv and envp are ignored.
    ///
    /// The child has a copy of the memory, and its C library is as consistent as after
    /// _Fork(). pthread_atfork() handlers do not run; signal handlers are inherited. The
    /// function's result is the exit status. clone3_spawn() returns when all steps are
    /// done.
    ///
    /// - `function`: NULL for none
    /// - `arg`: passed to it
    ///
    /// Returns 0, or an error number
    pub fn clone3_spawn_set_function(
        plan: *mut clone3_spawn_t,
        function: Option<unsafe extern "C" fn(arg: *mut c_void) -> c_int>,
        arg: *mut c_void,
    ) -> c_int;

    /// Creates a child as described by a plan, which executes a program.
    ///
    /// One clone3(2) with CLONE_VM, CLONE_VFORK and CLONE_CLEAR_SIGHAND, on the caller's
    /// stack: the child takes the steps of the plan, in the order of clone3_spawn(3), and
    /// executes; then the caller continues. Nothing is allocated and no lock taken
    /// between the call and exec. Signals are blocked meanwhile. Some children, those
    /// that get other ids among them, have a copy of the memory instead, and the caller's
    /// signal handlers may run while it waits for them; clone3_spawn(3) lists them. A
    /// failed step leaves no child, no descriptor and no changed signal mask.
    ///
    /// - `pid`: where the child's pid goes; may be NULL
    /// - `path`: the program, from the child's root and working directory; see
    ///   clone3_spawn_set_search(), clone3_spawn_set_program_fd(),
    ///   clone3_spawn_set_function()
    /// - `plan`: NULL for a child like the caller
    /// - `argv`: the program's arguments
    /// - `envp`: its environment; NULL for the caller's
    /// - `err`: which step failed; may be NULL. Its field size is read, everything
    ///   is written, up to size bytes
    ///
    /// Returns 0, or an error number; errno is untouched
    ///
    /// Errors: those of the system call of the step that err names, and
    /// - EINVAL, CLONE3_SPAWN_STAGE_PLAN: the plan was not initialised, or contradicts
    ///   itself (clone3_spawn(3) lists the contradictions)
    /// - any other, CLONE3_SPAWN_STAGE_PLAN: a setter failed with it
    /// - EFAULT: an array or a string cannot be read
    /// - EINVAL, E2BIG, and `*err` is untouched: err->size is smaller than the first
    ///   version's, or larger than a page
    /// - ENOSYS and others, CLONE3_SPAWN_STAGE_CREATE: as from clone3()
    ///
    /// Async-signal-safe, but for clone3_spawn_set_search(), which reads the environment;
    /// thread-safe. No cancellation point. Linux 3.17, and what the setters require.
    #[must_use]
    pub fn clone3_spawn(
        pid: *mut libc::pid_t,
        path: *const c_char,
        plan: *const clone3_spawn_t,
        argv: *const *mut c_char,
        envp: *const *mut c_char,
        err: *mut clone3_spawn_error,
    ) -> c_int;

    /// Formats an error of clone3_spawn() as text: file action 3, open "/x": Permission
    /// denied; set_pivot_root: Bad file descriptor; creating the child: Invalid argument:
    /// CLONE_NNP needs Linux 7.1; this is 6.18.
    ///
    /// If no child could be created, clone3_spawn() finds out the reason in the way of
    /// clone3_explain(), but only if err is not NULL.
    ///
    /// The text is in English, whatever the locale.
    ///
    /// - `err`: as clone3_spawn() filled it; the string at its path must still exist
    /// - `buf`: where the text goes, cut to n bytes with a NUL
    /// - `n`: bytes in buf
    ///
    /// Returns buf; "" if buf is NULL or n is 0. errno is untouched
    ///
    /// Async-signal-safe; thread-safe.
    pub fn clone3_spawn_strerror(
        err: *const clone3_spawn_error,
        buf: *mut c_char,
        n: usize,
    ) -> *const c_char;

    /// Tells whether clone3_spawn() would refuse a plan before there is a child, and why:
    /// a setter failed, the plan contradicts itself, an array cannot be read, the cgroup
    /// cannot be opened, or the kernel refuses the flags, the pids or the cgroup to the
    /// calling thread.
    ///
    /// No child is created. The kernel is asked as by clone3_explain(), and only if
    /// everything else is valid.
    ///
    /// Not checked: the child's own steps, exec among them; namespaces to be joined, so
    /// that the kernel is asked outside of them; pids.max of a cgroup.
    ///
    /// - `path`: as for clone3_spawn()
    /// - `plan`: NULL for a child like the caller
    /// - `err`: which step would fail; may be NULL. Its field size is read, everything
    ///   is written, up to size bytes
    ///
    /// Returns 0, or the error number that clone3_spawn() would return; errno is
    ///   untouched
    ///
    /// Errors: those of clone3_spawn() at CLONE3_SPAWN_STAGE_PLAN, _CREATE, _PIDFD and
    /// _CGROUP, EFAULT at others, and
    /// - EINVAL, E2BIG, and `*err` is untouched: err->size is smaller than the first
    ///   version's, or larger than a page
    ///
    /// Async-signal-safe, but for clone3_spawn_set_search() as clone3_spawn();
    /// thread-safe. Any Linux.
    #[must_use]
    pub fn clone3_spawn_check(
        path: *const c_char,
        plan: *const clone3_spawn_t,
        err: *mut clone3_spawn_error,
    ) -> c_int;

    /// The same as text, in the words of clone3_spawn_strerror(), as clone3_explain()
    /// does for struct clone_args.
    ///
    /// - `path`: as for clone3_spawn()
    /// - `plan`: NULL for a child like the caller
    /// - `buf`: where the text goes, cut to n bytes with a NUL
    /// - `n`: bytes in buf
    ///
    /// Returns buf; "" if nothing is wrong, or if buf is NULL or n is 0. errno is
    ///   untouched
    ///
    /// Async-signal-safe and thread-safe as clone3_spawn_check(). Any Linux.
    pub fn clone3_spawn_explain(
        path: *const c_char,
        plan: *const clone3_spawn_t,
        buf: *mut c_char,
        n: usize,
    ) -> *const c_char;

    /// Stores the CLONE_* flags that clone3_spawn_add_flags() has added.
    ///
    /// - `plan`: a plan
    /// - `flags`: where they go
    ///
    /// Returns 0, or an error number; errno is untouched
    ///
    /// Errors:
    /// - EFAULT: plan or flags is NULL
    /// - EINVAL: the plan was not initialised
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    #[must_use]
    pub fn clone3_spawn_get_flags(
        plan: *const clone3_spawn_t,
        flags: *mut u64,
    ) -> c_int;

    /// Stores where the plan stores a pidfd (clone3_spawn_set_pidfd()): a library that
    /// adds to a caller's plan can use that pidfd, too.
    ///
    /// - `plan`: a plan
    /// - `pidfd`: where that address goes: NULL for none
    ///
    /// Returns 0, or an error number; errno is untouched
    ///
    /// Errors:
    /// - EFAULT: plan or pidfd is NULL
    /// - EINVAL: the plan was not initialised
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    #[must_use]
    pub fn clone3_spawn_get_pidfd(
        plan: *const clone3_spawn_t,
        pidfd: *mut *mut c_int,
    ) -> c_int;

    /// Waits for a child by its pidfd, with a timeout, and reaps it: stores how it ended
    /// and its resource usage.
    ///
    /// Children with another exit signal than SIGCHLD, or none, are waited for as well
    /// (__WALL). The pidfd stays open.
    ///
    /// - `pidfd`: of a child of the process
    /// - `timeout`: nanoseconds; 0 to poll, negative to wait without a timeout
    /// - `status`: where its wait status goes, for the macros of wait(2); may be NULL
    /// - `usage`: its resource usage; may be NULL. Its field size is read,
    ///   everything is written, up to size bytes
    ///
    /// Returns its pid; -1 and errno on error
    ///
    /// Errors:
    /// - ETIMEDOUT: it has not ended by then
    /// - ECHILD: it is no child of this process, or was reaped, or cannot be reaped
    ///   because SIGCHLD is ignored or it has CLONE_AUTOREAP
    /// - EBADF: no pidfd
    /// - EINVAL: a negative number
    /// - EINTR: a signal handler ran, even with SA_RESTART
    /// - EFAULT: status or usage cannot be written; the child is not reaped
    /// - EINVAL, E2BIG: usage->size is smaller than 80, the first version's, or larger
    ///   than a page; the child is not reaped
    /// - EINVAL: before Linux 5.4
    ///
    /// Async-signal-safe; thread-safe. No cancellation point: a thread that must stay
    /// cancellable uses a timeout, or polls the pidfd. Linux 5.4. Source: waitid(2),
    /// pidfd_open(2).
    pub fn clone3_wait(
        pidfd: c_int,
        timeout: i64,
        status: *mut c_int,
        usage: *mut clone3_usage,
    ) -> libc::pid_t;

    /// Fills in the defaults.
    ///
    /// - `attr`: written
    /// - `size`: sizeof(clone3_thread_attr_t)
    ///
    /// Returns 0, or an error number; errno is untouched
    ///
    /// Errors:
    /// - EFAULT: attr is NULL
    /// - EINVAL: size is smaller than the first version's
    /// - E2BIG: size is larger than a page
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    pub fn clone3_thread_attr_init(
        attr: *mut clone3_thread_attr_t,
        size: usize,
    ) -> c_int;

    /// Creates a bare thread, which runs start(arg) and ends with its result.
    ///
    /// The C library does not know of it. It may call async-signal-safe functions and
    /// clone3_thread_*(). It has its own errno and __thread variables of all objects
    /// loaded now, a stack with a guard, and a working gettid(), raise() and stack
    /// protector. It may not call malloc(), stdio, pthread_*(), dlopen(), nor functions
    /// of objects that are loaded later. See clone3_thread_create(3).
    ///
    /// All signals are blocked while it is created. setuid() and similar functions change
    /// only the calling thread's ids if a bare thread calls them, and do not change those
    /// of bare threads if another thread does.
    ///
    /// - `thread`: where its handle goes, written before it runs
    /// - `attr`: how to make it; NULL for the defaults
    /// - `start`: what it runs; its result is for clone3_thread_join()
    /// - `arg`: passed to start
    ///
    /// Returns 0, or an error number; errno is untouched
    ///
    /// Errors:
    /// - EAGAIN: no memory, or a limit: RLIMIT_NPROC, pids.max, threads-max
    /// - EFAULT: thread or start is NULL
    /// - EINVAL: attr->size is smaller than the first version's; a field of attr is
    ///   invalid; a pidfd is requested before Linux 6.9; affinity has no existing
    ///   processor
    /// - ERANGE: the name has more than 15 bytes
    /// - E2BIG: attr is of a later version and has a non-zero field that this one does
    ///   not know, or its size is more than a page
    /// - EPERM: the scheduler, or set_tid, without the capability; a seccomp filter
    /// - EEXIST, ENOSYS …: set_tid, as for clone3()
    /// - EMFILE, ENFILE: the pidfd
    /// - ENOTSUP: the layout of the C library's thread descriptor is not known; always on
    ///   riscv64
    ///
    /// Thread-safe, also beside dlopen(), dlclose() and fork(). Async-signal-safe in a
    /// bare thread; in others it asks the loader which objects have been loaded since the
    /// last call. Linux 5.3, by clone(2) before that. Source: clone(2).
    #[must_use]
    pub fn clone3_thread_create(
        thread: *mut clone3_thread_t,
        attr: *const clone3_thread_attr_t,
        start: Option<unsafe extern "C" fn(arg: *mut c_void) -> *mut c_void>,
        arg: *mut c_void,
    ) -> c_int;

    /// Ends the calling bare thread, as a return from its start function does. No
    /// clean-up handlers or destructors run. In any other thread it kills the process by
    /// an illegal instruction.
    ///
    /// - `value`: for clone3_thread_join()
    ///
    ///   Async-signal-safe; thread-safe. Any Linux.
    pub fn clone3_thread_exit(
        value: *mut c_void,
    ) -> !;

    /// Waits for a bare thread's end. Its handle is invalid afterwards.
    ///
    /// - `thread`: any thread may join it, but only one
    /// - `value`: where its result goes; may be NULL
    ///
    /// Returns 0, or an error number; errno is untouched
    ///
    /// Errors:
    /// - ESRCH: there is no such thread: it was joined, or is detached and has ended, or
    ///   the handle is from before a fork()
    /// - EINVAL: it is detached, or another thread is joining it
    /// - EDEADLK: it is the calling thread
    ///
    /// Not interrupted by signals. Async-signal-safe; thread-safe. Any Linux.
    pub fn clone3_thread_join(
        thread: clone3_thread_t,
        value: *mut *mut c_void,
    ) -> c_int;

    /// The same without waiting.
    ///
    /// - `thread`: as for clone3_thread_join()
    /// - `value`: as for clone3_thread_join()
    ///
    /// Returns 0, or an error number; errno is untouched
    ///
    /// Errors: those of clone3_thread_join(), and
    /// - EBUSY: it has not ended
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    #[must_use]
    pub fn clone3_thread_tryjoin(
        thread: clone3_thread_t,
        value: *mut *mut c_void,
    ) -> c_int;

    /// The same, waiting until a point in time.
    ///
    /// - `thread`: as for clone3_thread_join()
    /// - `value`: as for clone3_thread_join()
    /// - `clock`: CLOCK_REALTIME or CLOCK_MONOTONIC
    /// - `deadline`: on that clock, in nanoseconds; if it is past, or negative, the
    ///   function does not wait
    ///
    /// Returns 0, or an error number; errno is untouched
    ///
    /// Errors: those of clone3_thread_join(), and
    /// - ETIMEDOUT: it has not ended by then
    /// - EINVAL: another clock
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    #[must_use]
    pub fn clone3_thread_timedjoin(
        thread: clone3_thread_t,
        value: *mut *mut c_void,
        clock: c_int,
        deadline: i64,
    ) -> c_int;

    /// Detaches a bare thread: its memory is released when it ends.
    ///
    /// - `thread`: may be the calling one, or have ended
    ///
    /// Returns 0, or an error number; errno is untouched
    ///
    /// Errors:
    /// - ESRCH: there is no such thread
    /// - EINVAL: it is detached, or another thread is joining it
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    pub fn clone3_thread_detach(
        thread: clone3_thread_t,
    ) -> c_int;

    /// The calling bare thread.
    ///
    /// Returns its handle; 0 in any other thread
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    pub fn clone3_thread_self() -> clone3_thread_t;

    /// Whether two handles refer to the same thread.
    ///
    /// - `one`: a handle
    /// - `other`: a handle
    ///
    /// Returns 0 if not
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    pub fn clone3_thread_equal(
        one: clone3_thread_t,
        other: clone3_thread_t,
    ) -> c_int;

    /// Sends a signal to a bare thread, by tgkill(2).
    ///
    /// If the thread ends between the library's check and the system call, its id could
    /// be reused by another thread; pidfd_send_signal() on clone3_thread_pidfd() has no
    /// such race.
    ///
    /// - `thread`: the thread
    /// - `signal`: its number, 0 to send none
    ///
    /// Returns 0, or an error number; errno is untouched
    ///
    /// Errors:
    /// - ESRCH: there is no such thread, or it has ended
    /// - EINVAL: no such signal
    /// - EAGAIN: too many signals are queued
    ///
    /// Async-signal-safe; thread-safe. Any Linux. Source: tgkill(2).
    pub fn clone3_thread_kill(
        thread: clone3_thread_t,
        signal: c_int,
    ) -> c_int;

    /// A bare thread's id in the kernel.
    ///
    /// - `thread`: the thread
    /// - `tid`: where it goes
    ///
    /// Returns 0, or an error number; errno is untouched
    ///
    /// Errors:
    /// - ESRCH: there is no such thread, or it has ended
    /// - EFAULT: tid is NULL
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    #[must_use]
    pub fn clone3_thread_gettid(
        thread: clone3_thread_t,
        tid: *mut libc::pid_t,
    ) -> c_int;

    /// Opens a pidfd of a bare thread, which is readable when the thread has ended.
    ///
    /// - `thread`: the thread
    /// - `pidfd`: where the descriptor goes, the caller's to close
    ///
    /// Returns 0, or an error number; errno is untouched
    ///
    /// Errors:
    /// - ESRCH: there is no such thread, or it has ended
    /// - EFAULT: pidfd is NULL
    /// - EINVAL: before Linux 6.9
    /// - ENOSYS: before Linux 5.3
    /// - EMFILE, ENFILE, ENOMEM: as for pidfd_open(2)
    ///
    /// Async-signal-safe; thread-safe. Linux 6.9. Source: pidfd_open(2).
    #[must_use]
    pub fn clone3_thread_pidfd(
        thread: clone3_thread_t,
        pidfd: *mut c_int,
    ) -> c_int;

    /// Tells where a bare thread's stack is.
    ///
    /// - `thread`: the thread
    /// - `lowest`: where the address of its lowest byte goes, above the guard;
    ///   may be NULL
    /// - `size`: where its size in bytes goes; may be NULL
    ///
    /// Returns 0, or an error number; errno is untouched
    ///
    /// Errors:
    /// - ESRCH: there is no such thread
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    #[must_use]
    pub fn clone3_thread_getstack(
        thread: clone3_thread_t,
        lowest: *mut *mut c_void,
        size: *mut usize,
    ) -> c_int;

    /// Returns the version of the loaded library, "MAJOR.MINOR.PATCH"; CLONE3_VERSION is
    /// that of the header that the program was compiled with.
    ///
    /// Returns a constant string
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    pub fn clone3_version() -> *const c_char;
}
