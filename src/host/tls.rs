// SPDX-License-Identifier: MIT OR Apache-2.0
//! Thread-local storage for threads that the libc does not make.
//!
//! A [`Plan`] says how a thread's block looks around its thread pointer: control
//! block, the TLS of every object as the calling thread has it, a dtv. Objects in
//! the static TLS area have the same distance from the thread pointer in every
//! thread; what was allocated on its own gets a place in the same memory.

use super::modules::{self, Module};
use super::page::align_up;
use super::tcb::Tcb;
use crate::arch::thread_pointer;
use crate::uapi::{Errno, sys};
use core::ptr::{copy_nonoverlapping, null_mut};

pub use super::modules::{Stamp, stamp};

/// The layout of a new thread's TLS, alone in pages of its own, with its modules
/// and their images behind it.
pub struct Plan {
    /// Bytes of these pages.
    mapped: usize,
    stamp: Stamp,
    tcb: Tcb,
    /// Highest module id.
    last: usize,
    count: usize,
    /// From the thread pointer to what lies lowest and behind what lies highest.
    low: isize,
    high: isize,
    /// The thread pointer is `residue` more than a multiple of `align`.
    align: usize,
    residue: usize,
    /// Bytes for blocks outside the static TLS area.
    allocated: usize,
}

/// Where a new thread's parts are.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The thread pointer.
    pub thread_pointer: usize,
    /// Everything below belongs to the stack.
    pub bottom: usize,
    dtv: usize,
    blocks: usize,
}

/// A line of the processor's cache: more alignment than any libc gives its
/// control block.
const LINE: usize = 64;
const WORD: usize = size_of::<usize>();
const SMALLEST_PAGE: usize = 4096;

/// TLS variant II: libcs keep the control block above the thread pointer, where
/// its end is a guess, and TLS below.
const TLS_IS_BELOW: bool = cfg!(any(target_arch = "x86_64", target_arch = "x86"));

impl Plan {
    /// Learns from the calling thread, which must be one of the libc's. Not
    /// async-signal-safe.
    ///
    /// ENOTSUP: the libc does not look as expected. EAGAIN: objects are loaded
    /// and unloaded all the time. ENOMEM.
    pub fn make() -> Result<*mut Plan, Errno> {
        const TRIES: usize = 8;
        for _ in 0..TRIES {
            let mut count = 0;
            let mut bytes = 0;
            let stamp = modules::walk(&mut |module| {
                count += 1;
                bytes += module.file_size;
            })?;
            let len = size_of::<Plan>() + count * size_of::<Module>() + bytes;
            let memory: *mut Plan = sys::map_pages(len)?.cast();
            // SAFETY: fresh memory of that size.
            let outcome = unsafe { fill(memory, len, count, stamp) };
            match outcome {
                Ok(true) => return Ok(memory),
                // SAFETY: mapped above, and nobody saw it.
                other => unsafe {
                    sys::unmap_pages(memory.cast(), len);
                    other?;
                },
            }
        }
        Err(Errno::EAGAIN)
    }

    /// Gives a plan's memory back.
    ///
    /// # Safety
    /// It must come from [`Plan::make`] and be used no more; or be null.
    pub unsafe fn discard(plan: *mut Plan) {
        if !plan.is_null() {
            // SAFETY: by the contract.
            unsafe { sys::unmap_pages(plan.cast(), (*plan).mapped) };
        }
    }

    /// Whether the same objects are loaded as when the plan was made.
    pub fn is_of(&self, stamp: Stamp) -> bool {
        self.stamp == stamp
    }

    fn modules(&self) -> &[Module] {
        let first = (&raw const *self).wrapping_add(1).cast::<Module>();
        // SAFETY: `make` put them there, behind the plan itself.
        unsafe { core::slice::from_raw_parts(first, self.count) }
    }

    fn images(&self) -> *const u8 {
        self.modules().as_ptr_range().end.cast()
    }

    /// Bytes that suffice for everything from the stack's bottom to the end of
    /// the thread's memory.
    pub fn room(&self) -> usize {
        let around = self.high.unsigned_abs() + self.low.unsigned_abs();
        let dtv = self.tcb.dtv_words(self.last) * WORD;
        around + SMALLEST_PAGE + self.tcb.touched + self.align + self.allocated + dtv + 4 * LINE
    }

    /// Where things go in memory that ends at `end`, the end of a page.
    ///
    /// The parts that every thread uses are put into one page, with the top of the
    /// stack: where struct pthread lies highest, only its beginning is in use.
    pub fn place(&self, end: usize) -> Place {
        let mut tp = end - self.high.unsigned_abs();
        if TLS_IS_BELOW {
            tp = (tp & !(SMALLEST_PAGE - 1)) - self.tcb.touched.next_multiple_of(LINE);
        }
        tp -= tp.wrapping_sub(self.residue) & (self.align - 1);
        let blocks = tp.wrapping_add_signed(self.low) - self.allocated;
        let dtv = (blocks - self.tcb.dtv_words(self.last) * WORD) & !(2 * WORD - 1);
        Place { thread_pointer: tp, bottom: dtv & !(LINE - 1), dtv, blocks }
    }

    /// Where the libc's copy of the thread id belongs, if it keeps one.
    pub fn tid(&self, place: &Place) -> *mut i32 {
        match self.tcb.tid {
            Some(distance) => place.thread_pointer.wrapping_add_signed(distance) as *mut i32,
            None => null_mut(),
        }
    }

    /// The calling thread's id as its libc keeps it, if it does.
    ///
    /// # Safety
    /// It must be a thread of the libc.
    pub unsafe fn own_tid(&self) -> Option<i32> {
        let distance = self.tcb.tid?;
        let place = thread_pointer().wrapping_add_signed(distance) as *const i32;
        // SAFETY: in this thread's control block, which is laid out as all of the
        // libc's are.
        Some(unsafe { place.read_volatile() })
    }

