// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why there is no child.

use clone3_sys as sys;
use std::ffi::{CStr, OsStr};
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

macro_rules! stages {
    ($($name:ident = $number:ident,)*) => {
        /// The step at which a spawn failed. The table in `clone3_spawn(3)` says what each of
        /// them does, and in which order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Stage {
            /// What the [`Command`](crate::Command) was given: a string with a NUL byte, a
            /// signal that there is not.
            Input,
            /// The pipes and `/dev/null` for the child's standard streams.
            Streams,
            $(#[doc = concat!("`", stringify!($number), "`.")] $name,)*
            /// A step that this version of the crate does not know, by its number.
            Other(i32),
        }

        impl From<sys::clone3_spawn_stage> for Stage {
            fn from(number: sys::clone3_spawn_stage) -> Stage {
                match number {
                    $(sys::$number => Stage::$name,)*
                    other => Stage::Other(other),
                }
            }
        }
    };
}

stages! {
    Plan = CLONE3_SPAWN_STAGE_PLAN,
    Create = CLONE3_SPAWN_STAGE_CREATE,
    Pidfd = CLONE3_SPAWN_STAGE_PIDFD,
    Callback = CLONE3_SPAWN_STAGE_CALLBACK,
    Exec = CLONE3_SPAWN_STAGE_EXEC,
    Signals = CLONE3_SPAWN_STAGE_SIGNALS,
    PdeathSignal = CLONE3_SPAWN_STAGE_PDEATH_SIGNAL,
    Session = CLONE3_SPAWN_STAGE_SESSION,
    ProcessGroup = CLONE3_SPAWN_STAGE_PROCESS_GROUP,
    Terminal = CLONE3_SPAWN_STAGE_TERMINAL,
    Cgroup = CLONE3_SPAWN_STAGE_CGROUP,
    Scheduler = CLONE3_SPAWN_STAGE_SCHEDULER,
    Nice = CLONE3_SPAWN_STAGE_NICE,
    Affinity = CLONE3_SPAWN_STAGE_AFFINITY,
    Ioprio = CLONE3_SPAWN_STAGE_IOPRIO,
    OomScoreAdj = CLONE3_SPAWN_STAGE_OOM_SCORE_ADJ,
    TimerSlack = CLONE3_SPAWN_STAGE_TIMER_SLACK,
    Rlimit = CLONE3_SPAWN_STAGE_RLIMIT,
    Namespace = CLONE3_SPAWN_STAGE_NAMESPACE,
    IdMap = CLONE3_SPAWN_STAGE_ID_MAP,
    Mount = CLONE3_SPAWN_STAGE_MOUNT,
    Root = CLONE3_SPAWN_STAGE_ROOT,
    Directory = CLONE3_SPAWN_STAGE_DIRECTORY,
    Fd = CLONE3_SPAWN_STAGE_FD,
    FileAction = CLONE3_SPAWN_STAGE_FILE_ACTION,
    Groups = CLONE3_SPAWN_STAGE_GROUPS,
    Gid = CLONE3_SPAWN_STAGE_GID,
    Uid = CLONE3_SPAWN_STAGE_UID,
    Bounding = CLONE3_SPAWN_STAGE_BOUNDING,
    Capabilities = CLONE3_SPAWN_STAGE_CAPABILITIES,
    Securebits = CLONE3_SPAWN_STAGE_SECUREBITS,
    NoNewPrivs = CLONE3_SPAWN_STAGE_NO_NEW_PRIVS,
    Seccomp = CLONE3_SPAWN_STAGE_SECCOMP,
}

/// Why a child was not spawned: no child, no descriptor and no changed signal mask is left.
///
/// In words, by [`Display`](fmt::Display), it is what `clone3_spawn_strerror(3)` says, with the
/// rule of the kernel's that was broken, where that could be found out:
///
/// ```
/// let error = clone3::Command::new("/no/such").spawn().unwrap_err();
/// assert_eq!(error.to_string(), "exec \"/no/such\": No such file or directory");
/// assert_eq!(error.stage(), clone3::Stage::Exec);
/// assert_eq!(error.errno(), 2); // ENOENT
/// assert_eq!(error.path(), Some("/no/such".as_ref()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    stage: Stage,
    index: usize,
    errno: i32,
    number: Option<i32>,
    path: Option<PathBuf>,
    words: String,
}

impl Error {
    /// The step.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Which of the step's several objects, from 0: which mount, limit or namespace. For
    /// [`Stage::Signals`] the signal.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The error number.
    pub fn errno(&self) -> i32 {
        self.errno
    }

    /// The descriptor, id, signal or resource concerned.
    pub fn number(&self) -> Option<i32> {
        self.number
    }

    /// The path concerned.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Something that the [`Command`](crate::Command) was given.
    pub(crate) fn input(words: String) -> Error {
        Error {
            stage: Stage::Input,
            index: 0,
            errno: sys::libc::EINVAL,
            number: None,
            path: None,
            words,
        }
    }

    /// The standard stream with this number.
    pub(crate) fn stream(number: i32, why: io::Error) -> Error {
        Error {
            stage: Stage::Streams,
            index: usize::try_from(number).unwrap_or_default(),
            errno: why.raw_os_error().unwrap_or(sys::libc::EIO),
            number: Some(number),
            path: None,
            words: format!("standard stream {number}: {why}"),
        }
    }

    /// What the library says: its result, and what it has filled in.
    ///
    /// # Safety
    ///
    /// The strings that `error` refers to still exist.
    pub(crate) unsafe fn of_spawn(result: i32, error: &sys::clone3_spawn_error) -> Error {
        let mut text = [0; 512];
        // SAFETY: the strings of `error` exist, as the caller says, and the buffer has that
        // many bytes; the function puts a string into it.
        let words = unsafe {
            sys::clone3_spawn_strerror(error, text.as_mut_ptr(), text.len());
            CStr::from_ptr(text.as_ptr())
        };
        let path = (!error.path.is_null()).then(|| {
            // SAFETY: it is one of those strings.
            let path = unsafe { CStr::from_ptr(error.path) };
            PathBuf::from(OsStr::from_bytes(path.to_bytes()))
        });
        Error {
            stage: error.stage.into(),
            index: usize::try_from(error.index).unwrap_or_default(),
            errno: result,
            number: (error.number != -1).then_some(error.number),
            path,
            words: words.to_string_lossy().into_owned(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl std::error::Error for Error {}

/// It has the [kind](io::ErrorKind) of the error number, the same words, and the [`Error`]
/// inside.
impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        io::Error::new(io::Error::from_raw_os_error(error.errno).kind(), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each stage that the header has, but "nothing failed".
    #[test]
    fn every_stage_has_a_name() {
        let header = include_str!("../../clone3-sys/src/header.rs");
        let stages: Vec<(&str, i32)> = header
            .lines()
            .filter_map(|line| line.strip_prefix("pub const CLONE3_SPAWN_STAGE_"))
            .map(|line| {
                let (name, rest) = line.split_once(':').unwrap();
                let number = rest.rsplit_once("= ").unwrap().1.trim_end_matches(';');
                (name, number.parse().unwrap())
            })
            .filter(|(name, _)| *name != "NONE")
            .collect();
        assert!(stages.len() > 30);
        for (name, number) in stages {
            let stage = format!("{:?}", Stage::from(number)).to_uppercase();
            assert_eq!(stage, name.replace('_', ""), "{number}");
        }
    }
}
