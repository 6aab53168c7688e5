// SPDX-License-Identifier: MIT OR Apache-2.0
//! The parent's part of `clone3_spawn`: what is prepared for the child, and put
//! back afterwards.

use super::actions::Actions;
use super::credentials::Changes;
use super::failure::Failure;
use super::launch;
use super::plan::{Cgroup, Namespace, Plan};
use super::program::{Attributes, Child, Program};
use super::search::Search;
use super::stage::Stage;
use super::{contradictions, mounts, readable};
use crate::diagnose::{self, Reason};
use crate::engine::{Request, emulate};
use crate::host::{self, environment};
use crate::uapi::exec::Strings;
use crate::uapi::flags::*;
use crate::uapi::sys::{self, KernelSigset, Pid};
use crate::uapi::{Errno, attribute, file, task};
use core::cell::Cell;
use core::ffi::{c_char, c_int};
use core::ptr::null;

/// What a plan has besides what POSIX knows.
pub struct Extras<'a> {
    /// What the setters left.
    pub plan: &'a Plan,
    /// The caller's pid, as its children have it from getppid(2).
    pub parent: Pid,
    /// A pidfd of the caller for a child to which it has no number; or −1.
    pub parent_fd: c_int,
    /// The calling thread's children are born elsewhere while this is there.
    elsewhere: Cell<Option<OtherPids>>,
}

impl Extras<'_> {
    /// Where the calling thread's children are born is its own pid namespace again.
    pub fn come_back(&self) {
        drop(self.elsewhere.take());
    }

    /// What the kernel is asked for besides a child that executes.
    pub fn adjust(&self, request: &mut Request) {
        let plan = self.plan;
        request.flags |= plan.flags;
        request.emulable = plan.emulable;
        if plan.flags.contains(CLONE_AUTOREAP) {
            request.exit_signal = 0;
        }
        if let Some(signal) = plan.exit_signal {
            // A negative one is nobody's, as it comes.
            request.exit_signal = signal as u64;
        }
        let (pids, count) = plan.set_tid.as_parts();
        request.set_tid = (pids as usize as u64, count as u64);
        if plan.function.is_some() {
            // Its handlers are as much its own as after fork.
            request.flags &= !(CLONE_VM | CLONE_VFORK | CLONE_CLEAR_SIGHAND);
        }
    }
}

/// Something that is closed when it is not needed any more.
struct Descriptor(c_int);

impl Drop for Descriptor {
    fn drop(&mut self) {
        if self.0 >= 0 {
            file::close(self.0);
        }
    }
}

/// What can be seen of a plan without the kernel and before there is a child.
pub fn check(plan: &Plan, path: *const c_char) -> Result<(), Failure> {
    if let Some(refusal) = plan.refused {
        let index = contradictions::FIRST_SETTER + u32::from(refusal.setter);
        return Err(Failure { stage: Stage::Plan, index, errno: refusal.errno });
    }
    readable::check(plan)?;
    mounts::check(plan)?;
    contradictions::find(plan, !path.is_null())?;
    if !plan.pidfd.is_null() {
        sys::probe_writable(plan.pidfd as usize as u64).map_err(Failure::at(Stage::Pidfd))?;
    }
    if plan.search {
        readable::string(path).map_err(Failure::at(Stage::Exec))?;
    }
    Ok(())
}

/// Makes the child. Failed steps leave no child, no descriptor and no changed
/// mask behind.
///
/// Async-signal-safe and thread-safe.
///
/// # Safety
/// The setters' contracts, and exec's for the rest.
pub unsafe fn spawn(
    plan: &Plan,
    path: *const c_char,
    argv: Strings,
    envp: Strings,
) -> Result<Pid, Failure> {
    check(plan, path)?;
    let program = if plan.search {
        // SAFETY: by the contract.
        Program::Search(unsafe { Search::of(path) }.map_err(Failure::at(Stage::Exec))?)
    } else {
        Program::Path(path)
    };
    let envp = if envp.is_null() { environment::all() } else { envp };
    let mask = sys::block_all_signals();
    // SAFETY: by the contract.
    let outcome = unsafe { spawn_blocked(plan, program, [argv, envp], mask) };
    sys::restore_signals(mask);
    outcome
}

