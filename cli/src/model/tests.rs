// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;
use crate::trace::Reader;
use crate::writer::{By, Fields, Writer, argv};
use clone3_trace as raw;

fn run(writer: &Writer) -> Run {
    let bytes = writer.bytes();
    let mut reader = Reader::new(&bytes[..]).unwrap();
    let mut builder = Builder::new(&reader.header, "/nowhere".as_ref());
    while let Some(record) = reader.next() {
        builder.add(&record);
    }
    builder.finish(reader.damaged)
}

fn by(pid: u32, origin: u64, ns: u64) -> By {
    By { pid, origin, ns }
}

fn image(writer: &mut Writer, by: By, exec: u64, words: &[&str]) -> u64 {
    let image = raw::Image { exec, parent: 1, bits: 64, ..raw::Image::default() };
    writer.done(by, image, &[words[0].as_bytes(), &argv(words), b"/tmp"])
}

fn create(call: raw::Call, child: i32) -> raw::Create {
    raw::Create { call: call as u8, child, ..raw::Create::default() }
}

fn wait(child: i32, status: i32) -> raw::Wait {
    let call = raw::Call::Waitpid as u8;
    raw::Wait { child, status, call, user_ns: 5, end_ns: 1, ..raw::Wait::default() }
}

fn exec(call: raw::Call, create: u64) -> raw::Exec {
    raw::Exec { call: call as u8, create, ..raw::Exec::default() }
}

fn put(writer: &mut Writer, by: By, fields: impl Fields) -> u64 {
    writer.done(by, fields, &[])
}

#[test]
fn a_number_used_again_is_another_process() {
    let mut writer = Writer::new();
    let shell = image(&mut writer, by(10, 0, 0), 0, &["sh"]);
    for (round, status) in [3 << 8, 9].into_iter().enumerate() {
        let child = put(&mut writer, by(10, shell, 1), create(raw::Call::Fork, 11));
        put(&mut writer, by(11, child, 2), raw::Start::default());
        let name = ["ls", "cat"][round];
        let exec =
            writer.open(by(11, child, 3), exec(raw::Call::Execve, 0), &[b"/bin/x", &argv(&[name])]);
        image(&mut writer, by(11, 0, 4), exec, &[name]);
        put(&mut writer, by(10, shell, 5), wait(11, status));
    }
    let run = run(&writer);
    assert_eq!(run.processes.len(), 3);
    assert_eq!(run.processes[0].children, [1, 2]);
    assert_eq!((run.program(1), run.program(2)), ("ls".into(), "cat".into()));
    assert_eq!(run.processes[1].end, End::Exited(3));
    assert_eq!(run.processes[2].end, End::Killed { signal: 9, core: false });
    let unknown: Vec<_> = run.blind.spots().collect();
    assert_eq!(unknown, [("processes whose end was not seen", 1)], "of the shell");
}

#[test]
fn a_spawned_child_is_that_of_its_creation() {
    let mut writer = Writer::new();
    let shell = image(&mut writer, by(10, 0, 0), 0, &["sh"]);
    let creation = put(&mut writer, by(10, shell, 1), create(raw::Call::PosixSpawn, 11));
    let exec = writer.open(
        by(10, shell, 2),
        exec(raw::Call::Spawned, creation),
        &[b"/bin/ls", &argv(&["ls"])],
    );
    let ls = image(&mut writer, by(11, 0, 3), exec, &["/bin/ls"]);
    put(&mut writer, by(11, ls, 4), raw::Exit { status: 2, user_ns: 7, ..raw::Exit::default() });
    let run = run(&writer);
    assert_eq!(run.processes.len(), 2);
    let child = &run.processes[1];
    assert_eq!((child.parent, child.pid, child.end), (Some(0), 11, End::Exited(2)));
    assert!(child.execs[0].seen && !child.is_hidden());
    assert_eq!(run.cpu(child), Some(7));
}

#[test]
fn a_vfork_child_writes_with_its_parents_origin() {
    let mut writer = Writer::new();
    let shell = image(&mut writer, by(10, 0, 0), 0, &["make"]);
    put(&mut writer, by(10, shell, 1), create(raw::Call::Vfork, 11));
    let failed = raw::Exec { errno: 2, ..exec(raw::Call::Execvp, 0) };
    writer.done(by(11, shell, 2), failed, &[b"/a/cc", &argv(&["cc"])]);
    writer.open(by(11, shell, 3), exec(raw::Call::Execvp, 0), &[b"/no/cc", &argv(&["cc", "-c"])]);
    let run = run(&writer);
    assert_eq!(run.processes.len(), 2);
    assert!(run.processes[0].execs.is_empty());
    assert_eq!(run.processes[1].execs[0].failed, Some(2));
    assert!(run.processes[1].is_hidden());
    assert_eq!(run.program(1), "cc");
    assert!(run.blind.spots().any(|(why, count)| why == "programs that ran unseen" && count == 1));
}

