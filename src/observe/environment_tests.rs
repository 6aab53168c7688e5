// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;

fn texts(environment: &Environment) -> Vec<String> {
    let mut texts = Vec::new();
    let mut at = environment.strings();
    // SAFETY: an array of strings.
    unsafe {
        while !at.read().is_null() {
            texts.push(CStr::from_ptr(at.read()).to_str().unwrap().to_string());
            at = at.add(1);
        }
    }
    texts
}

fn given(strings: &[&CStr]) -> Vec<*const c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([null()]).collect()
}

const EXEC_42: &str = "CLONE3_TRACE_EXEC=00000000000000000042";
const PRELOAD: &str = "LD_PRELOAD=/l/libclone3.so";
const TRACE: &str = "CLONE3_TRACE=/t";

/// Fills what is kept, once for all tests.
fn remembered() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    // SAFETY: once, and all tests that look wait for it.
    ONCE.call_once(|| unsafe {
        let kept = &mut *KEPT.0.get();
        kept.trace.push(TRACE.as_bytes());
        kept.preload.push(PRELOAD.as_bytes());
    });
}

fn made(strings: &[&CStr]) -> (Vec<String>, bool) {
    remembered();
    let mut room = Room::new();
    let given = given(strings);
    let environment = Environment::of(given.as_ptr(), &mut room);
    environment.name(42);
    let made = (texts(&environment), environment.is_restored);
    environment.release();
    made
}

#[test]
fn what_is_missing_is_put_back_at_the_end() {
    assert_eq!(made(&[]), ([PRELOAD, TRACE, EXEC_42].map(String::from).to_vec(), true));
    let (all, is_restored) = made(&[c"A=1", c"LD_PRELOAD=/x.so:/y.so", c"B="]);
    assert_eq!(all, ["A=1", "LD_PRELOAD=/l/libclone3.so:/x.so:/y.so", "B=", TRACE, EXEC_42]);
    assert!(is_restored);
    assert_eq!(made(&[c"A=1"; 1000]).0.len(), 1003);
}

#[test]
fn what_is_there_stays_as_it_is() {
    let whole = [c"CLONE3_TRACE=/t", c"CLONE3_TRACE_EXEC=7", c"LD_PRELOAD=/x.so /l/libclone3.so"];
    let (all, is_restored) = made(&whole);
    assert_eq!(all, [TRACE, "LD_PRELOAD=/x.so /l/libclone3.so", EXEC_42]);
    assert!(!is_restored, "all was there");
    for other in [c"CLONE3_TRACE=/other", c"CLONE3_TRACE=/tt", c"CLONE3_TRACE="] {
        let (all, _) = made(&[other, c"LD_PRELOAD=/l/libclone3.so"]);
        assert_eq!(all, [other.to_str().unwrap(), PRELOAD], "it is not told of a record here");
    }
}

#[test]
fn what_the_kernel_refuses_it_is_given() {
    remembered();
    let mut room = Room::new();
    let empty = Environment::of(null(), &mut room);
    assert_eq!(texts(&empty).len(), 3, "null is empty to the kernel");
    let bad = core::ptr::without_provenance::<c_char>(8);
    for array in [vec![bad, null()], vec![c"A=1".as_ptr(), bad, null()]] {
        let environment = Environment::of(array.as_ptr(), &mut room);
        assert_eq!(environment.strings(), array.as_ptr());
        assert!(!environment.is_changed);
    }
    let unreadable = core::ptr::without_provenance(8);
    assert_eq!(Environment::of(unreadable, &mut room).strings(), unreadable);
}

#[test]
fn the_library_is_known_by_its_files_name() {
    assert!(is_ours(b"/l/libclone3.so.0") && is_ours(b"libclone3.so"));
    assert!(!is_ours(b"/opt/libclone3/lib/libother.so") && !is_ours(b""));
}
