// SPDX-License-Identifier: MIT OR Apache-2.0
//! The `exec` family, exported where it is traced (`host::interposers`); the prototypes
//! are those of `<unistd.h>`.

use super::{libc_entry, with_caller};
use crate::arch::{ARGUMENT_REGISTERS, Caller, gathering_entry};
use crate::host::{environment, errno};
use crate::observe::{Array, Note};
use crate::process::execute::{Program, execute};
use crate::uapi::exec::Strings;
use clone3_trace::Call;
use core::ffi::{c_char, c_int};
use core::mem::size_of;

libc_entry!("execve" => clone3_own_execve);
libc_entry!("execv" => clone3_own_execv);
libc_entry!("execvp" => clone3_own_execvp);
libc_entry!("execvpe" => clone3_own_execvpe);
libc_entry!("fexecve" => clone3_own_fexecve);
libc_entry!("execveat" => clone3_own_execveat);
libc_entry!("execl" => clone3_own_execl);
libc_entry!("execlp" => clone3_own_execlp);
libc_entry!("execle" => clone3_own_execle);

with_caller!(clone3_own_execve => exported_execve(_, _, _));
with_caller!(clone3_own_execv => exported_execv(_, _));
with_caller!(clone3_own_execvp => exported_execvp(_, _));
with_caller!(clone3_own_execvpe => exported_execvpe(_, _, _));
with_caller!(clone3_own_fexecve => exported_fexecve(_, _, _));
with_caller!(clone3_own_execveat => exported_execveat(_, _, _, _, _));

gathering_entry!("clone3_own_execl" => gathered_execl);
gathering_entry!("clone3_own_execlp" => gathered_execlp);
gathering_entry!("clone3_own_execle" => gathered_execle);

unsafe extern "C" {
    fn clone3_own_execl(path: *const c_char, first: *const c_char, ...) -> c_int;
    fn clone3_own_execlp(file: *const c_char, first: *const c_char, ...) -> c_int;
    fn clone3_own_execle(path: *const c_char, first: *const c_char, ...) -> c_int;
}

unsafe extern "C" fn exported_execve(
    path: *const c_char,
    argv: Strings,
    envp: Strings,
    caller: Caller,
) -> c_int {
    // SAFETY: execve(2)'s own contract.
    unsafe { execute(Note::new(Call::Execve, caller.address()), Program::Path(path), argv, envp) }
}

unsafe extern "C" fn exported_execv(path: *const c_char, argv: Strings, caller: Caller) -> c_int {
    // SAFETY: exec(3)'s own contract.
    unsafe {
        execute(
            Note::new(Call::Execv, caller.address()),
            Program::Path(path),
            argv,
            environment::all(),
        )
    }
}

unsafe extern "C" fn exported_execvp(file: *const c_char, argv: Strings, caller: Caller) -> c_int {
    // SAFETY: exec(3)'s own contract.
    unsafe {
        execute(
            Note::new(Call::Execvp, caller.address()),
            Program::Search(file),
            argv,
            environment::all(),
        )
    }
}

unsafe extern "C" fn exported_execvpe(
    file: *const c_char,
    argv: Strings,
    envp: Strings,
    caller: Caller,
) -> c_int {
    // SAFETY: exec(3)'s own contract.
    unsafe {
        execute(Note::new(Call::Execvpe, caller.address()), Program::Search(file), argv, envp)
    }
}

unsafe extern "C" fn exported_fexecve(
    fd: c_int,
    argv: Strings,
    envp: Strings,
    caller: Caller,
) -> c_int {
    // SAFETY: fexecve(3)'s own contract.
    unsafe {
        execute(Note::new(Call::Fexecve, caller.address()), Program::Descriptor(fd), argv, envp)
    }
}

unsafe extern "C" fn exported_execveat(
    directory: c_int,
    path: *const c_char,
    argv: Strings,
    envp: Strings,
    flags: c_int,
    caller: Caller,
) -> c_int {
    let program = Program::At { directory, path, flags };
    // SAFETY: execveat(2)'s own contract.
    unsafe { execute(Note::new(Call::Execveat, caller.address()), program, argv, envp) }
}

/// The arguments of a variadic call, ended by a null pointer.
struct Gathered {
    registers: *const usize,
    stack: *const usize,
}

impl Gathered {
    /// # Safety
    /// There must be so many.
    unsafe fn get(&self, index: usize) -> usize {
        // SAFETY: by the contract.
        unsafe {
            match index.checked_sub(ARGUMENT_REGISTERS) {
                None => self.registers.add(index).read(),
                Some(index) => self.stack.add(index).read(),
            }
        }
    }

    /// What is executed.
    ///
    /// # Safety
    /// They must be those of a call.
    unsafe fn program(&self) -> *const c_char {
        // SAFETY: each of the functions has it.
        unsafe { self.get(0) as *const c_char }
    }

    /// How many strings follow.
    ///
    /// # Safety
    /// As [`Gathered::program`].
    unsafe fn count(&self) -> usize {
        let mut count = 0;
        // SAFETY: a null pointer ends them.
        while unsafe { self.get(1 + count) } != 0 {
            count += 1;
        }
        count
    }

    /// Passes them on as an array.
    ///
    /// # Safety
    /// There must be a null pointer at their end.
    unsafe fn with_array(&self, execute: impl FnOnce(Strings) -> c_int) -> c_int {
        const ROOM: usize = 64;
        // SAFETY: by the contract.
        let words = unsafe { self.count() } + 1;
        let bytes = words * size_of::<usize>();
        let mut room = [0usize; ROOM];
        let mapped = if words <= ROOM { Ok(None) } else { Array::map(bytes).map(Some) };
        let mapped = match mapped {
            Ok(mapped) => mapped,
            Err(errno) => {
                errno::set(errno);
                return -1;
            }
        };
        let array = mapped.as_ref().map_or(room.as_mut_ptr(), |mapped| mapped.start().cast());
        for index in 0..words {
            // SAFETY: there is room for so many.
            unsafe { array.add(index).write(self.get(1 + index)) };
        }
        let result = execute(array.cast());
        if let Some(mapped) = mapped {
            // SAFETY: the exec has failed, and nothing else has seen it.
            unsafe { mapped.release() };
        }
        result
    }
}

unsafe extern "C" fn gathered_execl(
    registers: *const usize,
    stack: *const usize,
    caller: usize,
) -> c_int {
    let arguments = Gathered { registers, stack };
    // SAFETY: exec(3)'s own contract.
    unsafe {
        let program = Program::Path(arguments.program());
        let envp = environment::all();
        arguments.with_array(|argv| execute(Note::new(Call::Execl, caller), program, argv, envp))
    }
}

unsafe extern "C" fn gathered_execlp(
    registers: *const usize,
    stack: *const usize,
    caller: usize,
) -> c_int {
    let arguments = Gathered { registers, stack };
    // SAFETY: exec(3)'s own contract.
    unsafe {
        let program = Program::Search(arguments.program());
        let envp = environment::all();
        arguments.with_array(|argv| execute(Note::new(Call::Execlp, caller), program, argv, envp))
    }
}

/// The environment follows the null pointer.
unsafe extern "C" fn gathered_execle(
    registers: *const usize,
    stack: *const usize,
    caller: usize,
) -> c_int {
    let arguments = Gathered { registers, stack };
    // SAFETY: exec(3)'s own contract.
    unsafe {
        let program = Program::Path(arguments.program());
        let envp = arguments.get(arguments.count() + 2) as Strings;
        arguments.with_array(|argv| execute(Note::new(Call::Execle, caller), program, argv, envp))
    }
}
