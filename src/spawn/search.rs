// SPDX-License-Identifier: MIT OR Apache-2.0
//! The search for a program in PATH, like execvp's.
//!
//! Elements are tried in their order, the empty one being the working directory (the
//! child's, after its file actions). After EACCES the search continues, and fails with
//! EACCES if nothing is found; missing files and directories are skipped; any other error
//! ends the search. A script without `#!` is not given to a shell: neither glibc's
//! posix_spawnp (since 2.15) nor musl's does.

use crate::base::{SMALLEST_PAGE, text};
use crate::host::environment;
use crate::uapi::exec::{self, Strings};
use crate::uapi::{Errno, pages};
use core::ffi::{c_char, c_void};
use core::ptr::null_mut;

/// A name to search for, and a buffer for the paths to try.
pub struct Search {
    file: *const c_char,
    length: usize,
    /// PATH; null where the name is a path.
    list: *const c_char,
    /// A buffer too big for the stack.
    mapped: *mut u8,
    room: usize,
}

/// Paths up to this size are assembled on the child's stack.
const SMALL: usize = 128;
/// PATH_MAX of `<linux/limits.h>`, with its NUL.
const LONGEST_PATH: usize = SMALLEST_PAGE;
/// NAME_MAX.
const LONGEST_NAME: usize = 255;

impl Search {
    /// Prepares the search in the parent, with the caller's environment.
    ///
    /// # Safety
    /// `file` must be a string that stays as it is.
    pub unsafe fn of(file: *const c_char) -> Result<Search, Errno> {
        // SAFETY: by the contract.
        let name = unsafe { text::bytes(file) };
        let mut search = Search {
            file,
            length: name.len(),
            list: core::ptr::null(),
            mapped: null_mut(),
            room: SMALL,
        };
        if name.is_empty() {
            return Err(Errno::ENOENT);
        }
        if name.contains(&b'/') {
            return Ok(search);
        }
        if name.len() > LONGEST_NAME {
            return Err(Errno::ENAMETOOLONG);
        }
        search.list = environment::search_path();
        let needed = search.longest_element() + name.len() + 2;
        if needed > SMALL {
            search.mapped = pages::map_pages(needed)?.cast();
            search.room = needed;
        }
        Ok(search)
    }

    /// The name searched for.
    pub fn name(&self) -> *const c_char {
        self.file
    }

    /// Each element of PATH.
    fn elements(&self) -> Elements {
        Elements { at: self.list }
    }

    fn longest_element(&self) -> usize {
        self.elements().map(|(_, length)| length).filter(|&n| n < LONGEST_PATH).max().unwrap_or(0)
    }

    /// For the child: executes the first file that can be executed. Returns why none
    /// could.
    pub fn execute(&self, argv: Strings, envp: Strings) -> Errno {
        if self.list.is_null() {
            return exec::exec(self.file, argv, envp);
        }
        if self.mapped.is_null() {
            self.try_each_small(argv, envp)
        } else {
            self.try_each(self.mapped, argv, envp)
        }
    }

    #[inline(never)]
    fn try_each_small(&self, argv: Strings, envp: Strings) -> Errno {
        let mut room = core::mem::MaybeUninit::<[u8; SMALL]>::uninit();
        self.try_each(room.as_mut_ptr().cast(), argv, envp)
    }

    fn try_each(&self, room: *mut u8, argv: Strings, envp: Strings) -> Errno {
        let mut verdict = Errno::ENOENT;
        let mut denied = false;
        for (element, length) in self.elements() {
            // Elements that are too long for any path.
            if length >= LONGEST_PATH || length + self.length + 2 > self.room {
                continue;
            }
            // SAFETY: it fits, as just checked.
            unsafe { self.put_together(room, element, length) };
            verdict = exec::exec(room.cast(), argv, envp);
            match verdict.0 {
                libc::EACCES => denied = true,
                // No such file, or a remote file system that does not respond.
                libc::ENOENT | libc::ENOTDIR | libc::ESTALE | libc::ENODEV | libc::ETIMEDOUT => {}
                _ => return verdict,
            }
        }
        if denied { Errno::EACCES } else { verdict }
    }

    /// # Safety
    /// There must be room for element, slash, name and NUL.
    unsafe fn put_together(&self, room: *mut u8, element: *const c_char, length: usize) {
        let slash = usize::from(length != 0);
        // SAFETY: by the contract; the name's NUL is copied with it.
        unsafe {
            room.copy_from_nonoverlapping(element.cast(), length);
            room.add(length).write(b'/');
            let name = room.add(length + slash);
            name.copy_from_nonoverlapping(self.file.cast(), self.length + 1);
        }
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        if !self.mapped.is_null() {
            // SAFETY: mapped in `of`; the child that used it is gone.
            unsafe { pages::unmap_pages(self.mapped.cast::<c_void>(), self.room) };
        }
    }
}

/// The elements of a list with colons between them: where each is, and how long.
struct Elements {
    at: *const c_char,
}

impl Iterator for Elements {
    type Item = (*const c_char, usize);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at;
        if start.is_null() {
            return None;
        }
        let mut length = 0;
        let end = loop {
            // SAFETY: within a string, up to its NUL.
            match unsafe { start.add(length).read() } as u8 {
                end @ (0 | b':') => break end,
                _ => length += 1,
            }
        };
        // SAFETY: the string continues after a colon.
        self.at = if end == 0 { core::ptr::null() } else { unsafe { start.add(length + 1) } };
        Some((start, length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::ffi::CStr;

    fn elements(list: &CStr) -> Vec<Vec<u8>> {
        let all = Elements { at: list.as_ptr() };
        // SAFETY: within the string.
        all.map(|(at, n)| unsafe { core::slice::from_raw_parts(at.cast::<u8>(), n) }.to_vec())
            .collect()
    }

    #[test]
    fn empty_elements_count() {
        assert_eq!(elements(c"/bin:/usr/bin"), [&b"/bin"[..], b"/usr/bin"]);
        assert_eq!(elements(c""), [b""]);
        assert_eq!(elements(c":/a::"), [&b""[..], b"/a", b"", b""]);
    }

    #[test]
    fn a_path_is_put_together() {
        let mut room = [0xffu8; 16];
        let search = Search {
            file: c"sh".as_ptr(),
            length: 2,
            list: core::ptr::null(),
            mapped: null_mut(),
            room: 16,
        };
        // SAFETY: there is room.
        unsafe { search.put_together(room.as_mut_ptr(), c"/bin".as_ptr(), 4) };
        assert_eq!(&room[..8], b"/bin/sh\0");
        // SAFETY: there is room.
        unsafe { search.put_together(room.as_mut_ptr(), c"".as_ptr(), 0) };
        assert_eq!(&room[..3], b"sh\0");
    }
}
