// SPDX-License-Identifier: MIT OR Apache-2.0
//! The header's text on bare threads; the functions are in `thread`.

use super::MustUse;
use super::spawn_plan::clone3_cpu_set_t;
use crate::uapi::sys::Pid;
use core::ffi::{c_char, c_int, c_void};
use libc::sigset_t;

/// A handle of a bare thread; 0 is none. A value is not reused for a later thread of the
/// process until 2^28 threads have used the same slot.
#[allow(non_camel_case_types)]
pub type clone3_thread_t = u64;

/// In struct clone3_thread_attr, flags: the thread starts detached.
pub const CLONE3_THREAD_DETACHED: u32 = 1;

/// The attributes of a new bare thread. clone3_thread_attr_init() fills in the defaults.
/// It may grow at its end.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types)]
pub struct clone3_thread_attr {
    /// sizeof(struct clone3_thread_attr), set by clone3_thread_attr_init().
    pub size: u32,
    /// 0 or CLONE3_THREAD_DETACHED.
    pub flags: u32,
    /// Which of CLONE_FS, CLONE_FILES, CLONE_SYSVSEM and CLONE_IO the thread
    /// shares with its creator. Default: the first three, as pthreads do.
    pub share: u64,
    /// Lowest byte of a stack of the caller's own, or NULL. The library adds no guard to
    /// it, and does not use it any more once the thread has been joined.
    pub stack: *mut c_void,
    /// Bytes in the stack, at least 16384; 0 for the default. More may be given.
    pub stack_size: usize,
    /// Inaccessible bytes below a stack that is not the caller's own; at least a page in
    /// any case.
    pub guard_size: usize,
    /// Name of the thread in /proc/PID/task/TID/comm, at most 15 bytes and a
    /// NUL; NULL for the creator's.
    pub name: *const c_char,
    /// Processors the thread may run on; NULL for the creator's.
    pub affinity: *const clone3_cpu_set_t,
    /// Bytes in *affinity.
    pub affinity_size: usize,
    /// Signals blocked in the thread. NULL: all but the synchronous ones, SIGSEGV,
    /// SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS.
    pub sigmask: *const sigset_t,
    /// Where a pidfd of the thread goes, close-on-exec (Linux 6.9); NULL for
    /// none.
    pub pidfd: *mut c_int,
    /// Thread ids to use, innermost pid namespace first (Linux 5.5); NULL for none.
    pub set_tid: *const Pid,
    /// Elements in *set_tid.
    pub set_tid_size: usize,
    /// SCHED_*, or -1 for the creator's scheduling.
    pub sched_policy: i32,
    /// Static priority for SCHED_FIFO and SCHED_RR.
    pub sched_priority: i32,
}

/// The same under the name in the functions' declarations.
#[allow(non_camel_case_types)]
pub type clone3_thread_attr_t = clone3_thread_attr;

