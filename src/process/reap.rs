// SPDX-License-Identifier: MIT OR Apache-2.0
//! The `wait` family under a trace: calls the host's functions, which stay cancellation
//! points, and records their results.

use crate::host::{self, errno, interposers};
use crate::observe::{Note, Waiting};
use crate::uapi::Errno;
use crate::uapi::sys::Pid;
use crate::uapi::wait::{self, Usage};
use clone3_trace::Call;
use core::ffi::{c_int, c_long, c_void};
use core::mem::{MaybeUninit, transmute};
use interposers::{index, watched};

type Waitpid = unsafe extern "C" fn(Pid, *mut c_int, c_int) -> Pid;
type Wait4 = unsafe extern "C" fn(Pid, *mut c_int, c_int, *mut c_void) -> Pid;
type Waitid = unsafe extern "C" fn(c_int, libc::id_t, *mut libc::siginfo_t, c_int) -> c_int;

/// A struct rusage, of which a libc has more than the kernel.
#[repr(C)]
struct Room {
    usage: Usage,
    more: [c_long; 16],
}

/// wait(), waitpid(), wait3() and wait4().
///
/// # Safety
/// As for wait4(2): pointers may be null.
pub unsafe fn wait4(
    note: Note,
    pid: Pid,
    place: *mut c_int,
    options: c_int,
    usage: *mut c_void,
) -> Pid {
    let by_wait4 = matches!(note.call, Call::Wait3 | Call::Wait4) || host::is_glibc_since(34);
    let waiting = Waiting::begin(note);
    let mut status: c_int = 0;
    // A bad pointer is passed on, for the host to refuse.
    let status_place = if place.is_null() { &raw mut status } else { place };
    let mut room = Room { usage: Usage::default(), more: [0; 16] };
    let told = if usage.is_null() { (&raw mut room).cast() } else { usage };
    let found = match (watched(const { index("wait4") }), watched(const { index("waitpid") })) {
        // SAFETY: the host's function of that name and prototype (wait4(2)).
        (Some(wait4), _) if by_wait4 => unsafe {
            transmute::<*mut c_void, Wait4>(wait4)(pid, status_place, options, told)
        },
        // SAFETY: the host's function of that name and prototype (POSIX).
        (_, Some(waitpid)) => unsafe {
            transmute::<*mut c_void, Waitpid>(waitpid)(pid, status_place, options)
        },
        _ => {
            errno::set(Errno::ENOSYS);
            -1
        }
    };
    if found > 0 {
        // SAFETY: the host has filled both, so they can be read; the kernel does not want a
        // caller's pointers aligned.
        let (status, usage) =
            unsafe { (status_place.read_unaligned(), told.cast::<Usage>().read_unaligned()) };
        waiting.end(found, status, by_wait4.then_some(&usage));
    }
    found
}

/// waitid().
///
/// # Safety
/// As for waitid(2).
pub unsafe fn waitid(
    note: Note,
    kind: c_int,
    id: libc::id_t,
    place: *mut libc::siginfo_t,
    options: c_int,
) -> c_int {
    let waiting = Waiting::begin(note);
    let Some(function) = watched(const { index("waitid") }) else {
        errno::set(Errno::ENOSYS);
        return -1;
    };
    let mut room = MaybeUninit::<libc::siginfo_t>::zeroed();
    let told = if place.is_null() { room.as_mut_ptr() } else { place };
    // SAFETY: the host's function of that name and prototype (POSIX).
    let outcome = unsafe { transmute::<*mut c_void, Waitid>(function)(kind, id, told, options) };
    if outcome == 0 && options & libc::WNOWAIT == 0 {
        // SAFETY: filled by the host, or zeroes.
        let (child, code, status) =
            unsafe { ((*told).si_pid(), (*told).si_code, (*told).si_status()) };
        if child != 0 {
            waiting.end(child, wait::status_of(code, status), None);
        }
    }
    outcome
}
