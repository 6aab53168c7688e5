// SPDX-License-Identifier: MIT OR Apache-2.0
//! Typed raw system calls by which a process changes what it is: its ids and
//! privileges, its limits and its share of the machine, its namespaces and its
//! root (its mounts are in `mount`). As in `sys`, async-signal-safe and without errno or TLS.
//!
//! All of them are about the calling task. Pointers are the caller's: the kernel
//! checks them.

use super::Errno;
use super::sys::Pid;
use crate::arch::syscall;
use core::ffi::{CStr, c_char, c_int, c_long, c_uint, c_void};
use core::mem::size_of;

// The calls whose ids have 32 bits everywhere, under one name.
#[cfg(not(target_arch = "x86"))]
use libc::{
    SYS_getresgid, SYS_getresuid, SYS_setfsgid, SYS_setfsuid, SYS_setgroups, SYS_setresgid,
    SYS_setresuid,
};
#[cfg(target_arch = "x86")]
use libc::{
    SYS_getresgid32 as SYS_getresgid, SYS_getresuid32 as SYS_getresuid,
    SYS_setfsgid32 as SYS_setfsgid, SYS_setfsuid32 as SYS_setfsuid,
    SYS_setgroups32 as SYS_setgroups, SYS_setresgid32 as SYS_setresgid,
    SYS_setresuid32 as SYS_setresuid,
};

/// # Safety
/// As the system call: what the kernel writes through pointers among the
/// arguments must be the caller's to have written.
unsafe fn call(nr: c_long, [a, b, c, d, e]: [usize; 5]) -> Result<usize, Errno> {
    // SAFETY: by the contract.
    Errno::check(unsafe { syscall(nr, [a, b, c, d, e, 0]) })
}

/// A call that writes to no memory of the caller's.
fn tell(nr: c_long, arguments: [usize; 5]) -> Result<(), Errno> {
    // SAFETY: the functions of this file use it for nothing else.
    unsafe { call(nr, arguments) }.map(drop)
}

fn prctl(option: c_int, a: usize, b: usize) -> Result<(), Errno> {
    tell(libc::SYS_prctl, [option as usize, a, b, 0, 0])
}

/// The ids of the calling thread: real, effective, saved and the file system's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    /// The user's.
    pub user: [u32; 4],
    /// The group's.
    pub group: [u32; 4],
}

impl Ids {
    /// As they are now (getresuid(2), getresgid(2), setfsuid(2), setfsgid(2)).
    pub fn now() -> Ids {
        Ids { user: four(SYS_getresuid, SYS_setfsuid), group: four(SYS_getresgid, SYS_setfsgid) }
    }

    /// Whether files are opened, and all else is done, with the real ids.
    pub fn are_real(&self) -> bool {
        let real = |[real, effective, _, file]: [u32; 4]| {
            real != u32::MAX && effective == real && file == real
        };
        real(self.user) && real(self.group)
    }
}

/// Where a filter refuses to tell they are no ids, which differ from all.
fn four(get_three: c_long, set_file: c_long) -> [u32; 4] {
    const NONE: u32 = u32::MAX;
    let [mut real, mut effective, mut saved] = [NONE; 3];
    let places = [&raw mut real as usize, &raw mut effective as usize, &raw mut saved as usize];
    // SAFETY: the three live over the call; the other one takes numbers. No such id can
    // be set, and the answer is what was.
    let file = unsafe {
        _ = call(get_three, [places[0], places[1], places[2], 0, 0]);
        call(set_file, [NONE as usize, 0, 0, 0, 0])
    };
    [real, effective, saved, file.map_or(NONE, |id| id as u32)]
}

/// Makes the calling process's memory undumpable: /proc/PID becomes root's, and no
/// other user traces it (prctl(2), PR_SET_DUMPABLE). It is so for all who share the
/// memory; exec ends it.
pub fn set_undumpable() -> Result<(), Errno> {
    prctl(libc::PR_SET_DUMPABLE, 0, 0)
}

/// setgroups(2).
pub fn set_groups(groups: *const u32, count: usize) -> Result<(), Errno> {
    tell(SYS_setgroups, [count, groups as usize, 0, 0, 0])
}

/// setresgid(2), all three.
pub fn set_gid(gid: u32) -> Result<(), Errno> {
    let gid = gid as usize;
    tell(SYS_setresgid, [gid, gid, gid, 0, 0])
}

/// setresuid(2), all three.
pub fn set_uid(uid: u32) -> Result<(), Errno> {
    let uid = uid as usize;
    tell(SYS_setresuid, [uid, uid, uid, 0, 0])
}

/// Highest capability that 64 bits can name.
pub const LAST_CAPABILITY: u32 = 63;

