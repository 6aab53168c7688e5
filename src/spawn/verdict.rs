// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a child with a seccomp filter of its own got as far as its program.
//!
//! If the filter does not allow exec, it kills the child by SIGSYS in that call, and the
//! child can report nothing. To the parent that looks like success: the memory is its own
//! again. A program may also be killed by SIGSYS a moment after exec, and then the spawn
//! has succeeded.
//!
//! The kernel can tell the two apart, also for a zombie: setpgid(2) fails with EACCES for
//! a child that has executed (POSIX). For a child in another session it does not, but
//! /proc/PID/stat shows the same flag.

use super::child::Child;
use super::failure::Failure;
use super::stage::Stage;
use crate::uapi::fate::{self, Fate};
use crate::uapi::futex::{self, Futex};
use crate::uapi::sys::Pid;
use crate::uapi::{Errno, task};
use core::sync::atomic::AtomicU32;

/// How often a child that has released the memory is checked for exec or its end, one of
/// which is about to happen: two seconds in all.
const LOOKS: u32 = 2000;
/// How often without sleeping.
const SHORT: u32 = 20;

/// The failure that a child killed by its filter could not report.
pub fn died_of_filter(child: &Child, pid: Pid) -> Option<Failure> {
    let died = !child.rare.filter.is_null() && was_killed_at_exec(pid);
    died.then(|| Failure::at(Stage::Seccomp)(Errno::EPERM))
}

/// Whether the child was killed by SIGSYS before it executed anything. `false` if that is
/// unknown: there is no zombie (SIGCHLD ignored, CLONE_AUTOREAP), or it is in another
/// session and there is no /proc.
#[cold]
#[inline(never)]
fn was_killed_at_exec(pid: Pid) -> bool {
    for look in 0..LOOKS {
        // In this order, because a dead child cannot execute any more.
        let seen = fate::of(pid);
        match (seen, fate::has_executed(pid)) {
            (Fate::Killed(libc::SIGSYS), Some(false)) => return true,
            (Fate::Alive, Some(false)) => {}
            _ => return false,
        }
        if look < SHORT {
            task::give_way();
        } else {
            futex::wait_briefly(&AtomicU32::new(0), 0, Futex::Private, 1);
        }
    }
    false
}
