// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel's interface: wire formats, flags, raw calls.
//!
//! It only expresses what can be asked of the kernel; no policy is here.

mod call;
pub mod clone_flags;
pub mod cred;
pub mod errno;
pub mod exec;
pub mod fate;
pub mod file;
pub mod file_facts;
pub mod flags;
#[cfg(test)]
mod flags_tests;
pub mod futex;
pub mod mount;
pub mod mutex;
pub mod namespace;
pub mod pages;
pub mod sched;
pub mod session;
pub mod shared;
pub mod sized;
pub mod sys;
pub mod task;
pub mod wait;
pub mod wire;

pub use clone_flags::CloneFlags;
pub use errno::Errno;
pub use wire::clone_args;
