// SPDX-License-Identifier: MIT OR Apache-2.0
//! The objects that calls came from: each is recorded before the first record that has a
//! caller in it.
//!
//! Which object an address is in glibc tells without a lock (since 2.35), also of one that
//! was opened later, in a signal handler and on lent memory. Elsewhere it is looked up in
//! those that were loaded at the start; the callers in others have an address only.

use super::foreign::Reader;
use super::state;
use crate::base::{SMALLEST_PAGE, text};
use crate::host::objects::{self, Mapped};
use crate::host::start;
use clone3_trace::{Module, Ring, Writer};
use core::ffi::c_char;
use core::ptr::null_mut;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize};

/// An object that is known.
struct Place {
    base: AtomicUsize,
    /// 0 as long as the place is not filled in.
    start: AtomicUsize,
    end: AtomicUsize,
    name: AtomicPtr<c_char>,
    /// Of the name's bytes: another object may come to lie where one was closed.
    hash: AtomicU32,
    headers: AtomicUsize,
    count: AtomicUsize,
    recorded: AtomicBool,
}

/// Callers in more objects have an address only.
const PLACES: usize = 64;

static KNOWN: [Place; PLACES] = [const {
    Place {
        base: AtomicUsize::new(0),
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        name: AtomicPtr::new(null_mut()),
        hash: AtomicU32::new(0),
        headers: AtomicUsize::new(0),
        count: AtomicUsize::new(0),
        recorded: AtomicBool::new(false),
    }
}; PLACES];

/// How many places are taken.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// Where objects cannot be found later, remembers those that are there.
///
/// Not async-signal-safe; when the library is loaded.
pub fn learn() {
    if !objects::can_be_found() {
        objects::each(&mut |object| remember(object).is_none());
    }
}

fn remember(object: &Mapped) -> Option<&'static Place> {
    // Not beyond the places, however often it is tried.
    let take = |taken| (taken < PLACES).then_some(taken + 1);
    let place = KNOWN.get(TAKEN.fetch_update(Relaxed, Relaxed, take).ok()?)?;
    place.base.store(object.base, Relaxed);
    place.end.store(object.end, Relaxed);
    place.name.store(object.name.cast_mut(), Relaxed);
    place.hash.store(hash(object.name), Relaxed);
    place.headers.store(object.headers.addr(), Relaxed);
    place.count.store(object.count, Relaxed);
    place.start.store(object.start, Release);
    Some(place)
}

/// FNV-1a of a C string, at most a path long.
fn hash(name: *const c_char) -> u32 {
    let mut hash = 0x811c_9dc5u32;
    let most = if name.is_null() { 0 } else { SMALLEST_PAGE };
    for at in 0..most {
        // SAFETY: the loader's string, up to its NUL.
        match unsafe { name.wrapping_add(at).read() } as u8 {
            0 => break,
            byte => hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193),
        }
    }
    hash
}

impl Place {
    fn is(&self, object: &Mapped) -> bool {
        self.start.load(Acquire) == object.start
            && self.base.load(Relaxed) == object.base
            && self.end.load(Relaxed) == object.end
            && self.hash.load(Relaxed) == hash(object.name)
    }

    fn contains(&self, address: usize) -> bool {
        let start = self.start.load(Acquire);
        start != 0 && (start..self.end.load(Relaxed)).contains(&address)
    }

    fn overlaps(&self, other: &Place) -> bool {
        other.start.load(Acquire) < self.end.load(Relaxed)
            && self.start.load(Acquire) < other.end.load(Relaxed)
    }

    fn set_recorded(&self, is: bool) {
        self.recorded.store(is, Relaxed);
    }

    fn object(&self) -> Mapped {
        Mapped {
            base: self.base.load(Relaxed),
            start: self.start.load(Relaxed),
            end: self.end.load(Relaxed),
            name: self.name.load(Relaxed),
            headers: self.headers.load(Relaxed) as *const _,
            count: self.count.load(Relaxed),
        }
    }
}

fn known() -> impl Iterator<Item = &'static Place> {
    KNOWN.iter().take(TAKEN.load(Relaxed))
}

/// Records the object that a caller is in, if this process has not yet.
pub fn record(ring: &Ring<'static>, writer: &Writer, caller: usize) {
    if caller == 0 {
        return;
    }
    if !objects::can_be_found() {
        if let Some(place) = known().find(|place| place.contains(caller)) {
            if !place.recorded.load(Relaxed) {
                record_known(ring, writer, place);
            }
        }
        return;
    }
    let Some(object) = objects::find(caller) else { return };
    match known().find(|place| place.is(&object)) {
        Some(place) if place.recorded.load(Relaxed) => {}
        Some(place) => record_known(ring, writer, place),
        None => {
            if let Some(place) = remember(&object) {
                record_known(ring, writer, place);
            }
        }
    }
}

#[cold]
#[inline(never)]
fn record_known(ring: &Ring<'static>, writer: &Writer, place: &Place) {
    // What a child on lent memory records is not its creator's.
    let is_own = writer.origin == state::origin();
    if write(ring, writer, &place.object()) && is_own {
        // Those that were closed are recorded anew when they come back.
        known().filter(|other| place.overlaps(other)).for_each(|other| other.set_recorded(false));
        place.set_recorded(true);
    }
}

/// Whether there was room.
fn write(ring: &Ring<'static>, writer: &Writer, object: &Mapped) -> bool {
    let mut reader = Reader::new();
    // SAFETY: the loader's string, of an object that the calling thread has to return to.
    let name = if object.name.is_null() { c"" } else { unsafe { text::c_str(object.name) } };
    let name = if name.is_empty() { start::path().unwrap_or(name) } else { name };
    let build_id = object.build_id(|address| reader.can_read(address));
    let body =
        Module { base: object.base as u64, start: object.start as u64, end: object.end as u64 };
    let lengths = [name.count_bytes() as u32, build_id.len() as u32, 0, 0];
    let Ok(mut pen) = ring.begin(writer, &body, lengths, 0) else { return false };
    pen.put(name.to_bytes());
    pen.put(build_id);
    pen.done();
    true
}
