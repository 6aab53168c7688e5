// SPDX-License-Identifier: MIT OR Apache-2.0
//! What clone3(2) can do here: on this kernel, in this sandbox, for this thread.

use super::questions;
use crate::engine::{ask, known};
use crate::uapi::flags::*;
use crate::uapi::wire::CLONE_ARGS_SIZE_VER1;
use crate::uapi::{CloneFlags, Errno, clone_args};
use core::mem::size_of;

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// The errno returned instead of reaching clone3(2); 0 where it is reached.
    pub obstacle: i32,
    /// Whether the kernel's answers are useless: it creates children that it should
    /// refuse, or accepts flags that do not exist.
    pub inconclusive: bool,
    /// Bytes of clone_args that the kernel reads.
    pub args_size: usize,
    /// Flags clone3(2) knows.
    pub known: CloneFlags,
    /// Those it would grant this thread now.
    pub permitted: CloneFlags,
    /// The errno that set_tid would give; 0 where it may be used.
    pub set_tid: i32,
    /// Whether CLONE_PIDFD can be combined with CLONE_THREAD.
    pub thread_pidfd: bool,
    /// Whether the next child is the first process of a pid namespace, which ends with
    /// that process: then nothing is tried.
    pub is_next_the_first: bool,
}

/// Asks the kernel. No child is created. A few pid numbers are skipped, and the
/// namespaces that are permitted are created and destroyed.
///
/// Async-signal-safe.
pub fn probe() -> Features {
    let mut found = Features::default();
    if let Some(obstacle) = known::refresh() {
        found.obstacle = obstacle.0;
        found.set_tid = obstacle.0;
        return found;
    }
    found.args_size = questions::args_size();
    if !questions::is_honest() {
        found.inconclusive = true;
        found.is_next_the_first = ask::is_next_the_first();
        found.set_tid = Errno::ENOSYS.0;
        return found;
    }
    found.known = known::known(ALL);
    found.permitted = found.known;
    for flag in (PROBED & found.known).iter() {
        if ask::flags(with_company(flag)).is_err() {
            found.permitted &= !flag;
        }
    }
    if questions::shared_memory().is_err() {
        found.permitted &= !(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD);
    } else if ask::thread().is_err() {
        found.permitted &= !CLONE_THREAD;
    }
    found.set_tid = match found.args_size {
        size if size < CLONE_ARGS_SIZE_VER1 => Errno::E2BIG.0,
        _ => questions::may_set_tid().err().map_or(0, |errno| errno.0),
    };
    found.thread_pidfd =
        found.permitted.contains(CLONE_THREAD) && questions::thread_with_pidfd().is_ok();
    found
}

impl Features {
    /// The flags that the library's calls carry here, by clone3(2) or by clone(2),
    /// without emulation.
    pub fn carried(&self) -> CloneFlags {
        if self.obstacle == 0 { self.permitted } else { IN_CLONE }
    }

    /// The flags whose effect may be tested.
    pub fn worth_a_try(&self) -> CloneFlags {
        match self {
            Features { is_next_the_first: true, .. } => CloneFlags::NONE,
            Features { inconclusive: true, .. } => FIRST,
            _ => self.carried(),
        }
    }

    /// The flags that the library could emulate if it were allowed to.
    pub fn emulable(&self) -> CloneFlags {
        EMULABLE & !self.known
    }
}

const _: () = assert!(size_of::<clone_args>() == 88, "a new field wants a probe");
