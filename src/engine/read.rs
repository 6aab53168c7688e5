// SPDX-License-Identifier: MIT OR Apache-2.0
//! A caller's `struct clone_args`, read as the kernel reads it.

use super::{Request, Wire, known};
use crate::arch::syscall;
use crate::base::SMALLEST_PAGE;
use crate::uapi::wire::CLONE_ARGS_SIZE_VER0;
use crate::uapi::{Errno, clone_args, pages};
use core::mem::size_of;

/// Whether the kernel takes a struct of `size` bytes: its limit is its page
/// size. E2BIG if it does not, or if there is no clone3 to ask.
fn takes_size(size: usize) -> Result<(), Errno> {
    if size <= SMALLEST_PAGE {
        return Ok(());
    }
    known::reach().map_err(|_| Errno::E2BIG)?;
    // SAFETY: a null struct is refused: EFAULT where the size is not too large.
    match Errno::check(unsafe { syscall(libc::SYS_clone3, [0, size, 0, 0, 0, 0]) }) {
        Err(Errno::EFAULT) => Ok(()),
        _ => Err(Errno::E2BIG),
    }
}

/// The request in a caller's clone_args: E2BIG, EINVAL and EFAULT as the kernel
/// gives them before it looks at any field (kernel/fork.c,
/// copy_clone_args_from_user).
///
/// Async-signal-safe.
///
/// # Safety
/// An address that cannot be read is EFAULT. What can be read there must stay mapped
/// until this returns: if another thread unmaps it meanwhile, the process gets SIGSEGV,
/// where the kernel would return EFAULT.
pub unsafe fn read(address: u64, size: usize) -> Result<Request, Errno> {
    takes_size(size)?;
    if size < CLONE_ARGS_SIZE_VER0 {
        return Err(Errno::EINVAL);
    }
    let here = size.min(SMALLEST_PAGE);
    // It lies in at most two pages, so probing both ends is enough.
    pages::probe(address)?;
    pages::probe(address.wrapping_add((here - size_of::<u64>()) as u64))?;
    let source = address as usize as *const u8;
    // SAFETY: probed, and mapped by the contract; another thread may be changing it, hence
    // volatile and bytes.
    let byte = |i: usize| unsafe { source.add(i).read_volatile() };
    let mut args = clone_args::default();
    let known = here.min(size_of::<clone_args>());
    for i in 0..known {
        // SAFETY: within args, a struct of plain integers.
        unsafe { (&raw mut args).cast::<u8>().add(i).write(byte(i)) };
    }
    let holds_more = size > SMALLEST_PAGE || (known..here).any(|i| byte(i) != 0);
    Ok(Request::from_wire(&args, Wire { address, size, holds_more }))
}
