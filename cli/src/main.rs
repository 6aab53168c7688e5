// SPDX-License-Identifier: MIT OR Apache-2.0
//! The clone3 command.

mod args;
mod critical;
mod diff;
mod elf;
mod explain;
mod library;
mod model;
mod notation;
mod pipes;
mod probe;
mod program;
mod record;
mod report;
mod run;
mod shipped;
mod symbols;
mod trace;
mod words;

#[cfg(test)]
#[path = "../tests/sample/mod.rs"]
mod sample;
#[cfg(test)]
#[path = "../tests/writer/mod.rs"]
mod writer;

use anyhow::{Context, Result};
use args::{Args, Command};
use clap::Parser;
use std::io::Write;
use std::process::ExitCode;

/// The command itself failed, as env(1) and timeout(1) say it.
const FAILED: u8 = 125;

/// A line on standard error, if it can be written: a terminal may have been hung up.
fn say(text: &str) {
    _ = writeln!(std::io::stderr(), "clone3: {}", words::message(text));
}

fn main() -> ExitCode {
    pipes::as_given();
    let args = Args::try_parse().unwrap_or_else(|error| {
        // Help and version go to standard output and are no failure.
        let is_told = if error.use_stderr() { Ok(()) } else { pipes::check_output() };
        let is_told = pipes::seen(is_told.and_then(|()| error.print()));
        let status = if error.use_stderr() || is_told.is_err() { FAILED } else { 0 };
        std::process::exit(status.into())
    });
    outcome(&args).unwrap_or_else(|error| {
        say(&format!("{error:#}"));
        ExitCode::from(FAILED)
    })
}

fn outcome(args: &Args) -> Result<ExitCode> {
    if !matches!(args.command, Command::Run(_) | Command::Man { .. }) {
        pipes::check_output().context("standard output")?;
    }
    match &args.command {
        Command::Run(run) => run::run(args, run),
        Command::Report(report) => report::run(report),
        Command::Diff(diff) => diff::run(diff),
        Command::Probe(probe) => probe::run(args, probe),
        Command::Explain(explain) => explain::run(args, explain),
        Command::Completions { shell } => shipped::completions(*shell),
        Command::Man { directory } => shipped::manual_pages(directory),
    }
}
