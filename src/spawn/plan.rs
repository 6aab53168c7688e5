// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `clone3_spawn_t` holds: all that a child can be told to be, as the
//! setters left it. Lists and strings are the caller's own.

use super::actions::{Actions, FileActions};
use crate::uapi::flags::*;
use crate::uapi::sys::{KernelSigset, Pid};
use crate::uapi::{CloneFlags, Errno, attribute};
use core::ffi::{c_char, c_int, c_void};
use core::ptr::{null, null_mut, slice_from_raw_parts};

/// A function of the caller's, and what it is given.
pub type Function = (unsafe extern "C" fn(*mut c_void) -> c_int, *mut c_void);

/// An array of the caller's.
#[derive(Clone, Copy)]
pub struct List<T> {
    first: *const T,
    count: usize,
}

impl<T> List<T> {
    /// Nothing.
    pub const EMPTY: List<T> = List { first: null(), count: 0 };

    /// EFAULT where there should be something and is not.
    pub fn of(first: *const T, count: usize) -> Result<List<T>, Errno> {
        match (first.is_null(), count) {
            (_, 0) => Ok(List::EMPTY),
            (true, _) => Err(Errno::EFAULT),
            _ => Ok(List { first, count }),
        }
    }

    /// Its elements, which the caller of the setter vouched for.
    pub fn get(&self) -> &[T] {
        if self.first.is_null() {
            return &[];
        }
        // SAFETY: the setter's contract: an array that stays until the spawn.
        unsafe { &*slice_from_raw_parts(self.first, self.count) }
    }

    /// Where it is, and how long.
    pub fn as_parts(&self) -> (*const T, usize) {
        (self.first, self.count)
    }
}

/// A namespace to join (`struct clone3_spawn_namespace`).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Namespace {
    /// A namespace's file, or a pidfd.
    pub fd: c_int,
    /// CLONE_NEW*, 0 for whatever the file is; for a pidfd one or several.
    pub kind: c_int,
}

/// A line of an id map (`struct clone3_spawn_id_range`).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct IdRange {
    /// First id inside of the new namespace.
    pub inside: u32,
    /// The id that it is outside.
    pub outside: u32,
    /// How many, one after the other.
    pub count: u32,
}

/// A resource limit (`struct clone3_spawn_rlimit`).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Limit {
    /// RLIMIT_*
    pub resource: c_int,
    /// 0.
    pub reserved: c_int,
    /// The soft limit, all ones for none.
    pub soft: u64,
    /// The hard limit, all ones for none.
    pub hard: u64,
}

/// Something to mount (`struct clone3_spawn_mount`).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Mount {
    /// What is bound, or what the type wants; or null.
    pub source: *const c_char,
    /// Where, in the child's root.
    pub target: *const c_char,
    /// The file system's type.
    pub kind: *const c_char,
    /// Options of the type's own, or null.
    pub data: *const c_char,
    /// MS_*
    pub flags: u64,
}

/// A cgroup2 directory.
#[derive(Clone, Copy)]
pub enum Cgroup {
    /// The caller's.
    Inherited,
    /// By its descriptor.
    Descriptor(c_int),
    /// By its path, from the caller's working directory.
    Path(*const c_char),
}

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

/// A setter that could not do what it was called for.
#[derive(Clone, Copy)]
pub struct Refusal {
    /// Its number.
    pub setter: u8,
    /// What it answered.
    pub errno: Errno,
}

