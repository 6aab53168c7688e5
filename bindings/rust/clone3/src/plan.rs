// SPDX-License-Identifier: MIT OR Apache-2.0
//! The library's plan for one spawn: the settings' own, and pointers to what it does not hold.

use crate::error::Error;
use crate::settings::{Place, Root, Settings};
use crate::stdio::Stream;
use clone3_sys::{self as sys, libc};
use std::ffi::c_int;
use std::io;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};

/// Nothing that it points to moves with it. What a setter has against something need not be
/// looked at: the plan remembers it, and the spawn says it.
pub(crate) struct Plan<'a> {
    plan: sys::clone3_spawn_t,
    namespaces: Vec<sys::clone3_spawn_namespace>,
    mounts: Vec<sys::clone3_spawn_mount>,
    descriptors: Vec<c_int>,
    filter: Option<Box<libc::sock_fprog>>,
    actions: Option<FileActions>,
    borrowed: PhantomData<(&'a Settings, &'a mut c_int)>,
}

impl<'a> Plan<'a> {
    /// `pidfd` is where the child's pidfd goes. The streams stay open until the spawn.
    pub(crate) fn new(
        settings: &'a Settings,
        pidfd: &'a mut c_int,
        streams: [&Stream<'_>; 3],
    ) -> Result<Plan<'a>, Error> {
        let mut plan = Plan {
            plan: settings.plan,
            namespaces: Vec::new(),
            mounts: Vec::new(),
            descriptors: Vec::new(),
            filter: None,
            actions: None,
            borrowed: PhantomData,
        };
        // SAFETY: the plan is initialised, and has the pointer for as long as `pidfd` is lent.
        unsafe { sys::clone3_spawn_set_pidfd(&mut plan.plan, pidfd) };
        plan.share(settings);
        plan.isolate(settings);
        plan.privileges(settings);
        plan.place(settings);
        plan.files(settings, streams)?;
        Ok(plan)
    }

    /// The child executes an open file.
    pub(crate) fn execute(&mut self, program: &'a OwnedFd) {
        // SAFETY: the plan is initialised, and the setter takes numbers only.
        unsafe { sys::clone3_spawn_set_program_fd(&mut self.plan, program.as_raw_fd(), 0) };
    }

    pub(crate) fn as_sys(&self) -> &sys::clone3_spawn_t {
        &self.plan
    }

    fn share(&mut self, settings: &'a Settings) {
        let plan = &mut self.plan;
        // SAFETY: the plan is initialised; strings and arrays are the settings', which are lent
        // for as long as this is there, as many elements as it says.
        unsafe {
            match &settings.cgroup {
                Some(Place::Fd(fd)) => sys::clone3_spawn_set_cgroup(plan, fd.as_raw_fd()),
                Some(Place::Path(path)) => sys::clone3_spawn_set_cgroup_path(plan, path.as_ptr()),
                None => 0,
            };
            if !settings.rlimits.is_empty() {
                let limits = &settings.rlimits;
                sys::clone3_spawn_set_rlimits(plan, limits.as_ptr(), limits.len());
            }
            if let Some(mask) = &settings.affinity {
                let size = size_of_val(mask.as_slice());
                sys::clone3_spawn_set_affinity(plan, mask.as_ptr().cast(), size);
            }
            if let Some(terminal) = &settings.terminal {
                sys::clone3_spawn_set_terminal(plan, terminal.as_raw_fd());
            }
        }
    }

