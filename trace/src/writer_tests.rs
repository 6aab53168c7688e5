// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::*;
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::sync::atomic::Ordering::Relaxed;

/// A trace in memory.
struct Trace {
    memory: *mut u8,
    slots: usize,
}

// SAFETY: all of it is atomic, but for what is written before it is shared.
unsafe impl Sync for Trace {}

impl Trace {
    fn layout(slots: usize) -> Layout {
        Layout::from_size_align(HEADER_SIZE + slots * SLOT_SIZE, HEADER_SIZE).unwrap()
    }

    fn new(slots: usize) -> Trace {
        // SAFETY: not of size 0.
        let trace = Trace { memory: unsafe { alloc_zeroed(Trace::layout(slots)) }, slots };
        trace.header().recording.store(1, Relaxed);
        trace
    }

    fn header(&self) -> &Header {
        // SAFETY: zeroes are a header, and it is aligned.
        unsafe { &*self.memory.cast() }
    }

    fn slots(&self) -> &[Slot] {
        // SAFETY: zeroes are slots, and there are so many.
        unsafe { std::slice::from_raw_parts(self.memory.add(HEADER_SIZE).cast(), self.slots) }
    }

    fn ring(&self) -> Ring<'_> {
        Ring::new(self.header(), self.slots()).unwrap()
    }

    fn owner(&self, position: u64) -> Owner {
        Owner(self.slots()[position as usize % self.slots].owner.load(Relaxed))
    }

    /// A slot's bytes.
    fn bytes(&self, position: u64) -> Vec<u8> {
        let slot = &self.slots()[position as usize % self.slots];
        let words = slot.words.iter().map(|word| word.load(Relaxed));
        let words = std::iter::once(slot.owner.load(Relaxed)).chain(words);
        words.flat_map(u64::to_ne_bytes).collect()
    }

    /// Frees what lies before a position, as a reader does.
    fn free(&self, to: u64) {
        for position in self.header().head.load(Relaxed)..to {
            let slot = &self.slots()[position as usize % self.slots];
            slot.words[0].store(0, Relaxed);
            let next = position + self.slots as u64;
            slot.owner.store(Owner::free(next, self.slots as u64).0, Relaxed);
        }
        self.header().head.store(to, Relaxed);
    }

    fn dropped(&self, reason: DropReason) -> u64 {
        self.header().dropped[reason as usize].load(Relaxed)
    }

    /// The first slots of all records up to the tail, each of which is where the one before ends.
    fn records(&self) -> Vec<(u64, Owner)> {
        let (mut at, mut found) = (self.header().head.load(Relaxed), Vec::new());
        while at < self.header().tail.load(Relaxed) {
            let owner = self.owner(at);
            assert!(matches!(owner.state(), State::Open | State::Done), "at {at}: {owner:?}");
            for i in 1..u64::from(owner.slots()) {
                assert_eq!(self.owner(at + i).state(), State::More);
                assert_eq!(u64::from(self.owner(at + i).tid()), i);
            }
            found.push((at, owner));
            at += u64::from(owner.slots());
        }
        found
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        // SAFETY: allocated so.
        unsafe { dealloc(self.memory, Trace::layout(self.slots)) };
    }
}

fn writer(tid: u32) -> Writer {
    Writer { tid, pid: 77, origin: 5, time: 123_456 }
}

fn write(ring: &Ring, tid: u32, strings: [&[u8]; STRINGS]) -> Result<u64, DropReason> {
    let lengths = strings.map(|string| string.len() as u32);
    let mut pen = ring.begin(&writer(tid), &Wait { child: 9, ..Wait::default() }, lengths, 2)?;
    strings.into_iter().for_each(|string| pen.put(string));
    Ok(pen.done())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap())
}

