// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks and queries of a plan, without running it.

use super::spawn_plan::{self, clone3_spawn_t};
use super::spawn_run::{self, clone3_spawn_error};
use super::text::Text;
use super::{MustUse, declared_entry, or_number, spawn_words};
use crate::spawn::failure::Failure;
use crate::spawn::plan::Plan;
use crate::spawn::stage::Stage;
use crate::spawn::{check, from_plan};
use crate::uapi::Errno;
use core::ffi::{c_char, c_int};

declared_entry!(clone3_spawn_check => exported_check);
declared_entry!(clone3_spawn_explain => exported_explain);
declared_entry!(clone3_spawn_get_flags => exported_get_flags);
declared_entry!(clone3_spawn_get_pidfd => exported_get_pidfd);

#[allow(dead_code)] // C's view of what the macros above define
unsafe extern "C" {
    /// Tells whether clone3_spawn() would refuse a plan before there is a child, and why:
    /// a setter failed, the plan contradicts itself, an array cannot be read, the cgroup
    /// cannot be opened, or the kernel refuses the flags, the pids or the cgroup to the
    /// calling thread.
    ///
    /// No child is created. The kernel is asked as by clone3_explain(), and only if
    /// everything else is valid.
    ///
    /// Not checked: the child's own steps, exec among them; namespaces to be joined, so
    /// that the kernel is asked outside of them; pids.max of a cgroup.
    ///
    /// @param path  as for clone3_spawn()
    /// @param plan  NULL for a child like the caller
    /// @param err   which step would fail; may be NULL. Its field size is read, everything
    ///              is written, up to size bytes
    /// @return 0, or the error number that clone3_spawn() would return; errno is
    ///         untouched
    ///
    /// Errors: those of clone3_spawn() at CLONE3_SPAWN_STAGE_PLAN, _CREATE, _PIDFD and
    /// _CGROUP, EFAULT at others, and
    /// - EINVAL, E2BIG, and *err is untouched: err->size is smaller than the first
    ///   version's, or larger than a page
    ///
    /// Async-signal-safe, but for clone3_spawn_set_search() as clone3_spawn();
    /// thread-safe. Any Linux.
    pub fn clone3_spawn_check(
        path: *const c_char,
        plan: *const clone3_spawn_t,
        err: *mut clone3_spawn_error,
    ) -> MustUse;

    /// The same as text, in the words of clone3_spawn_strerror(), as clone3_explain()
    /// does for struct clone_args.
    ///
    /// @param path  as for clone3_spawn()
    /// @param plan  NULL for a child like the caller
    /// @param buf   where the text goes, cut to n bytes with a NUL
    /// @param n     bytes in buf
    /// @return buf; "" if nothing is wrong, or if buf is NULL or n is 0. errno is
    ///         untouched
    ///
    /// Async-signal-safe and thread-safe as clone3_spawn_check(). Any Linux.
    pub fn clone3_spawn_explain(
        path: *const c_char,
        plan: *const clone3_spawn_t,
        buf: *mut c_char,
        n: usize,
    ) -> *const c_char;

    /// Stores the CLONE_* flags that clone3_spawn_add_flags() has added.
    ///
    /// @param plan   a plan
    /// @param flags  where they go
    /// @return 0, or an error number; errno is untouched
    ///
    /// Errors:
    /// - EFAULT: plan or flags is NULL
    /// - EINVAL: the plan was not initialised
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    pub fn clone3_spawn_get_flags(plan: *const clone3_spawn_t, flags: *mut u64) -> MustUse;

    /// Stores where the plan stores a pidfd (clone3_spawn_set_pidfd()): a library that
    /// adds to a caller's plan can use that pidfd, too.
    ///
    /// @param plan   a plan
    /// @param pidfd  where that address goes: NULL for none
    /// @return 0, or an error number; errno is untouched
    ///
    /// Errors:
    /// - EFAULT: plan or pidfd is NULL
    /// - EINVAL: the plan was not initialised
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    pub fn clone3_spawn_get_pidfd(plan: *const clone3_spawn_t, pidfd: *mut *mut c_int) -> MustUse;
}

/// The failure of this plan, as an error to report.
///
/// # Safety
/// The setters' contracts.
unsafe fn failure(
    path: *const c_char,
    plan: *const clone3_spawn_t,
) -> Result<(), clone3_spawn_error> {
    const NOTHING: Plan = Plan::INITIAL;
    let plan = match plan.is_null() {
        true => &NOTHING,
        // SAFETY: a plan of the caller's.
        false => unsafe { spawn_plan::contents(plan) }
            .map_err(|errno| spawn_run::told(None, path, &Failure::at(Stage::Plan)(errno), None))?,
    };
    let failed = |failure| spawn_run::told(Some(plan), path, &failure, None);
    check::plan(plan, path).map_err(failed)?;
    match from_plan::why_not(plan).map_err(failed)? {
        None => Ok(()),
        Some(reason) => {
            let failure = Failure::at(Stage::Create)(reason.errno);
            Err(spawn_run::told(Some(plan), path, &failure, Some(reason)))
        }
    }
}

unsafe extern "C" fn exported_check(
    path: *const c_char,
    plan: *const clone3_spawn_t,
    err: *mut clone3_spawn_error,
) -> c_int {
    // SAFETY: the header's contract.
    let size = match unsafe { spawn_run::size(err) } {
        Ok(size) => size,
        Err(errno) => return errno.0,
    };
    // SAFETY: the header's contract.
    let told = unsafe { failure(path, plan) }.err().unwrap_or(spawn_run::NO_ERROR);
    // SAFETY: null or the caller's struct of that size.
    unsafe { spawn_run::fill(err, size, &told) };
    told.error
}

unsafe extern "C" fn exported_explain(
    path: *const c_char,
    plan: *const clone3_spawn_t,
    buf: *mut c_char,
    n: usize,
) -> *const c_char {
    let words = |out: &mut Text| {
        // SAFETY: the header's contract; the error names strings of the plan.
        unsafe {
            if let Err(told) = failure(path, plan) {
                spawn_words::word(&told, out);
            }
        }
    };
    // SAFETY: the caller's n bytes.
    unsafe { Text::fill(buf, n, words) }
}

/// Answers a question about a plan.
///
/// # Safety
/// Null or a plan; null or a place.
unsafe fn get<T>(plan: *const clone3_spawn_t, place: *mut T, of: fn(&Plan) -> T) -> c_int {
    if place.is_null() {
        return Errno::EFAULT.0;
    }
    // SAFETY: by the contract.
    or_number(unsafe { spawn_plan::contents(plan) }.map(|plan| unsafe { place.write(of(plan)) }))
}

unsafe extern "C" fn exported_get_flags(plan: *const clone3_spawn_t, flags: *mut u64) -> c_int {
    // SAFETY: the header's contract.
    unsafe { get(plan, flags, |plan| plan.rare.flags.bits()) }
}

unsafe extern "C" fn exported_get_pidfd(
    plan: *const clone3_spawn_t,
    pidfd: *mut *mut c_int,
) -> c_int {
    // SAFETY: the header's contract.
    unsafe { get(plan, pidfd, |plan| plan.pidfd) }
}
