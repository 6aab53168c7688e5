// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Rust half of the entries that return twice: `vfork`, `clone3` and the
//! process-making numbers of `syscall`.
//!
//! The assembly (`arch::returns_twice!`) calls [`prepare`] before and
//! [`finish`] after the one system call that both tasks come back from, so no
//! frame of Rust's is ever live in two tasks that share memory.

use super::fork;
use crate::arch::{Finish, TwiceEntry, TwiceFrame, Verdict};
use crate::engine::report::{self, Record};
use crate::engine::{Attempt, Memory, Request, read};
use crate::host;
use crate::host::errno;
use crate::observe::{self, Creation, Note};
use crate::uapi::{Errno, sys};
use clone3_trace::Call;
use core::ffi::{c_int, c_long};
use core::mem::offset_of;

/// The assembly's frame and what Rust keeps in it. Lies on the stack of the
/// entry's caller, of which it takes as little as it can: what was asked is read
/// again where it is needed again. After a child that shares memory its content is
/// gone.
#[repr(C)]
pub struct Frame {
    head: TwiceFrame,
    entry: TwiceEntry,
    attempt: Attempt,
}

const _: () = assert!(offset_of!(Frame, head) == 0);

/// In the frame: the call that the assembly makes.
pub const CALL: usize = offset_of!(Frame, attempt) + Attempt::CALL;

static VFORK: Request = Request::VFORK;

/// Decides how an entry goes on, and makes the child right here when its
/// memory is a copy.
///
/// # Safety
/// `frame` must be the assembly's frame with `saved` filled in.
pub unsafe extern "C" fn prepare(frame: *mut Frame, entry: TwiceEntry) -> Verdict {
    // SAFETY: by the contract; only what is not written yet is, and any bits are a
    // value of the rest.
    let (saved, result) = unsafe {
        (&raw mut (*frame).entry).write(entry);
        (&(*frame).head.saved, &mut (*frame).head.result)
    };
    let outcome = match entry {
        // SAFETY: as above.
        TwiceEntry::Vfork => unsafe { lend(frame, entry, &VFORK) },
        // SAFETY: as above.
        _ => unsafe { as_asked(frame, entry, saved) },
    };
    match outcome {
        Ok(Made::Verdict(verdict)) => return verdict,
        Ok(Made::Child(pid)) => *result = pid as isize,
        Err(errno) => {
            errno::set(errno);
            *result = -1;
        }
    }
    Verdict::Done
}

/// How far a request came before the assembly goes on.
enum Made {
    Child(sys::Pid),
    Verdict(Verdict),
}

/// `clone3()` and `syscall()`.
///
/// # Safety
/// As [`prepare`].
#[inline(never)]
unsafe fn as_asked(
    frame: *mut Frame,
    entry: TwiceEntry,
    saved: &[usize; 7],
) -> Result<Made, Errno> {
    let wanted = wanted(entry, saved);
    match &wanted {
        Ok(request) if can_return(request) => match request.memory() {
            Memory::Copied => create_copy(entry, request).map(Made::Child),
            // SAFETY: by the contract.
            _ => unsafe { lend(frame, entry, request) },
        },
        // What cannot return through a C function, or what the kernel refuses before
        // it looks, is the kernel's alone.
        _ if entry == TwiceEntry::Syscall => Ok(Made::Verdict(Verdict::Untouched)),
        // A stack of its own has no return address of ours on top, and memory shared
        // with a caller that runs on would be written over.
        refused => {
            report::record(host::tid(), Record::NONE);
            let request = refused.as_ref().unwrap_or(&Request::FORK);
            let errno = refused.as_ref().err().copied().unwrap_or(Errno::EINVAL);
            Creation::begin(note(entry), request).end(Err(errno));
            Err(errno)
        }
    }
}

