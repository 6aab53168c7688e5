// SPDX-License-Identifier: MIT OR Apache-2.0
//! `clone3 probe`.

use crate::args::{Args, Probe};
use crate::library::{Features, Library};
use crate::notation::FLAGS;
use crate::pipes;
use anyhow::Result;
use comfy_table::{Table, presets};
use serde_json::{Value, json};
use std::io::Error;
use std::process::ExitCode;

/// CLONE3_PROBE_DEEP.
const DEEP: u32 = 1;

/// Shows what clone3(2) is for this process.
pub fn run(args: &Args, probe: &Probe) -> Result<ExitCode> {
    let mode = if probe.deep { DEEP } else { 0 };
    let features = Library::open(args.library.as_deref())?.probe(mode)?;
    let text = match probe.json {
        true => format!("{:#}", in_json(&features, probe.deep)),
        false => in_words(&features, probe.deep),
    };
    pipes::put(format!("{text}\n").as_bytes())?;
    Ok(ExitCode::from(u8::from(features.obstacle != 0)))
}

fn in_words(features: &Features, deep: bool) -> String {
    let mut lines = vec![reach(features)];
    if features.inconclusive != 0 {
        lines.push(
            "The kernel's answers cannot be trusted here: it makes children that it should refuse."
                .into(),
        );
    }
    if features.args_size != 0 {
        lines.push(format!("It reads {} bytes of struct clone_args.", features.args_size));
    }
    lines.push(format!("set_tid: {}", errno(features.set_tid)));
    lines.push(table(features, deep).to_string());
    lines.join("\n")
}

fn reach(features: &Features) -> String {
    match features.obstacle {
        0 => "clone3(2) is reached.".into(),
        _ if features.kept_away != 0 => {
            "clone3(2) is never called: CLONE3_ROUTE=legacy, or the library was built so.".into()
        }
        number => {
            format!("clone3(2) is out of reach: {}. clone(2) is used instead.", errno(number))
        }
    }
}

fn errno(number: i32) -> String {
    match number {
        0 => "may be used".into(),
        _ => Error::from_raw_os_error(number).to_string(),
    }
}

fn table(features: &Features, deep: bool) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    let mut head = vec!["flag", "known", "permitted", "works", "can be emulated"];
    head.extend(deep.then_some("seen in a child"));
    table.set_header(head);
    for (name, flag) in FLAGS {
        let yes = |set: u64| if set & flag != 0 { "yes" } else { "-" };
        let mut row = vec![
            *name,
            yes(features.known),
            yes(features.permitted),
            yes(features.carried),
            yes(features.emulable),
        ];
        row.extend(deep.then(|| {
            if features.ignored & flag != 0 { "no effect" } else { yes(features.verified) }
        }));
        table.add_row(row);
    }
    table
}

/// Keys are those of struct clone3_features; flags by name.
fn in_json(features: &Features, deep: bool) -> Value {
    let names = |set: u64| {
        FLAGS.iter().filter(|(_, flag)| set & flag != 0).map(|(name, _)| *name).collect::<Vec<_>>()
    };
    let mut object = json!({
        "obstacle": features.obstacle,
        "set_tid": features.set_tid,
        "args_size": features.args_size,
        "thread_pidfd": features.thread_pidfd != 0,
        "inconclusive": features.inconclusive != 0,
        "kept_away": features.kept_away != 0,
        "known": names(features.known),
        "permitted": names(features.permitted),
        "carried": names(features.carried),
        "emulable": names(features.emulable),
    });
    if deep {
        object["verified"] = json!(names(features.verified));
        object["ignored"] = json!(names(features.ignored));
    }
    object
}
