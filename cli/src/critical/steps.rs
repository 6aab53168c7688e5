// SPDX-License-Identifier: MIT OR Apache-2.0
//! What each process did with its children, in the order of time: whom it made, for whom it
//! waited, and whether that held it up.

use super::overlap::Overlap;
use crate::model::{Run, Waited};

/// A wait may come so much later than the end of what it tells of, and the process have
/// waited for that end nevertheless: for a pipe to close, in poll(2), for SIGCHLD. An end is
/// recorded by the process that ends, before the kernel takes it down.
pub const REACTION: u64 = 10_000_000;

/// Something that a process did with a child.
#[derive(Debug)]
pub struct Step {
    /// When it was done.
    pub at_ns: u64,
    /// What it was.
    pub what: What,
    /// What it had to wait for before.
    pub held: Option<Held>,
}

#[derive(Debug, Clone, Copy)]
pub enum What {
    /// It made this one.
    Makes(usize),
    /// It was told of a child's end; none where nothing else is known of that one.
    Waits(Option<usize>),
}

/// Time in which a process did nothing but wait.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    /// For whose end, if that is known,
    pub by: Option<usize>,
    /// from when,
    pub from_ns: u64,
    /// and until when.
    pub until_ns: u64,
}

/// Those of a run.
pub struct Steps {
    steps: Vec<Vec<Step>>,
}

impl Steps {
    pub fn of(run: &Run) -> Steps {
        let mut made = vec![false; run.processes.len()];
        let of = |place| steps(run, place, &mut made);
        Steps { steps: (0..run.processes.len()).map(of).collect() }
    }

    /// Looks once more at those of a process, with what came before each.
    pub fn look_again(&mut self, place: usize, begun: u64, mut look: impl FnMut(&mut Step, u64)) {
        let mut before = begun;
        for step in &mut self.steps[place] {
            look(step, before);
            before = before.max(step.at_ns);
        }
    }

    /// A process's.
    pub fn by(&self, place: usize) -> &[Step] {
        &self.steps[place]
    }

    /// Processes that ran: were there and did not wait for a child; only between these times.
    pub fn running(&self, run: &Run, from: u64, to: u64) -> Overlap {
        let mut spans = Vec::new();
        for (place, process) in run.processes.iter().enumerate() {
            let mut at = process.begun_ns;
            for step in &self.steps[place] {
                if let Some(held) = step.held {
                    spans.push((at, held.from_ns));
                    at = at.max(held.until_ns);
                }
            }
            spans.push((at, run.until(process)));
        }
        Overlap::of(spans.into_iter().map(|(begin, end)| (begin.max(from), end.min(to))))
    }
}

/// When a process was made: when the call was made, as far as that is known.
pub fn made_at(run: &Run, place: usize) -> u64 {
    let process = &run.processes[place];
    process.creation.map_or(process.begun_ns, |creation| run.creations[creation].begun_ns)
}

fn steps(run: &Run, place: usize, made: &mut [bool]) -> Vec<Step> {
    enum Raw<'a> {
        Makes(usize),
        Waits(&'a Waited),
    }
    let process = &run.processes[place];
    let makes = process.children.iter().map(|child| (made_at(run, *child), Raw::Makes(*child)));
    let waits = process.waits.iter().map(|wait| (wait.end_ns, Raw::Waits(wait)));
    // What ends comes before what begins at the same time.
    let mut raw: Vec<(u64, Raw)> = waits.chain(makes).collect();
    raw.sort_by_key(|(at, _)| *at);
    let mut before = process.begun_ns;
    let mut steps = Vec::with_capacity(raw.len());
    for (at_ns, what) in raw {
        let (what, held) = match what {
            Raw::Makes(child) => {
                made[child] = true;
                (What::Makes(child), None)
            }
            Raw::Waits(wait) => {
                // A child's end comes after its beginning, whatever a damaged trace says.
                let is_own =
                    |child: &usize| run.processes[*child].parent == Some(place) && made[*child];
                let child = wait.child.filter(is_own);
                (What::Waits(child), held(run, child, wait, before))
            }
        };
        before = before.max(at_ns);
        steps.push(Step { at_ns, what, held });
    }
    steps
}

/// Whether a wait, or what came before it, did nothing but wait. The step before that one was
/// at `before`.
fn held(run: &Run, child: Option<usize>, wait: &Waited, before: u64) -> Option<Held> {
    let Some(child) = child else {
        return Some(Held { by: None, from_ns: wait.begun_ns, until_ns: wait.end_ns });
    };
    let over = run.until(&run.processes[child]).min(wait.end_ns);
    if over >= wait.begun_ns {
        return Some(Held { by: Some(child), from_ns: wait.begun_ns, until_ns: over });
    }
    reacted(child, before, over, wait.begun_ns)
}

/// Whether a process that did something at one time, and before that at another, waited
/// between for the end of `by`: if it came soon after that.
pub fn reacted(by: usize, before: u64, over: u64, at: u64) -> Option<Held> {
    let soon = REACTION.max(over.saturating_sub(before) / 10);
    let is_soon = before <= over && at.saturating_sub(over) <= soon;
    is_soon.then_some(Held { by: Some(by), from_ns: before, until_ns: over })
}
