// SPDX-License-Identifier: MIT OR Apache-2.0
//! Traces as they are on disk: what a file says, believed only as far as it can be checked.

mod header;
mod read;
mod record;

pub use header::{Header, NOT_ENDED, drop_reason};
pub use read::{ReadAt, Reader};
pub use record::{Body, Record};

#[cfg(test)]
mod tests;
