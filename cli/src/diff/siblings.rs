// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which children of one process are which of another's. Their order alone is no difference,
//! as that of parallel children is another one each time; among equals it decides.
//!
//! One respect after the other is tried on what is left. Each takes a time that grows with the
//! number of children and the length of their command lines, not with the square of them.

use super::form::Form;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;

/// The children of both, of which some are left.
pub struct Siblings<'a, Tokens> {
    pub forms: [&'a [Form]; 2],
    /// The words of a process's command lines: sorted, each once.
    pub tokens: Tokens,
    pub left: [Vec<usize>; 2],
    pub pairs: Vec<(usize, usize)>,
}

impl<Tokens: Fn(usize, usize) -> Vec<u64>> Siblings<'_, Tokens> {
    /// Pairs of places. What has no partner is left.
    pub fn pair(&mut self) {
        self.equals_in_order();
        self.by_key(|form| form.shape);
        self.by_key(|form| form.exact);
        self.by_key(|form| form.masked);
        self.by_key(|form| form.words);
        self.by_rare_words(true);
        self.equals_in_number();
        self.by_rare_words(false);
    }

    fn is_done(&self) -> bool {
        self.left.iter().any(Vec::is_empty)
    }

    /// The n-th of a command is the n-th of the same, if all about it is the same.
    fn equals_in_order(&mut self) {
        let is_same = |[a, b]: [&Form; 2]| a.shape == b.shape;
        self.in_order(|form| form.masked, is_same);
    }

    /// Where as many are left of a program on both sides.
    fn equals_in_number(&mut self) {
        self.in_order(|form| form.program, |_| true);
    }

    fn in_order(&mut self, key: impl Fn(&Form) -> u32, is_same: impl Fn([&Form; 2]) -> bool) {
        if self.is_done() {
            return;
        }
        let mut groups: HashMap<u32, [Vec<usize>; 2]> = HashMap::new();
        for side in [0, 1] {
            for place in &self.left[side] {
                groups.entry(key(&self.forms[side][*place])).or_default()[side].push(*place);
            }
        }
        let mut found = Vec::new();
        for [group_a, group_b] in groups.values().filter(|[a, b]| a.len() == b.len()) {
            let pairs = group_a.iter().copied().zip(group_b.iter().copied());
            found.extend(pairs.filter(|(a, b)| is_same([&self.forms[0][*a], &self.forms[1][*b]])));
        }
        self.keep(found);
    }

    fn by_key<Key: Hash + Eq>(&mut self, key: impl Fn(&Form) -> Key) {
        if self.is_done() {
            return;
        }
        let mut waiting: HashMap<Key, VecDeque<usize>> = HashMap::new();
        for b in &self.left[1] {
            waiting.entry(key(&self.forms[1][*b])).or_default().push_back(*b);
        }
        let mut found = Vec::new();
        for a in &self.left[0] {
            let partner = waiting.get_mut(&key(&self.forms[0][*a])).and_then(VecDeque::pop_front);
            found.extend(partner.map(|b| (*a, b)));
        }
        self.keep(found);
    }

    /// By words that one command line has on each side and no other: those with most of them.
    /// Commands of different programs must have half of their words in common.
    fn by_rare_words(&mut self, is_same_program: bool) {
        if self.is_done() {
            return;
        }
        let tokens = [0, 1].map(|side| -> Vec<Vec<u64>> {
            self.left[side].iter().map(|place| (self.tokens)(side, *place)).collect()
        });
        let program = |side: usize, number: usize| {
            let place = self.left[side][number];
            if is_same_program { self.forms[side][place].program } else { 0 }
        };
        // How many have a word, and the last of them.
        let mut owners: HashMap<(u32, u64), [(u32, usize); 2]> = HashMap::new();
        for side in [0, 1] {
            for (number, words) in tokens[side].iter().enumerate() {
                for word in words {
                    let owner = owners.entry((program(side, number), *word)).or_default();
                    owner[side] = (owner[side].0.saturating_add(1), number);
                }
            }
        }
        let mut votes = Vec::new();
        for (a, words) in tokens[0].iter().enumerate() {
            for word in words {
                if let Some([(1, _), (1, b)]) = owners.get(&(program(0, a), *word)) {
                    votes.push((a, *b));
                }
            }
        }
        let found =
            most_votes(votes, |a, b| is_same_program || has_half(&tokens[0][a], &tokens[1][b]));
        self.keep(found.into_iter().map(|(a, b)| (self.left[0][a], self.left[1][b])).collect());
    }

    fn keep(&mut self, found: Vec<(usize, usize)>) {
        if found.is_empty() {
            return;
        }
        let taken_a: HashSet<usize> = found.iter().map(|pair| pair.0).collect();
        let taken_b: HashSet<usize> = found.iter().map(|pair| pair.1).collect();
        self.left[0].retain(|place| !taken_a.contains(place));
        self.left[1].retain(|place| !taken_b.contains(place));
        self.pairs.extend(found);
    }
}

/// Pairs, those with most votes first; among equals the first ones, whichever side is A.
fn most_votes(
    mut votes: Vec<(usize, usize)>,
    is_enough: impl Fn(usize, usize) -> bool,
) -> Vec<(usize, usize)> {
    votes.sort_unstable();
    let counted = votes.chunk_by(|one, next| one == next);
    let mut counted: Vec<_> = counted.map(|same| (Reverse(same.len()), same[0])).collect();
    counted.sort_unstable_by_key(|(count, (a, b))| (*count, *a.min(b), *a.max(b)));
    let mut taken = [HashSet::new(), HashSet::new()];
    let mut found = Vec::new();
    for (_, (a, b)) in counted {
        if !taken[0].contains(&a) && !taken[1].contains(&b) && is_enough(a, b) {
            taken[0].insert(a);
            taken[1].insert(b);
            found.push((a, b));
        }
    }
    found
}

/// Whether two sorted lists have half of the longer one in common.
fn has_half(a: &[u64], b: &[u64]) -> bool {
    let (mut rest, mut common) = (b, 0);
    for word in a {
        let before = rest.iter().take_while(|other| *other < word).count();
        rest = &rest[before..];
        common += usize::from(rest.first() == Some(word));
    }
    common * 2 >= a.len().max(b.len())
}
