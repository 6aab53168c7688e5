// SPDX-License-Identifier: MIT OR Apache-2.0
//! The list of descriptors: "these become 0, 1, 2 and so on, everything else is
//! closed".
//!
//! A list is a simultaneous assignment: an entry's source may be another entry's target,
//! also several times, or in a cycle. A target is written once no unwritten entry has it
//! as its source. When only cycles remain, each is rotated with one spare descriptor.

use super::close::close_from;
use super::failure::Failure;
use super::list::List;
use super::rare::MOST_DESCRIPTORS;
use super::stage::Stage;
use crate::uapi::{Errno, file};
use core::ffi::c_int;

/// Carries out the list, and closes all descriptors but these and `keep`. A function of
/// its own because of its stack use.
#[inline(never)]
pub fn arrange(list: &List<c_int>, keep: &[c_int]) -> Result<(), Failure> {
    let wanted = list.get();
    assign(wanted).map_err(|(index, errno)| Failure {
        stage: Stage::Fd,
        index: index as u32,
        errno,
    })?;
    close_from(wanted.len() as c_int, keep).map_err(|errno| Failure {
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

/// The index of a source as a target.
fn index_of(fd: c_int) -> usize {
    usize::try_from(fd).unwrap_or(usize::MAX)
}

fn assign(wanted: &[c_int]) -> Result<(), (usize, Errno)> {
    let mut pending = Pending([0; MOST_DESCRIPTORS / 64]);
    for (index, &fd) in wanted.iter().enumerate() {
        let stays = index_of(fd) == index;
        if stays {
            file::set_descriptor_flags(fd, 0).map_err(|errno| (index, errno))?;
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

/// Writes a target that is no source of another, then those that this sets free.
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
    let spare = file::duplicate_from(count, first as c_int);
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
