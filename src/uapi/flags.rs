// SPDX-License-Identifier: MIT OR Apache-2.0
//! The flags of clone3(2) up to Linux 7.2: one table, from which every list of flags is
//! derived, here and in the header.
//!
//! Self-contained, because `build.rs` includes it, too. Sources: clone(2);
//! include/uapi/linux/sched.h; kernel/fork.c.

// The header uses all names and texts; the library itself uses a few.
#![allow(dead_code)]

use super::clone_flags::CloneFlags;
use crate::base::decimal;

/// A flag, as the table describes it.
#[derive(Clone, Copy)]
pub struct Flag {
    /// CLONE_*.
    pub name: &'static str,
    /// The bit. Bits of the lower half are also flags of clone(2), except the byte of its
    /// exit signal.
    pub bit: CloneFlags,
    /// What it does: the header's comment, a line break at the end of each line.
    pub doc: &'static str,
    /// The first Linux that has it, as libclone3(7) writes it.
    pub linux: &'static str,
    /// The text of explain where the kernel does not know it.
    pub unknown: &'static core::ffi::CStr,
    /// What else the caller needs, as libclone3(7) has it: privilege, fields, other flags.
    pub needs: &'static str,
    /// Flags without which the kernel refuses it, for probes.
    pub company: CloneFlags,
    /// Whether some kernels refuse it, or refuse it to some callers, so that probe has to
    /// ask. Each other flag is as old as the call, or cannot be asked about alone.
    pub probed: bool,
    /// Whether it creates a namespace.
    pub namespace: bool,
    /// Whether clone3_spawn_add_flags() accepts it: it does not interfere with how the
    /// library spawns.
    pub spawn: bool,
    /// How the library emulates it where the kernel does not know it.
    pub emulation: Emulation,
}

/// How the library emulates a flag (`engine::emulate`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Emulation {
    /// Not at all.
    None,
    /// The child does it itself, if the program allowed that.
    InChild,
    /// The same; a spawned child does it without permission.
    InChildAndSpawn,
    /// Only a spawned child does it, without permission.
    InSpawn,
    /// By orphaning the child, if the program allowed that.
    ByOrphan,
}

impl Emulation {
    const fn is_in_child(self) -> bool {
        matches!(self, Emulation::InChild | Emulation::InChildAndSpawn)
    }

    const fn is_in_spawn(self) -> bool {
        matches!(self, Emulation::InSpawn | Emulation::InChildAndSpawn)
    }
}

impl Flag {
    /// A flag that any process may set, alone, on any kernel that has it.
    const PLAIN: Flag = Flag {
        name: "",
        bit: CloneFlags::NONE,
        doc: "",
        linux: "",
        unknown: c"",
        needs: "",
        company: CloneFlags::NONE,
        probed: false,
        namespace: false,
        spawn: false,
        emulation: Emulation::None,
    };
    /// A new namespace.
    const NAMESPACE: Flag =
        Flag { needs: "admin", probed: true, namespace: true, spawn: true, ..Flag::PLAIN };

    /// The first Linux that has it, major and minor.
    pub const fn since(&self) -> (u32, u32) {
        decimal::version(self.linux.as_bytes())
    }

    /// Whether it came after clone3(2) itself.
    pub const fn is_later(&self) -> bool {
        is_at_least(self.since(), (5, 4))
    }

    /// Whether clone(2) has a bit for it.
    pub const fn is_in_clone(&self) -> bool {
        self.bit.bits() & 0xffff_ffff & !CSIGNAL.bits() != 0
    }
}

const fn is_at_least(version: (u32, u32), least: (u32, u32)) -> bool {
    version.0 > least.0 || version.0 == least.0 && version.1 >= least.1
}

