// SPDX-License-Identifier: MIT OR Apache-2.0
//! `popen` and `pclose`: a shell command at the other end of a pipe.
//!
//! The FILE is the host's (`host::streams`). The commands are kept in a list here,
//! because the host keeps them inside its FILEs.

use super::actions::Action;
use super::child::Attributes;
use super::shell;
use crate::arch::entry;
use crate::base::text;
use crate::engine;
use crate::host::streams::{self, Cookie, File};
use crate::host::{errno, memory};
use crate::observe::{self, Note, Waiting};
use crate::uapi::mutex::{Guarded, Lock, Mutex, Quiet};
use crate::uapi::sys::Pid;
use crate::uapi::{Errno, file, file_facts};
use clone3_trace::Call;
use core::ffi::{c_char, c_int, c_void};
use core::ptr::null_mut;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicPtr, AtomicUsize};

/// What the mode says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mode {
    /// Whether the caller reads what the command writes.
    reads: bool,
    /// Whether the caller's end is closed in other children (glibc 2.9, musl 1.0).
    close_on_exec: bool,
}

impl Mode {
    /// One of r and w, and optionally e; EINVAL for anything else. A `lax` libc checks
    /// the first letter and ignores what it does not know.
    fn parse(text: &[u8], lax: bool) -> Result<Mode, Errno> {
        let has = |letter: u8| text.contains(&letter);
        let close_on_exec = has(b'e');
        match text.first() {
            Some(&first @ (b'r' | b'w')) if lax => Ok(Mode { reads: first == b'r', close_on_exec }),
            _ if lax => Err(Errno::EINVAL),
            _ if has(b'r') == has(b'w') || text.iter().any(|letter| !b"rwe".contains(letter)) => {
                Err(Errno::EINVAL)
            }
            _ => Ok(Mode { reads: has(b'r'), close_on_exec }),
        }
    }
}

/// A stream with its command.
#[repr(C)]
struct Stream {
    /// First, as the host hands it back.
    cookie: Cookie,
    file: File,
    /// The shell's pid; 0 as long as there is none.
    pid: Pid,
    /// Identifies the pipe, to check whether the descriptor still is that pipe: the
    /// program may have closed it.
    pipe: Result<(libc::dev_t, u64), Errno>,
    /// Whether the host's own pclose waits for the command.
    hosts: bool,
    /// Where pclose() was called from, while it closes the stream and that is recorded.
    closer: AtomicUsize,
    /// Written before the stream is in the list, and when the one after it is removed: a
    /// fork in another thread copies a consistent list at any time.
    next: AtomicPtr<Stream>,
}

impl Stream {
    /// Whether the descriptor is still the pipe.
    fn is_there(&self) -> bool {
        self.pipe.is_ok() && file_facts::inode(self.cookie.fd()) == self.pipe
    }

    /// # Safety
    /// The stream must be in no list and used no more.
    unsafe fn release(stream: *mut Stream) {
        // SAFETY: by the contract; allocated with this size.
        unsafe { memory::release(stream.cast(), size_of::<Stream>()) };
    }
}

/// The open streams, the newest first.
struct Streams {
    first: AtomicPtr<Stream>,
}

impl Guarded for Streams {
    /// A child has its parent's streams open, too, and its commands must not inherit
    /// them.
    fn forget_parent(&mut self) {}
}

static STREAMS: Mutex<Streams> =
    Mutex::new(Lock::Streams, Streams { first: AtomicPtr::new(null_mut()) });

impl Streams {
    fn all(&self) -> impl Iterator<Item = &Stream> {
        let mut at = self.first.load(Acquire);
        core::iter::from_fn(move || {
            // SAFETY: null or a node, which is not freed while it is in the list.
            let stream = unsafe { at.as_ref() }?;
            at = stream.next.load(Acquire);
            Some(stream)
        })
    }

    /// # Safety
    /// The stream must be in no list yet.
    unsafe fn add(&mut self, stream: *mut Stream) {
        // SAFETY: by the contract.
        unsafe { (*stream).next.store(self.first.load(Acquire), Release) };
        self.first.store(stream, Release);
    }

    /// Removes the newest stream for which `is_it` holds.
    fn take(&mut self, is_it: impl Fn(*mut Stream) -> bool) -> Option<*mut Stream> {
        let mut link = &self.first;
        loop {
            let at = link.load(Acquire);
            // SAFETY: null or a node, which is not freed while it is in the list.
            let stream = unsafe { at.as_ref() }?;
            if is_it(at) {
                link.store(stream.next.load(Acquire), Release);
                return Some(at);
            }
            link = &stream.next;
        }
    }
}

