// SPDX-License-Identifier: MIT OR Apache-2.0
//! The trace's file: linear, each slot at its position.

use super::begin::Begin;
use super::clock;
use crate::trace::NOT_ENDED;
use clone3_trace::{HEADER_SIZE, Header, Owner, SLOT_SIZE};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::mem::offset_of;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Bytes that are written at once.
const BATCH: usize = 1 << 16;

/// A file that slots are copied to.
pub struct Output {
    file: File,
    /// Slots that follow each other, from this position on, that are not written yet.
    batch: Vec<u8>,
    batch_at: u64,
}

impl Output {
    /// For its owner alone, since command lines may have secrets. A file of that name is
    /// replaced, not written over: it may be open, or mapped, elsewhere, and readable to others.
    pub fn create(path: &Path, begin: &Begin) -> io::Result<Output> {
        let mut options = OpenOptions::new();
        options.write(true).mode(0o600);
        match fs::symlink_metadata(path) {
            // A pipe, a device, a link that the user has put there.
            Ok(about) if !about.is_file() => options.create(true).truncate(true),
            // Where others may write too, nothing that is put there meanwhile is followed.
            about => {
                if about.is_ok() {
                    fs::remove_file(path)?;
                }
                options.create_new(true)
            }
        };
        let file = options.open(path)?;
        file.write_all_at(&begin.page(NOT_ENDED), 0)?;
        Ok(Output { file, batch: Vec::with_capacity(BATCH + SLOT_SIZE), batch_at: 0 })
    }

    /// Adds a slot.
    pub fn put(&mut self, position: u64, slot: &[u8; SLOT_SIZE]) -> io::Result<()> {
        let next = self.batch_at + (self.batch.len() / SLOT_SIZE) as u64;
        if position != next || self.batch.len() >= BATCH {
            self.flush()?;
            self.batch_at = position;
        }
        let (owner, rest) = slot.split_first_chunk().unwrap_or((&[0; 8], &[]));
        let owner = Owner(u64::from_ne_bytes(*owner)).in_first_lap();
        self.batch.extend(owner.0.to_ne_bytes());
        self.batch.extend(rest);
        Ok(())
    }

    /// Writes what was added.
    pub fn flush(&mut self) -> io::Result<()> {
        let at = self.batch_at.saturating_mul(SLOT_SIZE as u64).saturating_add(HEADER_SIZE as u64);
        self.file.write_all_at(&self.batch, at)?;
        self.batch.clear();
        Ok(())
    }

    /// Says how far it goes.
    pub fn set_tail(&mut self, tail: u64) -> io::Result<()> {
        self.flush()?;
        self.set(offset_of!(Header, tail), tail)
    }

    /// Says that this was all: so many slots, and what was lost.
    pub fn end(&mut self, tail: u64, dropped: &[u64]) -> io::Result<()> {
        self.set_tail(tail)?;
        self.set(offset_of!(Header, capacity), tail.max(1))?;
        for (reason, count) in dropped.iter().enumerate() {
            self.set(offset_of!(Header, dropped) + 8 * reason, *count)?;
        }
        self.set(offset_of!(Header, realtime_end), clock::realtime())?;
        self.set(offset_of!(Header, monotonic_end), clock::monotonic())
    }

    fn set(&self, at: usize, value: u64) -> io::Result<()> {
        self.file.write_all_at(&value.to_ne_bytes(), at as u64)
    }
}
