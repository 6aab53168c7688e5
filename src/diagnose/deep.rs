// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests with real children what flags do.
//!
//! An emulator may accept a flag and ignore it (qemu-user runs CLONE_VM with CLONE_VFORK
//! as fork). So a process is created that runs the experiments: it creates a child for
//! each, by the library's own function, which the rooms above pass in, and examines it.
//! That process is a copy and may change its own state freely.

use crate::engine::{self, Request};
use crate::host;
use crate::uapi::flags::*;
use crate::uapi::sys::{self, Pid};
use crate::uapi::task::{self, KernelSigaction};
use crate::uapi::{CloneFlags, Errno, cred, file, pages};
use core::ffi::{c_int, c_void};
use core::ptr::{read_volatile, write_volatile};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Makes a child that runs a function on its argument, as `process::call::create`.
pub type Create = unsafe fn(
    &Request,
    unsafe extern "C" fn(*mut c_void) -> c_int,
    *mut c_void,
) -> Result<Pid, Errno>;

/// What the experiments showed: flags that had their effect, and flags that were accepted
/// and had none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Effective.
    pub verified: CloneFlags,
    /// Accepted, and without effect.
    pub ignored: CloneFlags,
}

/// Runs every experiment whose flags are among these. Fails, with EAGAIN for example,
/// where no process can be created.
///
/// The experimenting process is reaped here. It has no exit signal where the kernel
/// allows that.
///
/// # Safety
/// `create` must be sound wherever the function given to it is.
pub unsafe fn look(flags: CloneFlags, create: Create) -> Result<Seen, Errno> {
    if flags.is_empty() {
        return Ok(Seen::default());
    }
    let page = pages::map_shared_pages(PAGE)?.cast::<Report>();
    let quiet = Request { exit_signal: 0, ..Request::FORK };
    let mask = sys::block_signals_but_traps();
    // SAFETY: a copy of the memory, no stack.
    let copy = |request: &Request| unsafe { engine::create_copy(host::tid(), request) };
    let made = match copy(&quiet) {
        // qemu-user can fork with SIGCHLD only.
        Err(Errno::EINVAL) => copy(&Request::FORK),
        made => made,
    };
    if made == Ok(0) {
        _ = task::set_pdeath_signal(libc::SIGKILL); // without the caller the report has no reader
        // SAFETY: by the contract; the page is ours and zeroed, which is a Report.
        unsafe { experiment(flags, create, &*page) };
        sys::exit_group(0);
    }
    sys::restore_signals(mask);
    let seen = made.map(|pid| {
        let _ = task::wait_for(pid);
        // SAFETY: the page is ours; its other writer has ended.
        let report = unsafe { &*page };
        let flags = |seen: &AtomicU64| CloneFlags::from_bits(seen.load(Relaxed));
        Seen { verified: flags(&report.verified), ignored: flags(&report.ignored) }
    });
    // SAFETY: the page is not read again.
    unsafe { pages::unmap_pages(page.cast(), PAGE) };
    seen
}

const PAGE: usize = 4096;

/// In a shared page, because the flags under test are also those about memory.
#[repr(C)]
struct Report {
    verified: AtomicU64,
    ignored: AtomicU64,
}

/// What an experiment's child examines, and what its creator left in the memory that may
/// or may not be shared.
struct Scene {
    check: fn(&Scene) -> bool,
    written: c_int,
    child_tid: Pid,
}

/// The exit status of a child that saw what was expected; 0 is that of a child that did
/// not run its function.
const SEEN: c_int = 7;
const NOT_SEEN: c_int = 8;

unsafe extern "C" fn play(scene: *mut c_void) -> c_int {
    let scene = scene.cast::<Scene>();
    // SAFETY: the scene of [`run`], copied or lent.
    unsafe {
        write_volatile(&raw mut (*scene).written, 1);
        if ((*scene).check)(&*scene) { SEEN } else { NOT_SEEN }
    }
}

/// How one experiment ended.
struct Played {
    pid: Pid,
    status: Result<c_int, Errno>,
    written: bool,
    parent_tid: Pid,
    child_tid: Pid,
    pidfd: c_int,
}

impl Played {
    fn child_saw_it(&self) -> bool {
        self.status == Ok(SEEN << 8)
    }
}

