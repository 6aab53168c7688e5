// SPDX-License-Identifier: MIT OR Apache-2.0
//! What separates the child from others: namespaces, mounts and root, ids, capabilities, filters.

use crate::command::{Command, setters};
use crate::mount::Mount;
use crate::namespace::{IdRange, Namespaces};
use crate::resource::Capabilities;
use crate::settings::Root;
use clone3_sys::{self as sys, libc};
use std::ffi::{c_int, c_uint};
use std::os::fd::OwnedFd;
use std::path::Path;

setters! {
    /// Whether the child's new user namespace allows `setgroups(2)`. A caller without privileges
    /// must forbid it to have a [`Command::gid_map()`]. Linux 3.19.
    fn setgroups(allowed: bool) = clone3_spawn_set_setgroups;

    /// The user id: real, effective and saved. The groups stay the caller's: root should set
    /// [`Command::gid()`] and [`Command::groups()`] as well.
    fn uid(uid: u32) = clone3_spawn_set_uid;

    /// The group id: real, effective and saved. The supplementary groups stay the caller's: see
    /// [`Command::groups()`].
    fn gid(gid: u32) = clone3_spawn_set_gid;

    /// Whether executing a program can give no privileges any more.
    fn no_new_privs(on: bool) = clone3_spawn_set_no_new_privs;

    /// The securebits (`capabilities(7)`).
    fn securebits(bits: u32) = clone3_spawn_set_securebits;
}

impl Command {
    /// Adds namespaces that are made for the child.
    pub fn namespaces(&mut self, namespaces: Namespaces) -> &mut Command {
        self.flags(namespaces.flags())
    }

    /// Adds a namespace that the child joins, in the order of the calls (`setns(2)`): a
    /// namespace's file, or a pidfd with the kinds of the namespaces of its process (Linux 5.8).
    /// For a file the kind may be [`Namespaces::NONE`].
    ///
    /// A pid namespace is joined by the spawning thread while it makes the child.
    pub fn join_namespace(&mut self, fd: impl Into<OwnedFd>, kinds: Namespaces) -> &mut Command {
        match c_int::try_from(kinds.flags()) {
            Ok(kinds) => self.settings.namespaces.push((fd.into(), kinds)),
            Err(_) => self.refuse("no namespace to join is empty".to_owned()),
        }
        self
    }

    /// The user ids of the child's new user namespace.
    pub fn uid_map(&mut self, ranges: impl IntoIterator<Item = IdRange>) -> &mut Command {
        self.settings.uid_map = ranges.into_iter().map(IdRange::as_sys).collect();
        self
    }

    /// The group ids of the child's new user namespace. See [`Command::setgroups()`].
    pub fn gid_map(&mut self, ranges: impl IntoIterator<Item = IdRange>) -> &mut Command {
        self.settings.gid_map = ranges.into_iter().map(IdRange::as_sys).collect();
        self
    }

    /// A new user namespace in which the calling thread's user and group are root, and nobody
    /// else is anything. Where user namespaces are allowed it needs no privilege, and makes other
    /// namespaces beside it need none.
    pub fn map_root(&mut self) -> &mut Command {
        // SAFETY: they take nothing and cannot fail.
        let (uid, gid) = unsafe { (libc::geteuid(), libc::getegid()) };
        self.namespaces(Namespaces::USER)
            .setgroups(false)
            .uid_map([IdRange::one(0, uid)])
            .gid_map([IdRange::one(0, gid)])
    }

    /// Adds a mount, in the order of the calls. It needs a mount namespace.
    pub fn mount(&mut self, mount: Mount) -> &mut Command {
        if let Some(what) = mount.invalid {
            let number = self.settings.mounts.len();
            self.refuse(format!("the {what} of mount {number} has a NUL byte"));
        }
        self.settings.mounts.push(mount);
        self
    }

    /// The root directory, and the working directory there (`chroot(2)`).
    pub fn chroot(&mut self, directory: impl AsRef<Path>) -> &mut Command {
        let path = self.string("the root", directory.as_ref().as_os_str());
        self.settings.root = Some(Root::Change(path));
        self
    }

    /// A directory, or a detached mount, that becomes the root of the child's mount namespace,
    /// and its working directory (`pivot_root(2)`). Nothing is left of the old root. Linux 5.2.
    pub fn pivot_root(&mut self, directory: impl Into<OwnedFd>) -> &mut Command {
        self.settings.root = Some(Root::Pivot(directory.into()));
        self
    }

    /// The supplementary groups; none of them if it is empty.
    pub fn groups(&mut self, groups: &[u32]) -> &mut Command {
        self.settings.groups = Some(groups.to_vec());
        self
    }

    /// The child's pids, that in the innermost pid namespace first. Linux 5.5, and a capability.
    pub fn pids(&mut self, pids: &[i32]) -> &mut Command {
        self.settings.pids = pids.to_vec();
        self
    }

    /// One of the sets of capabilities, capability *n* in bit *n*.
    pub fn capabilities(&mut self, set: Capabilities, capabilities: u64) -> &mut Command {
        let plan = &mut self.settings.plan;
        // SAFETY: the plan is initialised, and the setter takes numbers only.
        unsafe { sys::clone3_spawn_set_capabilities(plan, set as c_int, capabilities) };
        self
    }

    /// A seccomp filter, installed right before exec, which it must allow. `flags` is 0, or of
    /// `SECCOMP_FILTER_FLAG_LOG` and `SECCOMP_FILTER_FLAG_SPEC_ALLOW`. It needs
    /// [`Command::no_new_privs()`] or a capability.
    pub fn seccomp(&mut self, filter: &[libc::sock_filter], flags: c_uint) -> &mut Command {
        self.settings.filter = Some((filter.to_vec(), flags));
        self
    }
}
