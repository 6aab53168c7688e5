// SPDX-License-Identifier: MIT OR Apache-2.0
//! How many, how many of them failed, how long they took.

use super::{HEAD, blind_spots, critical_path, findings};
use crate::model::{End, Run};
use crate::words::{duration, shell, size};
use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};
use std::collections::BTreeMap;
use std::io::Write;

/// Of one call or program.
#[derive(Default)]
struct Figures {
    count: u64,
    failed: u64,
    times: Vec<u64>,
    cpu_ns: u64,
    max_resident: u64,
}

/// Writes the tables.
pub fn write(run: &Run, out: &mut impl Write) -> Result<()> {
    let threads = run.creations.iter().filter(|creation| creation.thread).count();
    let first = run.processes.iter().map(|process| process.begun_ns).min().unwrap_or(run.end_ns);
    let took = duration(run.end_ns.saturating_sub(first));
    writeln!(out, "{} processes, {threads} threads, {took}\n", run.processes.len())?;
    write_table(out, "call", &calls(run), false)?;
    write_table(out, "program", &programs(run), true)?;
    critical_path::below(run, out)?;
    findings::below(run, out)?;
    blind_spots(run, out)
}

fn calls(run: &Run) -> BTreeMap<String, Figures> {
    let mut calls: BTreeMap<String, Figures> = BTreeMap::new();
    for creation in &run.creations {
        let name = creation.call.map_or("?", |call| call.name());
        let figures = calls.entry(name.into()).or_default();
        figures.count += 1;
        figures.failed += u64::from(creation.errno != 0);
        figures.times.extend(creation.end_ns.map(|end| end.saturating_sub(creation.begun_ns)));
    }
    for exec in run.processes.iter().flat_map(|process| &process.execs) {
        let name = exec.call.map_or("?", |call| call.name());
        let figures = calls.entry(format!("exec: {name}")).or_default();
        figures.count += 1;
        figures.failed += u64::from(exec.failed.is_some());
    }
    calls
}

fn programs(run: &Run) -> BTreeMap<String, Figures> {
    let mut programs: BTreeMap<String, Figures> = BTreeMap::new();
    for (place, process) in run.processes.iter().enumerate() {
        let name = shell(&[run.program(place)]);
        let name = if process.has_program() { name } else { format!("({name}, no exec)") };
        let figures = programs.entry(name).or_default();
        figures.count += 1;
        let is_well = matches!(process.end, End::Exited(0 | -1) | End::Unknown | End::Alive);
        figures.failed += u64::from(!is_well);
        figures.times.extend(run.duration(process));
        figures.cpu_ns = figures.cpu_ns.saturating_add(run.cpu(process).unwrap_or(0));
        let most = process.max_resident().unwrap_or(0);
        figures.max_resident = figures.max_resident.max(most);
    }
    programs
}

fn write_table(
    out: &mut impl Write,
    what: &str,
    rows: &BTreeMap<String, Figures>,
    has_use: bool,
) -> Result<()> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    let mut head = vec!["count", "failed", "p50", "p95", "max", "total"];
    head.extend(if has_use { &["CPU", "memory"][..] } else { &[] });
    head.push(what);
    let last = head.len() - 1;
    table.set_header(head);
    let mut rows: Vec<_> = rows.iter().collect();
    rows.sort_by_key(|(name, figures)| (std::cmp::Reverse(figures.count), *name));
    for (name, figures) in rows {
        let mut times = figures.times.clone();
        times.sort_unstable();
        let of = |percent| percentile(&times, percent).map_or_else(|| "-".into(), duration);
        let total = times.iter().copied().fold(0, u64::saturating_add);
        let mut row = vec![
            figures.count.to_string(),
            figures.failed.to_string(),
            of(50),
            of(95),
            of(100),
            if times.is_empty() { "-".into() } else { duration(total) },
        ];
        if has_use {
            row.extend([duration(figures.cpu_ns), size(figures.max_resident)]);
        }
        row.push(name.clone());
        table.add_row(row);
    }
    for column in table.column_iter_mut().take(last) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for (number, line) in table.lines().enumerate() {
        match number {
            0 => writeln!(out, "{HEAD}{}{HEAD:#}", line.trim_end())?,
            _ => writeln!(out, "{}", line.trim_end())?,
        }
    }
    writeln!(out)?;
    Ok(())
}

/// The smallest value that so many of a hundred do not exceed.
pub fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values: Vec<u64> = (1..=100).collect();
        assert_eq!(percentile(&values, 50), Some(50));
        assert_eq!(percentile(&values, 95), Some(95));
        assert_eq!(percentile(&values, 100), Some(100));
        assert_eq!(percentile(&[7], 50), Some(7));
        assert_eq!(percentile(&[], 50), None);
    }
}
