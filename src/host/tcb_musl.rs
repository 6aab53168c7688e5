// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a new thread's struct pthread and dtv hold in musl 1.2.2 to 1.2.6. Nothing is
//! believed that the calling thread's own does not show.

use super::modules::Module;
use super::musl_thread::{self, layout};
use super::symbols;
use super::tcb::{Libc, SPARE, Tcb, WORDS, set_word, word};
use crate::arch::thread_pointer;

const WORD: usize = size_of::<usize>();
/// struct pthread has about 200 bytes in every 1.2 release.
const REACH: usize = 512;

/// See `tcb_by_libc::of_this_thread`.
pub fn learn(modules: &[Module]) -> Option<Tcb> {
    let tp = thread_pointer();
    let this = musl_thread::thread()?.addr();
    let below = tp.checked_sub(this).filter(|&size| size <= REACH)?;
    check_dtv(modules)?;
    let robust = musl_thread::robust_place(this)?;
    let mut words = [0; WORDS];
    let _global = symbols::GlobalLocale::set();
    let mut saved = words.iter_mut();
    for (saved, place) in (&mut saved).zip(layout::COPIED) {
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

fn check_dtv(modules: &[Module]) -> Option<()> {
    let agrees = |module: &Module| musl_thread::block_by_dtv(module.id) == Some(module.data);
    musl_thread::dtv()?;
    modules.iter().all(agrees).then_some(())
}

/// See `tcb_by_libc::dtv_words`.
pub fn dtv_words(last: usize) -> usize {
    1 + last + SPARE
}

/// What pthread_getspecific() reads in a thread that can have no values, and
/// pthread_setspecific() cannot write.
static NO_VALUES: [usize; 128] = [0; 128];

/// See `tcb_by_libc::write`. Blocks loaded later are at 0: a read there stops the
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
        set_word(tp.wrapping_add_signed(layout::DTV), dtv);
        // The libc's list of threads has this one alone.
        set_word(this + layout::PREVIOUS, this);
        set_word(this + layout::NEXT, this);
        let mut saved = tcb.words.iter();
        for (saved, place) in (&mut saved).zip(layout::COPIED) {
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

/// See `tcb_by_libc::enter`.
///
/// # Safety
/// As there.
pub unsafe fn enter(dtv: usize, id: usize, block: usize) {
    // SAFETY: by the contract.
    unsafe { set_word(dtv + id * WORD, block) };
}
