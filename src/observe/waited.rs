// SPDX-License-Identifier: MIT OR Apache-2.0
//! Children whose end, or change of state, was waited for.

use super::{Note, clock, modules, state};
use crate::uapi::sys::Pid;
use crate::uapi::wait::Usage;
use crate::uapi::{Errno, task};
use clone3_trace::Wait;
use core::ffi::c_int;

/// A wait under way. It is recorded when it is over, and had something to tell.
#[derive(Clone, Copy)]
pub struct Waiting {
    note: Note,
    /// 0: not recorded.
    since: u64,
}

impl Waiting {
    /// Begins to wait.
    #[inline(always)]
    pub fn begin(note: Note) -> Waiting {
        Waiting { note, since: if state::is_on() { clock::now() } else { 0 } }
    }

    /// It is over: which child, as wait(2) has it, and what it used, where that is known.
    #[inline(always)]
    pub fn end(self, child: Pid, status: c_int, usage: Option<&Usage>) {
        if self.since != 0 {
            record(self, child, status, usage);
        }
    }
}

/// A child that one of the library's own functions waits for.
pub fn wait_for(note: Note, pid: Pid) -> Result<c_int, Errno> {
    let waiting = Waiting::begin(note);
    let mut usage = Usage::default();
    let status = task::wait_with_usage(pid, &mut usage)?;
    waiting.end(pid, status, Some(&usage));
    Ok(status)
}

#[cold]
#[inline(never)]
fn record(waiting: Waiting, child: Pid, status: c_int, usage: Option<&Usage>) {
    let writer = state::writer();
    if let Some(ring) = state::ring() {
        modules::record(&ring, &writer, waiting.note.caller);
    }
    let body = Wait {
        end_ns: writer.time,
        user_ns: usage.map_or(0, Usage::user_time),
        system_ns: usage.map_or(0, Usage::system_time),
        max_resident: usage.map_or(0, |usage| usage.max_rss as u64 * 1024),
        child,
        status,
        caller: waiting.note.caller as u64,
        call: waiting.note.call as u8,
    };
    state::write(&clone3_trace::Writer { time: waiting.since, ..writer }, &body);
}
