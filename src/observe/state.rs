// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether this process is traced, where, and what its records say of it.

use super::{clock, lent};
use crate::host;
use crate::uapi::task;
use clone3_trace::{Body, Header, Pen, Ring, STRINGS, Slot, Spans, Writer};
use core::ptr::null_mut;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize};

/// The trace; null in a process that is not traced. Never unmapped. In the page of what is
/// written when the library is loaded, as each exit() looks at it.
#[cfg_attr(not(test), unsafe(link_section = ".data"))]
static HEADER: AtomicPtr<Header> = AtomicPtr::new(null_mut());
/// How many slots it has, as was found when it was mapped.
static SLOTS: AtomicUsize = AtomicUsize::new(0);
/// The process's id.
static PID: AtomicU32 = AtomicU32::new(0);
/// Position + 1 of the record by which the process came to be what it is.
static ORIGIN: AtomicU64 = AtomicU64::new(0);

/// Whether there is a trace. One load, and all that there is to do where there is none.
#[inline(always)]
pub fn is_on() -> bool {
    !HEADER.load(Relaxed).is_null()
}

fn header() -> Option<&'static Header> {
    // SAFETY: null or the mapping of `begin`, which is never unmapped.
    unsafe { HEADER.load(Acquire).as_ref() }
}

/// The trace, while records are wanted.
pub fn ring() -> Option<Ring<'static>> {
    let header = header()?;
    let slots = (&raw const *header).wrapping_add(1).cast::<Slot>();
    // SAFETY: so many follow the header in that mapping.
    let slots = unsafe { core::slice::from_raw_parts(slots, SLOTS.load(Relaxed)) };
    Ring::new(header, slots).filter(Ring::is_recording)
}

/// Whether the trace asks for what is optional (`Header::options`).
pub fn asks_for(option: u32) -> bool {
    header().is_some_and(|header| header.options.load(Relaxed) & option != 0)
}

/// The number of the span that a record with this position + 1 began.
pub fn span(record: u64) -> u64 {
    let spans = header().map(|header| Spans::new(header.realtime_start, header.monotonic_start));
    spans.map_or(0, |spans| spans.of(record))
}

/// From here on the process is traced.
///
/// # Safety
/// There must be a header, and so many slots behind it, for as long as the process lives.
pub unsafe fn begin(header: *mut Header, slots: usize, pid: u32) {
    SLOTS.store(slots, Relaxed);
    PID.store(pid, Relaxed);
    HEADER.store(header, Release);
}

/// What the process is from here on.
pub fn set_origin(origin: u64) {
    ORIGIN.store(origin, Relaxed);
}

/// The origin, except for a task on lent memory.
pub fn origin() -> u64 {
    ORIGIN.load(Relaxed)
}

/// In a child with a memory of its own, whose creation has that position + 1.
pub fn be_child(pid: u32, origin: u64) {
    lent::forget();
    PID.store(pid, Relaxed);
    ORIGIN.store(origin, Relaxed);
}

/// The calling task, known without a system call; except that one on lent memory, or with
/// another task's thread pointer, gets its ids from the kernel.
pub fn writer() -> Writer {
    let tid = host::tid() as u32;
    let time = clock::now();
    let known = PID.load(Relaxed);
    if let Some(creation) = lent::borrowed(tid) {
        return Writer { tid, pid: task::getpid() as u32, origin: creation, time };
    }
    let pid = if host::may_be_another() { task::getpid() as u32 } else { known };
    // By which record another process on this memory came to be is not known.
    let origin = if pid == known { ORIGIN.load(Relaxed) } else { 0 };
    Writer { tid, pid, origin, time }
}

/// Writes a record without strings.
pub fn write<B: Body>(writer: &Writer, body: &B) {
    if let Some(pen) = ring().and_then(|ring| ring.begin(writer, body, [0; STRINGS], 0).ok()) {
        pen.done();
    }
}

/// Begins a record without strings of the calling task's.
pub fn begin_plain<B: Body>(ring: &Ring<'static>, body: &B) -> Option<Pen<'static>> {
    ring.begin(&writer(), body, [0; STRINGS], 0).ok()
}
