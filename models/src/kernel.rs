// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel, as far as the library's files call it: futexes, memory of which only what is
//! done to it is kept, and the end of a thread.
//!
//! It gives no ordering that the library may not count on: only a thread that is woken has
//! seen what its waker had.

use crate::atomic::AtomicU32;
use crate::atomic::Ordering::{Relaxed, Release};
use crate::uapi::Errno;
use loom::cell::UnsafeCell;
use std::alloc::{Layout, alloc_zeroed};
use std::cell::RefCell;
use std::ffi::c_int;
use std::rc::Rc;

/// The process's id, and that of all threads: nobody looks closer.
pub const PID: c_int = 4711;

/// A call that changes memory: address and size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Reserve(usize, usize),
    Open(usize, usize),
    Guard(usize, usize),
    Advise(usize, usize),
    Empty(usize, usize),
    Unmap(usize, usize),
}

/// What the kernel can do.
#[derive(Clone, Copy, Debug)]
pub struct Abilities {
    /// MADV_WIPEONFORK.
    pub wipes: bool,
    /// MADV_GUARD_INSTALL.
    pub guards: bool,
    /// How many mappings there may be.
    pub mappings: usize,
    /// The largest mapping.
    pub largest: usize,
    /// Whether reserved memory can be opened.
    pub opens: bool,
}

/// All of it.
pub const ABLE: Abilities =
    Abilities { wipes: true, guards: true, mappings: usize::MAX, largest: usize::MAX, opens: true };

struct Kernel {
    able: Abilities,
    changes: Vec<Change>,
    reserved: usize,
    sleepers: Vec<(usize, loom::thread::Thread)>,
    /// What loom looks at in place of memory, by its address.
    memory: Vec<(usize, Rc<UnsafeCell<()>>)>,
}

impl Kernel {
    const fn new() -> Kernel {
        Kernel {
            able: ABLE,
            changes: Vec::new(),
            reserved: 0,
            sleepers: Vec::new(),
            memory: Vec::new(),
        }
    }
}

thread_local! {
    // Of the thread that loom runs all of a test's threads in.
    static KERNEL: RefCell<Kernel> = const { RefCell::new(Kernel::new()) };
    // Of all runs: in each the addresses are the same.
    static MAPPED: RefCell<Vec<(usize, usize)>> = const { RefCell::new(Vec::new()) };
}

/// Before anything else in a run.
pub fn begin() {
    KERNEL.set(Kernel::new());
}

/// From here on it can do that.
pub fn can(able: Abilities) {
    KERNEL.with_borrow_mut(|kernel| kernel.able = able);
}

/// What was done to memory since the last call of this.
pub fn changes() -> Vec<Change> {
    KERNEL.with_borrow_mut(|kernel| std::mem::take(&mut kernel.changes))
}

fn able() -> Abilities {
    KERNEL.with_borrow(|kernel| kernel.able)
}

/// A thread uses the memory at an address: loom ends the test if another may do so, or unmap
/// it, meanwhile.
pub fn touch(address: usize) {
    KERNEL.with_borrow_mut(|kernel| {
        if !kernel.memory.iter().any(|(at, _)| *at == address) {
            kernel.memory.push((address, Rc::default()));
        }
    });
    lose(address);
}

/// The memory's content is lost.
fn lose(address: usize) {
    let cell = KERNEL.with_borrow(|kernel| {
        let found = kernel.memory.iter().find(|(at, _)| *at == address);
        found.map(|(_, cell)| cell.clone())
    });
    if let Some(cell) = cell {
        cell.with_mut(|_| ());
    }
}

fn note(change: Change) {
    if let Change::Advise(address, _) | Change::Empty(address, _) | Change::Unmap(address, _) =
        change
    {
        lose(address);
    }
    KERNEL.with_borrow_mut(|kernel| kernel.changes.push(change));
}

/// What the kernel reads of a word, under a lock of its own.
fn last_value(word: &AtomicU32) -> u32 {
    const NO_VALUE: u32 = 0x7fff_fff0;
    match word.compare_exchange(NO_VALUE, NO_VALUE, Relaxed, Relaxed) {
        Ok(value) | Err(value) => value,
    }
}

