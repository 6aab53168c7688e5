// SPDX-License-Identifier: MIT OR Apache-2.0
//! How the parent learns why its child failed, where the memory is lent: the child writes
//! it there.
//!
//! Some emulators (qemu-user, valgrind) copy the memory for clone(2) with CLONE_VM and
//! CLONE_VFORK; clone3(2) is unavailable there. Whether they do is found out with
//! ordinary children: until it is known, there is a pipe as well, and the child leaves a
//! mark in memory. If the parent sees the mark, the memory is really shared, and will be
//! in every later call of this process and of its copies, which run on the same kernel.
//! If it sees none, the pipe remains in use.

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

/// A failure, passed in memory or through a pipe.
pub struct Exchange {
    failure: UnsafeCell<Failure>,
    /// The child's mark: set if parent and child share the memory.
    mark: UnsafeCell<bool>,
    /// The two ends, −1 for none.
    pipe: [c_int; 2],
}

/// Whether clone(2) was seen to share memory. A copy of this process inherits it, and it
/// stays true there.
static LENDS: AtomicBool = AtomicBool::new(false);

impl Exchange {
    /// One that works by memory alone.
    pub fn new() -> Exchange {
        let failure = UnsafeCell::new(Failure::NONE);
        Exchange { failure, mark: UnsafeCell::new(false), pipe: [-1; 2] }
    }

    /// Makes sure that it works for a child created by clone(2).
    ///
    /// If no pipe can be opened (no free descriptor, a filter refuses pipe2(2)) memory is
    /// used all the same. Only under an emulator that copies does a failed child then
    /// exit with status 127 without a report, which POSIX allows for posix_spawn.
    pub fn suit_legacy(&mut self, child: &Child) {
        if self.pipe[1] >= 0 || LENDS.load(Relaxed) {
            return;
        }
        if self.open_pipe(child).is_err() {
            self.pipe.iter_mut().for_each(close);
        }
    }

    /// Opens the pipe. Its writing end is close-on-exec.
    pub fn open_pipe(&mut self, child: &Child) -> Result<(), Errno> {
        self.pipe = file::pipe()?;
        self.keep_clear_of(child)
    }

    /// Moves the writing end to a number that the child's description does not name, so
    /// that it is neither closed nor replaced, nor taken for a descriptor of the
    /// caller's.
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

    /// The child's first act: sets the mark and closes the parent's end.
    pub fn in_child(&self) {
        if self.pipe[0] >= 0 {
            // SAFETY: the parent waits, or this is a copy; volatile, as the compiler
            // sees no reader.
            unsafe { self.mark.get().write_volatile(true) };
            file::close(self.pipe[0]);
        }
    }

    /// The child's report of its failure.
    pub fn tell(&self, failure: Failure) {
        // SAFETY: the parent waits, or this is a copy; volatile, as the compiler sees
        // no reader.
        unsafe { self.failure.get().write_volatile(failure) };
        if self.pipe[1] >= 0 {
            let words = failure.to_words();
            let (fd, place) = (self.pipe[1] as usize, (&raw const words) as usize);
            // SAFETY: the array outlives the call. If the parent has ended, the write is
            // lost.
            unsafe { syscall(libc::SYS_write, [fd, place, size_of::<Words>(), 0, 0, 0]) };
        }
    }

    /// For the parent: the child's report, once it has executed or ended.
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

    /// Whether the child has executed or ended, judged by a pipe whose writing end only
    /// the child has.
    pub fn is_hung_up(&mut self) -> bool {
        close(&mut self.pipe[1]);
        self.pipe[0] >= 0 && wait::is_readable(self.pipe[0])
    }

    /// What came through the pipe: a whole report or, if the child executed, nothing.
    fn read(&self) -> Option<Failure> {
        let mut words: Words = [0; 3];
        loop {
            let (fd, place) = (self.pipe[0] as usize, (&raw mut words) as usize);
            // SAFETY: the array outlives the call.
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
