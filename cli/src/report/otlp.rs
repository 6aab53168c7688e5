// SPDX-License-Identifier: MIT OR Apache-2.0
//! OpenTelemetry's JSON: a span for each process, and below it one for each further program that
//! it executed. The file is the body of a POST to a collector's /v1/traces.

use super::spans::{self, Span};
use crate::model::{End, Run, base_name};
use crate::notation::signal_in_words;
use crate::words;
use anyhow::Result;
use serde_json::{Value, json};
use std::io::Write;

/// Writes one request with all spans.
pub fn write(run: &Run, out: &mut impl Write) -> Result<()> {
    let service = run.roots().next().map_or_else(|| "?".into(), |root| run.program(root));
    let resource = json!({"attributes": [attribute("service.name", text(service.as_bytes()))]});
    let resource = words::json(&resource);
    let scope = json!({"name": "libclone3", "version": env!("CARGO_PKG_VERSION")});
    write!(
        out,
        r#"{{"resourceSpans":[{{"resource":{resource},"scopeSpans":[{{"scope":{scope},"spans":["#
    )?;
    for (place, one) in spans::all(run).iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        write!(out, "{comma}\n{}", words::json(&span(run, one)))?;
    }
    writeln!(out, "]}}]}}]}}")?;
    Ok(())
}

fn span(run: &Run, span: &Span) -> Value {
    let process = &run.processes[span.process];
    let time = |ns: u64| {
        let since = ns.saturating_sub(run.header.monotonic_start);
        run.header.realtime_start.saturating_add(since).to_string()
    };
    let name = match span.part.path {
        Some(path) => base_name(path),
        None => run.program(span.process),
    };
    let until_ns = if span.is_first { run.until(process) } else { span.part.until_ns };
    let end = if span.is_first || span.is_last { process.end } else { End::Unknown };
    json!({
        "traceId": String::from_utf8_lossy(&span.trace),
        "spanId": digits(span.id),
        "parentSpanId": span.parent.map_or_else(String::new, digits),
        "name": name,
        "kind": 1,
        "startTimeUnixNano": time(span.part.begun_ns),
        "endTimeUnixNano": time(until_ns),
        "attributes": attributes(run, span, end),
        "status": status(end),
    })
}

fn digits(number: u64) -> String {
    format!("{number:016x}")
}

fn attributes(run: &Run, span: &Span, end: End) -> Vec<Value> {
    let process = &run.processes[span.process];
    let mut attributes = vec![attribute("process.pid", number(process.pid))];
    let mut add = |key, value| attributes.push(attribute(key, value));
    if let Some(parent) = process.parent {
        add("process.parent_pid", number(run.processes[parent].pid));
    }
    if let Some(path) = span.part.path {
        add("process.executable.path", text(path));
        let words: Vec<Value> = span.part.argv.iter().map(|word| text(word)).collect();
        add("process.command_args", json!({"arrayValue": {"values": words}}));
    }
    if !span.part.cwd.is_empty() {
        add("process.working_directory", text(span.part.cwd));
    }
    if let End::Exited(status @ 0..) = end {
        add("process.exit.code", number(status as u32));
    }
    if !span.is_first {
        return attributes;
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
