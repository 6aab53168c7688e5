// SPDX-License-Identifier: MIT OR Apache-2.0
//! Threads: those of the host, with what clone3 adds to them.

pub mod extra;
pub mod pthread;
