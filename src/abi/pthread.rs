// SPDX-License-Identifier: MIT OR Apache-2.0
//! `pthread_create` and `thrd_create`, passed on to the host, and
//! `clone3_pthread_create`, which adds what attributes cannot express.

use super::spawn_plan::clone3_cpu_set_t;
use super::{MustUse, declared_entry};
use crate::arch::{Caller, caller_entry, further_version};
use crate::host::pthread::Start;
use crate::thread::extra::{Cgroup, Extra, Extras};
use crate::thread::pthread::{self, Refusal};
use crate::uapi::{Errno, sized, task};
use core::ffi::{c_char, c_int, c_void};
use core::mem::size_of;
use libc::{pthread_attr_t, pthread_t};

// The second label gets glibc's newer version of the name; docs/DESIGN.md, "Names with
// versions", explains why there are two.
caller_entry!("pthread_create", "clone3_newer_pthread_create" =>
    exported_pthread_create(_, _, _, _));
caller_entry!("thrd_create", "clone3_newer_thrd_create" => exported_thrd_create(_, _, _));
further_version!("clone3_newer_pthread_create", "pthread_create", "GLIBC_2.34");
further_version!("clone3_newer_thrd_create", "thrd_create", "GLIBC_2.34");
declared_entry!(clone3_pthread_create => exported_clone3_pthread_create(_, _, _, _, _));

/// In struct clone3_pthread_extra: store a pidfd of the thread (Linux 6.9).
pub const CLONE3_PTHREAD_PIDFD: u32 = 1;
/// In struct clone3_pthread_extra: name the thread.
pub const CLONE3_PTHREAD_NAME: u32 = 2;
/// In struct clone3_pthread_extra: set the processors it may run on.
pub const CLONE3_PTHREAD_AFFINITY: u32 = 4;
/// In struct clone3_pthread_extra: set its nice value.
pub const CLONE3_PTHREAD_NICE: u32 = 8;
/// In struct clone3_pthread_extra: set its timer slack.
pub const CLONE3_PTHREAD_TIMER_SLACK: u32 = 16;
/// In struct clone3_pthread_extra: move it into a threaded cgroup (Linux 4.14).
pub const CLONE3_PTHREAD_CGROUP: u32 = 32;
/// In struct clone3_pthread_extra: give it a root, working directory and umask
/// of its own, copied from the process's.
pub const CLONE3_PTHREAD_UNSHARE_FS: u32 = 64;
/// In struct clone3_pthread_extra: give it descriptors of its own, copied from
/// the process's.
pub const CLONE3_PTHREAD_UNSHARE_FILES: u32 = 128;

const KNOWN: u32 = CLONE3_PTHREAD_PIDFD
    | CLONE3_PTHREAD_NAME
    | CLONE3_PTHREAD_AFFINITY
    | CLONE3_PTHREAD_NICE
    | CLONE3_PTHREAD_TIMER_SLACK
    | CLONE3_PTHREAD_CGROUP
    | CLONE3_PTHREAD_UNSHARE_FS
    | CLONE3_PTHREAD_UNSHARE_FILES;
const _: () = {
    assert!(CLONE3_PTHREAD_PIDFD == Extra::Pidfd as u32);
    assert!(CLONE3_PTHREAD_NAME == Extra::Name as u32);
    assert!(CLONE3_PTHREAD_AFFINITY == Extra::Affinity as u32);
    assert!(CLONE3_PTHREAD_NICE == Extra::Nice as u32);
    assert!(CLONE3_PTHREAD_TIMER_SLACK == Extra::TimerSlack as u32);
    assert!(CLONE3_PTHREAD_CGROUP == Extra::Cgroup as u32);
    assert!(CLONE3_PTHREAD_UNSHARE_FS == Extra::UnshareFs as u32);
    assert!(CLONE3_PTHREAD_UNSHARE_FILES == Extra::UnshareFiles as u32);
};