#[test]
fn what_a_creation_left_open_made_is_its_child() {
    let mut writer = Writer::new();
    let shell = image(&mut writer, by(10, 0, 0), 0, &["sh"]);
    let creation = writer.open(by(10, shell, 1), create(raw::Call::Fork, 0), &[]);
    put(&mut writer, by(11, creation, 2), raw::Start::default());
    let run = run(&writer);
    assert_eq!(run.processes[1].parent, Some(0));
    assert_eq!(run.processes[1].pid, 11);
    assert_eq!(run.creations[0].end_ns, None);
}

#[test]
fn lost_records_leave_what_numbers_tell() {
    let mut writer = Writer::new();
    let shell = image(&mut writer, by(10, 0, 0), 0, &["sh"]);
    // The creation of 11 is lost; its origin, and its creator's, are numbers of records.
    put(&mut writer, by(11, 77, 1), raw::Start { parent_origin: shell });
    put(&mut writer, by(11, 77, 2), raw::Exit::default());
    writer.dropped[0] = 4;
    put(&mut writer, by(10, shell, 3), raw::Gap { count: 3, reason: 0 });
    let run = run(&writer);
    assert_eq!(run.processes.len(), 2);
    assert_eq!(run.processes[1].parent, Some(0));
    assert_eq!(run.processes[1].end, End::Exited(0));
    assert!(run.blind.spots().any(|spot| spot == ("records lost: the trace was full", 4)));
}

#[test]
fn threads_failures_and_what_is_seen_from_outside() {
    let mut writer = Writer::new();
    let shell = image(&mut writer, by(10, 0, 0), 0, &["x"]);
    let thread = raw::Create { thread: 1, ..create(raw::Call::PthreadCreate, 0) };
    put(&mut writer, by(10, shell, 1), thread);
    put(&mut writer, by(10, shell, 2), raw::Create { errno: 11, ..create(raw::Call::Fork, -1) });
    let outside = raw::Wait { call: raw::Call::Outside as u8, ..wait(10, 11) };
    put(&mut writer, by(5, 0, 3), outside);
    put(&mut writer, by(10, shell, 4), raw::Wait { status: 0x137f, ..wait(10, 0) });
    let run = run(&writer);
    assert_eq!((run.processes.len(), run.processes[0].threads), (1, 1));
    assert_eq!(run.processes[0].end, End::Killed { signal: 11, core: false });
    assert_eq!(run.creations[1].errno, 11);
    assert_eq!(run.blind.spots().count(), 0);
}

#[test]
fn a_copy_has_the_name_of_what_its_creator_was_then() {
    let mut writer = Writer::new();
    let bash = image(&mut writer, by(10, 0, 0), 0, &["/bin/bash"]);
    let fork = put(&mut writer, by(10, bash, 1), create(raw::Call::Fork, 11));
    put(&mut writer, by(11, fork, 2), create(raw::Call::Fork, 12));
    let exec = writer.open(by(10, bash, 5), exec(raw::Call::Execve, 0), &[b"/bin/python3", b"p"]);
    let python = image(&mut writer, by(10, 0, 6), exec, &["/bin/python3"]);
    put(&mut writer, by(10, python, 7), create(raw::Call::Fork, 13));
    let run = run(&writer);
    let names: Vec<String> = (0..4).map(|place| run.program(place)).collect();
    assert_eq!(names, ["python3", "bash", "bash", "python3"]);
}

#[test]
fn what_wordexp_runs_is_by_it_and_where_nothing_is_seen_that_is_told() {
    let mut writer = Writer::new();
    let program = image(&mut writer, by(10, 0, 0), 0, &["/bin/x"]);
    let until = |ns| crate::writer::START + ns;
    let call = |end_ns| raw::Create { end_ns: until(end_ns), ..create(raw::Call::Wordexp, 0) };
    put(&mut writer, by(10, program, 10), call(50));
    for (pid, ns) in [(11, 20), (12, 30), (13, 70)] {
        let shell = raw::Image { parent: 10, ..raw::Image::default() };
        writer.done(by(pid, 0, ns), shell, &[b"/bin/sh", b"sh", b"/"]);
    }
    put(&mut writer, by(10, program, 80), call(90));
    let run = run(&writer);
    let creations: Vec<_> = run.processes.iter().map(|process| process.creation).collect();
    assert_eq!(creations, [None, Some(0), Some(0), None]);
    assert_eq!((run.creations[0].process, run.creations[1].process), (Some(1), None));
    assert!(run.processes[1..].iter().all(|shell| shell.parent == Some(0)));
    assert!(run.blind.spots().any(|(why, count)| why.contains("wordexp()") && count == 1));
}
