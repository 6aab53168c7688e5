// SPDX-License-Identifier: MIT OR Apache-2.0
//! The first page.

use clone3_trace::{DROP_REASONS, HEADER_SIZE, Header as Page, MAGIC, SLOT_SIZE, VERSION};
use std::mem::offset_of;

/// The capacity of a trace that `clone3 run` writes, until it ends it: as many slots as no trace
/// has, so that all positions are in lap 0.
pub const NOT_ENDED: u64 = 1 << 48;

/// What this command wants of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Slots in the file, as it says.
    pub capacity: u64,
    /// CLOCK_MONOTONIC and CLOCK_REALTIME at the start, in ns,
    pub monotonic_start: u64,
    /// at the same time.
    pub realtime_start: u64,
    /// CLOCK_MONOTONIC at the end, 0 where it was not ended.
    pub monotonic_end: u64,
    /// The creator's pid namespace, 0 for unknown.
    pub pid_namespace: u64,
    /// The position of the next record,
    pub tail: u64,
    /// and of the first one that is there.
    pub head: u64,
    /// Records that were not written, by reason.
    pub dropped: Vec<(String, u64)>,
}

impl Header {
    /// From the bytes of a file's first page; why not, in words.
    pub fn of(page: &[u8]) -> Result<Header, String> {
        if page.get(..MAGIC.len()) != Some(&MAGIC) {
            return Err("not a trace, or one that was never begun".into());
        }
        let short = || "cut off in its first page".to_owned();
        let word = |at| number(page, at).map(u32::from_ne_bytes).ok_or_else(short);
        let long = |at| number(page, at).map(u64::from_ne_bytes).ok_or_else(short);
        match word(offset_of!(Page, byte_order))? {
            0x0102_0304 => {}
            0x0403_0201 => return Err("from a machine with the other byte order".into()),
            _ => return Err("no byte order that there is".into()),
        }
        let version = word(offset_of!(Page, version))?;
        if version != VERSION {
            return Err(format!("version {version} of the format; this command reads {VERSION}"));
        }
        let sizes = (word(offset_of!(Page, header_size))?, word(offset_of!(Page, slot_size))?);
        if sizes != (HEADER_SIZE as u32, SLOT_SIZE as u32) {
            return Err(format!("a header of {} bytes and slots of {}", sizes.0, sizes.1));
        }
        let mut dropped = Vec::new();
        for reason in 0..8 {
            let count = long(offset_of!(Page, dropped) + 8 * reason)?;
            if count != 0 {
                dropped.push((drop_reason(reason), count));
            }
        }
        Ok(Header {
            capacity: long(offset_of!(Page, capacity))?,
            monotonic_start: long(offset_of!(Page, monotonic_start))?,
            realtime_start: long(offset_of!(Page, realtime_start))?,
            monotonic_end: long(offset_of!(Page, monotonic_end))?,
            pid_namespace: long(offset_of!(Page, pid_namespace))?,
            tail: long(offset_of!(Page, tail))?,
            head: long(offset_of!(Page, head))?,
            dropped,
        })
    }
}

/// The name of a reason.
pub fn drop_reason(number: usize) -> String {
    DROP_REASONS.get(number).map_or_else(|| format!("reason {number}"), |name| (*name).into())
}

/// The bytes at a place.
pub fn number<const WIDTH: usize>(bytes: &[u8], at: usize) -> Option<[u8; WIDTH]> {
    bytes.get(at..)?.first_chunk().copied()
}
