// SPDX-License-Identifier: MIT OR Apache-2.0
//! What reports ask about a run.

use super::{End, Exec, Process, Run, Used};

/// A program that a process was, or what it was before it executed one.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// From when on,
    pub begun_ns: u64,
    /// and until when, as far as that is known.
    pub until_ns: u64,
    /// The file; none for a copy of its creator.
    pub path: Option<&'a [u8]>,
    /// Its arguments.
    pub argv: &'a [Vec<u8>],
    /// Where it began, if that is known.
    pub cwd: &'a [u8],
    /// What it was given as TRACEPARENT, where it said so.
    pub traceparent: &'a [u8],
    /// What the environment had that it was executed with something else for.
    pub changed: &'a [u8],
    /// Whether it began without the library.
    pub unseen: bool,
    /// The name of the record by which it began: of its execution, if that is known; 0 for none.
    pub record: u64,
}

impl Run {
    /// The processes whose creator is not in the trace.
    pub fn roots(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.processes.len()).filter(|place| self.processes[*place].parent.is_none())
    }

    /// How long a process lived, as far as it is known.
    pub fn duration(&self, process: &Process) -> Option<u64> {
        let end = match process.end {
            End::Alive => Some(self.end_ns),
            _ => process.end_ns,
        };
        end.map(|end| end.saturating_sub(process.begun_ns))
    }

    /// When a process ended, or the last time at which it may have been there.
    pub fn until(&self, process: &Process) -> u64 {
        process.end_ns.unwrap_or(self.end_ns).max(process.begun_ns)
    }

    /// CPU time of the process alone: what its parent was told, less what is its children's.
    pub fn cpu(&self, process: &Process) -> Option<u64> {
        if let Some(own) = process.own {
            return Some(own.cpu_ns);
        }
        // Those that it did not wait for itself are not in its sum.
        let waited = process.waits.iter().filter_map(|wait| wait.child);
        let children = waited.filter_map(|child| self.processes[child].total);
        let children: u64 = children.map(|used| used.cpu_ns).fold(0, u64::saturating_add);
        process.total.map(|used| used.cpu_ns.saturating_sub(children))
    }

    /// The short name of what a process is: of its last program, or of the one that it is a
    /// copy of.
    pub fn program(&self, place: usize) -> String {
        self.program_at(place, u64::MAX)
    }

    /// The same of what it was then.
    pub fn program_at(&self, place: usize, at_ns: u64) -> String {
        let Process { copy_of, copied_ns, .. } = self.processes[place];
        let at_ns = if copy_of == place { at_ns } else { copied_ns };
        self.processes[copy_of].path_at(at_ns).map_or_else(|| "?".into(), base_name)
    }

    /// Finds out which process each one is a copy of.
    pub(super) fn look_for_programs(&mut self) {
        for place in 0..self.processes.len() {
            let process = &self.processes[place];
            // Parents come first.
            let (copy_of, copied_ns) = match process.parent {
                Some(parent) if !process.has_program() => match &self.processes[parent] {
                    above if above.copy_of == parent => (parent, process.begun_ns),
                    above => (above.copy_of, above.copied_ns),
                },
                _ => (place, process.begun_ns),
            };
            self.processes[place].copy_of = copy_of;
            self.processes[place].copied_ns = copied_ns;
        }
    }
}

impl Process {
    /// The file of the program that it was then; of its first one, if that began later.
    fn path_at(&self, at_ns: u64) -> Option<&[u8]> {
        let hidden = self.executed().filter(|_| self.is_hidden());
        if let Some(exec) = hidden.filter(|exec| exec.at_ns <= at_ns || self.images.is_empty()) {
            return Some(&exec.path);
        }
        // Not one by one: a process may have many, and so may be its copies.
        let later = self.images.partition_point(|image| image.at_ns <= at_ns);
        self.images.get(later.saturating_sub(1)).map(|image| &image.path[..])
    }

    /// What it was, one after the other; at least one. It ended then, or may have been there
    /// until then.
    pub fn parts(&self, until_ns: u64) -> Vec<Part<'_>> {
        let seen = self.images.iter().map(|image| Part {
            begun_ns: image.at_ns,
            until_ns,
            path: Some(&image.path),
            argv: &image.argv,
            cwd: &image.cwd,
            traceparent: &image.traceparent,
            changed: &image.changed,
            unseen: false,
            record: image.name,
        });
        let hidden = self.executed().filter(|_| self.is_hidden()).map(|exec| Part {
            begun_ns: exec.at_ns,
            until_ns,
            path: Some(&exec.path),
            argv: &exec.argv,
            cwd: &exec.cwd,
            traceparent: b"",
            changed: &exec.changed,
            unseen: true,
            record: exec.name,
        });
        let mut parts: Vec<Part> = seen.chain(hidden).collect();
        if parts.is_empty() {
            parts.push(Part {
                begun_ns: self.begun_ns,
                until_ns,
                path: None,
                argv: &[],
                cwd: b"",
                traceparent: b"",
                changed: b"",
                unseen: false,
                record: 0,
            });
        }
        // What it did before it executed is part of the first.
        parts[0].begun_ns = self.begun_ns;
        for number in 1..parts.len() {
            parts[number - 1].until_ns = parts[number].begun_ns;
        }
        parts
    }

    /// The last attempt to execute that did not return.
    fn executed(&self) -> Option<&Exec> {
        self.execs.iter().rev().find(|exec| exec.failed.is_none() && !exec.seen)
    }

    /// Whether it executes, last, a program without the library.
    pub fn is_hidden(&self) -> bool {
        self.hidden_since().is_some()
    }

    /// Since when, if it does.
    pub fn hidden_since(&self) -> Option<u64> {
        let last = self.images.last().map_or(0, |image| image.at_ns);
        self.executed().map(|exec| exec.at_ns).filter(|at| *at >= last)
    }

    /// Whether it executed anything.
    pub fn has_program(&self) -> bool {
        self.path().is_some()
    }

    /// Most resident memory, its own where that is known.
    pub fn max_resident(&self) -> Option<u64> {
        let known =
            |used: Option<Used>| used.map(|used| used.max_resident).filter(|most| *most > 0);
        known(self.own).or(known(self.total))
    }

    /// The arguments of its last program.
    pub fn words(&self) -> Option<&[Vec<u8>]> {
        if self.is_hidden() {
            return self.executed().map(|exec| &exec.argv[..]);
        }
        self.images.last().map(|image| &image.argv[..])
    }

    /// The file of its last program.
    pub fn path(&self) -> Option<&[u8]> {
        if self.is_hidden() {
            return self.executed().map(|exec| &exec.path[..]);
        }
        self.images.last().map(|image| &image.path[..])
    }
}

/// The last part of a path.
pub fn base_name(path: &[u8]) -> String {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    String::from_utf8_lossy(name).into_owned()
}
