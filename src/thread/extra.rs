// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a thread can be given besides what its attributes say, each a change
//! that the thread makes to itself and that is gone with it.

use crate::uapi::file_facts::{self, FileKind};
use crate::uapi::flags::{CLONE_FILES, CLONE_FS};
use crate::uapi::sys::Pid;
use crate::uapi::{Errno, file, namespace, sched, task};
use core::ffi::{c_char, c_int, c_void};

/// One of them, by its bit in struct clone3_pthread_extra.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Extra {
    /// A pidfd, for the creator.
    Pidfd = 1 << 0,
    /// A name.
    Name = 1 << 1,
    /// The processors to run on.
    Affinity = 1 << 2,
    /// A nice value.
    Nice = 1 << 3,
    /// Timer slack.
    TimerSlack = 1 << 4,
    /// A threaded cgroup.
    Cgroup = 1 << 5,
    /// Root, working directory and umask of its own.
    UnshareFs = 1 << 6,
    /// Descriptors of its own.
    UnshareFiles = 1 << 7,
}

/// Which one could not be had, and why.
pub type Failure = (Extra, Errno);

/// A cgroup2 directory.
#[derive(Clone, Copy)]
pub enum Cgroup {
    /// By a descriptor, O_PATH or not.
    Descriptor(c_int),
    /// By its path, a C string.
    Path(*const c_char),
}

/// The extras of one thread; `None`, `false` and null are "not asked for".
#[derive(Clone, Copy, Default)]
pub struct Extras {
    /// Where the creator wants a pidfd.
    pub pidfd: Option<*mut c_int>,
    /// A name, ended by NUL.
    pub name: Option<[u8; task::NAME_SIZE]>,
    /// A cpu_set_t and its size in bytes.
    pub affinity: Option<(*const c_void, usize)>,
    /// −20 to 19.
    pub nice: Option<c_int>,
    /// Nanoseconds, 0 for the default.
    pub timer_slack: Option<usize>,
    /// Where to move to.
    pub cgroup: Option<Cgroup>,
    /// Whether CLONE_FS is no longer to be shared.
    pub unshare_fs: bool,
    /// Whether CLONE_FILES is no longer to be shared.
    pub unshare_files: bool,
}

impl Extras {
    /// Gives the calling thread all but the pidfd, which has to appear among the
    /// creator's descriptors. Paths are looked up and descriptors used before
    /// the thread has its own.
    pub fn apply(&self) -> Result<(), Failure> {
        let failed = |extra| move |errno| (extra, errno);
        if let Some(name) = &self.name {
            task::set_name(name.as_ptr().cast()).map_err(failed(Extra::Name))?;
        }
        if let Some((cpus, size)) = self.affinity {
            sched::set_affinity(cpus, size).map_err(failed(Extra::Affinity))?;
        }
        if let Some(nice) = self.nice {
            sched::set_nice(nice).map_err(failed(Extra::Nice))?;
        }
        if let Some(slack) = self.timer_slack {
            sched::set_timer_slack(slack).map_err(failed(Extra::TimerSlack))?;
        }
        if let Some(cgroup) = self.cgroup {
            enter(cgroup).map_err(failed(Extra::Cgroup))?;
        }
        if self.unshare_fs {
            namespace::unshare(CLONE_FS).map_err(failed(Extra::UnshareFs))?;
        }
        if self.unshare_files {
            namespace::unshare(CLONE_FILES).map_err(failed(Extra::UnshareFiles))?;
        }
        Ok(())
    }
}

/// A pidfd of a thread that runs. ENOTSUP where the kernel knows pidfds of
/// processes only (before Linux 6.9): it says EINVAL, which it has no other
/// cause for.
pub fn open_pidfd(tid: Pid) -> Result<c_int, Failure> {
    task::open_thread(tid).map_err(|errno| match errno {
        Errno::EINVAL => (Extra::Pidfd, Errno::EOPNOTSUPP),
        errno => (Extra::Pidfd, errno),
    })
}

/// Moves the calling thread, and it alone, into a cgroup.
fn enter(cgroup: Cgroup) -> Result<(), Errno> {
    match cgroup {
        Cgroup::Descriptor(directory) => enter_directory(directory),
        Cgroup::Path(path) => {
            let directory = file::open_directory(path)?;
            let entered = enter_directory(directory);
            file::close(directory);
            entered
        }
    }
}

/// EBADF for what is no cgroup2 directory, as of CLONE_INTO_CGROUP.
fn enter_directory(directory: c_int) -> Result<(), Errno> {
    if file_facts::file_kind(directory)? == FileKind::Other {
        return Err(Errno::EBADF);
    }
    let threads = file::open_at(directory, c"cgroup.threads", libc::O_WRONLY | libc::O_CLOEXEC)?;
    let written = file::write(threads, b"0"); // who writes
    file::close(threads);
    written.map(drop)
}
