// SPDX-License-Identifier: MIT OR Apache-2.0
//! The slots of bare threads: taken, given back, used again; how the tables grow, and what
//! becomes of them in a fork child.

use clone3_models::arch::{self, Emptying};
use clone3_models::kernel::{self, ABLE, Abilities, Change};
use clone3_models::stage::{ROOM, explore, occupy, take, take_with};
use clone3_models::thread::entry::Handle;
use clone3_models::thread::held::Held;
use clone3_models::thread::slots::{self, Slot};
use clone3_models::uapi::Errno;
use std::sync::atomic::Ordering::Relaxed;

const PAGE: usize = 4096;
/// As the library has them: opened together, kept with their pages, kept open.
const TOGETHER: usize = 16;
const KEPT: usize = 16;
const CACHED: usize = 64;
const NO_GUARDS: Abilities = Abilities { guards: false, ..ABLE };

/// One run: there is one thread.
fn alone(able: Abilities, test: impl Fn() + Send + Sync + 'static) {
    explore(None, move || {
        kernel::can(able);
        test();
    });
}

fn new_slot() -> Slot {
    let (slot, used) = take().unwrap();
    assert!(!used);
    slot
}

/// A thread that was there, and has gone.
fn be_used(slot: &Slot) -> Handle {
    let handle = occupy(slot, false);
    slot.entry.tid.store(0, Relaxed);
    handle
}

