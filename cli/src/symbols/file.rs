// SPDX-License-Identifier: MIT OR Apache-2.0
//! A file that was in memory: whether it is that one, its sections, its functions.

use super::{Budget, Object};
use crate::elf::open;
use object::elf::{FileHeader32, FileHeader64};
use object::read::elf::{ElfFile, FileHeader, Sym};
use object::read::{Object as _, ObjectSection, ObjectSymbol, ReadCache, ReadRef, SymbolKind};
use object::{Endianness, FileKind};
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Larger parts of a file are not looked at.
const LARGEST: u64 = 512 << 20;
/// Nor are longer names of sections,
const LONGEST: u64 = 4096;
/// and more symbols.
const MOST_SYMBOLS: usize = 1 << 22;

/// A function of a symbol table.
#[derive(Clone, Copy, Debug)]
struct Function {
    start: u64,
    end: u64,
    /// Which of the tables of names,
    table: usize,
    /// and from which byte on.
    name: u32,
}

/// The sections that debug information may be in.
pub type Sections = Vec<(&'static str, Rc<[u8]>)>;

/// What was read of a file.
pub struct Elf {
    /// By their beginnings.
    functions: Vec<Function>,
    names: [Rc<[u8]>; 2],
    /// Those that there are.
    pub sections: Sections,
    /// The byte order.
    pub is_little: bool,
}

/// Debug information for lines and functions.
const DEBUG_SECTIONS: [&str; 10] = [
    ".debug_abbrev",
    ".debug_addr",
    ".debug_aranges",
    ".debug_info",
    ".debug_line",
    ".debug_line_str",
    ".debug_ranges",
    ".debug_rnglists",
    ".debug_str",
    ".debug_str_offsets",
];

impl Elf {
    /// The file at a path, if it is the object's.
    pub fn open(path: &Path, object: &Object, budget: &Budget) -> Option<Elf> {
        let file = budget.take_file().then(|| open(path).ok())??;
        let is_unchanged = is_older(&file, object.seen_ns);
        let parts = Parts { cache: ReadCache::new(file), budget };
        match FileKind::parse(&parts).ok()? {
            FileKind::Elf32 => read::<FileHeader32<Endianness>>(&parts, object, is_unchanged),
            FileKind::Elf64 => read::<FileHeader64<Endianness>>(&parts, object, is_unchanged),
            _ => None,
        }
    }

    /// The name of the function that an address is in.
    pub fn function(&self, address: u64) -> Option<String> {
        let behind = self.functions.partition_point(|function| function.start <= address);
        let before = self.functions.get(..behind)?.iter().rev();
        let found = before.take(16).find(|function| address < function.end)?;
        let names = self.names.get(found.table)?.get(found.name as usize..)?;
        let name = names.split(|byte| *byte == 0).next().filter(|name| !name.is_empty())?;
        Some(addr2line::demangle_auto(String::from_utf8_lossy(name), None).into_owned())
    }
}

/// A file of which no more is read than may be.
struct Parts<'a> {
    cache: ReadCache<File>,
    budget: &'a Budget,
}

impl<'a> ReadRef<'a> for &'a Parts<'_> {
    fn len(self) -> Result<u64, ()> {
        (&self.cache).len()
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'a [u8], ()> {
        // What is behind the end cannot be read, and takes nothing.
        let is_there = offset.checked_add(size).is_some_and(|end| Ok(end) <= (&self.cache).len());
        match is_there && size <= LARGEST && self.budget.take_bytes(size) {
            true => self.cache.read_bytes_at(offset, size),
            false => Err(()),
        }
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'a [u8], ()> {
        let end = range.end.min(range.start.saturating_add(LONGEST));
        self.cache.read_bytes_at_until(range.start..end, delimiter)
    }
}

/// Whether a file was last changed before then.
fn is_older(file: &File, then_ns: u64) -> bool {
    let Ok(facts) = file.metadata() else { return false };
    let ns = |seconds: i64, more: i64| i128::from(seconds) * 1_000_000_000 + i128::from(more);
    let changed = ns(facts.ctime(), facts.ctime_nsec()).max(ns(facts.mtime(), facts.mtime_nsec()));
    changed <= i128::from(then_ns)
}

/// The program that a script names in its first line.
pub fn interpreter(script: &Path, budget: &Budget) -> Option<PathBuf> {
    let mut line = Vec::new();
    budget.take_file().then(|| open(script).ok())??.take(256).read_to_end(&mut line).ok()?;
    let line = line.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let word = line.split(|byte| matches!(byte, b' ' | b'\t')).find(|word| !word.is_empty())?;
    Some(PathBuf::from(OsStr::from_bytes(word)))
}

fn read<Header: FileHeader<Endian = Endianness>>(
    parts: &Parts<'_>,
    object: &Object,
    is_unchanged: bool,
) -> Option<Elf> {
    let file = ElfFile::<Header, _>::parse(parts).ok()?;
    let is_it = match file.build_id().ok()? {
        Some(build_id) => build_id == object.build_id,
        None => object.build_id.is_empty() && is_unchanged,
    };
    if !is_it {
        return None;
    }
    let contents = |name| contents(file.section_by_name(name)?, parts.budget);
    let sections = DEBUG_SECTIONS.iter().filter_map(|name| Some((*name, contents(name)?)));
    let sections = sections.collect();
    let names = [".strtab", ".dynstr"].map(|name| contents(name).unwrap_or_else(|| Rc::from([])));
    Some(Elf { functions: functions(&file), names, sections, is_little: file.is_little_endian() })
}

/// A section's bytes, which may be compressed.
fn contents<'data>(section: impl ObjectSection<'data>, budget: &Budget) -> Option<Rc<[u8]>> {
    let data = section.compressed_data().ok()?;
    let size = data.uncompressed_size;
    if size > LARGEST || !budget.take_bytes(size) {
        return None;
    }
    Some(data.decompress().ok()?.into())
}

fn functions<'data, Header: FileHeader<Endian = Endianness>>(
    file: &ElfFile<'data, Header, impl ReadRef<'data>>,
) -> Vec<Function> {
    let all = file.symbols().map(|symbol| (0, symbol));
    let all = all.chain(file.dynamic_symbols().map(|symbol| (1, symbol))).take(MOST_SYMBOLS);
    let functions = all.filter_map(|(table, symbol)| {
        let start = symbol.address();
        let end = start.checked_add(symbol.size())?;
        let name = symbol.elf_symbol().st_name(file.endian());
        let is_one = symbol.kind() == SymbolKind::Text && symbol.is_definition() && name != 0;
        is_one.then_some(Function { start, end, table, name })
    });
    let mut functions: Vec<Function> = functions.collect();
    functions.sort_by_key(|function| function.start);
    functions
}
