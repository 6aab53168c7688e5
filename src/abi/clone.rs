// SPDX-License-Identifier: MIT OR Apache-2.0
//! `clone3`, `clone3_call`, `clone`; and the other entries that return twice, `vfork` and
//! `syscall`.

use super::{MustUsePid, declared_entry, libc_entry, or_errno, with_caller};
use crate::arch::{Caller, returns_twice};
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

returns_twice!(Frame, twice::CALL, twice::prepare, twice::finish, twice::fail, LIBC_SYSCALL;
    vfork = ["clone3_own_vfork"], clone3 = "clone3_clone3", syscall = "clone3_own_syscall");
// There is no Rust function to compare the declaration with: this is what the assembly
// takes.
const _: unsafe extern "C" fn(*mut clone_args, usize) -> Pid = clone3;
declared_entry!(clone3_call => exported_clone3_call(_, _, _, _));
declared_entry!(clone3_call_emulating => exported_clone3_call_emulating(_, _, _, _, _));
libc_entry!("clone", "__clone" => clone3_own_clone);
with_caller!(clone3_own_clone => exported_clone(_, _, _, _, _, _, _));

#[allow(dead_code)] // C's view of what the macros above define
unsafe extern "C" {
    /// Creates a process that returns from this call, as fork() does.
    ///
    /// It is the kernel's call, with any size and flags that the kernel takes, and its
    /// errno. In addition, the C library of a child with its own memory is as consistent
    /// as after _Fork(): its thread id is right, its robust list empty, and no signal
    /// handler runs before that is done. pthread_atfork() handlers do not run. CLONE_VM
    /// with CLONE_VFORK works like vfork(), whose rules for the child apply.
    ///
    /// With CLONE_SETTLS the child does not have the C library's thread descriptor, and
    /// nothing of the C library is repaired.
    ///
    /// @param args  fields not used must be zero
    /// @param size  bytes in *args, at least CLONE_ARGS_SIZE_VER0
    /// @return the child's pid in the caller, 0 in the child; -1 and errno on
    ///         error; errno is untouched on success
    ///
    /// Errors, besides those of clone3(2):
    /// - EINVAL: a stack is given, or CLONE_VM without CLONE_VFORK: the child
    ///   could not return (use clone3_call())
    /// - ENOSYS, EPERM or what else a seccomp filter returns: clone3(2) is unavailable
    ///   (ENOSYS: also before Linux 5.3), and clone(2) cannot express the request
    ///
    /// clone3_explain() tells which of the kernel's rules is broken, clone3_last_route()
    /// by which system call the child was created.
    ///
    /// The symbol is clone3_clone3, so that it does not replace a function named clone3
    /// of a C library or a program.
    ///
    /// Async-signal-safe; thread-safe. Linux 5.3, by clone(2) before that.
    /// Source: clone(2); kernel/fork.c.
    pub fn clone3(args: *mut clone_args, size: usize) -> MustUsePid;

    /// Creates a process or thread that runs start(arg) and ends with its result.
    ///
    /// The child runs on stack/stack_size. With both zero it runs on the caller's stack,
    /// for which the caller must be waiting (CLONE_VFORK) or the memory copied. It ends
    /// by exit(2), which ends this task only: atexit() handlers do not run, and stdio is
    /// not flushed. The C library of a child with its own memory is repaired as by
    /// clone3(). A child that shares memory and has no TLS of its own must not use
    /// thread-local variables, errno among them, unless the caller is suspended.
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
    ) -> MustUsePid;

    /// The same, but allows the library to emulate flags that the kernel does not know,
    /// or that cannot be passed because clone3(2) is unavailable, in this call only; see
    /// clone3_allow_emulation(). What that function allows in the whole process is
    /// allowed here as well.
    ///
    /// @param args     as for clone3()
    /// @param size     as for clone3()
    /// @param start    as for clone3_call()
    /// @param arg      as for clone3_call()
    /// @param emulable flags that may be emulated; 0 for none
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
    ) -> MustUsePid;
}

unsafe extern "C" fn exported_clone3_call(
    args: *mut clone_args,
    size: usize,
    start: Option<Start>,
    argument: *mut c_void,
    caller: Caller,
) -> Pid {
    let note = Some(Note::new(Call::Clone3Call, caller.address()));
    or_errno(match start {
        None => Err(Errno::EFAULT),
        // SAFETY: the header's contract.
        Some(start) => unsafe {
            read(args as u64, size)
                .and_then(|request| call::create(note, &request, start, argument))
        },
    })
}

unsafe extern "C" fn exported_clone3_call_emulating(
    args: *mut clone_args,
    size: usize,
    start: Option<Start>,
    argument: *mut c_void,
    emulable: u64,
    caller: Caller,
) -> Pid {
    let note = Some(Note::new(Call::Clone3Call, caller.address()));
    let emulable = CloneFlags::from_bits(emulable);
    or_errno(match start {
        None => Err(Errno::EFAULT),
        _ if !EMULABLE.contains(emulable) => Err(Errno::EINVAL),
        // SAFETY: the header's contract.
        Some(start) => unsafe {
            read(args as u64, size).and_then(|mut request| {
                request.emulable = emulable;
                call::create(note, &request, start, argument)
            })
        },
    })
}

/// Variadic in C; in the C ABIs of all architectures here optional arguments are passed
/// like fixed ones, and those that were not passed are ignored.
unsafe extern "C" fn exported_clone(
    start: Option<Start>,
    stack: *mut c_void,
    flags: c_int,
    argument: *mut c_void,
    parent_tid: *mut Pid,
    tls: *mut c_void,
    child_tid: *mut Pid,
    caller: Caller,
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
    let note = Note::new(Call::Clone, caller.address());
    // SAFETY: clone(2)'s own contract.
    or_errno(unsafe { call::legacy(Some(note), &request, start, argument) })
}
