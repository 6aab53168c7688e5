// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Rust half of the entries that return twice: `vfork`, `clone3` and the
//! process-making numbers of `syscall`.
//!
//! The assembly (`arch::returns_twice!`) calls [`prepare`] before and
//! [`finish`] after the one system call that both tasks come back from, so no
//! frame of Rust's is ever live in two tasks that share memory.

use super::{child, fork};
use crate::arch::{Finish, TwiceEntry, TwiceFrame, Verdict};
use crate::engine::report::{self, Record};
use crate::engine::{Attempt, Memory, Request, read};
use crate::host;
use crate::host::errno;
use crate::uapi::{Errno, sys};
use core::ffi::{c_int, c_long};
use core::mem::offset_of;

/// The assembly's frame and what Rust keeps in it. Lies on the stack of the
/// entry's caller; after a child that shares memory, its content is gone.
#[repr(C)]
pub struct Frame {
    head: TwiceFrame,
    attempt: Attempt,
    request: Request,
}

const _: () = assert!(offset_of!(Frame, head) == 0);

/// Decides how an entry goes on, and makes the child right here when its
/// memory is a copy.
///
/// # Safety
/// `frame` must be the assembly's frame with `saved` filled in.
pub unsafe extern "C" fn prepare(frame: *mut Frame, entry: TwiceEntry) -> Verdict {
    // SAFETY: by the contract; only `call` and `result` are not written yet,
    // and any bits are a value of theirs.
    let head = unsafe { &mut (*frame).head };
    let [first, second, ..] = head.saved;
    let wanted = match entry {
        TwiceEntry::Vfork => Ok(Some(Request::VFORK)),
        TwiceEntry::Clone3 => read(first as u64, second).and_then(must_return).map(Some),
        TwiceEntry::Syscall => Ok(from_syscall(&head.saved)),
    };
    let outcome = match wanted {
        Ok(None) => return Verdict::Untouched,
        Err(errno) => {
            report::record(host::tid(), Record::NONE);
            Err(errno)
        }
        Ok(Some(wanted)) if wanted.memory() == Memory::Copied => create_copy(entry, &wanted),
        Ok(Some(wanted)) => {
            // SAFETY: the frame's own places, written before they are read;
            // the attempt's arguments point into itself, where it stays.
            let attempt = unsafe {
                (&raw mut (*frame).request).write(wanted);
                (&raw mut (*frame).attempt).write(Attempt::new(host::tid()));
                &mut (*frame).attempt
            };
            match attempt.aim(&wanted) {
                Ok(()) => {
                    // Now, because the child will run over this frame.
                    attempt.report(&wanted);
                    host::lend();
                    head.call = *attempt.call();
                    return Verdict::Twice;
                }
                Err(errno) => Err(errno),
            }
        }
    };
    head.result = match outcome {
        Ok(pid) => pid as isize,
        Err(errno) => {
            errno::set(errno);
            -1
        }
    };
    Verdict::Done
}

/// Goes on in the parent after the system call gave `raw`, which is not 0.
///
/// # Safety
/// `frame` must be the frame [`prepare`] filled; where `raw` is no error, a
/// child has run over it.
pub unsafe extern "C" fn finish(frame: *mut Frame, raw: isize) -> Finish {
    let errno = match Errno::check(raw) {
        Ok(_) => {
            host::take_back();
            return Finish { result: raw, again: 0 };
        }
        Err(errno) => errno,
    };
    // SAFETY: no child came to be, so the frame is as prepare left it.
    let (head, attempt, request) =
        unsafe { (&mut (*frame).head, &mut (*frame).attempt, &(*frame).request) };
    match attempt.after(request, errno) {
        Ok(()) => {
            attempt.report(request);
            head.call = *attempt.call();
            Finish { result: 0, again: 1 }
        }
        Err(errno) => {
            host::take_back();
            errno::set(errno);
            Finish { result: -1, again: 0 }
        }
    }
}

/// `syscall()` got an error from the kernel: errno and −1.
pub extern "C" fn fail(raw: isize) -> isize {
    errno::set(Errno(-raw as i32));
    -1
}

fn create_copy(entry: TwiceEntry, request: &Request) -> Result<sys::Pid, Errno> {
    // syscall(SYS_fork) and its equals ask for what _Fork is for.
    if entry == TwiceEntry::Syscall && *request == Request::FORK {
        return fork::underscore_fork();
    }
    // SAFETY: the memory is copied, and the callers have refused or let
    // through to the kernel all that has a stack of its own.
    unsafe { child::create(request, host::repair()) }
}

/// Refuses what cannot come back through a C function: a stack of its own,
/// whose top holds no return address of ours, and memory shared with a caller
/// that runs on.
fn must_return(request: Request) -> Result<Request, Errno> {
    if can_return(&request) { Ok(request) } else { Err(Errno::EINVAL) }
}

fn can_return(request: &Request) -> bool {
    request.stack.is_callers() && request.memory() != Memory::Shared
}

/// The request behind `syscall(number, …)`, if it is one for us: everything
/// that cannot return through a C function, or that the kernel refuses before
/// it looks, is the kernel's alone.
fn from_syscall(saved: &[usize; 7]) -> Option<Request> {
    let [number, a, b, c, d, e, _] = *saved;
    match number as c_long {
        libc::SYS_clone3 => read(a as u64, b).ok().filter(can_return),
        libc::SYS_clone => {
            let (child_tid, tls) = if cfg!(target_arch = "x86_64") { (d, e) } else { (e, d) };
            let flags = a as c_int as u32;
            let request =
                Request::from_legacy(flags, b as u64, c as u64, child_tid as u64, tls as u64);
            Some(request).filter(can_return)
        }
        #[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
        libc::SYS_fork => Some(Request::FORK),
        #[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
        libc::SYS_vfork => Some(Request::VFORK),
        _ => None,
    }
}
