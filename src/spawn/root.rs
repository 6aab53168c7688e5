// SPDX-License-Identifier: MIT OR Apache-2.0
//! The child's root: chroot(2), or pivot_root(2) to a directory that is given as a
//! descriptor. The mounts are made after the directory is found and before it becomes the
//! root.
//!
//! The descriptor was opened in the caller's mount namespace. The child is in a copy of
//! that, so the directory is looked up again by its path, and compared. A detached mount
//! (open_tree(2), fsmount(2)) is in no namespace and is attached as needed.

use super::failure::Failure;
use super::mounts;
use super::rare::{Directory, Rare};
use super::stage::Stage;
use crate::base::SMALLEST_PAGE;
use crate::base::text::Buffer;
use crate::uapi::flags::CLONE_NEWNS;
use crate::uapi::{Errno, file, file_facts, mount, namespace, pages};
use core::ffi::{CStr, c_char, c_int};

/// Makes the mounts, and changes the root and the working directory to it.
pub fn change(rare: &Rare) -> Result<(), Failure> {
    let failed = Failure::at(Stage::Root);
    match (rare.root, rare.mounts.get()) {
        (Directory::Inherited, []) => Ok(()),
        (Directory::Path(path), []) => namespace::chroot(path).map_err(failed),
        (Directory::Inherited, mounts) => {
            let root = open(c"/".as_ptr()).map_err(failed)?;
            keep_inside(rare)?;
            mounts::make(mounts, root)?;
            file::close(root);
            Ok(())
        }
        (Directory::Path(path), mounts) => {
            let root = open(path).map_err(&failed)?;
            keep_inside(rare)?;
            mounts::make(mounts, root)?;
            // Not by its path again, which may have changed.
            file::fchdir(root).map_err(&failed)?;
            file::close(root);
            namespace::chroot(c".".as_ptr()).map_err(failed)
        }
        (Directory::Descriptor(fd), mounts) => {
            let root = attach(fd).map_err(&failed)?;
            mounts::make(mounts, root)?;
            enter(root).map_err(failed)
        }
    }
}

/// Makes all mounts of a new mount namespace slaves, so that nothing propagates out of
/// it. The propagation in a namespace that is joined is left as it is.
fn keep_inside(rare: &Rare) -> Result<(), Failure> {
    let joins = rare.namespaces.get().iter().any(|ns| ns.joins(CLONE_NEWNS));
    if joins || !rare.flags.contains(CLONE_NEWNS) {
        return Ok(());
    }
    let index = rare.mounts.get().len() as u32;
    mount::enslave_mounts().map_err(|errno| Failure { stage: Stage::Mount, index, errno })
}

fn open(path: *const c_char) -> Result<c_int, Errno> {
    file::open_path(path, libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC, 0)
}

/// Turns the directory into a mount, or attaches the detached mount.
#[inline(never)]
fn attach(fd: c_int) -> Result<c_int, Errno> {
    mount::enslave_mounts()?;
    match find(fd)? {
        Some(directory) => {
            // pivot_root(2) needs a mount: the directory is bound to itself.
            let copy = mount::copy_mounts(directory)?;
            mount::attach_mount(copy, directory, c"")?;
            file::close(directory);
            Ok(copy)
        }
        None => {
            mount::attach_mount(fd, libc::AT_FDCWD, c"/")?;
            file::duplicate_from(0, fd)
        }
    }
}

fn enter(root: c_int) -> Result<(), Errno> {
    file::fchdir(root)?;
    file::close(root);
    mount::pivot_here()
}

/// The same directory in this namespace; none if its path leads elsewhere here.
#[inline(never)]
fn find(fd: c_int) -> Result<Option<c_int>, Errno> {
    // The stack is the caller's, and may be small.
    let room = pages::map_pages(SMALLEST_PAGE)?;
    // SAFETY: mapped just now, of that length, and zeroed.
    let path = unsafe { core::slice::from_raw_parts_mut(room.cast(), SMALLEST_PAGE) };
    let found = find_by_name(fd, path);
    // SAFETY: mapped above; no pointer to it is left.
    unsafe { pages::unmap_pages(room, SMALLEST_PAGE) };
    found
}

fn find_by_name(fd: c_int, path: &mut [u8]) -> Result<Option<c_int>, Errno> {
    let mut link = Buffer::<32>::new();
    link.push(b"/proc/self/fd/").push_number(fd.into());
    file::read_link(link.c_str(), path).map_err(|errno| match errno {
        Errno::ENOENT => Errno::EBADF, // or there is no /proc
        other => other,
    })?;
    let path = CStr::from_bytes_until_nul(path).map_err(|_| Errno::EINVAL)?;
    let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC;
    let found = match file::open(path, flags) {
        Ok(found) => found,
        Err(Errno::ENOTDIR) => return Err(Errno::ENOTDIR),
        Err(_) => return Ok(None),
    };
    match file_facts::is_same_file(fd, found) {
        Ok(true) => Ok(Some(found)),
        outcome => {
            file::close(found);
            outcome.map(|_| None)
        }
    }
}
