// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who schedules jobs. make, ninja and the like start what may run at the same time one after
//! the other if they were told to; of other programs the order is taken to be meant.

use super::overlap::Overlap;
use super::steps::{REACTION, Steps, What, made_at, reacted};
use crate::model::{Process, Run, base_name};
use std::collections::BTreeMap;

/// What is known of a run's.
pub struct Jobs {
    /// By process: whose number of jobs it keeps to, if it schedules jobs; a make's is that of
    /// the make above it.
    schedulers: Vec<Option<usize>>,
    /// By process: whether it is a make that keeps to another one's number, or leads to one. It
    /// is no job itself: its jobs are.
    shares: Vec<bool>,
    /// By process: whether others keep to its number.
    shared: Vec<bool>,
    /// By process: whether it or one below schedules jobs.
    open: Vec<bool>,
    /// By whose number: the jobs.
    jobs: BTreeMap<usize, Overlap>,
}

impl Jobs {
    /// Adds to the steps which jobs had to wait for a place that another make gave back.
    pub fn of(run: &Run, steps: &mut Steps) -> Jobs {
        let count = run.processes.len();
        let mut schedulers = vec![None; count];
        // The make whose jobserver a make here is given.
        let mut given: Vec<Option<usize>> = vec![None; count];
        for (place, process) in run.processes.iter().enumerate() {
            // Parents come first.
            let above = process.parent.and_then(|parent| given[parent]);
            schedulers[place] = match schedules(process) {
                Some(Scheduler::Make) => above.or(Some(place)),
                Some(Scheduler::Other) => Some(place),
                None => None,
            };
            given[place] = match schedules(process) {
                Some(Scheduler::Make) => schedulers[place],
                Some(Scheduler::Other) => None,
                None => above,
            };
        }
        let mut open: Vec<bool> = schedulers.iter().map(Option::is_some).collect();
        let keeps = |(place, of): (usize, &Option<usize>)| of.is_some_and(|of| of != place);
        let mut shares: Vec<bool> = schedulers.iter().enumerate().map(keeps).collect();
        for place in (0..count).rev() {
            if let Some(parent) = run.processes[place].parent {
                open[parent] |= open[place];
                shares[parent] |= shares[place] && schedulers[parent].is_none();
            }
        }
        let mut shared = vec![false; count];
        for (place, of) in schedulers.iter().enumerate() {
            if let Some(of) = of.filter(|of| *of != place) {
                shared[of] = true;
            }
        }
        let mut jobs = Jobs { schedulers, shares, shared, open, jobs: BTreeMap::new() };
        let heard = jobs.heard(run, steps);
        jobs.jobs = jobs.overlaps(run, &heard);
        jobs.look_for_places(run, steps, &heard);
        jobs
    }

    /// By process: when its scheduler heard that it is over. Until then a job keeps its place.
    fn heard(&self, run: &Run, steps: &Steps) -> Vec<u64> {
        let mut heard: Vec<u64> = run.processes.iter().map(|process| run.until(process)).collect();
        for place in (0..heard.len()).filter(|place| self.schedules(*place)) {
            for step in steps.by(place) {
                if let What::Waits(Some(child)) = step.what {
                    heard[child] = heard[child].max(step.at_ns);
                }
            }
        }
        heard
    }

    fn overlaps(&self, run: &Run, heard: &[u64]) -> BTreeMap<usize, Overlap> {
        let mut spans: BTreeMap<usize, Vec<(u64, u64)>> = BTreeMap::new();
        for (place, heard) in heard.iter().enumerate() {
            if let Some(of) = self.slot(run, place) {
                spans.entry(of).or_default().push((made_at(run, place), *heard));
            }
        }
        spans.into_iter().map(|(of, spans)| (of, Overlap::of(spans.into_iter()))).collect()
    }

