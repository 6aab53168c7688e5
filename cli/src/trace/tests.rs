// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;
use crate::writer::{self, By, Writer, argv};
use clone3_trace::{Call, Create, Exec, Exit, HEADER_SIZE, Owner, SLOT_SIZE, State};
use proptest::prelude::*;

fn records(bytes: &[u8]) -> (Vec<Record>, u64) {
    let mut reader = Reader::new(bytes).unwrap();
    let records = std::iter::from_fn(|| reader.next()).collect();
    (records, reader.damaged)
}

fn small() -> Writer {
    let mut writer = Writer::new();
    let by = By { pid: 7, origin: 0, ns: 5 };
    writer.done(by, Create { child: 8, call: Call::Fork as u8, ..Create::default() }, &[]);
    let words = argv(&["ls", "-l", &"x".repeat(300)]);
    writer.open(
        by,
        Exec { call: Call::Execve as u8, ..Exec::default() },
        &[b"/bin/ls", &words, b"/tmp"],
    );
    writer.done(by, Exit { status: 3, ..Exit::default() }, &[]);
    writer
}

#[test]
fn what_was_written_is_read_in_its_order() {
    let (records, damaged) = records(&small().bytes());
    assert_eq!(damaged, 0);
    let [create, exec, exit] = &records[..] else { panic!("{records:?}") };
    assert!(matches!(create.body, Body::Create(Create { child: 8, .. })));
    assert_eq!((create.pid, create.begun_ns - writer::START, create.name()), (7, 5, 1));
    assert!(exec.open && !exit.open);
    assert_eq!(exec.strings[0].bytes, b"/bin/ls");
    assert_eq!(exec.words(1), [&b"ls"[..], b"-l", "x".repeat(300).as_bytes()]);
    assert_eq!((exec.strings[2].bytes.as_slice(), exec.strings[2].cut), (&b"/tmp"[..], false));
    assert!(matches!(exit.body, Body::Exit(Exit { status: 3, .. })));
}

#[test]
fn a_file_that_is_cut_off_gives_what_is_whole() {
    let bytes = small().bytes();
    let (cut, _) = records(&bytes[..HEADER_SIZE + 3 * SLOT_SIZE]);
    assert_eq!(cut.len(), 2);
    assert!(cut[1].strings[1].cut && !cut[1].strings[0].cut);
    assert!(Reader::new(&bytes[..300]).is_err());
    assert!(Reader::new(&b""[..]).is_err());
}

#[test]
fn slots_of_another_lap_are_no_records() {
    let mut bytes = small().bytes();
    let other = Owner::new(State::Done, 7, 1, 1 << 16, 1 << 16);
    bytes[HEADER_SIZE..HEADER_SIZE + 8].copy_from_slice(&other.0.to_ne_bytes());
    let (records, damaged) = records(&bytes);
    assert_eq!((records.len(), damaged), (2, 1));
}

#[test]
fn a_record_behind_the_tail_is_found() {
    let mut bytes = small().bytes();
    let tail = std::mem::offset_of!(clone3_trace::Header, tail);
    bytes[tail..tail + 8].copy_from_slice(&1u64.to_ne_bytes());
    assert_eq!(records(&bytes).0.len(), 3);
}

#[test]
fn a_tail_beyond_all_is_no_endless_search() {
    let mut bytes = small().bytes();
    let tail = std::mem::offset_of!(clone3_trace::Header, tail);
    bytes[tail..tail + 8].copy_from_slice(&u64::MAX.to_ne_bytes());
    assert_eq!(records(&bytes).0.len(), 3);
}

proptest! {
    #[test]
    fn any_change_of_a_trace_is_read_without_a_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
        length in any::<prop::sample::Index>(),
    ) {
        let mut bytes = small().bytes();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes.truncate(length.index(bytes.len() + 1));
        if let Ok(mut reader) = Reader::new(&bytes[..]) {
            let mut positions = Vec::new();
            while let Some(record) = reader.next() {
                positions.push(record.position);
                let text: usize = record.strings.iter().map(|text| text.bytes.len()).sum();
                prop_assert!(text < bytes.len(), "strings are no longer than the file");
            }
            prop_assert!(positions.is_sorted_by(|a, b| a < b));
            prop_assert!(positions.len() <= bytes.len() / SLOT_SIZE);
        }
    }

    #[test]
    fn any_words_in_a_header_and_any_slots_are_read_without_a_panic(
        words in prop::collection::vec(prop_oneof![any::<u64>(), 0..100u64, u64::MAX - 100..], 60),
        slots in prop::collection::vec(any::<u8>(), 0..4000),
    ) {
        let mut bytes = small().bytes();
        for (place, word) in words.into_iter().enumerate() {
            // What says that it is a trace stays.
            let at = 24 + 8 * place;
            bytes[at..at + 8].copy_from_slice(&word.to_ne_bytes());
        }
        bytes.truncate(HEADER_SIZE);
        bytes.extend(slots);
        if let Ok(mut reader) = Reader::new(&bytes[..]) {
            let most = bytes.len() / SLOT_SIZE;
            prop_assert!(std::iter::from_fn(|| reader.next()).take(most + 1).count() <= most);
        }
    }
}
