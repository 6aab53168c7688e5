// SPDX-License-Identifier: MIT OR Apache-2.0
//! struct pthread and dtv of musl 1.2.2 to 1.2.6.
//!
//! A dtv is an array of words: how many modules there are, then the block of
//! each. Nothing is believed that the calling thread's own does not show.

use super::modules::Module;
use super::musl::{self, layout};
use super::symbols;
use super::tcb::{Libc, SPARE, Tcb, WORDS, set_word, word};
use crate::arch::thread_pointer;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const WORD: usize = size_of::<usize>();
/// struct pthread has about 200 bytes in every 1.2 release.
const REACH: usize = 512;

/// Where the pointer to the dtv is, from the thread pointer, and the words to
/// take over from the creator: sysinfo and the canary.
#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
mod place {
    pub const DTV: isize = super::WORD as isize;
    pub const COPIED: &[isize] = &[4 * super::WORD as isize, 5 * super::WORD as isize];
}
#[cfg(any(target_arch = "aarch64", target_arch = "riscv64"))]
mod place {
    pub const DTV: isize = -8;
    pub const COPIED: &[isize] = &[-16];
}

/// See [`Tcb::of_this_thread`].
pub fn learn(modules: &[Module]) -> Option<Tcb> {
    let tp = thread_pointer();
    let this = musl::thread()?.addr();
    let below = tp.checked_sub(this).filter(|&size| size <= REACH)?;
    check_dtv(modules)?;
    let robust = robust_place(this)?;
    let mut words = [0; WORDS];
    let _global = symbols::GlobalLocale::set();
    let mut saved = words.iter_mut();
    for (saved, place) in (&mut saved).zip(place::COPIED) {
        // SAFETY: in the calling thread's struct pthread.
        *saved = unsafe { word(tp.wrapping_add_signed(*place)) };
    }
    if let Some(saved) = saved.next() {
        // SAFETY: in the calling thread's struct pthread.
        *saved = unsafe { word(this + robust + LOCALE_BEHIND_ROBUST) };
    }
    Some(Tcb {
        libc: Libc::Musl,
        low: -(below as isize),
        high: if below == 0 { REACH as isize } else { 2 * WORD as isize },
        touched: REACH,
        tid: Some((this + layout::TID).wrapping_sub(tp) as isize),
        words,
        rseq: None,
        robust,
    })
}

/// From the head of the robust list, which has three words and is followed by two
/// ints, to the thread's locale.
const LOCALE_BEHIND_ROBUST: usize = 3 * WORD + 8;

/// From struct pthread to the head of the robust list, which is empty and so
/// points at itself; looked for the first time when the library is loaded.
pub fn robust_place(this: usize) -> Option<usize> {
    static PLACE: AtomicUsize = AtomicUsize::new(0);
    let known = PLACE.load(Relaxed);
    if known != 0 {
        return Some(known);
    }
    let first = (layout::TID + 8).next_multiple_of(WORD);
    let found = (first..first + 24 * WORD)
        .step_by(WORD)
        // SAFETY: within struct pthread.
        .find(|place| unsafe { word(this + place) } == this + place)?;
    PLACE.store(found, Relaxed);
    Some(found)
}

/// The calling thread's dtv and the number of its last block.
fn dtv() -> Option<(usize, usize)> {
    // SAFETY: in the calling thread's struct pthread.
    let dtv = unsafe { word(thread_pointer().wrapping_add_signed(place::DTV)) };
    if dtv == 0 || dtv % WORD != 0 {
        return None;
    }
    // SAFETY: every thread of musl's has a dtv with its size.
    Some((dtv, unsafe { word(dtv) }))
}

/// The calling thread's block of a module.
pub fn block_by_dtv(id: usize) -> Option<usize> {
    musl::thread()?;
    let (dtv, last) = dtv()?;
    // SAFETY: within the dtv, as it says.
    (id <= last).then(|| unsafe { word(dtv + id * WORD) })
}

fn check_dtv(modules: &[Module]) -> Option<()> {
    let agrees = |module: &Module| block_by_dtv(module.id) == Some(module.data);
    dtv()?;
    modules.iter().all(agrees).then_some(())
}

/// See [`Tcb::dtv_words`].
pub fn dtv_words(last: usize) -> usize {
    1 + last + SPARE
}

/// What pthread_getspecific() reads in a thread that can have no values, and
/// pthread_setspecific() cannot write.
static NO_VALUES: [usize; 128] = [0; 128];

/// See [`Tcb::write`]. Blocks loaded later are at 0: a read there stops the
/// thread.
///
/// # Safety
/// As there.
pub unsafe fn write(tcb: &Tcb, tp: usize, dtv: usize, last: usize) {
    let this = match tcb.low {
        0 => tp,
        low => tp.wrapping_add_signed(low),
    };
    // SAFETY: by the contract.
    unsafe {
        set_word(dtv, last);
        set_word(this, this);
        set_word(tp.wrapping_add_signed(place::DTV), dtv);
        // The libc's list of threads has this one alone.
        set_word(this + layout::PREVIOUS, this);
        set_word(this + layout::NEXT, this);
        let mut saved = tcb.words.iter();
        for (saved, place) in (&mut saved).zip(place::COPIED) {
            set_word(tp.wrapping_add_signed(*place), *saved);
        }
        let robust = this + tcb.robust;
        set_word(robust, robust);
        set_word(robust - WORD, NO_VALUES.as_ptr().addr());
        if let Some(locale) = saved.next() {
            set_word(robust + LOCALE_BEHIND_ROBUST, *locale);
        }
    }
}

/// See [`Tcb::enter`].
///
/// # Safety
/// As there.
pub unsafe fn enter(dtv: usize, id: usize, block: usize) {
    // SAFETY: by the contract.
    unsafe { set_word(dtv + id * WORD, block) };
}
