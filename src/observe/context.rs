// SPDX-License-Identifier: MIT OR Apache-2.0
//! TRACEPARENT, by which programs that speak OpenTelemetry know where their spans belong
//! (W3C's Trace Context).
//!
//! Where the trace asks for it, each program is executed with another parent in it than the
//! program that executes it has: the span of the execution, whose number is made from its
//! record. Trace and flags stay. Where it was taken out with all else it is put back; where it
//! alone is missing, or makes no sense, that stays so.

use super::foreign::Reader;
use super::state;
use clone3_trace::{CONTEXT_SIZE, Context, PARENT_AT, PASSES_CONTEXT, TRACEPARENT, hex};
use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char};
use core::ptr::null;

/// Of the variable, with its name.
const SIZE: usize = TRACEPARENT.len() + CONTEXT_SIZE;

/// What this program was given.
struct Place(UnsafeCell<Option<Context>>);

// SAFETY: written in `remember` only, which is called when the library is loaded.
unsafe impl Sync for Place {}

static KEPT: Place = Place(UnsafeCell::new(None));

fn kept() -> Option<Context> {
    // SAFETY: not written any more.
    unsafe { *KEPT.0.get() }
}

/// Remembers what this program was given.
///
/// # Safety
/// Before any other function here, and once.
pub unsafe fn remember(value: Option<&CStr>) {
    // SAFETY: by the contract it is not read yet.
    unsafe { *KEPT.0.get() = value.and_then(|value| Context::of(value.to_bytes())) };
}

/// Whether programs are given another one.
fn is_passed() -> bool {
    state::asks_for(PASSES_CONTEXT)
}

/// The variable, as the next program is given it.
pub struct Passed([u8; SIZE + 1]);

impl Passed {
    /// With nothing in it.
    pub const fn new() -> Passed {
        Passed([0; SIZE + 1])
    }

    /// Where it is.
    pub fn string(&self) -> *const c_char {
        self.0.as_ptr().cast()
    }

    /// With this context, until it is known by which record the program comes to be.
    pub fn fill(&mut self, context: &Context) {
        self.put(0, TRACEPARENT);
        self.put(TRACEPARENT.len(), &context.value());
    }

    /// By the record with that position + 1; where there is none, what it is below is the span
    /// that it would be below without a trace.
    pub fn name(&mut self, record: u64) {
        if record != 0 {
            self.put(TRACEPARENT.len() + PARENT_AT, &hex(state::span(record)));
        }
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        for (place, byte) in self.0.iter_mut().take(SIZE).skip(at).zip(bytes) {
            *place = *byte;
        }
    }
}

/// What is found in an environment.
#[derive(Clone, Copy)]
pub struct Given {
    /// The variable; null for none.
    string: *const c_char,
    context: Option<Context>,
}

impl Given {
    /// Before the first look.
    pub const NONE: Given = Given { string: null(), context: None };

    /// Looks at one string of the environment. The first one of the name counts, as in getenv().
    pub fn look(&mut self, reader: &mut Reader, string: *const c_char) {
        if !self.string.is_null() || !is_passed() {
            return;
        }
        if reader.string(string, TRACEPARENT.len()).0 == TRACEPARENT {
            let value = string.wrapping_add(TRACEPARENT.len());
            // What is behind this of a later version is left out.
            let (value, _) = reader.string(value, CONTEXT_SIZE + 1);
            (self.string, self.context) = (string, Context::of(value));
        }
    }

    /// Whether there is one.
    pub fn is_there(&self) -> bool {
        !self.string.is_null()
    }

    /// Whether it is that string.
    pub fn is_at(&self, string: *const c_char) -> bool {
        self.string == string
    }

    /// What the program is given, but for its parent; `None` where nothing is changed. Whether
    /// what else was taken out is put back is said.
    pub fn passed(&self, is_restored: bool) -> Option<Context> {
        if !self.is_there() && is_restored && is_passed() { kept() } else { self.context }
    }

    /// The variable, if it is not what this program was given itself; null if it is.
    pub fn other(&self) -> *const c_char {
        if self.context.is_some() && self.context != kept() { self.string } else { null() }
    }
}

/// The variable of [`Given::other`], without what a later version has behind it.
///
/// # Safety
/// It must be null, or come from there.
pub unsafe fn text<'a>(string: *const c_char) -> &'a [u8] {
    if string.is_null() {
        return &[];
    }
    // SAFETY: by the contract so much was read of it.
    unsafe { core::slice::from_raw_parts(string.cast(), SIZE) }
}
