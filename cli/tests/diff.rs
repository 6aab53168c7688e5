// SPDX-License-Identifier: MIT OR Apache-2.0
//! `clone3 diff` as a user runs it, on traces of real programs. CLONE3_LIBRARY names the
//! library that writes them.

mod family;
mod sample;
mod writer;

use assert_cmd::Command;
use family::Family;
use predicates::str::{contains, is_empty};
use sample::sample;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;
use writer::Writer;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let file = self.0.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, bytes).unwrap();
        file
    }

    /// Runs a program in a directory; its trace.
    fn run(&self, name: &str, directory: &Path, words: &[&str]) -> PathBuf {
        let named = std::env::var_os("CLONE3_LIBRARY").map(PathBuf::from);
        let built = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../build/libclone3.so.0");
        let library = std::path::absolute(named.unwrap_or_else(built)).unwrap();
        let trace = self.0.path().join(name);
        let mut command = assert_cmd::cargo::cargo_bin_cmd!("clone3");
        command.env_remove("LD_PRELOAD").env_remove("MAKEFLAGS").current_dir(directory);
        command.timeout(Duration::from_secs(60)).arg("--library").arg(library);
        command.args(["run", "-o"]).arg(&trace).args(words).output().unwrap();
        trace
    }

    fn shell(&self, name: &str, script: &str) -> PathBuf {
        self.run(name, self.0.path(), &["bash", "-c", script])
    }
}

fn diff(words: &[&str], a: &Path, b: &Path) -> Command {
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("clone3");
    command.timeout(Duration::from_secs(120)).arg("diff").args(words).arg(a).arg(b);
    command
}

fn text(words: &[&str], a: &Path, b: &Path, code: i32) -> String {
    let outcome = diff(words, a, b).assert().code(code).stderr(is_empty());
    String::from_utf8(outcome.get_output().stdout.clone()).unwrap()
}

fn json(words: &[&str], a: &Path, b: &Path, code: i32) -> Value {
    let words = [&["--format", "json"], words].concat();
    serde_json::from_str(&text(&words, a, b, code)).unwrap()
}

/// The lines of the tree of differences.
fn tree(text: &str) -> Vec<&str> {
    let lines = text.lines().skip_while(|line| !line.starts_with("Differences:")).skip(1);
    lines.take_while(|line| !line.is_empty()).collect()
}

/// A row of the sums.
fn figures<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let mut rows = text.lines().filter_map(|line| line.trim_start().strip_prefix(name));
    rows.next().unwrap().split_whitespace().collect()
}

/// A makefile with commands that run beside each other, one of which takes a file of its own.
const MAKEFILE: &str = "\
all: 1 2 3 4 5 6
1 2 3 4 5 6:
\t@sh -c 'f=$$(mktemp); sleep 0.0$$((7 - $@)); cat $$f; rm $$f'; true
last: all
\t@./step
";

#[test]
fn two_runs_of_a_parallel_make_are_the_same() {
    let place = Place::new();
    place.file("a/Makefile", MAKEFILE);
    // In another order, too: each number sleeps for as long as another one did.
    place.file("b/Makefile", MAKEFILE);
    let (one, other) = (place.0.path().join("a"), place.0.path().join("b"));
    let a = place.run("A", &one, &["make", "-s", "-j3"]);
    let b = place.run("B", &one, &["make", "-s", "-j3"]);
    let elsewhere = place.run("C", &other, &["make", "-s", "-j3"]);
    for second in [&b, &elsewhere] {
        let same = text(&[], &a, second, 0);
        assert!(same.contains("No differences but of time and memory."), "{same}");
        assert!(same.contains("Nothing was out of sight."), "{same}");
    }
    let said = text(&[], &a, &elsewhere, 0);
    assert!(said.contains("A began in /") && said.contains("/a, B in /"), "{said}");
}

