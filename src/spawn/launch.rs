// SPDX-License-Identifier: MIT OR Apache-2.0
//! The parent's part: one child for a plan, and what became of it.
//!
//! A plain one costs seven system calls: the mask twice, gettid for the report,
//! clone3, and in the child the mask and exec; the seventh is the caller's wait.
//!
//! All signals are blocked from before the call until after it, the libc's own
//! among them: no handler runs in the child, no asynchronous cancellation
//! strikes between the call and the report of it, and as nothing here is a
//! cancellation point, a deferred one waits for the caller's next.

use super::child::{Job, clone3_spawn_child};
use super::exchange::Exchange;
use super::function;
use super::plan::{Failure, Plan, Stage};
use crate::arch::{Syscall, trampoline};
use crate::engine::{Attempt, Memory, Request, Route, Stack, emulate};
use crate::host;
use crate::uapi::flags::*;
use crate::uapi::sys::{self, KernelSigset, Pid};
use crate::uapi::{Errno, file, task};
use core::ffi::{c_int, c_void};
use core::hint::black_box;
use core::mem::MaybeUninit;
use core::ptr::null;
use core::sync::atomic::AtomicU32;

trampoline!("clone3_start_spawn", no_setup);

unsafe extern "C" {
    fn clone3_start_spawn(
        call: *const Syscall,
        start: unsafe extern "C" fn(*mut c_void) -> c_int,
        argument: *mut c_void,
        setup: *const c_void,
    ) -> isize;
}

/// Never called: no setup is passed.
unsafe extern "C" fn no_setup(_: *const c_void) {}

/// Makes the child of a plan. Failed steps leave no child, no descriptor and no
/// changed mask behind.
///
/// Async-signal-safe and thread-safe.
///
/// # Safety
/// What the plan points at must be what it is said to be.
pub unsafe fn launch(plan: &mut Plan) -> Result<Pid, Failure> {
    let mask = sys::block_all_signals();
    // SAFETY: by the contract.
    let outcome = unsafe { launch_blocked(plan, mask) };
    sys::restore_signals(mask);
    outcome
}

/// What a child takes of the caller's stack, at most: most of it is the list of
/// descriptors in `close`.
const STACK: usize = 3 << 10;

/// Looks at the end of the child's stack. If that is where the caller's stack ends,
/// the caller faults, as in any call that there is no room for, instead of a child
/// that nobody could tell from a program which did.
#[inline(never)]
fn look_down() {
    let room = MaybeUninit::<[u8; STACK]>::uninit();
    // The compiler keeps no array of which it sees only one byte used.
    let lowest = black_box(&raw const room).cast::<MaybeUninit<u8>>();
    // SAFETY: the lowest byte of an array, which may hold anything.
    unsafe { lowest.read_volatile() };
}

/// # Safety
/// As [`launch`].
pub unsafe fn launch_blocked(plan: &mut Plan, mask: KernelSigset) -> Result<Pid, Failure> {
    look_down();
    let mut pidfd: c_int = -1;
    let wanted = request_of(plan, &mut pidfd);
    let emulated = emulate::lacking(wanted.flags);
    let dumpable = plan.changes_ids() && task::is_dumpable();
    // SAFETY: by the contract.
    let mut outcome = unsafe { one(plan, &wanted.with_emulated(emulated), mask) };
    if let Err(Failure { stage: Stage::Create, .. }) = outcome {
        // The call may have met a flag that the kernel does not know.
        let found = emulate::find_lacking(wanted.flags);
        if found != emulated {
            // SAFETY: by the contract; there is no child yet.
            outcome = unsafe { one(plan, &wanted.with_emulated(found), mask) };
        }
    }
    // Whoever takes other ids makes its memory undumpable, which was this process's.
    // The child has its own by now. A thread that changes the ids of all waits for
    // this one, which then does the same again.
    if dumpable && !task::is_dumpable() {
        task::set_dumpable();
    }
    match (&outcome, &mut plan.pidfd) {
        (Ok(_), Some(place)) => **place = pidfd,
        _ if pidfd >= 0 => _ = file::close(pidfd),
        _ => {}
    }
    outcome
}

