// SPDX-License-Identifier: MIT OR Apache-2.0
//! The calling task's credentials: ids, capabilities, no_new_privs, filters.

use super::Errno;
use super::call::{ask, call, prctl, tell};
use core::ffi::{c_long, c_uint, c_void};

// The calls whose ids have 32 bits everywhere, under one name.
#[cfg(not(target_arch = "x86"))]
use libc::{
    SYS_geteuid, SYS_getgid, SYS_getresgid, SYS_getresuid, SYS_getuid, SYS_setfsgid, SYS_setfsuid,
    SYS_setgroups, SYS_setresgid, SYS_setresuid,
};
#[cfg(target_arch = "x86")]
use libc::{
    SYS_geteuid32 as SYS_geteuid, SYS_getgid32 as SYS_getgid, SYS_getresgid32 as SYS_getresgid,
    SYS_getresuid32 as SYS_getresuid, SYS_getuid32 as SYS_getuid, SYS_setfsgid32 as SYS_setfsgid,
    SYS_setfsuid32 as SYS_setfsuid, SYS_setgroups32 as SYS_setgroups,
    SYS_setresgid32 as SYS_setresgid, SYS_setresuid32 as SYS_setresuid,
};

/// The ids of the calling thread: real, effective, saved and the file system's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    /// The user's.
    pub user: [u32; 4],
    /// The group's.
    pub group: [u32; 4],
}

impl Ids {
    /// The current ones (getresuid(2), getresgid(2), setfsuid(2), setfsgid(2)).
    pub fn now() -> Ids {
        Ids { user: four(SYS_getresuid, SYS_setfsuid), group: four(SYS_getresgid, SYS_setfsgid) }
    }

    /// Whether the effective and the file system's ids equal the real ones, as access
    /// checks use them.
    pub fn are_real(&self) -> bool {
        let real = |[real, effective, _, file]: [u32; 4]| {
            real != u32::MAX && effective == real && file == real
        };
        real(self.user) && real(self.group)
    }
}

/// If a filter refuses the calls, these are invalid ids, which differ from all others.
fn four(get_three: c_long, set_file: c_long) -> [u32; 4] {
    const NONE: u32 = u32::MAX;
    let [mut real, mut effective, mut saved] = [NONE; 3];
    let places = [&raw mut real as usize, &raw mut effective as usize, &raw mut saved as usize];
    // SAFETY: the three outlive the call; the other one takes numbers. An invalid id is
    // not set, and the result is the current one.
    let file = unsafe {
        _ = call(get_three, [places[0], places[1], places[2], 0, 0]);
        call(set_file, [NONE as usize, 0, 0, 0, 0])
    };
    [real, effective, saved, file.map_or(NONE, |id| id as u32)]
}

/// geteuid(2).
pub fn effective_user() -> u32 {
    ask(SYS_geteuid, [0; 5]).map_or(u32::MAX, |id| id as u32)
}

/// Makes the calling process's memory undumpable: /proc/PID belongs to root, and other
/// users cannot trace the process (prctl(2), PR_SET_DUMPABLE). It applies to all tasks
/// that share the memory, until exec.
pub fn set_undumpable() -> Result<(), Errno> {
    prctl(libc::PR_SET_DUMPABLE, 0, 0).map(drop)
}

/// setgroups(2).
pub fn set_groups(groups: *const u32, count: usize) -> Result<(), Errno> {
    tell(SYS_setgroups, [count, groups as usize, 0, 0, 0])
}

/// setresgid(2), all three.
pub fn set_gid(gid: u32) -> Result<(), Errno> {
    let gid = gid as usize;
    tell(SYS_setresgid, [gid, gid, gid, 0, 0])
}

/// setresuid(2), all three.
pub fn set_uid(uid: u32) -> Result<(), Errno> {
    let uid = uid as usize;
    tell(SYS_setresuid, [uid, uid, uid, 0, 0])
}