/// What clone3_pthread_create() gives a thread in addition to its attributes.
///
/// Only fields that a bit in set selects are read. The struct may grow at its end; the
/// field size is the size that the caller knows.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types)]
pub struct clone3_pthread_extra {
    /// sizeof(struct clone3_pthread_extra)
    pub size: u32,
    /// CLONE3_PTHREAD_*: which of them are requested.
    pub set: u32,
    /// Where to store the CLONE3_PTHREAD_* that failed, 0 if none did; may be NULL.
    pub failed: *mut u32,
    /// Where to store the pidfd, which is closed on exec.
    pub pidfd: *mut c_int,
    /// Up to 15 bytes and a NUL.
    pub name: *const c_char,
    /// The processors it may run on.
    pub affinity: *const clone3_cpu_set_t,
    /// Bytes in *affinity.
    pub affinity_size: usize,
    /// Directory of the cgroup, or NULL to use the field cgroup.
    pub cgroup_path: *const c_char,
    /// Descriptor of the cgroup's directory, O_PATH or not.
    pub cgroup: c_int,
    /// -20 (most favourable) to 19.
    pub nice: c_int,
    /// Nanoseconds; 0 for the default, which is the creator's slack.
    pub timer_slack: u64,
}

const EXTRA_SIZE_VER0: usize = 24 + 6 * size_of::<usize>();
const _: () = assert!(size_of::<clone3_pthread_extra>() == EXTRA_SIZE_VER0);

#[allow(dead_code)] // C's view of what the macros above define
unsafe extern "C" {
    /// Creates a thread of the C library, as pthread_create() does, that has the extras
    /// when start(arg) begins to run.
    ///
    /// The C library creates the thread: it is a pthread in every respect. Before start
    /// it sets the extras, in the order name, affinity, nice value, timer slack, cgroup,
    /// own root and directory, own descriptors; then the caller opens the pidfd, in its
    /// own table. If one of them fails, start never runs, the thread ends and is joined,
    /// and *extra->failed is the one that failed. The value of *thread is undefined then.
    ///
    /// It returns when the thread has them all. It is no cancellation point, and signals
    /// do not interrupt it. A thread with a detached attribute is detached before start
    /// runs.
    ///
    /// @param thread where the C library stores the thread's id
    /// @param attr   attributes, or NULL for the default ones
    /// @param extra  what else, or NULL for nothing
    /// @param start  what the thread runs
    /// @param arg    passed to start
    /// @return 0, or an error number; errno is untouched
    ///
    /// Errors, besides those of pthread_create(3), with the extra they can come
    /// from:
    /// - EFAULT: thread or start is NULL
    /// - EINVAL: size is smaller than the first
    ///   version's; unknown bits in set; NICE is out of range; AFFINITY names no
    ///   processor there is; TIMER_SLACK does not fit into an unsigned long
    /// - E2BIG: size is larger than what this version of the library knows, and
    ///   something there is not zero
    /// - EFAULT: PIDFD, NAME or AFFINITY with a NULL pointer, or one that cannot
    ///   be read
    /// - ENOTSUP: PIDFD, before Linux 6.9
    /// - ENOSYS: there are no threads here: before glibc 2.34, no libpthread is
    ///   loaded. Or PIDFD, before Linux 5.3
    /// - EMFILE, ENFILE: PIDFD, CGROUP or UNSHARE_FILES
    /// - ERANGE: NAME is longer than 15 bytes
    /// - EACCES: NICE is lower than RLIMIT_NICE allows; CGROUP may not be
    ///   written to
    /// - EBADF: CGROUP is no cgroup2 directory
    /// - EOPNOTSUPP: CGROUP is not threaded, or under another domain than the
    ///   process's
    /// - ENOENT, ENOTDIR, ENAMETOOLONG, ELOOP: CGROUP, by its path
    /// - ENODEV: CGROUP has been removed
    /// - ENOMEM: UNSHARE_FS, UNSHARE_FILES; EPERM: any extra that a seccomp filter
    ///   forbids
    ///
    /// Not async-signal-safe; thread-safe. Any Linux.
    /// Source: pthread_create(3); pidfd_open(2), unshare(2), cgroups(7).
    pub fn clone3_pthread_create(
        thread: *mut pthread_t,
        attr: *const pthread_attr_t,
        extra: *const clone3_pthread_extra,
        start: Option<unsafe extern "C" fn(arg: *mut c_void) -> *mut c_void>,
        arg: *mut c_void,
    ) -> MustUse;
}

unsafe extern "C" fn exported_pthread_create(
    thread: *mut pthread_t,
    attributes: *const pthread_attr_t,
    start: Start,
    argument: *mut c_void,
    caller: Caller,
) -> c_int {
    // SAFETY: pthread_create(3)'s own contract.
    unsafe { pthread::pass(thread, attributes, start, argument, caller.address()) }
}

