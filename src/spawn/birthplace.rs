// SPDX-License-Identifier: MIT OR Apache-2.0
//! Children that are created in another pid namespace. A process can join one for its
//! future children only (pid_namespaces(7)), so the calling thread joins it, and returns
//! to its own afterwards.

use super::elements::Namespace;
use super::failure::Failure;
use super::stage::Stage;
use crate::uapi::flags::CLONE_NEWPID;
use crate::uapi::{Errno, file, namespace};
use core::cell::Cell;
use core::ffi::c_int;

const KIND: c_int = CLONE_NEWPID.bits() as c_int;

/// While this exists, the calling thread's children are created in another pid namespace.
pub struct Elsewhere {
    /// The caller's own namespace; −1 once it is back.
    own: Cell<c_int>,
}

impl Elsewhere {
    /// Joins the pid namespaces in the list. Before that it checks that the thread can
    /// return: that may need a privilege that joining does not.
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

    /// Returns to the caller's own namespace.
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
