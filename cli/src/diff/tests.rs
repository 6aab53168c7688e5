// SPDX-License-Identifier: MIT OR Apache-2.0

use super::compare::Kind;
use super::comparison::{Comparison, Limits};
use super::nodes::{self, Item, Node};
use super::{json, text};
use crate::model::{End, Image, Process, Run};
use proptest::prelude::*;

/// A process in short: which of those before it made it, its command, how it ended.
#[derive(Clone, Debug)]
struct Short {
    parent: usize,
    words: Vec<String>,
    status: i32,
}

fn short() -> impl Strategy<Value = Short> {
    let words = prop::collection::vec("cc|-c|-O|f[1-5]\\.c|/tmp/cc@@@@@@\\.s", 0..4);
    (any::<usize>(), words, prop_oneof![4 => Just(0), 1 => 1..3])
        .prop_map(|(parent, words, status)| Short { parent, words, status })
}

fn shorts() -> impl Strategy<Value = Vec<Short>> {
    prop::collection::vec(short(), 1..40)
}

/// A run of them. The salt is what is another one in each run: process ids, temporary names,
/// the order of children, which is that of their salted numbers.
fn run(shorts: &[Short], salt: u32) -> Run {
    let mut run = Run::default();
    for (place, short) in shorts.iter().enumerate() {
        let at_ns = place as u64 * 1_000;
        let random = format!("{:06}", (place as u32 * 7_919 + salt) % 1_000_000);
        let words = short.words.iter().map(|word| word.replace("@@@@@@", &random).into_bytes());
        let argv: Vec<Vec<u8>> = words.collect();
        let images = argv.first().map(|path| Image {
            at_ns,
            path: path.clone(),
            argv: argv.clone(),
            cwd: b"/src".into(),
            ..Image::default()
        });
        let parent = place.checked_sub(1).map(|_| short.parent % place);
        run.processes.push(Process {
            pid: 1_000 + salt + place as u32,
            parent,
            images: images.into_iter().collect(),
            begun_ns: at_ns,
            end: End::Exited(short.status),
            end_ns: Some(at_ns + 500),
            copy_of: place,
            ..Process::default()
        });
        if let Some(parent) = parent {
            run.processes[parent].children.push(place);
        }
    }
    for process in &mut run.processes {
        process.children.sort_by_key(|child| (*child as u32).wrapping_mul(2_654_435_761 ^ salt));
    }
    run
}

const LIMITS: Limits = Limits { top: 5, threshold_ns: 0, is_exact: false, ignored: &[] };

fn differences(runs: [&Run; 2]) -> Vec<(Kind, [Option<String>; 2])> {
    let comparison = Comparison::of(runs, LIMITS);
    let all = comparison.nodes.iter().flat_map(|node| &node.differences);
    let mut all: Vec<_> = all.map(|one| (one.kind, one.sides.clone())).collect();
    all.sort();
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn a_run_is_the_same_as_itself(shorts in shorts()) {
        let run = run(&shorts, 0);
        prop_assert!(!Comparison::of([&run, &run], LIMITS).is_different());
        let exact = Limits { is_exact: true, ..LIMITS };
        prop_assert!(!Comparison::of([&run, &run], exact).is_different());
    }

    #[test]
    fn order_numbers_and_temporary_names_are_no_difference(shorts in shorts(), salt in 1..5_000u32) {
        let (a, b) = (run(&shorts, 0), run(&shorts, salt));
        prop_assert_eq!(differences([&a, &b]), []);
    }

    #[test]
    fn the_other_way_round_all_differences_are_the_other_way_round(a in shorts(), b in shorts()) {
        let (a, b) = (run(&a, 0), run(&b, 0));
        let forth = differences([&a, &b]);
        let mut back = differences([&b, &a]);
        for (_, sides) in &mut back {
            sides.swap(0, 1);
        }
        back.sort();
        prop_assert_eq!(forth, back);
    }

    #[test]
    fn each_process_is_in_one_line_or_in_a_sum(a in shorts(), b in shorts()) {
        let runs = [&run(&a, 0), &run(&b, 0)];
        let comparison = Comparison::of(runs, LIMITS);
        let sizes = runs.map(nodes::sizes);
        let mut counts = [0, 0];
        for node in &comparison.nodes {
            let below = comparison.below(&sizes, node.item);
            match node.item {
                Item::Pair(..) => counts = counts.map(|count| count + 1),
                Item::Same(_) => counts = counts.map(|count| count + below),
                Item::Only(side, _) => counts[side] += 1 + below,
                Item::Failed(..) => {}
            }
        }
        if comparison.is_different() {
            prop_assert_eq!(counts, [a.len(), b.len()]);
        }
    }

    #[test]
    fn one_other_status_is_one_difference(shorts in shorts(), which in any::<prop::sample::Index>()) {
        let place = which.index(shorts.len());
        let mut other = shorts.clone();
        other[place].status = 9;
        let runs = [&run(&shorts, 0), &run(&other, 0)];
        let status = shorts[place].status.to_string();
        prop_assert_eq!(differences(runs), [(Kind::Status, [Some(status), Some("9".into())])]);
    }
}