/// The contents of `clone3_spawn_t`.
pub struct Plan {
    /// [`MARK`], or nobody initialised it.
    pub mark: u64,
    /// The first setter that failed: a plan that lacks something must not run, for
    /// what it lacks may be what keeps the program in.
    pub refused: Option<Refusal>,
    pub flags: CloneFlags,
    /// Which of them the library may stand in for.
    pub emulable: CloneFlags,
    pub exit_signal: Option<c_int>,
    pub set_tid: List<Pid>,
    pub pidfd: *mut c_int,
    pub cgroup: Cgroup,
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
    pub new_session: bool,
    pub process_group: Option<Pid>,
    pub terminal: Option<c_int>,
    pub mask: Option<KernelSigset>,
    pub defaults: KernelSigset,
    pub ignores: KernelSigset,
    pub scheduling: Option<(c_int, c_int)>,
    pub nice: Option<c_int>,
    pub affinity: (*const c_void, usize),
    pub io_priority: Option<c_int>,
    pub oom_score: Option<c_int>,
    pub timer_slack: Option<usize>,
    pub death_signal: c_int,
    pub directory: Directory,
    /// A path to chroot(2) to, or a descriptor to pivot to.
    pub root: Directory,
    pub descriptors: Option<List<c_int>>,
    pub actions: *const FileActions,
    /// The program or its directory, and the flags of execveat(2).
    pub program: Option<(c_int, c_int)>,
    pub search: bool,
    pub callback: Option<Function>,
    pub function: Option<Function>,
}

/// In place of an address; nothing else begins with it by chance.
pub const MARK: u64 = 0x736e_6177_7033_6e63;

/// As many descriptors can be listed.
pub const MOST_DESCRIPTORS: usize = 1024;

impl Plan {
    /// A child like the caller.
    pub const INITIAL: Plan = Plan {
        mark: MARK,
        refused: None,
        flags: CloneFlags::NONE,
        emulable: CloneFlags::NONE,
        exit_signal: None,
        set_tid: List::EMPTY,
        pidfd: null_mut(),
        cgroup: Cgroup::Inherited,
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
        new_session: false,
        process_group: None,
        terminal: None,
        mask: None,
        defaults: 0,
        ignores: 0,
        scheduling: None,
        nice: None,
        affinity: (null(), 0),
        io_priority: None,
        oom_score: None,
        timer_slack: None,
        death_signal: 0,
        directory: Directory::Inherited,
        root: Directory::Inherited,
        descriptors: None,
        actions: null(),
        program: None,
        search: false,
        callback: None,
        function: None,
    };

    /// Whether the child is in another mount namespace than the caller.
    pub fn leaves_mount_namespace(&self) -> bool {
        self.flags.contains(CLONE_NEWNS)
            || self.namespaces.get().iter().any(|ns| ns.joins(CLONE_NEWNS))
    }

    /// Whether something is mounted for the child, be it its root.
    pub fn mounts_or_pivots(&self) -> bool {
        !self.mounts.get().is_empty() || matches!(self.root, Directory::Descriptor(_))
    }

    /// Notes that a setter was refused. The first one counts: what comes after may
    /// have failed because of it.
    pub fn refuse(&mut self, setter: u8, errno: Errno) {
        self.refused.get_or_insert(Refusal { setter, errno });
    }

    /// Whether somebody must write the child's id maps.
    pub fn writes_id_maps(&self) -> bool {
        self.setgroups.is_some() || !self.uid_map.get().is_empty() || !self.gid_map.get().is_empty()
    }

    /// Whether the child is in another pid namespace than the caller, and its
    /// parent has no number there.
    pub fn leaves_pid_namespace(&self) -> bool {
        self.flags.contains(CLONE_NEWPID)
            || self.namespaces.get().iter().any(|ns| ns.joins(CLONE_NEWPID))
    }

    /// Whether the child enters a time namespace, for which its memory must be
    /// its own (time_namespaces(7)).
    pub fn needs_own_memory(&self) -> bool {
        self.flags.contains(CLONE_NEWTIME)
            || self.namespaces.get().iter().any(|ns| ns.joins(CLONE_NEWTIME))
    }

    /// What is done to the files besides the list.
    pub fn actions(&self) -> Actions<'_> {
        // SAFETY: the setter's contract: an object that stays until the spawn.
        unsafe { Actions::of(self.actions) }.unwrap_or(Actions::NONE)
    }
}

impl Namespace {
    /// Whether it is one of that kind, or a process that is in one.
    pub fn joins(&self, kind: CloneFlags) -> bool {
        self.kinds() & kind.bits() as c_int != 0
    }

    /// As it was given, or asked of the file.
    pub fn kinds(&self) -> c_int {
        match self.kind {
            0 => attribute::kind_of_namespace(self.fd).unwrap_or(0),
            kind => kind,
        }
    }
}
