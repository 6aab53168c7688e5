// SPDX-License-Identifier: MIT OR Apache-2.0
//! The child's share of the machine: scheduling, nice value, affinity, OOM score and the like.

use super::failure::Failure;
use super::rare::Rare;
use super::stage::Stage;
use crate::base::text::Buffer;
use crate::uapi::{Errno, file, sched};
use core::ffi::c_int;

/// The scheduling policy and its parameter, as `Attributes` has them.
pub fn schedule(scheduling: Option<(Option<c_int>, c_int)>) -> Result<(), Failure> {
    match scheduling {
        None => Ok(()),
        Some((Some(policy), priority)) => sched::set_scheduler(policy, priority),
        Some((None, priority)) => sched::set_priority(priority),
    }
    .map_err(Failure::at(Stage::Scheduler))
}

/// The rest of it.
#[inline(never)]
pub fn set(rare: &Rare) -> Result<(), Failure> {
    if let Some(nice) = rare.nice {
        sched::set_nice(nice).map_err(Failure::at(Stage::Nice))?;
    }
    let (mask, size) = rare.affinity;
    if !mask.is_null() {
        sched::set_affinity(mask, size).map_err(Failure::at(Stage::Affinity))?;
    }
    if let Some(priority) = rare.io_priority {
        sched::set_io_priority(priority).map_err(Failure::at(Stage::Ioprio))?;
    }
    if let Some(score) = rare.oom_score {
        oom_score(score).map_err(Failure::at(Stage::OomScoreAdj))?;
    }
    if let Some(slack) = rare.timer_slack {
        sched::set_timer_slack(slack).map_err(Failure::at(Stage::TimerSlack))?;
    }
    Ok(())
}

/// The kernel recognises a vfork child and changes only its score, not that of the parent
/// who shares the memory (fs/proc/base.c, __set_oom_adj).
fn oom_score(score: c_int) -> Result<(), Errno> {
    let mut text = Buffer::<16>::new();
    let fd = file::open(c"/proc/self/oom_score_adj", libc::O_WRONLY | libc::O_CLOEXEC)?;
    let written = file::write(fd, text.push_number(score.into()).bytes());
    file::close(fd);
    written.map(drop)
}
