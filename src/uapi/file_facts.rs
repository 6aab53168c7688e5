// SPDX-License-Identifier: MIT OR Apache-2.0
//! Attributes of files.

use super::Errno;
use super::call::call;
use core::ffi::{CStr, c_int, c_ulong};
use core::mem::MaybeUninit;

// The calls whose structs have 64-bit fields everywhere, under one name.
#[cfg(target_pointer_width = "64")]
use libc::{SYS_fstat, SYS_newfstatat, stat as Stat};
#[cfg(target_pointer_width = "32")]
use libc::{SYS_fstat64 as SYS_fstat, SYS_fstatat64 as SYS_newfstatat, stat64 as Stat};

/// The attributes of a file (newfstatat(2)).
fn stat(path: &CStr) -> Result<Stat, Errno> {
    let mut stat = MaybeUninit::<Stat>::uninit();
    let arguments =
        [libc::AT_FDCWD as usize, path.as_ptr() as usize, stat.as_mut_ptr() as usize, 0, 0];
    // SAFETY: path ends in NUL; the kernel fills the struct it is given.
    unsafe { call(SYS_newfstatat, arguments) }?;
    // SAFETY: the call succeeded, so the kernel has filled the struct.
    Ok(unsafe { stat.assume_init() })
}

/// Link count of a file: for a directory, the number of its subdirectories plus two.
pub fn link_count(path: &CStr) -> Result<u64, Errno> {
    let links = stat(path)?.st_nlink;
    #[allow(clippy::useless_conversion)] // nlink_t is 64 bits wide on x86_64
    Ok(u64::from(links))
}

/// Whether two names lead to the same existing file (newfstatat(2)).
pub fn is_same(one: &CStr, other: &CStr) -> bool {
    match (stat(one), stat(other)) {
        (Ok(one), Ok(other)) => (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino),
        _ => false,
    }
}

/// Device, number and mode of an open file. A function of its own, so that only one such
/// struct is on the stack, which is the caller's and may be small.
#[inline(never)]
fn identity(fd: c_int) -> Result<(libc::dev_t, u64, libc::mode_t), Errno> {
    let mut stat = MaybeUninit::<Stat>::uninit();
    // SAFETY: the kernel fills the struct it is given.
    unsafe { call(SYS_fstat, [fd as usize, stat.as_mut_ptr() as usize, 0, 0, 0]) }?;
    // SAFETY: the call succeeded, so the kernel has filled the struct.
    let stat = unsafe { stat.assume_init_ref() };
    #[allow(clippy::useless_conversion)] // ino_t differs between the architectures
    Ok((stat.st_dev, u64::from(stat.st_ino), stat.st_mode))
}

/// The size of an open regular file that only this user, and root, can write to or
/// truncate: EPERM if others can; EINVAL if it is no regular file.
#[inline(never)]
pub fn size_of_own(fd: c_int, user: u32) -> Result<u64, Errno> {
    let mut stat = MaybeUninit::<Stat>::uninit();
    // SAFETY: the kernel fills the struct it is given.
    unsafe { call(SYS_fstat, [fd as usize, stat.as_mut_ptr() as usize, 0, 0, 0]) }?;
    // SAFETY: the call succeeded, so the kernel has filled the struct.
    let stat = unsafe { stat.assume_init_ref() };
    let is_own = [0, user].contains(&stat.st_uid) && stat.st_mode & 0o022 == 0;
    match stat.st_mode & libc::S_IFMT {
        libc::S_IFREG if is_own => Ok(stat.st_size as u64),
        libc::S_IFREG => Err(Errno(libc::EPERM)),
        _ => Err(Errno::EINVAL),
    }
}

/// Whether two descriptors refer to the same file.
pub fn is_same_file(one: c_int, other: c_int) -> Result<bool, Errno> {
    let ((device, number, _), (other_device, other_number, _)) = (identity(one)?, identity(other)?);
    Ok((device, number) == (other_device, other_number))
}

