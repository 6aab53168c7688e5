// SPDX-License-Identifier: MIT OR Apache-2.0
//! The exported C symbols, and C's error convention.
//!
//! Every exported function begins with a landing pad in assembly
//! (`arch::entry!`). What the header declares is declared here as C sees it, with
//! the comments that become `include/clone3.h`, and bound to the function that does
//! the work by `declared_entry!`, which has the compiler compare the two. Names that
//! belong to a libc are exported without a version, so that they interpose, or
//! under the libc's own versions; `clone3_*` carry LIBCLONE3_0.1 (`src/abi/*.map`).

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

/// Emits functions that are called by names of the libc's. A call goes to the next
/// definition of the name where somebody else has one before the libc.
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

/// Emits a function under the name by which the header declares it, and does not compile
/// if the two types differ: the array has one only if they are the same.
///
/// `declared_entry!(clone3_name => function)`
macro_rules! declared_entry {
    ($declared:ident => $function:path) => {
        $crate::arch::entry!(stringify!($declared) => $function);
        const _: () = {
            let _ = [$declared, $function];
        };
    };
}
use declared_entry;

/// An int to callers in C, whose compilers warn of those that do not look at it: it says
/// whether there is anything to use. cbindgen has no annotation for functions that are
/// declared in an extern block, but it does rename types (cbindgen.toml).
type MustUse = core::ffi::c_int;

/// The convention of fork and its like: −1 and errno.
fn or_errno(outcome: Result<Pid, Errno>) -> Pid {
    outcome.unwrap_or_else(|errno| {
        errno::set(errno);
        -1
    })
}

/// The convention of system calls that only succeed or fail: 0, or −1 and errno.
fn or_minus_one(outcome: Result<(), Errno>) -> core::ffi::c_int {
    or_errno(outcome.map(|()| 0))
}

/// The convention of pthread functions: the error number itself.
fn or_number(outcome: Result<(), Errno>) -> core::ffi::c_int {
    outcome.map_or_else(|errno| errno.0, |()| 0)
}

ctor::declarative::ctor! {
    /// Runs when the library is loaded, or before main in a static program.
    #[ctor(unsafe)]
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

/// What exit() calls last.
#[used]
#[unsafe(link_section = ".fini_array")]
static AT_END: unsafe extern "C" fn() = clone3_at_end;

extern "C" fn at_end() {
    observe::at_end();
}
