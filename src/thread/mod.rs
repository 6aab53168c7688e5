// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bare threads: threads that the libc does not know of, and that may call what a
//! signal handler may; and in `pthread` and `extra` those of the host, with what
//! clone3 adds to them.
//!
//! Every bare thread has an entry in a table that is never unmapped, and a slot:
//! guard, stack, TLS, control block, in this order. The kernel clears `Entry::tid`
//! when the thread has gone; from then on the slot may be another thread's.

mod arena;
mod ask;
mod attributes;
mod create;
mod entry;
pub mod extra;
mod held;
mod join;
pub mod pthread;
mod slots;
mod start;
mod store;

pub use ask::{pidfd, self_handle, signal, stack, tid};
pub use attributes::Attributes;
pub use create::create;
pub use join::{Patience, detach, join};
pub use start::{Start, exit};
