// SPDX-License-Identifier: MIT OR Apache-2.0
//! The first execution of a trace, by the child that makes it. So the program is in the trace
//! even where it never gets the library.

use super::clock;
use super::shared::Shared;
use clone3_trace::{Call, Exec, Writer};
use std::ffi::OsString;
use std::io::Error;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Says what will be executed, and what is another one in its environment than it was; the
/// record's position, if there is room.
pub fn begin(ring: &Shared, file: &Path, words: &[OsString], environment: &[u8]) -> Option<u64> {
    let file = std::path::absolute(file).ok()?;
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    let words = words.join(&0);
    let cwd = std::env::current_dir().unwrap_or_default();
    let strings = [file.as_os_str().as_bytes(), &words, cwd.as_os_str().as_bytes(), environment];
    let lengths = strings.map(|string| string.len() as u32);
    let pid = std::process::id();
    let writer = Writer { tid: pid, pid, origin: 0, time: clock::monotonic() };
    let exec = Exec { call: Call::Execvpe as u8, ..Exec::default() };
    let mut pen = ring.ring()?.begin(&writer, &exec, lengths, 0).ok()?;
    strings.into_iter().for_each(|string| pen.put(string));
    Some(pen.open())
}

/// It came back.
pub fn failed(ring: &Shared, position: Option<u64>, error: &Error) {
    let (Some(ring), Some(position)) = (ring.ring(), position) else { return };
    ring.complete(position, |exec: &mut Exec| {
        exec.end_ns = clock::monotonic();
        exec.errno = error.raw_os_error().unwrap_or(libc::EINVAL);
    });
}
