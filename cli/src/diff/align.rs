// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which process of one run is which of the other: parents with parents, and below them
//! children with children.

use super::form::{forms, tokens};
use super::siblings::Siblings;
use super::volatile::Volatile;
use crate::model::Run;

/// Of two runs.
pub struct Alignment {
    /// For each side's processes, the other's.
    pub of: [Vec<Option<usize>>; 2],
    /// All pairs, parents before their children.
    pub pairs: Vec<(usize, usize)>,
}

impl Alignment {
    /// Aligns two runs.
    pub fn new(runs: [&Run; 2], volatile: &Volatile) -> Alignment {
        let forms = forms(runs, volatile);
        let mut alignment =
            Alignment { of: runs.map(|run| vec![None; run.processes.len()]), pairs: Vec::new() };
        let align = |left: [Vec<usize>; 2], pairs: &mut Vec<(usize, usize)>| {
            let mut siblings = Siblings {
                forms: [&forms[0], &forms[1]],
                tokens: |side: usize, place| tokens(runs[side], side, place, volatile),
                left,
                pairs: Vec::new(),
            };
            siblings.pair();
            siblings.pairs.sort_unstable();
            pairs.append(&mut siblings.pairs);
        };
        align(runs.map(|run| run.roots().collect()), &mut alignment.pairs);
        let mut next = 0;
        while let Some((a, b)) = alignment.pairs.get(next).copied() {
            next += 1;
            alignment.of[0][a] = Some(b);
            alignment.of[1][b] = Some(a);
            let children = [&runs[0].processes[a].children, &runs[1].processes[b].children];
            align(children.map(Vec::clone), &mut alignment.pairs);
        }
        alignment
    }

    /// Whether two processes are each other's.
    pub fn has(&self, a: usize, b: usize) -> bool {
        self.of[0][a] == Some(b)
    }
}
