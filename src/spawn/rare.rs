// SPDX-License-Identifier: MIT OR Apache-2.0
//! The part of a child's description that POSIX does not have. Most children use none of
//! it and share one constant.

use super::elements::{IdRange, Limit, Mount, Namespace};
use super::list::List;
use crate::uapi::CloneFlags;
use crate::uapi::flags::*;
use crate::uapi::sys::{KernelSigset, Pid};
use core::ffi::{c_char, c_int, c_void};
use core::ptr::null;

/// A function of the caller's, and its argument.
pub type Function = (unsafe extern "C" fn(*mut c_void) -> c_int, *mut c_void);

/// A directory for the child.
#[derive(Clone, Copy)]
pub enum Directory {
    /// The caller's.
    Inherited,
    /// By its descriptor.
    Descriptor(c_int),
    /// By its path.
    Path(*const c_char),
}

/// The largest number of descriptors in the list.
pub const MOST_DESCRIPTORS: usize = 1024;

/// With `None`, an empty list or 0 it is inherited from the caller.
#[derive(Clone, Copy)]
pub struct Rare {
    pub flags: CloneFlags,
    /// Which of them the library may emulate.
    pub emulable: CloneFlags,
    pub exit_signal: Option<c_int>,
    pub set_tid: List<Pid>,
    pub namespaces: List<Namespace>,
    pub uid_map: List<IdRange>,
    pub gid_map: List<IdRange>,
    pub setgroups: Option<bool>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub groups: Option<List<u32>>,
    pub no_new_privs: bool,
    pub bounding: Option<u64>,
    pub inheritable: Option<u64>,
    pub ambient: Option<u64>,
    pub securebits: Option<u32>,
    pub filter: *const c_void,
    pub filter_flags: u32,
    pub limits: List<Limit>,
    pub umask: Option<u32>,
    pub mounts: List<Mount>,
    pub terminal: Option<c_int>,
    /// Signals to be ignored.
    pub ignores: KernelSigset,
    pub nice: Option<c_int>,
    pub affinity: (*const c_void, usize),
    pub io_priority: Option<c_int>,
    pub oom_score: Option<c_int>,
    pub timer_slack: Option<usize>,
    pub pdeath_signal: c_int,
    pub directory: Directory,
    /// A path to chroot(2) to, or a descriptor to pivot to.
    pub root: Directory,
    /// The descriptors that become 0, 1, 2 and so on; all others are closed.
    pub descriptors: Option<List<c_int>>,
    pub callback: Option<Function>,
}

impl Rare {
    /// None of it.
    pub const NONE: &'static Rare = &Rare {
        flags: CloneFlags::NONE,
        emulable: CloneFlags::NONE,
        exit_signal: None,
        set_tid: List::EMPTY,
        namespaces: List::EMPTY,
        uid_map: List::EMPTY,
        gid_map: List::EMPTY,
        setgroups: None,
        uid: None,
        gid: None,
        groups: None,
        no_new_privs: false,
        bounding: None,
        inheritable: None,
        ambient: None,
        securebits: None,
        filter: null(),
        filter_flags: 0,
        limits: List::EMPTY,
        umask: None,
        mounts: List::EMPTY,
        terminal: None,
        ignores: 0,
        nice: None,
        affinity: (null(), 0),
        io_priority: None,
        oom_score: None,
        timer_slack: None,
        pdeath_signal: 0,
        directory: Directory::Inherited,
        root: Directory::Inherited,
        descriptors: None,
        callback: None,
    };

    /// Whether the child is in another mount namespace than the caller.
    pub fn leaves_mount_namespace(&self) -> bool {
        self.enters(CLONE_NEWNS)
    }

    /// Whether the child is in another pid namespace than the caller, where its parent
    /// has no pid.
    pub fn leaves_pid_namespace(&self) -> bool {
        self.enters(CLONE_NEWPID)
    }

    /// Whether the child enters a time namespace, which it can do only with its own
    /// memory (time_namespaces(7)).
    pub fn needs_own_memory(&self) -> bool {
        self.enters(CLONE_NEWTIME)
    }

    /// Whether a namespace of that kind is made for the child, or joined by it.
    fn enters(&self, kind: CloneFlags) -> bool {
        self.flags.contains(kind) || self.namespaces.get().iter().any(|ns| ns.joins(kind))
    }

    /// Whether something is mounted for the child, its root included.
    pub fn mounts_or_pivots(&self) -> bool {
        !self.mounts.get().is_empty() || matches!(self.root, Directory::Descriptor(_))
    }

    /// Whether the caller must write the child's id maps.
    pub fn writes_id_maps(&self) -> bool {
        self.setgroups.is_some() || !self.uid_map.get().is_empty() || !self.gid_map.get().is_empty()
    }

    /// Whether the child checks whether its parent has ended.
    pub fn looks_for_parent(&self) -> bool {
        self.pdeath_signal != 0 || self.writes_id_maps()
    }
}
