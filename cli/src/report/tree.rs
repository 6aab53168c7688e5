// SPDX-License-Identifier: MIT OR Apache-2.0
//! Processes below those that made them.

use super::{BAD, DIM, HEAD, blind_spots, findings};
use crate::model::{End, Part, Process, Run};
use crate::notation::signal_in_words;
use crate::words::{cut, duration, errno, shell, size};
use anyhow::Result;
use std::io::Write;
use unicode_width::UnicodeWidthStr;

/// Deeper ones are not indented further,
const DEEPEST: usize = 60;
/// each by so many columns; these are indented in a terminal of whatever width.
const INDENT: usize = 3;
const SHALLOW: usize = 4;

/// What is in a line before the tree.
const FIGURES: usize = 40;
/// Of a command, so much is there in a terminal of whatever width.
const LEAST: usize = 16;

/// Writes the tree; commands are cut where lines would be longer than this.
pub fn write(run: &Run, width: Option<usize>, out: &mut impl Write) -> Result<()> {
    writeln!(out, "{HEAD}duration       CPU     memory  status{HEAD:#}")?;
    let deepest = deepest(width, FIGURES + LEAST);
    // Not by recursion: a trace may be as deep as it likes.
    let mut todo: Vec<Row> = run.roots().map(|place| Row::root(Item::Process(place))).collect();
    todo.reverse();
    while let Some(row) = todo.pop() {
        match row.item {
            Item::Process(place) => {
                process(run, place, &row, width, out)?;
                let below = row.below(run, place, deepest);
                todo.extend(below.into_iter().rev());
            }
            Item::Failure(place) => {
                let creation = &run.creations[place];
                let call = creation.call.map_or("?", |call| call.name());
                let why = errno(creation.errno);
                line(
                    out,
                    ["", "", "", "failed"],
                    &row.prefix,
                    &format!("{BAD}{call}: {why}{BAD:#}"),
                )?;
            }
        }
    }
    writeln!(out)?;
    findings::below(run, out)?;
    blind_spots(run, out)
}

/// How deep a tree is indented, so that so many columns of a line are left.
pub fn deepest(width: Option<usize>, taken: usize) -> usize {
    width.map_or(DEEPEST, |width| (width.saturating_sub(taken) / INDENT).clamp(SHALLOW, DEEPEST))
}

#[derive(Clone, Copy)]
enum Item {
    Process(usize),
    /// A creation of which nothing came.
    Failure(usize),
}

struct Row {
    item: Item,
    depth: usize,
    /// What is drawn before it,
    prefix: String,
    /// and before what is below it.
    indent: String,
}

impl Row {
    fn root(item: Item) -> Row {
        Row { item, depth: 0, prefix: String::new(), indent: String::new() }
    }

    fn below(&self, run: &Run, place: usize, deepest: usize) -> Vec<Row> {
        let children = run.processes[place].children.iter().map(|child| Item::Process(*child));
        let failed = run.processes[place].failures.iter().map(|failed| Item::Failure(*failed));
        let items: Vec<Item> = children.chain(failed).collect();
        let last = items.len().saturating_sub(1);
        let depth = self.depth + 1;
        let row = |(number, item): (usize, &Item)| {
            let (corner, line) =
                if number == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            let (prefix, indent) = match depth {
                depth if depth <= deepest => {
                    (format!("{}{corner}", self.indent), format!("{}{line}", self.indent))
                }
                _ => (format!("({depth}) "), self.indent.clone()),
            };
            Row { item: *item, depth, prefix, indent }
        };
        items.iter().enumerate().map(row).collect()
    }
}

/// A process: a line for each program that it was.
fn process(
    run: &Run,
    place: usize,
    row: &Row,
    width: Option<usize>,
    out: &mut impl Write,
) -> Result<()> {
    let process = &run.processes[place];
    let parts = process.parts(run.until(process));
    let is_end_known = process.end_ns.is_some() || process.end == End::Alive;
    for (number, part) in parts.iter().enumerate() {
        let is_last = number + 1 == parts.len();
        let took = match part.until_ns.saturating_sub(part.begun_ns) {
            _ if is_last && !is_end_known => "?".into(),
            took => duration(took),
        };
        let prefix = match number {
            0 => row.prefix.clone(),
            _ => format!("{}⇒ ", row.indent),
        };
        let mut notes = if part.unseen { " (unseen)".to_owned() } else { String::new() };
        let mut figures = <(String, String, String)>::default();
        if is_last {
            figures = self::figures(run, process);
            notes += &threads(process.threads);
        }
        let taken = FIGURES + prefix.width() + notes.width();
        let room = width.map(|width| width.saturating_sub(taken).max(LEAST));
        let mut text = words(run, process, part, room);
        if !notes.is_empty() {
            text += &format!("{DIM}{notes}{DIM:#}");
        }
        let (cpu, memory, status) = figures;
        line(out, [&took, &cpu, &memory, &status], &prefix, &text)?;
    }
    Ok(())
}

fn threads(count: u32) -> String {
    match count {
        0 => String::new(),
        1 => "  + a thread".into(),
        many => format!("  + {many} threads"),
    }
}

fn words(run: &Run, process: &Process, part: &Part, room: Option<usize>) -> String {
    let Some(path) = part.path else { return copy(run, process, room) };
    let words = if part.argv.is_empty() { shell(&[path]) } else { shell(part.argv) };
    match room {
        Some(room) => cut(words, room),
        None => words,
    }
}

/// What executed nothing: by whom it was made, and what it tried last.
fn copy(run: &Run, process: &Process, room: Option<usize>) -> String {
    let call = process.creation.and_then(|creation| run.creations[creation].call);
    let how = call.map_or("unknown", |call| call.name());
    let text = match process.parent {
        Some(parent) => format!("({how} of {})", shell(&[run.program(parent)])),
        None => format!("({how})"),
    };
    let failed = process.execs.iter().rev().find_map(|exec| Some((exec, exec.failed?)));
    let tried = failed.map(|(exec, why)| format!(" {}: {}", shell(&[&exec.path]), errno(why)));
    let fitted = |text: String, taken: usize| match room {
        Some(room) => cut(text, room.saturating_sub(taken).max(1)),
        None => text,
    };
    let text = fitted(text, 0);
    match tried.map(|tried| fitted(tried, text.width())) {
        Some(tried) => format!("{DIM}{text}{DIM:#}{BAD}{tried}{BAD:#}"),
        None => format!("{DIM}{text}{DIM:#}"),
    }
}

fn figures(run: &Run, process: &Process) -> (String, String, String) {
    let cpu = run.cpu(process).map_or_else(String::new, duration);
    let memory = process.max_resident().map_or_else(String::new, size);
    (cpu, memory, status(process))
}

/// How a process ended, in a word.
pub fn status(process: &Process) -> String {
    match process.end {
        _ if process.zombie => "zombie".into(),
        End::Unknown | End::Exited(-1) => "?".into(),
        End::Exited(status) => status.to_string(),
        End::Killed { signal, .. } => signal_in_words(signal),
        End::Alive => "alive".into(),
    }
}

fn line(out: &mut impl Write, figures: [&str; 4], prefix: &str, text: &str) -> Result<()> {
    let [took, cpu, memory, status] = figures;
    let colour = if matches!(status, "" | "0" | "?" | "alive") { DIM } else { BAD };
    writeln!(
        out,
        "{took:>8}  {cpu:>8} {memory:>10}  {colour}{status:>7}{colour:#}  {DIM}{prefix}{DIM:#}{text}"
    )?;
    Ok(())
}
