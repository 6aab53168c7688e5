// SPDX-License-Identifier: MIT OR Apache-2.0
//! `clone3 run -o` as a user runs it. CLONE3_LIBRARY names the library that is tested.

mod place;

use assert_cmd::Command;
use place::{Place, library};
use predicates::prelude::*;
use predicates::str::{contains, is_empty};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[test]
fn the_programs_status_and_streams_are_its_own() {
    let place = Place::new();
    let outcome = place.run(&["sh", "-c", "cat; exit 7"]).write_stdin("through\n").assert().code(7);
    outcome.stdout("through\n").stderr(is_empty());
    let tree = place.report("tree");
    let row = tree.lines().find(|line| line.contains("  sh -c 'cat; exit 7'"));
    assert!(row.is_some_and(|row| row.contains("      7  ")), "{tree}");
    let mode = std::fs::metadata(place.trace()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn it_ends_by_the_programs_signal() {
    let place = Place::new();
    let outcome = place.run(&["sh", "-c", "kill -TERM $$; sleep 9"]).output().unwrap();
    assert_eq!(outcome.status.signal(), Some(15));
    assert!(place.report("text").contains("killed by SIGTERM"));
}

#[test]
fn a_signal_that_it_is_sent_is_passed_on() {
    let place = Place::new();
    let script = "trap 'echo caught; exit 5' USR1; kill -USR1 $PPID; while :; do sleep 0.01; done";
    place.run(&["sh", "-c", script]).assert().code(5).stdout("caught\n");
}

#[test]
fn so_is_one_of_those_without_a_name() {
    let place = Place::new();
    let script = format!(
        "trap 'echo caught; exit 5' {0}; kill -{0} $PPID; while :; do sleep 0.01; done",
        libc::SIGRTMIN() + 3
    );
    place.run(&["bash", "-c", &script]).assert().code(5).stdout("caught\n");
}

#[test]
fn a_program_that_cannot_be_executed() {
    let place = Place::new();
    place.run(&["/etc/passwd"]).assert().code(126).stderr(contains("ermission denied"));
    assert!(place.report("text").contains("= -1 EACCES"));
    let tree = place.report("tree");
    let row = tree.lines().nth(1).unwrap();
    assert!(row.contains("    126  ") && row.ends_with("(unknown) /etc/passwd: EACCES"), "{tree}");
    assert!(tree.ends_with("Nothing was out of sight.\n"), "{tree}");
    place.run(&["no-such-program-here"]).assert().code(127);
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("clone3");
    let outcome = command.args(["run", "-o", "/no/such/place", "true"]).assert().code(125);
    outcome.stderr(contains("cannot write /no/such/place"));
}

#[test]
fn what_is_left_behind_is_told_and_not_waited_for() {
    let place = Place::new();
    let begun = Instant::now();
    place.run(&["sh", "-c", "sleep 20 >&- 2>&- & exit 0"]).assert().success();
    assert!(begun.elapsed() < Duration::from_secs(15));
    assert!(place.report("text").contains(" is alive at the end\n"));
}

#[test]
fn with_wait_the_end_is_that_of_the_last_one() {
    let place = Place::new();
    let script = "( sleep 0.5; echo last; exit 3 ) & exit 4";
    place.run(&["--wait", "sh", "-c", script]).assert().code(4).stdout("last\n");
    let text = place.report("text");
    assert!(text.contains(", exited with 3;") && text.contains(", exited with 4;"), "{text}");
}

#[test]
fn a_signal_ends_the_wait_for_what_is_left_behind() {
    let place = Place::new();
    let script = "(sleep 1; kill -TERM $PPID; exec sleep 20) >&- 2>&- & exit 4";
    let begun = Instant::now();
    let outcome = place.run(&["--wait", "sh", "-c", script]).output().unwrap();
    assert_eq!(outcome.status.signal(), Some(libc::SIGTERM));
    assert!(begun.elapsed() < Duration::from_secs(15));
    let text = place.report("text");
    assert!(text.contains(", exited with 4;") && text.contains(" is alive at the end"), "{text}");
    assert!(!text.contains("end of the trace is missing"), "{text}");
}

#[test]
fn arguments_may_be_empty_at_any_place() {
    let place = Place::new();
    place.run(&["sh", "-c", "\"$@\"; :", "", "/bin/true", "", "x", "", ""]).assert().success();
    let tree = place.report("tree");
    assert!(tree.contains(" sh -c '\"$@\"; :' '' /bin/true '' x '' ''\n"), "{tree}");
    assert!(tree.contains("─ /bin/true '' x '' ''\n"), "{tree}");
    let first = place.report("text");
    let first = first.lines().next().unwrap();
    assert!(first.contains(r#"execvpe("#) && first.ends_with(r#""x", "", ""])"#), "{first}");
}

#[test]
fn statuses_reach_it_where_sigchld_is_ignored() {
    let place = Place::new();
    behind(&place, "trap '' CHLD; exec", "", &["sh", "-c", "exit 6"]).assert().code(6);
}

#[test]
fn the_size_is_a_number_of_mib_and_wants_an_output() {
    let place = Place::new();
    let ring = r#"stat -c %s "$CLONE3_TRACE""#;
    place.run(&["--size", "2", "sh", "-c", ring]).assert().success().stdout("2101248\n");
    place.run(&["sh", "-c", ring]).assert().success().stdout("8392704\n");
    place.run(&["--size", "0", "true"]).assert().code(125);
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("clone3");
    command.args(["run", "--size", "2", "true"]).assert().code(125).stderr(contains("--output"));
}

#[test]
fn a_trace_replaces_a_file_of_its_name() {
    let place = Place::new();
    std::fs::write(place.trace(), "old").unwrap();
    std::fs::set_permissions(place.trace(), PermissionsExt::from_mode(0o644)).unwrap();
    let mut old = std::fs::File::open(place.trace()).unwrap();
    place.run(&["true"]).assert().success();
    let mut text = String::new();
    old.read_to_string(&mut text).unwrap();
    assert_eq!(text, "old", "who has it open sees nothing of it");
    assert_eq!(std::fs::metadata(place.trace()).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(place.report("tree").contains(" true"));
}

#[test]
fn a_link_of_the_traces_name_is_followed() {
    let place = Place::new();
    std::os::unix::fs::symlink("real", place.trace()).unwrap();
    place.run(&["true"]).assert().success();
    assert!(std::fs::symlink_metadata(place.trace()).unwrap().is_symlink());
    assert!(place.report("tree").contains(" true"), "in the file that it leads to");
}

/// The command behind a shell's words.
fn behind(place: &Place, before: &str, after: &str, words: &[&str]) -> Command {
    let command = place.run(words);
    let quoted =
        |word: &std::ffi::OsStr| format!("'{}'", word.to_str().unwrap().replace('\'', "'\\''"));
    let words: Vec<String> = command.get_args().map(quoted).collect();
    let program = quoted(command.get_program());
    let mut shell = Command::new("bash");
    shell.timeout(Duration::from_secs(60));
    shell.args(["-c", &format!("{before} {program} {} {after}", words.join(" "))]);
    shell
}

#[test]
fn a_limit_of_file_sizes_is_an_error_that_is_told() {
    let place = Place::new();
    behind(&place, "ulimit -f 1; exec", "", &["sh", "-c", "trap; kill -XFSZ $$"])
        .assert()
        .code(125)
        .stderr(contains("File too large"));
    let roomy = Place::new();
    let outcome = behind(&roomy, "ulimit -f 100000; exec", "", &["sh", "-c", "kill -XFSZ $$"]);
    let status = { outcome }.output().unwrap().status;
    assert_eq!(status.signal(), Some(libc::SIGXFSZ), "to the program it is as it was");
}

#[test]
fn streams_that_are_closed_are_closed_to_the_program() {
    let place = Place::new();
    let script = "for fd in 0 1; do test -e /proc/self/fd/$fd && echo $fd >&2; done; exit 3";
    behind(&place, "exec", "<&- >&-", &["bash", "-c", script]).assert().code(3).stderr(is_empty());
}

#[test]
fn with_live_a_terminal_shows_what_runs() {
    let place = Place::new();
    let words = ["--live", "sh", "-c", "echo its own; sleep 1.5; exit 3"];
    let quiet = place.run(&words).assert().code(3).stdout("its own\n");
    quiet.stderr(is_empty());
    let command = place.run(&words);
    let quoted: Vec<String> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| format!("'{}'", word.to_str().unwrap()))
        .collect();
    let on_terminal = format!("stty rows 24 cols 60; {}", quoted.join(" "));
    let mut script = Command::new("script");
    script.timeout(Duration::from_secs(60)).args(["-qec", &on_terminal, "/dev/null"]);
    let output = script.assert().code(3).get_output().stdout.clone();
    let output = String::from_utf8(output).unwrap();
    assert!(output.contains("its own"), "{output:?}");
    assert!(output.contains("2 running, 1 made ("), "{output:?}");
    assert!(output.contains("\u{1b}[19;1H\u{1b}[2K\u{1b}[2m  sleep 1.5"), "{output:?}");
    assert!(output.contains("\u{1b}[1;16r"), "16 lines scroll: {output:?}");
    assert!(output.contains("\u{1b}[r"), "in the end all do: {output:?}");
}

#[test]
fn the_ring_is_gone_afterwards() {
    let place = Place::new();
    let path = place.run(&["sh", "-c", r#"echo "$CLONE3_TRACE""#]).assert().success();
    let path = String::from_utf8(path.get_output().stdout.clone()).unwrap();
    assert!(path.starts_with('/') && !Path::new(path.trim_end()).exists(), "{path}");
}

#[test]
fn the_ring_of_a_command_that_was_killed_is_removed_by_the_next_one() {
    let place = Place::new();
    let mut left = Vec::new();
    for end in ["kill -9 $PPID", "kill -9 $PPID", ":"] {
        let script = format!("echo \"$CLONE3_TRACE\"; {end}; exec sleep 1.5 >/dev/null");
        let mut command = std::process::Command::new(place.run(&[]).get_program());
        command.arg("--library").arg(library()).args(["run", "-o"]).arg(place.trace());
        command.args(["sh", "-c", &script]).stdout(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut output, &mut line).unwrap();
        let ring = PathBuf::from(line.trim_end());
        assert!(ring.exists(), "{}", ring.display());
        left.push((ring.parent().unwrap().to_owned(), child));
    }
    // The one is older than it is, the second one is as young as that of a run that begins.
    left[0].1.wait().unwrap();
    left[1].1.wait().unwrap();
    for number in [0, 2] {
        let old = std::time::SystemTime::now() - Duration::from_secs(60);
        std::fs::File::open(&left[number].0).unwrap().set_modified(old).unwrap();
    }
    assert!(place.report("tree").contains("end of the trace is missing"), "the last one goes on");
    let other = Place::new();
    other.run(&["true"]).assert().success();
    let are_there: Vec<bool> = left.iter().map(|(directory, _)| directory.exists()).collect();
    assert_eq!(are_there, [false, true, true], "the last one is in use");
    left[2].1.wait().unwrap();
    assert!(!place.report("tree").contains("end of the trace"));
    _ = std::fs::remove_dir_all(&left[1].0);
}

#[test]
fn what_outlives_it_makes_no_trace_of_its_own() {
    let place = Place::new();
    let script = "(sleep 1; /bin/true; : > \"$0\") >/dev/null 2>&1 & echo \"$CLONE3_TRACE\"";
    let done = place.0.path().join("done");
    let output = place.run(&["sh", "-c", script, done.to_str().unwrap()]).output().unwrap();
    let ring = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim_end());
    let until = Instant::now() + Duration::from_secs(30);
    while !done.exists() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(done.exists(), "the program that was left behind has gone on");
    assert!(ring.is_absolute() && !ring.exists(), "{}", ring.display());
    assert!(!ring.parent().unwrap().exists(), "nor is there the directory of the ring");
}

#[test]
fn a_static_program_is_in_the_trace_from_outside() {
    let place = Place::new();
    let source = place.0.path().join("program.c");
    std::fs::write(&source, "int main(void) { return 5; }\n").unwrap();
    let program = place.0.path().join("static");
    let compiler = std::process::Command::new("cc")
        .arg("-static")
        .arg(&source)
        .arg("-o")
        .arg(&program)
        .status();
    if !compiler.is_ok_and(|status| status.success()) {
        eprintln!("SKIP: no compiler for static programs");
        return;
    }
    place.run(&[program.to_str().unwrap()]).assert().code(5).stderr(contains("is static"));
    let tree = place.report("tree");
    assert!(tree.contains("static (unseen)") && tree.contains("  5  "), "{tree}");
    assert!(tree.contains("1 programs that ran unseen: static\n"), "{tree}");
    assert!(predicate::str::contains("whose end").not().eval(&tree), "{tree}");
}

#[test]
fn a_shell_and_all_that_it_starts_are_told() {
    let place = Place::new();
    let script = "true | cat; (exit 4); sh -c 'exit 5'; /no/such/program; kill -9 $$";
    let outcome = place.run(&["bash", "-c", script]).output().unwrap();
    assert_eq!(outcome.status.signal(), Some(9));
    let tree = place.report("tree");
    let status = |command: &str| {
        let row = tree.lines().find(|line| line.ends_with(command));
        let row = row.unwrap_or_else(|| panic!("{command} in {tree}"));
        let status = row.split(['├', '└']).next().unwrap().split_whitespace().last();
        status.unwrap().to_owned()
    };
    assert!(tree.lines().nth(1).unwrap().contains("SIGKILL  bash -c "), "{tree}");
    assert_eq!(status(" cat"), "0");
    assert_eq!(status("sh -c 'exit 5'"), "5");
    let forks: Vec<&str> = tree.lines().filter(|line| line.ends_with("of bash)")).collect();
    assert!(forks.iter().any(|line| line.contains("        4  ")), "(exit 4) in {tree}");
    assert_eq!(status("(fork of bash) /no/such/program: ENOENT"), "127");
    let text = place.report("text");
    assert!(
        text.contains(r#"execve("/no/such/program", ["/no/such/program"]) = -1 ENOENT"#),
        "{text}"
    );
    assert!(tree.ends_with("Nothing was out of sight.\n"), "{tree}");
    let lines = place.report("jsonl");
    let lines = lines.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<serde_json::Value> = lines.collect();
    let made = lines.iter().filter(|line| line["type"] == "create").count();
    let ended = lines.iter().filter(|line| line["type"] == "wait").count();
    assert_eq!(made + 1, ended, "each child was waited for, the first one from outside: {tree}");
}

#[test]
fn what_the_c_library_starts_by_itself_is_told() {
    let place = Place::new();
    let source = place.0.path().join("program.c");
    let program = place.0.path().join("program");
    let text = "#include <unistd.h>\n#include <wordexp.h>\n#include <string.h>\n\
        int main(void) { wordexp_t words; \
        if (wordexp(\"$(echo one)\", &words, 0) || strcmp(words.we_wordv[0], \"one\")) return 1; \
        if (daemon(1, 1)) return 2; execl(\"/bin/sh\", \"sh\", \"-c\", \"exit 5\", (char *)0); return 3; }\n";
    std::fs::write(&source, text).unwrap();
    let mut compiler = std::process::Command::new("cc");
    compiler.arg(&source).arg("-w").arg("-o").arg(&program);
    if !compiler.status().is_ok_and(|status| status.success()) {
        eprintln!("SKIP: no compiler");
        return;
    }
    let program = program.to_str().unwrap();
    place.run(&["--wait", program]).assert().success();
    let tree = place.report("tree");
    let rows: Vec<&str> = tree.lines().skip(1).map(|row| row.trim_end()).collect();
    assert!(rows[0].ends_with(program) && rows[0].contains("   0  "), "{tree}");
    assert!(
        rows[1].ends_with("├─ /bin/sh -c 'echo one'") || rows[1].ends_with("├─ sh -c 'echo one'"),
        "{tree}"
    );
    assert!(rows[2].ends_with("└─ sh -c 'exit 5'") && rows[2].contains("   5  "), "{tree}");
    assert!(tree.ends_with("Nothing was out of sight.\n"), "{tree}");
    let summary = place.report("summary");
    assert!(summary.lines().any(|line| line.ends_with("  daemon")), "{summary}");
    assert!(summary.lines().any(|line| line.ends_with("  wordexp")), "{summary}");
    assert!(place.report("text").contains("+++ daemon with 0 +++"));
}
