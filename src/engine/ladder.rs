// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which system call is tried, and which one after it.
//!
//! 1. clone3 as asked.
//! 2. Where clone3 itself is out of reach (a kernel before 5.3, a sandbox that
//!    answers in the kernel's place), legacy clone if it can say the same.
//! 3. Otherwise the errno that was given.
//!
//! Out of reach is told from refused by `clone3(NULL, 0)`, which a kernel that
//! has the call answers with EINVAL and nothing else.

use super::{Request, Route, legacy};
use crate::arch::{Syscall, syscall};
use crate::uapi::{Errno, clone_args};
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Set once clone3 was found out of reach, to spare the next request a failing
/// call. A hint and no more: filters belong to threads, and a child that shares
/// memory writes it too. Whatever only clone3 can carry is put to it anyway.
static OUT_OF_REACH: AtomicBool = AtomicBool::new(false);

fn reachable() -> bool {
    // SAFETY: size 0 is refused before the pointer is looked at.
    let raw = unsafe { syscall(libc::SYS_clone3, [0; 6]) };
    Errno::check(raw) == Err(Errno::EINVAL)
}

/// Whether the kernel takes a struct of `size` bytes: its limit is its page
/// size. E2BIG if it does not, or if there is no clone3 to ask.
pub fn takes_size(size: usize) -> Result<(), Errno> {
    const SMALLEST_PAGE: usize = 4096;
    if size <= SMALLEST_PAGE {
        return Ok(());
    }
    // SAFETY: a null struct is refused: EFAULT where the size is not too large.
    match Errno::check(unsafe { syscall(libc::SYS_clone3, [0, size, 0, 0, 0, 0]) }) {
        Err(Errno::EFAULT) => Ok(()),
        _ => Err(Errno::E2BIG),
    }
}

/// A system call ready to be made, and the memory its arguments point into: it
/// must stay where it is from [`Attempt::aim`] until the call is over.
#[repr(C)]
pub struct Attempt {
    call: Syscall,
    wire: clone_args,
}

impl Attempt {
    /// An attempt at nothing yet.
    pub fn new() -> Attempt {
        Attempt { call: Syscall::default(), wire: clone_args::default() }
    }

    /// The call to make.
    pub fn call(&self) -> &Syscall {
        &self.call
    }

    /// Takes the first rung that can carry the request.
    pub fn aim(&mut self, request: &Request) -> Result<(), Errno> {
        if request.route == Route::Legacy || OUT_OF_REACH.load(Relaxed) {
            match legacy::express(request) {
                Err(Errno::ENOSYS) => {}
                expressed => return expressed.map(|call| self.call = call),
            }
        }
        self.aim_native(request);
        Ok(())
    }

    fn aim_native(&mut self, request: &Request) {
        let (address, size) = match request.wire {
            Some(wire) => (wire.address as usize, wire.size),
            None => {
                self.wire = request.to_wire();
                (&raw const self.wire as usize, request.wire_size())
            }
        };
        self.call = Syscall { nr: libc::SYS_clone3 as usize, args: [address, size, 0, 0, 0] };
    }

    /// Takes the next rung after the last one gave `errno`; gives that errno
    /// back when there is none.
    pub fn after(&mut self, request: &Request, errno: Errno) -> Result<(), Errno> {
        let was_native = self.call.nr == libc::SYS_clone3 as usize;
        if !was_native || errno == Errno::EINVAL || reachable() {
            return Err(errno);
        }
        OUT_OF_REACH.store(true, Relaxed);
        self.call = legacy::express(request)?;
        Ok(())
    }
}
