// SPDX-License-Identifier: MIT OR Apache-2.0
//! `clone3 report` as a user runs it, on traces as the library writes them.

mod sample;
mod writer;

use assert_cmd::Command;
use clone3_trace::{Call, Create, Exec, Exit, Image, Start, Wait};
use predicates::prelude::*;
use predicates::str::{contains, is_empty};
use sample::{by, sample};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;
use writer::Writer;

fn report(words: &[&str], file: &Path) -> Command {
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("clone3");
    command.timeout(Duration::from_secs(60)).arg("report").args(words).arg(file);
    command
}

fn file(place: &tempfile::TempDir, bytes: &[u8]) -> PathBuf {
    let file = place.path().join("trace");
    std::fs::write(&file, bytes).unwrap();
    file
}

fn sampled(words: &[&str]) -> String {
    let place = tempfile::tempdir().unwrap();
    let outcome = report(words, &file(&place, &sample().bytes())).assert().success();
    let outcome = outcome.stderr(is_empty()).get_output().stdout.clone();
    String::from_utf8(outcome).unwrap()
}

#[test]
fn the_tree_has_status_time_and_command_lines_to_paste() {
    let tree = sampled(&[]);
    let lines: Vec<&str> = tree.lines().collect();
    assert!(lines[1].starts_with(" 2.00 ms  "), "until its end was seen from outside: {tree}");
    assert!(lines[1].contains("SIGKILL") && lines[1].ends_with("  make -j2"), "{tree}");
    let sh = r"├─ sh -c $'echo \'it is\'; \033[31m'";
    assert!(lines[2].ends_with(sh) && lines[2].contains(" 0 "), "{tree}");
    assert!(lines[1].contains(" 0 ns") && lines[2].contains("9.00 µs"), "CPU is one's own: {tree}");
    assert!(lines[3].ends_with("│  └─ busybox true (unseen)"), "{tree}");
    assert!(lines[3].contains("3.00 MiB") && lines[3].contains("   3 "), "{tree}");
    assert!(lines[4].contains("failed") && lines[4].ends_with("└─ posix_spawn: EAGAIN"), "{tree}");
    assert!(!tree.contains('\u{1b}'), "no colours and nothing of the program's: {tree}");
    assert_eq!(tree, sampled(&["--format", "tree"]));
}

#[test]
fn on_a_terminal_commands_are_cut_at_its_width_unless_they_are_wanted_whole() {
    let place = tempfile::tempdir().unwrap();
    let mut writer = Writer::new();
    let long = "word ".repeat(40);
    let path = format!("/bin/{}", "n".repeat(200));
    let echo = writer.done(
        by(10, 0, 0),
        Image::default(),
        &[path.as_bytes(), long.trim_end().as_bytes(), b"/", b""],
    );
    let fork = Create { call: Call::Fork as u8, child: 11, ..Create::default() };
    let fork = writer.done(by(10, echo, 0), fork, &[]);
    let failed = Exec { call: Call::Execve as u8, errno: 2, ..Exec::default() };
    writer.done(by(11, fork, 0), failed, &[path.as_bytes()]);
    writer.end_ns = 1_000_000;
    let file = file(&place, &writer.bytes());
    let on_terminal = |option: &str| {
        let program = report(&[], &file).get_program().to_str().unwrap().to_owned();
        let words =
            format!("stty rows 24 cols 70; '{program}' report {option} '{}'", file.display());
        let mut script = Command::new("script");
        script.timeout(Duration::from_secs(60)).env("NO_COLOR", "1");
        let output = script.args(["-qec", &words, "/dev/null"]).assert().success();
        String::from_utf8(output.get_output().stdout.clone()).unwrap().replace('\r', "")
    };
    let cut = on_terminal("");
    let row = cut.lines().nth(1).unwrap();
    assert!(row.ends_with('…') && row.chars().count() == 70, "{cut}");
    let row = cut.lines().nth(2).unwrap();
    assert!(row.contains("(fork of nnn") && row.chars().count() <= 71, "{cut}");
    let whole = on_terminal("--wide");
    assert!(whole.lines().nth(1).unwrap().contains(long.trim_end()), "{whole}");
    let path = on_terminal("--format critical-path");
    let row = path.lines().nth(1).unwrap();
    assert!(row.ends_with('…') && row.chars().count() == 70, "{path}");
    let whole = on_terminal("--wide --format critical-path");
    assert!(whole.lines().nth(1).unwrap().contains(long.trim_end()), "{whole}");
}

