// SPDX-License-Identifier: MIT OR Apache-2.0
//! `posix_spawn_file_actions_t`: the libc's own object, which its own functions fill. So
//! it works with this library's functions and with the libc's posix_spawn, which objects
//! that see no other definition call; and the one that destroys it frees it.
//!
//! How the libc keeps its list is private to it, so a list of one action of each kind
//! is made first, and must read as it was made. What the libc has no function for is
//! put into its list as a dup2 that cannot succeed, by a number which no function
//! takes: we know what it stands for, and the libc's posix_spawn fails with EBADF
//! instead of leaving it out.
//!
//! A static program has no functions but ours, and a list of our own (`spawn::actions`);
//! but for one with libclone3-api, which is linked with the libc's.

use super::action_lists::{Action, List, Object, disguise, is_newest, mark_newest};
use super::{glibc, interposers, symbols};
use crate::base::text::Strings;
use crate::uapi::Errno;
use core::ffi::{c_char, c_int};
use core::mem::transmute;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicU8, AtomicUsize};

/// Whose the lists are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lists {
    /// Not known yet, or not to be read: the libc's.
    Hosts,
    /// The libc's, which [`action_lists`] reads.
    Read,
    /// Ours, as the libc has no functions for them.
    Ours,
}

static LISTS: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = 0;
const UNREADABLE: u8 = 1;
const READ: u8 = 2;
const OURS: u8 = 3;

/// Whose the lists are, as far as is known. Async-signal-safe.
pub fn lists() -> Lists {
    look_up();
    match LISTS.load(Acquire) {
        READ => Lists::Read,
        OURS => Lists::Ours,
        _ => Lists::Hosts,
    }
}

/// The libc's functions, by number; 0 until they are first wanted.
static FUNCTIONS: [AtomicUsize; 9] = [const { AtomicUsize::new(0) }; 9];
/// In the place of one that is not there.
const MISSING: usize = 1;

const NAMES: Strings = Strings::new(concat!(
    "posix_spawn_file_actions_init\0",
    "posix_spawn_file_actions_destroy\0",
    "posix_spawn_file_actions_addopen\0",
    "posix_spawn_file_actions_addclose\0",
    "posix_spawn_file_actions_adddup2\0",
    "posix_spawn_file_actions_addchdir_np\0",
    "posix_spawn_file_actions_addfchdir_np\0",
    "posix_spawn_file_actions_addclosefrom_np\0",
    "posix_spawn_file_actions_addtcsetpgrp_np\0",
));

const INIT: usize = 0;
const DESTROY: usize = 1;
const DUP2: usize = 4;

/// `int f(object *)`.
type OfObject = unsafe extern "C" fn(*mut Object) -> c_int;
/// `int f(object *, int)`.
type OfOne = unsafe extern "C" fn(*mut Object, c_int) -> c_int;
/// `int f(object *, int, int)`.
type OfTwo = unsafe extern "C" fn(*mut Object, c_int, c_int) -> c_int;
/// `int f(object *, const char *)`.
type OfPath = unsafe extern "C" fn(*mut Object, *const c_char) -> c_int;
/// `int f(object *, int, const char *, int, mode_t)`.
type OfOpen = unsafe extern "C" fn(*mut Object, c_int, *const c_char, c_int, u32) -> c_int;

fn function(number: usize) -> Result<usize, Errno> {
    look_up();
    match FUNCTIONS.get(number).map_or(0, |place| place.load(Relaxed)) {
        0 | MISSING => Err(Errno::EINVAL),
        address => Ok(address),
    }
}

fn check(number: c_int) -> Result<(), Errno> {
    if number == 0 { Ok(()) } else { Err(Errno(number)) }
}

/// Looks the libc's functions up, once. Async-signal-safe once the library has been loaded.
fn look_up() {
    let [.., last] = &FUNCTIONS;
    if last.load(Acquire) == 0 {
        look_up_anew();
    }
}

#[cold]
fn look_up_anew() {
    let libc = interposers::libc();
    let linked = symbols::linked_host().map_or([0; 9], |linked| linked.file_actions);
    for (number, (name, linked)) in NAMES.iter().zip(linked).enumerate() {
        let found =
            libc.as_ref().map_or(linked, |(libc, tables)| libc.function_of(tables, name).addr());
        if number == DUP2 && found == 0 {
            LISTS.store(OURS, Release);
        }
        if let Some(place) = FUNCTIONS.get(number) {
            place.store(found.max(MISSING), Release);
        }
    }
}

/// The libc's init.
///
/// # Safety
/// `object` must be memory for one.
pub unsafe fn init(object: *mut Object) -> Result<(), Errno> {
    // SAFETY: POSIX's prototype, and the contract.
    check(unsafe { transmute::<usize, OfObject>(function(INIT)?)(object) })
}

/// The libc's destroy.
///
/// # Safety
/// `object` must be one that is filled by the libc.
pub unsafe fn destroy(object: *mut Object) -> Result<(), Errno> {
    // SAFETY: POSIX's prototype, and the contract.
    check(unsafe { transmute::<usize, OfObject>(function(DESTROY)?)(object) })
}

