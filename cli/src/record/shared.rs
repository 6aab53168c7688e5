// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ring: a file in memory that the programs map by its path, and this process too.

use super::begin::Begin;
use super::left;
use clone3_trace::{HEADER_SIZE, Header, Ring, SLOT_SIZE, Slot};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Error};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::ptr::{NonNull, null_mut};
use std::slice;

/// A mapped trace; its file goes with it, and the directory that it is alone in. A program that
/// is still there then and executes another finds no directory, in which the library would
/// make a trace of that name.
pub struct Shared {
    path: PathBuf,
    /// Locked as long as this process is there (`left`).
    _file: File,
    address: NonNull<u8>,
    slots: usize,
}

// SAFETY: what is shared of it are atomic words.
unsafe impl Sync for Shared {}

impl Shared {
    /// A new one. Its memory is allocated before it is used, so that no write can fail.
    pub fn create(mib: u32, begin: &Begin) -> io::Result<Shared> {
        let slots = ((mib as usize) << 20) / SLOT_SIZE;
        let size = HEADER_SIZE + slots * SLOT_SIZE;
        let mut error = Error::from_raw_os_error(libc::ENOENT);
        for directory in [PathBuf::from("/dev/shm"), std::env::temp_dir()] {
            match Shared::create_in(&directory, size, slots, begin) {
                Ok(shared) => return Ok(shared),
                Err(why) => error = why,
            }
        }
        Err(error)
    }

    fn create_in(directory: &Path, size: usize, slots: usize, begin: &Begin) -> io::Result<Shared> {
        left::remove(directory);
        let own =
            std::path::absolute(directory)?.join(format!("{}{:016x}", left::PREFIX, random()?));
        fs::DirBuilder::new().mode(0o700).create(&own)?;
        let path = own.join(left::RING);
        let mut options = OpenOptions::new();
        let mapped =
            options.read(true).write(true).create_new(true).mode(0o600).open(&path).and_then(
                |file| {
                    _ = left::lock(&file);
                    fill(&file, size, &begin.page(slots as u64))?;
                    Ok((map(&file, size)?, file))
                },
            );
        match mapped {
            Ok((address, file)) => Ok(Shared { path, _file: file, address, slots }),
            Err(error) => {
                remove(&path);
                Err(error)
            }
        }
    }

    /// Where the programs find it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its first page.
    pub fn header(&self) -> &Header {
        // SAFETY: mapped as long as self is, a page or more, aligned to a page. Others change
        // only its atomic words.
        unsafe { self.address.cast().as_ref() }
    }

    /// Its slots.
    pub fn slots(&self) -> &[Slot] {
        // SAFETY: as above; so many slots follow the header, and they are atomic words.
        unsafe { slice::from_raw_parts(self.address.add(HEADER_SIZE).cast().as_ptr(), self.slots) }
    }

    /// To write into it.
    pub fn ring(&self) -> Option<Ring<'_>> {
        Ring::new(self.header(), self.slots())
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        remove(&self.path);
        // SAFETY: what create_in() mapped; no reference to it is left.
        unsafe { libc::munmap(self.address.as_ptr().cast(), HEADER_SIZE + self.slots * SLOT_SIZE) };
    }
}

/// The file, and the directory that it is alone in.
fn remove(path: &Path) {
    _ = fs::remove_file(path);
    _ = path.parent().map(fs::remove_dir);
}

fn random() -> io::Result<u64> {
    let mut bytes = [0; 8];
    // SAFETY: room for eight bytes.
    match unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) } {
        8 => Ok(u64::from_ne_bytes(bytes)),
        _ => Err(Error::last_os_error()),
    }
}

fn fill(file: &File, size: usize, page: &[u8]) -> io::Result<()> {
    // SAFETY: takes only numbers.
    if unsafe { libc::fallocate(file.as_raw_fd(), 0, 0, size as libc::off_t) } != 0 {
        return Err(Error::last_os_error());
    }
    file.write_all_at(page, 0)
}

fn map(file: &File, size: usize) -> io::Result<NonNull<u8>> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping at a place of the kernel's choice.
    let address =
        unsafe { libc::mmap(null_mut(), size, protection, libc::MAP_SHARED, file.as_raw_fd(), 0) };
    match NonNull::new(address.cast()) {
        Some(mapped) if address != libc::MAP_FAILED => Ok(mapped),
        _ => Err(Error::last_os_error()),
    }
}
