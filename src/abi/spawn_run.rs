// SPDX-License-Identifier: MIT OR Apache-2.0
//! `clone3_spawn`, and how it says what went wrong.

#![allow(dead_code)] // the constants are the header's

use super::spawn_plan::{self, clone3_spawn_plan};
use super::{declared_entry, or_number};
use crate::spawn::describe;
use crate::spawn::stage::{Failure, Stage};
use crate::spawn::superset;
use crate::uapi::Errno;
use crate::uapi::sys::Pid;
use core::ffi::{c_char, c_int};
use core::mem::{offset_of, size_of};
use core::ptr::null;

declared_entry!(clone3_spawn => exported_spawn);

/// Which step of a clone3_spawn() failed, and why.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types)]
pub struct clone3_spawn_error {
    /// In: sizeof(struct clone3_spawn_error); 0 is the first version's, all but type.
    pub size: u32,
    /// CLONE3_SPAWN_STAGE_*, 0 after success.
    pub stage: c_int,
    /// Which of several in that step, from 0. In CLONE3_SPAWN_STAGE_PLAN and
    /// CLONE3_SPAWN_STAGE_CREATE: what is wrong, for clone3_spawn_strerror() to word.
    pub index: c_int,
    /// The error number.
    pub error: c_int,
    /// For a file action CLONE3_SPAWN_ACTION_*, otherwise 0.
    pub action: c_int,
    /// The descriptor, id, signal or resource it was about; -1 for none.
    pub number: c_int,
    /// The path it was about, a string that the plan or an action has; NULL for
    /// none.
    pub path: *const c_char,
    /// The type of the file system it was about, "bind" for MS_BIND; NULL for none. Told
    /// where size covers it.
    pub r#type: *const c_char,
}

