// SPDX-License-Identifier: MIT OR Apache-2.0
//! `clone3 report`.

mod copies;
mod critical_path;
mod findings;
mod folded;
mod html;
mod jsonl;
mod otlp;
mod perfetto;
mod perfetto_messages;
mod place;
mod repeated;
mod spans;
mod summary;
mod text;
mod tree;

pub use tree::{deepest, status};

use crate::args::{Format, Report};
use crate::model::{Builder, Run};
use crate::trace::{ReadAt, Reader, Record};
use anstyle::{AnsiColor, Style};
use anyhow::{Context, Result, anyhow, bail};
use std::fs::File;
use std::io::{BufWriter, ErrorKind, IsTerminal, Write};
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::process::ExitCode;
use terminal_size::terminal_size_of;

/// What is secondary,
pub const DIM: Style = Style::new().dimmed();
/// what went wrong,
pub const BAD: Style = AnsiColor::Red.on_default();
/// and heads of tables and lists.
pub const HEAD: Style = Style::new().bold();

/// Writes a report to standard output.
pub fn run(report: &Report) -> Result<ExitCode> {
    let reader = open(&report.file)?;
    let written = match report.format {
        Format::Perfetto if std::io::stdout().is_terminal() => {
            bail!("Perfetto's format is not for a terminal; write it to a file")
        }
        // No colours but on a terminal.
        Format::Tree | Format::Text | Format::Summary | Format::CriticalPath | Format::Findings => {
            let out = anstream::stdout().lock();
            write_to(out, report, width(report.wide), reader)
        }
        _ => write_to(std::io::stdout().lock(), report, None, reader),
    };
    match written {
        // Where SIGPIPE is ignored: the reader has seen enough.
        Err(error) if is_closed(&error) => Ok(ExitCode::SUCCESS),
        other => other.map(|()| ExitCode::SUCCESS),
    }
}

/// A trace. What comes through a pipe is kept in memory: a trace is read at any place.
pub fn open(file: &Path) -> Result<Reader<File>> {
    let named = || file.display().to_string();
    let mut opened = match file == Path::new("-") {
        true => std::io::stdin().as_fd().try_clone_to_owned().map(File::from),
        false => File::open(file),
    }
    .with_context(named)?;
    let kind = opened.metadata().with_context(named)?.file_type();
    if kind.is_fifo() || kind.is_socket() {
        let mut kept = in_memory().context("no memory for a trace")?;
        std::io::copy(&mut opened, &mut kept).with_context(named)?;
        opened = kept;
    }
    Reader::new(opened).map_err(|why| anyhow!("{}: {why}", named()))
}

/// A file without a name.
fn in_memory() -> std::io::Result<File> {
    // SAFETY: a string that outlives the call.
    match unsafe { libc::memfd_create(c"trace".as_ptr(), libc::MFD_CLOEXEC) } {
        -1 => Err(std::io::Error::last_os_error()),
        // SAFETY: a new descriptor, owned here alone.
        fd => Ok(unsafe { OwnedFd::from_raw_fd(fd) }.into()),
    }
}

/// The terminal's, if it is one, and lines are not to be longer.
pub fn width(is_wide: bool) -> Option<usize> {
    let size = terminal_size_of(std::io::stdout()).filter(|_| !is_wide);
    size.map(|(columns, _)| columns.0.into())
}

fn write_to(
    out: impl Write,
    report: &Report,
    width: Option<usize>,
    reader: Reader<File>,
) -> Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, out);
    write(report.format, width, &report.debug_directory, reader, &mut out)?;
    Ok(out.flush()?)
}

