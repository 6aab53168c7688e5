// SPDX-License-Identifier: MIT OR Apache-2.0
//! The child's standard streams.

use crate::error::Error;
use clone3_sys::libc;
use std::fs::{File, OpenOptions};
use std::io;
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::process::{ChildStderr, ChildStdin, ChildStdout};

/// What a standard stream of the child's is.
#[derive(Debug)]
pub struct Stdio(Kind);

#[derive(Debug)]
enum Kind {
    Inherit,
    Null,
    Piped,
    Fd(OwnedFd),
}

impl Stdio {
    /// The caller's own.
    pub const fn inherit() -> Stdio {
        Stdio(Kind::Inherit)
    }

    /// `/dev/null`.
    pub const fn null() -> Stdio {
        Stdio(Kind::Null)
    }

    /// A pipe, whose other end is in the [`Child`](crate::Child).
    pub const fn piped() -> Stdio {
        Stdio(Kind::Piped)
    }
}

macro_rules! from_what_owns_a_descriptor {
    ($($kind:ty),*) => {$(
        /// It stays open for as long as the [`Command`](crate::Command) is there.
        impl From<$kind> for Stdio {
            fn from(it: $kind) -> Stdio {
                Stdio(Kind::Fd(it.into()))
            }
        }
    )*};
}
from_what_owns_a_descriptor!(
    OwnedFd,
    File,
    ChildStdin,
    ChildStdout,
    ChildStderr,
    UnixStream,
    TcpStream
);

/// A stream for one child: what becomes its descriptor, and the caller's end of a pipe.
pub(crate) enum Stream<'a> {
    Inherited,
    Given(BorrowedFd<'a>),
    Made { child: OwnedFd, caller: Option<OwnedFd> },
}

impl Stream<'_> {
    /// Opens what has to be opened. `number` is 0, 1 or 2.
    pub(crate) fn open(stdio: &Stdio, number: RawFd) -> Result<Stream<'_>, Error> {
        match &stdio.0 {
            Kind::Inherit => Ok(Stream::Inherited),
            Kind::Fd(fd) if fd.as_raw_fd() > 2 => Ok(Stream::Given(fd.as_fd())),
            Kind::Fd(fd) => duplicate(fd.as_fd()).map(|child| Stream::Made { child, caller: None }),
            Kind::Null => null().map(|child| Stream::Made { child, caller: None }),
            Kind::Piped => pipe().map(|(reader, writer)| {
                let (child, caller) = if number == 0 { (reader, writer) } else { (writer, reader) };
                Stream::Made { child, caller: Some(caller) }
            }),
        }
        .map_err(|why| Error::stream(number, why))
    }

    /// What becomes the child's stream; `None` if it inherits the caller's.
    pub(crate) fn for_child(&self) -> Option<RawFd> {
        match self {
            Stream::Inherited => None,
            Stream::Given(fd) => Some(fd.as_raw_fd()),
            Stream::Made { child, .. } => Some(child.as_raw_fd()),
        }
    }

    /// Closes the child's end, and gives the caller's of a pipe.
    pub(crate) fn into_caller_s<T: From<OwnedFd>>(self) -> Option<T> {
        match self {
            Stream::Made { caller, .. } => caller.map(T::from),
            _ => None,
        }
    }
}

fn null() -> io::Result<OwnedFd> {
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    clear_of_streams(null.into())
}

/// Reader and writer, both closed on exec.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: there is room for two descriptors.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: they are new, and nobody else's.
    let [reader, writer] = ends.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
    Ok((clear_of_streams(reader)?, clear_of_streams(writer)?))
}

/// In a process without a standard stream a new descriptor may have its number. The child would
/// overwrite it before it has put it in its place, or take it for its stream.
fn clear_of_streams(fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() > 2 {
        return Ok(fd);
    }
    duplicate(fd.as_fd())
}

/// Above the standard streams.
pub(crate) fn duplicate(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // SAFETY: it makes a new descriptor.
    let copy = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 3) };
    if copy < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is new, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}
