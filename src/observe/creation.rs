// SPDX-License-Identifier: MIT OR Apache-2.0
//! A creation: begun by its creator before the call, completed by it afterwards.

use super::{clock, lent, modules, state, usage};
use crate::engine::report::{self, Rung};
use crate::engine::{self, Memory, Request, emulate};
use crate::host;
use crate::uapi::Errno;
use crate::uapi::flags::CLONE_THREAD;
use crate::uapi::sys::Pid;
use clone3_trace::{Call, Create, Ring, Route, STRINGS, Start};

/// Which function the program called, and from where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// The function.
    pub call: Call,
    /// The return address of the call, 0 where it is not known.
    pub caller: usize,
}

impl Note {
    /// A call of that function.
    pub const fn new(call: Call, caller: usize) -> Note {
        Note { call, caller }
    }
}

/// A record of a creation that is under way, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Creation {
    /// 0 for none.
    position_and_1: u64,
}

impl Creation {
    /// One that is not recorded.
    pub const NONE: Creation = Creation { position_and_1: 0 };

    /// Begins the record, if there is a trace.
    #[inline(always)]
    pub fn begin(note: Note, request: &Request) -> Creation {
        if state::is_on() { begin(note, request) } else { Creation::NONE }
    }

    /// The same of one that the host makes by a request of its own: a thread, or a process.
    #[inline(always)]
    pub fn begin_hosts(note: Note, is_thread: bool) -> Creation {
        if state::is_on() { begin_hosts(note, is_thread) } else { Creation::NONE }
    }

    /// Whether it is recorded.
    #[inline(always)]
    pub fn is_recorded(self) -> bool {
        self.position_and_1 != 0
    }

    /// How a record of this creation's child names it.
    pub fn as_origin(self) -> u64 {
        self.position_and_1
    }

    /// In the creator: what came of it, which went as the engine reports. Nothing in the child.
    #[inline(always)]
    pub fn end(self, outcome: Result<Pid, Errno>) {
        if self.is_recorded() && outcome != Ok(0) {
            let (child, errno) = outcome.map_or_else(|errno| (-1, errno.0), |pid| (pid, 0));
            end(self, child, errno, 0);
        }
    }

    /// The same, of a child that failed in a step before it was what it was to be.
    #[inline(always)]
    pub fn end_at(self, stage: u32, errno: Errno) {
        if self.is_recorded() {
            end(self, -1, errno.0, stage);
        }
    }

    /// The same of one that the host made, 0 for an id that it keeps to itself, or did not.
    #[inline(always)]
    pub fn end_hosts(self, outcome: Result<Pid, Errno>) {
        if self.is_recorded() {
            end_hosts(self, outcome);
        }
    }

    /// In a child with a memory of its own, whose id is given: it has begun. Also where its
    /// creation found no room in the trace.
    #[inline(always)]
    pub fn in_child(self, tid: Pid) {
        if state::is_on() {
            in_child(self, tid);
        }
    }

    /// In the creator, when it has its memory back.
    #[inline(always)]
    pub fn take_back(self) {
        if self.is_recorded() {
            lent::take_back(host::tid() as u32);
        }
    }

    /// The time, where it is recorded.
    #[inline(always)]
    pub fn time(self) -> u64 {
        if self.is_recorded() { clock::now() } else { 0 }
    }

    /// In the creator, before its memory is lent to the child.
    #[inline(always)]
    pub fn lend(self) {
        if self.is_recorded() {
            lend(self);
        }
    }
}

/// In the creator, after its memory was lent: what came of the creation that it was lent in.
#[inline(always)]
pub fn end_lent(outcome: Result<Pid, Errno>) {
    if state::is_on() {
        if let Some(position_and_1) = lent::take_back(host::tid() as u32) {
            Creation { position_and_1 }.end(outcome);
        }
    }
}

#[cold]
#[inline(never)]
fn begin(note: Note, request: &Request) -> Creation {
    // Before the time is taken: it is not part of the call.
    let copied = match request.memory() {
        Memory::Copied => usage::memory(),
        _ => usage::Memory::default(),
    };
    let body = Create {
        resident: copied.resident,
        page_tables: copied.page_tables,
        flags: (request.flags | request.emulated).bits(),
        caller: note.caller as u64,
        call: note.call as u8,
        asked: match request.route {
            engine::Route::Any => Route::None as u8,
            engine::Route::Legacy => Route::Legacy as u8,
        },
        thread: u8::from(request.flags.contains(CLONE_THREAD)),
        exit_signal: request.exit_signal as u32,
        ..Create::default()
    };
    begin_with(note, &body)
}

#[cold]
#[inline(never)]
fn begin_hosts(note: Note, is_thread: bool) -> Creation {
    let body = Create {
        caller: note.caller as u64,
        call: note.call as u8,
        thread: is_thread.into(),
        ..Create::default()
    };
    begin_with(note, &body)
}

fn begin_with(note: Note, body: &Create) -> Creation {
    let begun = state::ring().and_then(|ring| {
        let writer = state::writer();
        modules::record(&ring, &writer, note.caller);
        ring.begin(&writer, body, [0; STRINGS], 0).ok()
    });
    Creation { position_and_1: begun.map_or(0, |pen| pen.open().wrapping_add(1)) }
}

#[cold]
#[inline(never)]
fn end(creation: Creation, child: Pid, errno: i32, stage: u32) {
    let report = report::last(host::tid());
    complete(creation, |create| {
        create.child = child;
        create.errno = errno;
        create.stage = stage;
        create.cause = report.cause.into();
        create.emulated = emulate::flags(report.emulated).bits();
        create.route = match report.rung {
            Rung::None => Route::None,
            Rung::Native => Route::Native,
            Rung::Smaller => Route::Smaller,
            Rung::Legacy => Route::Legacy,
            Rung::Host => Route::Host,
        } as u8;
    });
}

#[cold]
#[inline(never)]
fn end_hosts(creation: Creation, outcome: Result<Pid, Errno>) {
    complete(creation, |create| {
        (create.child, create.errno) = outcome.map_or_else(|errno| (-1, errno.0), |pid| (pid, 0));
        create.route = Route::Host as u8;
    });
}

fn complete(creation: Creation, add: impl FnOnce(&mut Create)) {
    let end = clock::now();
    let complete = |ring: Ring| {
        ring.complete(creation.position_and_1.wrapping_sub(1), |create: &mut Create| {
            create.end_ns = end;
            add(create);
        })
    };
    state::ring().map(complete);
}

#[cold]
#[inline(never)]
fn in_child(creation: Creation, tid: Pid) {
    let parent_origin = state::origin();
    state::be_child(tid as u32, creation.position_and_1);
    let ring = state::ring();
    if let Some(pen) = ring.and_then(|ring| state::begin_plain(&ring, &Start { parent_origin })) {
        let start = pen.done().wrapping_add(1);
        if !creation.is_recorded() {
            // What it records is to be told from what its creator does.
            state::set_origin(start);
        }
    }
}

#[cold]
#[inline(never)]
fn lend(creation: Creation) {
    if !lent::lend(host::tid() as u32, creation.position_and_1) {
        // The open record could not be found again: it is completed without a result.
        complete(creation, |create| create.child = 0);
    }
}
