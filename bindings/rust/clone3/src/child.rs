// SPDX-License-Identifier: MIT OR Apache-2.0
//! A child: waiting for it, signals to it, and what becomes of it if nobody waits.

use crate::orphans;
use crate::stdio::duplicate;
use clone3_sys::{self as sys, libc};
use std::io::{self, Read};
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{ChildStderr, ChildStdin, ChildStdout, ExitStatus, Output};
use std::ptr;
use std::thread;
use std::time::{Duration, Instant};

/// A child of this process, from [`Command::spawn()`](crate::Command::spawn). It is known by its
/// pidfd, so that neither waiting nor a signal can hit another process.
///
/// One that is dropped before its end goes on running, or is killed, if
/// [`Command::kill_on_drop()`](crate::Command::kill_on_drop) says so. Dropping does not wait: the
/// pidfd is kept aside until the child has ended, and is then reaped by the next
/// [`Command::spawn()`](crate::Command::spawn) or by [`reap()`](crate::reap).
#[derive(Debug)]
pub struct Child {
    /// Its standard input, if that is a pipe.
    pub stdin: Option<ChildStdin>,
    /// Its standard output, if that is a pipe.
    pub stdout: Option<ChildStdout>,
    /// Its standard error, if that is a pipe.
    pub stderr: Option<ChildStderr>,
    pid: u32,
    /// The destructor takes it, or who gives it away instead of running that.
    pidfd: ManuallyDrop<OwnedFd>,
    ended: Option<(ExitStatus, Usage)>,
    kill_on_drop: bool,
}

/// What a child has used, with the descendants that it has waited for (`getrusage(2)`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Processor time in user mode.
    pub user_time: Duration,
    /// Processor time in the kernel.
    pub system_time: Duration,
    /// The largest resident memory of one of them, in bytes.
    pub max_rss: u64,
    /// Page faults without input or output.
    pub minor_faults: u64,
    /// Page faults with input or output.
    pub major_faults: u64,
    /// Block input operations.
    pub block_reads: u64,
    /// Block output operations.
    pub block_writes: u64,
    /// Voluntary context switches.
    pub voluntary_switches: u64,
    /// Involuntary context switches.
    pub involuntary_switches: u64,
}

impl Usage {
    fn from_sys(usage: &sys::clone3_usage) -> Usage {
        Usage {
            user_time: Duration::from_nanos(usage.user_time),
            system_time: Duration::from_nanos(usage.system_time),
            max_rss: usage.max_rss,
            minor_faults: usage.minor_faults,
            major_faults: usage.major_faults,
            block_reads: usage.block_reads,
            block_writes: usage.block_writes,
            voluntary_switches: usage.voluntary_switches,
            involuntary_switches: usage.involuntary_switches,
        }
    }
}

impl Child {
    pub(crate) fn new(pid: libc::pid_t, pidfd: OwnedFd, kill_on_drop: bool) -> Child {
        Child {
            stdin: None,
            stdout: None,
            stderr: None,
            pid: pid.unsigned_abs(),
            pidfd: ManuallyDrop::new(pidfd),
            ended: None,
            kill_on_drop,
        }
    }

    /// Without a descriptor to be had it stays where it is: the child is there.
    pub(crate) fn keep_clear_of_streams(&mut self) {
        if self.pidfd.as_raw_fd() <= 2 {
            if let Ok(pidfd) = duplicate(self.pidfd.as_fd()) {
                *self.pidfd = pidfd;
            }
        }
    }

    /// Its pid. After it has been waited for the number may be another process's.
    pub fn id(&self) -> u32 {
        self.pid
    }

    /// Gives the pidfd away, for `poll(2)` in an event loop, say. Waiting for the child is then
    /// up to the caller (`clone3_wait(3)`, `waitid(2)` with `P_PIDFD`): until that is done, a
    /// child that has ended is a zombie. The pipes are closed, if they were not taken out.
    ///
    /// To poll the pidfd of a `Child` that is kept, it is borrowed by [`AsFd`].
    #[must_use = "nobody waits for the child if the pidfd is closed"]
    pub fn into_pidfd(self) -> OwnedFd {
        let mut child = ManuallyDrop::new(self);
        drop((child.stdin.take(), child.stdout.take(), child.stderr.take()));
        // SAFETY: the child's destructor does not run, so nobody else takes it.
        unsafe { ManuallyDrop::take(&mut child.pidfd) }
    }

