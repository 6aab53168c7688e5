// SPDX-License-Identifier: MIT OR Apache-2.0
//! The library's lock and error numbers, on system calls of [`crate::kernel`].

#[path = "../../src/uapi/errno.rs"]
pub mod errno;
#[path = "../../src/uapi/mutex.rs"]
pub mod mutex;

pub use crate::kernel::pages;
pub use errno::Errno;

pub mod futex {
    use super::Errno;
    use crate::atomic::AtomicU32;
    use crate::atomic::Ordering::Acquire;
    use crate::kernel;
    use std::ffi::c_int;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Futex {
        Shared,
        Private,
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Deadline;

    /// Time does not pass here: a deadline is never reached.
    pub fn wait_while(
        word: &AtomicU32,
        value: u32,
        _: Futex,
        _: Option<Deadline>,
    ) -> Result<(), Errno> {
        if kernel::wait(word, value) { Ok(()) } else { Err(Errno::EAGAIN) }
    }

    pub fn wake(word: *const AtomicU32, count: c_int, _: Futex) {
        kernel::wake(word, count as usize);
    }

    pub fn wait_for_change(word: &AtomicU32, value: u32, futex: Futex) {
        while word.load(Acquire) == value {
            let _ = wait_while(word, value, futex, None);
        }
    }
}

pub mod sys {
    use crate::kernel;
    use std::ffi::c_int;

    pub type Pid = c_int;
    pub type KernelSigset = u64;

    pub fn block_all_signals() -> KernelSigset {
        0
    }

    pub fn restore_signals(_: KernelSigset) {}

    pub fn gettid() -> Pid {
        kernel::PID
    }

    /// # Safety
    /// None is needed: nothing becomes of it.
    pub unsafe fn set_tid_address(_: *mut c_int) {}

    pub fn exit_task(_: c_int) -> ! {
        kernel::exit(kernel::Leaving::default())
    }
}

pub mod task {
    use super::Errno;
    use crate::kernel;
    use std::ffi::{c_char, c_int};

    pub fn getpid() -> c_int {
        kernel::PID
    }

    pub fn set_name(_: *const c_char) -> Result<(), Errno> {
        Ok(())
    }
}

pub mod sched {
    use super::Errno;
    use std::ffi::{c_int, c_void};

    pub fn set_affinity(_: *const c_void, _: usize) -> Result<(), Errno> {
        Ok(())
    }

    pub fn set_scheduler(_: c_int, _: c_int) -> Result<(), Errno> {
        Ok(())
    }
}
