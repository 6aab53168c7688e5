// SPDX-License-Identifier: MIT OR Apache-2.0
//! A child that can be looked at from outside, and what is to be seen.

#![allow(dead_code)] // each test has its part of it

use clone3::{Child, Command, Stdio};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// `cat`, waiting for input.
pub fn waiting() -> Command {
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).kill_on_drop(true);
    command
}

/// Waits until the child's program waits itself: exec lets the creator go on a moment before the
/// process has the program's arguments and credentials.
fn settles(child: &Child) {
    comes("the program waits", || {
        stat(child.id(), 3).is_none_or(|state| ["S", "T", "Z"].contains(&&*state))
    });
}

pub fn proc(child: &Child, file: &str) -> String {
    settles(child);
    let path = format!("/proc/{}/{file}", child.id());
    std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{path}: {why}"))
}

pub fn link(child: &Child, file: &str) -> PathBuf {
    settles(child);
    std::fs::read_link(format!("/proc/{}/{file}", child.id())).unwrap()
}

/// A line of its /proc/PID/status.
pub fn status(child: &Child, name: &str) -> String {
    let status = proc(child, "status");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap().trim_start_matches(':').trim().replace('\t', " ")
}

/// A field of /proc/PID/stat, as proc(5) numbers them; `None` if there is no such process.
pub fn stat(pid: u32, number: usize) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let behind_name = stat.rsplit_once(") ")?.1;
    behind_name.split(' ').nth(number - 3).map(str::to_owned)
}

/// What the child writes.
pub fn output(command: &Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Waits until it is so, for ten seconds.
pub fn comes(what: &str, mut is: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < Duration::from_secs(10), "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
