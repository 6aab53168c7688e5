// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes traces as the library does, for tests of what reads them.

#![allow(dead_code, reason = "each test takes what it needs")]

use clone3_trace::*;
use std::mem::offset_of;

/// A trace that is being written.
pub struct Writer {
    capacity: u64,
    slots: Vec<[u8; SLOT_SIZE]>,
    /// Reasons and counts for the header.
    pub dropped: [u64; 8],
    /// CLOCK_MONOTONIC at the end.
    pub end_ns: u64,
}

/// Who writes a record, and when.
#[derive(Clone, Copy)]
pub struct By {
    pub pid: u32,
    pub origin: u64,
    pub ns: u64,
}

/// A record's kind and fields.
pub trait Fields {
    fn kind(&self) -> Kind;
    fn bytes(&self) -> [u8; BODY];
}

macro_rules! fields {
    ($($kind:ident)*) => {
        $(impl Fields for $kind {
            fn kind(&self) -> Kind { <$kind as Body>::KIND }
            fn bytes(&self) -> [u8; BODY] { Body::to_bytes(self) }
        })*
    };
}
fields!(Create Start Exec Image Exit Wait Module Gap Alive);

/// CLOCK_MONOTONIC at the start of these traces.
pub const START: u64 = 1_000_000_000;

impl Writer {
    pub fn new() -> Writer {
        Writer { capacity: 1 << 16, slots: Vec::new(), dropped: [0; 8], end_ns: 0 }
    }

    /// One with room for many records.
    pub fn large() -> Writer {
        Writer { capacity: 1 << 22, ..Writer::new() }
    }

    /// A complete record; how others name it.
    pub fn done(&mut self, by: By, fields: impl Fields, strings: &[&[u8]]) -> u64 {
        self.record(State::Done, by, &fields, strings)
    }

    /// One that its writer never completed.
    pub fn open(&mut self, by: By, fields: impl Fields, strings: &[&[u8]]) -> u64 {
        self.record(State::Open, by, &fields, strings)
    }

    fn record(&mut self, state: State, by: By, fields: &impl Fields, strings: &[&[u8]]) -> u64 {
        let text = strings.concat();
        let slots = slots_for(text.len()).expect("it fits");
        let position = self.slots.len() as u64;
        let mut first = [0; SLOT_SIZE];
        let mut put = |at: usize, bytes: &[u8]| first[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &Owner::new(state, by.pid, slots, position, self.capacity).0.to_ne_bytes());
        put(8, &(fields.kind() as u16).to_ne_bytes());
        put(12, &by.pid.to_ne_bytes());
        put(16, &(START + by.ns).to_ne_bytes());
        put(24, &by.origin.to_ne_bytes());
        put(32, &fields.bytes());
        for (place, string) in strings.iter().enumerate() {
            put(112 + 4 * place, &(string.len() as u32).to_ne_bytes());
        }
        self.slots.push(first);
        for (place, bytes) in text.chunks(MORE_BYTES).enumerate() {
            let mut slot = [0; SLOT_SIZE];
            let (place, at) = (place as u32 + 1, self.slots.len() as u64);
            let owner = Owner::new(State::More, place, 0, at, self.capacity);
            slot[..8].copy_from_slice(&owner.0.to_ne_bytes());
            slot[8..8 + bytes.len()].copy_from_slice(bytes);
            self.slots.push(slot);
        }
        position + 1
    }

    /// The file.
    pub fn bytes(&self) -> Vec<u8> {
        let mut page = vec![0; HEADER_SIZE];
        let mut put = |at: usize, bytes: &[u8]| page[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &MAGIC);
        put(offset_of!(Header, version), &VERSION.to_ne_bytes());
        put(offset_of!(Header, byte_order), &0x0102_0304u32.to_ne_bytes());
        put(offset_of!(Header, header_size), &(HEADER_SIZE as u32).to_ne_bytes());
        put(offset_of!(Header, slot_size), &(SLOT_SIZE as u32).to_ne_bytes());
        put(offset_of!(Header, capacity), &self.capacity.to_ne_bytes());
        put(offset_of!(Header, monotonic_start), &START.to_ne_bytes());
        put(offset_of!(Header, realtime_start), &1_700_000_000_000_000_000u64.to_ne_bytes());
        if self.end_ns != 0 {
            put(offset_of!(Header, monotonic_end), &(START + self.end_ns).to_ne_bytes());
        }
        put(offset_of!(Header, tail), &(self.slots.len() as u64).to_ne_bytes());
        for (reason, count) in self.dropped.iter().enumerate() {
            put(offset_of!(Header, dropped) + 8 * reason, &count.to_ne_bytes());
        }
        page.into_iter().chain(self.slots.iter().flatten().copied()).collect()
    }
}

/// Words as a record has them.
pub fn argv(words: &[&str]) -> Vec<u8> {
    words.join("\0").into_bytes()
}
