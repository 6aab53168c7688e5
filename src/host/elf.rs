// SPDX-License-Identifier: MIT OR Apache-2.0
//! Symbols of the loaded objects, looked up in their own dynamic tables.
//!
//! dlsym is no help: before glibc 2.34 it is in a library that may not be
//! loaded, and a file with no DT_NEEDED cannot ask for it.

use super::tables::{Dyn, Name, Tables};
use super::walk;
use core::ffi::{CStr, c_void};
use core::ptr::{null, null_mut};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicPtr, AtomicUsize};

#[cfg(target_pointer_width = "32")]
use libc::Elf32_Phdr as Phdr;
#[cfg(target_pointer_width = "64")]
use libc::Elf64_Phdr as Phdr;

/// One loaded object, by its program headers.
#[derive(Clone, Copy)]
pub struct Object {
    base: usize,
    headers: *const Phdr,
    count: usize,
}

/// An object that stays loaded, once it has been found.
pub struct Place {
    base: AtomicUsize,
    headers: AtomicPtr<Phdr>,
    count: AtomicUsize,
}

impl Place {
    /// Of none.
    pub const fn new() -> Place {
        Place {
            base: AtomicUsize::new(0),
            headers: AtomicPtr::new(null_mut()),
            count: AtomicUsize::new(0),
        }
    }

    /// The object, if it has been set.
    pub fn get(&self) -> Option<Object> {
        let headers = self.headers.load(Acquire);
        (!headers.is_null()).then(|| Object {
            base: self.base.load(Relaxed),
            headers,
            count: self.count.load(Relaxed),
        })
    }

    /// Every caller passes the same object, so that two at once do no harm.
    pub fn set(&self, object: &Object) {
        self.base.store(object.base, Relaxed);
        self.count.store(object.count, Relaxed);
        self.headers.store(object.headers.cast_mut(), Release);
    }
}

/// Calls `each` for the loaded objects in their order until it says true.
fn walk(each: &mut dyn FnMut(Object) -> bool) {
    walk::walk(&mut |info, _| {
        each(Object::of(info.dlpi_addr as usize, info.dlpi_phdr, info.dlpi_phnum as usize))
    });
}

/// The object that contains an address.
pub fn object_of(address: *const c_void) -> Option<Object> {
    let mut found = None;
    walk(&mut |object| {
        if object.contains(address.addr()) {
            found = Some(object);
        }
        found.is_some()
    });
    found
}

/// What RTLD_NEXT would find: the first definition of each function in the objects after the
/// one that contains `ours`.
pub fn next_functions<const N: usize>(
    names: [&CStr; N],
    ours: *const c_void,
) -> [*const c_void; N] {
    let mut passed = false;
    let mut found = [null::<c_void>(); N];
    walk(&mut |object| {
        if let Some(tables) = if passed { object.tables() } else { None } {
            for (place, name) in found.iter_mut().zip(names) {
                if place.is_null() {
                    *place = object.function_of(&tables, name);
                }
            }
        }
        passed |= object.contains(ours.addr());
        !found.iter().any(|place| place.is_null())
    });
    found
}

/// The first definition of a function in any object but the one that contains
/// `ours`: what a program gets that is not linked with us.
pub fn first_function(name: &CStr, ours: *const c_void) -> *const c_void {
    let mut found = null();
    walk(&mut |object| {
        if !object.contains(ours.addr()) {
            found = object.symbol(name).map_or(null(), |symbol| symbol.0);
        }
        !found.is_null()
    });
    found
}

/// Whether the first object that defines a function is the one that contains
/// `ours`, so that others' calls of it come to us.
pub fn comes_first(name: &CStr, ours: *const c_void) -> bool {
    let mut first = None;
    walk(&mut |object| {
        if object.symbol(name).is_some() {
            first = Some(object);
        }
        first.is_some()
    });
    first.is_some_and(|object| object.contains(ours.addr()))
}

