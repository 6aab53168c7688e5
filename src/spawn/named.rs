// SPDX-License-Identifier: MIT OR Apache-2.0
//! The descriptors that a child's description names. The library's own must have other
//! numbers.

use super::child::{Child, Program};
use super::rare::Directory;
use crate::uapi::{Errno, file};
use core::ffi::c_int;

/// A copy of a descriptor, close-on-exec, under a number that the child's description
/// does not name: above all named ones or, where the limit leaves no room there, in
/// between.
pub fn move_away(child: &Child, fd: c_int) -> Result<c_int, Errno> {
    let copy = |from| file::duplicate_from(from, fd);
    if let Ok(moved) = copy(highest(child).saturating_add(1)) {
        return Ok(moved);
    }
    let mut from = 0;
    loop {
        let moved = copy(from)?;
        if !is_named(child, moved) {
            return Ok(moved);
        }
        file::close(moved);
        from = moved.saturating_add(1);
    }
}

/// Whether the child's description uses this number, as a source or a target.
pub fn is_named(child: &Child, fd: c_int) -> bool {
    // 0 to 2 in any case: programs expect them.
    fd < targets(child).max(3)
        || sources(child).any(|source| source == fd)
        || child.actions.clone().any(|action| action.names(fd))
}

fn highest(child: &Child) -> c_int {
    let actions = child.actions.map(|action| action.highest());
    sources(child).chain(actions).fold(targets(child), c_int::max)
}

/// The list of descriptors assigns the numbers below this.
fn targets(child: &Child) -> c_int {
    child.rare.descriptors.as_ref().map_or(0, |list| list.get().len()) as c_int
}

/// Descriptors that must be open already, besides those of file actions.
fn sources(child: &Child) -> impl Iterator<Item = c_int> {
    let rare = child.rare;
    let of = |directory| match directory {
        Directory::Descriptor(fd) => fd,
        _ => -1,
    };
    let singles = [
        2, // as in is_named
        rare.terminal.unwrap_or(-1),
        if let Program::At(fd, ..) = child.program { fd } else { -1 },
        of(rare.directory),
        of(rare.root),
    ];
    let listed = rare.descriptors.as_ref().map_or(&[][..], |list| list.get());
    let namespaces = rare.namespaces.get().iter().map(|namespace| namespace.fd);
    singles.into_iter().chain(listed.iter().copied()).chain(namespaces)
}
