// SPDX-License-Identifier: MIT OR Apache-2.0
//! What happened, put together from a trace's records: processes, who made them, what they
//! executed, how they ended, and what could not be seen.

mod ask;
mod blind;
mod build;
mod build_links;
mod callers;

pub use ask::{Part, base_name};
pub use blind::Blind;
pub use build::{Builder, end};
pub use callers::{Caller, Callers};

use crate::trace::Header;
use clone3_trace::{Call, Route};

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
    /// Where calls came from.
    pub callers: Callers,
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
    /// Its waits that told of a child's end, in their order.
    pub waits: Vec<Waited>,
    /// How it was made.
    pub creation: Option<usize>,
    /// When it began.
    pub begun_ns: u64,
    /// Attempts to execute, also those that failed.
    pub execs: Vec<Exec>,
    /// Programs that began with the library in them.
    pub images: Vec<Image>,
    /// Itself, or the nearest one above it that executed a program,
    pub copy_of: usize,
    /// and when it was copied.
    pub copied_ns: u64,
    /// Threads that it made.
    pub threads: u32,
    /// Whether it said anything itself.
    pub heard: bool,
    /// How it ended.
    pub end: End,
    /// Whether it had ended, and was not waited for, at the end of the trace.
    pub zombie: bool,
    /// When, where that is known.
    pub end_ns: Option<u64>,
    /// What it used itself, as it said at its end.
    pub own: Option<Used>,
    /// What it and those it waited for used, as its parent was told.
    pub total: Option<Used>,
    /// Whether it was waited for.
    pub waited: bool,
    /// Children that it had not waited for when it ended.
    pub unwaited: u32,
}

/// An attempt to make a process or thread.
#[derive(Debug, Clone, Default)]
pub struct Creation {
    /// The record's name.
    pub name: u64,
    /// Who made it.
    pub by: usize,
    /// The process that came of it.
    pub process: Option<usize>,
    /// The function that was called.
    pub call: Option<Call>,
    /// The way that it went, where that is known.
    pub route: Option<Route>,
    /// From where it was called.
    pub caller: Option<Caller>,
    /// CLONE_*.
    pub flags: u64,
    /// The creator's memory, where it was copied and asked for,
    pub resident: u64,
    /// and its page tables.
    pub page_tables: u64,
    /// Whether it is a thread.
    pub thread: bool,
    /// The error number.
    pub errno: i32,
    /// When it was called,
    pub begun_ns: u64,
    /// and when it returned; none where it did not.
    pub end_ns: Option<u64>,
}

/// A wait that told of a child's end.
#[derive(Debug, Clone, Copy)]
pub struct Waited {
    /// Of which; none where nothing else is known of it.
    pub child: Option<usize>,
    /// When it was called,
    pub begun_ns: u64,
    /// and when it returned.
    pub end_ns: u64,
}

/// An attempt to execute.
#[derive(Debug, Clone)]
pub struct Exec {
    /// The record's name.
    pub name: u64,
    /// The function that was called.
    pub call: Option<Call>,
    /// From where.
    pub caller: Option<Caller>,
    /// When.
    pub at_ns: u64,
    /// The file,
    pub path: Vec<u8>,
    /// and its arguments.
    pub argv: Vec<Vec<u8>>,
    /// in which directory.
    pub cwd: Vec<u8>,
    /// What the program gave in the environment that the library gave something else for.
    pub changed: Vec<u8>,
    /// The error number; none where it did not return.
    pub failed: Option<i32>,
    /// Whether the program that it began has the library.
    pub seen: bool,
}

/// A program that began.
#[derive(Debug, Clone, Default)]
pub struct Image {
    /// The record's name: that of its execution, if this process has that, or its own.
    pub name: u64,
    /// When.
    pub at_ns: u64,
    /// The file,
    pub path: Vec<u8>,
    /// its arguments,
    pub argv: Vec<Vec<u8>>,
    /// where it began,
    pub cwd: Vec<u8>,
    /// the span that it was given to be below,
    pub traceparent: Vec<u8>,
    /// and what its execution says of that (`Exec::changed`).
    pub changed: Vec<u8>,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum End {
    /// Not known.
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

#[cfg(test)]
mod tests;
