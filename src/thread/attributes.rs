// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a thread is to be made.

use crate::host::page_size;
use crate::uapi::flags::{CLONE_FILES, CLONE_FS, CLONE_IO, CLONE_SYSVSEM};
use crate::uapi::sys::{KernelSigset, Pid};
use crate::uapi::{CloneFlags, Errno, file, task};
use core::ffi::{c_char, c_int, c_void};
use core::ptr::null;

/// What a caller may choose of a thread.
#[derive(Clone, Copy, Debug)]
pub struct Attributes {
    /// Which of CLONE_FS, CLONE_FILES, CLONE_SYSVSEM and CLONE_IO it shares.
    pub share: CloneFlags,
    /// Whether it starts detached.
    pub detached: bool,
    /// Lowest byte of the caller's own stack, 0 for one of ours.
    pub stack: usize,
    /// Bytes in its stack.
    pub stack_size: usize,
    /// Bytes below a stack of ours without any access (PROT_NONE), at least.
    pub guard_size: usize,
    /// A C string, or null for the creator's name.
    pub name: *const c_char,
    /// A cpu_set_t and its size in bytes; null for the creator's.
    pub affinity: (*const c_void, usize),
    /// Policy and priority, if not the creator's.
    pub scheduler: Option<(c_int, c_int)>,
    /// Signals that are blocked in the thread.
    pub mask: KernelSigset,
    /// Where a pidfd goes, 0 for none.
    pub pidfd: usize,
    /// As in `struct clone_args`.
    pub set_tid: (*const Pid, usize),
}

/// A stack of ours has so many bytes at least: musl's default.
pub const DEFAULT_STACK: usize = 128 << 10;
/// The smallest stack of a caller's: the kernel's signal frames and then some.
const SMALLEST_STACK: usize = 16 << 10;

/// Signals that a thread raises by what it does itself. To block them would
/// only have the kernel stop the process instead of calling the handler.
const SYNCHRONOUS: [c_int; 6] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGSYS];

impl Attributes {
    /// A joinable thread that shares what pthreads share, with all signals blocked
    /// but those it raises itself.
    pub const DEFAULT: Attributes = Attributes {
        share: CLONE_FS.union(CLONE_FILES).union(CLONE_SYSVSEM),
        detached: false,
        stack: 0,
        stack_size: DEFAULT_STACK,
        guard_size: 0,
        name: null(),
        affinity: (null(), 0),
        scheduler: None,
        mask: default_mask(),
        pidfd: 0,
        set_tid: (null(), 0),
    };

    /// EINVAL or, for a name that is too long, ERANGE.
    pub fn check(&self) -> Result<(), Errno> {
        const SHAREABLE: CloneFlags =
            CLONE_FS.union(CLONE_FILES).union(CLONE_SYSVSEM).union(CLONE_IO);
        const MOST: usize = usize::MAX / 4;
        if !SHAREABLE.contains(self.share)
            || self.stack_size < SMALLEST_STACK
            || self.stack_size > MOST
            || self.guard_size > MOST
            || self.stack.checked_add(self.stack_size).is_none()
            || self.affinity.0.is_null() != (self.affinity.1 == 0)
        {
            return Err(Errno::EINVAL);
        }
        // SAFETY: a C string of the caller's, read up to its end at most.
        let ends = |i: usize| unsafe { self.name.add(i).read() } == 0;
        if self.name.is_null() || (0..task::NAME_SIZE).any(ends) {
            Ok(())
        } else {
            Err(Errno::ERANGE)
        }
    }

    /// Whether the thread has something to do that may fail, before it runs.
    pub fn is_tried_in_thread(&self) -> bool {
        !self.name.is_null() || !self.affinity.0.is_null() || self.scheduler.is_some()
    }

    /// Closes the pidfd of a thread that could not be had.
    pub fn take_back_pidfd(&self) {
        if self.pidfd != 0 {
            // SAFETY: the caller's int, which the kernel has written.
            file::close(unsafe { (self.pidfd as *const c_int).read() });
        }
    }

    /// Whether a stack of its own has to be mapped: what every slot has will not
    /// do.
    pub fn wants_mapping(&self) -> bool {
        self.stack == 0 && (self.stack_size > DEFAULT_STACK || self.guard_size > page_size())
    }
}

const fn default_mask() -> KernelSigset {
    let mut mask = !0;
    let mut i = 0;
    while i < SYNCHRONOUS.len() {
        mask &= !(1 << (SYNCHRONOUS[i] - 1));
        i += 1;
    }
    mask
}

const _: () = assert!(task::LAST_SIGNAL == KernelSigset::BITS as usize);
