// SPDX-License-Identifier: MIT OR Apache-2.0
//! The library's fork handlers.

#[path = "../../src/process/atfork.rs"]
pub mod atfork;
#[path = "../../src/process/handler_block.rs"]
pub mod handler_block;
#[path = "../../src/process/handlers.rs"]
pub mod handlers;
