// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a `posix_spawnattr_t` says of the child.

use super::child::Attributes;
use crate::uapi::Errno;
use core::ffi::{c_int, c_short};

pub use crate::host::spawn_attributes::{Object as SpawnAttributes, Sigset, are_known};

/// The flags, as `<spawn.h>` has them.
pub mod flags {
    use core::ffi::c_short;
    /// POSIX_SPAWN_RESETIDS
    pub const RESETIDS: c_short = 0x01;
    /// POSIX_SPAWN_SETPGROUP
    pub const SETPGROUP: c_short = 0x02;
    /// POSIX_SPAWN_SETSIGDEF
    pub const SETSIGDEF: c_short = 0x04;
    /// POSIX_SPAWN_SETSIGMASK
    pub const SETSIGMASK: c_short = 0x08;
    /// POSIX_SPAWN_SETSCHEDPARAM
    pub const SETSCHEDPARAM: c_short = 0x10;
    /// POSIX_SPAWN_SETSCHEDULER
    pub const SETSCHEDULER: c_short = 0x20;
    /// POSIX_SPAWN_USEVFORK: no effect; it is always done.
    pub const USEVFORK: c_short = 0x40;
    /// POSIX_SPAWN_SETSID (glibc 2.26, musl 1.1.15)
    pub const SETSID: c_short = 0x80;
    /// POSIX_SPAWN_SETCGROUP (glibc 2.39)
    pub const SETCGROUP: c_short = 0x100;
    /// All of them.
    pub const ALL: c_short = RESETIDS
        | SETPGROUP
        | SETSIGDEF
        | SETSIGMASK
        | SETSCHEDPARAM
        | SETSCHEDULER
        | USEVFORK
        | SETSID
        | SETCGROUP;
}

/// EINVAL for an unknown flag.
pub fn set_flags(object: &mut SpawnAttributes, flags: c_short) -> Result<(), Errno> {
    if flags & !flags::ALL != 0 {
        return Err(Errno::EINVAL);
    }
    object.set_flags(flags);
    Ok(())
}

/// EINVAL for a policy that POSIX does not name, as in glibc: others need more than a
/// priority.
pub fn set_policy(object: &mut SpawnAttributes, policy: c_int) -> Result<(), Errno> {
    match policy {
        libc::SCHED_OTHER | libc::SCHED_FIFO | libc::SCHED_RR => object.policy = policy,
        _ => return Err(Errno::EINVAL),
    }
    Ok(())
}

/// The attributes that they describe.
pub fn read(object: &SpawnAttributes) -> Attributes {
    let set = object.flags();
    let on = |flag: c_short| set & flag != 0;
    Attributes {
        defaults: if on(flags::SETSIGDEF) { object.defaults.to_kernel() } else { 0 },
        mask: on(flags::SETSIGMASK).then(|| object.mask.to_kernel()),
        scheduling: if on(flags::SETSCHEDULER) {
            Some((Some(object.policy), object.priority))
        } else {
            on(flags::SETSCHEDPARAM).then_some((None, object.priority))
        },
        new_session: on(flags::SETSID),
        process_group: on(flags::SETPGROUP).then(|| object.group()),
        reset_ids: on(flags::RESETIDS),
        cgroup: on(flags::SETCGROUP).then(|| object.cgroup()),
    }
}
