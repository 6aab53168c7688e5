// SPDX-License-Identifier: MIT OR Apache-2.0
//! Children that become another program, at vfork's speed.
//!
//! Every interface fills one `Plan`; `launch` has one child made, which runs
//! the plan's steps (`child`) on the caller's own stack and executes.

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
pub mod foreign;
mod id_maps;
pub mod launch;
mod mounts;
mod page;
pub mod pidfd;
pub mod plan;
pub mod posix;
pub mod readable;
mod root;
pub mod search;
pub mod shell;
pub mod spec;
mod steps;
pub mod stream;
pub mod superset;
mod verdict;

pub use launch::launch;
pub use plan::Action;
