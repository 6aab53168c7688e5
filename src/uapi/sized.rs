// SPDX-License-Identifier: MIT OR Apache-2.0
//! Structs that may grow at their end, by the kernel's own rule for `struct clone_args`.
//!
//! The first field, 32 bits wide, is the number of bytes of the struct that the caller
//! knows. Less than the first version's is EINVAL, more than a page E2BIG. A struct from
//! a caller may be longer than the one known here if the rest is zero, otherwise E2BIG;
//! fields that it is too short for are zero. A struct for a caller is truncated to its
//! size; fields that are not known here are zero, and the size says how much was filled
//! in.

use super::Errno;
use core::mem::{MaybeUninit, size_of};

/// The maximum for every version.
const LARGEST: usize = 4096;

/// Checks a size: it must be possible for some version.
pub fn check(size: usize, first: usize) -> Result<usize, Errno> {
    match size {
        _ if size < first => Err(Errno::EINVAL),
        _ if size > LARGEST => Err(Errno::E2BIG),
        _ => Ok(size),
    }
}

/// The size that the caller knows; EFAULT for NULL.
///
/// # Safety
/// Null or a struct that begins with its size.
pub unsafe fn size<T>(place: *const T, first: usize) -> Result<usize, Errno> {
    if place.is_null() {
        return Err(Errno::EFAULT);
    }
    // SAFETY: by the contract.
    check(unsafe { place.cast::<u32>().read() } as usize, first)
}

/// Reads a caller's struct, as far as it is known here.
///
/// # Safety
/// Null or a struct as large as it says, all of whose bytes may be read. Any bytes,
/// including zeroes, must be a valid `T`.
pub unsafe fn read<T: Copy>(place: *const T, first: usize) -> Result<T, Errno> {
    // SAFETY: by the contract.
    let size = unsafe { size(place, first) }?;
    let known = size.min(size_of::<T>());
    let bytes = place.cast::<u8>();
    // SAFETY: within the struct.
    if (known..size).any(|offset| unsafe { bytes.add(offset).read() } != 0) {
        return Err(Errno::E2BIG);
    }
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: both are that large; any bytes are a T, by the contract.
    unsafe {
        bytes.copy_to_nonoverlapping(value.as_mut_ptr().cast(), known);
        Ok(value.assume_init())
    }
}

/// Fills in a caller's struct of `size` bytes from `value`, except the field size.
///
/// # Safety
/// `place` must be that large, and `T` begin with its size.
pub unsafe fn write<T: Copy>(place: *mut T, size: usize, value: &T) {
    let known = size.min(size_of::<T>());
    let bytes = place.cast::<u8>();
    // SAFETY: by the contract.
    unsafe {
        (&raw const *value).cast::<u8>().copy_to_nonoverlapping(bytes, known);
        bytes.add(known).write_bytes(0, size - known);
        place.cast::<u32>().write(known as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first version of a struct, as in an older program or an older library.
    #[repr(C)]
    #[derive(Clone, Copy, Debug, PartialEq, Default)]
    struct Old {
        size: u32,
        one: u32,
    }

    #[repr(C)]
    #[derive(Clone, Copy, Debug, PartialEq, Default)]
    struct New {
        size: u32,
        one: u32,
        two: u64,
    }

    const FIRST: usize = size_of::<Old>();

    #[test]
    fn an_older_program_gets_and_gives_what_it_knows() {
        let mut place = New { size: 8, one: 0, two: 7 };
        let at = &raw mut place;
        // SAFETY: structs of the sizes that they say.
        unsafe {
            let size = size(at, FIRST).unwrap();
            write(at, size, &New { size: 0, one: 1, two: 2 });
            assert_eq!(place, New { size: 8, one: 1, two: 7 });
            assert_eq!(read(at, FIRST), Ok(New { size: 8, one: 1, two: 0 }));
        }
    }

    #[test]
    fn a_newer_program_gets_zeroes_for_what_is_not_known_and_may_give_nothing_else() {
        let mut place = New { size: 16, one: 0, two: 7 };
        let at = (&raw mut place).cast::<Old>();
        // SAFETY: structs of the sizes that they say.
        unsafe {
            assert_eq!(read(at, FIRST), Err(Errno::E2BIG));
            write(at, size(at, FIRST).unwrap(), &Old { size: 0, one: 1 });
            assert_eq!(place, New { size: 8, one: 1, two: 0 });
            at.cast::<u32>().write(16);
            assert_eq!(read(at, FIRST), Ok(Old { size: 16, one: 1 }));
        }
    }

    #[test]
    fn sizes_of_no_version_are_refused() {
        let of = |bytes: u32| {
            let place = New { size: bytes, ..New::default() };
            // SAFETY: only the size is read.
            unsafe { size(&raw const place, FIRST) }
        };
        assert_eq!(of(7), Err(Errno::EINVAL));
        assert_eq!(of(0), Err(Errno::EINVAL));
        assert_eq!(of(4096), Ok(4096));
        assert_eq!(of(4097), Err(Errno::E2BIG));
        // SAFETY: null.
        assert_eq!(unsafe { size(core::ptr::null::<New>(), FIRST) }, Err(Errno::EFAULT));
    }
}
