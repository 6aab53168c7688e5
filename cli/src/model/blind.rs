// SPDX-License-Identifier: MIT OR Apache-2.0
//! What could not be seen, counted with its reasons.

use super::{End, Run};
use crate::program::{self, Verdict, Why};
use crate::trace::NOT_ENDED;
use clone3_trace::Call;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Why, and how often.
#[derive(Debug, Default)]
pub struct Blind(BTreeMap<String, u64>);

impl Blind {
    /// Reasons and counts.
    pub fn spots(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(reason, count)| (&reason[..], *count))
    }

    /// Records that are missing. The header counts them too, in writers that never found
    /// room to say where.
    pub fn gap(&mut self, reason: String, count: u64) {
        self.add(&gap(&reason), count);
    }

    fn add(&mut self, reason: &str, count: u64) {
        if count != 0 {
            let known = self.0.entry(reason.to_owned()).or_default();
            *known = known.saturating_add(count);
        }
    }
}

fn gap(reason: &str) -> String {
    match reason {
        "full" => "records lost: the trace was full".into(),
        other => format!("records lost: {other}"),
    }
}

/// Looks through a whole run.
pub fn look(run: &mut Run, damaged: u64) {
    let mut blind = std::mem::take(&mut run.blind);
    for (reason, count) in &run.header.dropped {
        // Gap records are part of that count.
        let reason = gap(reason);
        let said = blind.0.get(&reason).copied().unwrap_or(0);
        blind.add(&reason, count.saturating_sub(said));
    }
    if run.header.capacity == NOT_ENDED {
        blind.add(
            "end of the trace is missing: clone3 run goes on, was killed, or could not write it",
            1,
        );
    }
    blind.add("slots of the file that are damaged or missing", damaged);
    let mut verdicts: BTreeMap<&[u8], String> = BTreeMap::new();
    for process in &run.processes {
        if process.is_hidden() {
            let path = process.path().unwrap_or_default();
            blind.add(verdicts.entry(path).or_insert_with(|| why_hidden(path)), 1);
        } else if !process.heard {
            blind.add("children of which nothing was heard", 1);
        }
        if process.end == End::Unknown {
            blind.add("processes whose end was not seen", 1);
        }
        if process.parent.is_none() && process.pid != run.processes[0].pid {
            blind.add("processes whose creation was not seen", 1);
        }
    }
    let silent = run.creations.iter().filter(|creation| {
        creation.call == Some(Call::Wordexp) && creation.process.is_none() && creation.errno == 0
    });
    let reason = "calls of wordexp() of whose commands, if it ran any, nothing was seen";
    blind.add(reason, silent.count() as u64);
    run.blind = blind;
}

/// Why a program did not say that it began, as far as its file tells now.
fn why_hidden(path: &[u8]) -> String {
    let file = Path::new(OsStr::from_bytes(path));
    let unseen = "programs that ran unseen";
    if !file.is_absolute() {
        return unseen.into();
    }
    match program::look(file) {
        Verdict::Not(Why::Go, _) => format!("{unseen}: Go's"),
        Verdict::Not(Why::Static, _) => format!("{unseen}: static"),
        Verdict::Not(Why::Privileged, _) => format!("{unseen}: with privileges of their own"),
        Verdict::Preloadable(kind) => match crate::library::own_kind() {
            Ok(own) if own == kind => {
                format!("{unseen}: dynamic, but ended, opted out, or may not write to this trace")
            }
            _ => format!("{unseen}: for {}", kind.name()),
        },
        Verdict::Unknown => unseen.into(),
    }
}
