// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which object of the process an address is in, and what tells that object from others.

use super::elf::Object;
use super::{functions, start, walk};
use crate::base::SMALLEST_PAGE;
use core::ffi::{c_char, c_void};
use core::mem::size_of;

#[cfg(target_pointer_width = "32")]
use libc::{Elf32_Ehdr as Ehdr, Elf32_Phdr as Phdr};
#[cfg(target_pointer_width = "64")]
use libc::{Elf64_Ehdr as Ehdr, Elf64_Phdr as Phdr};

/// An object in memory.
#[derive(Clone, Copy, Debug)]
pub struct Mapped {
    /// Where it lies, less where its file says that it lies.
    pub base: usize,
    /// Its lowest address,
    pub start: usize,
    /// and the first behind it.
    pub end: usize,
    /// Its path as the loader has it: a C string, which is empty for the program itself.
    pub name: *const c_char,
    /// Its program headers; null where they are still to be found.
    pub headers: *const Phdr,
    /// How many.
    pub count: usize,
}

/// What `_dl_find_object` fills in (glibc 2.35), with room for what it may have besides.
#[repr(C)]
struct Found {
    flags: u64,
    start: usize,
    end: usize,
    map: *const LinkMap,
    more: [usize; 16],
}

/// What a debugger may read of a `struct link_map`.
#[repr(C)]
struct LinkMap {
    base: usize,
    name: *const c_char,
}

/// Whether [`find`] works here.
pub fn can_be_found() -> bool {
    functions::find_object().is_some()
}

/// The object that an address is in, if it can be told.
///
/// Async-signal-safe: no lock, and the thread itself keeps an object loaded that it has to
/// return to.
pub fn find(address: usize) -> Option<Mapped> {
    let find_object = functions::find_object()?;
    let mut found = Found { flags: 0, start: 0, end: 0, map: core::ptr::null(), more: [0; 16] };
    // SAFETY: glibc's function, with room for its result.
    let failed = unsafe { find_object(address as *mut c_void, (&raw mut found).cast()) };
    // SAFETY: null or the loader's own.
    let map = unsafe { found.map.as_ref() }.filter(|_| failed == 0)?;
    let (base, name, start, end) = (map.base, map.name, found.start, found.end);
    Some(Mapped { base, start, end, name, headers: core::ptr::null(), count: 0 })
}

/// Calls `each` for the loaded objects in their order until it says true. Not
/// async-signal-safe.
pub fn each(each: &mut dyn FnMut(&Mapped) -> bool) {
    walk::walk(&mut |info, _| {
        let (base, headers) = (info.dlpi_addr as usize, info.dlpi_phdr.cast::<Phdr>());
        let count = info.dlpi_phnum.into();
        let extent = Object::of(base, headers, count).extent();
        extent.is_some_and(|(low, bytes)| {
            let end = low.wrapping_add(bytes);
            // musl names the program by its first argument.
            let is_program = headers.addr() == start::headers();
            let name = if is_program { c"".as_ptr() } else { info.dlpi_name };
            each(&Mapped { base, start: low, end, name, headers, count })
        })
    });
}

impl Mapped {
    /// The build id that its linker gave it, empty where there is none. `can_read` says
    /// whether the page of an address can be read.
    pub fn build_id(&self, can_read: impl FnMut(usize) -> bool) -> &'static [u8] {
        match self.with_headers(can_read) {
            Some(object) => object.build_id(),
            None => &[],
        }
    }

    /// With its program headers, which are behind the ELF header at its beginning if they
    /// are not known.
    fn with_headers(&self, mut can_read: impl FnMut(usize) -> bool) -> Option<Object> {
        if !self.headers.is_null() {
            return Some(Object::of(self.base, self.headers, self.count));
        }
        // glibc gives the program's code for its beginning on aarch64.
        [self.start, self.base]
            .into_iter()
            .filter(|&start| start != 0 && can_read(start))
            .find_map(|start| self.with_headers_at(start))
    }

    /// The same if the ELF header is there, in a page that can be read.
    fn with_headers_at(&self, start: usize) -> Option<Object> {
        if start % SMALLEST_PAGE != 0 {
            return None;
        }
        // SAFETY: a page begins there, which can be read.
        let header = unsafe { (start as *const Ehdr).as_ref() }?;
        let (offset, count) = (header.e_phoff as usize, usize::from(header.e_phnum));
        let is_one = header.e_ident.starts_with(b"\x7fELF")
            && usize::from(header.e_phentsize) == size_of::<Phdr>()
            && offset % align_of::<Phdr>() == 0
            && offset < SMALLEST_PAGE
            && count <= (SMALLEST_PAGE - offset) / size_of::<Phdr>();
        is_one.then(|| Object::of(self.base, (start + offset) as *const Phdr, count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_of_this_code_is_found_in_both_ways() {
        let here = the_object_of_this_code_is_found_in_both_ways as fn() as usize;
        let mut walked = None;
        each(&mut |object| {
            if (object.start..object.end).contains(&here) {
                walked = Some(*object);
            }
            walked.is_some()
        });
        let walked = walked.unwrap();
        assert_eq!(walked.build_id(|_| false), walked.build_id(|_| true));
        functions::look_up_for_trace();
        if let Some(found) = find(here) {
            assert_eq!((found.base, found.start), (walked.base, walked.start));
            assert!(found.end >= walked.end);
            assert_eq!(found.build_id(|_| true), walked.build_id(|_| true));
            assert_eq!(found.build_id(|_| false), b"", "a page that cannot be read");
        }
        assert!(find(8).is_none());
    }
}
