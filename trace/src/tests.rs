// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::*;

#[test]
fn an_owner_is_what_it_was_made_of() {
    let owner = Owner::new(State::Open, 4_194_304, 2185, 32768 * 16385 + 7, 32768);
    assert_eq!(owner.state(), State::Open);
    assert_eq!((owner.tid(), owner.slots(), owner.lap()), (4_194_304, 2185, 1));
    assert_eq!(owner.with(State::Done).state(), State::Done);
    assert_eq!(owner.with(State::Done).tid(), owner.tid());
    assert_eq!(owner.in_first_lap(), Owner::new(State::Open, 4_194_304, 2185, 7, 32768));
    assert_eq!(Owner::free(0, 32768).0, 0, "a new file of zeroes is free");
    assert_ne!(Owner::free(32768, 32768), Owner::free(0, 32768));
    assert_eq!(Owner::new(State::Free, 0, 0, 1, 0), Owner(0), "no capacity is no division by it");
}

#[test]
fn strings_take_slots() {
    assert_eq!(slots_for(0), Some(1));
    assert_eq!(slots_for(1), Some(2));
    assert_eq!(slots_for(MORE_BYTES), Some(2));
    assert_eq!(slots_for(MORE_BYTES + 1), Some(3));
    assert_eq!(slots_for(65534 * MORE_BYTES), Some(65535));
    assert_eq!(slots_for(65534 * MORE_BYTES + 1), None);
}

#[test]
fn a_body_is_read_as_it_was_written() {
    let written = Create {
        end_ns: 1,
        flags: u64::MAX,
        child: -1,
        call: 5,
        exit_signal: 17,
        ..Create::default()
    };
    assert_eq!(Create::from_bytes(&written.to_bytes()), written);
    assert_eq!(Exec::from_bytes(&[0xff; BODY]).errno, -1);
}

#[test]
fn numbers_have_one_name_each() {
    for call in Call::ALL {
        assert_eq!(Call::of(*call as u8), Some(*call));
    }
    assert_eq!(Call::of(255), None);
    let names: std::collections::BTreeSet<_> = Call::ALL.iter().map(|call| call.name()).collect();
    assert_eq!(names.len(), Call::ALL.len());
}

#[test]
fn the_header_describes_all_fields() {
    let mut place = [0; FIELDS_SIZE];
    describe(&mut place);
    let text = std::str::from_utf8(&place).unwrap().trim_end_matches('\0');
    assert_eq!(text.lines().count(), FIELDS.len(), "there is room for all");
    assert_eq!(text.lines().next(), Some("create.end_ns 032 u64 ns"));
    assert!(FIELDS_SIZE - text.len() > 500, "and for more");
}

#[test]
fn a_context_is_read_as_it_is_written() {
    let text = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let context = Context::of(text).unwrap();
    assert_eq!((context.parent, context.flags), (0xb7ad_6b71_6920_3331, *b"01"));
    assert_eq!(&context.value(), text);
    let other = Context { parent: 0x0123_4567_89ab_cdef, ..context };
    assert_eq!(&other.value()[PARENT_AT..][..16], b"0123456789abcdef");
    assert_eq!(Context::of(&other.value()), Some(other));
}

#[test]
fn what_is_no_context_is_none() {
    let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let later = good.replacen("00", "cc", 1);
    for good in [good, &later, &format!("{later}-more")] {
        assert!(Context::of(good.as_bytes()).is_some(), "{good}");
    }
    for bad in [
        "",
        &good[..54],
        &format!("{good}-more"),
        &format!("{later}."),
        &good.replacen("00", "ff", 1),
        &good.replace("0af7", "0AF7"),
        &good.replace("b7ad6b7169203331", "0000000000000000"),
        &good.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
        &good.replace('-', "_"),
    ] {
        assert_eq!(Context::of(bad.as_bytes()), None, "{bad}");
    }
}

#[test]
fn spans_are_different_ones_in_a_run_and_in_others() {
    let runs = [(1, 1), (1, 2), (2, 1), (1_700_000_000_000_000_000, 5)];
    let runs = runs.map(|(realtime, monotonic)| Spans::new(realtime, monotonic));
    let all = runs.iter().flat_map(|run| (1..1000).map(|record| run.of(record)));
    let all: std::collections::BTreeSet<_> = all.collect();
    assert_eq!(all.len(), 4 * 999);
    assert!(!all.contains(&0));
    assert_ne!(runs[0].trace(), runs[1].trace());
    assert_eq!(hex(0xa0_0000_0000_000f), *b"00a000000000000f");
}
