// SPDX-License-Identifier: MIT OR Apache-2.0
//! The writer's side: records are begun, given their strings, and completed.
//!
//! Only memory is written, and no lock is taken: a writer may be a signal handler, a
//! child on lent memory, or killed at any instruction. The trace's content is not
//! trusted: no index or length from it is used unchecked.

use crate::{BODY, Body, DropReason, Header, MORE_BYTES, Owner, STRINGS, Slot, State, slots_for};
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// How often to try for a place at the tail. Each time that another writer got it, that
/// one has made progress, unless the trace is corrupt.
const TRIES: u32 = 100_000;

/// Where the words of a record's first slot are, after the owner's.
const TIME: usize = 1;
const ORIGIN: usize = 2;
const FIELDS: usize = 3;
const LENGTHS: usize = FIELDS + BODY / 8;

/// Header and slots of a trace.
#[derive(Clone, Copy)]
pub struct Ring<'a> {
    header: &'a Header,
    slots: &'a [Slot],
    capacity: u64,
}

/// Who writes a record, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writer {
    /// The calling thread's id.
    pub tid: u32,
    /// Its process's.
    pub pid: u32,
    /// Position + 1 of the record by which the process came to be what it is. 0 for the
    /// record itself.
    pub origin: u64,
    /// CLOCK_MONOTONIC.
    pub time: u64,
}

impl<'a> Ring<'a> {
    /// A trace of so many slots, which are not 0.
    pub fn new(header: &'a Header, slots: &'a [Slot]) -> Option<Ring<'a>> {
        let capacity = slots.len() as u64;
        (capacity != 0).then_some(Ring { header, slots, capacity })
    }

    /// Whether records are wanted.
    pub fn is_recording(&self) -> bool {
        self.header.recording.load(Relaxed) != 0
    }

    fn slot(&self, position: u64) -> Option<&'a Slot> {
        self.slots.get(position.checked_rem(self.capacity)? as usize)
    }

    fn word(&self, position: u64, index: usize) -> Option<&'a AtomicU64> {
        self.slot(position)?.words.get(index)
    }

    fn store(&self, position: u64, index: usize, value: u64) {
        if let Some(word) = self.word(position, index) {
            word.store(value, Relaxed);
        }
    }

    /// Takes slots at the tail for a task: the first one's position. What cannot be is counted.
    pub fn claim(&self, tid: u32, slots: u16) -> Result<u64, DropReason> {
        self.try_claim(tid, slots).inspect_err(|&reason| {
            if let Some(count) = self.header.dropped.get(reason as usize) {
                count.fetch_add(1, Relaxed);
            }
        })
    }

    fn try_claim(&self, tid: u32, slots: u16) -> Result<u64, DropReason> {
        if slots == 0 || u64::from(slots) > self.capacity {
            return Err(DropReason::TooLarge);
        }
        for _ in 0..TRIES {
            let tail = self.header.tail.load(Acquire);
            let used = tail.wrapping_sub(self.header.head.load(Acquire));
            if used.saturating_add(slots.into()) > self.capacity {
                return Err(DropReason::Full);
            }
            let Some(slot) = self.slot(tail) else { break };
            let free = Owner::free(tail, self.capacity).0;
            let open = Owner::new(State::Open, tid, slots, tail, self.capacity).0;
            match slot.owner.compare_exchange(free, open, AcqRel, Acquire) {
                Ok(_) => {
                    self.move_tail(tail, slots);
                    return Ok(tail);
                }
                // Taken, by one who may be dead: the tail is moved for him.
                Err(word) => self.help(tail, Owner(word)),
            }
        }
        Err(DropReason::Busy)
    }

    fn help(&self, tail: u64, taken: Owner) {
        let lap = Owner::free(tail, self.capacity).lap();
        let is_first = matches!(taken.state(), State::Open | State::Done);
        if is_first && taken.lap() == lap && taken.slots() != 0 {
            self.move_tail(tail, taken.slots());
        }
    }

    fn move_tail(&self, from: u64, slots: u16) {
        let to = from.wrapping_add(slots.into());
        _ = self.header.tail.compare_exchange(from, to, AcqRel, Relaxed);
    }

    /// Begins a record with strings of these lengths, which are to be put one after the other;
    /// bit n of `cut` says that the n-th is not whole.
    pub fn begin<B: Body>(
        &self,
        writer: &Writer,
        body: &B,
        lengths: [u32; STRINGS],
        cut: u16,
    ) -> Result<Pen<'a>, DropReason> {
        let bytes = lengths.iter().fold(0usize, |sum, &length| sum.saturating_add(length as usize));
        let position = self.claim(writer.tid, slots_for(bytes).unwrap_or(0))?;
        let own = position.wrapping_add(1);
        self.store(position, TIME, writer.time);
        self.store(position, ORIGIN, if writer.origin == 0 { own } else { writer.origin });
        self.store_body(position, body);
        let [a, b, c, d] = lengths;
        self.store(position, LENGTHS, join(a, b));
        self.store(position, LENGTHS + 1, join(c, d));
        let head = join(u32::from(B::KIND as u16) | u32::from(cut) << 16, writer.pid);
        Ok(Pen { ring: *self, position, head, left: bytes, part: [0; 8], slot: 0, used: 0 })
    }

    fn store_body<B: Body>(&self, position: u64, body: &B) {
        for (index, bytes) in (FIELDS..LENGTHS).zip(body.to_bytes().chunks_exact(8)) {
            if let Some(bytes) = bytes.first_chunk() {
                self.store(position, index, u64::from_ne_bytes(*bytes));
            }
        }
    }

    /// Adds to an open record what has become known, and says that it is whole. Whether it
    /// was there, and open.
    pub fn complete<B: Body>(&self, position: u64, add: impl FnOnce(&mut B)) -> bool {
        let Some(slot) = self.slot(position) else { return false };
        let owner = Owner(slot.owner.load(Relaxed));
        let lap = Owner::free(position, self.capacity).lap();
        if owner.state() != State::Open || owner.lap() != lap {
            return false;
        }
        let mut bytes = [0; BODY];
        for (index, place) in (FIELDS..LENGTHS).zip(bytes.chunks_exact_mut(8)) {
            let word = self.word(position, index).map_or(0, |word| word.load(Relaxed));
            for (to, from) in place.iter_mut().zip(word.to_ne_bytes()) {
                *to = from;
            }
        }
        let mut body = B::from_bytes(&bytes);
        add(&mut body);
        self.store_body(position, &body);
        slot.owner.store(owner.with(State::Done).0, Release);
        true
    }
}

