// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs programs with `clone3 run -o`. CLONE3_LIBRARY names the library that is tested.

#![allow(dead_code, reason = "each test takes what it needs")]

use assert_cmd::Command;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The library.
pub fn library() -> PathBuf {
    let named = std::env::var_os("CLONE3_LIBRARY").map(PathBuf::from);
    let built = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../build/libclone3.so.0");
    std::path::absolute(named.unwrap_or_else(built)).unwrap()
}

/// A directory for a trace.
pub struct Place(pub tempfile::TempDir);

impl Place {
    pub fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    pub fn trace(&self) -> PathBuf {
        self.0.path().join("trace")
    }

    pub fn run(&self, words: &[&str]) -> Command {
        let mut command = assert_cmd::cargo::cargo_bin_cmd!("clone3");
        command.env_remove("LD_PRELOAD").env_remove("TRACEPARENT").timeout(Duration::from_secs(60));
        command.arg("--library").arg(library()).args(["run", "-o"]).arg(self.trace()).args(words);
        command
    }

    pub fn report(&self, format: &str) -> String {
        let mut command = assert_cmd::cargo::cargo_bin_cmd!("clone3");
        let outcome = command.args(["report", "--format", format]).arg(self.trace()).assert();
        String::from_utf8(outcome.success().get_output().stdout.clone()).unwrap()
    }
}
