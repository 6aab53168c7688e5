// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files of the library and of the trace as they are, with other atomics and another kernel
//! below them, for the tests in `tests/`. No part of what is built or installed.
//!
//! The files name their atomics `core::sync::atomic`. Here `core` is this crate, whose
//! atomics are [loom](https://docs.rs/loom)'s: a test runs again and again, until the threads
//! have taken turns in every order and each load has returned every value that its ordering
//! allows. What the files import of `crate::arch`, `crate::host` and `crate::uapi` is either a
//! file of the library's, too, or a stand-in for the kernel (`kernel`).

// What is private in the library is public here.
#![allow(clippy::new_without_default, clippy::not_unsafe_ptr_arg_deref)]

extern crate self as core;

pub use std::{cell, ffi, iter, mem, ops, ptr, str};

pub mod sync {
    //! `core::sync`, as far as the files use it.
    pub use crate::atomic;
}

pub mod arch;
pub mod atomic;
pub mod host;
pub mod kernel;
pub mod process;
pub mod stage;
pub mod thread;
pub mod uapi;

// Of the crate clone3-trace, whose files find each other at the crate's root.
#[path = "../../trace/src/header.rs"]
mod header;
#[path = "../../trace/src/names.rs"]
mod names;
#[path = "../../trace/src/record.rs"]
mod record;
#[path = "../../trace/src/slot.rs"]
mod slot;
#[path = "../../trace/src/writer.rs"]
mod writer;

pub use header::*;
pub use names::*;
pub use record::*;
pub use slot::*;
pub use writer::*;
