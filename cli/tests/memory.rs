// SPDX-License-Identifier: MIT OR Apache-2.0
//! `clone3 run --memory`: what processes say of themselves.

mod place;

use assert_cmd::Command;
use place::Place;
use predicates::str::contains;
use serde_json::Value;

/// The records of a kind.
fn records(place: &Place, kind: &str) -> Vec<Value> {
    let lines = place.report("jsonl");
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["type"] == kind).collect()
}

/// A shell with a string of 32 MiB, made of blanks by printf, and a copy of it that executes.
const LARGE: &str = "x=$(printf %33554432s x); (exec true); : $x";

#[test]
fn forks_say_what_is_copied_where_that_is_asked_for() {
    let place = Place::new();
    place.run(&["--memory", "sh", "-c", LARGE]).assert().success();
    let forks = records(&place, "create");
    let large = forks.iter().max_by_key(|fork| fork["resident"].as_u64()).unwrap();
    let resident = large["resident"].as_u64().unwrap();
    let tables = large["page_tables"].as_u64().unwrap();
    assert!((32 << 20..512 << 20).contains(&resident), "{large}");
    assert!(tables >= resident / 1024 && tables < resident / 8, "{large}");
    assert!(place.report("text").contains(" of page tables] "));
    place.run(&["sh", "-c", LARGE]).assert().success();
    let forks = records(&place, "create");
    assert!(forks.iter().all(|fork| fork["resident"] == 0 && fork["page_tables"] == 0));
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("clone3");
    command.args(["run", "--memory", "true"]).assert().code(125).stderr(contains("--output"));
}

/// It works for some ms.
const WORKS: &str = "i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; exit 7";

/// CPU time and memory, as the end of the one that works says.
fn used(place: &Place) -> (u64, u64) {
    let ends = records(place, "exit");
    let end = ends.iter().find(|end| end["status"] == 7).unwrap();
    let number = |key: &str| end[key].as_u64().unwrap();
    (number("user_ns") + number("system_ns"), number("max_resident"))
}

#[test]
fn ends_say_what_was_used_where_that_is_asked_for() {
    let place = Place::new();
    place.run(&["--memory", "sh", "-c", WORKS]).assert().code(7);
    let (cpu_ns, memory) = used(&place);
    assert!(cpu_ns > 1_000_000 && (100 << 10..1 << 30).contains(&memory), "{cpu_ns}, {memory}");
    place.run(&["sh", "-c", WORKS]).assert().code(7);
    assert_eq!(used(&place), (0, 0));
}

#[test]
fn an_orphan_has_figures_though_nobody_waits_for_it() {
    let place = Place::new();
    let script = format!("sh -c '{WORKS}' & :");
    for asked in ["1", "0"] {
        _ = std::fs::remove_file(place.trace());
        let mut command = Command::new("sh");
        command.args(["-c", &script]).env("LD_PRELOAD", place::library());
        command.env("CLONE3_TRACE", place.trace()).env("CLONE3_TRACE_MEMORY", asked);
        // Until nobody has the output open any more.
        command.assert().success();
        assert_eq!(used(&place).0 > 1_000_000, asked == "1");
        let tree = place.report("tree");
        let row = tree.lines().find(|row| row.contains("└─ sh -c")).unwrap();
        assert_eq!(row.contains("iB  "), asked == "1", "{tree}");
        let summary = place.report("summary");
        let row = summary.lines().find(|row| row.ends_with("  sh")).unwrap();
        assert_eq!(row.contains("iB  "), asked == "1", "{summary}");
    }
}
