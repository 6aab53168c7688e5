// SPDX-License-Identifier: MIT OR Apache-2.0
//! The size of a page.

use super::symbols;

/// Bytes in a page; where the libc does not say, 64 KiB, which is a multiple of
/// all there are.
pub fn page_size() -> usize {
    if cfg!(any(target_arch = "x86_64", target_arch = "x86")) {
        return 4096;
    }
    // SAFETY: a C function that takes a number, in both libcs.
    let said = symbols::getauxval().map_or(0, |getauxval| unsafe { getauxval(AT_PAGESZ) });
    if said.is_power_of_two() && said >= 4096 { said } else { 65536 }
}

const AT_PAGESZ: usize = libc::AT_PAGESZ as usize;

/// The next multiple of a power of two. `next_multiple_of` would divide, by zero
/// for all the compiler knows.
pub fn align_up(value: usize, align: usize) -> usize {
    value.wrapping_add(align.wrapping_sub(1)) & !(align.wrapping_sub(1))
}
