// SPDX-License-Identifier: MIT OR Apache-2.0
//! What tests are made of: runs, and threads that the library takes for its own.

use crate::kernel::{Change, Leaving};
use crate::thread::entry::Handle;
use crate::thread::slots::{self, Slot};
use crate::thread::start;
use crate::thread::store::{Locked, Quiet};
use crate::uapi::Errno;
use crate::{arch, atomic, kernel};
use loom::model::Builder;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::without_provenance_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What a thread needs besides its stack.
pub const ROOM: usize = 4096;
/// Of its own stack.
const STACK_SIZE: usize = 1 << 20;
/// The id of every thread.
const TID: u32 = 17;
/// Atomics that begin in a thread which is not the first.
const SPARE: usize = 20;

/// Runs a test in every order of its threads' steps; with a bound, in those orders in which
/// no more than so many times a thread is interrupted where it could go on, or so many as
/// LOOM_MAX_PREEMPTIONS says.
pub fn explore(bound: impl Into<Option<usize>>, test: impl Fn() + Send + Sync + 'static) {
    let runs = Arc::new(AtomicUsize::new(0));
    let count = runs.clone();
    let mut builder = Builder::new();
    let said = builder.preemption_bound;
    builder.preemption_bound = bound.into().map(|bound| said.unwrap_or(bound));
    builder.max_branches = 30_000;
    builder.check(move || {
        count.fetch_add(1, Relaxed);
        atomic::begin(SPARE);
        kernel::begin();
        test();
    });
    println!("{} runs", runs.load(Relaxed));
}

/// A thread of the test's, which the library does not know.
pub fn spawn<T: 'static>(what: impl FnOnce() -> T + 'static) -> loom::thread::JoinHandle<T> {
    atomic::is_shared();
    loom::thread::spawn(what)
}

/// Takes a slot for a thread, as `create` does.
pub fn take() -> Result<(Slot, bool), Errno> {
    take_with(ROOM)
}

/// The same with so much room.
pub fn take_with(room: usize) -> Result<(Slot, bool), Errno> {
    let quiet = Quiet::begin();
    slots::take(&Locked::take(&quiet), room)
}

/// Takes the slot for a thread, and writes what it finds there.
pub fn occupy(slot: &Slot, detached: bool) -> Handle {
    slot.occupy(detached);
    use_stack(slot);
    slot.entry.thread_pointer.store(slot.end - 64, Relaxed);
    slot.entry.handle(slot.number).expect("occupied just now")
}

/// A bare thread in this slot that has a stack of its own and returns a value.
pub fn launch(slot: Slot, value: usize) -> loom::thread::JoinHandle<()> {
    slot.entry.mapping[0].store(stack(&slot), Relaxed);
    slot.entry.mapping[1].store(STACK_SIZE, Relaxed);
    kernel::touch(stack(&slot));
    let handle = slot.entry.handle(slot.number).expect("occupied");
    let thread = spawn(move || run(&slot, value));
    slot.entry.started(handle, TID);
    thread
}

/// The address of a stack of its own for the thread in a slot.
fn stack(slot: &Slot) -> usize {
    slot.low + 1 // which is no page's
}

/// How often the stacks of threads were unmapped.
pub fn unmapped() -> usize {
    let is_stack = |change: &Change| matches!(change, Change::Unmap(_, STACK_SIZE));
    kernel::changes().iter().filter(|change| is_stack(change)).count()
}

/// All of a bare thread, from its first instruction to the kernel's last store.
fn run(slot: &Slot, value: usize) {
    kernel::set_tid(&slot.entry.tid, TID);
    arch::set_thread_pointer(slot.end - 64);
    use_stack(slot);
    kernel::touch(stack(slot));
    let value = without_provenance_mut(value);
    let Err(why) = catch_unwind(AssertUnwindSafe(|| -> Infallible { start::exit(value) }));
    let leaving = *why.downcast::<Leaving>().unwrap_or_else(|why| resume_unwind(why));
    kernel::touch(stack(slot));
    let [address, len] = leaving.unmapped;
    if len != 0 {
        // SAFETY: none is needed.
        unsafe { kernel::pages::unmap_pages(without_provenance_mut(address), len) };
    }
    use_stack(slot);
    kernel::clear_tid(&slot.entry.tid);
}

/// Writes to a slot's memory: loom ends the test if another thread may do so meanwhile.
pub fn use_stack(slot: &Slot) {
    kernel::touch(slot.low);
}

/// The numbers of the slots that are free and were used before. Takes them.
pub fn free_slots() -> Vec<u32> {
    let mut numbers = Vec::new();
    loop {
        let (slot, used) = take().expect("room");
        if !used {
            return numbers;
        }
        use_stack(&slot);
        numbers.push(slot.number);
        assert!(numbers.len() < 10, "a slot is free twice: {numbers:?}");
    }
}
