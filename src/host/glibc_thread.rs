// SPDX-License-Identifier: MIT OR Apache-2.0
//! What glibc 2.31 to 2.43 keep of the calling thread, and where.

use super::glibc::version_before_43;
use super::{identity, repair::Repair, symbols};
use crate::arch::thread_pointer;
use crate::uapi::pages;
use crate::uapi::sys::{self, RobustListHead};
use core::ffi::c_int;
use core::mem::{offset_of, size_of};
use core::ptr::null_mut;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicIsize, AtomicUsize};

/// From the robust list's head back to the tid. On 64-bit machines struct pthread
/// holds tid, an int, the list's back link and the head in this order (measured
/// on 2.31, 2.36, 2.41 and 2.43). With 32 bits the list has no back link, and the
/// int has gone in the course of time (still in 2.31, not in 2.36 and 2.43).
#[cfg(target_pointer_width = "64")]
const TID_BEFORE_ROBUST_HEAD: [usize; 1] = [16];
#[cfg(target_pointer_width = "32")]
const TID_BEFORE_ROBUST_HEAD: [usize; 2] = [4, 8];

/// Whether the thread pointer points at struct pthread, with TLS below (TLS
/// variant II); behind it otherwise (variant I).
const POINTS_AT_TCB: bool = cfg!(any(target_arch = "x86_64", target_arch = "x86"));

/// What lies between the end of struct pthread and the thread pointer: on
/// riscv64 two words, as much as the struct is aligned to (32 bytes in 2.36; 8 in
/// older releases and 64 elsewhere); nothing on the others.
#[cfg(target_arch = "riscv64")]
const HEAD_BEFORE_POINTER: [usize; 3] = [32, 16, 64];
#[cfg(not(target_arch = "riscv64"))]
const HEAD_BEFORE_POINTER: [usize; 1] = [0];

/// The thread pointer lies at one end of struct pthread, which has 2304 bytes
/// in 2.31 and grows slowly.
const TCB_REACH: usize = 4096;

/// How far from the thread pointer it is searched: the tid is 720 bytes up on x86_64,
/// 104 on i686, 1648 down of 1856 on aarch64, and 32 more on riscv64 (2.36).
const SEARCHED: usize = if POINTS_AT_TCB { 1024 } else { 1792 };

/// Where glibc keeps what must be repaired in a child, as distances from the thread
/// pointer, which are the same for all its threads. 0 is "not there".
struct Layout {
    known: AtomicUsize,
    tid: AtomicIsize,
    clear_tid: AtomicIsize,
    robust: AtomicIsize,
    robust_len: AtomicUsize,
}

/// Nothing is known.
const NOTHING: usize = 0;
/// All is, but for `clear_tid`, which some releases want a system call for.
const PARTS: usize = 1;
/// All is.
const ALL: usize = 2;

/// Filled by the first thread that finds it; all find the same.
static LAYOUT: Layout = Layout {
    known: AtomicUsize::new(NOTHING),
    tid: AtomicIsize::new(0),
    clear_tid: AtomicIsize::new(0),
    robust: AtomicIsize::new(0),
    robust_len: AtomicUsize::new(0),
};

impl Layout {
    fn remember(&self, repair: &Repair, known: usize) {
        let distance = |address: usize| match address {
            0 => 0,
            _ => address.wrapping_sub(thread_pointer()) as isize,
        };
        self.tid.store(distance(repair.tid.addr()), Relaxed);
        self.robust.store(distance(repair.robust.addr()), Relaxed);
        self.robust_len.store(repair.robust_len, Relaxed);
        if known == ALL {
            self.clear_tid.store(distance(repair.clear_tid.addr()), Relaxed);
        }
        self.known.fetch_max(known, Release);
    }

