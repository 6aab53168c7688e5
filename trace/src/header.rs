// SPDX-License-Identifier: MIT OR Apache-2.0
//! The first page of a trace.

use crate::FIELDS;
use core::sync::atomic::{AtomicU32, AtomicU64};

/// What a trace begins with.
pub const MAGIC: [u8; 8] = *b"CLONE3TR";

/// The version of this format. A reader takes files of its own version only; fields may be
/// added to a version where there is room, and are 0 in files that were written before.
pub const VERSION: u32 = 1;

/// Bytes before the first slot, on every architecture.
pub const HEADER_SIZE: usize = 4096;

/// In [`Header::options`]: programs are executed with a TRACEPARENT of their own, which names
/// the span of the execution ([`crate::Spans`]).
pub const PASSES_CONTEXT: u32 = 1;
/// In [`Header::options`]: forks tell of the creator's memory, and ends of CPU time and memory,
/// by system calls.
pub const ASKS_MEMORY: u32 = 2;

/// Why a record was not written.
#[repr(usize)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// There was no free slot.
    Full = 0,
    /// The record was larger than a whole trace may be.
    TooLarge = 1,
    /// The tail did not move on, however often it was tried.
    Busy = 2,
}

/// Their names, by number.
pub const DROP_REASONS: [&str; 3] = ["full", "too large", "busy"];

/// The header. Words that several processes change are atomic; `tail` and `head` have
/// cache lines of their own.
#[repr(C, align(4096))]
pub struct Header {
    /// [`MAGIC`]. Written last by the creator: a file without it is not ready.
    pub magic: AtomicU64,
    /// [`VERSION`].
    pub version: u32,
    /// 0x0102_0304 in the writer's byte order.
    pub byte_order: u32,
    /// [`HEADER_SIZE`].
    pub header_size: u32,
    /// Bytes a slot.
    pub slot_size: u32,
    /// How many slots follow.
    pub capacity: u64,
    /// CLOCK_MONOTONIC in ns when the trace began,
    pub monotonic_start: u64,
    /// and CLOCK_REALTIME at the same time.
    pub realtime_start: u64,
    /// The same at its end, 0 while it goes on.
    pub monotonic_end: AtomicU64,
    /// CLOCK_REALTIME at the end.
    pub realtime_end: AtomicU64,
    /// The device and inode of the creator's pid namespace, 0 for unknown: the pids of
    /// records are numbers in the writer's namespace, which `Image` has.
    pub pid_namespace: u64,
    reserved: [u8; 56],
    /// The position of the next record, see [`crate::slot`].
    pub tail: AtomicU64,
    reserved_tail: [u8; 56],
    /// Slots before this position are free again. Only the reader changes it.
    pub head: AtomicU64,
    reserved_head: [u8; 56],
    /// 1 while records are wanted: 0 switches recording off in all writers.
    pub recording: AtomicU32,
    /// A futex word: not 0 while the reader sleeps and wants to be woken.
    pub sleeper: AtomicU32,
    /// What is asked of the writers besides: [`PASSES_CONTEXT`], [`ASKS_MEMORY`].
    pub options: AtomicU32,
    reserved_words: [u8; 52],
    /// How many records were not written, by [`DropReason`].
    pub dropped: [AtomicU64; 8],
    reserved_end: [u8; 256],
    /// The fields of all records in words ([`crate::FIELDS`]): a line each, and zeroes.
    pub fields: [u8; FIELDS_SIZE],
}

const _: () = assert!(size_of::<Header>() == HEADER_SIZE);
const _: () = assert!(core::mem::offset_of!(Header, tail) == 128);
const _: () = assert!(core::mem::offset_of!(Header, head) == 192);
const _: () = assert!(core::mem::offset_of!(Header, recording) == 256);
const _: () = assert!(core::mem::offset_of!(Header, dropped) == 320);
const _: () = assert!(core::mem::offset_of!(Header, fields) == 640);

/// Bytes of [`Header::fields`].
pub const FIELDS_SIZE: usize = 3456;

/// Writes [`FIELDS`] as text, a line a field: `create.end_ns 32 u64 ns`.
pub fn describe(place: &mut [u8; FIELDS_SIZE]) {
    *place = WORDS;
}

/// Made by the compiler, so that the library has no table of pointers for it, which each
/// process that loads it would relocate.
static WORDS: [u8; FIELDS_SIZE] = {
    let (mut words, mut at, mut i) = ([0; FIELDS_SIZE], 0, 0);
    while i < FIELDS.len() {
        let (kind, field, offset, width, unit) = FIELDS[i];
        let digits = [
            b'0' + (offset / 100 % 10) as u8,
            b'0' + (offset / 10 % 10) as u8,
            b'0' + (offset % 10) as u8,
        ];
        let parts: [&[u8]; 10] = [
            kind.name().as_bytes(),
            b".",
            field.as_bytes(),
            b" ",
            &digits,
            b" ",
            width.as_bytes(),
            b" ",
            unit.as_bytes(),
            b"\n",
        ];
        let mut part = 0;
        while part < parts.len() {
            let mut byte = 0;
            while byte < parts[part].len() {
                words[at] = parts[part][byte];
                (at, byte) = (at + 1, byte + 1);
            }
            part += 1;
        }
        i += 1;
    }
    words
};