/// Whether an open file is the null device.
#[inline(never)]
pub fn is_null_device(fd: c_int) -> Result<bool, Errno> {
    let mut stat = MaybeUninit::<Stat>::uninit();
    // SAFETY: the kernel fills the struct it is given.
    unsafe { call(SYS_fstat, [fd as usize, stat.as_mut_ptr() as usize, 0, 0, 0]) }?;
    // SAFETY: the call succeeded, so the kernel has filled the struct.
    let stat = unsafe { stat.assume_init_ref() };
    let is_device = stat.st_mode & libc::S_IFMT == libc::S_IFCHR;
    Ok(is_device && stat.st_rdev == libc::makedev(1, 3))
}

/// Whether a descriptor (O_PATH, O_NOFOLLOW) refers to a symbolic link itself.
pub fn is_symlink(fd: c_int) -> Result<bool, Errno> {
    Ok(identity(fd)?.2 & libc::S_IFMT == libc::S_IFLNK)
}

/// The flags of the mount that an open file is on, as for mount(2) (fstatfs(2)).
pub fn mount_flags(fd: c_int) -> Result<c_ulong, Errno> {
    const SAME: c_ulong = libc::ST_RDONLY
        | libc::ST_NOSUID
        | libc::ST_NODEV
        | libc::ST_NOEXEC
        | libc::ST_NOATIME
        | libc::ST_NODIRATIME;
    let mut statfs = MaybeUninit::<libc::statfs64>::zeroed();
    // SAFETY: the kernel fills the struct it is given.
    unsafe { fstatfs(fd, statfs.as_mut_ptr()) }?;
    // SAFETY: the call succeeded, so the kernel has filled the struct.
    let flags = unsafe { statfs.assume_init() }.f_flags as c_ulong;
    let atime = match flags & (libc::ST_NOATIME | libc::ST_RELATIME) {
        0 => libc::MS_STRICTATIME,
        libc::ST_RELATIME => libc::MS_RELATIME,
        _ => 0,
    };
    Ok(flags & SAME | atime)
}

/// The identity of an open file: device and inode number.
pub fn inode(fd: c_int) -> Result<(libc::dev_t, u64), Errno> {
    identity(fd).map(|(device, number, _)| (device, number))
}

/// The kind of a descriptor, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A directory of the cgroup2 file system.
    Cgroup2Directory,
    /// Anything else.
    Other,
}

/// # Safety
/// The struct must be the caller's to fill.
#[cfg(target_pointer_width = "64")]
unsafe fn fstatfs(fd: c_int, statfs: *mut libc::statfs64) -> Result<(), Errno> {
    // SAFETY: by the contract.
    unsafe { call(libc::SYS_fstatfs, [fd as usize, statfs as usize, 0, 0, 0]) }.map(drop)
}

/// # Safety
/// The struct must be the caller's to fill.
#[cfg(target_pointer_width = "32")]
unsafe fn fstatfs(fd: c_int, statfs: *mut libc::statfs64) -> Result<(), Errno> {
    let arguments = [fd as usize, size_of::<libc::statfs64>(), statfs as usize, 0, 0];
    // SAFETY: by the contract.
    unsafe { call(libc::SYS_fstatfs64, arguments) }.map(drop)
}

/// The kind of an open descriptor, O_PATH or not (fstat(2), fstatfs(2)); EBADF if it is
/// not open.
pub fn file_kind(fd: c_int) -> Result<FileKind, Errno> {
    const CGROUP2_SUPER_MAGIC: i64 = 0x6367_7270;
    let (_, _, mode) = identity(fd)?;
    let mut statfs = MaybeUninit::<libc::statfs64>::zeroed();
    // SAFETY: the kernel fills the struct it is given.
    unsafe { fstatfs(fd, statfs.as_mut_ptr()) }?;
    // SAFETY: the call succeeded, so the kernel has filled the struct.
    let kind = unsafe { statfs.assume_init_ref() }.f_type;
    #[allow(clippy::unnecessary_cast)] // f_type differs between the libcs
    let on_cgroup2 = kind as i64 == CGROUP2_SUPER_MAGIC;
    let directory = mode & libc::S_IFMT == libc::S_IFDIR;
    Ok(if on_cgroup2 && directory { FileKind::Cgroup2Directory } else { FileKind::Other })
}
