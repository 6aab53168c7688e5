// SPDX-License-Identifier: MIT OR Apache-2.0
//! Records in their order, from a file that may be anything at all, and may grow meanwhile.

use super::{Header, Record};
use clone3_trace::{HEADER_SIZE, Owner, SLOT_SIZE, State};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Slots that are read at once.
const WINDOW: usize = 512;
/// No record is longer: behind so many slots without one there is none to be found.
const LONGEST: u64 = 1 << 16;

/// What can be read at a place.
pub trait ReadAt {
    /// As pread(2).
    fn read_at(&self, bytes: &mut [u8], place: u64) -> io::Result<usize>;
}

impl ReadAt for File {
    fn read_at(&self, bytes: &mut [u8], place: u64) -> io::Result<usize> {
        FileExt::read_at(self, bytes, place)
    }
}

impl ReadAt for &[u8] {
    fn read_at(&self, bytes: &mut [u8], place: u64) -> io::Result<usize> {
        let rest = usize::try_from(place).ok().and_then(|place| self.get(place..)).unwrap_or(&[]);
        let many = rest.len().min(bytes.len());
        bytes[..many].copy_from_slice(&rest[..many]);
        Ok(many)
    }
}

/// Reads a trace.
pub struct Reader<Source> {
    source: Source,
    /// The first page, as it was at the beginning.
    pub header: Header,
    /// Slots that belong to no record although they should.
    pub damaged: u64,
    next: u64,
    ended: bool,
    /// Slots from the one with number `window_at` on.
    window: Vec<[u8; SLOT_SIZE]>,
    window_at: u64,
}

impl<Source: ReadAt> Reader<Source> {
    /// Of a file that is one of ours; why not, in words.
    pub fn new(source: Source) -> Result<Reader<Source>, String> {
        let mut page = vec![0; HEADER_SIZE];
        let many = fill(&source, &mut page, 0).map_err(|error| error.to_string())?;
        page.truncate(many);
        let header = Header::of(&page)?;
        if header.capacity == 0 {
            return Err("a trace without slots".into());
        }
        let next = header.head;
        Ok(Reader {
            source,
            header,
            damaged: 0,
            next,
            ended: false,
            window: Vec::new(),
            window_at: 0,
        })
    }

    /// The next record; none at the end. A file that cannot be read ends where it cannot.
    pub fn next(&mut self) -> Option<Record> {
        let mut skipped = 0;
        while !self.ended && skipped < LONGEST {
            let position = self.next;
            let Some(slot) = self.slot(position) else { break };
            let owner = word(&slot);
            let is_first = matches!(owner.state(), State::Open | State::Done)
                && owner.slots() > 0
                && self.is_in_lap(owner, position);
            if is_first {
                self.damaged += skipped;
                return Some(self.record(position, owner, slot));
            }
            // A writer that was killed before it moved the tail leaves a record behind it.
            if position >= self.header.tail {
                break;
            }
            skipped += 1;
            self.next = self.next.saturating_add(1);
        }
        if !self.ended {
            self.ended = true;
            let missing = self.header.tail.saturating_sub(self.next).min(LONGEST);
            self.damaged += skipped + missing;
        }
        None
    }

    fn record(&mut self, position: u64, owner: Owner, first: [u8; SLOT_SIZE]) -> Record {
        let mut slots = vec![first];
        let mut next = position.saturating_add(1);
        for _ in 1..owner.slots() {
            let Some(slot) = self.slot(next) else { break };
            slots.push(slot);
            next = next.saturating_add(1);
        }
        self.next = next;
        let capacity = self.header.capacity;
        Record::of(position, owner, &slots, |place, owner| {
            let position = position.saturating_add(place as u64);
            owner.state() == State::More
                && owner.tid() as usize == place
                && owner.lap() == Owner::free(position, capacity).lap()
        })
    }

    fn is_in_lap(&self, owner: Owner, position: u64) -> bool {
        owner.lap() == Owner::free(position, self.header.capacity).lap()
    }

    /// A copy of the slot at a position, if the file has it.
    fn slot(&mut self, position: u64) -> Option<[u8; SLOT_SIZE]> {
        // A ring holds one lap; what lies further on is what was read already.
        if position.checked_sub(self.header.head)? >= self.header.capacity {
            return None;
        }
        let number = position.checked_rem(self.header.capacity)?;
        let in_window = |window_at| usize::try_from(number.checked_sub(window_at)?).ok();
        let place = in_window(self.window_at).filter(|place| *place < self.window.len());
        let place = match place {
            Some(place) => place,
            None => {
                self.load(number)?;
                0
            }
        };
        self.window.get(place).copied()
    }

    fn load(&mut self, number: u64) -> Option<()> {
        let mut bytes = vec![0; WINDOW * SLOT_SIZE];
        let place = number.checked_mul(SLOT_SIZE as u64)?.checked_add(HEADER_SIZE as u64)?;
        let many = fill(&self.source, &mut bytes, place).ok()?;
        self.window.clear();
        self.window.extend(bytes[..many].chunks_exact(SLOT_SIZE).filter_map(|c| c.first_chunk()));
        self.window_at = number;
        Some(())
    }
}

fn word(slot: &[u8; SLOT_SIZE]) -> Owner {
    Owner(slot.first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes)))
}

/// As much as there is.
fn fill(source: &impl ReadAt, bytes: &mut [u8], place: u64) -> io::Result<usize> {
    let mut many = 0;
    while many < bytes.len() {
        match source.read_at(&mut bytes[many..], place.saturating_add(many as u64)) {
            Ok(0) => break,
            Ok(more) => many += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(many)
}
