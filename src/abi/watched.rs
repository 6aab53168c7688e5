// SPDX-License-Identifier: MIT OR Apache-2.0
//! The exit and wait families, and wordexp(), exported where they are traced (`host::interposers`); the
//! prototypes are those of `<unistd.h>`, `<stdlib.h>`, `<sys/wait.h>` and `<wordexp.h>`.

use super::{libc_entry, with_caller};
use crate::arch::Caller;
use crate::host::interposers::{index, watched};
use crate::observe::{self, Note};
use crate::process::{expand, reap};
use crate::uapi::sys::{self, Pid};
use clone3_trace::Call;
use core::ffi::{c_char, c_int, c_void};
use core::mem::transmute;
use core::ptr::null_mut;

libc_entry!("_exit", "_Exit" => exported_exit);
libc_entry!("quick_exit" => exported_quick_exit);
libc_entry!("wait" => clone3_own_wait);
libc_entry!("waitpid" => clone3_own_waitpid);
libc_entry!("wait3" => clone3_own_wait3);
libc_entry!("wait4" => clone3_own_wait4);
libc_entry!("waitid" => clone3_own_waitid);
libc_entry!("wordexp" => clone3_own_wordexp);

with_caller!(clone3_own_wait => exported_wait(_));
with_caller!(clone3_own_waitpid => exported_waitpid(_, _, _));
with_caller!(clone3_own_wait3 => exported_wait3(_, _, _));
with_caller!(clone3_own_wait4 => exported_wait4(_, _, _, _));
with_caller!(clone3_own_waitid => exported_waitid(_, _, _, _));
with_caller!(clone3_own_wordexp => exported_wordexp(_, _, _));

extern "C" fn exported_exit(status: c_int) -> ! {
    observe::exit(Call::UnderscoreExit, status);
    sys::exit_group(status)
}

/// The functions of at_quick_exit() run after this.
extern "C" fn exported_quick_exit(status: c_int) -> ! {
    observe::exit(Call::QuickExit, status);
    if let Some(function) = watched(const { index("quick_exit") }) {
        // SAFETY: the host's function of that name and prototype (C11, 7.22.4.7).
        unsafe { transmute::<*mut c_void, unsafe extern "C" fn(c_int) -> !>(function)(status) }
    }
    sys::exit_group(status)
}

unsafe extern "C" fn exported_wait(status: *mut c_int, caller: Caller) -> Pid {
    // SAFETY: wait(2)'s own contract.
    unsafe { reap::wait4(Note::new(Call::Wait, caller.address()), -1, status, 0, null_mut()) }
}

unsafe extern "C" fn exported_waitpid(
    pid: Pid,
    status: *mut c_int,
    options: c_int,
    caller: Caller,
) -> Pid {
    // SAFETY: waitpid(2)'s own contract.
    unsafe {
        reap::wait4(Note::new(Call::Waitpid, caller.address()), pid, status, options, null_mut())
    }
}

unsafe extern "C" fn exported_wait3(
    status: *mut c_int,
    options: c_int,
    usage: *mut c_void,
    caller: Caller,
) -> Pid {
    // SAFETY: wait3(2)'s own contract.
    unsafe { reap::wait4(Note::new(Call::Wait3, caller.address()), -1, status, options, usage) }
}

unsafe extern "C" fn exported_wait4(
    pid: Pid,
    status: *mut c_int,
    options: c_int,
    usage: *mut c_void,
    caller: Caller,
) -> Pid {
    // SAFETY: wait4(2)'s own contract.
    unsafe { reap::wait4(Note::new(Call::Wait4, caller.address()), pid, status, options, usage) }
}

unsafe extern "C" fn exported_waitid(
    kind: c_int,
    id: libc::id_t,
    place: *mut libc::siginfo_t,
    options: c_int,
    caller: Caller,
) -> c_int {
    // SAFETY: waitid(2)'s own contract.
    unsafe { reap::waitid(Note::new(Call::Waitid, caller.address()), kind, id, place, options) }
}

unsafe extern "C" fn exported_wordexp(
    words: *const c_char,
    place: *mut c_void,
    flags: c_int,
    caller: Caller,
) -> c_int {
    // SAFETY: wordexp(3)'s own contract.
    unsafe { expand::expand(Note::new(Call::Wordexp, caller.address()), words, place, flags) }
}
