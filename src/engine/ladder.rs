// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which system call is tried, and which one after it.
//!
//! 1. clone3 as asked.
//! 2. On E2BIG, clone3 with the smallest published size that holds every field
//!    in use.
//! 3. Where clone3 itself is unavailable (a kernel before 5.3, a filter that answers in
//!    its place), legacy clone if it can express the request.
//! 4. Otherwise the errno of the last attempt.
//!
//! `clone3(NULL, 0)` tells an unavailable clone3 from a refused request: a kernel that
//! has the call always answers EINVAL. Flags that the library emulates have been removed
//! from the request before (`emulate`).

use super::report::{self, Record, Rung};
use super::{Request, Route, emulate, known, legacy};
use crate::arch::{Syscall, syscall};
use crate::base::SMALLEST_PAGE;
use crate::uapi::sys::{self, Pid};
use crate::uapi::{Errno, clone_args};
use core::mem::offset_of;

/// A system call ready to be made, and the memory its arguments point into: it
/// must stay where it is from [`Attempt::aim`] until the call is over.
#[repr(C)]
pub struct Attempt {
    call: Syscall,
    wire: clone_args,
    rung: Rung,
    cause: Option<Errno>,
    /// The calling thread's id, the key of its report.
    tid: Pid,
}

impl Attempt {
    /// An empty attempt of the thread with this id.
    pub fn new(tid: Pid) -> Attempt {
        Attempt {
            call: Syscall::default(),
            wire: clone_args::default(),
            rung: Rung::None,
            cause: None,
            tid,
        }
    }

    /// The offset of [`Attempt::call`].
    pub const CALL: usize = offset_of!(Attempt, call);

    /// [`Attempt::new`] in place.
    ///
    /// # Safety
    /// There must be room for one.
    pub unsafe fn write(place: *mut Attempt, tid: Pid) {
        // SAFETY: by the contract.
        unsafe { place.write(Attempt::new(tid)) };
    }

    /// The call to make.
    pub fn call(&self) -> &Syscall {
        &self.call
    }

    /// Whether it is clone(2) that will be called.
    pub fn is_legacy(&self) -> bool {
        self.rung == Rung::Legacy
    }

    /// Takes the first rung that can carry the request, going by what earlier calls found
    /// out.
    #[cfg_attr(not(test), unsafe(link_section = ".text.entry"))]
    pub fn aim(&mut self, request: &Request) -> Result<(), Errno> {
        let aimed = self.first_rung(request);
        if aimed.is_err() {
            self.report(request);
        }
        aimed
    }

    /// The same for a request that came from vfork(), clone(), or syscall() with their
    /// numbers, for which the libcs do not call clone3(2). If a filter answers clone3(2)
    /// by SIGSYS while that signal is blocked, the process is killed (CPython's
    /// subprocess blocks it). So clone(2) is used here, too, where that might happen.
    ///
    /// A request in a caller's own struct is meant for clone3(2).
    pub fn aim_as_libc(&mut self, request: &Request) -> Result<(), Errno> {
        self.aim(request)?;
        if !self.is_legacy() && request.wire.is_none() && sys::would_traps_kill() {
            self.aim_legacy(request, None)?;
        }
        Ok(())
    }

    fn first_rung(&mut self, request: &Request) -> Result<(), Errno> {
        match known::obstacle() {
            None if request.route == Route::Any => self.aim_native(request),
            obstacle => self.aim_elsewhere(request, obstacle),
        }
    }

    /// A function of its own because of its stack use.
    #[cold]
    #[inline(never)]
    fn aim_elsewhere(&mut self, request: &Request, obstacle: Option<Errno>) -> Result<(), Errno> {
        if request.route == Route::Legacy {
            return self.aim_legacy(request, None);
        }
        match obstacle {
            // The errno may be due to another thread's filter. So a request that only
            // clone3 can carry is refused only after this thread has asked again.
            Some(errno) => match self.aim_legacy(request, Some(errno)) {
                Err(Errno::ENOSYS) => match known::look_for_obstacle() {
                    Some(obstacle) => {
                        self.cause = Some(obstacle);
                        Err(obstacle)
                    }
                    None => self.aim_native(request),
                },
                outcome => outcome,
            },
            None => self.aim_native(request),
        }
    }

    #[cfg_attr(not(test), unsafe(link_section = ".text.entry"))]
    fn aim_native(&mut self, request: &Request) -> Result<(), Errno> {
        self.rung = Rung::Native;
        self.cause = None;
        let (address, size) = match request.wire {
            Some(wire) => (wire.address as usize, wire.size),
            None => {
                self.wire = request.to_wire();
                (&raw const self.wire as usize, request.wire_size())
            }
        };
        self.call = Syscall { nr: libc::SYS_clone3 as usize, args: [address, size, 0, 0, 0] };
        if known::is_too_big(size) && self.can_shrink(request) {
            self.shrink(request);
        }
        Ok(())
    }

