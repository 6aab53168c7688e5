// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cancellation of threads (POSIX 2.9.5), as far as a library can take part in it
//! that is not the libc: by the libc's own cancellation points, and by the
//! functions behind the macros pthread_cleanup_push and pthread_cleanup_pop, which
//! glibc and musl export under the same names.
//!
//! A cancelled thread runs the cleanup and goes on to its end without coming
//! back: glibc unwinds the stack, for which all frames here have tables, and musl
//! leaves it. So nothing that has to be dropped may be alive over the wait.

use super::interposers::{index, watched};
use super::symbols::Waitpid;
use super::{errno, glibc, symbols};
use crate::uapi::sys::RobustListHead;
use crate::uapi::{Errno, task};
use core::ffi::{c_int, c_void};
use core::mem::transmute;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// What is run for a thread that is cancelled.
pub type Cleanup = unsafe extern "C" fn(*mut c_void);

/// The signal by which the libc cancels a thread: SIGCANCEL of nptl and of musl's
/// pthread_impl.h. The one after it has another thread change its ids.
pub fn signal() -> u64 {
    if glibc::is_host() { 32 } else { 33 }
}

/// Whether glibc keeps the list of its own cleanups right behind the robust list: as it was seen
/// to do in one thread, it does in all.
static HEAD_FOLLOWS_ROBUST_LIST: AtomicBool = AtomicBool::new(false);

/// Room for what the libc keeps of a cleanup: four words in glibc, three in musl.
type Buffer = [usize; 8];

/// Waits for a child, as a cancellation point where the libc has any: a static
/// program without pthread_cancel has none, nor has glibc before 2.34 without
/// libpthread. Gives the wait status; errno is as it was.
///
/// # Safety
/// `cleanup(argument)` must be sound to run where the thread is cancelled.
pub unsafe fn wait_for(
    pid: libc::pid_t,
    cleanup: Cleanup,
    argument: *mut c_void,
) -> Result<c_int, Errno> {
    let libcs = watched(const { index("waitpid") });
    // SAFETY: a function of that name has that prototype (POSIX).
    let waitpid = libcs.map(|address| unsafe { transmute::<*mut c_void, Waitpid>(address) });
    let (Some(push), Some(pop), Some(waitpid)) =
        (symbols::cleanup_push(), symbols::cleanup_pop(), waitpid)
    else {
        return task::wait_for(pid);
    };
    let before = errno::get();
    let mut buffer: Buffer = [0; 8];
    let mut status: c_int = 0;
    // SAFETY: the buffer is in this frame between push and pop, as the macros would
    // have it.
    let outcome = unsafe {
        push(buffer.as_mut_ptr().cast(), cleanup, argument);
        let outcome = loop {
            match waitpid(pid, &raw mut status, libc::__WALL) {
                -1 if errno::get() == libc::EINTR => {}
                -1 => break Err(Errno(errno::get())),
                _ => break Ok(status),
            }
        };
        pop(buffer.as_mut_ptr().cast(), 0);
        outcome
    };
    errno::restore(before);
    outcome
}

/// Whether the calling thread is inside a function of glibc's that has something to
/// clean up should the thread be cancelled: pthread_once() and call_once() over their
/// initialiser, which a child of glibc's fork may run once more; or, interrupted by a
/// signal, one that holds a lock. What programs push goes into other lists.
///
/// The list's head is in the thread's control block; a pushed cleanup refers to it
/// (`struct _pthread_cleanup_buffer`, public: routine, argument, cancel type, the one
/// before). False where there is no such list: before glibc 2.34 without libpthread.
///
/// `robust` is the calling thread's robust list as glibc registered it, or null: the head
/// follows it from 2.31 to 2.43 at least. Where that was seen, it is only read from then on: to
/// push and pop would write to a page that each fork makes one to be copied.
///
/// Async-signal-safe.
pub fn is_inside_libc(robust: *const RobustListHead) -> bool {
    const BEFORE: usize = 3;
    if !glibc::is_host() {
        return false;
    }
    let head: *const usize = robust.wrapping_add(1).cast();
    if HEAD_FOLLOWS_ROBUST_LIST.load(Relaxed) && !robust.is_null() {
        // SAFETY: behind the robust list in the calling thread's control block, as was seen.
        return unsafe { head.read_volatile() } != 0;
    }
    let (Some(push), Some(pop)) = (symbols::cleanup_push(), symbols::cleanup_pop()) else {
        return false;
    };
    let mut buffer: Buffer = [0; 8];
    let place = buffer.as_mut_ptr();
    // SAFETY: the buffer is in this frame between push and pop; what the libc wrote is
    // read through the pointer it got. The word behind the robust list is one of struct
    // pthread's.
    unsafe {
        push(place.cast(), nothing, null_mut());
        let before = place.add(BEFORE).read_volatile();
        if !robust.is_null() && head.read_volatile() == place.addr() {
            HEAD_FOLLOWS_ROBUST_LIST.store(true, Relaxed);
        }
        pop(place.cast(), 0);
        before != 0
    }
}

unsafe extern "C" fn nothing(_: *mut c_void) {}