#[test]
fn a_record_lies_as_documented() {
    let trace = Trace::new(64);
    let long: Vec<u8> = (0..250).collect();
    let position = write(&trace.ring(), 7, [b"/bin/sh", &long, b"", b"x"]).unwrap();
    let bytes = trace.bytes(position);
    assert_eq!(trace.owner(position), Owner::new(State::Done, 7, 4, 0, 64));
    assert_eq!(bytes[8..10], (Kind::Wait as u16).to_ne_bytes());
    assert_eq!(bytes[10..12], 2u16.to_ne_bytes());
    assert_eq!(u32_at(&bytes, 12), 77);
    assert_eq!(u64_at(&bytes, 16), 123_456);
    assert_eq!(u64_at(&bytes, 24), 5);
    let body: &[u8; BODY] = bytes[32..112].try_into().unwrap();
    assert_eq!(Wait::from_bytes(body), Wait { child: 9, ..Wait::default() });
    assert_eq!([112, 116, 120, 124].map(|at| u32_at(&bytes, at)), [7, 250, 0, 1]);
    let strings: Vec<u8> = (1..4).flat_map(|i| trace.bytes(position + i)[8..].to_vec()).collect();
    assert_eq!(strings[..258], [b"/bin/sh", &long[..], b"x"].concat());
    assert_eq!(trace.records().len(), 1);
}

#[test]
fn strings_are_as_long_as_was_said() {
    let trace = Trace::new(64);
    let mut pen = trace.ring().begin(&writer(1), &Module::default(), [3, 0, 0, 0], 0).unwrap();
    pen.put(b"abcdef");
    let position = pen.done();
    assert_eq!(&trace.bytes(position + 1)[8..16], b"abc\0\0\0\0\0");
    let pen = trace.ring().begin(&writer(1), &Module::default(), [200, 0, 0, 0], 0).unwrap();
    pen.done();
    assert_eq!(trace.records().len(), 2, "what was not put has its slots all the same");
}

#[test]
fn an_open_record_is_completed_once() {
    let trace = Trace::new(8);
    let ring = trace.ring();
    let body = Create { flags: 17, call: 3, ..Create::default() };
    let position = ring.begin(&writer(1), &body, [0; STRINGS], 0).unwrap().open();
    assert_eq!(trace.owner(position).state(), State::Open);
    assert!(ring.complete(position, |create: &mut Create| create.child = 99));
    assert!(!ring.complete(position, |create: &mut Create| create.child = 1));
    let bytes = trace.bytes(position);
    let body = Create::from_bytes(bytes[32..112].try_into().unwrap());
    assert_eq!((body.flags, body.call, body.child), (17, 3, 99));
    assert!(!ring.complete(5, |_: &mut Create| {}), "nothing is open there");
    assert!(!ring.complete(u64::MAX, |_: &mut Create| {}));
}

#[test]
fn a_record_of_origin_0_is_its_own() {
    let trace = Trace::new(8);
    trace.ring().claim(1, 2).unwrap();
    let own = Writer { origin: 0, ..writer(1) };
    let position = trace.ring().begin(&own, &Image::default(), [0; STRINGS], 0).unwrap().done();
    assert_eq!(u64_at(&trace.bytes(position), 24), 3);
}

#[test]
fn what_does_not_fit_is_counted_and_stops_nobody() {
    let trace = Trace::new(8);
    let ring = trace.ring();
    assert_eq!(ring.claim(1, 5), Ok(0));
    assert_eq!(ring.claim(1, 4), Err(DropReason::Full));
    assert_eq!(ring.claim(1, 3), Ok(5));
    assert_eq!(ring.claim(1, 1), Err(DropReason::Full));
    assert_eq!(ring.claim(1, 9), Err(DropReason::TooLarge));
    assert_eq!(ring.claim(1, 0), Err(DropReason::TooLarge), "more than a record may have");
    assert_eq!((trace.dropped(DropReason::Full), trace.dropped(DropReason::TooLarge)), (2, 2));
    assert_eq!(trace.header().tail.load(Relaxed), 8);
}