#[test]
fn a_trace_may_come_through_a_pipe() {
    let place = tempfile::tempdir().unwrap();
    let file = file(&place, &sample().bytes());
    let tree = sampled(&[]);
    let program = report(&[], &file).get_program().to_str().unwrap().to_owned();
    for words in ["cat '$F' | '$P' report -", "'$P' report - < '$F'", "'$P' report <(cat '$F')"] {
        let words = words.replace("$F", file.to_str().unwrap()).replace("$P", &program);
        Command::new("bash").args(["-c", &words]).assert().success().stdout(tree.clone());
    }
    let words = format!("'{program}' diff - '{}' < '{0}'", file.display());
    Command::new("bash").args(["-c", &words]).assert().success();
}

#[test]
fn cpu_time_of_a_child_that_others_waited_for_is_not_taken_from_its_creators() {
    let mut writer = Writer::new();
    let shell = writer.done(by(10, 0, 0), Image::default(), &[b"/bin/sh", b"sh", b"/", b""]);
    let fork = Create { call: Call::Fork as u8, child: 11, ..Create::default() };
    let fork = writer.done(by(10, shell, 1_000), fork, &[]);
    writer.done(by(11, fork, 2_000), Start::default(), &[]);
    let wait = Wait { call: Call::Outside as u8, child: 10, end_ns: 1, ..Wait::default() };
    writer.done(by(9, 0, 3_000), Wait { user_ns: 2_000_000, ..wait }, &[]);
    writer.done(by(9, 0, 4_000), Wait { child: 11, user_ns: 5_000_000, ..wait }, &[]);
    let place = tempfile::tempdir().unwrap();
    let tree = report(&[], &file(&place, &writer.bytes())).assert().success();
    let tree = String::from_utf8(tree.get_output().stdout.clone()).unwrap();
    let lines: Vec<&str> = tree.lines().collect();
    assert!(lines[1].contains("2.00 ms") && lines[1].ends_with("  sh"), "{tree}");
    assert!(lines[2].contains("5.00 ms") && lines[2].ends_with("(fork of sh)"), "{tree}");
}

/// Shells below each other; the last one ends with this status.
fn deep(status: i32) -> Vec<u8> {
    let mut writer = Writer::new();
    let strings: [&[u8]; 3] = [b"/bin/sh", b"sh\0-c\0command that is long enough to be cut", b"/"];
    let mut origin = writer.done(by(10, 0, 0), Image::default(), &strings);
    for pid in 11..50 {
        let fork = Create { call: Call::Fork as u8, child: pid as i32, ..Create::default() };
        let fork = writer.done(by(pid - 1, origin, 1), fork, &[]);
        let exec = Exec { call: Call::Execve as u8, ..Exec::default() };
        let exec = writer.open(by(pid, fork, 2), exec, &strings);
        let image = Image { exec, ..Image::default() };
        origin = writer.done(by(pid, 0, 3), image, &strings);
    }
    writer.done(by(49, origin, 4), Exit { status, ..Exit::default() }, &[]);
    writer.bytes()
}

