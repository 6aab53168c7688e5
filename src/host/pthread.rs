// SPDX-License-Identifier: MIT OR Apache-2.0
//! The host's own threads: its functions, and where they are.
//!
//! Before glibc 2.34 they are in libpthread, which a program may not have, or
//! may open at any time. So what is not there is looked for again whenever it
//! is wanted, and what is there is remembered (libpthread never goes again).

use super::{elf, glibc, symbols};
use core::ffi::{CStr, c_int, c_void};
use core::mem::{MaybeUninit, transmute};
use core::num::NonZeroUsize;
use core::ptr::{copy_nonoverlapping, null_mut};
use libc::{pthread_attr_t, pthread_t};
use once_cell::race::OnceNonZeroUsize;

/// What a pthread runs.
pub type Start = unsafe extern "C" fn(*mut c_void) -> *mut c_void;
/// `pthread_create`.
pub type Create =
    unsafe extern "C" fn(*mut pthread_t, *const pthread_attr_t, Start, *mut c_void) -> c_int;
/// `thrd_create`, whose thread is a pthread whatever `thrd_t` is called.
pub type ThrdCreate = unsafe extern "C" fn(
    *mut pthread_t,
    Option<unsafe extern "C" fn(*mut c_void) -> c_int>,
    *mut c_void,
) -> c_int;

type Join = unsafe extern "C" fn(pthread_t, *mut *mut c_void) -> c_int;
type Detach = unsafe extern "C" fn(pthread_t) -> c_int;
type GetDetached = unsafe extern "C" fn(*const pthread_attr_t, *mut c_int) -> c_int;
type SetDetached = unsafe extern "C" fn(*mut pthread_attr_t, c_int) -> c_int;
type SetCancelState = unsafe extern "C" fn(c_int, *mut c_int) -> c_int;

/// A function, once it has been found.
struct Found {
    name: &'static CStr,
    address: OnceNonZeroUsize,
}

impl Found {
    const fn new(name: &'static CStr) -> Found {
        Found { name, address: OnceNonZeroUsize::new() }
    }

    #[inline]
    fn get(&self, find: fn(&CStr) -> *const c_void) -> Option<usize> {
        match self.address.get() {
            Some(address) => Some(address.get()),
            None => self.find(find),
        }
    }

    #[cold]
    fn find(&self, find: fn(&CStr) -> *const c_void) -> Option<usize> {
        self.set(find(self.name))
    }

    fn set(&self, found: *const c_void) -> Option<usize> {
        let address = NonZeroUsize::new(found.addr())?;
        // Another thread may have been quicker, with the same answer.
        let _ = self.address.set(address);
        Some(address.get())
    }
}

fn ours() -> *const c_void {
    (&raw const NEXT_CREATE).cast()
}

/// The next definition after ours, for a call that came to us; where nothing
/// is behind us, since we were opened late, the first.
fn next(name: &CStr) -> *const c_void {
    let [next] = elf::next_functions([name], ours());
    if next.is_null() { first(name) } else { next }
}

/// The definition that the program would call without this library. Other objects that
/// interpose these functions (sanitizers, allocators) may come first in search order and
/// must see every thread.
fn first(name: &CStr) -> *const c_void {
    elf::first_function(name, ours())
}

static NEXT_CREATE: Found = Found::new(c"pthread_create");
static NEXT_THRD_CREATE: Found = Found::new(c"thrd_create");

/// Looks up what a call is passed on to, so that none has to; what is opened
/// later cannot get in between then.
pub fn look_up_next() {
    let both = [&NEXT_CREATE, &NEXT_THRD_CREATE];
    let found = elf::next_functions(both.map(|function| function.name), ours());
    for (function, found) in both.iter().zip(found) {
        if function.set(found).is_none() {
            function.get(next);
        }
    }
}

/// The pthread_create that comes after ours.
#[inline]
pub fn next_create() -> Option<Create> {
    // SAFETY: a function of that name has that prototype (POSIX).
    NEXT_CREATE.get(next).map(|address| unsafe { transmute::<usize, Create>(address) })
}

/// The thrd_create that comes after ours (glibc 2.28, musl 1.1.5).
#[inline]
pub fn next_thrd_create() -> Option<ThrdCreate> {
    // SAFETY: a function of that name has that prototype (C11, 7.26.5.1).
    NEXT_THRD_CREATE.get(next).map(|address| unsafe { transmute::<usize, ThrdCreate>(address) })
}

/// In the order of `clone3_linked_pthread` (tools/package).
static FIRST: [Found; 6] = [
    Found::new(c"pthread_create"),
    Found::new(c"pthread_join"),
    Found::new(c"pthread_detach"),
    Found::new(c"pthread_attr_getdetachstate"),
    Found::new(c"pthread_attr_setdetachstate"),
    Found::new(c"pthread_setcancelstate"),
];

/// The host's functions as a program would call them.
#[derive(Clone, Copy)]
pub struct Pthread {
    create: Create,
    join: Join,
    detach: Detach,
    get_detached: GetDetached,
    set_detached: SetDetached,
    set_cancel_state: SetCancelState,
}

