// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kinds of records, their fields, and their description in words.
//!
//! A record's first slot is, by byte:
//!
//! | bytes | |
//! |---|---|
//! | 0–7 | the owner's word ([`crate::Owner`]) |
//! | 8–9 | the kind |
//! | 10–11 | marks: bit n set, string n is not whole |
//! | 12–15 | the writer's pid, in its pid namespace |
//! | 16–23 | when it was begun, CLOCK_MONOTONIC in ns |
//! | 24–31 | the writer's origin: position + 1 of the record by which the process came to be what it is, the [`Image`] of its last exec or the [`Create`] of its fork |
//! | 32–111 | the fields of its kind |
//! | 112–127 | how many bytes each of its four strings has, 32 bits each; they follow each other in the next slots |
//!
//! The origin of a child on its creator's memory (vfork, posix_spawn) is its `Create`, as
//! if the memory were its own; that of an `Image` is itself, and that of a [`Start`] the
//! `Create` that it belongs to. Arguments are separated by NUL bytes.

/// Bytes of the fields that each kind has for itself.
pub const BODY: usize = 80;

/// Strings a record may have.
pub const STRINGS: usize = 4;

/// What the kinds of records have in common.
pub trait Body: Sized {
    /// Its kind.
    const KIND: Kind;
    /// From the bytes of a slot, whatever they are.
    fn from_bytes(bytes: &[u8; BODY]) -> Self;
    /// Its bytes, of which those between the fields are 0.
    fn to_bytes(&self) -> [u8; BODY];
}

