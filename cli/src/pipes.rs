// SPDX-License-Identifier: MIT OR Apache-2.0
//! SIGPIPE and the standard streams as this command was given them. Rust's runtime ignores the
//! signal and opens /dev/null for streams that are closed, before main(); what is ignored, and
//! what is open, stays so over execve(2).

use std::io::{Error, ErrorKind, Result, Write};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

static WAS_IGNORED: AtomicBool = AtomicBool::new(false);
static WAS_CLOSED: [AtomicBool; 3] = [const { AtomicBool::new(false) }; 3];

/// The loader calls it before the runtime begins.
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look;

extern "C" fn look() {
    // SAFETY: all zeroes is a value of it; the call only writes there.
    let is_ignored = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGPIPE, std::ptr::null(), &mut action) == 0
            && action.sa_sigaction == libc::SIG_IGN
    };
    WAS_IGNORED.store(is_ignored, Relaxed);
    for (fd, was_closed) in (0..).zip(&WAS_CLOSED) {
        // SAFETY: takes only numbers.
        was_closed.store(unsafe { libc::fcntl(fd, libc::F_GETFD) } < 0, Relaxed);
    }
}

/// Puts the signal back, so that a reader who has seen enough ends this command in silence.
pub fn as_given() {
    let action = if WAS_IGNORED.load(Relaxed) { libc::SIG_IGN } else { libc::SIG_DFL };
    // SAFETY: no handler is set.
    unsafe { libc::signal(libc::SIGPIPE, action) };
}

/// An error where standard output was closed: what is written to /dev/null is lost unnoticed.
pub fn check_output() -> Result<()> {
    match WAS_CLOSED[1].load(Relaxed) {
        true => Err(Error::from_raw_os_error(libc::EBADF)),
        false => Ok(()),
    }
}

/// Writes all of this to standard output.
pub fn put(text: &[u8]) -> Result<()> {
    check_output()?;
    let mut output = std::io::stdout().lock();
    seen(output.write_all(text).and_then(|()| output.flush()))
}

/// How writing went. Where SIGPIPE is ignored, a reader that has gone away has seen enough.
pub fn seen(outcome: Result<()>) -> Result<()> {
    match outcome {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// A program that is executed finds those streams closed that were.
pub fn close_as_given() {
    for (fd, was_closed) in (0..).zip(&WAS_CLOSED) {
        if was_closed.load(Relaxed) {
            // SAFETY: takes only numbers.
            unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
        }
    }
}
