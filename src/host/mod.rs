// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is known of the C library this process runs on.
//!
//! All lore about libcs lives here, and all of it is verified before it is
//! used: a libc that does not look as expected is `None` to the callers, who
//! then leave the work to that libc's own functions.

pub mod action_lists;
mod atfork;
pub mod cancel;
pub mod draft;
pub mod elf;
pub mod environment;
pub mod errno;
pub mod file_actions;
pub mod functions;
mod glibc;
mod glibc_thread;
mod hash_tables;
mod identity;
pub mod interposers;
pub mod memory;
mod modules;
mod musl;
mod musl_thread;
pub mod objects;
mod page;
pub mod pthread;
mod repair;
mod rtld;
pub mod spawn_attributes;
pub mod start;
pub mod streams;
mod symbols;
mod tables;
mod tcb;
mod tcb_by_libc;
mod tcb_glibc;
mod tcb_musl;
mod template;
mod threads;
pub mod tls;
mod walk;

pub use page::{align_up, page_size};
pub use repair::{ClearTid, Repair};

pub use identity::{lend, may_be_another, share, take_back};

pub use glibc::{is_host as is_glibc, is_since as is_glibc_since};

use crate::uapi::sys::Pid;

/// What CLONE_SETTLS takes for the argument tls of the host's clone(): glibc
/// passes it on as it is (`None`), musl takes a thread pointer everywhere.
#[cfg(target_arch = "x86")]
pub fn thread_area(tls: usize) -> Option<crate::arch::ThreadArea> {
    (!glibc::is_host()).then(|| crate::arch::ThreadArea::at(tls))
}

/// Looks up all that cannot be looked up in a signal handler, or may no longer
/// be found later. Called when the library is loaded, or before main.
///
/// Asks the kernel nothing: a filter that came over exec may let through what the
/// program needs and no more. What has to be asked, the first creation does.
///
/// `fork_handlers` is how many have been registered in the host so far.
pub fn on_load(fork_handlers: usize) {
    if glibc::is_host() {
        // First: the walks that follow find the rest.
        rtld::remember_size(elf::symbol_size(c"_rtld_global", symbols::rtld_global()));
    }
    if has_libcs_names() {
        interposers::fill();
    }
    functions::look_up_all();
    if has_libcs_names() {
        pthread::look_up_next();
    }
    if glibc::is_host() {
        // First of all handlers, so that the others find the loader usable; also if the
        // libc's fork is called directly: by the libc, or by an object that resolves it
        // to the libc.
        if functions::register_in_child(rtld::CHILD_HANDLER) && has_libcs_names() {
            atfork::look_up(fork_handlers, rtld::CHILD_HANDLER);
        }
    } else {
        musl::remember_places();
    }
}

/// Whether calls of the libc's names come to us: not in libclone3-api, where the host's
/// fork, threads and spawns are called as if we were not there.
pub fn has_libcs_names() -> bool {
    symbols::linked_host().is_none()
}

/// What a raw fork child needs so that this libc is sound in it; `None` when
/// the libc, or its state, is not one we know.
///
/// Verified each time it is needed: it differs from thread to thread, and glibc
/// 2.31 gains its thread state only when libpthread is loaded. The first time may
/// take a few system calls, later times take none.
///
/// Async-signal-safe: no lock.
#[cfg_attr(not(test), unsafe(link_section = ".text.entry"))]
pub fn repair() -> Option<Repair> {
    if glibc::is_host() { glibc_thread::repair() } else { musl::repair() }
}

/// The calling thread's id, without a system call where its libc is known to have it.
///
/// Async-signal-safe.
#[cfg_attr(not(test), unsafe(link_section = ".text.entry"))]
pub fn tid() -> Pid {
    identity::tid(match glibc::is_host() {
        true => glibc_thread::tid_place(),
        false => musl_thread::tid_place(),
    })
}

/// How many fork handlers the program and its libraries have registered in the host;
/// none where that cannot be told.
///
/// Async-signal-safe.
pub fn fork_handlers() -> Option<usize> {
    atfork::registered()
}

/// Whether the host's fork would do no more than run the handlers we know and
/// repair the libc: the calling thread, whose state is given, is surely the only
/// one that can hold a lock of the libc, and holds none of the loader's that a
/// child would find locked by a thread id that is no longer its own; nor is it inside
/// pthread_once(), which a child of glibc's fork starts anew.
///
/// Async-signal-safe.
pub fn fork_is_simple(state: &Repair) -> bool {
    !functions::handlers_unseen()
        && !cancel::is_inside_libc(state.robust)
        && threads::is_single_threaded(state)
        && !rtld::is_held_by(state.tid())
}
