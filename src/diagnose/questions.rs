// SPDX-License-Identifier: MIT OR Apache-2.0
//! Further questions to the kernel that create no child, by the method of `engine::ask`,
//! for probe and explain.

use crate::arch::syscall;
use crate::engine::ask::{Answer, call, flags, would_make, would_make_any};
use crate::uapi::flags::*;
use crate::uapi::wire::{CLONE_ARGS_SIZE_VER0, CLONE_ARGS_SIZE_VER1};
use crate::uapi::{CloneFlags, Errno, clone_args, file, sys};
use core::mem::offset_of;

/// A child that shares the caller's memory.
pub fn shared_memory() -> Answer {
    would_make(&clone_args::default(), CLONE_VM | CLONE_VFORK)
}

/// A child with these pids (address and number) and these namespace flags.
pub fn set_tid(flags: CloneFlags, (set_tid, set_tid_size): (u64, u64)) -> Answer {
    let flags = flags.bits();
    would_make_any(&clone_args { flags, set_tid, set_tid_size, ..clone_args::default() })
}

/// Whether the kernel can read such an array of pids. It reads it before it checks the
/// flags; some kernels (6.18 for one) check the exit signal first.
pub fn can_read_pids((set_tid, set_tid_size): (u64, u64), exit_signal: u64) -> bool {
    let flags = CLONE_DETACHED.bits(); // refused
    let args = clone_args { flags, set_tid, set_tid_size, exit_signal, ..clone_args::default() };
    call(&args, CLONE_ARGS_SIZE_VER1) != Err(Errno::EFAULT)
}

/// A child on this stack. Like the others, only for a kernel that is known to undo
/// children.
pub fn stack(stack: u64, stack_size: u64) -> Answer {
    would_make_any(&clone_args { stack, stack_size, ..clone_args::default() })
}

/// A child with this thread pointer.
pub fn tls(tls: u64) -> Answer {
    let flags = CLONE_SETTLS.bits();
    would_make_any(&clone_args { flags, tls, ..clone_args::default() })?;
    // EFAULT may have been for tls, where that is an address (32-bit x86). So it is asked
    // again with another error to come later: a pid that no kernel gives.
    let pid = sys::Pid::MAX;
    let (set_tid, set_tid_size) = (&raw const pid as u64, 1);
    let args = clone_args { flags, tls, set_tid, set_tid_size, ..clone_args::default() };
    match call(&args, CLONE_ARGS_SIZE_VER1) {
        Err(Errno::EFAULT) => Err(Errno::EFAULT),
        _ => Ok(()),
    }
}

/// A pidfd: EMFILE or ENFILE where there is no free descriptor for it. Opening a
/// descriptor of another kind shows that as well, and costs no pid.
pub fn pidfd() -> Answer {
    match file::open(c"/", libc::O_PATH | libc::O_CLOEXEC) {
        Ok(fd) => {
            file::close(fd);
            Ok(())
        }
        Err(errno @ (Errno::EMFILE | Errno::ENFILE)) => Err(errno),
        Err(_) => Ok(()),
    }
}

/// Whether the kernel undoes children, and refuses flags that it does not know. Otherwise
/// its other answers are useless.
pub fn is_honest() -> bool {
    const UNKNOWN: CloneFlags = CloneFlags::from_bits(1 << 63);
    !matches!(flags(CloneFlags::NONE), Err(Errno::EINVAL | Errno::ENODATA | Errno::ENOSYS))
        && flags(UNKNOWN) == Err(Errno::EINVAL)
}

/// Whether set_tid may be used. Asked with the caller's own pid, which is in use or, if
/// children go to another pid namespace, free.
pub fn may_set_tid() -> Answer {
    let tid = sys::gettid();
    match set_tid(CloneFlags::NONE, (&raw const tid as u64, 1)) {
        Err(Errno::EEXIST) => Ok(()),
        answer => answer,
    }
}

/// A thread with a pidfd (Linux 6.9). Only for a kernel that is known to undo children.
pub fn thread_with_pidfd() -> Answer {
    flags(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD)
}

/// How many bytes of clone_args the kernel reads: the offset of the first byte that must
/// be zero. 512 means that or more.
pub fn args_size() -> usize {
    const LARGEST: usize = 512; // 88 for years, and the caller's stack may be small
    let mut bytes = [0u64; LARGEST / 8];
    // An exit signal that no kernel accepts, so that a struct that is not too big is
    // refused, too.
    bytes[offset_of!(clone_args, exit_signal) / 8] = 1 << 63;
    let mut size = CLONE_ARGS_SIZE_VER0;
    while size < LARGEST {
        if let Some(word) = bytes.get_mut(size / 8) {
            *word = 1;
        }
        let arguments = [bytes.as_ptr() as usize, size + 8, 0, 0, 0, 0];
        // SAFETY: refused for its exit_signal if for nothing else.
        let answer = Errno::check(unsafe { syscall(libc::SYS_clone3, arguments) });
        if answer == Err(Errno::E2BIG) {
            break;
        }
        if let Some(word) = bytes.get_mut(size / 8) {
            *word = 0;
        }
        size += 8;
    }
    size
}
