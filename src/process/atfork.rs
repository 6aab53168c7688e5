// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fork handlers.
//!
//! They are kept here for the library's fork and also registered with the host for its
//! own, so that either fork runs each of them once.
//!
//! A fork remembers the last number that it saw: handlers that are registered by its
//! handlers do not run in this fork.

use super::handler_block::Block;
use super::handlers::{List, Number, Phase};
use crate::host::functions::{self, Handler};
use crate::host::{self, elf, errno};
use crate::uapi::Errno;
use core::ffi::c_void;
use core::ptr::{null, null_mut};

static FIRST: Block = Block::new();
/// In the page of what is written when the library is loaded.
#[cfg_attr(not(test), unsafe(link_section = ".data"))]
static LIST: List = List::new(&FIRST);

/// How many triples are registered.
pub fn count() -> usize {
    LIST.count()
}

/// Whether all of the host's fork handlers are known here. Others were registered without
/// this library: by an object opened with RTLD_DEEPBIND, or by the libc's own function,
/// found by dlsym.
///
/// Async-signal-safe.
pub fn all_known() -> bool {
    host::fork_handlers().is_none_or(|hosts| hosts == LIST.count())
}

/// A fork under way: its prepare handlers have run.
#[must_use]
pub struct Round {
    last: Number,
}

/// Runs the prepare handlers, last registered first.
pub fn prepare() -> Round {
    let round = Round { last: LIST.last_number() };
    LIST.run(Phase::Prepare, round.last);
    round
}

impl Round {
    /// Runs the parent handlers, first registered first.
    pub fn parent(self) {
        LIST.run(Phase::Parent, self.last);
    }

    /// Runs the child handlers, first registered first.
    pub fn child(self) {
        LIST.run(Phase::Child, self.last);
    }
}

/// `__register_atfork`: handlers of the object whose `__dso_handle` is given.
pub fn register(handlers: [Handler; 3], owner: *mut c_void) -> Result<(), Errno> {
    let number = LIST.add(handlers, owner)?;
    let [prepare, parent, child] = handlers;
    let forwarded = match (functions::register_atfork(), functions::atfork()) {
        // SAFETY: the host's functions, with the handlers as we got them.
        (Some(function), _) => unsafe { function(prepare, parent, child, owner) },
        // SAFETY: as above.
        (None, Some(function)) => unsafe { function(prepare, parent, child) },
        // No libc was found.
        (None, None) => 0,
    };
    if forwarded == 0 {
        return Ok(());
    }
    LIST.remove(number);
    // glibc answers with the number, musl with −1 and errno.
    Err(if forwarded > 0 { Errno(forwarded) } else { Errno(errno::get()) })
}

/// `pthread_atfork`, which does not name an owner: handlers belong to the object that
/// contains their code.
pub fn register_unowned(handlers: [Handler; 3]) -> Result<(), Errno> {
    let code = handlers.iter().flatten().next().map_or(null(), |f| *f as *const c_void);
    let owner = elf::object_of(code).map_or(null_mut(), |object| object.key());
    register(handlers, owner)
}

/// `__cxa_finalize`: an object is unloaded, or the process ends (null, which drops
/// nothing). Then calls the host's, which does the rest.
pub fn object_finalized(handle: *mut c_void) {
    let host = functions::cxa_finalize();
    if !handle.is_null() {
        LIST.drop_owned_by(handle);
        if !LIST.is_empty() {
            drop_unowned_of(handle, host);
        }
    }
    if let Some(function) = host {
        // SAFETY: the host's function, with its caller's handle.
        unsafe { function(handle) };
    }
}

/// Handlers from [`register_unowned`] have the key of the object that contains the handle
/// as their owner, here and in the host.
fn drop_unowned_of(handle: *mut c_void, host: Option<functions::CxaFinalize>) {
    let Some(object) = elf::object_of(handle) else { return };
    let key = object.key();
    if LIST.has_owner(key) {
        LIST.drop_owned_by(key);
        if let Some(function) = host {
            // SAFETY: finalizing a handle that has no destructors only drops the fork
            // handlers registered under it.
            unsafe { function(key) };
        }
    }
}
