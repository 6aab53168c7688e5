// SPDX-License-Identifier: MIT OR Apache-2.0
//! `posix_spawnattr_*`. Where the layout of the libc's objects is not known, its own
//! functions are called.

use super::{libc_entry, or_number};
use crate::spawn::attr::{self, Sigset, SpawnAttributes};
use crate::spawn::foreign;
use crate::uapi::Errno;
use crate::uapi::sys::Pid;
use core::ffi::{CStr, c_int, c_short};

libc_entry!("posix_spawnattr_init" => init);
libc_entry!("posix_spawnattr_destroy" => destroy);

unsafe extern "C" fn init(object: *mut SpawnAttributes) -> c_int {
    // SAFETY: POSIX's contract.
    or_number(unsafe {
        if attr::are_known() {
            object.write(SpawnAttributes::INITIAL);
            Ok(())
        } else {
            foreign::of_object(c"posix_spawnattr_init", object)
        }
    })
}

unsafe extern "C" fn destroy(object: *mut SpawnAttributes) -> c_int {
    // SAFETY: POSIX's contract.
    or_number(unsafe {
        match attr::are_known() {
            true => Ok(()), // it holds numbers only
            false => foreign::of_object(c"posix_spawnattr_destroy", object),
        }
    })
}

/// A getter under its name.
macro_rules! getter {
    ($name:literal, $function:ident($type:ty), |$object:ident| $get:expr) => {
        libc_entry!($name => $function);

        unsafe extern "C" fn $function(object: *const SpawnAttributes, place: *mut $type) -> c_int {
            // SAFETY: the contract of <spawn.h>.
            or_number(unsafe {
                if attr::are_known() {
                    let $object = &*object;
                    place.write($get);
                    Ok(())
                } else {
                    foreign::of_word(const { name(concat!($name, "\0")) }, object, place as usize)
                }
            })
        }
    };
}

/// A setter with one argument, under its name.
macro_rules! setter {
    ($name:literal, $function:ident($value:ident: $type:ty), |$object:ident| $set:expr) => {
        libc_entry!($name => $function);

        unsafe extern "C" fn $function(object: *mut SpawnAttributes, $value: $type) -> c_int {
            // SAFETY: the contract of <spawn.h>.
            or_number(unsafe {
                if attr::are_known() {
                    let $object = &mut *object;
                    $set
                } else {
                    foreign::of_word(const { name(concat!($name, "\0")) }, object, $value as usize)
                }
            })
        }
    };
}

const fn name(with_nul: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(with_nul.as_bytes()) {
        Ok(name) => name,
        Err(_) => panic!("ends in the only NUL"), // while compiling
    }
}

/// Most setters only assign.
fn assign<T>(place: &mut T, value: T) -> Result<(), Errno> {
    *place = value;
    Ok(())
}

getter!("posix_spawnattr_getflags", get_flags(c_short), |object| object.flags());
getter!("posix_spawnattr_getpgroup", get_group(Pid), |object| object.group());
getter!("posix_spawnattr_getsigdefault", get_defaults(Sigset), |object| object.defaults);
getter!("posix_spawnattr_getsigmask", get_mask(Sigset), |object| object.mask);
// On Linux the priority is the only field of struct sched_param.
getter!("posix_spawnattr_getschedparam", get_priority(c_int), |object| object.priority);
getter!("posix_spawnattr_getschedpolicy", get_policy(c_int), |object| object.policy);
getter!("posix_spawnattr_getcgroup_np", get_cgroup(c_int), |object| object.cgroup());

setter!("posix_spawnattr_setflags", set_flags(flags: c_short), |object| {
    attr::set_flags(object, flags)
});
setter!("posix_spawnattr_setpgroup", set_group(group: Pid), |object| {
    object.set_group(group);
    Ok(())
});
setter!("posix_spawnattr_setsigdefault", set_defaults(set: *const Sigset), |object| {
    assign(&mut object.defaults, set.read())
});
setter!("posix_spawnattr_setsigmask", set_mask(set: *const Sigset), |object| {
    assign(&mut object.mask, set.read())
});
setter!("posix_spawnattr_setschedparam", set_priority(param: *const c_int), |object| {
    assign(&mut object.priority, param.read())
});
setter!("posix_spawnattr_setschedpolicy", set_policy(policy: c_int), |object| {
    attr::set_policy(object, policy)
});
setter!("posix_spawnattr_setcgroup_np", set_cgroup(directory: c_int), |object| {
    object.set_cgroup(directory);
    Ok(())
});
