// SPDX-License-Identifier: MIT OR Apache-2.0
//! With the feature `whole` the standard library's children are made by the library, too.

use clone3::sys;

#[test]
fn a_child_of_the_standard_library() {
    let status = std::process::Command::new("true").status().unwrap();
    assert!(status.success());
    // SAFETY: it is numbers only, of which all may be 0.
    let mut route: sys::clone3_route = unsafe { std::mem::zeroed() };
    route.size = size_of_val(&route) as u32;
    // SAFETY: the struct says its size.
    assert_eq!(unsafe { sys::clone3_last_route(&mut route) }, 0);
    assert_ne!(route.route, sys::CLONE3_ROUTE_NONE as u32);
}
