// SPDX-License-Identifier: MIT OR Apache-2.0
//! Links the shared library as DESIGN.md wants it and generates its header
//! into OUT_DIR; nothing is written into the source tree.

use std::path::{Path, PathBuf};
use std::{env, fs};

// The table of flags reads versions with it, and nothing else.
#[allow(dead_code)]
#[path = "src/base/mod.rs"]
mod base;
#[path = "src/uapi/clone_flags.rs"]
mod clone_flags;
#[path = "src/uapi/flags.rs"]
mod flags;

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo"));
    link(&root);
    fs::write(out.join("link-api"), link_api(&root)).expect("OUT_DIR is writable");
    fs::write(out.join("clone3.h"), header(&root)).expect("OUT_DIR is writable");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=cbindgen.toml");
    println!("cargo:rerun-if-changed=src");
}

fn architecture() -> String {
    env::var("CARGO_CFG_TARGET_ARCH").expect("set by cargo")
}

/// Options of lld for both shared libraries.
fn options() -> Vec<&'static str> {
    let mut options = vec![
        "-z,defs,-z,nodelete,-z,now,-z,relro",
        "--hash-style=gnu",
        "--no-rosegment",
        // Each segment begins a page, so that what is written while loading (relocations;
        // data) is in as few pages as can be: each costs a page fault.
        "-z,separate-loadable-segments",
        // Nothing unwinds: panics abort.
        "--defsym=rust_eh_personality=0",
    ];
    if architecture() == "x86_64" {
        // Without the mark, one such library turns shadow stacks off for all.
        options.push("-z,shstk");
    }
    options
}

fn version_script(root: &Path, name: &str) -> String {
    format!("--version-script={}", root.join("src/abi").join(name).display())
}

/// Tells rustc how to link libclone3.so.
fn link(root: &Path) {
    let scripts = [
        // lld merges these with the one that rustc writes; ld.bfd accepts only one.
        version_script(root, "libc-names.map"),
        version_script(root, "clone3-names.map"),
        // After LIBCLONE3_0.1: glibc takes an object's first version for
        // references that name none.
        version_script(root, &format!("glibc-names-{}.map", architecture())),
    ];
    println!("cargo:rustc-cdylib-link-arg=-fuse-ld=lld");
    println!("cargo:rustc-cdylib-link-arg=-nostartfiles");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libclone3.so.0");
    for argument in scripts.iter().map(String::as_str).chain(options()) {
        println!("cargo:rustc-cdylib-link-arg=-Wl,{argument}");
    }
}

/// The options with which tools/package links libclone3-api.so from the same objects,
/// including those that rustc itself passes.
fn link_api(root: &Path) -> String {
    let rustcs = "-shared,--gc-sections,--eh-frame-hdr,-z,noexecstack,-O1";
    let all = [&[rustcs, "-soname,libclone3-api.so.0"], &*options()].concat().join(",");
    let script = version_script(root, "clone3-names.map");
    all.split(',').chain([&*script]).map(|word| format!("\"{word}\"\n")).collect()
}

/// The public header, from the declarations in src/abi and the kernel's
/// interface in src/uapi.
fn header(root: &Path) -> String {
    let file = root.join("cbindgen.toml");
    let mut config = cbindgen::Config::from_file(file).expect("cbindgen.toml");
    let by_hand = config.after_includes.take().unwrap_or_default();
    config.after_includes = Some(version() + &by_hand + &flags());
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in [
        "uapi/wire.rs",
        "abi/clone.rs",
        "abi/contract.rs",
        "abi/explain.rs",
        "abi/pthread.rs",
        "abi/spawn_plan.rs",
        "abi/spawn_set_birth_h.rs",
        "abi/spawn_set_privileges_h.rs",
        "abi/spawn_set_process_h.rs",
        "abi/spawn_set_files_h.rs",
        "abi/spawn_run.rs",
        "abi/spawn_check.rs",
        "abi/wait.rs",
        "spawn/stage.rs",
        "spawn/elements.rs",
        "abi/thread_h.rs",
        "abi/version.rs",
    ] {
        builder = builder.with_src(root.join("src").join(source));
    }
    let mut text = Vec::new();
    builder.generate().expect("the declarations are C").write(&mut text);
    c89(&nothrow(&String::from_utf8(text).expect("cbindgen writes UTF-8")))
}

/// Functions that run a function of the caller's, which may throw, on the caller's stack.
const MAY_THROW: [&str; 3] = ["clone3_call", "clone3_call_emulating", "clone3_spawn"];

/// Adds CLONE3_NOTHROW to the other functions: cbindgen has no annotation that adds something
/// after the parameters of a function in an extern block.
fn nothrow(header: &str) -> String {
    let with = |part: &str| {
        let declaration = &part[part.rfind("\nextern ")?..];
        let name = declaration.split('(').next()?.rsplit([' ', '*']).next()?;
        let marked = declaration.contains("CLONE3_NOTHROW") || MAY_THROW.contains(&name);
        let (head, tail) = part.split_at(part.rfind(')')? + 1);
        (name.starts_with("clone3") && !marked).then(|| format!("{head} CLONE3_NOTHROW{tail}"))
    };
    header.split_inclusive(';').map(|part| with(part).unwrap_or_else(|| part.to_owned())).collect()
}

/// With comments as in C89.
fn c89(header: &str) -> String {
    header
        .replace("// __cplusplus", "/* __cplusplus */")
        .replace("// extern \"C\"", "/* extern \"C\" */")
}

/// The version, from Cargo.toml.
fn version() -> String {
    let of = |variable: &str| env::var(variable).expect("set by cargo");
    let mut text =
        String::from("/* The version of this header; clone3_version() tells the library's. */\n");
    for part in ["MAJOR", "MINOR", "PATCH"] {
        let number = of(&format!("CARGO_PKG_VERSION_{part}"));
        text += &format!("#define CLONE3_VERSION_{part} {number}\n");
    }
    text + &format!("#define CLONE3_VERSION \"{}\"\n\n", of("CARGO_PKG_VERSION"))
}

/// The flags: in hexadecimal and with guards, as <linux/sched.h> and <sched.h> may have
/// defined them, so that any order of inclusion compiles without a warning.
fn flags() -> String {
    let mut text = String::new();
    let mut flags: Vec<_> = flags::OTHERS.iter().chain(flags::FLAGS).collect();
    flags.sort_by_key(|flag| flag.bit.bits());
    for flag in flags {
        let mut comment: Vec<String> = flag.doc.lines().map(|line| format!(" *{line}\n")).collect();
        if !flag.linux.is_empty() {
            comment.push(format!(" * Linux {}.\n", flag.linux));
        }
        let value = match flag.bit.bits() {
            bit @ 0..=0xffff_ffff => format!("{bit:#010x}"),
            bit => format!("{bit:#x}ULL"),
        };
        let (name, comment) = (flag.name, comment.concat());
        text += &format!("\n/**\n{comment} */\n#ifndef {name}\n#define {name} {value}\n#endif\n");
    }
    text
}
