// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bare threads: `clone3_thread_*`, shaped like pthreads.

use super::thread_h::*;
use super::{declared_entry, or_number};
use crate::arch::Caller;
use crate::observe::Note;
use crate::thread::{self, Attributes, Patience, Start};
use crate::uapi::futex::Deadline;
use crate::uapi::sys::{self, KernelSigset};
use crate::uapi::{CloneFlags, Errno, sized};
use clone3_trace::Call;
use core::ffi::{c_int, c_void};
use core::mem::size_of;
use core::ptr::null;

declared_entry!(clone3_thread_attr_init => exported_attr_init);
declared_entry!(clone3_thread_create => exported_create(_, _, _, _));
declared_entry!(clone3_thread_exit => exported_exit);
declared_entry!(clone3_thread_join => exported_join);
declared_entry!(clone3_thread_tryjoin => exported_tryjoin);
declared_entry!(clone3_thread_timedjoin => exported_timedjoin);
declared_entry!(clone3_thread_detach => exported_detach);
declared_entry!(clone3_thread_self => exported_self);
declared_entry!(clone3_thread_equal => exported_equal);
declared_entry!(clone3_thread_kill => exported_kill);
declared_entry!(clone3_thread_gettid => exported_gettid);
declared_entry!(clone3_thread_pidfd => exported_pidfd);
declared_entry!(clone3_thread_getstack => exported_getstack);

const SIZE_VER0: usize = 24 + 10 * size_of::<usize>();
const _: () = assert!(size_of::<clone3_thread_attr>() == SIZE_VER0);

const DEFAULT: clone3_thread_attr = clone3_thread_attr {
    size: SIZE_VER0 as u32,
    flags: 0,
    share: Attributes::DEFAULT.share.bits(),
    stack: null::<c_void>() as *mut c_void,
    stack_size: 0,
    guard_size: 0,
    name: null(),
    affinity: null(),
    affinity_size: 0,
    sigmask: null(),
    pidfd: null::<c_int>() as *mut c_int,
    set_tid: null(),
    set_tid_size: 0,
    sched_policy: -1,
    sched_priority: 0,
};

unsafe extern "C" fn exported_attr_init(attr: *mut clone3_thread_attr, size: usize) -> c_int {
    if attr.is_null() {
        return Errno::EFAULT.0;
    }
    or_number(sized::check(size, SIZE_VER0).map(|size| {
        // SAFETY: as large as the caller says.
        unsafe {
            sized::write(attr, size, &DEFAULT);
            // The caller's size, so that fields that are unknown here are noticed if the
            // caller sets them.
            (&raw mut (*attr).size).write(size as u32);
        }
    }))
}

/// What a caller's attributes ask for.
///
/// # Safety
/// The pointers in them must be valid.
unsafe fn attributes(attr: &clone3_thread_attr) -> Result<Attributes, Errno> {
    if attr.flags & !CLONE3_THREAD_DETACHED != 0 {
        return Err(Errno::EINVAL);
    }
    let default = Attributes::DEFAULT;
    let mask = match attr.sigmask.cast::<KernelSigset>() {
        mask if mask.is_null() => default.mask,
        // SAFETY: a sigset_t begins with the kernel's.
        mask => unsafe { mask.read_unaligned() },
    };
    Ok(Attributes {
        share: CloneFlags::from_bits(attr.share),
        detached: attr.flags & CLONE3_THREAD_DETACHED != 0,
        stack: attr.stack.addr(),
        stack_size: match attr.stack_size {
            0 if attr.stack.is_null() => default.stack_size,
            size => size,
        },
        guard_size: attr.guard_size,
        name: attr.name,
        affinity: (attr.affinity.cast(), attr.affinity_size),
        scheduler: (attr.sched_policy != -1).then_some((attr.sched_policy, attr.sched_priority)),
        mask,
        pidfd: attr.pidfd.addr(),
        set_tid: (attr.set_tid, attr.set_tid_size),
    })
}

