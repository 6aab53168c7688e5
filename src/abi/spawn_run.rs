// SPDX-License-Identifier: MIT OR Apache-2.0
//! `clone3_spawn`, and its error struct.

use super::spawn_plan::{self, clone3_spawn_t};
use super::{MustUse, declared_entry};
use crate::arch::Caller;
use crate::diagnose::Reason;
use crate::spawn::describe;
use crate::spawn::failure::Failure;
use crate::spawn::from_plan;
use crate::spawn::plan::Plan;
use crate::spawn::stage::Stage;
use crate::uapi::sys::Pid;
use crate::uapi::{Errno, sized};
use core::ffi::{c_char, c_int};
use core::mem::size_of;
use core::ptr::null;

declared_entry!(clone3_spawn => exported_spawn(_, _, _, _, _, _));

/// Which step of a clone3_spawn() failed, and why. It may grow at its end, as
/// libclone3(7) has it.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types)]
pub struct clone3_spawn_error {
    /// In: sizeof(struct clone3_spawn_error). Out: how many bytes of it this version of
    /// the library filled in.
    pub size: u32,
    /// enum clone3_spawn_stage; CLONE3_SPAWN_STAGE_NONE, which is 0, after success.
    pub stage: c_int,
    /// Which of the step's several objects, from 0. For CLONE3_SPAWN_STAGE_PLAN and
    /// CLONE3_SPAWN_STAGE_CREATE the reason, which clone3_spawn_strerror() formats.
    pub index: c_int,
    /// The error number.
    pub error: c_int,
    /// For a file action enum clone3_spawn_action, otherwise 0.
    pub action: c_int,
    /// The descriptor, id, signal or resource concerned; -1 for none.
    pub number: c_int,
    /// The path concerned, a string of the plan's or of an action's; NULL for none.
    pub path: *const c_char,
    /// The type of the file system concerned, "bind" for MS_BIND; NULL for none.
    pub r#type: *const c_char,
}

const ERROR_SIZE_VER0: usize = 24 + 2 * size_of::<*const c_char>();
const _: () = assert!(size_of::<clone3_spawn_error>() == ERROR_SIZE_VER0);

#[allow(dead_code)] // C's view of what the macros above define
unsafe extern "C" {
    /// Creates a child as described by a plan, which executes a program.
    ///
    /// One clone3(2) with CLONE_VM, CLONE_VFORK and CLONE_CLEAR_SIGHAND, on the caller's
    /// stack: the child takes the steps of the plan, in the order of clone3_spawn(3), and
    /// executes; then the caller continues. Nothing is allocated and no lock taken
    /// between the call and exec. Signals are blocked meanwhile. Some children, those
    /// that get other ids among them, have a copy of the memory instead, and the caller's
    /// signal handlers may run while it waits for them; clone3_spawn(3) lists them. A
    /// failed step leaves no child, no descriptor and no changed signal mask.
    ///
    /// @param pid   where the child's pid goes; may be NULL
    /// @param path  the program, from the child's root and working directory; see
    ///              clone3_spawn_set_search(), clone3_spawn_set_program_fd(),
    ///              clone3_spawn_set_function()
    /// @param plan  NULL for a child like the caller
    /// @param argv  the program's arguments
    /// @param envp  its environment; NULL for the caller's
    /// @param err   which step failed; may be NULL. Its field size is read, everything
    ///              is written, up to size bytes
    /// @return 0, or an error number; errno is untouched
    ///
    /// Errors: those of the system call of the step that err names, and
    /// - EINVAL, CLONE3_SPAWN_STAGE_PLAN: the plan was not initialised, or contradicts
    ///   itself (clone3_spawn(3) lists the contradictions)
    /// - any other, CLONE3_SPAWN_STAGE_PLAN: a setter failed with it
    /// - EFAULT: an array or a string cannot be read
    /// - EINVAL, E2BIG, and *err is untouched: err->size is smaller than the first
    ///   version's, or larger than a page
    /// - ENOSYS and others, CLONE3_SPAWN_STAGE_CREATE: as from clone3()
    ///
    /// Async-signal-safe, but for clone3_spawn_set_search(), which reads the environment;
    /// thread-safe. No cancellation point. Linux 3.17, and what the setters require.
    pub fn clone3_spawn(
        pid: *mut Pid,
        path: *const c_char,
        plan: *const clone3_spawn_t,
        argv: *const *mut c_char,
        envp: *const *mut c_char,
        err: *mut clone3_spawn_error,
    ) -> MustUse;

    /// Formats an error of clone3_spawn() as text: file action 3, open "/x": Permission
    /// denied; set_pivot_root: Bad file descriptor; creating the child: Invalid argument:
    /// CLONE_NNP needs Linux 7.1; this is 6.18.
    ///
    /// If no child could be created, clone3_spawn() finds out the reason in the way of
    /// clone3_explain(), but only if err is not NULL.
    ///
    /// The text is in English, whatever the locale.
    ///
    /// @param err   as clone3_spawn() filled it; the string at its path must still exist
    /// @param buf   where the text goes, cut to n bytes with a NUL
    /// @param n     bytes in buf
    /// @return buf; "" if buf is NULL or n is 0. errno is untouched
    ///
    /// Async-signal-safe; thread-safe.
    pub fn clone3_spawn_strerror(
        err: *const clone3_spawn_error,
        buf: *mut c_char,
        n: usize,
    ) -> *const c_char;
}

