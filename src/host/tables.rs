// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tables of a loaded object's dynamic section: symbols, their hashes and
//! their versions (gABI, "Dynamic Linking"; LSB 5.0, "Symbol Versioning").

use super::hash_tables::{each_by_gnu_hash, each_by_sysv_hash, gnu_hash, sysv_hash};
use core::ffi::{CStr, c_char};
use core::ptr::null;

#[cfg(target_pointer_width = "32")]
use libc::Elf32_Sym as Sym;
#[cfg(target_pointer_width = "64")]
use libc::Elf64_Sym as Sym;

/// A symbol's name, with its hash in a DT_GNU_HASH table.
pub struct Name {
    text: &'static CStr,
    hash: u32,
}

impl Name {
    /// Of that text.
    pub const fn new(text: &'static CStr) -> Name {
        Name { text, hash: gnu_hash(text) }
    }
}

/// `Elf64_Dyn` or `Elf32_Dyn`.
#[repr(C)]
pub struct Dyn {
    tag: isize,
    value: usize,
}

const DT_NULL: isize = 0;
const DT_HASH: isize = 4;
const DT_STRTAB: isize = 5;
const DT_SYMTAB: isize = 6;
const DT_SONAME: isize = 14;
const DT_GNU_HASH: isize = 0x6fff_fef5;
const DT_VERSYM: isize = 0x6fff_fff0;
const DT_VERDEF: isize = 0x6fff_fffc;
const DT_VERDEFNUM: isize = 0x6fff_fffd;

const STT_OBJECT: u8 = 1;
const STT_FUNC: u8 = 2;

/// Of an entry in DT_VERSYM: not the default version.
const HIDDEN_VERSION: u16 = 0x8000;

/// `Elf64_Verdef` and `Elf32_Verdef`, which are the same.
#[repr(C)]
struct Verdef {
    revision: u16,
    flags: u16,
    index: u16,
    count: u16,
    hash: u32,
    names: u32,
    next: u32,
}

/// The tables a symbol look-up needs; null where the object has none.
pub struct Tables {
    strings: *const c_char,
    soname: usize,
    symbols: *const Sym,
    versions: *const u16,
    defined_versions: *const Verdef,
    defined_count: usize,
    gnu_hash: *const u32,
    sysv_hash: *const u32,
}

impl Tables {
    /// Those of a dynamic section; `address_of` is where one of its pointers leads.
    ///
    /// # Safety
    /// `dynamic` must be the dynamic section of an object, and the addresses in it.
    pub unsafe fn read(mut dynamic: *const Dyn, address_of: impl Fn(usize) -> usize) -> Tables {
        let mut tables = Tables {
            strings: null(),
            soname: 0,
            symbols: null(),
            versions: null(),
            defined_versions: null(),
            defined_count: 0,
            gnu_hash: null(),
            sysv_hash: null(),
        };
        loop {
            // SAFETY: the section goes on until DT_NULL.
            let entry = unsafe { &*dynamic };
            let address = || address_of(entry.value);
            match entry.tag {
                DT_NULL => return tables,
                DT_STRTAB => tables.strings = address() as *const c_char,
                DT_SONAME => tables.soname = entry.value,
                DT_SYMTAB => tables.symbols = address() as *const Sym,
                DT_VERSYM => tables.versions = address() as *const u16,
                DT_VERDEF => tables.defined_versions = address() as *const Verdef,
                DT_VERDEFNUM => tables.defined_count = entry.value,
                DT_GNU_HASH => tables.gnu_hash = address() as *const u32,
                DT_HASH => tables.sysv_hash = address() as *const u32,
                _ => {}
            }
            dynamic = dynamic.wrapping_add(1);
        }
    }

    /// Whether the object calls itself by one of these names.
    pub fn is_called(&self, names: &[&CStr]) -> bool {
        if self.strings.is_null() || self.soname == 0 {
            return false;
        }
        // SAFETY: both are C strings, the one in the object's string table.
        names.iter().any(|name| unsafe { same(self.strings.add(self.soname), name.as_ptr()) })
    }

    /// The default version of a symbol: its value and size.
    pub fn find(&self, name: &CStr) -> Option<(usize, usize)> {
        // SAFETY: the index comes from the object's own hash table.
        self.first(name, gnu_hash(name), |index| unsafe { !self.is_hidden(index) })
            .map(|(_, symbol)| (symbol.st_value as usize, symbol.st_size as usize))
    }

