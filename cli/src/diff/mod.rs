// SPDX-License-Identifier: MIT OR Apache-2.0
//! `clone3 diff`: two traces of the same thing.

mod align;
mod compare;
mod figures;
mod form;
mod json;
mod nodes;
mod siblings;
mod text;
mod volatile;

use crate::args::{Diff, DiffFormat};
use crate::model::Run;
use crate::report;
use align::Alignment;
use anyhow::Result;
use compare::{Comparer, Difference};
use figures::{Changes, Totals};
use nodes::{Item, Node};
use std::io::{BufWriter, Write};
use std::process::ExitCode;
use volatile::Volatile;

/// Everything that is shown.
pub struct Comparison<'a> {
    runs: [&'a Run; 2],
    nodes: Vec<Node>,
    totals: [Totals; 2],
    programs: Changes<String>,
    processes: Changes<(usize, usize)>,
}

/// How much of it is shown.
#[derive(Clone, Copy)]
pub struct Limits {
    top: usize,
    threshold_ns: u64,
    is_exact: bool,
}

/// Compares two files.
pub fn run(diff: &Diff) -> Result<ExitCode> {
    let runs = [report::whole(report::open(&diff.a)?), report::whole(report::open(&diff.b)?)];
    let threshold_ns = diff.threshold.saturating_mul(1_000_000);
    let limits = Limits { top: diff.top, threshold_ns, is_exact: diff.exact };
    let comparison = Comparison::of([&runs[0], &runs[1]], limits);
    let files = [&diff.a, &diff.b].map(|file| file.as_path());
    let written = match diff.format {
        // No colours but on a terminal.
        DiffFormat::Text => buffered(anstream::stdout().lock(), |out| {
            text::write(&comparison, files, report::width(diff.wide), out)
        }),
        DiffFormat::Json => {
            buffered(std::io::stdout().lock(), |out| json::write(&comparison, files, out))
        }
    };
    match written {
        // Where SIGPIPE is ignored: the reader has seen enough.
        Err(error) if !report::is_closed(&error) => Err(error),
        _ => Ok(ExitCode::from(u8::from(comparison.is_different()))),
    }
}

fn buffered<Out: Write>(
    out: Out,
    write: impl FnOnce(&mut BufWriter<Out>) -> Result<()>,
) -> Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, out);
    write(&mut out)?;
    Ok(out.flush()?)
}

impl<'a> Comparison<'a> {
    /// Compares two runs.
    pub fn of(runs: [&'a Run; 2], limits: Limits) -> Comparison<'a> {
        let volatile = Volatile::of(runs, limits.is_exact);
        let alignment = Alignment::new(runs, &volatile);
        let comparer = Comparer { runs, volatile: &volatile, alignment: &alignment };
        let (top, threshold_ns) = (limits.top, limits.threshold_ns);
        Comparison {
            runs,
            nodes: nodes::nodes(&comparer),
            totals: runs.map(Totals::of),
            programs: figures::programs(runs, threshold_ns, top),
            processes: figures::processes(runs, &alignment, threshold_ns, top),
        }
    }

    /// Whether anything but time and memory is different.
    pub fn is_different(&self) -> bool {
        !self.nodes.is_empty()
    }

    /// The difference that was first by A's clock, and where it is in the tree.
    fn first(&self) -> Option<(usize, &Difference)> {
        nodes::first(&self.nodes)
    }

    /// Times by A's clock are told from its beginning on.
    fn since_begin(&self, at_ns: u64) -> u64 {
        let begun = self.runs[0].processes.iter().map(|process| process.begun_ns).min();
        at_ns.saturating_sub(begun.unwrap_or(0))
    }

    /// What could not be seen, on both sides.
    fn blind_spots(&self) -> Vec<(&str, [u64; 2])> {
        let mut spots = std::collections::BTreeMap::<&str, [u64; 2]>::new();
        for side in [0, 1] {
            for (reason, count) in self.runs[side].blind.spots() {
                spots.entry(reason).or_default()[side] = count;
            }
        }
        spots.into_iter().collect()
    }

    /// How many processes a line is about that are not shown by lines of their own.
    fn below(&self, sizes: &[Vec<usize>; 2], item: Item) -> usize {
        match item {
            Item::Only(side, place) => sizes[side][place] - 1,
            Item::Same(count) => count,
            Item::Pair(..) | Item::Failed(..) => 0,
        }
    }

    /// The command line of a process, or what it is a copy of.
    fn command(&self, side: usize, place: usize) -> String {
        command(self.runs[side], place)
    }
}

fn command(run: &Run, place: usize) -> String {
    use crate::words::shell;
    let process = &run.processes[place];
    let parts = process.parts(u64::MAX);
    let words = parts.iter().map(|part| match part.path {
        None => {
            let call = process.creation.and_then(|creation| run.creations[creation].call);
            let how = call.map_or("unknown", |call| call.name());
            let of = process.parent.map_or_else(|| "?".into(), |parent| run.program(parent));
            format!("({how} of {})", shell(&[of]))
        }
        Some(path) if part.argv.is_empty() => shell(&[path]),
        Some(_) => shell(part.argv),
    });
    words.collect::<Vec<_>>().join(" ⇒ ")
}

#[cfg(test)]
mod tests;