/// Whether the reader of the output has gone away.
pub fn is_closed(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

fn write(
    format: Format,
    width: Option<usize>,
    debug_files: &Path,
    reader: Reader<impl ReadAt>,
    out: &mut impl Write,
) -> Result<()> {
    let whole = |reader| whole(reader, debug_files);
    match format {
        Format::Tree => tree::write(&whole(reader), width, out),
        Format::Summary => summary::write(&whole(reader), out),
        Format::CriticalPath => critical_path::write(&whole(reader), width, out),
        Format::Findings => {
            let run = whole(reader);
            findings::write(&run, out)?;
            blind_spots(&run, out)
        }
        Format::Folded => folded::write(&whole(reader), folded::Weight::Time, out),
        Format::FoldedCount => folded::write(&whole(reader), folded::Weight::Count, out),
        Format::Perfetto => perfetto::write(&whole(reader), out),
        Format::Otlp => otlp::write(&whole(reader), out),
        Format::Html => html::write(&whole(reader), out),
        Format::Text => {
            let start = reader.header.monotonic_start;
            let run = each(reader, debug_files, |record, builder| {
                builder.add(record);
                text::record(record, builder.run(), start, out)
            })?;
            writeln!(out)?;
            blind_spots(&run, out)
        }
        Format::Jsonl => {
            jsonl::begin(&reader.header, out)?;
            let run =
                each(reader, debug_files, |record, builder| jsonl::record(record, builder, out))?;
            jsonl::end_of(&run, out)
        }
    }
}

/// Everything that happened; with files of debug information in that directory.
pub fn whole(reader: Reader<impl ReadAt>, debug_files: &Path) -> Run {
    let Ok(run) = each(reader, debug_files, |record, builder| {
        builder.add(record);
        Ok::<_, std::convert::Infallible>(())
    });
    run
}

/// Passes each record to a function, which adds it to the run.
fn each<E>(
    mut reader: Reader<impl ReadAt>,
    debug_files: &Path,
    mut show: impl FnMut(&Record, &mut Builder) -> Result<(), E>,
) -> Result<Run, E> {
    let mut builder = Builder::new(&reader.header, debug_files);
    while let Some(record) = reader.next() {
        show(&record, &mut builder)?;
    }
    Ok(builder.finish(reader.damaged))
}

/// What could not be seen.
fn blind_spots(run: &Run, out: &mut impl Write) -> Result<()> {
    let mut spots = run.blind.spots().peekable();
    if spots.peek().is_none() {
        writeln!(out, "{DIM}Nothing was out of sight.{DIM:#}")?;
        return Ok(());
    }
    writeln!(out, "{HEAD}Out of sight:{HEAD:#}")?;
    for (reason, count) in spots {
        writeln!(out, "{count:>7} {reason}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::sample;
    use clap::ValueEnum;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(cases()))]
        #[test]
        fn no_format_fails_on_a_trace_that_was_changed_anywhere(
            words in prop::collection::vec((any::<prop::sample::Index>(), word()), 1..30),
            bytes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..30),
        ) {
            let mut trace = seed();
            for (place, word) in words {
                let at = 24 + 8 * place.index((trace.len() - 24) / 8);
                trace[at..at + 8].copy_from_slice(&word.to_ne_bytes());
            }
            for (place, byte) in bytes {
                let at = place.index(trace.len() - 24);
                trace[24 + at] = byte;
            }
            for format in Format::value_variants() {
                let Ok(reader) = Reader::new(&trace[..]) else { break };
                let debug_files = Path::new("/nowhere");
                let out = &mut std::io::sink();
                prop_assert!(write(*format, Some(80), debug_files, reader, out).is_ok());
            }
        }
    }

    /// More where PROPTEST_CASES says so (fuzz/traces).
    fn cases() -> u32 {
        std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(100)
    }

    /// What is changed: a trace with one of everything, or the one in this file (fuzz/traces).
    fn seed() -> Vec<u8> {
        match std::env::var_os("CLONE3_FUZZ_SEED") {
            Some(file) => std::fs::read(file).unwrap(),
            None => sample().bytes(),
        }
    }

    /// Numbers that a trace has, and those at the ends.
    fn word() -> impl Strategy<Value = u64> {
        prop_oneof![0..30u64, any::<u64>(), Just(u64::MAX), (0..4u64).prop_map(|n| n << 62)]
    }
}
