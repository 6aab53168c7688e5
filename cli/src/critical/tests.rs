// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;
use crate::model::{Creation, End, Image, Process, Waited};
use chain::Kind;
use proptest::prelude::*;

const MS: u64 = 1_000_000;

/// A run that is put together by hand. Times are in ms.
#[derive(Default)]
struct Made(Run);

impl Made {
    fn process(&mut self, parent: Option<usize>, words: &str, from: u64, to: u64) -> usize {
        let place = self.0.processes.len();
        let argv: Vec<Vec<u8>> = words.split(' ').map(|word| word.into()).collect();
        let image = Image { at_ns: from * MS, path: argv[0].clone(), argv, ..Image::default() };
        if let Some(parent) = parent {
            self.0.processes[parent].children.push(place);
            self.0.creations.push(Creation {
                by: parent,
                process: Some(place),
                begun_ns: from * MS,
                end_ns: Some(from * MS),
                ..Creation::default()
            });
        }
        self.0.processes.push(Process {
            parent,
            creation: parent.map(|_| self.0.creations.len() - 1),
            begun_ns: from * MS,
            end_ns: Some(to * MS),
            end: End::Exited(0),
            images: vec![image],
            copy_of: place,
            ..Process::default()
        });
        self.0.end_ns = self.0.end_ns.max(to * MS);
        place
    }

    /// Its creator is told of its end, in a wait between these times.
    fn wait(&mut self, child: usize, from: u64, to: u64) {
        let parent = self.0.processes[child].parent.unwrap();
        let wait = Waited { child: Some(child), begun_ns: from * MS, end_ns: to * MS };
        self.0.processes[parent].waits.push(wait);
    }

    /// A child that its creator waits for at once.
    fn child(&mut self, parent: usize, words: &str, from: u64, to: u64) -> usize {
        let child = self.process(Some(parent), words, from, to);
        self.wait(child, from, to);
        child
    }

    /// The processes of the chain, with the ms that each link takes.
    fn chain(&self) -> Vec<(usize, u64)> {
        let critical = Critical::of(&self.0).unwrap();
        let sum: u64 = critical.chain.iter().map(Link::took).sum();
        assert_eq!(sum, critical.took(&self.0), "it has no hole");
        critical.chain.iter().map(|link| (link.process, link.took() / MS)).collect()
    }

    /// What it would take in ms, by number of jobs; 0 for any.
    fn with_jobs(&self) -> Vec<(usize, u64)> {
        let with = Critical::of(&self.0).unwrap().with_jobs;
        with.iter().map(|(number, ns)| (number.unwrap_or(0), ns / MS)).collect()
    }
}

#[test]
fn a_shells_commands_are_one_after_the_other() {
    let mut run = Made::default();
    let sh = run.process(None, "sh", 0, 100);
    let one = run.child(sh, "cc", 10, 40);
    let two = run.child(sh, "ld", 50, 90);
    assert_eq!(run.chain(), [(sh, 10), (one, 30), (sh, 10), (two, 40), (sh, 10)]);
    assert!(run.with_jobs().is_empty(), "nothing schedules jobs");
}

#[test]
fn a_wait_that_returns_at_once_held_nothing_up() {
    let mut run = Made::default();
    let sh = run.process(None, "sh", 0, 1000);
    let child = run.process(Some(sh), "sleep", 0, 100);
    run.wait(child, 900, 900);
    assert_eq!(run.chain(), [(sh, 1000)]);
}

#[test]
fn a_wait_shortly_after_the_end_was_for_a_pipe_to_close() {
    let mut run = Made::default();
    let sh = run.process(None, "bash", 0, 1000);
    let child = run.process(Some(sh), "expr", 100, 600);
    run.wait(child, 603, 604);
    assert_eq!(run.chain(), [(sh, 100), (child, 500), (sh, 400)]);
}

#[test]
fn of_several_at_a_time_the_last_one_counts() {
    let mut run = Made::default();
    let sh = run.process(None, "sh", 0, 100);
    let slow = run.process(Some(sh), "slow", 1, 90);
    let quick = run.process(Some(sh), "quick", 2, 20);
    let left = run.process(Some(sh), "daemon", 3, 5000);
    run.wait(quick, 3, 20);
    run.wait(slow, 21, 90);
    assert_eq!(run.chain(), [(sh, 1), (slow, 89), (sh, 10)], "nobody waits for {left}");
    let critical = Critical::of(&run.0).unwrap();
    assert_eq!(critical.beside(&critical.chain[1]), 1, "the daemon");
    assert_eq!(critical.running.most, 3, "sh waits then");
}

#[test]
fn what_is_below_a_child_is_part_of_it() {
    let mut run = Made::default();
    let sh = run.process(None, "sh", 0, 100);
    let cc = run.child(sh, "cc", 10, 90);
    let cc1 = run.child(cc, "cc1", 20, 60);
    let of_as = run.child(cc, "as", 60, 80);
    assert_eq!(run.chain(), [(sh, 10), (cc, 10), (cc1, 40), (of_as, 20), (cc, 10), (sh, 10)]);
}

#[test]
fn a_child_that_is_not_in_the_trace_is_waited_for() {
    let mut run = Made::default();
    let sh = run.process(None, "sh", 0, 100);
    let wait = Waited { child: None, begun_ns: 20 * MS, end_ns: 80 * MS };
    run.0.processes[sh].waits.push(wait);
    assert_eq!(run.chain(), [(sh, 20), (sh, 60), (sh, 20)]);
    assert_eq!(Critical::of(&run.0).unwrap().chain[1].kind, Kind::Waits);
}

