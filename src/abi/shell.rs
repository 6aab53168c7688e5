// SPDX-License-Identifier: MIT OR Apache-2.0
//! `system`, `popen`, `pclose`; their prototypes are the libc headers' own.

use super::{libc_entry, or_errno, with_caller};
use crate::arch::Caller;
use crate::host::errno;
use crate::host::streams::File;
use crate::observe::Note;
use crate::spawn::{shell, stream};
use clone3_trace::Call;
use core::ffi::{c_char, c_int};
use core::ptr::null_mut;

libc_entry!("system" => clone3_own_system);
libc_entry!("popen" => clone3_own_popen);
libc_entry!("pclose" => clone3_own_pclose);

with_caller!(clone3_own_system => exported_system(_));
with_caller!(clone3_own_popen => exported_popen(_, _));
with_caller!(clone3_own_pclose => exported_pclose(_));

unsafe extern "C" fn exported_system(command: *const c_char, caller: Caller) -> c_int {
    let note = Note::new(Call::System, caller.address());
    if command.is_null() {
        return c_int::from(shell::is_there(note));
    }
    // SAFETY: system(3)'s own contract.
    or_errno(unsafe { shell::system(note, command) })
}

unsafe extern "C" fn exported_popen(
    command: *const c_char,
    mode: *const c_char,
    caller: Caller,
) -> File {
    // SAFETY: popen(3)'s own contract.
    unsafe { stream::open(Note::new(Call::Popen, caller.address()), command, mode) }.unwrap_or_else(
        |error| {
            errno::set(error);
            null_mut()
        },
    )
}

unsafe extern "C" fn exported_pclose(file: File, caller: Caller) -> c_int {
    // SAFETY: pclose(3)'s own contract.
    or_errno(unsafe { stream::close(Note::new(Call::Pclose, caller.address()), file) })
}
