// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Rust half of the entries that return twice: `vfork`, `clone3` and the
//! process-making numbers of `syscall`.
//!
//! The assembly (`arch::returns_twice!`) calls [`prepare`] before and [`finish`] after
//! the one system call that both tasks return from, so no Rust frame is ever live in two
//! tasks that share memory.

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

/// The assembly's frame and what Rust keeps in it. It is on the stack of the entry's
/// caller and as small as possible: the request is read again where it is needed again. A
/// child that shares memory overwrites it.
#[repr(C)]
pub struct Frame {
    head: TwiceFrame,
    entry: TwiceEntry,
    attempt: Attempt,
}

const _: () = assert!(offset_of!(Frame, head) == 0);

/// The offset in the frame of the call that the assembly makes.
pub const CALL: usize = offset_of!(Frame, attempt) + Attempt::CALL;

static VFORK: Request = Request::VFORK;

/// Decides how an entry continues; creates the child here when its memory is a copy.
///
/// # Safety
/// `frame` must be the assembly's frame with `saved` filled in.
pub unsafe extern "C" fn prepare(frame: *mut Frame, entry: TwiceEntry, caller: usize) -> Verdict {
    let note = note(entry, caller);
    // SAFETY: by the contract; the fields that are not initialised yet are written, and
    // any bits are valid in the others.
    let (saved, result) = unsafe {
        (&raw mut (*frame).entry).write(entry);
        (&(*frame).head.saved, &mut (*frame).head.result)
    };
    let outcome = match entry {
        // SAFETY: as above.
        TwiceEntry::Vfork => unsafe { lend(frame, note, &VFORK) },
        // SAFETY: as above.
        _ => unsafe { as_asked(frame, entry, note, saved) },
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

/// How far a request got before the assembly continues.
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
    note: Note,
    saved: &[usize; 7],
) -> Result<Made, Errno> {
    let wanted = wanted(entry, saved);
    match &wanted {
        Ok(request) if can_return(request) => match request.memory() {
            Memory::Copied => create_copy(entry, note, request).map(Made::Child),
            // SAFETY: by the contract.
            _ => unsafe { lend(frame, note, request) },
        },
        // A request that cannot return through a C function, or that the kernel refuses
        // before it reads the fields, is passed to the kernel unchanged.
        _ if entry == TwiceEntry::Syscall => Ok(Made::Verdict(Verdict::Untouched)),
        // A stack of the child's own has no return address on top, and with memory shared
        // with a running caller both would write over the same frame.
        refused => {
            report::record(host::tid(), Record::NONE);
            let request = refused.as_ref().unwrap_or(&Request::FORK);
            let errno = refused.as_ref().err().copied().unwrap_or(Errno::EINVAL);
            Creation::begin(note, request).end(Err(errno));
            Err(errno)
        }
    }
}

/// The request behind an entry's arguments.
fn wanted(entry: TwiceEntry, saved: &[usize; 7]) -> Result<Request, Errno> {
    match entry {
        TwiceEntry::Vfork => Ok(VFORK),
        // SAFETY: the header's contract of clone3().
        TwiceEntry::Clone3 => unsafe { read(saved[0] as u64, saved[1]) },
        TwiceEntry::Syscall => of_syscall(saved),
    }
}

/// Prepares the call for a child on lent memory and stack.
///
/// # Safety
/// As [`prepare`].
#[inline(never)]
unsafe fn lend(frame: *mut Frame, note: Note, request: &Request) -> Result<Made, Errno> {
    let creation = Creation::begin(note, request);
    // SAFETY: the frame's own place, written before it is read; the attempt's
    // arguments point into itself, where it stays.
    let attempt = unsafe {
        Attempt::write(&raw mut (*frame).attempt, host::tid());
        &mut (*frame).attempt
    };
    attempt.aim_as_libc(request).inspect_err(|&errno| creation.end(Err(errno)))?;
    // Now, because the child will overwrite this frame.
    attempt.report(request);
    _ = host::lend();
    creation.lend();
    Ok(Made::Verdict(Verdict::Twice))
}

/// Continues in the parent after the system call returned `raw`, which is not 0.
///
/// # Safety
/// `frame` must be the frame [`prepare`] filled; where `raw` is no error, a child has
/// overwritten it.
pub unsafe extern "C" fn finish(frame: *mut Frame, raw: isize) -> Finish {
    let errno = match Errno::check(raw) {
        Ok(_) => {
            host::take_back();
            observe::end_lent(Ok(raw as sys::Pid));
            return Finish { result: raw, again: 0 };
        }
        Err(errno) => errno,
    };
    // SAFETY: no child was created, so the frame is as prepare left it.
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

/// Prepares the next call after one that failed, if there is one.
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
        _ => Err(errno), // the caller's struct was changed meanwhile
    }
}

/// `syscall()` got an error from the kernel: errno and −1.
pub extern "C" fn fail(raw: isize) -> isize {
    errno::set(Errno(-raw as i32));
    -1
}

fn create_copy(entry: TwiceEntry, note: Note, request: &Request) -> Result<sys::Pid, Errno> {
    // syscall(SYS_fork) and its equivalents mean what _Fork() does.
    let is_underscore_fork = entry == TwiceEntry::Syscall && *request == Request::FORK;
    fork::copy(note, request, is_underscore_fork)
}

fn note(entry: TwiceEntry, caller: usize) -> Note {
    let call = match entry {
        TwiceEntry::Vfork => Call::Vfork,
        TwiceEntry::Clone3 => Call::Clone3,
        TwiceEntry::Syscall => Call::Syscall,
    };
    Note::new(call, caller)
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
