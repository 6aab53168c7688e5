// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a run's time came from: the chain of processes that had to be over one after the
//! other, and how long it would have taken with other numbers of jobs. docs/CRITICAL-PATH.md has
//! the rules.

mod chain;
mod jobs;
mod overlap;
mod simulate;
mod steps;
mod tasks;

pub use chain::{Kind, Link};

use crate::model::{Run, base_name};
use jobs::Jobs;
use overlap::Overlap;
use simulate::Simulation;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use steps::Steps;
use tasks::Tasks;

/// More jobs at a time are not looked at one by one.
const MANY: usize = 1 << 16;

/// Of a run.
pub struct Critical {
    /// The process at whose end the chain ends.
    pub root: usize,
    /// Between its beginning and its end, without a hole.
    pub chain: Vec<Link>,
    /// Processes that ran, meanwhile.
    pub running: Overlap,
    /// By number of jobs, none for any number: how long it would have taken. Empty where
    /// nothing schedules jobs.
    pub with_jobs: Vec<(Option<usize>, u64)>,
    /// How many jobs ran at a time, at most.
    pub most_jobs: Option<usize>,
    /// Programs that have children, and how many of each; those that schedule jobs,
    pub schedulers: BTreeMap<String, u64>,
    /// and those that do not.
    pub others: BTreeMap<String, u64>,
}

impl Critical {
    /// None where there is no process.
    pub fn of(run: &Run) -> Option<Critical> {
        let root = largest_root(run)?;
        let (from, to) = span(run, root);
        let mut steps = Steps::of(run);
        let jobs = Jobs::of(run, &mut steps);
        let mut critical = Critical {
            root,
            chain: chain::to_the_end_of(run, &steps, root),
            running: steps.running(run, from, to),
            with_jobs: with_jobs(run, &steps, &jobs, root),
            most_jobs: jobs.most(),
            schedulers: BTreeMap::new(),
            others: BTreeMap::new(),
        };
        for place in 0..run.processes.len() {
            if !run.processes[place].children.is_empty() {
                let schedules = jobs.schedules(place);
                let of = if schedules { &mut critical.schedulers } else { &mut critical.others };
                *of.entry(maker(run, place)).or_default() += 1;
            }
        }
        Some(critical)
    }

    /// From when until when.
    pub fn span(&self, run: &Run) -> (u64, u64) {
        span(run, self.root)
    }

    /// How long it took.
    pub fn took(&self, run: &Run) -> u64 {
        let (from, to) = self.span(run);
        to.saturating_sub(from)
    }

    /// How long the links of each program are together, the longest first.
    pub fn by_program(&self, run: &Run) -> Vec<(String, u64)> {
        // Names are made once for each program of a process: a process may be many.
        let mut parts: BTreeMap<(usize, usize), u64> = BTreeMap::new();
        for link in &self.chain {
            let images = &run.processes[link.process].images;
            let number = match link.kind {
                Kind::Unseen => usize::MAX,
                _ => images.partition_point(|image| image.at_ns < link.to_ns),
            };
            let sum = parts.entry((link.process, number)).or_default();
            *sum = sum.saturating_add(link.took());
        }
        let mut programs: BTreeMap<String, u64> = BTreeMap::new();
        for ((place, number), took) in parts {
            // What it did before it executed is part of its first program.
            let image = run.processes[place].images.get(number.saturating_sub(1));
            let name = image.map_or_else(|| run.program(place), |image| base_name(&image.path));
            let sum = programs.entry(name).or_default();
            *sum = sum.saturating_add(took);
        }
        let mut programs: Vec<_> = programs.into_iter().collect();
        programs.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        programs
    }

    /// How many other processes ran in the middle of a link.
    pub fn beside(&self, link: &Link) -> usize {
        let middle = link.from_ns + link.took() / 2;
        self.running.before(middle, 0).saturating_sub(1)
    }
}

/// The program that made a process's last child.
fn maker(run: &Run, place: usize) -> String {
    let last = run.processes[place].children.last();
    let ns = last.map_or(u64::MAX, |child| steps::made_at(run, *child));
    let parts = run.processes[place].parts(u64::MAX);
    let part = parts.iter().rev().find(|part| part.begun_ns < ns).or(parts.first());
    part.and_then(|part| part.path).map_or_else(|| run.program(place), base_name)
}

fn span(run: &Run, root: usize) -> (u64, u64) {
    let process = &run.processes[root];
    (process.begun_ns, run.until(process))
}

/// The one that the run is about. Others were made by processes that the trace does not have.
fn largest_root(run: &Run) -> Option<usize> {
    let mut below = vec![1usize; run.processes.len()];
    // Parents come first.
    for place in (0..below.len()).rev() {
        if let Some(parent) = run.processes[place].parent {
            below[parent] += below[place];
        }
    }
    let took = |place: usize| span(run, place).1.saturating_sub(span(run, place).0);
    // The first one of equals.
    run.roots().max_by_key(|place| (below[*place], took(*place), Reverse(*place)))
}

fn with_jobs(run: &Run, steps: &Steps, jobs: &Jobs, root: usize) -> Vec<(Option<usize>, u64)> {
    if !jobs.is_open(root) {
        return Vec::new();
    }
    let tasks = Tasks::below(run, steps, jobs, root);
    let simulation = Simulation::of(&tasks);
    let shortest = simulation.with(usize::MAX);
    let mut all = Vec::new();
    let numbers = std::iter::successors(Some(1), |number| Some(number * 2));
    for number in numbers.take_while(|number| *number <= jobs.count().min(MANY)) {
        let took = simulation.with(number);
        all.push((Some(number), took));
        if took <= shortest {
            break;
        }
    }
    all.push((None, shortest));
    all
}

#[cfg(test)]
mod tests;
