// SPDX-License-Identifier: MIT OR Apache-2.0
//! Typed raw system calls about files. As in `sys`, async-signal-safe and
//! without errno or TLS.

use super::Errno;
use crate::arch::syscall;
use core::ffi::{CStr, c_int, c_ulong};
use core::mem::MaybeUninit;

// The calls whose structs have 64-bit fields everywhere, under one name.
#[cfg(target_pointer_width = "64")]
use libc::{SYS_fstat, SYS_newfstatat, stat as Stat};
#[cfg(target_pointer_width = "32")]
use libc::{SYS_fstat64 as SYS_fstat, SYS_fstatat64 as SYS_newfstatat, stat64 as Stat};

/// What there is to know of a file (newfstatat(2)).
fn stat(path: &CStr) -> Result<Stat, Errno> {
    let mut stat = MaybeUninit::<Stat>::uninit();
    // SAFETY: path ends in NUL; the kernel fills the struct it is given.
    let raw = unsafe {
        syscall(
            SYS_newfstatat,
            [libc::AT_FDCWD as usize, path.as_ptr() as usize, stat.as_mut_ptr() as usize, 0, 0, 0],
        )
    };
    Errno::check(raw)?;
    // SAFETY: the call succeeded, so the kernel has filled the struct.
    Ok(unsafe { stat.assume_init() })
}

/// Link count of a file: for a directory, two and its subdirectories.
pub fn link_count(path: &CStr) -> Result<u64, Errno> {
    let links = stat(path)?.st_nlink;
    #[allow(clippy::useless_conversion)] // nlink_t is 64 bits wide on x86_64
    Ok(u64::from(links))
}

/// Whether two names lead to one file that is there (newfstatat(2)).
pub fn is_same(one: &CStr, other: &CStr) -> bool {
    match (stat(one), stat(other)) {
        (Ok(one), Ok(other)) => (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino),
        _ => false,
    }
}

/// Device, number and mode of an open file. A function of its own, so that one struct at
/// a time, and no copy of it, is on the stack, which may be a small one of a caller's.
#[inline(never)]
fn identity(fd: c_int) -> Result<(libc::dev_t, u64, libc::mode_t), Errno> {
    let mut stat = MaybeUninit::<Stat>::uninit();
    // SAFETY: the kernel fills the struct it is given.
    let raw = unsafe { syscall(SYS_fstat, [fd as usize, stat.as_mut_ptr() as usize, 0, 0, 0, 0]) };
    Errno::check(raw)?;
    // SAFETY: the call succeeded, so the kernel has filled the struct.
    let stat = unsafe { stat.assume_init_ref() };
    #[allow(clippy::useless_conversion)] // ino_t differs between the architectures
    Ok((stat.st_dev, u64::from(stat.st_ino), stat.st_mode))
}

/// Whether two descriptors stand for one file.
pub fn is_same_file(one: c_int, other: c_int) -> Result<bool, Errno> {
    let ((device, number, _), (other_device, other_number, _)) = (identity(one)?, identity(other)?);
    Ok((device, number) == (other_device, other_number))
}

/// Whether a descriptor (O_PATH, O_NOFOLLOW) stands for a symbolic link itself.
pub fn is_symlink(fd: c_int) -> Result<bool, Errno> {
    Ok(identity(fd)?.2 & libc::S_IFMT == libc::S_IFLNK)
}

/// The flags of the mount that an open file is on, as mount(2) has them (fstatfs(2)).
pub fn mount_flags(fd: c_int) -> Result<c_ulong, Errno> {
    const SAME: c_ulong = libc::ST_RDONLY
        | libc::ST_NOSUID
        | libc::ST_NODEV
        | libc::ST_NOEXEC
        | libc::ST_NOATIME
        | libc::ST_NODIRATIME;
    let mut statfs = MaybeUninit::<libc::statfs64>::zeroed();
    // SAFETY: the kernel fills the struct it is given.
    Errno::check(unsafe { fstatfs(fd, statfs.as_mut_ptr()) })?;
    // SAFETY: the call succeeded, so the kernel has filled the struct.
    let flags = unsafe { statfs.assume_init() }.f_flags as c_ulong;
    let atime = match flags & (libc::ST_NOATIME | libc::ST_RELATIME) {
        0 => libc::MS_STRICTATIME,
        libc::ST_RELATIME => libc::MS_RELATIME,
        _ => 0,
    };
    Ok(flags & SAME | atime)
}

/// By which an open file is known: its file system and its number there.
pub fn inode(fd: c_int) -> Result<(libc::dev_t, u64), Errno> {
    identity(fd).map(|(device, number, _)| (device, number))
}

/// openat(2) relative to the working directory.
pub fn open(path: &CStr, flags: c_int) -> Result<c_int, Errno> {
    open_at(libc::AT_FDCWD, path, flags)
}

/// close(2): whether there was something to close; it is gone whatever else.
pub fn close(fd: c_int) -> bool {
    // SAFETY: takes no memory.
    let raw = unsafe { syscall(libc::SYS_close, [fd as usize, 0, 0, 0, 0, 0]) };
    Errno::check(raw) != Err(Errno::EBADF)
}

/// Whether there is a symbolic link of this name, with something in it
/// (readlinkat(2)).
pub fn is_link(path: &CStr) -> bool {
    let mut first = 0u8;
    // SAFETY: path ends in NUL; one byte is asked for.
    let raw = unsafe {
        syscall(
            libc::SYS_readlinkat,
            [libc::AT_FDCWD as usize, path.as_ptr() as usize, &raw mut first as usize, 1, 0, 0],
        )
    };
    Errno::check(raw) == Ok(1)
}

