// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is another one in each run of the same thing and means nothing: names of temporary
//! files, process ids, the directory that all began in.

use crate::model::Run;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// The random part of a name has so many characters, as mkstemp(3) gives it.
const RANDOM: usize = 6;
/// Longer paths are none (PATH_MAX).
const LONGEST: usize = 4096;
/// Stand for a name's random part and for a process id.
const NAME: u8 = 1;
const PID: u8 = 2;

/// What is known of both runs.
pub struct Volatile<'a> {
    is_exact: bool,
    /// Where each began; empty where it is no other one, or counts.
    homes: [&'a [u8]; 2],
    /// Names directly below a directory of temporary files.
    names: [HashSet<&'a [u8]>; 2],
    /// Processes by their number, in the order in which they were made.
    pids: [HashMap<u32, Vec<usize>>; 2],
}

impl<'a> Volatile<'a> {
    /// Of both runs; where it is to be exact, nothing is volatile.
    pub fn of(runs: [&'a Run; 2], is_exact: bool) -> Volatile<'a> {
        let mut homes = runs.map(home);
        let are_of_use =
            homes.iter().all(|home| (2..=LONGEST).contains(&home.len())) && homes[0] != homes[1];
        if is_exact || !are_of_use {
            homes = [&[], &[]];
        }
        let (names, pids) = match is_exact {
            true => Default::default(),
            false => (runs.map(names), runs.map(pids)),
        };
        Volatile { is_exact, homes, names, pids }
    }

    /// A word without what is volatile, as a key: the same thing has the same key, as a rule.
    pub fn masked(&self, side: usize, word: &[u8]) -> Vec<u8> {
        if self.is_exact {
            return word.to_vec();
        }
        let word = self.without_home(side, word);
        let mut masked = Vec::with_capacity(word.len());
        for piece in pieces(&word) {
            let (head, digits) = trailing_digits(piece.text);
            match piece.name {
                _ if !piece.is_run => masked.extend(piece.text),
                Some(name) if self.is_temporary(side, name) && piece.text.len() >= RANDOM => {
                    masked.push(NAME);
                }
                _ if number(digits).is_some_and(|pid| self.pids[side].contains_key(&pid)) => {
                    masked.extend(head);
                    masked.push(PID);
                }
                _ => masked.extend(piece.text),
            }
        }
        masked
    }

    /// Whether two words are the same but for what is volatile. Process ids are the same if
    /// they are those of processes for which this is so.
    pub fn is_same(&self, a: &[u8], b: &[u8], is_pid: impl Fn(u32, u32) -> bool) -> bool {
        if a == b || self.is_exact {
            return a == b;
        }
        let (a, b) = (self.without_home(0, a), self.without_home(1, b));
        let (a, b) = (pieces(&a), pieces(&b));
        let is_same_piece = |(a, b): (&Piece, &Piece)| {
            a.text == b.text
                || a.is_run && b.is_run && (self.is_same_name(a, b) || is_same_pid(a, b, &is_pid))
        };
        a.len() == b.len() && a.iter().zip(&b).all(is_same_piece)
    }

    /// The latest process of a number that had begun by then.
    pub fn process(&self, side: usize, pid: u32, run: &Run, by_ns: u64) -> Option<usize> {
        let places = self.pids[side].get(&pid)?;
        let many = places.partition_point(|place| run.processes[*place].begun_ns <= by_ns);
        places.get(many.checked_sub(1)?).copied()
    }

    /// Both of mkstemp's kind, or with another number in them.
    fn is_same_name(&self, a: &Piece, b: &Piece) -> bool {
        let (Some(name_a), Some(name_b)) = (a.name, b.name) else { return false };
        let is_random = a.text.len() == b.text.len() && a.text.len() >= RANDOM;
        let ((head_a, digits_a), (head_b, digits_b)) =
            (trailing_digits(a.text), trailing_digits(b.text));
        let is_numbered = head_a == head_b && !digits_a.is_empty() && !digits_b.is_empty();
        self.is_temporary(0, name_a) && self.is_temporary(1, name_b) && (is_random || is_numbered)
    }

    /// What both runs have is no random name.
    fn is_temporary(&self, side: usize, name: &[u8]) -> bool {
        !self.names[1 - side].contains(name)
    }

    /// The directory of the run's beginning becomes a dot.
    fn without_home<'b>(&self, side: usize, word: &'b [u8]) -> Cow<'b, [u8]> {
        let home = self.homes[side];
        if home.is_empty() || word.len() < home.len() {
            return Cow::Borrowed(word);
        }
        let mut result = Vec::new();
        let mut kept = 0;
        let mut at = 0;
        while at + home.len() <= word.len() {
            let behind = at + home.len();
            let is_whole = || word.get(behind).is_none_or(|byte| !is_in_name(*byte));
            if word[at] == b'/' && word[at..].starts_with(home) && is_whole() {
                result.extend(&word[kept..at]);
                result.push(b'.');
                (kept, at) = (behind, behind);
            } else {
                at += 1;
            }
        }
        if kept == 0 {
            return Cow::Borrowed(word);
        }
        result.extend(&word[kept..]);
        Cow::Owned(result)
    }
}

/// Where the first program of a run began.
pub fn home(run: &Run) -> &[u8] {
    let root = run.roots().next().map(|place| &run.processes[place]);
    let image = root.and_then(|root| root.images.first());
    image.map_or(&[], |image| &image.cwd)
}

fn is_same_pid(a: &Piece, b: &Piece, is_pid: impl Fn(u32, u32) -> bool) -> bool {
    let ((head_a, digits_a), (head_b, digits_b)) =
        (trailing_digits(a.text), trailing_digits(b.text));
    let numbers = number(digits_a).zip(number(digits_b));
    head_a == head_b && numbers.is_some_and(|(a, b)| is_pid(a, b))
}

fn pids(run: &Run) -> HashMap<u32, Vec<usize>> {
    let mut pids: HashMap<u32, Vec<usize>> = HashMap::new();
    for (place, process) in run.processes.iter().enumerate().filter(|(_, one)| one.pid != 0) {
        pids.entry(process.pid).or_default().push(place);
    }
    pids
}

fn names(run: &Run) -> HashSet<&[u8]> {
    let mut names = HashSet::new();
    for process in &run.processes {
        let images = process.images.iter().map(|one| (&one.path, &one.argv, &one.cwd));
        let execs = process.execs.iter().map(|one| (&one.path, &one.argv, &one.cwd));
        for (path, argv, cwd) in images.chain(execs) {
            for word in argv.iter().chain([path, cwd]).filter(|word| word.contains(&b'/')) {
                names.extend(pieces(word).iter().filter_map(|piece| piece.name));
            }
        }
    }
    names
}

/// Letters and digits that follow each other, or what is between such.
struct Piece<'a> {
    text: &'a [u8],
    is_run: bool,
    /// The name that it is in, where that is directly below a directory of temporary files.
    name: Option<&'a [u8]>,
}

