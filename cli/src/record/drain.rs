// SPDX-License-Identifier: MIT OR Apache-2.0
//! Copies a ring's records to a file, and frees their slots.

use super::live::Counts;
use super::output::Output;
use super::shared::Shared;
use clone3_trace::{Body, Create, Image, Kind, Owner, SLOT_SIZE, Slot, State};
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering::*};
use std::thread;
use std::time::{Duration, Instant};

/// Between two looks, while there is something to see,
const BUSY: Duration = Duration::from_millis(3);
/// and while there is not.
const IDLE: Duration = Duration::from_millis(20);
/// How old an open record has to be before it is given up for want of room.
const PATIENCE: Duration = Duration::from_secs(1);

/// Who copies.
pub struct Drain<'a> {
    ring: &'a Shared,
    output: Output,
    /// All before it was seen,
    next: u64,
    /// and all before this is free.
    freed: u64,
    /// Records that are not complete: how many slots, and since when.
    open: BTreeMap<u64, (u16, Instant)>,
    /// Executions, by position + 1, that a program came of: nothing will be added to them.
    replaced: HashSet<u64>,
    /// How old an open record has to be before it is given up.
    pub patience: Duration,
    /// A word of the ring was invalid: another program has written into it.
    broken: bool,
    /// What there was in the records.
    pub counts: Counts,
}

impl<'a> Drain<'a> {
    /// From the beginning.
    pub fn new(ring: &'a Shared, output: Output) -> Drain<'a> {
        let (open, replaced) = (BTreeMap::new(), HashSet::new());
        let counts = Counts::default();
        let (patience, broken) = (PATIENCE, false);
        Drain { ring, output, next: 0, freed: 0, open, replaced, patience, broken, counts }
    }

    /// Copies until it is told that all has been written; says in between what was counted.
    pub fn until(&mut self, ended: &AtomicBool, mut tell: impl FnMut(Counts)) -> io::Result<()> {
        loop {
            let is_last = ended.load(Acquire);
            let before = self.next;
            self.look()?;
            if is_last {
                return Ok(());
            }
            tell(self.counts);
            thread::sleep(if self.next == before { IDLE } else { BUSY });
        }
    }

    /// Ends the file.
    pub fn finish(mut self) -> io::Result<()> {
        let dropped = self.ring.header().dropped.each_ref().map(|count| count.load(Relaxed));
        if self.broken {
            crate::say("the ring was overwritten by a program; the trace ends there");
        }
        self.output.end(self.next, &dropped)
    }

    /// Copies what is new, and what was open and is complete now.
    pub fn look(&mut self) -> io::Result<()> {
        let before = self.next;
        while let Some((slots, is_open)) = self.first_slot(self.next) {
            let position = self.next;
            self.copy(position, slots)?;
            self.next += u64::from(slots);
            if is_open {
                self.open.insert(position, (slots, Instant::now()));
            } else {
                self.note(position);
            }
        }
        self.look_at_open()?;
        if self.next != before {
            self.output.set_tail(self.next)?;
        }
        self.output.flush()?;
        self.free();
        Ok(())
    }

    /// Slots of the record that begins there, and whether it is open.
    fn first_slot(&mut self, position: u64) -> Option<(u16, bool)> {
        let capacity = self.capacity();
        if self.broken || position - self.freed >= capacity {
            return None;
        }
        let owner = Owner(self.slot(position).owner.load(Acquire));
        if owner.lap() != Owner::free(position, capacity).lap() {
            return None;
        }
        let is_open = match owner.state() {
            State::Open => true,
            State::Done => false,
            State::Free => return None,
            State::More => {
                self.broken = true;
                return None;
            }
        };
        self.broken = owner.slots() == 0 || u64::from(owner.slots()) > capacity;
        (!self.broken).then_some((owner.slots(), is_open))
    }

    fn look_at_open(&mut self) -> io::Result<()> {
        let places: Vec<(u64, u16, Instant)> = self
            .open
            .iter()
            .map(|(position, (slots, since))| (*position, *slots, *since))
            .collect();
        for (position, slots, since) in places {
            let owner = Owner(self.slot(position).owner.load(Acquire));
            let is_done = owner.state() == State::Done;
            let is_replaced = self.replaced.remove(&(position + 1));
            let is_full = self.next - self.freed > self.capacity() / 2;
            if is_done || is_replaced || (is_full && since.elapsed() >= self.patience) {
                self.copy(position, slots)?;
                self.open.remove(&position);
            }
            if is_done {
                self.note(position);
            }
        }
        Ok(())
    }

    /// What a complete record says. Where a program has begun, its execution will never return.
    fn note(&mut self, position: u64) {
        let bytes = bytes_of(self.slot(position));
        let Some(body) = bytes.get(32..).and_then(|rest| rest.first_chunk()) else { return };
        match Kind::of(u16::from_ne_bytes([bytes[8], bytes[9]])) {
            Some(Kind::Image) => {
                let exec = Image::from_bytes(body).exec;
                if exec != 0 && self.open.contains_key(&(exec - 1)) {
                    self.replaced.insert(exec);
                }
            }
            Some(Kind::Create) if Create::from_bytes(body).errno != 0 => self.counts.failed += 1,
            Some(Kind::Create) => self.counts.made += 1,
            _ => {}
        }
    }

    fn copy(&mut self, position: u64, slots: u16) -> io::Result<()> {
        for position in position..position + u64::from(slots) {
            let bytes = bytes_of(self.slot(position));
            self.output.put(position, &bytes)?;
        }
        Ok(())
    }

    /// Gives back all before the first record that may still be written to.
    fn free(&mut self) {
        let until = self.open.keys().next().copied().unwrap_or(self.next);
        let capacity = self.capacity();
        for position in self.freed..until {
            let slot = self.slot(position);
            if let Some(kind) = slot.words.first() {
                kind.store(0, Relaxed);
            }
            slot.owner.store(Owner::free(position + capacity, capacity).0, Release);
        }
        self.freed = until;
        self.ring.header().head.store(until, Release);
    }

    fn capacity(&self) -> u64 {
        self.ring.slots().len() as u64
    }

    fn slot(&self, position: u64) -> &'a Slot {
        let slots = self.ring.slots();
        &slots[(position % slots.len() as u64) as usize]
    }
}

fn bytes_of(slot: &Slot) -> [u8; SLOT_SIZE] {
    let mut bytes = [0; SLOT_SIZE];
    bytes[..8].copy_from_slice(&slot.owner.load(Acquire).to_ne_bytes());
    for (place, word) in bytes[8..].chunks_exact_mut(8).zip(&slot.words) {
        place.copy_from_slice(&word.load(Relaxed).to_ne_bytes());
    }
    bytes
}
