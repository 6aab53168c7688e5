// SPDX-License-Identifier: MIT OR Apache-2.0
//! The end of a process by itself.
//!
//! What it used is asked for only where the trace says so, since a sandbox that the program
//! set up may punish the question: its parent's wait tells.

use super::{state, usage};
use crate::arch::entry;
use crate::host::functions;
use clone3_trace::{Call, Exit};
use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The status of an exit() that is not known.
const UNKNOWN: c_int = -1;

entry!("clone3_at_exit" => at_exit);

unsafe extern "C" {
    /// [`at_exit`] behind a landing pad: the host calls it through a pointer.
    fn clone3_at_exit(status: c_int, _: *mut c_void);
}

unsafe extern "C" fn at_exit(status: c_int, _: *mut c_void) {
    exit(Call::Exit, status);
}

/// Whether the host reports exit().
static IS_TOLD: AtomicBool = AtomicBool::new(false);

/// Makes the host report exit(), with the status, where it can.
pub fn watch() {
    IS_TOLD.store(functions::register_at_exit(clone3_at_exit), Relaxed);
}

/// The last step of exit(): without the status if the host did not report it.
pub fn at_end() {
    if state::is_on() && !IS_TOLD.load(Relaxed) {
        record(Call::Exit, UNKNOWN);
    }
}

/// Records it; the status is what was given to the function.
#[inline(always)]
pub fn exit(call: Call, status: c_int) {
    if state::is_on() {
        record(call, status);
    }
}

#[cold]
#[inline(never)]
fn record(call: Call, status: c_int) {
    let used = usage::so_far().unwrap_or_default();
    let body = Exit {
        user_ns: used.user_time(),
        system_ns: used.system_time(),
        max_resident: used.max_rss as u64 * 1024,
        status: if status == UNKNOWN { UNKNOWN } else { status & 0xff },
        call: call as u8,
        ..Exit::default()
    };
    if let Some(pen) = state::ring().and_then(|ring| state::begin_plain(&ring, &body)) {
        pen.done();
    }
}
