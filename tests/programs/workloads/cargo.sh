#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# cargo.sh CARGO: a crate whose build script starts programs, built and run.
set -u
cargo=$1
export CARGO_HOME=$PWD/home
mkdir -p crate/src
cat > crate/Cargo.toml <<'END'
[package]
name = "tiny"
version = "0.0.0"
edition = "2021"
END
cat > crate/build.rs <<'END'
use std::process::Command;
fn main() {
    let said = Command::new("echo").arg("by posix_spawn").output().expect("echo runs").stdout;
    let moved = Command::new("pwd").current_dir("/usr").output().expect("pwd runs").stdout;
    let missing = Command::new("/nowhere").status().expect_err("there is none").kind();
    let text = format!("{}{}{missing:?}", String::from_utf8_lossy(&said), String::from_utf8_lossy(&moved));
    println!("cargo:rustc-env=SAID={}", text.replace('\n', ", "));
}
END
echo 'fn main() { println!("{}", env!("SAID")); }' > crate/src/main.rs
cd crate || exit 1
"$cargo" build --quiet --offline || exit 1
target/debug/tiny
