// SPDX-License-Identifier: MIT OR Apache-2.0
//! The few descriptors that the child needs for itself until it executes.

use super::child::Program;
use super::failure::Failure;
use super::job::Job;
use super::named;
use super::stage::Stage;
use crate::uapi::{Errno, file};
use core::ffi::c_int;

/// Descriptors of the child's own, under numbers that its description does not name; −1
/// for none.
pub struct Kept {
    pipe: c_int,
    /// The program's, or its directory's.
    pub program: c_int,
    /// Why there is none, reported at the exec step.
    pub no_program: Option<Errno>,
    /// A pidfd of the parent.
    pub parent: c_int,
}

impl Kept {
    /// Moves them to numbers that are not named.
    pub fn reserve(job: &Job) -> Result<Kept, Failure> {
        let child = job.child;
        let mut kept =
            Kept { pipe: job.exchange.keeps(), program: -1, no_program: None, parent: -1 };
        if let Program::At(fd, ..) = child.program {
            let rearranged = child.rare.descriptors.is_some() || !child.actions.is_empty();
            match if fd >= 0 && rearranged { named::move_away(child, fd) } else { Ok(fd) } {
                Ok(fd) => kept.program = fd,
                Err(errno) => kept.no_program = Some(errno),
            }
        }
        if child.parent.fd >= 0 {
            kept.parent = named::move_away(child, child.parent.fd)
                .map_err(Failure::at(Stage::PdeathSignal))?;
            file::close(child.parent.fd);
        }
        Ok(kept)
    }

    /// All of them.
    pub fn all(&self) -> [c_int; 3] {
        [self.pipe, self.program, self.parent]
    }

    /// Closes the parent's pidfd, which a function must not inherit.
    pub fn forget_parent(&self) {
        if self.parent >= 0 {
            file::close(self.parent);
        }
    }
}
