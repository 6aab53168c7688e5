// SPDX-License-Identifier: MIT OR Apache-2.0
//! The names of the steps that may fail, and of the kinds of file actions. Each has a
//! variant here, which is the header's constant, and a row in the table below it.

/// Which step of a clone3_spawn() failed. The numbers are names, grouped by subject: they
/// say nothing of the order in which steps are taken, which clone3_spawn(3) has.
/// cbindgen:rename-all=QualifiedScreamingSnakeCase
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing failed.
    None = 0,
    /// A setter failed, or what was asked for contradicts itself.
    Plan = 1,
    /// No child was created: clone3(2) failed, or something that it needs.
    Create = 2,
    /// The pidfd.
    Pidfd = 3,
    /// The callback, whose result is the error number.
    Callback = 4,
    /// Executing the program, and searching for it.
    Exec = 5,
    /// Ignoring signals; the index is the signal.
    Signals = 10,
    /// The signal at the death of the parent.
    PdeathSignal = 11,
    /// The new session.
    Session = 12,
    /// The process group.
    ProcessGroup = 13,
    /// The controlling terminal.
    Terminal = 14,
    /// The cgroup: opening it, or moving there.
    Cgroup = 20,
    /// Scheduling policy and priority.
    Scheduler = 21,
    /// The nice value.
    Nice = 22,
    /// The processors.
    Affinity = 23,
    /// The I/O priority.
    Ioprio = 24,
    /// oom_score_adj.
    OomScoreAdj = 25,
    /// The timer slack.
    TimerSlack = 26,
    /// A resource limit; the index says which.
    Rlimit = 27,
    /// Joining a namespace; the index says which.
    Namespace = 30,
    /// The id maps; the index is 0 for setgroups, 1 for uid_map, 2 for gid_map.
    IdMap = 31,
    /// A mount; the index says which, count: keeping them inside.
    Mount = 32,
    /// chroot or pivot.
    Root = 33,
    /// The working directory.
    Directory = 34,
    /// The list of descriptors; the index says which, count: closing the others.
    Fd = 35,
    /// A file action; the index says which.
    FileAction = 36,
    /// The supplementary groups.
    Groups = 40,
    /// The group id.
    Gid = 41,
    /// The user id.
    Uid = 42,
    /// The capability bounding set.
    Bounding = 43,
    /// Capabilities; the index is 0 for keeping them, 1 for the inheritable, 2 for
    /// the ambient set.
    Capabilities = 44,
    /// The securebits.
    Securebits = 45,
    /// no_new_privs.
    NoNewPrivs = 46,
    /// The seccomp filter.
    Seccomp = 47,
}

/// The words for the failure of a step.
pub struct Row {
    /// What the step is called.
    pub words: &'static [u8],
    pub index: Index,
    /// What precedes the number of the object; a space if the row has nothing.
    pub before_number: &'static [u8],
}

/// What the index of a failure stands for.
pub enum Index {
    /// Nothing: the step has one object.
    One,
    /// A number, counted from 0.
    Counts,
    /// One of these names.
    Names(&'static [&'static [u8]]),
}
use Index::{Counts, Names, One};

macro_rules! stages {
    ($($stage:ident: $words:literal, $index:expr $(, $before_number:literal)?;)+) => {
        impl Stage {
            const ALL: &[Stage] = &[$(Stage::$stage),+];

            pub fn row(self) -> Row {
                match self {
                    $(Stage::$stage => Row {
                        words: $words,
                        index: $index,
                        before_number: const { [$($before_number as &[u8],)? b" "][0] },
                    },)+
                }
            }
        }
    };
}

stages! {
    None: b"no error", One;
    Plan: b"plan", One;
    Create: b"creating the child", One;
    Pidfd: b"pidfd", One;
    Callback: b"callback", One;
    Exec: b"exec", One;
    Signals: b"signals", Counts;
    PdeathSignal: b"parent-death signal", One;
    Session: b"session", One;
    ProcessGroup: b"process group", One;
    Terminal: b"controlling terminal", One;
    Cgroup: b"cgroup", One;
    Scheduler: b"scheduling policy", One;
    Nice: b"nice value", One;
    Affinity: b"processor affinity", One;
    Ioprio: b"I/O priority", One;
    OomScoreAdj: b"oom_score_adj", One;
    TimerSlack: b"timer slack", One;
    Rlimit: b"resource limit", Counts, b", resource ";
    Namespace: b"namespace", Counts, b", descriptor ";
    IdMap: b"id maps", Names(&[b"setgroups", b"uid_map", b"gid_map"]);
    Mount: b"mount", Counts;
    Root: b"root", One;
    Directory: b"working directory", One;
    Fd: b"descriptor", Counts, b", from ";
    FileAction: b"file action", Counts;
    Groups: b"supplementary groups", One;
    Gid: b"group id", One;
    Uid: b"user id", One;
    Bounding: b"capability bounding set", One;
    Capabilities: b"capabilities", Names(&[b"keeping them", b"inheritable", b"ambient"]);
    Securebits: b"securebits", One;
    NoNewPrivs: b"no_new_privs", One;
    Seccomp: b"seccomp filter", One;
}

impl Stage {
    /// The step of a number.
    pub fn of(number: u32) -> Option<Stage> {
        Stage::ALL.iter().copied().find(|&stage| stage as u32 == number)
    }
}

/// Which kind of file action failed.
/// cbindgen:rename-all=QualifiedScreamingSnakeCase
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionKind {
    /// No file action failed.
    None = 0,
    /// posix_spawn_file_actions_addopen().
    Open = 1,
    /// posix_spawn_file_actions_addclose().
    Close = 2,
    /// posix_spawn_file_actions_adddup2().
    Dup2 = 3,
    /// posix_spawn_file_actions_addchdir().
    Chdir = 4,
    /// posix_spawn_file_actions_addfchdir().
    Fchdir = 5,
    /// posix_spawn_file_actions_addclosefrom_np().
    Closefrom = 6,
    /// posix_spawn_file_actions_addtcsetpgrp_np().
    Tcsetpgrp = 7,
}

macro_rules! action_kinds {
    ($($kind:ident: $words:literal;)+) => {
        impl ActionKind {
            const ALL: &[ActionKind] = &[$(ActionKind::$kind),+];

            pub fn words(self) -> &'static [u8] {
                match self {
                    $(ActionKind::$kind => $words),+
                }
            }
        }
    };
}

action_kinds! {
    None: b"";
    Open: b"open";
    Close: b"close";
    Dup2: b"dup2";
    Chdir: b"chdir";
    Fchdir: b"fchdir";
    Closefrom: b"closefrom";
    Tcsetpgrp: b"tcsetpgrp";
}

impl ActionKind {
    /// The kind of a number.
    pub fn of(number: u32) -> Option<ActionKind> {
        ActionKind::ALL.iter().copied().find(|&kind| kind as u32 == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_one_step() {
        for (index, &stage) in Stage::ALL.iter().enumerate() {
            assert_eq!(Stage::of(stage as u32), Some(stage));
            assert!(!Stage::ALL[..index].contains(&stage), "{stage:?} has two rows");
        }
        assert_eq!(Stage::of(u32::MAX), None);
        assert_eq!(ActionKind::of(2), Some(ActionKind::Close));
    }
}
