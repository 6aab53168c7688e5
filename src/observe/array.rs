// SPDX-License-Identifier: MIT OR Apache-2.0
//! An array of strings that an exec is made with, where it is too big for the stack.

use super::scratch::{self, Block};
use super::{lent, state};
use crate::host;
use crate::uapi::Errno;
use core::ffi::c_void;

/// Memory that is unmapped if the exec fails and, if it succeeds in a vfork child, by the
/// child's creator.
pub struct Array {
    block: *mut Block,
    /// The task that mapped it.
    tid: u32,
}

impl Array {
    /// So many bytes, zeroes.
    pub fn map(bytes: usize) -> Result<Array, Errno> {
        let block = scratch::map(bytes)?;
        let tid = if state::is_on() { host::tid() as u32 } else { 0 };
        if let Some(list) = lent::scratch(tid) {
            // SAFETY: mapped just now.
            unsafe { list.add(block) };
        }
        Ok(Array { block, tid })
    }

    /// Where it begins.
    pub fn start(&self) -> *mut c_void {
        scratch::contents(self.block)
    }

    /// Gives it back.
    ///
    /// # Safety
    /// It must be used no more.
    pub unsafe fn release(self) {
        if let Some(list) = lent::scratch(self.tid) {
            list.remove(self.block);
        }
        // SAFETY: in no list now; the rest by the contract.
        unsafe { scratch::unmap(self.block) };
    }
}