    /// Waits for its end, after closing its standard input, if that is a pipe that was not taken.
    ///
    /// # Errors
    ///
    /// `ECHILD`: it cannot be waited for, because the process ignores SIGCHLD, somebody else has
    /// reaped it, or it has `CLONE_AUTOREAP`; or this is a child of that process.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        loop {
            if let Some(status) = self.wait_until(None)? {
                return Ok(status);
            }
        }
    }

    /// The same, but not longer than `timeout`: `None` if it is still running then. Standard
    /// input stays open.
    ///
    /// # Errors
    ///
    /// As [`Child::wait()`].
    pub fn wait_timeout(&mut self, timeout: Duration) -> io::Result<Option<ExitStatus>> {
        match Instant::now().checked_add(timeout) {
            Some(deadline) => self.wait_until(Some(deadline)),
            None => self.wait_until(None), // no clock gets there
        }
    }

    /// Whether it has ended, without waiting.
    ///
    /// # Errors
    ///
    /// As [`Child::wait()`].
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.wait_timeout(Duration::ZERO)
    }

    /// What it has used, after it has been waited for.
    pub fn usage(&self) -> Option<Usage> {
        self.ended.map(|(_, usage)| usage)
    }

    fn wait_until(&mut self, deadline: Option<Instant>) -> io::Result<Option<ExitStatus>> {
        if let Some((status, _)) = self.ended {
            return Ok(Some(status));
        }
        loop {
            let timeout = deadline.map_or(-1, |deadline| {
                let left = deadline.saturating_duration_since(Instant::now());
                i64::try_from(left.as_nanos()).unwrap_or(i64::MAX)
            });
            let (mut status, mut usage) = (0, empty_usage());
            // SAFETY: both are written to, and the struct says its size.
            let pid = unsafe {
                sys::clone3_wait(self.pidfd.as_raw_fd(), timeout, &mut status, &mut usage)
            };
            if pid > 0 {
                let status = ExitStatus::from_raw(status);
                self.ended = Some((status, Usage::from_sys(&usage)));
                return Ok(Some(status));
            }
            let why = io::Error::last_os_error();
            match why.raw_os_error() {
                Some(libc::EINTR) => {}
                Some(libc::ETIMEDOUT) => return Ok(None),
                _ => return Err(why),
            }
        }
    }

    /// Kills it, if it has not ended.
    ///
    /// # Errors
    ///
    /// `EPERM`: it has executed a program with privileges that the caller has not.
    pub fn kill(&mut self) -> io::Result<()> {
        match self.ended {
            Some(_) => Ok(()),
            None => self.signal(libc::SIGKILL),
        }
    }

    /// Sends it a signal by its pidfd (`pidfd_send_signal(2)`).
    ///
    /// # Errors
    ///
    /// `ESRCH`: it has been waited for. `EPERM`: as [`Child::kill()`]. `EINVAL`: no such signal.
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        // SAFETY: the call takes two numbers, no siginfo_t, and no flags.
        let result = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.pidfd.as_raw_fd(),
                signal,
                ptr::null::<libc::siginfo_t>(),
                0,
            )
        };
        match result {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Reads all that comes from its pipes, and waits for it, after closing its standard input.
    ///
    /// # Errors
    ///
    /// As [`Child::wait()`], and those of reading. The child is dropped then.
    pub fn wait_with_output(mut self) -> io::Result<Output> {
        drop(self.stdin.take());
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        match (self.stdout.take(), self.stderr.take()) {
            (Some(mut out), Some(mut err)) => thread::scope(|scope| {
                let reader = thread::Builder::new()
                    .spawn_scoped(scope, || err.read_to_end(&mut stderr).map(drop))?;
                let read = out.read_to_end(&mut stdout);
                // A thread that only reads does not panic.
                read.and(reader.join().unwrap_or(Ok(())))
            })?,
            (Some(mut out), None) => drop(out.read_to_end(&mut stdout)?),
            (None, Some(mut err)) => drop(err.read_to_end(&mut stderr)?),
            (None, None) => {}
        }
        let status = self.wait()?;
        Ok(Output { status, stdout, stderr })
    }
}

fn empty_usage() -> sys::clone3_usage {
    // SAFETY: it is numbers only, of which all may be 0.
    let mut usage: sys::clone3_usage = unsafe { std::mem::zeroed() };
    usage.size = size_of::<sys::clone3_usage>() as u32;
    usage
}

/// The pidfd, which is readable when the child has ended.
impl AsFd for Child {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.kill_on_drop && self.ended.is_none() {
            // What may not be killed goes on, and is reaped at its end like every other.
            let _ = self.signal(libc::SIGKILL);
        }
        // SAFETY: nothing uses it any more.
        let pidfd = unsafe { ManuallyDrop::take(&mut self.pidfd) };
        if self.ended.is_none() {
            orphans::adopt(pidfd);
        }
    }
}
