// SPDX-License-Identifier: MIT OR Apache-2.0
//! The steps by their names, and what can be said of the failure of one.

use crate::uapi::Errno;
use core::ffi::c_int;

/// The steps of a plan in the order in which they are taken (see `child` and
/// `steps`), but for those that came later, as numbers stay. The numbers are those of `CLONE3_SPAWN_STAGE_*`.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing failed.
    None = 0,
    /// What was asked for makes no sense together.
    Plan = 1,
    /// Before the system call, or the call itself: there was no child.
    Create = 2,
    /// The pidfd.
    Pidfd = 3,
    /// What a signal does; the index is its number.
    Signals = 4,
    /// The cgroup, where the child moves itself, and opening it.
    Cgroup = 5,
    /// Scheduling policy and priority.
    Scheduling = 6,
    /// The nice value.
    Nice = 7,
    /// The processors.
    Affinity = 8,
    /// The I/O priority.
    IoPriority = 9,
    /// The score of the out-of-memory killer.
    OomScore = 10,
    /// The timer slack.
    TimerSlack = 11,
    /// The id maps: 0 is setgroups, 1 uid_map, 2 gid_map.
    IdMap = 12,
    /// A namespace to join; the index says which.
    Namespace = 13,
    /// The new session.
    Session = 14,
    /// The process group.
    ProcessGroup = 15,
    /// The controlling terminal.
    Terminal = 16,
    /// The root.
    Root = 17,
    /// The working directory.
    Directory = 18,
    /// The list of descriptors; the index says which, its length: closing the others.
    Descriptor = 19,
    /// A file action; the index says which.
    Action = 20,
    /// A resource limit; the index says which.
    Limit = 21,
    /// The capability bounding set.
    Bounding = 22,
    /// The supplementary groups.
    Groups = 23,
    /// The group id.
    Gid = 24,
    /// The user id, or for POSIX_SPAWN_RESETIDS both.
    Ids = 25,
    /// Capabilities: 0 is keeping them, 1 the inheritable, 2 the ambient set.
    Capabilities = 26,
    /// The securebits.
    Securebits = 27,
    /// The signal at the death of the parent.
    DeathSignal = 28,
    /// no_new_privs.
    NoNewPrivs = 29,
    /// The callback, whose result the error number is.
    Callback = 30,
    /// The seccomp filter.
    Filter = 31,
    /// Executing the program, and looking for it.
    Exec = 32,
    /// A mount, before the root is entered; the index says which, their number: keeping
    /// them inside.
    Mount = 33,
}

/// Why there is no such child.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The step that failed.
    pub stage: Stage,
    /// Which of several in that step, counted from 0.
    pub index: u32,
    /// Why.
    pub errno: Errno,
}

impl Stage {
    /// All of them, each at its number.
    const ALL: [Stage; Stage::Mount as usize + 1] = [
        Stage::None,
        Stage::Plan,
        Stage::Create,
        Stage::Pidfd,
        Stage::Signals,
        Stage::Cgroup,
        Stage::Scheduling,
        Stage::Nice,
        Stage::Affinity,
        Stage::IoPriority,
        Stage::OomScore,
        Stage::TimerSlack,
        Stage::IdMap,
        Stage::Namespace,
        Stage::Session,
        Stage::ProcessGroup,
        Stage::Terminal,
        Stage::Root,
        Stage::Directory,
        Stage::Descriptor,
        Stage::Action,
        Stage::Limit,
        Stage::Bounding,
        Stage::Groups,
        Stage::Gid,
        Stage::Ids,
        Stage::Capabilities,
        Stage::Securebits,
        Stage::DeathSignal,
        Stage::NoNewPrivs,
        Stage::Callback,
        Stage::Filter,
        Stage::Exec,
        Stage::Mount,
    ];
}

const _: () = {
    let mut number = 0;
    while number < Stage::ALL.len() {
        assert!(Stage::ALL[number] as usize == number);
        number += 1;
    }
};

impl Failure {
    /// No failure.
    pub const NONE: Failure = Failure { stage: Stage::None, index: 0, errno: Errno(0) };

    /// As it goes from one memory to another.
    pub fn to_words(self) -> [u32; 3] {
        [self.stage as u32, self.index, self.errno.0 as u32]
    }

    /// What a child with its own memory said; none if that is no failure. The child may
    /// be in the hands of a user who is not the caller's, and say anything: what is no
    /// failure of a step is EIO of the creation, and there is no failure without an
    /// error number.
    pub fn from_words([stage, index, errno]: [u32; 3]) -> Option<Failure> {
        const HIGHEST: c_int = 4095; // of an error number (include/linux/err.h, MAX_ERRNO)
        let errno = errno as c_int;
        let stage = match Stage::ALL.get(stage as usize) {
            Some(Stage::None) => return None,
            // A callback chooses its own numbers.
            Some(Stage::Callback) if errno != 0 => Stage::Callback,
            Some(&stage) if (1..=HIGHEST).contains(&errno) => stage,
            _ => return Some(Failure::at(Stage::Create)(Errno::EIO)),
        };
        Some(Failure { stage, index: index & c_int::MAX as u32, errno: Errno(errno) })
    }

    /// A failure of a step that there is one of.
    pub fn at(stage: Stage) -> impl Fn(Errno) -> Failure {
        move |errno| Failure { stage, index: 0, errno }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_comes_through_as_it_was() {
        for failure in [
            Failure::at(Stage::Exec)(Errno::ENOENT),
            Failure { stage: Stage::Action, index: 7, errno: Errno::EBADF },
            Failure { stage: Stage::Mount, index: 2, errno: Errno::EPERM },
            Failure::at(Stage::Callback)(Errno(-4711)),
        ] {
            assert_eq!(Failure::from_words(failure.to_words()), Some(failure));
        }
        assert_eq!(Failure::from_words(Failure::NONE.to_words()), None);
    }

    #[test]
    fn nonsense_is_no_success_and_no_undefined_stage() {
        let nonsense = Some(Failure::at(Stage::Create)(Errno::EIO));
        let (exec, last) = (Stage::Exec as u32, Stage::ALL.len() as u32 - 1);
        for words in [[last + 1, 0, 2], [u32::MAX; 3], [exec, 0, 0], [exec, 0, 4096], [1, 0, !0]] {
            assert_eq!(Failure::from_words(words), nonsense);
        }
        let index = Failure::from_words([exec, u32::MAX, 2]).unwrap().index;
        assert!(index <= c_int::MAX as u32);
    }
}
