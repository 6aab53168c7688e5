// SPDX-License-Identifier: MIT OR Apache-2.0
//! Others who stand in for functions of the libc, between us and the libc in load
//! order: another preload, a sanitizer, a library of the program's. Without us the
//! program's calls would go to them, so ours pass such calls on. What an object
//! defines that comes before us never reaches us; what comes behind the libc never
//! reaches it.
//!
//! Each name has a slot, which its entry (`arch::passing_entry!`) jumps through. They
//! are filled when the library is loaded, or by the first call if a constructor of
//! another object makes it before that; those that are surely the libc's own, when one is
//! first called. Objects that are opened later come behind the libc. From then on a call
//! takes no lock.

use super::elf::{self, Object, Place};
use super::symbols;
use super::tables::{Name, Tables};
use crate::arch::passing_start;
use crate::base::text::Strings;
use core::ffi::{CStr, c_void};
use core::ptr::{null, null_mut};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8};

/// Where a call of each of [`NAMES`] goes: null for our own function.
pub static SLOTS: [AtomicPtr<c_void>; COUNT] =
    [const { AtomicPtr::new(clone3_passing_start as *mut c_void) }; COUNT];

passing_start!("clone3_passing_start", fill);

unsafe extern "C" {
    /// What all slots hold at first: calls [`fill`] and goes on as it says.
    fn clone3_passing_start();
}

macro_rules! names {
    ($($name:literal)+) => {
        /// The names that are passed on.
        const NAMES: Strings = Strings::new(concat!($($name, "\0"),+));
        const TEXTS: [&str; COUNT] = [$($name),+];
        const COUNT: usize = [$($name),+].len();
    };
}

names! {
    "_Fork"
    "__clone"
    "__fork"
    "__register_atfork"
    "__vfork"
    "clone"
    "daemon"
    "fork"
    "forkpty"
    "pclose"
    "pidfd_getpid"
    "pidfd_spawn"
    "pidfd_spawnp"
    "popen"
    "posix_spawn"
    "posix_spawn_file_actions_addchdir"
    "posix_spawn_file_actions_addchdir_np"
    "posix_spawn_file_actions_addclose"
    "posix_spawn_file_actions_addclosefrom_np"
    "posix_spawn_file_actions_adddup2"
    "posix_spawn_file_actions_addfchdir"
    "posix_spawn_file_actions_addfchdir_np"
    "posix_spawn_file_actions_addopen"
    "posix_spawn_file_actions_addtcsetpgrp_np"
    "posix_spawn_file_actions_destroy"
    "posix_spawn_file_actions_init"
    "posix_spawnattr_destroy"
    "posix_spawnattr_getcgroup_np"
    "posix_spawnattr_getflags"
    "posix_spawnattr_getpgroup"
    "posix_spawnattr_getschedparam"
    "posix_spawnattr_getschedpolicy"
    "posix_spawnattr_getsigdefault"
    "posix_spawnattr_getsigmask"
    "posix_spawnattr_init"
    "posix_spawnattr_setcgroup_np"
    "posix_spawnattr_setflags"
    "posix_spawnattr_setpgroup"
    "posix_spawnattr_setschedparam"
    "posix_spawnattr_setschedpolicy"
    "posix_spawnattr_setsigdefault"
    "posix_spawnattr_setsigmask"
    "posix_spawnp"
    "pthread_atfork"
    "syscall"
    "system"
    "vfork"
    // From here on watched ones.
    "_Exit"
    "_exit"
    "execl"
    "execle"
    "execlp"
    "execv"
    "execve"
    "execveat"
    "execvp"
    "execvpe"
    "fexecve"
    "quick_exit"
    "wait"
    "wait3"
    "wait4"
    "waitid"
    "waitpid"
    "wordexp"
}

/// The first name that stays the libc's own unless a trace is recorded: this library's
/// functions only record the call and call the libc's.
const FIRST_WATCHED: usize = index("_Exit");

/// Whether they come to us.
static WATCHING: AtomicBool = AtomicBool::new(false);

/// The libc's own functions of the watched names; null for one that it has not.
static WATCHED: [AtomicPtr<c_void>; COUNT - FIRST_WATCHED] =
    [const { AtomicPtr::new(null_mut()) }; COUNT - FIRST_WATCHED];

/// From here on calls of the watched names reach this library, except names that another
/// object interposes.
pub fn watch() {
    WATCHING.store(true, Relaxed);
    if FILLED.load(Acquire) == UNWATCHED {
        fill_watched();
    }
    for (slot, libcs) in SLOTS.iter().skip(FIRST_WATCHED).zip(&WATCHED) {
        if slot.load(Relaxed) == libcs.load(Relaxed) {
            slot.store(null_mut(), Relaxed);
        }
    }
}

/// The libc's own function of a watched name, by its [`index`].
pub fn watched(index: usize) -> Option<*mut c_void> {
    if FILLED.load(Acquire) == UNWATCHED {
        fill_watched();
    }
    let function = WATCHED.get(index.checked_sub(FIRST_WATCHED)?)?.load(Relaxed);
    (!function.is_null()).then_some(function)
}

/// The number of a name's slot.
pub const fn index(name: &str) -> usize {
    let mut at = 0;
    while at < COUNT {
        if equal(TEXTS[at].as_bytes(), name.as_bytes()) {
            return at;
        }
        at += 1;
    }
    panic!("in the list") // while compiling
}

