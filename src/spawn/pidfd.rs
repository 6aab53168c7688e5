// SPDX-License-Identifier: MIT OR Apache-2.0
//! `pidfd_getpid`: the process that a pidfd refers to, from /proc.

use crate::base::decimal;
use crate::base::text::Buffer;
use crate::uapi::sys::Pid;
use crate::uapi::{Errno, file};
use core::ffi::c_int;

/// The pid in the pid namespace of /proc. EBADF if it is no pidfd, EREMOTE if the process
/// is not visible in that namespace, ESRCH if it has been reaped, ENOENT if there is no
/// /proc.
pub fn pid_of(pidfd: c_int) -> Result<Pid, Errno> {
    if pidfd < 0 || !file::is_open(pidfd) {
        return Err(Errno::EBADF);
    }
    let info = file::open(path_of(pidfd).c_str(), libc::O_RDONLY | libc::O_CLOEXEC)?;
    let mut text = [0u8; 512];
    let length = read_all(info, &mut text);
    file::close(info);
    match parse(text.get(..length?).unwrap_or_default()) {
        Some(0) => Err(Errno::EREMOTE),
        Some(pid @ 1..) => Ok(pid),
        Some(_) => Err(Errno::ESRCH),
        None => Err(Errno::EBADF),
    }
}

fn read_all(fd: c_int, bytes: &mut [u8]) -> Result<usize, Errno> {
    let mut length = 0;
    loop {
        match file::read(fd, bytes.get_mut(length..).unwrap_or_default()) {
            Ok(0) => return Ok(length),
            Ok(count) => length += count,
            Err(Errno(libc::EINTR)) => {}
            Err(errno) => return Err(errno),
        }
    }
}

fn path_of(fd: c_int) -> Buffer<32> {
    let mut path = Buffer::new();
    path.push(b"/proc/self/fdinfo/").push_number(fd.into());
    path
}

/// The number after "Pid:" at the start of a line.
fn parse(text: &[u8]) -> Option<Pid> {
    let line = text.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"Pid:"))?;
    let number = line.trim_ascii();
    let (negative, digits) = match number.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, number),
    };
    let value = Pid::try_from(decimal::read(digits)?).ok()?;
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_every_digit() {
        for (fd, path) in [
            (0, c"/proc/self/fdinfo/0"),
            (10, c"/proc/self/fdinfo/10"),
            (c_int::MAX, c"/proc/self/fdinfo/2147483647"),
        ] {
            assert_eq!(path_of(fd).c_str(), path);
        }
    }

    #[test]
    fn the_line_is_found() {
        assert_eq!(parse(b"pos:\t0\nflags:\t02\nPid:\t1234\nNSpid:\t1234\n"), Some(1234));
        assert_eq!(parse(b"Pid:\t-1\n"), Some(-1));
        assert_eq!(parse(b"Pid:\t0\n"), Some(0));
        for other in [&b""[..], b"NSPid:\t5\n", b"Pid:\t\n", b"Pid:\tx\n", b"Pid:\t99999999999\n"] {
            assert_eq!(parse(other), None);
        }
    }
}
