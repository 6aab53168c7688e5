// SPDX-License-Identifier: MIT OR Apache-2.0
//! `clone3`, `clone3_call`, `clone`, and with `clone3` the other entries that
//! return twice: `vfork` and `syscall`.

use super::{declared_entry, libc_entry, or_errno};
use crate::arch::returns_twice;
use crate::engine::{Request, read};
use crate::host::functions::LIBC_SYSCALL;
use crate::observe::Note;
use crate::process::call::{self, Start};
use crate::process::twice::{self, Frame};
use crate::uapi::flags::EMULABLE;
use crate::uapi::sys::Pid;
use crate::uapi::{CloneFlags, Errno, clone_args};
use clone3_trace::Call;
use core::ffi::{c_int, c_void};

/// A call of clone3_call() or of its kin.
const CALL: Option<Note> = Some(Note::of(Call::Clone3Call));

returns_twice!(Frame, twice::CALL, twice::prepare, twice::finish, twice::fail, LIBC_SYSCALL;
    vfork = ["clone3_own_vfork"], clone3 = "clone3_clone3", syscall = "clone3_own_syscall");
// Has no function to be compared with: what the assembly is given is said here.
const _: unsafe extern "C" fn(*mut clone_args, usize) -> Pid = clone3;
declared_entry!(clone3_call => exported_clone3_call);
declared_entry!(clone3_call_emulating => exported_clone3_call_emulating);
libc_entry!("clone", "__clone" => exported_clone);

#[allow(dead_code)] // C's view of what the macros above define
unsafe extern "C" {
    /// Creates a process that returns from this call, as fork() does.
    ///
    /// The kernel's own call: any size it takes, any flags, and its errno. On
    /// top of it, a child with its own memory gets a C library as sound as after
    /// _Fork(): right thread id, empty robust list, signal handlers held back
    /// until that is done. No pthread_atfork() handlers run. CLONE_VM with
    /// CLONE_VFORK works like vfork(), whose rules for the child apply.
    ///
    /// With CLONE_SETTLS the child is outside the C library's idea of a thread
    /// and nothing of the library is mended.
    ///
    /// @param args  fields not used must be zero
    /// @param size  bytes in *args, at least CLONE_ARGS_SIZE_VER0
    /// @return the child's pid in the caller, 0 in the child; -1 and errno on
    ///         error; errno is untouched on success
    ///
    /// Errors, besides those of clone3(2):
    /// - EINVAL: a stack is given, or CLONE_VM without CLONE_VFORK: the child
    ///   could not return (use clone3_call())
    /// - ENOSYS, EPERM or whatever a seccomp filter says: clone3(2) is not to be
    ///   had here (ENOSYS: before Linux 5.3, too) and clone(2) cannot express
    ///   the request
    ///
    /// clone3_explain() says which of the kernel's rules is broken,
    /// clone3_last_route() which way the call went.
    ///
    /// The symbol is clone3_clone3: a function named clone3 that a C library or a
    /// program may have is not this one, and stays its own.
    ///
    /// Async-signal-safe; thread-safe. Linux 5.3, by clone(2) before that.
    /// Source: clone(2); kernel/fork.c.
    pub fn clone3(args: *mut clone_args, size: usize) -> Pid;

    /// Creates a process or thread that runs start(arg) and ends with its result.
    ///
    /// The child runs on stack/stack_size. With both zero it runs on the
    /// caller's stack, for which the caller must be waiting (CLONE_VFORK) or the
    /// memory copied. It leaves by exit(2), which ends this task only: no atexit()
    /// handlers, no flushing. A child with its own memory gets a sound C library
    /// as from clone3(); one that shares memory and has no TLS of its own must
    /// not use what is thread-local, errno among it, unless the caller waits.
    ///
    /// @param args  as for clone3()
    /// @param size  as for clone3()
    /// @param start run in the child; its result is the exit status
    /// @param arg   passed to start
    /// @return the child's pid, or thread id with CLONE_THREAD; -1 and errno on
    ///         error; errno is untouched on success
    ///
    /// Errors, besides those of clone3(2):
    /// - EFAULT: start is NULL
    /// - EINVAL: CLONE_VM without CLONE_VFORK and without a stack
    /// - ENOSYS, EPERM …: as for clone3()
    ///
    /// Async-signal-safe; thread-safe. Linux 5.3, by clone(2) before that.
    /// Source: clone(2); kernel/fork.c.
    pub fn clone3_call(
        args: *mut clone_args,
        size: usize,
        start: Option<unsafe extern "C" fn(arg: *mut c_void) -> c_int>,
        arg: *mut c_void,
    ) -> Pid;

    /// The same, where the library may stand in for flags that the kernel does not know or
    /// cannot be reached with, as clone3_allow_emulation() says, in this call only. What
    /// that allows in the whole process is allowed here as well.
    ///
    /// @param args     as for clone3()
    /// @param size     as for clone3()
    /// @param start    as for clone3_call()
    /// @param arg      as for clone3_call()
    /// @param emulable which of them may be emulated; 0 for none
    /// @return as clone3_call()
    ///
    /// Errors, besides those of clone3_call():
    /// - EINVAL: a flag in emulable for which there is no emulation
    ///
    /// Async-signal-safe; thread-safe. Linux 5.3, by clone(2) before that.
    pub fn clone3_call_emulating(
        args: *mut clone_args,
        size: usize,
        start: Option<unsafe extern "C" fn(arg: *mut c_void) -> c_int>,
        arg: *mut c_void,
        emulable: u64,
    ) -> Pid;
}