/// Drops all capabilities but these from the bounding set, up to the last that
/// the kernel knows (prctl(2), PR_CAPBSET_DROP; Linux 2.6.25).
pub fn bound_capabilities(kept: u64) -> Result<(), Errno> {
    for capability in 0..=LAST_CAPABILITY {
        if kept >> capability & 1 == 0 {
            // SAFETY: takes numbers.
            let raw = unsafe {
                call(
                    libc::SYS_prctl,
                    [libc::PR_CAPBSET_READ as usize, capability as usize, 0, 0, 0],
                )
            };
            match raw {
                Ok(0) => {}
                Ok(_) => prctl(libc::PR_CAPBSET_DROP, capability as usize, 0)?,
                Err(_) => break, // there is none of that number, and none behind
            }
        }
    }
    Ok(())
}

/// Keeps the permitted capabilities when the user id changes (prctl(2),
/// PR_SET_KEEPCAPS); exec ends it.
pub fn keep_capabilities() -> Result<(), Errno> {
    prctl(libc::PR_SET_KEEPCAPS, 1, 0)
}

/// Makes all permitted capabilities effective and, where they are given, sets the
/// inheritable ones, or adds to them (capget(2), capset(2)).
pub fn set_inheritable(exactly: Option<u64>, and: u64) -> Result<(), Errno> {
    const VERSION_3: u32 = 0x2008_0522;
    let mut header = [VERSION_3, 0];
    let mut sets = [[0u32; 3]; 2]; // effective, permitted, inheritable; low and high half
    let (header, data) = (header.as_mut_ptr() as usize, sets.as_mut_ptr() as usize);
    // SAFETY: the structs of that version live over the call.
    unsafe { call(libc::SYS_capget, [header, data, 0, 0, 0]) }?;
    for (half, [effective, permitted, inheritable]) in (0..).zip(&mut sets) {
        *effective = *permitted;
        if let Some(all) = exactly {
            *inheritable = (all >> (32 * half)) as u32;
        }
        *inheritable |= (and >> (32 * half)) as u32;
    }
    let data = (&raw const sets) as usize;
    tell(libc::SYS_capset, [header, data, 0, 0, 0])
}

/// Empties the ambient set and raises these in it (prctl(2), PR_CAP_AMBIENT;
/// Linux 4.3).
pub fn set_ambient(capabilities: u64) -> Result<(), Errno> {
    prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as usize, 0)?;
    (0..=LAST_CAPABILITY).filter(|capability| capabilities >> capability & 1 != 0).try_for_each(
        |capability| {
            let raise = libc::PR_CAP_AMBIENT_RAISE as usize;
            prctl(libc::PR_CAP_AMBIENT, raise, capability as usize)
        },
    )
}

/// prctl(2), PR_SET_SECUREBITS.
pub fn set_securebits(bits: u32) -> Result<(), Errno> {
    prctl(libc::PR_SET_SECUREBITS, bits as usize, 0)
}

/// seccomp(2), SECCOMP_SET_MODE_FILTER (Linux 3.17): `program` is a struct
/// sock_fprog.
pub fn set_filter(program: *const c_void, flags: c_uint) -> Result<(), Errno> {
    const SECCOMP_SET_MODE_FILTER: usize = 1;
    tell(libc::SYS_seccomp, [SECCOMP_SET_MODE_FILTER, flags as usize, program as usize, 0, 0])
}

/// prctl(2), PR_SET_PDEATHSIG.
pub fn set_death_signal(signal: c_int) -> Result<(), Errno> {
    prctl(libc::PR_SET_PDEATHSIG, signal as usize, 0)
}

/// kill(2) of the calling process.
pub fn raise(signal: c_int) -> Result<(), Errno> {
    super::task::kill(super::task::getpid(), signal)
}

/// getppid(2); negative where a filter answers by an errno.
pub fn getppid() -> Pid {
    // SAFETY: takes nothing, cannot fail.
    unsafe { syscall(libc::SYS_getppid, [0; 6]) as Pid }
}

/// pidfd_open(2) of a process (Linux 5.3).
pub fn open_pidfd(pid: Pid) -> Result<c_int, Errno> {
    // SAFETY: takes numbers.
    unsafe { call(libc::SYS_pidfd_open, [pid as usize, 0, 0, 0, 0]) }.map(|fd| fd as c_int)
}

/// Whether something can be read from a descriptor now: from a pidfd, that its
/// process has ended (ppoll(2)).
pub fn is_readable(fd: c_int) -> bool {
    let mut wanted = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    let now = [0 as c_long; 2];
    let arguments = [&raw mut wanted as usize, 1, &raw const now as usize, 0, 0];
    // SAFETY: the structs live over the call.
    let ready = unsafe { call(libc::SYS_ppoll, arguments) };
    ready == Ok(1)
}

