// SPDX-License-Identifier: MIT OR Apache-2.0
//! `clone3 run --live` on terminals that stop, and in shells that stop it. CLONE3_LIBRARY names
//! the library that is tested.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::ptr::{null, null_mut};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long anything may take.
const LONG: Duration = Duration::from_secs(40);

/// A terminal of 24 lines and 80 columns, and all that was written to it.
struct Terminal {
    keyboard: File,
    line: OwnedFd,
    screen: Arc<Mutex<String>>,
}

impl Terminal {
    fn new() -> Terminal {
        let (mut ours, mut theirs) = (-1, -1);
        let size = libc::winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: room for two descriptors; the struct outlives the call.
        let made = unsafe { libc::openpty(&mut ours, &mut theirs, null_mut(), null(), &size) };
        assert_eq!(made, 0);
        // SAFETY: two new descriptors, owned here alone.
        let (ours, line) = unsafe { (File::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs)) };
        let (screen, mut reader) = (Arc::new(Mutex::new(String::new())), ours.try_clone().unwrap());
        let written = screen.clone();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(many) = reader.read(&mut bytes) {
                written.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..many]));
            }
        });
        Terminal { keyboard: ours, line, screen }
    }

    /// A process whose controlling terminal it is.
    fn spawn(&self, command: &mut Command) -> Child {
        let line = || Stdio::from(self.line.try_clone().unwrap());
        command.stdin(line()).stdout(line()).stderr(line());
        let control = || {
            // SAFETY: takes only numbers.
            unsafe { libc::setsid() };
            // SAFETY: takes only numbers.
            match unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) } {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            }
        };
        // SAFETY: two system calls.
        unsafe { command.pre_exec(control) }.spawn().unwrap()
    }

    /// Waits until what was written after so many bytes has this in it; where it ends.
    fn until(&self, from: usize, text: &str) -> usize {
        let begun = Instant::now();
        loop {
            let screen = self.screen.lock().unwrap().clone();
            if let Some(place) = screen[from..].find(text) {
                return from + place + text.len();
            }
            assert!(begun.elapsed() < LONG, "no {text:?} in {:?}", &screen[from..]);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn between(&self, from: usize, to: usize) -> String {
        self.screen.lock().unwrap()[from..to].to_owned()
    }
}

fn library() -> PathBuf {
    let named = std::env::var_os("CLONE3_LIBRARY").map(PathBuf::from);
    let built = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../build/libclone3.so.0");
    std::path::absolute(named.unwrap_or_else(built)).unwrap()
}

/// `clone3 run --live` of a script.
fn words(trace: &Path, options: &[&str], script: &str) -> Vec<String> {
    let command = assert_cmd::cargo::cargo_bin!("clone3").display().to_string();
    let (library, trace) = (library().display().to_string(), trace.display().to_string());
    let first = [&command, "--library", &library, "run", "--live", "-o", &trace];
    let words = first.into_iter().chain(options.iter().copied()).chain(["sh", "-c", script]);
    words.map(str::to_owned).collect()
}

fn ended(child: &mut Child) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < LONG {
        if child.try_wait().unwrap().is_some() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    _ = child.kill();
    false
}

#[test]
fn a_terminal_that_is_stopped_stops_no_trace() {
    let place = tempfile::tempdir().unwrap();
    let (trace, done) = (place.path().join("trace"), place.path().join("done"));
    let terminal = Terminal::new();
    // More than the ring takes.
    let loops = "i=0; while [ $i -lt 1500 ]; do /bin/true; i=$((i+1)); done";
    let script = format!("sleep 1; {{ {loops}; }} >/dev/null 2>&1; : >'{}'", done.display());
    let words = words(&trace, &["--size", "1"], &script);
    let mut child = terminal.spawn(Command::new(&words[0]).args(&words[1..]));
    terminal.until(0, " running, ");
    // SAFETY: takes only numbers. As Ctrl-S does.
    assert_eq!(unsafe { libc::tcflow(terminal.line.as_raw_fd(), libc::TCOOFF) }, 0);
    let begun = Instant::now();
    while !done.exists() && begun.elapsed() < LONG {
        std::thread::sleep(Duration::from_millis(10));
    }
    // SAFETY: takes only numbers.
    assert_eq!(unsafe { libc::tcflow(terminal.line.as_raw_fd(), libc::TCOON) }, 0);
    assert!(done.exists() && ended(&mut child));
    let mut report = assert_cmd::cargo::cargo_bin_cmd!("clone3");
    let report = report.args(["report", "--format", "summary"]).arg(&trace).assert().success();
    let text = String::from_utf8(report.get_output().stdout.clone()).unwrap();
    assert!(text.contains("Nothing was out of sight"), "{text}");
}

#[test]
fn a_shell_that_stops_it_has_the_terminal_to_itself() {
    const ALL_SCROLL: &str = "\u{1b}[r";
    const SOME_SCROLL: &str = "\u{1b}[1;16r";
    let place = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::new();
    let words = words(&place.path().join("trace"), &[], "sleep 3; exit 7");
    // In the background it draws nothing, and goes on.
    let script =
        "set -m; \"$@\"; echo stopped $?; bg >&-; sleep 1; echo waited; fg >&-; echo ended $?";
    let mut bash = Command::new("bash");
    let mut child = terminal.spawn(bash.args(["--norc", "-c", script, "bash"]).args(&words));
    let drawn = terminal.until(0, " running, ");
    assert!(terminal.between(0, drawn).contains(SOME_SCROLL));
    terminal.keyboard.write_all(b"\x1a").unwrap();
    let stopped = terminal.until(drawn, "stopped 148");
    let meanwhile = terminal.between(drawn, stopped);
    assert!(meanwhile.contains(ALL_SCROLL), "{meanwhile:?}");
    let waited = terminal.until(stopped, "waited");
    let meanwhile = terminal.between(stopped, waited);
    assert!(!meanwhile.contains('\u{1b}'), "{meanwhile:?}");
    let again = terminal.until(waited, SOME_SCROLL);
    terminal.until(again, "ended 7");
    assert!(ended(&mut child));
}
