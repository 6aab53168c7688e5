// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waiting for a child, signals to it, and what becomes of one that is dropped.

mod common;

use clone3::sys::libc;
use clone3::{Command, Stdio};
use common::{comes, stat, waiting};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

fn state(pid: u32) -> Option<String> {
    stat(pid, 3)
}

#[test]
fn its_status_and_what_it_used() {
    let mut child = Command::new("sh");
    child.args(["-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exit 7"]);
    let mut child = child.spawn().unwrap();
    assert_eq!(child.usage(), None);
    assert_eq!(child.wait().unwrap().code(), Some(7));
    let usage = child.usage().unwrap();
    assert!(usage.user_time + usage.system_time > Duration::ZERO);
    assert!(usage.max_rss > 100_000 && usage.minor_faults > 10, "{usage:?}");
    // Once more, it is the same.
    assert_eq!(child.wait().unwrap().code(), Some(7));
    assert_eq!(child.try_wait().unwrap().unwrap().code(), Some(7));
    assert_eq!(state(child.id()), None);
}

#[test]
fn a_timeout() {
    let mut child = waiting().spawn().unwrap();
    let start = Instant::now();
    assert_eq!(child.wait_timeout(Duration::from_millis(60)).unwrap(), None);
    assert!(start.elapsed() >= Duration::from_millis(60));
    assert_eq!(child.try_wait().unwrap(), None);
    child.kill().unwrap();
    let status = child.wait_timeout(Duration::MAX).unwrap().unwrap();
    assert_eq!(status.signal(), Some(libc::SIGKILL));
    child.kill().unwrap(); // it has ended: nothing to do
    assert_eq!(child.signal(0).unwrap_err().raw_os_error(), Some(libc::ESRCH));
}

#[test]
fn a_signal() {
    let mut child = waiting().spawn().unwrap();
    child.signal(0).unwrap();
    child.signal(libc::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGTERM));
    let child = waiting().spawn().unwrap();
    assert_eq!(child.signal(4711).unwrap_err().raw_os_error(), Some(libc::EINVAL));
}

#[test]
fn waiting_ends_its_input() {
    assert!(waiting().spawn().unwrap().wait().unwrap().success());
    let child = waiting().stdout(Stdio::piped()).spawn().unwrap();
    assert_eq!(child.wait_with_output().unwrap().stdout, b"");
}

#[test]
fn a_handler_does_not_end_the_waiting() {
    extern "C" fn nothing(_: i32) {}
    // SAFETY: the handler does nothing, and no other test of this program uses the signal.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = nothing as extern "C" fn(i32) as usize;
        libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut());
    }
    // SAFETY: it takes nothing and cannot fail.
    let thread = unsafe { libc::pthread_self() };
    let mut child = waiting().spawn().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for _ in 0..10 {
                std::thread::sleep(Duration::from_millis(5));
                // SAFETY: the scope keeps that thread alive.
                unsafe { libc::pthread_kill(thread, libc::SIGUSR1) };
            }
        });
        let start = Instant::now();
        assert_eq!(child.wait_timeout(Duration::from_millis(150)).unwrap(), None);
        assert!(start.elapsed() >= Duration::from_millis(150));
    });
}

#[test]
fn its_pidfd_tells_of_its_end() {
    let mut child = waiting().spawn().unwrap();
    let mut poll = libc::pollfd { fd: child.as_fd().as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: there is one element.
    assert_eq!(unsafe { libc::poll(&mut poll, 1, 0) }, 0);
    drop(child.stdin.take());
    // SAFETY: as before.
    assert_eq!(unsafe { libc::poll(&mut poll, 1, 10_000) }, 1);
    assert!(child.try_wait().unwrap().unwrap().success());
}

#[test]
fn dropped_it_goes_on_and_is_reaped_at_its_end() {
    let mut child = waiting().kill_on_drop(false).spawn().unwrap();
    let (pid, input) = (child.id(), child.stdin.take());
    drop(child);
    assert!(clone3::reap() >= 1);
    assert!(["S", "R", "D"].contains(&state(pid).unwrap().as_str()));
    drop(input);
    // Other tests spawn, and so reap it, too: as a zombie it stays only until then.
    comes("its end", || state(pid).is_none_or(|state| state == "Z"));
    clone3::reap();
    assert_eq!(state(pid), None);
}

#[test]
fn a_zombie_that_is_dropped_is_reaped_at_once() {
    let mut command = Command::new("true");
    let child = command.stdin(Stdio::null()).spawn().unwrap();
    let pid = child.id();
    comes("its end", || state(pid).as_deref() == Some("Z"));
    drop(child);
    assert_eq!(state(pid), None);
}

#[test]
fn dropped_it_is_killed_where_that_was_asked_for() {
    let child = waiting().spawn().unwrap();
    let pid = child.id();
    let input = { child }.stdin.take(); // the rest of it is dropped; its input has not ended
    comes("its end", || {
        clone3::reap();
        state(pid).is_none()
    });
    drop(input);
}

#[test]
fn its_pidfd_can_be_had() {
    let mut child = waiting().spawn().unwrap();
    let (pid, input) = (child.id(), child.stdin.take());
    let pidfd = child.into_pidfd();
    assert_ne!(state(pid), None); // kill_on_drop does not hold for it any more
    drop(input);
    comes("its end", || state(pid).as_deref() == Some("Z"));
    clone3::reap();
    assert_eq!(state(pid).as_deref(), Some("Z")); // it is ours to wait for
    let mut status = -1;
    // SAFETY: the status is written to, and no usage is asked for.
    let waited = unsafe {
        clone3::sys::clone3_wait(pidfd.as_raw_fd(), -1, &mut status, std::ptr::null_mut())
    };
    assert_eq!((waited.unsigned_abs(), status), (pid, 0));
}

#[test]
fn one_that_somebody_else_has_reaped() {
    let mut child = Command::new("true").spawn().unwrap();
    // SAFETY: it writes no status.
    unsafe { libc::waitpid(child.id() as i32, std::ptr::null_mut(), 0) };
    assert_eq!(child.wait().unwrap_err().raw_os_error(), Some(libc::ECHILD));
}

#[test]
fn the_kernel_s_own_reaping() {
    let mut command = waiting();
    command.flags(clone3::sys::CLONE_AUTOREAP).exit_signal(0);
    match command.spawn() {
        Ok(mut child) => assert_eq!(child.wait().unwrap_err().raw_os_error(), Some(libc::ECHILD)),
        Err(error) => {
            assert_eq!(error.stage(), clone3::Stage::Create);
            assert!(error.to_string().contains("CLONE_AUTOREAP needs Linux 7.1"), "{error}");
        }
    }
}
