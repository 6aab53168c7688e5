// SPDX-License-Identifier: MIT OR Apache-2.0
//! The id maps of a child in a new user namespace, written from outside of it.
//!
//! They must be, to map more than the caller's own ids (user_namespaces(7)), and
//! the caller cannot, who stands still until the child executes. So a writer is
//! made before the child: a task in the caller's memory, with its files and its
//! credentials, on a stack of its own. It waits until the child asks, writes, and
//! ends; it sends no signal, and is waited for by its pid.
//!
//! The writer calls nothing of the libc and has all signals blocked.

use super::launch::start_beside;
use super::plan::{Failure, Stage};
use super::spec::{IdRange, Spec};
use crate::arch::entry;
use crate::engine::Stack;
use crate::uapi::futex::{self, Futex};
use crate::uapi::sys::{self, Pid};
use crate::uapi::{Errno, exec, file, task};
use core::ffi::{CStr, c_int, c_void};
use core::mem::size_of;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Release};

/// A page that the caller, the child and the writer share, whatever their
/// memory.
#[repr(C)]
struct Page {
    state: AtomicU32,
    /// The writer's id; 0 when it has ended.
    writer: AtomicU32,
    /// The child's pid as the caller counts, put there by the kernel.
    child: c_int,
    setgroups: Option<bool>,
    maps: [(*const IdRange, usize); 2],
    /// What went wrong, and where.
    errno: c_int,
    index: u32,
}

const IDLE: u32 = 0;
const ASKED: u32 = 1;
const WRITTEN: u32 = 2;
const CANCELLED: u32 = 3;

const PAGE: usize = 4096;
/// For the text of a map, which the kernel wants below a page (4096 bytes at
/// least), and some calls.
const STACK: usize = 16384;

/// The writer, from the caller's side; ended when this is dropped.
pub struct IdMaps {
    page: *mut Page,
    writer: Pid,
}

entry!("clone3_spawn_id_writer" => run);

unsafe extern "C" {
    fn clone3_spawn_id_writer(page: *mut c_void) -> c_int;
}

impl IdMaps {
    /// Makes the writer, if one is needed. All signals are blocked.
    pub fn begin(spec: &Spec) -> Result<Option<IdMaps>, Errno> {
        if !spec.writes_id_maps() {
            return Ok(None);
        }
        let page: *mut Page = sys::map_shared_pages(PAGE + STACK)?.cast();
        let content = Page {
            state: AtomicU32::new(IDLE),
            writer: AtomicU32::new(0),
            child: 0,
            setgroups: spec.setgroups,
            maps: [spec.uid_map.as_parts(), spec.gid_map.as_parts()],
            errno: 0,
            index: 0,
        };
        // SAFETY: just mapped, and big enough.
        unsafe { page.write(content) };
        let stack = Stack { base: (page as usize + PAGE) as u64, size: STACK as u64 };
        // SAFETY: within the page, which stays until the writer has ended.
        let there = unsafe { &(*page).writer };
        match start_beside(stack, there, clone3_spawn_id_writer, page.cast()) {
            Ok(writer) => Ok(Some(IdMaps { page, writer })),
            Err(errno) => {
                // SAFETY: mapped above, and nobody else's.
                unsafe { sys::unmap_pages(page.cast(), PAGE + STACK) };
                Err(errno)
            }
        }
    }

    /// Where the kernel is to put the child's pid (CLONE_PARENT_SETTID).
    pub fn pid_place(&self) -> u64 {
        // SAFETY: within the page.
        (unsafe { &raw mut (*self.page).child }) as usize as u64
    }

    fn state(&self) -> &AtomicU32 {
        // SAFETY: the page is there until this is dropped.
        unsafe { &(*self.page).state }
    }

    /// Whether the writer can write no more: somebody killed it, or it found no
    /// memory where the ranges were said to be.
    fn is_deserted(&self) -> bool {
        // SAFETY: the page is there until this is dropped.
        let writer = unsafe { &(*self.page).writer };
        writer.load(Acquire) == 0 && self.state().load(Acquire) == ASKED
    }

    /// The child's part: has the maps written, and waits.
    pub fn await_them(&self) -> Result<(), Failure> {
        let state = self.state();
        state.store(ASKED, Release);
        futex::wake(state, c_int::MAX, Futex::Shared);
        while state.load(Acquire) == ASKED {
            futex::wait_briefly(state, ASKED, Futex::Shared, A_WHILE);
            if self.is_deserted() {
                return Err(Failure::at(Stage::IdMap)(Errno::ESRCH));
            }
        }
        // SAFETY: the writer is done with it.
        let (errno, index) = unsafe { ((*self.page).errno, (*self.page).index) };
        let failure = Failure { stage: Stage::IdMap, index, errno: Errno(errno) };
        if errno == 0 { Ok(()) } else { Err(failure) }
    }
}

/// Milliseconds after which somebody who waits looks for himself.
const A_WHILE: core::ffi::c_long = 100;

