// SPDX-License-Identifier: MIT OR Apache-2.0
//! struct pthread and dtv of glibc 2.31 to 2.43.
//!
//! A dtv is an array of pairs. Pair −1 holds the number of the last pair, pair 0
//! the generation, pair n the block of module n and what to free of it, nothing
//! for a block beside struct pthread. All of it is de facto ABI, which sanitizers
//! and debuggers rely on; nothing is believed that the calling thread's own does
//! not show.

use super::modules::Module;
use super::tcb::{Libc, SPARE, Tcb, WORDS, set_word, word};
use super::{glibc_thread, symbols};
use crate::arch::thread_pointer;

const WORD: usize = size_of::<usize>();
/// The generation of a dtv that no release brings up to date. Otherwise an access
/// to any object's TLS, also one that was there before, would have glibc enter
/// what was opened since (2.36 with its distributions' patches, 2.39), and realloc
/// a dtv of ours once that is too small.
const NEWEST: usize = isize::MAX as usize;
/// struct pthread has 2304 bytes in 2.31 and grows slowly.
const REACH: usize = 4096;

/// Where the pointer to the dtv is.
#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
const DTV: usize = WORD;
#[cfg(any(target_arch = "aarch64", target_arch = "riscv64"))]
const DTV: usize = 0;

/// What to take over from the creator: on x86_64 from sysinfo and the canary to
/// feature_1, on i686 sysinfo, canary, pointer guard, then (behind gscope_flag)
/// feature_1. aarch64 keeps them in variables that are all threads'.
#[cfg(target_arch = "x86_64")]
const COPIED: &[usize] = &[0x20, 0x28, 0x30, 0x38, 0x40, 0x48];
#[cfg(target_arch = "x86")]
const COPIED: &[usize] = &[0x10, 0x14, 0x18, 0x20];
#[cfg(any(target_arch = "aarch64", target_arch = "riscv64"))]
const COPIED: &[usize] = &[];

/// Whether the thread pointer points at struct pthread (TLS variant II).
const POINTS_AT_TCB: bool = cfg!(any(target_arch = "x86_64", target_arch = "x86"));

/// See `tcb_by_libc::of_this_thread`.
pub fn learn(modules: &[Module]) -> Option<Tcb> {
    let tp = thread_pointer();
    // SAFETY: the head of the calling thread's struct pthread.
    let repeats = |place: usize| unsafe { word(tp + place) } == tp;
    if POINTS_AT_TCB && !(repeats(0) && repeats(2 * WORD)) {
        return None;
    }
    check_dtv(modules)?;
    let repair = glibc_thread::repair()?;
    let tid = repair.tid.addr();
    let tid = (tid != 0).then(|| tid.wrapping_sub(tp) as isize);
    let rseq = symbols::rseq_offset();
    // SAFETY: a constant of the libc's.
    let rseq = (!rseq.is_null()).then(|| unsafe { rseq.read_volatile() });
    let (low, high) = bounds(tp);
    let (low, high, touched) = match rseq {
        Some(place) => (
            low.min(place),
            high.max(place + RSEQ_SIZE),
            tid.unwrap_or(0).max(place).max(0) as usize + TOUCHED,
        ),
        None => (low, high, tid.unwrap_or(0).max(0) as usize + TOUCHED),
    };
    let mut words = [0; WORDS];
    for (saved, place) in words.iter_mut().zip(COPIED) {
        // SAFETY: in the head of the calling thread's struct pthread.
        *saved = unsafe { word(tp + place) };
    }
    Some(Tcb { libc: Libc::Glibc, low, high, touched, tid, words, rseq, robust: 0 })
}

/// Bytes behind the tid that are used with it: the robust list, and the word of
/// cancellation points.
const TOUCHED: usize = 64;
/// The area of rseq(2) as first published.
const RSEQ_SIZE: isize = 32;

/// Where struct pthread begins and ends. Its size is not public: where that
/// matters pthread_self() tells.
fn bounds(tp: usize) -> (isize, isize) {
    if POINTS_AT_TCB {
        return (0, REACH as isize);
    }
    // SAFETY: takes nothing; a pthread_t is the address of struct pthread. It is 0
    // in 2.31 without libpthread.
    let this = symbols::pthread_self().map_or(0, |function| unsafe { function() });
    let below = match tp.wrapping_sub(this) {
        size @ 512..=REACH if size % WORD == 0 => size,
        _ => REACH,
    };
    (-(below as isize), 2 * WORD as isize)
}

/// The dtv of the calling thread.
fn dtv() -> usize {
    // SAFETY: the head of its struct pthread.
    unsafe { word(thread_pointer() + DTV) }
}

