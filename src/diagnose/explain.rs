// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why clone3(2) refuses, in words.

use super::case::{Case, Child, Kernel, Witness};
use super::rules::{self, Rule};
use crate::engine::{Memory, Request, Stack, ask, known, legacy, read};
use crate::uapi::flags::*;
use crate::uapi::{CloneFlags, Errno, clone_args, pages};
use core::ffi::CStr;
use core::mem::size_of;

/// A reason, and the number that stands for it in a struct of C: from 1 on.
#[derive(Clone, Copy)]
pub struct Reason {
    /// Its number.
    pub number: u32,
    /// The errno's name, a colon, the reason.
    pub text: &'static CStr,
    /// The errno.
    pub errno: Errno,
}

impl Reason {
    /// Whether the cgroup is what it is about.
    pub fn is_about_cgroup(&self) -> bool {
        self.text.to_bytes().windows(8).any(|word| word == b": cgroup")
    }
}

/// Why the running kernel refuses these arguments to the calling thread: a text that
/// begins with the errno's name; `None` if it does not refuse them. If only the library's
/// clone3() refuses them, the text says so.
///
/// Where clone3(2) is unavailable, the arguments are judged without asking it. If they
/// are valid, the answer depends on whether clone(2) can express them.
///
/// Async-signal-safe. Makes no child; the kernel is asked no more than needed.
///
/// # Safety
/// As [`read`].
pub unsafe fn explain(address: u64, size: usize) -> Option<&'static CStr> {
    // SAFETY: by the contract.
    let request = unsafe { read(address, size) };
    let own = || own_refusal(&request.ok()?);
    reason(request).map(|reason| reason.text).or_else(own)
}

/// The same for a request of the library itself.
pub fn reason(request: Result<Request, Errno>) -> Option<Reason> {
    let of_rule = |(at, rule): (usize, &'static Rule)| Reason {
        number: at as u32 + 1,
        text: rule.text(),
        errno: rule.errno,
    };
    if let Err(obstacle) = known::reach() {
        if request.is_ok_and(|request| legacy::express(&request) == Err(Errno::ENOSYS)) {
            return Some(out_of_reach(obstacle));
        }
        return rules::first_broken(&Case { request, witness: &Unasked }).map(of_rule);
    }
    rules::first_broken(&Case { request, witness: &Kernel }).map(of_rule)
}

/// The text of a reason's number.
pub fn text_of_reason(number: u32) -> Option<&'static CStr> {
    let index = (number as usize).checked_sub(1)?;
    match rules::RULES.get(index) {
        Some(rule) => Some(rule.text()),
        None => OUT_OF_REACH.get(index - rules::RULES.len()).map(|&(_, text)| text),
    }
}

/// Requests that the kernel accepts and the library's clone3() cannot carry out.
fn own_refusal(request: &Request) -> Option<&'static CStr> {
    match () {
        () if !request.stack.is_callers() => Some(
            c"EINVAL: clone3() returns in the child, which it cannot on another stack: use clone3_call(), which runs a function there",
        ),
        () if request.memory() == Memory::Shared => Some(
            c"EINVAL: clone3() with CLONE_VM needs CLONE_VFORK, as both would return on one stack: use clone3_call() with a stack for the child",
        ),
        () => None,
    }
}

/// Why clone3(2) is unavailable, by the errno that is returned instead.
static OUT_OF_REACH: &[(Option<Errno>, &CStr)] = &[
    (Some(Errno::EPERM), c"EPERM: a filter hides clone3(2), and clone(2) cannot express the request"),
    (Some(Errno::EACCES), c"EACCES: a filter hides clone3(2), and clone(2) cannot express the request"),
    (Some(Errno::E2BIG), c"E2BIG: a filter hides clone3(2), and clone(2) cannot express the request"),
    (
        Some(Errno::ENOSYS),
        c"ENOSYS: no clone3(2) here (Linux 5.3, a filter, CLONE3_ROUTE), and clone(2) cannot express the request",
    ),
    (None, c"a filter hides clone3(2), and clone(2) cannot express the request"),
];

fn out_of_reach(obstacle: Errno) -> Reason {
    let is_it = |&(errno, _): &(Option<Errno>, _)| errno.is_none_or(|errno| errno == obstacle);
    let index = OUT_OF_REACH.iter().position(is_it).unwrap_or(OUT_OF_REACH.len());
    let number = (rules::RULES.len() + index) as u32 + 1;
    Reason { number, text: text_of_reason(number).unwrap_or(c""), errno: obstacle }
}

/// A kernel that is not asked: only rules about the arguments alone can be broken.
struct Unasked;

impl Witness for Unasked {
    fn version(&self) -> (u32, u32) {
        (0, 0)
    }
    fn args_size(&self) -> usize {
        size_of::<clone_args>()
    }
    fn known(&self, flags: CloneFlags) -> CloneFlags {
        flags & ALL
    }
    fn readable(&self, _set_tid: (u64, u64), _exit_signal: u64) -> bool {
        true // clone(2) has no set_tid
    }
    fn writable(&self, address: u64) -> bool {
        Kernel.writable(address)
    }
    fn is_init(&self) -> bool {
        Kernel.is_init()
    }
    fn would_make(&self, child: Child) -> ask::Answer {
        match child {
            Child::With(flags) if !(ALL | CLONE_DETACHED).contains(flags) => Err(Errno::EINVAL),
            Child::OnStack(base, size) if !Stack { base, size }.is_addressable() => {
                Err(Errno::EINVAL)
            }
            // Where clone(2) checks it.
            Child::WithTls(tls) if cfg!(target_arch = "x86") => {
                pages::probe(tls).and(pages::probe(tls.wrapping_add(8)))
            }
            _ => Ok(()),
        }
    }
}