    fn aim_legacy(&mut self, request: &Request, cause: Option<Errno>) -> Result<(), Errno> {
        self.cause = cause;
        self.call = legacy::express(request)?;
        self.rung = Rung::Legacy;
        Ok(())
    }

    fn size(&self) -> usize {
        if self.call.nr == libc::SYS_clone3 as usize { self.call.args[1] } else { 0 }
    }

    /// Whether a smaller size holds all fields in use. A kernel that knows the call
    /// accepts zeroes behind the fields it knows, up to the size of a page; a larger
    /// struct is refused by a rule of its own, which is left to the kernel.
    fn can_shrink(&self, request: &Request) -> bool {
        !request.wire.is_some_and(|wire| wire.holds_more)
            && (request.wire_size() + 1..=SMALLEST_PAGE).contains(&self.size())
    }

    fn shrink(&mut self, request: &Request) {
        self.rung = Rung::Smaller;
        self.cause = Some(Errno::E2BIG);
        self.call.args[1] = request.wire_size();
    }

    /// Takes the next rung after the last one failed with `errno`. If there is none, the
    /// error is what the call fails with.
    pub fn after(&mut self, request: &Request, errno: Errno) -> Result<(), Errno> {
        let next = self.next_rung(request, errno);
        if next.is_err() {
            self.report(request);
        }
        next
    }

    fn next_rung(&mut self, request: &Request, errno: Errno) -> Result<(), Errno> {
        if self.size() == 0 || errno == Errno::EINVAL {
            return Err(errno); // from clone(2), or from clone3(2) itself
        }
        if let Some(obstacle) = known::look_for_obstacle() {
            return match self.aim_legacy(request, Some(obstacle)) {
                Err(Errno::ENOSYS) => Err(obstacle),
                outcome => outcome,
            };
        }
        if errno == Errno::E2BIG && self.can_shrink(request) {
            known::too_big(self.size());
            self.shrink(request);
            return Ok(());
        }
        Err(errno)
    }

    /// Goes down the ladder: `make` makes the call of each rung, until there is a child
    /// or no rung is left. The parent records the report.
    ///
    /// Inlined into the caller's frame, because some children run on the stack below it.
    #[inline(always)]
    pub fn drive(
        tid: Pid,
        request: &Request,
        make: impl FnMut(&Attempt) -> isize,
    ) -> Result<Pid, Errno> {
        let mut attempt = Attempt::new(tid);
        attempt.aim(request)?;
        attempt.go_down(request, make)
    }

    /// The same after the first rung was taken.
    #[inline(always)]
    pub fn go_down(
        &mut self,
        request: &Request,
        mut make: impl FnMut(&Attempt) -> isize,
    ) -> Result<Pid, Errno> {
        loop {
            match Errno::check(make(self)) {
                Ok(0) => return Ok(0),
                Ok(pid) => {
                    self.report(request);
                    return Ok(pid as Pid);
                }
                Err(errno) => self.after(request, errno)?,
            }
        }
    }

    /// Records the route of the request. For the parent only.
    pub fn report(&self, request: &Request) {
        // Without another cause it is EINVAL, the kernel's answer to the emulated flag.
        let unknown_flag = (!request.emulated.is_empty()).then_some(Errno::EINVAL);
        let record = Record {
            rung: self.rung,
            cause: self.cause.or(unknown_flag).map_or(0, |errno| errno.0 as u16),
            size: self.size() as u32,
            emulated: emulate::bits(request.emulated),
        };
        report::record(self.tid, record);
    }
}

/// Creates a child that has its own copy of this memory and returns here, in
/// both processes: the child's pid in the parent, 0 in the child. `tid` is the
/// calling thread's.
///
/// # Safety
/// `request.memory()` must be `Memory::Copied` and its stack none: anything
/// else would let two tasks run through one Rust frame.
#[cfg_attr(not(test), unsafe(link_section = ".text.entry"))]
pub unsafe fn create_copy(tid: Pid, request: &Request) -> Result<Pid, Errno> {
    Attempt::drive(tid, request, |attempt| {
        let [a, b, c, d, e] = attempt.call().args;
        // SAFETY: the memory is copied, so each return has frames of its own.
        unsafe { syscall(attempt.call().nr as _, [a, b, c, d, e, 0]) }
    })
}
