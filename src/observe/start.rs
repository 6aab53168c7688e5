// SPDX-License-Identifier: MIT OR Apache-2.0
//! The start of a program with the library in it.
//!
//! | variable | |
//! |---|---|
//! | `CLONE3_TRACE` | the file; it is made if it is not there; no trace where it is empty |
//! | `CLONE3_TRACE_SIZE` | MiB of a new one, 16 unless said |
//! | `CLONE3_TRACE_CONTEXT` | 0: of a new one, programs are executed with the TRACEPARENT that there is |
//! | `CLONE3_TRACE_MEMORY` | 1: of a new one, processes are asked for what they use |
//! | `CLONE3_TRACE_EXEC` | the record of the exec that this program comes from |

use super::environment::{EXEC, remember};
use super::file::Wanted;
use super::foreign::Reader;
use super::{execution, exit, file, modules, state};
use crate::base::decimal;
use crate::host::{self, environment, functions, interposers, start as image};
use crate::uapi::{shared, task};
use clone3_trace::{ASKS_MEMORY, Context, Image, Libc, PASSES_CONTEXT, TRACEPARENT};
use core::ffi::CStr;

const SIZE: u32 = 16;
/// More would not fit into the memory of a 32-bit program.
const MOST: u32 = 1024;

/// Begins to trace this process, if it is to be traced.
///
/// Not async-signal-safe; when the library is loaded.
pub fn start() {
    if let Some(path) = environment::own(b"CLONE3_TRACE=").filter(|path| !path.is_empty()) {
        start_with(path);
    }
}

/// Not a part of [`start`]: each process would touch the pages of stack that this takes.
#[cold]
#[inline(never)]
fn start_with(path: &CStr) {
    let pid = task::getpid();
    let exec = environment::take(EXEC).map_or(0, |text| number(text.to_bytes()));
    let mut directory = [0u8; 4096];
    let length = shared::working_directory(&mut directory).unwrap_or(0).saturating_sub(1);
    let directory = directory.get(..length).unwrap_or_default();
    let Ok(trace) = file::open_or_create(path, &wanted(), pid) else { return };
    functions::look_up_for_trace();
    modules::learn();
    // SAFETY: mapped, and never unmapped.
    unsafe { state::begin(trace.header, trace.slots, pid as u32) };
    // SAFETY: here, once.
    unsafe { remember(path, directory) };
    record(directory, exec);
    interposers::watch();
    exit::watch();
}

/// Of a new trace.
fn wanted() -> Wanted {
    let mebibytes = environment::own(b"CLONE3_TRACE_SIZE=")
        .and_then(|text| decimal::read(text.to_bytes()))
        .map_or(SIZE, |size| size.clamp(1, MOST));
    let context = environment::own(TRACEPARENT).and_then(|text| Context::of(text.to_bytes()));
    let passes = context.is_some() && !environment::says(b"CLONE3_TRACE_CONTEXT=", b"0");
    let asks = environment::says(b"CLONE3_TRACE_MEMORY=", b"1");
    let option = |is_set, option| if is_set { option } else { 0 };
    let options = option(passes, PASSES_CONTEXT) | option(asks, ASKS_MEMORY);
    Wanted { mebibytes, options }
}

/// A decimal number; 0 for what is none.
fn number(text: &[u8]) -> u64 {
    text.iter()
        .fold(0u64, |sum, byte| sum.wrapping_mul(10).wrapping_add(byte.wrapping_sub(b'0').into()))
}

/// The record of this image. Its own position is what the process is from here on.
#[inline(never)]
fn record(directory: &[u8], exec: u64) {
    let body = Image {
        exec,
        parent: task::getppid() as u32,
        bits: usize::BITS as u8,
        libc: match host::is_glibc() {
            true => Libc::Glibc,
            false => Libc::Musl,
        } as u8,
        ..Image::default()
    };
    let path = image::path().map_or(&b""[..], CStr::to_bytes);
    let context = environment::own(TRACEPARENT).map_or(&b""[..], CStr::to_bytes);
    let argv = image::arguments();
    let mut reader = Reader::new();
    let arguments = reader.measure(argv, execution::MOST_OF_ARGUMENTS);
    let lengths = [path.len(), arguments.bytes, directory.len(), context.len()].map(|n| n as u32);
    let cut = u16::from(arguments.is_cut) << 1;
    let Some(ring) = state::ring() else { return };
    if let Ok(mut pen) = ring.begin(&state::writer(), &body, lengths, cut) {
        pen.put(path);
        reader.put(argv, arguments.bytes, &mut pen);
        pen.put(directory);
        pen.put(context);
        state::set_origin(pen.done().wrapping_add(1));
    }
}
