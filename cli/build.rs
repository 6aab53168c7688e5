// SPDX-License-Identifier: MIT OR Apache-2.0
//! The names of the flags, from the header, which has them from the library's table.

use std::{env, fmt::Write, fs, path::PathBuf};

fn main() {
    let header = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"))
        .join("../include/clone3.h");
    println!("cargo::rerun-if-changed={}", header.display());
    let text = fs::read_to_string(&header).expect("include/clone3.h is committed");
    let mut table = String::from("pub const FLAGS: &[(&str, u64)] = &[\n");
    let mut many = 0;
    for (name, value) in text.lines().filter_map(flag) {
        writeln!(table, "    (\"{name}\", {value:#x}),").expect("a string grows");
        many += 1;
    }
    assert!(many >= 20, "include/clone3.h has the flags as #define CLONE_X 0x…");
    table.push_str("];\n");
    let to = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo")).join("flags.rs");
    fs::write(to, table).expect("cargo's own directory is writable");
}

/// `#define CLONE_VM 0x00000100`, with or without spaces after the #, and a suffix.
fn flag(line: &str) -> Option<(&str, u64)> {
    let mut words = line.trim_start().strip_prefix('#')?.split_whitespace();
    if words.next()? != "define" {
        return None;
    }
    let (name, value) = (words.next()?, words.next()?);
    let digits = value.strip_prefix("0x")?.trim_end_matches(['u', 'U', 'l', 'L']);
    let is_flag = name.starts_with("CLONE_") && !name.contains('(') && !name.ends_with("VER0");
    is_flag.then(|| u64::from_str_radix(digits, 16).ok()).flatten().map(|value| (name, value))
}
