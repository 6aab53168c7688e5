// SPDX-License-Identifier: MIT OR Apache-2.0
//! The format of a trace: a header page, then slots of 128 bytes.
//!
//! Every process of a traced tree maps the same file and writes records into it; the
//! `clone3` command reads them, while the tree runs or later. 32-bit and 64-bit programs
//! share a file: all fields have fixed widths, and are in the byte order of the machine.
//!
//! A record takes one slot, and further ones for its strings. Its *position* is the number
//! of its first slot, counted from the start of the trace; it lies in the slot of that
//! number modulo the capacity. Positions are never used twice and give one order to all
//! records. Records name each other by position + 1; 0 is "unknown".
//!
//! Two kinds of file have this format. In a *ring* a reader frees slots that it has copied
//! (`Header::head`), so that it never has to hold the whole trace. In a *linear* file the
//! head stays 0: what does not fit is counted and lost. A ring's reader writes what it
//! copies into a linear file, each slot at its position.
//!
//! No code here allocates, panics or calls anything.

#![cfg_attr(not(test), no_std)]

mod context;
mod header;
mod names;
mod record;
mod slot;
mod writer;

pub use context::{CONTEXT_SIZE, Context, PARENT_AT, Spans, TRACEPARENT, hex};
pub use header::{
    ASKS_MEMORY, DROP_REASONS, DropReason, FIELDS_SIZE, HEADER_SIZE, Header, MAGIC, PASSES_CONTEXT,
    VERSION, describe,
};
pub use names::{Call, Libc, Route};
pub use record::{
    Alive, BODY, Body, Create, Exec, Exit, FIELDS, Gap, Image, Kind, Module, STRINGS, Start, Wait,
};
pub use slot::{MORE_BYTES, MORE_WORDS, Owner, SLOT_SIZE, Slot, State, slots_for};
pub use writer::{Pen, Ring, Writer};

#[cfg(test)]
mod tests;
#[cfg(test)]
mod writer_tests;
