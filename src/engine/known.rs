// SPDX-License-Identifier: MIT OR Apache-2.0
//! What has been found out about the kernel and the sandbox of this process, so that no
//! call has to ask again.
//!
//! Children inherit it with their copy of the memory, as they inherit the filters. With
//! regard to filters it is a hint only: each thread has its own filters, and a child that
//! shares memory writes here, too.

use super::ask;
use crate::uapi::flags::*;
use crate::uapi::{CloneFlags, Errno, task};
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicBool, AtomicU64};

/// What has been found, packed into one word: it is read and written as a whole, so that
/// no reader sees one half from before a refresh and the other half from after it. A
/// caller that asks the kernel uses the kernel's answer, not what the word contains
/// afterwards.
static FOUND: AtomicU64 = AtomicU64::new(Found::NOTHING.pack());

/// The content of the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Found {
    /// The errno that was returned instead of reaching clone3(2); 0 for none.
    obstacle: u16,
    /// The smallest size of clone_args seen refused where a smaller one was not,
    /// 0 for none. None is larger than a page of 64 KiB, which is the kernel's limit;
    /// 20 bits.
    too_big: u32,
    /// Flags the kernel was asked about, a bit for each of [`LATER`].
    asked: u16,
    /// Those of them that it knows.
    known: u16,
}

impl Found {
    const NOTHING: Found = Found { obstacle: 0, too_big: 0, asked: 0, known: 0 };

    const fn pack(self) -> u64 {
        self.asked as u64
            | (self.known as u64) << 16
            | ((self.obstacle & 0xfff) as u64) << 32
            | ((self.too_big & LARGEST) as u64) << 44
    }

    const fn unpack(word: u64) -> Found {
        Found {
            asked: word as u16,
            known: (word >> 16) as u16,
            obstacle: (word >> 32) as u16 & 0xfff,
            too_big: (word >> 44) as u32,
        }
    }

    fn now() -> Found {
        Found::unpack(FOUND.load(Relaxed))
    }

    /// Changes the word atomically.
    fn add(change: impl Fn(Found) -> Found) {
        let changed = |word| Some(change(Found::unpack(word)).pack());
        let _ = FOUND.fetch_update(Relaxed, Relaxed, changed);
    }

    /// Flags the kernel was asked about and does not know.
    fn unknown(self) -> CloneFlags {
        later(self.asked & !self.known)
    }
}

/// The largest size that [`Found`] has room for.
const LARGEST: u32 = 0xf_ffff;

const _: () = assert!(LATER.len() <= u16::BITS as usize, "one bit for each later flag");

/// The later flags that these bits stand for.
fn later(bits: u16) -> CloneFlags {
    LATER.unpack(bits.into())
}

/// Whether clone3(2) must never be called: some filters kill a process that calls it, and
/// cannot be asked. Set when the library is built, or when it is loaded.
static KEPT_AWAY: AtomicBool = AtomicBool::new(is_built_to_keep_away());

/// CLONE3_BUILD_ROUTE=legacy in the environment of the build.
const fn is_built_to_keep_away() -> bool {
    match option_env!("CLONE3_BUILD_ROUTE") {
        Some(route) => matches!(route.as_bytes(), b"legacy"),
        None => false,
    }
}

/// Forbids calls of clone3(2) in this process and its copies.
pub fn keep_away() {
    KEPT_AWAY.store(true, Relaxed);
}

/// Whether clone3(2) must never be called.
pub fn is_kept_away() -> bool {
    KEPT_AWAY.load(Relaxed)
}

/// Whether the calling thread reaches clone3(2); ENOSYS where it must never be called.
pub fn reach() -> ask::Answer {
    if is_kept_away() { Err(Errno::ENOSYS) } else { ask::reach() }
}

/// The errno that an earlier call got instead of reaching clone3(2).
pub fn obstacle() -> Option<Errno> {
    match Found::now().obstacle {
        _ if is_kept_away() => Some(Errno::ENOSYS),
        0 => None,
        number => Some(Errno(number.into())),
    }
}

