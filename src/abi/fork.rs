// SPDX-License-Identifier: MIT OR Apache-2.0
//! `fork`, `_Fork`, `forkpty`, `daemon`, `vfork`, `syscall`; their prototypes are the libc headers'
//! own. The entries of the last two are in `clone`, with `clone3`, because all three
//! return twice.

use super::{libc_entry, or_errno, or_minus_one, with_caller};
use crate::arch::Caller;
use crate::observe::Note;
use crate::process::{daemon, fork, forkpty};
use crate::uapi::sys::Pid;
use clone3_trace::Call;
use core::ffi::{c_char, c_int, c_long};

libc_entry!("fork", "__fork" => clone3_own_fork);
libc_entry!("_Fork" => clone3_own_underscore_fork);
libc_entry!("forkpty" => clone3_own_forkpty);
libc_entry!("daemon" => clone3_own_daemon);

with_caller!(clone3_own_fork => exported_fork());
with_caller!(clone3_own_underscore_fork => exported_underscore_fork());
with_caller!(clone3_own_forkpty => exported_forkpty(_, _, _, _));
with_caller!(clone3_own_daemon => exported_daemon(_, _));

libc_entry!("vfork", "__vfork" => clone3_own_vfork);
libc_entry!("syscall" => clone3_own_syscall);

unsafe extern "C" {
    fn clone3_own_vfork() -> Pid;
    fn clone3_own_syscall(number: c_long, ...) -> c_long;
}

#[cfg_attr(not(test), unsafe(link_section = ".text.entry"))]
extern "C" fn exported_fork(caller: Caller) -> Pid {
    or_errno(fork::fork(Note::new(Call::Fork, caller.address())))
}

extern "C" fn exported_underscore_fork(caller: Caller) -> Pid {
    or_errno(fork::underscore_fork(Note::new(Call::UnderscoreFork, caller.address())))
}

unsafe extern "C" fn exported_forkpty(
    master: *mut c_int,
    name: *mut c_char,
    termios: *const libc::termios,
    size: *const libc::winsize,
    caller: Caller,
) -> Pid {
    let note = Note::new(Call::Forkpty, caller.address());
    // SAFETY: forkpty(3)'s own contract.
    or_errno(unsafe { forkpty::forkpty(note, master, name, termios, size) })
}

extern "C" fn exported_daemon(
    keeps_directory: c_int,
    keeps_streams: c_int,
    caller: Caller,
) -> c_int {
    let note = Note::new(Call::Daemon, caller.address());
    or_minus_one(daemon::daemon(note, keeps_directory != 0, keeps_streams != 0))
}
