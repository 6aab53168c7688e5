// SPDX-License-Identifier: MIT OR Apache-2.0
//! The list of descriptors: "these become 0, 1, 2 and so on, everything else is
//! closed", and the few descriptors that the child needs for itself meanwhile.
//!
//! A list is a set of assignments that all happen at once: an entry may be the
//! target of another, twice, or in a ring. A target is written when no other
//! waits for what it holds; when each of those that are left is waited for, they
//! are rings, each of which is turned with one spare descriptor.

use super::child::Job;
use super::close::close_from;
use super::failure::Failure;
use super::plan::{Directory, List, MOST_DESCRIPTORS, Plan};
use super::program::Program;
use super::stage::Stage;
use super::superset::Extras;
use crate::uapi::{Errno, attribute, exec, file};
use core::ffi::c_int;

/// Descriptors of the child's own, out of the way of the plan's; −1 for none.
pub struct Kept {
    pipe: c_int,
    program: c_int,
    /// Why there is no program, to be said when its turn has come.
    no_program: Option<Errno>,
    /// A pidfd of the parent.
    pub parent: c_int,
}

impl Kept {
    /// Moves them away from all that is named.
    pub fn reserve(job: &Job, extras: &Extras) -> Result<Kept, Failure> {
        let plan = extras.plan;
        let away = |fd| plan.move_away(fd);
        let pipe = job.exchange.keeps();
        let mut kept = Kept { pipe, program: -1, no_program: None, parent: -1 };
        if let Some((fd, _)) = plan.program {
            let moved = fd >= 0 && (plan.descriptors.is_some() || !plan.actions().is_empty());
            match if moved { away(fd) } else { Ok(fd) } {
                Ok(fd) => kept.program = fd,
                Err(errno) => kept.no_program = Some(errno),
            }
        }
        if extras.parent_fd >= 0 {
            kept.parent = away(extras.parent_fd).map_err(Failure::at(Stage::DeathSignal))?;
            file::close(extras.parent_fd);
        }
        Ok(kept)
    }

    /// All of them.
    pub fn all(&self) -> [c_int; 3] {
        [self.pipe, self.program, self.parent]
    }

    /// What runs without a program must not have it.
    pub fn forget_parent(&self) {
        if self.parent >= 0 {
            file::close(self.parent);
        }
    }

    /// Executes the program; says why not.
    pub fn execute(&self, job: &Job, extras: &Extras) -> Errno {
        let child = job.child;
        let (path, Some((_, flags))) = (&child.program, extras.plan.program) else {
            return super::child::execute(child);
        };
        let (path, flags) = match path {
            Program::Path(path) if !path.is_null() => (*path, flags),
            _ => (c"".as_ptr(), flags | libc::AT_EMPTY_PATH),
        };
        if let Some(errno) = self.no_program {
            return errno;
        }
        let fd = self.program;
        let errno = attribute::exec_at(fd, path, child.argv, child.envp, flags);
        // The path is only looked at by the kernel: it may lead nowhere.
        let by_descriptor = flags & libc::AT_EMPTY_PATH != 0;
        if errno != Errno::ENOENT || !by_descriptor {
            return errno;
        }
        // A script is opened once more, by its interpreter as /dev/fd/N, and must
        // still be open for that.
        match exec::fcntl(fd, libc::F_SETFD, 0) {
            Ok(_) => attribute::exec_at(fd, path, child.argv, child.envp, flags),
            Err(errno) => errno,
        }
    }
}

impl Plan {
    /// A copy of a descriptor, close-on-exec, that the plan does not name: above all
    /// that it names or, where the limit leaves no room there, in between.
    pub fn move_away(&self, fd: c_int) -> Result<c_int, Errno> {
        let copy = |from| exec::fcntl(fd, libc::F_DUPFD_CLOEXEC, from);
        if let Ok(moved) = copy(self.highest_descriptor().saturating_add(1)) {
            return Ok(moved);
        }
        let mut from = 0;
        loop {
            let moved = copy(from)?;
            if !self.names_descriptor(moved) {
                return Ok(moved);
            }
            file::close(moved);
            from = moved.saturating_add(1);
        }
    }

    fn highest_descriptor(&self) -> c_int {
        let actions = self.actions().map(|action| action.highest());
        self.sources().chain(actions).fold(self.targets(), c_int::max)
    }

