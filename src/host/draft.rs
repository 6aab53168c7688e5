// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a [`TlsLayout`] is made: from what the loader says of the objects, and from what the
//! libc gives its own threads.

use super::modules::{self, Module, Stamp};
use super::tcb::Tcb;
use super::template::{Place, Template};
use super::tls::{LINE, TLS_IS_BELOW, TlsLayout};
use super::{rtld, tcb_by_libc};
use crate::arch::thread_pointer;
use crate::uapi::{Errno, pages};
use core::ptr::copy_nonoverlapping;

/// Learns how a new thread's TLS is to look. The calling thread must be one of the
/// libc's. Not async-signal-safe.
///
/// ENOTSUP: the libc does not look as expected. EAGAIN: objects are loaded all the
/// time. ENOMEM.
pub fn make() -> Result<*mut TlsLayout, Errno> {
    const TRIES: usize = 100;
    let loader = rtld::hold();
    for _ in 0..TRIES {
        let (mut count, mut bytes) = (0, 0);
        let stamp = modules::walk(&mut |module| {
            count += 1;
            bytes += module.file_size;
        })?;
        let template = Template::make()?;
        if let Some(template) = &template {
            let (statics, extent) = extent(template);
            count += statics;
            bytes += extent;
        }
        let draft = Draft::new(count, bytes)?;
        if let Some(layout) = draft.fill(stamp, template, loader.is_held())? {
            return Ok(layout);
        }
    }
    Err(Errno::EAGAIN)
}

/// How many modules in the static area there are at most besides the calling
/// namespace's, and how many bytes.
fn extent(template: &Template) -> (usize, usize) {
    match TLS_IS_BELOW {
        true => template
            .statics()
            .fold((0, 0), |(count, far), (_, place)| (count + 1, far.max(place.unsigned_abs()))),
        false => (0, 0),
    }
}

/// Memory for a layout: the modules behind it, their images behind those.
struct Draft {
    layout: *mut TlsLayout,
    mapped: usize,
    capacity: usize,
    count: usize,
    images: *mut u8,
    /// Behind the last image.
    image: *mut u8,
    fits: bool,
    is_complete: bool,
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.layout.is_null() {
            // SAFETY: mapped by `new`, and no other thread has seen it.
            unsafe { pages::unmap_pages(self.layout.cast(), self.mapped) };
        }
    }
}

impl Draft {
    fn new(capacity: usize, bytes: usize) -> Result<Draft, Errno> {
        let before = size_of::<TlsLayout>() + capacity * size_of::<Module>();
        let mapped = before + bytes;
        let layout: *mut TlsLayout = pages::map_pages(mapped)?.cast();
        let images = layout.cast::<u8>().wrapping_add(before);
        Ok(Draft {
            layout,
            mapped,
            capacity,
            count: 0,
            images,
            image: images,
            fits: true,
            is_complete: true,
        })
    }

    fn modules(&mut self) -> &mut [Module] {
        // SAFETY: as many were added; zeroes are modules too.
        unsafe { core::slice::from_raw_parts_mut(self.layout.add(1).cast(), self.count) }
    }

    /// Takes a module and its image.
    ///
    /// # Safety
    /// The image must be there.
    unsafe fn add(&mut self, module: &Module) {
        let end = self.layout.addr() + self.mapped;
        if self.count == self.capacity || module.file_size > end - self.image.addr() {
            self.fits = false;
            return;
        }
        self.count += 1;
        if let Some(last) = self.modules().last_mut() {
            *last = *module;
        }
        // SAFETY: by the contract, and there is room.
        unsafe {
            copy_nonoverlapping(module.image as *const u8, self.image, module.file_size);
            self.image = self.image.add(module.file_size);
        }
    }

