// SPDX-License-Identifier: MIT OR Apache-2.0
//! The child's part: its steps, each a system call or a few.
//!
//! | step | reason for its place |
//! |---|---|
//! | signal handlers reset, by CLONE_CLEAR_SIGHAND or one by one; then the signals to be default, those to be ignored | first: no handler of the caller's may run in the child |
//! | check that there is a pidfd | before the child does anything visible |
//! | cgroup, where the kernel did not; share of the machine | while the child has the caller's privileges and /proc |
//! | id maps, namespaces | before anything that is looked up by a path or an id |
//! | session, process group, terminal | before the files, of which an action may take the terminal |
//! | effective ids | before the files: POSIX applies attributes before file actions |
//! | umask, mounts, root, directory, list of descriptors, file actions | before the other ids: files are opened with the caller's rights |
//! | limits | they are meant for the program and must not hinder earlier steps |
//! | capabilities to be dropped, groups, gid, uid, capabilities to be kept | none takes a privilege that a later one needs |
//! | parent-death signal | a change of ids clears it |
//! | no_new_privs, callback | the callback sees the state that the program will have, but for mask and filter |
//! | signal mask | a signal may end the child from here on |
//! | filter | it applies to exec only |
//! | exec | |
//!
//! It runs on the parent's stack, below the parent's frame, and uses no more than
//! `launch` has checked; and on lent memory: all signals are blocked until the mask is
//! set, and by then no handler is left. No allocation, no lock, no libc, no TLS, nothing
//! that can panic.
//!
//! Rarely used steps are in functions of their own, so that their locals do not enlarge
//! every child's frame.

use super::failure::{FAILED, Failure};
use super::job::Job;
use super::kept::Kept;
use super::rare::Rare;
use super::stage::Stage;
use super::{descriptors, execute, files, parent, privileges, root, share};
use crate::arch::entry;
use crate::engine::emulate;
use crate::uapi::flags::{CLONE_NEWCGROUP, CLONE_NEWPID, CLONE_NNP};
use crate::uapi::sys::{self, KernelSigset};
use crate::uapi::task::{self, KernelSigaction, LAST_SIGNAL};
use crate::uapi::{Errno, cred, namespace, sched, session};
use core::ffi::{c_int, c_void};

entry!("clone3_spawn_child" => run);

unsafe extern "C" {
    /// [`run`] behind a landing pad: the trampoline calls it through a pointer.
    pub fn clone3_spawn_child(job: *mut c_void) -> c_int;
}

unsafe extern "C" fn run(job: *mut c_void) -> c_int {
    // SAFETY: the Job of `launch`, in a frame that exists until this child has ended, or
    // in the copy of it.
    let job = unsafe { &*job.cast::<Job>() };
    if let Err(failure) = take(job) {
        job.exchange.tell(failure);
    }
    FAILED
}

/// Takes all steps, up to and including exec, or up to the function of a child without a
/// program.
pub fn take(job: &Job) -> Result<(), Failure> {
    let (child, rare) = (job.child, job.child.rare);
    let attributes = &child.attributes;
    if let Some(recording) = job.recording {
        recording.begin();
    }
    job.exchange.in_child();
    emulate::in_lent_child(job.emulated);
    // CLONE_CLEAR_SIGHAND leaves signals that the caller ignores. SIGKILL and SIGSTOP
    // cannot be set and need not be.
    _ = set_signals(attributes.defaults, false);
    set_signals(rare.ignores, true)?;
    check_pidfd(job)?;
    // Other processes in its pid namespace can see it from the start.
    job.hide_if(job.changes.joins_pid).map_err(Failure::at(Stage::Namespace))?;
    let kept = Kept::reserve(job)?;
    enter_cgroup(job).map_err(Failure::at(Stage::Cgroup))?;
    share::schedule(attributes.scheduling)?;
    share::set(rare)?;
    if rare.writes_id_maps() {
        parent::await_maps(job, &kept);
    }
    join_namespaces(job)?;
    set_session(job)?;
    if attributes.reset_ids {
        privileges::reset_ids(job)?;
    }
    if let Some(mask) = rare.umask {
        task::umask(mask);
    }
    root::change(rare)?;
    files::change_directory(rare.directory)?;
    if let Some(list) = rare.descriptors {
        descriptors::arrange(&list, &kept.all())?;
    }
    files::act(&child.actions, &kept.all())?;
    set_limits(rare)?;
    privileges::change(job)?;
    parent::set_pdeath_signal(job, &kept)?;
    if rare.no_new_privs || job.emulated.contains(CLONE_NNP) {
        cred::set_no_new_privs().map_err(Failure::at(Stage::NoNewPrivs))?;
    }
    call_back(rare)?;
    kept.forget_parent();
    sys::restore_signals(attributes.mask.unwrap_or(job.mask));
    if !rare.filter.is_null() {
        cred::set_filter(rare.filter, rare.filter_flags).map_err(Failure::at(Stage::Seccomp))?;
    }
    let outcome = match job.recording {
        None => execute::execute(child, &kept, child.envp),
        Some(recording) => recording.execute(child, |envp| execute::execute(child, &kept, envp)),
    };
    outcome.map_err(Failure::at(Stage::Exec))
}

