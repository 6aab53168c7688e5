// SPDX-License-Identifier: MIT OR Apache-2.0
//! Questions about clone3(2): what it can do here (`clone3_probe`), how a call was made
//! (`clone3_last_route`), and what the library may emulate. Why it refuses is in
//! `explain`.

use super::{MustUse, declared_entry, or_minus_one};
use crate::diagnose::deep::{self, Seen};
use crate::diagnose::{self, Features};
use crate::engine::{self, Request, emulate, report};
use crate::host;
use crate::process::call;
use crate::uapi::flags::EMULABLE;
use crate::uapi::sys::Pid;
use crate::uapi::{CloneFlags, Errno, sized};
use core::ffi::{c_int, c_void};
use core::mem::size_of;

declared_entry!(clone3_probe => exported_probe);
declared_entry!(clone3_probe_refresh => exported_probe_refresh);
declared_entry!(clone3_last_route => exported_last_route);
declared_entry!(clone3_allow_emulation => exported_allow_emulation);
declared_entry!(clone3_allowed_emulation => exported_allowed_emulation);

/// For the field mode of struct clone3_features: besides asking the kernel, create
/// children and test the effect of their flags.
pub const CLONE3_PROBE_DEEP: u32 = 1;

/// What clone3(2) can do on this kernel, in this sandbox, for this thread.
///
/// Like struct clone_args it may grow at its end; the caller says how much of
/// it it knows (libclone3(7)).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(non_camel_case_types)]
pub struct clone3_features {
    /// In: sizeof(struct clone3_features). Out: how many bytes of it this
    /// version of the library filled in.
    pub size: u32,
    /// In: 0 or CLONE3_PROBE_DEEP.
    pub mode: u32,
    /// The errno that this thread gets instead of reaching clone3(2): 0 if it is reached,
    /// ENOSYS from a kernel before 5.3 or a filter, EPERM or another from a filter.
    pub obstacle: i32,
    /// The errno of a call with set_tid: 0 if it may be used, EPERM without the
    /// capability, E2BIG before Linux 5.5, the obstacle if there is one.
    pub set_tid: i32,
    /// Bytes of struct clone_args that the kernel reads (64, 80, 88); 0 if clone3(2) is
    /// unavailable.
    pub args_size: u32,
    /// 1 if CLONE_PIDFD can be combined with CLONE_THREAD (Linux 6.9).
    pub thread_pidfd: u32,
    /// 1 if the kernel's answers cannot be trusted, because it creates children that it
    /// should refuse; then known, permitted and carried are 0, and only the deep mode has
    /// results. Also 1 between unshare(CLONE_NEWPID) and the first child, where nothing
    /// can be tested: then the deep mode has none either.
    pub inconclusive: u32,
    /// 1 if CLONE3_ROUTE=legacy in the environment, or the way the library was built,
    /// forbids it to call clone3(2); the obstacle is ENOSYS then.
    pub kept_away: u32,
    /// Flags that clone3(2) knows.
    pub known: u64,
    /// Flags that it would grant this thread now: without those that lack a capability, a
    /// sysctl or a kernel option.
    pub permitted: u64,
    /// Flags that clone3() carries out here without emulation, by clone3(2) or
    /// by clone(2).
    pub carried: u64,
    /// Flags that it could emulate if clone3_allow_emulation() allowed it.
    pub emulable: u64,
    /// Deep mode: flags whose effect was seen in a child.
    pub verified: u64,
    /// Deep mode: flags that were accepted and had no effect.
    pub ignored: u64,
}

const FEATURES_SIZE_VER0: usize = 80;
const _: () = assert!(size_of::<clone3_features>() == FEATURES_SIZE_VER0);

/// In struct clone3_route: no call yet, or one that was refused before the
/// kernel was asked.
pub const CLONE3_ROUTE_NONE: u32 = 0;
/// In struct clone3_route: by clone3(2), as asked.
pub const CLONE3_ROUTE_NATIVE: u32 = 1;
/// In struct clone3_route: by clone3(2) with a smaller struct clone_args, after
/// E2BIG.
pub const CLONE3_ROUTE_SMALLER: u32 = 2;
/// In struct clone3_route: by clone(2), because clone3(2) is unavailable.
pub const CLONE3_ROUTE_LEGACY: u32 = 3;
/// In struct clone3_route: with flags that the library emulated; by clone3(2) if the
/// field args_size is not 0, by clone(2) otherwise.
pub const CLONE3_ROUTE_EMULATED: u32 = 4;
/// In struct clone3_route: by the C library's own function, which alone can
/// take its locks.
pub const CLONE3_ROUTE_HOST: u32 = 5;

