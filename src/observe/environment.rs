// SPDX-License-Identifier: MIT OR Apache-2.0
//! The environment that a program is executed with, so that it is traced as well.
//!
//! What was taken out of it, or never put in (`env -i`, execle()), is put back: LD_PRELOAD, in
//! front of what is there, and CLONE3_TRACE. With CLONE3_TRACE_KEEP_ENV=0 it stays as it is.
//! And CLONE3_TRACE_EXEC tells the program which record it comes from; it takes that out of
//! its environment at its start.

use super::foreign::Reader;
use crate::base::text::Buffer;
use crate::host::environment;
use crate::uapi::exec::Strings;
use crate::uapi::pages;
use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char, c_void};
use core::ptr::{null, null_mut};

/// The variable by which a program knows the record of its exec, with its equals sign.
pub const EXEC: &[u8] = b"CLONE3_TRACE_EXEC=";
const TRACE: &[u8] = b"CLONE3_TRACE=";
const PRELOAD: &[u8] = b"LD_PRELOAD=";
const KEEP: &[u8] = b"CLONE3_TRACE_KEEP_ENV=";

/// What is put back, as it was when this program began.
struct Kept {
    trace: Buffer<4128>,
    preload: Buffer<4128>,
    /// An environment without them stays as it is.
    is_left: bool,
}

/// Written once, before there are other threads.
struct Place(UnsafeCell<Kept>);

// SAFETY: written in `remember` only, which is called when the library is loaded.
unsafe impl Sync for Place {}

static KEPT: Place =
    Place(UnsafeCell::new(Kept { trace: Buffer::new(), preload: Buffer::new(), is_left: false }));

fn kept() -> &'static Kept {
    // SAFETY: not written any more.
    unsafe { &*KEPT.0.get() }
}

/// Remembers the trace's path, which is made one that leads there from any directory, and by
/// which element of LD_PRELOAD this library was loaded.
///
/// # Safety
/// Before any other function here, and once.
pub unsafe fn remember(path: &CStr, directory: &[u8]) {
    // SAFETY: by the contract nobody reads it yet.
    let kept = unsafe { &mut *KEPT.0.get() };
    kept.trace.push(TRACE);
    if !path.to_bytes().starts_with(b"/") {
        kept.trace.push(directory).push(b"/");
    }
    kept.trace.push(path.to_bytes());
    kept.is_left = environment::own(KEEP).is_some_and(|value| value.to_bytes() == b"0");
    if let Some(list) = environment::own(PRELOAD) {
        let mut elements = list.to_bytes().split(|byte| b": ".contains(byte));
        if let Some(element) = elements.find(|element| is_ours(element)) {
            kept.preload.push(PRELOAD).push(element);
        }
    }
    environment::replace(TRACE, self::kept().trace.c_str());
}

fn is_ours(element: &[u8]) -> bool {
    element.windows(b"libclone3".len()).any(|part| part == b"libclone3")
}

const DIGITS: usize = 20; // of the largest position
const ROOM: usize = 160;

/// Where an environment of the usual size is put together.
pub struct Room {
    array: [*const c_char; ROOM],
    exec: [u8; EXEC.len() + DIGITS + 1],
}

impl Room {
    /// With nothing in it.
    pub const fn new() -> Room {
        Room { array: [null(); ROOM], exec: [0; EXEC.len() + DIGITS + 1] }
    }
}

/// An environment to be executed with.
pub struct Environment {
    strings: Strings,
    /// The text behind [`EXEC`]; null where it is as it was given.
    digits: *mut u8,
    /// Whether something was put back.
    pub is_restored: bool,
    mapped: (*mut c_void, usize),
}

/// What is found in an environment.
#[derive(Clone, Copy)]
struct Found {
    count: usize,
    has_trace: bool,
    preload: *const c_char,
    is_preloaded: bool,
}

impl Environment {
    /// What the program gave, with what is missing. As it was given where there is no trace,
    /// or no memory. The room must stay as it is for as long as it is used.
    pub fn of(given: Strings, room: &mut Room) -> Environment {
        let mut reader = Reader::new();
        let as_given = Environment {
            strings: given,
            digits: null_mut(),
            is_restored: false,
            mapped: (null_mut(), 0),
        };
        let Some(found) = look(given, &mut reader) else { return as_given };
        let kept = kept();
        let wants_preload = !kept.preload.bytes().is_empty() && !found.is_preloaded;
        if kept.is_left && (wants_preload || !found.has_trace) {
            return as_given;
        }
        let joins = wants_preload && !found.preload.is_null();
        let (list, _) =
            if joins { reader.string(found.preload, 1 << 20) } else { (&b""[..], false) };
        let words = found.count + 4;
        let text = if joins { kept.preload.bytes().len() + list.len() + 2 } else { 0 };
        let bytes = words * size_of::<usize>() + text;
        let mapped = if words > ROOM || joins {
            match pages::map_pages(bytes) {
                Ok(memory) => (memory, bytes),
                Err(_) => return as_given,
            }
        } else {
            (null_mut(), 0)
        };
        let array = if mapped.0.is_null() { room.array.as_mut_ptr() } else { mapped.0.cast() };
        let mut to = array;
        // SAFETY: there is room for all strings that were found, three more, and the end.
        let mut put = |string: *const c_char| unsafe {
            to.write(string);
            to = to.add(1);
        };
        if joins {
            // SAFETY: behind the array there is room for it.
            put(unsafe { join(array.add(words).cast(), kept.preload.bytes(), list) });
        } else if wants_preload {
            put(kept.preload.c_str().as_ptr());
        }
        if !found.has_trace {
            put(kept.trace.c_str().as_ptr());
        }
        for (place, &byte) in room.exec.iter_mut().zip(EXEC) {
            *place = byte;
        }
        put(room.exec.as_ptr().cast());
        for index in 0..found.count {
            let Some(string) = reader.element(given, index) else { break };
            let is_old = starts(&mut reader, string, EXEC) || joins && string == found.preload;
            if !is_old {
                put(string);
            }
        }
        put(null());
        let digits = room.exec.as_mut_ptr().wrapping_add(EXEC.len());
        let is_restored = wants_preload || !found.has_trace;
        Environment { strings: array, digits, is_restored, mapped }
    }

