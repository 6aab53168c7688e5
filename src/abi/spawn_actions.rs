// SPDX-License-Identifier: MIT OR Apache-2.0
//! `posix_spawn_file_actions_*`, with and without `_np`. An object that the host's
//! init made goes to the host's function.

use super::{libc_entry, or_number};
use crate::spawn::Action;
use crate::spawn::actions::FileActions;
use crate::spawn::foreign;
use crate::uapi::Errno;
use core::ffi::{CStr, c_char, c_int};

libc_entry!("posix_spawn_file_actions_init" => init);
libc_entry!("posix_spawn_file_actions_destroy" => destroy);
libc_entry!("posix_spawn_file_actions_addopen" => add_open);
libc_entry!("posix_spawn_file_actions_addclose" => add_close);
libc_entry!("posix_spawn_file_actions_adddup2" => add_dup2);
libc_entry!("posix_spawn_file_actions_addchdir", "posix_spawn_file_actions_addchdir_np" => add_chdir);
libc_entry!("posix_spawn_file_actions_addfchdir", "posix_spawn_file_actions_addfchdir_np" => add_fchdir);
libc_entry!("posix_spawn_file_actions_addclosefrom_np" => add_close_from);
libc_entry!("posix_spawn_file_actions_addtcsetpgrp_np" => add_take_terminal);

unsafe extern "C" fn init(object: *mut FileActions) -> c_int {
    // SAFETY: POSIX's contract.
    unsafe { FileActions::init(object) };
    0
}

/// # Safety
/// An object of somebody's; a path must be a string.
unsafe fn add(
    object: *mut FileActions,
    action: Action,
    hosts: impl FnOnce() -> Result<(), Errno>,
) -> c_int {
    // SAFETY: by the contract.
    or_number(unsafe { if FileActions::is_ours(object) { (*object).add(action) } else { hosts() } })
}

/// # Safety
/// As [`add`], for a host's function of one descriptor.
unsafe fn add_of(object: *mut FileActions, action: Action, name: &CStr, fd: c_int) -> c_int {
    // SAFETY: by the contract.
    unsafe { add(object, action, || foreign::of_word(name, object, fd as usize)) }
}

unsafe extern "C" fn destroy(object: *mut FileActions) -> c_int {
    // SAFETY: POSIX's contract.
    unsafe {
        if FileActions::is_ours(object) {
            (*object).destroy();
            return 0;
        }
        or_number(foreign::of_object(c"posix_spawn_file_actions_destroy", object))
    }
}

unsafe extern "C" fn add_open(
    object: *mut FileActions,
    fd: c_int,
    path: *const c_char,
    flags: c_int,
    mode: libc::mode_t,
) -> c_int {
    let action = Action::Open { fd, path, flags, mode };
    // SAFETY: POSIX's contract.
    unsafe { add(object, action, || foreign::add_open(object, fd, path, flags, mode)) }
}

unsafe extern "C" fn add_close(object: *mut FileActions, fd: c_int) -> c_int {
    // SAFETY: POSIX's contract.
    unsafe { add_of(object, Action::Close { fd }, c"posix_spawn_file_actions_addclose", fd) }
}

unsafe extern "C" fn add_dup2(object: *mut FileActions, from: c_int, to: c_int) -> c_int {
    let action = Action::Dup2 { from, to };
    // SAFETY: POSIX's contract.
    unsafe { add(object, action, || foreign::add_dup2(object, from, to)) }
}

unsafe extern "C" fn add_chdir(object: *mut FileActions, path: *const c_char) -> c_int {
    let name = c"posix_spawn_file_actions_addchdir_np";
    let action = Action::Chdir { path };
    // SAFETY: POSIX's contract.
    unsafe { add(object, action, || foreign::of_word(name, object, path as usize)) }
}

unsafe extern "C" fn add_fchdir(object: *mut FileActions, fd: c_int) -> c_int {
    let name = c"posix_spawn_file_actions_addfchdir_np";
    // SAFETY: POSIX's contract.
    unsafe { add_of(object, Action::Fchdir { fd }, name, fd) }
}

unsafe extern "C" fn add_close_from(object: *mut FileActions, first: c_int) -> c_int {
    let name = c"posix_spawn_file_actions_addclosefrom_np";
    // SAFETY: glibc's contract.
    unsafe { add_of(object, Action::CloseFrom { first }, name, first) }
}

unsafe extern "C" fn add_take_terminal(object: *mut FileActions, fd: c_int) -> c_int {
    let name = c"posix_spawn_file_actions_addtcsetpgrp_np";
    // SAFETY: glibc's contract.
    unsafe { add_of(object, Action::TakeTerminal { fd }, name, fd) }
}