/// FUTEX_WAIT. Whether it slept.
pub fn wait(word: &AtomicU32, value: u32) -> bool {
    if last_value(word) != value {
        return false;
    }
    // Nothing comes between: other threads run at operations of loom's only.
    let sleeper = ((&raw const *word).addr(), loom::thread::current());
    KERNEL.with_borrow_mut(|kernel| kernel.sleepers.push(sleeper));
    loom::thread::park();
    true
}

/// FUTEX_WAKE.
pub fn wake(word: *const AtomicU32, count: usize) {
    // Has loom try sleepers that come before this and after it.
    // SAFETY: no word is unmapped during a run.
    last_value(unsafe { &*word });
    for _ in 0..count {
        let sleeper = KERNEL.with_borrow_mut(|kernel| {
            let found = kernel.sleepers.iter().position(|(at, _)| *at == word.addr());
            found.map(|index| kernel.sleepers.remove(index).1)
        });
        match sleeper {
            Some(thread) => thread.unpark(),
            None => return,
        }
    }
}

/// How a thread left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leaving {
    pub unmapped: [usize; 2],
    pub emptied: [usize; 2],
    pub how: Option<crate::arch::Emptying>,
}

/// The calling thread is no more, but for what the kernel does ([`gone`]).
pub fn exit(leaving: Leaving) -> ! {
    std::panic::resume_unwind(Box::new(leaving))
}

/// A thread that was made with CLONE_CHILD_SETTID begins. The kernel's stores are exchanges
/// here: loom does not see that a store which comes after a compare-exchange stays after it.
pub fn set_tid(tid: &AtomicU32, id: u32) {
    tid.swap(id, Relaxed);
}

/// The end of a thread that was made with CLONE_CHILD_CLEARTID.
pub fn clear_tid(tid: &AtomicU32) {
    tid.swap(0, Release);
    wake(tid, 1);
}

pub mod pages {
    use super::*;
    use std::ffi::c_void;

    pub fn reserve(len: usize) -> Result<usize, Errno> {
        let able = able();
        let number = KERNEL.with_borrow(|kernel| kernel.reserved);
        if len > able.largest || number >= able.mappings {
            return Err(Errno::ENOMEM);
        }
        KERNEL.with_borrow_mut(|kernel| kernel.reserved += 1);
        let address = MAPPED.with_borrow_mut(|mapped| {
            match mapped.get(number) {
                Some(&(address, size)) if size == len => return address,
                _ => mapped.truncate(number),
            }
            let layout = Layout::from_size_align(len, 1 << 16).expect("some pages");
            // SAFETY: not of size 0. Nothing is ever written there.
            let address = unsafe { alloc_zeroed(layout) }.expose_provenance();
            mapped.push((address, len));
            address
        });
        note(Change::Reserve(address, len));
        Ok(address)
    }

    pub fn map_populated_pages(len: usize) -> Result<*mut c_void, Errno> {
        reserve(len).map(std::ptr::with_exposed_provenance_mut)
    }

    /// # Safety
    /// None is needed for this and what follows: only what was asked for is kept.
    pub unsafe fn open_memory(address: usize, len: usize) -> Result<(), Errno> {
        if !able().opens {
            return Err(Errno::ENOMEM);
        }
        note(Change::Open(address, len));
        Ok(())
    }

    /// # Safety
    /// None is needed.
    pub unsafe fn install_guard(address: usize, len: usize) -> Result<(), Errno> {
        if !able().guards {
            return Err(Errno::EINVAL);
        }
        note(Change::Guard(address, len));
        Ok(())
    }

    /// # Safety
    /// None is needed.
    pub unsafe fn advise(address: usize, len: usize, advice: c_int) -> Result<(), Errno> {
        match advice {
            libc::MADV_WIPEONFORK if able().wipes => Ok(()),
            libc::MADV_DONTNEED => {
                note(Change::Advise(address, len));
                Ok(())
            }
            _ => Err(Errno::EINVAL),
        }
    }

    /// # Safety
    /// None is needed.
    pub unsafe fn empty(address: usize, len: usize) {
        note(Change::Empty(address, len));
    }

    /// # Safety
    /// None is needed.
    pub unsafe fn unmap_pages(address: *mut c_void, len: usize) {
        note(Change::Unmap(address.addr(), len));
    }
}
