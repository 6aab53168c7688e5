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
    pub const EEXIST: Errno = Errno(libc::EEXIST);
    pub const EFAULT: Errno = Errno(libc::EFAULT);
    pub const EINVAL: Errno = Errno(libc::EINVAL);
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
    pub const EREMOTE: Errno = Errno(libc::EREMOTE);
    pub const ESRCH: Errno = Errno(libc::ESRCH);

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
