// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fork handlers: in which order they run, and that each fork runs those that were registered
//! when it began, whatever is registered and dropped meanwhile.

use clone3_models::host;
use clone3_models::host::functions::Handler;
use clone3_models::process::atfork;
use clone3_models::process::handler_block::Block;
use clone3_models::process::handlers::{List, Phase};
use clone3_models::stage::{explore, spawn};
use clone3_models::uapi::Errno;
use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr::without_provenance_mut;
use std::sync::Arc;

thread_local! {
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

fn all(handler: unsafe extern "C" fn()) -> [Handler; 3] {
    [Some(handler); 3]
}

fn owner(number: usize) -> *mut c_void {
    without_provenance_mut(number * 8)
}

/// One run: there is one thread.
fn alone(test: impl Fn() + Send + Sync + 'static) {
    explore(None, move || {
        host::begin(0);
        SEEN.take();
        test();
    });
}

/// What a fork runs before it, in the parent, and in the child of another one.
fn forks() -> [String; 3] {
    let round = atfork::prepare();
    let prepare = SEEN.take();
    round.parent();
    let parent = SEEN.take();
    let round = atfork::prepare();
    SEEN.take();
    round.child();
    [prepare, parent, SEEN.take()]
}

#[test]
fn handlers_run_down_before_a_fork_and_up_behind_it() {
    alone(|| {
        assert_eq!(forks(), ["", "", ""]);
        atfork::register(all(a), owner(1)).unwrap();
        atfork::register(all(b), owner(2)).unwrap();
        atfork::register([Some(c), None, Some(c)], owner(1)).unwrap();
        assert_eq!(forks(), ["cba", "ab", "abc"]);
        assert_eq!((atfork::count(), atfork::all_known()), (3, true));
    });
}

#[test]
fn what_handlers_register_runs_in_the_next_fork() {
    unsafe extern "C" fn registers() {
        SEEN.with_borrow_mut(|seen| seen.push('r'));
        atfork::register(all(b), owner(2)).unwrap();
    }
    alone(|| {
        atfork::register(all(a), owner(1)).unwrap();
        atfork::register([Some(registers), None, None], owner(1)).unwrap();
        let round = atfork::prepare();
        round.parent();
        assert_eq!(SEEN.take(), "raa");
        atfork::prepare().child();
        assert_eq!(SEEN.take(), "braab");
    });
}

#[test]
fn what_handlers_drop_runs_no_more_in_this_fork() {
    unsafe extern "C" fn drops() {
        atfork::object_finalized(owner(2));
    }
    alone(|| {
        atfork::register(all(b), owner(2)).unwrap();
        atfork::register([Some(drops), None, None], owner(1)).unwrap();
        atfork::register(all(a), owner(1)).unwrap();
        assert_eq!(forks(), ["a", "a", "a"]);
    });
}

#[test]
fn what_the_host_refuses_is_not_kept() {
    alone(|| {
        host::begin(libc::EAGAIN);
        assert_eq!(atfork::register(all(a), owner(1)), Err(Errno::EAGAIN));
        host::begin(-1);
        assert_eq!(atfork::register(all(a), owner(1)), Err(Errno::ENOMEM), "errno's");
        assert_eq!(forks(), ["", "", ""]);
        assert_eq!(atfork::count(), 0);
    });
}

#[test]
fn handlers_without_an_owner_are_of_the_object_with_their_code() {
    alone(|| {
        atfork::register_unowned(all(a)).unwrap();
        atfork::register(all(b), owner(2)).unwrap();
        atfork::object_finalized(std::ptr::null_mut());
        assert_eq!(forks(), ["ba", "ab", "ab"], "the end of the process drops none");
        atfork::object_finalized(owner(3));
        assert_eq!(forks(), ["b", "b", "b"]);
    });
}

#[test]
fn threads_that_register_have_places_of_their_own() {
    explore(3, || {
        SEEN.take();
        static FIRST: Block = Block::new();
        let list = Arc::new(List::new(&FIRST));
        let first = list.add(all(a), owner(1)).unwrap();
        let other = list.clone();
        let thread = spawn(move || other.add(all(b), owner(2)).unwrap());
        let mine = list.add(all(c), owner(1)).unwrap();
        let theirs = thread.join().unwrap();
        assert_eq!((first, mine + theirs), (1, 5));
        list.run(Phase::Child, 3);
        let expected = if mine < theirs { "acb" } else { "abc" };
        assert_eq!(SEEN.take(), expected);
        assert_eq!(list.count(), 3);
    });
}

#[test]
fn a_fork_runs_what_was_registered_before_it() {
    explore(3, || {
        SEEN.take();
        static FIRST: Block = Block::new();
        let list = Arc::new(List::new(&FIRST));
        list.add(all(a), owner(1)).unwrap();
        list.add(all(b), owner(2)).unwrap();
        let other = list.clone();
        let thread = spawn(move || {
            other.add(all(c), owner(3)).unwrap();
            other.drop_owned_by(owner(2));
        });
        let last = list.last_number();
        list.run(Phase::Prepare, last);
        let before = SEEN.take();
        list.run(Phase::Parent, last);
        let behind = SEEN.take();
        assert!(before.ends_with('a') && behind.starts_with('a'), "{before} {behind}");
        assert!(before.contains('b') || !behind.contains('b'), "dropped: {before} {behind}");
        assert_eq!(before.contains('c'), behind.contains('c'), "torn: {before} {behind}");
        assert!(last == 3 || !before.contains('c'), "registered later: {before} {behind}");
        thread.join().unwrap();
        list.run(Phase::Child, list.last_number());
        assert_eq!(SEEN.take(), "ac");
        assert_eq!(list.count(), 2);
    });
}

#[test]
fn handlers_that_two_threads_drop_are_dropped_once() {
    explore(None, || {
        static FIRST: Block = Block::new();
        let list = Arc::new(List::new(&FIRST));
        list.add(all(a), owner(1)).unwrap();
        list.add(all(b), owner(2)).unwrap();
        let other = list.clone();
        let thread = spawn(move || other.drop_owned_by(owner(2)));
        list.remove(2);
        thread.join().unwrap();
        assert_eq!(list.count(), 1);
        assert!(list.has_owner(owner(1)) && !list.has_owner(owner(2)));
    });
}
