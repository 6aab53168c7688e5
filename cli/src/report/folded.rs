// SPDX-License-Identifier: MIT OR Apache-2.0
//! Collapsed stacks: a line for each chain of programs from the root down, and its weight, as
//! flame graph tools read them.

use crate::model::Run;
use crate::words::is_printable;
use anyhow::Result;
use std::collections::BTreeMap;
use std::io::Write;

/// Deeper processes count for the one at this depth.
const DEEPEST: usize = 200;

/// What a line's number is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// µs in which the process was there and none of its children was.
    Time,
    /// Processes.
    Count,
}

/// Writes the lines.
pub fn write(run: &Run, weight: Weight, out: &mut impl Write) -> Result<()> {
    let mut lines: BTreeMap<String, u64> = BTreeMap::new();
    let mut todo: Vec<(usize, String, usize)> =
        run.roots().map(|place| (place, String::new(), 0)).collect();
    while let Some((place, above, depth)) = todo.pop() {
        let stack = match depth {
            0 => frame(&run.program(place)),
            1..DEEPEST => format!("{above};{}", frame(&run.program(place))),
            _ => above,
        };
        let own = match weight {
            Weight::Count => 1,
            Weight::Time => alone(run, place) / 1_000,
        };
        let process = &run.processes[place];
        todo.extend(process.children.iter().map(|child| (*child, stack.clone(), depth + 1)));
        if own != 0 {
            let known = lines.entry(stack).or_default();
            *known = known.saturating_add(own);
        }
    }
    for (stack, weight) in lines {
        writeln!(out, "{stack} {weight}")?;
    }
    Ok(())
}

/// A name without what separates frames, lines and weights, and what is not printable.
fn frame(name: &str) -> String {
    let clean = |c: char| if c == ';' || c.is_whitespace() || !is_printable(c) { '_' } else { c };
    name.chars().map(clean).collect()
}

/// How long a process was there without any of its children, in ns.
fn alone(run: &Run, place: usize) -> u64 {
    let process = &run.processes[place];
    let (begun, until) = (process.begun_ns, run.until(process));
    let mut times: Vec<(u64, u64)> = process
        .children
        .iter()
        .map(|child| &run.processes[*child])
        .map(|child| (child.begun_ns.max(begun), run.until(child).min(until)))
        .collect();
    times.sort_unstable();
    let (mut alone, mut at) = (0, begun);
    for (from, to) in times {
        alone += from.saturating_sub(at);
        at = at.max(to);
    }
    alone + until.saturating_sub(at)
}