/// `popen()`.
///
/// # Safety
/// `command` must be a string, `mode` too.
pub unsafe fn open(note: Note, command: *const c_char, mode: *const c_char) -> Result<File, Errno> {
    // SAFETY: by the contract.
    let parsed = Mode::parse(unsafe { text::bytes(mode) }, streams::lax_mode())?;
    let [reading, writing] = file::pipe()?;
    let (ours, theirs) = if parsed.reads { (reading, writing) } else { (writing, reading) };
    let outcome = Stream::over(ours, parsed.reads).and_then(|stream| match stream {
        // SAFETY: by the contract; the stream is this call's own.
        Some(stream) => unsafe { start(note, command, stream, theirs, parsed) }.map(Some),
        None => Ok(None),
    });
    file::close(theirs);
    match outcome {
        Ok(Some(file)) => Ok(file),
        // SAFETY: by the contract.
        Ok(None) => unsafe { streams::hosts_open(command, mode) },
        Err(errno) => Err(errno),
    }
}

impl Stream {
    /// A stream without a command yet. On failure the descriptor is closed.
    fn over(fd: c_int, reads: bool) -> Result<Option<*mut Stream>, Errno> {
        let node = memory::allocate(size_of::<Stream>());
        let node: *mut Stream = node.inspect_err(|_| _ = file::close(fd))?.cast();
        let stream = Stream {
            cookie: Cookie::new(fd),
            file: streams::NONE,
            pid: 0,
            pipe: file_facts::inode(fd),
            hosts: false,
            closer: AtomicUsize::new(0),
            next: AtomicPtr::new(null_mut()),
        };
        // SAFETY: memory for it, which stays until the stream is closed.
        let opened = unsafe {
            node.write(stream);
            streams::open(node.cast(), reads, clone3_stream_closed)
        };
        if let Ok(Some(opened)) = opened {
            // SAFETY: it is not shared.
            unsafe {
                (*node).file = opened.file;
                (*node).hosts = opened.keeps_pid;
            }
            return Ok(Some(node));
        }
        file::close(fd);
        // SAFETY: there is no FILE that knows it.
        unsafe { Stream::release(node) };
        opened.map(|_| None)
    }
}

/// Starts the command with its end of the pipe; on failure the stream is closed.
///
/// # Safety
/// `command` must be a string, and the stream this call's own, without a command.
unsafe fn start(
    note: Note,
    command: *const c_char,
    stream: *mut Stream,
    end: c_int,
    mode: Mode,
) -> Result<File, Errno> {
    // SAFETY: by the contract.
    let file = unsafe { (*stream).file };
    let mut room = 8;
    let outcome = loop {
        // Allocated without the lock, and again if there are more streams once it is
        // taken.
        let mut list = match Actions::with_room(room) {
            Ok(list) => list,
            Err(errno) => break Err(errno),
        };
        // Now, because with signals blocked a filter's SIGSYS would kill the process.
        engine::meet_obstacle();
        let quiet = Quiet::begin();
        let mut streams = STREAMS.lock(&quiet);
        let count = streams.all().count() + 1;
        if count > room {
            room = count + 8;
            continue;
        }
        for other in streams.all().filter(|stream| stream.is_there()) {
            list.add(Action::Close { fd: other.cookie.fd() });
        }
        list.add(Action::Dup2 { from: end, to: c_int::from(mode.reads) });
        let attributes = Attributes { mask: Some(quiet.mask()), ..Attributes::NONE };
        // SAFETY: by the contract.
        match unsafe { shell::start(note, command, list.all(), attributes) } {
            // SAFETY: in no list yet.
            Ok(pid) => break Ok(unsafe { streams.begin(stream, pid, mode) }),
            Err(failure) => break Err(failure.errno),
        }
    };
    match outcome {
        Ok(old) => {
            // SAFETY: in no list any more.
            old.into_iter().for_each(|old| unsafe { Stream::release(old) });
            Ok(file)
        }
        Err(errno) => {
            // SAFETY: without a command it is this call's, and in no list.
            unsafe {
                streams::close(file);
                Stream::release(stream);
            }
            Err(errno)
        }
    }
}

impl Streams {
    /// Gives the stream its command. An older one of the same FILE was closed without
    /// this library's noticing, and is removed.
    ///
    /// # Safety
    /// The stream must be in no list yet.
    unsafe fn begin(&mut self, stream: *mut Stream, pid: Pid, mode: Mode) -> Option<*mut Stream> {
        // SAFETY: by the contract; what is in the list is there.
        unsafe {
            let (fd, file) = ((*stream).cookie.fd(), (*stream).file);
            let old = self.take(|other| (*other).file == file);
            (*stream).pid = pid;
            if (*stream).hosts {
                streams::set_pid(file, pid);
            }
            self.add(stream);
            if !mode.close_on_exec {
                _ = file::set_descriptor_flags(fd, 0);
            }
            old
        }
    }
}

/// The child's file actions: it must not have the ends of earlier streams (POSIX).
struct Actions {
    list: *mut Action,
    room: usize,
    used: usize,
}

impl Actions {
    fn with_room(room: usize) -> Result<Actions, Errno> {
        let list = memory::allocate(room * size_of::<Action>())?.cast();
        Ok(Actions { list, room, used: 0 })
    }

