// SPDX-License-Identifier: MIT OR Apache-2.0
//! Children that execute another program, at the speed of vfork.
//!
//! Every interface fills one `Child`; `launch` creates it. The child takes its `steps` on
//! the caller's stack and executes.

pub mod actions;
pub mod attr;
mod birthplace;
pub mod call;
pub mod check;
pub mod child;
mod close;
pub mod contradictions;
mod copied;
mod credentials;
pub mod describe;
mod descriptors;
pub mod elements;
mod exchange;
mod execute;
pub mod failure;
mod files;
pub mod foreign;
pub mod from_plan;
mod id_maps;
mod job;
mod kept;
pub mod launch;
pub mod list;
mod mounts;
mod named;
mod page;
mod parent;
pub mod pidfd;
pub mod plan;
pub mod posix;
mod privileges;
pub mod rare;
mod readable;
mod recording;
mod request;
mod root;
pub mod search;
mod share;
pub mod shell;
pub mod stage;
mod steps;
pub mod stream;
mod verdict;

pub use actions::Action;
pub use launch::launch;
