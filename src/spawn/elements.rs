// SPDX-License-Identifier: MIT OR Apache-2.0
//! The elements of a plan's arrays: structs of the header.

use crate::uapi::mount::{MS_BIND, MS_REC};
use crate::uapi::{CloneFlags, namespace};
use core::ffi::{c_char, c_int};

/// A namespace to join.
/// cbindgen:field-names=[fd, type]
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Namespace {
    /// A namespace's file, or a pidfd (Linux 5.8).
    pub fd: c_int,
    /// CLONE_NEW*: 0 for whatever the file is; for a pidfd one or several.
    pub kind: c_int,
}

impl Namespace {
    /// Whether it is a namespace of that kind, or a process's pidfd for that kind.
    pub fn joins(&self, kind: CloneFlags) -> bool {
        self.kinds() & kind.bits() as c_int != 0
    }

    /// The kinds as given, or else the file's.
    pub fn kinds(&self) -> c_int {
        match self.kind {
            0 => namespace::kind_of_namespace(self.fd).unwrap_or(0),
            kind => kind,
        }
    }
}

/// A line of an id map (user_namespaces(7)).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct IdRange {
    /// First id in the new namespace.
    pub inside: u32,
    /// What it is outside.
    pub outside: u32,
    /// How many ids.
    pub count: u32,
}

/// A resource limit (prlimit(2)).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Limit {
    /// RLIMIT_*
    pub resource: c_int,
    /// 0.
    pub reserved: c_int,
    /// The soft limit; all ones for none.
    pub soft: u64,
    /// The hard limit; all ones for none.
    pub hard: u64,
}

/// A mount for the child.
/// cbindgen:field-names=[source, target, type, data, flags]
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Mount {
    /// With MS_BIND, the path to bind to the target, looked up in the caller's root.
    /// Otherwise the file system's source; NULL for none.
    pub source: *const c_char,
    /// An existing path in the child's root. Symbolic links in it cannot lead out of that
    /// root.
    pub target: *const c_char,
    /// The file system's type: proc, tmpfs, devpts and so on; not used with MS_BIND.
    pub kind: *const c_char,
    /// Its options, as after -o of mount(8): "size=1m,mode=755"; NULL for none.
    pub data: *const c_char,
    /// Of the MS_* of mount(2): MS_BIND, with MS_REC for all that is mounted below as
    /// well; and MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOATIME.
    pub flags: u64,
}

impl Mount {
    /// Whether it is a bind mount.
    pub fn binds(&self) -> bool {
        self.flags & MS_BIND != 0
    }

    /// Whether it also binds the mounts below.
    pub fn is_recursive(&self) -> bool {
        self.flags & MS_REC != 0
    }

    /// Its type, for messages.
    pub fn kind_in_words(&self) -> *const c_char {
        if self.binds() { c"bind".as_ptr() } else { self.kind }
    }
}
