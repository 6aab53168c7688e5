// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a child with a filter of its own got as far as its program.
//!
//! A filter that does not let it execute kills it by SIGSYS, in the one call after the
//! filter is there, and nothing can be told by the child any more. To the parent that
//! looks like success: the memory is free, the child is gone. A program may die in the
//! same way, a moment later, and then it was there.
//!
//! The kernel knows which it was, also of a child that is dead and not waited for:
//! POSIX has setpgid(2) refuse a child that has executed, by EACCES. For a child in
//! another session it gives no such answer, and /proc/PID/stat has the flag behind it.

use super::child::Child;
use super::failure::Failure;
use super::stage::Stage;
use crate::uapi::fate::{self, Fate};
use crate::uapi::futex::{self, Futex};
use crate::uapi::sys::Pid;
use crate::uapi::{Errno, task};
use core::sync::atomic::AtomicU32;

/// So many times it is looked after a child whose memory is free, and which has neither
/// executed nor ended: it is about to do one of them. In all two seconds.
const LOOKS: u32 = 2000;
/// So many times without sleeping.
const SHORT: u32 = 20;

/// What a child with a filter could not say itself.
pub fn died_of_filter(child: &Child, pid: Pid) -> Option<Failure> {
    let died = !child.rare.filter.is_null() && was_killed_at_exec(pid);
    died.then(|| Failure::at(Stage::Seccomp)(Errno::EPERM))
}

/// Whether the child was killed by SIGSYS before it executed anything. `false` where it
/// cannot be told: it is gone without a trace (SIGCHLD ignored, CLONE_AUTOREAP), or it
/// is in another session and there is no /proc.
#[cold]
#[inline(never)]
fn was_killed_at_exec(pid: Pid) -> bool {
    for look in 0..LOOKS {
        // In this order: what is dead executes no more.
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
