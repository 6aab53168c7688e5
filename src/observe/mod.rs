// SPDX-License-Identifier: MIT OR Apache-2.0
//! Recording what the process does with processes, where CLONE3_TRACE asks for it.
//!
//! The format of a trace, and how records are written, is the crate `clone3-trace`. Here is
//! which file it is, who writes, and what goes into the records; the rooms above say what
//! happens. After the start only memory is written: no lock, no allocation, no descriptor,
//! and system calls only where this is said. A trace that cannot be had is no error: the
//! program runs without.

mod array;
mod clock;
mod context;
mod creation;
mod environment;
mod execution;
mod exit;
mod file;
mod foreign;
mod lent;
mod modules;
mod scratch;
mod start;
mod state;
mod usage;
mod waited;

pub use array::Array;
pub use creation::{Creation, Note, end_lent};
pub use environment::{Environment, Room};
pub use execution::Execution;
pub use exit::{at_end, exit};
pub use foreign::read_text;
pub use start::start;
pub use state::is_on;
pub use waited::{Waiting, wait_for};
