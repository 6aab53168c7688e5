// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writers of a trace, and the reader that frees what it has copied: no slot is claimed twice,
//! none is skipped, and what is done can be read whole.

use clone3_models::stage::{explore, spawn};
use clone3_models::{DropReason, Header, Owner, Ring, STRINGS, Slot, State, Wait, Writer};
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::rc::Rc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// A trace in memory.
struct Trace {
    header: *mut Header,
    slots: *mut Slot,
    capacity: usize,
}

impl Trace {
    fn new(capacity: usize) -> Rc<Trace> {
        // SAFETY: neither is of size 0.
        let (header, slots) = unsafe {
            let slots = alloc_zeroed(Layout::array::<Slot>(capacity).unwrap());
            (alloc_zeroed(Layout::new::<Header>()), slots)
        };
        Rc::new(Trace { header: header.cast(), slots: slots.cast(), capacity })
    }

    /// Has all words of the slots be there before the writers are.
    fn touch(&self) {
        for slot in (0..self.capacity as u64).map(|position| self.slot(position)) {
            slot.owner.load(Relaxed);
            slot.words.iter().for_each(|word| _ = word.load(Relaxed));
        }
    }

    fn header(&self) -> &Header {
        // SAFETY: zeroes are a header.
        unsafe { &*self.header }
    }

    fn slot(&self, position: u64) -> &Slot {
        // SAFETY: zeroes are slots, and there are so many.
        unsafe { &*self.slots.add(position as usize % self.capacity) }
    }

    fn ring(&self) -> Ring<'_> {
        // SAFETY: as above.
        let slots = unsafe { std::slice::from_raw_parts(self.slots, self.capacity) };
        Ring::new(self.header(), slots).unwrap()
    }

    /// The owner of the record at a position, if there is a whole one of this lap.
    fn done(&self, position: u64) -> Option<Owner> {
        let owner = Owner(self.slot(position).owner.load(Acquire));
        let is_new = owner.lap() == Owner::free(position, self.capacity as u64).lap();
        (is_new && owner.state() == State::Done).then_some(owner)
    }

    /// Frees what lies between two positions, as a reader does.
    fn free(&self, from: u64, to: u64) {
        let capacity = self.capacity as u64;
        for position in from..to {
            let slot = self.slot(position);
            slot.words[0].store(0, Relaxed);
            slot.owner.store(Owner::free(position + capacity, capacity).0, Release);
        }
        self.header().head.store(to, Release);
    }

    fn dropped(&self, reason: DropReason) -> u64 {
        self.header().dropped[reason as usize].load(Relaxed)
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        // SAFETY: allocated so.
        unsafe {
            dealloc(self.header.cast(), Layout::new::<Header>());
            dealloc(self.slots.cast(), Layout::array::<Slot>(self.capacity).unwrap());
        }
    }
}

/// Claims slots and says where, in the order of the positions.
fn claims(capacity: usize, each: &'static [&'static [u16]], bound: Option<usize>) {
    explore(bound, move || {
        let trace = Trace::new(capacity);
        let claim_all = |trace: &Trace, tid: u32, sizes: &[u16]| -> Vec<(u64, u16)> {
            let ring = trace.ring();
            let claim = |&size| ring.claim(tid, size).ok().map(|position| (position, size));
            sizes.iter().filter_map(claim).collect()
        };
        let others: Vec<_> = each[1..]
            .iter()
            .zip(2..)
            .map(|(sizes, tid)| {
                let trace = trace.clone();
                spawn(move || claim_all(&trace, tid, sizes))
            })
            .collect();
        let mut all = claim_all(&trace, 1, each[0]);
        all.extend(others.into_iter().flat_map(|thread| thread.join().unwrap()));
        all.sort_unstable();
        let end = all.iter().fold(0, |at, &(position, size)| {
            assert_eq!(position, at, "each begins where the one before ends: {all:?}");
            at + u64::from(size)
        });
        assert_eq!(trace.header().tail.load(Relaxed), end);
        let wanted: usize = each.iter().map(|sizes| sizes.len()).sum();
        assert_eq!(trace.dropped(DropReason::Full) as usize, wanted - all.len());
        assert_eq!(trace.dropped(DropReason::Busy), 0);
    });
}

#[test]
fn two_writers_claim_twice() {
    claims(8, &[&[1, 2], &[2, 1]], None);
}

#[test]
fn three_writers_claim() {
    claims(8, &[&[2], &[1], &[3]], Some(3));
}

#[test]
fn what_is_full_is_counted() {
    claims(3, &[&[2, 1], &[2]], None);
}

fn write(trace: &Trace, tid: u32, text: &[u8]) -> Result<u64, DropReason> {
    let writer = Writer { tid, pid: tid, origin: 5, time: 6 };
    let body = Wait { child: tid as i32, ..Wait::default() };
    let mut lengths = [0; STRINGS];
    lengths[0] = text.len() as u32;
    let mut pen = trace.ring().begin(&writer, &body, lengths, 0)?;
    pen.put(text);
    Ok(pen.done())
}

/// The words of a record that differ between writers: pid and kind, and the first of the text.
fn words(trace: &Trace, position: u64) -> [u64; 2] {
    let text = trace.slot(position + 1).words[0].load(Relaxed);
    [trace.slot(position).words[0].load(Relaxed) >> 32, text & 0xff]
}

#[test]
fn a_reader_frees_and_writers_go_round() {
    explore(4, || {
        // Room for one record: the second writer has to wait for the reader, or to give up.
        let trace = Trace::new(2);
        trace.touch();
        let writers: Vec<_> = (1..=2)
            .map(|tid| {
                let trace = trace.clone();
                spawn(move || write(&trace, tid, &[tid as u8]))
            })
            .collect();
        let (mut at, mut seen) = (0, Vec::new());
        let mut read = |trace: &Trace| {
            while let Some(owner) = trace.done(at) {
                let tid = u64::from(owner.tid());
                assert_eq!(words(trace, at), [tid, tid], "a record is whole when it is done");
                trace.free(at, at + 2);
                seen.push((at, owner.tid()));
                at += 2;
            }
        };
        read(&trace);
        let outcomes: Vec<_> = writers.into_iter().map(|thread| thread.join().unwrap()).collect();
        read(&trace);
        let mut written: Vec<_> = outcomes
            .iter()
            .zip(1..)
            .filter_map(|(outcome, tid)| outcome.ok().map(|position| (position, tid)))
            .collect();
        written.sort_unstable();
        assert_eq!(seen, written);
        assert_eq!(trace.dropped(DropReason::Full) as usize, 2 - seen.len());
        assert_eq!(trace.dropped(DropReason::Busy), 0);
    });
}
