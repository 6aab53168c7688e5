// SPDX-License-Identifier: MIT OR Apache-2.0
//! Traces as they are on disk: what a file says, believed only as far as it can be checked.

mod header;
mod read;
mod record;

pub use header::{Header, drop_reason};
pub use read::Reader;
pub use record::{Body, Record};

#[cfg(test)]
#[path = "../../tests/writer/mod.rs"]
pub mod writer;

#[cfg(test)]
mod tests;