/// `NAME = bit, "first Linux", { fields that differ, ..from }`. Text in square brackets
/// follows the version in explain's "needs Linux …".
macro_rules! flags {
    ($($(#[doc = $doc:literal])+
    $name:ident = $bit:literal, $linux:literal $([$more:literal])?, $fields:tt)+) => {
        $($(#[doc = $doc])+ pub const $name: CloneFlags = CloneFlags::from_bits($bit);)+

        /// The table. It is not used at run time: the lists below are derived from it.
        pub const FLAGS: &[Flag] = &[$(Flag {
            name: stringify!($name),
            bit: $name,
            doc: concat!($($doc, "\n"),+),
            linux: $linux,
            unknown: match core::ffi::CStr::from_bytes_with_nul(
                concat!("EINVAL: ", stringify!($name), " needs Linux ", $linux, $($more,)? "\0")
                    .as_bytes(),
            ) {
                Ok(text) => text,
                Err(_) => panic!("a NUL within"),
            },
            ..flags!(@row $fields)
        }),+];

        /// The flags that clone3(2) has in a version of Linux; those of 5.3 in any.
        pub fn of_version(version: (u32, u32)) -> CloneFlags {
            let mut all = FIRST;
            $(if LATER.contains($name) && is_at_least(version, const { decimal::version($linux.as_bytes()) }) {
                all |= $name;
            })+
            all
        }
    };
    (@row { $($field:ident: $value:expr,)* ..$from:expr }) => {
        Flag { $($field: $value,)* ..$from }
    };
    (@row { ..$from:expr }) => { $from };
}

flags! {
    /// New time namespace for the child. clone3() only: in clone(2) the bit
    /// belongs to the exit signal. In stable kernels earlier; unshare(2) has it
    /// from Linux 5.6 on.
    CLONE_NEWTIME = 0x0000_0080, "6.3"[", a stable kernel with its fix, or unshare(2)"],
        { ..Flag::NAMESPACE }
    /// The child shares the caller's memory.
    CLONE_VM = 0x0000_0100, "2.0", { ..Flag::PLAIN }
    /// The child shares root, working directory and umask.
    CLONE_FS = 0x0000_0200, "2.0", { ..Flag::PLAIN }
    /// The child shares the table of file descriptors.
    CLONE_FILES = 0x0000_0400, "2.0", { ..Flag::PLAIN }
    /// The child shares the table of signal handlers; needs CLONE_VM.
    CLONE_SIGHAND = 0x0000_0800, "2.0", { needs: "VM", ..Flag::PLAIN }
    /// Store a pidfd of the child (with CLONE_THREAD from Linux 6.9 on).
    CLONE_PIDFD = 0x0000_1000, "5.2",
        { needs: "field pidfd; with THREAD 6.9", probed: true, ..Flag::PLAIN }
    /// A tracer of the caller traces the child too.
    CLONE_PTRACE = 0x0000_2000, "2.2", { spawn: true, ..Flag::PLAIN }
    /// The caller waits until the child executes a program or ends.
    CLONE_VFORK = 0x0000_4000, "2.2", { ..Flag::PLAIN }
    /// The caller's parent becomes the child's parent.
    CLONE_PARENT = 0x0000_8000, "2.3.12",
        { needs: "exit_signal 0", probed: true, ..Flag::PLAIN }
    /// The child is a thread of the caller's process; needs CLONE_SIGHAND.
    CLONE_THREAD = 0x0001_0000, "2.4",
        { needs: "SIGHAND, VM; exit_signal 0", ..Flag::PLAIN }
    /// New mount namespace.
    CLONE_NEWNS = 0x0002_0000, "2.4.19", { ..Flag::NAMESPACE }
    /// Share System V semaphore undo values.
    CLONE_SYSVSEM = 0x0004_0000, "2.5.10", { spawn: true, ..Flag::PLAIN }
    /// Set the child's thread pointer to the field tls.
    CLONE_SETTLS = 0x0008_0000, "2.5.32", { needs: "field tls", ..Flag::PLAIN }
    /// Store the child's id at parent_tid in the caller's memory.
    CLONE_PARENT_SETTID = 0x0010_0000, "2.5.49", { needs: "field parent_tid", ..Flag::PLAIN }
    /// When the child ends, clear child_tid in its memory and wake a futex there.
    CLONE_CHILD_CLEARTID = 0x0020_0000, "2.5.49", { needs: "field child_tid", ..Flag::PLAIN }
    /// No tracer can force CLONE_PTRACE on the child.
    CLONE_UNTRACED = 0x0080_0000, "2.5.46", { spawn: true, ..Flag::PLAIN }
    /// Store the child's id at child_tid in the child's memory.
    CLONE_CHILD_SETTID = 0x0100_0000, "2.5.49", { needs: "field child_tid", ..Flag::PLAIN }
    /// New cgroup namespace.
    CLONE_NEWCGROUP = 0x0200_0000, "4.6", { ..Flag::NAMESPACE }
    /// New UTS namespace.
    CLONE_NEWUTS = 0x0400_0000, "2.6.19", { ..Flag::NAMESPACE }
    /// New IPC namespace.
    CLONE_NEWIPC = 0x0800_0000, "2.6.19", { ..Flag::NAMESPACE }
    /// New user namespace (in parts earlier).
    CLONE_NEWUSER = 0x1000_0000, "3.8", { needs: "if the system allows user namespaces", ..Flag::NAMESPACE }
    /// New pid namespace.
    CLONE_NEWPID = 0x2000_0000, "2.6.24", { ..Flag::NAMESPACE }
    /// New network namespace.
    CLONE_NEWNET = 0x4000_0000, "2.6.24", { ..Flag::NAMESPACE }
    /// Share the I/O context.
    CLONE_IO = 0x8000_0000, "2.6.25", { spawn: true, ..Flag::PLAIN }
    /// Reset handled signals to their default action in the child.
    CLONE_CLEAR_SIGHAND = 0x1_0000_0000, "5.5",
        { probed: true, emulation: Emulation::InChildAndSpawn, ..Flag::PLAIN }
    /// Create the child in the cgroup given by the field cgroup.
    CLONE_INTO_CGROUP = 0x2_0000_0000, "5.7",
        { needs: "field cgroup; write access", emulation: Emulation::InSpawn, ..Flag::PLAIN }
    /// The kernel reaps the child itself when it ends; no exit signal.
    CLONE_AUTOREAP = 0x4_0000_0000, "7.1", {
        needs: "exit_signal 0",
        probed: true,
        spawn: true,
        emulation: Emulation::ByOrphan,
        ..Flag::PLAIN
    }
    /// Set no_new_privs in the child.
    CLONE_NNP = 0x8_0000_0000, "7.1",
        { probed: true, spawn: true, emulation: Emulation::InChild, ..Flag::PLAIN }
    /// Kill the child when the last copy of its pidfd is closed.
    CLONE_PIDFD_AUTOKILL = 0x10_0000_0000, "7.1", {
        needs: "PIDFD, AUTOREAP; NNP, admin*",
        company: CLONE_AUTOREAP.union(CLONE_NNP),
        probed: true,
        spawn: true,
        ..Flag::PLAIN
    }
    /// The child's new mount namespace starts empty.
    CLONE_EMPTY_MNTNS = 0x20_0000_0000, "7.1", { ..Flag::NAMESPACE }
}

/// Names of the kernel's that are no flags of clone3(2).
macro_rules! others {
    ($($(#[doc = $doc:literal])+ $name:ident = $value:literal)+) => {
        $($(#[doc = $doc])+ pub const $name: CloneFlags = CloneFlags::from_bits($value);)+

        /// The same, for the header.
        pub const OTHERS: &[Flag] = &[$(Flag {
            name: stringify!($name),
            bit: $name,
            doc: concat!($($doc, "\n"),+),
            ..Flag::PLAIN
        }),+];
    };
}

others! {
    /// Mask of the exit signal in the flags of legacy clone(2). In clone3() only
    /// the bit CLONE_NEWTIME of it is a flag.
    CSIGNAL = 0x0000_00ff
    /// Means nothing to clone(2) since Linux 2.6; refused by clone3().
    CLONE_DETACHED = 0x0040_0000
}

/// The flags that satisfy a condition.
macro_rules! those {
    (|$flag:ident| $holds:expr) => {{
        let (mut all, mut i) = (CloneFlags::NONE, 0);
        while i < FLAGS.len() {
            let $flag = &FLAGS[i];
            if $holds {
                all = all.union($flag.bit);
            }
            i += 1;
        }
        all
    }};
}

/// All flags that clone3(2) takes on some kernel.
pub const ALL: CloneFlags = those!(|_flag| true);
/// Those that every clone3(2) knows: of Linux 5.3.
pub const FIRST: CloneFlags = ALL.difference(LATER);
/// Those of later versions.
pub const LATER: CloneFlags = those!(|flag| flag.is_later());
/// Those that clone(2) accepts as well.
pub const IN_CLONE: CloneFlags = those!(|flag| flag.is_in_clone());
/// Those that clone(2) has no bit for.
pub const ONLY_CLONE3: CloneFlags = ALL.difference(IN_CLONE);
/// Those that probe asks for.
pub const PROBED: CloneFlags = those!(|flag| flag.probed);
/// Those that make namespaces.
pub const NAMESPACES: CloneFlags = those!(|flag| flag.namespace);
/// Those that a spawned child may have.
pub const SPAWNABLE: CloneFlags = those!(|flag| flag.spawn);
/// Those that the child can do itself.
pub const EMULATED_IN_CHILD: CloneFlags = those!(|flag| flag.emulation.is_in_child());
/// Those that are emulated where the program allows it.
pub const EMULABLE: CloneFlags =
    EMULATED_IN_CHILD.union(those!(|flag| matches!(flag.emulation, Emulation::ByOrphan)));
/// Those that a spawned child does without permission.
pub const EMULATED_IN_SPAWN: CloneFlags = those!(|flag| flag.emulation.is_in_spawn());

/// The flag and those without which the kernel refuses it.
pub fn with_company(flag: CloneFlags) -> CloneFlags {
    const COMPANY: [CloneFlags; 64] = {
        let (mut of_bit, mut i) = ([CloneFlags::NONE; 64], 0);
        while i < FLAGS.len() {
            of_bit[FLAGS[i].bit.bits().trailing_zeros() as usize] = FLAGS[i].company;
            i += 1;
        }
        of_bit
    };
    let company = COMPANY.get(flag.bits().trailing_zeros() as usize);
    flag | *company.unwrap_or(&CloneFlags::NONE)
}
