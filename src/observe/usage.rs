// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the process uses, where the trace asks for it (`Header::options`): by system calls,
//! which a sandbox of the program's may punish.

use super::state;
use crate::base::decimal;
use crate::uapi::file;
use crate::uapi::wait::{self, Usage};
use clone3_trace::ASKS_MEMORY;

/// Memory that a fork has to do with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Bytes that are resident,
    pub resident: u64,
    /// and those of the page tables.
    pub page_tables: u64,
}

/// This process's memory; zeroes where it is not asked for, or cannot be had.
pub fn memory() -> Memory {
    if state::asks_for(ASKS_MEMORY) { read_memory() } else { Memory::default() }
}

/// CPU time and most memory of this process, without its children's; none where it is not
/// asked for.
pub fn so_far() -> Option<Usage> {
    state::asks_for(ASKS_MEMORY).then(wait::own_usage)
}

/// By proc_pid_status(5), in small parts: the stack is the caller's, and may be small.
#[cold]
#[inline(never)]
fn read_memory() -> Memory {
    let mut lines = Lines::new();
    let flags = libc::O_RDONLY | libc::O_CLOEXEC;
    let Ok(fd) = file::open(c"/proc/self/status", flags) else { return Memory::default() };
    let mut part = [0; 128];
    while let Ok(length @ 1..) = file::read(fd, &mut part) {
        part.iter().take(length).for_each(|&byte| lines.add(byte));
    }
    file::close(fd);
    lines.memory
}

/// Lines that come byte by byte.
struct Lines {
    /// The beginning of one.
    line: [u8; 32],
    length: usize,
    memory: Memory,
}

impl Lines {
    fn new() -> Lines {
        Lines { line: [0; 32], length: 0, memory: Memory::default() }
    }

    fn add(&mut self, byte: u8) {
        if byte != b'\n' {
            if let Some(place) = self.line.get_mut(self.length) {
                *place = byte;
            }
            self.length = self.length.saturating_add(1);
            return;
        }
        let line = self.line.get(..self.length).unwrap_or_default();
        if let Some(bytes) = bytes_of(line, b"VmRSS:") {
            self.memory.resident = bytes;
        } else if let Some(bytes) = bytes_of(line, b"VmPTE:") {
            self.memory.page_tables = bytes;
        }
        self.length = 0;
    }
}

/// What a line says, in kB, behind its name.
fn bytes_of(line: &[u8], name: &[u8]) -> Option<u64> {
    let (number, rest) = decimal::prefix(line.strip_prefix(name)?.trim_ascii_start())?;
    (rest == b" kB").then_some(u64::from(number) * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_found_among_other_lines() {
        let mut lines = Lines::new();
        let text = "Name:\ta name that is longer than any line that is kept of it\nVmRSS:\t 1234 kB\n\
                    RssAnon:\t 999 kB\nVmPTE:\t      56 kB\nVmSwap:\t 7 kB\nVmRSS:\n";
        text.bytes().for_each(|byte| lines.add(byte));
        assert_eq!(lines.memory, Memory { resident: 1234 * 1024, page_tables: 56 * 1024 });
    }

    #[test]
    fn this_process_has_memory_and_page_tables() {
        let before = read_memory();
        assert!(before.resident > 100 << 10 && before.page_tables >= 4096, "{before:?}");
        let mut more = vec![1u8; 64 << 20];
        more.iter_mut().step_by(4096).for_each(|byte| *byte = 2);
        let after = read_memory();
        drop(core::hint::black_box(more));
        assert!(after.resident >= before.resident + (48 << 20), "{before:?}, {after:?}");
    }
}
