// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is installed beside the command: completions and manual pages, from the command line's
//! own description.

use crate::args::Args;
use crate::pipes;
use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_complete::Shell;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

/// To standard output.
pub fn completions(shell: Shell) -> Result<ExitCode> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "clone3", &mut text);
    pipes::put(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// clone3.1 and a page for each subcommand.
pub fn manual_pages(directory: &Path) -> Result<ExitCode> {
    let named = || directory.display().to_string();
    fs::create_dir_all(directory).with_context(named)?;
    clap_mangen::generate_to(Args::command().disable_help_subcommand(true), directory)
        .with_context(named)?;
    Ok(ExitCode::SUCCESS)
}
