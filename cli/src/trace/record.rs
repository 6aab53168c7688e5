// SPDX-License-Identifier: MIT OR Apache-2.0
//! A record, copied out of its slots.

use super::header::number;
use clone3_trace::{
    Alive, BODY, Body as _, Create, Exec, Exit, Gap, Image, Kind, MORE_BYTES, Module, Owner,
    SLOT_SIZE, STRINGS, Start, State, Wait,
};

/// The fields of a record's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    Create(Create),
    Start(Start),
    Exec(Exec),
    Image(Image),
    Exit(Exit),
    Wait(Wait),
    Module(Module),
    Gap(Gap),
    Alive(Alive),
    /// Of a kind that a newer library has.
    Other(u16),
}

/// A string of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// What there is of it.
    pub bytes: Vec<u8>,
    /// Whether the end is missing.
    pub cut: bool,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number in the order of all records.
    pub position: u64,
    /// The writer's thread id,
    pub tid: u32,
    /// and process id, in its pid namespace.
    pub pid: u32,
    /// CLOCK_MONOTONIC in ns.
    pub begun_ns: u64,
    /// Position + 1 of the record by which the writer's process came to be, 0 for unknown.
    pub origin: u64,
    /// Not completed: the writer is still at it, or ended there.
    pub open: bool,
    /// Its fields.
    pub body: Body,
    /// Its strings; those that its kind has not are empty.
    pub strings: [Text; STRINGS],
}

impl Record {
    /// How other records name this one.
    pub fn name(&self) -> u64 {
        self.position.saturating_add(1)
    }

    /// The words of an argv: there is a NUL between each two.
    pub fn words(&self, string: usize) -> Vec<Vec<u8>> {
        match self.strings.get(string) {
            Some(text) if !text.bytes.is_empty() => {
                text.bytes.split(|byte| *byte == 0).map(Vec::from).collect()
            }
            _ => Vec::new(),
        }
    }

    /// From its slots, the first of which has this owner. `is_more` says whether the n-th slot
    /// belongs to it.
    pub(super) fn of(
        position: u64,
        owner: Owner,
        slots: &[[u8; SLOT_SIZE]],
        is_more: impl Fn(usize, Owner) -> bool,
    ) -> Record {
        let zeroes = [0; SLOT_SIZE];
        let first = slots.first().unwrap_or(&zeroes);
        let at = |at| number(first, at).unwrap_or_default();
        let kind = u16::from_ne_bytes(number(first, 8).unwrap_or_default());
        let marks = u16::from_ne_bytes(number(first, 10).unwrap_or_default());
        let body = number::<BODY>(first, 32).unwrap_or([0; BODY]);
        let mut rest = Vec::new();
        for (place, slot) in slots.iter().enumerate().skip(1) {
            let word = Owner(u64::from_ne_bytes(number(slot, 0).unwrap_or_default()));
            if !is_more(place, word) {
                break;
            }
            rest.extend_from_slice(&slot[SLOT_SIZE - MORE_BYTES..]);
        }
        Record {
            position,
            tid: owner.tid(),
            pid: u32::from_ne_bytes(number(first, 12).unwrap_or_default()),
            begun_ns: u64::from_ne_bytes(at(16)),
            origin: u64::from_ne_bytes(at(24)),
            open: owner.state() == State::Open,
            body: Body::of(kind, &body),
            strings: strings(first, marks, &rest),
        }
    }
}

impl Body {
    fn of(kind: u16, bytes: &[u8; BODY]) -> Body {
        match Kind::of(kind) {
            Some(Kind::Create) => Body::Create(Create::from_bytes(bytes)),
            Some(Kind::Start) => Body::Start(Start::from_bytes(bytes)),
            Some(Kind::Exec) => Body::Exec(Exec::from_bytes(bytes)),
            Some(Kind::Image) => Body::Image(Image::from_bytes(bytes)),
            Some(Kind::Exit) => Body::Exit(Exit::from_bytes(bytes)),
            Some(Kind::Wait) => Body::Wait(Wait::from_bytes(bytes)),
            Some(Kind::Module) => Body::Module(Module::from_bytes(bytes)),
            Some(Kind::Gap) => Body::Gap(Gap::from_bytes(bytes)),
            Some(Kind::Alive) => Body::Alive(Alive::from_bytes(bytes)),
            None => Body::Other(kind),
        }
    }
}

/// They follow each other in the bytes of the slots after the first, which has their lengths.
fn strings(first: &[u8], marks: u16, mut rest: &[u8]) -> [Text; STRINGS] {
    std::array::from_fn(|place| {
        let wanted = u32::from_ne_bytes(number(first, 112 + 4 * place).unwrap_or_default());
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
        let (bytes, behind) = rest.split_at(wanted.min(rest.len()));
        rest = behind;
        let cut = bytes.len() < wanted || marks & 1 << place != 0;
        Text { bytes: bytes.into(), cut }
    })
}
