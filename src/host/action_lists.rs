// SPDX-License-Identifier: MIT OR Apache-2.0
//! How the libcs keep file actions (glibc 2.31 to 2.43, musl 1.2), which is private to
//! them; `file_actions` looks whether it is so.

use super::glibc;
use core::ffi::{c_char, c_int, c_void};
use core::ptr::null_mut;

/// `posix_spawn_file_actions_t`. Both libcs have a list behind two numbers and the same size: 80 bytes,
/// 76 where pointers have 32 bits.
#[repr(C)]
pub struct Object {
    /// glibc's room; 0 in musl; ours in a static program.
    pub room: c_int,
    /// How many there are; 0 in musl.
    pub count: c_int,
    /// Null where there are none.
    pub list: *mut c_void,
    padding: [c_int; 16],
}

const _: () =
    assert!(size_of::<Object>() == if cfg!(target_pointer_width = "64") { 80 } else { 76 });

impl Object {
    /// Nothing in it, whosever it is.
    pub const EMPTY: Object = Object { room: 0, count: 0, list: null_mut(), padding: [0; 16] };
}

/// Something done to the child's files, in the order they were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The file, opened as this descriptor.
    Open { fd: c_int, path: *const c_char, flags: c_int, mode: u32 },
    /// Closed, if it is open.
    Close { fd: c_int },
    /// `to` becomes a copy of `from`, to stay open over exec; that also where
    /// they are the same.
    Dup2 { from: c_int, to: c_int },
    /// The working directory.
    Chdir { path: *const c_char },
    /// The working directory, by a descriptor.
    Fchdir { fd: c_int },
    /// Closed, with all above it.
    CloseFrom { first: c_int },
    /// The child's process group becomes the foreground of this terminal.
    TakeTerminal { fd: c_int },
}

impl Action {
    /// What an action is read as that we do not know: none that can succeed.
    const UNKNOWN: Action = Action::Dup2 { from: -1, to: -1 };

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

/// No descriptors, and taken by no function as such.
const CLOSE_FROM: c_int = c_int::MIN + 0x636c;
const TAKE_TERMINAL: c_int = c_int::MIN + 0x7470;

/// What stands for an action that the libc may not have: the descriptors of a dup2.
pub fn disguise(action: &Action) -> Option<(c_int, c_int)> {
    match *action {
        Action::CloseFrom { first } => Some((CLOSE_FROM, first)),
        Action::TakeTerminal { fd } => Some((TAKE_TERMINAL, fd)),
        _ => None,
    }
}

fn undisguised(from: c_int, to: c_int) -> Action {
    match from {
        CLOSE_FROM => Action::CloseFrom { first: to },
        TAKE_TERMINAL => Action::TakeTerminal { fd: to },
        _ => Action::Dup2 { from, to },
    }
}

/// glibc's entries lie one behind the other.
#[repr(C)]
struct GlibcEntry {
    kind: c_int,
    body: GlibcBody,
}

#[repr(C)]
union GlibcBody {
    fds: [c_int; 2],
    open: GlibcOpen,
    path: *const c_char,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct GlibcOpen {
    fd: c_int,
    path: *const c_char,
    flags: c_int,
    mode: u32,
}

/// musl's are linked, the newest first.
#[repr(C)]
struct MuslEntry {
    older: *const MuslEntry,
    newer: *const MuslEntry,
    kind: c_int,
    fd: c_int,
    from: c_int,
    flags: c_int,
    mode: u32,
    path: [c_char; 0],
}

/// Makes the newest entry, a dup2, one from `code`.
///
/// # Safety
/// The object must have such an entry, and lists be read.
pub unsafe fn mark_newest(object: &Object, code: c_int) {
    // SAFETY: by the contract.
    unsafe {
        if glibc::is_host() {
            let last = object.list.cast::<GlibcEntry>().offset(object.count as isize - 1);
            (*last).body.fds[0] = code;
        } else {
            (*object.list.cast::<MuslEntry>()).from = code;
        }
    }
}

/// Whether musl's list begins with the last of `made` samples.
///
/// # Safety
/// The object must have a list.
pub unsafe fn is_newest(object: &Object, made: c_int) -> bool {
    // SAFETY: by the contract; an entry is as large as musl's.
    let entry = unsafe { &*object.list.cast::<MuslEntry>() };
    entry.newer.is_null() && entry.kind == made && entry.fd == 2 && !entry.older.is_null()
}

/// The actions of an object of the libc's, in their order.
#[derive(Clone, Copy)]
pub enum List {
    /// As many from there.
    Glibc(*const c_void, c_int),
    /// That and the newer ones.
    Musl(*const c_void),
}

impl List {
    /// All of an object's.
    ///
    /// # Safety
    /// `object` must be one that is filled by the libc, whose lists are read, and stay
    /// as it is while the list is used.
    pub unsafe fn of(object: &Object) -> List {
        if glibc::is_host() {
            return List::Glibc(object.list, if object.list.is_null() { 0 } else { object.count });
        }
        let mut oldest: *const MuslEntry = object.list.cast();
        // SAFETY: null or an entry of the list, by the contract.
        let older = |entry: *const MuslEntry| unsafe { entry.as_ref() }.map(|entry| entry.older);
        while let Some(older) = older(oldest).filter(|older| !older.is_null()) {
            oldest = older;
        }
        List::Musl(oldest.cast())
    }

    /// Whether all of it is known.
    pub fn is_known(mut self) -> bool {
        self.all(|action| action != Action::UNKNOWN)
    }
}

impl Iterator for List {
    type Item = Action;

    fn next(&mut self) -> Option<Action> {
        match self {
            List::Glibc(_, ..=0) => None,
            List::Glibc(at, left) => {
                let entry: *const GlibcEntry = at.cast();
                (*at, *left) = (entry.wrapping_add(1).cast(), *left - 1);
                // SAFETY: one of the list, by the contract of `of`.
                Some(unsafe { of_glibc(&*entry) })
            }
            List::Musl(at) => {
                // SAFETY: null or one of the list, by the contract of `of`.
                let entry = unsafe { at.cast::<MuslEntry>().as_ref() }?;
                *at = entry.newer.cast();
                Some(of_musl(entry))
            }
        }
    }
}

/// # Safety
/// An entry of glibc's, of which the kind says what is in it.
unsafe fn of_glibc(entry: &GlibcEntry) -> Action {
    let body = &entry.body;
    // SAFETY: by the contract.
    unsafe {
        match entry.kind {
            0 => Action::Close { fd: body.fds[0] },
            1 => undisguised(body.fds[0], body.fds[1]),
            2 => {
                let GlibcOpen { fd, path, flags, mode } = body.open;
                Action::Open { fd, path, flags, mode }
            }
            3 => Action::Chdir { path: body.path },
            4 => Action::Fchdir { fd: body.fds[0] },
            5 => Action::CloseFrom { first: body.fds[0] },
            6 => Action::TakeTerminal { fd: body.fds[0] },
            _ => Action::UNKNOWN,
        }
    }
}

fn of_musl(entry: &MuslEntry) -> Action {
    let &MuslEntry { fd, from, flags, mode, .. } = entry;
    let path = (&raw const entry.path).cast();
    match entry.kind {
        1 => Action::Close { fd },
        2 => undisguised(from, fd),
        3 => Action::Open { fd, path, flags, mode },
        4 => Action::Chdir { path },
        5 => Action::Fchdir { fd },
        _ => Action::UNKNOWN,
    }
}
