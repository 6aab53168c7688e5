// SPDX-License-Identifier: MIT OR Apache-2.0
//! The child's part: its steps, each a system call or a few.
//!
//! | step | why there |
//! |---|---|
//! | handlers to their default, by CLONE_CLEAR_SIGHAND or one by one; then the signals to be default, those to be ignored | first: a handler is a function of a program that is gone |
//! | whether there is a pidfd | before anything else can be seen of the child |
//! | cgroup, where the kernel did not; share of the machine | while the caller's privileges and its /proc are there |
//! | id maps, namespaces | before all that is looked up by a name or an id |
//! | session, process group, terminal | before the files, of which an action may take the terminal |
//! | effective ids | before the files, as POSIX has the attributes before the file actions |
//! | umask, mounts, root, directory, list of descriptors, file actions | before the other ids: files are opened with the caller's rights |
//! | limits | they are the program's: nothing before is hindered by them |
//! | capabilities to be dropped, groups, gid, uid, capabilities to be kept | each while the one before allows it |
//! | death signal | a change of ids clears it |
//! | no_new_privs, callback | the callback finds all as the program will, but for mask and filter |
//! | signal mask | a signal may end the child from here on |
//! | filter | it has the last word on nothing but exec |
//! | exec | |
//!
//! It runs below the parent's frame on the parent's stack, of which it takes no
//! more than `launch` has looked at, and on borrowed memory: all signals are
//! blocked until the mask is set and no handler is left by then. No allocation, no lock,
//! nothing of the libc, no TLS, nothing that can panic.
//!
//! What few children ask for is in functions apart, whose locals are not in the frame of
//! all others.

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
    // SAFETY: the Job of `launch`, in a frame that is there until this child is
    // gone, or in the copy of it.
    let job = unsafe { &*job.cast::<Job>() };
    if let Err(failure) = take(job) {
        job.exchange.tell(failure);
    }
    FAILED
}

/// Everything, exec among it, or up to what a child without a program is for.
pub fn take(job: &Job) -> Result<(), Failure> {
    let (child, rare) = (job.child, job.child.rare);
    let attributes = &child.attributes;
    if let Some(recording) = job.recording {
        recording.begin();
    }
    job.exchange.in_child();
    emulate::in_lent_child(job.emulated);
    // Those that CLONE_CLEAR_SIGHAND left, as the caller ignores them. SIGKILL and SIGSTOP
    // cannot be set and need not be.
    _ = set_signals(attributes.defaults, false);
    set_signals(rare.ignores, true)?;
    check_pidfd(job)?;
    // Its pid namespace has others in it from the start.
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
    parent::set_death_signal(job, &kept)?;
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

/// Has signals ignored, or at their default. Says of the first that could not be.
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

/// Before Linux 5.2 clone(2) takes CLONE_PIDFD and does nothing about it.
fn check_pidfd(job: &Job) -> Result<(), Failure> {
    // SAFETY: the place of `launch`, written by the kernel before this began.
    let given = |place: *const c_int| unsafe { place.read_volatile() } >= 0;
    match job.pidfd.is_none_or(given) {
        true => Ok(()),
        false => Err(Failure::at(Stage::Pidfd)(Errno::ENOSYS)),
    }
}

/// Where the kernel did not. A cgroup namespace that was made by then has the
/// caller's cgroup for its root, which is not what was asked for.
#[inline(never)]
fn enter_cgroup(job: &Job) -> Result<(), Errno> {
    match emulate::cgroup_of_child(job.emulated, job.child.attributes.cgroup) {
        None => Ok(()),
        Some(_) if job.child.rare.flags.contains(CLONE_NEWCGROUP) => Err(Errno::EOPNOTSUPP),
        Some(directory) => emulate::enter_cgroup(directory),
    }
}

/// A pid namespace is entered by the parent (`birthplace`).
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
    // Nor does a handler run that it sets, on memory that may be lent.
    sys::block_all_signals();
    // SAFETY: the setter's contract.
    match unsafe { function(argument) } {
        0 => Ok(()),
        number => Err(Failure::at(Stage::Callback)(Errno(number))),
    }
}
