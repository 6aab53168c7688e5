// SPDX-License-Identifier: MIT OR Apache-2.0
//! The list of fork handlers, in one thread and in several.

use super::*;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize};

std::thread_local! {
    static SEEN: RefCell<String> = const { RefCell::new(String::new()) };
}

macro_rules! handler {
    ($name:ident, $mark:literal) => {
        unsafe extern "C" fn $name() {
            SEEN.with_borrow_mut(|seen| seen.push($mark));
        }
    };
}
handler!(a, 'a');
handler!(b, 'b');
handler!(c, 'c');

fn new_list() -> Box<List> {
    Box::new(List::new(Box::leak(Box::new(Block::new()))))
}

const X: *mut c_void = core::ptr::without_provenance_mut(8);
const Y: *mut c_void = core::ptr::without_provenance_mut(16);

fn trace(list: &List, phase: Phase, last: Number) -> String {
    list.run(phase, last);
    SEEN.take()
}

fn blocks(list: &List) -> usize {
    let _inside = list.enter();
    list.blocks().count()
}

#[test]
fn order_removal_and_rounds() {
    let list = new_list();
    assert!(list.is_empty());
    assert_eq!(list.last_number(), 0);
    for (handler, owner) in [(a as unsafe extern "C" fn(), X), (b, Y), (c, X)] {
        list.add([Some(handler); 3], owner).unwrap();
    }
    assert_eq!(list.last_number(), 3);
    assert_eq!(trace(&list, Phase::Prepare, 3), "cba");
    assert_eq!(trace(&list, Phase::Parent, 3), "abc");
    assert_eq!(trace(&list, Phase::Child, 3), "abc");
    assert_eq!(trace(&list, Phase::Child, 2), "ab", "registered after prepare");

    list.drop_owned_by(X);
    assert!(list.has_owner(Y) && !list.has_owner(X));
    assert_eq!(trace(&list, Phase::Prepare, 3), "b");
    assert_eq!(list.add([Some(a), None, Some(a)], Y), Ok(4));
    assert_eq!(trace(&list, Phase::Prepare, 4), "ab");
    assert_eq!(trace(&list, Phase::Parent, 4), "b");
    assert_eq!(trace(&list, Phase::Child, 4), "ba");
    list.remove(2);
    assert_eq!(trace(&list, Phase::Child, 4), "a");
    list.drop_owned_by(Y);
    assert!(list.is_empty());
}

#[test]
fn more_than_a_block_holds() {
    let list = new_list();
    for _ in 0..3 * SLOTS {
        list.add([Some(a), Some(b), None], Y).unwrap();
    }
    let last = list.add([Some(c), Some(c), None], X).unwrap();
    assert_eq!(last, 3 * SLOTS as Number + 1);
    assert_eq!(trace(&list, Phase::Parent, last), "b".repeat(3 * SLOTS) + "c");
    assert_eq!(trace(&list, Phase::Prepare, last), "c".to_owned() + &"a".repeat(3 * SLOTS));
    assert_eq!(trace(&list, Phase::Child, last), "");
    list.drop_owned_by(Y);
    assert_eq!(blocks(&list), 2, "the first, and the one with the last handler");
    assert_eq!(trace(&list, Phase::Prepare, last), "c");
    assert_eq!(trace(&list, Phase::Parent, last), "c");
    assert_eq!(list.add([Some(a); 3], Y), Ok(last + 1), "numbers only grow");
}

#[test]
fn coming_and_going_takes_no_more_memory() {
    let list = new_list();
    let stays = list.add([Some(a); 3], X).unwrap();
    for i in 0..20_000 {
        assert_eq!(list.add([Some(b); 3], Y), Ok(stays + i + 1));
        list.drop_owned_by(Y);
    }
    assert!(blocks(&list) <= 2);
    assert_eq!(trace(&list, Phase::Prepare, list.last_number()), "a");
}

static FIRST: Block = Block::new();
static LIST: List = List::new(&FIRST);

