// SPDX-License-Identifier: MIT OR Apache-2.0
//! Traces of programs, and files, that mean harm or are of an unusual kind.

mod sample;
mod writer;

use assert_cmd::Command;
use clone3_trace::{Call, Create, Exec, Exit, Image, Start};
use predicates::str::contains;
use sample::by;
use std::path::{Path, PathBuf};
use std::time::Duration;
use writer::{START, Writer};

fn clone3(words: &[&str]) -> Command {
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("clone3");
    command.timeout(Duration::from_secs(20)).args(words);
    command
}

/// Colours, a title, a C1 control character, a byte of no UTF-8, characters that hide or
/// reorder others, and the end of a page's script.
const HOSTILE: &[u8] =
    b"\x1b[35mx\x1b]0;y\x07\r\n\x7f\xc2\x9b2J\xff\xe2\x80\xae\xe2\x80\x8b</script><b>";

/// A program, and its children, whose names, words and directories are all hostile, with
/// something for each finding.
fn hostile() -> Writer {
    let mut writer = Writer::new();
    let path = [b"/bin/", HOSTILE].concat();
    let argv = [HOSTILE, b"\0", HOSTILE].concat();
    let strings: [&[u8]; 4] = [&path, &argv, HOSTILE, HOSTILE];
    let root = writer.done(by(10, 0, 0), Image::default(), &strings);
    for number in 0..60 {
        let (pid, ns) = (11 + number, 10_000 * u64::from(number));
        let fork = Create {
            call: Call::Fork as u8,
            child: pid as i32,
            end_ns: START + ns + 5_000_000,
            resident: 3 << 30,
            ..Create::default()
        };
        let fork = writer.done(by(10, root, ns), fork, &[]);
        writer.done(by(pid, fork, ns), Start::default(), &[]);
        let missing = Exec { errno: 2, call: Call::Execve as u8, ..Exec::default() };
        writer.done(by(pid, fork, ns), missing, &strings);
        let exec = writer.open(by(pid, fork, ns), Exec { errno: 0, ..missing }, &strings);
        let image = writer.done(by(pid, 0, ns), Image { exec, ..Image::default() }, &strings);
        writer.done(by(pid, image, ns), Exit { unwaited: 1, ..Exit::default() }, &[]);
    }
    writer
}

fn file(place: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let file = place.path().join(name);
    std::fs::write(&file, bytes).unwrap();
    file
}

fn assert_printable(what: &str, text: &[u8]) {
    let text = std::str::from_utf8(text).expect(what);
    let hostile = text.chars().find(|c| {
        c.is_control() && *c != '\n'
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
    });
    assert_eq!(hostile, None, "{what}: {text}");
}

#[test]
fn nothing_of_a_trace_steers_a_terminal_in_any_format() {
    let place = tempfile::tempdir().unwrap();
    let trace = file(&place, "trace", &hostile().bytes());
    let trace = trace.to_str().unwrap();
    let formats = "tree text summary critical-path findings jsonl folded folded-count otlp html";
    for format in formats.split(' ') {
        // As on a terminal: nothing takes the escape sequences out.
        let mut report = clone3(&["report", "--format", format, trace]);
        let outcome = report.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "").assert().success();
        let text = String::from_utf8(outcome.get_output().stdout.clone()).unwrap();
        let colours = ["\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[0m"];
        let text = colours.iter().fold(text, |text, colour| text.replace(colour, ""));
        assert_printable(format, text.as_bytes());
        // The one of its own that its data is in, and the one that ends it.
        let ends = text.matches("</script>").count();
        assert!(format != "html" || ends == 2, "{ends} ends of scripts");
    }
    let other = file(&place, "other", &sample::sample().bytes());
    for format in ["text", "json"] {
        let words = ["diff", "--format", format, trace, other.to_str().unwrap()];
        assert_printable(format, &clone3(&words).assert().code(1).get_output().stdout);
    }
}

#[test]
fn what_json_has_by_number_is_what_the_program_had() {
    let place = tempfile::tempdir().unwrap();
    let trace = file(&place, "trace", &hostile().bytes());
    let outcome = clone3(&["report", "--format", "jsonl", trace.to_str().unwrap()]).assert();
    let text = String::from_utf8(outcome.success().get_output().stdout.clone()).unwrap();
    let image: serde_json::Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
    assert_eq!(image["argv"][1], String::from_utf8_lossy(HOSTILE).as_ref(), "{image}");
}

