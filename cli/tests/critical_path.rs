// SPDX-License-Identifier: MIT OR Apache-2.0
//! `clone3 report --format critical-path` as a user runs it, on traces of real programs and on
//! a made one. CLONE3_LIBRARY names the library that is tested.

mod sample;
mod writer;

use clone3_trace::{Create, Exec, Exit, Image, Wait};
use sample::{by, sample};
use std::path::{Path, PathBuf};
use std::time::Duration;
use writer::{Writer, argv};

fn library() -> PathBuf {
    let named = std::env::var_os("CLONE3_LIBRARY").map(PathBuf::from);
    let built = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../build/libclone3.so.0");
    std::path::absolute(named.unwrap_or_else(built)).unwrap()
}

fn report(format: &str, trace: &Path) -> String {
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("clone3");
    let outcome = command.args(["report", "--format", format]).arg(trace).assert().success();
    String::from_utf8(outcome.get_output().stdout.clone()).unwrap()
}

/// The report of a run in an empty directory that has these files.
fn traced(format: &str, files: &[(&str, &str)], words: &[&str]) -> String {
    let place = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(place.path().join(name), text).unwrap();
    }
    let trace = place.path().join("trace");
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("clone3");
    command.env_remove("LD_PRELOAD").env_remove("MAKEFLAGS").timeout(Duration::from_secs(120));
    command.arg("--library").arg(library()).args(["run", "-o"]).arg(&trace).args(words);
    command.current_dir(place.path()).assert().success();
    report(format, &trace)
}

/// How much of the run a line says it is, in percent.
fn share(line: &str) -> f64 {
    let (before, _) = line.split_once(" %").unwrap_or_else(|| panic!("no share in {line}"));
    before.split_whitespace().last().unwrap().parse().unwrap()
}

/// The line of a command on the path.
fn link<'a>(report: &'a str, command: &str) -> Option<&'a str> {
    let (chain, _) = report.split_once("  in all\n").unwrap();
    chain.lines().find(|line| line.ends_with(command))
}

/// The share with so many jobs.
fn with_jobs(report: &str, number: &str) -> f64 {
    let (_, table) = report.split_once("would take at least\n").unwrap();
    let is_it = |line: &&str| line.split_whitespace().next() == Some(number);
    share(table.lines().find(is_it).unwrap_or_else(|| panic!("{number} in {table}")))
}

#[test]
fn the_chain_has_the_slow_one_and_not_what_was_beside_it() {
    let script = "sleep 0.1 & sleep 1 & wait; x=$(sleep 0.5; :); exit 0";
    let path = traced("critical-path", &[], &["bash", "-c", script]);
    assert!(link(&path, "runs    sleep 1").is_some_and(|line| share(line) > 30.0), "{path}");
    assert!(link(&path, "runs    sleep 0.5").is_some_and(|line| share(line) > 10.0), "{path}");
    assert!(link(&path, "sleep 0.1").is_none(), "{path}");
    assert!(path.contains("Nothing here schedules jobs"), "{path}");
    assert!(path.contains("In the order that was seen: what bash"), "{path}");
    assert!(path.ends_with("Nothing was out of sight.\n"), "{path}");
}

#[test]
fn a_shell_that_was_busy_is_on_the_path_itself() {
    // Shells hear of a child's end while they work, and wait for it much later.
    let script = "sleep 0.01 & i=0; while [ $i -lt 1000000 ]; do i=$((i + 1)); done; wait; :";
    let path = traced("critical-path", &[], &["dash", "-c", script]);
    let (chain, _) = path.split_once("  in all\n").unwrap();
    assert!(chain.lines().any(|line| line.ends_with("wait; :'") && share(line) > 50.0), "{path}");
}

/// A makefile of so many jobs that have nothing to do with each other.
fn jobs(number: usize, recipe: &str) -> String {
    let targets: Vec<String> = (0..number).map(|number| format!("t{number}")).collect();
    let targets = targets.join(" ");
    format!("all: {targets}\n{targets}:\n\t@{recipe}\n")
}

