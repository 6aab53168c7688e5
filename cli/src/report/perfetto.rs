// SPDX-License-Identifier: MIT OR Apache-2.0
//! Perfetto's protobuf: a track for each process below its creator's, a slice for each program
//! that it was, an arrow from the creation to the child.

use super::perfetto_messages::*;
use crate::model::{End, Process, Run};
use crate::notation::signal_in_words;
use crate::words::{errno, shell};
use anyhow::Result;
use prost::Message;
use std::io::Write;

/// Our packets are one sequence.
const SEQUENCE: u32 = 1;
/// SEQ_INCREMENTAL_STATE_CLEARED.
const FIRST_OF_SEQUENCE: u32 = 1;
/// The track of all.
const ALL: u64 = 1;

/// Writes a trace.
pub fn write(run: &Run, out: &mut impl Write) -> Result<()> {
    put(out, clocks(run))?;
    let name = run.roots().next().map_or_else(|| "processes".into(), |root| run.program(root));
    let all = TrackDescriptor {
        uuid: Some(ALL),
        name: Some(name),
        child_ordering: Some(EXPLICIT),
        ..TrackDescriptor::default()
    };
    put(out, TracePacket { track_descriptor: Some(all), ..TracePacket::default() })?;
    for place in 0..run.processes.len() {
        track(run, place, out)?;
        programs(run, place, out)?;
    }
    for (place, creation) in run.creations.iter().enumerate() {
        let call = creation.call.map_or("?", |call| call.name());
        let mut event = event(creation.by, INSTANT, "creation");
        event.name = Some(match creation.errno {
            0 => call.into(),
            number => format!("{call}: {}", errno(number)),
        });
        if creation.process.is_some() {
            event.flow_ids.push(place as u64 + 1);
        }
        put(out, at(creation.begun_ns, event))?;
    }
    Ok(())
}

/// Times are CLOCK_MONOTONIC, so that the file opens beside others of the same machine.
fn clocks(run: &Run) -> TracePacket {
    let clock =
        |clock_id, timestamp| Clock { clock_id: Some(clock_id), timestamp: Some(timestamp) };
    let snapshot = ClockSnapshot {
        clocks: vec![
            clock(MONOTONIC, run.header.monotonic_start),
            clock(REALTIME, run.header.realtime_start),
        ],
        primary_trace_clock: Some(MONOTONIC as i32),
    };
    TracePacket {
        clock_snapshot: Some(snapshot),
        sequence_flags: Some(FIRST_OF_SEQUENCE),
        ..TracePacket::default()
    }
}

fn track(run: &Run, place: usize, out: &mut impl Write) -> Result<()> {
    let process = &run.processes[place];
    let track = TrackDescriptor {
        uuid: Some(uuid(place)),
        name: Some(format!("{} {}", run.program(place), process.pid)),
        parent_uuid: Some(process.parent.map_or(ALL, uuid)),
        child_ordering: Some(EXPLICIT),
        sibling_order_rank: Some(place as i32),
    };
    put(out, TracePacket { track_descriptor: Some(track), ..TracePacket::default() })
}

/// A slice for each program, one after the other.
fn programs(run: &Run, place: usize, out: &mut impl Write) -> Result<()> {
    let process = &run.processes[place];
    let parts = process.parts(run.until(process));
    for (number, part) in parts.iter().enumerate() {
        let mut event = event(place, SLICE_BEGIN, "process");
        event.name = Some(match part.path {
            None => format!("({})", run.program(place)),
            Some(path) if part.argv.is_empty() => shell(&[path]),
            Some(_) => shell(part.argv),
        });
        if number == 0 {
            event.terminating_flow_ids.extend(process.creation.map(|place| place as u64 + 1));
        }
        if number + 1 == parts.len() {
            event.debug_annotations = annotations(run, process);
        }
        put(out, at(part.begun_ns, event))?;
        let end = self::event(place, SLICE_END, "process");
        put(out, at(part.until_ns.max(part.begun_ns), end))?;
    }
    Ok(())
}

fn annotations(run: &Run, process: &Process) -> Vec<DebugAnnotation> {
    let number = |name: &str, value: u64| DebugAnnotation {
        name: Some(name.into()),
        uint_value: Some(value),
        ..DebugAnnotation::default()
    };
    let text = |name: &str, value: String| DebugAnnotation {
        name: Some(name.into()),
        string_value: Some(value),
        ..DebugAnnotation::default()
    };
    let mut all = vec![number("pid", process.pid.into())];
    match process.end {
        End::Exited(status @ 0..) => all.push(number("status", status as u64)),
        End::Killed { signal, .. } => all.push(text("killed by", signal_in_words(signal))),
        End::Alive => all.push(text("end", "alive".into())),
        End::Exited(_) | End::Unknown => {}
    }
    all.extend(run.cpu(process).map(|cpu| number("cpu_ns", cpu)));
    all.extend(process.max_resident().map(|most| number("max_resident", most)));
    if let Some(image) = process.images.last() {
        all.push(text("cwd", String::from_utf8_lossy(&image.cwd).into_owned()));
    }
    all
}

fn uuid(place: usize) -> u64 {
    ALL + 1 + place as u64
}

fn event(place: usize, kind: i32, category: &str) -> TrackEvent {
    TrackEvent {
        r#type: Some(kind),
        track_uuid: Some(uuid(place)),
        categories: vec![category.into()],
        ..TrackEvent::default()
    }
}

fn at(ns: u64, event: TrackEvent) -> TracePacket {
    TracePacket {
        timestamp: Some(ns),
        timestamp_clock_id: Some(MONOTONIC),
        track_event: Some(event),
        ..TracePacket::default()
    }
}

fn put(out: &mut impl Write, mut packet: TracePacket) -> Result<()> {
    packet.trusted_packet_sequence_id = Some(SEQUENCE);
    // A trace is a message of packets: each can be written as a trace of one.
    Ok(out.write_all(&Trace { packet: vec![packet] }.encode_to_vec())?)
}