#[test]
fn exact_takes_temporary_names_and_directories_as_they_are() {
    let place = Place::new();
    let run = |name: &str| {
        let directory = place.file(&format!("{name}/x"), "");
        place.run(
            &format!("{name}.trace"),
            directory.parent().unwrap(),
            &["bash", "-c", "rm $(mktemp)"],
        )
    };
    let (a, b) = (run("a"), run("b"));
    text(&[], &a, &b, 0);
    let exact = json(&["--exact"], &a, &b, 1);
    let nodes = exact["nodes"].as_array().unwrap();
    let kinds: Vec<_> = nodes
        .iter()
        .flat_map(|node| node["differences"].as_array().unwrap())
        .map(|one| one["kind"].as_str().unwrap())
        .collect();
    assert!(kinds.contains(&"directory") && kinds.contains(&"arguments"), "{exact}");
    assert_eq!(exact["first"]["kind"], "directory");
}

#[test]
fn a_command_that_fails_is_the_first_divergence_of_a_make() {
    let place = Place::new();
    let step = |name: &str, end: &str| {
        place.file(&format!("{name}/Makefile"), MAKEFILE);
        let step = place.file(&format!("{name}/step"), format!("#!/bin/sh\nls Makefile\n{end}\n"));
        std::fs::set_permissions(&step, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        place.run(&format!("{name}.trace"), step.parent().unwrap(), &["make", "-j2", "last"])
    };
    let (good, bad) = (step("good", "exit 0"), step("bad", "exit 3"));
    let text = text(&[], &good, &bad, 1);
    let (_, first) = text.split_once("First divergence, ").unwrap();
    let lines: Vec<&str> = first.lines().collect();
    assert!(lines[0].ends_with(": another exit status, 0 in A, 3 in B"), "{text}");
    assert_eq!(lines[1], "    make -j2 last");
    assert!(lines[2].starts_with("    └─ ") && lines[2].ends_with("./step"), "{text}");
    let tree = tree(&text);
    assert_eq!(tree[0], "~ make -j2 last", "{text}");
    assert!(tree.contains(&"~ │    status: 0 → 2"), "{text}");
    assert!(
        tree.iter().any(|line| line.starts_with("  ├─ ") && line.ends_with(" processes, the same"))
    );
    assert!(text.contains("Differences: status 2\n"), "{text}");
    assert_eq!(figures(&text, "that failed"), ["0", "2"], "{text}");
}

#[test]
fn a_command_more_is_an_extra_line() {
    let place = Place::new();
    let run = |name: &str, script: &str| {
        let script = place.file(&format!("{name}/script"), script);
        place.run(&format!("{name}.trace"), script.parent().unwrap(), &["bash", "./script"])
    };
    let a = run("a", "ls /; true | cat; date; :");
    let b = run("b", "ls /; true | cat; uname -r; date; :");
    let forth = text(&[], &a, &b, 1);
    let forth = tree(&forth);
    assert!(forth.contains(&"+ ├─ uname -r"), "{forth:?}");
    assert!(!forth.iter().any(|line| line.starts_with('-')), "{forth:?}");
    let back = text(&[], &b, &a, 1);
    assert!(tree(&back).contains(&"- ├─ uname -r"), "{back}");
    assert!(back.contains("a process that A alone has\n"), "{back}");
    assert!(back.contains("1 in A alone"), "{back}");
}

#[test]
fn what_cannot_be_executed_has_its_error_number() {
    let place = Place::new();
    let program = place.file("a/tool", "#!/bin/sh\nexit 0\n");
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    let script = "env ./tool; :";
    let directory = program.parent().unwrap();
    let a = place.run("A", directory, &["bash", "-c", script]);
    std::fs::remove_file(&program).unwrap();
    let b = place.run("B", directory, &["bash", "-c", script]);
    let text = text(&[], &a, &b, 1);
    let first = "another failed execution, none in A, ./tool: ENOENT in B";
    assert!(text.contains(first), "{text}");
    assert!(text.contains("status: 0 → 127"), "{text}");
    assert_eq!(figures(&text, "failed creations and executions"), ["0", "1"], "{text}");
}

#[test]
fn another_directory_and_other_arguments() {
    let place = Place::new();
    let a = place.shell("a", "cd /usr; ls -d .; sleep 0.01");
    let b = place.shell("b", "cd /etc; ls -d -l .; sleep 0.01");
    let text = text(&[], &a, &b, 1);
    for line in ["directory: /usr → /etc", "arguments: none → -l"] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn other_routes_and_calls_are_differences() {
    let place = Place::new();
    let of = |name: &str, change: &dyn Fn(&mut clone3_trace::Create)| {
        let mut family = Family::new();
        family.change(change);
        family.child(&["ls"], 0);
        place.file(name, family.bytes())
    };
    let a = of("a", &|_| {});
    let b = of("b", &|create| {
        create.route = clone3_trace::Route::Legacy as u8;
        create.call = clone3_trace::Call::Vfork as u8;
    });
    let text = text(&[], &a, &b, 1);
    assert!(text.contains("call: posix_spawn → vfork"), "{text}");
    assert!(text.contains("route: native → legacy"), "{text}");
    let rest = json(&["--ignore", "route"], &a, &b, 1);
    assert_eq!(rest["nodes"][1]["differences"].as_array().unwrap().len(), 1, "{rest}");
    assert_eq!(rest["first"]["kind"], "call");
    json(&["--ignore", "route,call"], &a, &b, 0);
    diff(&["--ignore", "colour"], &a, &b).assert().code(125).stderr(contains("arguments"));
}

#[test]
fn creations_that_failed_are_lines() {
    let place = Place::new();
    let whole = place.file("a", Family::new().bytes());
    let mut family = Family::new();
    family.refused(11);
    let refused = place.file("b", family.bytes());
    let text = text(&[], &whole, &refused, 1);
    assert!(
        text.contains("a creation that failed in B alone\n    make\n    └─ posix_spawn: EAGAIN\n")
    );
    assert_eq!(tree(&text), ["  make", "+ └─ failed: posix_spawn: EAGAIN"], "{text}");
}

#[test]
fn slower_and_faster_have_limits() {
    let place = Place::new();
    let a = place.shell("a", "sleep 0.3; cat /dev/null; sleep 0.01");
    let b = place.shell("b", "sleep 0.3; cat /dev/null; sleep 0.01");
    for option in [["--threshold", "100000"], ["--top", "0"]] {
        let quiet = text(&option, &a, &b, 0);
        assert!(!quiet.contains("Slower") && !quiet.contains("Faster"), "{quiet}");
    }
    let mut slow = Family::new();
    let mut fast = Family::new();
    for number in 0..30 {
        let word = format!("f{number}.c");
        slow.takes(1_000_000 * (20 + number)).child(&["cc", &word], 0);
        fast.takes(1_000_000).child(&["cc", &word], 0);
    }
    let (slow, fast) = (place.file("slow", slow.bytes()), place.file("fast", fast.bytes()));
    let of = |words: &[&str]| json(words, &fast, &slow, 0)["processes"]["slower"].clone();
    assert_eq!(of(&[]).as_array().unwrap().len(), 10);
    assert_eq!(of(&["--top", "3"]).as_array().unwrap().len(), 3);
    assert_eq!(of(&["--top", "99"]).as_array().unwrap().len(), 31, "make as well");
    assert_eq!(of(&["--top", "99", "--threshold", "40"]).as_array().unwrap().len(), 10);
    let slower = text(&["--top", "3"], &fast, &slow, 0);
    let rows: Vec<&str> = slower.lines().filter(|line| line.ends_with(".c")).collect();
    assert_eq!(rows.len(), 2, "{slower}");
    let row: Vec<&str> = rows[0].split_whitespace().collect();
    assert_eq!(row[..7], ["+48.0", "ms", "1.00", "ms", "49.0", "ms", "49.00"], "{slower}");
    assert!(slower.contains("Slower programs:\n"), "{slower}");
    let faster = text(&["--top", "3"], &slow, &fast, 0);
    assert!(faster.contains("Faster processes:\n") && faster.contains("-48.0 ms"), "{faster}");
}

#[test]
fn json_has_the_documented_keys() {
    let place = Place::new();
    let mut one = Family::new();
    one.child(&["ls", "-l"], 0);
    one.child(&["cat"], 0);
    let mut other = Family::new();
    other.child(&["ls", "-l"], 0);
    other.child(&["cat"], 2);
    other.child(&["date"], 0);
    let (a, b) = (place.file("a", one.bytes()), place.file("b", other.bytes()));
    let value = json(&[], &a, &b, 1);
    assert_eq!((&value["type"], &value["version"]), (&"diff".into(), &1.into()));
    assert_eq!(value["different"], true);
    assert_eq!((&value["a"]["processes"], &value["b"]["failed"]), (&3.into(), &1.into()));
    assert_eq!(value["a"]["directory"], "/src");
    assert_eq!(value["first"]["kind"], "status");
    let node = &value["nodes"][value["first"]["node"].as_u64().unwrap() as usize];
    assert_eq!((&node["command_a"], &node["parent"]), (&"cat".into(), &0.into()));
    let marks: Vec<_> =
        value["nodes"].as_array().unwrap().iter().map(|node| &node["mark"]).collect();
    assert_eq!(marks, [" ", "=", "~", "+"]);
    assert_eq!(value["nodes"][1]["folded"], 1);
    assert_eq!(
        (&value["nodes"][3]["process_a"], &value["nodes"][3]["process_b"]),
        (&Value::Null, &3.into())
    );
    assert_eq!(json(&[], &a, &a, 0)["different"], false);
    assert_eq!(json(&[], &a, &a, 0)["first"], Value::Null);
}

#[test]
fn what_was_out_of_sight_is_counted_for_both() {
    let place = Place::new();
    let (a, b) = (place.file("a", sample().bytes()), place.file("b", Family::new().bytes()));
    let text = text(&[], &a, &b, 1);
    let (_, spots) = text.split_once("Out of sight:\n").unwrap();
    assert!(spots.contains("      7       0 records lost: the trace was full\n"), "{spots}");
    let spots = json(&[], &b, &a, 1)["b"]["blind_spots"].clone();
    assert!(spots.as_array().unwrap().iter().any(|spot| spot["count"] == 7), "{spots}");
}

#[test]
fn what_is_no_trace_is_trouble() {
    let place = Place::new();
    let (good, bad) = (place.file("a", sample().bytes()), place.file("b", "something else"));
    let none = place.0.path().join("none");
    for (a, b, says) in
        [(&good, &bad, "not a trace"), (&bad, &good, "not a trace"), (&good, &none, "No such file")]
    {
        diff(&[], a, b).assert().code(125).stderr(contains(says)).stdout(is_empty());
    }
    let mut one = assert_cmd::cargo::cargo_bin_cmd!("clone3");
    one.arg("diff").arg(&good).assert().code(125).stderr(contains("<B>"));
    diff(&["--threshold", "x"], &good, &good).assert().code(125);
}

#[test]
fn nothing_of_a_trace_steers_a_terminal() {
    let place = Place::new();
    let of = |name: &str, word: &str| {
        let mut family = Family::new();
        family.child(&["ls\u{1b}[31m", word], 0);
        place.file(name, family.bytes())
    };
    let (a, b) = (of("a", "\u{1b}]0;x\u{7}"), of("b", "\u{202e}\r\n"));
    for format in ["text", "json"] {
        let shown = text(&["--format", format], &a, &b, 1);
        assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}', '\r']), "{shown:?}");
    }
}

#[test]
fn colours_and_widths_are_for_terminals() {
    let place = Place::new();
    let mut family = Family::new();
    family.child(&["ls", &"x".repeat(300)], 0);
    let (a, b) = (place.file("a", Family::new().bytes()), place.file("b", family.bytes()));
    if std::process::Command::new("script").arg("--version").output().is_err() {
        eprintln!("SKIP: no script(1) for a terminal");
        return;
    }
    let diff = |a: &Path, option: &str, no_color: &str| {
        let command = assert_cmd::cargo::cargo_bin!("clone3").display();
        let line = format!(
            "stty rows 24 cols 70; {command} diff {option} {} {}",
            a.display(),
            b.display()
        );
        let mut script = Command::new("script");
        script.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm").env("NO_COLOR", no_color);
        let outcome = script.timeout(Duration::from_secs(60)).output().unwrap();
        assert_eq!(outcome.status.code(), Some(1));
        String::from_utf8(outcome.stdout).unwrap()
    };
    let on_terminal = |option: &str, no_color: &str| diff(&a, option, no_color);
    let coloured = on_terminal("", "");
    assert!(coloured.contains("\u{1b}[32m+"), "{coloured:?}");
    assert!(!on_terminal("", "1").contains('\u{1b}'));
    let whole = "x".repeat(300);
    assert!(!coloured.contains(&whole) && on_terminal("--wide", "").contains(&whole));
    let mut other = Family::new();
    other.child(&["ls", &"y".repeat(300)], 0);
    let other = place.file("other", other.bytes());
    let values = diff(&other, "", "1");
    assert!(values.contains("other arguments, yyyyyyyyyyyyyyyyyyyyyyy… in A, xxx"), "{values}");
    assert!(values.lines().all(|line| line.chars().count() < 160), "{values}");
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_in_silence() {
    let place = Place::new();
    let mut family = Family::new();
    for number in 0..3_000 {
        family.child(&["ls", &number.to_string()], 0);
    }
    let (a, b) = (place.file("a", Family::new().bytes()), place.file("b", family.bytes()));
    for trap in ["", "trap '' PIPE;"] {
        let command = assert_cmd::cargo::cargo_bin!("clone3").display();
        let script = format!(
            "{trap} {{ {command} diff {} {}; echo $? >&2; }} | true",
            a.display(),
            b.display()
        );
        let outcome = Command::new("sh").args(["-c", &script]).assert().success();
        outcome.stderr(predicates::str::is_match("^(1|141)\n$").unwrap());
    }
}

#[test]
fn thousands_of_children_that_all_changed_find_each_other() {
    let place = Place::new();
    let many = |name: &str, flag: &str, is_backwards: bool| {
        let mut family = Family::new();
        for number in 0..5_000 {
            let number = if is_backwards { 4_999 - number } else { number };
            family.child(&["cc", flag, &format!("f{number}.c")], 0);
        }
        place.file(name, family.bytes())
    };
    let (a, b) = (many("a", "-O1", false), many("b", "-O2", true));
    let text = text(&[], &a, &b, 1);
    assert!(text.contains("Differences: arguments 5000\n"), "{}", &text[..2_000]);
}

#[test]
fn twenty_thousand_generations_and_copies_are_no_recursion() {
    let place = Place::new();
    let of = |name: &str, is_deep: bool, status: i32| {
        let mut writer = Writer::large();
        family::copies(&mut writer, 20_000, is_deep, status);
        place.file(name, writer.bytes())
    };
    for is_deep in [true, false] {
        let (a, b) = (of("a", is_deep, 0), of("b", is_deep, 7));
        let text = text(&[], &a, &b, 1);
        assert!(text.contains("another exit status, 0 in A, 7 in B"), "{}", &text[..2_000]);
        assert!(text.contains("Differences: status 1\n"));
        json(&[], &a, &b, 1);
    }
}

#[test]
fn commands_of_any_length_are_compared_in_time() {
    let place = Place::new();
    let run = |takes_ns: u64| {
        let mut family = Family::new();
        family.takes(takes_ns);
        for number in 0..9 {
            family.child(&["ls", &number.to_string(), &"word/ ".repeat(40_000)], 0);
        }
        family.bytes()
    };
    let (a, b) = (place.file("a", run(1_000)), place.file("b", run(500_000_000)));
    let begun = std::time::Instant::now();
    let shown = text(&[], &a, &b, 0);
    let rows = shown.lines().filter(|line| line.contains("  ls 0 '") || line.contains("  ls 8 '"));
    assert_eq!(rows.count(), 2, "each is a row of its own");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}
