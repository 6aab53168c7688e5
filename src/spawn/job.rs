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
    /// Its description.
    pub child: &'a Child<'a>,
    /// Where it reports a failure.
    pub exchange: &'a Exchange,
    /// Where the kernel stores the pidfd, if it is requested.
    pub pidfd: Option<*const c_int>,
    /// The mask that the caller had.
    pub mask: KernelSigset,
    /// Flags to emulate (`emulate::lacking`).
    pub emulated: CloneFlags,
    /// The page that it shares with the caller, if its memory is a copy.
    pub page: Option<&'a SharedPage>,
    /// The credentials that it may get.
    pub changes: Changes,
    /// Its trace record, if there is one.
    pub recording: Option<&'a Recording>,
}

impl Job<'_> {
    /// Clears the dumpable flag before the child gets credentials that other processes
    /// have, too: they must not access its memory until exec. Such a child has its own
    /// copy of the memory (`credentials`), so the caller's flag is not changed.
    pub fn hide_if(&self, changes: bool) -> Result<(), Errno> {
        if changes && self.page.is_some() { cred::set_undumpable() } else { Ok(()) }
    }
}
