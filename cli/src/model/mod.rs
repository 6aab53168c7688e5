// SPDX-License-Identifier: MIT OR Apache-2.0
//! What happened, put together from a trace's records: processes, who made them, what they
//! executed, how they ended, and what could not be seen.

mod blind;
mod build;
mod build_links;

pub use blind::Blind;
pub use build::{Builder, end};

use crate::trace::Header;
use clone3_trace::Call;

/// A run.
#[derive(Debug, Default)]
pub struct Run {
    /// The trace's first page.
    pub header: Header,
    /// In the order in which they were made.
    pub processes: Vec<Process>,
    /// Every attempt to make a process or thread.
    pub creations: Vec<Creation>,
    /// What could not be seen.
    pub blind: Blind,
    /// The last time in the trace.
    pub end_ns: u64,
}

/// A process, from its creation to its end, whatever it executes meanwhile.
#[derive(Debug, Default)]
pub struct Process {
    /// Its number in its creator's pid namespace, 0 for unknown.
    pub pid: u32,
    /// Who made it.
    pub parent: Option<usize>,
    /// Whom it made.
    pub children: Vec<usize>,
    /// Creations by it that failed.
    pub failures: Vec<usize>,
    /// How it was made.
    pub creation: Option<usize>,
    /// When it began.
    pub begun_ns: u64,
    /// Attempts to execute, also those that failed.
    pub execs: Vec<Exec>,
    /// Programs that began with the library in them.
    pub images: Vec<Image>,
    /// Itself, or the nearest one above it that executed a program.
    pub copy_of: usize,
    /// Threads that it made.
    pub threads: u32,
    /// Whether it said anything itself.
    pub heard: bool,
    /// How it ended.
    pub end: End,
    /// Whether it had ended, and nobody had waited for it, at the end of the trace.
    pub zombie: bool,
    /// When, where that is known.
    pub end_ns: Option<u64>,
    /// What it used itself, as it said at its end.
    pub own: Option<Used>,
    /// What it and those it waited for used, as its parent was told.
    pub total: Option<Used>,
    /// Children that it had not waited for when it ended.
    pub unwaited: u32,
}

/// An attempt to make a process or thread.
#[derive(Debug, Clone)]
pub struct Creation {
    /// Who made it.
    pub by: usize,
    /// The process that came of it.
    pub process: Option<usize>,
    /// The function that was called.
    pub call: Option<Call>,
    /// Whether it is a thread.
    pub thread: bool,
    /// The error number.
    pub errno: i32,
    /// When it was called,
    pub begun_ns: u64,
    /// and when it returned; none where it did not.
    pub end_ns: Option<u64>,
}

/// An attempt to execute.
#[derive(Debug, Clone)]
pub struct Exec {
    /// The record's name.
    pub name: u64,
    /// The function that was called.
    pub call: Option<Call>,
    /// When.
    pub at_ns: u64,
    /// The file,
    pub path: Vec<u8>,
    /// and its arguments.
    pub argv: Vec<Vec<u8>>,
    /// The error number; none where it did not return.
    pub failed: Option<i32>,
    /// Whether the program that it began has the library.
    pub seen: bool,
}

/// A program that began.
#[derive(Debug, Clone)]
pub struct Image {
    /// When.
    pub at_ns: u64,
    /// The file,
    pub path: Vec<u8>,
    /// and its arguments.
    pub argv: Vec<Vec<u8>>,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum End {
    /// Nobody said.
    #[default]
    Unknown,
    /// By itself, with this status; -1 where that is not known.
    Exited(i32),
    /// By a signal.
    Killed {
        /// Its number,
        signal: i32,
        /// and whether memory was dumped.
        core: bool,
    },
    /// Not before the end of the trace.
    Alive,
}

/// What a process used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// CPU time,
    pub cpu_ns: u64,
    /// and most resident memory.
    pub max_resident: u64,
}

impl Run {
    /// The processes that nobody in the trace made.
    pub fn roots(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.processes.len()).filter(|place| self.processes[*place].parent.is_none())
    }

    /// Creations by a process of which nothing came.
    pub fn failures(&self, by: usize) -> impl Iterator<Item = usize> + '_ {
        self.processes[by].failures.iter().copied()
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
        let children = process.children.iter().filter_map(|child| self.processes[*child].total);
        let children: u64 = children.map(|used| used.cpu_ns).fold(0, u64::saturating_add);
        process.total.map(|used| used.cpu_ns.saturating_sub(children))
    }

    /// The short name of what a process is: of its last program, or of the one that it is a
    /// copy of.
    pub fn program(&self, place: usize) -> String {
        let copied = self.processes[place].copy_of;
        self.processes[copied].path().map_or_else(|| "?".into(), base_name)
    }

    /// Finds out which process each one is a copy of.
    fn look_for_programs(&mut self) {
        for place in 0..self.processes.len() {
            let process = &self.processes[place];
            // Parents come first.
            let copy_of = match process.parent {
                Some(parent) if !process.has_program() => self.processes[parent].copy_of,
                _ => place,
            };
            self.processes[place].copy_of = copy_of;
        }
    }
}

impl Process {
    /// The last attempt to execute that did not return.
    fn executed(&self) -> Option<&Exec> {
        self.execs.iter().rev().find(|exec| exec.failed.is_none() && !exec.seen)
    }

    /// Whether it executes, last, a program without the library.
    pub fn is_hidden(&self) -> bool {
        let last = self.images.last().map_or(0, |image| image.at_ns);
        self.executed().is_some_and(|exec| exec.at_ns >= last)
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

    /// The file of its last program.
    pub fn path(&self) -> Option<&[u8]> {
        if self.is_hidden() {
            return self.executed().map(|exec| &exec.path[..]);
        }
        self.images.last().map(|image| &image.path[..])
    }
}

fn base_name(path: &[u8]) -> String {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    String::from_utf8_lossy(name).into_owned()
}

#[cfg(test)]
mod tests;
