// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long a run would have taken with another number of jobs: the tasks once more, each as
//! soon as what comes before it is over, and a job when there is a place for it.

use super::tasks::Tasks;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// Tasks, with what comes after each.
pub struct Simulation<'a> {
    tasks: &'a Tasks,
    /// By task: where its successors are.
    places: Vec<usize>,
    next: Vec<usize>,
    /// By task: how many come before it.
    before: Vec<u32>,
}

impl Simulation<'_> {
    pub fn of(tasks: &Tasks) -> Simulation<'_> {
        let count = tasks.tasks.len();
        let mut places = vec![0; count + 1];
        let mut before = vec![0; count];
        for (from, to) in &tasks.edges {
            places[from + 1] += 1;
            before[*to] += 1;
        }
        for place in 0..count {
            places[place + 1] += places[place];
        }
        let mut next = vec![0; tasks.edges.len()];
        let mut free = places.clone();
        for (from, to) in &tasks.edges {
            next[free[*from]] = *to;
            free[*from] += 1;
        }
        Simulation { tasks, places, next, before }
    }

    /// How long it takes with so many jobs at a time.
    pub fn with(&self, jobs: usize) -> u64 {
        let mut state = State {
            simulation: self,
            before: self.before.clone(),
            running: BinaryHeap::new(),
            numbers: BTreeMap::new(),
            jobs,
        };
        let first = (0..self.before.len()).filter(|task| self.before[*task] == 0);
        first.for_each(|task| state.ready(task, 0));
        let mut now = 0;
        while let Some(Reverse((time, task))) = state.running.pop() {
            now = time;
            if task == self.tasks.last {
                break;
            }
            state.ends(task, now);
        }
        now
    }
}

/// The jobs that keep to one number.
#[derive(Default)]
struct Number {
    running: usize,
    /// The first one that was begun is the first.
    queue: BinaryHeap<Reverse<(u64, usize)>>,
}

struct State<'a> {
    simulation: &'a Simulation<'a>,
    before: Vec<u32>,
    /// By when they end.
    running: BinaryHeap<Reverse<(u64, usize)>>,
    numbers: BTreeMap<usize, Number>,
    jobs: usize,
}

impl State<'_> {
    /// Nothing is before a task any more.
    fn ready(&mut self, task: usize, now: u64) {
        let about = &self.simulation.tasks.tasks[task];
        match about.takes {
            Some(of) => {
                let number = self.numbers.entry(of).or_default();
                number.queue.push(Reverse((about.begun_ns, task)));
                self.begin_jobs(of, now);
            }
            None => self.begin(task, now),
        }
    }

    fn begin(&mut self, task: usize, now: u64) {
        let took = self.simulation.tasks.tasks[task].took_ns;
        self.running.push(Reverse((now.saturating_add(took), task)));
    }

    /// As many as there is room for.
    fn begin_jobs(&mut self, of: usize, now: u64) {
        while let Some(number) = self.numbers.get_mut(&of).filter(|it| it.running < self.jobs) {
            let Some(Reverse((_, task))) = number.queue.pop() else { break };
            number.running += 1;
            self.begin(task, now);
        }
    }

    fn ends(&mut self, task: usize, now: u64) {
        let simulation = self.simulation;
        if let Some(of) = simulation.tasks.tasks[task].gives {
            if let Some(number) = self.numbers.get_mut(&of) {
                number.running = number.running.saturating_sub(1);
            }
            self.begin_jobs(of, now);
        }
        for next in &simulation.next[simulation.places[task]..simulation.places[task + 1]] {
            self.before[*next] -= 1;
            if self.before[*next] == 0 {
                self.ready(*next, now);
            }
        }
    }
}
