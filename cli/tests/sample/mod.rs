// SPDX-License-Identifier: MIT OR Apache-2.0
//! A small trace with something of everything.

use crate::writer::{self, By, Writer, argv};
use clone3_trace::{Call, Create, Exec, Exit, Gap, Image, Module, Route, Start, Wait};

/// Who writes a record.
pub fn by(pid: u32, origin: u64, ns: u64) -> By {
    By { pid, origin, ns }
}

/// make (10) makes sh (11) by posix_spawn, which forks (12) and waits for it; a second sh is
/// refused; what 12 executes is static.
pub fn sample() -> Writer {
    let mut writer = Writer::new();
    let image = Image { parent: 1, bits: 64, libc: 1, ..Image::default() };
    let make =
        writer.done(by(10, 0, 1_000), image, &[b"/usr/bin/make", &argv(&["make", "-j2"]), b"/src"]);
    let module = Module { base: 0x40_0000, start: 0x40_0000, end: 0x50_0000 };
    writer.done(by(10, make, 1_500), module, &[b"/proc/self/exe", b"\x01\x02\x03"]);
    let create = Create {
        caller: 0x40_1234,
        call: Call::PosixSpawn as u8,
        route: Route::Native as u8,
        flags: 0x4100,
        exit_signal: 17,
        child: 11,
        end_ns: writer::START + 83_000,
        ..Create::default()
    };
    let spawn = writer.done(by(10, make, 2_000), create, &[]);
    let exec = Exec { call: Call::Spawned as u8, create: spawn, ..Exec::default() };
    let words = argv(&["sh", "-c", "echo 'it is'; \u{1b}[31m"]);
    let exec = writer.open(by(11, spawn, 3_000), exec, &[b"/bin/sh", &words, b"/src"]);
    let image = Image { exec, ..image };
    let sh = writer.done(by(11, 0, 400_000), image, &[b"/bin/sh", &words, b"/src"]);
    let fork = Create { call: Call::Fork as u8, flags: 0, child: 12, ..create };
    let fork = writer.done(by(11, sh, 500_000), fork, &[]);
    writer.done(by(12, fork, 510_000), Start { parent_origin: sh }, &[]);
    let missing = Exec { call: Call::Execve as u8, errno: 2, ..Exec::default() };
    let words = argv(&["busybox", "true"]);
    writer.done(by(12, fork, 520_000), missing, &[b"/no/busybox", &words, b"/src"]);
    let hidden = Exec { errno: 0, ..missing };
    writer.open(by(12, fork, 530_000), hidden, &[b"/no/such/busybox", &words, b"/src"]);
    let wait = Wait {
        call: Call::Waitpid as u8,
        child: 12,
        status: 3 << 8,
        user_ns: 1_000_000,
        system_ns: 500_000,
        max_resident: 3 << 20,
        end_ns: writer::START + 2_000_000,
        ..Wait::default()
    };
    writer.done(by(11, sh, 600_000), wait, &[]);
    let exit = Exit { call: Call::Exit as u8, status: 0, user_ns: 9_000, ..Exit::default() };
    writer.done(by(11, sh, 2_100_000), exit, &[]);
    writer.done(by(10, make, 2_200_000), Wait { child: 11, status: 0, ..wait }, &[]);
    let refused = Create { errno: 11, child: -1, cause: 38, route: Route::Legacy as u8, ..create };
    writer.done(by(10, make, 2_300_000), refused, &[]);
    writer.done(by(10, make, 2_400_000), Gap { count: 5, reason: 0 }, &[]);
    let outside = Wait { call: Call::Outside as u8, child: 10, status: 9, ..wait };
    writer.done(by(9, 0, 2_500_000), outside, &[]);
    writer.dropped[0] = 7;
    writer
}
