// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an ELF file is for.

use object::elf;
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};
use object::{Endianness, FileKind};

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

/// What the bytes are; none if they are no ELF file, or a broken one.
pub fn look(data: &[u8]) -> Option<File> {
    match FileKind::parse(data).ok()? {
        FileKind::Elf32 => look_at::<elf::FileHeader32<Endianness>>(data),
        FileKind::Elf64 => look_at::<elf::FileHeader64<Endianness>>(data),
        _ => None,
    }
}

fn look_at<Elf: FileHeader<Endian = Endianness>>(data: &[u8]) -> Option<File> {
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
        let data = std::fs::read("/proc/self/exe").unwrap();
        let file = look(&data).unwrap();
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
            look(&data[..length]);
        }
        let mut garbled = data[..4096].to_vec();
        for place in 0..garbled.len().min(256) {
            garbled[place] ^= 0xff;
            look(&garbled);
        }
        assert_eq!(look(b"#!/bin/sh\n"), None);
        assert_eq!(look(b""), None);
    }
}
