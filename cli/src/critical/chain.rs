// SPDX-License-Identifier: MIT OR Apache-2.0
//! The critical path: from the end of a process back to its beginning, through the processes
//! that it was held up by.

use super::steps::{Held, Steps, made_at};
use crate::model::{Process, Run};

/// A link of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Who was at it,
    pub process: usize,
    /// at what,
    pub kind: Kind,
    /// from when,
    pub from_ns: u64,
    /// and until when.
    pub to_ns: u64,
}

/// What a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The process itself.
    Runs,
    /// The same, of a program without the library.
    Unseen,
    /// The call that makes a process, until that one begins.
    Creates,
    /// It waits for a child that the trace does not have.
    Waits,
}

impl Kind {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Runs => "runs",
            Kind::Unseen => "unseen",
            Kind::Creates => "creates",
            Kind::Waits => "waits",
        }
    }
}

impl Link {
    pub fn took(&self) -> u64 {
        self.to_ns.saturating_sub(self.from_ns)
    }
}

/// The chain that ends where that process does. Each step is taken at most once and each
/// process left for its creator at most once, so it ends whatever the times are.
pub fn to_the_end_of(run: &Run, steps: &Steps, root: usize) -> Vec<Link> {
    let mut left: Vec<usize> = (0..run.processes.len()).map(|one| steps.by(one).len()).collect();
    let mut is_left = vec![false; run.processes.len()];
    let hidden = run.processes.iter().map(Process::hidden_since).collect();
    let mut links = Links { hidden, links: Vec::new() };
    let (mut process, mut to) = (root, run.until(&run.processes[root]));
    loop {
        if let Some(held) = last_held(steps, process, to, &mut left[process]) {
            let until = held.until_ns.min(to);
            links.add(process, Kind::Runs, until, to);
            to = until;
            match held.by {
                Some(other) => process = other,
                None => {
                    to = held.from_ns.min(until);
                    links.add(process, Kind::Waits, to, until);
                }
            }
            continue;
        }
        let begun = run.processes[process].begun_ns.min(to);
        links.add(process, Kind::Runs, begun, to);
        let parent = run.processes[process].parent;
        let Some(parent) = parent.filter(|_| process != root && !is_left[process]) else { break };
        is_left[process] = true;
        let made = made_at(run, process).min(begun);
        links.add(parent, Kind::Creates, made, begun);
        (process, to) = (parent, made);
    }
    links.links.reverse();
    links.links
}

/// The last step until then that a process had to wait for.
fn last_held(steps: &Steps, process: usize, to: u64, left: &mut usize) -> Option<Held> {
    while let Some(step) = left.checked_sub(1).and_then(|last| steps.by(process).get(last)) {
        *left -= 1;
        if step.held.is_some() && step.at_ns <= to {
            return step.held;
        }
    }
    None
}

struct Links {
    /// By process: since when its program has no library.
    hidden: Vec<Option<u64>>,
    links: Vec<Link>,
}

impl Links {
    fn add(&mut self, process: usize, kind: Kind, from_ns: u64, to_ns: u64) {
        let kind = match kind {
            Kind::Runs if self.hidden[process].is_some_and(|since| since < to_ns) => Kind::Unseen,
            kind => kind,
        };
        if from_ns < to_ns {
            self.links.push(Link { process, kind, from_ns, to_ns });
        }
    }
}
