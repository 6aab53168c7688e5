// SPDX-License-Identifier: MIT OR Apache-2.0
//! Steps of a child that must not outlive its parent, or needs it.

use super::failure::{FAILED, Failure};
use super::job::Job;
use super::kept::Kept;
use super::stage::Stage;
use crate::uapi::{sys, task, wait};

/// The child waits for its id maps, and ends if its parent ends.
#[inline(never)]
pub fn await_maps(job: &Job, kept: &Kept) {
    let Some(page) = job.page else { return };
    // The signal comes also if only the calling thread ends, which lives until it has
    // answered.
    _ = task::set_pdeath_signal(libc::SIGKILL);
    if !page.ask(|| is_orphaned(job, kept)) {
        sys::exit_group(FAILED);
    }
    _ = task::set_pdeath_signal(0);
}

/// If the parent has ended before, the kernel sends no parent-death signal: the child
/// sends it to itself. The first process of a pid namespace may ignore it, and exits.
#[inline(never)]
pub fn set_pdeath_signal(job: &Job, kept: &Kept) -> Result<(), Failure> {
    let signal = job.child.rare.pdeath_signal;
    if signal == 0 {
        return Ok(());
    }
    task::set_pdeath_signal(signal).map_err(Failure::at(Stage::PdeathSignal))?;
    if is_orphaned(job, kept) {
        let raised = task::raise(signal);
        if raised.is_err() || job.child.rare.leaves_pid_namespace() {
            sys::exit_group(FAILED);
        }
    }
    Ok(())
}

/// Whether the caller has ended. False if it is not known: the caller has no pid in the
/// child's namespace and no pidfd could be opened, so that only the parent-death signal
/// remains; or a filter answers getppid(2) with an errno (real pids are above 0).
fn is_orphaned(job: &Job, kept: &Kept) -> bool {
    if kept.parent >= 0 {
        return wait::is_readable(kept.parent);
    }
    let (parent, expected) = (task::getppid(), job.child.parent.pid);
    parent > 0 && expected > 0 && parent != expected
}
