// SPDX-License-Identifier: MIT OR Apache-2.0
//! The clocks of a trace.

/// CLOCK_MONOTONIC in ns.
pub fn monotonic() -> u64 {
    now(libc::CLOCK_MONOTONIC)
}

/// CLOCK_REALTIME in ns.
pub fn realtime() -> u64 {
    now(libc::CLOCK_REALTIME)
}

fn now(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the struct outlives the call.
    unsafe { libc::clock_gettime(clock, &mut time) };
    (time.tv_sec as u64).saturating_mul(1_000_000_000).saturating_add(time.tv_nsec as u64)
}

/// Seconds and microseconds in ns.
pub fn of(time: libc::timeval) -> u64 {
    (time.tv_sec as u64)
        .saturating_mul(1_000_000_000)
        .saturating_add((time.tv_usec as u64).saturating_mul(1_000))
}
