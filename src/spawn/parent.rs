// SPDX-License-Identifier: MIT OR Apache-2.0
//! A child that does not outlive its parent, or needs it.

use super::failure::{FAILED, Failure};
use super::job::Job;
use super::kept::Kept;
use super::stage::Stage;
use crate::uapi::{sys, task, wait};

/// The child waits for its id maps, and ends with its parent.
#[inline(never)]
pub fn await_maps(job: &Job, kept: &Kept) {
    let Some(page) = job.page else { return };
    // Also if only the calling thread ends. Until the caller has answered it lives.
    _ = task::set_death_signal(libc::SIGKILL);
    if !page.ask(|| is_orphaned(job, kept)) {
        sys::exit_group(FAILED);
    }
    _ = task::set_death_signal(0);
}

/// A parent that has ended by now sends no signal: the child gets it here. The
/// first process of a pid namespace may be deaf to it, and ends.
#[inline(never)]
pub fn set_death_signal(job: &Job, kept: &Kept) -> Result<(), Failure> {
    let signal = job.child.rare.death_signal;
    if signal == 0 {
        return Ok(());
    }
    task::set_death_signal(signal).map_err(Failure::at(Stage::DeathSignal))?;
    if is_orphaned(job, kept) {
        let raised = task::raise(signal);
        if raised.is_err() || job.child.rare.leaves_pid_namespace() {
            sys::exit_group(FAILED);
        }
    }
    Ok(())
}

/// Whether the caller has ended. Where the child has no number for it and no pidfd could
/// be had that is not known, and then only the death signal tells. Nor is it where a
/// filter answers for an id, of which there is none below 1.
fn is_orphaned(job: &Job, kept: &Kept) -> bool {
    if kept.parent >= 0 {
        return wait::is_readable(kept.parent);
    }
    let (parent, expected) = (task::getppid(), job.child.parent.pid);
    parent > 0 && expected > 0 && parent != expected
}
