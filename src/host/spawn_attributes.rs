// SPDX-License-Identifier: MIT OR Apache-2.0
//! `posix_spawnattr_t`: the libc's own object, so that it works with this library's
//! functions and with the libc's posix_spawn, which other objects may call directly.
//!
//! Both libcs say in <spawn.h> what it is like. It is looked at once, when it is first
//! wanted, whether their functions write the same.
//!
//! What the libc does not know (a cgroup before glibc 2.39 and in musl, scheduling in
//! musl) lies at the end of the object, and as long as it is asked for the libc's part
//! asks for a process group that there cannot be: we know what that stands for, and the
//! libc's posix_spawn fails with EINVAL instead of leaving it out.

use super::interposers;
use crate::uapi::sys::{KernelSigset, Pid};
use core::ffi::{CStr, c_int, c_short, c_void};
use core::mem::{transmute, zeroed};
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Release};

/// `sigset_t` of both libcs: 1024 signals, of which the kernel knows the first 64.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sigset([usize; WORDS]);

const WORDS: usize = 128 / size_of::<usize>();

impl Sigset {
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

/// The object, of 336 bytes in both libcs on all architectures.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Object {
    flags: c_short,
    unused: c_short,
    group: Pid,
    /// For SETSIGDEF.
    pub defaults: Sigset,
    /// For SETSIGMASK.
    pub mask: Sigset,
    /// For SETSCHEDPARAM and SETSCHEDULER.
    pub priority: c_int,
    /// For SETSCHEDULER.
    pub policy: c_int,
    /// glibc's since 2.39. In musl a function, which is none of ours.
    cgroup: c_int,
    padding: [c_int; 12],
    hidden: Hidden,
}

const _: () = assert!(size_of::<Object>() == 336);

/// What the libc does not look at.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
struct Hidden {
    flags: c_int,
    group: Pid,
    cgroup: c_int,
}

/// A process group that there cannot be.
const DISGUISE: Pid = Pid::MIN + 0x6367;

/// `POSIX_SPAWN_SETPGROUP`
const SETPGROUP: c_short = 0x02;
/// `POSIX_SPAWN_SETSCHEDPARAM` and `POSIX_SPAWN_SETSCHEDULER`
const SCHEDULING: c_short = 0x30;
/// `POSIX_SPAWN_SETCGROUP`
const SETCGROUP: c_short = 0x100;

/// Flags that the libc does not carry out, and whether the object is as here; 0 until that is
/// asked for.
static LAYOUT: AtomicU32 = AtomicU32::new(0);
const KNOWN: u32 = 1 << 31;
const OTHER: u32 = 1 << 30;

/// Whether the libc's objects are as here. Async-signal-safe.
pub fn are_known() -> bool {
    let layout = match LAYOUT.load(Acquire) {
        0 => learn(),
        layout => layout,
    };
    layout & KNOWN != 0
}

/// For what asked [`are_known`] before.
fn lacking() -> c_short {
    LAYOUT.load(Acquire) as c_short
}

impl Object {
    /// As both libcs' inits leave it.
    pub const INITIAL: Object = Object {
        flags: 0,
        unused: 0,
        group: 0,
        defaults: Sigset([0; WORDS]),
        mask: Sigset([0; WORDS]),
        priority: 0,
        policy: 0,
        cgroup: 0,
        padding: [0; 12],
        hidden: Hidden { flags: 0, group: 0, cgroup: 0 },
    };

    /// `POSIX_SPAWN_*`
    pub fn flags(&self) -> c_short {
        let hidden = self.hidden.flags as c_short;
        // The libc's own setter may have been there since.
        if self.group == DISGUISE && self.flags == hidden | SETPGROUP { hidden } else { self.flags }
    }

    /// For SETPGROUP.
    pub fn group(&self) -> Pid {
        if self.group == DISGUISE { self.hidden.group } else { self.group }
    }

    /// For SETCGROUP.
    pub fn cgroup(&self) -> c_int {
        if lacking() & SETCGROUP == 0 { self.cgroup } else { self.hidden.cgroup }
    }

