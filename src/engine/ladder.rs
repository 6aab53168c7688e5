// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which system call is tried, and which one after it.
//!
//! 1. clone3 as asked.
//! 2. On E2BIG, clone3 with the smallest published size that holds every field
//!    in use.
//! 3. Where clone3 itself is out of reach (a kernel before 5.3, a sandbox that
//!    answers in the kernel's place), legacy clone if it can say the same.
//! 4. Otherwise the errno that was given.
//!
//! Out of reach is told from refused by `clone3(NULL, 0)`, which a kernel that
//! has the call answers with EINVAL and nothing else. Flags that the library
//! stands in for are gone from the request before it comes here (`emulate`).

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
    /// The calling thread's id, by which its report is found.
    tid: Pid,
}

impl Attempt {
    /// An attempt at nothing yet, of the thread with this id.
    pub fn new(tid: Pid) -> Attempt {
        Attempt {
            call: Syscall::default(),
            wire: clone_args::default(),
            rung: Rung::None,
            cause: None,
            tid,
        }
    }

    /// Where in it [`Attempt::call`] lies.
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

    /// Takes the first rung that can carry the request, by what earlier calls
    /// found out.
    pub fn aim(&mut self, request: &Request) -> Result<(), Errno> {
        let aimed = self.first_rung(request);
        if aimed.is_err() {
            self.report(request);
        }
        aimed
    }

    /// The same for a request that came from vfork(), clone() or syscall() of these: the
    /// libcs' own make no clone3(2). So where a filter might answer by SIGSYS while that is
    /// blocked, which ends the process (CPython's subprocess), it is by clone(2) here too.
    ///
    /// A request in a struct of the caller's was for clone3(2) itself.
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

    /// Apart, for the stack that it takes.
    #[cold]
    #[inline(never)]
    fn aim_elsewhere(&mut self, request: &Request, obstacle: Option<Errno>) -> Result<(), Errno> {
        if request.route == Route::Legacy {
            return self.aim_legacy(request, None);
        }
        match obstacle {
            // The obstacle may be another thread's. So what only clone3 can carry
            // is refused by an answer that this very thread got just now.
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

    /// Whether a smaller size holds all there is. A kernel that knows the call
    /// takes zeroes behind the fields it knows, up to the size of a page, and
    /// refuses more as a rule of its own: that one is left to it.
    fn can_shrink(&self, request: &Request) -> bool {
        !request.wire.is_some_and(|wire| wire.holds_more)
            && (request.wire_size() + 1..=SMALLEST_PAGE).contains(&self.size())
    }

    fn shrink(&mut self, request: &Request) {
        self.rung = Rung::Smaller;
        self.cause = Some(Errno::E2BIG);
        self.call.args[1] = request.wire_size();
    }

    /// Takes the next rung after the last one gave `errno`; gives the errno to
    /// fail with when there is none.
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

    /// Down the ladder: `make` makes the call of one attempt after the other, until there
    /// is a child or no rung is left. The result is the call's; the report is the parent's.
    ///
    /// In the caller's frame, because some children run below it.
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

    /// Records what becomes of the request. For the parent only.
    pub fn report(&self, request: &Request) {
        // A flag is emulated where the kernel calls it invalid, if not for
        // another reason.
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
pub unsafe fn create_copy(tid: Pid, request: &Request) -> Result<Pid, Errno> {
    Attempt::drive(tid, request, |attempt| {
        let [a, b, c, d, e] = attempt.call().args;
        // SAFETY: the memory is copied, so each return has frames of its own.
        unsafe { syscall(attempt.call().nr as _, [a, b, c, d, e, 0]) }
    })
}