    /// Writes a new thread's TLS, the calling thread's variables taken over where
    /// the libc would. `used`: the memory may hold what another thread left.
    ///
    /// # Safety
    /// `place` must be this plan's, in writable memory of nobody else's.
    pub unsafe fn write(&self, place: &Place, used: bool) {
        let tp = place.thread_pointer;
        if used {
            // SAFETY: by the contract; `place` left that much room.
            unsafe { wipe(place.bottom, align_up(tp.wrapping_add_signed(self.high), LINE)) };
        }
        // SAFETY: all in zeroed memory of the new thread, where `place` put it.
        unsafe {
            self.tcb.write(tp, place.dtv, self.last);
            let mut image = self.images();
            let mut free = place.blocks;
            for module in self.modules() {
                let block = module.place.map_or_else(
                    || take_block(&mut free, module),
                    |distance| tp.wrapping_add_signed(distance),
                );
                copy_nonoverlapping(image, block as *mut u8, module.file_size);
                image = image.add(module.file_size);
                self.tcb.enter(place.dtv, module.id, block);
            }
            self.tcb.set_variables(tp, self.low, self.high);
        }
    }
}

/// The place of the next block that is not in the static TLS area.
fn take_block(free: &mut usize, module: &Module) -> usize {
    let block = align_up(*free, module.align);
    *free = block + module.size;
    block
}

/// Zeroes lines that are not zero: a page that is only read stays the kernel's
/// page of zeroes.
///
/// # Safety
/// The memory must be the caller's, its ends at lines.
unsafe fn wipe(start: usize, end: usize) {
    type Line = [usize; LINE / WORD];
    let mut line = start as *mut Line;
    while line.addr() < end {
        // SAFETY: by the contract.
        unsafe {
            if line.read().iter().fold(0, |all, word| all | word) != 0 {
                line.write([0; LINE / WORD]);
            }
            line = line.add(1);
        }
    }
}

/// Fills a plan with what the loader says now; whether that is what `len` was made
/// for.
///
/// # Safety
/// `plan` must be zeroed memory of `len` bytes, enough for `count` modules.
unsafe fn fill(plan: *mut Plan, len: usize, count: usize, stamp: Stamp) -> Result<bool, Errno> {
    // SAFETY: by the contract.
    let list = unsafe { core::slice::from_raw_parts_mut(plan.add(1).cast::<Module>(), count) };
    let mut image = list.as_mut_ptr_range().end.cast::<u8>();
    let end = plan.addr() + len;
    let mut free = list.iter_mut();
    let mut fits = true;
    let mut untouched = 0;
    let now = modules::walk(&mut |module| {
        let Some(slot) = free.next().filter(|_| module.file_size <= end - image.addr()) else {
            fits = false;
            return;
        };
        *slot = *module;
        if module.data == 0 {
            untouched = module.id;
        }
        // SAFETY: the image is the loader's while it calls; there is room.
        unsafe {
            copy_nonoverlapping(module.image as *const u8, image, module.file_size);
            image = image.add(module.file_size);
        }
    })?;
    if !fits || now != stamp || free.next().is_some() {
        return Ok(false);
    }
    if untouched != 0 {
        // Only now, that the loader's lock is no longer held.
        for module in list.iter().filter(|module| module.data == 0) {
            modules::block(module.id)?;
        }
        return Ok(false);
    }
    // SAFETY: as above.
    unsafe { plan.write(arrange(list, len, stamp)?) };
    Ok(true)
}

/// Decides where each module's block goes.
fn arrange(list: &mut [Module], mapped: usize, stamp: Stamp) -> Result<Plan, Errno> {
    let tcb = Tcb::of_this_thread(list).ok_or(Errno::ENOTSUP)?;
    let tp = thread_pointer();
    let reach = list
        .iter()
        .map(|module| module.size.saturating_add(module.align))
        .fold(SURPLUS, usize::saturating_add);
    let mut plan = Plan {
        mapped,
        stamp,
        last: list.iter().map(|module| module.id).max().unwrap_or(0),
        count: list.len(),
        low: tcb.low,
        high: tcb.high,
        align: LINE,
        residue: 0,
        allocated: 0,
        tcb,
    };
    for module in list {
        if !module.align.is_power_of_two() {
            return Err(Errno::ENOTSUP);
        }
        match distance(module, tp, reach) {
            Some(place) if plan.tcb.is_allocated(module) != Some(true) => {
                module.place = Some(place);
                plan.low = plan.low.min(place);
                plan.high = plan.high.max(place + module.size as isize);
                plan.align = plan.align.max(module.align);
            }
            // A block that the libc did not allocate is in the static area.
            None if plan.tcb.is_allocated(module) == Some(false) => return Err(Errno::ENOTSUP),
            _ => plan.allocated += module.size + module.align,
        }
    }
    plan.low &= !(LINE as isize - 1);
    plan.residue = tp & (plan.align - 1);
    Ok(plan)
}

/// More than a libc keeps free in the static TLS area for objects to come, and
/// for alignment there (glibc: 1664 bytes and what a tunable adds).
const SURPLUS: usize = 1 << 16;

/// From the thread pointer to the calling thread's block, if that can be in the
/// static TLS area: on the right side, and no further than all blocks reach.
fn distance(module: &Module, tp: usize, reach: usize) -> Option<isize> {
    let fits = match TLS_IS_BELOW {
        true => tp.checked_sub(module.data).is_some_and(|far| far <= reach && far >= module.size),
        false => module.data.checked_sub(tp).is_some_and(|far| far <= reach),
    };
    fits.then(|| module.data.wrapping_sub(tp) as isize)
}
