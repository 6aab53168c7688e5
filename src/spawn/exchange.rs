// SPDX-License-Identifier: MIT OR Apache-2.0
//! How the parent hears why its child failed, where memory is lent to the child:
//! the child writes it there.
//!
//! clone(2) with CLONE_VM and CLONE_VFORK makes a copy after all under some emulators
//! (qemu-user, valgrind), where clone3(2) is out of reach. Children that were asked for
//! anyway find that out: as long as it is not known, a pipe is there as well, and the
//! child leaves a mark in memory. A parent that sees the mark has lent its memory, and
//! so will every later call in this process and in copies of it: they are run by the
//! same kernel. Where no mark is seen, the pipe stays.

use super::child::Child;
use super::failure::{Failure, Words};
use super::named;
use super::stage::Stage;
use crate::arch::syscall;
use crate::uapi::{Errno, file, wait};
use core::cell::UnsafeCell;
use core::ffi::c_int;
use core::mem::size_of;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// A failure in memory, or on its way through a pipe.
pub struct Exchange {
    failure: UnsafeCell<Failure>,
    /// The child's mark: whether it writes where the parent reads.
    mark: UnsafeCell<bool>,
    /// The two ends, −1 for none.
    pipe: [c_int; 2],
}

/// Whether clone(2) was seen to lend memory. A copy of this process inherits what is
/// still true of it.
static LENDS: AtomicBool = AtomicBool::new(false);

impl Exchange {
    /// By memory.
    pub fn new() -> Exchange {
        let failure = UnsafeCell::new(Failure::NONE);
        Exchange { failure, mark: UnsafeCell::new(false), pipe: [-1; 2] }
    }

    /// Makes sure that it works for a child made by clone(2).
    ///
    /// Where no pipe can be had (no descriptor is left, a filter answers for pipe2(2)) it is
    /// by memory all the same: only under an emulator that makes copies does a failed
    /// child then end with status 127 unheard, which POSIX lets posix_spawn do.
    pub fn suit_legacy(&mut self, child: &Child) {
        if self.pipe[1] >= 0 || LENDS.load(Relaxed) {
            return;
        }
        if self.open_pipe(child).is_err() {
            self.pipe.iter_mut().for_each(close);
        }
    }

    /// Has the failure come through a pipe, whose other end closes at exec.
    pub fn open_pipe(&mut self, child: &Child) -> Result<(), Errno> {
        self.pipe = file::pipe()?;
        self.keep_clear_of(child)
    }

    /// Moves the writing end to a number that the child's description does not name, lest
    /// it be closed or replaced, or used as if the caller had it open.
    fn keep_clear_of(&mut self, child: &Child) -> Result<(), Errno> {
        let old = self.pipe[1];
        if named::is_named(child, old) {
            self.pipe[1] = named::move_away(child, old)?;
            file::close(old);
        }
        Ok(())
    }

    /// The descriptor that the child must leave alone, or −1.
    pub fn keeps(&self) -> c_int {
        self.pipe[1]
    }

    /// The child's first act: the mark, and the parent's end is none of its.
    pub fn in_child(&self) {
        if self.pipe[0] >= 0 {
            // SAFETY: the parent waits, or this is a copy; volatile, as the compiler
            // sees no reader.
            unsafe { self.mark.get().write_volatile(true) };
            file::close(self.pipe[0]);
        }
    }

    /// The child's last word.
    pub fn tell(&self, failure: Failure) {
        // SAFETY: the parent waits, or this is a copy; volatile, as the compiler sees
        // no reader.
        unsafe { self.failure.get().write_volatile(failure) };
        if self.pipe[1] >= 0 {
            let words = failure.to_words();
            let (fd, place) = (self.pipe[1] as usize, (&raw const words) as usize);
            // SAFETY: the array lives over the call. A parent that is gone reads nothing.
            unsafe { syscall(libc::SYS_write, [fd, place, size_of::<Words>(), 0, 0, 0]) };
        }
    }

    /// What the child said, once it has executed or ended: for the parent.
    pub fn heard(&mut self) -> Option<Failure> {
        // SAFETY: the child is gone; volatile, as the compiler saw no writer.
        let (mark, failure) =
            unsafe { (self.mark.get().read_volatile(), self.failure.get().read_volatile()) };
        if mark {
            LENDS.store(true, Relaxed);
        } else if self.pipe[0] >= 0 {
            close(&mut self.pipe[1]);
            return self.read();
        }
        (failure.stage != Stage::None).then_some(failure)
    }

    /// Whether the child has executed or ended, by a pipe whose writing end is its alone.
    pub fn is_hung_up(&mut self) -> bool {
        close(&mut self.pipe[1]);
        self.pipe[0] >= 0 && wait::is_readable(self.pipe[0])
    }

    /// What came through the pipe: all of it or, if the child executed, nothing.
    fn read(&self) -> Option<Failure> {
        let mut words: Words = [0; 3];
        loop {
            let (fd, place) = (self.pipe[0] as usize, (&raw mut words) as usize);
            // SAFETY: the array lives over the call.
            let raw = unsafe { syscall(libc::SYS_read, [fd, place, size_of::<Words>(), 0, 0, 0]) };
            match Errno::check(raw) {
                Err(Errno(libc::EINTR)) => {}
                Ok(count) if count == size_of::<Words>() => return Failure::from_words(words),
                _ => return None,
            }
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.pipe.iter_mut().for_each(close);
    }
}

fn close(fd: &mut c_int) {
    if *fd >= 0 {
        file::close(*fd);
        *fd = -1;
    }
}
