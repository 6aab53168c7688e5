// SPDX-License-Identifier: MIT OR Apache-2.0
//! A comparison as JSON. Keys are described in docs/TRACE-FORMAT.md and keep their meaning.

use super::compare::Difference;
use super::comparison::{Comparison, command};
use super::figures::{Change, Changes, Figures};
use super::nodes::{Item, Node, sizes};
use super::volatile::home;
use crate::words;
use anyhow::Result;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;

/// Of the keys.
const VERSION: u32 = 1;

/// Writes the object, a node a line.
pub fn write(comparison: &Comparison, files: [&Path; 2], out: &mut impl Write) -> Result<()> {
    let sides = [0, 1].map(|side| totals(comparison, side, files[side]));
    let first = comparison.first().map(|(node, first)| {
        let mut value = difference(comparison, first);
        value["node"] = json!(node);
        value
    });
    write!(out, "{{\"type\":\"diff\",\"version\":{VERSION},")?;
    write!(out, "\"different\":{},", comparison.is_different())?;
    let [a, b] = sides.each_ref().map(words::json);
    writeln!(out, "\"a\":{a},\n\"b\":{b},\n\"first\":{},", words::json(&json!(first)))?;
    writeln!(out, "\"nodes\":[")?;
    let sizes = comparison.runs.map(sizes);
    for (place, one) in comparison.nodes.iter().enumerate() {
        let comma = if place + 1 == comparison.nodes.len() { "" } else { "," };
        let below = comparison.below(&sizes, one.item);
        writeln!(out, "{}{comma}", words::json(&node(comparison, one, below)))?;
    }
    let Comparison { programs, processes, runs, .. } = comparison;
    let by_name = |program: &String| json!({"program": program});
    let by_place = |(a, b): &(usize, usize)| json!({"command": command(runs[0], *a), "process_a": a, "process_b": b});
    writeln!(out, "],\n\"programs\":{},", words::json(&changes(programs, by_name)))?;
    writeln!(out, "\"processes\":{}}}", words::json(&changes(processes, by_place)))?;
    Ok(())
}

fn totals(comparison: &Comparison, side: usize, file: &Path) -> Value {
    let totals = &comparison.totals[side];
    let run = comparison.runs[side];
    let spots = run.blind.spots();
    let spots: Vec<Value> =
        spots.map(|(reason, count)| json!({"reason": reason, "count": count})).collect();
    json!({
        "file": file.to_string_lossy(),
        "directory": String::from_utf8_lossy(home(run)),
        "processes": totals.processes,
        "failed": totals.failed,
        "failed_calls": totals.refused,
        "wall_ns": totals.wall_ns,
        "cpu_ns": totals.cpu_ns,
        "blind_spots": spots,
    })
}

fn difference(comparison: &Comparison, difference: &Difference) -> Value {
    json!({
        "kind": difference.kind.name(),
        "at_ns": comparison.since_begin(difference.at_ns),
        "a": difference.sides[0],
        "b": difference.sides[1],
    })
}

fn node(comparison: &Comparison, node: &Node, below: usize) -> Value {
    let (mark, places) = match node.item {
        Item::Pair(a, b) if node.differences.is_empty() => (" ", [Some(a), Some(b)]),
        Item::Pair(a, b) => ("~", [Some(a), Some(b)]),
        Item::Only(0, a) => ("-", [Some(a), None]),
        Item::Only(_, b) => ("+", [None, Some(b)]),
        Item::Failed(0, _) => ("-", [None, None]),
        Item::Failed(..) => ("+", [None, None]),
        Item::Same(_) => ("=", [None, None]),
    };
    let [a, b] = [0, 1].map(|side| places[side].map(|place| comparison.command(side, place)));
    let differences = node.differences.iter().map(|one| difference(comparison, one));
    json!({
        "parent": node.parent,
        "mark": mark,
        "process_a": places[0],
        "process_b": places[1],
        "command_a": a,
        "command_b": b,
        "folded": below,
        "differences": differences.collect::<Vec<_>>(),
    })
}

fn changes<What>(changes: &Changes<What>, what: impl Fn(&What) -> Value) -> Value {
    let list = |changes: &[Change<What>]| -> Vec<Value> {
        let value = |change: &Change<What>| {
            let mut value = what(&change.what);
            value["a"] = figures(&change.sides[0]);
            value["b"] = figures(&change.sides[1]);
            value
        };
        changes.iter().map(value).collect()
    };
    json!({"slower": list(&changes.slower), "faster": list(&changes.faster)})
}

fn figures(figures: &Figures) -> Value {
    json!({
        "count": figures.count,
        "wall_ns": figures.wall_ns,
        "cpu_ns": figures.cpu_ns,
        "max_resident": figures.max_resident,
    })
}