/// Whether a descriptor is open (fcntl(2), F_GETFD).
pub fn is_open(fd: c_int) -> bool {
    // SAFETY: takes no memory.
    let raw =
        unsafe { syscall(libc::SYS_fcntl, [fd as usize, libc::F_GETFD as usize, 0, 0, 0, 0]) };
    Errno::check(raw).is_ok()
}

/// dup2(2) of two different descriptors. By the call of that name where there is one, as
/// the libcs do: a filter may know it and not dup3(2).
pub fn dup_onto(from: c_int, to: c_int) -> Result<(), Errno> {
    if from == to {
        return Ok(());
    }
    // SAFETY: takes no memory.
    let call = |number| unsafe { syscall(number, [from as usize, to as usize, 0, 0, 0, 0]) };
    #[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
    match Errno::check(call(libc::SYS_dup2)) {
        // Only a filter answers so.
        Err(Errno::ENOSYS | Errno::EPERM) => {}
        outcome => return outcome.map(drop),
    }
    Errno::check(call(libc::SYS_dup3)).map(drop)
}

/// ioctl(2) with a number or a pointer as its argument.
///
/// # Safety
/// `argument` must be what `request` takes.
pub unsafe fn ioctl(fd: c_int, request: c_ulong, argument: usize) -> Result<c_int, Errno> {
    // SAFETY: passed on from the caller.
    let raw =
        unsafe { syscall(libc::SYS_ioctl, [fd as usize, request as usize, argument, 0, 0, 0]) };
    Errno::check(raw).map(|value| value as c_int)
}

/// openat(2) relative to a directory.
pub fn open_at(directory: c_int, path: &CStr, flags: c_int) -> Result<c_int, Errno> {
    // SAFETY: path ends in NUL.
    let raw = unsafe {
        syscall(
            libc::SYS_openat,
            [directory as usize, path.as_ptr() as usize, flags as usize, 0, 0, 0],
        )
    };
    Errno::check(raw).map(|fd| fd as c_int)
}

/// read(2): how many bytes.
pub fn read(fd: c_int, bytes: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the slice is ours to fill.
    let raw = unsafe {
        syscall(libc::SYS_read, [fd as usize, bytes.as_mut_ptr() as usize, bytes.len(), 0, 0, 0])
    };
    Errno::check(raw)
}

/// lseek(2), with 64 bits everywhere: the new place.
#[cfg(target_pointer_width = "64")]
pub fn seek(fd: c_int, offset: i64, whence: c_int) -> Result<i64, Errno> {
    let arguments = [fd as usize, offset as usize, whence as usize, 0, 0, 0];
    // SAFETY: takes no memory.
    Errno::check(unsafe { syscall(libc::SYS_lseek, arguments) }).map(|place| place as i64)
}

/// By _llseek(2).
#[cfg(target_pointer_width = "32")]
pub fn seek(fd: c_int, offset: i64, whence: c_int) -> Result<i64, Errno> {
    let mut place = 0i64;
    let halves = [(offset >> 32) as usize, offset as usize];
    let there = &raw mut place as usize;
    // SAFETY: the place lives over the call.
    let raw = unsafe {
        syscall(libc::SYS__llseek, [fd as usize, halves[0], halves[1], there, whence as usize, 0])
    };
    Errno::check(raw).map(|_| place)
}

/// What a descriptor may be, as far as it matters here.
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
unsafe fn fstatfs(fd: c_int, statfs: *mut libc::statfs64) -> isize {
    // SAFETY: by the contract.
    unsafe { syscall(libc::SYS_fstatfs, [fd as usize, statfs as usize, 0, 0, 0, 0]) }
}

/// # Safety
/// The struct must be the caller's to fill.
#[cfg(target_pointer_width = "32")]
unsafe fn fstatfs(fd: c_int, statfs: *mut libc::statfs64) -> isize {
    let arguments = [fd as usize, size_of::<libc::statfs64>(), statfs as usize, 0, 0, 0];
    // SAFETY: by the contract.
    unsafe { syscall(libc::SYS_fstatfs64, arguments) }
}

/// What an open descriptor is, O_PATH or not (fstat(2), fstatfs(2)); EBADF if
/// it is none.
pub fn file_kind(fd: c_int) -> Result<FileKind, Errno> {
    const CGROUP2_SUPER_MAGIC: i64 = 0x6367_7270;
    let mut stat = MaybeUninit::<Stat>::zeroed();
    let mut statfs = MaybeUninit::<libc::statfs64>::zeroed();
    // SAFETY: the kernel fills the structs it is given.
    let raw = unsafe {
        [
            syscall(SYS_fstat, [fd as usize, stat.as_mut_ptr() as usize, 0, 0, 0, 0]),
            fstatfs(fd, statfs.as_mut_ptr()),
        ]
    };
    for result in raw {
        Errno::check(result)?;
    }
    // SAFETY: both calls succeeded, so the kernel has filled the structs.
    let (mode, kind) = unsafe { (stat.assume_init().st_mode, statfs.assume_init().f_type) };
    #[allow(clippy::unnecessary_cast)] // f_type differs between the libcs
    let on_cgroup2 = kind as i64 == CGROUP2_SUPER_MAGIC;
    let directory = mode & libc::S_IFMT == libc::S_IFDIR;
    Ok(if on_cgroup2 && directory { FileKind::Cgroup2Directory } else { FileKind::Other })
}
