// SPDX-License-Identifier: MIT OR Apache-2.0

use super::begin::Begin;
use super::drain::Drain;
use super::output::Output;
use super::shared::Shared;
use crate::trace::{Body, Reader, Record};
use clone3_trace::{Create, Exec, Image, SLOT_SIZE, Start, Writer};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::*};
use std::thread;
use std::time::Duration;

fn read(file: &Path) -> (Vec<Record>, Reader<std::fs::File>) {
    let mut reader = Reader::new(std::fs::File::open(file).unwrap()).unwrap();
    let records = std::iter::from_fn(|| reader.next()).collect();
    (records, reader)
}

fn by(pid: u32) -> Writer {
    Writer { tid: pid, pid, origin: 0, time: 1 }
}

/// A ring of a MiB, and its way into a file.
fn set_up(place: &tempfile::TempDir) -> (Shared, std::path::PathBuf) {
    (Shared::create(1, &Begin::now(0)).unwrap(), place.path().join("trace"))
}

#[test]
fn many_laps_by_several_writers_reach_the_file_whole() {
    let place = tempfile::tempdir().unwrap();
    let (ring, file) = set_up(&place);
    let ended = AtomicBool::new(false);
    let mut drain = Drain::new(&ring, Output::create(&file, &Begin::now(0)).unwrap());
    const EACH: u64 = 20_000;
    let lost = thread::scope(|scope| {
        let writers: Vec<_> = (1..=3u32)
            .map(|pid| {
                let ring = ring.ring().unwrap();
                scope.spawn(move || {
                    let mut lost = 0;
                    for number in 0..EACH {
                        let text = vec![b'x'; (number % 300) as usize];
                        let start = Start { parent_origin: number };
                        match ring.begin(&by(pid), &start, [text.len() as u32, 0, 0, 0], 0) {
                            Ok(mut pen) => {
                                pen.put(&text);
                                pen.done();
                            }
                            Err(_) => {
                                lost += 1;
                                thread::yield_now();
                            }
                        }
                    }
                    lost
                })
            })
            .collect();
        let drained = scope.spawn(|| drain.until(&ended, |_| ()));
        let lost: u64 = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
        ended.store(true, Release);
        drained.join().unwrap().unwrap();
        lost
    });
    drain.finish().unwrap();
    let (records, reader) = read(&file);
    assert_eq!(records.len() as u64 + lost, 3 * EACH);
    assert_eq!(reader.damaged, 0);
    let dropped: u64 = reader.header.dropped.iter().map(|(_, count)| count).sum();
    assert_eq!(dropped, lost, "what was lost is counted");
    let capacity = (1 << 20) / SLOT_SIZE as u64;
    assert!(records.last().unwrap().position > 3 * capacity, "the ring went round");
    assert!(reader.header.monotonic_end > reader.header.monotonic_start);
    let mut next = [0; 3];
    for record in &records {
        let Body::Start(start) = record.body else { panic!("{record:?}") };
        assert!(start.parent_origin >= next[record.pid as usize - 1], "each in its order");
        next[record.pid as usize - 1] = start.parent_origin + 1;
        assert_eq!(record.strings[0].bytes, vec![b'x'; (start.parent_origin % 300) as usize]);
    }
}

#[test]
fn an_open_record_keeps_its_slots_until_it_is_done_or_a_program_came_of_it() {
    let place = tempfile::tempdir().unwrap();
    let (shared, file) = set_up(&place);
    let ring = shared.ring().unwrap();
    let mut drain = Drain::new(&shared, Output::create(&file, &Begin::now(0)).unwrap());
    let head = || shared.header().head.load(Relaxed);
    let create = ring.begin(&by(1), &Create::default(), [0; 4], 0).unwrap().open();
    let exec = ring.begin(&by(2), &Exec::default(), [0; 4], 0).unwrap().open();
    let start = ring.begin(&by(3), &Start::default(), [0; 4], 0).unwrap().done();
    drain.look().unwrap();
    assert_eq!(head(), create);
    let (records, _) = read(&file);
    assert_eq!(records.iter().map(|record| record.open).collect::<Vec<_>>(), [true, true, false]);
    assert!(ring.complete(create, |create: &mut Create| create.child = 7));
    drain.look().unwrap();
    assert_eq!(head(), exec);
    let image = Image { exec: exec + 1, ..Image::default() };
    ring.begin(&by(2), &image, [0; 4], 0).unwrap().done();
    drain.look().unwrap();
    drain.look().unwrap();
    assert_eq!(head(), start + 2);
    assert!(!ring.complete(exec, |_: &mut Exec| panic!("it is not there any more")));
    drain.finish().unwrap();
    let (records, _) = read(&file);
    assert!(matches!(records[0].body, Body::Create(Create { child: 7, .. })) && !records[0].open);
    assert!(records[1].open && records.len() == 4);
}

#[test]
fn a_record_that_stays_open_does_not_stop_the_others_for_ever() {
    let place = tempfile::tempdir().unwrap();
    let (shared, file) = set_up(&place);
    let ring = shared.ring().unwrap();
    let mut drain = Drain::new(&shared, Output::create(&file, &Begin::now(0)).unwrap());
    drain.patience = Duration::MAX;
    ring.begin(&by(1), &Exec::default(), [0; 4], 0).unwrap().open();
    let half = (1 << 19) / SLOT_SIZE;
    for _ in 0..half {
        ring.begin(&by(3), &Start::default(), [0; 4], 0).unwrap().done();
    }
    drain.look().unwrap();
    assert_eq!(shared.header().head.load(Relaxed), 0);
    drain.patience = Duration::ZERO;
    drain.look().unwrap();
    assert_eq!(shared.header().head.load(Relaxed), half as u64 + 1);
    drain.finish().unwrap();
    assert!(read(&file).0[0].open);
}

#[test]
fn a_ring_that_was_overwritten_ends_the_trace_there() {
    let place = tempfile::tempdir().unwrap();
    let (shared, file) = set_up(&place);
    let ring = shared.ring().unwrap();
    let mut drain = Drain::new(&shared, Output::create(&file, &Begin::now(0)).unwrap());
    ring.begin(&by(1), &Start::default(), [0; 4], 0).unwrap().done();
    for word in [u64::MAX, 3 << 48, 2 << 48] {
        shared.slots()[1].owner.store(word, Relaxed);
        drain.look().unwrap();
    }
    drain.finish().unwrap();
    assert_eq!(read(&file).0.len(), 1);
}

#[test]
fn the_rings_file_is_the_owners_and_goes_with_it() {
    use std::os::unix::fs::PermissionsExt;
    let ring = Shared::create(2, &Begin::now(0)).unwrap();
    let path = ring.path().to_owned();
    let about = std::fs::metadata(&path).unwrap();
    assert_eq!(about.permissions().mode() & 0o777, 0o600);
    assert!(std::os::unix::fs::MetadataExt::blocks(&about) * 512 >= 2 << 20, "it has its memory");
    drop(ring);
    assert!(!path.exists());
}