unsafe extern "C" fn exported_thrd_create(
    thread: *mut pthread_t,
    start: Option<unsafe extern "C" fn(*mut c_void) -> c_int>,
    argument: *mut c_void,
    caller: Caller,
) -> c_int {
    // SAFETY: thrd_create(3)'s own contract.
    unsafe { pthread::pass_thrd(thread, start, argument, caller.address()) }
}

unsafe extern "C" fn exported_clone3_pthread_create(
    thread: *mut pthread_t,
    attributes: *const pthread_attr_t,
    extra: *const clone3_pthread_extra,
    start: Option<Start>,
    argument: *mut c_void,
    caller: Caller,
) -> c_int {
    // SAFETY: the header's contract.
    let (extras, failed) = unsafe {
        if extra.is_null() {
            (Ok(Extras::default()), core::ptr::null_mut())
        } else {
            // Numbers and addresses are any bytes.
            match sized::read(extra, EXTRA_SIZE_VER0) {
                Ok(extra) => (extras(&extra), extra.failed),
                Err(errno) => return errno.0,
            }
        }
    };
    let outcome = extras.and_then(|extras| match start {
        // SAFETY: as above.
        Some(start) if !thread.is_null() => unsafe {
            pthread::create(thread, attributes, &extras, start, argument, caller.address())
        },
        _ => Err(Refusal::Other(Errno::EFAULT)),
    });
    let (extra, number) = match outcome {
        Ok(()) => (0, 0),
        Err(Refusal::Other(errno)) => (0, errno.0),
        Err(Refusal::Extra((extra, errno))) => (extra as u32, errno.0),
    };
    if !failed.is_null() {
        // SAFETY: the caller's place for it.
        unsafe { failed.write(extra) };
    }
    number
}

/// The extras that a caller asks for, checked.
///
/// # Safety
/// A name that is asked for must be null or a C string.
unsafe fn extras(extra: &clone3_pthread_extra) -> Result<Extras, Refusal> {
    if extra.set & !KNOWN != 0 {
        return Err(Refusal::Other(Errno::EINVAL));
    }
    let wants = |which: Extra| extra.set & which as u32 != 0;
    let refuse = |which, errno| Err(Refusal::Extra((which, errno)));
    let mut extras = Extras {
        unshare_fs: wants(Extra::UnshareFs),
        unshare_files: wants(Extra::UnshareFiles),
        ..Extras::default()
    };
    if wants(Extra::Pidfd) {
        if extra.pidfd.is_null() {
            return refuse(Extra::Pidfd, Errno::EFAULT);
        }
        extras.pidfd = Some(extra.pidfd);
    }
    if wants(Extra::Name) {
        // SAFETY: by the contract.
        match unsafe { name(extra.name) } {
            Ok(name) => extras.name = Some(name),
            Err(errno) => return refuse(Extra::Name, errno),
        }
    }
    if wants(Extra::Affinity) {
        extras.affinity = Some((extra.affinity.cast(), extra.affinity_size));
    }
    if wants(Extra::Nice) {
        if !(-20..=19).contains(&extra.nice) {
            return refuse(Extra::Nice, Errno::EINVAL); // the kernel would use the nearest valid value
        }
        extras.nice = Some(extra.nice);
    }
    if wants(Extra::TimerSlack) {
        match usize::try_from(extra.timer_slack) {
            Ok(slack) => extras.timer_slack = Some(slack),
            Err(_) => return refuse(Extra::TimerSlack, Errno::EINVAL),
        }
    }
    if wants(Extra::Cgroup) {
        extras.cgroup = Some(match extra.cgroup_path.is_null() {
            true => Cgroup::Descriptor(extra.cgroup),
            false => Cgroup::Path(extra.cgroup_path),
        });
    }
    Ok(extras)
}

/// # Safety
/// `from` must be null or a C string.
unsafe fn name(from: *const c_char) -> Result<[u8; task::NAME_SIZE], Errno> {
    if from.is_null() {
        return Err(Errno::EFAULT);
    }
    let mut name = [0; task::NAME_SIZE];
    for (i, byte) in name.iter_mut().enumerate() {
        // SAFETY: goes no further than the NUL.
        *byte = unsafe { from.add(i).read() } as u8;
        if *byte == 0 {
            return Ok(name);
        }
    }
    Err(Errno::ERANGE)
}