#[test]
fn messages_have_no_more_in_them_than_text() {
    let name = String::from_utf8_lossy(HOSTILE);
    for words in [["run", &name], ["report", &name]] {
        let outcome = clone3(&words).assert().failure();
        assert_printable("message", &outcome.get_output().stderr);
    }
}

#[test]
fn findings_have_room_for_a_part_of_a_long_command() {
    let place = tempfile::tempdir().unwrap();
    let mut writer = Writer::new();
    let argv = format!("make\0{}", "x".repeat(50_000));
    let strings: [&[u8]; 3] = [b"/bin/make", argv.as_bytes(), b"/"];
    let make = writer.done(by(10, 0, 0), Image::default(), &strings);
    for pid in 11..20 {
        let ns = 1_000_000 * u64::from(pid);
        let fork = Create { call: Call::Fork as u8, child: pid as i32, ..Create::default() };
        let fork = writer.done(by(10, make, ns), fork, &[]);
        writer.done(by(pid, fork, ns), Start::default(), &[]);
        writer.done(by(pid, fork, ns + 1), Exit::default(), &[]);
    }
    let trace = file(&place, "trace", &writer.bytes());
    let outcome = clone3(&["report", "--format", "findings", trace.to_str().unwrap()]).assert();
    let outcome = outcome.success().stdout(contains("x… ran 9 commands one after the other"));
    assert!(outcome.get_output().stdout.len() < 500);
}

/// A trace of a shell that executed, as its child, a file of that name without the library.
fn unseen(program: &Path) -> Writer {
    let mut writer = Writer::new();
    let strings: [&[u8]; 3] = [b"/bin/sh", b"sh", b"/"];
    let shell = writer.done(by(10, 0, 0), Image::default(), &strings);
    let fork = Create { call: Call::Fork as u8, child: 11, ..Create::default() };
    let fork = writer.done(by(10, shell, 1), fork, &[]);
    let path = program.as_os_str().as_encoded_bytes();
    writer.open(by(11, fork, 2), Exec::default(), &[path, path, b"/"]);
    writer
}

#[test]
fn a_program_in_a_trace_may_be_a_pipe_or_a_device_or_of_any_size() {
    let place = tempfile::tempdir().unwrap();
    let pipe = place.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // Its header says that it has as many sections as fit into it.
    let huge = place.path().join("huge");
    let mut elf = vec![0; 4096];
    elf[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    for (at, value) in [(16, 3), (18, 62), (20, 1), (41, 1), (52, 64), (54, 56), (58, 64)] {
        elf[at] = value;
    }
    elf[0x100 + 32..][..8].copy_from_slice(&(1u64 << 33).to_le_bytes());
    std::fs::write(&huge, elf).unwrap();
    std::fs::File::options().write(true).open(&huge).unwrap().set_len(1 << 40).unwrap();
    for program in [&pipe, Path::new("/dev/zero"), &huge] {
        let trace = file(&place, "trace", &unseen(program).bytes());
        let report = clone3(&["report", trace.to_str().unwrap()]).assert().success();
        report.stdout(contains("1 programs that ran unseen"));
    }
}

#[test]
fn a_program_that_is_a_pipe_is_refused_as_by_the_shell() {
    let place = tempfile::tempdir().unwrap();
    let pipe = place.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    clone3(&["run", pipe.to_str().unwrap()]).assert().code(126).stderr(contains("denied"));
    let words = ["--library", pipe.to_str().unwrap(), "run", "true"];
    clone3(&words).assert().code(125).stderr(contains("pipe"));
}

#[test]
fn why_a_program_was_not_seen_does_not_depend_on_its_name() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("a Go program does not preload");
    std::fs::create_dir(&directory).unwrap();
    let (source, program) = (directory.join("x.c"), directory.join("x"));
    std::fs::write(&source, "int main(void) { return 0; }\n").unwrap();
    let mut compiler = std::process::Command::new("cc");
    compiler.arg("-static").arg(&source).arg("-o").arg(&program);
    if !compiler.status().is_ok_and(|status| status.success()) {
        eprintln!("SKIP: no compiler for static programs");
        return;
    }
    let trace = file(&place, "trace", &unseen(&program).bytes());
    let report = clone3(&["report", trace.to_str().unwrap()]).assert().success();
    report.stdout(contains("1 programs that ran unseen: static"));
}