const ERROR_SIZE_VER0: usize = offset_of!(clone3_spawn_error, r#type);

/// Step 1 of clone3_spawn(): a setter failed, or what was asked for contradicts
/// itself.
pub const CLONE3_SPAWN_STAGE_PLAN: c_int = 1;
/// Step 2 of clone3_spawn(): no child was made: clone3(2), or what it needs.
pub const CLONE3_SPAWN_STAGE_CREATE: c_int = 2;
/// Step 3 of clone3_spawn(): the pidfd.
pub const CLONE3_SPAWN_STAGE_PIDFD: c_int = 3;
/// Step 4 of clone3_spawn(): ignoring signals; the index is the signal.
pub const CLONE3_SPAWN_STAGE_SIGNALS: c_int = 4;
/// Step 5 of clone3_spawn(): the cgroup: opening it, or moving there.
pub const CLONE3_SPAWN_STAGE_CGROUP: c_int = 5;
/// Step 6 of clone3_spawn(): scheduling policy and priority.
pub const CLONE3_SPAWN_STAGE_SCHEDULER: c_int = 6;
/// Step 7 of clone3_spawn(): the nice value.
pub const CLONE3_SPAWN_STAGE_NICE: c_int = 7;
/// Step 8 of clone3_spawn(): the processors.
pub const CLONE3_SPAWN_STAGE_AFFINITY: c_int = 8;
/// Step 9 of clone3_spawn(): the I/O priority.
pub const CLONE3_SPAWN_STAGE_IOPRIO: c_int = 9;
/// Step 10 of clone3_spawn(): oom_score_adj.
pub const CLONE3_SPAWN_STAGE_OOM_SCORE_ADJ: c_int = 10;
/// Step 11 of clone3_spawn(): the timer slack.
pub const CLONE3_SPAWN_STAGE_TIMER_SLACK: c_int = 11;
/// Step 12 of clone3_spawn(): the id maps; the index is 0 for setgroups, 1
/// for uid_map, 2 for gid_map.
pub const CLONE3_SPAWN_STAGE_ID_MAP: c_int = 12;
/// Step 13 of clone3_spawn(): joining a namespace; the index says which.
pub const CLONE3_SPAWN_STAGE_NAMESPACE: c_int = 13;
/// Step 14 of clone3_spawn(): the new session.
pub const CLONE3_SPAWN_STAGE_SESSION: c_int = 14;
/// Step 15 of clone3_spawn(): the process group.
pub const CLONE3_SPAWN_STAGE_PROCESS_GROUP: c_int = 15;
/// Step 16 of clone3_spawn(): the controlling terminal.
pub const CLONE3_SPAWN_STAGE_TERMINAL: c_int = 16;
/// Step 17 of clone3_spawn(): chroot or pivot.
pub const CLONE3_SPAWN_STAGE_ROOT: c_int = 17;
/// Step 18 of clone3_spawn(): the working directory.
pub const CLONE3_SPAWN_STAGE_DIRECTORY: c_int = 18;
/// Step 19 of clone3_spawn(): the list of descriptors; the index says which,
/// count: closing the others.
pub const CLONE3_SPAWN_STAGE_FD: c_int = 19;
/// Step 20 of clone3_spawn(): a file action; the index says which.
pub const CLONE3_SPAWN_STAGE_FILE_ACTION: c_int = 20;
/// Step 21 of clone3_spawn(): a resource limit; the index says which.
pub const CLONE3_SPAWN_STAGE_RLIMIT: c_int = 21;
/// Step 22 of clone3_spawn(): the capability bounding set.
pub const CLONE3_SPAWN_STAGE_BOUNDING: c_int = 22;
/// Step 23 of clone3_spawn(): the supplementary groups.
pub const CLONE3_SPAWN_STAGE_GROUPS: c_int = 23;
/// Step 24 of clone3_spawn(): the group id.
pub const CLONE3_SPAWN_STAGE_GID: c_int = 24;
/// Step 25 of clone3_spawn(): the user id.
pub const CLONE3_SPAWN_STAGE_UID: c_int = 25;
/// Step 26 of clone3_spawn(): capabilities; the index is 0 for keeping them,
/// 1 for the inheritable, 2 for the ambient set.
pub const CLONE3_SPAWN_STAGE_CAPABILITIES: c_int = 26;
/// Step 27 of clone3_spawn(): the securebits.
pub const CLONE3_SPAWN_STAGE_SECUREBITS: c_int = 27;
/// Step 28 of clone3_spawn(): the signal at the death of the parent.
pub const CLONE3_SPAWN_STAGE_DEATH_SIGNAL: c_int = 28;
/// Step 29 of clone3_spawn(): no_new_privs.
pub const CLONE3_SPAWN_STAGE_NO_NEW_PRIVS: c_int = 29;
/// Step 30 of clone3_spawn(): the callback, whose result is the error number.
pub const CLONE3_SPAWN_STAGE_CALLBACK: c_int = 30;
/// Step 31 of clone3_spawn(): the seccomp filter.
pub const CLONE3_SPAWN_STAGE_SECCOMP: c_int = 31;
/// Step 32 of clone3_spawn(): executing the program, and searching for it.
pub const CLONE3_SPAWN_STAGE_EXEC: c_int = 32;
/// Between the steps 16 and 17 of clone3_spawn(), whose number came later: a mount; the
/// index says which, count: keeping them inside.
pub const CLONE3_SPAWN_STAGE_MOUNT: c_int = 33;
/// A file action: posix_spawn_file_actions_addopen().
pub const CLONE3_SPAWN_ACTION_OPEN: c_int = 1;
/// A file action: posix_spawn_file_actions_addclose().
pub const CLONE3_SPAWN_ACTION_CLOSE: c_int = 2;
/// A file action: posix_spawn_file_actions_adddup2().
pub const CLONE3_SPAWN_ACTION_DUP2: c_int = 3;
/// A file action: posix_spawn_file_actions_addchdir().
pub const CLONE3_SPAWN_ACTION_CHDIR: c_int = 4;
/// A file action: posix_spawn_file_actions_addfchdir().
pub const CLONE3_SPAWN_ACTION_FCHDIR: c_int = 5;
/// A file action: posix_spawn_file_actions_addclosefrom_np().
pub const CLONE3_SPAWN_ACTION_CLOSEFROM: c_int = 6;
/// A file action: posix_spawn_file_actions_addtcsetpgrp_np().
pub const CLONE3_SPAWN_ACTION_TCSETPGRP: c_int = 7;

const _: () = {
    assert!(CLONE3_SPAWN_STAGE_PLAN == Stage::Plan as c_int);
    assert!(CLONE3_SPAWN_STAGE_CREATE == Stage::Create as c_int);
    assert!(CLONE3_SPAWN_STAGE_PIDFD == Stage::Pidfd as c_int);
    assert!(CLONE3_SPAWN_STAGE_SIGNALS == Stage::Signals as c_int);
    assert!(CLONE3_SPAWN_STAGE_CGROUP == Stage::Cgroup as c_int);
    assert!(CLONE3_SPAWN_STAGE_SCHEDULER == Stage::Scheduling as c_int);
    assert!(CLONE3_SPAWN_STAGE_NICE == Stage::Nice as c_int);
    assert!(CLONE3_SPAWN_STAGE_AFFINITY == Stage::Affinity as c_int);
    assert!(CLONE3_SPAWN_STAGE_IOPRIO == Stage::IoPriority as c_int);
    assert!(CLONE3_SPAWN_STAGE_OOM_SCORE_ADJ == Stage::OomScore as c_int);
    assert!(CLONE3_SPAWN_STAGE_TIMER_SLACK == Stage::TimerSlack as c_int);
    assert!(CLONE3_SPAWN_STAGE_ID_MAP == Stage::IdMap as c_int);
    assert!(CLONE3_SPAWN_STAGE_NAMESPACE == Stage::Namespace as c_int);
    assert!(CLONE3_SPAWN_STAGE_SESSION == Stage::Session as c_int);
    assert!(CLONE3_SPAWN_STAGE_PROCESS_GROUP == Stage::ProcessGroup as c_int);
    assert!(CLONE3_SPAWN_STAGE_TERMINAL == Stage::Terminal as c_int);
    assert!(CLONE3_SPAWN_STAGE_ROOT == Stage::Root as c_int);
    assert!(CLONE3_SPAWN_STAGE_DIRECTORY == Stage::Directory as c_int);
    assert!(CLONE3_SPAWN_STAGE_FD == Stage::Descriptor as c_int);
    assert!(CLONE3_SPAWN_STAGE_FILE_ACTION == Stage::Action as c_int);
    assert!(CLONE3_SPAWN_STAGE_RLIMIT == Stage::Limit as c_int);
    assert!(CLONE3_SPAWN_STAGE_BOUNDING == Stage::Bounding as c_int);
    assert!(CLONE3_SPAWN_STAGE_GROUPS == Stage::Groups as c_int);
    assert!(CLONE3_SPAWN_STAGE_GID == Stage::Gid as c_int);
    assert!(CLONE3_SPAWN_STAGE_UID == Stage::Ids as c_int);
    assert!(CLONE3_SPAWN_STAGE_CAPABILITIES == Stage::Capabilities as c_int);
    assert!(CLONE3_SPAWN_STAGE_SECUREBITS == Stage::Securebits as c_int);
    assert!(CLONE3_SPAWN_STAGE_DEATH_SIGNAL == Stage::DeathSignal as c_int);
    assert!(CLONE3_SPAWN_STAGE_NO_NEW_PRIVS == Stage::NoNewPrivs as c_int);
    assert!(CLONE3_SPAWN_STAGE_CALLBACK == Stage::Callback as c_int);
    assert!(CLONE3_SPAWN_STAGE_SECCOMP == Stage::Filter as c_int);
    assert!(CLONE3_SPAWN_STAGE_EXEC == Stage::Exec as c_int);
    assert!(CLONE3_SPAWN_STAGE_MOUNT == Stage::Mount as c_int);
};

// C's view of what the macros above define.
unsafe extern "C" {
    /// Makes a child that is as a plan says and runs a program.
    ///
    /// One clone3(2) with CLONE_VM, CLONE_VFORK and CLONE_CLEAR_SIGHAND, on the
    /// caller's stack: the child takes the steps of the plan in the order of
    /// CLONE3_SPAWN_STAGE_*, mounts before the root, and executes; the caller goes on then. Nothing is
    /// allocated and nothing locked between the call and exec. Signals are blocked
    /// meanwhile. Some children, those that take other ids among them, get a copy of
    /// the memory instead, and the caller's handlers may run while it waits for them;
    /// clone3_spawn(3) says which. A failed step leaves no child, no descriptor and no
    /// changed signal mask.
    ///
    /// @param pid   where the child's pid goes; may be NULL
    /// @param path  the program, from the child's root and working directory; see
    ///              clone3_spawn_set_search(), clone3_spawn_set_program(),
    ///              clone3_spawn_set_function()
    /// @param plan  NULL for a child like the caller
    /// @param argv  the program's arguments
    /// @param envp  its environment; NULL for the caller's
    /// @param err   which step failed; may be NULL. Its field size is read
    /// @return 0, or an error number; errno is untouched
    ///
    /// Errors: those of the system call of the step that err names, and
    /// - EINVAL, CLONE3_SPAWN_STAGE_PLAN: the plan was not initialised, or what it
    ///   says contradicts itself (clone3_spawn(3) lists how)
    /// - any, CLONE3_SPAWN_STAGE_PLAN: a setter failed with it
    /// - EFAULT: an array or a string is not in memory
    /// - EINVAL, and *err is untouched: err->size is not 0, and smaller than the
    ///   first version's
    /// - ENOSYS and others, CLONE3_SPAWN_STAGE_CREATE: as from clone3()
    ///
    /// Async-signal-safe, but for clone3_spawn_set_search(), which reads the
    /// environment; thread-safe. No cancellation point. Linux 3.17, and what the
    /// setters say.
    pub fn clone3_spawn(
        pid: *mut Pid,
        path: *const c_char,
        plan: *const clone3_spawn_plan,
        argv: *const *mut c_char,
        envp: *const *mut c_char,
        err: *mut clone3_spawn_error,
    ) -> c_int;

    /// Words an error of clone3_spawn(): file action 3, open "/x": Permission denied;
    /// set_root: Bad file descriptor; creating the child: Invalid argument: CLONE_NNP
    /// needs Linux 7.1; this is 6.18.
    ///
    /// Why no child could be made is found out by clone3_spawn() as clone3_explain()
    /// does it, in questions that make no child, and only where err is not NULL.
    ///
    /// The words are the library's own, in English, whatever the locale.
    ///
    /// @param err   as clone3_spawn() filled it; its path must still be there
    /// @param buf   where the text goes, cut to n bytes with a NUL
    /// @param n     bytes in buf
    /// @return buf; "" where buf is NULL or n is 0. errno is untouched
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
    plan: *const clone3_spawn_plan,
    argv: *const *mut c_char,
    envp: *const *mut c_char,
    err: *mut clone3_spawn_error,
) -> c_int {
    const NOTHING: crate::spawn::plan::Plan = crate::spawn::plan::Plan::INITIAL;
    // SAFETY: null or the caller's struct.
    let size = if err.is_null() { 0 } else { unsafe { (*err).size } };
    if size != 0 && (size as usize) < ERROR_SIZE_VER0 {
        return or_number(Err(Errno::EINVAL));
    }
    let plan = match plan.is_null() {
        true => Ok(&NOTHING),
        // SAFETY: a plan of the caller's.
        false => unsafe { spawn_plan::contents(plan) },
    };
    let outcome = match plan {
        Err(errno) => Err((Failure::at(Stage::Plan)(errno), None)),
        // SAFETY: the header's contract.
        Ok(plan) => unsafe { superset::spawn(plan, path, argv.cast(), envp.cast()) }
            .map_err(|failure| (failure, Some(plan))),
    };
    match outcome {
        Ok(child) => {
            if !pid.is_null() {
                // SAFETY: the caller's.
                unsafe { pid.write(child) };
            }
            // SAFETY: null or the caller's struct.
            unsafe { fill(err, &NO_ERROR) };
            0
        }
        Err((failure, plan)) => {
            let mut object = plan.map(|plan| describe::object(plan, path, &failure));
            let mut index = failure.index;
            if let (Stage::Create, Some(plan), false) = (failure.stage, plan, err.is_null()) {
                let reason = superset::why_not_created(plan, failure.errno);
                index = reason.map_or(0, |reason| reason.number);
                if reason.is_some_and(|reason| reason.is_about_cgroup()) {
                    object = Some(describe::Object::of_cgroup(plan));
                }
            }
            let told = clone3_spawn_error {
                size: 0,
                stage: failure.stage as c_int,
                index: index as c_int,
                error: failure.errno.0,
                action: object.map_or(0, |object| object.action),
                number: object.map_or(-1, |object| object.number),
                path: object.map_or(null(), |object| object.path),
                r#type: object.map_or(null(), |object| object.kind),
            };
            // SAFETY: null or the caller's struct.
            unsafe { fill(err, &told) };
            failure.errno.0
        }
    }
}

/// With the type.
const ERROR_SIZE_VER1: usize = size_of::<clone3_spawn_error>();

const NO_ERROR: clone3_spawn_error = clone3_spawn_error {
    size: 0,
    stage: 0,
    index: 0,
    error: 0,
    action: 0,
    number: -1,
    path: null(),
    r#type: null(),
};

/// All that the caller has room for but the size, which is the caller's; 0 is the first
/// version's.
///
/// # Safety
/// Null or a struct of its size to be written.
unsafe fn fill(err: *mut clone3_spawn_error, told: &clone3_spawn_error) {
    if err.is_null() {
        return;
    }
    let clone3_spawn_error { size: _, stage, index, error, action, number, path, r#type } = *told;
    // SAFETY: by the contract, of the first version.
    unsafe {
        (&raw mut (*err).stage).write(stage);
        (&raw mut (*err).index).write(index);
        (&raw mut (*err).error).write(error);
        (&raw mut (*err).action).write(action);
        (&raw mut (*err).number).write(number);
        (&raw mut (*err).path).write(path);
    }
    // SAFETY: by the contract; it is there as far as the size says.
    unsafe {
        if (*err).size as usize >= ERROR_SIZE_VER1 {
            (&raw mut (*err).r#type).write(r#type);
        }
    }
}

/// The same, read: what the size does not cover is nothing.
///
/// # Safety
/// A struct of its size.
pub unsafe fn read(err: *const clone3_spawn_error) -> clone3_spawn_error {
    // SAFETY: by the contract, of the first version; the type if the size says so.
    unsafe {
        let size = (&raw const (*err).size).read();
        clone3_spawn_error {
            size,
            stage: (&raw const (*err).stage).read(),
            index: (&raw const (*err).index).read(),
            error: (&raw const (*err).error).read(),
            action: (&raw const (*err).action).read(),
            number: (&raw const (*err).number).read(),
            path: (&raw const (*err).path).read(),
            r#type: match size as usize >= ERROR_SIZE_VER1 {
                true => (&raw const (*err).r#type).read(),
                false => null(),
            },
        }
    }
}

const _: () = {
    assert!(offset_of!(clone3_spawn_error, path) == 24);
    assert!(ERROR_SIZE_VER0 == 24 + size_of::<*const c_char>());
    assert!(CLONE3_SPAWN_ACTION_OPEN == describe::OPEN);
    assert!(CLONE3_SPAWN_ACTION_CLOSE == describe::CLOSE);
    assert!(CLONE3_SPAWN_ACTION_DUP2 == describe::DUP2);
    assert!(CLONE3_SPAWN_ACTION_CHDIR == describe::CHDIR);
    assert!(CLONE3_SPAWN_ACTION_FCHDIR == describe::FCHDIR);
    assert!(CLONE3_SPAWN_ACTION_CLOSEFROM == describe::CLOSEFROM);
    assert!(CLONE3_SPAWN_ACTION_TCSETPGRP == describe::TCSETPGRP);
};
