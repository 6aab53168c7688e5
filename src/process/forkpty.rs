// SPDX-License-Identifier: MIT OR Apache-2.0
//! `forkpty`: a fork whose child has a new terminal.
//!
//! The libc's own calls its internal fork, which cannot be interposed. So it is
//! reimplemented here with the same system calls.

use super::fork;
use crate::base::text::Buffer;
use crate::observe::Note;
use crate::uapi::sys::{self, Pid};
use crate::uapi::{Errno, file, session};
use core::ffi::{c_char, c_int};

/// A new pseudoterminal: both descriptors and the number of its slave.
struct Pty {
    master: c_int,
    slave: c_int,
    number: c_int,
}

impl Pty {
    fn open() -> Result<Pty, Errno> {
        let flags = libc::O_RDWR | libc::O_NOCTTY;
        let master = file::open(c"/dev/ptmx", flags)?;
        let opened = || -> Result<Pty, Errno> {
            let mut number: c_int = 0;
            let unlocked: c_int = 0;
            // SAFETY: both take a pointer to an int.
            unsafe {
                file::ioctl(master, libc::TIOCSPTLCK, &raw const unlocked as usize)?;
                file::ioctl(master, libc::TIOCGPTN as _, &raw mut number as usize)?;
            }
            // By the master, not by a path: /dev/pts may be another instance of devpts
            // (Linux 4.13). SAFETY: takes open flags.
            let slave = unsafe { file::ioctl(master, libc::TIOCGPTPEER as _, flags as usize) }?;
            Ok(Pty { master, slave, number })
        };
        opened().inspect_err(|_| {
            file::close(master);
        })
    }

    /// Settings that are not given stay the kernel's; a failure is ignored, as
    /// the libcs' openpty does.
    fn configure(&self, termios: *const libc::termios, size: *const libc::winsize) {
        // SAFETY: the kernel's struct termios is the first part of the C
        // library's (flags, line, 19 of its 32 characters) and it checks both
        // pointers itself.
        unsafe {
            if !termios.is_null() {
                let _ = file::ioctl(self.slave, libc::TCSETS as _, termios as usize);
            }
            if !size.is_null() {
                let _ = file::ioctl(self.slave, libc::TIOCSWINSZ as _, size as usize);
            }
        }
    }

    /// In the child: the slave becomes the controlling terminal of a new
    /// session and the three standard descriptors.
    fn become_terminal(&self) -> Result<(), Errno> {
        file::close(self.master);
        session::setsid()?;
        // SAFETY: takes a number.
        unsafe { file::ioctl(self.slave, libc::TIOCSCTTY as _, 0) }?;
        for fd in 0..3 {
            file::dup_onto(self.slave, fd)?;
        }
        if self.slave > 2 {
            file::close(self.slave);
        }
        Ok(())
    }

    /// Writes the slave's path and its NUL.
    ///
    /// # Safety
    /// `name` must have room for "/dev/pts/" and ten digits.
    unsafe fn write_name(&self, name: *mut c_char) {
        let mut path = Buffer::<20>::new();
        path.push(b"/dev/pts/").push_number(self.number.into());
        let mut to = name;
        for &byte in path.c_str().to_bytes_with_nul() {
            // SAFETY: by the contract.
            unsafe { to.write(byte as c_char) };
            to = to.wrapping_add(1);
        }
    }
}

/// `forkpty()`. The child has the terminal or ends with status 1.
///
/// # Safety
/// Pointers must be null or valid for what forkpty(3) reads and writes.
pub unsafe fn forkpty(
    note: Note,
    master: *mut c_int,
    name: *mut c_char,
    termios: *const libc::termios,
    size: *const libc::winsize,
) -> Result<Pid, Errno> {
    let pty = Pty::open()?;
    pty.configure(termios, size);
    if !name.is_null() {
        // SAFETY: by the contract.
        unsafe { pty.write_name(name) };
    }
    match fork::fork(note) {
        Ok(0) => match pty.become_terminal() {
            Ok(()) => Ok(0),
            Err(_) => sys::exit_group(1),
        },
        Ok(pid) => {
            file::close(pty.slave);
            // SAFETY: by the contract.
            unsafe { master.write(pty.master) };
            Ok(pid)
        }
        Err(errno) => {
            file::close(pty.slave);
            file::close(pty.master);
            Err(errno)
        }
    }
}
