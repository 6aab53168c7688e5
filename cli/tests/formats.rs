// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `clone3 report` writes for other programs.

#[path = "../src/report/perfetto_messages.rs"]
#[allow(dead_code)]
mod perfetto;
mod sample;
mod writer;

use clone3_trace::{Call, Create, Exec, Exit, Image, Start};
use prost::Message;
use sample::{by, sample};
use serde_json::Value;
use std::time::Duration;
use writer::{Writer, argv};

fn report(format: &str, trace: &Writer) -> Vec<u8> {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("trace");
    std::fs::write(&file, trace.bytes()).unwrap();
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("clone3");
    command.timeout(Duration::from_secs(60)).args(["report", "--format", format]).arg(file);
    let outcome = command.assert().success();
    outcome.stderr(predicates::str::is_empty()).get_output().stdout.clone()
}

fn text(format: &str, trace: &Writer) -> String {
    String::from_utf8(report(format, trace)).unwrap()
}

/// A program that makes and executes so many others by fork, each of which takes 2 µs.
fn many(program: &[&str], child: &[&str], count: u32) -> Writer {
    let mut writer = Writer::new();
    let path = format!("/usr/bin/{}", program[0]);
    let make = writer.done(by(10, 0, 0), Image::default(), &[path.as_bytes(), &argv(program)]);
    for number in 0..count {
        let (pid, ns) = (11 + number, 10_000 * u64::from(number));
        let fork = Create {
            call: Call::Fork as u8,
            child: pid as i32,
            end_ns: writer::START + ns + 5_000_000,
            resident: 3 << 30,
            page_tables: 6 << 20,
            ..Create::default()
        };
        let fork = writer.done(by(10, make, ns), fork, &[]);
        writer.done(by(pid, fork, ns + 1_000), Start::default(), &[]);
        let missing = Exec { errno: 2, call: Call::Execve as u8, ..Exec::default() };
        writer.done(by(pid, fork, ns + 1_500), missing, &[b"/no/cc", &argv(child)]);
        let exec = Exec { errno: 0, ..missing };
        let exec = writer.open(by(pid, fork, ns + 2_000), exec, &[b"/bin/cc", &argv(child)]);
        let image = Image { exec, ..Image::default() };
        let image = writer.done(by(pid, 0, ns + 2_500), image, &[b"/bin/cc", &argv(child)]);
        writer.done(by(pid, image, ns + 3_000), Exit::default(), &[]);
    }
    writer.done(by(10, make, 9_000_000), Exit { unwaited: 3, ..Exit::default() }, &[]);
    writer
}

#[test]
fn collapsed_stacks_by_count_and_by_time() {
    assert_eq!(text("folded-count", &sample()), "make 1\nmake;sh 1\nmake;sh;busybox 1\n");
    // make was there from 1 µs to 2 ms, sh from 2 µs, its child from 510 µs on.
    assert_eq!(text("folded", &sample()), "make 1\nmake;sh 608\nmake;sh;busybox 1490\n");
}

