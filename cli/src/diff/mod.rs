// SPDX-License-Identifier: MIT OR Apache-2.0
//! `clone3 diff`: two traces of the same thing.

mod align;
mod compare;
mod comparison;
mod figures;
mod form;
mod json;
mod nodes;
mod page;
mod siblings;
mod text;
mod volatile;

use crate::args::{DEBUG_DIRECTORY, Diff, DiffFormat};
use crate::report;
use anyhow::Result;
use comparison::{Comparison, Limits};
use std::io::{BufWriter, Write};
use std::process::ExitCode;

/// Compares two files.
pub fn run(diff: &Diff) -> Result<ExitCode> {
    let read =
        |file| Ok::<_, anyhow::Error>(report::whole(report::open(file)?, DEBUG_DIRECTORY.as_ref()));
    let runs = [read(&diff.a)?, read(&diff.b)?];
    let threshold_ns = diff.threshold.saturating_mul(1_000_000);
    let limits =
        Limits { top: diff.top, threshold_ns, is_exact: diff.exact, ignored: &diff.ignore };
    let comparison = Comparison::of([&runs[0], &runs[1]], limits);
    let files = [&diff.a, &diff.b].map(|file| file.as_path());
    let written = match diff.format {
        // No colours but on a terminal.
        DiffFormat::Text => buffered(anstream::stdout().lock(), |out| {
            text::write(&comparison, files, report::width(diff.wide), out)
        }),
        DiffFormat::Json => {
            buffered(std::io::stdout().lock(), |out| json::write(&comparison, files, out))
        }
    };
    match written {
        // Where SIGPIPE is ignored: the reader has seen enough.
        Err(error) if !report::is_closed(&error) => Err(error),
        _ => Ok(ExitCode::from(u8::from(comparison.is_different()))),
    }
}

fn buffered<Out: Write>(
    out: Out,
    write: impl FnOnce(&mut BufWriter<Out>) -> Result<()>,
) -> Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, out);
    write(&mut out)?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests;
