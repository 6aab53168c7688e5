// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a typed request to a system call, and down the ladder when the kernel
//! or a sandbox does not let the first one through; and what there is to say
//! about that: to probe, to explain, to report.
//!
//! The engine knows the kernel only: no libc, no environment.

mod ask;
mod case;
mod cgroup;
pub mod emulate;
mod explain;
mod known;
mod ladder;
mod legacy;
mod probe;
mod read;
pub mod report;
mod request;
mod rules;
#[cfg(test)]
mod rules_tests;

pub use explain::{Reason, explain, reason, text_of_reason};
pub use known::{is_kept_away, keep_away, meet_obstacle, refresh};
pub use ladder::{Attempt, create_copy};
pub use probe::{Features, probe};
pub use read::read;
pub use request::{Memory, Request, Route, Stack, Wire};
