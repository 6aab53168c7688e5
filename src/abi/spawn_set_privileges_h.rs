// SPDX-License-Identifier: MIT OR Apache-2.0
//! The header's text on the setters of `clone3_spawn_t`, which are in `spawn_setters`:
//! the child's ids and privileges.

use super::spawn_plan::clone3_spawn_t;
use core::ffi::{c_int, c_uint};
use libc::sock_fprog;

#[allow(dead_code)] // C's view of what the macros in `spawn_setters` define
unsafe extern "C" {
    /// Real, effective and saved user id (setresuid(2)).
    ///
    /// The groups stay the caller's: if root changes the user id alone, the program keeps
    /// root's groups. Use clone3_spawn_set_gid() and clone3_spawn_set_groups() as well.
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

    /// Sets no_new_privs (prctl(2), PR_SET_NO_NEW_PRIVS), without which
    /// clone3_spawn_set_seccomp() needs CAP_SYS_ADMIN. Linux 3.5.
    ///
    /// @param on  0 for off
    ///
    /// @return 0, or an error number
    pub fn clone3_spawn_set_no_new_privs(plan: *mut clone3_spawn_t, on: c_int) -> c_int;

    /// Chooses one of three capability sets, capability n in bit n.
    ///
    /// CLONE3_SPAWN_BOUNDING: all others are dropped from the bounding set.
    /// CLONE3_SPAWN_INHERITABLE: replaces the inheritable set. CLONE3_SPAWN_AMBIENT:
    /// replaces the ambient set, and is added to the inheritable one if that is not set
    /// as well (Linux 4.3). With one of the latter two the child keeps its permitted
    /// capabilities over a change of the user id, until exec.
    ///
    /// @return 0, or an error number: EINVAL: no such set
    pub fn clone3_spawn_set_capabilities(
        plan: *mut clone3_spawn_t,
        which: c_int,
        capabilities: u64,
    ) -> c_int;

    /// The securebits (prctl(2), PR_SET_SECUREBITS), set after ids and capabilities.
    ///
    /// @return 0, or an error number
    pub fn clone3_spawn_set_securebits(plan: *mut clone3_spawn_t, bits: c_uint) -> c_int;

    /// Installs a seccomp filter as the last step before exec, which the filter must
    /// allow.
    ///
    /// @param program  borrowed until the spawn
    /// @param flags    0, or SECCOMP_FILTER_FLAG_LOG and SECCOMP_FILTER_FLAG_SPEC_ALLOW
    ///
    /// @return 0, or an error number: EFAULT: NULL; EINVAL: another flag
    pub fn clone3_spawn_set_seccomp(
        plan: *mut clone3_spawn_t,
        program: *const sock_fprog,
        flags: c_uint,
    ) -> c_int;
}
