// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two runs, compared: everything that is shown of them.

use super::align::Alignment;
use super::compare::{Comparer, Difference};
use super::figures::{self, Changes, Totals};
use super::nodes::{self, Item, Node};
use super::volatile::Volatile;
use crate::model::Run;
use crate::words::shell;
use std::collections::BTreeMap;

/// Everything that is shown.
pub struct Comparison<'a> {
    pub runs: [&'a Run; 2],
    pub nodes: Vec<Node>,
    pub totals: [Totals; 2],
    pub programs: Changes<String>,
    pub processes: Changes<(usize, usize)>,
}

/// How much of it is shown.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    pub top: usize,
    pub threshold_ns: u64,
    pub is_exact: bool,
    /// The names of kinds of differences that are none.
    pub ignored: &'a [String],
}

impl<'a> Comparison<'a> {
    /// Compares two runs.
    pub fn of(runs: [&'a Run; 2], limits: Limits) -> Comparison<'a> {
        let volatile = Volatile::of(runs, limits.is_exact);
        let alignment = Alignment::new(runs, &volatile);
        let comparer =
            Comparer { runs, volatile: &volatile, alignment: &alignment, ignored: limits.ignored };
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
    pub fn first(&self) -> Option<(usize, &Difference)> {
        nodes::first(&self.nodes)
    }

    /// Times by A's clock are told from its beginning on.
    pub fn since_begin(&self, at_ns: u64) -> u64 {
        let begun = self.runs[0].processes.iter().map(|process| process.begun_ns).min();
        at_ns.saturating_sub(begun.unwrap_or(0))
    }

    /// What could not be seen, on both sides.
    pub fn blind_spots(&self) -> Vec<(&str, [u64; 2])> {
        let mut spots = BTreeMap::<&str, [u64; 2]>::new();
        for side in [0, 1] {
            for (reason, count) in self.runs[side].blind.spots() {
                spots.entry(reason).or_default()[side] = count;
            }
        }
        spots.into_iter().collect()
    }

    /// How many processes a line is about that are not shown by lines of their own.
    pub fn below(&self, sizes: &[Vec<usize>; 2], item: Item) -> usize {
        match item {
            Item::Only(side, place) => sizes[side][place] - 1,
            Item::Same(count) => count,
            Item::Pair(..) | Item::Failed(..) => 0,
        }
    }

    /// The command line of a process, or what it is a copy of.
    pub fn command(&self, side: usize, place: usize) -> String {
        command(self.runs[side], place)
    }
}

/// The command line of a process, or what it is a copy of.
pub fn command(run: &Run, place: usize) -> String {
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