    /// The layout, if the objects are still those that were counted.
    ///
    /// An object is in the loader's list before it has its number, and until it has
    /// none: one that was in the list before the template was made, and as nothing was
    /// loaded since still is, is what the template has under its number.
    ///
    /// `held`: nothing can be loaded or unloaded. What the template lacks then is the
    /// first object of a further part of glibc's table, which 2.31 passes over.
    fn fill(
        mut self,
        stamp: Stamp,
        template: Option<Template>,
        held: bool,
    ) -> Result<Option<*mut TlsLayout>, Errno> {
        let now = modules::walk(&mut |module| {
            let mut module = *module;
            match template.as_ref().map(|template| template.place(module.id)) {
                // Being loaded: its image may not be relocated.
                Some(Place::Nowhere) if !held => return self.is_complete = false,
                Some(Place::Static(place)) => module.place = Some(place),
                _ => {}
            }
            // SAFETY: the object is the loader's while it calls.
            unsafe { self.add(&module) };
        })?;
        if now != stamp || !self.fits {
            return Ok(None);
        }
        if let Some(template) = &template {
            self.add_others(template);
        }
        let placed = |id| template.as_ref().is_some_and(|its| its.place(id) != Place::Nowhere);
        for module in self.modules() {
            // With no lock of the loader's held, or the one that comes first.
            if module.data == 0 && !placed(module.id) {
                module.data = modules::block(module.id)?;
            }
        }
        let mut layout = arrange(self.modules(), &placed)?;
        layout.mapped = self.mapped;
        layout.modules = self.layout.wrapping_add(1).cast();
        layout.images = self.images;
        layout.stamp = stamp;
        layout.is_complete = self.is_complete;
        // SAFETY: the draft's own memory, which is the layout's from here on.
        unsafe { self.layout.write(layout) };
        Ok(self.fits.then(|| core::mem::replace(&mut self.layout, core::ptr::null_mut())))
    }

    /// Objects of other namespaces (dlmopen), which no walk shows: each reaches up to the
    /// next one. Their TLS outside the static area is not supported.
    fn add_others(&mut self, template: &Template) {
        for (id, place) in template.statics().filter(|_| TLS_IS_BELOW) {
            if self.modules().iter().any(|module| module.id == id) {
                continue;
            }
            let next = template.statics().map(|other| other.1).filter(|&other| other > place).min();
            let size = next.unwrap_or(0).wrapping_sub(place) as usize;
            let image = template.at(place);
            // SAFETY: in the template's static area, which ends at its thread pointer.
            let bytes = unsafe { core::slice::from_raw_parts(image as *const u8, size) };
            let file_size = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
            let place = Some(place);
            // SAFETY: as above.
            unsafe { self.add(&Module { id, data: 0, image, file_size, size, align: 1, place }) };
        }
    }
}

/// Decides where each module's block goes. `placed`: whether the libc said so.
fn arrange(list: &mut [Module], placed: &dyn Fn(usize) -> bool) -> Result<TlsLayout, Errno> {
    let tcb = tcb_by_libc::of_this_thread(list).ok_or(Errno::ENOTSUP)?;
    let tp = thread_pointer();
    let reach = list
        .iter()
        .map(|module| module.size.saturating_add(module.align))
        .fold(SURPLUS, usize::saturating_add);
    let mut layout = TlsLayout {
        mapped: 0,
        stamp: Stamp::default(),
        is_complete: false,
        last: list.iter().map(|module| module.id).max().unwrap_or(0),
        count: list.len(),
        modules: core::ptr::null(),
        images: core::ptr::null(),
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
        module.place = match placed(module.id) {
            true => agreed(module, &layout.tcb, tp)?,
            false => found(module, &layout.tcb, tp, reach)?,
        };
        match module.place {
            Some(place) => {
                layout.low = layout.low.min(place);
                layout.high = layout.high.max(place + module.size as isize);
                layout.align = layout.align.max(module.align);
            }
            None => layout.allocated += module.size + module.align,
        }
    }
    layout.low &= !(LINE as isize - 1);
    layout.residue = tp & (layout.align - 1);
    Ok(layout)
}

/// The place that the libc gives new threads, which the calling thread's own block, if
/// it has one in the static area, must have too.
fn agreed(module: &Module, tcb: &Tcb, tp: usize) -> Result<Option<isize>, Errno> {
    let is_static = module.data != 0 && tcb_by_libc::is_allocated(tcb, module) == Some(false);
    if is_static && module.place != Some(module.data.wrapping_sub(tp) as isize) {
        return Err(Errno::ENOTSUP);
    }
    Ok(module.place)
}

/// The same by the calling thread's block alone.
fn found(module: &Module, tcb: &Tcb, tp: usize, reach: usize) -> Result<Option<isize>, Errno> {
    match (distance(module, tp, reach), tcb_by_libc::is_allocated(tcb, module)) {
        (Some(_), Some(true)) => Ok(None),
        // A block that the libc did not allocate is in the static area.
        (None, Some(false)) => Err(Errno::ENOTSUP),
        (place, _) => Ok(place),
    }
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
