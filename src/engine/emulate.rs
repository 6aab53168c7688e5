// SPDX-License-Identifier: MIT OR Apache-2.0
//! Flags the library can stand in for where the kernel does not know them, if
//! the program allowed it.
//!
//! | flag | by | weaker in that |
//! |---|---|---|
//! | CLONE_CLEAR_SIGHAND | the child sets each handled signal to its default, without flags | others may see the child before |
//! | CLONE_NNP | the child sets no_new_privs | others may see the child before |
//! | CLONE_AUTOREAP | the child is an orphan (`process::orphan`) | its parent is the next reaper, not the caller |
//!
//! All signals are blocked until the child's own part is done.

use super::{Memory, Request, known};
use crate::uapi::file_facts::{self, FileKind};
use crate::uapi::flags::*;
use crate::uapi::task::{self, KernelSigaction, LAST_SIGNAL};
use crate::uapi::{CloneFlags, Errno, cred, file, sys};
use core::ffi::c_int;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Exit status of a child that could not become what it was to be, as that of a
/// spawned one (POSIX, posix_spawn).
const NOT_AS_ASKED: i32 = 127;

/// What the program allowed (`clone3_allow_emulation`).
static ALLOWED: AtomicU64 = AtomicU64::new(0);

/// Allows these flags to be emulated, and no others, from now on.
pub fn allow(flags: CloneFlags) {
    ALLOWED.store((flags & EMULABLE).bits(), Relaxed);
}

/// Which flags may be emulated in the whole process.
pub fn allowed() -> CloneFlags {
    CloneFlags::from_bits(ALLOWED.load(Relaxed))
}

/// How the child begins, on which its part of an emulation depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// It returns from the call.
    Returning,
    /// It runs a function, and the library's set-up before that.
    Calling,
}

/// The flags of a request that the library has to stand in for.
pub fn needed(request: &Request, start: Start) -> CloneFlags {
    let wanted = request.flags & (allowed() | request.emulable);
    if wanted.is_empty() || request.wire.is_some_and(|wire| wire.holds_more) {
        return CloneFlags::NONE;
    }
    let possible = wanted & possible(request, start);
    if possible.is_empty() { possible } else { possible & !known::known(possible) }
}

/// What can be emulated for this kind of child. One that runs beside its
/// creator in the same memory has nothing of its own to be told by.
fn possible(request: &Request, start: Start) -> CloneFlags {
    let flags = request.flags;
    let in_child = match (request.memory(), start) {
        (Memory::Copied, _) | (Memory::Lent, Start::Calling) => EMULATED_IN_CHILD,
        _ => CloneFlags::NONE,
    };
    let mut possible = in_child;
    if request.memory() == Memory::Copied && request.exit_signal == 0 {
        possible |= EMULABLE & !EMULATED_IN_CHILD;
    }
    if flags.contains(CLONE_PARENT) {
        possible &= !CLONE_AUTOREAP;
    }
    if flags.contains(CLONE_SIGHAND) {
        possible &= !CLONE_CLEAR_SIGHAND;
    }
    if flags.contains(CLONE_THREAD) { CloneFlags::NONE } else { possible }
}

/// What the library stands in for in a spawned child. Without being allowed to, where it is
/// what the interface promises, by whatever means: that its handlers are reset, and its cgroup.
fn of_spawned(emulable: CloneFlags) -> CloneFlags {
    EMULATED_IN_SPAWN | (allowed() | emulable) & EMULATED_IN_CHILD
}

/// Which of a spawned child's flags are known to be out of reach, and may be stood in for:
/// by its plan, if not by the process.
pub fn lacking(flags: CloneFlags, emulable: CloneFlags) -> CloneFlags {
    flags & of_spawned(emulable) & known::unknown()
}

/// The same, found out.
pub fn find_lacking(flags: CloneFlags, emulable: CloneFlags) -> CloneFlags {
    let asked = flags & of_spawned(emulable);
    asked & !known::known(asked)
}

/// The part of a spawned child, on borrowed memory.
pub fn in_lent_child(emulated: CloneFlags) {
    if emulated.contains(CLONE_CLEAR_SIGHAND) {
        clear_sighand();
    }
}

