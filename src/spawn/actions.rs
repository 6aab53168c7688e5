// SPDX-License-Identifier: MIT OR Apache-2.0
//! `posix_spawn_file_actions_t`: an object of the host libc's size with our own
//! content, which a mark tells from one that the libc's init made.

use super::plan::Action;
use crate::host::memory;
use crate::uapi::{Errno, task, text};
use core::ffi::{c_char, c_int, c_void};
use core::ptr::{null_mut, slice_from_raw_parts};

/// The object. Both libcs keep a pointer where `mark` is, null after their init,
/// and have the same size: 80 bytes, 76 where pointers have 32 bits.
#[repr(C)]
pub struct FileActions {
    count: u32,
    room: u32,
    mark: usize,
    list: *mut Action,
    padding: [c_int; 15 - size_of::<usize>() / 4 + 1],
}

const _: () =
    assert!(size_of::<FileActions>() == if cfg!(target_pointer_width = "64") { 80 } else { 76 });

/// No address: not aligned, and beyond all that user memory has on 64 bits.
const MARK: usize = 0x9a5d_c35f_u64.wrapping_mul(0x1_0000_0001) as usize | 1;

/// A list begins with room for so many.
const FIRST_ROOM: u32 = 8;

impl FileActions {
    /// An object with nothing in it.
    ///
    /// # Safety
    /// `this` must be memory for an object.
    pub unsafe fn init(this: *mut FileActions) {
        let empty =
            FileActions { count: 0, room: 0, mark: MARK, list: null_mut(), padding: [0; _] };
        // SAFETY: by the contract.
        unsafe { this.write(empty) };
    }

    /// Whether our init made it and destroy has not ended it.
    ///
    /// # Safety
    /// `this` must be an object of somebody's.
    pub unsafe fn is_ours(this: *const FileActions) -> bool {
        // SAFETY: whoever's init made it wrote this word.
        unsafe { (&raw const (*this).mark).read() == MARK }
    }

    /// The actions in their order.
    pub fn list(&self) -> &[Action] {
        if self.list.is_null() {
            return &[];
        }
        // SAFETY: the first `count` are written.
        unsafe { &*slice_from_raw_parts(self.list, self.count as usize) }
    }

    /// Adds an action, its path copied.
    ///
    /// # Safety
    /// A path must be a string.
    pub unsafe fn add(&mut self, mut action: Action) -> Result<(), Errno> {
        check_descriptors(&action)?;
        self.make_room()?;
        if let Action::Open { path, .. } | Action::Chdir { path } = &mut action {
            // SAFETY: by the contract.
            *path = unsafe { copy(*path) }?;
        }
        // SAFETY: there is room for one more.
        unsafe { self.list.add(self.count as usize).write(action) };
        self.count += 1;
        Ok(())
    }

    fn make_room(&mut self) -> Result<(), Errno> {
        if self.count < self.room {
            return Ok(());
        }
        let room = self.room.checked_mul(2).ok_or(Errno::ENOMEM)?.max(FIRST_ROOM);
        let fresh: *mut Action = memory::allocate(bytes(room)?)?.cast();
        // SAFETY: two lists, of which the fresh one is longer; the old one goes.
        unsafe {
            fresh.copy_from_nonoverlapping(
                self.list,
                if self.list.is_null() { 0 } else { self.count as usize },
            );
            self.release_list();
        }
        (self.list, self.room) = (fresh, room);
        Ok(())
    }

    /// # Safety
    /// The list must not be used again.
    unsafe fn release_list(&mut self) {
        if let Ok(size) = bytes(self.room) {
            // SAFETY: of that size when it was allocated.
            unsafe { memory::release(self.list.cast(), size) };
        }
    }

    /// Gives all memory back; the object is nobody's then.
    pub fn destroy(&mut self) {
        for action in self.list() {
            if let Action::Open { path, .. } | Action::Chdir { path } = *action {
                // SAFETY: copied in `add`, and used no more.
                unsafe {
                    let size = text::bytes(path).len() + 1;
                    memory::release(path.cast_mut().cast::<c_void>(), size);
                }
            }
        }
        // SAFETY: the object is empty from here on.
        unsafe { self.release_list() };
        (self.count, self.room, self.mark, self.list) = (0, 0, 0, null_mut());
    }
}

fn bytes(room: u32) -> Result<usize, Errno> {
    (room as usize).checked_mul(size_of::<Action>()).ok_or(Errno::ENOMEM)
}

/// # Safety
/// `path` must be a string.
unsafe fn copy(path: *const c_char) -> Result<*const c_char, Errno> {
    // SAFETY: by the contract.
    let size = unsafe { text::bytes(path) }.len() + 1;
    let fresh: *mut u8 = memory::allocate(size)?.cast();
    // SAFETY: just allocated, of that size, which the string has with its NUL.
    unsafe { fresh.copy_from_nonoverlapping(path.cast(), size) };
    Ok(fresh.cast_const().cast())
}

/// EBADF for a descriptor that is negative or not below OPEN_MAX (POSIX), which is
/// the soft limit now. A source of dup2 is only known to be there when its time
/// has come, but cannot be beyond the limit either.
fn check_descriptors(action: &Action) -> Result<(), Errno> {
    match *action {
        Action::Open { fd, .. }
        | Action::Close { fd }
        | Action::Fchdir { fd }
        | Action::CloseFrom { first: fd }
        | Action::TakeTerminal { fd } => check(fd),
        Action::Dup2 { from, to } => check(from).and_then(|()| check(to)),
        Action::Chdir { .. } => Ok(()),
    }
}

fn check(fd: c_int) -> Result<(), Errno> {
    match u64::try_from(fd) {
        Ok(fd) if fd < task::open_max() => Ok(()),
        _ => Err(Errno::EBADF),
    }
}
