// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is different in two processes that are aligned.

use super::align::Alignment;
use super::volatile::Volatile;
use crate::model::{End, Part, Process, Run};
use crate::report::status;
use crate::words::{errno, shell};
use std::collections::BTreeMap;

/// What is different; what comes first of that which happened at the same time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// The function that made it,
    Call,
    /// and the way that it went.
    Route,
    /// An attempt to execute that failed.
    Exec,
    Program,
    Arguments,
    Directory,
    Status,
    /// A process, or a creation that failed, that one side has not got.
    Process,
    Creation,
}

impl Kind {
    /// As JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Call => "call",
            Kind::Route => "route",
            Kind::Exec => "exec",
            Kind::Program => "program",
            Kind::Arguments => "arguments",
            Kind::Directory => "directory",
            Kind::Status => "status",
            Kind::Process => "process",
            Kind::Creation => "creation",
        }
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Kind::Call => "made by another function",
            Kind::Route => "made by another route",
            Kind::Exec => "another failed execution",
            Kind::Program => "another program",
            Kind::Arguments => "other arguments",
            Kind::Directory => "another working directory",
            Kind::Status => "another exit status",
            Kind::Process => "another process",
            Kind::Creation => "another failed creation",
        }
    }
}

/// A difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub kind: Kind,
    /// When, by A's clock.
    pub at_ns: u64,
    /// What it is on each side, in words that are safe for a terminal; none where it is not.
    pub sides: [Option<String>; 2],
}

/// How often an execution failed; its path and when, the last time.
type Failed<'a> = (u64, &'a [u8], u64);

/// What is compared.
pub struct Comparer<'a> {
    pub runs: [&'a Run; 2],
    pub volatile: &'a Volatile<'a>,
    pub alignment: &'a Alignment,
    /// The names of kinds that do not count.
    pub ignored: &'a [String],
}

