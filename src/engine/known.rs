// SPDX-License-Identifier: MIT OR Apache-2.0
//! What has been found out about the kernel under this process and the sandbox
//! around it, so that no call has to find it out again.
//!
//! Children inherit it with the memory it is in, as they inherit kernel and
//! filters. All of it is a hint where filters are concerned: they belong to
//! threads, and a child that shares memory writes here too.

use super::{ask, report};
use crate::uapi::flags::*;
use crate::uapi::{Errno, task};
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicI32, AtomicU64, AtomicUsize};

/// The errno that was found between this process and clone3(2); 0 for none.
static OBSTACLE: AtomicI32 = AtomicI32::new(0);

/// The smallest size of clone_args seen refused where a smaller one was not.
static TOO_BIG: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Flags the kernel was asked about, and those of them that it knows.
static ASKED: AtomicU64 = AtomicU64::new(0);
static KNOWN: AtomicU64 = AtomicU64::new(0);

/// Flags every clone3(2) knows: those of Linux 5.3.
pub const FIRST: u64 = 0xffff_ff00 & !CLONE_DETACHED;

/// Flags that came later, each with what it must be asked together with.
const LATER: [(u64, u64); 7] = [
    (CLONE_NEWTIME, 0),
    (CLONE_CLEAR_SIGHAND, 0),
    (CLONE_INTO_CGROUP, 0),
    (CLONE_AUTOREAP, 0),
    (CLONE_NNP, 0),
    (CLONE_PIDFD_AUTOKILL, CLONE_AUTOREAP | CLONE_NNP),
    (CLONE_EMPTY_MNTNS, 0),
];

/// What was found between this process and clone3(2) at an earlier call.
pub fn obstacle() -> Option<Errno> {
    match OBSTACLE.load(Relaxed) {
        0 => None,
        number => Some(Errno(number)),
    }
}

/// Asks whether clone3(2) can be reached, after it gave an errno that may be
/// somebody else's; remembers it if not.
#[cold]
#[inline(never)]
pub fn look_for_obstacle() -> Option<Errno> {
    let found = ask::reach().err()?;
    OBSTACLE.store(found.0, Relaxed);
    Some(found)
}

/// Whether a struct of that many bytes was once too big.
pub fn is_too_big(size: usize) -> bool {
    size >= TOO_BIG.load(Relaxed)
}

/// Remembers that a size was too big where a smaller one was not.
pub fn too_big(size: usize) {
    TOO_BIG.fetch_min(size, Relaxed);
}

/// Which of these flags the kernel's clone3(2) knows; none if it is out of
/// reach. Asks at most once for each.
#[cold]
#[inline(never)]
pub fn known(flags: u64) -> u64 {
    // What was found by somebody else may not hold for this thread.
    if report::last().barred {
        return 0;
    }
    if needs_asking(flags) && look_for_obstacle().is_some() {
        report::bar();
        return 0;
    }
    for (flag, company) in LATER {
        if flags & flag & !ASKED.load(Relaxed) == 0 {
            continue;
        }
        match ask::flags(flag | company) {
            Err(Errno::ENODATA) => return flags & of_version(task::kernel_version()),
            Err(Errno::EINVAL) => {}
            // Every other answer comes after the check for unknown flags.
            _ => _ = KNOWN.fetch_or(flag, Relaxed),
        }
        ASKED.fetch_or(flag, Relaxed);
    }
    flags & (FIRST | KNOWN.load(Relaxed))
}

/// Later flags that are known to be out of reach; others may be, too. A hint, for
/// those who have another way.
pub fn unknown() -> u64 {
    match obstacle() {
        Some(_) => !FIRST,
        None => ASKED.load(Relaxed) & !KNOWN.load(Relaxed),
    }
}

fn needs_asking(flags: u64) -> bool {
    obstacle().is_some() || flags & !FIRST & !ASKED.load(Relaxed) != 0
}

/// The flags of a version of Linux, where the kernel itself cannot be asked.
fn of_version(version: (u32, u32)) -> u64 {
    const SINCE: [((u32, u32), u64); 4] = [
        ((5, 5), CLONE_CLEAR_SIGHAND),
        ((5, 7), CLONE_INTO_CGROUP),
        ((6, 3), CLONE_NEWTIME),
        ((7, 1), CLONE_AUTOREAP | CLONE_NNP | CLONE_PIDFD_AUTOKILL | CLONE_EMPTY_MNTNS),
    ];
    SINCE.iter().filter(|(since, _)| version >= *since).fold(FIRST, |all, (_, flags)| all | flags)
}

/// Forgets all and looks again: what stands in the way now.
pub fn refresh() -> Option<Errno> {
    OBSTACLE.store(0, Relaxed);
    TOO_BIG.store(usize::MAX, Relaxed);
    ASKED.store(0, Relaxed);
    KNOWN.store(0, Relaxed);
    report::unbar();
    look_for_obstacle()
}
