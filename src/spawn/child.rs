// SPDX-License-Identifier: MIT OR Apache-2.0
//! The child's part: the steps of a plan, each a system call or a few.
//!
//! | order | step | POSIX's word on it |
//! |--:|---|---|
//! | 1 | handlers to default, by CLONE_CLEAR_SIGHAND or one by one; then those in `defaults` | ignored ones stay |
//! | 2 | the pidfd is there | |
//! | 3 | the cgroup, where the kernel did not | |
//! | 4 | scheduling | |
//! | 5 | session, process group | |
//! | 6 | effective ids | |
//! | 7 | file actions, in their order | after the attributes |
//! | 8 | the signal mask | |
//! | 9 | exec | |
//!
//! It runs below the parent's frame on the parent's stack, of which it takes no
//! more than `launch` has looked at, and on borrowed memory: all signals are
//! blocked until step 8 and no handler is left by then. No allocation, no lock,
//! nothing of the libc, no TLS, nothing that can panic.

use super::actions::Action;
use super::close::close_from;
use super::credentials::Changes;
use super::exchange::Exchange;
use super::failure::Failure;
use super::page::SharedPage;
use super::program::{Child, Program};
use super::stage::Stage;
use super::steps;
use crate::arch::entry;
use crate::engine::emulate;
use crate::uapi::exec;
use crate::uapi::sys::{self, KernelSigset};
use crate::uapi::task::{self, KernelSigaction, LAST_SIGNAL};
use crate::uapi::{CloneFlags, Errno, attribute, file};
use core::ffi::{c_int, c_void};

/// Exit status of a child that failed (POSIX, posix_spawn).
pub const FAILED: c_int = 127;

/// What the child is given.
pub struct Job<'a> {
    /// What to do.
    pub child: &'a Child<'a>,
    /// Where to say that it could not be done.
    pub exchange: &'a Exchange,
    /// Where the kernel puts the pidfd, if it is wanted.
    pub pidfd: Option<*const c_int>,
    /// The mask that the caller had.
    pub mask: KernelSigset,
    /// Flags the kernel did not take (`emulate::lacking`).
    pub emulated: CloneFlags,
    /// What it shares with the caller, if its memory is a copy.
    pub page: Option<&'a SharedPage>,
    /// What it may become.
    pub changes: Changes,
}

impl Job<'_> {
    /// Before the child gets credentials that others have, too: nobody who has them is
    /// to look into its memory, until exec. `credentials` sees to it that this is not
    /// the caller's memory, whose this is not to change.
    pub fn hide_if(&self, changes: bool) -> Result<(), Errno> {
        if changes && self.page.is_some() { attribute::set_undumpable() } else { Ok(()) }
    }
}

entry!("clone3_spawn_child" => run);

unsafe extern "C" {
    /// [`run`] behind a landing pad: the trampoline calls it through a pointer.
    pub fn clone3_spawn_child(job: *mut c_void) -> c_int;
}

unsafe extern "C" fn run(job: *mut c_void) -> c_int {
    // SAFETY: the Job of `launch`, in a frame that is there until this child is
    // gone, or in the copy of it.
    let job = unsafe { &*job.cast::<Job>() };
    if let Err(failure) = take_steps(job) {
        job.exchange.tell(failure);
    }
    FAILED
}

