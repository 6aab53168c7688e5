// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the header says of the setters of `clone3_spawn_t`, which are in
//! `spawn_setters`.

use super::spawn_plan::{clone3_cpu_set_t, clone3_spawn_t};
use crate::spawn::elements::{IdRange, Limit, Mount, Namespace};
use crate::uapi::sys::Pid;
use core::ffi::{c_char, c_int, c_uint, c_ulong, c_void};
use libc::{posix_spawn_file_actions_t, sigset_t, sock_fprog};

#[allow(dead_code)] // C's view of what the macros in `spawn_setters` define
unsafe extern "C" {
    /// Adds CLONE_* flags to the child's.
    ///
    /// Of the namespaces: CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
    /// CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWTIME, and
    /// CLONE_EMPTY_MNTNS with CLONE_NEWNS. Of the rest: CLONE_AUTOREAP (then no
    /// exit signal), CLONE_PIDFD_AUTOKILL, CLONE_NNP, CLONE_IO, CLONE_SYSVSEM,
    /// CLONE_PTRACE, CLONE_UNTRACED. What the kernel does not know it refuses, but
    /// for CLONE_NNP where clone3_spawn_set_emulation() or clone3_allow_emulation() allowed
    /// that. With
    /// CLONE_NEWTIME the child gets a copy of the memory.
    ///
    /// @return 0, or an error number: EINVAL: another flag
    pub fn clone3_spawn_add_flags(plan: *mut clone3_spawn_t, flags: u64) -> c_int;

    /// Allows the library to stand in for flags that the kernel does not know or cannot be
    /// reached with, in children of this plan: CLONE_NNP, which the child then sets itself.
    /// CLONE_CLEAR_SIGHAND, which is a part of every plan, needs no leave. What
    /// clone3_allow_emulation() allows in the whole process is allowed here as well.
    ///
    /// @param flags  which; 0 for none
    ///
    /// @return 0, or an error number: EINVAL: a flag for which there is no emulation in a
    ///         spawned child
    pub fn clone3_spawn_set_emulation(plan: *mut clone3_spawn_t, flags: u64) -> c_int;

    /// Wants a pidfd of the child, close-on-exec, stored when clone3_spawn()
    /// succeeds. Linux 5.2.
    ///
    /// @param pidfd  where it goes; NULL for none
    ///
    /// @return 0, or an error number
    pub fn clone3_spawn_set_pidfd(plan: *mut clone3_spawn_t, pidfd: *mut c_int) -> c_int;

    /// Chooses the signal that the caller gets when the child ends, 0 for none; SIGCHLD
    /// unless set. It lasts until the child executes its program: exec makes it SIGCHLD
    /// again (execve(2)). So it matters for a child that runs a function, which is to be
    /// waited for with __WALL.
    ///
    /// @return 0, or an error number: EINVAL: not 0 to 64
    pub fn clone3_spawn_set_exit_signal(plan: *mut clone3_spawn_t, signal: c_int) -> c_int;

    /// Chooses the child's pids, innermost namespace first (set_tid of struct
    /// clone_args). Linux 5.5, CAP_SYS_ADMIN in the namespaces' user namespaces; from
    /// Linux 5.9 on CAP_CHECKPOINT_RESTORE there is enough.
    ///
    /// @param pids   borrowed until the spawn
    ///
    /// @return 0, or an error number: EFAULT: pids is NULL and count is not 0
    pub fn clone3_spawn_set_tid(plan: *mut clone3_spawn_t, pids: *const Pid, count: usize)
    -> c_int;

    /// Has the child born in a cgroup2 directory (CLONE_INTO_CGROUP, Linux 5.7). On
    /// older kernels, and where clone3(2) is out of reach, the child moves there
    /// before anything else; clone3_last_route() then names the flag as emulated.
    ///
    /// @param fd  the directory, O_PATH is enough
    ///
    /// @return 0, or an error number: EBADF: negative
    pub fn clone3_spawn_set_cgroup(plan: *mut clone3_spawn_t, fd: c_int) -> c_int;

    /// The same by the directory's path, which the caller opens for the spawn.
    ///
    /// @param path  borrowed until the spawn
    ///
    /// @return 0, or an error number: EFAULT: NULL
    pub fn clone3_spawn_set_cgroup_path(plan: *mut clone3_spawn_t, path: *const c_char) -> c_int;

    /// Lists namespaces that the child joins, in this order (setns(2)).
    ///
    /// A pid namespace is joined by the calling thread around the making of the
    /// child, and left again; it must have the privilege to come back. A time
    /// namespace takes a copy of the memory.
    ///
    /// @param namespaces  borrowed until the spawn
    ///
    /// @return 0, or an error number: EFAULT: namespaces is NULL and count is not 0
    pub fn clone3_spawn_set_namespaces(
        plan: *mut clone3_spawn_t,
        namespaces: *const Namespace,
        count: usize,
    ) -> c_int;

    /// The user ids of the child's new user namespace (CLONE_NEWUSER), written to
    /// /proc/PID/uid_map by the calling thread before the child goes on.
    /// Needs a /proc.
    ///
    /// @param ranges  borrowed until the spawn
    ///
    /// @return 0, or an error number: EFAULT: ranges is NULL and count is not 0
    pub fn clone3_spawn_set_uid_map(
        plan: *mut clone3_spawn_t,
        ranges: *const IdRange,
        count: usize,
    ) -> c_int;

    /// The same for group ids, /proc/PID/gid_map. Without privileges,
    /// clone3_spawn_set_setgroups() must forbid setgroups(2).
    ///
    /// @param ranges  borrowed until the spawn
    ///
    /// @return 0, or an error number: EFAULT: ranges is NULL and count is not 0
    pub fn clone3_spawn_set_gid_map(
        plan: *mut clone3_spawn_t,
        ranges: *const IdRange,
        count: usize,
    ) -> c_int;

    /// Writes "allow" or "deny" to /proc/PID/setgroups before gid_map. Linux 3.19.
    ///
    /// @param allowed  0 for "deny"
    ///
    /// @return 0, or an error number
    pub fn clone3_spawn_set_setgroups(plan: *mut clone3_spawn_t, allowed: c_int) -> c_int;

    /// Real, effective and saved user id (setresuid(2)).
    ///
    /// The groups stay the caller's: a plan of root's that lowers the user id alone
    /// leaves the program in root's groups. Use clone3_spawn_set_gid() and
    /// clone3_spawn_set_groups() as well.
    ///
    /// @return 0, or an error number: EINVAL: -1
    pub fn clone3_spawn_set_uid(plan: *mut clone3_spawn_t, uid: libc::uid_t) -> c_int;

    /// Real, effective and saved group id (setresgid(2)). The supplementary groups
    /// stay the caller's: see clone3_spawn_set_groups().
    ///
    /// @return 0, or an error number: EINVAL: -1
    pub fn clone3_spawn_set_gid(plan: *mut clone3_spawn_t, gid: libc::gid_t) -> c_int;

    /// Supplementary groups (setgroups(2)); none with count 0.
    ///
    /// @param groups  borrowed until the spawn
    ///
    /// @return 0, or an error number: EFAULT: groups is NULL and count is not 0
    pub fn clone3_spawn_set_groups(
        plan: *mut clone3_spawn_t,
        groups: *const libc::gid_t,
        count: usize,
    ) -> c_int;

    /// Sets no_new_privs (prctl(2), PR_SET_NO_NEW_PRIVS), which the filter of
    /// clone3_spawn_set_seccomp() needs without CAP_SYS_ADMIN. Linux 3.5.
    ///
    /// @param on  0 for not
    ///
    /// @return 0, or an error number
    pub fn clone3_spawn_set_no_new_privs(plan: *mut clone3_spawn_t, on: c_int) -> c_int;

    /// Chooses one of three capability sets, capability n in bit n.
    ///
    /// CLONE3_SPAWN_BOUNDING: all others are dropped from it. CLONE3_SPAWN_INHERITABLE:
    /// the set. CLONE3_SPAWN_AMBIENT: the set, which is added to the inheritable one
    /// if that was not chosen (Linux 4.3). Where one of the latter two is chosen,
    /// the permitted capabilities outlive a change of the user id up to exec.
    ///
    /// @return 0, or an error number: EINVAL: no such set
    pub fn clone3_spawn_set_capabilities(
        plan: *mut clone3_spawn_t,
        which: c_int,
        capabilities: u64,
    ) -> c_int;

    /// The securebits (prctl(2), PR_SET_SECUREBITS), set after all else that has to do
    /// with capabilities.
    ///
    /// @return 0, or an error number
    pub fn clone3_spawn_set_securebits(plan: *mut clone3_spawn_t, bits: c_uint) -> c_int;

    /// Installs a seccomp filter last, right before exec, which it must allow.
    ///
    /// @param program  borrowed until the spawn
    /// @param flags    of SECCOMP_FILTER_FLAG_LOG and SECCOMP_FILTER_FLAG_SPEC_ALLOW
    ///
    /// @return 0, or an error number: EFAULT: NULL; EINVAL: another flag
    pub fn clone3_spawn_set_seccomp(
        plan: *mut clone3_spawn_t,
        program: *const sock_fprog,
        flags: c_uint,
    ) -> c_int;

    /// Resource limits (prlimit(2)), set when the files are in place.
    ///
    /// @param limits  borrowed until the spawn
    ///
    /// @return 0, or an error number: EFAULT: limits is NULL and count is not 0
    pub fn clone3_spawn_set_rlimits(
        plan: *mut clone3_spawn_t,
        limits: *const Limit,
        count: usize,
    ) -> c_int;

    /// The file mode creation mask, which the file actions see already.
    ///
    /// @return 0, or an error number: EINVAL: more than 0777
    pub fn clone3_spawn_set_umask(plan: *mut clone3_spawn_t, mask: libc::mode_t) -> c_int;

    /// Lists what the child mounts, in this order, before it enters its root: where the
    /// caller's root can still be seen, from which files are bound and without which
    /// a user namespace lets nobody mount proc or sysfs.
    ///
    /// Needs CLONE_NEWNS, or a mount namespace to join. Of a new one, all mounts become
    /// slaves first, so that nothing gets out. The targets are directories, for files
    /// that are bound files, that are there already in the root of
    /// clone3_spawn_set_pivot_root() or clone3_spawn_set_chroot(); without one, in the root
    /// that the child has. They are looked up as if that were the root, whatever links
    /// are in it (openat2(2), Linux 5.6; before that, a link or ".." is ELOOP). The root
    /// itself is no target: EBUSY. Linux 5.2; MS_BIND with MS_RDONLY and its like for
    /// a file or with MS_REC, Linux 5.12, otherwise ENOSYS.
    ///
    /// A proc is that of the child's pid namespace (CLONE_NEWPID), an mqueue that of its
    /// IPC namespace. In a user namespace of the child's, a mount must be one that is
    /// allowed there (user_namespaces(7)): sysfs needs CLONE_NEWNET, cgroup2
    /// CLONE_NEWCGROUP, what is bound with others below it MS_REC.
    ///
    /// @param mounts  borrowed until the spawn, with their strings
    ///
    /// @return 0, or an error number: EFAULT: mounts is NULL and count is not 0
    pub fn clone3_spawn_set_mounts(
        plan: *mut clone3_spawn_t,
        mounts: *const Mount,
        count: usize,
    ) -> c_int;

    /// Makes the child leader of a new session (setsid(2)).
    ///
    /// @param on  0 for not
    ///
    /// @return 0, or an error number
    pub fn clone3_spawn_set_session(plan: *mut clone3_spawn_t, on: c_int) -> c_int;

    /// The process group it joins, 0 for one of its own (setpgid(2)).
    ///
    /// @return 0, or an error number: EINVAL: negative
    pub fn clone3_spawn_set_process_group(plan: *mut clone3_spawn_t, group: Pid) -> c_int;

    /// Makes a terminal the new session's controlling one (ioctl_tty(2), TIOCSCTTY).
    /// Needs clone3_spawn_set_session().
    ///
    /// @param fd  as the caller has it
    ///
    /// @return 0, or an error number: EBADF: negative
    pub fn clone3_spawn_set_terminal(plan: *mut clone3_spawn_t, fd: c_int) -> c_int;

    /// The signal mask that the program starts with; the caller's unless set.
    ///
    /// @param set  copied
    ///
    /// @return 0, or an error number: EFAULT: not in memory
    pub fn clone3_spawn_set_signal_mask(plan: *mut clone3_spawn_t, set: *const sigset_t) -> c_int;

    /// Signals that the program starts with at their default. Those that have a handler
    /// do so anyway; ignored ones stay ignored unless they are in this set.
    ///
    /// @param set  copied
    ///
    /// @return 0, or an error number: EFAULT: not in memory
    pub fn clone3_spawn_set_signal_defaults(
        plan: *mut clone3_spawn_t,
        set: *const sigset_t,
    ) -> c_int;

    /// Signals that the program starts with ignored.
    ///
    /// @param set  copied
    ///
    /// @return 0, or an error number: EFAULT: not in memory; EINVAL: SIGKILL or SIGSTOP is in it
    pub fn clone3_spawn_set_signal_ignores(
        plan: *mut clone3_spawn_t,
        set: *const sigset_t,
    ) -> c_int;

    /// Scheduling policy, with SCHED_RESET_ON_FORK if wanted, and its static priority
    /// (sched_setscheduler(2)).
    ///
    /// @return 0, or an error number
    pub fn clone3_spawn_set_scheduler(
        plan: *mut clone3_spawn_t,
        policy: c_int,
        priority: c_int,
    ) -> c_int;

    /// The nice value (setpriority(2)).
    ///
    /// @return 0, or an error number: EINVAL: not -20 to 19
    pub fn clone3_spawn_set_nice(plan: *mut clone3_spawn_t, nice: c_int) -> c_int;

    /// The processors it may run on (sched_setaffinity(2)).
    ///
    /// @param mask  borrowed until the spawn
    /// @param size  bytes in *mask
    ///
    /// @return 0, or an error number: EFAULT: NULL
    pub fn clone3_spawn_set_affinity(
        plan: *mut clone3_spawn_t,
        mask: *const clone3_cpu_set_t,
        size: usize,
    ) -> c_int;

    /// The I/O scheduling class and priority, as ioprio_set(2) packs them.
    ///
    /// @return 0, or an error number
    pub fn clone3_spawn_set_ioprio(plan: *mut clone3_spawn_t, priority: c_int) -> c_int;

    /// How likely the child is to be killed when memory is short: -1000 to 1000, written
    /// to its /proc/self/oom_score_adj.
    ///
    /// @return 0, or an error number: EINVAL: out of range
    pub fn clone3_spawn_set_oom_score_adj(plan: *mut clone3_spawn_t, score: c_int) -> c_int;

    /// The timer slack in nanoseconds, 0 for the default (prctl(2), PR_SET_TIMERSLACK).
    ///
    /// @return 0, or an error number
    pub fn clone3_spawn_set_timer_slack(plan: *mut clone3_spawn_t, nanoseconds: c_ulong) -> c_int;

    /// The signal that the child gets when the calling thread ends (prctl(2),
    /// PR_SET_PDEATHSIG); 0 for none.
    ///
    /// It is set after the ids, a change of which would clear it. A caller that has
    /// ended by then is noticed: the child sends itself the signal, or ends if it
    /// is the first process of a pid namespace. Into another pid namespace, this
    /// needs pidfd_open(2), Linux 5.3. A program that gains privileges loses it.
    ///
    /// @return 0, or an error number: EINVAL: not 0 to 64
    pub fn clone3_spawn_set_pdeath_signal(plan: *mut clone3_spawn_t, signal: c_int) -> c_int;

    /// The working directory, looked up in the child's root (chdir(2)).
    ///
    /// @param path  borrowed until the spawn
    ///
    /// @return 0, or an error number: EFAULT: NULL
    pub fn clone3_spawn_set_directory(plan: *mut clone3_spawn_t, path: *const c_char) -> c_int;

    /// The same by a descriptor (fchdir(2)).
    ///
    /// @return 0, or an error number: EBADF: negative
    pub fn clone3_spawn_set_directory_fd(plan: *mut clone3_spawn_t, fd: c_int) -> c_int;

    /// The root directory, and the working directory there (chroot(2)).
    ///
    /// @param path  borrowed until the spawn
    ///
    /// @return 0, or an error number: EFAULT: NULL
    pub fn clone3_spawn_set_chroot(plan: *mut clone3_spawn_t, path: *const c_char) -> c_int;

    /// Makes a directory the root of the child's mount namespace (pivot_root(2)), and the
    /// working directory. The old root is detached, all mounts become slaves first.
    /// Needs CLONE_NEWNS, or a mount namespace to join; a /proc; Linux 5.2. What the new
    /// root needs besides, its own proc above all: clone3_spawn_set_mounts().
    ///
    /// @param fd  a directory, which need not be a mount point, or a detached mount
    ///            (open_tree(2), fsmount(2))
    ///
    /// @return 0, or an error number: EBADF: negative
    pub fn clone3_spawn_set_pivot_root(plan: *mut clone3_spawn_t, fd: c_int) -> c_int;

    /// The complete list of the child's descriptors: fds[0] becomes 0, fds[1] becomes 1
    /// and so on, as if all at once, and everything else is closed. An entry of -1
    /// leaves that number closed. File actions come after it.
    ///
    /// @param fds    as the caller has them, in any order, also several times; borrowed
    ///               until the spawn
    /// @param count  at most 1024
    ///
    /// @return 0, or an error number: EFAULT: fds is NULL and count is not 0; EINVAL: count is too big
    pub fn clone3_spawn_set_fds(
        plan: *mut clone3_spawn_t,
        fds: *const c_int,
        count: usize,
    ) -> c_int;

    /// The file actions of POSIX, in their order.
    ///
    /// Not async-signal-safe as long as neither this was called nor an object initialised
    /// by the library, which libclone3-api does not do.
    ///
    /// @param actions  borrowed until the spawn; NULL for none
    ///
    /// @return 0, or an error number: EINVAL: the C library keeps its actions in another
    ///         way than those that this library can read
    pub fn clone3_spawn_set_file_actions(
        plan: *mut clone3_spawn_t,
        actions: *const posix_spawn_file_actions_t,
    ) -> c_int;

    /// Has the program executed by a descriptor (execveat(2), Linux 3.19): clone3_spawn()'s
    /// path is relative to this directory, or is NULL for the file itself.
    ///
    /// The descriptor may be close-on-exec, and neither the list of descriptors nor
    /// a file action takes it away. Only of a script it stays open, as the interpreter
    /// opens it as /dev/fd/N.
    ///
    /// @param fd     the file or a directory, AT_FDCWD for the working directory
    /// @param flags  of AT_SYMLINK_NOFOLLOW
    ///
    /// @return 0, or an error number: EBADF: another negative number; EINVAL: another flag
    pub fn clone3_spawn_set_program_fd(plan: *mut clone3_spawn_t, fd: c_int, flags: c_int)
    -> c_int;

    /// Has clone3_spawn()'s path, if there is no slash in it, looked for in the caller's
    /// PATH, as posix_spawnp() does.
    ///
    /// @param on  0 for not
    ///
    /// @return 0, or an error number
    pub fn clone3_spawn_set_search(plan: *mut clone3_spawn_t, on: c_int) -> c_int;

    /// Has the child call a function after all other steps and before the signal mask, the
    /// filter and exec.
    ///
    /// It runs on the caller's stack and in the caller's memory, at vfork()'s speed, with
    /// all signals blocked, while the calling thread waits. It may make system calls
    /// through async-signal-safe functions; it must not return in another way than by
    /// returning, lock, allocate, or change what the caller does not expect changed.
    /// errno is the caller's, too. It must not set a signal's handler, which could run in
    /// the caller's memory once the child has its signal mask, nor unblock signals.
    /// Beside the plan's descriptors it may find one or two more of the library's, all
    /// close-on-exec: a pipe for the error where memory may be a copy.
    ///
    /// It must not change ids, give up capabilities or enter a user namespace: a process
    /// with such credentials could then write the caller's memory. Let the plan do that;
    /// where it does, and in the other cases that clone3_spawn(3) lists, the callback
    /// runs in a copy of the memory, and what it writes there the caller does not see.
    ///
    /// @param callback  returns 0 to go on, or an error number with which the spawn
    ///                  fails; NULL for none
    /// @param arg       passed to it
    ///
    /// @return 0, or an error number
    pub fn clone3_spawn_set_callback(
        plan: *mut clone3_spawn_t,
        callback: Option<unsafe extern "C" fn(arg: *mut c_void) -> c_int>,
        arg: *mut c_void,
    ) -> c_int;

    /// Has the child run a function instead of a program: clone3_spawn()'s path must be
    /// NULL, argv and envp are not looked at.
    ///
    /// The child has a copy of the memory and a C library as sound as after _Fork();
    /// handlers of pthread_atfork() do not run, and those of signals stay. Its result is
    /// the exit status. clone3_spawn() returns when all steps are taken.
    ///
    /// @param function  NULL for none
    /// @param arg       passed to it
    ///
    /// @return 0, or an error number
    pub fn clone3_spawn_set_function(
        plan: *mut clone3_spawn_t,
        function: Option<unsafe extern "C" fn(arg: *mut c_void) -> c_int>,
        arg: *mut c_void,
    ) -> c_int;
}