/// Calls `each` for the objects that lie in load order after the one that contains
/// `ours` and before `last`, which are none where `last` comes first.
pub fn between(ours: *const c_void, last: &Object, each: &mut dyn FnMut(&Object)) {
    let mut passed = false;
    walk(&mut |object| {
        let ends = object.key() == last.key();
        if passed && !ends {
            each(&object);
        }
        passed |= object.contains(ours.addr());
        ends
    });
}

/// The size in bytes of a symbol whose address is known.
pub fn symbol_size(name: &CStr, address: *const c_void) -> Option<usize> {
    let (found, size) = object_of(address)?.symbol(name)?;
    (found == address).then_some(size)
}

impl Object {
    /// One with so many program headers at an address, which must be those of a loaded object.
    pub fn of(base: usize, headers: *const Phdr, count: usize) -> Object {
        Object { base, headers, count }
    }

    fn headers(&self) -> &[Phdr] {
        if self.headers.is_null() {
            return &[];
        }
        // SAFETY: the loader's own table; objects we look at stay loaded.
        unsafe { core::slice::from_raw_parts(self.headers, self.count) }
    }

    /// Whether one of its segments covers an address.
    pub fn contains(&self, address: usize) -> bool {
        self.headers().iter().any(|header| {
            let start = self.base.wrapping_add(header.p_vaddr as usize);
            header.p_type == libc::PT_LOAD && address.wrapping_sub(start) < header.p_memsz as usize
        })
    }

    /// Its lowest address, and how many bytes reach to its highest.
    pub fn extent(&self) -> Option<(usize, usize)> {
        let loaded = || self.headers().iter().filter(|header| header.p_type == libc::PT_LOAD);
        let low = loaded().map(|header| header.p_vaddr as usize).min()?;
        let high =
            loaded().map(|header| header.p_vaddr as usize + header.p_memsz as usize).max()?;
        Some((self.base.wrapping_add(low), high.checked_sub(low)?))
    }

    /// A pointer from its dynamic section as an address, 0 if it is none.
    /// glibc relocates these words in place; musl, and both for the vDSO, leave
    /// them relative to the base, which wraps around for an object that was
    /// linked higher than it was loaded.
    pub fn address_of(&self, value: usize) -> usize {
        [value, self.base.wrapping_add(value)]
            .into_iter()
            .find(|&address| self.contains(address))
            .unwrap_or(0)
    }

    /// The build id that its linker gave it, empty where there is none.
    pub fn build_id(&self) -> &'static [u8] {
        const PT_NOTE: u32 = 4;
        let notes = self.headers().iter().filter(|header| header.p_type == PT_NOTE);
        let mut notes = notes.filter(|note| self.can_read(note));
        let found = notes.find_map(|note| {
            let start = self.base.wrapping_add(note.p_vaddr as usize) as *const u8;
            // SAFETY: in a segment that can be read, of an object that stays.
            let bytes = unsafe { core::slice::from_raw_parts(start, note.p_filesz as usize) };
            build_id(bytes, if note.p_align == 8 { 8 } else { 4 })
        });
        found.unwrap_or_default()
    }

    /// Whether what a header speaks of lies in what is loaded from the file, to be read.
    fn can_read(&self, part: &Phdr) -> bool {
        const PF_R: u32 = 4;
        self.headers().iter().any(|header| {
            let before = (part.p_vaddr as usize).checked_sub(header.p_vaddr as usize);
            let room = before.and_then(|before| (header.p_filesz as usize).checked_sub(before));
            header.p_type == libc::PT_LOAD
                && header.p_flags & PF_R != 0
                && room.is_some_and(|room| part.p_filesz as usize <= room)
        })
    }

    /// Its writable segments: where their words begin, and how many they are.
    pub fn writable(&self) -> impl Iterator<Item = (*const usize, usize)> {
        const PF_W: u32 = 2;
        let wanted = |header: &&Phdr| header.p_type == libc::PT_LOAD && header.p_flags & PF_W != 0;
        self.headers().iter().filter(wanted).map(|header| {
            let start = self.base.wrapping_add(header.p_vaddr as usize);
            let words = start.next_multiple_of(size_of::<usize>());
            let bytes = (header.p_memsz as usize).saturating_sub(words - start);
            (words as *const usize, bytes / size_of::<usize>())
        })
    }

    /// An address of it that no other object has.
    pub fn key(&self) -> *mut c_void {
        self.headers as *mut c_void
    }

    /// Its tables, if it has any.
    pub fn tables(&self) -> Option<Tables> {
        let dynamic = self.headers().iter().find(|header| header.p_type == libc::PT_DYNAMIC)?;
        let dynamic = self.base.wrapping_add(dynamic.p_vaddr as usize) as *const Dyn;
        // SAFETY: the object's dynamic section, ended by DT_NULL.
        Some(unsafe { Tables::read(dynamic, |value| self.address_of(value)) })
    }

    /// The default version of a symbol it defines: address and size.
    pub fn symbol(&self, name: &CStr) -> Option<(*const c_void, usize)> {
        let (value, size) = self.tables()?.find(name)?;
        Some((self.at(value), size))
    }

    /// The function it has for references of a program linked with `libc`: without a
    /// version, or of the version that is the libc's default.
    pub fn function_instead(&self, tables: &Tables, name: &Name, libc: &Tables) -> *const c_void {
        tables.instead(name, libc).map_or(null(), |value| self.at(value))
    }

    /// The same by its tables, where they are at hand.
    pub fn function_of(&self, tables: &Tables, name: &CStr) -> *const c_void {
        tables.find(name).map_or(null(), |(value, _)| self.at(value))
    }

    /// A function it defines, or null.
    pub fn function(&self, name: &CStr) -> *const c_void {
        self.symbol(name).map_or(null(), |symbol| symbol.0)
    }

    fn at(&self, value: usize) -> *const c_void {
        self.base.wrapping_add(value) as *const c_void
    }
}

