// SPDX-License-Identifier: MIT OR Apache-2.0
//! Text and numbers, independent of kernel and C library.
//!
//! Nothing here allocates, panics or calls a libc: children use it, too.

pub mod decimal;
pub mod text;

/// The smallest page size of all Linux architectures. Also the limit for a path with its
/// NUL (PATH_MAX), the text of an id map, and the least maximal size of clone3(2)'s
/// struct.
pub const SMALLEST_PAGE: usize = 4096;