/// Everything, exec among it, or up to what a child without a program is for.
pub fn take_steps(job: &Job) -> Result<(), Failure> {
    let attributes = &job.child.attributes;
    job.exchange.in_child();
    // Before what may fail: handlers are functions of a program that is gone.
    emulate::in_lent_child(job.emulated);
    set_defaults(attributes.defaults);
    // Before Linux 5.2 clone(2) takes CLONE_PIDFD and does nothing about it.
    // SAFETY: the place of `launch`, written by the kernel before this began.
    let given = |place: *const c_int| unsafe { place.read_volatile() } >= 0;
    if !job.pidfd.is_none_or(given) {
        return Err(Failure::at(Stage::Pidfd)(Errno::ENOSYS));
    }
    if let Some(extras) = job.child.extras {
        return steps::take(job, extras);
    }
    if let Some(directory) = emulate::cgroup_of_child(job.emulated, attributes.cgroup) {
        emulate::enter_cgroup(directory).map_err(Failure::at(Stage::Cgroup))?;
    }
    set_attributes(job)?;
    for (index, action) in (0..).zip(job.child.actions) {
        act(&action, &[job.exchange.keeps()]).map_err(|errno| Failure {
            stage: Stage::FileAction,
            index,
            errno,
        })?;
    }
    sys::restore_signals(attributes.mask.unwrap_or(job.mask));
    Err(Failure::at(Stage::Exec)(execute(job.child)))
}

/// What CLONE_CLEAR_SIGHAND left: signals that the caller ignores.
pub fn set_defaults(defaults: KernelSigset) {
    let mut left = defaults;
    while left != 0 {
        let signal = left.trailing_zeros() as usize + 1;
        left &= left - 1;
        // SIGKILL and SIGSTOP cannot be set and need not be.
        // SAFETY: SIG_DFL is no function.
        _ = unsafe { task::set_disposition(signal, &KernelSigaction::of(libc::SIG_DFL)) };
    }
}

const _: () = assert!(LAST_SIGNAL == KernelSigset::BITS as usize);

fn set_attributes(job: &Job) -> Result<(), Failure> {
    let attributes = &job.child.attributes;
    if let Some((policy, priority)) = attributes.scheduling {
        match policy {
            Some(policy) => exec::set_scheduler(policy, priority),
            None => exec::set_priority(priority),
        }
        .map_err(Failure::at(Stage::Scheduler))?;
    }
    if attributes.new_session {
        sys::setsid().map_err(Failure::at(Stage::Session))?;
    }
    if let Some(group) = attributes.process_group {
        exec::set_process_group(group).map_err(Failure::at(Stage::ProcessGroup))?;
    }
    if attributes.reset_ids {
        let failed = Failure::at(Stage::Uid);
        job.hide_if(job.changes.ids).map_err(&failed)?;
        exec::reset_ids().map_err(&failed)?;
        // With fs.suid_dumpable at 1 the change of ids made it dumpable.
        job.hide_if(job.changes.ids).map_err(&failed)?;
    }
    Ok(())
}

/// One file action. `keep` is a descriptor that nobody knows of, or −1.
pub fn act(action: &Action, keep: &[c_int]) -> Result<(), Errno> {
    match *action {
        Action::Open { fd, path, flags, mode } => open_as(fd, path, flags, mode),
        Action::Close { fd } => {
            file::close(fd); // if it is open
            Ok(())
        }
        Action::Dup2 { from, to } if from == to => {
            let flags = exec::fcntl(to, libc::F_GETFD, 0)?;
            exec::fcntl(to, libc::F_SETFD, flags & !libc::FD_CLOEXEC).map(drop)
        }
        Action::Dup2 { from, to } => file::dup_onto(from, to),
        Action::Chdir { path } => exec::chdir(path),
        Action::Fchdir { fd } => exec::fchdir(fd),
        Action::CloseFrom { first } => close_from(first, keep),
        Action::TakeTerminal { fd } => exec::take_terminal(fd),
    }
}

/// Whatever was open as that descriptor is closed first (POSIX): there may be no
/// room for another, and the file may not be opened twice.
fn open_as(
    fd: c_int,
    path: *const core::ffi::c_char,
    flags: c_int,
    mode: u32,
) -> Result<(), Errno> {
    file::close(fd);
    let opened = exec::open(path, flags, mode)?;
    if opened != fd {
        file::dup_onto(opened, fd)?;
        file::close(opened);
    }
    Ok(())
}

pub fn execute(child: &Child) -> Errno {
    match &child.program {
        Program::Path(path) => exec::exec(*path, child.argv, child.envp),
        Program::Search(search) => search.execute(child.argv, child.envp),
    }
}
