// SPDX-License-Identifier: MIT OR Apache-2.0
//! Executing another program.

use super::Errno;
use super::call::tell;
use core::ffi::{c_char, c_int};

/// A NULL-terminated array of strings, as exec takes them.
pub type Strings = *const *const c_char;

/// execve(2). Returns on failure only.
pub fn exec(path: *const c_char, argv: Strings, envp: Strings) -> Errno {
    why_not(tell(libc::SYS_execve, [path as usize, argv as usize, envp as usize, 0, 0]))
}

/// execveat(2) (Linux 3.19). Returns on failure only.
pub fn exec_at(
    directory: c_int,
    path: *const c_char,
    argv: Strings,
    envp: Strings,
    flags: c_int,
) -> Errno {
    let arguments =
        [directory as usize, path as usize, argv as usize, envp as usize, flags as usize];
    why_not(tell(libc::SYS_execveat, arguments))
}

fn why_not(outcome: Result<(), Errno>) -> Errno {
    match outcome {
        Err(errno) => errno,
        Ok(()) => Errno::ENOSYS, // success does not return
    }
}
