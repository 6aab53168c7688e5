// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is done to the child's files: `posix_spawn_file_actions_t`, which the libc's
//! functions fill (`host::file_actions`) or, in a static program, this library's; and the
//! library's own lists.

use crate::base::text;
use crate::host::action_lists::List;
use crate::host::file_actions::{self, Lists};
use crate::host::memory;
use crate::uapi::{Errno, sched};
use core::ffi::{c_char, c_int, c_void};
use core::ptr::{null_mut, slice_from_raw_parts};

pub use crate::host::action_lists::{Action, Object as FileActions};
pub use crate::host::file_actions::learn;

/// Actions in their order; also an iterator over them.
#[derive(Clone, Copy)]
pub enum Actions<'a> {
    /// A list of this library's.
    Ours(&'a [Action]),
    /// A list of the libc's.
    Hosts(List),
}

impl Actions<'_> {
    /// No actions.
    pub const NONE: Actions<'static> = Actions::Ours(&[]);

    /// The actions of an object; `None` where the libc alone can read them.
    /// Async-signal-safe.
    ///
    /// # Safety
    /// Null, or an object that stays as it is while they are used.
    pub unsafe fn of<'a>(object: *const FileActions) -> Option<Actions<'a>> {
        // SAFETY: by the contract.
        let Some(object) = (unsafe { object.as_ref() }) else { return Some(Actions::NONE) };
        match file_actions::lists() {
            Lists::Hosts => None,
            // SAFETY: by the contract.
            Lists::Read => Some(Actions::Hosts(unsafe { List::of(object) })),
            // SAFETY: by the contract.
            Lists::Ours => Some(Actions::Ours(unsafe { own(object) })),
        }
    }

    /// Whether all of them are known; an unknown one cannot be carried out.
    pub fn are_known(&self) -> bool {
        match self {
            Actions::Ours(_) => true,
            Actions::Hosts(list) => list.is_known(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(mut self) -> bool {
        self.next().is_none()
    }
}

impl Iterator for Actions<'_> {
    type Item = Action;

    fn next(&mut self) -> Option<Action> {
        match self {
            Actions::Ours(list) => {
                let (first, rest) = list.split_first()?;
                *list = rest;
                Some(*first)
            }
            Actions::Hosts(list) => list.next(),
        }
    }
}

/// Makes an empty object.
///
/// # Safety
/// `object` must be memory for one.
pub unsafe fn init(object: *mut FileActions) -> Result<(), Errno> {
    file_actions::learn();
    // SAFETY: by the contract.
    unsafe {
        match file_actions::lists() {
            Lists::Ours => object.write(FileActions::EMPTY),
            _ => file_actions::init(object)?,
        }
    }
    Ok(())
}

/// Adds an action, its path copied.
///
/// # Safety
/// The object must be one, a path a string.
pub unsafe fn add(object: *mut FileActions, action: &Action) -> Result<(), Errno> {
    file_actions::learn();
    check_descriptors(action)?;
    // SAFETY: by the contract.
    unsafe {
        match file_actions::lists() {
            Lists::Ours => add_own(&mut *object, *action),
            _ => file_actions::add(object, action),
        }
    }
}

/// Frees all memory.
///
/// # Safety
/// The object must be one.
pub unsafe fn destroy(object: *mut FileActions) -> Result<(), Errno> {
    file_actions::learn();
    // SAFETY: by the contract.
    unsafe {
        match file_actions::lists() {
            Lists::Ours => destroy_own(&mut *object),
            _ => file_actions::destroy(object)?,
        }
    }
    Ok(())
}

/// The first allocation has room for this many.
const FIRST_ROOM: c_int = 8;

/// # Safety
/// The object must be filled by us.
unsafe fn own<'a>(object: &FileActions) -> &'a [Action] {
    if object.list.is_null() {
        return &[];
    }
    // SAFETY: the first `count` are written.
    unsafe { &*slice_from_raw_parts(object.list.cast(), object.count as usize) }
}

/// # Safety
/// As [`add`], of an object that is filled by us.
unsafe fn add_own(object: &mut FileActions, mut action: Action) -> Result<(), Errno> {
    make_room(object)?;
    if let Action::Open { path, .. } | Action::Chdir { path } = &mut action {
        // SAFETY: by the contract.
        *path = unsafe { copy(*path) }?;
    }
    // SAFETY: there is room for one more.
    unsafe { object.list.cast::<Action>().add(object.count as usize).write(action) };
    object.count += 1;
    Ok(())
}

fn make_room(object: &mut FileActions) -> Result<(), Errno> {
    if object.count < object.room {
        return Ok(());
    }
    let room = object.room.checked_mul(2).ok_or(Errno::ENOMEM)?.max(FIRST_ROOM);
    let fresh: *mut Action = memory::allocate(bytes(room)?)?.cast();
    let count = if object.list.is_null() { 0 } else { object.count as usize };
    // SAFETY: two lists, of which the fresh one is longer; the old one goes.
    unsafe {
        fresh.copy_from_nonoverlapping(object.list.cast(), count);
        release_list(object);
    }
    (object.list, object.room) = (fresh.cast(), room);
    Ok(())
}

/// # Safety
/// The list must not be used again.
unsafe fn release_list(object: &mut FileActions) {
    if let Ok(size) = bytes(object.room) {
        // SAFETY: of that size when it was allocated.
        unsafe { memory::release(object.list, size) };
    }
}

/// # Safety
/// The object must be filled by us.
unsafe fn destroy_own(object: &mut FileActions) {
    // SAFETY: by the contract.
    for action in unsafe { own(object) } {
        if let Action::Open { path, .. } | Action::Chdir { path } = *action {
            // SAFETY: copied in `add`, and used no more.
            unsafe {
                let size = text::bytes(path).len() + 1;
                memory::release(path.cast_mut().cast::<c_void>(), size);
            }
        }
    }
    // SAFETY: the object is empty from here on.
    unsafe { release_list(object) };
    (object.count, object.room, object.list) = (0, 0, null_mut());
}

fn bytes(room: c_int) -> Result<usize, Errno> {
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

/// EBADF for a descriptor that is negative or not below OPEN_MAX (POSIX), the current
/// soft limit. Whether the source of a dup2 is open is known only in the child, but it
/// cannot be beyond the limit either. glibc's functions check it themselves.
fn check_descriptors(action: &Action) -> Result<(), Errno> {
    if file_actions::checks(action) {
        return Ok(());
    }
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
        Ok(fd) if fd < sched::open_max() => Ok(()),
        _ => Err(Errno::EBADF),
    }
}
