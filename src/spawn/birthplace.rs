// SPDX-License-Identifier: MIT OR Apache-2.0
//! Children that are born into another pid namespace: one is joined for children only
//! (pid_namespaces(7)), so that the caller has to, and to come back.

use super::elements::Namespace;
use super::failure::Failure;
use super::stage::Stage;
use crate::uapi::flags::CLONE_NEWPID;
use crate::uapi::{Errno, file, namespace};
use core::cell::Cell;
use core::ffi::c_int;

const KIND: c_int = CLONE_NEWPID.bits() as c_int;

/// The calling thread's children are born elsewhere while this is there.
pub struct Elsewhere {
    /// The caller's own namespace; −1 once it is back.
    own: Cell<c_int>,
}

impl Elsewhere {
    /// Enters those that are in the list. That the way back is open is seen before
    /// the first step: it wants a privilege that the way there may not.
    pub fn enter(namespaces: &[Namespace]) -> Result<Option<Elsewhere>, Failure> {
        let mut entered = None;
        for (index, namespace) in (0..).zip(namespaces) {
            if !namespace.joins(CLONE_NEWPID) {
                continue;
            }
            let failed = Failure::nth(Stage::Namespace, index);
            if entered.is_none() {
                entered = Some(Elsewhere::remember().map_err(&failed)?);
            }
            namespace::join_namespace(namespace.fd, KIND).map_err(failed)?;
        }
        Ok(entered)
    }

    fn remember() -> Result<Elsewhere, Errno> {
        let flags = libc::O_RDONLY | libc::O_CLOEXEC;
        let fd = file::open(c"/proc/thread-self/ns/pid_for_children", flags)?;
        let own = Elsewhere { own: Cell::new(fd) };
        namespace::join_namespace(fd, KIND)?;
        Ok(own)
    }

    /// Children are born where they were before.
    pub fn come_back(&self) {
        let own = self.own.replace(-1);
        if own >= 0 {
            _ = namespace::join_namespace(own, KIND);
            file::close(own);
        }
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        self.come_back();
    }
}
