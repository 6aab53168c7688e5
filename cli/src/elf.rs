// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an ELF file is for.

use object::elf;
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};
use object::{Endianness, FileKind, ReadCache, ReadRef};
use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// No table of a program's is larger, whatever its header says.
const LARGEST: u64 = 16 << 20;

/// What a loader looks at first: class, byte order and machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kind {
    /// 64 or 32.
    pub bits: u8,
    /// Whether the least significant byte comes first.
    pub little: bool,
    /// EM_*.
    pub machine: u16,
}

/// An ELF file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct File {
    /// What it is for.
    pub kind: Kind,
    /// Whether it names a dynamic loader.
    pub has_loader: bool,
    /// Whether the Go tool chain made it.
    pub is_go: bool,
}

impl Kind {
    /// As uname(1) has it, where it is one that libclone3 is built for.
    pub fn name(self) -> String {
        match (self.machine, self.bits) {
            (elf::EM_X86_64, 64) => "x86_64".into(),
            (elf::EM_X86_64, _) => "x32".into(),
            (elf::EM_386, _) => "i686".into(),
            (elf::EM_AARCH64, _) => "aarch64".into(),
            (elf::EM_RISCV, 64) => "riscv64".into(),
            (machine, bits) => format!("another processor (ELF machine {machine}, {bits} bits)"),
        }
    }
}

/// Opens a file, if it is one. What else there may be of a name that a trace has, or a user,
/// may be waited for without end, have no end, or do something when it is opened.
pub fn open(path: &Path) -> io::Result<fs::File> {
    let check = |about: Metadata| match about.is_file() {
        true => Ok(()),
        false => Err(io::Error::new(ErrorKind::InvalidInput, "not a regular file")),
    };
    check(fs::metadata(path)?)?;
    let mut options = OpenOptions::new();
    let file = options.read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    check(file.metadata()?)?;
    Ok(file)
}

/// What a file is; none if it is no ELF file, or a broken one. No more of it is read than is
/// looked at.
pub fn look(file: fs::File) -> Option<File> {
    look_into(&Parts(ReadCache::new(file)))
}

/// A file of which no part is read that is too large.
struct Parts(ReadCache<fs::File>);

impl<'a> ReadRef<'a> for &'a Parts {
    fn len(self) -> Result<u64, ()> {
        (&self.0).len()
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'a [u8], ()> {
        if size > LARGEST { Err(()) } else { self.0.read_bytes_at(offset, size) }
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'a [u8], ()> {
        let end = range.end.min(range.start.saturating_add(LARGEST));
        self.0.read_bytes_at_until(range.start..end, delimiter)
    }
}

fn look_into<'data>(data: impl ReadRef<'data>) -> Option<File> {
    match FileKind::parse(data).ok()? {
        FileKind::Elf32 => look_at::<elf::FileHeader32<Endianness>, _>(data),
        FileKind::Elf64 => look_at::<elf::FileHeader64<Endianness>, _>(data),
        _ => None,
    }
}

fn look_at<'data, Elf: FileHeader<Endian = Endianness>, Data: ReadRef<'data>>(
    data: Data,
) -> Option<File> {
    let header = Elf::parse(data).ok()?;
    let endian = header.endian().ok()?;
    let segments = header.program_headers(endian, data).ok()?;
    let kind = Kind {
        bits: if header.is_class_64() { 64 } else { 32 },
        little: endian == Endianness::Little,
        machine: header.e_machine(endian),
    };
    // A file without sections is none of Go's, whose linker always writes some.
    let is_go = header.sections(endian, data).is_ok_and(|sections| {
        sections.iter().any(|section| {
            sections.section_name(endian, section).is_ok_and(|name| name == b".go.buildinfo")
                && section.sh_size(endian).into() != 0
        })
    });
    let has_loader = segments.iter().any(|segment| segment.p_type(endian) == elf::PT_INTERP);
    Some(File { kind, has_loader, is_go })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_is_a_dynamic_program_or_a_static_one_of_this_machine() {
        let file = look(open(Path::new("/proc/self/exe")).unwrap()).unwrap();
        assert_eq!(
            file.kind.name(),
            std::env::consts::ARCH.replace("x86", "i686").replace("i686_64", "x86_64")
        );
        assert!(!file.is_go);
    }

    #[test]
    fn what_is_cut_or_garbled_is_none_and_no_panic() {
        let data = std::fs::read("/proc/self/exe").unwrap();
        for length in 0..600 {
            look_into(&data[..length]);
        }
        let mut garbled = data[..4096].to_vec();
        for place in 0..garbled.len().min(256) {
            garbled[place] ^= 0xff;
            look_into(&garbled[..]);
        }
        assert_eq!(look_into(&b"#!/bin/sh\n"[..]), None);
        assert_eq!(look_into(&b""[..]), None);
    }
}
