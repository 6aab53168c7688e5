// SPDX-License-Identifier: MIT OR Apache-2.0
//! TRACEPARENT: what programs below `clone3 run -o` are given, and that the spans of
//! `clone3 report --format otlp` have the same numbers.

mod place;

use assert_cmd::Command;
use place::Place;
use predicates::str::contains;
use serde_json::Value;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";
/// Not to be recorded, which is passed on, too.
const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
const OTHER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Prints it, with a word before it.
fn show(word: &str) -> String {
    format!("echo {word} $TRACEPARENT")
}

/// The spans of a run, and the words of the lines that it printed.
fn run(place: &Place, command: &mut Command) -> (Vec<Value>, Vec<Vec<String>>) {
    let output = command.assert().success().get_output().stdout.clone();
    let output = String::from_utf8(output).unwrap();
    let lines = output.lines().map(|line| line.split([' ', '-']).map(String::from).collect());
    let request: Value = serde_json::from_str(&place.report("otlp")).unwrap();
    let spans = &request["resourceSpans"][0]["scopeSpans"][0]["spans"];
    (spans.as_array().unwrap().clone(), lines.collect())
}

/// The span of a command line.
fn span<'a>(spans: &'a [Value], words: &[&str]) -> &'a Value {
    let is_it = |span: &&Value| {
        let attributes = span["attributes"].as_array().unwrap();
        let command = attributes.iter().find(|one| one["key"] == "process.command_args");
        let Some(command) = command else { return false };
        let command = command["value"]["arrayValue"]["values"].as_array().unwrap();
        command.iter().map(|word| word["stringValue"].as_str().unwrap()).eq(words.iter().copied())
    };
    spans.iter().find(is_it).unwrap_or_else(|| panic!("{words:?} in {spans:#?}"))
}

#[test]
fn each_program_is_given_the_span_of_its_own_execution() {
    let place = Place::new();
    let (inner, last) = (show("inner"), show("last"));
    let script =
        format!("{}; ({}); sh -c '{inner}'; exec sh -c '{last}'", show("outer"), show("copy"));
    let command = ["sh", "-c", &script];
    let (spans, lines) = run(&place, place.run(&command).env("TRACEPARENT", GIVEN));
    let [outer, copy, inner_line, last_line] = &lines[..] else { panic!("{lines:?}") };
    for line in &lines {
        let [_, version, trace, parent, flags] = &line[..] else { panic!("{line:?}") };
        assert_eq!([version, trace, flags], ["00", TRACE, "00"]);
        assert_ne!(parent, PARENT);
    }
    let first = span(&spans, &command);
    assert_eq!((&first["traceId"], &first["parentSpanId"]), (&TRACE.into(), &PARENT.into()));
    assert_eq!(first["spanId"], outer[3]);
    assert_eq!(copy[3], outer[3], "a copy has executed nothing");
    let inner = span(&spans, &["sh", "-c", &inner]);
    assert_eq!(
        (&inner["spanId"], &inner["traceId"]),
        (&inner_line[3].clone().into(), &TRACE.into())
    );
    assert_eq!(inner["parentSpanId"], first["spanId"]);
    let last = span(&spans, &["sh", "-c", &last]);
    assert_eq!(last["spanId"], last_line[3], "a further program of a process has a span");
    assert_eq!(last["parentSpanId"], first["spanId"], "below that of the process");
    assert_eq!(last["endTimeUnixNano"], first["endTimeUnixNano"]);
    let mut ids: Vec<_> = spans.iter().map(|span| span["spanId"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), spans.len()), (4, 4), "{spans:#?}");
}

#[test]
fn it_is_given_where_it_was_there_or_is_asked_for() {
    let place = Place::new();
    let shown = show("it");
    let command = ["sh", "-c", &shown[..]];
    place.run(&command).assert().success().stdout("it\n");
    for given in ["", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"] {
        let stdout = format!("it {given}");
        let mut run = place.run(&command);
        run.env("TRACEPARENT", given).assert().success().stdout(stdout.trim().to_owned() + "\n");
    }
    let never = [&["--traceparent=never"], &command[..]].concat();
    let (spans, lines) = run(&place, place.run(&never).env("TRACEPARENT", GIVEN));
    assert_eq!(lines[0][1..].join("-"), GIVEN);
    assert_eq!((&spans[0]["traceId"], &spans[0]["parentSpanId"]), (&TRACE.into(), &PARENT.into()));
    let always = [&["--traceparent"], &command[..]].concat();
    let (spans, lines) = run(&place, &mut place.run(&always));
    assert_eq!(
        (&spans[0]["traceId"], &spans[0]["parentSpanId"]),
        (&lines[0][2].clone().into(), &"".into())
    );
    assert_eq!(
        [&spans[0]["spanId"], &lines[0][4].clone().into()],
        [&lines[0][3].clone().into(), &Value::from("01")]
    );
    let (spans, lines) = run(&place, place.run(&always).env("TRACEPARENT", GIVEN));
    assert_eq!([&lines[0][2], &lines[0][4]], [TRACE, "00"]);
    assert_eq!(spans[0]["parentSpanId"], PARENT);
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("clone3");
    let outcome = command.args(["run", "--traceparent", "true"]).assert().code(125);
    outcome.stderr(contains("--output"));
}

