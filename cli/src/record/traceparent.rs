// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the first program is given as TRACEPARENT. What it executes gets the same from the
//! library, as far as the first page asks for it.

use super::begin::Begin;
use crate::args::When;
use clone3_trace::{Context, PASSES_CONTEXT, TRACEPARENT};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// The variable.
const NAME: &str = "TRACEPARENT";

/// Whether programs are told the spans of their executions, and what there was before.
pub struct Traceparent {
    is_passed: bool,
    given: Option<Context>,
}

impl Traceparent {
    /// By this command's environment.
    pub fn of(when: When) -> Traceparent {
        let value = std::env::var_os(NAME);
        let given = value.and_then(|value| Context::of(value.as_bytes()));
        let is_passed = match when {
            When::Auto => given.is_some(),
            When::Always => true,
            When::Never => false,
        };
        Traceparent { is_passed, given }
    }

    /// For the first page.
    pub fn options(&self) -> u32 {
        if self.is_passed { PASSES_CONTEXT } else { 0 }
    }

    /// The variable as it was, where the program has another one.
    pub fn given(&self) -> Vec<u8> {
        let given = self.given.filter(|_| self.is_passed);
        given.map_or_else(Vec::new, |given| [TRACEPARENT, &given.value()].concat())
    }

    /// The variable of a program whose execution is recorded at that position.
    pub fn variable(
        &self,
        begin: &Begin,
        position: Option<u64>,
    ) -> Option<(&'static str, OsString)> {
        let parent = begin.spans().of(position.filter(|_| self.is_passed)? + 1);
        let context = match self.given {
            Some(given) => Context { parent, ..given },
            None => Context { trace: begin.spans().trace(), parent, flags: *b"01" },
        };
        Some((NAME, OsString::from_vec(context.value().into())))
    }
}