    /// A make whose jobs are counted with another one's may have to wait for a place. It
    /// says nothing of that: what it began soon after the end of another's, when no more could
    /// run before, waited for it.
    fn look_for_places(&self, run: &Run, steps: &mut Steps, heard: &[u64]) {
        let mut ends: BTreeMap<usize, Vec<(u64, usize)>> = BTreeMap::new();
        for (place, heard) in heard.iter().enumerate() {
            if let Some(of) = self.slot(run, place).filter(|of| self.shared[*of]) {
                ends.entry(of).or_default().push((*heard, place));
            }
        }
        ends.values_mut().for_each(|ends| ends.sort_unstable());
        for (place, process) in run.processes.iter().enumerate() {
            let Some(of) = self.schedulers[place].filter(|of| self.shared[*of]) else { continue };
            let (Some(ends), Some(jobs)) = (ends.get(&of), self.jobs.get(&of)) else { continue };
            steps.look_again(place, process.begun_ns, |step, before| {
                let What::Makes(child) = step.what else { return };
                let last = ends.partition_point(|(heard, _)| *heard <= step.at_ns);
                let Some((heard, other)) = last.checked_sub(1).map(|last| ends[last]) else {
                    return;
                };
                let over = run.until(&run.processes[other]);
                let is_job = self.slot(run, child).is_some() && other != child;
                if is_job && heard >= before && jobs.before(over, 0) >= jobs.most {
                    step.held = reacted(other, before, over, step.at_ns);
                }
            });
        }
    }

    /// Whether a process schedules jobs.
    pub fn schedules(&self, place: usize) -> bool {
        self.schedulers[place].is_some()
    }

    /// Whether it or one below does.
    pub fn is_open(&self, place: usize) -> bool {
        self.open[place]
    }

    /// Whose number of jobs a process counts in, if it is a job.
    pub fn slot(&self, run: &Run, place: usize) -> Option<usize> {
        let parent = run.processes[place].parent?;
        self.schedulers[parent].filter(|_| !self.shares[place])
    }

    /// How many jobs ran at a time, at most, of those of one number.
    pub fn most(&self) -> Option<usize> {
        self.jobs.values().map(|jobs| jobs.most).max()
    }

    /// How many jobs there were.
    pub fn count(&self) -> usize {
        self.jobs.values().map(Overlap::count).sum()
    }

    /// Whether another job could have run beside a scheduler's child when that one ended: at
    /// other times more did. Between several makes, a place that was given back shortly before
    /// may have been on its way to the next one.
    pub fn had_room(&self, run: &Run, child: usize) -> bool {
        let process = &run.processes[child];
        let of = process.parent.and_then(|parent| self.schedulers[parent]);
        let Some(of) = of else { return false };
        let Some(jobs) = self.jobs.get(&of) else { return false };
        // A make that shares keeps a place until it ends.
        let own = usize::from(self.shares[child]);
        let until = run.until(process);
        let took = until.saturating_sub(process.begun_ns);
        let shortly = if self.shared[of] { REACTION.max(took / 10) } else { 0 };
        jobs.before(until, shortly) + own < jobs.most
    }
}

#[derive(Clone, Copy)]
enum Scheduler {
    Make,
    Other,
}

/// By its last program.
fn schedules(process: &Process) -> Option<Scheduler> {
    let words = process.words().unwrap_or_default();
    match &base_name(process.path()?)[..] {
        "make" | "gmake" => Some(Scheduler::Make),
        "ninja" | "ninja-build" | "samu" | "parallel" => Some(Scheduler::Other),
        "xargs" if has_max_procs(words) => Some(Scheduler::Other),
        // GNU parallel is a script.
        "perl" if words.get(1).is_some_and(|script| base_name(script) == "parallel") => {
            Some(Scheduler::Other)
        }
        _ => None,
    }
}

/// Whether xargs has an option -P, which may stand behind others that are a letter each.
fn has_max_procs(words: &[Vec<u8>]) -> bool {
    let mut words = words.iter().skip(1);
    while let Some(option) = words.next().and_then(|word| word.strip_prefix(b"-")) {
        let letters = option.iter().position(|letter| !b"0rtpxo".contains(letter));
        match &option[letters.unwrap_or(option.len())..] {
            [b'P', ..] => return true,
            long if long.starts_with(b"-max-procs") => return true,
            // Their value is the next word.
            [b'a' | b'd' | b'E' | b'I' | b'L' | b'n' | b's'] => _ = words.next(),
            _ => {}
        }
    }
    false
}
