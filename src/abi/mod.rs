// SPDX-License-Identifier: MIT OR Apache-2.0
//! The exported C symbols, and C's error convention.
//!
//! Every exported function begins with a landing pad in assembly (`arch::entry!`).
//! Functions of the header are declared here as C sees them, with the comments that
//! become `include/clone3.h`. `declared_entry!` binds each declaration to its definition,
//! and the compiler checks that their types are equal. Names of the libc are exported
//! without a version, so that they interpose, or with the libc's own versions; `clone3_*`
//! have LIBCLONE3_0.1 (`src/abi/*.map`).

mod atfork;
mod clone;
mod contract;
mod execute;
mod explain;
mod fork;
mod pthread;
mod shell;
mod spawn;
mod spawn_actions;
mod spawn_attr;
mod spawn_check;
mod spawn_plan;
mod spawn_run;
mod spawn_set_birth_h;
mod spawn_set_files_h;
mod spawn_set_privileges_h;
mod spawn_set_process_h;
mod spawn_setters;
mod spawn_words;
mod text;
mod thread;
mod thread_h;
mod version;
mod wait;
mod watched;

use crate::arch::entry;
use crate::engine;
use crate::host::{self, environment, errno};
use crate::observe;
use crate::process;
use crate::uapi::Errno;
use crate::uapi::sys::Pid;

/// Exports functions under names of the libc. If another object interposes a name between
/// this library and the libc, calls are passed on to that definition.
///
/// `libc_entry!("name", "alias" => function)`
macro_rules! libc_entry {
    ($($name:literal),+ => $function:path) => {
        $($crate::arch::passing_entry!(
            $crate::host::interposers::SLOTS,
            $crate::host::interposers::index($name) * size_of::<usize>();
            $name => $function
        );)+
    };
}
use libc_entry;

/// Defines what [`libc_entry!`] takes for a function that is to know where it was called
/// from. An underscore stands for each argument but the last, the return address.
///
/// `with_caller!(clone3_own_name => function(_, _))`
macro_rules! with_caller {
    ($name:ident => $function:ident($($argument:tt),*)) => {
        $crate::arch::caller_entry!(stringify!($name) => $function($($argument),*));
        unsafe extern "C" {
            fn $name();
        }
    };
}
use with_caller;

/// Exports a function under the name that the header declares. It does not compile if the
/// two types differ: both are elements of one array.
///
/// `declared_entry!(clone3_name => function)`, or `… => function(_, _))` for one that is to
/// know where it was called from, as [`with_caller!`] has it.
macro_rules! declared_entry {
    ($declared:ident => $function:ident($($argument:tt),*)) => {
        $crate::arch::caller_entry!(stringify!($declared) => $function($($argument),*));
        const _: () = $crate::arch::is_declared(
            &($function as unsafe extern "C" fn($($argument,)* $crate::arch::Caller) -> _),
            &($declared as unsafe extern "C" fn($($argument),*) -> _),
        );
    };
    ($declared:ident => $function:path) => {
        $crate::arch::entry!(stringify!($declared) => $function);
        const _: () = {
            let _ = [$declared, $function];
        };
    };
}
use declared_entry;

/// An int result that C callers must check, because it tells whether the output is valid:
/// the header's macro has compilers warn (warn_unused_result). It is a type because
/// cbindgen renames types (cbindgen.toml), and has no annotations for functions in extern
/// blocks.
type MustUse = core::ffi::c_int;

/// The same for the pid of a child, which must be waited for.
type MustUsePid = Pid;

/// The convention of fork: the pid, or −1 and errno.
fn or_errno(outcome: Result<Pid, Errno>) -> Pid {
    outcome.unwrap_or_else(|errno| {
        errno::set(errno);
        -1
    })
}

/// The convention of system calls without a result: 0, or −1 and errno.
fn or_minus_one(outcome: Result<(), Errno>) -> core::ffi::c_int {
    or_errno(outcome.map(|()| 0))
}

/// The convention of pthread functions: the error number itself.
fn or_number(outcome: Result<(), Errno>) -> core::ffi::c_int {
    outcome.map_or_else(|errno| errno.0, |()| 0)
}

ctor::declarative::ctor! {
    /// Runs when the library is loaded, or before main in a static program.
    #[ctor(unsafe, body(link_section = ".text.entry"))]
    fn on_load() {
        host::on_load(process::atfork::count());
        process::fork::watch_hosts();
        if environment::says(b"CLONE3_ROUTE=", b"legacy") {
            engine::keep_away();
        }
        observe::start();
    }
}

entry!("clone3_at_end" => at_end);

unsafe extern "C" {
    /// [`at_end`] behind a landing pad: the libc calls it through a pointer.
    fn clone3_at_end();
}

/// Called by exit() after everything else.
#[used]
#[unsafe(link_section = ".fini_array")]
static AT_END: unsafe extern "C" fn() = clone3_at_end;

#[cfg_attr(not(test), unsafe(link_section = ".text.entry"))]
extern "C" fn at_end() {
    observe::at_end();
}
