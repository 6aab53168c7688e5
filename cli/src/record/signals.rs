// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signals that this command is sent in the program's place, and its end as the program's.

use std::io::{self, Error};
use std::mem::{MaybeUninit, zeroed};
use std::process::ExitCode;
use std::ptr::null_mut;

/// What is passed on, and would end this process and leave the program without it. Stops and
/// continuations are not: a terminal sends them to both.
fn passed_on() -> impl Iterator<Item = i32> {
    let named = [
        libc::SIGHUP,
        libc::SIGINT,
        libc::SIGQUIT,
        libc::SIGTERM,
        libc::SIGUSR1,
        libc::SIGUSR2,
        libc::SIGALRM,
        libc::SIGVTALRM,
        libc::SIGPROF,
        libc::SIGIO,
        libc::SIGPWR,
        libc::SIGSTKFLT,
    ];
    named.into_iter().chain(libc::SIGRTMIN()..=libc::SIGRTMAX())
}

/// What this process was given.
pub struct Signals {
    mask: libc::sigset_t,
    on_child: libc::sigaction,
    on_file_size: libc::sigaction,
    /// A terminal that is hung up sends SIGHUP to its session's leader only.
    leads_session: bool,
    wanted: libc::sigset_t,
}

impl Signals {
    /// From here on they are waited for. A SIGCHLD that is ignored would take the children's
    /// statuses along. SIGXFSZ is ignored: a file that may not be so big is an error to be told.
    /// The terminal's stop is waited for where something has to be done before (`stop`).
    pub fn take(with_stop: bool) -> io::Result<Signals> {
        // SAFETY: all zeroes are values of these; the calls only write there.
        unsafe {
            let mut signals: Signals = zeroed();
            libc::sigemptyset(&mut signals.wanted);
            let stop = with_stop.then_some(libc::SIGTSTP);
            for signal in passed_on().chain([libc::SIGCHLD]).chain(stop) {
                libc::sigaddset(&mut signals.wanted, signal);
            }
            let mut default: libc::sigaction = zeroed();
            default.sa_sigaction = libc::SIG_DFL;
            let mut ignored: libc::sigaction = zeroed();
            ignored.sa_sigaction = libc::SIG_IGN;
            signals.leads_session = libc::getsid(0) == libc::getpid();
            let failed = libc::sigprocmask(libc::SIG_BLOCK, &signals.wanted, &mut signals.mask)
                != 0
                || libc::sigaction(libc::SIGCHLD, &default, &mut signals.on_child) != 0
                || libc::sigaction(libc::SIGXFSZ, &ignored, &mut signals.on_file_size) != 0;
            if failed { Err(Error::last_os_error()) } else { Ok(signals) }
        }
    }

    /// As they were, for a program.
    pub fn give_back(&self) {
        // SAFETY: what the same calls gave.
        unsafe {
            libc::sigaction(libc::SIGCHLD, &self.on_child, null_mut());
            libc::sigaction(libc::SIGXFSZ, &self.on_file_size, null_mut());
            libc::sigprocmask(libc::SIG_SETMASK, &self.mask, null_mut());
        }
    }

    /// Stops this process, as SIGTSTP would have done; returns when it goes on.
    pub fn stop(&self) {
        // SAFETY: all zeroes is a value of it, and it outlives the calls.
        unsafe {
            let mut stop: libc::sigset_t = zeroed();
            libc::sigemptyset(&mut stop);
            libc::sigaddset(&mut stop, libc::SIGTSTP);
            libc::raise(libc::SIGTSTP);
            libc::sigprocmask(libc::SIG_UNBLOCK, &stop, null_mut());
            libc::sigprocmask(libc::SIG_BLOCK, &stop, null_mut());
        }
    }

    /// The next one, and whether it came to this process alone. What the terminal sends the
    /// program has got as well, but for SIGHUP to the leader of a session.
    pub fn next(&self) -> (i32, bool) {
        let mut about = MaybeUninit::<libc::siginfo_t>::zeroed();
        loop {
            // SAFETY: set and struct outlive the call.
            let signal = unsafe { libc::sigwaitinfo(&self.wanted, about.as_mut_ptr()) };
            if signal > 0 {
                // SAFETY: all zeroes are a value of it, and the kernel wrote there.
                let code = unsafe { about.assume_init_ref() }.si_code;
                return (signal, code <= 0 || signal == libc::SIGHUP && self.leads_session);
            }
        }
    }
}

/// Ends as a process with this status of wait(2) did: by the same signal, or with its status.
pub fn end_as(status: i32) -> ExitCode {
    if !libc::WIFSIGNALED(status) {
        return ExitCode::from(libc::WEXITSTATUS(status) as u8);
    }
    let signal = libc::WTERMSIG(status);
    // SAFETY: no handlers are set, and nothing is left to be done. The program's memory was
    // dumped, if any; this command's is of no interest.
    unsafe {
        libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0);
        libc::signal(signal, libc::SIG_DFL);
        let mut all: libc::sigset_t = zeroed();
        libc::sigemptyset(&mut all);
        libc::sigprocmask(libc::SIG_SETMASK, &all, null_mut());
        libc::raise(signal);
    }
    ExitCode::from(128u8.wrapping_add(signal as u8))
}
