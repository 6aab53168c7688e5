// SPDX-License-Identifier: MIT OR Apache-2.0
//! The header's text on the setters of `clone3_spawn_t`, which are in `spawn_setters`:
//! the child's process attributes.

use super::spawn_plan::{clone3_cpu_set_t, clone3_spawn_t};
use crate::spawn::elements::Limit;
use crate::uapi::sys::Pid;
use core::ffi::{c_int, c_ulong};
use libc::sigset_t;

#[allow(dead_code)] // C's view of what the macros in `spawn_setters` define
unsafe extern "C" {
    /// Resource limits (prlimit(2)), set after the files.
    ///
    /// @param limits  borrowed until the spawn
    ///
    /// @return 0, or an error number: EFAULT: limits is NULL and count is not 0
    pub fn clone3_spawn_set_rlimits(
        plan: *mut clone3_spawn_t,
        limits: *const Limit,
        count: usize,
    ) -> c_int;

    /// Makes the child leader of a new session (setsid(2)).
    ///
    /// @param on  0 for off
    ///
    /// @return 0, or an error number
    pub fn clone3_spawn_set_session(plan: *mut clone3_spawn_t, on: c_int) -> c_int;

    /// The process group it joins, 0 for one of its own (setpgid(2)).
    ///
    /// @return 0, or an error number: EINVAL: negative
    pub fn clone3_spawn_set_process_group(plan: *mut clone3_spawn_t, group: Pid) -> c_int;

    /// Makes a terminal the new session's controlling one (ioctl_tty(2), TIOCSCTTY).
    /// Needs clone3_spawn_set_session().
    ///
    /// @param fd  as the caller has it
    ///
    /// @return 0, or an error number: EBADF: negative
    pub fn clone3_spawn_set_terminal(plan: *mut clone3_spawn_t, fd: c_int) -> c_int;

    /// The signal mask that the program starts with; the caller's unless set.
    ///
    /// @param set  copied
    ///
    /// @return 0, or an error number: EFAULT: not in memory
    pub fn clone3_spawn_set_signal_mask(plan: *mut clone3_spawn_t, set: *const sigset_t) -> c_int;

    /// Signals that are at their default when the program starts. Those with a handler
    /// are in any case; ignored ones stay ignored unless they are in this set.
    ///
    /// @param set  copied
    ///
    /// @return 0, or an error number: EFAULT: not in memory
    pub fn clone3_spawn_set_signal_defaults(
        plan: *mut clone3_spawn_t,
        set: *const sigset_t,
    ) -> c_int;

    /// Signals that are ignored when the program starts.
    ///
    /// @param set  copied
    ///
    /// @return 0, or an error number: EFAULT: not in memory; EINVAL: SIGKILL or SIGSTOP is in it
    pub fn clone3_spawn_set_signal_ignores(
        plan: *mut clone3_spawn_t,
        set: *const sigset_t,
    ) -> c_int;

    /// Scheduling policy, optionally with SCHED_RESET_ON_FORK, and static priority
    /// (sched_setscheduler(2)).
    ///
    /// @return 0, or an error number
    pub fn clone3_spawn_set_scheduler(
        plan: *mut clone3_spawn_t,
        policy: c_int,
        priority: c_int,
    ) -> c_int;

    /// The nice value (setpriority(2)).
    ///
    /// @return 0, or an error number: EINVAL: not -20 to 19
    pub fn clone3_spawn_set_nice(plan: *mut clone3_spawn_t, nice: c_int) -> c_int;

    /// The processors it may run on (sched_setaffinity(2)).
    ///
    /// @param mask  borrowed until the spawn
    /// @param size  bytes in *mask
    ///
    /// @return 0, or an error number: EFAULT: NULL
    pub fn clone3_spawn_set_affinity(
        plan: *mut clone3_spawn_t,
        mask: *const clone3_cpu_set_t,
        size: usize,
    ) -> c_int;

    /// The I/O scheduling class and priority, encoded as for ioprio_set(2).
    ///
    /// @return 0, or an error number
    pub fn clone3_spawn_set_ioprio(plan: *mut clone3_spawn_t, priority: c_int) -> c_int;

    /// The OOM score adjustment, -1000 to 1000, written to the child's
    /// /proc/self/oom_score_adj.
    ///
    /// @return 0, or an error number: EINVAL: out of range
    pub fn clone3_spawn_set_oom_score_adj(plan: *mut clone3_spawn_t, score: c_int) -> c_int;

    /// The timer slack in nanoseconds, 0 for the default (prctl(2), PR_SET_TIMERSLACK).
    ///
    /// @return 0, or an error number
    pub fn clone3_spawn_set_timer_slack(plan: *mut clone3_spawn_t, nanoseconds: c_ulong) -> c_int;

    /// The signal that the child gets when the calling thread ends (prctl(2),
    /// PR_SET_PDEATHSIG); 0 for none.
    ///
    /// It is set after the ids, because a change of ids clears it. If the caller has
    /// ended before that, the child sends the signal to itself, or exits if it is the
    /// first process of a pid namespace. For a child in another pid namespace this needs
    /// pidfd_open(2), Linux 5.3. Executing a program that gains privileges clears it.
    ///
    /// @return 0, or an error number: EINVAL: not 0 to 64
    pub fn clone3_spawn_set_pdeath_signal(plan: *mut clone3_spawn_t, signal: c_int) -> c_int;
}
