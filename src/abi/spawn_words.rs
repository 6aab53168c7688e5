// SPDX-License-Identifier: MIT OR Apache-2.0
//! `clone3_spawn_strerror`: formats the failed step as text.

use super::spawn_run::*;
use super::spawn_setters::NAMES;
use super::text::Text;
use super::{declared_entry, explain};
use crate::base::text;
use crate::diagnose;
use crate::spawn::contradictions;
use crate::spawn::stage::{ActionKind, Index, Row, Stage};
use crate::uapi::Errno;
use core::ffi::{c_char, c_int};

declared_entry!(clone3_spawn_strerror => exported_strerror);

unsafe extern "C" fn exported_strerror(
    err: *const clone3_spawn_error,
    buf: *mut c_char,
    n: usize,
) -> *const c_char {
    // SAFETY: null or the caller's struct, as big as it says.
    let words = |out: &mut Text| match unsafe { read(err) } {
        // SAFETY: its path and type are strings.
        Ok(err) => unsafe { word(&err, out) },
        Err(errno) => {
            out.push(b"the error's own size: ");
            word_of_errno(errno.0, out);
        }
    };
    // SAFETY: the caller's n bytes.
    unsafe { Text::fill(buf, n, words) }
}

/// # Safety
/// A path and a type must be strings.
pub unsafe fn word(err: &clone3_spawn_error, out: &mut Text) {
    let stage = u32::try_from(err.stage).ok().and_then(Stage::of);
    let Row { words, index, before_number } = match stage {
        Some(Stage::Plan) => return word_of_plan(err, out),
        // SAFETY: the path is a string, by the contract.
        Some(Stage::Create) => return unsafe { word_of_create(err, out) },
        Some(stage) => stage.row(),
        None => Row { words: b"unknown step", index: Index::Counts, before_number: b" " },
    };
    out.push(words);
    if stage == Some(Stage::None) {
        return;
    }
    match index {
        Index::One => {}
        Index::Counts => {
            out.push(b" ");
            out.push_number(err.index as u32);
        }
        Index::Names(names) => {
            let name = usize::try_from(err.index).ok().and_then(|index| names.get(index));
            push_all(out, &[b", ", name.copied().unwrap_or(b"?")]);
        }
    }
    if err.action != 0 {
        let kind = u32::try_from(err.action).ok().and_then(ActionKind::of);
        push_all(out, &[b", ", kind.map_or(b"?", ActionKind::words)]);
    }
    if stage == Some(Stage::Mount) {
        // SAFETY: by the contract.
        unsafe { word_of_type(err, out) };
    }
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
    if !err.r#type.is_null() {
        // SAFETY: by the contract.
        push_all(out, &[b", ", unsafe { text::bytes(err.r#type) }, b" on"]);
    }
}

/// A setter that failed, "set_pivot_root: Bad file descriptor", or a contradiction.
fn word_of_plan(err: &clone3_spawn_error, out: &mut Text) {
    let index = err.index as u32;
    let setter = index.checked_sub(contradictions::FIRST_SETTER);
    if let Some(name) = setter.and_then(|number| NAMES.iter().nth(number as usize)) {
        out.push(name.to_bytes().get(PREFIX.len()..).unwrap_or_default());
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

/// The text of clone3_explain().
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
        // Without the errno's name, which has been written out in words already.
        let name = text.iter().position(|&byte| byte == b':').map_or(0, |colon| colon + 2);
        out.push(b": ");
        explain::push_reason(out, text.get(name..).unwrap_or_default());
    }
}

/// The prefix of the setters' names.
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