unsafe extern "C" fn exported_spawn(
    pid: *mut Pid,
    path: *const c_char,
    plan: *const clone3_spawn_t,
    argv: *const *mut c_char,
    envp: *const *mut c_char,
    err: *mut clone3_spawn_error,
    caller: Caller,
) -> c_int {
    const NOTHING: Plan = Plan::INITIAL;
    // SAFETY: the header's contract.
    let size = match unsafe { size(err) } {
        Ok(size) => size,
        Err(errno) => return errno.0,
    };
    let plan = match plan.is_null() {
        true => Ok(&NOTHING),
        // SAFETY: a plan of the caller's.
        false => unsafe { spawn_plan::contents(plan) },
    };
    let outcome = match plan {
        Err(errno) => Err((Failure::at(Stage::Plan)(errno), None)),
        Ok(plan) => {
            // SAFETY: the header's contract.
            unsafe { from_plan::spawn(caller.address(), plan, path, argv.cast(), envp.cast()) }
                .map_err(|failure| (failure, Some(plan)))
        }
    };
    match outcome {
        Ok(child) => {
            if !pid.is_null() {
                // SAFETY: the caller's.
                unsafe { pid.write(child) };
            }
            // SAFETY: null or the caller's struct.
            unsafe { fill(err, size, &NO_ERROR) };
            0
        }
        Err((failure, plan)) => {
            // SAFETY: null or the caller's struct.
            unsafe { tell(err, size, plan, path, &failure) };
            failure.errno.0
        }
    }
}

/// Fills the caller's error. Not a part of the function above, on whose stack the child runs.
///
/// # Safety
/// As [`fill`].
#[cold]
#[inline(never)]
unsafe fn tell(
    err: *mut clone3_spawn_error,
    size: usize,
    plan: Option<&Plan>,
    path: *const c_char,
    failure: &Failure,
) {
    let reason = match (failure.stage, plan) {
        (Stage::Create, Some(plan)) if !err.is_null() => {
            from_plan::why_not_created(plan, failure.errno)
        }
        _ => None,
    };
    // SAFETY: by the contract.
    unsafe { fill(err, size, &told(plan, path, failure, reason)) };
}

/// The error to report for a failure; with the reason, if it is known, where no child
/// could be created.
pub fn told(
    plan: Option<&Plan>,
    path: *const c_char,
    failure: &Failure,
    reason: Option<Reason>,
) -> clone3_spawn_error {
    let mut object = plan.map(|plan| describe::object(plan, path, failure));
    if reason.is_some_and(|reason| reason.is_about_cgroup()) {
        object = plan.map(describe::Object::of_cgroup);
    }
    let index = match failure.stage {
        Stage::Create => reason.map_or(0, |reason| reason.number),
        _ => failure.index,
    };
    clone3_spawn_error {
        size: 0, // the writer's
        stage: failure.stage as c_int,
        index: index as c_int,
        error: failure.errno.0,
        action: object.map_or(0, |object| object.action as c_int),
        number: object.map_or(-1, |object| object.number),
        path: object.map_or(null(), |object| object.path),
        r#type: object.map_or(null(), |object| object.kind),
    }
}

/// The error to report for success. Not for the header.
///
/// cbindgen:ignore
pub const NO_ERROR: clone3_spawn_error = clone3_spawn_error {
    size: 0,
    stage: 0,
    index: 0,
    error: 0,
    action: 0,
    number: -1,
    path: null(),
    r#type: null(),
};

/// The size of the caller's struct; 0 for NULL.
///
/// # Safety
/// Null or the caller's struct.
pub unsafe fn size(err: *const clone3_spawn_error) -> Result<usize, Errno> {
    if err.is_null() {
        return Ok(0);
    }
    // SAFETY: by the contract.
    unsafe { sized::size(err, ERROR_SIZE_VER0) }
}

/// # Safety
/// Null or a struct of that size to be written.
pub unsafe fn fill(err: *mut clone3_spawn_error, size: usize, told: &clone3_spawn_error) {
    if !err.is_null() {
        // SAFETY: by the contract.
        unsafe { sized::write(err, size, told) };
    }
}

/// Reads the caller's struct, of the size that it says.
///
/// # Safety
/// Null or a struct of its size.
pub unsafe fn read(err: *const clone3_spawn_error) -> Result<clone3_spawn_error, Errno> {
    // SAFETY: by the contract; numbers and addresses are any bytes.
    unsafe { sized::read(err, ERROR_SIZE_VER0) }
}