    /// What is known, for the calling thread.
    fn of_this_thread(&self) -> (usize, Repair) {
        let known = self.known.load(Acquire);
        let place = |distance: &AtomicIsize| match distance.load(Relaxed) {
            0 => 0,
            distance => thread_pointer().wrapping_add_signed(distance),
        };
        let repair = Repair {
            tid: place(&self.tid) as *mut c_int,
            clear_tid: place(&self.clear_tid) as *mut c_int,
            robust: place(&self.robust) as *mut RobustListHead,
            robust_len: self.robust_len.load(Relaxed),
            threads: None,
        };
        (known, repair)
    }
}

/// The thread state of the calling thread, if it is what we expect of glibc.
#[cfg_attr(not(test), unsafe(link_section = ".text.entry"))]
pub fn repair() -> Option<Repair> {
    let (known, repair) = LAYOUT.of_this_thread();
    let repair = match known {
        ALL => repair,
        PARTS => complete(repair)?,
        _ => match find_by_shape() {
            Some(repair) => complete(repair)?,
            None => look_up()?,
        },
    };
    if repair.tid.is_null() {
        return Some(repair);
    }
    if !is_tid(&repair) {
        return None; // on a thread pointer that is not glibc's
    }
    // Once only: after a fork the first write to a page copies it.
    if known != ALL && !repair.robust.is_null() {
        LAYOUT.remember(&repair, ALL);
    }
    Some(repair)
}

/// Where glibc keeps the calling thread's id, if that is known without a system call.
pub fn tid_place() -> Option<*const c_int> {
    let repair = match LAYOUT.of_this_thread() {
        (NOTHING, _) => {
            let found = find_by_shape()?;
            LAYOUT.remember(&found, PARTS);
            found
        }
        (_, repair) => repair,
    };
    is_tid(&repair).then_some(repair.tid.cast_const())
}

/// Whether what is kept there is the calling thread's id.
#[cfg_attr(not(test), unsafe(link_section = ".text.entry"))]
fn is_tid(repair: &Repair) -> bool {
    let shape = || is_in_tcb(repair.robust.addr()) && has_shape(repair.tid, repair.robust);
    // Of a thread pointer that is not glibc's not even the words around it may be there.
    is_tcb() && identity::is_kept_at(repair.tid, shape)
}

/// Whether the thread pointer may be that of a struct pthread: where it points at one,
/// the third word repeats it.
fn is_tcb() -> bool {
    let tp = thread_pointer();
    if POINTS_AT_TCB {
        // SAFETY: the head of a TCB as the TLS ABI has it.
        return unsafe { (tp as *const usize).add(2).read_volatile() } == tp;
    }
    // Nothing says so there; but what is looked at can be read.
    let can_read = |below: usize| pages::probe((tp - below) as u64).is_ok();
    identity::is_seen() || can_read(SEARCHED) && can_read(size_of::<usize>())
}

/// From a robust mutex's link in a list to its futex, as the head of each list of
/// glibc's says: __list.__next and __lock of <bits/struct_mutex.h>.
#[cfg(target_pointer_width = "64")]
const LOCK_BEHIND_LINK: isize = -32;
#[cfg(target_pointer_width = "32")]
const LOCK_BEHIND_LINK: isize = -20;

/// Whether these look like a thread id and, not far behind it, a robust list that is
/// empty: the head points at itself, knows where glibc's mutexes have their futex, and
/// with 64 bits has a link backward before it that points at it as well.
fn has_shape(tid: *const c_int, robust: *const RobustListHead) -> bool {
    let head = robust.addr();
    // SAFETY: words of what may be the calling thread's struct pthread, aligned as
    // they are; compared only.
    let word = |address: usize| unsafe { (address as *const usize).read_volatile() };
    // SAFETY: as above.
    let id = unsafe { tid.read_volatile() };
    let backward = cfg!(target_pointer_width = "32") || word(head - size_of::<usize>()) == head;
    let offset = word(head + offset_of!(RobustListHead, futex_offset)) as isize;
    let pending = word(head + offset_of!(RobustListHead, list_op_pending));
    id > 0 && word(head) == head && offset == LOCK_BEHIND_LINK && pending == 0 && backward
}

