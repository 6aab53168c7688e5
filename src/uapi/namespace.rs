// SPDX-License-Identifier: MIT OR Apache-2.0
//! The calling task's namespaces and its root.

use super::call::tell;
use super::{CloneFlags, Errno, file, file_facts};
use core::ffi::{c_char, c_int, c_ulong};

/// setns(2): a namespace by its descriptor, or those of a process by its pidfd
/// (Linux 5.8).
pub fn join_namespace(fd: c_int, kind: c_int) -> Result<(), Errno> {
    tell(libc::SYS_setns, [fd as usize, kind as usize, 0, 0, 0])
}

/// The CLONE_NEW* of a namespace's descriptor (ioctl_nsfs(2), Linux 4.11).
pub fn kind_of_namespace(fd: c_int) -> Result<c_int, Errno> {
    const NS_GET_NSTYPE: c_ulong = 0xb703;
    // SAFETY: takes no argument.
    unsafe { file::ioctl(fd, NS_GET_NSTYPE, 0) }
}

/// Stops sharing what the flags name with the other threads (unshare(2)).
pub fn unshare(flags: CloneFlags) -> Result<(), Errno> {
    tell(libc::SYS_unshare, [flags.bits() as usize, 0, 0, 0, 0])
}

/// Whether the calling thread's children go to another pid namespace than its own, after
/// unshare(2) or setns(2). True if it is unknown, because there is no /proc.
pub fn children_are_elsewhere() -> bool {
    !file_facts::is_same(c"/proc/thread-self/ns/pid", c"/proc/thread-self/ns/pid_for_children")
}

/// chroot(2), and the working directory there.
pub fn chroot(path: *const c_char) -> Result<(), Errno> {
    tell(libc::SYS_chroot, [path as usize, 0, 0, 0, 0])?;
    file::chdir(c"/".as_ptr())
}
