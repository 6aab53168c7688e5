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

    /// Always the same object, whoever sets it.
    pub fn set(&self, object: &Object) {
        self.base.store(object.base, Relaxed);
        self.count.store(object.count, Relaxed);
        self.headers.store(object.headers.cast_mut(), Release);
    }
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