#[test]
fn jobs_that_a_make_ran_one_by_one_would_run_at_a_time() {
    let files = [("Makefile", &jobs(8, "sleep 0.5; :")[..])];
    let path = traced("critical-path", &files, &["make", "-j1"]);
    assert!(with_jobs(&path, "1") > 90.0 && with_jobs(&path, "1") < 110.0, "{path}");
    assert!(with_jobs(&path, "2") < 75.0 && with_jobs(&path, "4") < 50.0, "{path}");
    assert!(with_jobs(&path, "any") < 35.0, "{path}");
    assert!(path.contains("; 1 job at a time."), "{path}");
    assert!(path.contains("In any order: the jobs of make, unless"), "{path}");
    assert!(path.contains("In the order that was seen: what sh (8) started."), "{path}");
}

#[test]
fn a_chain_of_dependencies_is_as_long_with_any_number() {
    let script = "sleep 0.3; sleep 0.3; sleep 0.3; :";
    let files = [("Makefile", &jobs(1, script)[..])];
    let path = traced("critical-path", &files, &["make", "-j1"]);
    assert!(with_jobs(&path, "any") > 90.0, "{path}");
}

#[test]
fn what_a_make_with_several_jobs_began_last_depends_on_the_others() {
    let makefile = "all: a b c\n\t@sleep 0.5; :\na:\n\t@sleep 0.5; :\nb:\n\t@sleep 0.7; :\n\
                    c:\n\t@sleep 0.9; :\n";
    let path = traced("critical-path", &[("Makefile", makefile)], &["make", "-j3"]);
    assert!(link(&path, "runs    sleep 0.9").is_some(), "{path}");
    assert!(link(&path, "runs    sleep 0.5").is_some(), "{path}");
    assert!(link(&path, "sleep 0.7").is_none(), "{path}");
    assert!(with_jobs(&path, "any") > 90.0 && with_jobs(&path, "1") > 130.0, "{path}");
}

#[test]
fn the_summary_has_it_by_program() {
    let files = [("Makefile", &jobs(4, "sleep 0.2; :")[..])];
    let summary = traced("summary", &files, &["make"]);
    let (_, path) = summary.split_once("Critical path:\n").unwrap();
    let first = path.lines().next().unwrap();
    assert!(first.ends_with("  sleep") && share(first) > 40.0, "{summary}");
    assert!(path.contains("  the run\n") && path.contains("would take at least"), "{summary}");
}

#[test]
fn nothing_of_a_program_reaches_the_terminal_and_what_is_missing_is_told() {
    let place = tempfile::tempdir().unwrap();
    let trace = place.path().join("trace");
    let of = |writer: &Writer| {
        std::fs::write(&trace, writer.bytes()).unwrap();
        report("critical-path", &trace)
    };
    let mut writer = Writer::new();
    let words = argv(&["make", "\u{1b}[31m"]);
    let make = writer.done(by(10, 0, 0), Image::default(), &[b"/\x1b[32m", &words]);
    let fork = Create { child: 11, end_ns: writer::START + 2_000_000, ..Create::default() };
    let fork = writer.done(by(10, make, 1_000_000), fork, &[]);
    writer.open(by(11, fork, 2_000_000), Exec::default(), &[b"/no/busybox", &argv(&["b", "x"])]);
    let wait = Wait { child: 11, end_ns: writer::START + 80_000_000, ..Wait::default() };
    writer.done(by(10, make, 3_000_000), wait, &[]);
    writer.done(by(10, make, 100_000_000), Exit::default(), &[]);
    let path = of(&writer);
    assert!(!path.contains('\u{1b}') && path.contains(r"runs    make $'\033[31m'"), "{path}");
    assert!(link(&path, "unseen  b x").is_some_and(|line| line.contains(" 79.0 %")), "{path}");
    assert!(of(&sample()).contains("records lost: the trace was full"));
    assert_eq!(of(&Writer::new()), "Nothing was out of sight.\n");
}
