// SPDX-License-Identifier: MIT OR Apache-2.0
//! libclone3: the library through which Linux programs create processes.
//!
//! A C library; `include/clone3.h` is its face and `docs/DESIGN.md` its map.
//! The modules import downward only: `abi`; `process`, `spawn` and `thread`; `diagnose`;
//! `observe`; `engine` and `host`; `uapi`; `arch` and `base`.

#![cfg_attr(not(test), no_std)]
// In a test build the exported symbols are left out, lest they interpose the
// test's own libc.
#![cfg_attr(test, allow(dead_code, unused_imports, unused_macros))]

#[cfg(not(test))]
mod abi;
mod arch;
mod base;
mod diagnose;
mod engine;
mod host;
mod observe;
mod process;
mod spawn;
mod thread;
mod uapi;

/// Rust wants one; no code here panics, and `tools/audit-elf` checks that no
/// panicking path was linked in.
#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    arch::trap()
}
