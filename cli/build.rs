// SPDX-License-Identifier: MIT OR Apache-2.0
//! The names of the flags, and struct clone3_features, from the header, which has them from
//! the library.

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
    let to = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo"));
    fs::write(to.join("flags.rs"), table).expect("cargo's own directory is writable");
    fs::write(to.join("features.rs"), features(&text)).expect("cargo's own directory is writable");
}

/// The struct as Rust has it.
fn features(header: &str) -> String {
    let (_, body) = header.split_once("struct clone3_features {").expect("the header has it");
    let (body, _) = body.split_once("};").expect("a struct ends");
    let mut rust = String::from(
        "/// struct clone3_features (clone3.h).\n#[repr(C)]\n#[derive(Default)]\npub struct Features {\n",
    );
    for line in body.lines().map(str::trim).filter(|line| line.ends_with(';')) {
        let (kind, name) = line.trim_end_matches(';').split_once(' ').expect("a field");
        let kind = match kind {
            "uint32_t" => "u32",
            "int32_t" => "i32",
            "uint64_t" => "u64",
            other => panic!("struct clone3_features has a field of type {other}"),
        };
        writeln!(rust, "    pub {name}: {kind},").expect("a string grows");
    }
    rust + "}\n"
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
