// SPDX-License-Identifier: MIT OR Apache-2.0
//! `struct clone_args`, the wire format of clone3(2).

use core::mem::{align_of, offset_of, size_of};

/// Arguments of clone3(), as the kernel declares them in `<linux/sched.h>`.
///
/// Every field is 64 bits wide on every architecture; an address is stored by
/// casting it through `uintptr_t`, so that its upper half is zero where pointers
/// have 32 bits. Fields that are not used must be zero.
///
/// Source: clone(2); include/uapi/linux/sched.h.
// Such a condition becomes an #if in the header: see cbindgen.toml.
#[cfg(not(kernel_declares_clone_args))]
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(non_camel_case_types)]
pub struct clone_args {
    /// `CLONE_*` flags, without the exit signal.
    pub flags: u64,
    /// `int *`: where CLONE_PIDFD stores the pidfd.
    pub pidfd: u64,
    /// `pid_t *`, in the child's memory: for CLONE_CHILD_SETTID and
    /// CLONE_CHILD_CLEARTID.
    pub child_tid: u64,
    /// `pid_t *`, in the parent's memory: for CLONE_PARENT_SETTID.
    pub parent_tid: u64,
    /// Signal sent to the parent when the child ends, 0 for none.
    pub exit_signal: u64,
    /// Lowest byte of the child's stack, or 0.
    pub stack: u64,
    /// Size of that stack in bytes, or 0.
    pub stack_size: u64,
    /// Thread pointer for CLONE_SETTLS; on 32-bit x86 the address of a
    /// `struct user_desc`.
    pub tls: u64,
    /// `pid_t *`: requested pids, innermost namespace first (Linux 5.5).
    pub set_tid: u64,
    /// Number of elements in `set_tid`, 0 to 32 (Linux 5.5).
    pub set_tid_size: u64,
    /// Descriptor of a cgroup2 directory, for CLONE_INTO_CGROUP (Linux 5.7).
    pub cgroup: u64,
}

/// Size in bytes of the first published struct clone_args (Linux 5.3).
#[allow(dead_code)] // the header's
#[cfg(not(kernel_defines_size_ver0))]
pub const CLONE_ARGS_SIZE_VER0: usize = 64;
/// Size in bytes of the second, with set_tid (Linux 5.5).
#[allow(dead_code)] // the header's
#[cfg(not(kernel_defines_size_ver1))]
pub const CLONE_ARGS_SIZE_VER1: usize = 80;
/// Size in bytes of the third, with cgroup (Linux 5.7).
#[allow(dead_code)] // the header's
#[cfg(not(kernel_defines_size_ver2))]
pub const CLONE_ARGS_SIZE_VER2: usize = 88;

const _: () = {
    assert!(size_of::<clone_args>() == CLONE_ARGS_SIZE_VER2);
    assert!(align_of::<clone_args>() == 8);
    assert!(offset_of!(clone_args, set_tid) == CLONE_ARGS_SIZE_VER0);
    assert!(offset_of!(clone_args, cgroup) == CLONE_ARGS_SIZE_VER1);
};

#[cfg(target_pointer_width = "64")] // the crate has it for those only
const _: () = {
    assert!(size_of::<clone_args>() == size_of::<libc::clone_args>());
    assert!(offset_of!(clone_args, exit_signal) == offset_of!(libc::clone_args, exit_signal));
    assert!(offset_of!(clone_args, tls) == offset_of!(libc::clone_args, tls));
    assert!(offset_of!(clone_args, cgroup) == offset_of!(libc::clone_args, cgroup));
};
