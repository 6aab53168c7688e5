// SPDX-License-Identifier: MIT OR Apache-2.0
//! What legacy clone(2) can say of a request.

use super::{Request, Route};
use crate::arch::{Syscall, legacy_clone_order};
use crate::uapi::flags::*;
use crate::uapi::{Errno, sys};
use core::mem::size_of;

/// Flags that clone(2) takes: 32 bits without the exit signal's byte, of which
/// CLONE_NEWTIME is a bit, and without CLONE_DETACHED, which clone3 refuses.
const EXPRESSIBLE: u64 = 0xffff_ffff & !(CSIGNAL | CLONE_DETACHED);

/// Flags of clone3 that clone(2) has no bit for.
const ONLY_CLONE3: u64 = CLONE_NEWTIME
    | CLONE_CLEAR_SIGHAND
    | CLONE_INTO_CGROUP
    | CLONE_AUTOREAP
    | CLONE_NNP
    | CLONE_PIDFD_AUTOKILL
    | CLONE_EMPTY_MNTNS;

/// The request as a clone(2) call. ENOSYS when clone3 would be needed to say
/// it, EINVAL when clone3 would refuse what clone(2) lets pass.
pub fn express(request: &Request) -> Result<Syscall, Errno> {
    let flags = request.flags;
    if flags & !(EXPRESSIBLE | ONLY_CLONE3) != 0 {
        return Err(Errno::EINVAL);
    }
    if request.route == Route::Any {
        refuse_what_clone3_refuses(request)?;
    }
    if flags & ONLY_CLONE3 != 0 || request.set_tid != (0, 0) || request.cgroup != 0 {
        return Err(Errno::ENOSYS);
    }
    // One pointer serves both: the pidfd comes back through parent_tid.
    let parent_tid = if flags & CLONE_PIDFD == 0 {
        request.parent_tid
    } else if flags & CLONE_PARENT_SETTID == 0 {
        request.pidfd
    } else {
        return Err(Errno::ENOSYS);
    };
    let word = |value: u64| usize::try_from(value).map_err(|_| Errno::EINVAL);
    Ok(Syscall {
        nr: libc::SYS_clone as usize,
        args: legacy_clone_order(
            word(flags | request.exit_signal)?,
            word(request.stack.top())?,
            word(parent_tid)?,
            word(request.child_tid)?,
            word(request.tls)?,
        ),
    })
}

/// The rules of clone3 about fields, which clone(2) does not have.
fn refuse_what_clone3_refuses(request: &Request) -> Result<(), Errno> {
    let shares_signal = request.flags & (CLONE_THREAD | CLONE_PARENT) != 0;
    let half_a_stack = (request.stack.base == 0) != (request.stack.size == 0);
    let one_place_for_two = request.flags & CLONE_PIDFD != 0
        && request.flags & CLONE_PARENT_SETTID != 0
        && request.pidfd.abs_diff(request.parent_tid) < size_of::<sys::Pid>() as u64;
    if request.exit_signal > 64
        || (shares_signal && request.exit_signal != 0)
        || half_a_stack
        || one_place_for_two
    {
        return Err(Errno::EINVAL);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::request::Stack;
    use super::*;

    fn with(flags: u64) -> Request {
        Request { flags, ..Request::FORK }
    }

    #[test]
    fn fork_becomes_clone_with_sigchld() {
        let call = express(&Request::FORK).unwrap();
        assert_eq!(call.nr, libc::SYS_clone as usize);
        assert_eq!(call.args, [libc::SIGCHLD as usize, 0, 0, 0, 0]);
    }

    #[test]
    fn the_top_of_the_stack_is_passed() {
        let stack = Stack { base: 0x1000, size: 0x2000 };
        let call = express(&Request { stack, ..with(CLONE_VM) }).unwrap();
        assert_eq!(call.args[1], 0x3000);
    }

    #[test]
    fn a_pidfd_takes_the_place_of_parent_tid() {
        let call = express(&Request { pidfd: 0x50, ..with(CLONE_PIDFD) }).unwrap();
        assert_eq!(call.args[2], 0x50);
        let both = with(CLONE_PIDFD | CLONE_PARENT_SETTID);
        assert_eq!(express(&Request { pidfd: 0x50, ..both }), Err(Errno::ENOSYS));
        assert_eq!(express(&both), Err(Errno::EINVAL));
    }

    #[test]
    fn what_only_clone3_can_say_is_enosys() {
        for bit in 0..64 {
            let flag = 1u64 << bit;
            let expected = match flag {
                CLONE_DETACHED => Some(Errno::EINVAL),
                f if f & ONLY_CLONE3 != 0 => Some(Errno::ENOSYS),
                f if f & EXPRESSIBLE != 0 && f & (CLONE_THREAD | CLONE_PARENT) == 0 => None,
                _ => Some(Errno::EINVAL), // unknown, or an exit signal too many
            };
            assert_eq!(express(&with(flag)).err(), expected, "flag {flag:#x}");
        }
        assert_eq!(express(&Request { set_tid: (8, 1), ..Request::FORK }), Err(Errno::ENOSYS));
        assert_eq!(express(&Request { cgroup: 3, ..Request::FORK }), Err(Errno::ENOSYS));
    }

    #[test]
    fn half_a_stack_is_refused() {
        let stack = Stack { base: 0x1000, size: 0 };
        assert_eq!(express(&Request { stack, ..Request::FORK }), Err(Errno::EINVAL));
    }

    #[test]
    fn clone_may_keep_a_number_that_is_no_signal() {
        let request = Request::from_legacy(100, 0, 0, 0, 0);
        assert_eq!(express(&request).unwrap().args[0], 100);
        assert_eq!(express(&Request { route: Route::Any, ..request }), Err(Errno::EINVAL));
    }
}
