// SPDX-License-Identifier: MIT OR Apache-2.0
//! W3C's Trace Context: `00-TRACE-PARENT-FLAGS` in the variable TRACEPARENT, and the numbers
//! of spans, which writers and readers make from the same record.

/// The variable, with its equals sign.
pub const TRACEPARENT: &[u8] = b"TRACEPARENT=";
/// Bytes of its value.
pub const CONTEXT_SIZE: usize = 55;
/// Where in the value the parent's number begins.
pub const PARENT_AT: usize = 36;

/// To which trace, and below which span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Context {
    /// The trace's number in hexadecimal digits.
    pub trace: [u8; 32],
    /// The span's.
    pub parent: u64,
    /// Whether the trace is recorded, and what else there may be, in hexadecimal digits.
    pub flags: [u8; 2],
}

impl Context {
    /// From the value of TRACEPARENT; `None` where it is not one. Of a later version that is
    /// taken which this one has.
    pub fn of(value: &[u8]) -> Option<Context> {
        let (version, rest) = value.split_first_chunk::<2>()?;
        let (trace, rest) = rest.strip_prefix(b"-")?.split_first_chunk::<32>()?;
        let (parent, rest) = rest.strip_prefix(b"-")?.split_first_chunk::<16>()?;
        let (flags, rest) = rest.strip_prefix(b"-")?.split_first_chunk::<2>()?;
        let ends = rest.is_empty() || (version != b"00" && rest.starts_with(b"-"));
        let are_hex = is_hex(version) && is_hex(trace) && is_hex(parent) && is_hex(flags);
        let is_none = trace.iter().all(|digit| *digit == b'0') || number(parent) == 0;
        let is_one = ends && are_hex && version != b"ff" && !is_none;
        is_one.then_some(Context { trace: *trace, parent: number(parent), flags: *flags })
    }

    /// As TRACEPARENT has it.
    pub fn value(&self) -> [u8; CONTEXT_SIZE] {
        let mut value = [b'-'; CONTEXT_SIZE];
        let parent = hex(self.parent);
        let parts: [(usize, &[u8]); 4] =
            [(0, b"00"), (3, &self.trace), (PARENT_AT, &parent), (53, &self.flags)];
        for (at, part) in parts {
            for (place, byte) in value.iter_mut().skip(at).zip(part) {
                *place = *byte;
            }
        }
        value
    }
}

fn is_hex(digits: &[u8]) -> bool {
    digits.iter().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(digit))
}

fn number(digits: &[u8; 16]) -> u64 {
    digits.iter().fold(0, |number, digit| {
        let value = if digit.is_ascii_digit() { digit - b'0' } else { digit.wrapping_sub(b'W') };
        number << 4 | u64::from(value)
    })
}

/// A number's digits.
pub fn hex(number: u64) -> [u8; 16] {
    let mut digits = [0; 16];
    for (place, digit) in digits.iter_mut().rev().enumerate() {
        let value = (number >> (4 * place)) as u8 & 15;
        *digit = value + if value < 10 { b'0' } else { b'W' };
    }
    digits
}

/// What makes the spans' numbers of one run, which began at these times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spans {
    seed: u64,
}

impl Spans {
    /// By `Header::realtime_start` and `Header::monotonic_start`.
    pub fn new(realtime_start: u64, monotonic_start: u64) -> Spans {
        Spans { seed: mixed(realtime_start ^ monotonic_start.rotate_left(32)) }
    }

    /// The span of what a record with this position + 1 began: an execution, or the copy that
    /// a creation made. Never 0.
    pub fn of(self, record: u64) -> u64 {
        mixed(self.seed.wrapping_add(record)).max(1)
    }

    /// The run's trace, if it was not given one.
    pub fn trace(self) -> [u8; 32] {
        let mut digits = [0; 32];
        let halves = [hex(mixed(!self.seed)), hex(self.seed.max(1))];
        for (place, digit) in digits.iter_mut().zip(halves.as_flattened()) {
            *place = *digit;
        }
        digits
    }
}

/// A number that looks like chance; different ones stay different.
fn mixed(number: u64) -> u64 {
    let number = (number ^ number >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ number >> 29).wrapping_mul(0xd6e8_feb8_6659_fd93);
    number ^ number >> 32
}
