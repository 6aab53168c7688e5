// SPDX-License-Identifier: MIT OR Apache-2.0
//! Closes all descriptors from one on: by close_range(2) (Linux 5.9) or, where that is
//! unavailable, by the list in /proc/self/fd. For the child: the list is read into a
//! buffer on its stack.

use crate::base::decimal;
use crate::uapi::Errno;
use crate::uapi::file::{self, close_range, read_directory, seek};
use core::ffi::c_int;

/// Closes all descriptors from `first` on but those in `keep`, where negative numbers
/// mean none.
pub fn close_from(first: c_int, keep: &[c_int]) -> Result<(), Errno> {
    close_gaps(first, keep).or_else(|_| close_listed(first, keep))
}

fn close_gaps(first: c_int, keep: &[c_int]) -> Result<(), Errno> {
    let mut from = first;
    while let Some(next) = keep.iter().copied().filter(|&fd| fd >= from).min() {
        if next > from {
            close_range(from, next - 1)?;
        }
        from = next.saturating_add(1);
    }
    close_range(from, c_int::MAX)
}

/// Reads the list until it has nothing left to close.
#[cold]
#[inline(never)]
fn close_listed(first: c_int, keep: &[c_int]) -> Result<(), Errno> {
    let list = open_list(first, keep)?;
    let spare = |fd: c_int| fd < first || fd == list || keep.contains(&fd);
    let closed = loop {
        match close_pass(list, &spare) {
            Ok(0) => break Ok(()),
            Ok(_) => {}
            Err(errno) => break Err(errno),
        }
        if let Err(errno) = seek(list, 0, libc::SEEK_SET) {
            break Err(errno);
        }
    };
    file::close(list);
    closed
}

/// Opens /proc/self/fd. If no descriptor is free, one that would be closed anyway is
/// closed first.
fn open_list(first: c_int, keep: &[c_int]) -> Result<c_int, Errno> {
    const MOST: c_int = 1 << 20; // the kernel's limit by default (fs.nr_open)
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC;
    let open = || file::open(c"/proc/self/fd", flags);
    match open() {
        Err(Errno::EMFILE) => {
            let others = |fd: &c_int| !keep.contains(fd);
            (first..MOST).filter(others).any(file::close);
            open()
        }
        outcome => outcome,
    }
}

/// Closes the listed descriptors but those to be spared. Returns how many it closed.
fn close_pass(list: c_int, spare: &dyn Fn(c_int) -> bool) -> Result<u32, Errno> {
    let mut bytes = [0u8; 128]; // the caller's stack may be small
    let mut closed = 0;
    loop {
        let count = read_directory(list, &mut bytes)?;
        let mut rest = bytes.get(..count).unwrap_or_default();
        if rest.is_empty() {
            return Ok(closed);
        }
        while let Some((name, next)) = first_entry(rest) {
            if let Some(fd) = number(name).filter(|&fd| !spare(fd)) {
                closed += u32::from(file::close(fd));
            }
            rest = next;
        }
    }
}

/// The name in the first struct linux_dirent64, up to the record's end, and the records
/// after it.
fn first_entry(records: &[u8]) -> Option<(&[u8], &[u8])> {
    const LENGTH: usize = 16; // behind d_ino and d_off
    const NAME: usize = 19; // behind d_reclen and d_type
    let length = records.get(LENGTH..LENGTH + 2)?.try_into().ok()?;
    let length = usize::from(u16::from_ne_bytes(length));
    let name = records.get(NAME..length)?;
    Some((name, records.get(length..)?))
}

/// A name, up to its NUL, as a number.
fn number(name: &[u8]) -> Option<c_int> {
    let digits = name.split(|&byte| byte == 0).next()?;
    c_int::try_from(decimal::read(digits)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &[u8], length: u16) -> Vec<u8> {
        let mut bytes = vec![0; 16];
        bytes.extend(length.to_ne_bytes());
        bytes.push(0);
        bytes.extend(name);
        bytes.resize(usize::from(length), 0);
        bytes
    }

    #[test]
    fn records_are_walked_by_their_length() {
        let mut bytes = record(b"..", 24);
        bytes.extend(record(b"17", 32));
        let (name, rest) = first_entry(&bytes).unwrap();
        assert_eq!(number(name), None);
        let (name, rest) = first_entry(rest).unwrap();
        assert_eq!((number(name), rest.len()), (Some(17), 0));
        assert!(first_entry(rest).is_none());
    }

    #[test]
    fn only_numbers_are_descriptors() {
        assert_eq!(number(b"0\0"), Some(0));
        assert_eq!(number(b"2147483647\0junk"), Some(c_int::MAX));
        for name in [&b""[..], b"\0", b"2147483648", b".", b"1x"] {
            assert_eq!(number(name), None);
        }
    }
}
