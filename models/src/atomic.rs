// SPDX-License-Identifier: MIT OR Apache-2.0
//! Atomics that are as large as the standard ones, valid as zeroes and made in constants, as
//! the library's files need them, but whose values loom keeps.
//!
//! What lies in memory is the first value, and stays. The address is the key to one of loom's
//! atomics, for the duration of one run of a test. loom wants an atomic to be made before
//! all who use it: those that begin with 0 are made in advance ([`begin`]), others have to be
//! used in the test's first thread before there are more.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

pub use std::sync::atomic::Ordering;

thread_local! {
    // Of the thread that loom runs all of a test's threads in.
    static WORDS: RefCell<HashMap<usize, Rc<dyn Any>>> = RefCell::default();
    static SPARE: RefCell<Spare> = RefCell::default();
    static IS_SINGLE: Cell<bool> = const { Cell::new(true) };
}

/// Before anything else in a run: forgets all values, and makes so many atomics of each kind.
pub fn begin(spare: usize) {
    WORDS.take();
    SPARE.replace(Spare::new(spare));
    IS_SINGLE.set(true);
}

/// There is a second thread.
pub fn is_shared() {
    IS_SINGLE.set(false);
}

/// loom's atomic at an address.
fn at<A: 'static>(address: usize, new: impl FnOnce() -> Rc<A>) -> Rc<A> {
    // No borrow is held while loom runs: another thread may go on there.
    let known = WORDS.with_borrow(|words| words.get(&address).cloned());
    let word = known.unwrap_or_else(|| {
        let word: Rc<dyn Any> = new();
        WORDS.with_borrow_mut(|words| words.insert(address, word.clone()));
        word
    });
    word.downcast().expect("an address has one type in a run")
}

macro_rules! spares {
    ($($kind:ident $field:ident),*) => {
        #[derive(Default)]
        struct Spare { $($field: Vec<Rc<loom::sync::atomic::$kind>>),* }

        impl Spare {
            fn new(count: usize) -> Spare {
                let many = 0..count;
                Spare { $($field: many.clone().map(|_| Rc::default()).collect()),* }
            }
        }
    };
}
spares!(AtomicBool bools, AtomicU8 bytes, AtomicU32 words, AtomicU64 longs, AtomicUsize sizes);

macro_rules! atomic {
    ($name:ident, $value:ty, $zero:expr, $spare:ident) => {
        /// As in the standard library.
        #[repr(transparent)]
        pub struct $name {
            first: $value,
        }

        impl $name {
            pub const fn new(first: $value) -> $name {
                $name { first }
            }

            fn its(&self) -> Rc<loom::sync::atomic::$name> {
                let address = (&raw const *self).addr();
                at(address, || match IS_SINGLE.get() {
                    true => Rc::new(loom::sync::atomic::$name::new(self.first)),
                    false => {
                        assert!(self.first == $zero, "to be used in the first thread before");
                        let spare = SPARE.with_borrow_mut(|spare| spare.$spare.pop());
                        spare.expect("more atomics than the test made")
                    }
                })
            }

            pub fn as_ptr(&self) -> *mut $value {
                (&raw const self.first).cast_mut()
            }

            pub fn load(&self, order: Ordering) -> $value {
                self.its().load(order)
            }

            pub fn store(&self, value: $value, order: Ordering) {
                self.its().store(value, order);
            }

            pub fn swap(&self, value: $value, order: Ordering) -> $value {
                self.its().swap(value, order)
            }

            pub fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.its().compare_exchange(current, new, success, failure)
            }

            pub fn compare_exchange_weak(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.its().compare_exchange_weak(current, new, success, failure)
            }

            pub fn fetch_update(
                &self,
                set: Ordering,
                fetch: Ordering,
                next: impl FnMut($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                self.its().fetch_update(set, fetch, next)
            }

            pub fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                self.its().fetch_or(value, order)
            }

            pub fn fetch_and(&self, value: $value, order: Ordering) -> $value {
                self.its().fetch_and(value, order)
            }
        }
    };
}

macro_rules! number {
    ($name:ident, $value:ty, $spare:ident) => {
        atomic!($name, $value, 0, $spare);

        impl $name {
            pub fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                self.its().fetch_add(value, order)
            }

            pub fn fetch_sub(&self, value: $value, order: Ordering) -> $value {
                self.its().fetch_sub(value, order)
            }

            pub fn fetch_max(&self, value: $value, order: Ordering) -> $value {
                self.its().fetch_max(value, order)
            }
        }
    };
}
atomic!(AtomicBool, bool, false, bools);
number!(AtomicU8, u8, bytes);
number!(AtomicU32, u32, words);
number!(AtomicU64, u64, longs);
number!(AtomicUsize, usize, sizes);

/// As in the standard library; an address for loom.
#[repr(transparent)]
pub struct AtomicPtr<T> {
    first: *mut T,
}

// SAFETY: the pointer in memory does not change, and the atomic one is loom's.
unsafe impl<T> Send for AtomicPtr<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for AtomicPtr<T> {}

impl<T> AtomicPtr<T> {
    pub const fn new(first: *mut T) -> AtomicPtr<T> {
        AtomicPtr { first }
    }

    /// The number that it is for loom.
    fn its(&self) -> &AtomicUsize {
        assert!(self.first.is_null(), "only null is the same as a number");
        // SAFETY: both have the layout of a usize.
        unsafe { &*(&raw const *self).cast() }
    }

    pub fn load(&self, order: Ordering) -> *mut T {
        std::ptr::with_exposed_provenance_mut(self.its().load(order))
    }

    pub fn store(&self, value: *mut T, order: Ordering) {
        self.its().store(value.expose_provenance(), order);
    }

    pub fn swap(&self, value: *mut T, order: Ordering) -> *mut T {
        std::ptr::with_exposed_provenance_mut(self.its().swap(value.expose_provenance(), order))
    }

    pub fn compare_exchange(
        &self,
        current: *mut T,
        new: *mut T,
        success: Ordering,
        failure: Ordering,
    ) -> Result<*mut T, *mut T> {
        let [current, new] = [current, new].map(<*mut T>::expose_provenance);
        let outcome = self.its().compare_exchange(current, new, success, failure);
        let pointer = std::ptr::with_exposed_provenance_mut;
        outcome.map(pointer).map_err(pointer)
    }
}
