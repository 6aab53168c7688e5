// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why clone3(2) refuses, in words.

use super::case::{Case, Child, Kernel, Witness};
use super::request::Stack;
use super::{ask, known, legacy, read, rules};
use crate::uapi::flags::*;
use crate::uapi::{Errno, clone_args, sys};
use core::ffi::CStr;
use core::mem::size_of;

/// Why the running kernel refuses these arguments to the calling thread: a text
/// that begins with the errno's name; `None` if it does not refuse them.
///
/// Where clone3(2) is out of reach, the arguments are judged without asking it,
/// and if nothing is wrong with them, by whether clone(2) can stand in.
///
/// Async-signal-safe. Makes no child; the kernel is asked no more than needed.
pub fn explain(address: u64, size: usize) -> Option<&'static CStr> {
    let request = read(address, size);
    if let Err(obstacle) = ask::reach() {
        if request.is_ok_and(|request| legacy::express(&request) == Err(Errno::ENOSYS)) {
            return Some(out_of_reach(obstacle));
        }
        return rules::first_broken(&Case { request, witness: &Nobody }).map(|rule| rule.text);
    }
    rules::first_broken(&Case { request, witness: &Kernel }).map(|rule| rule.text)
}

fn out_of_reach(obstacle: Errno) -> &'static CStr {
    match obstacle {
        Errno::EPERM => {
            c"EPERM: a filter hides clone3(2), and clone(2) cannot express the request"
        }
        Errno::EACCES => {
            c"EACCES: a filter hides clone3(2), and clone(2) cannot express the request"
        }
        Errno::E2BIG => {
            c"E2BIG: a filter hides clone3(2), and clone(2) cannot express the request"
        }
        Errno::ENOSYS => {
            c"ENOSYS: no clone3(2) here (Linux 5.3, or a filter), and clone(2) cannot express the request"
        }
        _ => c"a filter hides clone3(2), and clone(2) cannot express the request",
    }
}

/// Who knows nothing: every rule that is not about the arguments alone is kept.
struct Nobody;

impl Witness for Nobody {
    fn version(&self) -> (u32, u32) {
        (0, 0)
    }
    fn args_size(&self) -> usize {
        size_of::<clone_args>()
    }
    fn known(&self, flags: u64) -> u64 {
        flags & (known::FIRST | LATER)
    }
    fn readable(&self, _set_tid: (u64, u64), _exit_signal: u64) -> bool {
        true // clone(2) knows no set_tid at all
    }
    fn writable(&self, address: u64) -> bool {
        Kernel.writable(address)
    }
    fn is_init(&self) -> bool {
        Kernel.is_init()
    }
    fn would_make(&self, child: Child) -> ask::Answer {
        match child {
            Child::With(flags) if flags & !(known::FIRST | LATER | CLONE_DETACHED) != 0 => {
                Err(Errno::EINVAL)
            }
            Child::OnStack(base, size) if !Stack { base, size }.is_addressable() => {
                Err(Errno::EINVAL)
            }
            // Where clone(2) looks at it.
            Child::WithTls(tls) if cfg!(target_arch = "x86") => {
                sys::probe(tls).and(sys::probe(tls.wrapping_add(8)))
            }
            _ => Ok(()),
        }
    }
}

/// Every flag that came after Linux 5.3.
const LATER: u64 = CLONE_NEWTIME
    | CLONE_CLEAR_SIGHAND
    | CLONE_INTO_CGROUP
    | CLONE_AUTOREAP
    | CLONE_NNP
    | CLONE_PIDFD_AUTOKILL
    | CLONE_EMPTY_MNTNS;
