// SPDX-License-Identifier: MIT OR Apache-2.0
//! `daemon`: a process that goes on in a new session, while its parent ends.
//!
//! The libc's own calls its internal fork, which cannot be interposed. So it is
//! reimplemented here, with the system calls of the libc that is there: their order is what a
//! caller sees of a failure. Other threads are not in the child, as after fork(2).

use super::fork;
use crate::host;
use crate::observe::{self, Note};
use crate::uapi::sys;
use crate::uapi::{Errno, file, file_facts, session};
use clone3_trace::Call;
use core::ffi::c_int;

/// `daemon()`. Returns in the child, and in the caller where there is none.
pub fn daemon(note: Note, keeps_directory: bool, keeps_streams: bool) -> Result<(), Errno> {
    if host::is_glibc() {
        as_glibc(note, keeps_directory, keeps_streams)
    } else {
        as_musl(note, keeps_directory, keeps_streams)
    }
}

/// One that leads its session.
fn as_glibc(note: Note, keeps_directory: bool, keeps_streams: bool) -> Result<(), Errno> {
    go_on_in_child(note)?;
    session::setsid()?;
    if !keeps_directory {
        _ = file::chdir(c"/".as_ptr());
    }
    if keeps_streams {
        return Ok(());
    }
    let null = file::open(c"/dev/null", libc::O_RDWR)?;
    match file_facts::is_null_device(null) {
        Ok(true) => {}
        outcome => {
            file::close(null);
            return Err(outcome.err().unwrap_or(Errno(libc::ENODEV)));
        }
    }
    _ = become_streams(null);
    Ok(())
}

/// One that leads no session, and so cannot get a terminal by opening one.
fn as_musl(note: Note, keeps_directory: bool, keeps_streams: bool) -> Result<(), Errno> {
    if !keeps_directory {
        file::chdir(c"/".as_ptr())?;
    }
    if !keeps_streams {
        become_streams(file::open(c"/dev/null", libc::O_RDWR)?)?;
    }
    go_on_in_child(note)?;
    session::setsid()?;
    go_on_in_child(note)
}

/// Makes a copy of this process, and ends in this one.
fn go_on_in_child(note: Note) -> Result<(), Errno> {
    if fork::fork(note)? != 0 {
        observe::exit(Call::Daemon, 0);
        sys::exit_group(0)
    }
    Ok(())
}

/// Makes an open file the three standard streams.
fn become_streams(from: c_int) -> Result<(), Errno> {
    let outcome = (0..3).try_for_each(|stream| file::dup_onto(from, stream));
    if from > 2 {
        file::close(from);
    }
    outcome
}