/// What an entry was asked for.
fn wanted(entry: TwiceEntry, saved: &[usize; 7]) -> Result<Request, Errno> {
    match entry {
        TwiceEntry::Vfork => Ok(VFORK),
        // SAFETY: the header's contract of clone3().
        TwiceEntry::Clone3 => unsafe { read(saved[0] as u64, saved[1]) },
        TwiceEntry::Syscall => of_syscall(saved),
    }
}

/// Aims at the call for a child that borrows memory and stack.
///
/// # Safety
/// As [`prepare`].
#[inline(never)]
unsafe fn lend(frame: *mut Frame, entry: TwiceEntry, request: &Request) -> Result<Made, Errno> {
    let creation = Creation::begin(note(entry), request);
    // SAFETY: the frame's own place, written before it is read; the attempt's
    // arguments point into itself, where it stays.
    let attempt = unsafe {
        Attempt::write(&raw mut (*frame).attempt, host::tid());
        &mut (*frame).attempt
    };
    attempt.aim_as_libc(request).inspect_err(|&errno| creation.end(Err(errno)))?;
    // Now, because the child will run over this frame.
    attempt.report(request);
    _ = host::lend();
    creation.lend();
    Ok(Made::Verdict(Verdict::Twice))
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
            observe::end_lent(Ok(raw as sys::Pid));
            return Finish { result: raw, again: 0 };
        }
        Err(errno) => errno,
    };
    // SAFETY: no child came to be, so the frame is as prepare left it.
    match unsafe { once_more(frame, errno) } {
        Ok(()) => Finish { result: 0, again: 1 },
        Err(errno) => {
            host::take_back();
            observe::end_lent(Err(errno));
            errno::set(errno);
            Finish { result: -1, again: 0 }
        }
    }
}

/// Aims at the next call after one that failed, if there is one.
///
/// # Safety
/// `frame` must be as [`prepare`] left it.
#[cold]
#[inline(never)]
unsafe fn once_more(frame: *mut Frame, errno: Errno) -> Result<(), Errno> {
    // SAFETY: by the contract.
    let frame = unsafe { &mut *frame };
    match &wanted(frame.entry, &frame.head.saved) {
        Ok(request) if can_return(request) && request.memory() == Memory::Lent => {
            frame.attempt.after(request, errno)?;
            frame.attempt.report(request);
            Ok(())
        }
        _ => Err(errno), // somebody else changed what was asked
    }
}

/// `syscall()` got an error from the kernel: errno and −1.
pub extern "C" fn fail(raw: isize) -> isize {
    errno::set(Errno(-raw as i32));
    -1
}

fn create_copy(entry: TwiceEntry, request: &Request) -> Result<sys::Pid, Errno> {
    // syscall(SYS_fork) and its equals ask for what _Fork is for.
    let is_underscore_fork = entry == TwiceEntry::Syscall && *request == Request::FORK;
    fork::copy(note(entry), request, is_underscore_fork)
}

fn note(entry: TwiceEntry) -> Note {
    Note::of(match entry {
        TwiceEntry::Vfork => Call::Vfork,
        TwiceEntry::Clone3 => Call::Clone3,
        TwiceEntry::Syscall => Call::Syscall,
    })
}

fn can_return(request: &Request) -> bool {
    request.stack.is_callers() && request.memory() != Memory::Shared
}

/// The request behind `syscall(number, …)`.
fn of_syscall(saved: &[usize; 7]) -> Result<Request, Errno> {
    let [number, a, b, c, d, e, _] = *saved;
    match number as c_long {
        // SAFETY: clone3(2)'s arguments, by syscall()'s contract.
        libc::SYS_clone3 => unsafe { read(a as u64, b) },
        libc::SYS_clone => {
            let (child_tid, tls) = if cfg!(target_arch = "x86_64") { (d, e) } else { (e, d) };
            let flags = a as c_int as u32;
            Ok(Request::from_legacy(flags, b as u64, c as u64, child_tid as u64, tls as u64))
        }
        #[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
        libc::SYS_fork => Ok(Request::FORK),
        #[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
        libc::SYS_vfork => Ok(Request::VFORK),
        _ => Err(Errno::ENOSYS),
    }
}
