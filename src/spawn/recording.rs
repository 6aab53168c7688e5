// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a recorded child needs: its creator's record, and the environment by which its
//! program is recorded as well.

use super::child::{Child, Program};
use crate::observe::{Creation, Environment, Execution};
use crate::uapi::Errno;
use crate::uapi::exec::Strings;
use crate::uapi::sys::Pid;
use core::cell::Cell;

/// Is in a frame of the creator's.
pub struct Recording {
    creation: Creation,
    environment: Environment,
    /// When the child began to run.
    ran: Cell<u64>,
}

impl Recording {
    /// For a child to be created.
    pub fn new(creation: Creation, environment: Environment) -> Recording {
        Recording { creation, environment, ran: Cell::new(0) }
    }

    /// In the creator, before its memory is lent.
    pub fn lend(&self) {
        self.creation.lend();
    }

    /// In the creator, when the memory is its own again.
    pub fn take_back(&self) {
        self.creation.take_back();
    }

    /// In the creator, at the end.
    pub fn release(self) {
        self.environment.release();
    }

    /// The child's first step.
    #[cold]
    pub fn begin(&self) {
        self.ran.set(self.creation.time());
    }

    /// In a child that stays in its own copy of the memory.
    #[cold]
    pub fn in_child(&self, tid: Pid) {
        self.creation.in_child(tid);
    }

    /// Executes the program with the prepared environment. Returns on failure.
    #[cold]
    #[inline(never)]
    pub fn execute(
        &self,
        child: &Child,
        execute: impl Fn(Strings) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        let path = match &child.program {
            Program::Path(path) | Program::At(_, path, _) => *path,
            Program::Search(search) => search.name(),
            Program::Function(_) => return execute(child.envp),
        };
        let ran = self.ran.get();
        let execution =
            Execution::by_spawned(self.creation, ran, path, child.argv, &self.environment);
        let mut outcome = execute(self.environment.strings());
        // The additions may have made it too long.
        if self.environment.is_changed && outcome == Err(Errno(libc::E2BIG)) {
            outcome = execute(child.envp);
        }
        outcome.inspect_err(|&errno| execution.failed(errno))
    }
}