/// Sets the effective ids to the real ones, the group's first, while the effective user
/// id may still permit it (setresgid(2), setresuid(2)).
pub fn reset_ids() -> Result<(), Errno> {
    const KEEP: usize = usize::MAX;
    for (get, set) in [(SYS_getgid, SYS_setresgid), (SYS_getuid, SYS_setresuid)] {
        let real = ask(get, [0; 5])?;
        tell(set, [KEEP, real, KEEP, 0, 0])?;
    }
    Ok(())
}

/// The highest capability number in 64 bits.
pub const LAST_CAPABILITY: u32 = 63;

/// Drops all capabilities but these from the bounding set, up to the last that
/// the kernel knows (prctl(2), PR_CAPBSET_DROP; Linux 2.6.25).
pub fn bound_capabilities(kept: u64) -> Result<(), Errno> {
    for capability in 0..=LAST_CAPABILITY {
        if kept >> capability & 1 == 0 {
            match prctl(libc::PR_CAPBSET_READ, capability as usize, 0) {
                Ok(0) => {}
                Ok(_) => _ = prctl(libc::PR_CAPBSET_DROP, capability as usize, 0)?,
                Err(_) => break, // there is no such capability, and no later one
            }
        }
    }
    Ok(())
}

/// Keeps the permitted capabilities when the user id changes (prctl(2),
/// PR_SET_KEEPCAPS); exec ends it.
pub fn keep_capabilities() -> Result<(), Errno> {
    prctl(libc::PR_SET_KEEPCAPS, 1, 0).map(drop)
}

/// Makes all permitted capabilities effective and, where they are given, sets the
/// inheritable ones, or adds to them (capget(2), capset(2)).
pub fn set_inheritable(exactly: Option<u64>, and: u64) -> Result<(), Errno> {
    const VERSION_3: u32 = 0x2008_0522;
    let mut header = [VERSION_3, 0];
    let mut sets = [[0u32; 3]; 2]; // effective, permitted, inheritable; low and high half
    let (header, data) = (header.as_mut_ptr() as usize, sets.as_mut_ptr() as usize);
    // SAFETY: the structs of that version outlive the call.
    unsafe { call(libc::SYS_capget, [header, data, 0, 0, 0]) }?;
    for (half, [effective, permitted, inheritable]) in (0..).zip(&mut sets) {
        *effective = *permitted;
        if let Some(all) = exactly {
            *inheritable = (all >> (32 * half)) as u32;
        }
        *inheritable |= (and >> (32 * half)) as u32;
    }
    let data = (&raw const sets) as usize;
    tell(libc::SYS_capset, [header, data, 0, 0, 0])
}

/// Empties the ambient set and raises these in it (prctl(2), PR_CAP_AMBIENT;
/// Linux 4.3).
pub fn set_ambient(capabilities: u64) -> Result<(), Errno> {
    prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as usize, 0)?;
    (0..=LAST_CAPABILITY).filter(|capability| capabilities >> capability & 1 != 0).try_for_each(
        |capability| {
            let raise = libc::PR_CAP_AMBIENT_RAISE as usize;
            prctl(libc::PR_CAP_AMBIENT, raise, capability as usize).map(drop)
        },
    )
}

/// prctl(2), PR_SET_SECUREBITS.
pub fn set_securebits(bits: u32) -> Result<(), Errno> {
    prctl(libc::PR_SET_SECUREBITS, bits as usize, 0).map(drop)
}

/// Sets no_new_privs for the calling task, for good (Linux 3.5).
pub fn set_no_new_privs() -> Result<(), Errno> {
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0).map(drop)
}

/// Whether no_new_privs is set.
pub fn no_new_privs() -> bool {
    prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0) == Ok(1)
}

/// seccomp(2), SECCOMP_SET_MODE_FILTER (Linux 3.17): `program` is a struct
/// sock_fprog.
pub fn set_filter(program: *const c_void, flags: c_uint) -> Result<(), Errno> {
    const SECCOMP_SET_MODE_FILTER: usize = 1;
    tell(libc::SYS_seccomp, [SECCOMP_SET_MODE_FILTER, flags as usize, program as usize, 0, 0])
}
