// SPDX-License-Identifier: MIT OR Apache-2.0
//! All assembly, and nothing else.
//!
//! One file per architecture, each with the same items:
//!
//! | item | what it is |
//! |---|---|
//! | `syscall` | one raw system call |
//! | `legacy_clone_order` | the order of clone(2)'s five arguments |
//! | `shadow_stack_active` | whether a return address has a protected copy |
//! | `thread_pointer` | the thread pointer register, the base of TLS |
//! | `exit_without_stack` | releases the caller's own stack and ends the task |
//! | `trap` | kills the process |
//! | `entry!` | a global function: a landing pad and a jump to Rust |
//! | `caller_entry!` | the same, with the return address as one more argument |
//! | `Caller` | that argument |
//! | `passing_entry!` | the first, or a jump through a slot |
//! | `gathering_entry!` | a variadic function |
//! | `passing_start!` | the initial value of such slots |
//! | `returns_twice!` | the entries whose child returns on the same stack |
//! | `trampoline!` | the call whose child runs a function instead |
//!
//! For each there are also `memory_….rs`, with the four memory functions that compilers
//! call implicitly, `caller_….rs`, `passing_….rs`, and `twice_….rs` with `returns_twice!`.
//!
//! The macros emit named code. Their callers choose the names, so that the list of
//! exported symbols is in `src/abi/`.

mod prototype;
pub use prototype::{is_declared, takes_caller};

#[cfg(target_arch = "x86_64")]
mod caller_x86_64;
#[cfg(all(target_arch = "x86_64", not(test)))]
mod memory_x86_64;
#[cfg(target_arch = "x86_64")]
mod passing_x86_64;
#[cfg(target_arch = "x86_64")]
mod x86_64;
#[cfg(target_arch = "x86_64")]
pub use caller_x86_64::Caller;
#[cfg(target_arch = "x86_64")]
pub(crate) use caller_x86_64::caller_entry;
#[cfg(target_arch = "x86_64")]
pub(crate) use passing_x86_64::{
    ARGUMENT_REGISTERS, gathering_entry, passing_entry, passing_start,
};
#[cfg(target_arch = "x86_64")]
mod twice_x86_64;
#[cfg(target_arch = "x86_64")]
pub(crate) use twice_x86_64::returns_twice;
#[cfg(target_arch = "x86_64")]
pub use x86_64::*;

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "aarch64")]
mod caller_aarch64;
#[cfg(all(target_arch = "aarch64", not(test)))]
mod memory_aarch64;
#[cfg(target_arch = "aarch64")]
mod passing_aarch64;
#[cfg(target_arch = "aarch64")]
mod twice_aarch64;
#[cfg(target_arch = "aarch64")]
pub use aarch64::*;
#[cfg(target_arch = "aarch64")]
pub use caller_aarch64::Caller;
#[cfg(target_arch = "aarch64")]
pub(crate) use caller_aarch64::caller_entry;
#[cfg(target_arch = "aarch64")]
pub(crate) use passing_aarch64::{
    ARGUMENT_REGISTERS, gathering_entry, passing_entry, passing_start,
};
#[cfg(target_arch = "aarch64")]
pub(crate) use twice_aarch64::returns_twice;

#[cfg(target_arch = "riscv64")]
mod caller_riscv64;
#[cfg(all(target_arch = "riscv64", not(test)))]
mod memory_riscv64;
#[cfg(target_arch = "riscv64")]
mod passing_riscv64;
#[cfg(target_arch = "riscv64")]
mod riscv64;
#[cfg(target_arch = "riscv64")]
pub use caller_riscv64::Caller;
#[cfg(target_arch = "riscv64")]
pub(crate) use caller_riscv64::caller_entry;
#[cfg(target_arch = "riscv64")]
pub(crate) use passing_riscv64::{
    ARGUMENT_REGISTERS, gathering_entry, passing_entry, passing_start,
};
#[cfg(target_arch = "riscv64")]
mod twice_riscv64;
#[cfg(target_arch = "riscv64")]
pub use riscv64::*;
#[cfg(target_arch = "riscv64")]
pub(crate) use twice_riscv64::returns_twice;

