// SPDX-License-Identifier: MIT OR Apache-2.0
//! Children that become another program, at vfork's speed.
//!
//! Every interface fills one `Child`; `launch` has it made, which runs
//! its steps (`child`) on the caller's own stack and executes.

pub mod actions;
pub mod attr;
mod child;
mod close;
pub mod contradictions;
mod copied;
mod credentials;
pub mod describe;
mod descriptors;
mod exchange;
pub mod failure;
pub mod foreign;
mod id_maps;
pub mod launch;
mod mounts;
mod page;
pub mod pidfd;
pub mod plan;
pub mod posix;
mod program;
pub mod readable;
mod root;
pub mod search;
pub mod shell;
pub mod stage;
mod steps;
pub mod stream;
pub mod superset;
mod verdict;

pub use actions::Action;
pub use launch::launch;