/// Asks whether the calling thread reaches clone3(2); remembers it if not.
#[cold]
#[inline(never)]
pub fn look_for_obstacle() -> Option<Errno> {
    let found = reach().err()?;
    Found::add(|before| Found { obstacle: found.0 as u16, ..before });
    Some(found)
}

/// Finds out whether the calling thread reaches clone3(2), unless it is known that it
/// does not. For callers that are about to block all signals.
pub fn meet_obstacle() {
    if obstacle().is_none() {
        look_for_obstacle();
    }
}

/// Whether a struct of that many bytes was once too big.
pub fn is_too_big(size: usize) -> bool {
    let too_big = Found::now().too_big;
    too_big != 0 && size >= too_big as usize
}

/// Remembers that a size was too big where a smaller one was not.
pub fn too_big(size: usize) {
    let size = u32::try_from(size).map_or(LARGEST, |size| size.min(LARGEST));
    Found::add(|before| match before.too_big {
        0 => Found { too_big: size, ..before },
        smallest => Found { too_big: smallest.min(size), ..before },
    });
}

/// Which of these flags the kernel's clone3(2) knows; none if the calling thread does not
/// reach it. The kernel is asked about each flag once. Whether clone3(2) is reached is
/// asked again on each call once an errno was found in its place, because another
/// thread's filter may have caused that.
#[cold]
#[inline(never)]
pub fn known(flags: CloneFlags) -> CloneFlags {
    let mut found = Found::now();
    let asks = obstacle().is_some() || !(FIRST | later(found.asked)).contains(flags);
    if asks && look_for_obstacle().is_some() {
        return CloneFlags::NONE;
    }
    for (i, flag) in LATER.iter().enumerate() {
        let bit = 1 << i;
        if !flags.contains(flag) || found.asked & bit != 0 {
            continue;
        }
        match ask::flags(with_company(flag)) {
            Err(Errno::ENODATA) => return flags & of_version(task::kernel_version()),
            Err(Errno::EINVAL) => {}
            // Every other answer comes after the check for unknown flags.
            _ => found.known |= bit,
        }
        found.asked |= bit;
    }
    if asks {
        let (asked, known) = (found.asked, found.known);
        Found::add(|before| Found {
            asked: before.asked | asked,
            known: before.known | known,
            ..before
        });
    }
    flags & (FIRST | later(found.known))
}

/// Later flags that are known to be unavailable; others may be, too. A hint, for callers
/// that have an alternative.
pub fn unknown() -> CloneFlags {
    if obstacle().is_some() { !FIRST } else { Found::now().unknown() }
}

/// Forgets everything and asks again: the errno that is returned instead of reaching
/// clone3(2) now.
pub fn refresh() -> Option<Errno> {
    let found = reach().err();
    let obstacle = found.map_or(0, |errno| errno.0 as u16);
    FOUND.store(Found { obstacle, ..Found::NOTHING }.pack(), Relaxed);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_holds_all_that_was_found() {
        let all = Found { obstacle: 4095, too_big: LARGEST, asked: 0xffff, known: 0x5555 };
        assert_eq!(Found::unpack(all.pack()), all);
        for one in [
            Found { obstacle: 38, ..Found::NOTHING },
            Found { too_big: 88, ..Found::NOTHING },
            Found { asked: u16::MAX, ..Found::NOTHING },
            Found { known: u16::MAX, ..Found::NOTHING },
        ] {
            assert_eq!(Found::unpack(one.pack()), one);
        }
    }

    #[test]
    fn bits_stand_for_the_later_flags() {
        assert_eq!(later(0), CloneFlags::NONE);
        assert_eq!(later(0b10), CLONE_CLEAR_SIGHAND);
        assert_eq!(later(u16::MAX), LATER);
        let found = Found { asked: 0b110, known: 0b100, ..Found::NOTHING };
        assert_eq!(found.unknown(), CLONE_CLEAR_SIGHAND);
    }
}
