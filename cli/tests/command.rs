// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command as a user runs it. CLONE3_LIBRARY names the library that is tested.

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::{contains, is_empty, is_match};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn library() -> PathBuf {
    let named = std::env::var_os("CLONE3_LIBRARY").map(PathBuf::from);
    let built = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../build/libclone3.so.0");
    std::path::absolute(named.unwrap_or_else(built)).unwrap()
}

fn clone3(words: &[&str]) -> Command {
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("clone3");
    command.env_remove("LD_PRELOAD").env_remove("CLONE3_ROUTE").timeout(Duration::from_secs(60));
    command.arg("--library").arg(library()).args(words);
    command
}

fn compiled(directory: &Path, name: &str, options: &[&str]) -> Option<PathBuf> {
    let source = directory.join("program.c");
    std::fs::write(&source, "int main(int n, char **v) { (void)v; return n > 1 ? 3 : 5; }\n")
        .unwrap();
    let program = directory.join(name);
    let compiler = std::process::Command::new("cc")
        .arg(&source)
        .args(options)
        .arg("-o")
        .arg(&program)
        .status();
    compiler.is_ok_and(|status| status.success()).then_some(program)
}

#[test]
fn the_program_has_the_library_and_its_own_status() {
    clone3(&["run", "sh", "-c", "grep -q libclone3.so.0 /proc/self/maps && exit 7"])
        .assert()
        .code(7)
        .stdout(is_empty())
        .stderr(is_empty());
}

#[test]
fn it_is_executed_in_place_of_the_command() {
    let script = "kill -TERM $$; sleep 9";
    let outcome = clone3(&["run", "--", "sh", "-c", script]).output().unwrap();
    assert_eq!(outcome.status.signal(), Some(15));
    clone3(&["run", "cat"]).write_stdin("through\n").assert().success().stdout("through\n");
    clone3(&["run", "sh", "-c", "echo $0", "--help"]).assert().stdout("--help\n");
}

#[test]
fn another_preload_stays_behind_it() {
    let wanted = format!("{}:libc.so.6\n", library().display());
    clone3(&["run", "sh", "-c", "echo $LD_PRELOAD"])
        .env("LD_PRELOAD", "libc.so.6")
        .assert()
        .stdout(wanted);
}

#[test]
fn the_library_is_found_beside_the_command() {
    let place = tempfile::tempdir().unwrap();
    let command = place.path().join("clone3");
    std::fs::copy(assert_cmd::cargo::cargo_bin!("clone3"), &command).unwrap();
    Command::new(&command)
        .args(["run", "true"])
        .assert()
        .success()
        .stderr(contains("there is no libclone3.so.0"));
    Command::new(&command).args(["run", "--strict", "true"]).assert().code(125);
    Command::new(&command).args(["probe"]).assert().code(125).stderr(contains("--library"));
    std::fs::copy(library(), place.path().join("libclone3.so.0")).unwrap();
    Command::new(&command)
        .args(["run", "-v", "true"])
        .assert()
        .success()
        .stderr(contains("libclone3.so.0 into"));
}

#[test]
fn a_path_that_ld_preload_cannot_name_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("with space");
    std::fs::create_dir(&directory).unwrap();
    let copy = directory.join("libclone3.so.0");
    std::fs::copy(library(), &copy).unwrap();
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("clone3");
    command
        .arg("--library")
        .arg(&copy)
        .args(["run", "true"])
        .assert()
        .code(125)
        .stderr(contains("no path with a space"));
}

#[test]
fn exit_statuses_are_those_of_env() {
    clone3(&["run", "no-such-program-here"]).assert().code(127).stderr(contains("not found"));
    clone3(&["run", "/no/such/program"]).assert().code(127);
    clone3(&["run", "/etc/passwd"]).assert().code(126).stderr(contains("ermission denied"));
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("not-for-execution"), "").unwrap();
    let path = place.path().to_str().unwrap();
    clone3(&["run", "not-for-execution"]).env("PATH", path).assert().code(126);
    clone3(&["run"]).assert().code(125);
    clone3(&["--nonsense"]).assert().code(125);
    clone3(&[]).assert().code(125);
    clone3(&["--version"]).assert().code(0).stdout(contains("clone3 0."));
    clone3(&["--help"]).assert().code(0).stdout(contains("explain"));
}