    fn isolate(&mut self, settings: &'a Settings) {
        let joined = settings.namespaces.iter();
        self.namespaces = joined
            .map(|(fd, kinds)| sys::clone3_spawn_namespace { fd: fd.as_raw_fd(), r#type: *kinds })
            .collect();
        self.mounts = settings.mounts.iter().map(|it| it.as_sys()).collect();
        let plan = &mut self.plan;
        // SAFETY: as in `share()`; two of the arrays are this plan's own, on the heap.
        unsafe {
            if !self.namespaces.is_empty() {
                let all = &self.namespaces;
                sys::clone3_spawn_set_namespaces(plan, all.as_ptr(), all.len());
            }
            if !settings.uid_map.is_empty() {
                let map = &settings.uid_map;
                sys::clone3_spawn_set_uid_map(plan, map.as_ptr(), map.len());
            }
            if !settings.gid_map.is_empty() {
                let map = &settings.gid_map;
                sys::clone3_spawn_set_gid_map(plan, map.as_ptr(), map.len());
            }
            if !self.mounts.is_empty() {
                sys::clone3_spawn_set_mounts(plan, self.mounts.as_ptr(), self.mounts.len());
            }
        }
    }

    fn privileges(&mut self, settings: &'a Settings) {
        let plan = &mut self.plan;
        // SAFETY: as in `share()`.
        unsafe {
            if let Some(groups) = &settings.groups {
                sys::clone3_spawn_set_groups(plan, groups.as_ptr(), groups.len());
            }
            if !settings.pids.is_empty() {
                sys::clone3_spawn_set_tid(plan, settings.pids.as_ptr(), settings.pids.len());
            }
        }
        let Some((filter, flags)) = &settings.filter else {
            return;
        };
        // One that is too long for its length to be told has none, which the kernel refuses.
        let program = self.filter.insert(Box::new(libc::sock_fprog {
            len: u16::try_from(filter.len()).unwrap_or(0),
            filter: filter.as_ptr().cast_mut(), // read only
        }));
        // SAFETY: the struct is on the heap for as long as this is there, and so is what it
        // points to, so many instructions.
        unsafe { sys::clone3_spawn_set_seccomp(plan, &raw const **program, *flags) };
    }

    fn place(&mut self, settings: &'a Settings) {
        let plan = &mut self.plan;
        // SAFETY: as in `share()`.
        unsafe {
            match &settings.root {
                Some(Root::Change(path)) => sys::clone3_spawn_set_chroot(plan, path.as_ptr()),
                Some(Root::Pivot(fd)) => sys::clone3_spawn_set_pivot_root(plan, fd.as_raw_fd()),
                None => 0,
            };
            match &settings.directory {
                Some(Place::Path(path)) => sys::clone3_spawn_set_directory(plan, path.as_ptr()),
                Some(Place::Fd(fd)) => sys::clone3_spawn_set_directory_fd(plan, fd.as_raw_fd()),
                None => 0,
            };
        }
    }

    fn files(&mut self, settings: &'a Settings, streams: [&Stream<'_>; 3]) -> Result<(), Error> {
        let streams = streams.map(Stream::for_child);
        if let Some(descriptors) = &settings.descriptors {
            // A stream that the caller has not got the child has not got either.
            let inherited = |fd: c_int| if is_open(fd) { fd } else { -1 };
            let streams = streams.iter().zip(0..);
            let streams =
                streams.map(|(stream, number)| stream.unwrap_or_else(|| inherited(number)));
            let others = descriptors.iter().map(AsRawFd::as_raw_fd);
            self.descriptors = streams.chain(others).collect();
            let all = &self.descriptors;
            // SAFETY: the plan is initialised; the array is this plan's own, on the heap.
            unsafe { sys::clone3_spawn_set_fds(&mut self.plan, all.as_ptr(), all.len()) };
        } else if streams.iter().any(Option::is_some) {
            let actions =
                self.actions.insert(FileActions::new().map_err(|why| Error::stream(0, why))?);
            for (stream, number) in streams.into_iter().zip(0..) {
                if let Some(fd) = stream {
                    actions.duplicate(fd, number).map_err(|why| Error::stream(number, why))?;
                }
            }
            // SAFETY: the plan is initialised; the object is on the heap, and is there for as
            // long as this is.
            unsafe { sys::clone3_spawn_set_file_actions(&mut self.plan, &raw const *actions.0) };
        }
        Ok(())
    }
}

fn is_open(fd: c_int) -> bool {
    // SAFETY: it only asks.
    unsafe { libc::fcntl(fd, libc::F_GETFD) >= 0 }
}

/// The C library's object, at one address from its making to its end.
struct FileActions(Box<libc::posix_spawn_file_actions_t>);

impl FileActions {
    fn new() -> io::Result<FileActions> {
        let mut actions = Box::new(MaybeUninit::uninit());
        // SAFETY: there is room for it.
        no_error(unsafe { libc::posix_spawn_file_actions_init(actions.as_mut_ptr()) })?;
        // SAFETY: it is initialised.
        Ok(FileActions(unsafe { actions.assume_init() }))
    }

    fn duplicate(&mut self, fd: c_int, to: c_int) -> io::Result<()> {
        // SAFETY: it is initialised.
        no_error(unsafe { libc::posix_spawn_file_actions_adddup2(&mut *self.0, fd, to) })
    }
}

fn no_error(number: c_int) -> io::Result<()> {
    match number {
        0 => Ok(()),
        _ => Err(io::Error::from_raw_os_error(number)),
    }
}

impl Drop for FileActions {
    fn drop(&mut self) {
        // SAFETY: it is initialised, and not used any more.
        unsafe { libc::posix_spawn_file_actions_destroy(&mut *self.0) };
    }
}