impl Comparer<'_> {
    /// All differences of two processes.
    pub fn differences(&self, a: usize, b: usize) -> Vec<Difference> {
        let mut all = Vec::new();
        self.creation(a, b, &mut all);
        self.executions(a, b, &mut all);
        self.programs(a, b, &mut all);
        let [one, other] = self.processes(a, b);
        if is_known(one.end) && is_known(other.end) && one.end != other.end {
            let sides = [Some(status(one)), Some(status(other))];
            all.push(Difference { kind: Kind::Status, at_ns: self.runs[0].until(one), sides });
        }
        all.retain(|one| !self.ignored.iter().any(|name| name == one.kind.name()));
        all
    }

    fn processes(&self, a: usize, b: usize) -> [&Process; 2] {
        [&self.runs[0].processes[a], &self.runs[1].processes[b]]
    }

    fn is_same(&self, a: usize, b: usize, words: [&[u8]; 2]) -> bool {
        let by = self.processes(a, b);
        self.volatile.is_same(words[0], words[1], |pid_a, pid_b| {
            let place = |side: usize, pid| {
                let run = self.runs[side];
                self.volatile.process(side, pid, run, run.until(by[side]))
            };
            place(0, pid_a).zip(place(1, pid_b)).is_some_and(|(a, b)| self.alignment.has(a, b))
        })
    }

    fn creation(&self, a: usize, b: usize, all: &mut Vec<Difference>) {
        let [one, other] = self.processes(a, b);
        let Some((made_a, made_b)) = one.creation.zip(other.creation) else { return };
        let (made_a, made_b) = (&self.runs[0].creations[made_a], &self.runs[1].creations[made_b]);
        let calls = [made_a.call.map(|call| call.name()), made_b.call.map(|call| call.name())];
        let routes = [made_a.route.map(|way| way.name()), made_b.route.map(|way| way.name())];
        for (kind, sides) in [(Kind::Call, calls), (Kind::Route, routes)] {
            if sides[0] != sides[1] && sides.iter().all(Option::is_some) {
                let sides = sides.map(|side| side.map(str::to_owned));
                all.push(Difference { kind, at_ns: made_a.begun_ns, sides });
            }
        }
    }

    /// Executions that failed, and how often, whatever their order.
    fn executions(&self, a: usize, b: usize, all: &mut Vec<Difference>) {
        let both = self.processes(a, b);
        let mut counts: BTreeMap<(Vec<u8>, i32), [Failed; 2]> = BTreeMap::new();
        for side in [0, 1] {
            for exec in &both[side].execs {
                let Some(why) = exec.failed else { continue };
                let path = self.volatile.masked(side, &exec.path);
                let count = &mut counts.entry((path, why)).or_default()[side];
                *count = (count.0 + 1, &exec.path, exec.at_ns);
            }
        }
        for ((_, why), sides) in counts.into_iter().filter(|(_, [a, b])| a.0 != b.0) {
            // Where A did no such thing: when it executed.
            let last = both[0].execs.last().map_or(both[0].begun_ns, |exec| exec.at_ns);
            let at_ns = if sides[0].0 > 0 { sides[0].2 } else { last };
            let words = sides.map(|(count, path, _)| match count {
                0 => None,
                1 => Some(format!("{}: {}", shell(&[path]), errno(why))),
                many => Some(format!("{}: {}, {many} times", shell(&[path]), errno(why))),
            });
            all.push(Difference { kind: Kind::Exec, at_ns, sides: words });
        }
    }

    fn programs(&self, a: usize, b: usize, all: &mut Vec<Difference>) {
        let both = self.processes(a, b);
        let parts = [both[0].parts(u64::MAX), both[1].parts(u64::MAX)];
        let tried = both[0].execs.last().map_or(0, |exec| exec.at_ns);
        let mut last = both[0].begun_ns;
        for number in 0..parts[0].len().max(parts[1].len()) {
            let [one, other] = [parts[0].get(number), parts[1].get(number)];
            let paths = [one, other].map(|part| part.and_then(|part| part.path));
            let begun = one.filter(|_| paths[0].is_some()).map(|part| part.begun_ns);
            let at_ns = begun.unwrap_or(last.max(tried));
            last = at_ns;
            let is_same = match paths {
                [Some(one), Some(other)] => self.is_same(a, b, [one, other]),
                [None, None] => true,
                _ => false,
            };
            if !is_same {
                let sides = paths.map(|path| path.map(|path| shell(&[path])));
                all.push(Difference { kind: Kind::Program, at_ns, sides });
            }
            if let ([Some(one), Some(other)], [Some(_), Some(_)]) = ([one, other], paths) {
                self.program(a, b, [one, other], is_same, at_ns, all);
            }
        }
    }

    fn program(
        &self,
        a: usize,
        b: usize,
        [one, other]: [&Part; 2],
        is_same_path: bool,
        at_ns: u64,
        all: &mut Vec<Difference>,
    ) {
        // Of another program the name is another one, too.
        let skipped = usize::from(!is_same_path);
        let words = [one, other].map(|part| part.argv.get(skipped..).unwrap_or_default());
        if let Some(sides) = self.arguments(a, b, words) {
            all.push(Difference { kind: Kind::Arguments, at_ns, sides });
        }
        let are_known = !one.cwd.is_empty() && !other.cwd.is_empty();
        if are_known && !self.is_same(a, b, [one.cwd, other.cwd]) {
            let sides = [one.cwd, other.cwd].map(|cwd| Some(shell(&[cwd])));
            all.push(Difference { kind: Kind::Directory, at_ns, sides });
        }
    }

    /// What is between the words that are the same at the beginning and at the end.
    fn arguments(&self, a: usize, b: usize, words: [&[Vec<u8>]; 2]) -> Option<[Option<String>; 2]> {
        let [one, other] = words;
        let is_same = |pair: &(&Vec<u8>, &Vec<u8>)| self.is_same(a, b, [pair.0, pair.1]);
        let head = one.iter().zip(other).take_while(is_same).count();
        let (one, other) = (&one[head..], &other[head..]);
        let tail = one.iter().rev().zip(other.iter().rev()).take_while(is_same).count();
        let middle = [&one[..one.len() - tail], &other[..other.len() - tail]];
        let is_other = middle.iter().any(|words| !words.is_empty());
        let in_words = |words: &[Vec<u8>]| (!words.is_empty()).then(|| shell(words));
        is_other.then(|| middle.map(in_words))
    }
}

/// What was not seen is no difference.
fn is_known(end: End) -> bool {
    !matches!(end, End::Unknown | End::Exited(-1))
}
