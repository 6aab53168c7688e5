// SPDX-License-Identifier: MIT OR Apache-2.0
//! `clone3 run -o`: a program and all that it starts write into a ring in memory; this command
//! copies it to a file, reaps what is orphaned, and ends as the program does.

mod begin;
mod clock;
mod drain;
mod exec;
mod family;
mod left;
mod live;
mod output;
mod reap;
mod shared;
mod signals;
mod traceparent;

use crate::args::When;
use anyhow::{Context, Result};
use begin::Begin;
use clone3_trace::ASKS_MEMORY;
use drain::Drain;
use live::{Counts, Live, lock};
use output::Output;
use shared::Shared;
use signals::Signals;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Error, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Release};
use std::thread;
use traceparent::Traceparent;

/// What is wanted.
pub struct Wanted<'a> {
    /// The trace.
    pub output: &'a Path,
    /// The program's file,
    pub file: &'a Path,
    /// and its arguments.
    pub words: &'a [OsString],
    /// The ring's size.
    pub mib: u32,
    /// Whether the end is that of the last process, not that of the first.
    pub wait: bool,
    /// Whether what goes on is shown on a terminal.
    pub live: bool,
    /// Whether programs are told the spans of their executions.
    pub traceparent: When,
    /// Whether processes are asked for what they use.
    pub memory: bool,
}

/// Where the writers find the ring (libclone3(7)).
const VARIABLE: &str = "CLONE3_TRACE";

/// What the program is to have in its environment.
pub type Variables = Vec<(&'static str, OsString)>;

/// How it went.
pub enum Outcome {
    /// As the program's status says, if this process has not ended by the same signal.
    Ended(ExitCode),
    /// It could not be executed.
    Failed(Error),
}

/// Starts a program by `execute`, which returns only if it fails.
pub fn run(wanted: &Wanted, execute: impl FnOnce(Variables) -> Result<Error>) -> Result<Outcome> {
    let live = wanted.live.then(Live::begin).flatten().map(Mutex::new);
    let signals = Signals::take(live.is_some())?;
    let traceparent = Traceparent::of(wanted.traceparent);
    let asked = if wanted.memory { ASKS_MEMORY } else { 0 };
    let begin = Begin::now(traceparent.options() | asked);
    let output = Output::create(wanted.output, &begin)
        .with_context(|| format!("cannot write {}", wanted.output.display()))?;
    let ring = Shared::create(wanted.mib, &begin).context("no memory for the ring")?;
    // Orphans become children of this process.
    // SAFETY: takes only numbers.
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
    let started = start(&signals, || {
        let exec = exec::begin(&ring, wanted.file, wanted.words, &traceparent.given());
        let mut variables = vec![(VARIABLE, ring.path().into())];
        variables.extend(traceparent.variable(&begin, exec));
        let error = execute(variables)?;
        exec::failed(&ring, exec, &error);
        Ok(error)
    })?;
    let ended = AtomicBool::new(false);
    let mut drain = Drain::new(&ring, output);
    let counts = Mutex::new(Counts::default());
    let (status, drained) = thread::scope(|scope| {
        let drained = scope.spawn(|| {
            drain.until(&ended, |new| *lock(&counts) = new)?;
            drain.finish()
        });
        let shown = live.as_ref().map(|live| scope.spawn(|| live::show(live, &counts, &ended)));
        let stop = || {
            // Kept until this process goes on, so that nothing is drawn.
            let mut live = live.as_ref().map(lock);
            live.iter_mut().for_each(|live| live.hide());
            signals.stop();
        };
        let status = match started {
            Ok(child) => Ok(reap::until_end(child, wanted.wait, &ring, &signals, stop)),
            Err(error) => {
                reap::reap(&ring, |_, _| ());
                Err(error)
            }
        };
        ring.header().recording.store(0, Release);
        ended.store(true, Release);
        shown.iter().for_each(|shown| shown.thread().unpark());
        (status, drained.join())
    });
    drained
        .unwrap_or_else(|_| Err(Error::other("the copying thread failed")))
        .with_context(|| format!("cannot write {}", wanted.output.display()))?;
    drop(ring);
    Ok(match status {
        Ok(status) => Outcome::Ended(signals::end_as(status)),
        Err(error) => Outcome::Failed(error),
    })
}

/// A child that executes; its number, or why it did not.
fn start(
    signals: &Signals,
    execute: impl FnOnce() -> Result<Error>,
) -> Result<std::result::Result<i32, Error>> {
    let (mut reader, mut writer) = pipe()?;
    // SAFETY: this process has one thread.
    match unsafe { libc::fork() } {
        -1 => Err(Error::last_os_error()).context("cannot make a process"),
        0 => {
            signals.give_back();
            let number = match execute() {
                Ok(error) => error.raw_os_error().unwrap_or(libc::EINVAL),
                Err(error) => {
                    crate::say(&format!("{error:#}"));
                    libc::EINVAL
                }
            };
            _ = writer.write_all(&number.to_ne_bytes());
            // SAFETY: ends this process without what is registered for its parent's end.
            unsafe { libc::_exit(if number == libc::ENOENT { 127 } else { 126 }) }
        }
        child => {
            drop(writer);
            let mut number = [0; 4];
            match reader.read_exact(&mut number) {
                // It was closed by a successful execve(2).
                Err(_) => Ok(Ok(child)),
                Ok(()) => {
                    let mut about = MaybeUninit::<libc::siginfo_t>::zeroed();
                    let how = libc::WEXITED | libc::WNOWAIT;
                    // SAFETY: our own child; the struct outlives the call. Who takes it tells
                    // the trace.
                    unsafe { libc::waitid(libc::P_PID, child as u32, about.as_mut_ptr(), how) };
                    Ok(Err(Error::from_raw_os_error(i32::from_ne_bytes(number))))
                }
            }
        }
    }
}

fn pipe() -> io::Result<(File, File)> {
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Err(Error::last_os_error());
    }
    // SAFETY: two new descriptors, owned here alone.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]).into(), OwnedFd::from_raw_fd(ends[1]).into()) })
}

#[cfg(test)]
mod tests;
