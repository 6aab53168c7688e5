// SPDX-License-Identifier: MIT OR Apache-2.0
//! Making a bare thread.

use super::attributes::Attributes;
use super::entry::Handle;
use super::slots::{self, Slot};
use super::start::{self, Start, Task, Trial};
use super::store::{Locked, Quiet};
use crate::arch::{Syscall, trampoline};
use crate::engine::{Attempt, Request, Stack};
use crate::host::draft;
use crate::host::tls::{self, Place, TlsLayout};
use crate::host::{self, align_up, page_size};
use crate::observe::{Creation, Note};
use crate::uapi::flags::*;
use crate::uapi::sys::Pid;
use crate::uapi::{CloneFlags, Errno, pages};
use core::ffi::{c_int, c_void};
use core::ptr::{null, null_mut};
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::{Relaxed, Release};

trampoline!("clone3_start_thread", no_set_up);

unsafe extern "C" {
    fn clone3_start_thread(
        call: *const Syscall,
        start: unsafe extern "C" fn(*mut c_void) -> c_int,
        argument: *mut c_void,
        setup: *const c_void,
    ) -> isize;
}

unsafe extern "C" fn no_set_up(_: *const c_void) {}

/// How TLS is laid out, read and replaced under the lock.
static LAYOUT: AtomicPtr<TlsLayout> = AtomicPtr::new(null_mut());

/// A place in memory for a thread that is to be made.
struct Site {
    slot: Slot,
    place: Place,
    tid: *mut Pid,
    /// What the thread is called.
    handle: Handle,
    /// The calling thread's id, by which its report goes, as those of all calls do.
    creator: Pid,
    /// The stack: lowest byte, and behind the last one.
    low: usize,
    top: usize,
}

/// Creates a thread that runs `start(argument)`, its handle written before.
///
/// EAGAIN: no memory, no addresses or no thread ids left. ENOTSUP: the libc does
/// not look as expected. Otherwise what [`Attributes::check`] or the kernel says.
///
/// Safe with threads. Async-signal-safe in a bare thread; elsewhere the loader is
/// asked what is loaded.
///
/// # Safety
/// The attributes' pointers must be right and `handle` writable; `start` must be
/// sound to run in such a thread.
pub unsafe fn create(
    note: Note,
    attributes: &Attributes,
    start: Start,
    argument: *mut c_void,
    handle: *mut Handle,
) -> Result<(), Errno> {
    attributes.check()?;
    let quiet = Quiet::begin();
    let site = find_site(attributes, &quiet).map_err(as_pthreads)?;
    // SAFETY: the caller's. The thread finds it there.
    unsafe { handle.write(site.handle) };
    let trial = Trial::new(attributes);
    let trial = attributes.is_tried_in_thread().then_some(&trial);
    let task = Task {
        start,
        argument,
        slot: site.slot,
        tid: site.tid,
        mask: attributes.mask,
        trial: trial.map_or(null(), |trial| &raw const *trial),
    };
    // SAFETY: a site that no other thread has; the rest by the contract.
    unsafe { site.launch(note, task, attributes) }.map_err(as_pthreads)?;
    if let Some(trial) = trial {
        trial.wait().inspect_err(|_| {
            site.slot.entry.wait_for_end();
            site.slot.release();
            attributes.take_back_pidfd();
        })?;
    }
    Ok(())
}

/// pthread_create() has one error number for all that may be had another time.
fn as_pthreads(errno: Errno) -> Errno {
    if errno == Errno::ENOMEM { Errno::EAGAIN } else { errno }
}

/// Finds a slot and writes the thread's TLS there.
fn find_site(attributes: &Attributes, quiet: &Quiet) -> Result<Site, Errno> {
    // A bare thread may not ask the loader; what was loaded when it was made is what
    // its own TLS has.
    let own = slots::own();
    let stamp = if own.is_none() { Some(tls::stamp()?) } else { None };
    let lock = Locked::take(quiet);
    // SAFETY: layouts are replaced under the lock only.
    match unsafe { LAYOUT.load(Relaxed).as_ref() } {
        Some(layout) if stamp.is_none_or(|stamp| layout.is_of(stamp)) => {
            let creator = match own {
                Some(own) => own.entry.tid.load(Relaxed) as Pid,
                None => host::tid(),
            };
            Site::find(layout, attributes, creator, &lock)
        }
        None if stamp.is_none() => Err(Errno::ENOTSUP),
        _ => {
            drop(lock); // the loader's come first, always
            find_by_new_plan(attributes, quiet)
        }
    }
}