/// Two numbers as one word, the first in front in memory.
fn join(first: u32, second: u32) -> u64 {
    let low = if cfg!(target_endian = "little") { first } else { second };
    let high = if cfg!(target_endian = "little") { second } else { first };
    u64::from(low) | u64::from(high) << 32
}

/// A record whose strings are still to be written.
pub struct Pen<'a> {
    ring: Ring<'a>,
    position: u64,
    head: u64,
    /// How many bytes of strings there is room for.
    left: usize,
    /// Those of a word that is not full.
    part: [u8; 8],
    /// Which of the record's slots they go to, 0 before the first,
    slot: u64,
    /// and how many of its bytes there are.
    used: usize,
}

impl Pen<'_> {
    /// Adds bytes to the strings, as far as there is room.
    pub fn put(&mut self, bytes: &[u8]) {
        for &byte in bytes.iter().take(self.left) {
            self.put_byte(byte);
        }
    }

    fn put_byte(&mut self, byte: u8) {
        if self.slot == 0 || self.used == MORE_BYTES {
            self.next_slot();
        }
        if let Some(place) = self.part.get_mut(self.used % 8) {
            *place = byte;
        }
        self.used += 1;
        self.left = self.left.saturating_sub(1);
        if self.used % 8 == 0 {
            self.put_word();
        }
    }

    fn next_slot(&mut self) {
        self.slot += 1;
        self.used = 0;
        let position = self.position.wrapping_add(self.slot);
        let capacity = self.ring.capacity;
        let owner = Owner::new(State::More, self.slot as u32, 0, position, capacity);
        if let Some(slot) = self.ring.slot(position) {
            slot.owner.store(owner.0, Relaxed);
        }
    }

    fn put_word(&mut self) {
        let position = self.position.wrapping_add(self.slot);
        let index = self.used.saturating_sub(1) / 8;
        self.ring.store(position, index, u64::from_ne_bytes(self.part));
        self.part = [0; 8];
    }

    /// What is missing of the strings is NUL bytes. The record can be read from here on, and is
    /// open until [`Ring::complete`]: its position.
    pub fn open(mut self) -> u64 {
        while self.left != 0 {
            self.put_byte(0);
        }
        if self.used % 8 != 0 {
            self.put_word();
        }
        if let Some(word) = self.ring.word(self.position, 0) {
            word.store(self.head, Release);
        }
        self.position
    }

    /// The record is whole: its position.
    pub fn done(self) -> u64 {
        let ring = self.ring;
        let position = self.open();
        if let Some(slot) = ring.slot(position) {
            let owner = Owner(slot.owner.load(Relaxed));
            slot.owner.store(owner.with(State::Done).0, Release);
        }
        position
    }
}
