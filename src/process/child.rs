// SPDX-License-Identifier: MIT OR Apache-2.0
//! A child with a copy of the memory, made sound before anyone notices.

use crate::engine::{self, Request};
use crate::host::Repair;
use crate::uapi::Errno;
use crate::uapi::sys::{self, KernelSigset, Pid};

/// What the child does first, prepared in the parent: mend the libc, then let
/// signals in again.
pub struct Setup {
    repair: Option<Repair>,
    clears_tid: bool,
    mask: KernelSigset,
}

impl Setup {
    /// Blocks all signals, so that no handler runs on a libc that is not
    /// mended yet. With CLONE_SETTLS the child is not in this libc's thread
    /// and nothing is mended.
    pub fn begin(request: &Request, repair: Option<Repair>) -> Setup {
        Setup {
            repair: if request.keeps_tls() { repair } else { None },
            clears_tid: request.clears_tid(),
            mask: sys::block_all_signals(),
        }
    }

    /// The child's part.
    ///
    /// # Safety
    /// Only in a child with its own copy of the memory, before anything else.
    pub unsafe fn in_child(&self) {
        if let Some(repair) = &self.repair {
            // SAFETY: looked up in the thread this is the copy of.
            unsafe { repair.apply(self.clears_tid) };
        }
        sys::restore_signals(self.mask);
    }

    /// The parent's part.
    pub fn in_parent(&self) {
        sys::restore_signals(self.mask);
    }
}

/// Creates a child that returns here too, in its own copy of the memory.
///
/// Async-signal-safe and thread-safe.
///
/// # Safety
/// As [`engine::create_copy`].
pub unsafe fn create(request: &Request, repair: Option<Repair>) -> Result<Pid, Errno> {
    let setup = Setup::begin(request, repair);
    // SAFETY: by the contract.
    let outcome = unsafe { engine::create_copy(request) };
    match outcome {
        // SAFETY: the child, first thing.
        Ok(0) => unsafe { setup.in_child() },
        _ => setup.in_parent(),
    }
    outcome
}