/// A caller's attributes, to create a thread by that can be joined.
pub struct Joinable {
    copy: MaybeUninit<[u64; 8]>,
    original: *const pthread_attr_t,
    /// Whether the thread is to be detached.
    pub detached: bool,
}

impl Joinable {
    fn attributes(&self) -> *const pthread_attr_t {
        if self.detached { self.copy.as_ptr().cast() } else { self.original }
    }
}

const _: () = assert!(size_of::<pthread_attr_t>() <= size_of::<[u64; 8]>());

/// `sizeof(pthread_attr_t)`, which is part of a libc's ABI.
fn attributes_size() -> usize {
    const MUSLS: usize = if size_of::<usize>() == 8 { 56 } else { 36 };
    if glibc::is_host() { size_of::<pthread_attr_t>() } else { MUSLS }
}

impl Pthread {
    /// The host's functions; None where there are none (yet).
    pub fn of_host() -> Option<Pthread> {
        let linked = symbols::linked_pthread();
        let [create, join, detach, get_detached, set_detached, set_cancel_state] =
            if linked.is_null() {
                let [a, b, c, d, e, f] = &FIRST;
                [a, b, c, d, e, f].map(|function| function.get(first).unwrap_or(0))
            } else {
                // SAFETY: a table of six addresses, complete since the program was linked.
                unsafe { linked.read() }
            };
        // SAFETY: functions of these names have these prototypes (POSIX); an
        // Option of a function pointer is None at 0.
        unsafe {
            Some(Pthread {
                create: transmute::<usize, Option<Create>>(create)?,
                join: transmute::<usize, Option<Join>>(join)?,
                detach: transmute::<usize, Option<Detach>>(detach)?,
                get_detached: transmute::<usize, Option<GetDetached>>(get_detached)?,
                set_detached: transmute::<usize, Option<SetDetached>>(set_detached)?,
                set_cancel_state: transmute::<usize, Option<SetCancelState>>(set_cancel_state)?,
            })
        }
    }

    /// Has cancellation of the calling thread wait; the state to put back.
    pub fn hold_cancellation(&self) -> c_int {
        const PTHREAD_CANCEL_DISABLE: c_int = 1; // in both libcs
        let mut state = 0;
        // SAFETY: the int outlives the call.
        unsafe { (self.set_cancel_state)(PTHREAD_CANCEL_DISABLE, &raw mut state) };
        state
    }

    /// Puts back what [`Pthread::hold_cancellation`] gave.
    pub fn restore_cancellation(&self, state: c_int) {
        // musl writes without asking where to.
        let mut disabled = 0;
        // SAFETY: the int outlives the call.
        unsafe { (self.set_cancel_state)(state, &raw mut disabled) };
    }

    /// A copy of the attributes with detachstate joinable. It shares what the original
    /// points to.
    ///
    /// # Safety
    /// `attributes` must be null or initialised, and outlive the result.
    pub unsafe fn joinable(&self, attributes: *const pthread_attr_t) -> Joinable {
        let mut joinable =
            Joinable { copy: MaybeUninit::uninit(), original: attributes, detached: false };
        if attributes.is_null() {
            return joinable;
        }
        let mut state = libc::PTHREAD_CREATE_JOINABLE;
        // SAFETY: by the contract; the int outlives the call.
        unsafe { (self.get_detached)(attributes, &raw mut state) };
        if state == libc::PTHREAD_CREATE_JOINABLE {
            return joinable;
        }
        let copy = joinable.copy.as_mut_ptr().cast::<pthread_attr_t>();
        // SAFETY: as many bytes as this libc's struct has, which fit; both libcs'
        // are plain structs, which C may copy.
        unsafe {
            copy_nonoverlapping(attributes.cast::<u8>(), copy.cast::<u8>(), attributes_size());
            joinable.detached = (self.set_detached)(copy, libc::PTHREAD_CREATE_JOINABLE) == 0;
        }
        joinable
    }

    /// The host's pthread_create; its error number.
    ///
    /// # Safety
    /// As for pthread_create(3).
    pub unsafe fn create(
        &self,
        thread: *mut pthread_t,
        attributes: &Joinable,
        start: Start,
        argument: *mut c_void,
    ) -> c_int {
        // SAFETY: by the contract.
        unsafe { (self.create)(thread, attributes.attributes(), start, argument) }
    }

    /// Waits for the end of a thread.
    ///
    /// # Safety
    /// The thread must be joinable, and no other thread may join it.
    pub unsafe fn join(&self, thread: pthread_t) {
        // SAFETY: by the contract.
        unsafe { (self.join)(thread, null_mut()) };
    }

    /// Detaches a thread.
    ///
    /// # Safety
    /// The thread must be joinable, and no thread may join it.
    pub unsafe fn detach(&self, thread: pthread_t) {
        // SAFETY: by the contract.
        unsafe { (self.detach)(thread) };
    }
}
