// SPDX-License-Identifier: MIT OR Apache-2.0
//! How many were there at a time.

/// Spans of time, for questions of how many of them a moment lies in.
#[derive(Debug, Default)]
pub struct Overlap {
    begins: Vec<u64>,
    ends: Vec<u64>,
    /// All of them together.
    pub sum_ns: u64,
    /// How many there were at a time, at most.
    pub most: usize,
}

impl Overlap {
    /// Of those that have a length.
    pub fn of(spans: impl Iterator<Item = (u64, u64)>) -> Overlap {
        let mut overlap = Overlap::default();
        for (begin, end) in spans.filter(|(begin, end)| begin < end) {
            overlap.begins.push(begin);
            overlap.ends.push(end);
            overlap.sum_ns = overlap.sum_ns.saturating_add(end - begin);
        }
        overlap.begins.sort_unstable();
        overlap.ends.sort_unstable();
        overlap.most = overlap.look_for_most();
        overlap
    }

    /// How many there were just before a moment, with those that ended so shortly before it.
    pub fn before(&self, moment: u64, shortly: u64) -> usize {
        let begun = self.begins.partition_point(|begin| *begin < moment);
        let since = moment.saturating_sub(shortly);
        begun.saturating_sub(self.ends.partition_point(|end| *end < since))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.begins.len()
    }

    fn look_for_most(&self) -> usize {
        let (mut most, mut ended) = (0, 0);
        for (begun, begin) in self.begins.iter().enumerate() {
            while self.ends.get(ended).is_some_and(|end| end <= begin) {
                ended += 1;
            }
            most = most.max(begun + 1 - ended);
        }
        most
    }
}
