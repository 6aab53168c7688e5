// SPDX-License-Identifier: MIT OR Apache-2.0
//! The parent's part: creates one child by its description, and learns whether it
//! succeeded.
//!
//! A plain one costs six system calls: the mask twice, clone3, and in the child the
//! mask and exec; the sixth is the caller's wait.
//!
//! All signals are blocked from before the call until after it, the libc's own among
//! them: no handler runs in the child, and asynchronous cancellation cannot act between
//! the call and its result. Nothing here is a cancellation point, so deferred
//! cancellation waits for the caller's next one.
//!
//! The exception is SIGSYS, by which a filter may answer clone3(2): it stays unblocked if
//! the kernel resets the child's handlers (CLONE_CLEAR_SIGHAND). A child on lent memory
//! that has to reset them itself starts with SIGSYS blocked, too.

use super::actions::Action;
use super::child::{Child, Program};
use super::credentials::Changes;
use super::exchange::Exchange;
use super::failure::Failure;
use super::job::Job;
use super::recording::Recording;
use super::stage::Stage;
use super::steps::clone3_spawn_child;
use super::{copied, request, verdict};
use crate::arch::{Syscall, trampoline};
use crate::engine::{Attempt, Memory, Request, emulate};
use crate::host;
use crate::observe::{self, Creation, Environment, Room};
use crate::uapi::flags::*;
use crate::uapi::sys::{self, KernelSigset, Pid};
use crate::uapi::{Errno, file, task};
use core::ffi::{c_int, c_void};
use core::hint::black_box;
use core::mem::MaybeUninit;
use core::ptr::null;

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

/// Creates the child. A failed step leaves no child, no descriptor and no changed mask
/// behind.
///
/// Async-signal-safe and thread-safe.
///
/// # Safety
/// The pointers in the description must be valid for their types.
pub unsafe fn launch(child: &mut Child) -> Result<Pid, Failure> {
    let mask = sys::block_signals_but_traps();
    // SAFETY: by the contract.
    let outcome = unsafe { launch_blocked(child, mask) };
    sys::restore_signals(mask);
    outcome
}

/// The most that a child uses of the caller's stack, below the frame of `lent`, or of
/// `copied` in its copy.
const STACK: usize = 976 + FRAMES;
/// The same where a path is assembled there, or a list of descriptors is processed or
/// read.
const MORE_STACK: usize = 1264 + FRAMES;
/// The same with mounts or a new root.
const MOST_STACK: usize = 1296 + FRAMES;
/// The same where the child is recorded.
const RECORDED_STACK: usize = 2048 + MOST_STACK;
/// The numbers above are x86_64's. The others save more registers in each frame.
const FRAMES: usize = if cfg!(target_arch = "x86_64") { 0 } else { 512 };

/// Touches the lowest byte that the child will use of the stack. If the caller's stack is
/// too small, the fault is the caller's, as in any other call, and not the child's, where
/// it could not be told from a crash of the program.
#[inline(never)]
fn look_down<const DEPTH: usize>() {
    let room = MaybeUninit::<[u8; DEPTH]>::uninit();
    // black_box, because the compiler would drop an array of which only one byte is used.
    let lowest = black_box(&raw const room).cast::<MaybeUninit<u8>>();
    // SAFETY: the lowest byte of an array, which may hold anything.
    unsafe { lowest.read_volatile() };
}

fn takes_more(child: &Child) -> bool {
    let lists = |action: Action| matches!(action, Action::CloseFrom { .. });
    matches!(child.program, Program::Search(_))
        || child.rare.descriptors.is_some()
        || child.actions.clone().any(lists)
}

