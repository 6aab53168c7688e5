// SPDX-License-Identifier: MIT OR Apache-2.0
//! `clone3_wait`.

use super::{declared_entry, or_errno};
use crate::process::wait;
use crate::uapi::sys::Pid;
use crate::uapi::wait::{Ended, Usage};
use crate::uapi::{Errno, pages, sized};
use core::ffi::c_int;
use core::mem::size_of;

declared_entry!(clone3_wait => exported_wait);

/// The resource usage of a child and its reaped descendants (getrusage(2)). It may grow
/// at its end, see libclone3(7).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(non_camel_case_types)]
pub struct clone3_usage {
    /// In: sizeof(struct clone3_usage). Out: how many bytes of it this version of the
    /// library filled in.
    pub size: u32,
    /// 0.
    pub reserved: u32,
    /// Nanoseconds in user mode.
    pub user_time: u64,
    /// Nanoseconds in the kernel.
    pub system_time: u64,
    /// Peak resident set size, in bytes.
    pub max_rss: u64,
    /// Page faults without I/O.
    pub minor_faults: u64,
    /// Page faults with I/O.
    pub major_faults: u64,
    /// Block input operations.
    pub block_reads: u64,
    /// Block output operations.
    pub block_writes: u64,
    /// Voluntary context switches.
    pub voluntary_switches: u64,
    /// Involuntary context switches.
    pub involuntary_switches: u64,
}

const USAGE_SIZE_VER0: usize = 80;
const _: () = assert!(size_of::<clone3_usage>() == USAGE_SIZE_VER0);

#[allow(dead_code)] // C's view of what the macro above defines
unsafe extern "C" {
    /// Waits for a child by its pidfd, with a timeout, and reaps it: stores how it ended
    /// and its resource usage.
    ///
    /// Children with another exit signal than SIGCHLD, or none, are waited for as well
    /// (__WALL). The pidfd stays open.
    ///
    /// @param pidfd    of a child of the process
    /// @param timeout  nanoseconds; 0 to poll, negative to wait without a timeout
    /// @param status   where its wait status goes, for the macros of wait(2); may be NULL
    /// @param usage    its resource usage; may be NULL. Its field size is read,
    ///                 everything is written, up to size bytes
    /// @return its pid; -1 and errno on error
    ///
    /// Errors:
    /// - ETIMEDOUT: it has not ended by then
    /// - ECHILD: it is no child of this process, or was reaped, or cannot be reaped
    ///   because SIGCHLD is ignored or it has CLONE_AUTOREAP
    /// - EBADF: no pidfd
    /// - EINVAL: a negative number
    /// - EINTR: a signal handler ran, even with SA_RESTART
    /// - EFAULT: status or usage cannot be written; the child is not reaped
    /// - EINVAL, E2BIG: usage->size is smaller than 80, the first version's, or larger
    ///   than a page; the child is not reaped
    /// - EINVAL: before Linux 5.4
    ///
    /// Async-signal-safe; thread-safe. No cancellation point: a thread that must stay
    /// cancellable uses a timeout, or polls the pidfd. Linux 5.4. Source: waitid(2),
    /// pidfd_open(2).
    pub fn clone3_wait(
        pidfd: c_int,
        timeout: i64,
        status: *mut c_int,
        usage: *mut clone3_usage,
    ) -> Pid;
}

unsafe extern "C" fn exported_wait(
    pidfd: c_int,
    timeout: i64,
    status: *mut c_int,
    usage: *mut clone3_usage,
) -> Pid {
    // SAFETY: the header's contract.
    or_errno(unsafe { wait_for(pidfd, timeout, status, usage) })
}

/// # Safety
/// Null or the caller's places.
unsafe fn wait_for(
    pidfd: c_int,
    timeout: i64,
    status: *mut c_int,
    usage: *mut clone3_usage,
) -> Result<Pid, Errno> {
    // Before the child is reaped, because that cannot be undone.
    if !status.is_null() {
        pages::probe_writable(status as usize as u64)?;
    }
    let size = match usage.is_null() {
        true => 0,
        false => {
            pages::probe_writable(usage as usize as u64)?;
            // SAFETY: by the contract.
            unsafe { sized::size(usage, USAGE_SIZE_VER0) }?
        }
    };
    let Ended { pid, status: ended, usage: used } = wait::wait(pidfd, u64::try_from(timeout).ok())?;
    // SAFETY: by the contract, as large as the caller says.
    unsafe {
        if !status.is_null() {
            status.write(ended);
        }
        if !usage.is_null() {
            sized::write(usage, size, &in_public(&used));
        }
    }
    Ok(pid)
}

fn in_public(used: &Usage) -> clone3_usage {
    clone3_usage {
        size: 0, // the writer's
        reserved: 0,
        user_time: used.user_time(),
        system_time: used.system_time(),
        max_rss: used.max_rss as u64 * 1024,
        minor_faults: used.minor_faults as u64,
        major_faults: used.major_faults as u64,
        block_reads: used.block_reads as u64,
        block_writes: used.block_writes as u64,
        voluntary_switches: used.voluntary_switches as u64,
        involuntary_switches: used.involuntary_switches as u64,
    }
}
