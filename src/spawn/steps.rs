// SPDX-License-Identifier: MIT OR Apache-2.0
//! The child's part of `clone3_spawn`: its steps in their order. The rules of `child`
//! hold here as well.
//!
//! | what | why there |
//! |---|---|
//! | signals, cgroup, share of the machine | while the caller's privileges and its /proc are there |
//! | id maps, namespaces | before all that is looked up by a name or an id |
//! | session, process group, terminal | before the files, of which an action may take the terminal |
//! | umask, mounts, root, directory, files | before the ids: files are opened with the caller's rights |
//! | limits | they are the program's: nothing before is hindered by them |
//! | capabilities to be dropped, groups, gid, uid, capabilities to be kept | each while the one before allows it |
//! | death signal | a change of ids clears it |
//! | no_new_privs, callback, mask, filter, exec | the filter has the last word on nothing but exec |

use super::child::{self, Job, set_defaults};
use super::descriptors;
use super::failure::Failure;
use super::page::SharedPage;
use super::plan::{Directory, Plan};
use super::root;
use super::stage::Stage;
use super::superset::Extras;
use crate::base::text::Buffer;
use crate::engine::emulate;
use crate::uapi::flags::{CLONE_INTO_CGROUP, CLONE_NEWCGROUP, CLONE_NEWPID, CLONE_NNP};
use crate::uapi::sys;
use crate::uapi::task::{self, KernelSigaction};
use crate::uapi::{Errno, attribute, exec, file};
use core::ffi::c_int;

/// Everything up to what the child is for.
pub fn take(job: &Job, extras: &Extras) -> Result<(), Failure> {
    let plan = extras.plan;
    // Its pid namespace has others in it from the start.
    job.hide_if(job.changes.joins_pid).map_err(Failure::at(Stage::Namespace))?;
    let kept = descriptors::Kept::reserve(job, extras)?;
    signals(plan)?;
    if job.emulated.contains(CLONE_INTO_CGROUP) {
        cgroup(job, plan).map_err(Failure::at(Stage::Cgroup))?;
    }
    share_of_machine(plan)?;
    if let (true, Some(page)) = (plan.writes_id_maps(), job.page) {
        await_maps(page, extras, &kept);
    }
    job.hide_if(job.changes.joins_user).map_err(Failure::at(Stage::Namespace))?;
    for (index, namespace) in (0..).zip(plan.namespaces.get()) {
        join(namespace.fd, namespace.kinds()).map_err(nth(Stage::Namespace, index))?;
    }
    family(plan)?;
    if let Some(mask) = plan.umask {
        task::umask(mask);
    }
    root::change(plan)?;
    directory(plan.directory).map_err(Failure::at(Stage::Directory))?;
    descriptors::arrange(plan.descriptors, &kept)?;
    files(plan, &kept)?;
    for (index, limit) in (0..).zip(plan.limits.get()) {
        attribute::set_limit(limit.resource, [limit.soft, limit.hard])
            .map_err(nth(Stage::Rlimit, index))?;
    }
    privileges(job, plan)?;
    death_signal(extras, &kept)?;
    if plan.no_new_privs || job.emulated.contains(CLONE_NNP) {
        task::set_no_new_privs().map_err(Failure::at(Stage::NoNewPrivs))?;
    }
    callback(plan)?;
    kept.forget_parent();
    sys::restore_signals(plan.mask.unwrap_or(job.mask));
    if !plan.filter.is_null() {
        attribute::set_filter(plan.filter, plan.filter_flags)
            .map_err(Failure::at(Stage::Seccomp))?;
    }
    if plan.function.is_none() {
        return Err(Failure::at(Stage::Exec)(kept.execute(job, extras)));
    }
    Ok(())
}

/// Apart, for the room on the stack that other steps need.
#[inline(never)]
fn files(plan: &Plan, kept: &descriptors::Kept) -> Result<(), Failure> {
    for (index, action) in (0..).zip(plan.actions()) {
        child::act(&action, &kept.all()).map_err(nth(Stage::FileAction, index))?;
    }
    Ok(())
}

fn nth(stage: Stage, index: u32) -> impl Fn(Errno) -> Failure {
    move |errno| Failure { stage, index, errno }
}

fn signals(plan: &Plan) -> Result<(), Failure> {
    set_defaults(plan.defaults);
    let mut left = plan.ignores;
    while left != 0 {
        let signal = left.trailing_zeros();
        left &= left - 1;
        let ignore = KernelSigaction::of(libc::SIG_IGN);
        // SAFETY: SIG_IGN is no function.
        unsafe { task::set_disposition(signal as usize + 1, &ignore) }
            .map_err(nth(Stage::Signals, signal + 1))?;
    }
    Ok(())
}

/// Where the kernel did not. A cgroup namespace that was made by then has the
/// caller's cgroup for its root, which is not what was asked for.
fn cgroup(job: &Job, plan: &Plan) -> Result<(), Errno> {
    let directory = job.child.attributes.cgroup.ok_or(Errno::EINVAL)?;
    if plan.flags.contains(CLONE_NEWCGROUP) {
        return Err(Errno::EOPNOTSUPP);
    }
    emulate::enter_cgroup(directory)
}

fn share_of_machine(plan: &Plan) -> Result<(), Failure> {
    if let Some((policy, priority)) = plan.scheduling {
        exec::set_scheduler(policy, priority).map_err(Failure::at(Stage::Scheduler))?;
    }
    if let Some(nice) = plan.nice {
        attribute::set_nice(nice).map_err(Failure::at(Stage::Nice))?;
    }
    let (mask, size) = plan.affinity;
    if !mask.is_null() {
        attribute::set_affinity(size, mask).map_err(Failure::at(Stage::Affinity))?;
    }
    if let Some(priority) = plan.io_priority {
        attribute::set_io_priority(priority).map_err(Failure::at(Stage::Ioprio))?;
    }
    if let Some(score) = plan.oom_score {
        oom_score(score).map_err(Failure::at(Stage::OomScoreAdj))?;
    }
    if let Some(slack) = plan.timer_slack {
        attribute::set_timer_slack(slack).map_err(Failure::at(Stage::TimerSlack))?;
    }
    Ok(())
}

