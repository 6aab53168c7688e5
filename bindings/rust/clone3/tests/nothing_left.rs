// SPDX-License-Identifier: MIT OR Apache-2.0
//! Descriptors and children of this process, counted: the only test of its program, as others
//! have some of their own.

mod common;

use clone3::{Command, Mount, Stdio};

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn children() -> String {
    std::fs::read_to_string(format!("/proc/self/task/{}/children", std::process::id())).unwrap()
        + &std::fs::read_to_string("/proc/thread-self/children").unwrap()
}

#[test]
fn no_descriptor_and_no_child_is_left() {
    let before = descriptors();
    let mut piped = Command::new("cat");
    piped.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for _ in 0..20 {
        piped.spawn().unwrap().wait().unwrap();
        piped.output().unwrap();
        drop(piped.spawn().unwrap()); // its input ends with it
    }
    drop(piped);

    let mut refused = Command::new("/no/such");
    refused.stdin(Stdio::piped()).stdout(Stdio::piped()).mount(Mount::new("proc", "/proc"));
    for _ in 0..20 {
        refused.spawn().unwrap_err();
    }
    drop(refused);

    for _ in 0..20 {
        drop(Command::new("sleep").arg("20").kill_on_drop(true).spawn().unwrap());
    }
    common::comes("the end of what was dropped", || clone3::reap() == 0);
    assert_eq!(descriptors(), before);
    assert_eq!(children(), "");

    // A child that runs keeps one descriptor, its pidfd.
    let child = common::waiting().stdin(Stdio::null()).spawn().unwrap();
    assert_eq!(descriptors(), before + 1);
    drop(child.into_pidfd());
    assert_eq!(descriptors(), before);
}