    /// As exec takes it.
    pub fn strings(&self) -> Strings {
        self.strings
    }

    /// Says which record it is for, by position + 1.
    pub fn name(&self, record: u64) {
        let mut left = record;
        if self.digits.is_null() {
            return;
        }
        for index in (0..DIGITS).rev() {
            // SAFETY: in the room, which is still there.
            unsafe { self.digits.add(index).write(b'0' + (left % 10) as u8) };
            left /= 10;
        }
    }

    /// Gives the memory back that it takes.
    pub fn release(self) {
        if !self.mapped.0.is_null() {
            // SAFETY: mapped for it, and used no more.
            unsafe { pages::unmap_pages(self.mapped.0, self.mapped.1) };
        }
    }
}

/// None where something cannot be read, which is the kernel's to say.
fn look(given: Strings, reader: &mut Reader) -> Option<Found> {
    const MOST: usize = 1 << 16;
    let ours = kept().preload.bytes().get(PRELOAD.len()..).unwrap_or_default();
    let mut found = Found { count: 0, has_trace: false, preload: null(), is_preloaded: false };
    while let Some(string) = reader.element(given, found.count) {
        if found.count == MOST || !reader.can_read(string.addr()) {
            return None;
        }
        found.has_trace |= starts(reader, string, TRACE);
        if found.preload.is_null() && starts(reader, string, PRELOAD) {
            let (list, is_cut) = reader.string(string, 1 << 20);
            let mut elements = list.split(|byte| b"=: ".contains(byte));
            found.preload = string;
            found.is_preloaded = elements.any(|element| element == ours);
            if is_cut {
                return None;
            }
        }
        found.count += 1;
    }
    Some(found)
}

/// Whether a string begins so.
fn starts(reader: &mut Reader, string: *const c_char, with: &[u8]) -> bool {
    reader.string(string, with.len()).0 == with
}

/// Writes `first`, and behind a colon what `second` has behind the name and equals sign.
///
/// # Safety
/// There must be room for both, a colon and a NUL.
unsafe fn join(place: *mut u8, first: &[u8], second: &[u8]) -> *const c_char {
    let parts = [first, b":", second.get(PRELOAD.len()..).unwrap_or_default()];
    let mut to = place;
    for part in parts {
        // SAFETY: by the contract.
        unsafe {
            to.copy_from_nonoverlapping(part.as_ptr(), part.len());
            to = to.add(part.len());
        }
    }
    // SAFETY: by the contract.
    unsafe { to.write(0) };
    place.cast()
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn what_is_missing_is_put_back() {
        // SAFETY: the only test that does; the others here do not look.
        unsafe {
            let kept = &mut *KEPT.0.get();
            kept.trace.push(b"CLONE3_TRACE=/t");
            kept.preload.push(b"LD_PRELOAD=/l/libclone3.so");
        }
        let mut room = Room::new();
        let made = |strings: &[&CStr], room: &mut Room| {
            let given = given(strings);
            let environment = Environment::of(given.as_ptr(), room);
            environment.name(42);
            let texts = (texts(&environment), environment.is_restored);
            environment.release();
            texts
        };
        let exec = "CLONE3_TRACE_EXEC=00000000000000000042";
        let (preload, trace) = ("LD_PRELOAD=/l/libclone3.so", "CLONE3_TRACE=/t");
        assert_eq!(made(&[], &mut room).0, [preload, trace, exec]);
        let (all, is_restored) = made(&[c"A=1", c"LD_PRELOAD=/x.so:/y.so", c"B="], &mut room);
        assert_eq!(all, ["LD_PRELOAD=/l/libclone3.so:/x.so:/y.so", trace, exec, "A=1", "B="]);
        assert!(is_restored);
        let whole =
            [c"CLONE3_TRACE=/t", c"CLONE3_TRACE_EXEC=7", c"LD_PRELOAD=/x.so /l/libclone3.so"];
        let (all, is_restored) = made(&whole, &mut room);
        assert_eq!(all, [exec, trace, "LD_PRELOAD=/x.so /l/libclone3.so"]);
        assert!(!is_restored, "all was there");
        let many = [c"A=1"; 1000];
        assert_eq!(made(&many, &mut room).0.len(), 1003);
        let empty = Environment::of(null(), &mut room);
        assert_eq!(texts(&empty).len(), 3, "null is empty to the kernel");
        let bad = [core::ptr::without_provenance::<c_char>(8), null()];
        let as_given = Environment::of(bad.as_ptr(), &mut room);
        assert_eq!(as_given.strings(), bad.as_ptr(), "the kernel says EFAULT");
    }
}
