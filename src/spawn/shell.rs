// SPDX-License-Identifier: MIT OR Apache-2.0
//! `system`: a command for the shell, waited for.
//!
//! During a call SIGCHLD is blocked in the calling thread, and SIGINT and SIGQUIT are
//! ignored in the process. Of several concurrent calls the first ignores them, and the
//! last one restores them. If the thread is cancelled while it waits, the command is
//! killed and reaped.

use super::actions::{Action, Actions};
use super::child::{Attributes, Child, Parent, Program};
use super::failure::Failure;
use super::rare::Rare;
use super::stage::Stage;
use crate::host::{cancel, environment};
use crate::observe::{Note, Waiting};
use crate::uapi::Errno;
use crate::uapi::mutex::{Guarded, Lock, Mutex, Quiet};
use crate::uapi::sys::{self, KernelSigset, Pid};
use crate::uapi::task::{self, KernelSigaction};
use core::ffi::{c_char, c_int, c_void};
use core::ptr::null;

/// A child that is `/bin/sh -c -- COMMAND`.
///
/// # Safety
/// `command` must be a string.
pub unsafe fn start(
    note: Note,
    command: *const c_char,
    actions: &[Action],
    attributes: Attributes,
) -> Result<Pid, Failure> {
    let argv = [c"sh".as_ptr(), c"-c".as_ptr(), c"--".as_ptr(), command, null()];
    let mut child = Child {
        note,
        program: Program::Path(c"/bin/sh".as_ptr()),
        argv: argv.as_ptr(),
        envp: environment::all(),
        actions: Actions::Ours(actions),
        attributes,
        rare: Rare::NONE,
        pidfd: None,
        parent: Parent::UNWATCHED,
        birthplace: None,
    };
    // SAFETY: by the contract.
    unsafe { super::launch(&mut child) }
}

/// `system()`: the wait status of a shell that runs the command.
///
/// A shell that cannot be executed counts as one that exits with status 127. It fails if
/// no child could be created, or if another thread has reaped it.
///
/// # Safety
/// `command` must be a string.
pub unsafe fn system(note: Note, command: *const c_char) -> Result<c_int, Errno> {
    const COULD_NOT_EXECUTE: c_int = 127 << 8;
    let ignored = ignore_interrupts();
    let mask = sys::block_signals(signal_bit(libc::SIGCHLD));
    let attributes =
        Attributes { defaults: ignored.defaults(), mask: Some(mask), ..Attributes::NONE };
    // SAFETY: by the contract.
    match unsafe { start(note, command, &[], attributes) } {
        Ok(pid) => {
            let waiting = Waiting::begin(note);
            let mut running = Running { pid, mask };
            // SAFETY: abandon() runs only if the thread is cancelled and never returns to
            // this call.
            let outcome = unsafe { cancel::wait_for(pid, abandon, (&raw mut running).cast()) };
            if let Ok(status) = outcome {
                waiting.end(pid, status, None);
            }
            finish(mask);
            outcome
        }
        Err(failure) => {
            finish(mask);
            match failure.stage {
                Stage::Exec => Ok(COULD_NOT_EXECUTE),
                _ => Err(failure.errno),
            }
        }
    }
}

/// What the clean-up of a cancelled call needs.
struct Running {
    pid: Pid,
    mask: KernelSigset,
}

unsafe extern "C" fn abandon(running: *mut c_void) {
    // SAFETY: the Running of a call whose frame still exists.
    let Running { pid, mask } = unsafe { running.cast::<Running>().read() };
    _ = task::kill(pid, libc::SIGKILL);
    _ = task::wait_for(pid);
    finish(mask);
}

fn finish(mask: KernelSigset) {
    heed_interrupts();
    sys::restore_signals(mask);
}

fn signal_bit(signal: c_int) -> KernelSigset {
    1 << (signal - 1)
}

const INTERRUPTS: [c_int; 2] = [libc::SIGINT, libc::SIGQUIT];

/// The dispositions of the interrupts before they were ignored, and how many calls ignore
/// them.
#[derive(Clone, Copy)]
struct Ignored {
    calls: usize,
    before: [KernelSigaction; 2],
    /// The process was forked while its parent's threads had them ignored.
    inherited: bool,
}

static IGNORED: Mutex<Ignored> = Mutex::new(
    Lock::Interrupts,
    Ignored { calls: 0, before: [KernelSigaction::of(libc::SIG_DFL); 2], inherited: false },
);

impl Guarded for Ignored {
    /// The threads that made the calls do not exist in the child. The first call that
    /// ends here restores the dispositions.
    fn forget_parent(&mut self) {
        self.inherited = self.calls != 0;
        self.calls = 0;
    }
}

impl Ignored {
    /// The signals that the command must not ignore.
    fn defaults(&self) -> KernelSigset {
        let was = |&(_, before): &(c_int, KernelSigaction)| before.handler != libc::SIG_IGN;
        INTERRUPTS.into_iter().zip(self.before).filter(was).map(|(n, _)| signal_bit(n)).sum()
    }

    fn begin(&mut self) {
        if self.calls == 0 {
            for (signal, before) in INTERRUPTS.into_iter().zip(&mut self.before) {
                let ignore = KernelSigaction::of(libc::SIG_IGN);
                // SAFETY: SIG_IGN is no function.
                match unsafe { task::replace_disposition(signal as usize, &ignore) } {
                    Ok(was) if self.inherited && was.handler == libc::SIG_IGN => {}
                    Ok(was) => *before = was,
                    Err(_) => {}
                }
            }
            self.inherited = false;
        }
        self.calls += 1;
    }

    fn end(&mut self) {
        self.calls = self.calls.saturating_sub(1);
        if self.calls == 0 {
            for (signal, before) in INTERRUPTS.into_iter().zip(&self.before) {
                // SAFETY: what the program itself had, with its restorer.
                _ = unsafe { task::set_disposition(signal as usize, before) };
            }
        }
    }
}

fn ignore_interrupts() -> Ignored {
    let quiet = Quiet::begin();
    let mut ignored = IGNORED.lock(&quiet);
    ignored.begin();
    *ignored
}

fn heed_interrupts() {
    let quiet = Quiet::begin();
    IGNORED.lock(&quiet).end();
}

/// Whether there is a shell, as `system(NULL)` asks.
pub fn is_there(note: Note) -> bool {
    // SAFETY: a string.
    unsafe { system(note, c"exit 0".as_ptr()) == Ok(0) }
}
