// SPDX-License-Identifier: MIT OR Apache-2.0
//! A slot, and the word by which it changes hands.
//!
//! A record is begun by one compare-and-swap of the first word of the slot at
//! `Header::tail`, from "free in this lap" to "owned by this task, so many slots, open".
//! The owner then moves the tail past its slots; so does any writer that finds that it has not.
//! There is no moment at which a slot is taken and its owner is unknown: a writer may be
//! killed anywhere, and others go on. What a dead owner leaves open says where it died.
//!
//! The owner writes the other slots of the record, each with [`State::More`], then the body,
//! then the first slot's word 0, which has the kind, with release ordering: an open record
//! whose kind is 0 has nothing in it yet. What is known later it adds, and changes its owner's
//! word to [`State::Done`] with release ordering. A reader believes a slot whose owner's word
//! has the lap that it expects. To free slots it sets their word 0 to 0 and writes "free in
//! the next lap" into each owner's word, then moves `Header::head`.
//!
//! The lap in a word has 14 bits: a writer that sleeps between reading a word and swapping
//! it, for exactly 16 384 laps of the ring, would take a slot that is not its own.

use core::sync::atomic::AtomicU64;

/// Bytes a slot.
pub const SLOT_SIZE: usize = 128;

/// Bytes of strings in a slot after a record's first.
pub const MORE_BYTES: usize = SLOT_SIZE - 8;

/// A slot.
#[repr(C, align(128))]
pub struct Slot {
    /// [`Owner`] as a number.
    pub owner: AtomicU64,
    /// In a record's first slot its bytes after the owner, in the others bytes of strings.
    /// Words, because others may read and write them at any time.
    pub words: [AtomicU64; MORE_WORDS],
}

/// Words in a slot after the owner's.
pub const MORE_WORDS: usize = MORE_BYTES / 8;

const _: () = assert!(size_of::<Slot>() == SLOT_SIZE);

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// Nothing.
    Free = 0,
    /// The first slot of a record that is not complete.
    Open = 1,
    /// The first slot of a record.
    Done = 2,
    /// Strings of the record before.
    More = 3,
}

/// The first word of a slot.
///
/// | bits | |
/// |---|---|
/// | 0–31 | the owner's thread id, in its pid namespace; in [`State::More`] how far from the first slot |
/// | 32–47 | slots of the record, in its first |
/// | 48–49 | [`State`] |
/// | 50–63 | the lap: position / capacity, modulo 16 384 |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner(pub u64);

impl Owner {
    /// The word for a slot at this position of a trace with this many slots, which is not 0.
    pub const fn new(state: State, tid: u32, slots: u16, position: u64, capacity: u64) -> Owner {
        let lap = match position.checked_div(capacity) {
            Some(lap) => lap & 0x3fff,
            None => 0,
        };
        Owner(tid as u64 | (slots as u64) << 32 | (state as u64) << 48 | lap << 50)
    }

    /// The word of a free slot. In a new file, of zeroes, all slots are free in lap 0.
    pub const fn free(position: u64, capacity: u64) -> Owner {
        Owner::new(State::Free, 0, 0, position, capacity)
    }

    /// What the slot holds.
    pub const fn state(self) -> State {
        match self.0 >> 48 & 3 {
            0 => State::Free,
            1 => State::Open,
            2 => State::Done,
            _ => State::More,
        }
    }

    /// The same with another state.
    pub const fn with(self, state: State) -> Owner {
        Owner(self.0 & !(3 << 48) | (state as u64) << 48)
    }

    /// The same in a file that has room for all positions, which are in its first lap.
    pub const fn in_first_lap(self) -> Owner {
        Owner(self.0 & !(0x3fff << 50))
    }

    /// The owner's thread id, or the distance from the first slot.
    pub const fn tid(self) -> u32 {
        self.0 as u32
    }

    /// Slots of the record.
    pub const fn slots(self) -> u16 {
        (self.0 >> 32) as u16
    }

    /// The lap, modulo 16 384.
    pub const fn lap(self) -> u16 {
        (self.0 >> 50) as u16
    }
}

/// Slots of a record with so many bytes of strings; `None` for more than a record may have.
pub const fn slots_for(string_bytes: usize) -> Option<u16> {
    let slots = 1 + string_bytes.div_ceil(MORE_BYTES);
    if slots <= u16::MAX as usize { Some(slots as u16) } else { None }
}
