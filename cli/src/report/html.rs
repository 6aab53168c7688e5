// SPDX-License-Identifier: MIT OR Apache-2.0
//! One page that shows a run: lanes, tree, table, search. It loads nothing from anywhere.

use super::tree::status;
use super::{findings, place};
use crate::critical::Critical;
use crate::model::{End, Run};
use crate::words::{self, shell};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};

const PAGE: &str = include_str!("page.html");
/// Longer command lines are cut: a page is for looking.
const LONGEST: usize = 2000;

/// Writes the page.
pub fn write(run: &Run, out: &mut impl Write) -> Result<()> {
    let nonce = nonce()?;
    let title = title(run);
    let (before, after) = PAGE.split_once("@DATA@").context("the page has a place for data")?;
    let filled = |text: &str| text.replace("@NONCE@", &nonce).replace("@TITLE@", &escaped(&title));
    out.write_all(filled(before).as_bytes())?;
    data(run, &title, out)?;
    Ok(out.write_all(filled(after).as_bytes())?)
}

/// What the page's own scripts have, and nothing that gets into it otherwise.
fn nonce() -> Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn title(run: &Run) -> String {
    let root = run.roots().next().map(|place| &run.processes[place]);
    let mut title = root.and_then(|root| root.words()).map_or_else(|| "clone3".into(), shell);
    cut(&mut title, 120);
    title
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn cut(text: &mut String, longest: usize) {
    if text.len() > longest {
        let place = (0..=longest).rev().find(|place| text.is_char_boundary(*place));
        text.truncate(place.unwrap_or(0));
        text.push('…');
    }
}

/// Each text once; its number.
#[derive(Default)]
struct Texts {
    numbers: HashMap<String, usize>,
    texts: Vec<String>,
}

impl Texts {
    fn number(&mut self, text: String) -> usize {
        *self.numbers.entry(text).or_insert_with_key(|text| {
            self.texts.push(text.clone());
            self.texts.len() - 1
        })
    }
}

/// Those that rows have numbers of.
#[derive(Default)]
struct Columns {
    programs: Texts,
    commands: Texts,
    callers: Texts,
}

fn data(run: &Run, title: &str, out: &mut impl Write) -> Result<()> {
    let begin = run.processes.iter().map(|process| process.begun_ns).min().unwrap_or(0);
    let until = run.processes.iter().map(|process| run.until(process)).max().unwrap_or(0);
    let mut texts = Columns::default();
    write!(out, "{{\"processes\":[")?;
    for place in 0..run.processes.len() {
        let row = row(run, place, begin, &mut texts);
        let comma = if place == 0 { "" } else { ",\n" };
        write!(out, "{comma}{}", in_page(&row))?;
    }
    let path = critical_path(run, begin);
    let findings: Vec<String> = findings::all(run).into_iter().map(|one| one.text).collect();
    let blind: Vec<Value> = run.blind.spots().map(|(why, count)| json!([why, count])).collect();
    for (name, value) in [
        ("title", json!(title)),
        ("span", json!(until.saturating_sub(begin) / 1_000)),
        ("programs", json!(texts.programs.texts)),
        ("commands", json!(texts.commands.texts)),
        ("callers", json!(texts.callers.texts)),
        ("findings", json!(findings)),
        ("blind", json!(blind)),
        ("path", json!(path)),
    ] {
        write!(
            out,
            "{}\"{name}\":{}",
            if name == "title" { "],\n" } else { ",\n" },
            in_page(&value)
        )?;
    }
    Ok(write!(out, "}}")?)
}

/// The links of the critical path that can be seen: process, begin and end in µs.
fn critical_path(run: &Run, begin: u64) -> Vec<(usize, u64, u64)> {
    let us = |ns: u64| ns.saturating_sub(begin) / 1_000;
    let chain = Critical::of(run).map_or_else(Vec::new, |critical| critical.chain);
    let links = chain.iter().map(|link| (link.process, us(link.from_ns), us(link.to_ns)));
    links.filter(|(_, from, to)| from < to).collect()
}

/// JSON in which nothing ends the element that it is in.
fn in_page(value: &Value) -> String {
    words::json(value).replace('<', "\\u003c")
}

/// The columns that the page's script names. Times are in µs, memory is in KiB; -1 is unknown.
fn row(run: &Run, place: usize, begin: u64, texts: &mut Columns) -> Value {
    let process = &run.processes[place];
    let us = |ns: u64| ns.saturating_sub(begin) / 1_000;
    let program = words::message(&run.program(place));
    let parts = process.parts(run.until(process));
    let mut command = Vec::new();
    for part in &parts {
        command.push(match part.path {
            None => format!("({program})"),
            Some(path) if part.argv.is_empty() => shell(&[path]),
            Some(_) => shell(part.argv),
        });
    }
    let mut command = command.join(" ⇒ ");
    cut(&mut command, LONGEST);
    let creation = process.creation.map(|creation| &run.creations[creation]);
    let call = creation.and_then(|creation| creation.call);
    let caller = creation.and_then(|creation| place::of_creation(run, creation));
    json!([
        process.pid,
        process.parent.map_or(-1, |parent| parent as i64),
        us(process.begun_ns),
        us(run.until(process)),
        status(process),
        u8::from(!matches!(process.end, End::Exited(0 | -1) | End::Unknown | End::Alive)),
        run.cpu(process).map_or(-1, |cpu| (cpu / 1_000) as i64),
        process.max_resident().map_or(-1, |most| (most / 1024) as i64),
        texts.programs.number(program),
        texts.commands.number(command),
        call.map_or("?", |call| call.name()),
        process.threads,
        caller.map_or(-1, |caller| texts.callers.number(caller) as i64),
    ])
}
