// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ways of creating a process: the engine deals with the kernel, the host with the
//! libc.

pub mod atfork;
pub mod call;
pub mod child;
pub mod daemon;
pub mod execute;
pub mod expand;
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
