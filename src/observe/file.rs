// SPDX-License-Identifier: MIT OR Apache-2.0
//! The file of a trace, as memory: an existing one, or a new one.
//!
//! A new one gets its name when it is complete, so that others find either none or a whole
//! one. All of it is allocated: no write into it finds the disk full, which would be SIGBUS.
//! For the same reason none is taken that another user could truncate.

use crate::base::text::Buffer;
use crate::uapi::sys::Pid;
use crate::uapi::{Errno, cred, file, file_facts, pages, sched, shared};
use clone3_trace::{HEADER_SIZE, Header, MAGIC, SLOT_SIZE, VERSION, describe};
use core::ffi::{CStr, c_int};
use core::mem::size_of;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

const BYTE_ORDER: u32 = 0x0102_0304;

/// A trace in memory.
pub struct Mapped {
    /// Its first page.
    pub header: *mut Header,
    /// How many slots there are behind it.
    pub slots: usize,
}

/// What a new trace is to be.
pub struct Wanted {
    /// Its size in MiB.
    pub mebibytes: u32,
    /// `Header::options`.
    pub options: u32,
}

/// The trace of that name; where there is no such file, a new one.
pub fn open_or_create(path: &CStr, wanted: &Wanted, pid: Pid) -> Result<Mapped, Errno> {
    match open(path) {
        Err(Errno(libc::ENOENT)) => match create(path, wanted, pid) {
            // Another process was quicker.
            Err(Errno(libc::EEXIST)) => open(path),
            outcome => outcome,
        },
        outcome => outcome,
    }
}

/// Maps an open file, and closes it.
fn map(fd: c_int, bytes: usize) -> Result<*mut Header, Errno> {
    let mapped = pages::map_file(fd, bytes);
    file::close(fd);
    mapped.map(|address| address.cast())
}

fn open(path: &CStr) -> Result<Mapped, Errno> {
    // A pipe or a terminal of that name is not waited for.
    let flags = libc::O_RDWR | libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY;
    let fd = file::open(path, flags)?;
    let size = file_facts::size_of_own(fd, cred::effective_user()).and_then(|size| {
        let fits = usize::try_from(size).ok().filter(|size| *size > HEADER_SIZE);
        fits.ok_or(Errno::EINVAL)
    });
    let bytes = size.inspect_err(|_| _ = file::close(fd))?;
    let header = map(fd, bytes)?;
    // SAFETY: mapped, a whole page and more.
    match slots(unsafe { &*header }, bytes) {
        Some(slots) => Ok(Mapped { header, slots }),
        None => {
            // SAFETY: mapped just now, and not handed out.
            unsafe { pages::unmap_pages(header.cast(), bytes) };
            Err(Errno::EINVAL)
        }
    }
}

/// How many slots a file of that size has, if it is a trace of ours. What is in its header
/// is looked at this once.
fn slots(header: &Header, bytes: usize) -> Option<usize> {
    let is_ours = header.magic.load(Acquire) == u64::from_ne_bytes(MAGIC)
        && header.version == VERSION
        && header.byte_order == BYTE_ORDER
        && header.header_size as usize == HEADER_SIZE
        && header.slot_size as usize == SLOT_SIZE;
    let room = bytes.checked_sub(HEADER_SIZE)? / SLOT_SIZE;
    let slots = usize::try_from(header.capacity).ok()?;
    (is_ours && (1..=room).contains(&slots)).then_some(slots)
}

fn create(path: &CStr, wanted: &Wanted, pid: Pid) -> Result<Mapped, Errno> {
    let bytes = (wanted.mebibytes as usize) << 20;
    if sched::file_size_max() < bytes as u64 {
        return Err(Errno(libc::EFBIG)); // SIGXFSZ would end the program
    }
    let mut draft = Buffer::<4128>::new();
    draft.push(path.to_bytes()).push(b".").push_number(pid.into()).push(b".new");
    let draft = draft.c_str();
    let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC;
    let fd = file::open_path(draft.as_ptr(), flags, 0o600)?;
    let made = match shared::allocate(fd, bytes) {
        Ok(()) => map(fd, bytes),
        Err(errno) => {
            file::close(fd);
            Err(errno)
        }
    };
    let made = made.and_then(|header| {
        let slots = (bytes - HEADER_SIZE) / SLOT_SIZE;
        // SAFETY: mapped, not shared yet, and zeroes are a header.
        fill(unsafe { &mut *header }, slots, wanted.options);
        match shared::link(draft, path) {
            Ok(()) => Ok(Mapped { header, slots }),
            Err(errno) => {
                // SAFETY: as above.
                unsafe { pages::unmap_pages(header.cast(), bytes) };
                Err(errno)
            }
        }
    });
    _ = shared::unlink(draft);
    made
}

fn fill(header: &mut Header, slots: usize, options: u32) {
    header.version = VERSION;
    header.byte_order = BYTE_ORDER;
    header.header_size = size_of::<Header>() as u32;
    header.slot_size = SLOT_SIZE as u32;
    header.capacity = slots as u64;
    header.monotonic_start = shared::time(libc::CLOCK_MONOTONIC);
    header.realtime_start = shared::time(libc::CLOCK_REALTIME);
    header.pid_namespace = pid_namespace();
    describe(&mut header.fields);
    header.options.store(options, Relaxed);
    header.recording.store(1, Relaxed);
    header.magic.store(u64::from_ne_bytes(MAGIC), Release);
}

/// By the number of its file, 0 where there is no /proc.
fn pid_namespace() -> u64 {
    let opened = file::open(c"/proc/self/ns/pid", libc::O_RDONLY | libc::O_CLOEXEC);
    opened.map_or(0, |fd| {
        let number = file_facts::inode(fd).map_or(0, |(_, number)| number);
        file::close(fd);
        number
    })
}
