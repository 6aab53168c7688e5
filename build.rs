// SPDX-License-Identifier: MIT OR Apache-2.0
//! Links the shared library as DESIGN.md wants it and generates its header
//! into OUT_DIR; nothing is written into the source tree.

use std::path::{Path, PathBuf};
use std::{env, fs};

#[path = "src/uapi/clone_flags.rs"]
mod clone_flags;
#[path = "src/uapi/flags.rs"]
mod flags;

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"));
    link(&root);
    let header = header(&root);
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo")).join("clone3.h");
    fs::write(&out, header).expect("OUT_DIR is writable");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=cbindgen.toml");
    println!("cargo:rerun-if-changed=src");
}

fn link(root: &Path) {
    let map =
        |name: &str| format!("-Wl,--version-script={}", root.join("src/abi").join(name).display());
    let arguments = [
        // lld merges these scripts with the one rustc writes; ld.bfd takes one.
        "-fuse-ld=lld".into(),
        map("libc-names.map"),
        map("clone3-names.map"),
        // After LIBCLONE3_0.1: glibc takes an object's first version for
        // references that name none.
        map(&format!(
            "glibc-names-{}.map",
            env::var("CARGO_CFG_TARGET_ARCH").expect("set by cargo")
        )),
        "-nostartfiles".into(),
        "-Wl,-soname,libclone3.so.0".into(),
        "-Wl,-z,defs,-z,nodelete,-z,now,-z,relro".into(),
        "-Wl,--hash-style=gnu".into(),
        "-Wl,--no-rosegment".into(),
        // Nothing unwinds: panics abort.
        "-Wl,--defsym=rust_eh_personality=0".into(),
    ];
    for argument in arguments {
        println!("cargo:rustc-cdylib-link-arg={argument}");
    }
    if env::var("CARGO_CFG_TARGET_ARCH").as_deref() == Ok("x86_64") {
        // Without the mark, one such library turns shadow stacks off for all.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,shstk");
    }
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
        "abi/spawn_set_h.rs",
        "abi/spawn_run.rs",
        "spawn/stage.rs",
        "abi/thread_h.rs",
        "abi/version.rs",
    ] {
        builder = builder.with_src(root.join("src").join(source));
    }
    let mut text = Vec::new();
    builder.generate().expect("the declarations are C").write(&mut text);
    String::from_utf8(text).expect("cbindgen writes UTF-8")
}

/// The version, which Cargo.toml alone says.
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
    for flag in flags::OTHERS.iter().chain(flags::FLAGS) {
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
