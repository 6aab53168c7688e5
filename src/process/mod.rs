// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ways of making a process, built from an engine that knows the kernel
//! and a host that knows the libc.

pub mod atfork;
pub mod call;
pub mod child;
pub mod execute;
pub mod fork;
pub mod forkpty;
mod handler_block;
mod handlers;
mod note;
mod orphan;
pub mod reap;
mod setup;
pub mod twice;
pub mod wait;