unsafe extern "C" fn exported_create(
    place: *mut clone3_thread_t,
    attr: *const clone3_thread_attr,
    start: Option<Start>,
    argument: *mut c_void,
    caller: Caller,
) -> c_int {
    let Some(start) = start.filter(|_| !place.is_null()) else {
        return Errno::EFAULT.0;
    };
    let attributes = match attr.is_null() {
        true => Ok(Attributes::DEFAULT),
        // SAFETY: the header's contract; numbers and addresses are any bytes.
        false => unsafe { sized::read(attr, SIZE_VER0).and_then(|attr| attributes(&attr)) },
    };
    let note = Note::new(Call::ThreadCreate, caller.address());
    or_number(attributes.and_then(|attributes| {
        // SAFETY: the header's contract.
        unsafe { thread::create(note, &attributes, start, argument, place) }
    }))
}

unsafe extern "C" fn exported_exit(value: *mut c_void) -> ! {
    thread::exit(value)
}

/// # Safety
/// `place` must be null or a pointer's place.
unsafe fn joined(handle: clone3_thread_t, place: *mut *mut c_void, patience: Patience) -> c_int {
    or_number(thread::join(handle, patience).map(|value| {
        if !place.is_null() {
            // SAFETY: by the contract.
            unsafe { place.write(value as *mut c_void) };
        }
    }))
}

unsafe extern "C" fn exported_join(handle: clone3_thread_t, value: *mut *mut c_void) -> c_int {
    // SAFETY: the header's contract.
    unsafe { joined(handle, value, Patience::Forever) }
}

unsafe extern "C" fn exported_tryjoin(handle: clone3_thread_t, value: *mut *mut c_void) -> c_int {
    // SAFETY: the header's contract.
    unsafe { joined(handle, value, Patience::None) }
}

unsafe extern "C" fn exported_timedjoin(
    handle: clone3_thread_t,
    value: *mut *mut c_void,
    clock: c_int,
    deadline: i64,
) -> c_int {
    let realtime = match clock {
        libc::CLOCK_REALTIME => true,
        libc::CLOCK_MONOTONIC => false,
        _ => return Errno::EINVAL.0,
    };
    let nanoseconds = deadline.max(0) as u64;
    let patience = Patience::Until(Deadline { realtime, nanoseconds });
    // SAFETY: the header's contract.
    unsafe { joined(handle, value, patience) }
}

unsafe extern "C" fn exported_detach(handle: clone3_thread_t) -> c_int {
    or_number(thread::detach(handle))
}

unsafe extern "C" fn exported_self() -> clone3_thread_t {
    thread::self_handle()
}

unsafe extern "C" fn exported_equal(one: clone3_thread_t, other: clone3_thread_t) -> c_int {
    c_int::from(one == other)
}

unsafe extern "C" fn exported_kill(handle: clone3_thread_t, signal: c_int) -> c_int {
    or_number(thread::signal(handle, signal))
}

unsafe extern "C" fn exported_gettid(handle: clone3_thread_t, place: *mut sys::Pid) -> c_int {
    // SAFETY: the header's contract.
    unsafe { answer(thread::tid, handle, place) }
}

unsafe extern "C" fn exported_pidfd(handle: clone3_thread_t, place: *mut c_int) -> c_int {
    // SAFETY: the header's contract.
    unsafe { answer(thread::pidfd, handle, place) }
}

/// # Safety
/// `place` must be null or an int's place.
unsafe fn answer(
    question: fn(clone3_thread_t) -> Result<c_int, Errno>,
    handle: clone3_thread_t,
    place: *mut c_int,
) -> c_int {
    if place.is_null() {
        return Errno::EFAULT.0;
    }
    // SAFETY: by the contract.
    or_number(question(handle).map(|value| unsafe { place.write(value) }))
}

unsafe extern "C" fn exported_getstack(
    handle: clone3_thread_t,
    lowest: *mut *mut c_void,
    size: *mut usize,
) -> c_int {
    or_number(thread::stack(handle).map(|[base, len]| {
        // SAFETY: null or the caller's.
        unsafe {
            if !lowest.is_null() {
                lowest.write(base as *mut c_void);
            }
            if !size.is_null() {
                size.write(len);
            }
        }
    }))
}
