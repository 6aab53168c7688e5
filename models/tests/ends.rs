// SPDX-License-Identifier: MIT OR Apache-2.0
//! A bare thread's end: the last of its users gives the slot back, and it is given back once.

use clone3_models::stage::{self, explore, free_slots, launch, occupy, spawn, unmapped, use_stack};
use clone3_models::thread::join::{Patience, detach, join};
use clone3_models::uapi::Errno;

#[test]
fn a_thread_is_joined_when_it_has_gone() {
    explore(None, || {
        let (slot, _) = stage::take().unwrap();
        let handle = occupy(&slot, false);
        let thread = launch(slot, 42);
        assert_eq!(join(handle, Patience::Forever), Ok(42));
        use_stack(&slot);
        assert_eq!(join(handle, Patience::Forever), Err(Errno::ESRCH));
        assert_eq!(free_slots(), [slot.number]);
        thread.join().unwrap();
        assert_eq!(unmapped(), 1);
    });
}

#[test]
fn who_does_not_wait_may_ask_again() {
    explore(3, || {
        let (slot, _) = stage::take().unwrap();
        let handle = occupy(&slot, false);
        let thread = launch(slot, 42);
        let first = join(handle, Patience::None);
        assert!(matches!(first, Ok(42) | Err(Errno::EBUSY)), "{first:?}");
        if first.is_err() {
            assert_eq!(join(handle, Patience::Forever), Ok(42));
        }
        assert_eq!(free_slots(), [slot.number]);
        thread.join().unwrap();
        assert_eq!(unmapped(), 1);
    });
}

#[test]
fn a_detached_thread_gives_its_slot_back_itself() {
    explore(None, || {
        let (slot, _) = stage::take().unwrap();
        let handle = occupy(&slot, true);
        assert_eq!(join(handle, Patience::None), Err(Errno::EINVAL));
        let thread = launch(slot, 1);
        let (other, used) = stage::take().unwrap();
        assert!(used || other.number != slot.number);
        use_stack(&other);
        thread.join().unwrap();
        assert_eq!(free_slots().contains(&slot.number), other.number != slot.number);
        assert_eq!(unmapped(), 1);
    });
}

#[test]
fn a_thread_may_end_while_it_is_detached() {
    explore(None, || {
        let (slot, _) = stage::take().unwrap();
        let handle = occupy(&slot, false);
        let thread = launch(slot, 1);
        assert_eq!(detach(handle), Ok(()));
        assert!(matches!(detach(handle), Err(Errno::EINVAL | Errno::ESRCH)));
        thread.join().unwrap();
        assert_eq!(detach(handle), Err(Errno::ESRCH));
        assert_eq!(free_slots(), [slot.number]);
    });
}

#[test]
fn one_of_two_joins() {
    explore(3, || {
        let (slot, _) = stage::take().unwrap();
        let handle = occupy(&slot, false);
        let thread = launch(slot, 42);
        let other = spawn(move || join(handle, Patience::Forever));
        let outcomes = [join(handle, Patience::Forever), other.join().unwrap()];
        let refused = |outcome| matches!(outcome, Err(Errno::EINVAL | Errno::ESRCH));
        match outcomes {
            [Ok(42), other] | [other, Ok(42)] => assert!(refused(other), "{outcomes:?}"),
            _ => panic!("{outcomes:?}"),
        }
        assert_eq!(free_slots(), [slot.number]);
        thread.join().unwrap();
        assert_eq!(unmapped(), 1);
    });
}

#[test]
fn one_joins_or_one_detaches() {
    explore(3, || {
        let (slot, _) = stage::take().unwrap();
        let handle = occupy(&slot, false);
        let thread = launch(slot, 42);
        let other = spawn(move || detach(handle));
        let outcomes = (join(handle, Patience::Forever), other.join().unwrap());
        match outcomes {
            (Ok(42), Err(Errno::EINVAL | Errno::ESRCH)) => {}
            (Err(Errno::EINVAL | Errno::ESRCH), Ok(())) => {}
            _ => panic!("{outcomes:?}"),
        }
        thread.join().unwrap();
        assert_eq!(free_slots(), [slot.number]);
        assert_eq!(unmapped(), 1);
    });
}