impl Drop for IdMaps {
    fn drop(&mut self) {
        self.state().store(CANCELLED, Release);
        futex::wake(self.state(), c_int::MAX, Futex::Shared);
        _ = task::wait_for(self.writer);
        // SAFETY: mapped in `begin`; the writer and the child are done with it.
        unsafe { sys::unmap_pages(self.page.cast(), PAGE + STACK) };
    }
}

unsafe extern "C" fn run(page: *mut c_void) -> c_int {
    let page: *mut Page = page.cast();
    // SAFETY: the caller keeps the page until this task has ended.
    let state = unsafe { &(*page).state };
    while state.load(Acquire) == IDLE {
        futex::wait_briefly(state, IDLE, Futex::Shared, A_WHILE);
    }
    if state.load(Acquire) == ASKED {
        // SAFETY: the child waits, and nobody else touches the page.
        unsafe {
            if let Err((index, errno)) = write_all(&*page) {
                ((*page).errno, (*page).index) = (errno.0, index);
            }
        }
        _ = state.compare_exchange(ASKED, WRITTEN, Release, Acquire);
        futex::wake(state, c_int::MAX, Futex::Shared);
    }
    0
}

/// In the kernel's order: once gid_map is written it is too late for setgroups.
fn write_all(page: &Page) -> Result<(), (u32, Errno)> {
    if let Some(allowed) = page.setgroups {
        let word: &[u8] = if allowed { b"allow" } else { b"deny" };
        write(page.child, b"/setgroups", word).map_err(|errno| (0, errno))?;
    }
    let files: [&[u8]; 2] = [b"/uid_map", b"/gid_map"];
    for ((index, name), (first, count)) in (1..).zip(files).zip(page.maps) {
        if count != 0 {
            // SAFETY: the setter's contract.
            let ranges = unsafe { core::slice::from_raw_parts(first, count) };
            write_map(page.child, name, ranges).map_err(|errno| (index, errno))?;
        }
    }
    Ok(())
}

/// A map is written by one write(2), or not at all.
#[inline(never)]
fn write_map(child: Pid, name: &[u8], ranges: &[IdRange]) -> Result<(), Errno> {
    let mut text = [0u8; PAGE];
    let mut length = 0;
    for range in ranges {
        for (number, end) in [(range.inside, b' '), (range.outside, b' '), (range.count, b'\n')] {
            let rest = text.get_mut(length..).unwrap_or_default();
            let digits = decimal(rest, number.into());
            *rest.get_mut(digits).ok_or(Errno::EINVAL)? = end;
            length += digits + 1;
        }
    }
    write(child, name, text.get(..length).unwrap_or_default())
}

fn write(child: Pid, name: &[u8], text: &[u8]) -> Result<(), Errno> {
    let mut path = [0u8; 40];
    let path = path_of(child, name, &mut path).ok_or(Errno::EINVAL)?;
    let fd = file::open(path, libc::O_WRONLY | libc::O_CLOEXEC)?;
    let written = exec::write(fd, text);
    file::close(fd);
    written.map(drop)
}

fn path_of<'a>(child: Pid, name: &[u8], text: &'a mut [u8; 40]) -> Option<&'a CStr> {
    const PREFIX: &[u8] = b"/proc/";
    text.get_mut(..PREFIX.len())?.copy_from_slice(PREFIX);
    let at = PREFIX.len() + decimal(text.get_mut(PREFIX.len()..)?, child.into());
    text.get_mut(at..at + name.len())?.copy_from_slice(name);
    CStr::from_bytes_until_nul(text).ok()
}

/// Writes a number as text; how many bytes, all of the room there is if it does
/// not fit.
pub fn decimal(text: &mut [u8], number: i64) -> usize {
    let mut digits = 1;
    let mut left = number.unsigned_abs();
    while left >= 10 {
        left /= 10;
        digits += 1;
    }
    let sign = usize::from(number < 0);
    let length = sign + digits;
    if length > text.len() {
        return text.len();
    }
    let mut left = number.unsigned_abs();
    for place in text.iter_mut().take(length).skip(sign).rev() {
        *place = b'0' + (left % 10) as u8;
        left /= 10;
    }
    if let (1, Some(first)) = (sign, text.first_mut()) {
        *first = b'-';
    }
    length
}

const _: () = assert!(size_of::<Page>() <= PAGE);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_text() {
        for number in [0, 7, 10, -1, -1000, 4_294_967_295, i64::MIN, i64::MAX] {
            let mut text = [0u8; 24];
            let length = decimal(&mut text, number);
            assert_eq!(&text[..length], number.to_string().as_bytes());
        }
        assert_eq!(decimal(&mut [0u8; 2], 100), 2, "what does not fit fills the room");
    }

    #[test]
    fn the_path_of_a_map() {
        let mut text = [0u8; 40];
        assert_eq!(path_of(4_194_304, b"/uid_map", &mut text), Some(c"/proc/4194304/uid_map"));
    }
}