/// The child as the kernel is asked for it.
pub fn request_of(plan: &Plan, pidfd: &mut c_int) -> Request {
    let mut request = Request::VFORK;
    request.flags |= CLONE_CLEAR_SIGHAND;
    if plan.pidfd.is_some() {
        request.flags |= CLONE_PIDFD;
        request.pidfd = &raw mut *pidfd as u64;
    }
    if let Some(directory) = plan.attributes.cgroup {
        request.flags |= CLONE_INTO_CGROUP;
        request.cgroup = directory as u64;
    }
    if let Some(extras) = plan.extras {
        extras.adjust(&mut request);
    }
    request
}

/// # Safety
/// As [`launch`].
unsafe fn one(plan: &Plan, request: &Request, mask: KernelSigset) -> Result<Pid, Failure> {
    match plan.extras {
        Some(extras) if request.memory() == Memory::Copied && !request.waits() => {
            return function::create(plan, extras, request, mask);
        }
        _ => {}
    }
    let mut exchange = Exchange::new();
    if request.memory() != Memory::Lent {
        exchange.use_page().map_err(Failure::at(Stage::Create))?;
    }
    // SAFETY: by the contract.
    let pid = unsafe { create(plan, request, mask, &mut exchange) }
        .map_err(Failure::at(Stage::Create))?;
    match exchange.heard() {
        None => Ok(pid),
        Some(failure) => {
            // Where SIGCHLD is ignored there is nothing to wait for.
            _ = task::wait_for(pid);
            Err(failure)
        }
    }
}

/// # Safety
/// As [`launch`].
unsafe fn create(
    plan: &Plan,
    request: &Request,
    mask: KernelSigset,
    exchange: &mut Exchange,
) -> Result<Pid, Errno> {
    let pidfd = plan.pidfd.is_some().then_some(request.pidfd as usize as *const c_int);
    let mut attempt = Attempt::new(host::tid());
    attempt.aim(request)?;
    loop {
        if attempt.is_legacy() {
            exchange.suit_legacy(plan)?;
        }
        let emulated = request.emulated;
        let job = Job { plan, exchange, pidfd, mask, emulated };
        let argument = (&raw const job).cast_mut().cast();
        // SAFETY: the child works below this frame, which stays while it does.
        let raw =
            unsafe { clone3_start_spawn(attempt.call(), clone3_spawn_child, argument, null()) };
        match Errno::check(raw) {
            Ok(pid) => {
                attempt.report(request);
                return Ok(pid as Pid);
            }
            Err(errno) => attempt.after(request, errno)?,
        }
    }
}

/// Makes a child by clone(2) that has borrowed this memory, or a copy of it.
/// Signals are blocked.
pub fn run_legacy(
    start: unsafe extern "C" fn(*mut c_void) -> c_int,
    argument: *mut c_void,
) -> Result<Pid, Errno> {
    let request = Request { route: Route::Legacy, ..Request::VFORK };
    let mut attempt = Attempt::new(host::tid());
    attempt.aim(&request)?;
    // SAFETY: the child works below this frame, which stays while it does.
    let raw = unsafe { clone3_start_spawn(attempt.call(), start, argument, null()) };
    Errno::check(raw).map(|pid| pid as Pid)
}

/// Makes a task that runs beside the caller in its memory, with its files, on a
/// stack of its own, and sends no signal at its end. Its id is at `there` until it
/// has ended, in whatever way. Signals are blocked.
pub fn start_beside(
    stack: Stack,
    there: &AtomicU32,
    start: unsafe extern "C" fn(*mut c_void) -> c_int,
    argument: *mut c_void,
) -> Result<Pid, Errno> {
    let flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
    let tid = there.as_ptr() as usize as u64;
    let request =
        Request { flags, exit_signal: 0, stack, parent_tid: tid, child_tid: tid, ..Request::FORK };
    let mut attempt = Attempt::new(host::tid());
    attempt.aim(&request)?;
    loop {
        // SAFETY: the task never comes back into this frame, and has its own stack.
        let raw = unsafe { clone3_start_spawn(attempt.call(), start, argument, null()) };
        match Errno::check(raw) {
            Ok(pid) => return Ok(pid as Pid),
            Err(errno) => attempt.after(&request, errno)?,
        }
    }
}
