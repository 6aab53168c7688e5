// SPDX-License-Identifier: MIT OR Apache-2.0
//! `posix_spawn_file_actions_*`, with and without `_np`.

use super::{libc_entry, or_number};
use crate::spawn::Action;
use crate::spawn::actions::{self, FileActions};
use core::ffi::{c_char, c_int};

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
    or_number(unsafe { actions::init(object) })
}

unsafe extern "C" fn destroy(object: *mut FileActions) -> c_int {
    // SAFETY: POSIX's contract.
    or_number(unsafe { actions::destroy(object) })
}

/// # Safety
/// An object; a path must be a string.
unsafe fn add(object: *mut FileActions, action: Action) -> c_int {
    // SAFETY: by the contract.
    or_number(unsafe { actions::add(object, &action) })
}

unsafe extern "C" fn add_open(
    object: *mut FileActions,
    fd: c_int,
    path: *const c_char,
    flags: c_int,
    mode: libc::mode_t,
) -> c_int {
    // SAFETY: POSIX's contract.
    unsafe { add(object, Action::Open { fd, path, flags, mode }) }
}

unsafe extern "C" fn add_close(object: *mut FileActions, fd: c_int) -> c_int {
    // SAFETY: POSIX's contract.
    unsafe { add(object, Action::Close { fd }) }
}

unsafe extern "C" fn add_dup2(object: *mut FileActions, from: c_int, to: c_int) -> c_int {
    // SAFETY: POSIX's contract.
    unsafe { add(object, Action::Dup2 { from, to }) }
}

unsafe extern "C" fn add_chdir(object: *mut FileActions, path: *const c_char) -> c_int {
    // SAFETY: POSIX's contract.
    unsafe { add(object, Action::Chdir { path }) }
}

unsafe extern "C" fn add_fchdir(object: *mut FileActions, fd: c_int) -> c_int {
    // SAFETY: POSIX's contract.
    unsafe { add(object, Action::Fchdir { fd }) }
}

unsafe extern "C" fn add_close_from(object: *mut FileActions, first: c_int) -> c_int {
    // SAFETY: glibc's contract.
    unsafe { add(object, Action::CloseFrom { first }) }
}

unsafe extern "C" fn add_take_terminal(object: *mut FileActions, fd: c_int) -> c_int {
    // SAFETY: glibc's contract.
    unsafe { add(object, Action::TakeTerminal { fd }) }
}
