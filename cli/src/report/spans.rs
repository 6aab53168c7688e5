// SPDX-License-Identifier: MIT OR Apache-2.0
//! The spans of a run: their numbers, those that programs were given in TRACEPARENT, and what
//! they are below.
//!
//! A process has a span from its beginning to its end, which its first program has the number
//! of, and below it one for each further program that it executed. It is below the program that
//! made it, unless what executed it told it to be below another span: so the spans that
//! programs made themselves are where they belong.

use crate::model::{Part, Run};
use clone3_trace::{Context, Spans, TRACEPARENT};
use std::collections::HashSet;
use std::ops::Range;

/// Beyond the records that there can be: for processes without any.
const NO_RECORD: u64 = 1 << 63;

/// A process, or a further program of one.
pub struct Span<'a> {
    /// The process.
    pub process: usize,
    /// The program.
    pub part: Part<'a>,
    /// Whether it is the process's, with its first program.
    pub is_first: bool,
    /// Whether the process executed no other.
    pub is_last: bool,
    /// Its number.
    pub id: u64,
    /// The number of the trace that it belongs to.
    pub trace: [u8; 32],
    /// The span that it is below.
    pub parent: Option<u64>,
    /// What the program, or the nearest one above that said so, had in TRACEPARENT.
    had: Option<Context>,
}

/// All, those of a process one after the other.
pub fn all(run: &Run) -> Vec<Span<'_>> {
    let numbers = Spans::new(run.header.realtime_start, run.header.monotonic_start);
    let mut all: Vec<Span> = Vec::new();
    let mut places: Vec<Range<usize>> = Vec::new();
    let mut ids = HashSet::new();
    for (process, about) in run.processes.iter().enumerate() {
        let first = all.len();
        // Who made it is known before.
        let maker = about.parent.and_then(|parent| places.get(parent).cloned());
        let maker = maker.map(|spans| maker_at(&all, spans, about.begun_ns));
        let parts = about.parts(run.until(about));
        let count = parts.len();
        for (number, part) in parts.into_iter().enumerate() {
            let id = numbers.of(record(run, process, number, &part));
            ids.insert(id);
            let above = if number == 0 { maker } else { Some(first) }.and_then(|at| all.get(at));
            let had = Context::of(part.traceparent);
            // By the program that executed it, or by one in between that is not traced.
            let told = part.changed.strip_prefix(TRACEPARENT).and_then(Context::of).or_else(|| {
                had.filter(|had| !ids.contains(&had.parent))
                    .filter(|had| above.is_none_or(|above| above.had != Some(*had)))
            });
            let (trace, parent) = match (told, above) {
                (Some(told), _) => (told.trace, Some(told.parent)),
                (None, Some(above)) => (above.trace, Some(above.id)),
                // What `clone3 run --traceparent` began.
                (None, None) => (had.map_or(numbers.trace(), |had| had.trace), None),
            };
            let had = had.or_else(|| above.and_then(|above| above.had));
            let (is_first, is_last) = (number == 0, number + 1 == count);
            all.push(Span { process, part, is_first, is_last, id, trace, parent, had });
        }
        places.push(first..all.len());
    }
    all
}

/// The last one that had begun then, or the first.
fn maker_at(all: &[Span], spans: Range<usize>, at_ns: u64) -> usize {
    let begun = all.get(spans.clone()).unwrap_or_default();
    spans.start + begun.partition_point(|span| span.part.begun_ns <= at_ns).saturating_sub(1)
}

/// The record that a span has its number from.
fn record(run: &Run, process: usize, number: usize, part: &Part) -> u64 {
    let creation = run.processes[process].creation.map(|creation| run.creations[creation].name);
    match part.record {
        0 if number == 0 => creation.unwrap_or(NO_RECORD + process as u64),
        name => name,
    }
}
