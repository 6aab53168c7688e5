// SPDX-License-Identifier: MIT OR Apache-2.0
//! The id maps of a child in a new user namespace, written from outside of it.
//!
//! That is required to map more than the caller's own ids (user_namespaces(7)). The child
//! has a copy of the memory (`credentials`), so the caller is not suspended and writes
//! the maps itself when the child asks for it. The pid is the one that the kernel
//! returned to the caller, and the text is formatted in memory that is not shared with
//! the child: a process that controls the child must be able to change neither.

use super::elements::IdRange;
use super::failure::Failure;
use super::rare::Rare;
use super::stage::Stage;
use crate::base::text::Buffer;
use crate::base::{SMALLEST_PAGE, decimal};
use crate::uapi::sys::Pid;
use crate::uapi::{Errno, file, pages, task};

/// Writes those that the plan has. setgroups comes before gid_map: the kernel accepts it
/// only then.
pub fn write(rare: &Rare, child: Pid) -> Result<(), Failure> {
    let nth = |index| Failure::nth(Stage::IdMap, index);
    is_own_proc().map_err(nth(0))?;
    if let Some(allowed) = rare.setgroups {
        let word: &[u8] = if allowed { b"allow" } else { b"deny" };
        write_file(child, b"/setgroups", word).map_err(nth(0))?;
    }
    let files: [(&[u8], &[IdRange]); 2] =
        [(b"/uid_map", rare.uid_map.get()), (b"/gid_map", rare.gid_map.get())];
    for (index, (name, ranges)) in (1..).zip(files) {
        if !ranges.is_empty() {
            write_map(child, name, ranges).map_err(nth(index))?;
        }
    }
    Ok(())
}

/// Checks that /proc belongs to the caller's pid namespace, as the child's pid does. In
/// the /proc of another one (after unshare(CLONE_NEWPID) and a fork, without a new mount)
/// that pid may be another process's, whose maps would be written: ESRCH.
fn is_own_proc() -> Result<(), Errno> {
    let (mut link, mut own) = ([0u8; 24], [0u8; 24]);
    file::read_link(c"/proc/self", &mut link)?;
    decimal::write(&mut own, task::getpid().into());
    if link == own { Ok(()) } else { Err(Errno(libc::ESRCH)) }
}

/// The kernel takes less than a page of text.
const ROOM: usize = SMALLEST_PAGE;

/// A map must be written by a single write(2).
fn write_map(child: Pid, name: &[u8], ranges: &[IdRange]) -> Result<(), Errno> {
    let room = pages::map_pages(ROOM)?;
    // SAFETY: mapped just now, of that length, and zeroed.
    let text = unsafe { core::slice::from_raw_parts_mut(room.cast::<u8>(), ROOM) };
    let written = spell(text, ranges).and_then(|text| write_file(child, name, text));
    // SAFETY: mapped above; nothing points there any more.
    unsafe { pages::unmap_pages(room, ROOM) };
    written
}

fn spell<'a>(text: &'a mut [u8], ranges: &[IdRange]) -> Result<&'a [u8], Errno> {
    let mut length = 0;
    for range in ranges {
        for (number, end) in [(range.inside, b' '), (range.outside, b' '), (range.count, b'\n')] {
            let rest = text.get_mut(length..).unwrap_or_default();
            let digits = decimal::write(rest, number.into());
            *rest.get_mut(digits).ok_or(Errno::EINVAL)? = end;
            length += digits + 1;
        }
    }
    Ok(text.get(..length).unwrap_or_default())
}

fn write_file(child: Pid, name: &[u8], text: &[u8]) -> Result<(), Errno> {
    let fd = file::open(path_of(child, name).c_str(), libc::O_WRONLY | libc::O_CLOEXEC)?;
    let written = file::write(fd, text);
    file::close(fd);
    written.map(drop)
}

fn path_of(child: Pid, name: &[u8]) -> Buffer<40> {
    let mut path = Buffer::new();
    path.push(b"/proc/").push_number(child.into()).push(name);
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_lines_of_three_numbers() {
        let ranges = [
            IdRange { inside: 0, outside: 1000, count: 1 },
            IdRange { inside: 1, outside: 100_000, count: u32::MAX },
        ];
        assert_eq!(spell(&mut [0; 40], &ranges), Ok(&b"0 1000 1\n1 100000 4294967295\n"[..]));
        assert_eq!(spell(&mut [0; 20], &ranges), Err(Errno::EINVAL));
    }

    #[test]
    fn the_path_of_a_map() {
        assert_eq!(path_of(4_194_304, b"/uid_map").c_str(), c"/proc/4194304/uid_map");
    }
}
