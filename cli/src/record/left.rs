// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rings whose command was killed before it could remove them. They are memory, and nobody
//! else's: the next run removes them. A ring is locked by its command, and the lock goes with
//! that.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Error};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

/// What the names of their directories begin with,
pub const PREFIX: &str = "clone3-";
/// and how each is named there.
pub const RING: &str = "ring";
/// A younger one may not be locked yet.
const AGE: Duration = Duration::from_secs(10);

/// Locks a ring, as long as this process, or a child before it executes, has it open.
pub fn lock(ring: &File) -> io::Result<()> {
    // SAFETY: takes only numbers.
    match unsafe { libc::flock(ring.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } {
        0 => Ok(()),
        _ => Err(Error::last_os_error()),
    }
}

/// Removes those of this user that nobody has locked. What cannot be removed stays.
pub fn remove(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_named =
            name.to_str().and_then(|name| name.strip_prefix(PREFIX)).is_some_and(|number| {
                number.len() == 16 && number.bytes().all(|byte| byte.is_ascii_hexdigit())
            });
        if is_named && is_left(&entry.path()).unwrap_or(false) {
            _ = fs::remove_file(entry.path().join(RING));
            _ = fs::remove_dir(entry.path());
        }
    }
}

fn is_left(directory: &Path) -> io::Result<bool> {
    let about = fs::symlink_metadata(directory)?;
    // SAFETY: takes nothing, cannot fail.
    let is_own = about.is_dir() && about.uid() == unsafe { libc::geteuid() };
    let is_old = about.modified()?.elapsed().is_ok_and(|age| age >= AGE);
    // Nobody else can have put anything there.
    if !is_own || !is_old || about.mode() & 0o077 != 0 {
        return Ok(false);
    }
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    match options.open(directory.join(RING)) {
        Ok(ring) => Ok(lock(&ring).is_ok()),
        Err(error) => Ok(error.kind() == io::ErrorKind::NotFound),
    }
}