/// A thread's dtv and the number of its last pair, if it looks like one.
///
/// # Safety
/// `tp` must be a thread pointer of the libc's.
pub unsafe fn dtv_of(tp: usize) -> Option<(usize, usize)> {
    const MOST: usize = 1 << 24;
    // SAFETY: the head of that thread's struct pthread.
    let dtv = unsafe { word(tp + DTV) };
    if dtv % WORD != 0 || dtv < 2 * WORD {
        return None;
    }
    // SAFETY: pair −1 is there for every thread of glibc's.
    let last = unsafe { word(dtv - 2 * WORD) };
    (last <= MOST).then_some((dtv, last))
}

/// Where a dtv has a module's block: 0 for no module, all ones for no block yet.
///
/// # Safety
/// `id` must be within the dtv.
pub unsafe fn block(dtv: usize, id: usize) -> usize {
    // SAFETY: by the contract.
    unsafe { word(pair(dtv, id)) }
}

fn pair(dtv: usize, id: usize) -> usize {
    dtv + 2 * WORD * id
}

/// Whether the calling thread's dtv has every block where the loader says, of which
/// there must be one: the libc's own at least.
fn check_dtv(modules: &[Module]) -> Option<()> {
    // SAFETY: the calling thread's.
    let (dtv, last) = unsafe { dtv_of(thread_pointer()) }?;
    let mut touched = modules.iter().filter(|module| module.data != 0).peekable();
    touched.peek()?;
    touched
        // SAFETY: within the dtv, as its capacity says.
        .all(|module| module.id <= last && unsafe { block(dtv, module.id) } == module.data)
        .then_some(())
}

/// See `tcb_by_libc::is_allocated`.
pub fn is_allocated(module: &Module) -> bool {
    // SAFETY: verified by `check_dtv` for this module, which has a block.
    unsafe { word(pair(dtv(), module.id) + WORD) != 0 }
}

/// See `tcb_by_libc::dtv_words`.
pub fn dtv_words(last: usize) -> usize {
    2 * (2 + last + SPARE)
}

/// See `tcb_by_libc::write`. Blocks of objects that are opened later are at 0, as in a
/// dtv of musl's: an access stops the thread.
///
/// # Safety
/// As there.
pub unsafe fn write(tcb: &Tcb, tp: usize, memory: usize, last: usize) {
    const UNREGISTERED: u32 = -2i32 as u32; // RSEQ_CPU_ID_REGISTRATION_FAILED
    let dtv = first_pair(memory);
    // SAFETY: by the contract.
    unsafe {
        set_word(dtv - 2 * WORD, last + SPARE);
        set_word(dtv, NEWEST);
        set_word(tp + DTV, dtv);
        if POINTS_AT_TCB {
            set_word(tp, tp);
            set_word(tp + 2 * WORD, tp);
            // multiple_threads, by which releases up to 2.34 chose whether their
            // locks need be atomic.
            ((tp + 3 * WORD) as *mut u32).write(1);
        }
        for (saved, place) in tcb.words.iter().zip(COPIED) {
            set_word(tp + place, *saved);
        }
        if let Some(rseq) = tcb.rseq {
            let cpu_id = tp.wrapping_add_signed(rseq) + size_of::<u32>();
            (cpu_id as *mut u32).write(UNREGISTERED);
        }
    }
}

/// The tables of <ctype.h> are in variables of the libc's that pthread_create
/// sets, to those of the process's locale; they may change with that, so the
/// caller's are taken. A locale that the caller alone has (uselocale(3)) is put
/// aside meanwhile: it may be freed while the thread runs.
///
/// # Safety
/// From `low` to `high` around the thread pointer there must be the new thread's
/// TLS, with the caller's layout.
pub unsafe fn copy_ctype(tp: usize, low: isize, high: isize) {
    let own = thread_pointer();
    let _global = symbols::GlobalLocale::set();
    for function in symbols::ctype_tables().into_iter().flatten() {
        // SAFETY: takes nothing; the calling thread's own variable.
        let variable = unsafe { function() };
        let distance = variable.addr().wrapping_sub(own) as isize;
        if low <= distance && distance < high {
            let place = tp.wrapping_add_signed(distance);
            // SAFETY: within the new thread's memory, by the contract.
            unsafe { set_word(place, variable.read()) };
        }
    }
}

fn first_pair(memory: usize) -> usize {
    memory + 2 * WORD
}

/// See `tcb_by_libc::enter`.
///
/// # Safety
/// As there.
pub unsafe fn enter(memory: usize, id: usize, block: usize) {
    // SAFETY: by the contract.
    unsafe { set_word(pair(first_pair(memory), id), block) };
}
