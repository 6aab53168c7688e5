// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can be limited, and the sets of capabilities that can be chosen.

use clone3_sys::{self as sys, libc};
use std::ffi::c_int;

/// A resource that can be limited (`getrlimit(2)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Resource(c_int);

macro_rules! resources {
    ($($name:ident = $number:ident, $doc:literal;)*) => {
        // The type of these numbers is the C library's.
        impl Resource {
            $(#[doc = $doc] pub const $name: Resource = Resource(libc::$number as c_int);)*
        }
    };
}

resources! {
    AS = RLIMIT_AS, "Bytes of address space.";
    CORE = RLIMIT_CORE, "Bytes of a core dump.";
    CPU = RLIMIT_CPU, "Seconds of processor time.";
    DATA = RLIMIT_DATA, "Bytes of data.";
    FSIZE = RLIMIT_FSIZE, "Bytes of a file.";
    LOCKS = RLIMIT_LOCKS, "File locks; without effect since Linux 2.4.25.";
    MEMLOCK = RLIMIT_MEMLOCK, "Bytes of locked memory.";
    MSGQUEUE = RLIMIT_MSGQUEUE, "Bytes in POSIX message queues.";
    NICE = RLIMIT_NICE, "20 minus the lowest nice value.";
    NOFILE = RLIMIT_NOFILE, "Descriptors: one more than the highest.";
    NPROC = RLIMIT_NPROC, "Processes of the user.";
    RSS = RLIMIT_RSS, "Bytes of resident memory; without effect since Linux 2.4.30.";
    RTPRIO = RLIMIT_RTPRIO, "The highest real-time priority.";
    RTTIME = RLIMIT_RTTIME, "Microseconds of real-time work without a blocking call.";
    SIGPENDING = RLIMIT_SIGPENDING, "Queued signals of the user.";
    STACK = RLIMIT_STACK, "Bytes of the first thread's stack.";
}

impl Resource {
    /// A resource by its number, `RLIMIT_*`.
    pub const fn from_raw(number: i32) -> Resource {
        Resource(number)
    }

    /// A limit of it; `None` is no limit.
    pub(crate) fn limit(self, soft: Option<u64>, hard: Option<u64>) -> sys::clone3_spawn_rlimit {
        sys::clone3_spawn_rlimit {
            resource: self.0,
            reserved: 0,
            soft: soft.unwrap_or(u64::MAX),
            hard: hard.unwrap_or(u64::MAX),
        }
    }
}

/// A set of capabilities of the child's (`capabilities(7)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Capabilities {
    /// The bounding set: all others are dropped from it.
    Bounding = sys::CLONE3_SPAWN_BOUNDING,
    /// The inheritable set.
    Inheritable = sys::CLONE3_SPAWN_INHERITABLE,
    /// The ambient set, and with it the inheritable one, unless that is chosen as well. Linux 4.3.
    Ambient = sys::CLONE3_SPAWN_AMBIENT,
}