/// Ignores signals, or resets them to their default. Returns the first failure.
#[inline(never)]
fn set_signals(signals: KernelSigset, ignored: bool) -> Result<(), Failure> {
    let action = KernelSigaction::of(if ignored { libc::SIG_IGN } else { libc::SIG_DFL });
    let mut outcome = Ok(());
    let mut left = signals;
    while left != 0 {
        let signal = left.trailing_zeros() + 1;
        left &= left - 1;
        // SAFETY: SIG_DFL and SIG_IGN are no functions.
        let set = unsafe { task::set_disposition(signal as usize, &action) };
        outcome = outcome.and(set.map_err(Failure::nth(Stage::Signals, signal)));
    }
    outcome
}

const _: () = assert!(LAST_SIGNAL == KernelSigset::BITS as usize);

/// Before Linux 5.2 clone(2) accepts CLONE_PIDFD and ignores it.
fn check_pidfd(job: &Job) -> Result<(), Failure> {
    // SAFETY: the place of `launch`, written by the kernel before this began.
    let given = |place: *const c_int| unsafe { place.read_volatile() } >= 0;
    match job.pidfd.is_none_or(given) {
        true => Ok(()),
        false => Err(Failure::at(Stage::Pidfd)(Errno::ENOSYS)),
    }
}

/// Enters the cgroup where the kernel did not. A cgroup namespace that was created before
/// has the caller's cgroup as its root, which is not what was requested.
#[inline(never)]
fn enter_cgroup(job: &Job) -> Result<(), Errno> {
    match emulate::cgroup_of_child(job.emulated, job.child.attributes.cgroup) {
        None => Ok(()),
        Some(_) if job.child.rare.flags.contains(CLONE_NEWCGROUP) => Err(Errno::EOPNOTSUPP),
        Some(directory) => emulate::enter_cgroup(directory),
    }
}

/// Joins the namespaces, but for pid namespaces, which the parent joins (`birthplace`).
#[inline(never)]
fn join_namespaces(job: &Job) -> Result<(), Failure> {
    const NEWPID: c_int = CLONE_NEWPID.bits() as c_int;
    job.hide_if(job.changes.joins_user).map_err(Failure::at(Stage::Namespace))?;
    for (index, namespace) in (0..).zip(job.child.rare.namespaces.get()) {
        let kinds = namespace.kinds();
        if kinds != NEWPID {
            namespace::join_namespace(namespace.fd, kinds & !NEWPID)
                .map_err(Failure::nth(Stage::Namespace, index))?;
        }
    }
    Ok(())
}

fn set_session(job: &Job) -> Result<(), Failure> {
    let attributes = &job.child.attributes;
    if attributes.new_session {
        session::setsid().map_err(Failure::at(Stage::Session))?;
    }
    if let Some(group) = attributes.process_group {
        session::set_process_group(group).map_err(Failure::at(Stage::ProcessGroup))?;
    }
    if let Some(fd) = job.child.rare.terminal {
        session::set_terminal(fd).map_err(Failure::at(Stage::Terminal))?;
    }
    Ok(())
}

fn set_limits(rare: &Rare) -> Result<(), Failure> {
    for (index, limit) in (0..).zip(rare.limits.get()) {
        sched::set_limit(limit.resource, [limit.soft, limit.hard])
            .map_err(Failure::nth(Stage::Rlimit, index))?;
    }
    Ok(())
}

fn call_back(rare: &Rare) -> Result<(), Failure> {
    let Some((function, argument)) = rare.callback else { return Ok(()) };
    // A handler that the callback sets must not run either, as the memory may be lent.
    sys::block_all_signals();
    // SAFETY: the setter's contract.
    match unsafe { function(argument) } {
        0 => Ok(()),
        number => Err(Failure::at(Stage::Callback)(Errno(number))),
    }
}
