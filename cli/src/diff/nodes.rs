// SPDX-License-Identifier: MIT OR Apache-2.0
//! The aligned tree, as far as there are differences in it.

use super::compare::{Comparer, Difference, Kind};
use crate::model::Run;
use crate::report::status;
use crate::words::errno;
use std::collections::HashMap;

/// What a line of the tree is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// A process of both sides.
    Pair(usize, usize),
    /// One of one side, with all that is below it.
    Only(usize, usize),
    /// A creation of one side that failed.
    Failed(usize, usize),
    /// So many processes that are the same on both sides, with all that is below them.
    Same(usize),
}

/// A line of the tree.
#[derive(Debug)]
pub struct Node {
    pub item: Item,
    /// The line of its parent, before it.
    pub parent: Option<usize>,
    pub depth: usize,
    /// Whether no other line with this parent follows.
    pub is_last: bool,
    pub differences: Vec<Difference>,
}

/// The tree in the order in which it is written; empty if nothing is different.
pub fn nodes(comparer: &Comparer) -> Vec<Node> {
    let differing = Differing::new(comparer);
    let mut nodes: Vec<Node> = Vec::new();
    let mut todo: Vec<(Item, Option<usize>, bool, u64)> = Vec::new();
    let roots = comparer.runs.map(|run| run.roots().collect::<Vec<_>>());
    let begin = comparer.runs[0].processes.first().map_or(0, |first| first.begun_ns);
    let level = differing.level(comparer, [&roots[0], &roots[1]], [&[], &[]], begin);
    push(&mut todo, level, None);
    while let Some((item, parent, is_last, at_ns)) = todo.pop() {
        let depth = parent.map_or(0, |parent: usize| nodes[parent].depth + 1);
        let differences = match item {
            Item::Pair(a, _) => differing.own[a].clone(),
            Item::Only(side, place) => vec![only(comparer.runs[side], side, place, at_ns)],
            Item::Failed(side, place) => vec![failed(comparer.runs[side], side, place, at_ns)],
            Item::Same(_) => Vec::new(),
        };
        let number = nodes.len();
        nodes.push(Node { item, parent, depth, is_last, differences });
        if let Item::Pair(a, b) = item {
            let both = [&comparer.runs[0].processes[a], &comparer.runs[1].processes[b]];
            let children = both.map(|process| &process.children[..]);
            let failures = both.map(|process| &process.failures[..]);
            let level = differing.level(comparer, children, failures, both[0].begun_ns);
            push(&mut todo, level, Some(number));
        }
    }
    // A tree in which all is the same is one line.
    if nodes.iter().all(|node| matches!(node.item, Item::Same(_))) { Vec::new() } else { nodes }
}

fn push(
    todo: &mut Vec<(Item, Option<usize>, bool, u64)>,
    level: Vec<(Item, u64)>,
    parent: Option<usize>,
) {
    let last = level.len().saturating_sub(1);
    let rows = level.into_iter().enumerate();
    todo.extend(rows.rev().map(|(number, (item, at_ns))| (item, parent, number == last, at_ns)));
}

fn only(run: &Run, side: usize, place: usize, at_ns: u64) -> Difference {
    let mut sides = [None, None];
    sides[side] = Some(status(&run.processes[place]));
    Difference { kind: Kind::Process, at_ns, sides }
}

fn failed(run: &Run, side: usize, place: usize, at_ns: u64) -> Difference {
    let creation = &run.creations[place];
    let call = creation.call.map_or("?", |call| call.name());
    let mut sides = [None, None];
    sides[side] = Some(format!("{call}: {}", errno(creation.errno)));
    Difference { kind: Kind::Creation, at_ns, sides }
}

/// What is different, by processes of A.
struct Differing {
    own: Vec<Vec<Difference>>,
    /// Whether it is, or something below it.
    any: Vec<bool>,
    /// Processes of A in each tree.
    sizes: Vec<usize>,
}

impl Differing {
    fn new(comparer: &Comparer) -> Differing {
        let [run_a, run_b] = comparer.runs;
        let many = run_a.processes.len();
        let mut all =
            Differing { own: vec![Vec::new(); many], any: vec![false; many], sizes: sizes(run_a) };
        for (a, b) in comparer.alignment.pairs.iter().rev().copied() {
            all.own[a] = comparer.differences(a, b);
            let (one, other) = (&run_a.processes[a], &run_b.processes[b]);
            let is_other =
                |child: &usize| comparer.alignment.of[0][*child].is_none() || all.any[*child];
            all.any[a] = !all.own[a].is_empty()
                || one.children.iter().any(is_other)
                || other.children.iter().any(|child| comparer.alignment.of[1][*child].is_none())
                || failures(comparer.runs, [&one.failures, &other.failures])
                    .iter()
                    .any(|left| !left.is_empty());
        }
        all
    }

