// SPDX-License-Identifier: MIT OR Apache-2.0
//! What both runs took, and what got slower and faster.

use super::align::Alignment;
use crate::model::{End, Process, Run};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Of a whole run.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub processes: usize,
    /// Processes that ended by a signal or with another status than 0.
    pub failed: usize,
    /// Creations and executions that failed.
    pub refused: usize,
    pub wall_ns: u64,
    pub cpu_ns: u64,
}

/// Of a program or a process, on one side.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    pub count: u64,
    /// From creation to end.
    pub wall_ns: u64,
    pub cpu_ns: u64,
    pub max_resident: u64,
}

/// A program or a pair of processes, on both sides.
#[derive(Debug, Clone)]
pub struct Change<What> {
    pub what: What,
    pub sides: [Figures; 2],
}

impl<What> Change<What> {
    /// How much more wall time B took.
    pub fn wall(&self) -> i128 {
        i128::from(self.sides[1].wall_ns) - i128::from(self.sides[0].wall_ns)
    }
}

/// What got slower, and what got faster, the most first.
pub struct Changes<What> {
    pub slower: Vec<Change<What>>,
    pub faster: Vec<Change<What>>,
}

impl<What> Changes<What> {
    /// Of those that differ by so much, and by a twentieth of the longer, the top ones.
    fn of(all: impl Iterator<Item = Change<What>>, threshold_ns: u64, top: usize) -> Self {
        let is_enough = |change: &Change<What>| {
            let longer = change.sides[0].wall_ns.max(change.sides[1].wall_ns);
            let by = change.wall().unsigned_abs();
            by > 0 && by >= u128::from(threshold_ns) && by >= u128::from(longer / 20)
        };
        let (mut slower, mut faster): (Vec<_>, Vec<_>) =
            all.filter(is_enough).partition(|change| change.wall() > 0);
        for changes in [&mut slower, &mut faster] {
            changes.sort_by_key(|change| Reverse(change.wall().unsigned_abs()));
            changes.truncate(top);
        }
        Changes { slower, faster }
    }
}

impl Totals {
    /// Of a run.
    pub fn of(run: &Run) -> Totals {
        let first = run.processes.iter().map(|process| process.begun_ns).min();
        let is_failed =
            |process: &&Process| matches!(process.end, End::Killed { .. } | End::Exited(1..));
        let executions = run.processes.iter().flat_map(|process| &process.execs);
        Totals {
            processes: run.processes.len(),
            failed: run.processes.iter().filter(is_failed).count(),
            refused: executions.filter(|exec| exec.failed.is_some()).count()
                + run.creations.iter().filter(|creation| creation.errno != 0).count(),
            wall_ns: run.end_ns.saturating_sub(first.unwrap_or(run.end_ns)),
            cpu_ns: run
                .processes
                .iter()
                .filter_map(|process| run.cpu(process))
                .fold(0, u64::saturating_add),
        }
    }
}

/// By name of the program.
pub fn programs(runs: [&Run; 2], threshold_ns: u64, top: usize) -> Changes<String> {
    let mut programs: BTreeMap<String, [Figures; 2]> = BTreeMap::new();
    for side in [0, 1] {
        for place in 0..runs[side].processes.len() {
            let figures = figures(runs[side], place);
            let sum = &mut programs.entry(runs[side].program(place)).or_default()[side];
            sum.count += figures.count;
            sum.wall_ns = sum.wall_ns.saturating_add(figures.wall_ns);
            sum.cpu_ns = sum.cpu_ns.saturating_add(figures.cpu_ns);
            sum.max_resident = sum.max_resident.max(figures.max_resident);
        }
    }
    let changes = programs.into_iter().map(|(what, sides)| Change { what, sides });
    Changes::of(changes, threshold_ns, top)
}

/// By process; those of which it is not known how long they lived are none.
pub fn processes(
    runs: [&Run; 2],
    alignment: &Alignment,
    threshold_ns: u64,
    top: usize,
) -> Changes<(usize, usize)> {
    let is_known = |side: usize, place: usize| {
        let process: &Process = &runs[side].processes[place];
        runs[side].duration(process).is_some()
    };
    let known = alignment.pairs.iter().copied().filter(|(a, b)| is_known(0, *a) && is_known(1, *b));
    let changes = known
        .map(|(a, b)| Change { what: (a, b), sides: [figures(runs[0], a), figures(runs[1], b)] });
    Changes::of(changes, threshold_ns, top)
}

fn figures(run: &Run, place: usize) -> Figures {
    let process = &run.processes[place];
    Figures {
        count: 1,
        wall_ns: run.duration(process).unwrap_or(0),
        cpu_ns: run.cpu(process).unwrap_or(0),
        max_resident: process.max_resident().unwrap_or(0),
    }
}