/// Adds by the libc's function, or in disguise where it has none and the list is read;
/// EINVAL otherwise.
///
/// # Safety
/// `object` must be one that is filled by the libc, a path a string.
pub unsafe fn add(object: *mut Object, action: &Action) -> Result<(), Errno> {
    let found = function(number_of(action));
    if let (Err(_), Lists::Read, Some((code, fd))) = (found, lists(), disguise(action)) {
        // SAFETY: by the contract.
        return unsafe { add_disguised(object, code, fd) };
    }
    let found = found?;
    // SAFETY: functions of these names have these prototypes (POSIX, glibc's <spawn.h>);
    // the rest is the contract.
    check(unsafe {
        match *action {
            Action::Open { fd, path, flags, mode } => {
                transmute::<usize, OfOpen>(found)(object, fd, path, flags, mode)
            }
            Action::Dup2 { from, to } => transmute::<usize, OfTwo>(found)(object, from, to),
            Action::Chdir { path } => transmute::<usize, OfPath>(found)(object, path),
            Action::Close { fd }
            | Action::Fchdir { fd }
            | Action::CloseFrom { first: fd }
            | Action::TakeTerminal { fd } => transmute::<usize, OfOne>(found)(object, fd),
        }
    })
}

/// Whether the libc's function looks at the descriptors: glibc's, but that of fchdir.
pub fn checks(action: &Action) -> bool {
    glibc::is_host()
        && !matches!(action, Action::Fchdir { .. })
        && function(number_of(action)).is_ok()
}

fn number_of(action: &Action) -> usize {
    match action {
        Action::Open { .. } => 2,
        Action::Close { .. } => 3,
        Action::Dup2 { .. } => DUP2,
        Action::Chdir { .. } => 5,
        Action::Fchdir { .. } => 6,
        Action::CloseFrom { .. } => 7,
        Action::TakeTerminal { .. } => 8,
    }
}

/// # Safety
/// As [`add`], with lists that are read.
unsafe fn add_disguised(object: *mut Object, code: c_int, fd: c_int) -> Result<(), Errno> {
    // SAFETY: by the contract; the list has a last entry then, a dup2.
    unsafe {
        add(object, &Action::Dup2 { from: 0, to: fd })?;
        mark_newest(&*object, code);
    }
    Ok(())
}

/// Finds out whether the libc's lists are as we know them. What goes wrong besides is
/// tried again the next time.
///
/// Not async-signal-safe.
pub fn learn() {
    look_up();
    if LISTS.load(Acquire) != UNKNOWN {
        return;
    }
    let mut object = Object::EMPTY;
    // SAFETY: an object of this frame's.
    let verdict = unsafe {
        init(&raw mut object).and_then(|()| {
            let verdict = reads_as_made(&mut object);
            destroy(&raw mut object).and(verdict)
        })
    };
    if let Ok(read) = verdict {
        LISTS.store(if read { READ } else { UNREADABLE }, Release);
    }
}

/// One action of each kind. The descriptors are such that every process may have.
fn samples() -> [Action; 7] {
    [
        Action::Close { fd: 1 },
        Action::Dup2 { from: 0, to: 2 },
        Action::Open { fd: 1, path: c"a".as_ptr(), flags: libc::O_APPEND, mode: 0o640 },
        Action::Chdir { path: c"b".as_ptr() },
        Action::Fchdir { fd: 2 },
        Action::CloseFrom { first: 1 },
        Action::TakeTerminal { fd: 2 },
    ]
}

/// # Safety
/// An object that the libc has initialised.
unsafe fn reads_as_made(object: &mut Object) -> Result<bool, Errno> {
    let mut made = 0;
    for sample in &samples() {
        if function(number_of(sample)).is_ok() {
            // SAFETY: by the contract.
            unsafe { add(object, sample) }?;
            made += 1;
        }
    }
    let expected = match glibc::is_host() {
        true => (made..=c_int::MAX, made),
        false => (0..=0, 0),
    };
    if object.list.is_null() || !expected.0.contains(&object.room) || object.count != expected.1 {
        return Ok(false);
    }
    // Compared one by one, so that nothing is read behind what was not as expected.
    // SAFETY: what is compared so far is as in the libcs we know.
    let mut list = unsafe {
        if !glibc::is_host() && !is_newest(object, made) {
            return Ok(false);
        }
        List::of(object)
    };
    let samples = samples();
    let mut expected = samples.iter().filter(|sample| function(number_of(sample)).is_ok());
    Ok(expected.all(|sample| list.next().is_some_and(|read| same(&read, sample)))
        && list.next().is_none())
}

fn same(read: &Action, made: &Action) -> bool {
    // SAFETY: both are strings of one letter, if all before the path was right.
    let alike = |one: *const c_char, other: *const c_char| unsafe {
        !one.is_null() && *one == *other && *one.add(1) == 0
    };
    match (*read, *made) {
        (Action::Open { path, .. }, Action::Open { fd, path: other, flags, mode }) => {
            *read == Action::Open { fd, path, flags, mode } && alike(path, other)
        }
        (Action::Chdir { path }, Action::Chdir { path: other }) => alike(path, other),
        _ => read == made,
    }
}