#[test]
fn a_deep_tree_does_not_get_wider_than_the_terminal() {
    let place = tempfile::tempdir().unwrap();
    let file = file(&place, &deep(0));
    let other = place.path().join("other");
    std::fs::write(&other, deep(1)).unwrap();
    let program = report(&[], &file).get_program().to_str().unwrap().to_owned();
    let (file, other) = (file.display().to_string(), other.display().to_string());
    for words in [format!("report {file}"), format!("diff {file} {other}")] {
        let words = format!("stty rows 24 cols 80; {program} {words}");
        let mut script = Command::new("script");
        script.timeout(Duration::from_secs(60)).env("NO_COLOR", "1");
        let output = script.args(["-qec", &words, "/dev/null"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap().replace('\r', "");
        let rows = text.lines().filter(|line| line.contains("sh -c 'comm"));
        let widths: Vec<usize> = rows.map(|line| line.chars().count()).collect();
        assert!(widths.len() > 1 && widths.iter().all(|width| *width <= 80), "{text}");
    }
}

#[test]
fn the_text_has_a_line_for_each_record() {
    let text = sampled(&["--format", "text"]);
    for line in [
        "    0.000002      10  posix_spawn(flags=CLONE_VM|CLONE_VFORK) = 11 [native] <81.0 µs>",
        "    0.000500      11  fork() = 12 [native]",
        r#"    0.000003      11  spawned("/bin/sh", ["sh", "-c", "echo 'it is'; \033[31m"])"#,
        r#"+++ is "/usr/bin/make" ["make", "-j2"], in "/src", glibc, 64 bits +++"#,
        r#"execve("/no/busybox", ["busybox", "true"]) = -1 ENOENT (No such file or directory)"#,
        "waitpid() = 12, exited with 3; 1.50 ms CPU, 3.00 MiB <1.40 ms>",
        "= -1 EAGAIN (Resource temporarily unavailable) [legacy: ENOSYS]",
        "+++ exit with 0; 9.00 µs CPU, 0 B +++",
        "--- 5 records are missing here: full ---",
        "outside() = 10, killed by SIGKILL",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[test]
fn the_summary_counts_by_call_and_by_program() {
    let summary = sampled(&["--format", "summary"]);
    assert!(summary.starts_with("3 processes, 0 threads, 2.50 ms\n"), "{summary}");
    let row = |name: &str| {
        let line = summary.lines().find(|line| line.ends_with(name));
        let line = line.unwrap_or_else(|| panic!("{name} in {summary}"));
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(row(" posix_spawn")[..2], ["2", "1"]);
    assert_eq!(row(" fork")[..2], ["1", "0"]);
    assert_eq!(row(" exec: execve")[..2], ["2", "1"]);
    assert_eq!(row(" make")[..2], ["1", "1"]);
    assert_eq!(row(" busybox")[..2], ["1", "1"]);
}

#[test]
fn json_lines_have_the_documented_keys() {
    let lines = sampled(&["--format", "jsonl"]);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["version"] == 1 && line["type"].is_string()));
    let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).collect::<Vec<_>>();
    assert_eq!(of("trace")[0]["realtime_start_ns"], 1_700_000_000_000_000_000u64);
    let [spawn, fork, refused] = of("create")[..] else { panic!("{lines:?}") };
    assert_eq!((&spawn["call"], &spawn["route"]), (&"posix_spawn".into(), &"native".into()));
    assert_eq!((&spawn["pid"], &spawn["ppid"]), (&11.into(), &10.into()));
    assert_eq!((&spawn["thread"], &spawn["errno"]), (&false.into(), &Value::Null));
    assert_eq!(spawn["flags"], "CLONE_VM|CLONE_VFORK");
    assert_eq!((&fork["process"], &fork["child_process"]), (&1.into(), &2.into()));
    assert_eq!((&refused["pid"], &refused["errno"]), (&(-1).into(), &"EAGAIN".into()));
    assert_eq!(refused["cause"], "ENOSYS");
    let failed: Vec<_> =
        of("exec").iter().map(|exec| (exec["errno"].clone(), exec["open"].clone())).collect();
    assert_eq!(
        failed,
        [(Value::Null, true.into()), ("ENOENT".into(), false.into()), (Value::Null, true.into())]
    );
    assert_eq!(of("exec")[1]["argv"], serde_json::json!(["busybox", "true"]));
    assert_eq!((&of("wait")[0]["pid"], &of("wait")[0]["status"]), (&12.into(), &3.into()));
    assert_eq!(
        (&of("wait")[2]["signal"], &of("wait")[2]["status"]),
        (&"SIGKILL".into(), &Value::Null)
    );
    assert_eq!((&of("gap")[0]["count"], &of("gap")[0]["reason"]), (&5.into(), &"full".into()));
    assert_eq!(of("exit")[0]["user_ns"], 9_000);
    let lost = |spot: &&&Value| spot["reason"] == "records lost: the trace was full";
    assert_eq!(of("blind_spot").iter().find(lost).unwrap()["count"], 7);
}

#[test]
fn what_was_out_of_sight_ends_each_report() {
    for format in ["tree", "text", "summary"] {
        let text = sampled(&["--format", format]);
        let (_, spots) = text.split_once("Out of sight:\n").unwrap();
        assert!(spots.contains("      7 records lost: the trace was full\n"), "{spots}");
        assert!(spots.contains("      1 programs that ran unseen\n"), "{spots}");
    }
    let mut writer = Writer::new();
    let sh = writer.done(by(10, 0, 1), Image::default(), &[b"/bin/sh", b"sh"]);
    writer.done(by(10, sh, 2), Exit::default(), &[]);
    let place = tempfile::tempdir().unwrap();
    let whole = file(&place, &writer.bytes());
    report(&[], &whole).assert().success().stdout(contains("Nothing was out of sight."));
}

#[test]
fn what_is_no_trace_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let other = file(&place, b"something else");
    report(&[], &other).assert().code(125).stderr(contains("not a trace")).stdout(is_empty());
    report(&[], &place.path().join("none")).assert().code(125).stderr(contains("No such file"));
    let mut newer = sample().bytes();
    newer[8] = 99;
    let newer = file(&place, &newer);
    let says = contains("version 99 of the format").and(contains("reads 1"));
    report(&[], &newer).assert().code(125).stderr(says);
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_in_silence() {
    let mut writer = Writer::new();
    for n in 0..20_000 {
        writer.done(by(10, 0, n), Create { child: 20 + n as i32, ..Create::default() }, &[]);
    }
    let place = tempfile::tempdir().unwrap();
    let trace = file(&place, &writer.bytes());
    for trap in ["", "trap '' PIPE;"] {
        for format in ["text", "jsonl", "tree", "summary"] {
            let script = format!(
                "{trap} {{ {} report --format {format} {}; echo $? >&2; }} | true",
                assert_cmd::cargo::cargo_bin!("clone3").display(),
                trace.display()
            );
            let outcome = Command::new("sh").args(["-c", &script]).assert().success();
            outcome.stderr(predicates::str::is_match("^(0|141)\n$").unwrap());
        }
    }
}

#[test]
fn twenty_thousand_generations_are_no_recursion() {
    let mut writer = Writer::new();
    let mut origin = 0;
    for n in 0..20_000 {
        origin = writer.done(
            by(10 + n, origin, n.into()),
            Create { child: 11 + n as i32, ..Create::default() },
            &[],
        );
    }
    let place = tempfile::tempdir().unwrap();
    let trace = file(&place, &writer.bytes());
    report(&["--format", "critical-path"], &trace).assert().success();
    let outcome = report(&[], &trace).assert().success();
    let tree = String::from_utf8(outcome.get_output().stdout.clone()).unwrap();
    assert!(tree.lines().count() > 20_000);
}

#[test]
fn colours_are_for_terminals_and_bytes_are_not() {
    let place = tempfile::tempdir().unwrap();
    let trace = file(&place, &sample().bytes());
    let on_terminal = |format: &str| {
        let command = assert_cmd::cargo::cargo_bin!("clone3").display();
        let line = format!("{command} report --format {format} {}", trace.display());
        let mut script = Command::new("script");
        script.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm").env_remove("NO_COLOR");
        script.timeout(Duration::from_secs(60)).output().unwrap()
    };
    if std::process::Command::new("script").arg("--version").output().is_err() {
        eprintln!("SKIP: no script(1) for a terminal");
        return;
    }
    let tree = String::from_utf8(on_terminal("tree").stdout).unwrap();
    assert!(tree.contains("\u{1b}[31mSIGKILL"), "{tree:?}");
    assert!(tree.contains(r"\033[31m'"), "the program's own do not reach the terminal: {tree:?}");
    let refused = on_terminal("perfetto");
    assert_eq!(refused.status.code(), Some(125));
    assert!(String::from_utf8_lossy(&refused.stdout).contains("not for a terminal"));
}