/// # Safety
/// As [`launch`].
pub unsafe fn launch_blocked(child: &mut Child, mask: KernelSigset) -> Result<Pid, Failure> {
    match () {
        () if observe::is_on() => look_down::<RECORDED_STACK>(),
        () if child.rare.mounts_or_pivots() => look_down::<MOST_STACK>(),
        () if takes_more(child) => look_down::<MORE_STACK>(),
        () => look_down::<STACK>(),
    }
    let mut pidfd: c_int = -1;
    let changes = Changes::of(child);
    let mut request = request::of(child, changes, &mut pidfd);
    let creation = Creation::begin(child.note, &request);
    request.emulate(emulate::lacking(request.flags, request.emulable));
    // SAFETY: by the contract.
    let mut outcome = unsafe { prepared(creation, child, &request, mask, changes) };
    if let Err(Failure { stage: Stage::Create, .. }) = outcome {
        // This call may have been the first to use a flag that the kernel does not know.
        let wanted = request.flags | request.emulated;
        let found = emulate::find_lacking(wanted, request.emulable);
        if found != request.emulated {
            request.flags = wanted;
            request.emulate(found);
            // SAFETY: by the contract; there is no child yet.
            outcome = unsafe { prepared(creation, child, &request, mask, changes) };
        }
    }
    match outcome {
        Ok(pid) => creation.end(Ok(pid)),
        Err(failure) => creation.end_at(failure.stage as u32, failure.errno),
    }
    match (&outcome, &mut child.pidfd) {
        (Ok(_), Some(place)) => **place = pidfd,
        _ if pidfd >= 0 => _ = file::close(pidfd),
        _ => {}
    }
    outcome
}

/// # Safety
/// As [`launch`].
#[inline(always)]
unsafe fn prepared(
    creation: Creation,
    child: &mut Child,
    request: &Request,
    mask: KernelSigset,
    changes: Changes,
) -> Result<Pid, Failure> {
    match creation.is_recorded() {
        // SAFETY: by the contract.
        false => unsafe { one(child, request, mask, changes, None) },
        // SAFETY: by the contract.
        true => unsafe { recorded(creation, child, request, mask, changes) },
    }
}

/// With an environment by which its program is recorded, too. A function of its own
/// because of its stack use.
///
/// # Safety
/// As [`launch`].
#[cold]
#[inline(never)]
unsafe fn recorded(
    creation: Creation,
    child: &Child,
    request: &Request,
    mask: KernelSigset,
    changes: Changes,
) -> Result<Pid, Failure> {
    let mut room = Room::new();
    let recording = Recording::new(creation, Environment::of(child.envp, &mut room));
    // SAFETY: by the contract; the child has executed or ended when this returns.
    let outcome = unsafe { one(child, request, mask, changes, Some(&recording)) };
    recording.release();
    outcome
}

/// # Safety
/// As [`launch`].
unsafe fn one(
    child: &Child,
    request: &Request,
    mask: KernelSigset,
    changes: Changes,
    recording: Option<&Recording>,
) -> Result<Pid, Failure> {
    match request.memory() {
        Memory::Copied => copied::create(child, request, mask, changes, recording),
        // SAFETY: by the contract.
        _ => unsafe { lent(child, request, mask, recording) },
    }
}

/// Creates a child on lent memory.
///
/// # Safety
/// As [`launch`].
#[inline(never)] // the child runs below this frame or `copied`'s, not below both
unsafe fn lent(
    child: &Child,
    request: &Request,
    mask: KernelSigset,
    recording: Option<&Recording>,
) -> Result<Pid, Failure> {
    let mut exchange = Exchange::new();
    if let Some(recording) = recording {
        recording.lend();
    }
    // SAFETY: by the contract.
    let created = unsafe { create(child, request, mask, &mut exchange, recording) };
    if let Some(recording) = recording {
        recording.take_back();
    }
    let pid = created.map_err(Failure::at(Stage::Create))?;
    match exchange.heard().or_else(|| verdict::died_of_filter(child, pid)) {
        None => Ok(pid),
        Some(failure) => {
            // If SIGCHLD is ignored there is nothing to reap.
            _ = task::wait_for(pid);
            Err(failure)
        }
    }
}

/// # Safety
/// As [`launch`].
unsafe fn create(
    child: &Child,
    request: &Request,
    mask: KernelSigset,
    exchange: &mut Exchange,
    recording: Option<&Recording>,
) -> Result<Pid, Errno> {
    let pidfd = child.pidfd.is_some().then_some(request.pidfd as usize as *const c_int);
    Attempt::drive(host::tid(), request, |attempt| {
        if attempt.is_legacy() || !request.flags.contains(CLONE_CLEAR_SIGHAND) {
            sys::block_all_signals();
        }
        if attempt.is_legacy() {
            exchange.suit_legacy(child);
        }
        let emulated = request.emulated;
        let changes = Changes::default();
        let page = None;
        let job = Job { child, exchange, pidfd, mask, emulated, page, changes, recording };
        let argument = (&raw const job).cast_mut().cast();
        // SAFETY: the child runs below this frame, which outlives that.
        unsafe { clone3_start_spawn(attempt.call(), clone3_spawn_child, argument, null()) }
    })
}
