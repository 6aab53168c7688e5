// SPDX-License-Identifier: MIT OR Apache-2.0
//! `clone3 explain`.

use crate::args::{Args, Explain};
use crate::library::Library;
use crate::notation::Request;
use crate::pipes;
use anyhow::{Result, bail};
use std::process::ExitCode;

/// The largest struct that the kernel takes is a page.
const LARGEST: usize = 4096;

/// Explains a request.
pub fn run(args: &Args, explain: &Explain) -> Result<ExitCode> {
    let request = Request::parse(&explain.request.join(" "))?;
    let size = explain.size.unwrap_or(request.size);
    if size > LARGEST {
        bail!("--size {size}: the kernel takes no struct larger than a page");
    }
    let mut words = [0; LARGEST / 8];
    words[..request.args.len()].copy_from_slice(&request.args);
    let text = Library::open(args.library.as_deref())?.explain(&mut words, size)?;
    if text.is_empty() {
        pipes::put(b"nothing is wrong with it\n")?;
        return Ok(ExitCode::SUCCESS);
    }
    pipes::put(format!("{text}\n").as_bytes())?;
    Ok(ExitCode::from(1))
}
