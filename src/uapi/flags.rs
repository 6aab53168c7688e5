// SPDX-License-Identifier: MIT OR Apache-2.0
//! The flags of clone3(2) up to Linux 7.2, each with the kernel that added it.
//!
//! Source: clone(2); include/uapi/linux/sched.h; kernel/fork.c.

// All of them are the header's; the library itself acts on a few.
#![allow(dead_code)]

/// Mask of the exit signal in the flags of legacy clone(2). In clone3() only
/// the bit CLONE_NEWTIME of it is a flag.
pub const CSIGNAL: u64 = 0x0000_00ff;
/// New time namespace for the child. clone3() only: in clone(2) the bit
/// belongs to the exit signal (Linux 6.3 and stable kernels; 5.6 for unshare).
pub const CLONE_NEWTIME: u64 = 0x0000_0080;
/// The child shares the caller's memory (Linux 2.0).
pub const CLONE_VM: u64 = 0x0000_0100;
/// The child shares root, working directory and umask (Linux 2.0).
pub const CLONE_FS: u64 = 0x0000_0200;
/// The child shares the table of file descriptors (Linux 2.0).
pub const CLONE_FILES: u64 = 0x0000_0400;
/// The child shares the table of signal handlers; needs CLONE_VM (Linux 2.0).
pub const CLONE_SIGHAND: u64 = 0x0000_0800;
/// Store a pidfd of the child (Linux 5.2; with CLONE_THREAD from 6.9).
pub const CLONE_PIDFD: u64 = 0x0000_1000;
/// A tracer of the caller traces the child too (Linux 2.2).
pub const CLONE_PTRACE: u64 = 0x0000_2000;
/// The caller waits until the child executes a program or ends (Linux 2.2).
pub const CLONE_VFORK: u64 = 0x0000_4000;
/// The caller's parent becomes the child's parent (Linux 2.3.12).
pub const CLONE_PARENT: u64 = 0x0000_8000;
/// The child is a thread of the caller's process; needs CLONE_SIGHAND
/// (Linux 2.4).
pub const CLONE_THREAD: u64 = 0x0001_0000;
/// New mount namespace (Linux 2.4.19).
pub const CLONE_NEWNS: u64 = 0x0002_0000;
/// Share System V semaphore undo values (Linux 2.5.10).
pub const CLONE_SYSVSEM: u64 = 0x0004_0000;
/// Set the child's thread pointer to the field tls (Linux 2.5.32).
pub const CLONE_SETTLS: u64 = 0x0008_0000;
/// Store the child's id at parent_tid in the caller's memory (Linux 2.5.49).
pub const CLONE_PARENT_SETTID: u64 = 0x0010_0000;
/// When the child ends, clear child_tid in its memory and wake a futex there
/// (Linux 2.5.49).
pub const CLONE_CHILD_CLEARTID: u64 = 0x0020_0000;
/// Means nothing to clone(2) since Linux 2.6; refused by clone3().
pub const CLONE_DETACHED: u64 = 0x0040_0000;
/// No tracer can force CLONE_PTRACE on the child (Linux 2.5.46).
pub const CLONE_UNTRACED: u64 = 0x0080_0000;
/// Store the child's id at child_tid in the child's memory (Linux 2.5.49).
pub const CLONE_CHILD_SETTID: u64 = 0x0100_0000;
/// New cgroup namespace (Linux 4.6).
pub const CLONE_NEWCGROUP: u64 = 0x0200_0000;
/// New UTS namespace (Linux 2.6.19).
pub const CLONE_NEWUTS: u64 = 0x0400_0000;
/// New IPC namespace (Linux 2.6.19).
pub const CLONE_NEWIPC: u64 = 0x0800_0000;
/// New user namespace (Linux 3.8 in full).
pub const CLONE_NEWUSER: u64 = 0x1000_0000;
/// New pid namespace (Linux 2.6.24).
pub const CLONE_NEWPID: u64 = 0x2000_0000;
/// New network namespace (Linux 2.6.24).
pub const CLONE_NEWNET: u64 = 0x4000_0000;
/// Share the I/O context (Linux 2.6.25).
pub const CLONE_IO: u64 = 0x8000_0000;
/// Reset handled signals to their default action in the child (Linux 5.5).
pub const CLONE_CLEAR_SIGHAND: u64 = 0x1_0000_0000;
/// Create the child in the cgroup given by the field cgroup (Linux 5.7).
pub const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
/// The kernel reaps the child itself when it ends; no exit signal (Linux 7.1).
pub const CLONE_AUTOREAP: u64 = 0x4_0000_0000;
/// Set no_new_privs in the child (Linux 7.1).
pub const CLONE_NNP: u64 = 0x8_0000_0000;
/// Kill the child when the last copy of its pidfd is closed (Linux 7.1).
pub const CLONE_PIDFD_AUTOKILL: u64 = 0x10_0000_0000;
/// The child's new mount namespace starts empty (Linux 7.1).
pub const CLONE_EMPTY_MNTNS: u64 = 0x20_0000_0000;
