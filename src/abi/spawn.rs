// SPDX-License-Identifier: MIT OR Apache-2.0
//! The `posix_spawn` family: the functions that create children. Prototypes and
//! convention are those of `<spawn.h>`: 0 or the error number, errno untouched.
//!
//! glibc has two versions of posix_spawn and posix_spawnp. Programs linked before 2.15
//! use the older, which passes a script without `#!` to /bin/sh. A symbol without a
//! version satisfies both, so here they get ENOEXEC like all others.

use super::{libc_entry, or_errno, with_caller};
use crate::arch::Caller;
use crate::observe::Note;
use crate::spawn::actions::FileActions;
use crate::spawn::attr::SpawnAttributes;
use crate::spawn::call::Call;
use crate::spawn::{pidfd, posix};
use crate::uapi::exec::Strings;
use crate::uapi::sys::Pid;
use clone3_trace as trace;
use core::ffi::{c_char, c_int};

libc_entry!("posix_spawn" => clone3_own_posix_spawn);
libc_entry!("posix_spawnp" => clone3_own_posix_spawnp);
libc_entry!("pidfd_spawn" => clone3_own_pidfd_spawn);
libc_entry!("pidfd_spawnp" => clone3_own_pidfd_spawnp);
libc_entry!("pidfd_getpid" => exported_pidfd_getpid);

/// # Safety
/// As posix_spawn(3) has it.
unsafe fn with_pid(pid: *mut Pid, call: &Call) -> c_int {
    // SAFETY: by the contract.
    match unsafe { posix::spawn(call, None) } {
        Ok(child) => {
            if !pid.is_null() {
                // SAFETY: by the contract.
                unsafe { pid.write(child) };
            }
            0
        }
        Err(errno) => errno.0,
    }
}

/// # Safety
/// As pidfd_spawn(3) has it.
unsafe fn with_pidfd(place: *mut c_int, call: &Call) -> c_int {
    let mut pidfd = -1;
    // SAFETY: by the contract.
    match unsafe { posix::spawn(call, Some(&mut pidfd)) } {
        Ok(_) => {
            // SAFETY: by the contract.
            unsafe { place.write(pidfd) };
            0
        }
        Err(errno) => errno.0,
    }
}

macro_rules! spawn {
    ($own:ident => $name:ident, $call:ident, $search:literal, $then:ident) => {
        with_caller!($own => $name(_, _, _, _, _, _));

        unsafe extern "C" fn $name(
            result: *mut c_int,
            file: *const c_char,
            actions: *const FileActions,
            attributes: *const SpawnAttributes,
            argv: Strings,
            envp: Strings,
            caller: Caller,
        ) -> c_int {
            let note = Note::new(trace::Call::$call, caller.address());
            let call = Call { note, file, actions, attributes, argv, envp, search: $search };
            // SAFETY: posix_spawn(3)'s own contract.
            unsafe { $then(result, &call) }
        }
    };
}

spawn!(clone3_own_posix_spawn => exported_spawn, PosixSpawn, false, with_pid);
spawn!(clone3_own_posix_spawnp => exported_spawnp, PosixSpawnp, true, with_pid);
spawn!(clone3_own_pidfd_spawn => exported_pidfd_spawn, PidfdSpawn, false, with_pidfd);
spawn!(clone3_own_pidfd_spawnp => exported_pidfd_spawnp, PidfdSpawnp, true, with_pidfd);

/// −1 and errno on error, unlike the others.
extern "C" fn exported_pidfd_getpid(pidfd: c_int) -> Pid {
    or_errno(pidfd::pid_of(pidfd))
}