#[test]
fn perfettos_packets_have_tracks_slices_and_arrows() {
    use perfetto::{EXPLICIT, INSTANT, SLICE_BEGIN, SLICE_END, Trace};
    let trace = Trace::decode(&report("perfetto", &sample())[..]).unwrap();
    assert!(trace.packet.iter().all(|packet| packet.trusted_packet_sequence_id == Some(1)));
    let clocks = trace.packet[0].clock_snapshot.as_ref().unwrap();
    assert_eq!((clocks.clocks.len(), clocks.primary_trace_clock), (2, Some(3)));
    let tracks: Vec<_> =
        trace.packet.iter().filter_map(|packet| packet.track_descriptor.as_ref()).collect();
    let names: Vec<_> = tracks.iter().map(|track| track.name.as_deref().unwrap()).collect();
    assert_eq!(names, ["make", "make 10", "sh 11", "busybox 12"]);
    assert!(tracks.iter().all(|track| track.child_ordering == Some(EXPLICIT)));
    let above: Vec<_> = tracks.iter().map(|track| track.parent_uuid).collect();
    assert_eq!(above, [None, tracks[0].uuid, tracks[1].uuid, tracks[2].uuid]);
    let events = |kind| {
        let of_kind = move |packet: &&perfetto::TracePacket| {
            packet.track_event.as_ref().is_some_and(|event| event.r#type == Some(kind))
        };
        trace.packet.iter().filter(of_kind).collect::<Vec<_>>()
    };
    let (begun, ended) = (events(SLICE_BEGIN), events(SLICE_END));
    assert_eq!((begun.len(), ended.len()), (3, 3));
    for (begin, end) in begun.iter().zip(&ended) {
        assert!(begin.timestamp <= end.timestamp && begin.timestamp_clock_id == Some(3));
        let track =
            |packet: &perfetto::TracePacket| packet.track_event.as_ref().unwrap().track_uuid;
        assert_eq!(track(begin), track(end));
    }
    let flows: Vec<u64> =
        events(INSTANT).iter().flat_map(|p| p.track_event.clone().unwrap().flow_ids).collect();
    let ends: Vec<u64> =
        begun.iter().flat_map(|p| p.track_event.clone().unwrap().terminating_flow_ids).collect();
    assert_eq!((flows.len(), &flows), (2, &ends));
    let names: Vec<_> =
        events(INSTANT).iter().filter_map(|p| p.track_event.clone().unwrap().name).collect();
    assert_eq!(names, ["posix_spawn", "fork", "posix_spawn: EAGAIN"]);
}

#[test]
fn opentelemetrys_spans_are_below_each_other() {
    let request: Value = serde_json::from_str(&text("otlp", &sample())).unwrap();
    let spans = &request["resourceSpans"][0]["scopeSpans"][0]["spans"];
    let [make, sh, busybox] = &spans.as_array().unwrap()[..] else { panic!("{spans}") };
    assert_eq!((&make["name"], &make["parentSpanId"]), (&"make".into(), &"".into()));
    assert_eq!(sh["parentSpanId"], make["spanId"]);
    assert_eq!(busybox["parentSpanId"], sh["spanId"]);
    assert_eq!(make["traceId"].as_str().unwrap().len(), 32);
    assert_eq!(make["spanId"].as_str().unwrap().len(), 16);
    assert_eq!(make["startTimeUnixNano"], "1700000000000001000");
    assert_eq!((&make["status"]["code"], &sh["status"]["code"]), (&2.into(), &1.into()));
    let code = busybox["attributes"].as_array().unwrap();
    let code = code.iter().find(|attribute| attribute["key"] == "process.exit.code").unwrap();
    assert_eq!(code["value"]["intValue"], "3");
}

#[test]
fn a_traceparent_is_what_the_spans_belong_to() {
    let mut writer = Writer::new();
    let given = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    writer.done(by(10, 0, 0), Image::default(), &[b"/bin/sh", b"sh", b"/", given]);
    let request: Value = serde_json::from_str(&text("otlp", &writer)).unwrap();
    let span = &request["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!(span["traceId"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(span["parentSpanId"], "b7ad6b7169203331");
}

#[test]
fn findings_have_what_was_seen_what_it_cost_and_what_is_better() {
    let trace = many(&["make"], &["cc", "-c", "a.c"], 60);
    let findings = text("findings", &trace);
    for wanted in [
        "make was copied by fork of up to 3.00 GiB, 6.00 MiB of page tables, 60 times (300 ms in all), for an exec 1.00 µs later (median): posix_spawn copies nothing and takes about 100 µs",
        "cc -c a.c ran 60 times, all by make (120 µs together",
        "cc was executed in vain 60 times: it was found 60 times",
        "make never waited for 3 children",
        "make ran 60 commands one after the other (120 µs): -j lets it run several",
    ] {
        assert!(findings.contains(wanted), "{wanted} in {findings}");
    }
    let (first, _) = findings.split_once("\n  - cc").unwrap();
    assert!(first.contains("make was copied by"), "the most expensive is the first: {findings}");
    for format in ["tree", "summary"] {
        assert!(text(format, &trace).contains("Findings:\n  - make was copied"));
    }
    assert!(
        findings.contains("of the run's time): once, and its answer kept, may do"),
        "{findings}"
    );
    let pauses = text("findings", &many(&["make"], &["/bin/sleep", "1"], 60));
    assert!(!pauses.contains("sleep 1 ran"), "what gives no answer: {pauses}");
    let parallel = text("findings", &many(&["make", "-j2"], &["cc", "-c", "a.c"], 20));
    assert!(!parallel.contains("one after the other"), "{parallel}");
    assert!(text("findings", &sample()).starts_with("No findings.\n"));
}

#[test]
fn a_shell_that_is_not_needed_is_found() {
    let shell = |line: &str| {
        let mut writer = Writer::new();
        let words = argv(&["sh", "-c", line]);
        let sh = writer.done(by(10, 0, 0), Image::default(), &[b"/bin/sh", &words]);
        let exec = writer.open(by(10, sh, 70_000), Exec::default(), &[b"/bin/ls", b"ls"]);
        let image = Image { exec, ..Image::default() };
        writer.done(by(10, 0, 80_000), image, &[b"/bin/ls", b"ls"]);
        text("findings", &writer)
    };
    let wanted =
        "a shell was started once (80.0 µs) for a command that needs none, such as 'ls -l /'";
    assert!(shell("ls -l /").contains(wanted), "{}", shell("ls -l /"));
    for needed in ["ls *", "ls | wc", "A=1 ls", "exec ls", "cd /", "ls 'a b'", "  "] {
        assert!(shell(needed).starts_with("No findings."), "{needed}");
    }
}

#[test]
fn the_page_is_whole_and_loads_nothing() {
    let mut trace = sample();
    let words = argv(&["sh", "</script><script>alert(1)</script>", "<!--"]);
    trace.done(by(90, 0, 1), Image::default(), &[b"/bin/sh", &words]);
    let page = text("html", &trace);
    let (_, data) = page.split_once(r#"<script type="application/json" id="data">"#).unwrap();
    let (data, _) = data.split_once("</script>").unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["processes"].as_array().unwrap().len(), 4);
    assert_eq!(data["title"], "make -j2");
    assert_eq!(data["path"], serde_json::json!([[0, 0, 1999]]), "process, begin and end in µs");
    assert!(data["commands"][3].as_str().unwrap().contains("</script>"));
    assert_eq!(page.matches("</script>").count(), 2, "nothing of the trace ends an element");
    let (_, nonce) = page.split_once("script-src 'nonce-").unwrap();
    let (nonce, _) = nonce.split_once('\'').unwrap();
    assert_eq!(nonce.len(), 32);
    assert!(page.contains(&format!("<script nonce=\"{nonce}\">")) && !page.contains("@NONCE@"));
    assert!(page.contains("default-src 'none'") && !page.contains("http://"), "{nonce}");
    assert_ne!(page, text("html", &trace), "the nonce is another one each time");
}

#[test]
fn a_fork_for_an_exec_is_found_by_its_time_where_the_memory_is_unknown() {
    let findings = |took_ns: u64, resident: u64, has_child: bool, has_spawn: bool| {
        let mut writer = Writer::new();
        let image = Image::default();
        let program = writer.done(by(10, 0, 0), image, &[b"/bin/x", b"x"]);
        let begun = |ns| writer::START + ns;
        let create = Create { call: Call::Fork as u8, child: 11, ..Create::default() };
        let fork = Create { end_ns: begun(1_000 + took_ns), resident, ..create };
        let fork = writer.done(by(10, program, 1_000), fork, &[]);
        writer.done(by(11, fork, 2_000), Start::default(), &[]);
        if has_child {
            let other = Create { child: 12, end_ns: begun(3_000), ..create };
            writer.done(by(11, fork, 3_000), other, &[]);
        }
        writer.open(by(11, fork, 43_000), Exec::default(), &[b"/no/y", b"y"]);
        if has_spawn {
            let spawn = Create { flags: 0x4100, child: 13, end_ns: begun(90_000), ..create };
            writer.done(by(10, program, 50_000), spawn, &[]);
        }
        text("findings", &writer)
    };
    let found = "x was copied by fork once (5.00 ms), for an exec 41.0 µs later: posix_spawn copies nothing and takes";
    assert!(findings(5_000_000, 0, false, false).contains(&format!("{found} about 100 µs")));
    assert!(findings(5_000_000, 0, false, true).contains(&format!("{found} 40.0 µs here")));
    for (took_ns, resident, has_child) in
        [(1_000_000, 0, false), (5_000_000, 0, true), (5_000_000, 3 << 20, false)]
    {
        let other = findings(took_ns, resident, has_child, false);
        assert!(other.starts_with("No findings."), "{other}");
    }
}