#[test]
fn what_programs_do_with_it_themselves_is_heeded() {
    let place = Place::new();
    let words = ["other", "none", "odd", "cleared"];
    let [other, none, odd, cleared] = words.map(show);
    let script = format!(
        "TRACEPARENT={OTHER} sh -c '{other}'; env -u TRACEPARENT sh -c '{none}'; \
         TRACEPARENT=odd sh -c '{odd}'; env -i /bin/sh -c '{cleared}'"
    );
    let command = ["sh", "-c", &script];
    let (spans, lines) = run(&place, place.run(&command).env("TRACEPARENT", GIVEN));
    let first = span(&spans, &command);
    let span_of = |words: &[&str]| span(&spans, words);
    let known = span_of(&["sh", "-c", &other]);
    assert_eq!(
        (&known["traceId"], &known["parentSpanId"]),
        (&OTHER[3..35].into(), &OTHER[36..52].into())
    );
    assert_eq!(
        lines[0][1..].join("-"),
        format!("{}{}-01", &OTHER[..36], known["spanId"].as_str().unwrap())
    );
    assert_eq!(lines[1], ["none"], "what is taken out alone is not put back");
    assert_eq!(lines[2], ["odd", "odd"]);
    for without in [&none, &odd] {
        assert_eq!(span_of(&["sh", "-c", without])["traceId"], TRACE);
    }
    let env = span_of(&["env", "-i", "/bin/sh", "-c", &cleared]);
    let cleared = span_of(&["/bin/sh", "-c", &cleared]);
    assert_eq!(lines[3][1..3], ["00", TRACE], "what is taken out with all else is");
    assert_eq!(
        (&cleared["spanId"], &cleared["parentSpanId"]),
        (&lines[3][3].clone().into(), &env["spanId"])
    );
    assert_eq!(env["parentSpanId"], first["spanId"]);
}

#[test]
fn a_program_that_is_not_traced_passes_on_what_it_likes() {
    let place = Place::new();
    let shown = show("below");
    // The second one is not traced: its environment says so.
    let middle = format!("unset CLONE3_TRACE; TRACEPARENT={OTHER} exec sh -c '{shown}'");
    let script = format!("CLONE3_TRACE= sh -c '{}'", middle.replace('\'', "'\\''"));
    let (spans, lines) = run(&place, place.run(&["sh", "-c", &script]).env("TRACEPARENT", GIVEN));
    assert_eq!(lines[0][1..].join("-"), OTHER);
    assert_eq!(spans.len(), 2, "{spans:#?}");
    assert!(spans.iter().all(|span| span["traceId"] == TRACE));
}

#[test]
fn without_clone3_run_the_trace_has_what_it_was_made_with() {
    let place = Place::new();
    let (outer, inner) = (show("outer"), show("inner"));
    let script = format!("{outer}; sh -c '{inner}'");
    let traced = |context: &str| {
        _ = std::fs::remove_file(place.trace());
        let mut command = Command::new("sh");
        command.args(["-c", &script]).env("LD_PRELOAD", place::library());
        command.env("CLONE3_TRACE", place.trace()).env("TRACEPARENT", GIVEN);
        command.env("CLONE3_TRACE_CONTEXT", context);
        run(&place, &mut command)
    };
    let (spans, lines) = traced("");
    assert_eq!(lines[0][1..].join("-"), GIVEN, "the first program is executed by nobody here");
    assert_eq!(spans[0]["parentSpanId"], PARENT);
    let inner = span(&spans, &["sh", "-c", &inner]);
    assert_eq!(
        (&inner["spanId"], &inner["parentSpanId"]),
        (&lines[1][3].clone().into(), &spans[0]["spanId"])
    );
    let (spans, lines) = traced("0");
    assert_eq!(lines[1][1..].join("-"), GIVEN);
    assert_eq!(spans[1]["parentSpanId"], spans[0]["spanId"], "which says nothing of where it is");
}