fn make(commands: &[&str]) -> Run {
    let of = |command: &&str| Short {
        parent: 0,
        words: command.split(' ').map(str::to_owned).collect(),
        status: 0,
    };
    let mut run = run(&[&["make"], commands].concat().iter().map(of).collect::<Vec<_>>(), 0);
    run.processes[0].children.sort_unstable();
    run
}

/// The marks and commands of a comparison.
fn lines(a: &[&str], b: &[&str]) -> Vec<String> {
    let runs = [&make(a), &make(b)];
    let comparison = Comparison::of(runs, LIMITS);
    let line = |node: &Node| match node.item {
        Item::Pair(a, b) if comparison.command(0, a) == comparison.command(1, b) => {
            format!("  {}", comparison.command(0, a))
        }
        Item::Pair(a, b) => {
            format!("~ {} | {}", comparison.command(0, a), comparison.command(1, b))
        }
        Item::Only(0, place) => format!("- {}", comparison.command(0, place)),
        Item::Only(_, place) => format!("+ {}", comparison.command(1, place)),
        Item::Same(count) => format!("= {count}"),
        Item::Failed(..) => String::new(),
    };
    comparison.nodes.iter().map(line).collect()
}

#[test]
fn what_is_on_one_side_only_is_where_it_was() {
    assert_eq!(lines(&["a", "b", "c"], &["a", "x", "c"]), ["  make", "= 1", "+ x", "- b", "= 1"]);
    assert_eq!(lines(&["a", "b"], &["b"]), ["  make", "- a", "= 1"]);
    assert_eq!(lines(&["t", "t", "t"], &["t", "t"]), ["  make", "= 2", "- t"]);
    assert_eq!(lines(&["a", "b"], &["b", "a"]), [""; 0], "order alone is none");
}

#[test]
fn commands_with_other_arguments_are_found_by_their_own_words() {
    assert_eq!(
        lines(&["cc -c f1.c", "cc -c f2.c"], &["cc -g -c f2.c", "cc -g -c f1.c"]),
        ["  make", "~ cc -c f1.c | cc -g -c f1.c", "~ cc -c f2.c | cc -g -c f2.c"]
    );
    assert_eq!(
        lines(&["cc -c f1.c -o f1.o"], &["clang -c f1.c -o f1.o"]),
        ["  make", "~ cc -c f1.c -o f1.o | clang -c f1.c -o f1.o"]
    );
    assert_eq!(
        lines(&["cat f1.o x y z"], &["rm f1.o"]),
        ["  make", "+ rm f1.o", "- cat f1.o x y z"]
    );
}

fn read(bytes: &[u8]) -> Option<Run> {
    let reader = crate::trace::Reader::new(bytes).ok()?;
    Some(crate::report::whole(reader, "/nowhere".as_ref()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]
    #[test]
    fn no_comparison_fails_on_traces_that_were_changed_anywhere(
        words in prop::collection::vec((any::<prop::sample::Index>(), word()), 1..30),
        bytes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..30),
    ) {
        let whole = crate::sample::sample().bytes();
        let mut changed = whole.clone();
        for (place, word) in words {
            let at = 24 + 8 * place.index((changed.len() - 24) / 8);
            changed[at..at + 8].copy_from_slice(&word.to_ne_bytes());
        }
        for (place, byte) in bytes {
            let at = place.index(changed.len() - 24);
            changed[24 + at] = byte;
        }
        let Some((whole, changed)) = read(&whole).zip(read(&changed)) else { return Ok(()) };
        let files = ["a", "b"].map(std::path::Path::new);
        for runs in [[&whole, &changed], [&changed, &whole], [&changed, &changed]] {
            let comparison = Comparison::of(runs, LIMITS);
            prop_assert!(text::write(&comparison, files, Some(80), &mut std::io::sink()).is_ok());
            prop_assert!(json::write(&comparison, files, &mut std::io::sink()).is_ok());
        }
        prop_assert_eq!(differences([&changed, &changed]), []);
    }
}

/// Numbers that a trace has, and those at the ends.
fn word() -> impl Strategy<Value = u64> {
    prop_oneof![0..30u64, any::<u64>(), Just(u64::MAX), (0..4u64).prop_map(|n| n << 62)]
}