/// By which system call a child was created, and why. It may grow at its end.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(non_camel_case_types)]
pub struct clone3_route {
    /// In: sizeof(struct clone3_route). Out: how many bytes of it this version
    /// of the library filled in.
    pub size: u32,
    /// CLONE3_ROUTE_*
    pub route: u32,
    /// The errno for which the route before was given up, 0 for the first.
    pub cause: i32,
    /// Bytes of struct clone_args given to the kernel, 0 where it was not
    /// clone3(2).
    pub args_size: u32,
    /// Flags that the library emulated.
    pub emulated: u64,
}

const ROUTE_SIZE_VER0: usize = 24;
const _: () = assert!(size_of::<clone3_route>() == ROUTE_SIZE_VER0);

#[allow(dead_code)] // C's view of what the macros above define
unsafe extern "C" {
    /// Finds out what clone3(2) can do here, for the calling thread.
    ///
    /// No runnable child is created: every question is a request that the kernel undoes
    /// because its pidfd cannot be stored. There is no zombie and no SIGCHLD. It costs
    /// about thirty questions of two or three failing system calls each; up to as many
    /// pid numbers are skipped, and namespaces that the caller may create are created and
    /// destroyed. With CLONE3_PROBE_DEEP in mode one process is created, which creates
    /// others and tests the effect of their flags; all are reaped, and none sends a
    /// signal (except one SIGCHLD under qemu-user, which cannot create a child without).
    ///
    /// The result also updates what the library remembers, as clone3_probe_refresh()
    /// does.
    ///
    /// @param features  size and mode are read, everything is written, up to
    ///                  size bytes
    /// @return 0; -1 and errno on error
    ///
    /// Errors:
    /// - EFAULT: features is NULL
    /// - EINVAL: size is smaller than 80, the first version's; mode is unknown
    /// - E2BIG: size is larger than a page
    /// - EAGAIN, ENOMEM: deep mode, no process could be made
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    /// Source: kernel/fork.c, copy_process.
    pub fn clone3_probe(features: *mut clone3_features) -> MustUse;

    /// Forgets what was found out about kernel and sandbox, and asks again.
    ///
    /// For a process whose sandbox has changed so that clone3(2) is available again
    /// (restored on another machine, for one). A filter that is installed later is
    /// noticed without it.
    ///
    /// @return 0 if clone3(2) is reached; otherwise -1 and the errno that is returned
    ///         instead
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    pub fn clone3_probe_refresh() -> c_int;

    /// Tells by which system call, and why, the calling thread's last clone3(),
    /// clone3_call(), clone(), fork(), _Fork(), vfork(), forkpty(), spawn
    /// (clone3_spawn(), the posix_spawn() family, system(), popen()) or
    /// clone3_thread_create() was made.
    ///
    /// In a new process there is no call yet. A process that was created without the
    /// library (by a system call instruction of the program's own) has its creator's
    /// report until it makes a call.
    ///
    /// @param route  size is read, everything is written, up to size bytes
    /// @return 0; -1 and errno on error
    ///
    /// Errors:
    /// - EFAULT: route is NULL
    /// - EINVAL: size is smaller than 24, the first version's
    /// - E2BIG: size is larger than a page
    ///
    /// Async-signal-safe: in a handler it reports the handler's own last call;
    /// thread-safe. Any Linux.
    pub fn clone3_last_route(route: *mut clone3_route) -> c_int;

    /// Allows clone3() and clone3_call() to emulate flags that the kernel does not know,
    /// or that cannot be passed because clone3(2) is unavailable, in the whole process.
    ///
    /// A library should rather allow it per call, by clone3_call_emulating() and
    /// clone3_spawn_set_emulation(): this setting applies to the whole process, and the
    /// next caller replaces it.
    ///
    /// Without it such a flag is refused with the kernel's errno. An emulation is weaker,
    /// and clone3_last_route() reports it:
    /// - CLONE_CLEAR_SIGHAND, CLONE_NNP: the child does it as its first act, so other
    ///   processes may see the child before; the child needs its own memory, or
    ///   clone3_call() with CLONE_VM and CLONE_VFORK
    /// - CLONE_AUTOREAP: the child is created by a middle process, which exits; its
    ///   parent is init or the nearest subreaper, which must reap it. The child needs its
    ///   own memory; refused if the caller is init or a subreaper itself
    ///
    /// @param flags  which of these may be emulated from now on; 0 for none
    /// @return 0; -1 and errno on error
    ///
    /// Errors:
    /// - EINVAL: a flag for which there is no emulation; nothing is changed
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    pub fn clone3_allow_emulation(flags: u64) -> c_int;

    /// What clone3_allow_emulation() has allowed.
    ///
    /// @return the flags; errno is untouched
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    pub fn clone3_allowed_emulation() -> u64;
}