    /// The value of the function that the loader gives to a program which asks for the
    /// default version of `libc`; where that has no versions, for any.
    pub fn instead(&self, name: &Name, libc: &Tables) -> Option<usize> {
        // SAFETY: the index comes from the object's own hash table.
        self.first(name.text, name.hash, |index| unsafe { self.serves(index, name, libc) })
            .filter(|(_, symbol)| symbol.st_info & 0xf == STT_FUNC)
            .map(|(_, symbol)| symbol.st_value as usize)
    }

    /// The first definition of that name which is `wanted`, of whatever version: index
    /// and symbol.
    fn first(
        &self,
        name: &CStr,
        hash: u32,
        wanted: impl Fn(usize) -> bool,
    ) -> Option<(usize, &Sym)> {
        if self.strings.is_null() || self.symbols.is_null() {
            return None;
        }
        let mut found = None;
        let mut check = |index: usize| {
            // SAFETY: the index comes from the object's own hash table.
            found = unsafe { self.definition(index, name) }
                .filter(|_| wanted(index))
                .map(|symbol| (index, symbol));
            found.is_some()
        };
        // SAFETY: each is null or the object's hash table of that kind.
        unsafe {
            if !self.gnu_hash.is_null() {
                each_by_gnu_hash(self.gnu_hash, hash, &mut check);
            } else if !self.sysv_hash.is_null() {
                each_by_sysv_hash(self.sysv_hash, sysv_hash(name), &mut check);
            }
        }
        found
    }

    /// The symbol at `index` if it is a definition of `name`.
    ///
    /// # Safety
    /// `index` must be in the symbol table.
    unsafe fn definition(&self, index: usize, name: &CStr) -> Option<&Sym> {
        // SAFETY: by the contract.
        let symbol = unsafe { &*self.symbols.add(index) };
        let kind = symbol.st_info & 0xf;
        if symbol.st_shndx == 0 || (kind != STT_FUNC && kind != STT_OBJECT) {
            return None;
        }
        // SAFETY: both are C strings, the one in the object's string table.
        unsafe { same(self.strings.add(symbol.st_name as usize), name.as_ptr()) }.then_some(symbol)
    }

    /// # Safety
    /// `index` must be in the symbol table.
    unsafe fn version(&self, index: usize) -> u16 {
        // SAFETY: the versions table runs beside the symbol table.
        if self.versions.is_null() { 0 } else { unsafe { *self.versions.add(index) } }
    }

    /// # Safety
    /// `index` must be in the symbol table.
    unsafe fn is_hidden(&self, index: usize) -> bool {
        // SAFETY: by the contract.
        unsafe { self.version(index) & HIDDEN_VERSION != 0 }
    }

    /// # Safety
    /// `index` must be in the symbol table.
    unsafe fn serves(&self, index: usize, name: &Name, libc: &Tables) -> bool {
        const UNVERSIONED: u16 = 1;
        // SAFETY: by the contract.
        let version = unsafe { self.version(index) };
        if libc.versions.is_null() {
            return version & HIDDEN_VERSION == 0;
        }
        if version <= UNVERSIONED {
            return true;
        }
        match (self.version_name(version), libc.default_version(name)) {
            // SAFETY: both are names in string tables.
            (Some(mine), Some(wanted)) => unsafe { same(mine, wanted) },
            _ => false,
        }
    }

    /// The name of the default version of a symbol.
    fn default_version(&self, name: &Name) -> Option<*const c_char> {
        // SAFETY: the index comes from the object's own hash table.
        let shown = |index| unsafe { !self.is_hidden(index) };
        let (index, _) = self.first(name.text, name.hash, shown)?;
        // SAFETY: as above.
        self.version_name(unsafe { self.version(index) })
    }

    /// The name of a version that the object defines.
    fn version_name(&self, version: u16) -> Option<*const c_char> {
        let mut at = self.defined_versions;
        for _ in 0..self.defined_count {
            if at.is_null() {
                return None;
            }
            // SAFETY: one of as many entries as the object says it has, each of which
            // says where the next is; so for its names, of which the first is its own.
            unsafe {
                if (*at).index == version & !HIDDEN_VERSION {
                    let name = at.cast::<u8>().add((*at).names as usize).cast::<u32>().read();
                    return Some(self.strings.add(name as usize));
                }
                at = at.cast::<u8>().add((*at).next as usize).cast();
            }
        }
        None
    }
}

