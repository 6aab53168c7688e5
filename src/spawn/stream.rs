// SPDX-License-Identifier: MIT OR Apache-2.0
//! `popen` and `pclose`: a command for the shell, at the other end of a pipe.
//!
//! The FILE is the host's, made by its fdopen. Which command belongs to it is
//! kept in a list here, because the host keeps it inside its FILEs.

use super::lock::Lock;
use super::plan::{Action, Attributes};
use super::shell;
use crate::host::functions::look_up;
use crate::host::memory;
use crate::host::streams::{self, File};
use crate::uapi::sys::Pid;
use crate::uapi::{Errno, exec, file, task};
use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::transmute;
use core::ptr::null_mut;

/// What the mode says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mode {
    /// Whether the caller reads what the command writes.
    reads: bool,
    /// Whether the caller's end is closed in other children (glibc 2.9, musl 1.0).
    close_on_exec: bool,
}

impl Mode {
    /// One of r and w, and perhaps e; EINVAL for anything else. A `lax` libc looks
    /// at the first letter and passes over what it does not know.
    fn parse(text: &[u8], lax: bool) -> Result<Mode, Errno> {
        let has = |letter: u8| text.contains(&letter);
        let close_on_exec = has(b'e');
        match text.first() {
            Some(&first @ (b'r' | b'w')) if lax => Ok(Mode { reads: first == b'r', close_on_exec }),
            _ if has(b'r') == has(b'w') || text.iter().any(|letter| !b"rwe".contains(letter)) => {
                Err(Errno::EINVAL)
            }
            _ => Ok(Mode { reads: has(b'r'), close_on_exec }),
        }
    }
}

/// A stream with its command.
struct Stream {
    file: File,
    pid: Pid,
    fd: c_int,
    /// By which it is seen whether the descriptor is still that pipe: the program
    /// may have closed it by fclose(3).
    pipe: u64,
    next: *mut Stream,
}

impl Stream {
    /// Whether the descriptor is still the pipe.
    fn is_there(&self) -> bool {
        file::inode(self.fd) == Ok(self.pipe)
    }
}

struct Streams(UnsafeCell<*mut Stream>);
// SAFETY: only used with LOCK taken.
unsafe impl Sync for Streams {}

static LOCK: Lock = Lock::new();
static STREAMS: Streams = Streams(UnsafeCell::new(null_mut()));

/// `popen()`.
///
/// # Safety
/// `command` must be a string.
pub unsafe fn open(command: *const c_char, mode: &[u8]) -> Result<File, Errno> {
    let mode = Mode::parse(mode, streams::lax_mode())?;
    let node: *mut Stream = memory::allocate(size_of::<Stream>())?.cast();
    // SAFETY: by the contract; the node is fresh.
    let opened = unsafe { open_with(command, mode, node) };
    if opened.is_err() {
        // SAFETY: in no list.
        unsafe { memory::release(node.cast(), size_of::<Stream>()) };
    }
    opened
}

/// # Safety
/// As [`open`], with room for a stream.
unsafe fn open_with(command: *const c_char, mode: Mode, node: *mut Stream) -> Result<File, Errno> {
    let [reading, writing] = exec::pipe()?;
    let (ours, theirs) = if mode.reads { (reading, writing) } else { (writing, reading) };
    let opened = streams::open(ours, if mode.reads { c"r" } else { c"w" });
    let file = opened.inspect_err(|_| _ = file::close(ours));
    let outcome = file.and_then(|file| {
        // SAFETY: by the contract.
        let started = LOCK.with(|| unsafe {
            start(command, theirs, c_int::from(mode.reads), |pid| {
                let pipe = file::inode(ours).unwrap_or(0);
                enlist(node, Stream { file, pid, fd: ours, pipe, next: null_mut() });
            })
        });
        match started {
            Ok(()) => {
                if !mode.close_on_exec {
                    _ = exec::fcntl(ours, libc::F_SETFD, 0);
                }
                Ok(file)
            }
            Err(errno) => {
                // SAFETY: nobody else has it.
                unsafe { streams::close(file) };
                Err(errno)
            }
        }
    });
    file::close(theirs);
    outcome
}