    /// Sets the flags.
    pub fn set_flags(&mut self, flags: c_short) {
        self.set(flags, self.group());
    }

    /// Sets the process group.
    pub fn set_group(&mut self, group: Pid) {
        self.set(self.flags(), group);
    }

    fn set(&mut self, flags: c_short, group: Pid) {
        if flags & lacking() == 0 {
            (self.flags, self.group) = (flags, group);
        } else {
            (self.flags, self.group) = (flags | SETPGROUP, DISGUISE);
            (self.hidden.flags, self.hidden.group) = (flags.into(), group);
        }
    }

    /// Sets the cgroup.
    pub fn set_cgroup(&mut self, cgroup: c_int) {
        if lacking() & SETCGROUP == 0 {
            self.cgroup = cgroup;
        } else {
            self.hidden.cgroup = cgroup;
        }
    }
}

/// `struct sched_param`: the priority, and what a libc may have behind it (44
/// bytes in musl).
pub type Param = [c_int; 16];

/// Looks whether the libc's functions write what is written here. They only store, and are
/// looked up without a lock: async-signal-safe.
#[cold]
fn learn() -> u32 {
    let layout = match interposers::libc() {
        None => KNOWN, // a static program has no functions but ours
        // SAFETY: numbers all, and functions that store what they are given.
        Some((libc, _)) => match unsafe { written_alike(&|name| libc.function(name).addr()) } {
            Some(lacking) => KNOWN | u32::from(lacking as u16),
            None => OTHER,
        },
    };
    LAYOUT.store(layout, Release);
    layout
}

/// The flags that the libc lacks, if all else is as here.
///
/// # Safety
/// `find` must give functions of the names' prototypes.
unsafe fn written_alike(find: &dyn Fn(&CStr) -> usize) -> Option<c_short> {
    type OfObject = unsafe extern "C" fn(*mut Object) -> c_int;
    type OfWord = unsafe extern "C" fn(*mut Object, usize) -> c_int;
    let set = |object: &mut Object, name: &CStr, word: usize| {
        let function = find(name);
        // SAFETY: functions of these names take an object and a number or a pointer,
        // which the ABIs here pass in a register or stack slot of a word.
        (function != 0)
            .then(|| unsafe { transmute::<usize, OfWord>(function)(&raw mut *object, word) })
    };
    let mut wanted = Object::INITIAL;
    (wanted.flags, wanted.group) = (SETPGROUP | 0x08, 0x1234_5678);
    for (number, word) in (1..).zip(&mut wanted.defaults.0) {
        *word = number;
    }
    for (number, word) in (101..).zip(&mut wanted.mask.0) {
        *word = number;
    }
    let param = [7; 16];
    // SAFETY: numbers, which may all be 0.
    let mut theirs: Object = unsafe { zeroed() };
    let init = find(c"posix_spawnattr_init");
    // SAFETY: POSIX's prototype.
    let ready = init != 0 && unsafe { transmute::<usize, OfObject>(init)(&raw mut theirs) == 0 };
    let mut lacking = 0;
    let param = &raw const param as *const c_void as usize;
    if set(&mut theirs, c"posix_spawnattr_setschedparam", param) == Some(0)
        && set(&mut theirs, c"posix_spawnattr_setschedpolicy", libc::SCHED_RR as usize) == Some(0)
    {
        (wanted.priority, wanted.policy) = (7, libc::SCHED_RR);
    } else {
        lacking |= SCHEDULING;
    }
    match set(&mut theirs, c"posix_spawnattr_setcgroup_np", 77) {
        Some(0) => wanted.cgroup = 77,
        _ => lacking |= SETCGROUP,
    }
    let stored = [
        (c"posix_spawnattr_setflags", wanted.flags as usize),
        (c"posix_spawnattr_setpgroup", wanted.group as usize),
        (c"posix_spawnattr_setsigdefault", &raw const wanted.defaults as usize),
        (c"posix_spawnattr_setsigmask", &raw const wanted.mask as usize),
    ];
    let same = ready
        && stored.iter().all(|&(name, word)| set(&mut theirs, name, word) == Some(0))
        && theirs == wanted;
    same.then_some(lacking)
}