fn pieces(word: &[u8]) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut at, mut name_end, mut name) = (0, 0, &word[..0]);
    while at < word.len() {
        let rest = &word[at..];
        if word[..at].ends_with(b"/tmp/") || word[..at].ends_with(b"/dev/shm/") {
            let length = rest.iter().take_while(|byte| is_in_name(**byte)).count();
            (name_end, name) = (at + length, &rest[..length]);
        }
        let is_run = is_in_run(rest[0]);
        // What is between ends behind each slash, so that names begin a piece.
        let ends = |place: &usize| match is_run {
            true => !is_in_run(rest[*place]),
            false => rest[*place - 1] == b'/' || is_in_run(rest[*place]),
        };
        let length = (1..rest.len()).find(ends).unwrap_or(rest.len());
        pieces.push(Piece { text: &rest[..length], is_run, name: (at < name_end).then_some(name) });
        at += length;
    }
    pieces
}

fn is_in_run(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_in_name(byte: u8) -> bool {
    is_in_run(byte) || b".-+~@%".contains(&byte) || byte >= 0x80
}

fn trailing_digits(run: &[u8]) -> (&[u8], &[u8]) {
    let many = run.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    run.split_at(run.len() - many)
}

fn number(digits: &[u8]) -> Option<u32> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Image, Process};

    fn run(pid: u32, cwd: &str, words: &[&str]) -> Run {
        let argv = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        let image =
            Image { at_ns: 0, path: b"/bin/x".into(), argv, cwd: cwd.into(), ..Image::default() };
        let process = Process { pid, images: vec![image], ..Process::default() };
        Run { processes: vec![process], ..Run::default() }
    }

    fn is_same(a: &str, b: &str) -> bool {
        let (run_a, run_b) = (
            run(1234, "/src/good", &[a, "/tmp/common"]),
            run(987, "/src/bad", &[b, "/tmp/common"]),
        );
        let volatile = Volatile::of([&run_a, &run_b], false);
        let (a, b) = (a.as_bytes(), b.as_bytes());
        let is_same = volatile.is_same(a, b, |a, b| (a, b) == (1234, 987));
        if is_same {
            assert_eq!(volatile.masked(0, a), volatile.masked(1, b), "{a:?} {b:?}");
        }
        let exact = Volatile::of([&run_a, &run_b], true);
        assert_eq!(exact.is_same(a, b, |_, _| true), a == b);
        is_same
    }

    #[test]
    fn temporary_names_are_the_same_and_others_are_not() {
        assert!(is_same("/tmp/ccIchd62.s", "/tmp/ccQ9z0aB.s"));
        assert!(is_same(
            "-plugin-opt=-fresolution=/tmp/ccIchd62.res",
            "-plugin-opt=-fresolution=/tmp/cc000000.res"
        ));
        assert!(is_same("/var/tmp/tmp.abcdefgh/x", "/var/tmp/tmp.ABCDEFGH/x"));
        assert!(is_same("/tmp/go-build12/b001", "/tmp/go-build34567/b001"));
        assert!(is_same("/dev/shm/sem.aaaaaa", "/dev/shm/sem.bbbbbb"));
        for (a, b) in [
            ("/tmp/ccIchd62.s", "/tmp/ccQ9z0aB.o"),
            ("/tmp/abc", "/tmp/abd"),
            ("/tmp/abcdef/x1", "/tmp/abcdeg/y1"),
            ("/usr/ccIchd62.s", "/usr/ccQ9z0aB.s"),
            ("/tmp/common", "/tmp/random"),
            ("/tmp/ccIchdab.s", "/tmp/ccIchda.s"),
        ] {
            assert!(!is_same(a, b), "{a} {b}");
        }
    }

    #[test]
    fn process_ids_are_those_of_aligned_processes() {
        assert!(is_same("/proc/1234/fd", "/proc/987/fd"));
        assert!(is_same("x.1234", "x.987"));
        assert!(!is_same("1234", "988"));
        assert!(!is_same("99999999999999999999", "88888888888888888888"));
    }

    #[test]
    fn the_directory_of_the_beginning_is_a_dot() {
        assert!(is_same("-I/src/good/include", "-I/src/bad/include"));
        assert!(is_same("/src/good", "/src/bad"));
        assert!(!is_same("/src/goodies", "/src/badies"));
        assert!(!is_same("/src/good/a", "/src/bad/b"));
    }
}