/// # Safety
/// As [`look`].
unsafe fn run(flags: CloneFlags, create: Create, check: fn(&Scene) -> bool) -> Option<Played> {
    let mut scene = Scene { check, written: 0, child_tid: 0 };
    let (mut parent_tid, mut pidfd): (Pid, c_int) = (0, -1);
    // The exit signal goes to the experimenting process only.
    let told = if !flags.contains(CLONE_AUTOREAP) { libc::SIGCHLD as u64 } else { 0 };
    let request = Request {
        flags,
        exit_signal: told,
        parent_tid: &raw mut parent_tid as u64,
        child_tid: &raw mut scene.child_tid as u64,
        pidfd: &raw mut pidfd as u64,
        ..Request::FORK
    };
    let scene = &raw mut scene;
    // SAFETY: play is sound in a copy, and in lent memory while we wait.
    let pid = unsafe { create(&request, play, scene.cast()) }.ok()?;
    // SAFETY: in our own frame; written by the child, hence volatile. Read before the
    // child is waited for: it has written by now only if we were suspended (CLONE_VFORK).
    let written = unsafe { read_volatile(&raw const (*scene).written) } != 0;
    let status = task::wait_for(pid);
    // SAFETY: as above.
    unsafe {
        Some(Played {
            pid,
            status,
            written,
            parent_tid: read_volatile(&raw const parent_tid),
            child_tid: read_volatile(&raw const (*scene).child_tid),
            pidfd: read_volatile(&raw const pidfd),
        })
    }
}

fn yes(_: &Scene) -> bool {
    true
}

/// An experiment: the flag it is about, what else it needs, what the child
/// checks and what its creator does afterwards.
type Experiment = (CloneFlags, CloneFlags, fn(&Scene) -> bool, fn(&Played) -> bool);

const NONE: CloneFlags = CloneFlags::NONE;

const EXPERIMENTS: [Experiment; 11] = [
    (CLONE_VM.union(CLONE_VFORK), NONE, yes, |played| played.written),
    (CLONE_FILES, NONE, |_| file::close(SPARE), |_| !file::is_open(SPARE)),
    (CLONE_FS, NONE, |_| task::umask(0o123) != 0o123, |_| task::umask(0o022) == 0o123),
    (CLONE_PIDFD, NONE, yes, |played| played.pidfd >= 0 && file::is_open(played.pidfd)),
    (CLONE_PARENT_SETTID, NONE, yes, |played| played.parent_tid == played.pid),
    (CLONE_CHILD_SETTID, NONE, |scene| scene.child_tid == sys::gettid(), Played::child_saw_it),
    (CLONE_CHILD_CLEARTID, CLONE_VM.union(CLONE_VFORK).union(CLONE_CHILD_SETTID), yes, |played| {
        played.written && played.child_tid == 0
    }),
    (CLONE_CLEAR_SIGHAND, NONE, |_| !is_handled(), Played::child_saw_it),
    (
        CLONE_NNP,
        NONE,
        |_| cred::no_new_privs(),
        |played| played.child_saw_it() && !cred::no_new_privs(),
    ),
    (CLONE_NEWPID, NONE, |_| task::getpid() == 1, Played::child_saw_it),
    (CLONE_AUTOREAP, NONE, yes, |played| played.status == Err(Errno(libc::ECHILD))),
];

/// A descriptor that the child closes, for both processes or for itself only.
const SPARE: c_int = 0;

fn open_spare() {
    if file::is_open(SPARE) {
        return;
    }
    // The lowest free one, which is SPARE.
    let _ = file::open(c"/", libc::O_PATH);
}

fn is_handled() -> bool {
    task::disposition(libc::SIGUSR1 as usize).is_ok_and(|action| action.is_handled())
}

/// # Safety
/// As [`look`].
unsafe fn experiment(flags: CloneFlags, create: Create, report: &Report) {
    // If it were ignored or had SA_NOCLDWAIT, the children would vanish before they are
    // examined.
    let default = KernelSigaction::of(libc::SIG_DFL);
    // SAFETY: no function.
    let _ = unsafe { task::set_disposition(libc::SIGCHLD as usize, &default) };
    // A handler that is never run: all signals are blocked.
    let handled = KernelSigaction::of(yes as *const () as usize);
    // SAFETY: as above.
    let _ = unsafe { task::set_disposition(libc::SIGUSR1 as usize, &handled) };
    task::umask(0o022);
    for (flag, company, check, creator_sees) in EXPERIMENTS {
        if !flags.contains(flag | company) || (flag == CLONE_NNP && cred::no_new_privs()) {
            continue;
        }
        open_spare();
        // SAFETY: by the contract.
        let played = unsafe { run(flag | company, create, check) };
        let Some(played) = played else { continue };
        let column = if creator_sees(&played) { &report.verified } else { &report.ignored };
        column.fetch_or(flag.bits(), Relaxed);
    }
}
