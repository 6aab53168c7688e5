// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel's error convention.

/// A positive error number, as in `<errno.h>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(pub i32);

impl Errno {
    pub const E2BIG: Errno = Errno(libc::E2BIG);
    pub const EACCES: Errno = Errno(libc::EACCES);
    pub const EAGAIN: Errno = Errno(libc::EAGAIN);
    pub const EBADF: Errno = Errno(libc::EBADF);
    pub const EBUSY: Errno = Errno(libc::EBUSY);
    pub const EDEADLK: Errno = Errno(libc::EDEADLK);
    pub const EEXIST: Errno = Errno(libc::EEXIST);
    pub const EFAULT: Errno = Errno(libc::EFAULT);
    pub const EINVAL: Errno = Errno(libc::EINVAL);
    pub const EIO: Errno = Errno(libc::EIO);
    pub const ELOOP: Errno = Errno(libc::ELOOP);
    pub const EMFILE: Errno = Errno(libc::EMFILE);
    pub const ENAMETOOLONG: Errno = Errno(libc::ENAMETOOLONG);
    pub const ENFILE: Errno = Errno(libc::ENFILE);
    pub const ENODATA: Errno = Errno(libc::ENODATA);
    pub const ENODEV: Errno = Errno(libc::ENODEV);
    pub const ENOENT: Errno = Errno(libc::ENOENT);
    pub const ENOMEM: Errno = Errno(libc::ENOMEM);
    pub const ENOSPC: Errno = Errno(libc::ENOSPC);
    pub const ENOSYS: Errno = Errno(libc::ENOSYS);
    pub const EOPNOTSUPP: Errno = Errno(libc::EOPNOTSUPP);
    pub const EPERM: Errno = Errno(libc::EPERM);
    pub const ERANGE: Errno = Errno(libc::ERANGE);
    pub const EREMOTE: Errno = Errno(libc::EREMOTE);
    pub const ENOTDIR: Errno = Errno(libc::ENOTDIR);
    pub const ENOTSUP: Errno = Errno(libc::ENOTSUP);
    pub const ESRCH: Errno = Errno(libc::ESRCH);
    pub const ETIMEDOUT: Errno = Errno(libc::ETIMEDOUT);

    /// Its text, in the words of strerror(3), for errors that can happen while a child is
    /// created.
    pub fn words(self) -> Option<&'static [u8]> {
        let words: &[u8] = match self.0 {
            libc::E2BIG => b"Argument list too long",
            libc::EACCES => b"Permission denied",
            libc::EAGAIN => b"Resource temporarily unavailable",
            libc::EBADF => b"Bad file descriptor",
            libc::EBUSY => b"Device or resource busy",
            libc::ECHILD => b"No child processes",
            libc::EDQUOT => b"Disk quota exceeded",
            libc::EEXIST => b"File exists",
            libc::EFAULT => b"Bad address",
            libc::EFBIG => b"File too large",
            libc::EINTR => b"Interrupted system call",
            libc::EINVAL => b"Invalid argument",
            libc::EIO => b"Input/output error",
            libc::EISDIR => b"Is a directory",
            libc::ELIBBAD => b"Accessing a corrupted shared library",
            libc::ELOOP => b"Too many levels of symbolic links",
            libc::EMFILE => b"Too many open files",
            libc::EMLINK => b"Too many links",
            libc::ENAMETOOLONG => b"File name too long",
            libc::ENFILE => b"Too many open files in system",
            libc::ENODEV => b"No such device",
            libc::ENOENT => b"No such file or directory",
            libc::ENOEXEC => b"Exec format error",
            libc::ENOMEM => b"Cannot allocate memory",
            libc::ENOSPC => b"No space left on device",
            libc::ENOSYS => b"Function not implemented",
            libc::ENOTDIR => b"Not a directory",
            libc::ENOTTY => b"Inappropriate ioctl for device",
            libc::ENXIO => b"No such device or address",
            libc::EOPNOTSUPP => b"Operation not supported",
            libc::EOVERFLOW => b"Value too large for defined data type",
            libc::EPERM => b"Operation not permitted",
            libc::EPIPE => b"Broken pipe",
            libc::ERANGE => b"Numerical result out of range",
            libc::EROFS => b"Read-only file system",
            libc::ESRCH => b"No such process",
            libc::ESTALE => b"Stale file handle",
            libc::ETIMEDOUT => b"Connection timed out",
            libc::ETXTBSY => b"Text file busy",
            libc::EUSERS => b"Too many users",
            libc::EXDEV => b"Invalid cross-device link",
            _ => return None,
        };
        Some(words)
    }

    /// Splits a raw system call result: the kernel keeps the last page of the
    /// address space, −4095 to −1, for error numbers.
    pub fn check(raw: isize) -> Result<usize, Errno> {
        if (-4095..0).contains(&raw) { Err(Errno(-raw as i32)) } else { Ok(raw as usize) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_page_is_an_error() {
        assert_eq!(Errno::check(-1), Err(Errno(1)));
        assert_eq!(Errno::check(-4095), Err(Errno(4095)));
        assert_eq!(Errno::check(-4096), Ok(-4096isize as usize));
        assert_eq!(Errno::check(0), Ok(0));
        assert_eq!(Errno::check(42), Ok(42));
    }
}
