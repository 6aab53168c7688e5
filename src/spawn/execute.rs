// SPDX-License-Identifier: MIT OR Apache-2.0
//! The last step of a child that executes.

use super::child::{Child, Program};
use super::kept::Kept;
use crate::uapi::exec::{self, Strings};
use crate::uapi::{Errno, file};
use core::ffi::{c_char, c_int};

/// Executes the program with this environment. Returns on failure, or where there is no
/// program.
pub fn execute(child: &Child, kept: &Kept, envp: Strings) -> Result<(), Errno> {
    Err(match &child.program {
        Program::Function(_) => return Ok(()),
        Program::Path(path) => exec::exec(*path, child.argv, envp),
        Program::Search(search) => search.execute(child.argv, envp),
        Program::At(_, path, flags) => match kept.no_program {
            None => at(child.argv, envp, kept.program, *path, *flags),
            Some(errno) => errno,
        },
    })
}

fn at(argv: Strings, envp: Strings, fd: c_int, path: *const c_char, flags: c_int) -> Errno {
    let errno = exec::exec_at(fd, path, argv, envp, flags);
    // Only the kernel reads the path: it may be invalid.
    let by_descriptor = flags & libc::AT_EMPTY_PATH != 0;
    if errno != Errno::ENOENT || !by_descriptor {
        return errno;
    }
    // The interpreter of a script opens it as /dev/fd/N, so it must stay open.
    match file::set_descriptor_flags(fd, 0) {
        Ok(_) => exec::exec_at(fd, path, argv, envp, flags),
        Err(errno) => errno,
    }
}
