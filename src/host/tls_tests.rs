// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a new thread's TLS goes, and what is written there: on memory that no thread
//! runs on.

use super::super::tcb::{Libc, WORDS};
use super::*;
use std::alloc::{Layout, alloc_zeroed, dealloc};

const CONTROL: isize = 512;

fn control_block(libc: Libc) -> Tcb {
    // Above the thread pointer where TLS is below it, and below it elsewhere.
    let (low, high) = if TLS_IS_BELOW { (0, CONTROL) } else { (-CONTROL, 2 * WORD as isize) };
    let tid = Some(if TLS_IS_BELOW { 64 } else { -64 });
    Tcb { libc, low, high, touched: 128, tid, words: [0; WORDS], rseq: None, robust: 96 }
}

fn layout(libc: Libc, around: (isize, isize), align: usize, residue: usize) -> TlsLayout {
    let tcb = control_block(libc);
    TlsLayout {
        mapped: 0,
        stamp: Stamp::default(),
        is_complete: true,
        last: 3,
        count: 0,
        modules: core::ptr::NonNull::dangling().as_ptr(),
        images: null_mut(),
        low: around.0.min(tcb.low),
        high: around.1.max(tcb.high),
        align,
        residue,
        allocated: 0,
        tcb,
    }
}

#[test]
fn parts_do_not_overlap_and_have_room() {
    for libc in [Libc::Glibc, Libc::Musl] {
        for align in [16, 64, 256, 4096, 16384] {
            for residue in [0, 16, align / 2] {
                for (low, high) in [(0, 0), (-8, 8), (-5000, 3), (-64, 9000), (-100_000, 100_000)] {
                    let mut layout = layout(libc, (low, high), align, residue % align);
                    layout.allocated = 1000;
                    let end = 1 << 30;
                    let place = layout.place(end);
                    let tp = place.thread_pointer;
                    let case = format!("{libc:?} {align} {residue} {low} {high}: {place:?}");
                    assert_eq!(tp % align, residue % align, "{case}");
                    assert!(tp.wrapping_add_signed(layout.high) <= end, "{case}");
                    assert!(
                        place.blocks + layout.allocated <= tp.wrapping_add_signed(layout.low),
                        "{case}"
                    );
                    assert!(place.dtv + layout.dtv_words() * WORD <= place.blocks, "{case}");
                    assert!(place.dtv % (2 * WORD) == 0 && place.bottom <= place.dtv, "{case}");
                    assert!(
                        place.bottom % LINE == 0 && end - place.bottom <= layout.room(),
                        "{case}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_every_thread_touches_is_in_the_page_of_the_thread_pointer() {
    for end in [1 << 30, (1 << 30) + SMALLEST_PAGE] {
        let layout = layout(Libc::Glibc, (-64, 4096), 64, 0);
        let tp = layout.place(end).thread_pointer;
        if TLS_IS_BELOW {
            let page = |address: usize| address / SMALLEST_PAGE;
            assert_eq!(page(tp), page(tp + layout.tcb.touched - 1));
            assert_eq!(page(tp), page(tp - 64), "with the TLS and the top of the stack");
        }
        assert_eq!(
            layout.tid(&layout.place(end)).addr(),
            tp.wrapping_add_signed(layout.tcb.tid.unwrap())
        );
    }
}

#[test]
fn a_libc_that_keeps_no_thread_id_has_no_place_for_it() {
    let mut layout = layout(Libc::Glibc, (0, 0), 64, 0);
    layout.tcb.tid = None;
    assert!(layout.tid(&layout.place(1 << 30)).is_null());
}

const IMAGES: &[u8] = b"static oneapart";

/// One object in the static area, one that is not, and one of which there is no block.
fn some_modules() -> [Module; 2] {
    // Distances as the architecture has them: below the thread pointer or above it.
    let place = if TLS_IS_BELOW { -128 } else { 64 };
    let module = |id, file_size, size, align, place| Module {
        id,
        data: 0,
        image: 0,
        file_size,
        size,
        align,
        place,
    };
    [module(1, 10, 48, 16, Some(place)), module(3, 5, 300, 64, None)]
}

/// Writes a thread's TLS into memory that holds `before`, and looks at it.
fn written(before: u8, look: impl Fn(&TlsLayout, &Place)) {
    const SIZE: usize = 64 << 10;
    let memory = Layout::from_size_align(SIZE, SMALLEST_PAGE).unwrap();
    let modules = some_modules();
    let mut layout = layout(Libc::Musl, (-128, 128), 128, 0);
    (layout.count, layout.modules) = (modules.len(), modules.as_ptr());
    (layout.images, layout.allocated) = (IMAGES.as_ptr(), 300 + 64);
    // SAFETY: the memory is this function's alone, and large enough for the layout.
    unsafe {
        let start = alloc_zeroed(memory);
        start.write_bytes(before, SIZE);
        let place = layout.place(start.addr() + SIZE);
        assert!(place.bottom >= start.addr() + SIZE - layout.room());
        layout.write(&place, before != 0);
        look(&layout, &place);
        dealloc(start, memory);
    }
}

/// Bytes of memory that `written` has made.
fn bytes<'a>(address: usize, len: usize) -> &'a [u8] {
    // SAFETY: within the memory of `written`, while it is there.
    unsafe { core::slice::from_raw_parts(address as *const u8, len) }
}

#[test]
fn images_and_zeroes_are_written_wherever_a_thread_was_before() {
    for before in [0, 0xa5] {
        written(before, |layout, place| {
            let modules = layout.modules();
            let block = place.thread_pointer.wrapping_add_signed(modules[0].place.unwrap());
            assert_eq!(bytes(block, 10), b"static one");
            assert!(
                bytes(block + 10, 38).iter().all(|&byte| byte == 0),
                "the rest of it, {before}"
            );
            let apart = align_up(place.blocks, 64);
            assert_eq!(bytes(apart, 5), b"apart");
            assert!(
                bytes(apart + 5, 295).iter().all(|&byte| byte == 0),
                "the rest of it, {before}"
            );
            assert!(apart + 300 <= place.blocks + layout.allocated);
        });
    }
}

#[test]
fn the_dtv_says_where_blocks_are() {
    written(0xa5, |layout, place| {
        let words: Vec<usize> = bytes(place.dtv, 4 * WORD)
            .chunks(WORD)
            .map(|word| usize::from_ne_bytes(word.try_into().unwrap()))
            .collect();
        let fixed = place.thread_pointer.wrapping_add_signed(layout.modules()[0].place.unwrap());
        assert_eq!(words, [layout.last, fixed, 0, align_up(place.blocks, 64)], "none of number 2");
    });
}

#[test]
fn a_layout_is_older_if_it_knows_fewer_objects() {
    let whole = layout(Libc::Musl, (0, 0), 64, 0);
    let mut partial = layout(Libc::Musl, (0, 0), 64, 0);
    partial.is_complete = false;
    assert!(whole.is_of(Stamp::default()) && !partial.is_of(Stamp::default()));
    assert!(partial.is_older_than(&whole) && !whole.is_older_than(&partial));
    assert!(!whole.is_older_than(&whole));
}
