// SPDX-License-Identifier: MIT OR Apache-2.0
//! Of a comparison for people: the first difference, and all of them as a tree.

use super::compare::{Difference, Kind};
use super::comparison::Comparison;
use super::nodes::{Item, Node, sizes};
use crate::report::{BAD, DIM, HEAD, deepest};
use crate::words::{cut, duration};
use anstyle::{AnsiColor, Style};
use anyhow::Result;
use std::collections::BTreeMap;
use std::io::Write;
use unicode_width::UnicodeWidthStr;

const GOOD: Style = AnsiColor::Green.on_default();
const OTHER: Style = AnsiColor::Yellow.on_default();
/// Of a long path, so many are shown from either end.
const ENDS: usize = 12;
/// Words around the values of the first difference.
const WORDS: usize = 80;
/// Of a command or value, so much is there in a terminal of whatever width.
pub const LEAST: usize = 24;

/// The parts that have processes in them.
pub struct Page<'a> {
    pub comparison: &'a Comparison<'a>,
    /// Commands are cut where lines would be longer.
    pub width: Option<usize>,
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

    /// The first difference, with the path to it.
    pub fn first(&self, out: &mut impl Write) -> Result<()> {
        let Some((place, first)) = self.comparison.first() else { return Ok(()) };
        let at = duration(self.comparison.since_begin(first.at_ns));
        let what = self.in_words(first);
        writeln!(out, "{HEAD}First divergence, {at} from A's beginning:{HEAD:#} {what}")?;
        let nodes = &self.comparison.nodes;
        let path = std::iter::successors(Some(place), |place| nodes[*place].parent);
        let mut path: Vec<usize> = path.collect();
        path.reverse();
        let ends = ENDS.min(deepest(self.width, 4 + LEAST) / 2);
        let hidden = path.len().saturating_sub(2 * ends);
        for (depth, place) in path.into_iter().enumerate() {
            if hidden > 0 && depth == ends {
                writeln!(out, "    {DIM}… {hidden} more …{DIM:#}")?;
            }
            if hidden > 0 && (ends..ends + hidden).contains(&depth) {
                continue;
            }
            let shown = if depth < ends { depth } else { depth - hidden };
            let indent = "   ".repeat(shown.saturating_sub(1));
            let corner = if depth == 0 { "" } else { "└─ " };
            let command = match nodes[place].item {
                Item::Failed(..) => value(&nodes[place].differences[0]),
                item => self.command(item),
            };
            let command = self.fitted(&command, 4 + 3 * shown);
            writeln!(out, "    {DIM}{indent}{corner}{DIM:#}{command}")?;
        }
        writeln!(out)?;
        Ok(())
    }

    /// What it is, with both values, which are cut where there is a width.
    fn in_words(&self, first: &Difference) -> String {
        let what = first.kind.words();
        match (&first.sides, first.kind) {
            ([Some(_), None], Kind::Process) => "a process that A alone has".into(),
            (_, Kind::Process) => "a process that B alone has".into(),
            ([Some(_), None], Kind::Creation) => "a creation that failed in A alone".into(),
            (_, Kind::Creation) => "a creation that failed in B alone".into(),
            ([a, b], _) => {
                let none = || "none".to_owned();
                let [a, b] = [a, b].map(|side| side.clone().unwrap_or_else(none));
                let room = self.width.map(|width| (width.saturating_sub(WORDS) / 2).max(LEAST));
                let [a, b] = [a, b].map(|side| fitted(&side, room));
                format!("{what}, {a} in A, {b} in B")
            }
        }
    }

    /// All of them.
    pub fn tree(&self, out: &mut impl Write) -> Result<()> {
        writeln!(out, "{HEAD}Differences:{HEAD:#} {}", counts(&self.comparison.nodes))?;
        let sizes = self.comparison.runs.map(sizes);
        let deepest = deepest(self.width, 2 + LEAST);
        // For each depth, whether more lines follow there.
        let mut goes_on: Vec<bool> = Vec::new();
        for (number, node) in self.comparison.nodes.iter().enumerate() {
            goes_on.truncate(node.depth.min(deepest));
            let mut prefix = indent(&goes_on);
            match node.depth {
                0 => {}
                depth if depth <= deepest && node.is_last => prefix += "└─ ",
                depth if depth <= deepest => prefix += "├─ ",
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

/// Cut where it would be wider.
pub fn fitted(text: &str, width: Option<usize>) -> String {
    match width {
        Some(width) => cut(text.to_owned(), width),
        None => text.to_owned(),
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
