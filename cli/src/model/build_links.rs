// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which process a record is about. Records name the record by which their writer came to
//! be; only where that one is missing do process ids, which are used again, decide.

use super::build::unknown;
use super::{End, Run};
use crate::trace::Record;
use std::collections::HashMap;

/// What is known so far.
#[derive(Default)]
pub struct Links {
    /// By name of a creation, an image or an execution: the process.
    owners: HashMap<u64, usize>,
    /// By name of a creation: its place in the run.
    creations: HashMap<u64, usize>,
    /// By name of an execution: the number of the process that wrote it.
    writers: HashMap<u64, u32>,
    /// By number: the latest process.
    latest: HashMap<u32, usize>,
    /// By process: its latest creation whose children the C library keeps to itself.
    silent: HashMap<usize, usize>,
}

impl Links {
    /// The process of a record of that name.
    pub fn owner(&self, name: u64) -> Option<usize> {
        self.owners.get(&name).copied().filter(|_| name != 0)
    }

    /// Names a record of a process.
    pub fn owns(&mut self, name: u64, process: usize) {
        self.owners.insert(name, process);
    }

    /// Names an execution by a process of that number.
    pub fn execution(&mut self, name: u64, process: usize, pid: u32) {
        self.owns(name, process);
        self.writers.insert(name, pid);
    }

    /// Names a creation, of which a process may come.
    pub fn creation(&mut self, name: u64, place: usize) {
        self.creations.insert(name, place);
    }

    /// A creation whose children are not named.
    pub fn silent(&mut self, creation: usize, by: usize) {
        self.silent.insert(by, creation);
    }

    /// A process that nothing says the creation of: by that of its parent which went on then,
    /// if its children are not named.
    pub fn by_silent(&self, run: &mut Run, process: usize) {
        let about = &run.processes[process];
        let creation = about.parent.and_then(|parent| self.silent.get(&parent));
        let Some(creation) = creation.copied().filter(|_| about.creation.is_none()) else { return };
        let made = &mut run.creations[creation];
        let until_ns = made.end_ns.unwrap_or(u64::MAX);
        if (made.begun_ns..=until_ns).contains(&about.begun_ns) {
            made.process.get_or_insert(process);
            run.processes[process].creation = Some(creation);
        }
    }

    /// The child of a creation.
    pub fn child(&mut self, run: &mut Run, creation: usize, pid: u32) -> usize {
        let about = &run.creations[creation];
        if let Some(process) = about.process {
            return process;
        }
        let (parent, at_ns) = (about.by, about.begun_ns);
        let process = self.add(run, pid, at_ns, Some(parent));
        run.processes[process].creation = Some(creation);
        run.creations[creation].process = Some(process);
        process
    }

    /// The child of the creation of that name, if there is one.
    pub fn of_creation(&mut self, run: &mut Run, name: u64, pid: u32) -> Option<usize> {
        let creation = *self.creations.get(&name).filter(|_| name != 0)?;
        let process = self.child(run, creation, pid);
        self.owns(name, process);
        Some(process)
    }

    /// Who wrote a record. Where its origin is lost, its creator's origin may help.
    pub fn writer(&mut self, run: &mut Run, record: &Record, creator: u64) -> usize {
        let (origin, pid) = (record.origin, record.pid);
        let named = match self.of_creation(run, origin, pid) {
            Some(process) => Some(process),
            None => self.owner(origin),
        };
        let latest = self.latest.get(&pid).copied();
        let process = match (named, latest) {
            (Some(named), Some(latest)) if self.borrows(run, named, latest, pid) => return latest,
            (Some(named), _) => return named,
            (None, Some(latest)) if run.processes[latest].end_ns.is_none() => latest,
            (None, _) => {
                let parent = self.owner(creator);
                self.add(run, pid, record.begun_ns, parent)
            }
        };
        if origin != 0 {
            self.owns(origin, process);
        }
        process
    }

    /// Whether the writer is the named process's child with its memory, as after vfork(2):
    /// such a child has its parent's origin, and a number of its own.
    fn borrows(&self, run: &Run, named: usize, latest: usize, pid: u32) -> bool {
        named != latest
            && run.processes[named].pid != pid
            && run.processes[latest].parent == Some(named)
    }

    /// Where a program began.
    pub fn image(&mut self, run: &mut Run, record: &Record, exec: u64, parent: u32) -> usize {
        let pid = record.pid;
        if let Some(process) = self.owner(exec) {
            if self.writers.get(&exec) == Some(&pid) || run.processes[process].pid == pid {
                return process;
            }
            // What was executed there is not traced, and made this one.
            return self.add(run, pid, record.begun_ns, Some(process));
        }
        match self.latest.get(&pid) {
            Some(latest) if run.processes[*latest].end_ns.is_none() => *latest,
            _ => {
                let parent = self.latest.get(&parent).copied();
                self.add(run, pid, record.begun_ns, parent)
            }
        }
    }

    /// The child that was waited for; seen from outside, by its number alone.
    pub fn waited_for(&self, run: &Run, parent: Option<usize>, pid: u32) -> Option<usize> {
        let is_it = |place: &usize| run.processes[*place].pid == pid;
        let goes_on = |place: &usize| {
            matches!(run.processes[*place].end, End::Unknown | End::Exited(-1))
                || !run.processes[*place].waited
        };
        let children = parent.map_or(&[][..], |parent| &run.processes[parent].children);
        let child = children.iter().rev().copied().filter(is_it).find(goes_on);
        child.or_else(|| self.latest.get(&pid).copied().filter(goes_on))
    }

    /// A process that is new here.
    pub fn add(&mut self, run: &mut Run, pid: u32, at_ns: u64, parent: Option<usize>) -> usize {
        let place = run.processes.len();
        run.processes.push(unknown(pid, at_ns, parent));
        if let Some(parent) = parent {
            run.processes[parent].children.push(place);
        }
        if pid != 0 {
            self.latest.insert(pid, place);
        }
        place
    }
}
