// SPDX-License-Identifier: MIT OR Apache-2.0
//! The first page of a trace, which ring and file have the same of: readers make the numbers of
//! spans from its clocks, as the writers do.

use super::clock;
use clone3_trace::{FIELDS_SIZE, HEADER_SIZE, Header, MAGIC, SLOT_SIZE, Spans, VERSION, describe};
use std::fs;
use std::mem::offset_of;
use std::os::unix::fs::MetadataExt;

/// When a trace began, and what it asks for.
pub struct Begin {
    monotonic: u64,
    realtime: u64,
    options: u32,
}

impl Begin {
    /// One that begins now.
    pub fn now(options: u32) -> Begin {
        Begin { monotonic: clock::monotonic(), realtime: clock::realtime(), options }
    }

    /// Its spans.
    pub fn spans(&self) -> Spans {
        Spans::new(self.realtime, self.monotonic)
    }

    /// The page, before so many slots.
    pub fn page(&self, slots: u64) -> Vec<u8> {
        let mut page = vec![0; HEADER_SIZE];
        let mut put = |at: usize, bytes: &[u8]| page[at..at + bytes.len()].copy_from_slice(bytes);
        put(offset_of!(Header, magic), &MAGIC);
        put(offset_of!(Header, version), &VERSION.to_ne_bytes());
        put(offset_of!(Header, byte_order), &0x0102_0304u32.to_ne_bytes());
        put(offset_of!(Header, header_size), &(HEADER_SIZE as u32).to_ne_bytes());
        put(offset_of!(Header, slot_size), &(SLOT_SIZE as u32).to_ne_bytes());
        put(offset_of!(Header, capacity), &slots.to_ne_bytes());
        put(offset_of!(Header, monotonic_start), &self.monotonic.to_ne_bytes());
        put(offset_of!(Header, realtime_start), &self.realtime.to_ne_bytes());
        put(offset_of!(Header, pid_namespace), &pid_namespace().to_ne_bytes());
        put(offset_of!(Header, recording), &1u32.to_ne_bytes());
        put(offset_of!(Header, options), &self.options.to_ne_bytes());
        let mut fields = [0; FIELDS_SIZE];
        describe(&mut fields);
        put(offset_of!(Header, fields), &fields);
        page
    }
}

fn pid_namespace() -> u64 {
    fs::metadata("/proc/self/ns/pid").map_or(0, |about| about.ino())
}