unsafe extern "C" fn exported_probe(features: *mut clone3_features) -> c_int {
    // SAFETY: the header's contract.
    or_minus_one(unsafe { probe(features) })
}

/// # Safety
/// `place` must be null or a struct of the size that it says.
unsafe fn probe(place: *mut clone3_features) -> Result<(), Errno> {
    // SAFETY: by the contract.
    let size = unsafe { sized::size(place, FEATURES_SIZE_VER0) }?;
    // SAFETY: a field of the first version.
    let mode = unsafe { (&raw const (*place).mode).read() };
    if mode & !CLONE3_PROBE_DEEP != 0 {
        return Err(Errno::EINVAL);
    }
    let found = diagnose::probe();
    let seen = match mode & CLONE3_PROBE_DEEP {
        0 => Seen::default(),
        // SAFETY: it asks no more than that the function given to it is sound.
        _ => unsafe { deep::look(found.worth_a_try(), create_unrecorded) }?,
    };
    // SAFETY: as large as the caller says.
    unsafe { sized::write(place, size, &features(&found, &seen, mode)) };
    Ok(())
}

fn features(found: &Features, seen: &Seen, mode: u32) -> clone3_features {
    clone3_features {
        size: 0, // the writer's
        mode,
        obstacle: found.obstacle,
        set_tid: found.set_tid,
        args_size: found.args_size as u32,
        thread_pidfd: found.thread_pidfd.into(),
        inconclusive: found.inconclusive.into(),
        kept_away: engine::is_kept_away().into(),
        known: found.known.bits(),
        permitted: found.permitted.bits(),
        carried: found.carried().bits(),
        emulable: found.emulable().bits(),
        verified: seen.verified.bits(),
        ignored: seen.ignored.bits(),
    }
}

unsafe extern "C" fn exported_probe_refresh() -> c_int {
    or_minus_one(engine::refresh().map_or(Ok(()), Err))
}

unsafe extern "C" fn exported_last_route(route: *mut clone3_route) -> c_int {
    // SAFETY: the header's contract.
    or_minus_one(unsafe { last_route(route) })
}

/// # Safety
/// `place` must be null or a struct of the size that it says.
unsafe fn last_route(place: *mut clone3_route) -> Result<(), Errno> {
    // SAFETY: by the contract.
    let size = unsafe { sized::size(place, ROUTE_SIZE_VER0) }?;
    let last = report::last(host::tid());
    let emulated = emulate::flags(last.emulated).bits();
    let route = match last.rung {
        _ if emulated != 0 => CLONE3_ROUTE_EMULATED,
        report::Rung::None => CLONE3_ROUTE_NONE,
        report::Rung::Native => CLONE3_ROUTE_NATIVE,
        report::Rung::Smaller => CLONE3_ROUTE_SMALLER,
        report::Rung::Legacy => CLONE3_ROUTE_LEGACY,
        report::Rung::Host => CLONE3_ROUTE_HOST,
    };
    let (cause, args_size) = (i32::from(last.cause), last.size);
    let told = clone3_route { size: 0, route, cause, args_size, emulated };
    // SAFETY: as large as the caller says.
    unsafe { sized::write(place, size, &told) };
    Ok(())
}

unsafe extern "C" fn exported_allow_emulation(flags: u64) -> c_int {
    or_minus_one(match CloneFlags::from_bits(flags) {
        flags if EMULABLE.contains(flags) => {
            emulate::allow(flags);
            Ok(())
        }
        _ => Err(Errno::EINVAL),
    })
}

unsafe extern "C" fn exported_allowed_emulation() -> u64 {
    emulate::allowed().bits()
}

/// A child of an experiment, which is not traced.
///
/// # Safety
/// As [`call::create`].
unsafe fn create_unrecorded(
    request: &Request,
    start: call::Start,
    argument: *mut c_void,
) -> Result<Pid, Errno> {
    // SAFETY: by the contract.
    unsafe { call::create(None, request, start, argument) }
}