fn numbers(slots: &[Slot]) -> Vec<u32> {
    let mut numbers: Vec<_> = slots.iter().map(|slot| slot.number).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn slots_lie_side_by_side_with_a_guard_before_each() {
    alone(ABLE, || {
        let slots: Vec<_> = (0..3 * TOGETHER).map(|_| new_slot()).collect();
        for pair in slots.windows(2) {
            assert_eq!(pair[0].end + PAGE, pair[1].low);
            assert_eq!(pair[0].number + 1, pair[1].number);
        }
        assert!(slots.iter().all(|slot| slot.end - slot.low == (128 << 10) + ROOM));
        let (mut opened, mut guards) = (Vec::new(), Vec::new());
        for change in kernel::changes() {
            match change {
                Change::Open(at, len) => opened.push(at..at + len),
                Change::Guard(at, PAGE) => guards.push(at),
                Change::Reserve(..) => {}
                other => panic!("{other:?}"),
            }
        }
        for slot in &slots {
            assert!(guards.contains(&(slot.low - PAGE)));
            let within = opened.iter().filter(|range| range.contains(&slot.low));
            assert_eq!(within.filter(|range| slot.end <= range.end).count(), 1);
        }
        assert_eq!(opened.len(), 1 + 3, "the entries, and the slots by sixteen");
    });
}

#[test]
fn without_guards_of_the_kernels_each_slot_is_opened_by_itself() {
    alone(NO_GUARDS, || {
        let (first, second) = (new_slot(), new_slot());
        let opened: Vec<_> = kernel::changes().split_off(2); // the mapping, its entries
        let [one, two] = [&first, &second].map(|slot| Change::Open(slot.low, slot.end - slot.low));
        assert_eq!(opened, [one, two]);
    });
}

#[test]
fn what_is_given_back_is_taken_again() {
    alone(ABLE, || {
        let slots = [new_slot(), new_slot(), new_slot()];
        let handles = slots.each_ref().map(be_used);
        kernel::changes();
        slots[0].release();
        slots[2].release();
        let again = [take().unwrap(), take().unwrap()];
        assert!(again.iter().all(|(_, used)| *used));
        assert_eq!(numbers(&again.map(|(slot, _)| slot)), numbers(&[slots[0], slots[2]]));
        assert_eq!(new_slot().number, slots[2].number + 1);
        assert_eq!(kernel::changes(), [], "few keep their pages");
        assert!(slots::thread(handles[1]).is_ok());
        assert_eq!(slots::thread(handles[0]).err(), Some(Errno::ESRCH));
        assert_ne!(be_used(&slots[0]), handles[0], "another thread has another handle");
    });
}

#[test]
fn free_slots_keep_pages_then_addresses_then_nothing() {
    for able in [ABLE, NO_GUARDS] {
        alone(able, move || {
            let slots: Vec<_> = (0..CACHED + 6).map(|_| new_slot()).collect();
            kernel::changes();
            for _ in 0..2 {
                give_back_all(&slots, able);
                let again: Vec<_> = slots.iter().map(|_| take().unwrap()).collect();
                let opened = kernel::changes();
                let used = again.iter().filter(|(_, used)| *used).count();
                let (expected, opens) = if able.guards { (CACHED + 6, 0) } else { (CACHED, 6) };
                assert_eq!((used, opened.len()), (expected, opens));
                let again: Vec<_> = again.into_iter().map(|(slot, _)| slot).collect();
                assert_eq!(numbers(&again), numbers(&slots));
            }
        });
    }
}

fn give_back_all(slots: &[Slot], able: Abilities) {
    for (before, slot) in slots.iter().enumerate() {
        be_used(slot);
        slot.release();
        let [low, len] = slot.memory();
        let expected = match before {
            0..KEPT => None,
            KEPT..CACHED => Some(Change::Advise(low, len)),
            // It stays open where a whole row was opened.
            _ if able.guards => Some(Change::Advise(low, len)),
            _ => Some(Change::Empty(low, len)),
        };
        assert_eq!(kernel::changes(), Vec::from_iter(expected), "{before}");
    }
}

#[test]
fn a_slot_is_free_when_its_thread_has_gone() {
    alone(ABLE, || {
        let slot = new_slot();
        occupy(&slot, true);
        slot.leave();
        let other = new_slot();
        assert_ne!(other.number, slot.number);
        slot.entry.tid.store(0, Relaxed);
        let (again, used) = take().unwrap();
        assert_eq!((again.number, used), (slot.number, true));
    });
}

#[test]
fn a_thread_that_leaves_gives_up_its_memory_beyond_the_first() {
    for (able, how) in [(ABLE, Emptying::Pages), (NO_GUARDS, Emptying::Access)] {
        alone(able, move || {
            let slots: Vec<_> = (0..=KEPT).map(|_| new_slot()).collect();
            for (before, slot) in slots.iter().enumerate() {
                occupy(slot, true);
                let (unmapped, emptied, by) = slot.release_own();
                assert_eq!((unmapped, by), ([0; 2], how));
                assert_eq!(emptied, if before < KEPT { [0; 2] } else { slot.memory() });
                slot.entry.tid.store(0, Relaxed);
            }
            let again: Vec<_> = slots.iter().map(|_| take().unwrap()).collect();
            let used = again.iter().filter(|(_, used)| *used).count();
            assert_eq!(used, if able.guards { KEPT + 1 } else { KEPT });
        });
    }
}

#[test]
fn a_stack_of_its_own_is_unmapped_once() {
    alone(ABLE, || {
        let (joined, left) = (new_slot(), new_slot());
        for (slot, at) in [(&joined, 1 << 20), (&left, 2 << 20)] {
            slot.entry.mapping[0].store(at, Relaxed);
            slot.entry.mapping[1].store(PAGE, Relaxed);
        }
        be_used(&joined);
        kernel::changes();
        joined.release();
        assert_eq!(kernel::changes(), [Change::Unmap(1 << 20, PAGE)]);
        occupy(&left, true);
        left.leave(); // it is still on that stack
        assert_eq!(kernel::changes(), []);
        left.entry.tid.store(0, Relaxed);
        take().unwrap();
        assert_eq!(kernel::changes(), [Change::Unmap(2 << 20, PAGE)]);
        assert_eq!(joined.take_mapping(), [0; 2]);
    });
}

#[test]
fn slots_that_are_too_small_are_not_used_any_more() {
    alone(ABLE, || {
        let small = [new_slot(), new_slot()];
        be_used(&small[0]);
        small[0].release();
        kernel::changes();
        let (large, used) = take_with(ROOM + 1).unwrap();
        assert!(!used && !numbers(&small).contains(&large.number));
        let emptied = Change::Advise(small[0].low, small[0].end - small[0].low);
        assert_eq!(kernel::changes()[0], emptied);
        // In the new mapping there is room for more such, without a third one.
        assert!(take_with(2 * ROOM).is_ok());
        let reserved = kernel::changes().into_iter().find(|c| matches!(c, Change::Reserve(..)));
        assert_eq!(reserved, None);
    });
}

#[test]
fn there_is_an_end_of_slots_and_one_given_back_is_taken_again() {
    // A limit on addresses: mappings get smaller until they fit.
    alone(Abilities { mappings: 2, largest: 1 << 20, ..ABLE }, || {
        let mut slots = Vec::new();
        let refused = loop {
            match take() {
                Ok((slot, _)) => slots.push(slot),
                Err(errno) => break errno,
            }
            assert!(slots.len() < 100);
        };
        assert_eq!(refused, Errno::EAGAIN);
        assert!(slots.len() >= 8, "{}", slots.len());
        let mut all = numbers(&slots);
        all.dedup();
        assert_eq!(all.len(), slots.len());
        assert_eq!(take().err(), Some(Errno::EAGAIN));
        be_used(&slots[5]);
        slots[5].release();
        assert_eq!(take().map(|(slot, used)| (slot.number, used)), Ok((slots[5].number, true)));
        assert_eq!(take().err(), Some(Errno::EAGAIN));
    });
    alone(Abilities { mappings: 0, ..ABLE }, || {
        assert_eq!(take().err(), Some(Errno::EAGAIN));
        kernel::can(ABLE);
        new_slot();
    });
}

#[test]
fn a_slot_that_cannot_be_opened_is_not_lost() {
    alone(NO_GUARDS, || {
        let first = new_slot();
        kernel::can(Abilities { opens: false, ..NO_GUARDS });
        assert_eq!(take().err(), Some(Errno::EAGAIN));
        assert_eq!(take().err(), Some(Errno::EAGAIN));
        kernel::can(NO_GUARDS);
        assert_eq!(new_slot().number, first.number + 1);
    });
}

#[test]
fn a_handle_is_of_one_thread() {
    alone(ABLE, || {
        let slot = new_slot();
        let handle = be_used(&slot);
        let thread = slots::thread(handle).unwrap();
        assert_eq!(slots::of(&thread, handle).map(|slot| slot.number), Some(slot.number));
        for other in [0, 1, handle + 1, handle + (1 << 32), u64::MAX] {
            assert_eq!(slots::thread(other).err(), Some(Errno::ESRCH), "{other:#x}");
        }
        assert!(slots::of(&thread, handle + 1).is_none());
        assert!(slots::own().is_none());
        arch::set_thread_pointer(slot.end - 64);
        assert_eq!(slots::own().map(|own| own.number), Some(slot.number));
        slot.release();
        assert!(slots::own().is_none(), "no thread is there");
    });
}

#[test]
fn a_fork_child_of_another_thread_has_no_bare_threads() {
    alone(ABLE, || {
        let slots = [new_slot(), new_slot()];
        let handles = slots.each_ref().map(be_used);
        slots[1].release();
        kernel::changes();
        slots::forget_parent(&Held::behind_lock());
        assert!(matches!(kernel::changes()[..], [Change::Unmap(..)]));
        assert!(handles.iter().all(|&handle| slots::thread(handle).is_err()));
        let slot = new_slot();
        assert_eq!(slot.number, slots[0].number, "all numbers are free again");
        assert!(!handles.contains(&be_used(&slot)), "but no handle is valid again");
    });
}

#[test]
fn a_bare_thread_is_the_only_one_in_its_fork_child() {
    alone(NO_GUARDS, || {
        let (mine, other, free) = (new_slot(), new_slot(), new_slot());
        let handles = [&mine, &other].map(|slot| occupy(slot, false));
        be_used(&free);
        free.release();
        arch::set_thread_pointer(mine.end - 64);
        kernel::changes();
        slots::forget_parent(&Held::behind_lock());
        let emptied = [&other, &free].map(|slot| Change::Empty(slot.low, slot.end - slot.low));
        assert_eq!(kernel::changes(), emptied);
        assert_eq!(slots::own().map(|own| own.number), Some(mine.number));
        assert!(slots::thread(handles[0]).is_ok() && slots::thread(handles[1]).is_err());
        let again = [new_slot(), new_slot()];
        assert_eq!(numbers(&again), numbers(&[other, free]));
        assert_eq!(new_slot().number, free.number + 1);
    });
}
