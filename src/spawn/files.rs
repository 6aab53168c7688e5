// SPDX-License-Identifier: MIT OR Apache-2.0
//! The child's file actions and its working directory.

use super::actions::{Action, Actions};
use super::close::close_from;
use super::failure::Failure;
use super::rare::Directory;
use super::stage::Stage;
use crate::uapi::{Errno, file, session};
use core::ffi::{c_char, c_int};

/// Changes the working directory.
pub fn change_directory(directory: Directory) -> Result<(), Failure> {
    match directory {
        Directory::Inherited => Ok(()),
        Directory::Descriptor(fd) => file::fchdir(fd),
        Directory::Path(path) => file::chdir(path),
    }
    .map_err(Failure::at(Stage::Directory))
}

/// Carries out all actions in their order. No action may close a descriptor in `keep`,
/// where negative numbers mean none.
pub fn act(actions: &Actions, keep: &[c_int]) -> Result<(), Failure> {
    for (index, action) in (0..).zip(*actions) {
        one(&action, keep).map_err(Failure::nth(Stage::FileAction, index))?;
    }
    Ok(())
}

fn one(action: &Action, keep: &[c_int]) -> Result<(), Errno> {
    match *action {
        Action::Open { fd, path, flags, mode } => open_as(fd, path, flags, mode),
        Action::Close { fd } => {
            file::close(fd); // if it is open
            Ok(())
        }
        Action::Dup2 { from, to } if from == to => {
            let flags = file::descriptor_flags(to)?;
            file::set_descriptor_flags(to, flags & !libc::FD_CLOEXEC)
        }
        Action::Dup2 { from, to } => file::dup_onto(from, to),
        Action::Chdir { path } => file::chdir(path),
        Action::Fchdir { fd } => file::fchdir(fd),
        Action::CloseFrom { first } => close_from(first, keep),
        Action::TakeTerminal { fd } => session::take_terminal(fd),
    }
}

/// Whatever was open as that descriptor is closed first (POSIX): there may be no other
/// free descriptor, and a file may not allow being opened twice.
fn open_as(fd: c_int, path: *const c_char, flags: c_int, mode: u32) -> Result<(), Errno> {
    file::close(fd);
    let opened = file::open_path(path, flags, mode)?;
    if opened != fd {
        file::dup_onto(opened, fd)?;
        file::close(opened);
    }
    Ok(())
}
