// SPDX-License-Identifier: MIT OR Apache-2.0
//! Turns a typed request into a system call, goes down the ladder when the kernel or a
//! sandbox refuses the first one, and reports the route of each call. Questions about all
//! this are answered in `diagnose`.
//!
//! The engine knows the kernel only: no libc, no environment.

pub mod ask;
pub mod emulate;
pub mod known;
mod ladder;
pub mod legacy;
mod read;
pub mod report;
mod request;

pub use known::{is_kept_away, keep_away, meet_obstacle, refresh};
pub use ladder::{Attempt, create_copy};
pub use read::read;
pub use request::{Memory, Request, Route, Stack, Wire};
