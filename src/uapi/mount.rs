// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mounts. The kernel checks the caller's pointers.
//!
//! A mount is created detached, as a descriptor (fsopen(2), open_tree(2)), and then
//! attached by descriptors: so source and target are each looked up in their own root.

use super::Errno;
use super::call::{ask, tell};
use core::ffi::{CStr, c_char, c_int, c_long, c_ulong};
use core::mem::size_of;
use core::ptr::null;

const AT_RECURSIVE: c_int = 0x8000;
const OPEN_TREE_CLONE: c_int = 1;

fn descriptor(nr: c_long, arguments: [usize; 5]) -> Result<c_int, Errno> {
    ask(nr, arguments).map(|fd| fd as c_int)
}

/// MS_* of mount(2), which have 32 bits in libcs on some architectures.
pub const MS_BIND: u64 = 0x1000;
/// With [`MS_BIND`]: the mounts below as well.
pub const MS_REC: u64 = 0x4000;
/// No access times.
pub const MS_NOATIME: u64 = 0x400;

/// Attributes of a mount, with their bits in mount_setattr(2) and fsmount(2). The first
/// four equal MS_RDONLY, MS_NOSUID, MS_NODEV and MS_NOEXEC.
pub mod attributes {
    /// Read-only, no set-user-ID, no devices, no programs.
    pub const RESTRICTIONS: u64 = 0xf;
    /// No access times.
    pub const NOATIME: u64 = 0x10;
    /// The mask of access time attributes, of which one is chosen.
    pub const ATIME: u64 = 0x70;
}

/// Makes all mounts slaves, so that mounts of this namespace do not propagate to others
/// (mount(2), MS_REC | MS_SLAVE).
pub fn enslave_mounts() -> Result<(), Errno> {
    let flags = (libc::MS_REC | libc::MS_SLAVE) as usize;
    tell(libc::SYS_mount, [0, c"/".as_ptr() as usize, 0, flags, 0])
}

/// open_tree(2): a detached copy of the mounts at a directory (Linux 5.2).
pub fn copy_mounts(directory: c_int) -> Result<c_int, Errno> {
    let flags = libc::AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | libc::O_CLOEXEC;
    let arguments = [directory as usize, c"".as_ptr() as usize, flags as usize, 0, 0];
    descriptor(libc::SYS_open_tree, arguments)
}

/// move_mount(2) of a detached mount onto a directory: by its descriptor, or a
/// path (Linux 5.2).
pub fn attach_mount(mount: c_int, directory: c_int, path: &CStr) -> Result<(), Errno> {
    const FROM_AND_TO_BY_DESCRIPTOR: usize = 0x04 | 0x40;
    let (from, to) = (c"".as_ptr() as usize, path.as_ptr() as usize);
    let to_fd = directory as usize;
    tell(libc::SYS_move_mount, [mount as usize, from, to_fd, to, FROM_AND_TO_BY_DESCRIPTOR])
}

/// Makes the working directory, a mount, the root, and detaches the old one
/// (pivot_root(2), which describes this).
pub fn pivot_here() -> Result<(), Errno> {
    let here = c".".as_ptr() as usize;
    tell(libc::SYS_pivot_root, [here, here, 0, 0, 0])?;
    tell(libc::SYS_umount2, [here, libc::MNT_DETACH as usize, 0, 0, 0])?;
    super::file::chdir(c"/".as_ptr())
}

/// open_tree(2): a detached copy of the mount at a path, or of all mounts there
/// (Linux 5.2).
pub fn copy_mount(path: *const c_char, recursive: bool) -> Result<c_int, Errno> {
    let flags = OPEN_TREE_CLONE | libc::O_CLOEXEC | if recursive { AT_RECURSIVE } else { 0 };
    descriptor(libc::SYS_open_tree, [libc::AT_FDCWD as usize, path as usize, flags as usize, 0, 0])
}

/// fsopen(2): a new file system context of that type (Linux 5.2).
pub fn open_file_system(kind: *const c_char) -> Result<c_int, Errno> {
    const FSOPEN_CLOEXEC: usize = 1;
    descriptor(libc::SYS_fsopen, [kind as usize, FSOPEN_CLOEXEC, 0, 0, 0])
}

/// fsconfig(2): an option of a file system: a name, and a value or none.
pub fn set_option(fs: c_int, key: *const c_char, value: *const c_char) -> Result<(), Errno> {
    const FSCONFIG_SET_FLAG: usize = 0;
    const FSCONFIG_SET_STRING: usize = 1;
    let command = if value.is_null() { FSCONFIG_SET_FLAG } else { FSCONFIG_SET_STRING };
    tell(libc::SYS_fsconfig, [fs as usize, command, key as usize, value as usize, 0])
}

/// fsconfig(2): creates the file system, or finds an existing one.
pub fn create_file_system(fs: c_int) -> Result<(), Errno> {
    const FSCONFIG_CMD_CREATE: usize = 6;
    tell(libc::SYS_fsconfig, [fs as usize, FSCONFIG_CMD_CREATE, 0, 0, 0])
}

/// fsmount(2): a detached mount of a file system.
pub fn mount_file_system(fs: c_int, attributes: u64) -> Result<c_int, Errno> {
    const FSMOUNT_CLOEXEC: usize = 1;
    descriptor(libc::SYS_fsmount, [fs as usize, FSMOUNT_CLOEXEC, attributes as usize, 0, 0])
}

/// mount_setattr(2): adds attributes to a mount, or to all below it, too (Linux
/// 5.12).
pub fn add_attributes(mount: c_int, attributes: u64, recursive: bool) -> Result<(), Errno> {
    let atime = attributes & attributes::ATIME != 0;
    // struct mount_attr: set, clear, propagation, user namespace.
    let change = [attributes, if atime { attributes::ATIME } else { 0 }, 0, 0];
    let flags = libc::AT_EMPTY_PATH | if recursive { AT_RECURSIVE } else { 0 };
    let (path, place) = (c"".as_ptr() as usize, &raw const change as usize);
    let arguments = [mount as usize, path, flags as usize, place, size_of::<[u64; 4]>()];
    tell(libc::SYS_mount_setattr, arguments)
}

/// mount(2) with MS_REMOUNT | MS_BIND: sets exactly these flags of the mount that the
/// working directory is the root of.
pub fn set_flags_here(flags: c_ulong) -> Result<(), Errno> {
    let flags = (libc::MS_REMOUNT | libc::MS_BIND | flags) as usize;
    let here = c".".as_ptr() as usize;
    tell(libc::SYS_mount, [null::<u8>() as usize, here, 0, flags, 0])
}

/// openat2(2), O_PATH: looks a path up with the directory as the root, also for symbolic
/// links (Linux 5.6).
pub fn find_in_root(directory: c_int, path: *const c_char) -> Result<c_int, Errno> {
    const RESOLVE_NO_MAGICLINKS: u64 = 0x02;
    const RESOLVE_IN_ROOT: u64 = 0x10;
    // struct open_how: flags, mode, resolve.
    let how = [(libc::O_PATH | libc::O_CLOEXEC) as u64, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS];
    let place = &raw const how as usize;
    let arguments = [directory as usize, path as usize, place, size_of::<[u64; 3]>(), 0];
    descriptor(libc::SYS_openat2, arguments)
}
