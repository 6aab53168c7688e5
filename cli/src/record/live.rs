// SPDX-License-Identifier: MIT OR Apache-2.0
//! `--live`: what goes on, in the last lines of the terminal. The others scroll above them, as
//! apt has it: the terminal is told to scroll no further down (DECSTBM). A thread of its own
//! draws them, as a terminal may be slow, or be stopped by Ctrl-S.

use super::family::{self, Member};
use crate::words::{cut, duration, shell};
use std::fmt::Write as _;
use std::fs;
use std::io::{Write, stderr};
use std::sync::atomic::{AtomicBool, Ordering::Acquire};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use terminal_size::terminal_size_of;

/// Between two pictures.
const PAUSE: Duration = Duration::from_millis(250);
/// Lines, at most, and as a part of the terminal's.
const MOST: u16 = 9;
const PART: u16 = 3;
/// A terminal with fewer lines is left alone.
const LEAST: u16 = 6;

/// What has been counted so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Processes and threads that were made.
    pub made: u64,
    /// Creations that failed.
    pub failed: u64,
}

/// The lines, as long as they are there.
pub struct Live {
    begun: Instant,
    /// When, and what had been made, at the last picture.
    last: (Instant, u64),
    /// The terminal's lines and columns, if it has been told.
    size: Option<(u16, u16)>,
}

impl Live {
    /// None where standard error is no terminal, or a small one.
    pub fn begin() -> Option<Live> {
        let (_, rows) = terminal_size_of(stderr())?;
        let now = Instant::now();
        (rows.0 >= LEAST).then_some(Live { begun: now, last: (now, 0), size: None })
    }

    /// Draws it, where the terminal takes it and is not another job's.
    fn draw(&mut self, counts: Counts) {
        let Some((columns, rows)) = terminal_size_of(stderr()) else { return };
        let members = family::below(std::process::id());
        if rows.0 < LEAST || !takes_more() || !is_in_front(&members) {
            return;
        }
        let passed = self.last.0.elapsed();
        let size = (rows.0, columns.0);
        let mut text = match self.size {
            Some(known) if known == size => String::new(),
            // Below the cursor there are the lines only, wherever the terminal has moved them.
            Some(_) => "\x1b[J".to_owned() + &make_room(size.0),
            None => make_room(size.0),
        };
        self.size = Some(size);
        let made = counts.made.saturating_sub(self.last.1) as f64;
        let mut all = vec![format!(
            "{}  {} running, {} made ({:.0}/s), {} failed",
            duration(self.begun.elapsed().as_nanos() as u64),
            members.len(),
            counts.made,
            made / passed.as_secs_f64().max(0.001),
            counts.failed
        )];
        self.last = (Instant::now(), counts.made);
        all.extend(tree(&members, usize::from(lines(size.0)) - 1));
        all.resize(lines(size.0).into(), String::new());
        text += "\x1b7";
        for (number, line) in (0..).zip(all) {
            let (row, weight) =
                (size.0 - lines(size.0) + 1 + number, if number == 0 { 7 } else { 2 });
            let line = cut(line, size.1.into());
            _ = write!(text, "\x1b[{row};1H\x1b[2K\x1b[{weight}m{line}\x1b[m");
        }
        put(&(text + "\x1b8"));
    }

    /// The lines go, and all of the terminal scrolls again.
    pub fn hide(&mut self) {
        if let Some((rows, _)) = self.size.take() {
            put(&format!("\x1b7\x1b[r\x1b[{};1H\x1b[J\x1b8", rows - lines(rows) + 1));
        }
    }
}

/// Draws until it is told that all has ended, or is woken for that.
pub fn show(live: &Mutex<Live>, counts: &Mutex<Counts>, ended: &AtomicBool) {
    loop {
        thread::park_timeout(PAUSE);
        if ended.load(Acquire) {
            return lock(live).hide();
        }
        let counts = *lock(counts);
        lock(live).draw(counts);
    }
}

/// What no panic has left half done.
pub fn lock<What>(mutex: &Mutex<What>) -> MutexGuard<'_, What> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the terminal takes text now. One that is stopped does not.
fn takes_more() -> bool {
    let mut wanted = libc::pollfd { fd: libc::STDERR_FILENO, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one struct that outlives the call.
    unsafe { libc::poll(&mut wanted, 1, 0) == 1 }
}

/// Whether the terminal is this job's: a shell, an editor may have it while this one is in the
/// background. A program below may have taken it for a group of its own. What cannot be told is
/// taken for yes.
fn is_in_front(members: &[Member]) -> bool {
    // SAFETY: takes only numbers.
    let (front, own) = unsafe { (libc::tcgetpgrp(libc::STDERR_FILENO), libc::getpgrp()) };
    let Ok(group) = u32::try_from(front) else { return true };
    front == own || members.iter().any(|member| member.pid == group)
}

/// How many of a terminal's lines it takes.
fn lines(rows: u16) -> u16 {
    MOST.min(rows / PART)
}

/// What is there is moved up, if need be, and scrolls above the lines from then on. Setting
/// the region moves the cursor, which is put back.
fn make_room(rows: u16) -> String {
    let lines = lines(rows);
    let feeds = "\n".repeat(lines.into());
    format!("{feeds}\x1b[{lines}A\x1b7\x1b[1;{}r\x1b8", rows - lines)
}

/// Who runs, below whom.
fn tree(members: &[Member], lines: usize) -> Vec<String> {
    let shown = if members.len() > lines { lines.saturating_sub(1) } else { members.len() };
    let line =
        |member: &Member| format!("{}{}", "  ".repeat(member.depth.min(20)), command(*member));
    let mut all: Vec<String> = members[..shown].iter().map(line).collect();
    if shown < members.len() {
        all.push(format!("… and {} more", members.len() - shown));
    }
    all
}

fn command(member: Member) -> String {
    let words = fs::read(format!("/proc/{}/cmdline", member.pid)).unwrap_or_default();
    let words: Vec<&[u8]> = words.split_inclusive(|byte| *byte == 0).collect();
    let words: Vec<&[u8]> =
        words.iter().map(|word| word.strip_suffix(&[0]).unwrap_or(word)).collect();
    match (member.is_zombie, words.is_empty()) {
        (true, _) => format!("({}, ended)", member.pid),
        (false, true) => format!("({})", member.pid),
        (false, false) => shell(&words),
    }
}

/// All at once, so that nothing comes in between.
fn put(text: &str) {
    _ = stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_is_counted() {
        let member = |pid| Member { pid, is_zombie: true, depth: 0 };
        let members: Vec<Member> = (1..=5).map(member).collect();
        assert_eq!(tree(&members, 5).len(), 5);
        assert_eq!(tree(&members, 3), ["(1, ended)", "(2, ended)", "… and 3 more"]);
        assert_eq!(tree(&members, 1), ["… and 5 more"]);
        assert_eq!(tree(&[], 3).len(), 0);
    }

    #[test]
    fn a_process_is_shown_by_its_command() {
        let own = Member { pid: std::process::id(), is_zombie: false, depth: 2 };
        let text = tree(&[own], 9).remove(0);
        let program = std::env::args().next().unwrap();
        assert!(text.starts_with(&format!("    {program}")), "{text}");
    }
}
