// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the header says of the setters of `clone3_spawn_t`, which are in
//! `spawn_setters`: how the child is born.

use super::spawn_plan::clone3_spawn_t;
use crate::spawn::elements::{IdRange, Namespace};
use crate::uapi::sys::Pid;
use core::ffi::{c_char, c_int};

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
}
