// SPDX-License-Identifier: MIT OR Apache-2.0
//! The C interface of libclone3, as `clone3.h` declares it: its constants, structs and
//! functions under their names, with the header's own documentation. The crate `clone3` has a
//! safe part of it.
//!
//! pkg-config finds the library. It is `libclone3-api`, which exports the names `clone3*` and
//! no others; with the feature `whole` it is `libclone3`, by which `fork()`, `posix_spawn()`,
//! `system()` and the like go through the library in the whole process. The feature `static`
//! links the archive.
//!
//! The linker has the library's directory from pkg-config; the loader has it where that
//! directory is one of its own. For another directory link programs with
//! `RUSTFLAGS=-Clink-arg=-Wl,-rpath,DIRECTORY`, or run them with `LD_LIBRARY_PATH`.
//!
//! # Safety
//!
//! The contract of each function is in its documentation and in its manual page. What holds
//! for children in C holds in Rust:
//!
//! - [`clone3()`] returns twice, as `fork()` does. Where the process may have other threads,
//!   the child may do only what is async-signal-safe, and so allocate nothing and not panic.
//!   With `CLONE_VM` and `CLONE_VFORK` both returns are in one memory and in one frame, which
//!   no Rust function allows for: use [`clone3_call()`] or [`clone3_spawn()`].
//! - A bare thread ([`clone3_thread_create()`]) may call no function that allocates, uses
//!   `std` for input and output, or may panic.
//! - A callback or a function that the library runs must not unwind.
//!
//! ```
//! let version = unsafe { std::ffi::CStr::from_ptr(clone3_sys::clone3_version()) };
//! assert_eq!(version.to_str(), clone3_sys::CLONE3_VERSION.to_str());
//! ```

#![no_std]
#![allow(non_camel_case_types)]

#[rustfmt::skip]
mod header;

pub use header::*;
pub use libc;
