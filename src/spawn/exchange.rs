// SPDX-License-Identifier: MIT OR Apache-2.0
//! How the parent hears why its child failed.
//!
//! The child shares the parent's memory and writes it there. Where CLONE_VFORK
//! with CLONE_VM makes a copy after all (qemu-user, valgrind), a pipe carries
//! it: found out by one child that writes a word, once a process, and only where
//! clone3(2) is out of reach; whoever has that call shares memory.

use super::plan::{Action, Failure, Plan, Stage};
use crate::arch::syscall;
use crate::uapi::exec::{self, fcntl};
use crate::uapi::{Errno, file, sys, task};
use core::cell::UnsafeCell;
use core::ffi::c_int;
use core::mem::{MaybeUninit, size_of};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};

/// A failure in memory, or on its way through a pipe.
pub struct Exchange {
    failure: UnsafeCell<Failure>,
    /// The two ends, −1 for none.
    pipe: [c_int; 2],
    /// Where a child with its own memory puts it, whose parent waits; or null.
    page: *mut Failure,
}

/// What is known of lent memory in this process and its children.
static LENDING: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = 0;
const LENDS: u8 = 1;
const COPIES: u8 = 2;

impl Exchange {
    /// By memory.
    pub fn new() -> Exchange {
        Exchange { failure: UnsafeCell::new(Failure::NONE), pipe: [-1; 2], page: null_mut() }
    }

    /// Makes sure that it works for a child made by clone(2).
    pub fn suit_legacy(&mut self, plan: &Plan) -> Result<(), Errno> {
        if self.pipe[1] >= 0 || lends_memory() {
            return Ok(());
        }
        self.pipe = exec::pipe()?;
        self.keep_clear_of(plan)
    }

    /// Moves the writing end to a number that no action names, lest it be
    /// closed or replaced, or used as if the caller had it open.
    fn keep_clear_of(&mut self, plan: &Plan) -> Result<(), Errno> {
        if let Some(extras) = plan.extras {
            let old = self.pipe[1];
            self.pipe[1] = extras.spec.move_away(old)?;
            file::close(old);
        }
        while plan.actions.iter().any(|action| action.names(self.pipe[1])) {
            let old = self.pipe[1];
            self.pipe[1] = fcntl(old, libc::F_DUPFD_CLOEXEC, old + 1)?;
            file::close(old);
        }
        Ok(())
    }

    /// Makes sure that it works for a child with its own memory whose parent waits.
    pub fn use_page(&mut self) -> Result<(), Errno> {
        // Zeroes are no failure.
        self.page = sys::map_shared_pages(size_of::<Failure>())?.cast();
        Ok(())
    }

    /// Where the failure is, if it is in memory.
    fn place(&self) -> *mut Failure {
        if self.page.is_null() { self.failure.get() } else { self.page }
    }

    /// The descriptor that the child must leave alone, or −1.
    pub fn keeps(&self) -> c_int {
        self.pipe[1]
    }

    /// The child's first act: the parent's end is none of its.
    pub fn in_child(&self) {
        if self.pipe[0] >= 0 {
            file::close(self.pipe[0]);
        }
    }

    /// The child's last word.
    pub fn tell(&self, failure: Failure) {
        if self.pipe[1] >= 0 {
            // SAFETY: the bytes of a plain struct that lives over the call; any
            // padding is read by the kernel only, to be ignored by the reader.
            let raw = unsafe {
                syscall(
                    libc::SYS_write,
                    [
                        self.pipe[1] as usize,
                        &raw const failure as usize,
                        size_of::<Failure>(),
                        0,
                        0,
                        0,
                    ],
                )
            };
            _ = raw; // nobody is left to tell
        } else {
            // SAFETY: the parent waits; volatile, as the compiler sees no reader.
            unsafe { self.place().write_volatile(failure) };
        }
    }

    /// What the child said, once it has executed or ended: for the parent.
    pub fn heard(&mut self) -> Option<Failure> {
        if self.pipe[0] >= 0 {
            close(&mut self.pipe[1]);
            return self.read();
        }
        // SAFETY: the child is gone; volatile, as the compiler saw no writer.
        let failure = unsafe { self.place().read_volatile() };
        (failure.stage != Stage::None).then_some(failure)
    }

    /// What came through the pipe: all of it or, if the child executed, nothing.
    fn read(&self) -> Option<Failure> {
        let mut failure = MaybeUninit::<Failure>::uninit();
        loop {
            let (fd, place) = (self.pipe[0] as usize, failure.as_mut_ptr() as usize);
            // SAFETY: the struct lives over the call.
            let raw =
                unsafe { syscall(libc::SYS_read, [fd, place, size_of::<Failure>(), 0, 0, 0]) };
            match Errno::check(raw) {
                Err(Errno(libc::EINTR)) => {}
                Ok(count) if count == size_of::<Failure>() => {
                    // SAFETY: all its bytes come from a Failure of the child's,
                    // which is a copy of this process.
                    return Some(unsafe { failure.assume_init() });
                }
                _ => return None,
            }
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.pipe.iter_mut().for_each(close);
        if !self.page.is_null() {
            // SAFETY: mapped in `use_page`; the child is done with it.
            unsafe { sys::unmap_pages(self.page.cast(), size_of::<Failure>()) };
        }
    }
}

fn close(fd: &mut c_int) {
    if *fd >= 0 {
        file::close(*fd);
        *fd = -1;
    }
}

impl Action {
    /// The highest descriptor it has to do with, or −1.
    pub fn highest(&self) -> c_int {
        match *self {
            Action::Open { fd, .. }
            | Action::Close { fd }
            | Action::Fchdir { fd }
            | Action::TakeTerminal { fd } => fd,
            Action::Dup2 { from, to } => from.max(to),
            Action::Chdir { .. } | Action::CloseFrom { .. } => -1,
        }
    }

    /// Whether it has to do with this descriptor.
    pub fn names(&self, descriptor: c_int) -> bool {
        match *self {
            Action::Open { fd, .. }
            | Action::Close { fd }
            | Action::Fchdir { fd }
            | Action::TakeTerminal { fd } => fd == descriptor,
            Action::Dup2 { from, to } => from == descriptor || to == descriptor,
            Action::Chdir { .. } | Action::CloseFrom { .. } => false,
        }
    }
}

/// Whether clone(2) with CLONE_VM and CLONE_VFORK lends memory. Signals are
/// blocked.
fn lends_memory() -> bool {
    match LENDING.load(Relaxed) {
        LENDS => true,
        COPIES => false,
        _ => {
            let found = probe();
            if let Some(lends) = found {
                LENDING.store(if lends { LENDS } else { COPIES }, Relaxed);
            }
            found.unwrap_or(false) // a pipe works either way
        }
    }
}

/// Makes a child that writes a word and ends; `None` if there could be none.
#[cold]
#[inline(never)]
fn probe() -> Option<bool> {
    let word = AtomicU32::new(0);
    let pid = super::launch::run_legacy(write_word, (&raw const word).cast_mut().cast()).ok()?;
    _ = task::wait_for(pid);
    Some(word.load(Relaxed) != 0)
}

unsafe extern "C" fn write_word(word: *mut core::ffi::c_void) -> c_int {
    // SAFETY: the word of probe(), in whose stead this child runs.
    unsafe { (*word.cast::<AtomicU32>()).store(1, Relaxed) };
    0
}
