// SPDX-License-Identifier: MIT OR Apache-2.0
//! Flags that the library can emulate where the kernel does not know them, if the program
//! allowed it.
//!
//! | flag | emulated by | weaker, because |
//! |---|---|---|
//! | CLONE_CLEAR_SIGHAND | the child resets each handled signal to its default, without flags | other processes may see the child before that |
//! | CLONE_NNP | the child sets no_new_privs | other processes may see the child before that |
//! | CLONE_AUTOREAP | the child is an orphan (`process::orphan`) | its parent is init or the nearest subreaper, not the caller |
//!
//! All signals are blocked until the child's part is done.

use super::{Memory, Request, known};
use crate::uapi::file_facts::{self, FileKind};
use crate::uapi::flags::*;
use crate::uapi::task::{self, KernelSigaction, LAST_SIGNAL};
use crate::uapi::{CloneFlags, Errno, cred, file, sys};
use core::ffi::c_int;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Exit status of a child that cannot be set up as requested, as POSIX has it for
/// posix_spawn.
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

/// The flags of a request that the library has to emulate.
pub fn needed(request: &Request, start: Start) -> CloneFlags {
    let wanted = request.flags & (allowed() | request.emulable);
    if wanted.is_empty() || request.wire.is_some_and(|wire| wire.holds_more) {
        return CloneFlags::NONE;
    }
    let possible = wanted & possible(request, start);
    if possible.is_empty() { possible } else { possible & !known::known(possible) }
}

/// What can be emulated for this kind of child. Nothing for one that returns, or runs
/// concurrently with its creator, in the same memory.
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

/// What the library emulates in a spawned child. Resetting the signal handlers and
/// entering the cgroup need no permission: the interface promises them by whatever means.
fn of_spawned(emulable: CloneFlags) -> CloneFlags {
    EMULATED_IN_SPAWN | (allowed() | emulable) & EMULATED_IN_CHILD
}

/// Which of a spawned child's flags are known to be unavailable and may be emulated,
/// because the plan or the process allows it.
pub fn lacking(flags: CloneFlags, emulable: CloneFlags) -> CloneFlags {
    flags & of_spawned(emulable) & known::unknown()
}

/// The same; asks the kernel where it is not known yet.
pub fn find_lacking(flags: CloneFlags, emulable: CloneFlags) -> CloneFlags {
    let asked = flags & of_spawned(emulable);
    asked & !known::known(asked)
}

/// The child's part, in a spawned child on lent memory.
pub fn in_lent_child(emulated: CloneFlags) {
    if emulated.contains(CLONE_CLEAR_SIGHAND) {
        clear_sighand();
    }
}

/// The cgroup that a spawned child has to enter by itself.
pub fn cgroup_of_child(emulated: CloneFlags, directory: Option<c_int>) -> Option<c_int> {
    directory.filter(|_| emulated.contains(CLONE_INTO_CGROUP))
}

/// Moves the calling process to a cgroup2 directory (cgroups(7), cgroup.procs). EBADF for
/// any other directory, as from clone3(2): a cgroup of version 1 has a file of that name,
/// too, and so may an ordinary directory.
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
#[cfg_attr(not(test), unsafe(link_section = ".text.entry"))]
pub fn in_child(emulated: CloneFlags) {
    if emulated.contains(CLONE_CLEAR_SIGHAND) {
        clear_sighand();
    }
    if emulated.contains(CLONE_NNP) {
        // A filter may forbid it, which only root can have installed. The child must not
        // run without no_new_privs.
        if cred::set_no_new_privs().is_err() {
            sys::exit_group(NOT_AS_ASKED);
        }
    }
}

#[inline(never)] // keeps its frame out of every child's
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

/// All flags that the library emulates in some child.
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
