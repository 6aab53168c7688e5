// SPDX-License-Identifier: MIT OR Apache-2.0
//! A line for each record, much as strace(1) has it.

use super::{BAD, DIM, place};
use crate::model::{End, Run, end};
use crate::notation::{flags_in_words, signal_in_words};
use crate::trace::{Body, Record, drop_reason};
use crate::words::{c_string, c_strings, duration, errno, errno_text, size};
use anyhow::Result;
use clone3_trace::{Call, Create, Exec, Exit, Image, Libc, Route, Wait};
use std::io::Write;

/// Writes the line of a record, which was added to the run; `start` is when the trace began.
pub fn record(record: &Record, run: &Run, start: u64, out: &mut impl Write) -> Result<()> {
    let mut line = match &record.body {
        Body::Create(create) => created(record, create),
        Body::Start(_) => "+++ begins +++".into(),
        Body::Exec(exec) => executed(record, exec),
        Body::Image(image) => began(record, image),
        Body::Exit(exit) => exited(exit),
        Body::Wait(wait) => waited(record, wait),
        Body::Gap(gap) => {
            let reason = drop_reason(gap.reason as usize);
            format!("--- {BAD}{} records are missing here: {reason}{BAD:#} ---", gap.count)
        }
        Body::Alive(alive) => {
            let how =
                if alive.zombie != 0 { "has ended and was not waited for" } else { "is alive" };
            format!("{} {how} at the end", alive.child)
        }
        Body::Module(module) => format!(
            "has {} at {:#x}-{:#x}",
            c_string(&record.strings[0].bytes),
            module.start,
            module.end
        ),
        Body::Other(0) if record.open => "--- a record that was never filled in ---".into(),
        Body::Other(kind) => format!("--- a record of kind {kind} ---"),
    };
    line += &from(record, run);
    let at = record.begun_ns.saturating_sub(start);
    let who = match record.tid {
        tid if tid == record.pid || tid == 0 => record.pid.to_string(),
        tid => format!("{}/{tid}", record.pid),
    };
    writeln!(
        out,
        "{DIM}{:>5}.{:06}{DIM:#} {who:>7}  {line}",
        at / 1_000_000_000,
        at / 1_000 % 1_000_000
    )?;
    Ok(())
}

/// Where a call came from.
fn from(record: &Record, run: &Run) -> String {
    let address = match record.body {
        Body::Create(create) => create.caller,
        Body::Exec(exec) => exec.caller,
        Body::Wait(wait) => wait.caller,
        _ => 0,
    };
    match run.callers.find(record, address) {
        Some(caller) => format!(" {DIM}at {}{DIM:#}", place::in_words(&run.callers, caller)),
        None => String::new(),
    }
}

/// A call's name.
pub fn call(number: u8) -> String {
    Call::of(number).map_or_else(|| format!("call {number}"), |call| call.name().into())
}

fn created(record: &Record, create: &Create) -> String {
    let mut arguments = Vec::new();
    if create.flags != 0 {
        arguments.push(format!("flags={}", flags_in_words(create.flags)));
    }
    if create.exit_signal != 0 && create.exit_signal != libc::SIGCHLD as u32 {
        arguments.push(format!("exit_signal={}", signal_in_words(create.exit_signal as i32)));
    }
    let mut line = format!("{}({})", call(create.call), arguments.join(", "));
    if record.open {
        return line + &format!(" {BAD}never returned{BAD:#}");
    }
    line += &match create.errno {
        0 if create.resident != 0 => {
            let (resident, tables) = (size(create.resident), size(create.page_tables));
            format!(" = {} [of {resident}, {tables} of page tables]", create.child)
        }
        0 => format!(" = {}", create.child),
        number => failure(number),
    };
    if create.emulated != 0 {
        line += &format!(" [emulated: {}]", flags_in_words(create.emulated));
    }
    line + &route(create) + &took(record, create.end_ns)
}

fn failure(number: i32) -> String {
    format!(" = {BAD}-1 {}{BAD:#} ({})", errno(number), errno_text(number))
}

fn route(create: &Create) -> String {
    let route = Route::of(create.route).map_or("?", Route::name);
    let why = if create.cause != 0 { format!(": {}", errno(create.cause)) } else { String::new() };
    format!(" {DIM}[{route}{why}]{DIM:#}")
}

fn took(record: &Record, end_ns: u64) -> String {
    match end_ns.checked_sub(record.begun_ns) {
        Some(ns) if end_ns != 0 => format!(" {DIM}<{}>{DIM:#}", duration(ns)),
        _ => String::new(),
    }
}

fn executed(record: &Record, exec: &Exec) -> String {
    let path = c_string(&record.strings[0].bytes);
    let cut = if record.strings[1].cut { ", cut" } else { "" };
    let mut line = format!("{}({path}, {}{cut})", call(exec.call), c_strings(&record.words(1)));
    if exec.restored != 0 {
        line += " [its environment was given the library again]";
    }
    if record.open {
        return line;
    }
    line + &failure(exec.errno) + &took(record, exec.end_ns)
}

fn began(record: &Record, image: &Image) -> String {
    let path = c_string(&record.strings[0].bytes);
    let libc = Libc::of(image.libc).unwrap_or(Libc::Unknown).name();
    format!(
        "+++ is {path} {}, in {}, {libc}, {} bits +++",
        c_strings(&record.words(1)),
        c_string(&record.strings[2].bytes),
        image.bits
    )
}

fn exited(exit: &Exit) -> String {
    let status = match exit.status {
        -1 => "by an unknown status".into(),
        0 => "with 0".to_owned(),
        status => format!("{BAD}with {status}{BAD:#}"),
    };
    let mut line = format!("+++ {} {status}", call(exit.call));
    if exit.unwaited != 0 {
        line += &format!(", {} children not waited for", exit.unwaited);
    }
    line + &used(exit.user_ns.saturating_add(exit.system_ns), exit.max_resident) + " +++"
}

fn waited(record: &Record, wait: &Wait) -> String {
    let line = format!("{}()", call(wait.call));
    if record.open {
        return line + " never returned";
    }
    let how = match end(wait.status) {
        _ if wait.child <= 0 => String::new(),
        Some(end) => format!(", {}", ended(end)),
        None => format!(", status {:#x}", wait.status),
    };
    let used = used(wait.user_ns.saturating_add(wait.system_ns), wait.max_resident);
    format!("{line} = {}{how}{used}", wait.child) + &took(record, wait.end_ns)
}

/// How a process ended.
pub fn ended(end: End) -> String {
    match end {
        End::Unknown | End::Exited(-1) => "ended".into(),
        End::Exited(0) => "exited with 0".into(),
        End::Exited(status) => format!("{BAD}exited with {status}{BAD:#}"),
        End::Killed { signal, core } => {
            let core = if core { ", core dumped" } else { "" };
            format!("{BAD}killed by {}{core}{BAD:#}", signal_in_words(signal))
        }
        End::Alive => "still there".into(),
    }
}

fn used(cpu_ns: u64, max_resident: u64) -> String {
    match (cpu_ns, max_resident) {
        (0, 0) => String::new(),
        _ => format!("; {} CPU, {}", duration(cpu_ns), size(max_resident)),
    }
}