    fn names_descriptor(&self, fd: c_int) -> bool {
        fd < self.targets()
            || self.sources().any(|source| source == fd)
            || self.actions().any(|action| action.names(fd))
    }

    /// The list writes to the numbers below this.
    fn targets(&self) -> c_int {
        self.descriptors.as_ref().map_or(0, |list| list.get().len()) as c_int
    }

    /// What is to be there already, outside of file actions.
    fn sources(&self) -> impl Iterator<Item = c_int> {
        let of = |directory| match directory {
            Directory::Descriptor(fd) => fd,
            _ => -1,
        };
        let singles = [
            2, // whatever the plan says, programs are used to these
            self.terminal.unwrap_or(-1),
            self.program.map_or(-1, |(fd, _)| fd),
            of(self.directory),
            of(self.root),
        ];
        let listed = self.descriptors.as_ref().map_or(&[][..], List::get);
        let namespaces = self.namespaces.get().iter().map(|namespace| namespace.fd);
        singles.into_iter().chain(listed.iter().copied()).chain(namespaces)
    }
}

/// Makes the list come true.
pub fn arrange(list: Option<List<c_int>>, kept: &Kept) -> Result<(), Failure> {
    let Some(list) = list else { return Ok(()) };
    let wanted = list.get();
    assign(wanted).map_err(|(index, errno)| Failure {
        stage: Stage::Fd,
        index: index as u32,
        errno,
    })?;
    close_from(wanted.len() as c_int, &kept.all()).map_err(|errno| Failure {
        stage: Stage::Fd,
        index: wanted.len() as u32,
        errno,
    })
}

/// Which targets are still to be written.
struct Pending([u64; MOST_DESCRIPTORS / 64]);

impl Pending {
    fn holds(&self, index: usize) -> bool {
        self.0.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 != 0)
    }

    fn set(&mut self, index: usize, pending: bool) {
        if let Some(word) = self.0.get_mut(index / 64) {
            *word = *word & !(1 << (index % 64)) | u64::from(pending) << (index % 64);
        }
    }
}

/// Where a source is itself a target.
fn index_of(fd: c_int) -> usize {
    usize::try_from(fd).unwrap_or(usize::MAX)
}

fn assign(wanted: &[c_int]) -> Result<(), (usize, Errno)> {
    let mut pending = Pending([0; MOST_DESCRIPTORS / 64]);
    for (index, &fd) in wanted.iter().enumerate() {
        let stays = index_of(fd) == index;
        if stays {
            exec::fcntl(fd, libc::F_SETFD, 0).map_err(|errno| (index, errno))?;
        }
        pending.set(index, !stays);
    }
    for index in 0..wanted.len() {
        write_free(wanted, &mut pending, index)?;
    }
    for index in 0..wanted.len() {
        if pending.holds(index) {
            turn_ring(wanted, &mut pending, index)?;
        }
    }
    Ok(())
}

/// Writes a target that nobody waits for, then what is free for that.
fn write_free(wanted: &[c_int], pending: &mut Pending, first: usize) -> Result<(), (usize, Errno)> {
    let mut index = first;
    while pending.holds(index) && !is_awaited(wanted, pending, index) {
        let Some(&source) = wanted.get(index) else { break };
        write(source, index)?;
        pending.set(index, false);
        index = index_of(source);
    }
    Ok(())
}

fn is_awaited(wanted: &[c_int], pending: &Pending, target: usize) -> bool {
    let waits = |(index, &fd): (usize, &c_int)| index_of(fd) == target && pending.holds(index);
    wanted.iter().enumerate().any(waits)
}

fn turn_ring(wanted: &[c_int], pending: &mut Pending, first: usize) -> Result<(), (usize, Errno)> {
    let count = wanted.len() as c_int;
    let spare = exec::fcntl(first as c_int, libc::F_DUPFD_CLOEXEC, count);
    let mut index = first;
    while let Some(&source) = wanted.get(index) {
        pending.set(index, false);
        if index_of(source) == first {
            let spare = spare.map_err(|errno| (index, errno))?;
            write(spare, index)?;
            file::close(spare);
            break;
        }
        write(source, index)?;
        index = index_of(source);
    }
    Ok(())
}

/// A source of −1 leaves its target closed.
fn write(source: c_int, target: usize) -> Result<(), (usize, Errno)> {
    if source == -1 {
        file::close(target as c_int);
        return Ok(());
    }
    file::dup_onto(source, target as c_int).map_err(|errno| (target, errno))
}