#[allow(dead_code)] // C's view of what the macros in `thread` define
unsafe extern "C" {
    /// Fills in the defaults.
    ///
    /// @param attr  written
    /// @param size  sizeof(clone3_thread_attr_t)
    /// @return 0, or an error number; errno is untouched
    ///
    /// Errors:
    /// - EFAULT: attr is NULL
    /// - EINVAL: size is smaller than the first version's
    /// - E2BIG: size is larger than a page
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    pub fn clone3_thread_attr_init(attr: *mut clone3_thread_attr_t, size: usize) -> c_int;

    /// Creates a bare thread, which runs start(arg) and ends with its result.
    ///
    /// The C library does not know of it. It may call async-signal-safe functions and
    /// clone3_thread_*(). It has its own errno and __thread variables of all objects
    /// loaded now, a stack with a guard, and a working gettid(), raise() and stack
    /// protector. It may not call malloc(), stdio, pthread_*(), dlopen(), nor functions
    /// of objects that are loaded later. See clone3_thread_create(3).
    ///
    /// All signals are blocked while it is created. setuid() and similar functions change
    /// only the calling thread's ids if a bare thread calls them, and do not change those
    /// of bare threads if another thread does.
    ///
    /// @param thread  where its handle goes, written before it runs
    /// @param attr    how to make it; NULL for the defaults
    /// @param start   what it runs; its result is for clone3_thread_join()
    /// @param arg     passed to start
    /// @return 0, or an error number; errno is untouched
    ///
    /// Errors:
    /// - EAGAIN: no memory, or a limit: RLIMIT_NPROC, pids.max, threads-max
    /// - EFAULT: thread or start is NULL
    /// - EINVAL: attr->size is smaller than the first version's; a field of attr is
    ///   invalid; a pidfd is requested before Linux 6.9; affinity has no existing
    ///   processor
    /// - ERANGE: the name has more than 15 bytes
    /// - E2BIG: attr is of a later version and has a non-zero field that this one does
    ///   not know, or its size is more than a page
    /// - EPERM: the scheduler, or set_tid, without the capability; a seccomp filter
    /// - EEXIST, ENOSYS …: set_tid, as for clone3()
    /// - EMFILE, ENFILE: the pidfd
    /// - ENOTSUP: the layout of the C library's thread descriptor is not known; always on
    ///   riscv64
    ///
    /// Thread-safe, also beside dlopen(), dlclose() and fork(). Async-signal-safe in a
    /// bare thread; in others it asks the loader which objects have been loaded since the
    /// last call. Linux 5.3, by clone(2) before that. Source: clone(2).
    pub fn clone3_thread_create(
        thread: *mut clone3_thread_t,
        attr: *const clone3_thread_attr_t,
        start: Option<unsafe extern "C" fn(arg: *mut c_void) -> *mut c_void>,
        arg: *mut c_void,
    ) -> MustUse;

    /// Ends the calling bare thread, as a return from its start function does. No
    /// clean-up handlers or destructors run. In any other thread it kills the process by
    /// an illegal instruction.
    ///
    /// @param value  for clone3_thread_join()
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    pub fn clone3_thread_exit(value: *mut c_void) -> !;

    /// Waits for a bare thread's end. Its handle is invalid afterwards.
    ///
    /// @param thread  any thread may join it, but only one
    /// @param value   where its result goes; may be NULL
    /// @return 0, or an error number; errno is untouched
    ///
    /// Errors:
    /// - ESRCH: there is no such thread: it was joined, or is detached and has ended, or
    ///   the handle is from before a fork()
    /// - EINVAL: it is detached, or another thread is joining it
    /// - EDEADLK: it is the calling thread
    ///
    /// Not interrupted by signals. Async-signal-safe; thread-safe. Any Linux.
    pub fn clone3_thread_join(thread: clone3_thread_t, value: *mut *mut c_void) -> c_int;

    /// The same without waiting.
    ///
    /// @param thread  as for clone3_thread_join()
    /// @param value   as for clone3_thread_join()
    /// @return 0, or an error number; errno is untouched
    ///
    /// Errors: those of clone3_thread_join(), and
    /// - EBUSY: it has not ended
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    pub fn clone3_thread_tryjoin(thread: clone3_thread_t, value: *mut *mut c_void) -> MustUse;

    /// The same, waiting until a point in time.
    ///
    /// @param thread    as for clone3_thread_join()
    /// @param value     as for clone3_thread_join()
    /// @param clock     CLOCK_REALTIME or CLOCK_MONOTONIC
    /// @param deadline  on that clock, in nanoseconds; if it is past, or negative, the
    ///                  function does not wait
    /// @return 0, or an error number; errno is untouched
    ///
    /// Errors: those of clone3_thread_join(), and
    /// - ETIMEDOUT: it has not ended by then
    /// - EINVAL: another clock
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    pub fn clone3_thread_timedjoin(
        thread: clone3_thread_t,
        value: *mut *mut c_void,
        clock: c_int,
        deadline: i64,
    ) -> MustUse;

    /// Detaches a bare thread: its memory is released when it ends.
    ///
    /// @param thread  may be the calling one, or have ended
    /// @return 0, or an error number; errno is untouched
    ///
    /// Errors:
    /// - ESRCH: there is no such thread
    /// - EINVAL: it is detached, or another thread is joining it
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    pub fn clone3_thread_detach(thread: clone3_thread_t) -> c_int;

    /// The calling bare thread.
    ///
    /// @return its handle; 0 in any other thread
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    pub fn clone3_thread_self() -> clone3_thread_t;

    /// Whether two handles refer to the same thread.
    ///
    /// @param one    a handle
    /// @param other  a handle
    /// @return 0 if not
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    pub fn clone3_thread_equal(one: clone3_thread_t, other: clone3_thread_t) -> c_int;

    /// Sends a signal to a bare thread, by tgkill(2).
    ///
    /// If the thread ends between the library's check and the system call, its id could
    /// be reused by another thread; pidfd_send_signal() on clone3_thread_pidfd() has no
    /// such race.
    ///
    /// @param thread  the thread
    /// @param signal  its number, 0 to send none
    /// @return 0, or an error number; errno is untouched
    ///
    /// Errors:
    /// - ESRCH: there is no such thread, or it has ended
    /// - EINVAL: no such signal
    /// - EAGAIN: too many signals are queued
    ///
    /// Async-signal-safe; thread-safe. Any Linux. Source: tgkill(2).
    pub fn clone3_thread_kill(thread: clone3_thread_t, signal: c_int) -> c_int;

    /// A bare thread's id in the kernel.
    ///
    /// @param thread  the thread
    /// @param tid     where it goes
    /// @return 0, or an error number; errno is untouched
    ///
    /// Errors:
    /// - ESRCH: there is no such thread, or it has ended
    /// - EFAULT: tid is NULL
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    pub fn clone3_thread_gettid(thread: clone3_thread_t, tid: *mut Pid) -> MustUse;

    /// Opens a pidfd of a bare thread, which is readable when the thread has ended.
    ///
    /// @param thread  the thread
    /// @param pidfd   where the descriptor goes, the caller's to close
    /// @return 0, or an error number; errno is untouched
    ///
    /// Errors:
    /// - ESRCH: there is no such thread, or it has ended
    /// - EFAULT: pidfd is NULL
    /// - EINVAL: before Linux 6.9
    /// - ENOSYS: before Linux 5.3
    /// - EMFILE, ENFILE, ENOMEM: as for pidfd_open(2)
    ///
    /// Async-signal-safe; thread-safe. Linux 6.9. Source: pidfd_open(2).
    pub fn clone3_thread_pidfd(thread: clone3_thread_t, pidfd: *mut c_int) -> MustUse;

    /// Tells where a bare thread's stack is.
    ///
    /// @param thread  the thread
    /// @param lowest  where the address of its lowest byte goes, above the guard;
    ///                may be NULL
    /// @param size    where its size in bytes goes; may be NULL
    /// @return 0, or an error number; errno is untouched
    ///
    /// Errors:
    /// - ESRCH: there is no such thread
    ///
    /// Async-signal-safe; thread-safe. Any Linux.
    pub fn clone3_thread_getstack(
        thread: clone3_thread_t,
        lowest: *mut *mut c_void,
        size: *mut usize,
    ) -> MustUse;
}
