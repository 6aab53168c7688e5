// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is worth a look, in words: what was seen, what it cost, what would be better.

use super::{HEAD, copies, place, repeated};
use crate::model::{Exec, Process, Run, base_name};
use crate::words::{cut, duration, shell, times};
use anyhow::Result;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::Write;

/// So many failed attempts to execute one program,
const MISSES: u64 = 10;
/// and so many commands of one make.
const COMMANDS: usize = 8;
/// A sentence is for reading: command lines have no more columns in it.
const LONGEST: usize = 160;

/// One of them.
pub struct Finding {
    /// What can be saved at most, as far as it is known.
    pub cost_ns: u64,
    /// In words.
    pub text: String,
}

/// All, the most expensive first.
pub fn all(run: &Run) -> Vec<Finding> {
    let mut all = Vec::new();
    shells(run, &mut all);
    let others = copies::in_vain(run).into_iter().chain(repeated::commands(run));
    all.extend(others.map(|(cost_ns, text)| Finding { cost_ns, text }));
    misses(run, &mut all);
    left_behind(run, &mut all);
    serial_makes(run, &mut all);
    all.sort_by_key(|finding| Reverse(finding.cost_ns));
    all
}

/// As a report of its own.
pub fn write(run: &Run, out: &mut impl Write) -> Result<()> {
    if all(run).is_empty() {
        writeln!(out, "No findings.\n")?;
    }
    below(run, out)
}

/// Below another report; nothing if there are none.
pub fn below(run: &Run, out: &mut impl Write) -> Result<()> {
    let all = all(run);
    if all.is_empty() {
        return Ok(());
    }
    writeln!(out, "{HEAD}Findings:{HEAD:#}")?;
    for finding in all {
        writeln!(out, "  - {}", finding.text)?;
    }
    writeln!(out)?;
    Ok(())
}

/// A command line in a sentence.
pub fn command<Word: AsRef<[u8]>>(words: &[Word]) -> String {
    cut(shell(words), LONGEST)
}

#[derive(Default)]
struct Sum {
    count: u64,
    cost_ns: u64,
}

impl Sum {
    fn add(&mut self, cost_ns: u64) {
        self.count += 1;
        self.cost_ns = self.cost_ns.saturating_add(cost_ns);
    }
}

/// In which function, and line, where that is known.
fn at(place: Option<String>) -> String {
    place.map_or_else(String::new, |place| format!(" at {place}"))
}

/// Shells for a command that needs none.
fn shells(run: &Run, all: &mut Vec<Finding>) {
    let mut sum = Sum::default();
    let mut example = None;
    for process in &run.processes {
        let Some((text, cost_ns)) = needless_shell(run, process) else { continue };
        sum.add(cost_ns);
        example.get_or_insert((text, process));
    }
    if let Some((text, process)) = example {
        let text = format!(
            "a shell was started {} ({}) for a command that needs none, such as {}{}: execute it \
             directly",
            times(sum.count),
            duration(sum.cost_ns),
            command(&[text]),
            at(made_at(run, process))
        );
        all.push(Finding { cost_ns: sum.cost_ns, text });
    }
}

/// Where the call that made a process came from.
fn made_at(run: &Run, process: &Process) -> Option<String> {
    place::of_creation(run, &run.creations[process.creation?])
}

/// The command, and how long it took until it began.
fn needless_shell<'a>(run: &Run, process: &'a Process) -> Option<(&'a [u8], u64)> {
    let shell = process.images.first()?;
    let [_, option, text] = &shell.argv[..] else { return None };
    let is_shell = matches!(
        &base_name(&shell.path)[..],
        "sh" | "dash" | "bash" | "ash" | "ksh" | "mksh" | "zsh" | "busybox"
    );
    let special = |byte: &u8| b";|&<>()$`\\\"'*?[]#~=%!{}\n".contains(byte);
    let first = text.split(|byte| *byte == b' ').find(|word| !word.is_empty())?;
    if !is_shell || option != b"-c" || text.iter().any(special) || BUILT_IN.contains(&first) {
        return None;
    }
    let began = match (&process.images[1..], &process.children[..]) {
        ([next, ..], _) => next.at_ns,
        ([], [child]) => run.processes[*child].begun_ns,
        _ => return None,
    };
    Some((text, began.saturating_sub(process.begun_ns)))
}

