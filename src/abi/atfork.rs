// SPDX-License-Identifier: MIT OR Apache-2.0
//! `pthread_atfork`, and the symbol that glibc's calls.

use super::{libc_entry, or_number};
use crate::arch::entry;
use crate::host::functions::Handler;
use crate::process::atfork;
use core::ffi::{c_int, c_void};

libc_entry!("pthread_atfork" => exported_pthread_atfork);
libc_entry!("__register_atfork" => exported_register_atfork);
entry!("__cxa_finalize" => exported_cxa_finalize);

extern "C" fn exported_pthread_atfork(prepare: Handler, parent: Handler, child: Handler) -> c_int {
    or_number(atfork::register_unowned([prepare, parent, child]))
}

extern "C" fn exported_register_atfork(
    prepare: Handler,
    parent: Handler,
    child: Handler,
    owner: *mut c_void,
) -> c_int {
    or_number(atfork::register([prepare, parent, child], owner))
}

extern "C" fn exported_cxa_finalize(handle: *mut c_void) {
    atfork::object_finalized(handle);
}
