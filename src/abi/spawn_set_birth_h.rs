// SPDX-License-Identifier: MIT OR Apache-2.0
//! The header's text on the setters of `clone3_spawn_t`, which are in `spawn_setters`:
//! how the child is created.

use super::spawn_plan::clone3_spawn_t;
use crate::spawn::elements::{IdRange, Namespace};
use crate::uapi::sys::Pid;
use core::ffi::{c_char, c_int};

#[allow(dead_code)] // C's view of what the macros in `spawn_setters` define
unsafe extern "C" {
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
    /// @return 0, or an error number: EINVAL: another flag
    pub fn clone3_spawn_add_flags(plan: *mut clone3_spawn_t, flags: u64) -> c_int;

    /// Allows the library to emulate flags that the kernel does not know, or that cannot
    /// be passed because clone3(2) is unavailable, in children of this plan: CLONE_NNP,
    /// which the child then sets itself. CLONE_CLEAR_SIGHAND, which is part of every
    /// plan, needs no permission. What clone3_allow_emulation() allows in the whole
    /// process is allowed here as well.
    ///
    /// @param flags  which; 0 for none
    ///
    /// @return 0, or an error number: EINVAL: a flag for which there is no emulation in a
    ///         spawned child
    pub fn clone3_spawn_set_emulation(plan: *mut clone3_spawn_t, flags: u64) -> c_int;

    /// Requests a pidfd of the child, close-on-exec, which is stored when clone3_spawn()
    /// succeeds. Linux 5.2.
    ///
    /// @param pidfd  where it goes; NULL for none
    ///
    /// @return 0, or an error number
    pub fn clone3_spawn_set_pidfd(plan: *mut clone3_spawn_t, pidfd: *mut c_int) -> c_int;

    /// Chooses the signal that the caller gets when the child ends, 0 for none; SIGCHLD
    /// unless set. It lasts until the child executes its program: exec makes it SIGCHLD
    /// again (execve(2)). So it matters only for a child that runs a function, which must
    /// be waited for with __WALL.
    ///
    /// @return 0, or an error number: EINVAL: not 0 to 64
    pub fn clone3_spawn_set_exit_signal(plan: *mut clone3_spawn_t, signal: c_int) -> c_int;

    /// Chooses the child's pids, innermost namespace first (set_tid of struct
    /// clone_args). Linux 5.5, CAP_SYS_ADMIN in the namespaces' user namespaces; from
    /// Linux 5.9 on CAP_CHECKPOINT_RESTORE there is sufficient.
    ///
    /// @param pids   borrowed until the spawn
    ///
    /// @return 0, or an error number: EFAULT: pids is NULL and count is not 0
    pub fn clone3_spawn_set_tid(plan: *mut clone3_spawn_t, pids: *const Pid, count: usize)
    -> c_int;

    /// Creates the child in a cgroup, given by its cgroup2 directory (CLONE_INTO_CGROUP,
    /// Linux 5.7). On older kernels, and where clone3(2) is unavailable, the child moves
    /// there before anything else; clone3_last_route() then reports the flag as emulated.
    ///
    /// @param fd  the directory, O_PATH is enough
    ///
    /// @return 0, or an error number: EBADF: negative
    pub fn clone3_spawn_set_cgroup(plan: *mut clone3_spawn_t, fd: c_int) -> c_int;

    /// The same by the directory's path, which the calling thread opens during the spawn.
    ///
    /// @param path  borrowed until the spawn
    ///
    /// @return 0, or an error number: EFAULT: NULL
    pub fn clone3_spawn_set_cgroup_path(plan: *mut clone3_spawn_t, path: *const c_char) -> c_int;

    /// Lists namespaces that the child joins, in this order (setns(2)).
    ///
    /// A pid namespace is joined by the calling thread while it creates the child, and
    /// left again; the thread must have the privilege to return. For a time namespace the
    /// child gets a copy of the memory.
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
    /// /proc/PID/uid_map by the calling thread before the child continues. Needs a /proc.
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
}
