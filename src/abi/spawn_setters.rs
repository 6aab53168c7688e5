// SPDX-License-Identifier: MIT OR Apache-2.0
//! The setters of `clone3_spawn_t`. They check what can be checked without the child; the
//! rest is left to the kernel. A failure is recorded in the plan, which then does not
//! run, because callers do not check every result. For the same reason the usual failure
//! results of other functions (-1, NULL) are never arguments that mean a weaker
//! confinement.

use super::spawn_plan::*;
use super::spawn_set_birth_h::*;
use super::spawn_set_files_h::*;
use super::spawn_set_privileges_h::*;
use super::spawn_set_process_h::*;
use super::{declared_entry, or_number};
use crate::base::text::Strings;
use crate::spawn::actions::{self, Actions, FileActions};
use crate::spawn::attr::Sigset;
use crate::spawn::elements::{IdRange, Limit, Mount, Namespace};
use crate::spawn::list::List;
use crate::spawn::plan::Plan;
use crate::spawn::rare::{Directory, MOST_DESCRIPTORS};
use crate::uapi::flags::{EMULATED_IN_CHILD, SPAWNABLE};
use crate::uapi::sys::{KernelSigset, Pid};
use crate::uapi::{CloneFlags, Errno, pages};
use core::ffi::{c_char, c_int, c_uint, c_ulong, c_void};
use core::ptr::null;
use libc::{posix_spawn_file_actions_t, sigset_t, sock_fprog};

/// SECCOMP_FILTER_FLAG_LOG and SECCOMP_FILTER_FLAG_SPEC_ALLOW.
const FILTER_FLAGS: c_uint = 0b110;

/// SIGKILL and SIGSTOP.
const NOT_TO_BE_IGNORED: KernelSigset = 1 << (libc::SIGKILL - 1) | 1 << (libc::SIGSTOP - 1);

type Function = unsafe extern "C" fn(arg: *mut c_void) -> c_int;

fn id(id: u32) -> Result<u32, Errno> {
    if id == u32::MAX { Err(Errno::EINVAL) } else { Ok(id) }
}

fn descriptor(fd: c_int) -> Result<c_int, Errno> {
    if fd < 0 { Err(Errno::EBADF) } else { Ok(fd) }
}

fn there<T>(pointer: *const T) -> Result<*const T, Errno> {
    if pointer.is_null() { Err(Errno::EFAULT) } else { Ok(pointer) }
}

fn signal_or_none(signal: c_int) -> Result<c_int, Errno> {
    if (0..=64).contains(&signal) { Ok(signal) } else { Err(Errno::EINVAL) }
}

fn signals(set: *const sigset_t) -> Result<KernelSigset, Errno> {
    pages::probe(set as usize as u64)?;
    // SAFETY: a sigset_t of the caller's, which is there.
    unsafe { set.cast::<Sigset>().as_ref() }.map(|set| set.to_kernel()).ok_or(Errno::EFAULT)
}

/// `setters!(name => function(arguments) |plan| { statements }, …)`
macro_rules! setters {
    ($($name:ident => $function:ident($($argument:ident: $type:ty),*) |$plan:ident| $body:block)+) => {
        /// The setters' names by number.
        pub const NAMES: Strings = Strings::new(concat!($(stringify!($name), "\0"),+));

        #[allow(non_camel_case_types)]
        #[repr(u8)]
        enum Number { $($function),+ }

        $(
            declared_entry!($name => $function);
            unsafe extern "C" fn $function(plan: *mut clone3_spawn_t $(, $argument: $type)*) -> c_int {
                // SAFETY: the header's contract.
                let plan = match unsafe { contents_mut(plan) } {
                    Ok(plan) => plan,
                    Err(errno) => return or_number(Err(errno)),
                };
                let set = |$plan: &mut Plan| -> Result<(), Errno> {
                    $body
                    Ok(())
                };
                let outcome = set(plan);
                if let Err(errno) = outcome {
                    plan.refuse(Number::$function as u8, errno);
                }
                or_number(outcome)
            }
        )+
    };
}

