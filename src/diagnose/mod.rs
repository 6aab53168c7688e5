// SPDX-License-Identifier: MIT OR Apache-2.0
//! Answers about the engine's calls: what clone3(2) is here (`probe`, `deep`), and why
//! the kernel refuses a request (`explain`). Creates no child that a user asked for.

mod case;
mod cgroup;
pub mod deep;
mod explain;
mod probe;
mod questions;
mod rules;
#[cfg(test)]
mod rules_tests;

pub use explain::{Reason, explain, reason, text_of_reason};
pub use probe::{Features, probe};
