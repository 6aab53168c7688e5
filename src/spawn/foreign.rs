// SPDX-License-Identifier: MIT OR Apache-2.0
//! Objects that the host libc's own init made: before this library was loaded,
//! say. Nothing is known of what is in them, so the host's own functions are
//! asked: for attributes, which then serve us like our own; and for a whole spawn,
//! where the file actions are the host's. EINVAL where the host has no such
//! function.
//!
//! Not async-signal-safe: the functions are looked up.

use super::actions::FileActions;
use super::attr::{SpawnAttributes, flags};
use super::posix::Call;
use crate::host::functions::look_up;
use crate::uapi::Errno;
use crate::uapi::exec::Strings;
use crate::uapi::sys::Pid;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::{MaybeUninit, transmute};

/// `int f(object *)`.
type OfObject = unsafe extern "C" fn(*mut c_void) -> c_int;
/// `int f(object *, T)`, of one word.
type OfWord = unsafe extern "C" fn(*mut c_void, usize) -> c_int;
/// `posix_spawn` and its kin, of which some want a pid and some a pidfd.
type Spawn = unsafe extern "C" fn(
    *mut c_int,
    *const c_char,
    *const FileActions,
    *const SpawnAttributes,
    Strings,
    Strings,
) -> c_int;

/// `struct sched_param`: the priority, and what a libc may have behind it (44
/// bytes in musl).
type Param = [c_int; 16];

fn check(number: c_int) -> Result<(), Errno> {
    if number == 0 { Ok(()) } else { Err(Errno(number)) }
}

fn found(name: &CStr) -> Result<*const c_void, Errno> {
    let function = look_up(name);
    if function.is_null() { Err(Errno::EINVAL) } else { Ok(function) }
}

/// The host's function for an object alone.
///
/// # Safety
/// A function of that name and prototype must take the object.
pub unsafe fn of_object<T>(name: &CStr, object: *mut T) -> Result<(), Errno> {
    let function = found(name)?;
    // SAFETY: by the contract.
    check(unsafe { transmute::<*const c_void, OfObject>(function)(object.cast()) })
}

/// The host's function for an object and a word: a pointer, or a number, of which
/// a callee reads no more than its type has.
///
/// # Safety
/// A function of that name and prototype must take them.
pub unsafe fn of_word<T>(name: &CStr, object: *const T, word: usize) -> Result<(), Errno> {
    let function = found(name)?;
    // SAFETY: by the contract; the ABIs here pass an int in a register or stack slot
    // of a word.
    check(unsafe { transmute::<*const c_void, OfWord>(function)(object.cast_mut().cast(), word) })
}

/// The host's function for an object, an int, a string, an int and a mode.
///
/// # Safety
/// The object must be the host's file actions, the path a string.
pub unsafe fn add_open(
    object: *mut FileActions,
    fd: c_int,
    path: *const c_char,
    open_flags: c_int,
    mode: u32,
) -> Result<(), Errno> {
    type AddOpen =
        unsafe extern "C" fn(*mut FileActions, c_int, *const c_char, c_int, u32) -> c_int;
    let function = found(c"posix_spawn_file_actions_addopen")?;
    // SAFETY: POSIX's prototype, and the contract.
    check(unsafe {
        transmute::<*const c_void, AddOpen>(function)(object, fd, path, open_flags, mode)
    })
}

/// The host's function for an object and two descriptors.
///
/// # Safety
/// The object must be the host's file actions.
pub unsafe fn add_dup2(object: *mut FileActions, from: c_int, to: c_int) -> Result<(), Errno> {
    type AddDup2 = unsafe extern "C" fn(*mut FileActions, c_int, c_int) -> c_int;
    let function = found(c"posix_spawn_file_actions_adddup2")?;
    // SAFETY: POSIX's prototype, and the contract.
    check(unsafe { transmute::<*const c_void, AddDup2>(function)(object, from, to) })
}

