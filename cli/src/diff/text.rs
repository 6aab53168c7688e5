// SPDX-License-Identifier: MIT OR Apache-2.0
//! A comparison for people.

use super::compare::{Difference, Kind};
use super::figures::{Change, Figures};
use super::nodes::{Item, Node, sizes};
use super::volatile::home;
use super::{Comparison, command};
use crate::report::{BAD, DIM, HEAD, cut};
use crate::words::{duration, shell, size};
use anstyle::{AnsiColor, Style};
use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};
use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use unicode_width::UnicodeWidthStr;

const GOOD: Style = AnsiColor::Green.on_default();
const OTHER: Style = AnsiColor::Yellow.on_default();
/// Deeper lines are not indented further.
const DEEPEST: usize = 60;
/// Of a long path, so many are shown from either end.
const ENDS: usize = 12;
/// Of a command or value, so much is there in a terminal of whatever width.
const LEAST: usize = 24;
/// What is in a line before a program that got slower.
const FIGURES: usize = 104;

/// Writes it; commands are cut where lines would be longer than this.
pub fn write(
    comparison: &Comparison,
    files: [&Path; 2],
    width: Option<usize>,
    out: &mut impl Write,
) -> Result<()> {
    summary(comparison, files, out)?;
    let page = Page { comparison, width };
    if comparison.is_different() {
        page.first(out)?;
        page.tree(out)?;
    } else {
        writeln!(out, "{HEAD}No differences{HEAD:#} but of time and memory.\n")?;
    }
    changes(comparison, width, out)?;
    blind_spots(comparison, out)
}

fn summary(comparison: &Comparison, files: [&Path; 2], out: &mut impl Write) -> Result<()> {
    let [a, b] = &comparison.totals;
    for (side, file) in ["A", "B"].iter().zip(files) {
        writeln!(out, "{HEAD}{side}{HEAD:#}  {}", shell(&[file.as_os_str().as_bytes()]))?;
    }
    let mut rows = vec![["", "A", "B", "B/A"].map(str::to_owned)];
    for (what, a, b) in [
        ("processes", a.processes, b.processes),
        ("  that failed", a.failed, b.failed),
        ("failed creations and executions", a.refused, b.refused),
    ] {
        rows.push([what.into(), a.to_string(), b.to_string(), String::new()]);
    }
    for (what, a, b) in [("wall time", a.wall_ns, b.wall_ns), ("CPU time", a.cpu_ns, b.cpu_ns)] {
        rows.push([what.into(), duration(a), duration(b), ratio(a, b)]);
    }
    write_table(rows, &[1, 2, 3], out)?;
    let homes = comparison.runs.map(home);
    if homes[0] != homes[1] {
        let homes = homes.map(|home| shell(&[home]));
        writeln!(out, "A began in {}, B in {}.\n", homes[0], homes[1])?;
    }
    Ok(())
}

/// How many times as much.
fn ratio(a: u64, b: u64) -> String {
    match a {
        0 => String::new(),
        _ => format!("{:.2}", b as f64 / a as f64),
    }
}

/// Rows, the first of which is the head.
fn write_table<const MANY: usize>(
    rows: Vec<[String; MANY]>,
    right: &[usize],
    out: &mut impl Write,
) -> Result<()> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    for row in rows {
        table.add_row(row);
    }
    for column in right {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for (number, line) in table.lines().enumerate() {
        let line = line.trim_end();
        match number {
            0 => writeln!(out, "{HEAD}{line}{HEAD:#}")?,
            _ => writeln!(out, "{line}")?,
        }
    }
    writeln!(out)?;
    Ok(())
}

fn fitted(text: &str, width: Option<usize>) -> String {
    match width {
        Some(width) if text.width() > width => cut(text, width.saturating_sub(1)) + "…",
        _ => text.to_owned(),
    }
}

/// The parts that have processes in them.
struct Page<'a> {
    comparison: &'a Comparison<'a>,
    width: Option<usize>,
}