    /// What is shown below a process, or at the top: in A's order, what B alone has behind
    /// what was before it there; when each was, by A's clock.
    fn level(
        &self,
        comparer: &Comparer,
        children: [&[usize]; 2],
        failed: [&[usize]; 2],
        begun_ns: u64,
    ) -> Vec<(Item, u64)> {
        let [run_a, run_b] = comparer.runs;
        let clock = Clock::new(comparer, children[1], begun_ns);
        let of_b = &comparer.alignment.of[1];
        let mut behind: HashMap<Option<usize>, Vec<(Item, u64)>> = HashMap::new();
        let mut last = None;
        for b in children[1].iter().copied() {
            if of_b[b].is_some() {
                last = of_b[b];
                continue;
            }
            let at_ns = clock.of_a(run_b.processes[b].begun_ns);
            behind.entry(last).or_default().push((Item::Only(1, b), at_ns));
        }
        let mut items = behind.remove(&None).unwrap_or_default();
        for a in children[0].iter().copied() {
            match comparer.alignment.of[0][a] {
                None => items.push((Item::Only(0, a), run_a.processes[a].begun_ns)),
                Some(b) if self.any[a] => items.push((Item::Pair(a, b), 0)),
                Some(_) => match items.last_mut() {
                    Some((Item::Same(count), _)) => *count += self.sizes[a],
                    _ => items.push((Item::Same(self.sizes[a]), 0)),
                },
            }
            items.extend(behind.remove(&Some(a)).unwrap_or_default());
        }
        let [failed_a, failed_b] = failures(comparer.runs, failed);
        items.extend(
            failed_a.iter().map(|one| (Item::Failed(0, *one), run_a.creations[*one].begun_ns)),
        );
        let at_ns = |one: usize| clock.of_a(run_b.creations[one].begun_ns);
        items.extend(failed_b.iter().map(|one| (Item::Failed(1, *one), at_ns(*one))));
        items
    }
}

/// Times of B by A's clock, below one process: what happens there goes by what its children,
/// as far as both have them, did before.
struct Clock {
    /// When A's process began.
    begun_ns: u64,
    /// When they began, and ended, in B, in that order; the latest of A's times until then.
    begun: Vec<(u64, u64)>,
    ended: Vec<(u64, u64)>,
}

impl Clock {
    fn new(comparer: &Comparer, children: &[usize], begun_ns: u64) -> Clock {
        let [run_a, run_b] = comparer.runs;
        let (mut begun, mut ended) = (Vec::new(), Vec::new());
        for b in children {
            let Some(a) = comparer.alignment.of[1][*b] else { continue };
            let (one, other) = (&run_a.processes[a], &run_b.processes[*b]);
            begun.push((other.begun_ns, one.begun_ns));
            ended.extend(other.end_ns.zip(one.end_ns));
        }
        for times in [&mut begun, &mut ended] {
            times.sort_unstable();
            for place in 1..times.len() {
                times[place].1 = times[place].1.max(times[place - 1].1);
            }
        }
        Clock { begun_ns, begun, ended }
    }

    fn of_a(&self, at_ns: u64) -> u64 {
        let latest = |times: &[(u64, u64)]| {
            let before = times.partition_point(|time| time.0 <= at_ns);
            before.checked_sub(1).map_or(0, |last| times[last].1)
        };
        self.begun_ns.max(latest(&self.begun)).max(latest(&self.ended))
    }
}

/// Failed creations that one side has more of than the other: of the same call, with the same
/// error number.
fn failures(runs: [&Run; 2], failed: [&[usize]; 2]) -> [Vec<usize>; 2] {
    let mut waiting: HashMap<_, Vec<usize>> = HashMap::new();
    let key = |side: usize, place: usize| {
        let creation = &runs[side].creations[place];
        (creation.call, creation.errno)
    };
    for place in failed[1].iter().rev() {
        waiting.entry(key(1, *place)).or_default().push(*place);
    }
    let has_none = |place: &usize| waiting.get_mut(&key(0, *place)).and_then(Vec::pop).is_none();
    let left = failed[0].iter().copied().filter(has_none).collect();
    let mut other: Vec<usize> = waiting.into_values().flatten().collect();
    other.sort_unstable();
    [left, other]
}

/// How many processes each is, with those below it.
pub fn sizes(run: &Run) -> Vec<usize> {
    let mut sizes = vec![1; run.processes.len()];
    // Children come after their parents.
    for place in (0..sizes.len()).rev() {
        if let Some(parent) = run.processes[place].parent {
            sizes[parent] += sizes[place];
        }
    }
    sizes
}

/// The difference that was first by A's clock, and its line.
pub fn first(nodes: &[Node]) -> Option<(usize, &Difference)> {
    let all = nodes.iter().enumerate();
    let all = all.flat_map(|(place, node)| node.differences.iter().map(move |one| (place, one)));
    // Of those at the same time, what happened further down was the cause.
    all.min_by_key(|(place, one)| (one.at_ns, one.kind, std::cmp::Reverse(nodes[*place].depth)))
}
