// SPDX-License-Identifier: MIT OR Apache-2.0
//! SIGPIPE as this command was given it. Rust's runtime ignores the signal before main(), and
//! what is ignored stays so over execve(2).

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

static WAS_IGNORED: AtomicBool = AtomicBool::new(false);

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
}

/// Puts it back, so that a reader who has seen enough ends this command in silence.
pub fn as_given() {
    let action = if WAS_IGNORED.load(Relaxed) { libc::SIG_IGN } else { libc::SIG_DFL };
    // SAFETY: no handler is set.
    unsafe { libc::signal(libc::SIGPIPE, action) };
}
