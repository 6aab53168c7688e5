// SPDX-License-Identifier: MIT OR Apache-2.0
//! Others who stand in for functions of the libc, between us and the libc in load
//! order: another preload, a sanitizer, a library of the program's. Without us the
//! program's calls would go to them, so ours pass such calls on. What an object
//! defines that comes before us never reaches us; what comes behind the libc never
//! reaches it.
//!
//! Each name has a slot, which its entry (`arch::passing_entry!`) jumps through. All
//! are filled when the library is loaded, or by the first call if a constructor of
//! another object makes it before that. Objects that are opened later come behind the
//! libc. From then on a call takes no lock.

use super::elf::{self, Object};
use super::symbols;
use super::tables::{Name, Tables};
use crate::arch::passing_start;
use core::ffi::{CStr, c_void};
use core::ptr::{null, null_mut};
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering::Relaxed};

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
        static NAMES: [Name; COUNT] = [$(Name::new($name)),+];
        const TEXTS: [&CStr; COUNT] = [$($name),+];
        const COUNT: usize = [$($name),+].len();
    };
}

names! {
    c"_Fork"
    c"__clone"
    c"__fork"
    c"__register_atfork"
    c"__vfork"
    c"clone"
    c"fork"
    c"forkpty"
    c"pclose"
    c"pidfd_getpid"
    c"pidfd_spawn"
    c"pidfd_spawnp"
    c"popen"
    c"posix_spawn"
    c"posix_spawn_file_actions_addchdir"
    c"posix_spawn_file_actions_addchdir_np"
    c"posix_spawn_file_actions_addclose"
    c"posix_spawn_file_actions_addclosefrom_np"
    c"posix_spawn_file_actions_adddup2"
    c"posix_spawn_file_actions_addfchdir"
    c"posix_spawn_file_actions_addfchdir_np"
    c"posix_spawn_file_actions_addopen"
    c"posix_spawn_file_actions_addtcsetpgrp_np"
    c"posix_spawn_file_actions_destroy"
    c"posix_spawn_file_actions_init"
    c"posix_spawnattr_destroy"
    c"posix_spawnattr_getcgroup_np"
    c"posix_spawnattr_getflags"
    c"posix_spawnattr_getpgroup"
    c"posix_spawnattr_getschedparam"
    c"posix_spawnattr_getschedpolicy"
    c"posix_spawnattr_getsigdefault"
    c"posix_spawnattr_getsigmask"
    c"posix_spawnattr_init"
    c"posix_spawnattr_setcgroup_np"
    c"posix_spawnattr_setflags"
    c"posix_spawnattr_setpgroup"
    c"posix_spawnattr_setschedparam"
    c"posix_spawnattr_setschedpolicy"
    c"posix_spawnattr_setsigdefault"
    c"posix_spawnattr_setsigmask"
    c"posix_spawnp"
    c"pthread_atfork"
    c"syscall"
    c"system"
    c"vfork"
    // From here on watched ones.
    c"_Exit"
    c"_exit"
    c"execl"
    c"execle"
    c"execlp"
    c"execv"
    c"execve"
    c"execveat"
    c"execvp"
    c"execvpe"
    c"fexecve"
    c"quick_exit"
    c"wait"
    c"wait3"
    c"wait4"
    c"waitid"
    c"waitpid"
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
    for (slot, libcs) in SLOTS.iter().skip(FIRST_WATCHED).zip(&WATCHED) {
        if slot.load(Relaxed) == libcs.load(Relaxed) {
            slot.store(null_mut(), Relaxed);
        }
    }
}

/// The libc's own function of a watched name, by its [`index`].
pub fn watched(index: usize) -> Option<*mut c_void> {
    let function = WATCHED.get(index.checked_sub(FIRST_WATCHED)?)?.load(Relaxed);
    (!function.is_null()).then_some(function)
}

/// The number of a name's slot.
pub const fn index(name: &str) -> usize {
    let mut at = 0;
    while at < COUNT {
        if equal(TEXTS[at].to_bytes(), name.as_bytes()) {
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

/// Fills all slots. Not async-signal-safe: the loader takes its lock.
#[cfg_attr(not(test), unsafe(link_section = ".text.entry"))]
pub extern "C" fn fill() {
    let mut found = [null::<c_void>(); COUNT];
    if let Some((libc, tables)) = libc() {
        elf::between((&raw const SLOTS).cast(), &libc, &mut |object| {
            if let Some(others) = object.tables().filter(|others| !others.is_called(&PARTS)) {
                for (place, name) in found.iter_mut().zip(&NAMES) {
                    if place.is_null() {
                        *place = object.function_instead(&others, name, &tables);
                    }
                }
            }
        });
        pair(&mut found, &libc);
        pass_watched(&mut found, &libc, &tables);
    }
    for (slot, found) in SLOTS.iter().zip(found) {
        slot.store(found.cast_mut(), Relaxed);
    }
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
    let watched = found.iter_mut().zip(TEXTS).skip(FIRST_WATCHED);
    for ((place, name), kept) in watched.zip(&WATCHED) {
        let libcs = libc.function_of(tables, name);
        kept.store(libcs.cast_mut(), Relaxed);
        if place.is_null() && !is_watching {
            *place = libcs;
        }
    }
}

/// The libc and its tables; None in a static program.
pub fn libc() -> Option<(Object, Tables)> {
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
    let tables = libc.tables()?;
    Some((libc, tables))
}
