// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waits for the program, and for what is orphaned below it, and tells the trace.

use super::shared::Shared;
use super::signals::Signals;
use super::{clock, family};
use clone3_trace::{Alive, Body, Call, Wait, Writer};
use std::mem::zeroed;

/// Until the program has ended, or all has; the program's status. `stop` is called for the
/// terminal's stop, if that is waited for.
pub fn until_end(child: i32, all: bool, ring: &Shared, signals: &Signals, stop: impl Fn()) -> i32 {
    let mut status = None;
    loop {
        let is_empty = reap(ring, |pid, ended| {
            if pid == child {
                status = Some(ended);
            }
        });
        match status {
            Some(status) if is_empty || !all => {
                still_there(ring);
                return status;
            }
            // Only this process can wait for it: not to be reached.
            None if is_empty => return 125 << 8,
            _ => {}
        }
        let (signal, is_alone) = signals.next();
        match signal {
            libc::SIGCHLD => {}
            libc::SIGTSTP => stop(),
            _ if status.is_none() && is_alone => {
                // SAFETY: takes only numbers; the child was not waited for, so it is still it.
                unsafe { libc::kill(child, signal) };
            }
            // For what the program has left behind nobody need wait: an end by this signal.
            libc::SIGHUP | libc::SIGINT | libc::SIGQUIT | libc::SIGTERM if status.is_some() => {
                still_there(ring);
                return signal;
            }
            _ => {}
        }
    }
}

/// Takes all who have ended; whether there are no children left.
pub fn reap(ring: &Shared, mut ended: impl FnMut(i32, i32)) -> bool {
    loop {
        let mut status = 0;
        // SAFETY: all zeroes is a value of it.
        let mut used: libc::rusage = unsafe { zeroed() };
        // SAFETY: both outlive the call.
        let pid = unsafe { libc::wait4(-1, &mut status, libc::WNOHANG, &mut used) };
        match pid {
            0 => return false,
            1.. => {
                ended(pid, status);
                write(ring, &waited(pid, status, &used));
            }
            _ => return true,
        }
    }
}

fn waited(child: i32, status: i32, used: &libc::rusage) -> Wait {
    Wait {
        end_ns: clock::monotonic(),
        user_ns: clock::of(used.ru_utime),
        system_ns: clock::of(used.ru_stime),
        max_resident: (used.ru_maxrss as u64).saturating_mul(1024),
        child,
        status,
        call: Call::Outside as u8,
        ..Wait::default()
    }
}

fn still_there(ring: &Shared) {
    for member in family::below(std::process::id()) {
        write(ring, &Alive { child: member.pid as i32, zombie: u8::from(member.is_zombie) });
    }
}

/// A full ring counts what it has no room for.
fn write(ring: &Shared, body: &impl Body) {
    let pid = std::process::id();
    let writer = Writer { tid: pid, pid, origin: 0, time: clock::monotonic() };
    if let Some(pen) = ring.ring().and_then(|ring| ring.begin(&writer, body, [0; 4], 0).ok()) {
        pen.done();
    }
}