/// Equality without strlen and memcmp, which are symbols of the libc.
///
/// # Safety
/// Both must be C strings.
unsafe fn same(one: *const c_char, other: *const c_char) -> bool {
    let mut at = 0;
    loop {
        // SAFETY: goes no further than the first difference or the NUL of both.
        let (a, b) = unsafe { (one.add(at).read(), other.add(at).read()) };
        if a != b || a == 0 {
            return a == b;
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An object of four symbols named "x": local (0), no version, "V1", "V2" hidden.
    struct Fake {
        strings: [u8; 9],
        symbols: [Sym; 4],
        versions: [u16; 4],
        defined: [(Verdef, [u32; 2]); 2],
        hash: [u32; 2 + 1 + 4],
    }

    impl Fake {
        fn new() -> Fake {
            let symbol = |index: u16| {
                // SAFETY: plain numbers.
                let mut symbol: Sym = unsafe { core::mem::zeroed() };
                (symbol.st_name, symbol.st_info, symbol.st_shndx) = (1, STT_FUNC, index);
                symbol.st_value = index.into();
                symbol
            };
            let version = |index, name, next| {
                let names = size_of::<Verdef>() as u32;
                (Verdef { revision: 1, flags: 0, index, count: 1, hash: 0, names, next }, [name, 0])
            };
            let size = size_of::<(Verdef, [u32; 2])>() as u32;
            Fake {
                strings: *b"\0x\0V1\0V2\0",
                symbols: [symbol(0), symbol(1), symbol(2), symbol(3)],
                versions: [0, 1, 2, 3 | HIDDEN_VERSION],
                defined: [version(2, 3, size), version(3, 6, 0)],
                hash: [1, 4, 1, 0, 2, 3, 0],
            }
        }

        fn tables(&self) -> Tables {
            Tables {
                strings: self.strings.as_ptr().cast(),
                soname: 3,
                symbols: self.symbols.as_ptr(),
                versions: self.versions.as_ptr(),
                defined_versions: self.defined.as_ptr().cast(),
                defined_count: 2,
                gnu_hash: null(),
                sysv_hash: self.hash.as_ptr(),
            }
        }
    }

    #[test]
    fn a_definition_serves_references_of_its_version_or_if_it_has_none() {
        const X: Name = Name::new(c"x");
        let (others, mut libc) = (Fake::new(), Fake::new());
        let mut others = others;
        let serving = |others: &Fake, libc: &Fake| others.tables().instead(&X, &libc.tables());
        libc.versions = [0, 1 | HIDDEN_VERSION, 2, 3 | HIDDEN_VERSION];
        assert_eq!(serving(&others, &libc), Some(1), "without a version");
        others.versions = [0, 1 | HIDDEN_VERSION, 2, 3 | HIDDEN_VERSION];
        assert_eq!(serving(&others, &libc), Some(2), "of the libc's version V1");
        libc.versions = [0, 1 | HIDDEN_VERSION, 2 | HIDDEN_VERSION, 3];
        assert_eq!(serving(&others, &libc), Some(3), "of the libc's version V2, if not by default");
        others.versions = [0, 1 | HIDDEN_VERSION, 2, 2 | HIDDEN_VERSION];
        assert_eq!(serving(&others, &libc), None, "of another version");
        let unversioned = Tables { versions: null(), ..libc.tables() };
        assert_eq!(others.tables().instead(&X, &unversioned), Some(2), "the default, on musl");
        assert_eq!(others.tables().find(c"x"), Some((2, 0)));
        assert!(others.tables().is_called(&[c"V0", c"V1"]));
        assert!(!others.tables().is_called(&[c"V"]));
    }

    #[test]
    fn names_are_compared_whole() {
        // SAFETY: C strings all.
        let is = |one: &CStr, other: &CStr| unsafe { same(one.as_ptr(), other.as_ptr()) };
        assert!(is(c"fork", c"fork"));
        assert!(!is(c"fork", c"forkpty"));
        assert!(!is(c"forkpty", c"fork"));
        assert!(!is(c"_Fork", c"fork"));
    }
}
