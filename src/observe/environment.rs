// SPDX-License-Identifier: MIT OR Apache-2.0
//! The environment that a program is executed with, so that it is traced as well.
//!
//! What was taken out of it, or never put in (`env -i`, execle()), is put back: LD_PRELOAD, in
//! front of what is there, and CLONE3_TRACE. With CLONE3_TRACE_KEEP_ENV=0 it stays as it is.
//! And CLONE3_TRACE_EXEC tells the program which record it comes from; it takes that out of
//! its environment at its start. A program with another CLONE3_TRACE, or an empty one, is not
//! told: the record would be one of another trace.
//!
//! What is added comes last, as setenv() adds it. In the place of TRACEPARENT comes another
//! one, where the trace asks for it (`context`).

use super::array::Array;
use super::context::{self, Given, Passed};
use super::foreign::Reader;
use crate::base::text::Buffer;
use crate::host::environment;
use crate::uapi::exec::Strings;
use clone3_trace::TRACEPARENT;
use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char};
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
    // SAFETY: by the contract it is not read yet.
    let kept = unsafe { &mut *KEPT.0.get() };
    let is_relative = !path.to_bytes().starts_with(b"/");
    kept.trace.push(TRACE);
    // If the directory is unknown the path stays relative.
    if is_relative && !directory.is_empty() {
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
    // SAFETY: here, once.
    unsafe { context::remember(environment::own(TRACEPARENT)) };
    if is_relative {
        environment::replace(TRACE, self::kept().trace.c_str());
    }
}

/// By the file's name: a directory may be called so, too.
fn is_ours(element: &[u8]) -> bool {
    let name = element.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    name.starts_with(b"libclone3")
}

const DIGITS: usize = 20; // of the largest position
const ROOM: usize = 160;

/// Where an environment of the usual size is put together.
pub struct Room {
    array: [*const c_char; ROOM],
    exec: [u8; EXEC.len() + DIGITS + 1],
    context: Passed,
}

impl Room {
    /// With nothing in it.
    pub const fn new() -> Room {
        let exec = [0; EXEC.len() + DIGITS + 1];
        Room { array: [null(); ROOM], exec, context: Passed::new() }
    }
}

/// An environment to be executed with.
pub struct Environment {
    strings: Strings,
    /// The text behind [`EXEC`]; null where that is not in it.
    digits: *mut u8,
    /// TRACEPARENT as the program is given it; null where that is as it was.
    passed: *mut Passed,
    /// TRACEPARENT as it was, where it is not what this program was given itself.
    given: *const c_char,
    /// Whether something was put back.
    pub is_restored: bool,
    /// Whether it is another one than the program gave.
    pub is_changed: bool,
    array: Option<Array>,
}

/// What is found in an environment.
#[derive(Clone, Copy)]
struct Found {
    count: usize,
    has_trace: bool,
    /// Whether the program will write where this one does.
    is_kept_trace: bool,
    preload: *const c_char,
    is_preloaded: bool,
    context: Given,
}

/// What is to be changed.
struct Change {
    adds_preload: bool,
    adds_trace: bool,
    adds_exec: bool,
}

impl Change {
    fn of(found: &Found) -> Change {
        let has_preload = kept().preload.bytes().is_empty() || found.is_preloaded;
        let change = Change {
            adds_preload: !has_preload,
            adds_trace: !found.has_trace,
            adds_exec: found.is_kept_trace || !found.has_trace,
        };
        // What is left out on purpose is not told of the record either.
        let is_left = kept().is_left && change.restores();
        Change {
            adds_preload: change.adds_preload && !is_left,
            adds_trace: change.adds_trace && !is_left,
            adds_exec: change.adds_exec && !is_left,
        }
    }

    fn restores(&self) -> bool {
        self.adds_preload || self.adds_trace
    }
}

impl Environment {
    /// As the program gave it.
    pub fn as_given(given: Strings) -> Environment {
        Environment {
            strings: given,
            digits: null_mut(),
            passed: null_mut(),
            given: null(),
            is_restored: false,
            is_changed: false,
            array: None,
        }
    }

