// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the child is besides its program, environment and streams, until there is a plan of it.

use crate::mount::Mount;
use clone3_sys::{self as sys, libc};
use std::ffi::{CString, c_int, c_uint, c_ulong};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

/// What the library's plan holds by itself, and beside it what it only points to.
pub(crate) struct Settings {
    /// It has no pointers in it: those are put into a copy, for each spawn.
    pub plan: sys::clone3_spawn_t,
    pub defaults: Vec<c_int>,
    pub ignores: Vec<c_int>,
    pub cgroup: Option<Place>,
    pub pids: Vec<libc::pid_t>,
    pub namespaces: Vec<(OwnedFd, c_int)>,
    pub uid_map: Vec<sys::clone3_spawn_id_range>,
    pub gid_map: Vec<sys::clone3_spawn_id_range>,
    pub groups: Option<Vec<libc::gid_t>>,
    pub rlimits: Vec<sys::clone3_spawn_rlimit>,
    pub affinity: Option<Vec<c_ulong>>,
    pub filter: Option<(Vec<libc::sock_filter>, c_uint)>,
    pub terminal: Option<OwnedFd>,
    pub mounts: Vec<Mount>,
    pub root: Option<Root>,
    pub directory: Option<Place>,
    /// The descriptors from 3 on, if all others are closed.
    pub descriptors: Option<Vec<OwnedFd>>,
}

/// A directory.
pub(crate) enum Place {
    Path(CString),
    Fd(OwnedFd),
}

pub(crate) enum Root {
    Change(CString),
    Pivot(OwnedFd),
}

impl Settings {
    pub(crate) fn new() -> Settings {
        // All zeros are a plan, too: one that the spawn refuses, as one that was not initialised.
        // That is what stays of it if the library says no.
        let mut plan = sys::clone3_spawn_t { opaque: [0; 96] };
        // SAFETY: there are that many bytes of memory for it.
        unsafe { sys::clone3_spawn_init(&mut plan, size_of_val(&plan)) };
        let mut settings = Settings {
            plan,
            defaults: Vec::new(),
            ignores: Vec::new(),
            cgroup: None,
            pids: Vec::new(),
            namespaces: Vec::new(),
            uid_map: Vec::new(),
            gid_map: Vec::new(),
            groups: None,
            rlimits: Vec::new(),
            affinity: None,
            filter: None,
            terminal: None,
            mounts: Vec::new(),
            root: None,
            directory: None,
            descriptors: None,
        };
        settings.dispositions();
        settings
    }

    /// Rust's runtime ignores SIGPIPE, which a program does not expect: it is at its default in
    /// the child, unless it is to be ignored there.
    pub(crate) fn dispositions(&mut self) {
        let mut defaults = self.defaults.clone();
        if !self.ignores.contains(&libc::SIGPIPE) {
            defaults.push(libc::SIGPIPE);
        }
        let (defaults, ignores) = (signal_set(&defaults), signal_set(&self.ignores));
        // SAFETY: the plan is initialised, and the sets are copied.
        unsafe {
            sys::clone3_spawn_set_signal_defaults(&mut self.plan, &defaults);
            sys::clone3_spawn_set_signal_ignores(&mut self.plan, &ignores);
        }
    }

    pub(crate) fn search(&mut self) {
        // SAFETY: the plan is initialised.
        unsafe { sys::clone3_spawn_set_search(&mut self.plan, 1) };
    }
}

/// Without those that there are not.
pub(crate) fn signal_set(signals: &[c_int]) -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: there is room for a set, which is initialised then.
    let mut set = unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    };
    for signal in signals {
        // SAFETY: the set is initialised.
        unsafe { libc::sigaddset(&mut set, *signal) };
    }
    set
}
