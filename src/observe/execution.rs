// SPDX-License-Identifier: MIT OR Apache-2.0
//! Attempts to execute a program: open while the kernel is at work, completed where it fails.

use super::foreign::Reader;
use super::{Creation, Environment, Note, clock, modules, state};
use crate::uapi::Errno;
use crate::uapi::exec::Strings;
use crate::uapi::task;
use clone3_trace::{Call, Exec, Writer};
use core::ffi::{c_char, c_int};

/// A path's, at most, in a record.
const MOST_OF_PATH: usize = 4096;
/// All arguments', at most, in a record.
pub const MOST_OF_ARGUMENTS: usize = 1 << 18;

/// A record of an attempt, or none.
#[derive(Clone, Copy)]
pub struct Execution {
    /// 0 for none.
    position_and_1: u64,
}

impl Execution {
    /// By a function that the program called.
    pub fn begin(
        note: Note,
        path: *const c_char,
        directory: c_int,
        argv: Strings,
        environment: &Environment,
    ) -> Execution {
        if !state::is_on() {
            return Execution { position_and_1: 0 };
        }
        let body = Exec {
            caller: note.caller as u64,
            directory,
            call: note.call as u8,
            restored: environment.is_restored.into(),
            ..Exec::default()
        };
        let writer = state::writer();
        if let Some(ring) = state::ring() {
            modules::record(&ring, &writer, note.caller);
        }
        begin(&writer, &body, path, argv, environment)
    }

    /// By the child of a spawn, which began to run at that time, below its creator's frames.
    #[inline(always)]
    pub fn by_spawned(
        creation: Creation,
        ran_ns: u64,
        path: *const c_char,
        argv: Strings,
        environment: &Environment,
    ) -> Execution {
        if !creation.is_recorded() {
            return Execution { position_and_1: 0 };
        }
        by_spawned(creation, ran_ns, path, argv, environment)
    }

    /// The kernel has refused.
    #[inline(always)]
    pub fn failed(self, errno: Errno) {
        if self.position_and_1 != 0 {
            failed(self, errno);
        }
    }
}

#[cold]
#[inline(never)]
fn by_spawned(
    creation: Creation,
    ran_ns: u64,
    path: *const c_char,
    argv: Strings,
    environment: &Environment,
) -> Execution {
    // The thread's id is in the libc's copy of it that of the creator. A child is its
    // process's first thread.
    let pid = task::getpid() as u32;
    let writer = Writer { tid: pid, pid, origin: creation.as_origin(), time: clock::now() };
    let body = Exec {
        create: creation.as_origin(),
        ran_ns,
        directory: libc::AT_FDCWD,
        call: Call::Spawned as u8,
        restored: environment.is_restored.into(),
        ..Exec::default()
    };
    begin(&writer, &body, path, argv, environment)
}

/// Begins the record.
fn begin(
    writer: &Writer,
    body: &Exec,
    path: *const c_char,
    argv: Strings,
    environment: &Environment,
) -> Execution {
    let mut reader = Reader::new();
    let (path, path_is_cut) = reader.string(path, MOST_OF_PATH);
    let arguments = reader.measure(argv, MOST_OF_ARGUMENTS);
    let given = environment.given_context();
    let lengths = [path.len(), arguments.bytes, 0, given.len()].map(|length| length as u32);
    let cut = u16::from(path_is_cut) | u16::from(arguments.is_cut) << 1;
    let begun = state::ring().and_then(|ring| ring.begin(writer, body, lengths, cut).ok());
    let position_and_1 = begun.map_or(0, |mut pen| {
        pen.put(path);
        reader.put(argv, arguments.bytes, &mut pen);
        pen.put(given);
        pen.open().wrapping_add(1)
    });
    environment.name(position_and_1);
    Execution { position_and_1 }
}

#[cold]
#[inline(never)]
fn failed(execution: Execution, errno: Errno) {
    let end = clock::now();
    if let Some(ring) = state::ring() {
        ring.complete(execution.position_and_1.wrapping_sub(1), |exec: &mut Exec| {
            exec.end_ns = end;
            exec.errno = errno.0;
        });
    }
}
