// SPDX-License-Identifier: MIT OR Apache-2.0
//! The C library, as far as the files ask it.

pub fn page_size() -> usize {
    4096
}

pub fn align_up(value: usize, align: usize) -> usize {
    value.next_multiple_of(align)
}