unsafe extern "C" fn exported_clone3_call(
    args: *mut clone_args,
    size: usize,
    start: Option<Start>,
    argument: *mut c_void,
) -> Pid {
    or_errno(match start {
        None => Err(Errno::EFAULT),
        // SAFETY: the header's contract.
        Some(start) => unsafe {
            read(args as u64, size)
                .and_then(|request| call::create(CALL, &request, start, argument))
        },
    })
}

unsafe extern "C" fn exported_clone3_call_emulating(
    args: *mut clone_args,
    size: usize,
    start: Option<Start>,
    argument: *mut c_void,
    emulable: u64,
) -> Pid {
    let emulable = CloneFlags::from_bits(emulable);
    or_errno(match start {
        None => Err(Errno::EFAULT),
        _ if !EMULABLE.contains(emulable) => Err(Errno::EINVAL),
        // SAFETY: the header's contract.
        Some(start) => unsafe {
            read(args as u64, size).and_then(|mut request| {
                request.emulable = emulable;
                call::create(CALL, &request, start, argument)
            })
        },
    })
}

/// Variadic in C; in the C ABIs of all architectures here the optional arguments
/// lie where fixed ones would, and what was not passed is only ever ignored.
unsafe extern "C" fn exported_clone(
    start: Option<Start>,
    stack: *mut c_void,
    flags: c_int,
    argument: *mut c_void,
    parent_tid: *mut Pid,
    tls: *mut c_void,
    child_tid: *mut Pid,
) -> c_int {
    let stack = stack as u64 & !15; // the ABI's alignment
    let (Some(start), 1..) = (start, stack) else {
        return or_errno(Err(Errno::EINVAL));
    };
    #[cfg(target_arch = "x86")]
    let area = crate::host::thread_area(tls as usize);
    #[cfg(target_arch = "x86")]
    let tls = area.as_ref().map_or(tls as usize, |area| &raw const *area as usize);
    let request =
        Request::from_legacy(flags as u32, stack, parent_tid as u64, child_tid as u64, tls as u64);
    // SAFETY: clone(2)'s own contract.
    or_errno(unsafe { call::legacy(Some(Note::of(Call::Clone)), &request, start, argument) })
}
