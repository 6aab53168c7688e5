// SPDX-License-Identifier: MIT OR Apache-2.0
//! What has neither a kernel nor a C library in it: text and numbers.
//!
//! Nothing here allocates, panics or calls a libc: children use it, too.

pub mod decimal;
pub mod text;

/// The smallest page of all Linux architectures, and what Linux makes limits of: a path
/// with its NUL (PATH_MAX), the text of an id map, the least that clone3(2) takes.
pub const SMALLEST_PAGE: usize = 4096;