setters! {
    clone3_spawn_add_flags => exported_add_flags(flags: u64) |plan| {
            let flags = CloneFlags::from_bits(flags); if !SPAWNABLE.contains(flags) { return Err(Errno::EINVAL); } plan.rare.flags |= flags;
    }
    clone3_spawn_set_emulation => exported_set_emulation(flags: u64) |plan| {
            let flags = CloneFlags::from_bits(flags);
            if !EMULATED_IN_CHILD.contains(flags) { return Err(Errno::EINVAL); }
            plan.rare.emulable = flags;
    }
    clone3_spawn_set_pidfd => exported_set_pidfd(pidfd: *mut c_int) |plan| {
            plan.pidfd = pidfd;
    }
    clone3_spawn_set_exit_signal => exported_set_exit_signal(signal: c_int) |plan| {
            plan.rare.exit_signal = Some(signal_or_none(signal)?);
    }
    clone3_spawn_set_tid => exported_set_tid(pids: *const Pid, count: usize) |plan| {
            // SAFETY: the caller lends the array.
            plan.rare.set_tid = unsafe { List::of(pids, count) }?;
    }
    clone3_spawn_set_cgroup => exported_set_cgroup(fd: c_int) |plan| {
            plan.attributes.cgroup = Some(descriptor(fd)?);
            plan.cgroup_path = null();
    }
    clone3_spawn_set_cgroup_path => exported_set_cgroup_path(path: *const c_char) |plan| {
            plan.cgroup_path = there(path)?;
    }
    clone3_spawn_set_namespaces => exported_set_namespaces(namespaces: *const Namespace, count: usize) |plan| {
            // SAFETY: the caller lends the array.
            plan.rare.namespaces = unsafe { List::of(namespaces, count) }?;
    }
    clone3_spawn_set_uid_map => exported_set_uid_map(ranges: *const IdRange, count: usize) |plan| {
            // SAFETY: the caller lends the array.
            plan.rare.uid_map = unsafe { List::of(ranges, count) }?;
    }
    clone3_spawn_set_gid_map => exported_set_gid_map(ranges: *const IdRange, count: usize) |plan| {
            // SAFETY: the caller lends the array.
            plan.rare.gid_map = unsafe { List::of(ranges, count) }?;
    }
    clone3_spawn_set_setgroups => exported_set_setgroups(allowed: c_int) |plan| {
            plan.rare.setgroups = Some(allowed != 0);
    }
    clone3_spawn_set_uid => exported_set_uid(uid: libc::uid_t) |plan| {
            plan.rare.uid = Some(id(uid)?);
    }
    clone3_spawn_set_gid => exported_set_gid(gid: libc::gid_t) |plan| {
            plan.rare.gid = Some(id(gid)?);
    }
    clone3_spawn_set_groups => exported_set_groups(groups: *const libc::gid_t, count: usize) |plan| {
            // SAFETY: the caller lends the array.
            plan.rare.groups = Some(unsafe { List::of(groups, count) }?);
    }
    clone3_spawn_set_no_new_privs => exported_set_no_new_privs(on: c_int) |plan| {
            plan.rare.no_new_privs = on != 0;
    }
    clone3_spawn_set_capabilities => exported_set_capabilities(which: c_int, capabilities: u64) |plan| {
            let place = match which {
                CLONE3_SPAWN_BOUNDING => &mut plan.rare.bounding,
                CLONE3_SPAWN_INHERITABLE => &mut plan.rare.inheritable,
                CLONE3_SPAWN_AMBIENT => &mut plan.rare.ambient,
                _ => return Err(Errno::EINVAL),
            };
            *place = Some(capabilities);
    }
    clone3_spawn_set_securebits => exported_set_securebits(bits: c_uint) |plan| {
            plan.rare.securebits = Some(bits);
    }
    clone3_spawn_set_seccomp => exported_set_seccomp(program: *const sock_fprog, flags: c_uint) |plan| {
            if flags & !FILTER_FLAGS != 0 { return Err(Errno::EINVAL); } plan.rare.filter = there(program)?.cast(); plan.rare.filter_flags = flags;
    }
    clone3_spawn_set_rlimits => exported_set_rlimits(limits: *const Limit, count: usize) |plan| {
            // SAFETY: the caller lends the array.
            plan.rare.limits = unsafe { List::of(limits, count) }?;
    }
    clone3_spawn_set_umask => exported_set_umask(mask: libc::mode_t) |plan| {
            if mask > 0o777 { return Err(Errno::EINVAL); } plan.rare.umask = Some(mask);
    }
    clone3_spawn_set_mounts => exported_set_mounts(mounts: *const Mount, count: usize) |plan| {
            // SAFETY: the caller lends the array.
            plan.rare.mounts = unsafe { List::of(mounts, count) }?;
    }
    clone3_spawn_set_session => exported_set_session(on: c_int) |plan| {
            plan.attributes.new_session = on != 0;
    }
    clone3_spawn_set_process_group => exported_set_process_group(group: Pid) |plan| {
            if group < 0 { return Err(Errno::EINVAL); } plan.attributes.process_group = Some(group);
    }
    clone3_spawn_set_terminal => exported_set_terminal(fd: c_int) |plan| {
            plan.rare.terminal = Some(descriptor(fd)?);
    }
    clone3_spawn_set_signal_mask => exported_set_signal_mask(set: *const sigset_t) |plan| {
            plan.attributes.mask = Some(signals(set)?);
    }
    clone3_spawn_set_signal_defaults => exported_set_signal_defaults(set: *const sigset_t) |plan| {
            plan.attributes.defaults = signals(set)?;
    }
    clone3_spawn_set_signal_ignores => exported_set_signal_ignores(set: *const sigset_t) |plan| {
            let set = signals(set)?; if set & NOT_TO_BE_IGNORED != 0 { return Err(Errno::EINVAL); } plan.rare.ignores = set;
    }
    clone3_spawn_set_scheduler => exported_set_scheduler(policy: c_int, priority: c_int) |plan| {
            plan.attributes.scheduling = Some((Some(policy), priority));
    }
    clone3_spawn_set_nice => exported_set_nice(nice: c_int) |plan| {
            if !(-20..=19).contains(&nice) { return Err(Errno::EINVAL); } plan.rare.nice = Some(nice);
    }
    clone3_spawn_set_affinity => exported_set_affinity(mask: *const clone3_cpu_set_t, size: usize) |plan| {
            plan.rare.affinity = (there(mask)?.cast(), size);
    }
    clone3_spawn_set_ioprio => exported_set_ioprio(priority: c_int) |plan| {
            plan.rare.io_priority = Some(priority);
    }
    clone3_spawn_set_oom_score_adj => exported_set_oom_score_adj(score: c_int) |plan| {
            if !(-1000..=1000).contains(&score) { return Err(Errno::EINVAL); } plan.rare.oom_score = Some(score);
    }
    clone3_spawn_set_timer_slack => exported_set_timer_slack(nanoseconds: c_ulong) |plan| {
            plan.rare.timer_slack = Some(nanoseconds as usize);
    }
    clone3_spawn_set_pdeath_signal => exported_set_pdeath_signal(signal: c_int) |plan| {
            plan.rare.pdeath_signal = signal_or_none(signal)?;
    }
    clone3_spawn_set_directory => exported_set_directory(path: *const c_char) |plan| {
            plan.rare.directory = Directory::Path(there(path)?);
    }
    clone3_spawn_set_directory_fd => exported_set_directory_fd(fd: c_int) |plan| {
            plan.rare.directory = Directory::Descriptor(descriptor(fd)?);
    }
    clone3_spawn_set_chroot => exported_set_chroot(path: *const c_char) |plan| {
            plan.rare.root = Directory::Path(there(path)?);
    }
    clone3_spawn_set_pivot_root => exported_set_pivot_root(fd: c_int) |plan| {
            plan.rare.root = Directory::Descriptor(descriptor(fd)?);
    }
    clone3_spawn_set_fds => exported_set_fds(fds: *const c_int, count: usize) |plan| {
            if count > MOST_DESCRIPTORS { return Err(Errno::EINVAL); }
            // SAFETY: the caller lends the array.
            plan.rare.descriptors = Some(unsafe { List::of(fds, count) }?);
    }
    clone3_spawn_set_file_actions => exported_set_file_actions(actions: *const posix_spawn_file_actions_t) |plan| {
            let actions: *const FileActions = actions.cast();
            if !actions.is_null() {
                pages::probe(actions as usize as u64)?;
                actions::learn();
            }
            // SAFETY: null or an object, by the contract.
            if !unsafe { Actions::of(actions) }.is_some_and(|actions| actions.are_known()) {
                return Err(Errno::EINVAL);
            }
            plan.actions = actions;
    }
    clone3_spawn_set_program_fd => exported_set_program_fd(fd: c_int, flags: c_int) |plan| {
            if fd != libc::AT_FDCWD { descriptor(fd)?; }
            if flags & !libc::AT_SYMLINK_NOFOLLOW != 0 { return Err(Errno::EINVAL); }
            plan.program = Some((fd, flags));
    }
    clone3_spawn_set_search => exported_set_search(on: c_int) |plan| {
            plan.search = on != 0;
    }
    clone3_spawn_set_callback => exported_set_callback(callback: Option<Function>, arg: *mut c_void) |plan| {
            plan.rare.callback = callback.map(|function| (function, arg));
    }
    clone3_spawn_set_function => exported_set_function(function: Option<Function>, arg: *mut c_void) |plan| {
            plan.function = function.map(|function| (function, arg));
    }
}
