// SPDX-License-Identifier: MIT OR Apache-2.0
//! The library's lock: one holder at a time, who sees what the last one did; nobody sleeps
//! for ever.

use clone3_models::kernel::{self, ABLE, Abilities};
use clone3_models::stage::{explore, spawn};
use clone3_models::uapi::mutex::{Guarded, Lock, Mutex, Quiet};
use loom::cell::UnsafeCell;
use std::sync::Arc;

/// A value that loom looks at: two threads may not have it at a time.
struct Counter {
    value: UnsafeCell<[u32; 2]>,
}

impl Counter {
    /// The value before, and one more of these.
    fn add(&self, index: usize) -> u32 {
        // SAFETY: what the test is about.
        self.value.with_mut(|value| unsafe {
            let before = (*value)[index];
            (*value)[index] += 1;
            before
        })
    }
}

impl Guarded for Counter {
    fn forget_parent(&mut self) {
        self.add(1);
    }
}

fn counter() -> Arc<Mutex<Counter>> {
    Arc::new(Mutex::new(Lock::Streams, Counter { value: UnsafeCell::new([0; 2]) }))
}

fn add(counter: &Mutex<Counter>) -> u32 {
    counter.lock(&Quiet::begin()).add(0)
}

fn check(threads: usize, times: u32, bound: usize, able: Abilities) {
    explore(bound, move || {
        kernel::can(able);
        let counter = counter();
        let others: Vec<_> = (1..threads)
            .map(|_| {
                let counter = counter.clone();
                spawn(move || (0..times).for_each(|_| _ = add(&counter)))
            })
            .collect();
        (0..times).for_each(|_| _ = add(&counter));
        others.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(add(&counter), threads as u32 * times);
        let quiet = Quiet::begin();
        let guard = counter.lock(&quiet);
        assert_eq!(guard.add(1), 1, "who was first of all made it forget, and nobody else");
    });
}

#[test]
fn two_threads_take_it_twice() {
    check(2, 2, 3, ABLE);
}

#[test]
fn three_threads_take_it() {
    check(3, 1, 2, ABLE);
}

#[test]
fn two_threads_take_it_where_its_page_is_copied() {
    check(2, 2, 3, Abilities { wipes: false, ..ABLE });
}