impl Page<'_> {
    fn fitted(&self, text: &str, taken: usize) -> String {
        fitted(text, self.width.map(|width| width.saturating_sub(taken).max(LEAST)))
    }

    fn command(&self, item: Item) -> String {
        match item {
            Item::Pair(place, _) => self.comparison.command(0, place),
            Item::Only(side, place) => self.comparison.command(side, place),
            Item::Same(1) => "1 process, the same".into(),
            Item::Same(count) => format!("{count} processes, the same"),
            Item::Failed(..) => String::new(),
        }
    }

    fn first(&self, out: &mut impl Write) -> Result<()> {
        let Some((place, first)) = self.comparison.first() else { return Ok(()) };
        let at = duration(self.comparison.since_begin(first.at_ns));
        let what = in_words(first);
        writeln!(out, "{HEAD}First divergence, {at} from A's beginning:{HEAD:#} {what}")?;
        let nodes = &self.comparison.nodes;
        let path = std::iter::successors(Some(place), |place| nodes[*place].parent);
        let mut path: Vec<usize> = path.collect();
        path.reverse();
        for (depth, place) in path.iter().enumerate() {
            if path.len() > 2 * ENDS && depth == ENDS {
                writeln!(out, "    {DIM}… {} more …{DIM:#}", path.len() - 2 * ENDS)?;
            }
            if (ENDS..(path.len() - ENDS.min(path.len())).max(ENDS)).contains(&depth) {
                continue;
            }
            let shown =
                if depth < ENDS { depth } else { depth + 2 * ENDS - path.len().max(2 * ENDS) };
            let indent = "   ".repeat(shown.saturating_sub(1));
            let corner = if depth == 0 { "" } else { "└─ " };
            let item = nodes[*place].item;
            let command = match item {
                Item::Failed(..) => value(&nodes[*place].differences[0]),
                _ => self.command(item),
            };
            let command = self.fitted(&command, 4 + 3 * shown);
            writeln!(out, "    {DIM}{indent}{corner}{DIM:#}{command}")?;
        }
        writeln!(out)?;
        Ok(())
    }

    fn tree(&self, out: &mut impl Write) -> Result<()> {
        writeln!(out, "{HEAD}Differences:{HEAD:#} {}", counts(&self.comparison.nodes))?;
        let sizes = self.comparison.runs.map(sizes);
        // For each depth, whether more lines follow there.
        let mut goes_on: Vec<bool> = Vec::new();
        for (number, node) in self.comparison.nodes.iter().enumerate() {
            goes_on.truncate(node.depth.min(DEEPEST));
            let mut prefix = indent(&goes_on);
            match node.depth {
                0 => {}
                1..=DEEPEST if node.is_last => prefix += "└─ ",
                1..=DEEPEST => prefix += "├─ ",
                deep => prefix = format!("({deep}) "),
            }
            let below = self.comparison.below(&sizes, node.item);
            self.line(node, &prefix, below, out)?;
            goes_on.push(!node.is_last && node.depth > 0);
            let nodes = &self.comparison.nodes;
            let has_children = nodes.get(number + 1).is_some_and(|next| next.depth > node.depth);
            let rest = indent(&goes_on) + if has_children { "│  " } else { "   " };
            if matches!(node.item, Item::Pair(..)) {
                for difference in &node.differences {
                    let text = self.fitted(&detail(difference), 4 + rest.width());
                    writeln!(out, "{OTHER}~{OTHER:#} {DIM}{rest}{DIM:#}  {text}")?;
                }
            }
        }
        writeln!(out)?;
        Ok(())
    }

    fn line(&self, node: &Node, prefix: &str, below: usize, out: &mut impl Write) -> Result<()> {
        let (mark, colour) = match node.item {
            Item::Only(0, _) | Item::Failed(0, _) => ('-', BAD),
            Item::Only(..) | Item::Failed(..) => ('+', GOOD),
            Item::Pair(..) if !node.differences.is_empty() => ('~', OTHER),
            Item::Pair(..) | Item::Same(_) => (' ', Style::new()),
        };
        let note = match node.item {
            Item::Only(..) if below > 0 => format!("  and {below} below"),
            _ => String::new(),
        };
        let text = match node.item {
            Item::Failed(..) => format!("failed: {}", value(&node.differences[0])),
            item => self.command(item),
        };
        let text = self.fitted(&text, 2 + prefix.width() + note.width());
        let style = if matches!(node.item, Item::Same(_)) { DIM } else { colour };
        let style = if mark == '~' { Style::new() } else { style };
        writeln!(
            out,
            "{colour}{mark}{colour:#} {DIM}{prefix}{DIM:#}{style}{text}{style:#}{DIM}{note}{DIM:#}"
        )?;
        Ok(())
    }
}

fn indent(goes_on: &[bool]) -> String {
    let rows = goes_on.iter().skip(1);
    rows.map(|goes_on| if *goes_on { "│  " } else { "   " }).collect()
}

