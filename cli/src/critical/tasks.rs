// SPDX-License-Identifier: MIT OR Apache-2.0
//! What has to be done, and what for: pieces of processes between the steps that they do with
//! their children, and whole processes where nothing below them schedules jobs.

use super::jobs::Jobs;
use super::steps::{Steps, What, made_at};
use crate::model::Run;

/// A piece of work.
#[derive(Debug, Default, Clone, Copy)]
pub struct Task {
    /// How long it takes.
    pub took_ns: u64,
    /// In whose number of jobs it takes a place,
    pub takes: Option<usize>,
    /// and in whose it gives one back.
    pub gives: Option<usize>,
    /// When it was begun, where it takes a place: who came first is first again.
    pub begun_ns: u64,
}

/// All that a process at the top has to do with.
#[derive(Debug, Default)]
pub struct Tasks {
    /// In no order.
    pub tasks: Vec<Task>,
    /// What comes before what.
    pub edges: Vec<(usize, usize)>,
    /// The end of the process at the top.
    pub last: usize,
}

impl Tasks {
    /// Of everything below a process.
    pub fn below(run: &Run, steps: &Steps, jobs: &Jobs, root: usize) -> Tasks {
        let count = run.processes.len();
        let mut making =
            Making { run, steps, jobs, tasks: Tasks::default(), ends: vec![None; count] };
        making.begin(root);
        // Parents come first.
        for place in root..count {
            if let Some((first, last)) = making.ends[place].filter(|(first, last)| first != last) {
                making.process(place, first, last);
            }
        }
        making.tasks.last = making.ends[root].map_or(0, |(_, last)| last);
        making.tasks
    }
}

struct Making<'a> {
    run: &'a Run,
    steps: &'a Steps,
    jobs: &'a Jobs,
    tasks: Tasks,
    /// By process: its first and its last task.
    ends: Vec<Option<(usize, usize)>>,
}

impl Making<'_> {
    fn task(&mut self) -> usize {
        self.tasks.tasks.push(Task::default());
        self.tasks.tasks.len() - 1
    }

    /// A process begins: its first task.
    fn begin(&mut self, place: usize) -> usize {
        let slot = self.jobs.slot(self.run, place);
        let first = self.task();
        let last = if self.jobs.is_open(place) { self.task() } else { first };
        let (begun_ns, until) =
            (made_at(self.run, place), self.run.until(&self.run.processes[place]));
        // What is in several pieces is measured when it is cut.
        let took_ns = until.saturating_sub(begun_ns);
        self.tasks.tasks[first] = Task { took_ns, takes: slot, gives: None, begun_ns };
        self.tasks.tasks[last].gives = slot;
        self.ends[place] = Some((first, last));
        first
    }

    /// Cuts one into pieces.
    fn process(&mut self, place: usize, first: usize, last: usize) {
        let steps = self.steps;
        let mut cut = Cut { task: first, at: made_at(self.run, place), held_by: None };
        let mut waited = Vec::new();
        for step in steps.by(place) {
            let held = step.held.map(|held| (held.from_ns, held.until_ns));
            let (from, until) = held.unwrap_or((step.at_ns, step.at_ns));
            match step.what {
                What::Makes(child) => self.makes(&mut cut, from, until, child),
                What::Waits(None) => {}
                What::Waits(Some(child)) => {
                    self.cut(&mut cut, from, until);
                    if !self.jobs.schedules(place) {
                        self.after(child, cut.task);
                        continue;
                    }
                    waited.push(child);
                    // One that was over already held nothing up.
                    if from < until {
                        let had_room = self.jobs.had_room(self.run, child);
                        cut.held_by = had_room.then_some(child);
                    }
                }
            }
        }
        // The last piece is the end, which comes after all that was waited for.
        let until = self.run.until(&self.run.processes[place]);
        self.tasks.tasks[cut.task].took_ns = until.saturating_sub(cut.at);
        self.tasks.edges.push((cut.task, last));
        for child in waited {
            self.after(child, last);
        }
    }

    fn makes(&mut self, cut: &mut Cut, from: u64, until: u64, child: usize) {
        // The wait for a place is over with another number of jobs at another time.
        if from < until {
            self.cut(cut, from, until);
        }
        let before = cut.task;
        let made = made_at(self.run, child);
        self.cut(cut, made, made);
        let first = self.begin(child);
        self.tasks.edges.push((before, first));
        if let Some(other) = cut.held_by {
            self.after(other, first);
        }
    }

    /// The piece ends at one time, and the next one begins at another.
    fn cut(&mut self, cut: &mut Cut, end: u64, begin: u64) {
        self.tasks.tasks[cut.task].took_ns = end.saturating_sub(cut.at);
        let next = self.task();
        self.tasks.edges.push((cut.task, next));
        cut.task = next;
        cut.at = begin.max(cut.at);
    }

    /// A task comes after a process.
    fn after(&mut self, process: usize, task: usize) {
        if let Some((_, last)) = self.ends[process] {
            self.tasks.edges.push((last, task));
        }
    }
}

/// A process on its way through its steps.
struct Cut {
    /// The piece that it is at,
    task: usize,
    /// and when that began.
    at: u64,
    /// Of a scheduler: whose end it waited for before it began more, though it had room.
    held_by: Option<usize>,
}
