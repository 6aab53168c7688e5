// SPDX-License-Identifier: MIT OR Apache-2.0
//! glibc 2.31 to 2.43.

use super::{repair::Repair, symbols};
use crate::arch::thread_pointer;
use crate::uapi::sys::{self, RobustListHead};
use core::ffi::{c_char, c_int};
use core::mem::size_of;
use core::ptr::null_mut;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicIsize, AtomicUsize};

/// Whether the host is glibc.
pub fn is_host() -> bool {
    symbols::gnu_get_libc_version().is_some() || !symbols::libc_setup_tls().is_null()
}

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

/// Where glibc keeps what a child needs mended, as distances from the thread
/// pointer, which are the same for all its threads. 0 is "not there".
struct Layout {
    known: AtomicBool,
    tid: AtomicIsize,
    clear_tid: AtomicIsize,
    robust: AtomicIsize,
    robust_len: AtomicUsize,
}

/// Filled by whoever finds it first; all who do find the same.
static LAYOUT: Layout = Layout {
    known: AtomicBool::new(false),
    tid: AtomicIsize::new(0),
    clear_tid: AtomicIsize::new(0),
    robust: AtomicIsize::new(0),
    robust_len: AtomicUsize::new(0),
};

impl Layout {
    fn remember(&self, repair: &Repair) {
        let distance = |address: usize| match address {
            0 => 0,
            _ => address.wrapping_sub(thread_pointer()) as isize,
        };
        self.tid.store(distance(repair.tid.addr()), Relaxed);
        self.clear_tid.store(distance(repair.clear_tid.addr()), Relaxed);
        self.robust.store(distance(repair.robust.addr()), Relaxed);
        self.robust_len.store(repair.robust_len, Relaxed);
        self.known.store(true, Release);
    }

    fn of_this_thread(&self) -> Option<Repair> {
        if !self.known.load(Acquire) {
            return None;
        }
        let place = |distance: &AtomicIsize| match distance.load(Relaxed) {
            0 => 0,
            distance => thread_pointer().wrapping_add_signed(distance),
        };
        Some(Repair {
            tid: place(&self.tid) as *mut c_int,
            clear_tid: place(&self.clear_tid) as *mut c_int,
            robust: place(&self.robust) as *mut RobustListHead,
            robust_len: self.robust_len.load(Relaxed),
            threads: None,
        })
    }
}

/// The thread state of the calling thread, if it is what we expect of glibc:
/// the word that should be its tid must be what the kernel says.
pub fn repair() -> Option<Repair> {
    let known = LAYOUT.of_this_thread();
    let repair = known.map_or_else(look_up, Some)?;
    if repair.tid.is_null() {
        return Some(repair);
    }
    // SAFETY: in the calling thread's TCB, by ways that agreed.
    if unsafe { repair.tid.read() } != sys::gettid() {
        return None; // on a thread pointer that is not glibc's
    }
    if known.is_none() && !repair.robust.is_null() {
        LAYOUT.remember(&repair);
    }
    Some(repair)
}

/// Finds the thread state. Two ways to the tid must agree: at a known distance
/// before the registered robust list, and at the offset libthread_db is told.
/// Where set_robust_list is not to be had (qemu-user) or the second is not
/// linked in (static programs without threads), one of them and clear_child_tid
/// has to do, or else a search.
fn look_up() -> Option<Repair> {
    let (robust, robust_len) = sys::get_robust_list().unwrap_or((null_mut(), 0));
    let clear_tid = sys::tid_address().ok();
    let by_thread_db = tid_by_thread_db();
    if robust.is_null() && clear_tid == Some(null_mut()) {
        // 2.31 without libpthread: nothing is registered and nothing reads the
        // tid. A tid that libthread_db is told of says that this is not that.
        return by_thread_db.is_none().then_some(Repair::NOTHING);
    }
    if !robust.is_null() && !is_in_tcb(robust.addr()) {
        return None; // somebody registered a list of their own
    }
    let by_robust = (!robust.is_null()).then(|| tid_before(robust.addr()));
    let tid = match (by_robust, by_thread_db) {
        (None, None) => tid_by_search(sys::gettid())?,
        _ => agree(by_robust, by_thread_db, clear_tid)?,
    };
    let clear_tid = match clear_tid {
        _ if version_before_43() == Some(true) => tid,
        Some(address) if is_in_tcb(address.addr()) => address,
        _ if version_before_43().is_none() => tid,
        // On 2.43 or later, and not to be found out, or set by the program to
        // a place of its own.
        _ => return None,
    };
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
    let place = |head: &usize| behind.wrapping_sub(*head) as *mut c_int;
    let tid = sys::gettid();
    let [usual, ..] = HEAD_BEFORE_POINTER;
    HEAD_BEFORE_POINTER
        .iter()
        .map(place)
        // SAFETY: words of the calling thread's own struct pthread.
        .find(|place| unsafe { place.read_volatile() } == tid)
        .or(Some(place(&usual)))
}

/// The tid's place by the shape of what is around it: the id, a link, and an
/// empty robust list that points at itself. The search stays within struct
/// pthread.
fn tid_by_search(tid: c_int) -> Option<*mut c_int> {
    let step = size_of::<usize>();
    // 720 bytes up on x86_64, 104 on i686, 1648 down of 1856 on aarch64, and
    // 32 more on riscv64 (2.36).
    let reach = if POINTS_AT_TCB { 1024 } else { 1792 };
    (1..reach / step).find_map(|i| {
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

/// Start of the calling thread's struct pthread: where the thread pointer
/// points, or before that by the size that libthread_db is told; where a head
/// lies between the two, so much behind the start.
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

/// Whether this is a release before 2.43, where clear_child_tid is the tid
/// itself; since then it is `joinstate`, further on (commit 5da15b15ad). None
/// in a static program without the version. The tid is the better guess there:
/// a tid cleared when its thread ends harms nothing.
fn version_before_43() -> Option<bool> {
    let version = symbols::gnu_get_libc_version()?;
    // SAFETY: takes nothing and returns a string constant.
    unsafe { minor_of(version()) }.map(|minor| minor < 43)
}

/// The number after "2." in a version such as "2.36".
///
/// # Safety
/// `version` must be a C string.
unsafe fn minor_of(version: *const c_char) -> Option<u32> {
    // SAFETY: stops at the first byte that does not belong, NUL at the latest.
    let byte = |i: usize| unsafe { version.add(i).read() } as u8;
    if byte(0) != b'2' || byte(1) != b'.' || !byte(2).is_ascii_digit() {
        return None;
    }
    let mut minor = 0;
    let mut i = 2;
    while byte(i).is_ascii_digit() && minor < 1000 {
        minor = minor * 10 + u32::from(byte(i) - b'0');
        i += 1;
    }
    Some(minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_up_to_their_minor_number() {
        // SAFETY: C strings all.
        let minor = |version: &core::ffi::CStr| unsafe { minor_of(version.as_ptr()) };
        assert_eq!(minor(c"2.36"), Some(36));
        assert_eq!(minor(c"2.43.9000"), Some(43));
        assert_eq!(minor(c"3.1"), None);
        assert_eq!(minor(c"2."), None);
        assert_eq!(minor(c""), None);
    }

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
