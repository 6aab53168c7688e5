// SPDX-License-Identifier: MIT OR Apache-2.0
//! A set of `CLONE_*` flags. Only structs of the kernel and of the C interface have plain
//! numbers.
//!
//! The methods have the names of the bitflags crate. It is not used because `build.rs`
//! includes this file.

// The build script uses a few.
#![allow(dead_code)]

use core::fmt;
use core::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, Not};

/// Flags of clone3(2), those without a name too.
#[repr(transparent)]
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct CloneFlags(u64);

impl CloneFlags {
    /// No flag.
    pub const NONE: CloneFlags = CloneFlags(0);

    /// From the kernel's number; unknown bits are kept.
    pub const fn from_bits(bits: u64) -> CloneFlags {
        CloneFlags(bits)
    }

    /// As the kernel's number.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Both, in constants; elsewhere `|`.
    pub const fn union(self, other: CloneFlags) -> CloneFlags {
        CloneFlags(self.0 | other.0)
    }

    /// Those of both.
    pub const fn intersection(self, other: CloneFlags) -> CloneFlags {
        CloneFlags(self.0 & other.0)
    }

    /// Those that are not among the others.
    pub const fn difference(self, other: CloneFlags) -> CloneFlags {
        CloneFlags(self.0 & !other.0)
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of the others are in it.
    pub const fn contains(self, all: CloneFlags) -> bool {
        self.0 & all.0 == all.0
    }

    /// Whether any of the others is in it.
    pub const fn intersects(self, any: CloneFlags) -> bool {
        self.0 & any.0 != 0
    }

    /// How many flags there are.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Each flag, the lowest bit first.
    pub fn iter(self) -> impl Iterator<Item = CloneFlags> {
        let mut left = self.0;
        core::iter::from_fn(move || {
            let lowest = left & left.wrapping_neg();
            left &= !lowest;
            (lowest != 0).then_some(CloneFlags(lowest))
        })
    }

    /// Some of these flags as bits: bit 0 stands for the lowest of these, and so on.
    pub fn pack(self, some: CloneFlags) -> u32 {
        let bit = |(i, flag)| u32::from(some.intersects(flag)) << i;
        self.iter().enumerate().map(bit).fold(0, |bits, bit| bits | bit)
    }

    /// Those of these flags that the bits of [`CloneFlags::pack`] stand for.
    pub fn unpack(self, bits: u32) -> CloneFlags {
        let chosen = self.iter().enumerate().filter(|(i, _)| bits >> i & 1 != 0);
        chosen.fold(CloneFlags::NONE, |all, (_, flag)| all | flag)
    }
}

impl BitOr for CloneFlags {
    type Output = CloneFlags;

    fn bitor(self, other: CloneFlags) -> CloneFlags {
        self.union(other)
    }
}

impl BitAnd for CloneFlags {
    type Output = CloneFlags;

    fn bitand(self, other: CloneFlags) -> CloneFlags {
        self.intersection(other)
    }
}

impl Not for CloneFlags {
    type Output = CloneFlags;

    fn not(self) -> CloneFlags {
        CloneFlags(!self.0)
    }
}

impl BitOrAssign for CloneFlags {
    fn bitor_assign(&mut self, other: CloneFlags) {
        *self = *self | other;
    }
}

impl BitAndAssign for CloneFlags {
    fn bitand_assign(&mut self, other: CloneFlags) {
        *self = *self & other;
    }
}

impl fmt::Debug for CloneFlags {
    fn fmt(&self, to: &mut fmt::Formatter) -> fmt::Result {
        write!(to, "CloneFlags({:#x})", self.0)
    }
}