/// The cgroup that a spawned child has to move to by itself.
pub fn cgroup_of_child(emulated: CloneFlags, directory: Option<c_int>) -> Option<c_int> {
    directory.filter(|_| emulated.contains(CLONE_INTO_CGROUP))
}

/// Moves the calling process to a cgroup2 directory (cgroups(7), cgroup.procs). EBADF
/// for any other, as clone3(2) has it: a directory of cgroups of version 1 has such a
/// file, too, and so may one of anybody's.
pub fn enter_cgroup(directory: c_int) -> Result<(), Errno> {
    if file_facts::file_kind(directory)? != FileKind::Cgroup2Directory {
        return Err(Errno::EBADF);
    }
    let flags = libc::O_WRONLY | libc::O_CLOEXEC;
    let list = file::open_at(directory, c"cgroup.procs", flags)?;
    let entered = file::write(list, b"0").map(drop);
    file::close(list);
    entered
}

/// The child's part.
#[inline(never)]
pub fn in_child(emulated: CloneFlags) {
    if emulated.contains(CLONE_CLEAR_SIGHAND) {
        clear_sighand();
    }
    if emulated.contains(CLONE_NNP) {
        // A filter that only root can have put there may forbid it. A child that
        // was to have no new privileges does not begin with them.
        if cred::set_no_new_privs().is_err() {
            sys::exit_group(NOT_AS_ASKED);
        }
    }
}

#[inline(never)] // its frame would be in the way of all children
fn clear_sighand() {
    for signal in 1..=LAST_SIGNAL {
        // The kernel clears flags and masks too, SA_NOCLDWAIT for one.
        let Ok(now) = task::disposition(signal) else { continue };
        if now.is_handled() || !now.is_plain() {
            let ignored = now.handler == libc::SIG_IGN;
            let handler = if ignored { libc::SIG_IGN } else { libc::SIG_DFL };
            // SAFETY: neither is a function.
            let _ = unsafe { task::set_disposition(signal, &KernelSigaction::of(handler)) };
        }
    }
}

/// All that the library stands in for in some child.
const EMULATED: CloneFlags = EMULABLE.union(EMULATED_IN_SPAWN);
const _: () = assert!(EMULATED.len() <= u8::BITS as usize, "one bit for each emulated flag");

/// Emulated flags in eight bits, for `report`.
pub fn bits(flags: CloneFlags) -> u8 {
    if flags.is_empty() { 0 } else { EMULATED.pack(flags) as u8 }
}

/// The flags of [`bits`].
pub fn flags(bits: u8) -> CloneFlags {
    EMULATED.unpack(bits.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_go_there_and_back() {
        for all in [CloneFlags::NONE, CLONE_NNP, CLONE_AUTOREAP | CLONE_CLEAR_SIGHAND, EMULATED] {
            assert_eq!(flags(bits(all)), all);
        }
    }

    #[test]
    fn what_is_possible_depends_on_the_child() {
        let with = |flags, exit_signal| Request { flags, exit_signal, ..Request::FORK };
        let lent = CLONE_VM | CLONE_VFORK;
        const NONE: CloneFlags = CloneFlags::NONE;
        let own = CLONE_NNP | CLONE_CLEAR_SIGHAND;
        assert_eq!(possible(&with(NONE, 0), Start::Returning), EMULABLE);
        assert_eq!(possible(&with(NONE, 17), Start::Returning), own);
        assert_eq!(possible(&with(lent, 0), Start::Returning), NONE);
        assert_eq!(possible(&with(lent, 0), Start::Calling), own);
        assert_eq!(possible(&with(lent | CLONE_SIGHAND, 0), Start::Calling), CLONE_NNP);
        assert_eq!(possible(&with(CLONE_VM, 0), Start::Calling), NONE);
        assert_eq!(possible(&with(CLONE_PARENT, 0), Start::Calling), own);
        assert_eq!(possible(&with(CLONE_THREAD, 0), Start::Calling), NONE);
    }
}
