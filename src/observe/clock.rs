// SPDX-License-Identifier: MIT OR Apache-2.0
//! The time of records.

use crate::host::functions;
use crate::uapi::shared;

/// CLOCK_MONOTONIC in nanoseconds: by the C library's function, which asks the vDSO and makes
/// no system call where that knows the machine's clock; by clock_gettime(2) where there is
/// none. Uses neither errno nor TLS.
pub fn now() -> u64 {
    let Some(clock_gettime) = functions::clock_gettime() else {
        return shared::time(libc::CLOCK_MONOTONIC);
    };
    let mut time = [0; 2];
    // SAFETY: the libc's function, with room for its struct of two longs.
    match unsafe { clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) } {
        0 => time[0] as u64 * 1_000_000_000 + time[1] as u64,
        _ => 0,
    }
}
