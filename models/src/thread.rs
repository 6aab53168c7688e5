// SPDX-License-Identifier: MIT OR Apache-2.0
//! The library's bare threads, but for their making: `stage` makes them.

#[path = "../../src/thread/arena.rs"]
pub mod arena;
#[path = "../../src/thread/entry.rs"]
pub mod entry;
#[path = "../../src/thread/held.rs"]
pub mod held;
#[path = "../../src/thread/join.rs"]
pub mod join;
#[path = "../../src/thread/slots.rs"]
pub mod slots;
#[path = "../../src/thread/start.rs"]
pub mod start;
#[path = "../../src/thread/store.rs"]
pub mod store;

pub mod attributes {
    use std::ffi::{c_char, c_int, c_void};

    pub const DEFAULT_STACK: usize = 128 << 10;

    /// What a thread may be tried with.
    #[derive(Clone, Copy)]
    pub struct Attributes {
        pub name: *const c_char,
        pub affinity: (*const c_void, usize),
        pub scheduler: Option<(c_int, c_int)>,
    }
}