#[test]
fn a_root_without_an_end_is_there_until_the_trace_is_over() {
    let mut run = Made::default();
    let sh = run.process(None, "sh", 0, 10);
    run.0.processes[sh].end_ns = None;
    let child = run.process(Some(sh), "sleep", 5, 5);
    run.0.processes[child].end_ns = None;
    run.0.end_ns = 70 * MS;
    assert_eq!(run.chain(), [(sh, 70)]);
}

#[test]
fn the_run_is_that_of_the_process_with_the_most_below_it() {
    let mut run = Made::default();
    run.process(None, "stray", 0, 5000);
    let sh = run.process(None, "sh", 0, 100);
    let child = run.child(sh, "cc", 10, 90);
    assert_eq!(run.chain(), [(sh, 10), (child, 80), (sh, 10)]);
}

fn eight(words: &str) -> Made {
    let mut run = Made::default();
    let make = run.process(None, words, 0, 810);
    for number in 0..8 {
        run.child(make, "sleep 1", 10 + 100 * number, 110 + 100 * number);
    }
    run
}

#[test]
fn a_serial_makes_jobs_could_have_been_at_a_time() {
    let run = eight("make");
    assert_eq!(run.chain().len(), 9, "the chain is what happened");
    assert_eq!(run.with_jobs(), [(1, 810), (2, 410), (4, 210), (8, 110), (0, 110)]);
    for words in ["gmake", "ninja", "samu", "xargs -0n 1 -rP4 x", "perl /usr/bin/parallel x"] {
        assert_eq!(eight(words).with_jobs(), run.with_jobs(), "{words}");
    }
    for words in ["sh", "xargs -n 1 x -P4", "python3"] {
        assert!(eight(words).with_jobs().is_empty(), "{words}");
    }
}

#[test]
fn a_long_job_is_what_no_number_helps() {
    let mut run = Made::default();
    let make = run.process(None, "make", 0, 1010);
    run.child(make, "cc", 0, 10);
    let sh = run.child(make, "sh", 10, 1010);
    for number in 0..10 {
        run.child(sh, "cc", 10 + 100 * number, 110 + 100 * number);
    }
    assert_eq!(run.with_jobs(), [(1, 1010), (2, 1000), (0, 1000)]);
}

#[test]
fn what_began_late_although_there_was_room_depends_on_what_ended() {
    let mut run = Made::default();
    let make = run.process(None, "make -j3", 0, 200);
    let jobs: Vec<usize> =
        (0..3).map(|number| run.process(Some(make), "cc", 0, 80 + 10 * number)).collect();
    for (number, job) in (0..).zip(&jobs) {
        run.wait(*job, if number == 0 { 0 } else { 70 + 10 * number }, 80 + 10 * number);
    }
    run.child(make, "ld", 100, 200);
    assert_eq!(run.with_jobs().last(), Some(&(0, 200)), "the link comes after the last object");
    assert_eq!(run.with_jobs()[0], (1, 370));
    assert_eq!(run.chain(), [(jobs[2], 100), (4, 100)]);
}

#[test]
fn makes_below_a_make_share_its_number() {
    let mut run = Made::default();
    let top = run.process(None, "make", 0, 400);
    for number in 0..2 {
        let from = 200 * number;
        let shell = run.child(top, "sh", from, from + 200);
        let sub = run.child(shell, "make", from, from + 200);
        run.child(sub, "cc", from, from + 100);
        run.child(sub, "cc", from + 100, from + 200);
    }
    assert_eq!(run.with_jobs(), [(1, 400), (2, 200), (4, 100), (0, 100)]);
}

#[test]
fn a_make_waits_for_a_place_of_another_one() {
    let mut run = Made::default();
    let top = run.process(None, "make -j1", 0, 200);
    let subs = [(); 2].map(|()| run.process(Some(top), "make", 0, 200));
    let first = run.child(subs[0], "cc", 0, 100);
    let second = run.child(subs[1], "cc", 100, 200);
    run.0.processes[subs[0]].end_ns = Some(100 * MS);
    run.wait(subs[0], 0, 100);
    run.wait(subs[1], 100, 200);
    assert_eq!(run.chain(), [(first, 100), (second, 100)]);
    assert_eq!(run.with_jobs(), [(1, 200), (2, 100), (0, 100)]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn any_tree_with_any_times_comes_to_an_end(
        rows in prop::collection::vec((any::<prop::sample::Index>(), 0..6usize, time(), time()), 1..40),
        waits in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>(), time(), time()), 0..60),
    ) {
        let mut run = Made::default();
        for (place, (parent, program, from, to)) in rows.into_iter().enumerate() {
            let parent = (place != 0).then(|| parent.index(place));
            let program = ["make", "sh", "ninja", "cc", "gmake", "xargs -P2"][program];
            run.process(parent, program, 0, 0);
            run.0.processes[place].begun_ns = from;
            run.0.processes[place].end_ns = Some(to);
        }
        let count = run.0.processes.len();
        for (child, is_own, begun_ns, end_ns) in waits {
            let child = child.index(count);
            let by = run.0.processes[child].parent.filter(|_| is_own).unwrap_or(0);
            let wait = Waited { child: Some(child), begun_ns, end_ns: end_ns.max(begun_ns) };
            run.0.processes[by].waits.push(wait);
        }
        let critical = Critical::of(&run.0).unwrap();
        let backwards = |pair: &[Link]| pair[0].to_ns > pair[1].from_ns;
        prop_assert!(!critical.chain.windows(2).any(backwards));
    }
}

fn time() -> impl Strategy<Value = u64> {
    prop_oneof![0..40u64, any::<u64>(), (0..400u64).prop_map(|ms| ms * MS)]
}
