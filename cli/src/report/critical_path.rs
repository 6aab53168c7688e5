// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the run's time came from, and what other numbers of jobs would have given.

use super::{DIM, HEAD, blind_spots};
use crate::critical::{Critical, Link};
use crate::model::{Process, Run};
use crate::words::{cut, duration, shell};
use anyhow::Result;
use std::collections::BTreeMap;
use std::io::Write;

/// Neighbours that all take less than this part of the run are one line.
const SHORT: u64 = 1_000;
/// Columns before the command of a link.
const FIGURES: usize = 47;
/// Of a command, so much is there in a terminal of whatever width.
const LEAST: usize = 20;
/// So many programs are in a summary.
const PROGRAMS: usize = 8;
/// So many names of programs are in a sentence.
const NAMES: usize = 12;

/// As a report of its own; commands are cut where lines would be longer than this.
pub fn write(run: &Run, width: Option<usize>, out: &mut impl Write) -> Result<()> {
    if let Some(critical) = Critical::of(run) {
        let room = width.map(|width| width.saturating_sub(FIGURES).max(LEAST));
        chain(run, &critical, room, out)?;
        writeln!(out)?;
        jobs(run, &critical, out)?;
        rules(&critical, out)?;
        writeln!(out)?;
    }
    blind_spots(run, out)
}

/// Below another report: by program, and the jobs.
pub fn below(run: &Run, out: &mut impl Write) -> Result<()> {
    let Some(critical) = Critical::of(run) else { return Ok(()) };
    let took = critical.took(run);
    let programs = critical.by_program(run);
    writeln!(out, "{HEAD}Critical path:{HEAD:#}")?;
    for (program, sum) in programs.iter().take(PROGRAMS) {
        writeln!(out, "{:>9} {}  {}", duration(*sum), share(*sum, took), shell(&[program]))?;
    }
    if programs.len() > PROGRAMS {
        let rest = programs[PROGRAMS..].iter().fold(0, |all: u64, one| all.saturating_add(one.1));
        let count = programs.len() - PROGRAMS;
        writeln!(out, "{:>9} {}  {count} others", duration(rest), share(rest, took))?;
    }
    writeln!(out, "{:>9} {}  the run", duration(took), share(took, took))?;
    writeln!(out)?;
    jobs(run, &critical, out)?;
    writeln!(out)?;
    Ok(())
}

fn chain(run: &Run, critical: &Critical, room: Option<usize>, out: &mut impl Write) -> Result<()> {
    let (from, _) = critical.span(run);
    let took = critical.took(run);
    writeln!(out, "{HEAD}       at   duration    share  beside  critical path{HEAD:#}")?;
    let mut links = &critical.chain[..];
    while let Some(link) = links.first() {
        let is_short = |link: &&Link| link.took() < took / SHORT;
        let short = links.iter().take_while(is_short).count();
        let taken = short.max(1);
        let sum = links[..taken].iter().fold(0, |all: u64, link| all.saturating_add(link.took()));
        let what = match short {
            0 | 1 => {
                let mut command = command(run, link);
                if let Some(room) = room {
                    command = cut(command, room);
                }
                format!("{DIM}{:<8}{DIM:#}{command}", link.kind.name())
            }
            many => format!("{DIM}({many} short ones){DIM:#}"),
        };
        let beside = if short > 1 { String::new() } else { critical.beside(link).to_string() };
        writeln!(
            out,
            "{:>9}  {:>9}  {}  {beside:>6}  {what}",
            duration(link.from_ns.saturating_sub(from)),
            duration(sum),
            share(sum, took)
        )?;
        links = &links[taken..];
    }
    let all = critical.chain.iter().fold(0, |all: u64, link| all.saturating_add(link.took()));
    writeln!(out, "{:>9}  {:>9}  {}          in all", "", duration(all), share(all, took))?;
    Ok(())
}

/// What the process was at the end of a link.
fn command(run: &Run, link: &Link) -> String {
    let process = &run.processes[link.process];
    let parts = process.parts(u64::MAX);
    let part = parts.iter().rev().find(|part| part.begun_ns < link.to_ns).or(parts.first());
    match part.and_then(|part| Some((part.path?, part.argv))) {
        Some((path, [])) => shell(&[path]),
        Some((_, argv)) => shell(argv),
        None => copy(run, link.process, process),
    }
}

fn copy(run: &Run, place: usize, process: &Process) -> String {
    let call = process.creation.and_then(|creation| run.creations[creation].call);
    let how = call.map_or("unknown", |call| call.name());
    format!("({how} of {})", shell(&[run.program(place)]))
}

/// Other numbers of jobs, and what was measured.
fn jobs(run: &Run, critical: &Critical, out: &mut impl Write) -> Result<()> {
    let took = critical.took(run);
    let mean = critical.running.sum_ns as f64 / (took.max(1)) as f64;
    let most = critical.running.most;
    writeln!(
        out,
        "Measured: {}, with {mean:.1} processes running on average, {most} at most{}.",
        duration(took),
        critical.most_jobs.map_or_else(String::new, |jobs| format!(
            "; {} at a time",
            if jobs == 1 { "1 job".into() } else { format!("{jobs} jobs") }
        ))
    )?;
    if critical.with_jobs.is_empty() {
        writeln!(out, "Nothing here schedules jobs, so there is no -jN to change.")?;
        return Ok(());
    }
    writeln!(out, "{HEAD} jobs  would take at least{HEAD:#}")?;
    for (number, ns) in &critical.with_jobs {
        let number = number.map_or_else(|| "any".into(), |number| number.to_string());
        writeln!(out, "{number:>5} {:>9} {}", duration(*ns), share(*ns, took))?;
    }
    Ok(())
}

/// What was taken to depend on what.
fn rules(critical: &Critical, out: &mut impl Write) -> Result<()> {
    writeln!(out)?;
    if !critical.schedulers.is_empty() {
        writeln!(
            out,
            "In any order: the jobs of {}, unless one was begun after the end of another although\n\
             more had run at other times.",
            names(&critical.schedulers)
        )?;
    }
    if !critical.others.is_empty() {
        writeln!(out, "In the order that was seen: what {} started.", names(&critical.others))?;
    }
    writeln!(
        out,
        "Assumed: a processor for each process, and that each takes as long as it did. Not seen:\n\
         who waits for whom through pipes, files, sockets, locks; a process that ran may have done\n\
         nothing but that. clone3-report(1) has the rules."
    )?;
    Ok(())
}

fn names(programs: &BTreeMap<String, u64>) -> String {
    let mut by_count: Vec<_> = programs.iter().collect();
    by_count.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), *name));
    let mut words: Vec<String> = by_count
        .iter()
        .take(NAMES)
        .map(|(name, count)| match count {
            1 => shell(&[name]),
            many => format!("{} ({many})", shell(&[name])),
        })
        .collect();
    if by_count.len() > NAMES {
        words.push(format!("{} others", by_count.len() - NAMES));
    }
    words.join(", ")
}

/// `12.4 %`, of a run.
fn share(part: u64, whole: u64) -> String {
    let percent = if whole == 0 { 0.0 } else { part as f64 / whole as f64 * 100.0 };
    format!("{:>7}", format!("{percent:.1} %"))
}