/// The same with a layout made now, whatever is loaded meanwhile.
fn find_by_new_plan(attributes: &Attributes, quiet: &Quiet) -> Result<Site, Errno> {
    let fresh = draft::make()?;
    let mut unused = fresh;
    let lock = Locked::take(quiet);
    // SAFETY: no other thread has it yet; and layouts are replaced under the lock only.
    let (layout, last) = unsafe { (&*fresh, LAYOUT.load(Relaxed).as_ref()) };
    if !last.is_some_and(|last| layout.is_older_than(last)) {
        unused = LAYOUT.swap(fresh, Release);
    }
    let site = Site::find(layout, attributes, host::tid(), &lock);
    drop(lock);
    // SAFETY: a layout that is not the last one is seen under the lock only.
    unsafe { TlsLayout::discard(unused) };
    site
}

impl Site {
    fn find(
        layout: &TlsLayout,
        attributes: &Attributes,
        creator: Pid,
        lock: &Locked,
    ) -> Result<Site, Errno> {
        let (slot, used) = slots::take(lock, layout.room() + size_of::<Task>())?;
        slot.occupy(attributes.detached);
        let place = layout.place(slot.end);
        // SAFETY: the slot is ours, and has room for it.
        unsafe { layout.write(&place, used) };
        let entry = slot.entry;
        entry.thread_pointer.store(place.thread_pointer, Relaxed);
        let mut site = Site {
            slot,
            place,
            tid: layout.tid(&place),
            handle: entry.handle(slot.number).unwrap_or(0),
            creator,
            low: slot.low,
            top: place.bottom,
        };
        if attributes.stack != 0 {
            site.low = attributes.stack;
            site.top = attributes.stack + attributes.stack_size;
        } else if attributes.wants_mapping() {
            site.map_stack(attributes).inspect_err(|_| site.give_up())?;
        }
        entry.stack[0].store(site.low, Relaxed);
        entry.stack[1].store(site.top - site.low, Relaxed);
        Ok(site)
    }

    fn map_stack(&mut self, attributes: &Attributes) -> Result<(), Errno> {
        let page = page_size();
        let guard = align_up(attributes.guard_size.max(1), page);
        let size = align_up(attributes.stack_size, page);
        let base = pages::reserve(guard + size)?;
        let mapping = &self.slot.entry.mapping;
        mapping[0].store(base, Relaxed);
        mapping[1].store(guard + size, Relaxed);
        self.low = base + guard;
        self.top = self.low + size;
        // SAFETY: reserved just now.
        unsafe { pages::open_memory(self.low, size) }
    }

    /// Gives the slot back: there is no thread.
    fn give_up(&self) {
        self.slot.entry.tid.store(0, Release);
        self.slot.release();
    }

    /// Starts the thread.
    ///
    /// # Safety
    /// No other thread may have the site, and what the attributes point to right.
    unsafe fn launch(&self, note: Note, task: Task, attributes: &Attributes) -> Result<(), Errno> {
        const ALIGN: usize = 64;
        let top = (self.top - size_of::<Task>()) & !(ALIGN - 1);
        // SAFETY: on the thread's stack, which is at least as large.
        unsafe { (top as *mut Task).write(task) };
        let pidfd = if attributes.pidfd != 0 { CLONE_PIDFD } else { CloneFlags::NONE };
        #[cfg(target_arch = "x86")]
        let area = crate::arch::ThreadArea::at(self.place.thread_pointer);
        #[cfg(target_arch = "x86")]
        let tls = &raw const area as u64;
        #[cfg(not(target_arch = "x86"))]
        let tls = self.place.thread_pointer as u64;
        let request = Request {
            flags: THREAD | attributes.share | pidfd,
            exit_signal: 0,
            pidfd: attributes.pidfd as u64,
            child_tid: &raw const self.slot.entry.tid as u64,
            stack: Stack { base: self.low as u64, size: (top - self.low) as u64 },
            tls,
            set_tid: (attributes.set_tid.0 as u64, attributes.set_tid.1 as u64),
            ..Request::FORK
        };
        let creation = Creation::begin(note, &request);
        // SAFETY: a stack and a thread pointer of the thread's own.
        let outcome = unsafe { start_by(&request, top as *mut c_void, self.creator) };
        creation.end(outcome);
        match outcome {
            // A thread that is given the handle finds the id there, even before the
            // thread has run; it may also have come and gone.
            Ok(tid) => {
                self.slot.entry.started(self.handle, tid as u32);
                Ok(())
            }
            Err(errno) => {
                self.give_up();
                Err(errno)
            }
        }
    }
}

/// What every thread shares or sets.
const THREAD: CloneFlags = CLONE_VM
    .union(CLONE_SIGHAND)
    .union(CLONE_THREAD)
    .union(CLONE_SETTLS)
    .union(CLONE_CHILD_SETTID)
    .union(CLONE_CHILD_CLEARTID);

/// # Safety
/// The request's stack and thread pointer must be the thread's own, `task` what
/// [`start::run`] takes.
unsafe fn start_by(request: &Request, task: *mut c_void, creator: Pid) -> Result<Pid, Errno> {
    Attempt::drive(creator, request, |attempt| {
        // SAFETY: by the contract.
        unsafe { clone3_start_thread(attempt.call(), start::run, task, null()) }
    })
}
