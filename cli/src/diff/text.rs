// SPDX-License-Identifier: MIT OR Apache-2.0
//! A comparison for people.

use super::comparison::{Comparison, command};
use super::figures::{Change, Figures};
use super::page::{LEAST, Page, fitted};
use super::volatile::home;
use crate::report::{DIM, HEAD};
use crate::words::{duration, shell, size};
use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

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
    write_table(rows, &[1, 2, 3], &[], out)?;
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

/// Rows, the first of which is the head, and what is behind each: the table need not know how
/// long that is, which it takes long to find out of long commands.
fn write_table<const MANY: usize>(
    rows: Vec<[String; MANY]>,
    right: &[usize],
    behind: &[String],
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
        match (number, behind.get(number)) {
            (0, _) => writeln!(out, "{HEAD}{line}{HEAD:#}")?,
            (_, Some(text)) => writeln!(out, "{line}  {text}")?,
            (_, None) => writeln!(out, "{line}")?,
        }
    }
    writeln!(out)?;
    Ok(())
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
    let head = ["wall time", "A", "B", "B/A", "CPU time A", "B", "B/A", "memory A", "B", "count"];
    let mut rows = vec![head.map(str::to_owned)];
    let mut names = vec![String::new()];
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
        ]);
        names.push(fitted(&name(&change.what), room));
    }
    write_table(rows, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], &names, out)
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
