// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether the kernel will accept a cgroup for CLONE_INTO_CGROUP, read from the cgroup's
//! own files. The kernel cannot be asked: it checks after the point up to which a child
//! can be undone without a trace (kernel/cgroup/cgroup.c, cgroup_css_set_fork).

use crate::base::decimal;
use crate::uapi::file_facts::{self, FileKind};
use crate::uapi::{Errno, file, task};
use core::ffi::{CStr, c_int};

/// The start of one of the small files in a cgroup.
struct Text {
    bytes: [u8; 512],
    len: usize,
}

impl Text {
    /// ENOENT where there is no such file, as in the root cgroup.
    fn read(directory: c_int, name: &CStr) -> Result<Text, Errno> {
        let fd = file::open_at(directory, name, libc::O_RDONLY | libc::O_CLOEXEC)?;
        let mut text = Text { bytes: [0; 512], len: 0 };
        let read = file::read(fd, &mut text.bytes);
        file::close(fd);
        text.len = read?;
        Ok(text)
    }

    fn words(&self) -> impl Iterator<Item = &[u8]> {
        let bytes = self.bytes.get(..self.len).unwrap_or(&[]);
        bytes.split(|c| c.is_ascii_whitespace()).filter(|word| !word.is_empty())
    }
}

/// Whether the calling task may put a child into the cgroup whose directory
/// this descriptor is; `thread`: the child is to be one of its own threads.
///
/// It checks less than the kernel: neither whether the caller may move a process out of
/// its own cgroup, nor pids.max.
pub fn takes(directory: c_int, thread: bool) -> Result<(), Errno> {
    match file_facts::file_kind(directory)? {
        FileKind::Cgroup2Directory => {}
        FileKind::Other => return Err(Errno::EBADF),
    }
    let procs = file::open_at(directory, c"cgroup.procs", libc::O_WRONLY | libc::O_CLOEXEC)
        .map_err(|errno| if errno == Errno::ENODEV { Errno::ENOENT } else { errno })?;
    file::close(procs);
    let Ok(kind) = Text::read(directory, c"cgroup.type") else {
        return Ok(()); // the root takes anything
    };
    let is = |wanted: &[u8]| kind.words().any(|word| word == wanted);
    if is(b"invalid") {
        return Err(Errno::EOPNOTSUPP);
    }
    if !is(b"threaded") && hosts_controllers(directory)? {
        return Err(Errno::EBUSY);
    }
    if thread && !is_own_domain(directory) {
        return Err(Errno::EOPNOTSUPP);
    }
    Ok(())
}

/// Whether domain controllers are enabled for the child cgroups, so that this one may
/// have no processes ("no internal processes").
fn hosts_controllers(directory: c_int) -> Result<bool, Errno> {
    const THREADED: [&[u8]; 4] = [b"cpu", b"cpuset", b"perf_event", b"pids"];
    let controllers = Text::read(directory, c"cgroup.subtree_control")?;
    if controllers.words().any(|word| !THREADED.contains(&word)) {
        return Ok(true);
    }
    if controllers.words().next().is_none() {
        return Ok(false);
    }
    // With threaded controllers only it can still become the root of a threaded subtree,
    // unless domains below it have processes.
    let events = Text::read(directory, c"cgroup.events")?;
    let mut words = events.words().skip_while(|word| *word != b"populated").skip(1);
    let populated = words.next() == Some(b"1");
    Ok(populated && Text::read(directory, c"cgroup.procs")?.words().next().is_none())
}

/// Whether the calling process is in that very cgroup, the only one that certainly
/// accepts its threads.
fn is_own_domain(directory: c_int) -> bool {
    let own = u32::try_from(task::getpid()).ok();
    own.is_some()
        && Text::read(directory, c"cgroup.procs")
            .is_ok_and(|procs| procs.words().any(|word| decimal::read(word) == own))
}