/// # Safety
/// As [`spawn`].
unsafe fn spawn_blocked(
    plan: &Plan,
    program: Program,
    [argv, envp]: [Strings; 2],
    mask: KernelSigset,
) -> Result<Pid, Failure> {
    let (cgroup, _opened) = cgroup(plan.cgroup).map_err(Failure::at(Stage::Cgroup))?;
    let parent_fd = Descriptor(parent_fd(plan).map_err(Failure::at(Stage::DeathSignal))?);
    let extras = Extras {
        plan,
        parent: if looks_for_parent(plan) { task::getpid() } else { 0 },
        parent_fd: parent_fd.0,
        elsewhere: Cell::new(OtherPids::enter(plan.namespaces.get())?),
    };
    let mut pidfd = -1;
    let mut child = Child {
        program,
        argv,
        envp,
        actions: Actions::NONE,
        attributes: Attributes { cgroup, ..Attributes::NONE },
        pidfd: (!plan.pidfd.is_null()).then_some(&mut pidfd),
        extras: Some(&extras),
    };
    // What a callback calls is not its creator's call.
    let lent = plan.callback.is_some() && host::lend();
    sys::let_traps_in(mask);
    // SAFETY: by the contract.
    let launched = unsafe { launch::launch_blocked(&mut child, mask) };
    if lent {
        host::take_back();
    }
    let pid = launched?;
    if !plan.pidfd.is_null() {
        // SAFETY: the setter's contract.
        unsafe { plan.pidfd.write(pidfd) };
    }
    Ok(pid)
}

/// Why the kernel makes no such child, after it said so: the first rule that the plan
/// breaks, if that is one of the same errno.
pub fn why_not_created(plan: &Plan, errno: Errno) -> Option<Reason> {
    why_not(plan).ok().flatten().filter(|reason| reason.errno == errno)
}

/// Why the kernel would make no such child: the first rule that the plan breaks. The kernel
/// is asked, in questions that make no child.
pub fn why_not(plan: &Plan) -> Result<Option<Reason>, Failure> {
    let (cgroup, _opened) = cgroup(plan.cgroup).map_err(Failure::at(Stage::Cgroup))?;
    let extras = Extras { plan, parent: 0, parent_fd: -1, elsewhere: Cell::new(None) };
    let (mut wanted, mut pidfd) = (-1, -1);
    let child = Child {
        program: Program::Path(null()),
        argv: null(),
        envp: null(),
        actions: Actions::NONE,
        attributes: Attributes { cgroup, ..Attributes::NONE },
        pidfd: (!plan.pidfd.is_null()).then_some(&mut wanted),
        extras: Some(&extras),
    };
    let request = launch::request_of(&child, Changes::of(&child), &mut pidfd);
    let request = request.with_emulated(emulate::find_lacking(request.flags, request.emulable));
    Ok(diagnose::reason(Ok(request)))
}

/// A pidfd of the caller for a child that looks for it and has no number for it, be it by
/// the plan or because the caller's children belong elsewhere; or −1. Where it cannot be
/// had a child that waits for its id maps has the death signal to end by.
fn parent_fd(plan: &Plan) -> Result<c_int, Errno> {
    let leaves = plan.leaves_pid_namespace();
    if !looks_for_parent(plan) || !(leaves || task::children_are_elsewhere()) {
        return Ok(-1);
    }
    match attribute::open_pidfd(task::getpid()) {
        Err(errno) if leaves && plan.death_signal != 0 => Err(errno),
        opened => Ok(opened.unwrap_or(-1)),
    }
}

fn looks_for_parent(plan: &Plan) -> bool {
    plan.death_signal != 0 || plan.writes_id_maps()
}

/// The descriptor of the cgroup; one that was opened here is closed here.
fn cgroup(cgroup: Cgroup) -> Result<(Option<c_int>, Descriptor), Errno> {
    match cgroup {
        Cgroup::Inherited => Ok((None, Descriptor(-1))),
        Cgroup::Descriptor(fd) => Ok((Some(fd), Descriptor(-1))),
        Cgroup::Path(path) => {
            let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC;
            let fd = crate::uapi::exec::open(path, flags, 0)?;
            Ok((Some(fd), Descriptor(fd)))
        }
    }
}

/// The calling thread's children are born into another pid namespace while this
/// is there.
struct OtherPids(Descriptor);

impl OtherPids {
    /// Enters those that are in the list. That the way back is open is seen before
    /// the first step: it wants a privilege that the way there may not.
    fn enter(namespaces: &[Namespace]) -> Result<Option<OtherPids>, Failure> {
        let mut entered = None;
        for (index, namespace) in (0..).zip(namespaces) {
            if !namespace.joins(CLONE_NEWPID) {
                continue;
            }
            let failed = |errno| Failure { stage: Stage::Namespace, index, errno };
            if entered.is_none() {
                entered = Some(OtherPids::remember().map_err(failed)?);
            }
            attribute::join_namespace(namespace.fd, CLONE_NEWPID.bits() as c_int)
                .map_err(failed)?;
        }
        Ok(entered)
    }

    fn remember() -> Result<OtherPids, Errno> {
        let flags = libc::O_RDONLY | libc::O_CLOEXEC;
        let own = Descriptor(file::open(c"/proc/thread-self/ns/pid_for_children", flags)?);
        attribute::join_namespace(own.0, CLONE_NEWPID.bits() as c_int)?;
        Ok(OtherPids(own))
    }
}

impl Drop for OtherPids {
    fn drop(&mut self) {
        _ = attribute::join_namespace(self.0.0, CLONE_NEWPID.bits() as c_int);
    }
}
