// SPDX-License-Identifier: MIT OR Apache-2.0
//! The same command again and again, in the same directory.

use super::{findings, place};
use crate::model::{Process, Run, base_name};
use crate::words::{duration, shell, times};
use std::collections::{HashMap, HashSet};

/// So often it is told of, whatever it takes;
const OFTEN: u64 = 50;
/// so often where it takes
const SEVERAL: u64 = 4;
/// this share of the run, in percent.
const SHARE: u64 = 5;

/// A command, and where it ran.
type Command<'a> = (&'a [u8], &'a [Vec<u8>]);

#[derive(Default)]
struct Sum {
    count: u64,
    cost_ns: u64,
    /// Who ran it, if it was always the same program,
    by: Option<String>,
    /// and where that was called from, if it was always the same place.
    from: Option<String>,
}

/// What each cost in all, and the finding in words. A command that only another repeated one
/// runs is not told of.
pub fn commands(run: &Run) -> Vec<(u64, String)> {
    let whole = run.end_ns.saturating_sub(run.header.monotonic_start).max(1);
    let is_much = |sum: &Sum| {
        sum.count >= OFTEN
            || sum.count >= SEVERAL && sum.cost_ns.saturating_mul(100) / whole >= SHARE
    };
    let all = sums(run, &HashSet::new());
    let repeated: HashSet<Command> =
        all.iter().filter(|(_, sum)| is_much(sum)).map(|(command, _)| *command).collect();
    let mut told: Vec<(Command, Sum)> =
        sums(run, &repeated).into_iter().filter(|(_, sum)| is_much(sum)).collect();
    told.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    told.into_iter().map(|((_, words), sum)| (sum.cost_ns, in_words(words, &sum, whole))).collect()
}

fn in_words(words: &[Vec<u8>], sum: &Sum, whole: u64) -> String {
    let from = sum.from.as_ref().map_or_else(String::new, |from| format!(" at {from}"));
    let by = match &sum.by {
        Some(by) => format!(", all by {}{from}", shell(&[by])),
        None => String::new(),
    };
    // Those at the same time may come to more than the run.
    let share = match sum.cost_ns.saturating_mul(100) / whole {
        0 => String::new(),
        share => format!(", {share} % of the run's time"),
    };
    format!(
        "{} ran {}{by} ({} together{share}): once, and its answer kept, may do",
        findings::command(words),
        times(sum.count),
        duration(sum.cost_ns)
    )
}

/// All commands but those that a command of these runs.
fn sums<'a>(run: &'a Run, without: &HashSet<Command>) -> HashMap<Command<'a>, Sum> {
    let mut sums: HashMap<Command, Sum> = HashMap::new();
    for process in &run.processes {
        let Some(command) = command(process) else { continue };
        let parent = process.parent.map(|parent| (parent, &run.processes[parent]));
        if parent
            .and_then(|(_, parent)| self::command(parent))
            .is_some_and(|c| without.contains(&c))
        {
            continue;
        }
        let by = parent.map(|(place, _)| run.program(place));
        let creation = process.creation.map(|creation| &run.creations[creation]);
        let from = creation.and_then(|creation| place::of_creation(run, creation));
        let new = || Sum { by: by.clone(), from: from.clone(), ..Sum::default() };
        let sum = sums.entry(command).or_insert_with(new);
        sum.count += 1;
        sum.cost_ns = sum.cost_ns.saturating_add(run.duration(process).unwrap_or(0));
        if sum.by != by {
            sum.by = None;
        }
        if sum.from != from {
            sum.from = None;
        }
    }
    sums
}

/// None for a process that executed nothing, or what has no answer that could be kept.
fn command(process: &Process) -> Option<Command<'_>> {
    let words = process.words().filter(|words| !words.is_empty())?;
    if matches!(&base_name(words.first()?)[..], "sleep" | "usleep") {
        return None;
    }
    let directory = process.images.last().map_or(&b""[..], |image| &image.cwd);
    Some((directory, words))
}