#[cfg(all(target_arch = "x86", not(test)))]
mod memory_x86;
#[cfg(target_arch = "x86")]
mod twice_x86;
#[cfg(target_arch = "x86")]
mod x86;
#[cfg(target_arch = "x86")]
pub(crate) use twice_x86::returns_twice;
#[cfg(target_arch = "x86")]
mod caller_x86;
#[cfg(target_arch = "x86")]
mod passing_x86;
#[cfg(target_arch = "x86")]
pub use caller_x86::Caller;
#[cfg(target_arch = "x86")]
pub(crate) use caller_x86::caller_entry;
#[cfg(target_arch = "x86")]
pub(crate) use passing_x86::{ARGUMENT_REGISTERS, gathering_entry, passing_entry, passing_start};
#[cfg(target_arch = "x86")]
pub use x86::*;

#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "riscv64",
    target_arch = "x86"
)))]
compile_error!(
    "libclone3 knows x86_64, aarch64, riscv64 and i686; see \"how to add an architecture\" in docs/DESIGN.md"
);

/// How to release memory whose addresses stay reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emptying {
    /// By mmap(2) of memory without access (PROT_NONE).
    Access = 0,
    /// By madvise(2): the pages are freed, the mapping stays.
    Pages = libc::MADV_DONTNEED as isize,
}

/// The flags of an inaccessible mapping that replaces another. 0x4032, which fits a
/// single move on aarch64.
pub const EMPTY_MAPPING: libc::c_int =
    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | libc::MAP_NORESERVE;

/// A system call of up to five arguments, laid out for the assembly.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Syscall {
    /// System call number.
    pub nr: usize,
    /// Its arguments, in the order of the system call.
    pub args: [usize; 5],
}

/// The part of a returns-twice frame that the assembly reads and writes. It
/// lies on the caller's stack, below the return address.
#[repr(C)]
pub struct TwiceFrame {
    /// The entry's own arguments as its caller passed them.
    pub saved: [usize; 7],
    /// What to return, filled in before `Verdict::Done` is given.
    pub result: isize,
}

/// Which of the three returns-twice entries was called.
#[repr(usize)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code)] // made by the assembly, which only knows the numbers
pub enum TwiceEntry {
    /// `vfork()`
    Vfork = 0,
    /// `clone3(args, size)`
    Clone3 = 1,
    /// `syscall(number, …)` with a number that makes processes
    Syscall = 2,
}

/// What the assembly of a returns-twice entry does next.
#[repr(usize)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Return `result`.
    Done = 0,
    /// Make the call in the frame with the return address in a register, because the
    /// child shares this stack, and return through the `finish` function.
    Twice = 1,
    /// Pass `saved` to the kernel unchanged, as `syscall()` was called.
    Untouched = 2,
}

/// What the `finish` function tells the assembly in the parent.
#[repr(C)]
pub struct Finish {
    /// What to return.
    pub result: isize,
    /// Non-zero: there is no child yet, make the call again.
    pub again: usize,
}

/// Emits a hidden variable with the address of a weak symbol, null if no object in the
/// process defines it. Rust has no stable weak linkage.
///
/// `weak_symbol!(variable, "c_name")`
macro_rules! weak_symbol {
    ($variable:literal, $name:literal) => {
        core::arch::global_asm!(
            concat!(".weak ", $name),
            ".pushsection .data.rel.ro,\"aw\",%progbits",
            ".balign {size}",
            concat!(".hidden ", $variable),
            concat!(".globl ", $variable),
            concat!(".type ", $variable, ",%object"),
            concat!(".size ", $variable, ",{size}"),
            concat!($variable, ":"),
            concat!(".{size}byte ", $name),
            ".popsection",
            size = const size_of::<usize>(),
        );
    };
}
pub(crate) use weak_symbol;

/// Exports a function, defined by [`entry!`] in the same file, under its public name with
/// a further version. The version must be a node of the version script; the extra label
/// is removed.
///
/// `further_version!("label", "c_name", "VERSION")`
macro_rules! further_version {
    ($label:literal, $name:literal, $version:literal) => {
        core::arch::global_asm!(concat!(
            ".symver ", $label, ", ", $name, "@", $version, ", remove"
        ));
    };
}
pub(crate) use further_version;