/// What a foreign attributes object holds, as one of ours.
///
/// # Safety
/// The object must be one that the host's init made.
pub unsafe fn read(object: *const SpawnAttributes) -> Result<SpawnAttributes, Errno> {
    let mut read = SpawnAttributes::INITIAL;
    // SAFETY: getters of the host's, each with a place of the type it fills.
    unsafe {
        let get = |name, place: usize| of_word(name, object, place);
        get(c"posix_spawnattr_getflags", &raw mut read.flags as usize)?;
        get(c"posix_spawnattr_getpgroup", &raw mut read.group as usize)?;
        get(c"posix_spawnattr_getsigdefault", &raw mut read.defaults as usize)?;
        get(c"posix_spawnattr_getsigmask", &raw mut read.mask as usize)?;
        if read.flags & (flags::SETSCHEDPARAM | flags::SETSCHEDULER) != 0 {
            let mut param = Param::default();
            get(c"posix_spawnattr_getschedparam", &raw mut param as usize)?;
            read.priority = param[0];
            get(c"posix_spawnattr_getschedpolicy", &raw mut read.policy as usize)?;
        }
        if read.flags & flags::SETCGROUP != 0 {
            get(c"posix_spawnattr_getcgroup_np", &raw mut read.cgroup as usize)?;
        }
    }
    Ok(read)
}

/// The host's object with what one of ours holds.
///
/// # Safety
/// `host` must be an object that the host's init made.
unsafe fn write(ours: &SpawnAttributes, host: *mut SpawnAttributes) -> Result<(), Errno> {
    let mut param = Param::default();
    param[0] = ours.priority;
    // SAFETY: setters of the host's, each with what it takes.
    unsafe {
        let set = |name, word: usize| of_word(name, host, word);
        set(c"posix_spawnattr_setflags", ours.flags as usize)?;
        set(c"posix_spawnattr_setpgroup", ours.group as usize)?;
        set(c"posix_spawnattr_setsigdefault", &raw const ours.defaults as usize)?;
        set(c"posix_spawnattr_setsigmask", &raw const ours.mask as usize)?;
        if ours.flags & (flags::SETSCHEDPARAM | flags::SETSCHEDULER) != 0 {
            set(c"posix_spawnattr_setschedparam", &raw const param as usize)?;
            set(c"posix_spawnattr_setschedpolicy", ours.policy as usize)?;
        }
        if ours.flags & flags::SETCGROUP != 0 {
            set(c"posix_spawnattr_setcgroup_np", ours.cgroup as usize)?;
        }
    }
    Ok(())
}

/// A call whose file actions are the host's, made by the host's function.
///
/// # Safety
/// As posix_spawn(3) has it.
#[cold]
#[inline(never)] // the object is large
pub unsafe fn spawn(call: &Call, pidfd: Option<&mut c_int>) -> Result<Pid, Errno> {
    let attributes = call.attributes;
    // SAFETY: null or an object of somebody's.
    if attributes.is_null() || unsafe { !SpawnAttributes::is_ours(attributes) } {
        // SAFETY: by the contract.
        return unsafe { spawn_with(call, attributes, pidfd) };
    }
    let mut room = MaybeUninit::<SpawnAttributes>::zeroed();
    let host = room.as_mut_ptr();
    // SAFETY: an object of the host's size, made and ended by its functions; ours
    // is read only.
    unsafe {
        of_object(c"posix_spawnattr_init", host)?;
        let outcome =
            write(&*attributes, host).and_then(|()| spawn_with(call, host.cast_const(), pidfd));
        _ = of_object(c"posix_spawnattr_destroy", host);
        outcome
    }
}

/// # Safety
/// As [`spawn`], with objects of the host's.
unsafe fn spawn_with(
    call: &Call,
    attributes: *const SpawnAttributes,
    pidfd: Option<&mut c_int>,
) -> Result<Pid, Errno> {
    let function = found(match (call.search, pidfd.is_some()) {
        (false, false) => c"posix_spawn",
        (true, false) => c"posix_spawnp",
        (false, true) => c"pidfd_spawn",
        (true, true) => c"pidfd_spawnp",
    })?;
    let mut pid: c_int = 0;
    let place = pidfd.map_or(&raw mut pid, |place| &raw mut *place);
    // SAFETY: by the contract.
    check(unsafe {
        let function = transmute::<*const c_void, Spawn>(function);
        function(place, call.file, call.actions, attributes, call.argv, call.envp)
    })?;
    Ok(pid)
}