/// The thread state without `clear_tid` and without a system call: where the words of
/// the TCB have the shape, and libthread_db's table, if there is one, names the place.
fn find_by_shape() -> Option<Repair> {
    if !is_tcb() {
        return None;
    }
    let tables = thread_db_places();
    let named = |place: usize| tables.is_none_or(|tables| tables.contains(&place));
    let step = size_of::<usize>();
    (1..SEARCHED / step).find_map(|i| {
        let head = match POINTS_AT_TCB {
            true => thread_pointer() + i * step,
            false => thread_pointer() - i * step,
        };
        let robust = head as *mut RobustListHead;
        // SAFETY: a word of the calling thread's own struct pthread.
        if unsafe { (head as *const usize).read_volatile() } != head {
            return None;
        }
        let place = TID_BEFORE_ROBUST_HEAD.map(|distance| head - distance).into_iter();
        let place = place.filter(|&place| named(place));
        let tid = place.map(|place| place as *mut c_int).find(|tid| has_shape(*tid, robust))?;
        let robust_len = size_of::<RobustListHead>();
        Some(Repair { tid, clear_tid: null_mut(), robust, robust_len, threads: None })
    })
}

/// Adds `clear_tid`, for which releases from 2.43 on take a system call.
fn complete(found: Repair) -> Option<Repair> {
    let clear_tid = match version_before_43() {
        Some(true) => found.tid,
        before => clear_tid_place(sys::tid_address().ok(), before, found.tid)?,
    };
    Some(Repair { clear_tid, ..found })
}

/// Where this thread's clear_child_tid is, given what the kernel says of it.
fn clear_tid_place(
    kernels: Option<*mut c_int>,
    before_43: Option<bool>,
    tid: *mut c_int,
) -> Option<*mut c_int> {
    match kernels {
        _ if before_43 == Some(true) => Some(tid),
        Some(address) if is_in_tcb(address.addr()) => Some(address),
        _ if before_43.is_none() => Some(tid),
        // On 2.43 or later, and not to be found out, or set by the program to a place
        // of its own.
        _ => None,
    }
}

/// Finds the thread state. Two ways to the tid must agree: at a known distance before the
/// registered robust list, and at the offset published for libthread_db. Where
/// set_robust_list is unavailable (qemu-user) or the second is not linked in (static
/// programs without threads), one of them and clear_child_tid has to do, or else a
/// search.
fn look_up() -> Option<Repair> {
    let (robust, robust_len) = sys::get_robust_list().unwrap_or((null_mut(), 0));
    let clear_tid = sys::tid_address().ok();
    let by_thread_db = tid_by_thread_db();
    if robust.is_null() && clear_tid == Some(null_mut()) {
        // 2.31 without libpthread: nothing is registered and nothing reads the tid. If a
        // tid offset is published for libthread_db, it is another case.
        return by_thread_db.is_none().then_some(Repair::NOTHING);
    }
    if !robust.is_null() && !is_in_tcb(robust.addr()) {
        return None; // the program registered a list of its own
    }
    let by_robust = (!robust.is_null()).then(|| tid_before(robust.addr()));
    let tid = match (by_robust, by_thread_db) {
        (None, None) => tid_by_search(sys::gettid())?,
        _ => agree(by_robust, by_thread_db, clear_tid)?,
    };
    let clear_tid = clear_tid_place(clear_tid, version_before_43(), tid)?;
    Some(Repair { tid, clear_tid, robust, robust_len, threads: None })
}

/// The tid's place before the head of the registered robust list, in the TCB.
fn tid_before(head: usize) -> *mut c_int {
    let place = |distance: usize| head.wrapping_sub(distance) as *mut c_int;
    let [usual, ..] = TID_BEFORE_ROBUST_HEAD;
    let tid = sys::gettid();
    TID_BEFORE_ROBUST_HEAD
        .map(place)
        .into_iter()
        // SAFETY: words of the calling thread's own TCB, or just below it.
        .find(|place| unsafe { place.read_volatile() } == tid)
        .unwrap_or(place(usual))
}

