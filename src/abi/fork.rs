// SPDX-License-Identifier: MIT OR Apache-2.0
//! `fork`, `_Fork`, `forkpty`, `daemon`, `vfork`, `syscall`; their prototypes are the libc headers'
//! own. The entries of the last two are in `clone`, with `clone3`, because all three
//! return twice.

use super::{libc_entry, or_errno, or_minus_one};
use crate::observe::Note;
use crate::process::{daemon, fork, forkpty};
use crate::uapi::sys::Pid;
use clone3_trace::Call;
use core::ffi::{c_char, c_int, c_long};

libc_entry!("fork", "__fork" => exported_fork);
libc_entry!("_Fork" => exported_underscore_fork);
libc_entry!("forkpty" => exported_forkpty);
libc_entry!("daemon" => exported_daemon);

libc_entry!("vfork", "__vfork" => clone3_own_vfork);
libc_entry!("syscall" => clone3_own_syscall);

unsafe extern "C" {
    fn clone3_own_vfork() -> Pid;
    fn clone3_own_syscall(number: c_long, ...) -> c_long;
}

#[cfg_attr(not(test), unsafe(link_section = ".text.entry"))]
extern "C" fn exported_fork() -> Pid {
    or_errno(fork::fork(Note::of(Call::Fork)))
}

extern "C" fn exported_underscore_fork() -> Pid {
    or_errno(fork::underscore_fork(Note::of(Call::UnderscoreFork)))
}

unsafe extern "C" fn exported_forkpty(
    master: *mut c_int,
    name: *mut c_char,
    termios: *const libc::termios,
    size: *const libc::winsize,
) -> Pid {
    // SAFETY: forkpty(3)'s own contract.
    or_errno(unsafe { forkpty::forkpty(Note::of(Call::Forkpty), master, name, termios, size) })
}

extern "C" fn exported_daemon(keeps_directory: c_int, keeps_streams: c_int) -> c_int {
    let note = Note::of(Call::Daemon);
    or_minus_one(daemon::daemon(note, keeps_directory != 0, keeps_streams != 0))
}
