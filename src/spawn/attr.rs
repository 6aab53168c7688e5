// SPDX-License-Identifier: MIT OR Apache-2.0
//! `posix_spawnattr_t`: an object of the host libc's size with our own content,
//! which a mark tells from one that the libc's init made.

use super::plan::Attributes;
use crate::uapi::Errno;
use crate::uapi::sys::{KernelSigset, Pid};
use core::ffi::{c_int, c_short};

/// `sigset_t` of both libcs: 1024 signals, of which the kernel knows the first 64.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Sigset([usize; 128 / size_of::<usize>()]);

impl Sigset {
    const EMPTY: Sigset = Sigset([0; _]);

    /// As the kernel has it. The numbers 32 and 33, by which the libcs' threads
    /// signal each other, stay out: no sigset function of theirs lets them in.
    pub fn to_kernel(self) -> KernelSigset {
        const INTERNAL: KernelSigset = 0b11 << 31;
        let mut set = self.0[0] as KernelSigset;
        if usize::BITS == 32 {
            set |= (self.0[1] as KernelSigset) << 32;
        }
        set & !INTERNAL
    }
}

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
    /// POSIX_SPAWN_USEVFORK: no effect, as it is always so.
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

/// The object, of 336 bytes in both libcs on all architectures. Their inits fill
/// it with zeroes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SpawnAttributes {
    mark: u64,
    /// `POSIX_SPAWN_*`
    pub flags: c_short,
    /// For SETPGROUP.
    pub group: Pid,
    /// For SETSIGDEF.
    pub defaults: Sigset,
    /// For SETSIGMASK.
    pub mask: Sigset,
    /// For SETSCHEDPARAM and SETSCHEDULER.
    pub priority: c_int,
    /// For SETSCHEDULER.
    pub policy: c_int,
    /// For SETCGROUP.
    pub cgroup: c_int,
    padding: [c_int; 13],
}

const _: () = assert!(size_of::<SpawnAttributes>() == 336);

const MARK: u64 = 0xa7_7b5d_c35f_9a5d;

impl SpawnAttributes {
    /// All zero, and ours.
    pub const INITIAL: SpawnAttributes = SpawnAttributes {
        mark: MARK,
        flags: 0,
        group: 0,
        defaults: Sigset::EMPTY,
        mask: Sigset::EMPTY,
        priority: 0,
        policy: 0,
        cgroup: 0,
        padding: [0; _],
    };

    /// Whether our init made it and destroy has not ended it.
    ///
    /// # Safety
    /// `this` must be an object of somebody's.
    pub unsafe fn is_ours(this: *const SpawnAttributes) -> bool {
        // SAFETY: whoever's init made it wrote this word.
        unsafe { (&raw const (*this).mark).read() == MARK }
    }

    /// Makes the object nobody's.
    pub fn destroy(&mut self) {
        self.mark = 0;
    }

    /// EINVAL for a flag that there is not.
    pub fn set_flags(&mut self, flags: c_short) -> Result<(), Errno> {
        if flags & !flags::ALL != 0 {
            return Err(Errno::EINVAL);
        }
        self.flags = flags;
        Ok(())
    }

    /// EINVAL for a policy that POSIX does not name, as glibc has it: others take
    /// more than a priority.
    pub fn set_policy(&mut self, policy: c_int) -> Result<(), Errno> {
        match policy {
            libc::SCHED_OTHER | libc::SCHED_FIFO | libc::SCHED_RR => self.policy = policy,
            _ => return Err(Errno::EINVAL),
        }
        Ok(())
    }

    /// What they say of the child.
    pub fn as_plan(&self) -> Attributes {
        let on = |flag: c_short| self.flags & flag != 0;
        Attributes {
            defaults: if on(flags::SETSIGDEF) { self.defaults.to_kernel() } else { 0 },
            mask: on(flags::SETSIGMASK).then(|| self.mask.to_kernel()),
            scheduling: if on(flags::SETSCHEDULER) {
                Some((Some(self.policy), self.priority))
            } else {
                on(flags::SETSCHEDPARAM).then_some((None, self.priority))
            },
            new_session: on(flags::SETSID),
            process_group: on(flags::SETPGROUP).then_some(self.group),
            reset_ids: on(flags::RESETIDS),
            cgroup: on(flags::SETCGROUP).then_some(self.cgroup),
        }
    }
}