/// One place out of up to three ways to it; at least two ways where there are
/// two, and no contradiction.
fn agree(
    by_robust: Option<*mut c_int>,
    by_thread_db: Option<*mut c_int>,
    clear_tid: Option<*mut c_int>,
) -> Option<*mut c_int> {
    match (by_robust, by_thread_db) {
        (Some(a), Some(b)) => (a == b).then_some(a),
        (Some(a), None) => match clear_tid {
            Some(address) => is_in_tcb(address.addr()).then_some(a),
            None => Some(a),
        },
        (None, Some(b)) => Some(b),
        (None, None) => None,
    }
}

/// Whether an address can be in the calling thread's struct pthread.
fn is_in_tcb(address: usize) -> bool {
    let tcb = match POINTS_AT_TCB {
        true => thread_pointer(),
        false => thread_pointer().wrapping_sub(TCB_REACH),
    };
    address.wrapping_sub(tcb) < TCB_REACH
}

/// The tid's place by the table glibc keeps for libthread_db.
fn tid_by_thread_db() -> Option<*mut c_int> {
    let places = thread_db_places()?;
    let tid = sys::gettid();
    let [usual, ..] = places;
    let place = places
        .into_iter()
        // SAFETY: words of the calling thread's own struct pthread.
        .find(|place| unsafe { (*place as *const c_int).read_volatile() } == tid);
    Some(place.unwrap_or(usual) as *mut c_int)
}

/// Where the tid may be by the table glibc keeps for libthread_db; the first is usual.
fn thread_db_places() -> Option<[usize; HEAD_BEFORE_POINTER.len()]> {
    let table = symbols::thread_db_tid();
    if table.is_null() {
        return None;
    }
    // SAFETY: GLIBC_PRIVATE data of three words since 2.3.
    let [bits, count, offset] = unsafe { table.read() };
    let plausible = bits == 32 && count == 1 && offset % 4 == 0 && (offset as usize) < TCB_REACH;
    if !plausible {
        return None;
    }
    let behind = tcb()?.wrapping_add(offset as usize);
    Some(HEAD_BEFORE_POINTER.map(|head| behind.wrapping_sub(head)))
}

/// The tid's place by the shape of what is around it: the id, a link, and an
/// empty robust list that points at itself. The search stays within struct
/// pthread.
fn tid_by_search(tid: c_int) -> Option<*mut c_int> {
    let step = size_of::<usize>();
    (1..SEARCHED / step).find_map(|i| {
        let place = match POINTS_AT_TCB {
            true => thread_pointer() + i * step,
            false => thread_pointer() - i * step,
        };
        // SAFETY: a word of the calling thread's own struct pthread.
        let has_tid = unsafe { (place as *const c_int).read_volatile() } == tid;
        let found = has_tid
            && TID_BEFORE_ROBUST_HEAD.iter().any(|distance| {
                let head = place + distance;
                // SAFETY: as above.
                unsafe { (head as *const usize).read_volatile() == head }
            });
        found.then_some(place as *mut c_int)
    })
}

/// Start of the calling thread's struct pthread: where the thread pointer points, or
/// before that by the size published for libthread_db; where a head lies between the two,
/// so much behind the start.
fn tcb() -> Option<usize> {
    if POINTS_AT_TCB {
        return Some(thread_pointer());
    }
    let size = symbols::thread_db_size();
    if size.is_null() {
        return None;
    }
    // SAFETY: GLIBC_PRIVATE data of one word since 2.3.
    thread_pointer().checked_sub(unsafe { size.read() } as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tid_is_taken_where_the_ways_agree() {
        let at = |address: usize| Some(address as *mut c_int);
        assert_eq!(agree(at(64), at(64), at(64)), at(64));
        assert_eq!(agree(at(64), at(68), at(64)), None);
        assert_eq!(agree(at(64), None, at(16)), None, "not in this thread");
        let mine = thread_pointer() - usize::from(!POINTS_AT_TCB);
        assert_eq!(agree(at(64), None, at(mine)), at(64));
        assert_eq!(agree(None, at(64), None), at(64));
        assert_eq!(agree(None, None, at(64)), None);
    }
}
