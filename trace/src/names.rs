// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers in records that have names. A number is never given another meaning.

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $number:literal $text:literal,)+ }) => {
        $(#[$doc])*
        #[repr(u8)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $(#[doc = concat!("`", $text, "`.")] $(#[$variant_doc])* $variant = $number,)+
        }

        impl $name {
            /// All there are.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The one of that number.
            pub const fn of(number: u8) -> Option<$name> {
                match number {
                    $($number => Some($name::$variant),)+
                    _ => None,
                }
            }

            /// Its name in reports.
            pub const fn name(self) -> &'static str {
                match self {
                    $($name::$variant => $text,)+
                }
            }
        }
    };
}

named! {
    /// The function that the program called.
    Call {
        Fork = 1 "fork",
        UnderscoreFork = 2 "_Fork",
        Vfork = 3 "vfork",
        Clone = 4 "clone",
        Clone3 = 5 "clone3",
        Clone3Call = 6 "clone3_call",
        /// A number given to syscall().
        Syscall = 7 "syscall",
        PosixSpawn = 8 "posix_spawn",
        PosixSpawnp = 9 "posix_spawnp",
        PidfdSpawn = 10 "pidfd_spawn",
        PidfdSpawnp = 11 "pidfd_spawnp",
        Clone3Spawn = 12 "clone3_spawn",
        System = 13 "system",
        Popen = 14 "popen",
        Forkpty = 15 "forkpty",
        Daemon = 16 "daemon",
        Wordexp = 17 "wordexp",
        PthreadCreate = 18 "pthread_create",
        ThrdCreate = 19 "thrd_create",
        ThreadCreate = 20 "clone3_thread_create",
        Clone3PthreadCreate = 21 "clone3_pthread_create",
        Execve = 32 "execve",
        Execv = 33 "execv",
        Execvp = 34 "execvp",
        Execvpe = 35 "execvpe",
        Execl = 36 "execl",
        Execlp = 37 "execlp",
        Execle = 38 "execle",
        Fexecve = 39 "fexecve",
        Execveat = 40 "execveat",
        /// By the child of a posix_spawn() or another function that executes.
        Spawned = 41 "spawned",
        Wait = 48 "wait",
        Waitpid = 49 "waitpid",
        Wait3 = 50 "wait3",
        Wait4 = 51 "wait4",
        Waitid = 52 "waitid",
        Pclose = 53 "pclose",
        Clone3Wait = 54 "clone3_wait",
        Exit = 64 "exit",
        UnderscoreExit = 65 "_exit",
        QuickExit = 66 "quick_exit",
        /// Seen from outside, by `clone3 run`.
        Outside = 80 "outside",
    }
}

named! {
    /// Which way a creation went.
    Route {
        /// It was refused before the kernel was asked, or none is known.
        None = 0 "none",
        Native = 1 "native",
        Smaller = 2 "smaller",
        Legacy = 3 "legacy",
        Host = 4 "host",
    }
}

named! {
    /// The C library of an image.
    Libc {
        Unknown = 0 "unknown",
        Glibc = 1 "glibc",
        Musl = 2 "musl",
    }
}
