// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two kinds of hash tables by which an object's symbols are found.

use core::ffi::CStr;

/// A name's hash in a DT_GNU_HASH table.
pub const fn gnu_hash(name: &CStr) -> u32 {
    let bytes = name.to_bytes();
    let mut hash: u32 = 5381;
    let mut at = 0;
    while at < bytes.len() {
        hash = hash.wrapping_mul(33).wrapping_add(bytes[at] as u32);
        at += 1;
    }
    hash
}

/// A name's hash in a DT_HASH table.
pub fn sysv_hash(name: &CStr) -> u32 {
    name.to_bytes().iter().fold(0, |hash: u32, &byte| {
        let hash = (hash << 4).wrapping_add(u32::from(byte));
        let high = hash & 0xf000_0000;
        (hash ^ (high >> 24)) & !high
    })
}

/// Hands the indices of the chain that holds `hash` to `check` until it says
/// true. Layout of DT_GNU_HASH: number of buckets, first index, number of filter words, a
/// shift; then the filter (words of a pointer's size), the buckets, the chains.
///
/// # Safety
/// `table` must be a DT_GNU_HASH table.
pub unsafe fn each_by_gnu_hash(table: *const u32, hash: u32, check: &mut dyn FnMut(usize) -> bool) {
    // SAFETY: all indices are bounded by the table's own header and by the
    // end mark (bit 0) of each chain.
    unsafe {
        let (buckets, first, words) = (*table, *table.add(1), *table.add(2));
        if buckets == 0 || words == 0 {
            return;
        }
        let filter = table.add(4).cast::<usize>();
        if !may_hold(*filter.add((hash / usize::BITS % words) as usize), hash, *table.add(3)) {
            return;
        }
        let bucket = filter.add(words as usize).cast::<u32>();
        let chain = bucket.add(buckets as usize);
        let mut index = *bucket.add((hash % buckets) as usize);
        if index < first {
            return;
        }
        loop {
            let entry = *chain.add((index - first) as usize);
            if (entry | 1) == (hash | 1) && check(index as usize) {
                return;
            }
            if entry & 1 != 0 {
                return;
            }
            index += 1;
        }
    }
}

/// Whether the word of a filter lets a hash through, which has two bits set in it.
fn may_hold(word: usize, hash: u32, shift: u32) -> bool {
    let bit = |hash: u32| 1 << (hash % usize::BITS);
    let bits = bit(hash) | bit(hash >> (shift % u32::BITS));
    word & bits == bits
}

/// The same for the older table: number of buckets, number of chains, both.
///
/// # Safety
/// `table` must be a DT_HASH table.
pub unsafe fn each_by_sysv_hash(
    table: *const u32,
    hash: u32,
    check: &mut dyn FnMut(usize) -> bool,
) {
    // SAFETY: bucket and chain indices come from the table itself.
    unsafe {
        let buckets = *table;
        if buckets == 0 {
            return;
        }
        let chain = table.add(2 + buckets as usize);
        let mut index = *table.add(2 + (hash % buckets) as usize);
        while index != 0 {
            if check(index as usize) {
                return;
            }
            index = *chain.add(index as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_match_the_published_examples() {
        assert_eq!(gnu_hash(c""), 5381);
        assert_eq!(gnu_hash(c"printf"), 0x156b_2bb8);
        assert_eq!(sysv_hash(c"printf"), 0x0779_05a6);
        assert_eq!(sysv_hash(c"syscall"), 0x0b09_985c);
    }
}
