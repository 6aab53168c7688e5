// SPDX-License-Identifier: MIT OR Apache-2.0
//! A request as a legacy clone(2) call, if it can be expressed so.

use super::ask::NOWHERE;
use super::{Request, Route};
use crate::arch::{Syscall, legacy_clone_order};
use crate::uapi::flags::*;
use crate::uapi::{Errno, clone_args};
use core::mem::size_of;

/// The request as a clone(2) call. ENOSYS when only clone3 can express it; EINVAL or
/// E2BIG when clone3 would refuse what clone(2) accepts.
pub fn express(request: &Request) -> Result<Syscall, Errno> {
    // One pointer serves both the pidfd and the tid.
    let parent_tid = match request.route {
        Route::Legacy => request.parent_tid | request.pidfd,
        Route::Any => parent_tid_of_clone3(request)?,
    };
    let word = |value: u64| usize::try_from(value).map_err(|_| Errno::EINVAL);
    Ok(Syscall {
        nr: libc::SYS_clone as usize,
        args: legacy_clone_order(
            word(request.flags.bits() | request.exit_signal)?,
            word(request.stack.top())?,
            address(parent_tid),
            address(request.child_tid),
            address(request.tls),
        ),
    })
}

/// A field of 64 bits as a pointer. A value that no pointer can hold (a sign-extended
/// address, for one) is an invalid address to clone3(2), which rejects or ignores it at a
/// fixed point. clone(2) is given an invalid address and does the same at the same point.
fn address(field: u64) -> usize {
    usize::try_from(field).unwrap_or(NOWHERE as usize)
}

/// The parent_tid argument of clone(2), if a request for clone3 can be expressed.
fn parent_tid_of_clone3(request: &Request) -> Result<u64, Errno> {
    refuse_what_clone3_refuses(request)?;
    let flags = request.flags;
    if flags.intersects(ONLY_CLONE3) || request.set_tid != (0, 0) {
        return Err(Errno::ENOSYS);
    }
    match (flags.contains(CLONE_PIDFD), flags.contains(CLONE_PARENT_SETTID)) {
        (false, _) => Ok(request.parent_tid),
        (true, false) => Ok(request.pidfd),
        (true, true) => Err(Errno::ENOSYS),
    }
}

/// The rules that clone3 has and clone(2) has not, in the kernel's order. Unknown fields
/// of a caller's struct must not be dropped either: E2BIG, as from a kernel that does not
/// know them.
fn refuse_what_clone3_refuses(request: &Request) -> Result<(), Errno> {
    const MAX_SET_TID: u64 = 32; // MAX_PID_NS_LEVEL
    let flags = request.flags;
    let size = request.wire.map_or(size_of::<clone_args>(), |wire| wire.size);
    if request.wire.is_some_and(|wire| wire.holds_more) {
        return Err(Errno::E2BIG);
    }
    let (set_tid, set_tid_size) = request.set_tid;
    let shares_signal = flags.intersects(CLONE_THREAD | CLONE_PARENT);
    let refused = set_tid_size > MAX_SET_TID
        || (set_tid == 0) != (set_tid_size == 0)
        || (flags.contains(CLONE_INTO_CGROUP) && size < size_of::<clone_args>())
        || !ALL.contains(flags)
        || flags.contains(CLONE_SIGHAND | CLONE_CLEAR_SIGHAND)
        || (shares_signal && request.exit_signal != 0)
        || (request.stack.base == 0) != (request.stack.size == 0)
        || !request.stack.is_addressable()
        || (flags.contains(CLONE_PIDFD | CLONE_PARENT_SETTID)
            && request.pidfd == request.parent_tid)
        || request.exit_signal > 64;
    if refused { Err(Errno::EINVAL) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::super::request::{Stack, Wire};
    use super::*;
    use crate::uapi::CloneFlags;

    fn with(flags: CloneFlags) -> Request {
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
            let flag = CloneFlags::from_bits(1 << bit);
            let expected = match flag {
                CLONE_DETACHED => Some(Errno::EINVAL),
                f if f.intersects(ONLY_CLONE3) => Some(Errno::ENOSYS),
                f if IN_CLONE.contains(f) && !f.intersects(CLONE_THREAD | CLONE_PARENT) => None,
                _ => Some(Errno::EINVAL), // unknown, or an exit signal too many
            };
            assert_eq!(express(&with(flag)).err(), expected, "{flag:?}");
        }
        assert_eq!(express(&Request { set_tid: (8, 1), ..Request::FORK }), Err(Errno::ENOSYS));
        assert!(express(&Request { cgroup: 3, ..Request::FORK }).is_ok(), "nobody reads it");
    }

    #[test]
    fn what_clone3_refuses_is_not_tried() {
        let wire = |size| Some(Wire { address: 0x1000, size, holds_more: size == 104 });
        let fork = Request::FORK;
        assert!(express(&Request { wire: wire(96), ..fork }).is_ok());
        assert_eq!(express(&Request { wire: wire(104), ..fork }), Err(Errno::E2BIG));
        let cgroup = with(CLONE_INTO_CGROUP);
        assert_eq!(express(&Request { wire: wire(80), ..cgroup }), Err(Errno::EINVAL));
        assert_eq!(express(&Request { wire: wire(88), ..cgroup }), Err(Errno::ENOSYS));
        assert_eq!(express(&Request { set_tid: (0, 1), ..fork }), Err(Errno::EINVAL));
        assert_eq!(express(&Request { set_tid: (8, 33), ..fork }), Err(Errno::EINVAL));
    }

    #[test]
    fn clone_has_its_own_word_on_its_own_flags() {
        let flags = (CLONE_PIDFD | CLONE_PARENT_SETTID | CLONE_DETACHED).bits() as u32;
        let call = express(&Request::from_legacy(flags, 0, 0x50, 0, 0)).unwrap();
        assert_eq!((call.args[0], call.args[2]), (flags as usize, 0x50));
    }

    #[test]
    fn half_a_stack_is_refused_and_one_beyond_all_addresses() {
        for (base, size) in [(0x1000, 0), (0, 0x1000), (!0xfff, 0x2000)] {
            let stack = Stack { base, size };
            assert_eq!(express(&Request { stack, ..Request::FORK }), Err(Errno::EINVAL));
        }
    }

    #[test]
    fn clone_may_keep_a_number_that_is_no_signal() {
        let request = Request::from_legacy(100, 0, 0, 0, 0);
        assert_eq!(express(&request).unwrap().args[0], 100);
        assert_eq!(express(&Request { route: Route::Any, ..request }), Err(Errno::EINVAL));
    }
}
