// SPDX-License-Identifier: MIT OR Apache-2.0
//! The `exec` family under a trace: the call is recorded and made by the host's function,
//! with an environment by which the new program is traced as well
//! (`observe::Environment`).

use crate::host::errno;
use crate::host::interposers::{index, watched};
use crate::observe::{Environment, Execution, Note, Room};
use crate::uapi::Errno;
use crate::uapi::exec::{self, Strings};
use core::ffi::{c_char, c_int, c_void};
use core::mem::transmute;
use core::ptr::null;

/// What is executed.
#[derive(Clone, Copy)]
pub enum Program {
    /// The file with that path.
    Path(*const c_char),
    /// A name to be looked for in PATH.
    Search(*const c_char),
    /// An open file.
    Descriptor(c_int),
    /// execveat(2).
    At {
        /// An open directory.
        directory: c_int,
        /// A path from there.
        path: *const c_char,
        /// AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW.
        flags: c_int,
    },
}

impl Program {
    /// As it is recorded: a path, and the directory that it is relative to.
    fn told(&self) -> (*const c_char, c_int) {
        match *self {
            Program::Path(path) | Program::Search(path) => (path, libc::AT_FDCWD),
            Program::Descriptor(fd) => (null(), fd),
            Program::At { directory, path, .. } => (path, directory),
        }
    }
}

/// Executes a program. Returns only on failure: -1 and errno.
///
/// Async-signal-safe as far as the host's functions are; also in a vfork child.
///
/// # Safety
/// As for the function that the program called.
#[inline(never)] // the environment is large
pub unsafe fn execute(note: Note, program: Program, argv: Strings, envp: Strings) -> c_int {
    let mut room = Room::new();
    let environment = match (&program, envp.is_null()) {
        // glibc's fexecve() refuses it.
        (Program::Descriptor(_), true) => Environment::as_given(envp),
        _ => Environment::of(envp, &mut room),
    };
    let (path, directory) = program.told();
    let execution = Execution::begin(note, path, directory, argv, &environment);
    // SAFETY: by the contract.
    let mut result = unsafe { call(program, argv, environment.strings()) };
    // The additions may have made it too long.
    if environment.is_changed && errno::get() == libc::E2BIG {
        // SAFETY: by the contract.
        result = unsafe { call(program, argv, envp) };
    }
    let errno = errno::get();
    execution.failed(Errno(errno));
    environment.release();
    errno::restore(errno);
    result
}

type Execve = unsafe extern "C" fn(*const c_char, Strings, Strings) -> c_int;
type Fexecve = unsafe extern "C" fn(c_int, Strings, Strings) -> c_int;

/// By the host's function, or the system call where it has none.
///
/// # Safety
/// As [`execute`].
unsafe fn call(program: Program, argv: Strings, envp: Strings) -> c_int {
    let refused = match program {
        Program::Path(path) => match watched(const { index("execve") }) {
            // SAFETY: a function of that name has that prototype (POSIX).
            Some(function) => return unsafe { as_execve(function)(path, argv, envp) },
            None => exec::exec(path, argv, envp),
        },
        Program::Search(file) => match watched(const { index("execvpe") }) {
            // SAFETY: both libcs have it with the prototype of execve(2) (exec(3)).
            Some(function) => return unsafe { as_execve(function)(file, argv, envp) },
            None => Errno::ENOSYS,
        },
        Program::Descriptor(fd) => match watched(const { index("fexecve") }) {
            Some(function) => {
                // SAFETY: a function of that name has that prototype (POSIX).
                return unsafe { transmute::<*mut c_void, Fexecve>(function)(fd, argv, envp) };
            }
            None => Errno::ENOSYS,
        },
        Program::At { directory, path, flags } => exec::exec_at(directory, path, argv, envp, flags),
    };
    errno::set(refused);
    -1
}

/// # Safety
/// It must be a function of that prototype.
unsafe fn as_execve(function: *mut c_void) -> Execve {
    // SAFETY: by the contract.
    unsafe { transmute::<*mut c_void, Execve>(function) }
}