    /// What the program gave, with what is missing. As it was given where there is no trace,
    /// or no memory. The room must stay as it is for as long as it is used.
    pub fn of(given: Strings, room: &mut Room) -> Environment {
        let mut reader = Reader::new();
        let Some(found) = look(given, &mut reader) else { return Environment::as_given(given) };
        let change = Change::of(&found);
        let context = found.context.passed(change.adds_trace);
        if !change.restores() && !change.adds_exec && context.is_none() {
            return Environment::as_given(given);
        }
        let joins = change.adds_preload && !found.preload.is_null();
        let (list, _) =
            if joins { reader.string(found.preload, 1 << 20) } else { (&b""[..], false) };
        let words = found.count + 5;
        let text = if joins { kept().preload.bytes().len() + list.len() + 2 } else { 0 };
        let array = if words > ROOM || joins {
            match Array::map(words * size_of::<usize>() + text) {
                Ok(array) => Some(array),
                Err(_) => return Environment::as_given(given),
            }
        } else {
            None
        };
        let strings = array.as_ref().map_or(room.array.as_mut_ptr(), |array| array.start().cast());
        let joined = match joins {
            // SAFETY: behind the array there is room for it.
            true => unsafe { join(strings.add(words).cast(), kept().preload.bytes(), list) },
            false => null(),
        };
        let mut to = strings;
        // SAFETY: there is room for all strings that were found, four more, and the end.
        let mut put = |string: *const c_char| unsafe {
            to.write(string);
            to = to.add(1);
        };
        for index in 0..found.count {
            let Some(string) = reader.element(given, index) else { break };
            if joins && string == found.preload {
                put(joined);
            } else if context.is_some() && found.context.is_at(string) {
                put(room.context.string());
            } else if !starts(&mut reader, string, EXEC) {
                put(string);
            }
        }
        if change.adds_preload && !joins {
            put(kept().preload.c_str().as_ptr());
        }
        if change.adds_trace {
            put(kept().trace.c_str().as_ptr());
        }
        let mut digits = null_mut();
        if change.adds_exec {
            for (place, &byte) in room.exec.iter_mut().zip(EXEC) {
                *place = byte;
            }
            digits = room.exec.as_mut_ptr().wrapping_add(EXEC.len());
            put(room.exec.as_ptr().cast());
        }
        let mut passed = null_mut();
        if let Some(context) = context {
            room.context.fill(&context);
            passed = &raw mut room.context;
            if !found.context.is_there() {
                put(room.context.string());
            }
        }
        put(null());
        let (is_restored, given) = (change.restores(), found.context.other());
        Environment { strings, digits, passed, given, is_restored, is_changed: true, array }
    }

    /// TRACEPARENT as the program had it, if it is another one than this program was given
    /// itself: with its name.
    pub fn given_context(&self) -> &[u8] {
        // SAFETY: null, or a string that was read when this was made, and has a context in it.
        unsafe { context::text(self.given) }
    }

    /// As exec takes it.
    pub fn strings(&self) -> Strings {
        self.strings
    }

    /// Says which record it is for, by position + 1.
    pub fn name(&self, record: u64) {
        // SAFETY: null, or in the room, which is still there.
        if let Some(passed) = unsafe { self.passed.as_mut() } {
            passed.name(record);
        }
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
        if let Some(array) = self.array {
            // SAFETY: no exec takes it any more.
            unsafe { array.release() };
        }
    }
}

/// None where something cannot be read, which is the kernel's to say.
fn look(given: Strings, reader: &mut Reader) -> Option<Found> {
    const MOST: usize = 1 << 16;
    let ours = kept().preload.bytes().get(PRELOAD.len()..).unwrap_or_default();
    let trace = kept().trace.bytes();
    let mut found = Found {
        count: 0,
        has_trace: false,
        is_kept_trace: false,
        preload: null(),
        is_preloaded: false,
        context: Given::NONE,
    };
    while let Some(string) = reader.element(given, found.count) {
        if found.count == MOST || !reader.can_read(string.addr()) {
            return None;
        }
        // The first one counts, as in getenv().
        if !found.has_trace && starts(reader, string, TRACE) {
            found.has_trace = true;
            found.is_kept_trace = reader.string(string, trace.len()) == (trace, false);
        }
        if found.preload.is_null() && starts(reader, string, PRELOAD) {
            let (list, is_cut) = reader.string(string, 1 << 20);
            let mut elements = list.split(|byte| b"=: ".contains(byte));
            found.preload = string;
            found.is_preloaded = elements.any(|element| element == ours);
            if is_cut {
                return None;
            }
        }
        found.context.look(reader, string);
        found.count += 1;
    }
    (given.is_null() || reader.ends_at(given, found.count)).then_some(found)
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
#[path = "environment_tests.rs"]
mod tests;