const fn equal(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

fn slot(index: usize) -> *mut c_void {
    SLOTS.get(index).map_or(null_mut(), |slot| slot.load(Relaxed))
}

/// Whether registrations of fork handlers go to another definition first.
pub fn take_handlers() -> bool {
    !slot(const { index("__register_atfork") }).is_null()
        || !slot(const { index("pthread_atfork") }).is_null()
}

/// Parts of glibc that come before it in load order, and have some of the names:
/// before glibc 2.34.
const PARTS: [&CStr; 2] = [c"libpthread.so.0", c"libutil.so.1"];

/// How far the slots are filled.
static FILLED: AtomicU8 = AtomicU8::new(NONE);
const NONE: u8 = 0;
/// All but those of watched names, which are the libc's own functions: they are looked up
/// when one is first called.
const UNWATCHED: u8 = 1;
const ALL: u8 = 2;

/// Fills the slots. Not async-signal-safe before the library has been loaded: the loader takes
/// its lock.
#[cfg_attr(not(test), unsafe(link_section = ".text.entry"))]
pub extern "C" fn fill() {
    match FILLED.load(Acquire) {
        NONE => fill_all(),
        _ => fill_watched(),
    }
}

#[cfg_attr(not(test), unsafe(link_section = ".text.entry"))]
fn fill_all() {
    let mut found = [null::<c_void>(); COUNT];
    let mut are_alone = true;
    let libc = libc();
    if let Some((libc, tables)) = &libc {
        elf::between((&raw const SLOTS).cast(), libc, &mut |object| {
            if let Some(others) = object.tables().filter(|others| !others.is_called(&PARTS)) {
                are_alone = false;
                for (place, name) in found.iter_mut().zip(NAMES.iter()) {
                    if place.is_null() {
                        *place = object.function_instead(&others, &Name::new(name), tables);
                    }
                }
            }
        });
        pair(&mut found, libc);
    }
    let late = are_alone && libc.is_some() && !WATCHING.load(Relaxed);
    if let (false, Some((libc, tables))) = (late, &libc) {
        pass_watched(&mut found, libc, tables);
    }
    let count = if late { FIRST_WATCHED } else { COUNT };
    for (slot, found) in SLOTS.iter().zip(found).take(count) {
        slot.store(found.cast_mut(), Relaxed);
    }
    FILLED.store(if late { UNWATCHED } else { ALL }, Release);
}

/// Fills the slots of the watched names with the libc's functions. Takes no lock, and little
/// stack: a child may be the first to call one.
#[cold]
#[inline(never)]
fn fill_watched() {
    let Some((libc, tables)) = libc() else { return };
    let names = const { NAMES.without(FIRST_WATCHED) }.iter();
    for ((slot, name), kept) in SLOTS.iter().skip(FIRST_WATCHED).zip(names).zip(&WATCHED) {
        let libcs = libc.function_of(&tables, name).cast_mut();
        kept.store(libcs, Relaxed);
        // What `watch` has set stays.
        let start = clone3_passing_start as *mut c_void;
        let _ = slot.compare_exchange(start, libcs, Relaxed, Relaxed);
    }
    FILLED.store(ALL, Release);
}

/// A stream is closed by that pclose which knows of its popen: where only pclose is
/// another's, it would hand ours to the libc, so the libc's popen makes it.
fn pair(found: &mut [*const c_void; COUNT], libc: &Object) {
    let [popen, pclose] = const { [index("popen"), index("pclose")] };
    let closed_by_another = found.get(pclose).is_some_and(|other| !other.is_null());
    match found.get_mut(popen) {
        Some(place) if closed_by_another && place.is_null() => *place = libc.function(c"popen"),
        _ => (),
    }
}

/// Watched names are the libc's own, unless another object interposes them or a trace is
/// recorded.
fn pass_watched(found: &mut [*const c_void; COUNT], libc: &Object, tables: &Tables) {
    let is_watching = WATCHING.load(Relaxed);
    let names = const { NAMES.without(FIRST_WATCHED) }.iter();
    for ((place, name), kept) in found.iter_mut().skip(FIRST_WATCHED).zip(names).zip(&WATCHED) {
        let libcs = libc.function_of(tables, name);
        kept.store(libcs.cast_mut(), Relaxed);
        if place.is_null() && !is_watching {
            *place = libcs;
        }
    }
}

/// Where the libc is, once it has been found. It is never unloaded.
static LIBC: Place = Place::new();
/// There is none: a static program.
static NO_LIBC: AtomicBool = AtomicBool::new(false);

/// The libc and its tables; None in a static program.
///
/// Async-signal-safe once the library has been loaded: no lock is taken then.
pub fn libc() -> Option<(Object, Tables)> {
    let libc = match LIBC.get() {
        Some(libc) => libc,
        None if NO_LIBC.load(Relaxed) => return None,
        None => find_libc().or_else(|| {
            NO_LIBC.store(true, Relaxed);
            None
        })?,
    };
    let tables = libc.tables()?;
    Some((libc, tables))
}

fn find_libc() -> Option<Object> {
    // Before glibc 2.34 libpthread has an __errno_location too, and is not what is
    // looked for here.
    let within = match symbols::gnu_get_libc_version() {
        Some(glibcs) => glibcs as *const c_void,
        None => symbols::errno_location()? as *const c_void,
    };
    let libc = elf::object_of(within)?;
    if libc.contains((&raw const SLOTS).addr()) {
        return None;
    }
    LIBC.set(&libc);
    Some(libc)
}
