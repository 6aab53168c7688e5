// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the child is given.

use super::child::Child;
use super::credentials::Changes;
use super::exchange::Exchange;
use super::page::SharedPage;
use super::recording::Recording;
use crate::uapi::sys::KernelSigset;
use crate::uapi::{CloneFlags, Errno, cred};
use core::ffi::c_int;

/// What the child is given.
pub struct Job<'a> {
    /// What it is to be.
    pub child: &'a Child<'a>,
    /// Where to say that it could not be done.
    pub exchange: &'a Exchange,
    /// Where the kernel puts the pidfd, if it is wanted.
    pub pidfd: Option<*const c_int>,
    /// The mask that the caller had.
    pub mask: KernelSigset,
    /// Flags the kernel did not take (`emulate::lacking`).
    pub emulated: CloneFlags,
    /// What it shares with the caller, if its memory is a copy.
    pub page: Option<&'a SharedPage>,
    /// What it may become.
    pub changes: Changes,
    /// Its record, where there is one.
    pub recording: Option<&'a Recording>,
}

impl Job<'_> {
    /// Before the child gets credentials that others have, too: nobody who has them is
    /// to look into its memory, until exec. `credentials` sees to it that this is not
    /// the caller's memory, whose this is not to change.
    pub fn hide_if(&self, changes: bool) -> Result<(), Errno> {
        if changes && self.page.is_some() { cred::set_undumpable() } else { Ok(()) }
    }
}
