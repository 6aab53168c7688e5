// SPDX-License-Identifier: MIT OR Apache-2.0
//! `clone3_spawn_strerror`: which step failed, in words.

use super::spawn_run::*;
use super::spawn_setters::NAMES;
use super::text::Text;
use super::{declared_entry, explain};
use crate::diagnose;
use crate::spawn::contradictions;
use crate::spawn::stage::Stage;
use crate::uapi::{Errno, text};
use core::ffi::{c_char, c_int};

declared_entry!(clone3_spawn_strerror => exported_strerror);

/// What each step is called; the index follows where there are several.
const STEPS: [(&[u8], bool); 34] = [
    (b"no error", false),
    (b"plan", false),
    (b"creating the child", false),
    (b"pidfd", false),
    (b"signals", true),
    (b"cgroup", false),
    (b"scheduling policy", false),
    (b"nice value", false),
    (b"processor affinity", false),
    (b"I/O priority", false),
    (b"oom_score_adj", false),
    (b"timer slack", false),
    (b"id maps", true),
    (b"namespace", true),
    (b"session", false),
    (b"process group", false),
    (b"controlling terminal", false),
    (b"root", false),
    (b"working directory", false),
    (b"descriptor", true),
    (b"file action", true),
    (b"resource limit", true),
    (b"capability bounding set", false),
    (b"supplementary groups", false),
    (b"group id", false),
    (b"user id", false),
    (b"capabilities", true),
    (b"securebits", false),
    (b"parent-death signal", false),
    (b"no_new_privs", false),
    (b"callback", false),
    (b"seccomp filter", false),
    (b"exec", false),
    (b"mount", true),
];

/// CLONE3_SPAWN_ACTION_*, and what is in the descriptor's place.
const ACTIONS: [&[u8]; 8] =
    [b"", b"open", b"close", b"dup2", b"chdir", b"fchdir", b"closefrom", b"tcsetpgrp"];

const MAPS: [&[u8]; 3] = [b"setgroups", b"uid_map", b"gid_map"];
const SETS: [&[u8]; 3] = [b"keeping them", b"inheritable", b"ambient"];

unsafe extern "C" fn exported_strerror(
    err: *const clone3_spawn_error,
    buf: *mut c_char,
    n: usize,
) -> *const c_char {
    if buf.is_null() || n == 0 {
        return c"".as_ptr();
    }
    // SAFETY: the caller's n bytes.
    let mut out = unsafe { Text::new(buf, n) };
    if !err.is_null() {
        // SAFETY: the caller's struct, as big as it says; its path and type are strings.
        unsafe { word(&read(err), &mut out) };
    }
    buf
}

/// # Safety
/// A path and a type must be strings.
unsafe fn word(err: &clone3_spawn_error, out: &mut Text) {
    let at = |list: &'static [&'static [u8]], index: c_int| -> &'static [u8] {
        usize::try_from(index).ok().and_then(|index| list.get(index)).copied().unwrap_or(b"?")
    };
    let step = usize::try_from(err.stage).ok().and_then(|stage| STEPS.get(stage));
    let &(name, several) = step.unwrap_or(&(b"unknown step", true));
    match err.stage {
        0 => return out.push(name),
        CLONE3_SPAWN_STAGE_PLAN => return word_of_plan(err, out),
        // SAFETY: the path is a string, by the contract.
        CLONE3_SPAWN_STAGE_CREATE => return unsafe { word_of_create(err, out) },
        _ => out.push(name),
    }
    match err.stage {
        CLONE3_SPAWN_STAGE_ID_MAP => push_all(out, &[b", ", at(&MAPS, err.index)]),
        CLONE3_SPAWN_STAGE_CAPABILITIES => push_all(out, &[b", ", at(&SETS, err.index)]),
        _ if several => {
            out.push(b" ");
            out.push_number(err.index as u32);
        }
        _ => {}
    }
    if err.action != 0 {
        push_all(out, &[b", ", at(&ACTIONS, err.action)]);
    }
    // SAFETY: by the contract.
    unsafe { word_of_type(err, out) };
    let before_number = match err.stage {
        CLONE3_SPAWN_STAGE_NAMESPACE => b", descriptor ".as_slice(),
        CLONE3_SPAWN_STAGE_FD => b", from ",
        CLONE3_SPAWN_STAGE_RLIMIT => b", resource ",
        _ => b" ",
    };
    // SAFETY: by the contract.
    unsafe { word_of_object(err, before_number, out) };
    out.push(b": ");
    word_of_errno(err.error, out);
}

/// # Safety
/// A path must be a string.
unsafe fn word_of_object(err: &clone3_spawn_error, before_number: &[u8], out: &mut Text) {
    if !err.path.is_null() {
        // SAFETY: by the contract.
        push_all(out, &[b" \"", unsafe { text::bytes(err.path) }, b"\""]);
    } else if err.number != -1 {
        out.push(before_number);
        if err.number < 0 {
            out.push(b"-");
        }
        out.push_number(err.number.unsigned_abs());
    }
}

/// "proc on".
///
/// # Safety
/// A type must be a string.
unsafe fn word_of_type(err: &clone3_spawn_error, out: &mut Text) {
    if err.stage == CLONE3_SPAWN_STAGE_MOUNT && !err.r#type.is_null() {
        // SAFETY: by the contract.
        push_all(out, &[b", ", unsafe { text::bytes(err.r#type) }, b" on"]);
    }
}

/// A setter that failed, "set_root: Bad file descriptor", or what makes no sense.
fn word_of_plan(err: &clone3_spawn_error, out: &mut Text) {
    let index = err.index as u32;
    let setter = index.checked_sub(contradictions::FIRST_SETTER);
    if let Some(name) = setter.and_then(|number| NAMES.get(number as usize)) {
        out.push(name.as_bytes().get(PREFIX.len()..).unwrap_or_default());
        out.push(b": ");
        word_of_errno(err.error, out);
        return;
    }
    out.push(b"plan: ");
    word_of_errno(err.error, out);
    if let Some(words) = contradictions::words(index) {
        push_all(out, &[b": ", words]);
    }
}

/// What clone3_explain() would say.
///
/// # Safety
/// A path must be a string.
unsafe fn word_of_create(err: &clone3_spawn_error, out: &mut Text) {
    out.push(b"creating the child");
    if !err.path.is_null() || err.number != -1 {
        out.push(b", cgroup");
        // SAFETY: by the contract.
        unsafe { word_of_object(err, b" ", out) };
    }
    out.push(b": ");
    word_of_errno(err.error, out);
    if let Some(text) = diagnose::text_of_reason(err.index as u32) {
        let text = text.to_bytes();
        // Without the errno's name, which stands there in words.
        let name = text.iter().position(|&byte| byte == b':').map_or(0, |colon| colon + 2);
        out.push(b": ");
        explain::push_reason(out, text.get(name..).unwrap_or_default());
    }
}

/// What names of setters begin with.
const PREFIX: &[u8] = b"clone3_spawn_";

fn word_of_errno(error: c_int, out: &mut Text) {
    match Errno(error).words() {
        Some(words) => out.push(words),
        None => {
            out.push(b"error ");
            out.push_number(error.unsigned_abs());
        }
    }
}

fn push_all(out: &mut Text, parts: &[&[u8]]) {
    parts.iter().for_each(|part| out.push(part));
}

const _: () = assert!(
    STEPS.len() == Stage::Mount as usize + 1
        && ACTIONS.len() == CLONE3_SPAWN_ACTION_TCSETPGRP as usize + 1
);