/// Starts the command with its end of the pipe as `target`; the ends of earlier
/// streams are closed in it (POSIX). With the lock taken, so that those ends are
/// what they are until it is there.
///
/// # Safety
/// As [`open`].
unsafe fn start(
    command: *const c_char,
    end: c_int,
    target: c_int,
    started: impl FnOnce(Pid),
) -> Result<(), Errno> {
    let count = 1 + streams_in_list().count();
    let size = count * size_of::<Action>();
    let list: *mut Action = memory::allocate(size)?.cast();
    let mut used = 0;
    let mut add = |action: Action| {
        if used < count {
            // SAFETY: there is room for `count`.
            unsafe { list.add(used).write(action) };
            used += 1;
        }
    };
    for stream in streams_in_list() {
        if stream.is_there() {
            add(Action::Close { fd: stream.fd });
        }
    }
    add(Action::Dup2 { from: end, to: target });
    // SAFETY: the first `used` are written.
    let actions = unsafe { core::slice::from_raw_parts(list, used) };
    // SAFETY: by the contract.
    let outcome = unsafe { shell::start(command, actions, Attributes::NONE) };
    // SAFETY: of that size, and used no more.
    unsafe { memory::release(list.cast(), size) };
    outcome.map(started).map_err(|failure| failure.errno)
}

/// The streams there are. With the lock taken.
fn streams_in_list() -> impl Iterator<Item = &'static Stream> {
    // SAFETY: the list's nodes are there while the lock is taken.
    let mut at = unsafe { *STREAMS.0.get() };
    core::iter::from_fn(move || {
        // SAFETY: null or a node.
        let stream = unsafe { at.as_ref() }?;
        at = stream.next;
        Some(stream)
    })
}

/// Puts a stream first in the list. With the lock taken.
fn enlist(node: *mut Stream, stream: Stream) {
    // SAFETY: the node is room for it and in no list yet; the lock is taken.
    unsafe {
        let first = STREAMS.0.get();
        node.write(Stream { next: *first, ..stream });
        *first = node;
    }
}

/// Takes the newest stream of that file out of the list. It stays open until what is
/// left in it is flushed, which later children do not have to wait for: from here on
/// exec closes it in them.
fn take_out(file: File) -> Option<Stream> {
    LOCK.with(|| {
        let mut link = STREAMS.0.get();
        // SAFETY: the lock is taken; a link is the list's head or a node's field.
        unsafe {
            while !(*link).is_null() {
                let node = *link;
                if (*node).file == file {
                    let stream = node.read();
                    if stream.is_there() {
                        _ = exec::fcntl(stream.fd, libc::F_SETFD, libc::FD_CLOEXEC);
                    }
                    *link = stream.next;
                    memory::release(node.cast(), size_of::<Stream>());
                    return Some(stream);
                }
                link = &raw mut (*node).next;
            }
        }
        None
    })
}

/// `pclose()`: the command's wait status. What is not from our popen is the
/// host's.
///
/// # Safety
/// `file` must be from popen, and used no more.
pub unsafe fn close(file: File) -> Result<c_int, Errno> {
    match take_out(file) {
        Some(stream) => {
            // SAFETY: by the contract.
            unsafe { streams::close(file) };
            task::wait_for(stream.pid)
        }
        // SAFETY: by the contract.
        None => unsafe { hosts(file) },
    }
}

/// # Safety
/// As [`close`].
unsafe fn hosts(file: File) -> Result<c_int, Errno> {
    type Pclose = unsafe extern "C" fn(*mut c_void) -> c_int;
    const NAME: &CStr = c"pclose";
    let function = look_up(NAME);
    if function.is_null() {
        return Err(Errno::EINVAL);
    }
    // SAFETY: POSIX's prototype.
    match unsafe { transmute::<*const c_void, Pclose>(function)(file) } {
        -1 => Err(Errno(crate::host::errno::get())),
        status => Ok(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_one_direction() {
        let mode = |reads, close_on_exec| Ok(Mode { reads, close_on_exec });
        for lax in [false, true] {
            assert_eq!(Mode::parse(b"r", lax), mode(true, false));
            assert_eq!(Mode::parse(b"w", lax), mode(false, false));
            assert_eq!(Mode::parse(b"re", lax), mode(true, true));
            assert_eq!(Mode::parse(b"ew", lax), mode(false, true));
            for wrong in [&b""[..], b"e", b"a", b"br"] {
                assert_eq!(Mode::parse(wrong, lax), Err(Errno::EINVAL));
            }
        }
        for odd in [&b"rw"[..], b"r+", b"rb"] {
            assert_eq!(Mode::parse(odd, false), Err(Errno::EINVAL));
            assert_eq!(Mode::parse(odd, true), mode(true, false));
        }
    }
}