/// What only a shell can do.
const BUILT_IN: &[&[u8]] = &[
    b".", b":", b"cd", b"command", b"eval", b"exec", b"exit", b"export", b"read", b"set", b"shift",
    b"trap", b"type", b"ulimit", b"umask", b"unset", b"wait",
];

/// Programs that are looked for where they are not.
fn misses(run: &Run, all: &mut Vec<Finding>) {
    let mut sums: BTreeMap<String, (Sum, u64, Option<&Exec>)> = BTreeMap::new();
    for process in &run.processes {
        for exec in &process.execs {
            let entry = sums.entry(base_name(&exec.path)).or_default();
            match exec.failed {
                Some(libc::ENOENT | libc::ENOTDIR) => {
                    entry.0.add(0);
                    entry.2.get_or_insert(exec);
                }
                Some(_) => {}
                None => entry.1 += 1,
            }
        }
    }
    let many = sums.into_iter().filter(|(_, (sum, ..))| sum.count >= MISSES);
    for (name, (misses, hits, first)) in many {
        let found = match hits {
            0 => "it was never found".to_owned(),
            hits => format!(
                "it was found {}; an absolute path, or a shorter PATH, saves them",
                times(hits)
            ),
        };
        let from = at(first.and_then(|exec| place::of_exec(run, exec)));
        let (name, often) = (shell(&[name]), times(misses.count));
        let text = format!("{name} was executed in vain {often}{from}: {found}");
        all.push(Finding { cost_ns: 0, text });
    }
}

/// Children that were not waited for.
fn left_behind(run: &Run, all: &mut Vec<Finding>) {
    let mut sums: BTreeMap<(String, Option<String>), u64> = BTreeMap::new();
    for (place, process) in run.processes.iter().enumerate() {
        let children = process.children.iter().map(|child| &run.processes[*child]);
        let mut zombies = 0;
        for child in children.filter(|child| child.zombie) {
            zombies += 1;
            *sums.entry((run.program(place), made_at(run, child))).or_default() += 1;
        }
        let others = u64::from(process.unwaited).saturating_sub(zombies);
        if others != 0 {
            *sums.entry((run.program(place), None)).or_default() += others;
        }
    }
    for ((program, from), left) in sums {
        let children = if left == 1 { "a child".into() } else { format!("{left} children") };
        let made = from.map_or_else(String::new, |from| format!(" made at {from}"));
        let text = format!("{} never waited for {children}{made}", shell(&[program]));
        all.push(Finding { cost_ns: 0, text });
    }
}

/// make without -j.
fn serial_makes(run: &Run, all: &mut Vec<Finding>) {
    for process in &run.processes {
        let is_make =
            process.path().is_some_and(|path| matches!(&base_name(path)[..], "make" | "gmake"));
        let words = process.words().unwrap_or_default();
        let has_jobs =
            words.iter().any(|word| word.starts_with(b"-j") || word.starts_with(b"--jobs"));
        if !is_make || has_jobs || process.children.len() < COMMANDS || overlap(run, process) {
            continue;
        }
        let times =
            process.children.iter().filter_map(|child| run.duration(&run.processes[*child]));
        let sum = times.fold(0, u64::saturating_add);
        let text = format!(
            "{} ran {} commands one after the other ({}): -j lets it run several",
            command(words),
            process.children.len(),
            duration(sum)
        );
        all.push(Finding { cost_ns: sum / 2, text });
    }
}

/// Whether two of its children were there at the same time.
fn overlap(run: &Run, process: &Process) -> bool {
    let mut times: Vec<(u64, u64)> = process
        .children
        .iter()
        .map(|child| (run.processes[*child].begun_ns, run.until(&run.processes[*child])))
        .collect();
    times.sort_unstable();
    times.windows(2).any(|pair| pair[1].0 < pair[0].1)
}