/// prlimit(2) of one resource: the soft and the hard limit (Linux 2.6.36).
pub fn set_limit(resource: c_int, limits: [u64; 2]) -> Result<(), Errno> {
    tell(libc::SYS_prlimit64, [0, resource as usize, (&raw const limits) as usize, 0, 0])
}

/// setpriority(2) of the calling task.
pub fn set_nice(nice: c_int) -> Result<(), Errno> {
    tell(libc::SYS_setpriority, [libc::PRIO_PROCESS as usize, 0, nice as usize, 0, 0])
}

/// sched_setaffinity(2).
pub fn set_affinity(size: usize, mask: *const c_void) -> Result<(), Errno> {
    tell(libc::SYS_sched_setaffinity, [0, size, mask as usize, 0, 0])
}

/// ioprio_set(2) (Linux 2.6.13).
pub fn set_io_priority(priority: c_int) -> Result<(), Errno> {
    const IOPRIO_WHO_PROCESS: usize = 1;
    tell(libc::SYS_ioprio_set, [IOPRIO_WHO_PROCESS, 0, priority as usize, 0, 0])
}

/// prctl(2), PR_SET_TIMERSLACK: nanoseconds, 0 for the default (Linux 2.6.28).
pub fn set_timer_slack(nanoseconds: usize) -> Result<(), Errno> {
    prctl(libc::PR_SET_TIMERSLACK, nanoseconds, 0)
}

/// setns(2): a namespace by its descriptor, or those of a process by its pidfd
/// (Linux 5.8).
pub fn join_namespace(fd: c_int, kind: c_int) -> Result<(), Errno> {
    tell(libc::SYS_setns, [fd as usize, kind as usize, 0, 0, 0])
}

/// Which CLONE_NEW* a namespace's descriptor stands for (ioctl_nsfs(2), Linux
/// 4.11).
pub fn kind_of_namespace(fd: c_int) -> Result<c_int, Errno> {
    const NS_GET_NSTYPE: usize = 0xb703;
    // SAFETY: takes numbers.
    unsafe { call(libc::SYS_ioctl, [fd as usize, NS_GET_NSTYPE, 0, 0, 0]) }
        .map(|kind| kind as c_int)
}

/// ioctl_tty(2), TIOCSCTTY: the terminal becomes the session's.
pub fn set_terminal(fd: c_int) -> Result<(), Errno> {
    tell(libc::SYS_ioctl, [fd as usize, libc::TIOCSCTTY as usize, 0, 0, 0])
}

/// chroot(2), and the working directory there.
pub fn chroot(path: *const c_char) -> Result<(), Errno> {
    tell(libc::SYS_chroot, [path as usize, 0, 0, 0, 0])?;
    super::exec::chdir(c"/".as_ptr())
}

/// Where a symbolic link leads, with a NUL behind it (readlinkat(2)).
pub fn read_link(path: &CStr, bytes: &mut [u8]) -> Result<(), Errno> {
    let room = bytes.len().saturating_sub(1);
    let arguments =
        [libc::AT_FDCWD as usize, path.as_ptr() as usize, bytes.as_mut_ptr() as usize, room, 0];
    // SAFETY: the slice is ours to fill.
    let length = unsafe { call(libc::SYS_readlinkat, arguments) }?;
    match bytes.get_mut(length) {
        Some(end) if length < room => *end = 0,
        _ => return Err(Errno::ENAMETOOLONG),
    }
    Ok(())
}

/// execveat(2): comes back only to say why not (Linux 3.19).
pub fn exec_at(
    directory: c_int,
    path: *const c_char,
    argv: super::exec::Strings,
    envp: super::exec::Strings,
    flags: c_int,
) -> Errno {
    let arguments =
        [directory as usize, path as usize, argv as usize, envp as usize, flags as usize];
    match tell(libc::SYS_execveat, arguments) {
        Err(errno) => errno,
        Ok(()) => Errno::ENOSYS, // success does not come back
    }
}

/// Whether a child has ended or is no child (any more); it stays to be waited for
/// (waitid(2)).
pub fn has_ended(pid: Pid) -> bool {
    let mut told = [0u8; size_of::<libc::siginfo_t>()];
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT | libc::__WALL;
    let place = told.as_mut_ptr() as usize;
    let arguments = [libc::P_PID as usize, pid as usize, place, options as usize, 0];
    // SAFETY: the struct lives over the call.
    match unsafe { call(libc::SYS_waitid, arguments) } {
        // si_signo, the first int, is SIGCHLD if there was something to tell.
        Ok(_) => told.iter().take(size_of::<c_int>()).any(|&byte| byte != 0),
        Err(errno) => errno.0 == libc::ECHILD,
    }
}