#[test]
fn a_ring_goes_round() {
    let trace = Trace::new(8);
    let ring = trace.ring();
    for round in 0..40_000u64 {
        let position = ring.claim(3, 3).unwrap();
        assert_eq!(position, round * 3);
        // Left open by a dead owner, or not: the slots come free all the same.
        trace.free(position + 3);
    }
    assert_eq!(trace.dropped(DropReason::Full), 0);
    assert!(trace.header().tail.load(Relaxed) / 8 > 1 << 13, "laps enough");
}

#[test]
fn a_writer_that_died_before_the_tail_moved_is_helped() {
    let trace = Trace::new(16);
    let dead = Owner::new(State::Open, 4711, 3, 0, 16);
    trace.slots()[0].owner.store(dead.0, Relaxed);
    assert_eq!(trace.ring().claim(1, 2), Ok(3));
    assert_eq!(trace.owner(0), dead, "what it left is there to be seen");
    assert_eq!(trace.header().tail.load(Relaxed), 5);
}

#[test]
fn a_broken_trace_ends_the_search() {
    let trace = Trace::new(8);
    let of_another_lap = Owner::new(State::Done, 1, 1, 8, 8).0;
    let without_slots = Owner::new(State::Open, 1, 0, 0, 8).0;
    for word in [u64::MAX, Owner::new(State::More, 1, 0, 0, 8).0, without_slots, of_another_lap] {
        trace.slots()[0].owner.store(word, Relaxed);
        assert_eq!(trace.ring().claim(1, 1), Err(DropReason::Busy));
    }
    trace.header().tail.store(u64::MAX, Relaxed);
    assert!(trace.ring().claim(1, 1).is_err());
    trace.header().head.store(u64::MAX, Relaxed);
    assert!(trace.ring().claim(1, 1).is_err() || trace.header().tail.load(Relaxed) == 0);
}

#[test]
fn writers_do_not_meet() {
    const THREADS: u32 = 8;
    const EACH: u32 = 2_000;
    let trace = Trace::new(1 << 16);
    std::thread::scope(|scope| {
        for tid in 1..=THREADS {
            let ring = trace.ring();
            scope.spawn(move || {
                for i in 0..EACH {
                    let text = vec![tid as u8; (i % 300) as usize];
                    write(&ring, tid, [&text, b"", b"", b""]).unwrap();
                }
            });
        }
    });
    let mut counts = [0; THREADS as usize + 1];
    for (position, owner) in trace.records() {
        counts[owner.tid() as usize] += 1;
        let length = u32_at(&trace.bytes(position), 112) as usize;
        let slots = 1..u64::from(owner.slots());
        let text: Vec<u8> = slots.flat_map(|i| trace.bytes(position + i)[8..].to_vec()).collect();
        assert!(text[..length].iter().all(|&byte| u32::from(byte) == owner.tid()));
    }
    assert_eq!(counts[1..], [EACH; THREADS as usize]);
}

#[test]
fn a_full_ring_under_way_loses_nothing_that_it_does_not_count() {
    let trace = Trace::new(64);
    let written: u64 = std::thread::scope(|scope| {
        let writers: Vec<_> = (1..=4)
            .map(|tid| {
                let ring = trace.ring();
                scope.spawn(move || {
                    (0..20_000).filter(|_| write(&ring, tid, [b"some text"; 4]).is_ok()).count()
                        as u64
                })
            })
            .collect();
        let (mut seen, mut slots) = (0, 0);
        while !writers.iter().all(|writer| writer.is_finished())
            || slots < trace.header().tail.load(Relaxed)
        {
            while slots < trace.header().tail.load(Relaxed)
                && trace.owner(slots).state() == State::Done
            {
                let owner = trace.owner(slots);
                slots += u64::from(owner.slots());
                seen += 1;
                trace.free(slots);
            }
        }
        let written: u64 = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
        assert_eq!(seen, written);
        written
    });
    assert_eq!(written + trace.dropped(DropReason::Full) + trace.dropped(DropReason::Busy), 80_000);
}