/// The kernel knows a child of vfork by its vfork and changes its score alone
/// (fs/proc/base.c, __set_oom_adj).
fn oom_score(score: c_int) -> Result<(), Errno> {
    let mut text = Buffer::<16>::new();
    let fd = file::open(c"/proc/self/oom_score_adj", libc::O_WRONLY | libc::O_CLOEXEC)?;
    let written = exec::write(fd, text.push_number(score.into()).bytes());
    file::close(fd);
    written.map(drop)
}

/// A pid namespace is entered by the parent: it is for children only.
fn join(fd: c_int, kinds: c_int) -> Result<(), Errno> {
    const NEWPID: c_int = CLONE_NEWPID.bits() as c_int;
    if kinds == NEWPID { Ok(()) } else { attribute::join_namespace(fd, kinds & !NEWPID) }
}

fn family(plan: &Plan) -> Result<(), Failure> {
    if plan.new_session {
        sys::setsid().map_err(Failure::at(Stage::Session))?;
    } else if let Some(group) = plan.process_group {
        exec::set_process_group(group).map_err(Failure::at(Stage::ProcessGroup))?;
    }
    if let Some(fd) = plan.terminal {
        attribute::set_terminal(fd).map_err(Failure::at(Stage::Terminal))?;
    }
    Ok(())
}

fn directory(directory: Directory) -> Result<(), Errno> {
    match directory {
        Directory::Inherited => Ok(()),
        Directory::Descriptor(fd) => exec::fchdir(fd),
        Directory::Path(path) => exec::chdir(path),
    }
}

/// The child waits for its id maps, and ends with its parent.
fn await_maps(page: &SharedPage, extras: &Extras, kept: &descriptors::Kept) {
    // Also if only the calling thread ends. Until the caller has answered it lives.
    _ = attribute::set_death_signal(libc::SIGKILL);
    if !page.ask(|| is_orphaned(extras, kept)) {
        sys::exit_group(child::FAILED);
    }
    _ = attribute::set_death_signal(0);
}

/// Whether the caller has ended. Where the child has no number for it and no pidfd could
/// be had that is not known, and then only the death signal tells. Nor is it where a
/// filter answers for an id, of which there is none below 1.
fn is_orphaned(extras: &Extras, kept: &descriptors::Kept) -> bool {
    if kept.parent >= 0 {
        return attribute::is_readable(kept.parent);
    }
    let parent = attribute::getppid();
    parent > 0 && extras.parent > 0 && parent != extras.parent
}

fn privileges(job: &Job, plan: &Plan) -> Result<(), Failure> {
    // With fs.suid_dumpable at 1 each change of ids makes memory dumpable.
    let hide = || job.hide_if(job.changes.ids);
    let capabilities = |index| nth(Stage::Capabilities, index);
    let keeps = plan.inheritable.is_some() || plan.ambient.is_some();
    if let Some(kept) = plan.bounding {
        attribute::bound_capabilities(kept).map_err(Failure::at(Stage::Bounding))?;
    }
    if let Some(groups) = plan.groups {
        let (first, count) = groups.as_parts();
        attribute::set_groups(first, count).map_err(Failure::at(Stage::Groups))?;
    }
    if let Some(gid) = plan.gid {
        hide().and_then(|()| attribute::set_gid(gid)).map_err(Failure::at(Stage::Gid))?;
    }
    if let Some(uid) = plan.uid {
        if keeps || plan.securebits.is_some() {
            attribute::keep_capabilities().map_err(capabilities(0))?;
        }
        hide().and_then(|()| attribute::set_uid(uid)).map_err(Failure::at(Stage::Uid))?;
    }
    hide().map_err(Failure::at(Stage::Uid))?;
    if keeps || (plan.securebits.is_some() && plan.uid.is_some()) {
        attribute::set_inheritable(plan.inheritable, plan.ambient.unwrap_or(0))
            .map_err(capabilities(1))?;
    }
    if let Some(ambient) = plan.ambient {
        attribute::set_ambient(ambient).map_err(capabilities(2))?;
    }
    if let Some(bits) = plan.securebits {
        attribute::set_securebits(bits).map_err(Failure::at(Stage::Securebits))?;
    }
    Ok(())
}

/// A parent that has ended by now sends no signal: the child gets it here. The
/// first process of a pid namespace may be deaf to it, and ends.
fn death_signal(extras: &Extras, kept: &descriptors::Kept) -> Result<(), Failure> {
    let signal = extras.plan.death_signal;
    if signal == 0 {
        return Ok(());
    }
    attribute::set_death_signal(signal).map_err(Failure::at(Stage::DeathSignal))?;
    if is_orphaned(extras, kept) {
        let raised = attribute::raise(signal);
        if raised.is_err() || extras.plan.leaves_pid_namespace() {
            sys::exit_group(child::FAILED);
        }
    }
    Ok(())
}

fn callback(plan: &Plan) -> Result<(), Failure> {
    let Some((function, argument)) = plan.callback else { return Ok(()) };
    // Nor does a handler run that it sets, on memory that may be lent.
    sys::block_all_signals();
    // SAFETY: the setter's contract.
    match unsafe { function(argument) } {
        0 => Ok(()),
        number => Err(Failure::at(Stage::Callback)(Errno(number))),
    }
}