macro_rules! records {
    ($($(#[$doc:meta])* $kind:ident = $number:literal $name:literal, strings [$($string:literal),*] {
        $($(#[$field_doc:meta])* $field:ident: $type:ident, $unit:literal;)*
    })+) => {
        /// The kinds of records.
        #[repr(u16)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind {
            $(#[doc = concat!("[`struct@", stringify!($kind), "`]")] $kind = $number,)+
        }

        impl Kind {
            /// The kind of that number.
            pub const fn of(number: u16) -> Option<Kind> {
                match number {
                    $($number => Some(Kind::$kind),)+
                    _ => None,
                }
            }

            /// Its name in reports.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Kind::$kind => $name,)+
                }
            }

            /// What its strings are.
            pub const fn strings(self) -> &'static [&'static str] {
                match self {
                    $(Kind::$kind => &[$($string),*],)+
                }
            }
        }

        $(
            $(#[$doc])*
            #[repr(C)]
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
            pub struct $kind {
                $($(#[$field_doc])* pub $field: $type,)*
            }

            const _: () = assert!(size_of::<$kind>() <= BODY);
            const _: () = assert!(align_of::<$kind>() <= 8);

            impl Body for $kind {
                const KIND: Kind = Kind::$kind;

                #[inline]
                fn from_bytes(bytes: &[u8; BODY]) -> $kind {
                    let mut body = $kind::default();
                    $({
                        const AT: usize = core::mem::offset_of!($kind, $field);
                        if let Some(bytes) = bytes.get(AT..).and_then(|rest| rest.first_chunk()) {
                            body.$field = $type::from_ne_bytes(*bytes);
                        }
                    })*
                    body
                }

                #[inline]
                fn to_bytes(&self) -> [u8; BODY] {
                    let mut bytes = [0; BODY];
                    $({
                        const AT: usize = core::mem::offset_of!($kind, $field);
                        if let Some(place) = bytes.get_mut(AT..).and_then(|rest| rest.first_chunk_mut()) {
                            *place = self.$field.to_ne_bytes();
                        }
                    })*
                    bytes
                }
            }
        )+

        /// Every field: its kind, its name, how far from the slot's start, its type, its unit.
        pub const FIELDS: &[(Kind, &str, usize, &str, &str)] = &[$($(
            (Kind::$kind, stringify!($field), 32 + core::mem::offset_of!($kind, $field), stringify!($type), $unit),
        )*)+];
    };
}

records! {
    /// A process or thread that is made. Begun before the call and completed after it by
    /// the creator; if it stays open, its owner hangs in the call or died there.
    Create = 1 "create", strings [] {
        /// When the call returned in the creator.
        end_ns: u64, "ns";
        /// CLONE_* as asked for.
        flags: u64, "bits";
        /// Flags that the library emulated.
        emulated: u64, "bits";
        /// The return address of the program's call.
        caller: u64, "address";
        /// Resident memory of the creator when the memory was copied, 0 where not asked.
        resident: u64, "bytes";
        /// The size of its page tables, 0 where not asked.
        page_tables: u64, "bytes";
        /// The child's pid or tid in the creator's pid namespace, -1 for none.
        child: i32, "pid";
        /// The error number, 0 for none.
        errno: i32, "errno";
        /// The error number for which clone3(2) was given up, 0 for none.
        cause: i32, "errno";
        /// Which step of a spawn failed (enum clone3_spawn_stage), 0 for none.
        stage: u32, "number";
        /// [`crate::Call`].
        call: u8, "call";
        /// [`crate::Route`] that was asked for: none for any.
        asked: u8, "route";
        /// [`crate::Route`] taken.
        route: u8, "route";
        /// 1 for a thread.
        thread: u8, "flag";
        /// The signal to the parent at the end.
        exit_signal: u32, "signal";
    }

    /// A child with a memory of its own has begun to run; its origin is its `Create`.
    Start = 2 "start", strings [] {
        /// Position + 1 of its creator's origin, for readers that have lost the `Create`.
        parent_origin: u64, "position";
    }

    /// An attempt to execute. Done: it failed. Open: the new image is an [`Image`] whose
    /// `exec` names this record, or a program that cannot be traced.
    Exec = 3 "exec", strings ["path", "argv", "cwd", "environment"] {
        /// When it failed.
        end_ns: u64, "ns";
        /// The return address of the program's call.
        caller: u64, "address";
        /// For the child of a spawn: position + 1 of its `Create`.
        create: u64, "position";
        /// For the child of a spawn: when it began to run.
        ran_ns: u64, "ns";
        /// The error number, 0 while open.
        errno: i32, "errno";
        /// The directory's descriptor of execveat().
        directory: i32, "descriptor";
        /// [`crate::Call`].
        call: u8, "call";
        /// 1 where the program had been started without the library but for us: its
        /// environment did not have what preloads it, and was given it.
        restored: u8, "flag";
    }

    /// A program that begins with the library in it.
    Image = 4 "image", strings ["path", "argv", "cwd", "traceparent"] {
        /// Position + 1 of the `Exec` that it comes from, 0 for unknown. One by another process
        /// means that a program which is not traced was executed there, and started this one.
        exec: u64, "position";
        /// The device and inode of its pid namespace, 0 for unknown.
        pid_namespace: u64, "number";
        /// Its parent's pid.
        parent: u32, "pid";
        /// Bits of an address: 32 or 64.
        bits: u8, "bits";
        /// [`crate::Libc`].
        libc: u8, "libc";
    }

    /// A process ends by itself. Killed ones have none.
    Exit = 5 "exit", strings [] {
        /// What was given to exit(), its lower 8 bits; -1 where that is not known.
        status: i32, "status";
        /// [`crate::Call`].
        call: u8, "call";
        /// Children that were created and not waited for.
        unwaited: u32, "count";
        /// CPU time in user mode,
        user_ns: u64, "ns";
        /// in the kernel,
        system_ns: u64, "ns";
        /// and most resident memory.
        max_resident: u64, "bytes";
    }

    /// A child's end, or change of state, that was waited for.
    Wait = 6 "wait", strings [] {
        /// When the wait returned.
        end_ns: u64, "ns";
        /// CPU time of the child and of those it waited for, in user mode,
        user_ns: u64, "ns";
        /// in the kernel,
        system_ns: u64, "ns";
        /// and most resident memory of one of them.
        max_resident: u64, "bytes";
        /// The child, in the writer's pid namespace.
        child: i32, "pid";
        /// As wait(2) gives it.
        status: i32, "status";
        /// The return address of the program's call.
        caller: u64, "address";
        /// [`crate::Call`].
        call: u8, "call";
    }

    /// An object in the memory of the process that is the origin, and of those that are copied
    /// from it later. Recorded before the first record with a caller in it. The build id is
    /// bytes.
    Module = 7 "module", strings ["path", "build_id"] {
        /// Where it lies, less where its file says that it lies.
        base: u64, "address";
        /// Its lowest address,
        start: u64, "address";
        /// and the first behind it.
        end: u64, "address";
    }

    /// Records are missing here.
    Gap = 8 "gap", strings [] {
        /// How many.
        count: u64, "count";
        /// [`crate::DropReason`].
        reason: u32, "number";
    }

    /// A process that is still there when the trace ends.
    Alive = 9 "alive", strings [] {
        /// Its number, in the writer's pid namespace.
        child: i32, "pid";
        /// 1 if it has ended and was not waited for.
        zombie: u8, "flag";
    }
}
