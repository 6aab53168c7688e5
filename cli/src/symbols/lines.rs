// SPDX-License-Identifier: MIT OR Apache-2.0
//! DWARF: functions, also those that were inlined, and lines.

use super::file::Elf;
use super::{Budget, Place};
use addr2line::Context;
use gimli::{Dwarf, EndianRcSlice, Error, RunTimeEndian};
use std::rc::Rc;

/// Debug information of one file.
pub struct Lines {
    context: Context<EndianRcSlice<RunTimeEndian>>,
}

impl Lines {
    /// A file's own, if it has some.
    pub fn of(file: &Elf, budget: &Budget) -> Option<Lines> {
        let known = |name: &str| file.sections.iter().find(|(known, _)| *known == name);
        let (_, info) = known(".debug_info")?;
        // What is made of it takes as much again.
        if info.is_empty() || !budget.take_bytes(info.len() as u64) {
            return None;
        }
        let endian = if file.is_little { RunTimeEndian::Little } else { RunTimeEndian::Big };
        let dwarf = Dwarf::load(|section| {
            let bytes = known(section.name()).map(|(_, bytes)| Rc::clone(bytes));
            let bytes = bytes.unwrap_or_else(|| Rc::from([]));
            Ok::<_, Error>(EndianRcSlice::new(bytes, endian))
        });
        Some(Lines { context: Context::from_dwarf(dwarf.ok()?).ok()? })
    }

    /// What is known of an address: the innermost function there.
    pub fn place(&self, address: u64) -> Place {
        let mut place = Place::default();
        if let Ok(mut frames) = self.context.find_frames(address).skip_all_loads() {
            if let Ok(Some(frame)) = frames.next() {
                let name = frame.function.as_ref().and_then(|name| name.demangle().ok());
                place.function = name.map(|name| name.into_owned());
                if let Some(location) = frame.location {
                    place.file = location.file.map(Into::into);
                    place.line = location.line.filter(|line| *line != 0);
                }
            }
        }
        place
    }
}
