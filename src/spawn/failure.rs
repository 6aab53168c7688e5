// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a spawn failed, and how the child reports it.

use super::stage::Stage;
use crate::uapi::Errno;
use core::ffi::c_int;

/// Exit status of a child that failed (POSIX, posix_spawn).
pub const FAILED: c_int = 127;

/// A failure as numbers: values from another memory are not trusted.
pub type Words = [u32; 3];

/// Why a spawn failed.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The step that failed.
    pub stage: Stage,
    /// Which of several objects of that step, counted from 0.
    pub index: u32,
    /// The error.
    pub errno: Errno,
}

impl Failure {
    /// No failure.
    pub const NONE: Failure = Failure { stage: Stage::None, index: 0, errno: Errno(0) };

    /// As it is passed to another memory.
    pub fn to_words(self) -> Words {
        [self.stage as u32, self.index, self.errno.0 as u32]
    }

    /// The report of a child with its own memory; none if it is no failure. Another user
    /// may control the child, so that the report may be anything: an impossible failure
    /// becomes EIO at `Stage::Create`, and a failure without an error number is none.
    pub fn from_words([stage, index, errno]: Words) -> Option<Failure> {
        const HIGHEST: c_int = 4095; // of an error number (include/linux/err.h, MAX_ERRNO)
        let errno = errno as c_int;
        let stage = match Stage::of(stage) {
            Some(Stage::None) => return None,
            // A callback chooses its own numbers.
            Some(Stage::Callback) if errno != 0 => Stage::Callback,
            Some(stage) if (1..=HIGHEST).contains(&errno) => stage,
            _ => return Some(Failure::at(Stage::Create)(Errno::EIO)),
        };
        Some(Failure { stage, index: index & c_int::MAX as u32, errno: Errno(errno) })
    }

    /// A failure of a step that has one object.
    pub fn at(stage: Stage) -> impl Fn(Errno) -> Failure {
        Failure::nth(stage, 0)
    }

    /// A failure of one of a step's several objects.
    pub fn nth(stage: Stage, index: u32) -> impl Fn(Errno) -> Failure {
        move |errno| Failure { stage, index, errno }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_comes_through_as_it_was() {
        for failure in [
            Failure::at(Stage::Exec)(Errno::ENOENT),
            Failure::nth(Stage::FileAction, 7)(Errno::EBADF),
            Failure::nth(Stage::Mount, 2)(Errno::EPERM),
            Failure::at(Stage::Callback)(Errno(-4711)),
        ] {
            assert_eq!(Failure::from_words(failure.to_words()), Some(failure));
        }
        assert_eq!(Failure::from_words(Failure::NONE.to_words()), None);
    }

    #[test]
    fn nonsense_is_no_success_and_no_undefined_stage() {
        let nonsense = Some(Failure::at(Stage::Create)(Errno::EIO));
        let (exec, between) = (Stage::Exec as u32, Stage::Exec as u32 + 1);
        for words in [[between, 0, 2], [u32::MAX; 3], [exec, 0, 0], [exec, 0, 4096], [1, 0, !0]] {
            assert_eq!(Failure::from_words(words), nonsense);
        }
        let index = Failure::from_words([exec, u32::MAX, 2]).unwrap().index;
        assert!(index <= c_int::MAX as u32);
    }
}