#[test]
fn a_script_without_an_interpreter_is_the_shells() {
    let place = tempfile::tempdir().unwrap();
    let script = place.path().join("script");
    std::fs::write(&script, "exit 9\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    clone3(&["run", script.to_str().unwrap()]).assert().code(9);
}

#[test]
fn what_gets_no_library_is_said_before_it_runs() {
    let place = tempfile::tempdir().unwrap();
    let Some(program) = compiled(place.path(), "static", &["-static"]) else {
        eprintln!("SKIP: no compiler for static programs");
        return;
    };
    let name = program.to_str().unwrap();
    clone3(&["run", name]).assert().code(5).stderr(contains("is static"));
    clone3(&["run", "--strict", name]).assert().code(125).stderr(contains("is static"));
    let script = place.path().join("script");
    std::fs::write(&script, format!("#!{name} -x\n")).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    clone3(&["run", script.to_str().unwrap()]).assert().code(3).stderr(contains("is static"));
}

#[test]
fn only_clone_2_where_that_is_wanted() {
    let told = clone3(&["run", "--legacy", "sh", "-c", "echo $CLONE3_ROUTE"]).assert().success();
    told.stdout("legacy\n");
    clone3(&["probe"])
        .env("CLONE3_ROUTE", "legacy")
        .assert()
        .code(1)
        .stdout(contains("never called"));
}

#[test]
fn a_closed_pipe_ends_the_command_in_silence() {
    let script = format!(
        "{{ {} --library {} probe; echo $? >&2; }} | true",
        assert_cmd::cargo::cargo_bin!("clone3").display(),
        library().display()
    );
    let outcome = Command::new("sh").args(["-c", &script]).assert().success();
    outcome.stderr(is_match("^(0|1|141)\n$").unwrap());
}

#[test]
fn output_that_cannot_be_written_is_a_failure_and_no_panic() {
    let place = tempfile::tempdir().unwrap();
    let trace = place.path().join("trace");
    let trace = trace.to_str().unwrap();
    clone3(&["run", "-o", trace, "true"]).assert().success();
    let explained = "explain exit_signal=SIGCHLD";
    let report = format!("report {trace}");
    let page = format!("report --format html {trace}");
    let diff = format!("diff {trace} {trace}");
    let all = ["--help", "--version", "probe", "probe --json", explained, "completions bash"];
    for words in all.into_iter().chain([&report[..], &page, &diff]) {
        for (to, is_failure) in [(">/dev/full", true), (">&-", true), ("| true", false)] {
            let program = assert_cmd::cargo::cargo_bin!("clone3").display().to_string();
            let script = format!(
                "trap '' PIPE; {{ {program} --library {} {words}; echo $? >&3; }} 3>&2 {to}",
                library().display()
            );
            let outcome = Command::new("sh").args(["-c", &script]).output().unwrap();
            let text = String::from_utf8(outcome.stderr).unwrap();
            assert_eq!(text.ends_with("125\n"), is_failure, "{words} {to}: {text}");
            assert!(!text.contains("panicked"), "{words} {to}: {text}");
        }
    }
}

#[test]
fn messages_that_cannot_be_written_stop_no_program() {
    let words = format!(
        "{} --library {} run -v sh -c 'exit 7' 2>/dev/full",
        assert_cmd::cargo::cargo_bin!("clone3").display(),
        library().display()
    );
    Command::new("sh").args(["-c", &words]).assert().code(7);
}

#[test]
fn sigpipe_is_passed_on_as_it_was() {
    let ignored =
        "test $(( 0x$(sed -n 's/^SigIgn:.*\\(....\\)$/\\1/p' /proc/self/status) & 0x1000 )) -eq";
    let run = |trap: &str, wanted: &str| {
        let script = format!(
            "{trap} exec {} --library {} run sh -c \"$TEST {wanted}\"",
            assert_cmd::cargo::cargo_bin!("clone3").display(),
            library().display()
        );
        Command::new("sh").env("TEST", ignored).args(["-c", &script]).assert().success();
    };
    run("trap '' PIPE;", "4096");
    run("", "0");
}

#[test]
fn the_probe_names_each_flag_that_the_header_has() {
    let header =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../include/clone3.h"))
            .unwrap();
    let outcome = clone3(&["probe"]).output().unwrap();
    let text = String::from_utf8(outcome.stdout).unwrap();
    for flag in ["CLONE_VM", "CLONE_INTO_CGROUP", "CLONE_EMPTY_MNTNS"] {
        assert!(header.contains(&format!("{flag} 0x")), "{flag}");
        assert!(text.contains(flag), "{text}");
    }
    let outcome = clone3(&["probe", "--deep", "--json"]).output().unwrap();
    let object: serde_json::Value = serde_json::from_slice(&outcome.stdout).unwrap();
    let carried = object["carried"].as_array().unwrap();
    assert!(carried.contains(&"CLONE_VFORK".into()), "{object}");
    assert!(object["verified"].is_array() && object["obstacle"].is_number(), "{object}");
    assert_eq!(outcome.status.code(), Some(i32::from(object["obstacle"] != 0)));
}

#[test]
fn a_refusal_is_explained_by_its_rule() {
    clone3(&["explain", "flags=CLONE_SIGHAND", "exit_signal=SIGCHLD"])
        .assert()
        .code(1)
        .stdout(contains("EINVAL: CLONE_SIGHAND"));
    clone3(&["explain", "clone3({flags=CLONE_SIGHAND, exit_signal=SIGCHLD, stack=NULL, stack_size=0}, 88) = -1 EINVAL (Invalid argument)"])
        .assert()
        .code(1)
        .stdout(contains("EINVAL: CLONE_SIGHAND"));
    clone3(&["explain", "exit_signal=SIGCHLD"])
        .assert()
        .code(0)
        .stdout("nothing is wrong with it\n");
    clone3(&["explain", "exit_signal=SIGCHLD", "--size", "63"])
        .assert()
        .code(1)
        .stdout(contains("EINVAL"));
    clone3(&["explain", "exit_signal=SIGCHLD", "--size", "5000"]).assert().code(125);
    clone3(&["explain", "flags=CLONE_WM"])
        .assert()
        .code(125)
        .stderr(contains("no flag 'CLONE_WM'").and(contains("CLONE_VM")));
}

#[test]
fn pages_and_completions_are_written() {
    let place = tempfile::tempdir().unwrap();
    clone3(&["man", place.path().to_str().unwrap()]).assert().success();
    let page = std::fs::read_to_string(place.path().join("clone3-run.1")).unwrap();
    assert!(page.contains("LD\\_PRELOAD") || page.contains("preloaded"), "{page}");
    for shell in ["bash", "zsh", "fish"] {
        clone3(&["completions", shell]).assert().success().stdout(contains("explain"));
    }
}
