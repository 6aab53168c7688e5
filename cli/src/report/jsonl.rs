// SPDX-License-Identifier: MIT OR Apache-2.0
//! JSON Lines. Keys are described in docs/TRACE-FORMAT.md and keep their meaning.

use super::place;
use super::text::call;
use crate::model::{Builder, End, Run, end};
use crate::notation::{flags_in_words, signal_in_words};
use crate::trace::{Body, Header, Record, drop_reason};
use crate::words::{self, errno};
use anyhow::Result;
use clone3_trace::{Create, Exec, Exit, Image, Libc, Route, Wait};
use serde_json::{Value, json};
use std::io::Write;

/// Of the keys.
const VERSION: u32 = 1;

/// The first line.
pub fn begin(header: &Header, out: &mut impl Write) -> Result<()> {
    let line = json!({
        "type": "trace",
        "version": VERSION,
        "monotonic_start_ns": header.monotonic_start,
        "realtime_start_ns": header.realtime_start,
        "monotonic_end_ns": header.monotonic_end,
    });
    Ok(writeln!(out, "{}", words::json(&line))?)
}

/// The line of a record, which is added to the run.
pub fn record(record: &Record, builder: &mut Builder, out: &mut impl Write) -> Result<()> {
    let process = builder.add(record);
    let callers = &builder.run().callers;
    let caller = |address| place::as_json(callers, callers.find(record, address));
    let mut line = match &record.body {
        Body::Create(create) => created(create, builder.run(), caller(create.caller)),
        Body::Start(_) => json!({"type": "start"}),
        Body::Exec(exec) => executed(record, exec, caller(exec.caller)),
        Body::Image(image) => began(record, image),
        Body::Exit(exit) => exited(exit),
        Body::Wait(wait) => waited(wait, caller(wait.caller)),
        Body::Gap(gap) => json!({
            "type": "gap",
            "count": gap.count,
            "reason": drop_reason(gap.reason as usize),
        }),
        Body::Alive(alive) => {
            json!({"type": "alive", "pid": alive.child, "zombie": alive.zombie != 0})
        }
        Body::Module(module) => json!({
            "type": "module",
            "path": text(record, 0),
            "build_id": hexadecimal(&record.strings[1].bytes),
            "start": module.start,
            "end": module.end,
            "base": module.base,
        }),
        Body::Other(kind) => json!({"type": "other", "kind": kind}),
    };
    line["version"] = json!(VERSION);
    line["position"] = json!(record.position);
    line["time_ns"] = json!(record.begun_ns);
    line["process"] = json!(process);
    line["tid"] = json!(record.tid);
    line["open"] = json!(record.open);
    match record.body {
        Body::Create(_) | Body::Wait(_) => line["ppid"] = json!(record.pid),
        Body::Alive(_) => {}
        _ => line["pid"] = json!(record.pid),
    }
    Ok(writeln!(out, "{}", words::json(&line))?)
}

/// The last lines.
pub fn end_of(run: &Run, out: &mut impl Write) -> Result<()> {
    for (reason, count) in run.blind.spots() {
        let line = json!({
            "type": "blind_spot",
            "version": VERSION,
            "reason": reason,
            "count": count,
        });
        writeln!(out, "{}", words::json(&line))?;
    }
    Ok(())
}

fn created(create: &Create, run: &Run, caller: Value) -> Value {
    let child = run.creations.last().and_then(|creation| creation.process);
    json!({
        "type": "create",
        "call": call(create.call),
        "route": Route::of(create.route).map(Route::name),
        "pid": if create.errno == 0 { create.child } else { -1 },
        "errno": number_and_name(create.errno),
        "cause": number_and_name(create.cause),
        "thread": create.thread != 0,
        "flags": flags_in_words(create.flags),
        "emulated": flags_in_words(create.emulated),
        "exit_signal": signal(create.exit_signal as i32),
        "stage": create.stage,
        "caller": caller,
        "resident": create.resident,
        "page_tables": create.page_tables,
        "end_ns": create.end_ns,
        "child_process": child,
    })
}

fn executed(record: &Record, exec: &Exec, caller: Value) -> Value {
    json!({
        "type": "exec",
        "call": call(exec.call),
        "path": text(record, 0),
        "argv": words(record),
        "argv_cut": record.strings[1].cut,
        "cwd": text(record, 2),
        "environment": text(record, 3),
        "errno": number_and_name(exec.errno),
        "restored": exec.restored != 0,
        "caller": caller,
        "end_ns": exec.end_ns,
    })
}

fn began(record: &Record, image: &Image) -> Value {
    json!({
        "type": "image",
        "path": text(record, 0),
        "argv": words(record),
        "argv_cut": record.strings[1].cut,
        "cwd": text(record, 2),
        "traceparent": text(record, 3),
        "ppid": image.parent,
        "bits": image.bits,
        "libc": Libc::of(image.libc).map(Libc::name),
        "exec": image.exec.checked_sub(1),
    })
}

fn exited(exit: &Exit) -> Value {
    json!({
        "type": "exit",
        "call": call(exit.call),
        "status": exit.status,
        "unwaited": exit.unwaited,
        "user_ns": exit.user_ns,
        "system_ns": exit.system_ns,
        "max_resident": exit.max_resident,
    })
}

fn waited(wait: &Wait, caller: Value) -> Value {
    let (status, killed, core) = match end(wait.status) {
        Some(End::Exited(status)) => (Some(status), None, false),
        Some(End::Killed { signal: number, core }) => (None, Some(signal(number)), core),
        _ => (None, None, false),
    };
    json!({
        "type": "wait",
        "call": call(wait.call),
        "pid": wait.child,
        "status": status,
        "signal": killed,
        "core": core,
        "raw_status": wait.status,
        "user_ns": wait.user_ns,
        "system_ns": wait.system_ns,
        "max_resident": wait.max_resident,
        "caller": caller,
        "end_ns": wait.end_ns,
    })
}

fn hexadecimal(bytes: &[u8]) -> Value {
    match bytes {
        [] => json!(null),
        _ => json!(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
    }
}

/// 0 for none, else its name.
fn number_and_name(number: i32) -> Value {
    if number == 0 { json!(null) } else { json!(errno(number)) }
}

fn signal(number: i32) -> Value {
    if number == 0 { json!(null) } else { json!(signal_in_words(number)) }
}

/// Bytes that are no UTF-8 become U+FFFD.
fn text(record: &Record, string: usize) -> Value {
    json!(String::from_utf8_lossy(&record.strings[string].bytes))
}

fn words(record: &Record) -> Value {
    let argv = record.words(1);
    json!(argv.iter().map(|word| String::from_utf8_lossy(word)).collect::<Vec<_>>())
}
