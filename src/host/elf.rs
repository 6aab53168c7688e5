// SPDX-License-Identifier: MIT OR Apache-2.0
//! Symbols of the loaded objects, looked up in their own dynamic tables.
//!
//! dlsym is no help: before glibc 2.34 it is in a library that may not be
//! loaded, and a file with no DT_NEEDED cannot ask for it.

use super::walk;
use core::ffi::{CStr, c_char, c_void};
use core::ptr::null;

#[cfg(target_pointer_width = "32")]
use libc::{Elf32_Phdr as Phdr, Elf32_Sym as Sym};
#[cfg(target_pointer_width = "64")]
use libc::{Elf64_Phdr as Phdr, Elf64_Sym as Sym};

/// One loaded object, by its program headers.
#[derive(Clone, Copy)]
pub struct Object {
    base: usize,
    headers: *const Phdr,
    count: usize,
}

/// Calls `each` for the loaded objects in their order until it says true.
fn walk(each: &mut dyn FnMut(Object) -> bool) {
    walk::walk(&mut |info, _| {
        each(Object {
            base: info.dlpi_addr as usize,
            headers: info.dlpi_phdr,
            count: info.dlpi_phnum as usize,
        })
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

/// What RTLD_NEXT would find: the first definition of a function in the
/// objects after the one that contains `ours`.
pub fn next_function(name: &CStr, ours: *const c_void) -> *const c_void {
    let mut passed = false;
    let mut found = null();
    walk(&mut |object| {
        if passed {
            found = object.symbol(name).map_or(null(), |symbol| symbol.0);
        }
        passed |= object.contains(ours.addr());
        !found.is_null()
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

/// A function of the object that contains `within`.
pub fn function_of(within: *const c_void, name: &CStr) -> *const c_void {
    object_of(within).and_then(|object| object.symbol(name)).map_or(null(), |symbol| symbol.0)
}

/// The size in bytes of a symbol whose address is known.
pub fn symbol_size(name: &CStr, address: *const c_void) -> Option<usize> {
    let (found, size) = object_of(address)?.symbol(name)?;
    (found == address).then_some(size)
}

impl Object {
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
    fn address_of(&self, value: usize) -> usize {
        [value, self.base.wrapping_add(value)]
            .into_iter()
            .find(|&address| self.contains(address))
            .unwrap_or(0)
    }

    /// An address of it that no other object has.
    pub fn key(&self) -> *mut c_void {
        self.headers as *mut c_void
    }

    /// The default version of a symbol it defines: address and size.
    fn symbol(&self, name: &CStr) -> Option<(*const c_void, usize)> {
        let dynamic = self.headers().iter().find(|header| header.p_type == libc::PT_DYNAMIC)?;
        let dynamic = self.base.wrapping_add(dynamic.p_vaddr as usize) as *const Dyn;
        // SAFETY: the object's dynamic section, ended by DT_NULL.
        unsafe { Tables::read(dynamic, self) }.find(name, self.base)
    }
}

/// `Elf64_Dyn` or `Elf32_Dyn`.
#[repr(C)]
struct Dyn {
    tag: isize,
    value: usize,
}

const DT_NULL: isize = 0;
const DT_HASH: isize = 4;
const DT_STRTAB: isize = 5;
const DT_SYMTAB: isize = 6;
const DT_GNU_HASH: isize = 0x6fff_fef5;
const DT_VERSYM: isize = 0x6fff_fff0;

/// The tables a symbol look-up needs; null where the object has none.
struct Tables {
    strings: *const c_char,
    symbols: *const Sym,
    versions: *const u16,
    gnu_hash: *const u32,
    sysv_hash: *const u32,
}

impl Tables {
    /// # Safety
    /// `dynamic` must be the dynamic section of `object`.
    unsafe fn read(mut dynamic: *const Dyn, object: &Object) -> Tables {
        let mut tables = Tables {
            strings: null(),
            symbols: null(),
            versions: null(),
            gnu_hash: null(),
            sysv_hash: null(),
        };
        loop {
            // SAFETY: the section goes on until DT_NULL.
            let entry = unsafe { &*dynamic };
            let address = || object.address_of(entry.value);
            match entry.tag {
                DT_NULL => return tables,
                DT_STRTAB => tables.strings = address() as *const c_char,
                DT_SYMTAB => tables.symbols = address() as *const Sym,
                DT_VERSYM => tables.versions = address() as *const u16,
                DT_GNU_HASH => tables.gnu_hash = address() as *const u32,
                DT_HASH => tables.sysv_hash = address() as *const u32,
                _ => {}
            }
            dynamic = dynamic.wrapping_add(1);
        }
    }

    fn find(&self, name: &CStr, base: usize) -> Option<(*const c_void, usize)> {
        if self.strings.is_null() || self.symbols.is_null() {
            return None;
        }
        let mut found = None;
        let mut check = |index: usize| {
            // SAFETY: the index comes from the object's own hash table.
            if let Some(symbol) = unsafe { self.defines(index, name) } {
                let address = base.wrapping_add(symbol.st_value as usize) as *const c_void;
                found = Some((address, symbol.st_size as usize));
            }
            found.is_some()
        };
        // SAFETY: each is null or the object's hash table of that kind.
        unsafe {
            if !self.gnu_hash.is_null() {
                each_by_gnu_hash(self.gnu_hash, gnu_hash(name), &mut check);
            } else if !self.sysv_hash.is_null() {
                each_by_sysv_hash(self.sysv_hash, sysv_hash(name), &mut check);
            }
        }
        found
    }

    /// The symbol at `index` if it is a visible definition of `name`.
    ///
    /// # Safety
    /// `index` must be in the symbol table.
    unsafe fn defines(&self, index: usize, name: &CStr) -> Option<&Sym> {
        const HIDDEN_VERSION: u16 = 0x8000;
        const STT_OBJECT: u8 = 1;
        const STT_FUNC: u8 = 2;
        // SAFETY: by the contract.
        let symbol = unsafe { &*self.symbols.add(index) };
        let kind = symbol.st_info & 0xf;
        if symbol.st_shndx == 0 || (kind != STT_FUNC && kind != STT_OBJECT) {
            return None;
        }
        // SAFETY: the versions table runs beside the symbol table.
        if !self.versions.is_null() && unsafe { *self.versions.add(index) } & HIDDEN_VERSION != 0 {
            return None;
        }
        // SAFETY: a name in the object's string table, which ends in NUL.
        unsafe { is_named(self.strings.add(symbol.st_name as usize), name) }.then_some(symbol)
    }
}

/// Equality without strlen and memcmp, which are symbols of the libc.
///
/// # Safety
/// `found` must be a C string.
unsafe fn is_named(found: *const c_char, name: &CStr) -> bool {
    // SAFETY: goes no further than the first difference, so not beyond NUL.
    name.to_bytes_with_nul()
        .iter()
        .enumerate()
        .all(|(i, &byte)| unsafe { found.add(i).read() } as u8 == byte)
}

fn gnu_hash(name: &CStr) -> u32 {
    name.to_bytes()
        .iter()
        .fold(5381, |hash: u32, &byte| hash.wrapping_mul(33).wrapping_add(u32::from(byte)))
}

fn sysv_hash(name: &CStr) -> u32 {
    name.to_bytes().iter().fold(0, |hash: u32, &byte| {
        let hash = (hash << 4).wrapping_add(u32::from(byte));
        let high = hash & 0xf000_0000;
        (hash ^ (high >> 24)) & !high
    })
}

/// Hands the indices of the chain that holds `hash` to `check` until it says
/// true. Layout: number of buckets, first index, number of filter words, a
/// shift; then the filter (words of a pointer's size), the buckets, the chains.
///
/// # Safety
/// `table` must be a DT_GNU_HASH table.
unsafe fn each_by_gnu_hash(table: *const u32, hash: u32, check: &mut dyn FnMut(usize) -> bool) {
    // SAFETY: all indices are bounded by the table's own header and by the
    // end mark (bit 0) of each chain.
    unsafe {
        let (buckets, first, filter) = (*table, *table.add(1), *table.add(2));
        if buckets == 0 {
            return;
        }
        let filter = table.add(4).cast::<usize>().add(filter as usize);
        let bucket = filter.cast::<u32>();
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

/// The same for the older table: number of buckets, number of chains, both.
///
/// # Safety
/// `table` must be a DT_HASH table.
unsafe fn each_by_sysv_hash(table: *const u32, hash: u32, check: &mut dyn FnMut(usize) -> bool) {
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

    #[test]
    fn names_are_compared_whole() {
        // SAFETY: C strings all.
        let is = |found: &CStr, name| unsafe { is_named(found.as_ptr(), name) };
        assert!(is(c"fork", c"fork"));
        assert!(!is(c"fork", c"forkpty"));
        assert!(!is(c"forkpty", c"fork"));
        assert!(!is(c"_Fork", c"fork"));
    }
}
