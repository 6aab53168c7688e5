// SPDX-License-Identifier: MIT OR Apache-2.0
//! Objects of a libc whose layout is not known. The libc's own functions are called: to
//! read attributes, and for the whole spawn where it alone can read the file actions.
//! EINVAL if it has no such function.
//!
//! Not async-signal-safe, because the functions are looked up.

use super::actions::FileActions;
use super::attr::{SpawnAttributes, flags};
use super::call::Call;
use crate::host::functions::look_up;
use crate::host::spawn_attributes::Param;
use crate::uapi::Errno;
use crate::uapi::exec::Strings;
use crate::uapi::sys::Pid;
use core::ffi::{CStr, c_char, c_int, c_short, c_void};
use core::mem::transmute;

/// `int f(object *)`.
type OfObject = unsafe extern "C" fn(*mut c_void) -> c_int;
/// `int f(object *, T)`, of one word.
type OfWord = unsafe extern "C" fn(*mut c_void, usize) -> c_int;
/// `posix_spawn` and its variants; some store a pid and some a pidfd.
type Spawn = unsafe extern "C" fn(
    *mut c_int,
    *const c_char,
    *const FileActions,
    *const SpawnAttributes,
    Strings,
    Strings,
) -> c_int;

fn check(number: c_int) -> Result<(), Errno> {
    if number == 0 { Ok(()) } else { Err(Errno(number)) }
}

fn found(name: &CStr) -> Result<*const c_void, Errno> {
    let function = look_up(name);
    if function.is_null() { Err(Errno::EINVAL) } else { Ok(function) }
}

/// Calls the host's function that takes an object only.
///
/// # Safety
/// A function of that name and prototype must take the object.
pub unsafe fn of_object<T>(name: &CStr, object: *mut T) -> Result<(), Errno> {
    let function = found(name)?;
    // SAFETY: by the contract.
    check(unsafe { transmute::<*const c_void, OfObject>(function)(object.cast()) })
}

/// Calls the host's function that takes an object and a word: a pointer, or a number, of
/// which the callee reads only the bits of its type.
///
/// # Safety
/// A function of that name and prototype must take them.
pub unsafe fn of_word<T>(name: &CStr, object: *const T, word: usize) -> Result<(), Errno> {
    let function = found(name)?;
    // SAFETY: by the contract; the ABIs here pass an int in a register or stack slot
    // of a word.
    check(unsafe { transmute::<*const c_void, OfWord>(function)(object.cast_mut().cast(), word) })
}

/// The contents of an object of the host's, in the known layout.
///
/// # Safety
/// The object must be one that the host's init made.
pub unsafe fn read(object: *const SpawnAttributes) -> Result<SpawnAttributes, Errno> {
    let mut read = SpawnAttributes::INITIAL;
    let (mut flags, mut group, mut cgroup): (c_short, Pid, c_int) = (0, 0, 0);
    // SAFETY: getters of the host's, each with a place of the type it fills.
    unsafe {
        let get = |name, place: usize| of_word(name, object, place);
        get(c"posix_spawnattr_getflags", &raw mut flags as usize)?;
        get(c"posix_spawnattr_getpgroup", &raw mut group as usize)?;
        get(c"posix_spawnattr_getsigdefault", &raw mut read.defaults as usize)?;
        get(c"posix_spawnattr_getsigmask", &raw mut read.mask as usize)?;
        if flags & (flags::SETSCHEDPARAM | flags::SETSCHEDULER) != 0 {
            let mut param = Param::default();
            get(c"posix_spawnattr_getschedparam", &raw mut param as usize)?;
            read.priority = param[0];
            get(c"posix_spawnattr_getschedpolicy", &raw mut read.policy as usize)?;
        }
        if flags & flags::SETCGROUP != 0 {
            get(c"posix_spawnattr_getcgroup_np", &raw mut cgroup as usize)?;
        }
    }
    read.set_flags(flags);
    read.set_group(group);
    read.set_cgroup(cgroup);
    Ok(read)
}

/// A call whose file actions only the host can read, passed on to the host's function.
///
/// # Safety
/// As posix_spawn(3) has it.
#[cold]
#[inline(never)] // the object is large
pub unsafe fn spawn(call: &Call, pidfd: Option<&mut c_int>) -> Result<Pid, Errno> {
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
        function(place, call.file, call.actions, call.attributes, call.argv, call.envp)
    })?;
    Ok(pid)
}
