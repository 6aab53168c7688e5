// SPDX-License-Identifier: MIT OR Apache-2.0
//! Forks of large processes for nothing but an exec.

use super::place;
use super::summary::percentile;
use crate::model::{Creation, Run};
use crate::words::{duration, shell, size, times};
use std::collections::BTreeMap;

/// One is told of from this time in the call on,
const SLOW: u64 = 2_000_000;
/// unless so little is known to have been copied that something else was slow;
const SMALL: u64 = 32 << 20;
/// and from this size of the creator's memory on.
const LARGE: u64 = 256 << 20;
/// What a spawn takes where the run has none: it does not depend on the creator's memory.
const SPAWN: u64 = 100_000;

/// Those of one program by one call.
#[derive(Default)]
struct Forks {
    took_ns: Vec<u64>,
    /// From the child's beginning to its exec.
    until_exec_ns: Vec<u64>,
    resident: u64,
    page_tables: u64,
}

/// What they took in all, and what is to be said of them.
pub fn in_vain(run: &Run) -> Vec<(u64, String)> {
    let mut all: BTreeMap<(String, &str, Option<String>), Forks> = BTreeMap::new();
    for creation in &run.creations {
        let Some((took_ns, until_exec_ns)) = took_in_vain(run, creation) else { continue };
        let call = creation.call.map_or("fork", |call| call.name());
        let program = run.program_at(creation.by, creation.begun_ns);
        let from = place::of_creation(run, creation);
        let forks = all.entry((program, call, from)).or_default();
        forks.took_ns.push(took_ns);
        forks.until_exec_ns.push(until_exec_ns);
        if creation.resident > forks.resident {
            (forks.resident, forks.page_tables) = (creation.resident, creation.page_tables);
        }
    }
    let spawn = spawn_takes(run);
    let tell = |((program, call, from), forks): ((String, &str, Option<String>), Forks)| {
        let from = from.map_or_else(String::new, |place| format!(" at {place}"));
        forks.told(&program, call, &from, &spawn)
    };
    all.into_iter().map(tell).collect()
}

impl Forks {
    fn told(mut self, program: &str, call: &str, from: &str, spawn: &str) -> (u64, String) {
        let sum = self.took_ns.iter().copied().fold(0, u64::saturating_add);
        let of = match (self.resident, self.page_tables) {
            (0, _) => String::new(),
            (resident, 0) => format!(" of up to {}", size(resident)),
            (resident, tables) => {
                format!(" of up to {}, {} of page tables,", size(resident), size(tables))
            }
        };
        let (in_all, middle) = match self.took_ns.len() {
            1 => ("", ""),
            _ => (" in all", " (median)"),
        };
        self.until_exec_ns.sort_unstable();
        let until_exec = percentile(&self.until_exec_ns, 50).map_or_else(String::new, duration);
        let text = format!(
            "{} was copied by {call}{of}{from} {} ({}{in_all}), for an exec {until_exec} \
             later{middle}: posix_spawn copies nothing and {spawn}",
            shell(&[program]),
            times(self.took_ns.len() as u64),
            duration(sum)
        );
        (sum, text)
    }
}

/// How long a fork took whose child only executed, and when that was.
fn took_in_vain(run: &Run, creation: &Creation) -> Option<(u64, u64)> {
    let shares = creation.flags & libc::CLONE_VM as u64 != 0;
    let took_ns = creation.end_ns?.saturating_sub(creation.begun_ns);
    let is_slow = took_ns >= SLOW && (creation.resident == 0 || creation.resident >= SMALL);
    if shares || !(is_slow || creation.resident >= LARGE) {
        return None;
    }
    let child = &run.processes[creation.process?];
    let exec = child.execs.iter().find(|exec| exec.failed.is_none())?;
    // One that made others before did more than to execute.
    let first = child.children.first().map(|first| run.processes[*first].begun_ns);
    if first.is_some_and(|first| first < exec.at_ns) {
        return None;
    }
    Some((took_ns, exec.at_ns.saturating_sub(child.begun_ns)))
}

/// What creations take in this run whose child does not copy the memory.
fn spawn_takes(run: &Run) -> String {
    let lends = |creation: &&Creation| {
        let both = (libc::CLONE_VM | libc::CLONE_VFORK) as u64;
        creation.flags & both == both && creation.errno == 0
    };
    let made = run.creations.iter().filter(lends);
    let mut took: Vec<u64> =
        made.filter_map(|made| Some(made.end_ns?.saturating_sub(made.begun_ns))).collect();
    took.sort_unstable();
    match percentile(&took, 50) {
        Some(took) => format!("takes {} here", duration(took)),
        None => format!("takes about {}", duration(SPAWN)),
    }
}
