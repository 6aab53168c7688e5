// SPDX-License-Identifier: MIT OR Apache-2.0
//! OpenTelemetry's JSON: a span for each process, below its creator's. The file is the body of
//! a POST to a collector's /v1/traces.

use crate::model::{End, Process, Run};
use crate::notation::signal_in_words;
use crate::words;
use anyhow::Result;
use serde_json::{Value, json};
use std::io::Write;

/// Writes one request with all spans.
pub fn write(run: &Run, out: &mut impl Write) -> Result<()> {
    let context = Context::of(run);
    let service = run.roots().next().map_or_else(|| "?".into(), |root| run.program(root));
    let resource = json!({"attributes": [attribute("service.name", text(service.as_bytes()))]});
    let resource = words::json(&resource);
    let scope = json!({"name": "libclone3", "version": env!("CARGO_PKG_VERSION")});
    write!(
        out,
        r#"{{"resourceSpans":[{{"resource":{resource},"scopeSpans":[{{"scope":{scope},"spans":["#
    )?;
    for place in 0..run.processes.len() {
        let comma = if place == 0 { "" } else { "," };
        write!(out, "{comma}\n{}", words::json(&span(run, place, &context)))?;
    }
    writeln!(out, "]}}]}}]}}")?;
    Ok(())
}

/// What the spans belong to: what the first program was given as TRACEPARENT, or a trace of
/// their own.
struct Context {
    trace: String,
    parent: String,
    /// Makes the spans' numbers different from those of another run.
    seed: u64,
}

impl Context {
    fn of(run: &Run) -> Context {
        let seed = run.header.realtime_start ^ run.header.monotonic_start.rotate_left(32);
        let given = run.processes.iter().flat_map(|process| &process.images).next();
        match given.and_then(|image| traceparent(&image.traceparent)) {
            Some((trace, parent)) => Context { trace, parent, seed },
            None => {
                let trace = format!("{:016x}{:016x}", mixed(seed), mixed(!seed));
                Context { trace, parent: String::new(), seed }
            }
        }
    }

    fn span(&self, place: usize) -> String {
        // 0 would be "none".
        format!("{:016x}", mixed(self.seed.wrapping_add(place as u64)).max(1))
    }
}

/// A number that looks like chance; different ones stay different.
fn mixed(number: u64) -> u64 {
    let number = (number ^ number >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ number >> 29).wrapping_mul(0xd6e8_feb8_6659_fd93);
    number ^ number >> 32
}

/// `00-TRACE-SPAN-FLAGS`, as W3C has it.
fn traceparent(bytes: &[u8]) -> Option<(String, String)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut parts = text.split('-');
    let (_version, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |part: &str, length| {
        let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        part.len() == length && part.bytes().all(lower) && part.bytes().any(|byte| byte != b'0')
    };
    (is_hex(trace, 32) && is_hex(span, 16)).then(|| (trace.into(), span.into()))
}

fn span(run: &Run, place: usize, context: &Context) -> Value {
    let process = &run.processes[place];
    let time = |ns: u64| {
        let since = ns.saturating_sub(run.header.monotonic_start);
        run.header.realtime_start.saturating_add(since).to_string()
    };
    let parent =
        process.parent.map_or_else(|| context.parent.clone(), |parent| context.span(parent));
    json!({
        "traceId": context.trace,
        "spanId": context.span(place),
        "parentSpanId": parent,
        "name": run.program(place),
        "kind": 1,
        "startTimeUnixNano": time(process.begun_ns),
        "endTimeUnixNano": time(run.until(process)),
        "attributes": attributes(run, process),
        "status": status(process.end),
    })
}

fn attributes(run: &Run, process: &Process) -> Vec<Value> {
    let mut attributes = vec![attribute("process.pid", number(process.pid))];
    let mut add = |key, value| attributes.push(attribute(key, value));
    if let Some(parent) = process.parent {
        add("process.parent_pid", number(run.processes[parent].pid));
    }
    if let Some(path) = process.path() {
        add("process.executable.path", text(path));
    }
    if let Some(words) = process.words() {
        let words: Vec<Value> = words.iter().map(|word| text(word)).collect();
        add("process.command_args", json!({"arrayValue": {"values": words}}));
    }
    if let Some(image) = process.images.last() {
        add("process.working_directory", text(&image.cwd));
    }
    if let End::Exited(status @ 0..) = process.end {
        add("process.exit.code", number(status as u32));
    }
    if let Some(cpu) = run.cpu(process) {
        add("process.cpu.time_ns", json!({"intValue": cpu.to_string()}));
    }
    if let Some(most) = process.max_resident() {
        add("process.memory.max_resident", json!({"intValue": most.to_string()}));
    }
    attributes
}

fn attribute(key: &str, value: Value) -> Value {
    json!({"key": key, "value": value})
}

fn number(number: u32) -> Value {
    json!({"intValue": number.to_string()})
}

fn text(bytes: &[u8]) -> Value {
    json!({"stringValue": String::from_utf8_lossy(bytes)})
}

/// 1 for well, 2 for an error, 0 for unknown.
fn status(end: End) -> Value {
    match end {
        End::Exited(0) => json!({"code": 1}),
        End::Exited(status @ 1..) => json!({"code": 2, "message": format!("exited with {status}")}),
        End::Killed { signal, .. } => {
            json!({"code": 2, "message": format!("killed by {}", signal_in_words(signal))})
        }
        End::Exited(_) | End::Unknown | End::Alive => json!({"code": 0}),
    }
}
