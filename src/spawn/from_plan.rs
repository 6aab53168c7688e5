// SPDX-License-Identifier: MIT OR Apache-2.0
//! The parent's part of `clone3_spawn`: turns a plan into a `Child`, prepares what it
//! needs, and undoes that afterwards.

use super::birthplace::Elsewhere;
use super::child::{Attributes, Child, Parent, Program};
use super::credentials::Changes;
use super::failure::Failure;
use super::plan::Plan;
use super::search::Search;
use super::stage::Stage;
use super::{check, launch, request};
use crate::diagnose::{self, Reason};
use crate::engine::emulate;
use crate::host::{self, environment};
use crate::observe::Note;
use crate::uapi::exec::Strings;
use crate::uapi::sys::{self, KernelSigset, Pid};
use crate::uapi::{Errno, file, namespace, task};
use clone3_trace::Call;
use core::ffi::{c_char, c_int};
use core::ptr::null;

/// A descriptor that is closed on drop.
struct Descriptor(c_int);

impl Drop for Descriptor {
    fn drop(&mut self) {
        if self.0 >= 0 {
            file::close(self.0);
        }
    }
}

/// Creates the child. A failed step leaves no child, no descriptor and no changed mask
/// behind.
///
/// Async-signal-safe and thread-safe.
///
/// # Safety
/// The setters' contracts, and exec's for the rest.
pub unsafe fn spawn(
    caller: usize,
    plan: &Plan,
    path: *const c_char,
    argv: Strings,
    envp: Strings,
) -> Result<Pid, Failure> {
    check::plan(plan, path)?;
    // SAFETY: by the contract.
    let program = unsafe { program(plan, path) }.map_err(Failure::at(Stage::Exec))?;
    let envp = if envp.is_null() { environment::all() } else { envp };
    let mask = sys::block_all_signals();
    // SAFETY: by the contract.
    let outcome = unsafe { spawn_blocked(caller, plan, program, [argv, envp], mask) };
    sys::restore_signals(mask);
    outcome
}

/// What the child runs.
///
/// # Safety
/// A path that is looked for must be a string.
unsafe fn program(plan: &Plan, path: *const c_char) -> Result<Program, Errno> {
    Ok(match (plan.function, plan.program) {
        (Some(function), _) => Program::Function(function),
        (None, Some((fd, flags))) if path.is_null() => {
            Program::At(fd, c"".as_ptr(), flags | libc::AT_EMPTY_PATH)
        }
        (None, Some((fd, flags))) => Program::At(fd, path, flags),
        // SAFETY: by the contract.
        (None, None) if plan.search => Program::Search(unsafe { Search::of(path) }?),
        (None, None) => Program::Path(path),
    })
}

/// # Safety
/// As [`spawn`].
unsafe fn spawn_blocked(
    caller: usize,
    plan: &Plan,
    program: Program,
    [argv, envp]: [Strings; 2],
    mask: KernelSigset,
) -> Result<Pid, Failure> {
    let (cgroup, _opened) = cgroup(plan).map_err(Failure::at(Stage::Cgroup))?;
    let parent_fd = Descriptor(parent_fd(plan).map_err(Failure::at(Stage::PdeathSignal))?);
    let elsewhere = Elsewhere::enter(plan.rare.namespaces.get())?;
    let mut pidfd = -1;
    let mut child = Child {
        note: Note::new(Call::Clone3Spawn, caller),
        program,
        argv,
        envp,
        parent: Parent {
            pid: if plan.rare.looks_for_parent() { task::getpid() } else { 0 },
            fd: parent_fd.0,
        },
        birthplace: elsewhere.as_ref(),
        ..described(plan, cgroup, &mut pidfd)
    };
    // Calls that a callback makes are not recorded as its creator's.
    let lent = plan.rare.callback.is_some() && host::lend();
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

/// The child's description, without what it runs. Inlined, so that it is made in its place on
/// the stack that the child runs on.
#[inline(always)]
fn described<'a>(plan: &'a Plan, cgroup: Option<c_int>, pidfd: &'a mut c_int) -> Child<'a> {
    // The leader of a new session leads its process group and cannot join another.
    let process_group = plan.attributes.process_group.filter(|_| !plan.attributes.new_session);
    Child {
        note: Note::new(Call::Clone3Spawn, 0),
        program: Program::Path(null()),
        argv: null(),
        envp: null(),
        actions: plan.actions(),
        attributes: Attributes { cgroup, process_group, ..plan.attributes },
        rare: &plan.rare,
        pidfd: (!plan.pidfd.is_null()).then_some(pidfd),
        parent: Parent::UNWATCHED,
        birthplace: None,
    }
}

/// Why the kernel refused such a child: the first rule that the plan breaks, if it has
/// the same errno.
pub fn why_not_created(plan: &Plan, errno: Errno) -> Option<Reason> {
    why_not(plan).ok().flatten().filter(|reason| reason.errno == errno)
}

/// Why the kernel would refuse such a child: the first rule that the plan breaks. The
/// kernel is asked, in questions that create no child.
pub fn why_not(plan: &Plan) -> Result<Option<Reason>, Failure> {
    let (cgroup, _opened) = cgroup(plan).map_err(Failure::at(Stage::Cgroup))?;
    let (mut wanted, mut pidfd) = (-1, -1);
    let mut child = described(plan, cgroup, &mut wanted);
    if let Some(function) = plan.function {
        child.program = Program::Function(function);
    }
    let request = request::of(&child, Changes::of(&child), &mut pidfd);
    let request = request.with_emulated(emulate::find_lacking(request.flags, request.emulable));
    Ok(diagnose::reason(Ok(request)))
}

/// A pidfd of the caller, for a child that checks whether the caller has ended and is in
/// a pid namespace where the caller has no pid, by the plan or because the caller's
/// children go to another namespace; or −1. Without it, a child that waits for its id
/// maps still has the parent-death signal.
fn parent_fd(plan: &Plan) -> Result<c_int, Errno> {
    let rare = &plan.rare;
    let leaves = rare.leaves_pid_namespace();
    if !rare.looks_for_parent() || !(leaves || namespace::children_are_elsewhere()) {
        return Ok(-1);
    }
    match task::open_pidfd(task::getpid()) {
        Err(errno) if leaves && rare.pdeath_signal != 0 => Err(errno),
        opened => Ok(opened.unwrap_or(-1)),
    }
}

/// The descriptor of the cgroup, and the one that was opened here, to be closed.
fn cgroup(plan: &Plan) -> Result<(Option<c_int>, Descriptor), Errno> {
    if plan.cgroup_path.is_null() {
        return Ok((plan.attributes.cgroup, Descriptor(-1)));
    }
    let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC;
    let fd = file::open_path(plan.cgroup_path, flags, 0)?;
    Ok((Some(fd), Descriptor(fd)))
}
