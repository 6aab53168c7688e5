// SPDX-License-Identifier: MIT OR Apache-2.0
//! In a process without a standard stream, new descriptors have its number: the only test of its
//! program, as it closes one.

mod common;

use clone3::{Command, Stdio, sys::libc};
use std::fs::File;
use std::path::Path;

#[test]
fn a_stream_is_not_overwritten_before_it_is_in_its_place() {
    let zero = File::open("/dev/zero").unwrap();
    // SAFETY: the descriptor is put back below, and nothing reads it meanwhile.
    let saved = unsafe {
        let saved = libc::fcntl(0, libc::F_DUPFD_CLOEXEC, 3);
        libc::close(0);
        saved
    };
    // /dev/null is opened as 0.
    let mut command = Command::new("sleep");
    command.arg("10").kill_on_drop(true).stdin(zero).stdout(Stdio::null());
    let by_actions = command.spawn();
    let by_list = command.descriptors([]).spawn();
    let mut without = Command::new("sleep");
    without.arg("10").kill_on_drop(true).descriptors([]);
    let without = without.spawn();
    // SAFETY: it was open before.
    unsafe { libc::dup2(saved, 0) };
    for child in [by_actions.unwrap(), by_list.unwrap()] {
        assert_eq!(common::link(&child, "fd/0"), Path::new("/dev/zero"));
        assert_eq!(common::link(&child, "fd/1"), Path::new("/dev/null"));
    }
    let without = without.unwrap();
    let has = |number: u32| Path::new(&format!("/proc/{}/fd/{number}", without.id())).is_symlink();
    common::comes("no input, but the rest", || !has(0) && has(1) && has(2));
}
