// SPDX-License-Identifier: MIT OR Apache-2.0
//! Functions and lines of addresses, from the files that were in memory.
//!
//! A file counts only if it is the one that was there: it has the build id that was recorded;
//! without one it has none either, and was not changed since. Debug information comes from
//! the file itself, or from one with its build id in the directory for such files.
//!
//! Files may be anything: sizes are limited, nothing but regular files is read, and what
//! cannot be understood is not known.

mod file;
mod lines;

use file::Elf;
use lines::Lines;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// An object as it was in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The path by which it was loaded,
    pub path: Vec<u8>,
    /// from there.
    pub directory: Vec<u8>,
    /// Empty where it has none.
    pub build_id: Vec<u8>,
    /// When it was in memory first: CLOCK_REALTIME in ns.
    pub seen_ns: u64,
}

/// What a file says of an address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The function that it is in.
    pub function: Option<String>,
    /// The source file,
    pub file: Option<String>,
    /// and the line in it.
    pub line: Option<u32>,
}

/// So many files are opened for one report,
const FILES: u32 = 1 << 10;
/// and so many bytes are read, together.
const BYTES: u64 = 2 << 30;

/// What may still be read.
#[derive(Debug)]
pub struct Budget {
    files: Cell<u32>,
    bytes: Cell<u64>,
}

impl Budget {
    /// Whether another file may be opened.
    fn take_file(&self) -> bool {
        let left = self.files.get();
        self.files.set(left.saturating_sub(1));
        left != 0
    }

    /// Whether so many bytes more may be read.
    fn take_bytes(&self, many: u64) -> bool {
        let left = self.bytes.get().checked_sub(many);
        self.bytes.set(left.unwrap_or(self.bytes.get()));
        left.is_some()
    }
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { files: Cell::new(FILES), bytes: Cell::new(BYTES) }
    }
}

/// A file that was found for an object, and debug information.
struct Loaded {
    file: Option<Elf>,
    debug: Option<Elf>,
    lines: Option<Lines>,
}

/// All that was looked up.
#[derive(Default)]
pub struct Symbols {
    debug_files: PathBuf,
    budget: Budget,
    objects: Vec<Object>,
    /// By path, directory and build id.
    numbers: HashMap<[Vec<u8>; 3], usize>,
    loaded: RefCell<HashMap<usize, Rc<Loaded>>>,
    places: RefCell<HashMap<(usize, u64), Place>>,
}

impl Symbols {
    /// With files of debug information in that directory.
    pub fn new(debug_files: &Path) -> Symbols {
        Symbols { debug_files: debug_files.into(), ..Symbols::default() }
    }

    /// Adds an object, which other processes may have had before: its number.
    pub fn add(&mut self, object: Object) -> usize {
        let key = [&object.path, &object.directory, &object.build_id].map(Clone::clone);
        *self.numbers.entry(key).or_insert_with(|| {
            self.objects.push(object);
            self.objects.len() - 1
        })
    }

    /// The object of that number.
    pub fn object(&self, number: usize) -> &Object {
        &self.objects[number]
    }

    /// What is known of the address that a call in an object returns to, as the object's file
    /// counts addresses.
    pub fn place(&self, number: usize, address: u64) -> Place {
        if let Some(place) = self.places.borrow().get(&(number, address)) {
            return place.clone();
        }
        let known = self.loaded.borrow().get(&number).cloned();
        let loaded = known.unwrap_or_else(|| {
            let loaded = Rc::new(self.load(self.object(number)));
            self.loaded.borrow_mut().insert(number, Rc::clone(&loaded));
            loaded
        });
        // The call is before it.
        let place = loaded.place(address.saturating_sub(1));
        self.places.borrow_mut().insert((number, address), place.clone());
        place
    }

    fn load(&self, object: &Object) -> Loaded {
        let path = Path::new(OsStr::from_bytes(&object.directory))
            .join(Path::new(OsStr::from_bytes(&object.path)));
        let file = Elf::open(&path, object, &self.budget).or_else(|| {
            let interpreter = file::interpreter(&path, &self.budget)?;
            Elf::open(&interpreter, object, &self.budget)
        });
        let own = file.as_ref().and_then(|file| Lines::of(file, &self.budget));
        let debug = match own {
            Some(_) => None,
            None => self.debug_file(object),
        };
        let lines = own.or_else(|| Lines::of(debug.as_ref()?, &self.budget));
        Loaded { file, debug, lines }
    }

    /// `…/.build-id/12/3456….debug`, as debuggers look for it.
    fn debug_file(&self, object: &Object) -> Option<Elf> {
        let (first, rest) = object.build_id.split_first()?;
        let rest: String = rest.iter().map(|byte| format!("{byte:02x}")).collect();
        let path = self.debug_files.join(format!(".build-id/{first:02x}/{rest}.debug"));
        Elf::open(&path, object, &self.budget)
    }
}

impl Loaded {
    fn place(&self, address: u64) -> Place {
        let mut place = match &self.lines {
            Some(lines) => lines.place(address),
            None => Place::default(),
        };
        if place.function.is_none() {
            let mut files = [&self.debug, &self.file].into_iter().flatten();
            place.function = files.find_map(|file| file.function(address));
        }
        place
    }
}

impl fmt::Debug for Symbols {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Symbols").field("objects", &self.objects).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
