// SPDX-License-Identifier: MIT OR Apache-2.0
//! Child processes with all that Linux can give them before they execute a program: a pidfd, a
//! cgroup, namespaces with their id maps and mounts, ids, capabilities, limits, a seccomp filter.
//! It is `clone3_spawn(3)` of libclone3 in the manner of [`std::process`].
//!
//! ```
//! use clone3::{Command, Resource};
//! use std::time::Duration;
//!
//! # fn main() -> std::io::Result<()> {
//! let mut child = Command::new("sleep")
//!     .arg("10")
//!     .no_new_privs(true)
//!     .rlimit(Resource::CORE, Some(0), Some(0))
//!     .spawn()?;
//! if child.wait_timeout(Duration::from_millis(20))?.is_none() {
//!     child.kill()?; // by the pidfd: never another process that got its number
//! }
//! assert_eq!(child.wait()?.code(), None);
//! # Ok(())
//! # }
//! ```
//!
//! A process in namespaces of its own, where it is root and sees no other, without privileges:
//!
//! ```no_run
//! use clone3::{Command, Mount, Namespaces};
//!
//! # fn main() -> std::io::Result<()> {
//! let output = Command::new("ps")
//!     .arg("ax")
//!     .map_root()
//!     .namespaces(Namespaces::PID | Namespaces::MOUNT | Namespaces::NET)
//!     .mount(Mount::new("proc", "/proc").no_suid().no_dev().no_exec())
//!     .cgroup_path("/sys/fs/cgroup/jobs/1")
//!     .output()?;
//! # let _ = output;
//! # Ok(())
//! # }
//! ```
//!
//! A [`Command`] describes a child, [`Command::spawn()`] makes it, as often as one likes and in
//! any number of threads. What is not asked for, the child inherits. A failure tells its
//! [`Stage`], the object concerned, the error number and all of it in words ([`Error`]). Other than
//! [`std::process::Command`], it leaves the child the signal mask of the thread that spawns it;
//! SIGPIPE, which Rust's runtime ignores, is at its default in the child as it is there.
//!
//! # What becomes of a child
//!
//! A [`Child`] holds the child's pidfd, so that it is always this child that is waited for and
//! that gets a signal. A dropped [`Child`] goes on running, unless [`Command::kill_on_drop()`]
//! says otherwise. Either way nothing is lost: the pidfd is kept aside, and the child is reaped
//! and the pidfd closed by the next [`Command::spawn()`] after its end, or by [`reap()`].
//! [`Child::into_pidfd()`] gives the pidfd to the caller, and with it the duty to wait.
//!
//! # What is needed
//!
//! Linux 5.4, for waiting by a pidfd; each method says where it needs more. libclone3: the crate
//! `clone3-sys` says how it is found and what the features `whole` and `static` do.
//!
//! No method panics, whatever it is given: what is wrong with a string is an [`Error`] of the
//! spawn. [`Command`], [`Child`], [`Error`] and what they are made of are `Send` and `Sync`.
//!
//! Not here, because they run code in the child: `clone3_spawn_set_callback(3)` and
//! `clone3_spawn_set_function(3)`. [`sys`] has them.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod child;
mod command;
mod environment;
mod error;
mod isolation;
mod mount;
mod namespace;
mod orphans;
mod plan;
mod resource;
mod settings;
mod share;
mod stdio;

pub use child::{Child, Usage};
pub use clone3_sys as sys;
pub use command::Command;
pub use error::{Error, Stage};
pub use mount::Mount;
pub use namespace::{IdRange, Namespaces};
pub use orphans::reap;
pub use resource::{Capabilities, Resource};
pub use stdio::Stdio;

/// The version of the library that is loaded: `"MAJOR.MINOR.PATCH"`.
pub fn version() -> &'static str {
    // SAFETY: it returns a constant string, which lasts as long as the program.
    unsafe { std::ffi::CStr::from_ptr(sys::clone3_version()) }.to_str().unwrap_or_default()
}

// Checked when this is compiled: what may go to another thread, and be used by several.
const _: () = {
    const fn send_and_sync<T: Send + Sync>() {}
    send_and_sync::<Command>();
    send_and_sync::<Child>();
    send_and_sync::<Error>();
    send_and_sync::<Mount>();
    send_and_sync::<Stdio>();
    send_and_sync::<Usage>();
};
