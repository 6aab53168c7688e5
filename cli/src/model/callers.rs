// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where calls came from: which object of a process an address is in.
//!
//! A process that is copied has its creator's objects, as far as it has not recorded others;
//! so an address is looked for in its own first, then in those that its creator had when the
//! copy began to run.

use crate::symbols::{Object, Place, Symbols};
use crate::trace::{Body, Header, Record};
use clone3_trace::Module;
use std::collections::HashMap;
use std::path::Path;

/// Where a call is to return to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The address,
    pub address: u64,
    /// and where that is in an object, if it is known.
    pub site: Option<Site>,
}

/// A place in an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    object: usize,
    /// The address as the object's file has it.
    pub offset: u64,
}

/// An object of one process.
#[derive(Debug)]
struct Mapped {
    position: u64,
    base: u64,
    start: u64,
    end: u64,
    object: usize,
}

/// What there is to look in.
#[derive(Debug, Default)]
pub struct Callers {
    symbols: Symbols,
    /// By origin of those that recorded them, in their order.
    mapped: HashMap<u64, Vec<Mapped>>,
    /// By origin: that of the creator, and from which record on the two are apart.
    copied: HashMap<u64, (u64, u64)>,
}

/// So many generations of copies are looked at.
const GENERATIONS: usize = 64;

impl Callers {
    /// With files of debug information in that directory.
    pub fn new(debug_files: &Path) -> Callers {
        Callers { symbols: Symbols::new(debug_files), ..Callers::default() }
    }

    /// Takes from a record whose copies processes are.
    pub fn add(&mut self, record: &Record) {
        match record.body {
            Body::Create(create) if create.thread == 0 => {
                self.copied.insert(record.name(), (record.origin, u64::MAX));
            }
            Body::Start(start) => {
                self.copied.insert(record.origin, (start.parent_origin, record.position));
            }
            _ => {}
        }
    }

    /// The same of a `module`'s record; `directory` is where its process began.
    pub fn add_object(&mut self, header: &Header, record: &Record, directory: &[u8]) {
        let Body::Module(Module { base, start, end }) = record.body else { return };
        let since_start = record.begun_ns.saturating_sub(header.monotonic_start);
        let object = self.symbols.add(Object {
            path: record.strings[0].bytes.clone(),
            directory: directory.into(),
            build_id: record.strings[1].bytes.clone(),
            seen_ns: header.realtime_start.saturating_add(since_start),
        });
        let mapped = Mapped { position: record.position, base, start, end, object };
        self.mapped.entry(record.origin).or_default().push(mapped);
    }

    /// Where a record's call came from; none where that was not recorded.
    pub fn find(&self, record: &Record, address: u64) -> Option<Caller> {
        if address == 0 {
            return None;
        }
        let (mut origin, mut until) = (record.origin, record.position);
        for _ in 0..GENERATIONS {
            let own = self.mapped.get(&origin).map_or(&[][..], Vec::as_slice);
            let is_in = |mapped: &&Mapped| (mapped.start..mapped.end).contains(&address);
            let mut before = own.iter().rev().filter(|mapped| mapped.position <= until);
            if let Some(mapped) = before.find(is_in) {
                let offset = address.wrapping_sub(mapped.base);
                return Some(Caller {
                    address,
                    site: Some(Site { object: mapped.object, offset }),
                });
            }
            let Some((creator, apart)) = self.copied.get(&origin) else { break };
            (origin, until) = (*creator, until.min(*apart));
        }
        Some(Caller { address, site: None })
    }

    /// The path of the object that a place is in.
    pub fn path(&self, site: Site) -> &[u8] {
        &self.symbols.object(site.object).path
    }

    /// Function and line, as far as the object's file tells.
    pub fn place(&self, site: Site) -> Place {
        self.symbols.place(site.object, site.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Reader;
    use crate::writer::{By, Writer};
    use clone3_trace::{Create, Image, Start};

    fn by(pid: u32, origin: u64) -> By {
        By { pid, origin, ns: 0 }
    }

    fn module(start: u64) -> Module {
        Module { base: start, start, end: start + 0x1000 }
    }

    /// The paths of the objects that the records with a caller of 0x1800 came from.
    fn found(writer: &Writer) -> Vec<Option<String>> {
        let bytes = writer.bytes();
        let mut reader = Reader::new(&bytes[..]).unwrap();
        let header = reader.header.clone();
        let (mut callers, mut paths) = (Callers::new(Path::new("/nowhere")), Vec::new());
        while let Some(record) = reader.next() {
            callers.add(&record);
            callers.add_object(&header, &record, b"/");
            if let Body::Create(create) = record.body {
                let site = callers.find(&record, create.caller).and_then(|caller| caller.site);
                paths.push(site.map(|site| {
                    assert_eq!(site.offset, 0x800);
                    String::from_utf8(callers.path(site).into()).unwrap()
                }));
            }
        }
        paths
    }

    #[test]
    fn a_copy_has_its_creators_objects_until_it_says_otherwise() {
        let mut writer = Writer::new();
        let call = Create { caller: 0x1800, ..Create::default() };
        let image = writer.done(by(1, 0), Image::default(), &[]);
        writer.done(by(1, image), module(0x1000), &[b"first"]);
        let fork = writer.done(by(1, image), call, &[]);
        writer.done(by(2, fork), Start { parent_origin: image }, &[]);
        writer.done(by(1, image), module(0x1000), &[b"second"]); // the first was closed
        writer.done(by(2, fork), call, &[]);
        writer.done(by(1, image), call, &[]);
        writer.done(by(2, fork), module(0x1000), &[b"third"]);
        writer.done(by(2, fork), call, &[]);
        let other = writer.done(by(3, 0), Image::default(), &[]);
        writer.done(by(3, other), call, &[]);
        let known = |name: &str| Some(name.to_owned());
        let (first, second, third) = (known("first"), known("second"), known("third"));
        assert_eq!(found(&writer), [first.clone(), first, second, third, None]);
    }

    #[test]
    fn a_copy_whose_creation_is_lost_is_linked_by_its_start() {
        let mut writer = Writer::new();
        let image = writer.done(by(1, 0), Image::default(), &[]);
        writer.done(by(1, image), module(0x1000), &[b"it"]);
        // A record of no other origin is its own.
        let start = writer.done(by(2, 4), Start { parent_origin: image }, &[]);
        assert_eq!(start, 4);
        writer.done(by(2, start), Create { caller: 0x1800, ..Create::default() }, &[]);
        assert_eq!(found(&writer), [Some("it".to_owned())]);
    }

    #[test]
    fn copies_of_each_other_end_somewhere() {
        let mut writer = Writer::new();
        let call = Create { caller: 0x1800, ..Create::default() };
        writer.done(by(1, 2), call, &[]);
        writer.done(by(1, 1), call, &[]);
        writer.done(by(1, 3), call, &[]);
        assert_eq!(found(&writer), [None, None, None]);
    }
}