/// The build id in notes (gABI, "Note Section"): three words, a name and what it names, both
/// filled up to `align`.
fn build_id(mut notes: &[u8], align: usize) -> Option<&[u8]> {
    const NT_GNU_BUILD_ID: u32 = 3;
    loop {
        let (head, rest) = notes.split_first_chunk::<12>()?;
        let word = |at: usize| {
            head.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |w| u32::from_ne_bytes(*w))
        };
        let (name, contents) = (word(0) as usize, word(4) as usize);
        let contents_at = name.checked_next_multiple_of(align)?;
        let end = contents_at.checked_add(contents)?;
        if word(8) == NT_GNU_BUILD_ID && rest.get(..name) == Some(b"GNU\0") {
            return rest.get(contents_at..end);
        }
        notes = rest.get(end.checked_next_multiple_of(align)?..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::build_id;

    /// A note, filled up to whole words.
    fn note(kind: u32, name: &[u8], contents: &[u8]) -> Vec<u8> {
        let head = [name.len() as u32, contents.len() as u32, kind];
        let mut note: Vec<u8> = head.into_iter().flat_map(u32::to_ne_bytes).collect();
        for part in [name, contents] {
            note.extend(part);
            note.resize(note.len().next_multiple_of(4), 0);
        }
        note
    }

    #[test]
    fn a_build_id_is_found_among_notes() {
        let id = note(3, b"GNU\0", b"\x01\x02\x03\x04\x05");
        let others = [note(1, b"GNU\0", b"abi"), note(3, b"other\0", b"x")].concat();
        assert_eq!(build_id(&[&others[..], &id].concat(), 4), Some(&b"\x01\x02\x03\x04\x05"[..]));
        assert_eq!(build_id(&others, 4), None);
        assert_eq!(build_id(b"", 4), None);
    }

    #[test]
    fn notes_that_are_cut_or_lie_have_none() {
        let id = note(3, b"GNU\0", b"12345678");
        for length in 0..id.len() {
            assert_eq!(build_id(&id[..length], 4), None);
        }
        let mut lying = id.clone();
        lying[..4].copy_from_slice(&u32::MAX.to_ne_bytes());
        assert_eq!(build_id(&lying, 4), None);
        lying[4..8].copy_from_slice(&u32::MAX.to_ne_bytes());
        assert_eq!(build_id(&lying, 8), None);
    }
}
