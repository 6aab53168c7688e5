// SPDX-License-Identifier: MIT OR Apache-2.0
//! The child's share of the machine, its session, signals and files.

use crate::command::{Command, setters};
use crate::resource::Resource;
use crate::settings::{Place, signal_set};
use clone3_sys::{self as sys, libc};
use std::ffi::c_ulong;
use std::os::fd::OwnedFd;
use std::path::Path;

setters! {
    /// Adds `CLONE_*` flags: those of which `clone3_spawn_add_flags(3)` says that a spawned
    /// child can have them, `CLONE_IO` and `CLONE_PIDFD_AUTOKILL` for two. With `CLONE_AUTOREAP`,
    /// which wants [`Command::exit_signal()`] to be 0, the child cannot be waited for.
    fn flags(flags: u64) = clone3_spawn_add_flags;

    /// Flags that the library may emulate where the kernel does not know them: `CLONE_NNP`.
    fn emulation(flags: u64) = clone3_spawn_set_emulation;

    /// The signal that this process gets when the child ends before it executes its program; 0
    /// for none. From then on it is SIGCHLD.
    fn exit_signal(signal: i32) = clone3_spawn_set_exit_signal;

    /// Scheduling policy, `SCHED_*`, and static priority (`sched_setscheduler(2)`).
    fn scheduler(policy: i32, priority: i32) = clone3_spawn_set_scheduler;

    /// The nice value, -20 to 19.
    fn nice(nice: i32) = clone3_spawn_set_nice;

    /// The I/O scheduling class and priority, encoded as for `ioprio_set(2)`.
    fn ioprio(priority: i32) = clone3_spawn_set_ioprio;

    /// How likely the child is to be killed for want of memory, -1000 to 1000.
    fn oom_score_adj(score: i32) = clone3_spawn_set_oom_score_adj;

    /// The timer slack in nanoseconds; 0 for the default.
    fn timer_slack(nanoseconds: c_ulong) = clone3_spawn_set_timer_slack;

    /// Whether the child leads a new session (`setsid(2)`).
    fn session(on: bool) = clone3_spawn_set_session;

    /// The process group that the child joins, 0 for one of its own (`setpgid(2)`).
    fn process_group(group: i32) = clone3_spawn_set_process_group;

    /// The signal that the child gets when the thread that spawned it ends; 0 for none.
    fn pdeath_signal(signal: i32) = clone3_spawn_set_pdeath_signal;

    /// The file mode creation mask, not above 0o777.
    fn umask(mask: u32) = clone3_spawn_set_umask;
}

impl Command {
    /// The child is made in a cgroup, given by its cgroup2 directory. On kernels before Linux 5.7
    /// it moves there before anything else.
    pub fn cgroup(&mut self, directory: impl Into<OwnedFd>) -> &mut Command {
        self.settings.cgroup = Some(Place::Fd(directory.into()));
        self
    }

    /// The same by the directory's path, which is opened by each spawn.
    pub fn cgroup_path(&mut self, directory: impl AsRef<Path>) -> &mut Command {
        let path = self.string("the cgroup", directory.as_ref().as_os_str());
        self.settings.cgroup = Some(Place::Path(path));
        self
    }

    /// Adds a resource limit (`setrlimit(2)`); `None` is no limit.
    pub fn rlimit(
        &mut self,
        resource: Resource,
        soft: Option<u64>,
        hard: Option<u64>,
    ) -> &mut Command {
        self.settings.rlimits.push(resource.limit(soft, hard));
        self
    }

    /// The processors that the child may run on, by their numbers (`sched_setaffinity(2)`).
    pub fn affinity(&mut self, processors: impl IntoIterator<Item = usize>) -> &mut Command {
        let mut mask = Vec::<c_ulong>::new();
        for processor in processors {
            // No kernel has more of them.
            if processor >= 1 << 16 {
                self.refuse(format!("there is no processor {processor}"));
                continue;
            }
            let bits = c_ulong::BITS as usize;
            if mask.len() <= processor / bits {
                mask.resize(processor / bits + 1, 0);
            }
            if let Some(word) = mask.get_mut(processor / bits) {
                *word |= 1 << (processor % bits);
            }
        }
        self.settings.affinity = Some(mask);
        self
    }

    /// The controlling terminal of the child's new session ([`Command::session()`]).
    pub fn terminal(&mut self, terminal: impl Into<OwnedFd>) -> &mut Command {
        self.settings.terminal = Some(terminal.into());
        self
    }

    /// The signals that are blocked when the program starts; those of the spawning thread unless
    /// set.
    pub fn signal_mask(&mut self, signals: &[i32]) -> &mut Command {
        self.check_signals(signals);
        // SAFETY: the plan is initialised, and the set is copied.
        unsafe { sys::clone3_spawn_set_signal_mask(&mut self.settings.plan, &signal_set(signals)) };
        self
    }

    /// Signals that are at their default when the program starts, besides those with a handler
    /// and SIGPIPE, which Rust's runtime ignores.
    pub fn signal_defaults(&mut self, signals: &[i32]) -> &mut Command {
        self.check_signals(signals);
        self.settings.defaults = signals.to_vec();
        self.settings.dispositions();
        self
    }

    /// Signals that are ignored when the program starts.
    pub fn signal_ignores(&mut self, signals: &[i32]) -> &mut Command {
        self.check_signals(signals);
        self.settings.ignores = signals.to_vec();
        self.settings.dispositions();
        self
    }

    fn check_signals(&mut self, signals: &[i32]) {
        let mut set = signal_set(&[]);
        for signal in signals {
            // SAFETY: the set is initialised.
            if unsafe { libc::sigaddset(&mut set, *signal) } != 0 {
                self.refuse(format!("there is no signal {signal}"));
            }
        }
    }

    /// The working directory, looked up in the root that the child will have.
    pub fn current_dir(&mut self, directory: impl AsRef<Path>) -> &mut Command {
        let path = self.string("the working directory", directory.as_ref().as_os_str());
        self.settings.directory = Some(Place::Path(path));
        self
    }

    /// The same by a descriptor (`fchdir(2)`).
    pub fn current_dir_fd(&mut self, directory: impl Into<OwnedFd>) -> &mut Command {
        self.settings.directory = Some(Place::Fd(directory.into()));
        self
    }

    /// The complete list of the child's descriptors: the first becomes 3, the next 4, and so on;
    /// all others are closed, but for the standard streams.
    ///
    /// Without it the child inherits what is not closed on exec, as by [`std::process::Command`].
    pub fn descriptors(&mut self, descriptors: impl IntoIterator<Item = OwnedFd>) -> &mut Command {
        self.settings.descriptors = Some(descriptors.into_iter().collect());
        self
    }
}
