// SPDX-License-Identifier: MIT OR Apache-2.0
//! A child's description as a request to the kernel.

use super::child::Child;
use super::credentials::Changes;
use crate::engine::Request;
use crate::uapi::flags::*;
use core::ffi::c_int;

/// The request, with the place where the kernel stores the pidfd.
#[inline(never)]
pub fn of(child: &Child, changes: Changes, pidfd: &mut c_int) -> Request {
    let rare = child.rare;
    let mut request = Request::VFORK;
    request.flags |= CLONE_CLEAR_SIGHAND | rare.flags;
    request.emulable = rare.emulable;
    if child.pidfd.is_some() {
        request.flags |= CLONE_PIDFD;
        request.pidfd = &raw mut *pidfd as u64;
    }
    if let Some(directory) = child.attributes.cgroup {
        request.flags |= CLONE_INTO_CGROUP;
        request.cgroup = directory as u64;
    }
    if rare.flags.contains(CLONE_AUTOREAP) {
        request.exit_signal = 0;
    }
    if let Some(signal) = rare.exit_signal {
        // A negative one is passed on, for the kernel to refuse.
        request.exit_signal = signal as u64;
    }
    let (pids, count) = rare.set_tid.as_parts();
    request.set_tid = (pids as usize as u64, count as u64);
    if child.runs_function() {
        // It keeps its signal handlers, as after fork.
        request.flags &= !(CLONE_VM | CLONE_VFORK | CLONE_CLEAR_SIGHAND);
    }
    if changes.any() || rare.needs_own_memory() {
        request.flags &= !(CLONE_VM | CLONE_VFORK);
    }
    request
}
