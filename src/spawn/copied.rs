// SPDX-License-Identifier: MIT OR Apache-2.0
//! A child with a copy of the memory: one that may get other credentials (`credentials`),
//! enters a time namespace, or runs a function of the caller's instead of a program, with
//! the C library repaired.
//!
//! The kernel does not suspend the caller. It sleeps on a page that it shares with the
//! child until the child has executed, or is about to run its function. Meanwhile the
//! caller has its own signal mask but for a few signals: a user whose ids the child has
//! taken may stop the child, and must not keep the caller from its signals that way. The
//! libc's own signals are needed, too: another thread's setuid() reaches this one by
//! them. Handlers may run then. The library holds nothing that they could need: no lock,
//! and no place in another pid namespace.

use super::child::{Child, Program};
use super::credentials::Changes;
use super::exchange::Exchange;
use super::failure::{FAILED, Failure};
use super::job::Job;
use super::page::{Seen, SharedPage};
use super::recording::Recording;
use super::stage::Stage;
use super::{id_maps, steps, verdict};
use crate::engine::{self, Request, report};
use crate::host::{self, ClearTid, Repair, cancel};
use crate::observe::Creation;
use crate::uapi::flags::CLONE_PIDFD;
use crate::uapi::sys::{self, KernelSigset, Pid};
use crate::uapi::{Errno, fate, mutex, task};
use core::ffi::c_int;
use core::ptr::read_volatile;

/// Makes the child, by a request that copies the memory. Signals are blocked, and
/// `mask` is the caller's.
#[inline(never)]
pub fn create(
    child: &Child,
    request: &Request,
    mask: KernelSigset,
    changes: Changes,
    recording: Option<&Recording>,
) -> Result<Pid, Failure> {
    let at_creation = Failure::at(Stage::Create);
    let runs_function = child.runs_function();
    let page = SharedPage::map().map_err(&at_creation)?;
    let mut exchange = Exchange::new();
    if !runs_function && !sys::has_robust_lists() {
        exchange.open_pipe(child).map_err(&at_creation)?;
    }
    let repair = if runs_function { host::repair() } else { None };
    // SAFETY: the memory is copied, on the caller's stack.
    let pid = match unsafe { engine::create_copy(host::tid(), request) }.map_err(&at_creation)? {
        0 => {
            let emulated = request.emulated;
            let page = Some(&page);
            let (exchange, pidfd) = (&exchange, None);
            let job = Job { child, exchange, pidfd, mask, emulated, page, changes, recording };
            run(&job, repair)
        }
        pid => pid,
    };
    if let Some(elsewhere) = child.birthplace {
        elsewhere.come_back();
    }
    let let_in = mask | signal_bit(request.exit_signal) | signal_bit(cancel::signal());
    sys::restore_signals(let_in);
    let failure = match lacks_pidfd(request) {
        // Before Linux 5.2 clone(2) accepts CLONE_PIDFD and ignores it.
        true => {
            _ = task::kill(pid, libc::SIGKILL);
            Some(Failure::at(Stage::Pidfd)(Errno::ENOSYS))
        }
        false => await_child(child, &page, &mut exchange, pid),
    };
    if failure.is_some() {
        // If SIGCHLD is ignored there is nothing to reap.
        _ = task::wait_for(pid);
    }
    sys::block_signals_but_traps();
    failure.map_or(Ok(pid), Err)
}

/// The child's exit signal stays blocked: a handler that reaps any child could reap one
/// whose failure has not been reported yet.
fn signal_bit(signal: u64) -> KernelSigset {
    match signal {
        1..=64 => 1 << (signal - 1),
        _ => 0,
    }
}

fn lacks_pidfd(request: &Request) -> bool {
    let place = request.pidfd as usize as *const c_int;
    // SAFETY: the place of `launch`; volatile, as the kernel has written there.
    request.flags.contains(CLONE_PIDFD) && unsafe { read_volatile(place) } < 0
}

/// The child.
fn run(job: &Job, repair: Option<Repair>) -> ! {
    mutex::in_copy();
    if job.child.runs_function() {
        let tid = match &repair {
            // SAFETY: looked up in the thread that was copied.
            Some(repair) => unsafe { repair.apply(ClearTid::Unset) },
            None => sys::gettid(),
        };
        report::forget(tid);
        match job.recording {
            Some(recording) => recording.in_child(tid),
            None => Creation::NONE.in_child(tid),
        }
    } else if let Some(page) = job.page {
        page.enlist();
    }
    match (steps::take(job), &job.child.program) {
        (Ok(()), Program::Function((function, argument))) => {
            if let Some(page) = job.page {
                page.say_there(job.child.rare.filter.is_null());
            }
            // SAFETY: the setter's contract.
            sys::exit_group(unsafe { function(*argument) })
        }
        (outcome, _) => {
            if let (Some(page), Err(failure)) = (job.page, outcome) {
                page.tell(failure);
            }
            sys::exit_group(FAILED)
        }
    }
}

/// The caller's part: waits until the child has succeeded or failed. A child that was
/// killed before that reports nothing; it stays for the caller to reap.
fn await_child(
    child: &Child,
    page: &SharedPage,
    exchange: &mut Exchange,
    pid: Pid,
) -> Option<Failure> {
    let mut maps = Some(child.rare).filter(|rare| rare.writes_id_maps());
    let mut milliseconds: c_int = 1;
    loop {
        let word = match page.look() {
            Seen::IsThere => return None,
            Seen::IsGone => return page.failure().or_else(|| verdict::died_of_filter(child, pid)),
            Seen::AtWork(word) => word,
            Seen::Asks(word) => match maps.take() {
                None => word,
                Some(rare) => {
                    let written = id_maps::write(rare, pid);
                    page.answer(written.is_ok());
                    match written {
                        Ok(()) => continue,
                        Err(failure) => return Some(failure),
                    }
                }
            },
        };
        page.sleep(word, milliseconds.into());
        // It may have reported before it ended.
        if fate::has_ended(pid) || exchange.is_hung_up() {
            return match page.look() {
                Seen::IsThere => None,
                _ => page.failure().or_else(|| verdict::died_of_filter(child, pid)),
            };
        }
        milliseconds = c_int::min(milliseconds * 2, 20);
    }
}