/// Unlinks its own block, and those around it, from the chain that it is called from.
unsafe extern "C" fn drops_all() {
    SEEN.with_borrow_mut(|seen| seen.push('d'));
    LIST.drop_owned_by(Y);
    assert!(!LIST.retired.load(Relaxed).is_null(), "somebody is in them");
    for _ in 0..2 * SLOTS {
        LIST.add([Some(c); 3], X).unwrap();
    }
}

#[test]
fn a_handler_may_drop_what_is_being_walked() {
    for phase in [Phase::Prepare, Phase::Child] {
        LIST.add([Some(a); 3], X).unwrap();
        for _ in 0..2 * SLOTS {
            LIST.add([Some(b); 3], Y).unwrap();
        }
        LIST.add([Some(drops_all); 3], Y).unwrap();
        for _ in 0..2 * SLOTS {
            LIST.add([Some(b); 3], Y).unwrap();
        }
        let last = LIST.last_number();
        let many = "b".repeat(2 * SLOTS);
        let expected = match phase {
            Phase::Prepare => many + "da",
            _ => "a".to_owned() + &many + "d",
        };
        assert_eq!(trace(&LIST, phase, last), expected);
        LIST.drop_owned_by(X);
        assert!(LIST.retired.load(Relaxed).is_null());
        assert!(blocks(&LIST) <= 3);
    }
}

static STRAY: AtomicUsize = AtomicUsize::new(0);

#[test]
fn a_block_that_left_the_chain_is_not_looked_for_for_ever() {
    let list = new_list();
    list.add([Some(a), None, None], Y).unwrap();
    for _ in 0..3 * SLOTS {
        list.add([None, Some(a), None], X).unwrap();
    }
    list.drop_owned_by(X);
    let _inside = list.enter();
    assert!(list.block_of(1).unwrap().is_none());
    assert!(list.block_of(0).unwrap().is_some() && list.block_of(3).unwrap().is_some());
}

#[test]
fn threads_add_drop_and_walk_at_once() {
    unsafe extern "C" fn count() {
        STRAY.fetch_add(1, Relaxed);
    }
    const ROUNDS: usize = 5_000;
    let list = new_list();
    let stop = AtomicBool::new(false);
    list.add([Some(count), None, None], Y).unwrap();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (1..4)
            .map(|id| {
                let list = &list;
                scope.spawn(move || {
                    let owner = core::ptr::without_provenance_mut(32 * id);
                    let mut numbers = Vec::new();
                    for _ in 0..ROUNDS {
                        numbers.push(list.add([None, Some(a), None], owner).unwrap());
                        list.drop_owned_by(owner);
                        assert!(!list.has_owner(owner));
                    }
                    assert!(numbers.is_sorted());
                    numbers
                })
            })
            .collect();
        let walker = scope.spawn(|| {
            let mut walks = 0;
            while !stop.load(Relaxed) {
                list.run(Phase::Prepare, list.last_number());
                walks += 1;
            }
            walks
        });
        let numbers: BTreeSet<Number> =
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect();
        stop.store(true, Relaxed);
        assert_eq!(walker.join().unwrap(), STRAY.load(Relaxed));
        assert_eq!(numbers.len(), 3 * ROUNDS, "each had its own number");
        // A walk spends the number that it finds taken and not yet filled.
        assert!(list.last_number() > 3 * ROUNDS as Number);
    });
    list.drop_owned_by(Y);
    assert!(list.is_empty());
    assert!(blocks(&list) <= 2);
}

#[test]
fn what_is_registered_during_a_fork_runs_in_all_phases_of_the_next_one_or_in_none() {
    let list = new_list();
    list.add([Some(a); 3], X).unwrap();
    // Another thread has taken a number when the fork begins,
    let (before, block) = list.take_number().unwrap();
    let slot = block.slot(before as usize).unwrap();
    let last = list.last_number();
    assert_eq!(trace(&list, Phase::Prepare, last), "a");
    // and goes on after the first phase.
    assert!(!slot.fill([Some(b); 3], X), "it has to take another one");
    assert_eq!(trace(&list, Phase::Parent, last), "a");
    assert_eq!(list.count(), 1);
    assert_eq!(list.add([Some(c); 3], X), Ok(3));
    assert_eq!(trace(&list, Phase::Prepare, 3), "ca");
}