    fn add(&mut self, action: Action) {
        if self.used < self.room {
            // SAFETY: there is room.
            unsafe { self.list.add(self.used).write(action) };
            self.used += 1;
        }
    }

    fn all(&self) -> &[Action] {
        // SAFETY: so many are written.
        unsafe { core::slice::from_raw_parts(self.list, self.used) }
    }
}

impl Drop for Actions {
    fn drop(&mut self) {
        // SAFETY: allocated with this size.
        unsafe { memory::release(self.list.cast(), self.room * size_of::<Action>()) };
    }
}

entry!("clone3_stream_closed" => closed);

unsafe extern "C" {
    fn clone3_stream_closed(cookie: *mut c_void) -> c_int;
}

/// glibc closes the file of one of this library's streams: waits for the command, as
/// glibc does for its own.
///
/// The descriptor is closed with the lock held, so that no command started by another
/// thread inherits it and holds the pipe open.
unsafe extern "C" fn closed(cookie: *mut c_void) -> c_int {
    let stream: *mut Stream = cookie.cast();
    let quiet = Quiet::begin();
    let mut streams = STREAMS.lock(&quiet);
    let ours = streams.take(|other| other == stream);
    // SAFETY: the node of a stream that was open until now.
    let (fd, pid, closer) =
        unsafe { ((*stream).cookie.fd(), (*stream).pid, (*stream).closer.load(Relaxed)) };
    let was_open = file::close(fd);
    drop(streams);
    drop(quiet);
    if ours.is_none() {
        return 0; // it has no command, and belongs to the call that made it
    }
    // SAFETY: in no list any more; glibc does not hand it over again.
    unsafe { Stream::release(stream) };
    let note = Note::new(Call::Pclose, closer);
    let status = if was_open { observe::wait_for(note, pid) } else { Err(Errno::EBADF) };
    status.unwrap_or_else(|error| {
        errno::set(error);
        -1
    })
}

/// Removes the stream of a file from the list, where the libc does not report that it
/// closes the file. The file stays open until it is flushed; from here on it is
/// close-on-exec, so that later children do not inherit it. Returns the command, and
/// whether the host's pclose knows it.
fn take_out(file: File) -> Option<(Pid, bool)> {
    let quiet = Quiet::begin();
    let mut streams = STREAMS.lock(&quiet);
    // SAFETY: the nodes in the list are there.
    let stream = streams.take(|stream| unsafe { (*stream).file } == file)?;
    // SAFETY: as above; in no list any more.
    let taken = unsafe { &*stream };
    let (pid, hosts) = (taken.pid, taken.hosts);
    if taken.is_there() {
        _ = file::set_descriptor_flags(taken.cookie.fd(), libc::FD_CLOEXEC);
    }
    drop(streams);
    drop(quiet);
    // SAFETY: as above.
    unsafe { Stream::release(stream) };
    Some((pid, hosts))
}

/// Notes where the stream of a file is closed from, for [`closed`] to record.
fn name_closer(file: File, note: Note) {
    let quiet = Quiet::begin();
    let streams = STREAMS.lock(&quiet);
    if let Some(stream) = streams.all().find(|stream| stream.file == file) {
        stream.closer.store(note.caller, Relaxed);
    }
}

/// `pclose()`: the command's wait status.
///
/// # Safety
/// `file` must be from popen, and used no more.
pub unsafe fn close(note: Note, file: File) -> Result<c_int, Errno> {
    let is_told = streams::are_told_of();
    if is_told && observe::is_on() {
        name_closer(file, note);
    }
    let taken = if is_told { None } else { take_out(file) };
    match taken {
        Some((pid, false)) => {
            // SAFETY: by the contract.
            unsafe { streams::close(file) };
            observe::wait_for(note, pid)
        }
        // The host knows the command.
        Some((pid, true)) => {
            let waiting = Waiting::begin(note);
            // SAFETY: by the contract.
            let status = unsafe { streams::hosts_close(file) }?;
            waiting.end(pid, status, None);
            Ok(status)
        }
        // The file is not one of this library's. SAFETY: by the contract.
        None => unsafe { streams::hosts_close(file) },
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
            assert_eq!(Mode::parse(b"we", lax), mode(false, true));
            for wrong in [&b""[..], b"e", b"a", b"br"] {
                assert_eq!(Mode::parse(wrong, lax), Err(Errno::EINVAL));
            }
        }
        assert_eq!(Mode::parse(b"ew", false), mode(false, true));
        assert_eq!(Mode::parse(b"ew", true), Err(Errno::EINVAL));
        for odd in [&b"rw"[..], b"r+", b"rb"] {
            assert_eq!(Mode::parse(odd, false), Err(Errno::EINVAL));
            assert_eq!(Mode::parse(odd, true), mode(true, false));
        }
    }
}