/// What the one side has that has it.
fn value(difference: &Difference) -> String {
    difference.sides.iter().flatten().next().cloned().unwrap_or_default()
}

fn in_words(first: &Difference) -> String {
    let what = first.kind.words();
    match (&first.sides, first.kind) {
        ([Some(_), None], Kind::Process) => "a process that A alone has".into(),
        (_, Kind::Process) => "a process that B alone has".into(),
        ([Some(_), None], Kind::Creation) => "a creation that failed in A alone".into(),
        (_, Kind::Creation) => "a creation that failed in B alone".into(),
        ([a, b], _) => {
            let none = || "none".to_owned();
            let [a, b] = [a, b].map(|side| side.clone().unwrap_or_else(none));
            format!("{what}, {a} in A, {b} in B")
        }
    }
}

fn detail(difference: &Difference) -> String {
    let [a, b] = [0, 1].map(|side| difference.sides[side].as_deref().unwrap_or("none"));
    let name = match difference.kind {
        Kind::Exec => "failed execution",
        kind => kind.name(),
    };
    format!("{name}: {a} → {b}")
}

/// How many of which kind.
fn counts(nodes: &[Node]) -> String {
    let mut counts: BTreeMap<(u8, &str), u64> = BTreeMap::new();
    for difference in nodes.iter().flat_map(|node| &node.differences) {
        let key = match (difference.kind, &difference.sides) {
            (Kind::Process, [Some(_), None]) => (0, "in A alone"),
            (Kind::Process, _) => (1, "in B alone"),
            (kind, _) => (2 + kind as u8, kind.name()),
        };
        *counts.entry(key).or_default() += 1;
    }
    let counts = counts.iter().map(|((_, name), count)| match (*name, *count) {
        (name @ ("in A alone" | "in B alone"), count) => format!("{count} {name}"),
        (name, count) => format!("{name} {count}"),
    });
    counts.collect::<Vec<_>>().join(", ")
}

/// What got slower, and faster.
fn changes(comparison: &Comparison, width: Option<usize>, out: &mut impl Write) -> Result<()> {
    let Comparison { programs, processes, runs, .. } = comparison;
    let name = |program: &String| shell(&[program]);
    let line = |(a, _): &(usize, usize)| command(runs[0], *a);
    rows("Slower programs", &programs.slower, name, width, out)?;
    rows("Slower processes", &processes.slower, line, width, out)?;
    rows("Faster programs", &programs.faster, name, width, out)?;
    rows("Faster processes", &processes.faster, line, width, out)
}

fn rows<What>(
    title: &str,
    changes: &[Change<What>],
    name: impl Fn(&What) -> String,
    width: Option<usize>,
    out: &mut impl Write,
) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    writeln!(out, "{HEAD}{title}:{HEAD:#}")?;
    let head =
        ["wall time", "A", "B", "B/A", "CPU time A", "B", "B/A", "memory A", "B", "count", ""];
    let mut rows = vec![head.map(str::to_owned)];
    for change in changes {
        let by = change.wall();
        let sign = if by < 0 { '-' } else { '+' };
        let by = u64::try_from(by.unsigned_abs()).unwrap_or(u64::MAX);
        let [a, b]: [Figures; 2] = change.sides;
        let count = match (a.count, b.count) {
            (a, b) if a == b => a.to_string(),
            (a, b) => format!("{a} → {b}"),
        };
        let room = width.map(|width| width.saturating_sub(FIGURES).max(LEAST));
        rows.push([
            format!("{sign}{}", duration(by)),
            duration(a.wall_ns),
            duration(b.wall_ns),
            ratio(a.wall_ns, b.wall_ns),
            duration(a.cpu_ns),
            duration(b.cpu_ns),
            ratio(a.cpu_ns, b.cpu_ns),
            size(a.max_resident),
            size(b.max_resident),
            count,
            fitted(&name(&change.what), room),
        ]);
    }
    write_table(rows, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], out)
}

fn blind_spots(comparison: &Comparison, out: &mut impl Write) -> Result<()> {
    let spots = comparison.blind_spots();
    if spots.is_empty() {
        writeln!(out, "{DIM}Nothing was out of sight.{DIM:#}")?;
        return Ok(());
    }
    writeln!(out, "{HEAD}Out of sight:{HEAD:#}")?;
    writeln!(out, "{HEAD}      A       B{HEAD:#}")?;
    for (reason, [a, b]) in spots {
        writeln!(out, "{a:>7} {b:>7} {reason}")?;
    }
    Ok(())
}
