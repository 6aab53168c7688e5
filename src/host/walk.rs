// SPDX-License-Identifier: MIT OR Apache-2.0
//! The only walk of the loader's list of objects: every look-up goes by it.
//!
//! What holds the list still: in glibc a lock (`_dl_load_write_lock`) that
//! dl_iterate_phdr takes, and that opening and closing objects take for each change;
//! in musl nothing is ever taken out. What that lock is to a fork child, see `rtld`.

use super::{rtld, symbols};
use crate::arch::entry;
use core::ffi::{c_int, c_void};
use core::mem::offset_of;

entry!("clone3_visit_object" => visit);

unsafe extern "C" {
    /// [`visit`] behind a landing pad: the libc calls it through a pointer.
    fn clone3_visit_object(info: *mut libc::dl_phdr_info, size: usize, data: *mut c_void) -> c_int;
}

struct Walk<'a> {
    each: &'a mut dyn FnMut(&libc::dl_phdr_info, usize) -> bool,
    /// Until the first object: what to learn with the lock held.
    watch: Option<rtld::Watch>,
}

unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, size: usize, data: *mut c_void) -> c_int {
    // SAFETY: dl_iterate_phdr hands over its own struct and our Walk.
    let (info, walk) = unsafe { (&*info, &mut *data.cast::<Walk>()) };
    if let Some(watch) = walk.watch.take() {
        watch.look(adds(info, size));
    }
    c_int::from((walk.each)(info, size))
}

/// How many objects were ever loaded, where the libc says so.
pub fn adds(info: &libc::dl_phdr_info, size: usize) -> Option<u64> {
    const END: usize = offset_of!(libc::dl_phdr_info, dlpi_adds) + size_of::<u64>();
    #[allow(clippy::useless_conversion)] // unsigned long in some libcs
    (size >= END).then(|| info.dlpi_adds.into())
}

/// Calls `each` for the loaded objects in their order until it says true, with the
/// bytes that the libc's struct has. Without dl_iterate_phdr there are none.
///
/// Not async-signal-safe, and not to be called with a lock of ours held.
#[cfg_attr(not(test), unsafe(link_section = ".text.entry"))]
pub fn walk(each: &mut dyn FnMut(&libc::dl_phdr_info, usize) -> bool) {
    let Some(dl_iterate_phdr) = symbols::dl_iterate_phdr() else { return };
    let mut walk = Walk { each, watch: Some(rtld::Watch::begin()) };
    // SAFETY: the callback gets back the Walk it expects, aoutlive the call.
    unsafe { dl_iterate_phdr(clone3_visit_object, (&raw mut walk).cast()) };
}
